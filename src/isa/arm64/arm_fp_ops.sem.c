/*
 * arm_fp_ops.sem.c - what floating-point operations mean, one number at a time (the manual's
 * shared functions, J1.3: FPAdd() and so on).
 */
#include "isa/arm64/fp_sem.h"

enum fp_format arm_fp_format(int size)
{
    return size == 1 ? FP_F16 : size == 2 ? FP_F32 : FP_F64;
}

struct ir_fp arm_fp_how(int size, int round)
{
    u8 format = (u8)arm_fp_format(size);

    return (struct ir_fp){
        .format = format, .from = format, .rules = IR_RULES_DYNAMIC, .round = (u8)round
    };
}

static struct ir_fp dynamic(int size)
{
    return arm_fp_how(size, IR_ROUND_DYNAMIC);
}

static ir_val sign_bit(struct ir_builder *s, ir_val x)
{
    enum ir_type t = ir_type_of(s, x);

    return ir_const(s, t, 1ull << (ir_type_bits(t) - 1));
}

/* NaNs too. */
ir_val arm_fp_negate(struct ir_builder *s, ir_val x)
{
    ir_val sign = sign_bit(s, x);

    return ir_xor(s, x, sign);
}

static ir_val absolute(struct ir_builder *s, ir_val x)
{
    ir_val sign = sign_bit(s, x);

    return ir_andn(s, x, sign);
}

ir_val arm_fp_fma(struct ir_builder *s, int size, ir_val x, ir_val y, ir_val addend)
{
    return ir_fma(s, x, y, addend, dynamic(size));
}

ir_val arm_fp_help(struct ir_builder *s, const struct ir_helper *h, int size, ir_val x, ir_val y,
                   u32 how)
{
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val arg = ir_const(s, IR_I64, how);
    ir_val r;

    if (y.id == IR_NO_VAL) {
        r = ir_call(s, h, x64, arg, IR_NOVAL);
    } else {
        ir_val y64 = ir_zext(s, IR_I64, y);

        r = ir_call(s, h, x64, y64, arg);
    }
    return ir_trunc(s, arm_mem_type(size), r);
}

/* --- of two --- */

static ir_val min_max(struct ir_builder *s, int op, int size, ir_val x, ir_val y)
{
    enum fp_minmax kind = op == ARM_F_MAX || op == ARM_F_MIN ? FP_MM_NAN : FP_MM_NUM2008;

    if (op == ARM_F_MAX || op == ARM_F_MAXNM)
        return ir_fmax(s, x, y, kind, dynamic(size));
    return ir_fmin(s, x, y, kind, dynamic(size));
}

/* Only equality is quiet. */
static ir_val compare(struct ir_builder *s, int op, int size, ir_val x, ir_val y)
{
    unsigned mask;
    ir_val is;

    if (op == ARM_F_ACGE || op == ARM_F_ACGT) {
        x = absolute(s, x);
        y = absolute(s, y);
    }
    switch (op) {
    case ARM_F_CMEQ: mask = 1 << FP_EQ; break;
    case ARM_F_CMLE: mask = 1 << FP_LT | 1 << FP_EQ; break;
    case ARM_F_CMLT: mask = 1 << FP_LT; break;
    case ARM_F_CMGE:
    case ARM_F_ACGE: mask = 1 << FP_GT | 1 << FP_EQ; break;
    default: mask = 1 << FP_GT; break;
    }
    is = ir_fcmp(s, x, y, mask, op != ARM_F_CMEQ, dynamic(size));
    return ir_sext(s, arm_mem_type(size), is);
}

