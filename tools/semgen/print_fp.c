/*
 * print_fp.c - floating-point operations as calls of fp.h.
 */
#include "ir/fp.h"
#include "print_private.h"
#include <inttypes.h>
#include <stdio.h>

static const char *fp_name(const struct ir_op *op)
{
    switch (op->op) {
    case IR_FADD: return "add";
    case IR_FSUB: return "sub";
    case IR_FMUL: return "mul";
    case IR_FDIV: return "div";
    case IR_FSQRT: return "sqrt";
    case IR_FMA: return "fma";
    case IR_FMULX: return "mulx";
    case IR_FMIN: return "min";
    case IR_FMAX: return "max";
    case IR_FCMP: return "compare";
    case IR_FTOI: return "to_int";
    case IR_ITOF: return "from_int";
    case IR_FROUND: return "round_int";
    default: return "class";
    }
}

static const char *round_text(const struct ir_op *op, bool typed, char buf[40])
{
    if (op->fp.round == IR_ROUND_DYNAMIC)
        snprintf(buf, 40, "%sF->round", typed ? "(enum fp_round)" : "");
    else
        snprintf(buf, 40, "%s%u", typed ? "(enum fp_round)" : "", op->fp.round);
    return buf;
}

static const char *rules_text(const struct ir_op *op, bool typed, char buf[40])
{
    if (op->fp.rules == IR_RULES_DYNAMIC)
        snprintf(buf, 40, "%sF->%s", typed ? "(enum fp_rules)" : "",
                 ir_fp_rules16(op) ? "rules16" : "rules");
    else
        snprintf(buf, 40, "%s%u", typed ? "(enum fp_rules)" : "", op->fp.rules);
    return buf;
}

/* The argument lists of fp32_* and fp64_*. */
static void fast_arguments(const struct printer *p, const struct ir_op *op, char *out, size_t size)
{
    char round[40], rules[40];

    round_text(op, false, round);
    rules_text(op, false, rules);
    switch (op->op) {
    case IR_FSQRT: snprintf(out, size, "&F->flags, %s, %s, v%u", rules, round, op->a); break;
    case IR_FMA:
        snprintf(out, size, "&F->flags, %s, %s, v%u, v%u, v%u", rules, round, op->a, op->b, op->c);
        break;
    case IR_FMIN:
    case IR_FMAX:
        snprintf(out, size, "&F->flags, %s, v%u, v%u, %" PRIu64, rules, op->a, op->b, op->imm2);
        break;
    case IR_FCMP:
        snprintf(out, size, "&F->flags, %s, v%u, v%u, %d", rules, op->a, op->b,
                 (int)(op->imm2 >> 8 & 1));
        break;
    case IR_FTOI:
        snprintf(out, size, "&F->flags, %s, %s, v%u, %u, %u, %u", rules, round, op->a,
                 op->ftoi.is_signed, op->ftoi.bits, op->ftoi.mode);
        break;
    case IR_ITOF:
        snprintf(out, size, "&F->flags, %s, v%u, %d, %u", round, op->a, (int)(op->imm2 & 1),
                 ir_type_bits(print_type_of(p, op->a)));
        break;
    case IR_FROUND:
        snprintf(out, size, "&F->flags, %s, %s, v%u, %d", rules, round, op->a, (int)(op->imm2 & 1));
        break;
    case IR_FCLASS: snprintf(out, size, "v%u", op->a); break;
    default: snprintf(out, size, "&F->flags, %s, %s, v%u, v%u", rules, round, op->a, op->b); break;
    }
}

