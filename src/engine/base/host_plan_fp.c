/*
 * host_plan_fp.c - a look at a block before it is lowered: integer operations that are
 * floating point in disguise, and where floating-point values come from.
 *
 * Guests describe NaN-boxing and signs with integer operations on bit patterns. The shapes
 * below are found by what they compute, whoever wrote them:
 *   box     or(zext(f32), ~0 << 32)
 *   unbox   select(shr(x, 32) = ~0, trunc(x), f32's NaN)
 *   copy    xor(andn(x, sign), and(x, sign))
 *   negate  xor(andn(x, sign), and(not(x), sign))
 *   abs     xor(x, and(x, sign))
 * Their inner operations are skipped when nobody else uses them.
 */
#include "engine/base/host_lower_fp.h"

#include "ir/fp.h"

#define UPPER_ONES (~0ull << 32)

struct plan {
    const struct ir_op *ops;
    struct val *v;
    u64 slots[VALS_HEADS / 64]; /* state that is used as floating point, by offset / 8 modulo */
};

static const struct ir_op *op_of(const struct plan *p, u32 id)
{
    static const struct ir_op none = { .op = IR_INSN };

    return id == IR_NO_VAL ? &none : &p->ops[id];
}

static bool is_const(const struct plan *p, u32 id, u64 imm)
{
    return op_of(p, id)->op == IR_CONST && op_of(p, id)->imm == imm;
}

/* Is it `op` of this instruction, used once, here? */
static bool is_inner(const struct plan *p, u32 id, unsigned op, unsigned insn)
{
    return op_of(p, id)->op == op && p->v[id].uses == 1 && op_of(p, id)->insn == insn;
}

/* `inner` is done as part of `outer`, which needs its operands then. */
static void skip(struct plan *p, u32 inner, u32 outer)
{
    const struct ir_op *op = &p->ops[inner];
    const u32 used[] = { op->a, op->b, op->c };

    p->v[inner].plan = PLAN_SKIP;
    for (unsigned i = 0; i < 3; i++)
        if (used[i] != IR_NO_VAL && p->v[used[i]].last_use < outer)
            p->v[used[i]].last_use = outer;
}

static u64 sign_of(unsigned type)
{
    return type == IR_I64 ? 1ull << 63 : type == IR_I32 ? 1ull << 31 : 0;
}

/* --- the shapes --- */

static void find_box(struct plan *p, u32 id, const struct ir_op *op)
{
    if (!is_const(p, op->b, UPPER_ONES) || !is_inner(p, op->a, IR_ZEXT, op->insn) ||
        p->v[op_of(p, op->a)->a].type != IR_I32)
        return;
    skip(p, op->a, id);
    p->v[id].plan = PLAN_BOX;
}

/* What an unbox is of; IR_NO_VAL when it is none. */
static u32 unboxed(const struct plan *p, const struct ir_op *op)
{
    const struct ir_op *eq = op_of(p, op->a), *trunc = op_of(p, op->b), *shr = op_of(p, eq->a);

    if (op->op != IR_SELECT || op->type != IR_I32 || eq->op != IR_EQ || trunc->op != IR_TRUNC ||
        shr->op != IR_SHR || shr->type != IR_I64 || shr->a != trunc->a)
        return IR_NO_VAL;
    if (!is_const(p, op->c, FP_NAN_32) || !is_const(p, eq->b, UINT32_MAX) ||
        !is_const(p, shr->b, 32))
        return IR_NO_VAL;
    return shr->a;
}

static void find_unbox(struct plan *p, u32 id, const struct ir_op *op)
{
    if (unboxed(p, op) == IR_NO_VAL || !is_inner(p, op->a, IR_EQ, op->insn) ||
        !is_inner(p, op->b, IR_TRUNC, op->insn) ||
        !is_inner(p, op_of(p, op->a)->a, IR_SHR, op->insn))
        return;
    skip(p, op->a, id);
    skip(p, op->b, id);
    skip(p, op_of(p, op->a)->a, id);
    p->v[id].plan = PLAN_UNBOX;
}

/* Do both read the same register, as the same? Sets come at an instruction's end. */
static bool same_value(const struct plan *p, u32 x, u32 y)
{
    const struct ir_op *a = op_of(p, x), *b = op_of(p, y);

    if (x == y)
        return true;
    if (a->op != b->op || a->type != b->type || a->insn != b->insn)
        return false;
    if (a->op == IR_GET)
        return a->imm == b->imm;
    return unboxed(p, a) != IR_NO_VAL && unboxed(p, b) != IR_NO_VAL &&
           same_value(p, unboxed(p, a), unboxed(p, b));
}

