/*
 * arm_simd_fp.sem.c - floating point on the elements of V registers (C4.1.96).
 */
#include "isa/arm64/fp_sem.h"

/* --- element by element --- */

static bool accumulates(int op)
{
    return op == ARM_F_MLA || op == ARM_F_MLS;
}

static ir_val two(const struct arm_vec *v, int op, sem_reg rd, ir_val x, ir_val y)
{
    ir_val d = accumulates(op) ? arm_elem(v, v->size, rd, 0) : IR_NOVAL;

    return arm_fp_two(v->s, op, v->size, x, y, d);
}

static ir_val same(const struct arm_vec *v)
{
    const struct arm_args_vf_same *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val y = arm_elem(v, v->size, a->rm, 0);

    return two(v, a->op, a->rd, x, y);
}

ARM_FP_SEM(vf_same)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = arm_fp_size(a->type) };

    arm_each(&v, a->rd, same);
}

struct by_elem {
    const struct arm_args_vf_by_elem *a;
    ir_val y;
};

static ir_val by_elem(const struct arm_vec *v)
{
    const struct by_elem *b = v->args;
    ir_val x = arm_elem(v, v->size, b->a->rn, 0);

    return two(v, b->a->op, b->a->rd, x, b->y);
}

ARM_FP_SEM(vf_by_elem)
{
    struct by_elem b = { .a = a };
    struct arm_vec v = { .s = s, .args = &b, .q = a->q, .size = arm_fp_size(a->type) };
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, arm_mem_type(v.size), a->rm, at, ARM_V_BYTES);
    arm_each(&v, a->rd, by_elem);
}

static ir_val one(const struct arm_vec *v)
{
    const struct arm_args_vf_one *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);

    return arm_fp_one(v->s, a->op, v->size, a->round, x);
}

ARM_FP_SEM(vf_one)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = arm_fp_size(a->type) };

    arm_each(&v, a->rd, one);
}

static ir_val with_zero(const struct arm_vec *v)
{
    const struct arm_args_vf_zero *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val zero = arm_zero(v->s, x);

    return arm_fp_two(v->s, a->op, v->size, x, zero, IR_NOVAL);
}

ARM_FP_SEM(vf_zero)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = arm_fp_size(a->type) };

    arm_each(&v, a->rd, with_zero);
}

/* Fixed point: the bits behind the point are an operand. */
static ir_val fixed(const struct arm_vec *v)
{
    const struct arm_args_vf_fixed *a = v->args;
    struct ir_builder *s = v->s;
    u32 how = arm_fp_format(v->size) | (a->sign ? ARM_HELP_SIGNED : 0) |
              (v->size == 3   ? ARM_HELP_64
               : v->size == 1 ? ARM_HELP_16
                              : 0);
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val less1 = ir_imm(s, IR_I64, a->less1);
    ir_val unit = ir_const(s, IR_I64, ARM_HELP_FRACTION);
    ir_val scaled = ir_mul(s, less1, unit);
    ir_val rest = ir_const(s, IR_I64, how + ARM_HELP_FRACTION);
    ir_val arg = ir_add(s, scaled, rest);
    ir_val r =
        ir_call(s, a->from ? &arm_helper_f_from_fixed : &arm_helper_f_to_fixed, x64, arg, IR_NOVAL);

    return ir_trunc(s, arm_mem_type(v->size), r);
}

ARM_FP_SEM(vf_fixed)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_each(&v, a->rd, fixed);
}

static ir_val estimate(const struct arm_vec *v)
{
    const struct arm_args_v_estimate *a = v->args;
    ir_val x = arm_elem(v, 2, a->rn, 0);

    return arm_fp_help(v->s, &arm_helper_u_estimate, 2, x, IR_NOVAL, a->root ? ARM_HELP_RSQRT : 0);
}

/* URECPE, URSQRTE */
ARM_FP_SEM(v_estimate)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 2 };

    arm_each(&v, a->rd, estimate);
}

/* --- pairs and across --- */

static ir_val pair(const struct arm_vec *v)
{
    const struct arm_args_vf_pair *a = v->args;
    struct arm_couple c = arm_pair(v, a->rn, a->rm);

    return arm_fp_two(v->s, a->op, v->size, c.x, c.y, IR_NOVAL);
}

ARM_FP_SEM(vf_pair)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = arm_fp_size(a->type) };

    arm_collect(&v, a->rd, pair);
}

ARM_FP_SEM(vf_pair_scalar)
{
    int size = arm_fp_size(a->type);
    ir_val x = ir_get(s, arm_mem_type(size), a->rn);
    ir_val y = ir_get(s, arm_mem_type(size), sem_reg_at(a->rn, 1u << size));
    ir_val r = arm_fp_two(s, a->op, size, x, y, IR_NOVAL);

    arm_set_v(s, a->rd, r);
}

/* Reduce(): the halves first, so that it matters which NaN there is. */
ARM_FP_SEM(vf_across)
{
    int size = arm_fp_size(a->type);
    unsigned count = arm_bytes(a->q) >> size;
    ir_val x[8];

    for (unsigned i = 0; i < count; i++)
        x[i] = ir_get(s, arm_mem_type(size), sem_reg_at(a->rn, i << size));
    for (; count > 1; count /= 2)
        for (unsigned i = 0; i < count / 2; i++)
            x[i] = arm_fp_two(s, a->op, size, x[2 * i], x[2 * i + 1], IR_NOVAL);
    arm_set_v(s, a->rd, x[0]);
}

/* --- between formats --- */

/* FCVTL, of the lower or the upper half; size is the result's. */
static ir_val lengthen(const struct arm_vec *v)
{
    const struct arm_args_vf_long *a = v->args;
    ir_val x = arm_elem(v, v->size - 1, a->rn, a->q == ARM_128 ? ARM_D_BYTES : 0);

    return arm_fp_convert(v->s, v->size - 1, v->size, IR_ROUND_DYNAMIC, x);
}

ARM_FP_SEM(vf_long)
{
    struct arm_vec v = { .s = s, .args = a, .q = ARM_128, .size = a->size };

    arm_collect(&v, a->rd, lengthen);
}

/* FCVTN, and FCVTXN, which rounds to odd. */
static ir_val shorten(const struct arm_vec *v)
{
    const struct arm_args_vf_narrow *a = v->args;
    ir_val x = arm_elem(v, v->size + 1, a->rn, 0);

    return arm_fp_convert(v->s, v->size + 1, v->size, a->round, x);
}

ARM_FP_SEM(vf_narrow)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect_half(&v, a->rd, shorten);
}