/* The argument lists of fp_*. */
static void generic_arguments(const struct printer *p, const struct ir_op *op, char *out,
                              size_t size)
{
    char round[40], rules[40], head[120];

    round_text(op, true, round);
    snprintf(head, sizeof head, "(enum fp_format)%u, %s", op->fp.format,
             rules_text(op, true, rules));
    switch (op->op) {
    case IR_FSQRT:
        snprintf(out, size, "%s, %s, rt_bits(v%u), &F->flags", head, round, op->a);
        break;
    case IR_FMA:
        snprintf(out, size, "%s, %s, rt_bits(v%u), rt_bits(v%u), rt_bits(v%u), &F->flags", head,
                 round, op->a, op->b, op->c);
        break;
    case IR_FMIN:
    case IR_FMAX:
        snprintf(out, size,
                 "%s, rt_bits(v%u), rt_bits(v%u), (enum fp_minmax)%" PRIu64 ", &F->flags", head,
                 op->a, op->b, op->imm2);
        break;
    case IR_FCMP:
        snprintf(out, size, "%s, rt_bits(v%u), rt_bits(v%u), %d, &F->flags", head, op->a, op->b,
                 (int)(op->imm2 >> 8 & 1));
        break;
    case IR_FTOI:
        snprintf(out, size, "%s, %s, rt_bits(v%u), %u, %u, (enum fp_toint)%u, &F->flags", head,
                 round, op->a, op->ftoi.is_signed, op->ftoi.bits, op->ftoi.mode);
        break;
    case IR_ITOF:
        snprintf(out, size,
                 "(enum fp_format)%u, %s, (u64)v%u, (u64)((u128)v%u >> 64), %d, %u, "
                 "&F->flags",
                 op->fp.format, round, op->a, op->a, (int)(op->imm2 & 1),
                 ir_type_bits(print_type_of(p, op->a)));
        break;
    case IR_FROUND:
        snprintf(out, size, "%s, %s, rt_bits(v%u), %d, &F->flags", head, round, op->a,
                 (int)(op->imm2 & 1));
        break;
    case IR_FCLASS:
        snprintf(out, size, "(enum fp_format)%u, rt_bits(v%u)", op->fp.format, op->a);
        break;
    default:
        snprintf(out, size, "%s, %s, rt_bits(v%u), rt_bits(v%u), &F->flags", head, round, op->a,
                 op->b);
        break;
    }
}

static bool scalar_result(const struct ir_op *op)
{
    return op->op == IR_FCMP || op->op == IR_FTOI || op->op == IR_FCLASS;
}

static void print_convert(struct printer *p, u32 i, const struct ir_op *op)
{
    const char *t = print_type(op->type);
    char round[40], rules[40];

    if (op->fp.from == FP_F32 && op->fp.format == FP_F64)
        print_line(p, "u64 v%u UNUSED = fp32_to_fp64(&F->flags, %s, v%u);", i,
                   rules_text(op, false, rules), op->a);
    else if (op->fp.from == FP_F64 && op->fp.format == FP_F32)
        print_line(p, "u32 v%u UNUSED = (u32)fp64_to_fp32(&F->flags, %s, %s, v%u);", i,
                   rules_text(op, false, rules), round_text(op, false, round), op->a);
    else
        print_line(
            p,
            "%s v%u UNUSED = (%s)rt_value(fp_convert((enum fp_format)%u, (enum fp_format)%u, "
            "%s, %s, rt_bits(v%u), &F->flags));",
            t, i, t, op->fp.from, op->fp.format, rules_text(op, true, rules),
            round_text(op, true, round), op->a);
}

void print_fp(struct printer *p, u32 i, const struct ir_op *op)
{
    bool fast = (op->fp.format == FP_F32 || op->fp.format == FP_F64) &&
                op->fp.rules != FP_RULES_LARGER && /* they keep no FP_ROUNDED_UP */
                !(op->op == IR_ITOF && print_type_of(p, op->a) == IR_I128);
    const char *t = print_type(op->type);
    char args[300], call[400];

    p->second_env = op->fp.env == 1;
    if (op->op == IR_FCVT) {
        print_convert(p, i, op);
        p->second_env = false;
        return;
    }
    if (fast) {
        fast_arguments(p, op, args, sizeof args);
        snprintf(call, sizeof call, "fp%s_%s(%s)", op->fp.format == FP_F32 ? "32" : "64",
                 fp_name(op), args);
    } else {
        generic_arguments(p, op, args, sizeof args);
        snprintf(call, sizeof call, scalar_result(op) ? "fp_%s(%s)" : "rt_value(fp_%s(%s))",
                 fp_name(op), args);
    }
    if (op->op == IR_FCMP)
        print_line(p, "u8 v%u UNUSED = (u8)(%#xu >> %s & 1);", i, (unsigned)op->imm2 & 0xff, call);
    else
        print_line(p, "%s v%u UNUSED = (%s)%s;", t, i, t, call);
    p->second_env = false;
}