/* id = xor(body, and(source, sign)). */
static void find_sign(struct plan *p, u32 id, const struct ir_op *op)
{
    const struct ir_op *body = op_of(p, op->a), *sign = op_of(p, op->b);
    u64 mask = sign_of(op->type);
    bool clears = body->op == IR_ANDN, flips;
    u32 x, y;

    if (!mask || !is_inner(p, op->b, IR_AND, op->insn) || !is_const(p, sign->b, mask))
        return;
    flips = is_inner(p, sign->a, IR_NOT, op->insn);
    x = clears ? body->a : op->a;
    y = flips ? op_of(p, sign->a)->a : sign->a;
    if (!same_value(p, x, y) || (!clears && flips) ||
        (clears && (!is_inner(p, op->a, IR_ANDN, op->insn) || !is_const(p, body->b, mask))))
        return;
    skip(p, op->b, id);
    if (flips)
        skip(p, sign->a, id);
    if (clears)
        skip(p, op->a, id);
    if (p->v[x].last_use < id)
        p->v[x].last_use = id;
    p->v[id].plan = !clears ? PLAN_ABS : flips ? PLAN_NEGATE : PLAN_COPY;
    p->v[id].imm = x;
}

/* fma(-a, b, -c): the signs go into the instruction. */
static void find_negated(struct plan *p, u32 id, const struct ir_op *op)
{
    u64 mask = sign_of(op->type);

    for (unsigned i = 0; i < 2; i++) {
        u32 x = i ? op->c : op->a;

        if (is_inner(p, x, IR_XOR, op->insn) && is_const(p, op_of(p, x)->b, mask)) {
            skip(p, x, id);
            p->v[id].plan |= i ? PLAN_FMA_MINUS_C : PLAN_FMA_MINUS_A;
        }
    }
}

/* --- where values come from and go --- */

static bool gives_fp(const struct ir_op *op)
{
    return ir_op_infos[op->op].effects & IRE_FP && op->op != IR_FCMP && op->op != IR_FTOI;
}

static bool takes_fp(const struct ir_op *op)
{
    return ir_op_infos[op->op].effects & IRE_FP && op->op != IR_ITOF;
}

/* Through a box or unbox to the value itself. */
static u32 source(const struct plan *p, u32 id)
{
    for (;;) {
        switch (p->v[id].plan) {
        case PLAN_BOX: id = p->ops[p->ops[id].a].a; break;
        case PLAN_UNBOX: id = p->ops[p->ops[id].b].a; break;
        case PLAN_COPY:
        case PLAN_ABS:
        case PLAN_NEGATE: id = (u32)p->v[id].imm; break;
        default: return id;
        }
    }
}

static void mark(struct plan *p, u32 id)
{
    if (id == IR_NO_VAL)
        return;
    id = source(p, id);
    p->v[id].fp = true;
    if (p->ops[id].op == IR_GET)
        p->slots[p->ops[id].imm / 8 % VALS_HEADS / 64] |= 1ull << p->ops[id].imm / 8 % 64;
}

static bool in_fp_slot(const struct plan *p, const struct ir_op *op)
{
    return p->slots[op->imm / 8 % VALS_HEADS / 64] >> op->imm / 8 % 64 & 1;
}

/* Loads into state that is used as floating point. */
static void mark_values(struct plan *p, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        const struct ir_op *op = &p->ops[i];

        if (takes_fp(op)) {
            mark(p, op->a);
            mark(p, op->b);
            mark(p, op->c);
        }
        p->v[i].fp |= gives_fp(op);
    }
    for (u32 i = 0; i < count; i++)
        if (p->ops[i].op == IR_SET && in_fp_slot(p, &p->ops[i]))
            p->v[source(p, p->ops[i].a)].fp = true;
}

void lo_fp_plan(struct low *l)
{
    const struct vals *a = &l->a;
    struct plan p = { .ops = a->ir->ops, .v = a->v };
    bool any = false;

    for (u32 i = 0; i < a->ir->op_count; i++) {
        const struct ir_op *op = &p.ops[i];

        switch (op->op) {
        case IR_OR: find_box(&p, i, op); break;
        case IR_SELECT: find_unbox(&p, i, op); break;
        case IR_XOR: find_sign(&p, i, op); break;
        case IR_FMA: find_negated(&p, i, op); break;
        default: break;
        }
        any |= (ir_op_infos[op->op].effects & IRE_FP) != 0;
    }
    if (!any)
        return;
    mark_values(&p, a->ir->op_count);
    lo_fp_plan_flags(l);
}