ir_val arm_fp_two(struct ir_builder *s, int op, int size, ir_val x, ir_val y, ir_val d)
{
    ir_val r;

    switch (op) {
    case ARM_F_ADD: return ir_fadd(s, x, y, dynamic(size));
    case ARM_F_SUB: return ir_fsub(s, x, y, dynamic(size));
    case ARM_F_MUL: return ir_fmul(s, x, y, dynamic(size));
    case ARM_F_DIV: return ir_fdiv(s, x, y, dynamic(size));
    case ARM_F_MULX: return ir_fmulx(s, x, y, dynamic(size));
    case ARM_F_NMUL: r = ir_fmul(s, x, y, dynamic(size)); return arm_fp_negate(s, r);
    case ARM_F_ABD: r = ir_fsub(s, x, y, dynamic(size)); return absolute(s, r);
    case ARM_F_MAX:
    case ARM_F_MIN:
    case ARM_F_MAXNM:
    case ARM_F_MINNM: return min_max(s, op, size, x, y);
    case ARM_F_MLS: x = arm_fp_negate(s, x); return arm_fp_fma(s, size, x, y, d);
    case ARM_F_MLA: return arm_fp_fma(s, size, x, y, d);
    case ARM_F_RECPS:
    case ARM_F_RSQRTS:
        return arm_fp_help(s, &arm_helper_f_step, size, x, y,
                           arm_fp_format(size) | (op == ARM_F_RSQRTS ? ARM_HELP_RSQRT : 0));
    default: return compare(s, op, size, x, y);
    }
}

/* --- of one --- */

static ir_val estimate(struct ir_builder *s, int op, int size, ir_val x)
{
    u32 how = arm_fp_format(size);

    how |= op == ARM_F_RSQRTE ? ARM_HELP_RSQRT : op == ARM_F_RECPX ? ARM_HELP_EXPONENT : 0;
    return arm_fp_help(s, &arm_helper_f_estimate, size, x, IR_NOVAL, how);
}

/* FRINT32Z and so on */
static ir_val round_to_integer_range(struct ir_builder *s, int op, int size, int round, ir_val x)
{
    u32 how = arm_fp_format(size);

    how |= op == ARM_F_RINT64 ? ARM_HELP_64 : 0;
    how |= round == IR_ROUND_DYNAMIC ? ARM_HELP_EXACT : 0;
    return arm_fp_help(s, &arm_helper_f_round_int, size, x, IR_NOVAL, how);
}

static ir_val to_int(struct ir_builder *s, bool is_signed, int size, int round, ir_val x)
{
    enum ir_type t = arm_mem_type(size);
    const struct ir_ftoi to = { is_signed, (u8)ir_type_bits(t), FP_SATURATE_NAN_ZERO };

    return ir_ftoi(s, t, x, to, arm_fp_how(size, round));
}

ir_val arm_fp_one(struct ir_builder *s, int op, int size, int round, ir_val x)
{
    switch (op) {
    case ARM_F_ABS: return absolute(s, x);
    case ARM_F_NEG: return arm_fp_negate(s, x);
    case ARM_F_SQRT: return ir_fsqrt(s, x, dynamic(size));
    case ARM_F_RINT: return ir_fround(s, x, false, arm_fp_how(size, round));
    case ARM_F_RINTX: return ir_fround(s, x, true, dynamic(size));
    case ARM_F_RINT32:
    case ARM_F_RINT64: return round_to_integer_range(s, op, size, round, x);
    case ARM_F_RECPE:
    case ARM_F_RSQRTE:
    case ARM_F_RECPX: return estimate(s, op, size, x);
    case ARM_F_TO_S:
    case ARM_F_TO_U: return to_int(s, op == ARM_F_TO_S, size, round, x);
    case ARM_F_FROM_S:
    case ARM_F_FROM_U: return ir_itof(s, x, op == ARM_F_FROM_S, dynamic(size));
    default: return x;
    }
}

ir_val arm_fp_convert(struct ir_builder *s, int from, int to, int round, ir_val x)
{
    struct ir_fp how = arm_fp_how(to, round);

    how.from = (u8)arm_fp_format(from);
    if (from != 1 && to != 1)
        return ir_fcvt(s, x, how);
    return arm_fp_help(s, &arm_helper_f_convert, to, x, IR_NOVAL,
                       how.from + (u32)how.format * ARM_HELP_TO);
}
