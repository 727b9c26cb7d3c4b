/*
 * arm_simd_long.sem.c - results twice as wide as operands (C4.1.96: three different, and vector by
 * element where it is long).
 *
 * size is that of the narrow elements; they are the lower half of a register, or the upper one
 * where q says so.
 */
#include "isa/arm64/simd.h"

static ir_val widen(const struct arm_vec *v, bool is_signed, ir_val x)
{
    enum ir_type t = arm_mem_type(v->size);

    return is_signed ? ir_sext(v->s, t, x) : ir_zext(v->s, t, x);
}

static unsigned part(int q)
{
    return q == ARM_128 ? 8 : 0;
}

/* Scalars are one element, vectors all of a register. */
static struct arm_vec wide(struct ir_builder *s, const void *args, int q, int size)
{
    return (struct arm_vec){
        .s = s, .args = args, .q = q == ARM_SCALAR ? ARM_SCALAR : ARM_128, .size = size + 1
    };
}

static ir_val combine(const struct arm_vec *v, int op, bool is_signed, sem_reg rd, ir_val x,
                      ir_val y)
{
    struct ir_builder *s = v->s;
    ir_val r, most, least, d;

    switch (op) {
    case ARM_W_ADD: return ir_add(s, x, y);
    case ARM_W_SUB: return ir_sub(s, x, y);
    case ARM_W_MUL:
    case ARM_W_MLA:
    case ARM_W_MLS: r = ir_mul(s, x, y); break;
    default:
        most = is_signed ? ir_maxs(s, x, y) : ir_maxu(s, x, y);
        least = is_signed ? ir_mins(s, x, y) : ir_minu(s, x, y);
        r = ir_sub(s, most, least);
        break;
    }
    if (op == ARM_W_MUL || op == ARM_W_ABD)
        return r;
    d = arm_elem(v, v->size, rd, 0);
    return op == ARM_W_MLS ? ir_sub(s, d, r) : ir_add(s, d, r);
}

static ir_val long_element(const struct arm_vec *v)
{
    const struct arm_args_v_long *a = v->args;
    ir_val x = arm_elem(v, a->size, a->rn, part(a->q));
    ir_val y = arm_elem(v, a->size, a->rm, part(a->q));
    ir_val wx = widen(v, a->sign, x);
    ir_val wy = widen(v, a->sign, y);

    return combine(v, a->op, a->sign, a->rd, wx, wy);
}

ARM_FP_SEM(v_long)
{
    struct arm_vec v = wide(s, a, a->q, a->size);

    arm_collect(&v, a->rd, long_element);
}

/* The second operand alone is narrow. */
static ir_val wide_element(const struct arm_vec *v)
{
    const struct arm_args_v_wide *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val y = arm_elem(v, a->size, a->rm, part(a->q));
    ir_val wy = widen(v, a->sign, y);

    return combine(v, a->op, a->sign, a->rd, x, wy);
}

ARM_FP_SEM(v_wide)
{
    struct arm_vec v = wide(s, a, a->q, a->size);

    arm_collect(&v, a->rd, wide_element);
}

/* SQDMULL, SQDMLAL, SQDMLSL: twice the product is clipped, and so is the sum. */
static ir_val doubled(const struct arm_vec *v, int op, sem_reg rd, ir_val x, ir_val y)
{
    ir_val wx = widen(v, true, x);
    ir_val wy = widen(v, true, y);
    ir_val product = ir_mul(v->s, wx, wy);
    ir_val r = arm_sat_addsub(v, false, true, product, product);

    if (op == ARM_W_MUL)
        return r;
    ir_val d = arm_elem(v, v->size, rd, 0);

    return arm_sat_addsub(v, op == ARM_W_MLS, true, d, r);
}

static ir_val doubled_element(const struct arm_vec *v)
{
    const struct arm_args_v_long_sat *a = v->args;
    ir_val x = arm_elem(v, a->size, a->rn, part(a->q));
    ir_val y = arm_elem(v, a->size, a->rm, part(a->q));

    return doubled(v, a->op, a->rd, x, y);
}

ARM_FP_SEM(v_long_sat)
{
    struct arm_vec v = wide(s, a, a->q, a->size);

    v.saturates = true;
    arm_collect(&v, a->rd, doubled_element);
}

/* --- by one element --- */

struct by_elem {
    const struct arm_args_v_long_by_elem *a;
    ir_val y;
};

static ir_val by_elem(const struct arm_vec *v)
{
    const struct by_elem *b = v->args;
    const struct arm_args_v_long_by_elem *a = b->a;
    ir_val x = arm_elem(v, a->size, a->rn, part(a->q));

    if (a->saturate)
        return doubled(v, a->op, a->rd, x, b->y);
    ir_val wx = widen(v, a->sign, x);
    ir_val wy = widen(v, a->sign, b->y);

    return combine(v, a->op, a->sign, a->rd, wx, wy);
}

ARM_FP_SEM(v_long_by_elem)
{
    struct by_elem b = { .a = a };
    struct arm_vec v = wide(s, &b, a->q, a->size);
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, arm_mem_type(a->size), a->rm, at, 16);
    v.saturates = a->saturate;
    arm_collect(&v, a->rd, by_elem);
}

/* --- carry-less --- */

static ir_val polynomial(const struct arm_vec *v)
{
    const struct arm_args_v_pmull *a = v->args;
    struct ir_builder *s = v->s;
    ir_val x = arm_elem(v, 0, a->rn, part(a->q));
    ir_val y = arm_elem(v, 0, a->rm, part(a->q));
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val y64 = ir_zext(s, IR_I64, y);
    ir_val r = ir_clmul(s, x64, y64);

    return ir_trunc(s, IR_I16, r);
}

ARM_FP_SEM(v_pmull)
{
    struct arm_vec v = wide(s, a, a->q, 0);

    arm_collect(&v, a->rd, polynomial);
}

ARM_FP_SEM(v_pmull64)
{
    ir_val x = ir_get(s, IR_I64, sem_reg_at(a->rn, part(a->q)));
    ir_val y = ir_get(s, IR_I64, sem_reg_at(a->rm, part(a->q)));
    ir_val low = ir_clmul(s, x, y);
    ir_val high = ir_clmulh(s, x, y);

    arm_set_halves(s, a->rd, low, high);
}
