/*
 * print.c - a block as text, one operation a line:
 *
 *     insn 0 at +0
 *     v1 = get i64 [520]
 *     v2 = const i64 0x10
 *     v3 = add i64 v1, v2
 *     set i64 [528], v3
 */
#include "ir/ir.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
    char *buf;
    size_t size, len; /* len counts what did not fit, too */
};

static void put(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->len < t->size ? t->buf + t->len : NULL,
                  t->len < t->size ? t->size - t->len : 0, fmt, ap);
    va_end(ap);
    t->len += n > 0 ? (size_t)n : 0;
}

static const char *const type_names[IR_TYPE_COUNT] = {
    "", "i1", "i8", "i16", "i32", "i64", "i128"
};

static void put_name(struct text *t, const struct ir_op *op)
{
    for (const char *p = ir_op_infos[op->op].name; *p; p++)
        put(t, "%c", tolower((unsigned char)*p));
    if (op->type != IR_NONE)
        put(t, " %s", type_names[op->type]);
}

static void put_offset(struct text *t, const struct ir_op *op)
{
    if (op->c != IR_NO_VAL)
        put(t, " [reg%" PRIu32 " + %" PRIu64, op->c, op->imm);
    else
        put(t, " [%" PRIu64, op->imm);
    if (op->op == IR_GETX || op->op == IR_SETX)
        put(t, " + v%" PRIu32 " of %" PRIu64, op->a, op->imm2);
    put(t, "]");
}

static void put_operands(struct text *t, const struct ir_op *op)
{
    const u32 v[3] = { op->a, op->b, op->c };
    const char *sep = " ";

    for (int i = 0; i < 3; i++) {
        if (v[i] == IR_NO_VAL)
            continue;
        put(t, "%sv%" PRIu32, sep, v[i]);
        sep = ", ";
    }
}

static void put_mem(struct text *t, const struct ir_op *op)
{
    static const char *const orders[] = { "", " acquire", " release", " seq_cst", " tso" };
    static const char *const aligns[] = { "", " natural", " within16" };
    static const char *const mmus[] = { "", " unpriv", " system" };

    put(t, "%s%s%s", mmus[op->mem.mmu % 3], aligns[op->mem.align % 3], orders[op->mem.order % 5]);
    if (op->op == IR_PROBE)
        put(t, " access %u, %" PRIu64 " bytes", op->mem.access, op->imm2);
    if (op->op == IR_RMW)
        put(t, " f%" PRIu64, op->imm2);
}

static void put_fp(struct text *t, const struct ir_op *op)
{
    put(t, " (format %u", op->fp.format);
    if (op->op == IR_FCVT)
        put(t, " from %u", op->fp.from);
    put(t, ", rules %u, round %u%s", op->fp.rules, op->fp.round, op->fp.env ? ", env 1" : "");
    if (op->op == IR_FTOI)
        put(t, ", %s %u bits, mode %u", op->ftoi.is_signed ? "signed" : "unsigned", op->ftoi.bits,
            op->ftoi.mode);
    else if (op->imm2)
        put(t, ", %#" PRIx64, op->imm2);
    put(t, ")");
}

static void put_immediates(struct text *t, const struct ir_op *op)
{
    switch (op->op) {
    case IR_DEPOSIT: put(t, " at %" PRIu64 ", %" PRIu64 " bits", op->imm, op->imm2); break;
    case IR_FENCE: put(t, " %" PRIu64, op->imm); break;
    case IR_VLOOP:
        put(t, " (element %u%s%s%s)", op->shape.element, op->shape.masked ? ", masked" : "",
            op->shape.ordered ? ", ordered" : "", op->shape.restarts ? ", restarts" : "");
        break;
    case IR_RAISE:
    case IR_RAISEIF: put(t, " cause %" PRIu64, op->imm); break;
    case IR_JUMP:
        put(t, "%s",
            op->imm == IR_JUMP_CALL     ? " call"
            : op->imm == IR_JUMP_RETURN ? " return"
                                        : "");
        break;
    case IR_ENDBLOCK: put(t, "%s", op->imm ? " pc set" : ""); break;
    case IR_CALL: put(t, " %s", op->helper->name); break;
    default:
        if (op->op >= IR_LD && op->op <= IR_SC)
            put_mem(t, op);
        if (op->op >= IR_FADD && op->op <= IR_FCLASS)
            put_fp(t, op);
    }
}

/* Operations whose operand c is not a value: constants and state. */
static bool put_leaf(struct text *t, const struct ir_op *op)
{
    switch (op->op) {
    case IR_CONST:
        if (op->c != IR_NO_VAL)
            put(t, " imm%" PRIu32, op->c);
        else
            put(t, " %#" PRIx64, op->imm);
        return true;
    case IR_PC:
        put(t, op->c == 1 ? " next" : "");
        put(t, " %+" PRId64, (s64)op->imm);
        return true;
    case IR_GET:
    case IR_GETX: put_offset(t, op); return true;
    case IR_SET:
    case IR_SETX:
        put_offset(t, op);
        put(t, ", v%" PRIu32, op->op == IR_SET ? op->a : op->b);
        return true;
    case IR_INSN: put(t, " %" PRIu64 " at +%" PRIu64, op->imm2, op->imm); return true;
    default: return false;
    }
}

static bool has_result(const struct ir_op *op)
{
    unsigned shape = ir_op_infos[op->op].shape;

    return op->type != IR_NONE && shape != IRS_A && shape != IRS_AB;
}

size_t ir_print(const struct ir_block *b, char *buf, size_t size)
{
    struct text t = { buf, size, 0 };

    if (size)
        buf[0] = 0;
    for (u32 i = 0; i < b->op_count; i++) {
        const struct ir_op *op = &b->ops[i];

        if (has_result(op))
            put(&t, "v%" PRIu32 " = ", i);
        put_name(&t, op);
        if (!put_leaf(&t, op)) {
            put_operands(&t, op);
            put_immediates(&t, op);
        }
        put(&t, "\n");
    }
    return t.len;
}
