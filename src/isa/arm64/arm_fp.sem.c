/*
 * arm_fp.sem.c - scalar floating point (C4.1.96, from floating-point data processing on).
 */
#include "isa/arm64/fp_sem.h"

static ir_val get(struct ir_builder *s, int size, sem_reg r)
{
    return ir_get(s, arm_mem_type(size), r);
}

/* --- arithmetic --- */

ARM_FP_SEM(f_two)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val y = get(s, size, a->rm);
    ir_val r = arm_fp_two(s, a->op, size, x, y, IR_NOVAL);

    arm_set_v(s, a->rd, r);
}

ARM_FP_SEM(f_one)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val r = arm_fp_one(s, a->op, size, a->round, x);

    arm_set_v(s, a->rd, r);
}

/* neg_a: the addend is negated, neg_n: the product. */
ARM_FP_SEM(f_fma)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val y = get(s, size, a->rm);
    ir_val z = get(s, size, a->ra);
    ir_val factor = a->neg_n ? arm_fp_negate(s, x) : x;
    ir_val term = a->neg_a ? arm_fp_negate(s, z) : z;
    ir_val r = arm_fp_fma(s, size, factor, y, term);

    arm_set_v(s, a->rd, r);
}

ARM_FP_SEM(f_convert)
{
    int from = arm_fp_size(a->type), to = arm_fp_size(a->to);
    ir_val x = get(s, from, a->rn);
    ir_val r = arm_fp_convert(s, from, to, IR_ROUND_DYNAMIC, x);

    arm_set_v(s, a->rd, r);
}

ARM_FP_SEM(f_imm)
{
    ir_val v = ir_imm(s, IR_I64, a->imm);

    arm_set_v(s, a->rd, v);
}

/* --- comparison and choice --- */

static struct arm_flags compare(struct ir_builder *s, int size, bool signal, ir_val x, ir_val y)
{
    const struct ir_fp how = arm_fp_how(size, FP_RNE);
    struct arm_flags f;

    f.n = ir_fcmp(s, x, y, 1 << FP_LT, signal, how);
    f.z = ir_fcmp(s, x, y, 1 << FP_EQ, signal, how);
    f.v = ir_fcmp(s, x, y, 1 << FP_UNORDERED, signal, how);
    f.c = ir_not(s, f.n);
    return f;
}

ARM_FP_SEM(f_cmp)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val y = get(s, size, a->rm);
    struct arm_flags f = compare(s, size, a->signal, x, y);

    arm_set_flags(s, f);
}

ARM_FP_SEM(f_cmp_zero)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val zero = arm_zero(s, x);
    struct arm_flags f = compare(s, size, a->signal, x, zero);

    arm_set_flags(s, f);
}

/* Nothing is compared, and no flag of FPSR raised, where the condition does not hold. */
ARM_FP_SEM(f_ccmp)
{
    int size = arm_fp_size(a->type);
    ir_val holds = arm_condition(s, a->cond);
    ir_val x = get(s, size, a->rn);
    ir_val y = get(s, size, a->rm);
    struct arm_flags given = arm_flags_imm(s, a->nzcv);
    struct arm_flags f;

    ir_if(s, holds);
    f = compare(s, size, a->signal, x, y);
    arm_set_flags(s, f);
    ir_else(s);
    arm_set_flags(s, given);
    ir_endif(s);
}

ARM_FP_SEM(f_csel)
{
    int size = arm_fp_size(a->type);
    ir_val holds = arm_condition(s, a->cond);
    ir_val x = get(s, size, a->rn);
    ir_val y = get(s, size, a->rm);
    ir_val r = ir_select(s, holds, x, y);

    arm_set_v(s, a->rd, r);
}

/* --- general registers --- */

ARM_FP_SEM(f_to_int)
{
    int size = arm_fp_size(a->type);
    const struct ir_ftoi to = { (u8)a->sign, a->sf ? 64 : 32, FP_SATURATE_NAN_ZERO };
    ir_val x = get(s, size, a->rn);
    ir_val r = ir_ftoi(s, arm_type(a->sf), x, to, arm_fp_how(size, a->round));

    arm_set(s, a->rd, r);
}

ARM_FP_SEM(f_from_int)
{
    int size = arm_fp_size(a->type);
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val r = ir_itof(s, x, a->sign, arm_fp_how(size, IR_ROUND_DYNAMIC));

    arm_set_v(s, a->rd, r);
}

/* `how` of the helpers for fixed point, whose scale is an operand. */
static ir_val fixed(struct ir_builder *s, int size, int sf, int sign, sem_imm fraction)
{
    u32 how = arm_fp_format(size) | (sign ? ARM_HELP_SIGNED : 0) | (sf ? ARM_HELP_64 : 0);
    ir_val bits = ir_imm(s, IR_I64, fraction);
    ir_val unit = ir_const(s, IR_I64, ARM_HELP_FRACTION);
    ir_val scaled = ir_mul(s, bits, unit);
    ir_val rest = ir_const(s, IR_I64, how);

    return ir_or(s, scaled, rest);
}

ARM_FP_SEM(f_to_fixed)
{
    int size = arm_fp_size(a->type);
    ir_val x = get(s, size, a->rn);
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val how = fixed(s, size, a->sf, a->sign, a->fraction);
    ir_val v = ir_call(s, &arm_helper_f_to_fixed, x64, how, IR_NOVAL);
    ir_val r = ir_trunc(s, arm_type(a->sf), v);

    arm_set(s, a->rd, r);
}

ARM_FP_SEM(f_from_fixed)
{
    int size = arm_fp_size(a->type);
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val how = fixed(s, size, a->sf, a->sign, a->fraction);
    ir_val v = ir_call(s, &arm_helper_f_from_fixed, x, how, IR_NOVAL);

    arm_set_v(s, a->rd, v);
}

/* FMOV: the bits as they are; `high`: the upper half of V, which leaves the lower. */
ARM_FP_SEM(f_mov_to_gp)
{
    ir_val v = ir_get(s, arm_mem_type(a->size), sem_reg_at(a->rn, a->high ? ARM_D_BYTES : 0));

    arm_set(s, a->rd, v);
}

ARM_FP_SEM(f_mov_from_gp)
{
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rn);

    if (a->high)
        ir_set(s, sem_reg_at(a->rd, ARM_D_BYTES), v);
    else
        arm_set_v(s, a->rd, v);
}

/* Z: it was an int32, and not -0. */
ARM_FP_SEM(f_js_to_int)
{
    const struct ir_fp how = arm_fp_how(3, FP_RTZ);
    const struct ir_ftoi to = { .is_signed = 1, .bits = 32, .mode = FP_MODULO_JS };
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val r = ir_ftoi(s, IR_I32, x, to, how);
    ir_val back = ir_itof(s, r, true, how);
    ir_val no = ir_const(s, IR_I1, 0);
    struct arm_flags f = { .n = no, .c = no, .v = no };

    f.z = ir_eq(s, back, x);
    arm_set_flags(s, f);
    arm_set(s, a->rd, r);
}
