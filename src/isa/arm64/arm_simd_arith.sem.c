/*
 * arm_simd_arith.sem.c - integer arithmetic on the elements of V registers: element by element, in
 * pairs, across a register (C4.1.96: three same, two-register miscellaneous, across lanes).
 */
#include "isa/arm64/simd.h"

/* All ones where it is true. */
static ir_val mask(const struct arm_vec *v, int size, ir_val is)
{
    return ir_sext(v->s, arm_mem_type(size), is);
}

static ir_val compare(const struct arm_vec *v, int op, ir_val x, ir_val y)
{
    struct ir_builder *s = v->s;
    ir_val both, zero, r;

    switch (op) {
    case ARM_V_CMGT: r = ir_lts(s, y, x); break;
    case ARM_V_CMGE: r = ir_les(s, y, x); break;
    case ARM_V_CMLT: r = ir_lts(s, x, y); break;
    case ARM_V_CMLE: r = ir_les(s, x, y); break;
    case ARM_V_CMHI: r = ir_ltu(s, y, x); break;
    case ARM_V_CMHS: r = ir_leu(s, y, x); break;
    case ARM_V_CMEQ: r = ir_eq(s, x, y); break;
    default:
        both = ir_and(s, x, y);
        zero = arm_zero(s, both);
        r = ir_ne(s, both, zero);
        break;
    }
    return mask(v, v->size, r);
}

static ir_val minmax(struct ir_builder *s, int op, ir_val x, ir_val y)
{
    switch (op) {
    case ARM_V_SMAX: return ir_maxs(s, x, y);
    case ARM_V_SMIN: return ir_mins(s, x, y);
    case ARM_V_UMAX: return ir_maxu(s, x, y);
    default: return ir_minu(s, x, y);
    }
}

static ir_val difference(struct ir_builder *s, bool is_signed, ir_val x, ir_val y)
{
    ir_val most = is_signed ? ir_maxs(s, x, y) : ir_maxu(s, x, y);
    ir_val least = is_signed ? ir_mins(s, x, y) : ir_minu(s, x, y);

    return ir_sub(s, most, least);
}

static ir_val half(struct ir_builder *s, bool is_signed, ir_val x)
{
    ir_val one = ir_const(s, ir_type_of(s, x), 1);

    return is_signed ? ir_sar(s, x, one) : ir_shr(s, x, one);
}

/* (x + y) / 2 without the carry: what both have, and half of what one has; rounded up, what
 * either has less that. */
static ir_val halved_sum(struct ir_builder *s, bool is_signed, bool up, ir_val x, ir_val y)
{
    ir_val differ = ir_xor(s, x, y);
    ir_val halved = half(s, is_signed, differ);
    ir_val rest = up ? ir_or(s, x, y) : ir_and(s, x, y);

    return up ? ir_sub(s, rest, halved) : ir_add(s, rest, halved);
}

/* (x - y) / 2: one less where only y is odd. */
static ir_val halved_difference(struct ir_builder *s, bool is_signed, ir_val x, ir_val y)
{
    ir_val one = ir_const(s, ir_type_of(s, x), 1);
    ir_val hx = half(s, is_signed, x);
    ir_val hy = half(s, is_signed, y);
    ir_val r = ir_sub(s, hx, hy);
    ir_val only = ir_andn(s, y, x);
    ir_val borrow = ir_and(s, only, one);

    return ir_sub(s, r, borrow);
}

static ir_val carryless(struct ir_builder *s, enum ir_type t, ir_val x, ir_val y)
{
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val y64 = ir_zext(s, IR_I64, y);
    ir_val r = ir_clmul(s, x64, y64);

    return ir_trunc(s, t, r);
}

/* --- saturating --- */

/* The upper half of twice the product and what is added to it, rounded. */
static ir_val doubled_product(const struct arm_vec *v, int op, sem_reg rd, ir_val x, ir_val y)
{
    struct ir_builder *s = v->s;
    unsigned bits = 8u << v->size;
    ir_val by = ir_const(s, IR_I64, bits - 1);
    ir_val x64 = ir_sext(s, IR_I64, x);
    ir_val y64 = ir_sext(s, IR_I64, y);
    ir_val sum = ir_mul(s, x64, y64);

    if (op == ARM_V_SQRDMLAH || op == ARM_V_SQRDMLSH) {
        ir_val d = arm_elem(v, v->size, rd, 0);
        ir_val d64 = ir_sext(s, IR_I64, d);
        ir_val up = ir_shl(s, d64, by);

        sum = op == ARM_V_SQRDMLAH ? ir_add(s, up, sum) : ir_sub(s, up, sum);
    }
    if (op != ARM_V_SQDMULH) {
        ir_val rounding = ir_const(s, IR_I64, 1ull << (bits - 2));

        sum = ir_add(s, sum, rounding);
    }
    ir_val r = ir_sar(s, sum, by);

    return arm_clip(v, r, true, arm_mem_type(v->size), true);
}

/* One operand has a sign and the other has none: 128 bits hold every sum. */
static ir_val mixed_sum(const struct arm_vec *v, bool to_signed, ir_val x, ir_val y)
{
    struct ir_builder *s = v->s;
    enum ir_type t = v->size == 3 ? IR_I128 : IR_I64;
    ir_val wx = to_signed ? ir_zext(s, t, x) : ir_sext(s, t, x);
    ir_val wy = to_signed ? ir_sext(s, t, y) : ir_zext(s, t, y);
    ir_val sum = ir_add(s, wx, wy);

    return arm_clip(v, sum, true, arm_mem_type(v->size), to_signed);
}

/* Of two operands; rd is what is added to. */
static ir_val saturating(const struct arm_vec *v, int op, sem_reg rd, ir_val x, ir_val y)
{
    switch (op) {
    case ARM_V_SQADD: return arm_sat_addsub(v, false, true, x, y);
    case ARM_V_UQADD: return arm_sat_addsub(v, false, false, x, y);
    case ARM_V_SQSUB: return arm_sat_addsub(v, true, true, x, y);
    case ARM_V_UQSUB: return arm_sat_addsub(v, true, false, x, y);
    default: return doubled_product(v, op, rd, x, y);
    }
}

/* --- of two operands --- */

static ir_val accumulate(const struct arm_vec *v, bool sub, sem_reg rd, ir_val r)
{
    ir_val d = arm_elem(v, v->size, rd, 0);

    return sub ? ir_sub(v->s, d, r) : ir_add(v->s, d, r);
}

static ir_val two(const struct arm_vec *v, int op, sem_reg rd, ir_val x, ir_val y)
{
    struct ir_builder *s = v->s;
    ir_val r;

    if (op >= ARM_V_SATURATING)
        return saturating(v, op, rd, x, y);
    switch (op) {
    case ARM_V_ADD: return ir_add(s, x, y);
    case ARM_V_SUB: return ir_sub(s, x, y);
    case ARM_V_MUL: return ir_mul(s, x, y);
    case ARM_V_PMUL: return carryless(s, arm_mem_type(v->size), x, y);
    case ARM_V_MLA:
    case ARM_V_MLS: r = ir_mul(s, x, y); return accumulate(v, op == ARM_V_MLS, rd, r);
    case ARM_V_SMAX:
    case ARM_V_SMIN:
    case ARM_V_UMAX:
    case ARM_V_UMIN: return minmax(s, op, x, y);
    case ARM_V_SABD:
    case ARM_V_UABD: return difference(s, op == ARM_V_SABD, x, y);
    case ARM_V_SABA:
    case ARM_V_UABA: r = difference(s, op == ARM_V_SABA, x, y); return accumulate(v, false, rd, r);
    case ARM_V_SHADD:
    case ARM_V_UHADD: return halved_sum(s, op == ARM_V_SHADD, false, x, y);
    case ARM_V_SRHADD:
    case ARM_V_URHADD: return halved_sum(s, op == ARM_V_SRHADD, true, x, y);
    case ARM_V_SHSUB:
    case ARM_V_UHSUB: return halved_difference(s, op == ARM_V_SHSUB, x, y);
    default: return compare(v, op, x, y);
    }
}

static ir_val three_same(const struct arm_vec *v)
{
    const struct arm_args_v_same *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val y = arm_elem(v, v->size, a->rm, 0);

    return two(v, a->op, a->rd, x, y);
}

ARM_FP_SEM(v_same)
{
    struct arm_vec v = {
        .s = s, .args = a, .q = a->q, .size = a->size, .saturates = a->op >= ARM_V_SATURATING
    };

    arm_each(&v, a->rd, three_same);
}

/* The second operand is one element, which is in none of the registers that change meanwhile. */
struct by_elem {
    const struct arm_args_v_by_elem *a;
    ir_val y;
};

static ir_val by_elem(const struct arm_vec *v)
{
    const struct by_elem *b = v->args;
    ir_val x = arm_elem(v, v->size, b->a->rn, 0);

    return two(v, b->a->op, b->a->rd, x, b->y);
}

ARM_FP_SEM(v_by_elem)
{
    struct by_elem b = { .a = a };
    struct arm_vec v = {
        .s = s, .args = &b, .q = a->q, .size = a->size, .saturates = a->op >= ARM_V_SATURATING
    };
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, arm_mem_type(a->size), a->rm, at, 16);
    arm_each(&v, a->rd, by_elem);
}

/* --- of one operand --- */

/* How many bits below the sign are like it: where neighbours differ first. */
static ir_val cls(struct ir_builder *s, ir_val x)
{
    ir_val one = ir_const(s, ir_type_of(s, x), 1);
    ir_val up = ir_shl(s, x, one);
    ir_val differ = ir_xor(s, x, up);
    ir_val bounded = ir_or(s, differ, one);

    return ir_clz(s, bounded);
}

static ir_val absolute(struct ir_builder *s, ir_val x)
{
    ir_val minus = ir_neg(s, x);

    return ir_maxs(s, x, minus);
}

/* 0 - x clipped, where x is negative or always. */
static ir_val sat_negate(const struct arm_vec *v, bool always, ir_val x)
{
    ir_val zero = arm_zero(v->s, x);

    if (always)
        return arm_sat_addsub(v, true, true, zero, x);
    ir_val negative = ir_lts(v->s, x, zero);
    ir_val minus = ir_select(v->s, negative, x, zero);
    ir_val plus = ir_select(v->s, negative, zero, x);
    ir_val r = arm_sat_addsub(v, true, true, zero, minus);

    return ir_or(v->s, r, plus);
}

static ir_val one(const struct arm_vec *v, int op, sem_reg rd, ir_val x)
{
    struct ir_builder *s = v->s;
    ir_val y;

    switch (op) {
    case ARM_V_CLS: return cls(s, x);
    case ARM_V_CLZ: return ir_clz(s, x);
    case ARM_V_CNT: return ir_popcnt(s, x);
    case ARM_V_NOT: return ir_not(s, x);
    case ARM_V_RBIT: return ir_bitrev(s, x);
    case ARM_V_ABS: return absolute(s, x);
    case ARM_V_NEG: return ir_neg(s, x);
    case ARM_V_SQABS:
    case ARM_V_SQNEG: return sat_negate(v, op == ARM_V_SQNEG, x);
    case ARM_V_SUQADD:
    case ARM_V_USQADD:
        y = arm_elem(v, v->size, rd, 0);
        return mixed_sum(v, op == ARM_V_SUQADD, x, y);
    default: y = arm_zero(s, x); return compare(v, op, x, y);
    }
}

static ir_val two_misc(const struct arm_vec *v)
{
    const struct arm_args_v_misc *a = v->args;
    ir_val x = arm_elem(v, v->size, a->rn, 0);

    return one(v, a->op, a->rd, x);
}

ARM_FP_SEM(v_misc)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    v.saturates = a->op >= ARM_V_SATURATING && a->op <= ARM_V_SQNEG;
    arm_each(&v, a->rd, two_misc);
}

/* --- pairs --- */

struct arm_couple arm_pair(const struct arm_vec *v, sem_reg rn, sem_reg rm)
{
    struct ir_builder *s = v->s;
    unsigned count = arm_bytes(v->q) >> v->size;
    ir_val one_bit = ir_const(s, IR_I64, 1);
    ir_val middle = ir_const(s, IR_I64, count / 2);
    ir_val last = ir_const(s, IR_I64, count - 1);
    ir_val second = ir_leu(s, middle, v->i);
    ir_val twice = ir_shl(s, v->i, one_bit);
    ir_val even = ir_and(s, twice, last);
    ir_val odd = ir_or(s, even, one_bit);
    ir_val n0 = arm_elem_at(v, v->size, rn, even);
    ir_val n1 = arm_elem_at(v, v->size, rn, odd);
    ir_val m0 = arm_elem_at(v, v->size, rm, even);
    ir_val m1 = arm_elem_at(v, v->size, rm, odd);
    struct arm_couple c;

    c.x = ir_select(s, second, m0, n0);
    c.y = ir_select(s, second, m1, n1);
    return c;
}

static ir_val pairwise(const struct arm_vec *v)
{
    const struct arm_args_v_pair *a = v->args;
    struct arm_couple c = arm_pair(v, a->rn, a->rm);

    return two(v, a->op, a->rd, c.x, c.y);
}

ARM_FP_SEM(v_pair)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, pairwise);
}

/* addp d, v.2d */
ARM_FP_SEM(v_pair_scalar)
{
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val y = ir_get(s, IR_I64, sem_reg_at(a->rn, 8));
    ir_val r = ir_add(s, x, y);

    arm_set_v(s, a->rd, r);
}

/* SADDLP, SADALP and the unsigned ones: size is the result's. */
static ir_val pair_long(const struct arm_vec *v)
{
    const struct arm_args_v_pair_long *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size);
    ir_val both = arm_elem(v, v->size, a->rn, 0);
    ir_val by = ir_const(s, t, 4ull << v->size);
    ir_val up = ir_shl(s, both, by);
    ir_val x = a->sign ? ir_sar(s, up, by) : ir_shr(s, up, by);
    ir_val y = a->sign ? ir_sar(s, both, by) : ir_shr(s, both, by);
    ir_val r = ir_add(s, x, y);

    return a->add ? accumulate(v, false, a->rd, r) : r;
}

ARM_FP_SEM(v_pair_long)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size + 1 };

    arm_each(&v, a->rd, pair_long);
}

/* --- across a register --- */

/* Widened by sign where it is not ARM_N_CUT. */
static ir_val across_elem(const struct arm_vec *v, int wide, sem_reg rn, ir_val n)
{
    ir_val x = arm_elem_at(v, v->size, rn, n);

    if (wide == ARM_N_CUT)
        return x;
    return wide == ARM_N_SIGNED ? ir_sext(v->s, arm_mem_type(v->size + 1), x)
                                : ir_zext(v->s, arm_mem_type(v->size + 1), x);
}

ARM_FP_SEM(v_across)
{
    struct arm_vec v = { .s = s, .q = a->q, .size = a->size };
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val one_more = ir_const(s, IR_I64, 1);
    ir_val count = ir_const(s, IR_I64, arm_bytes(a->q) >> a->size);
    ir_val first = across_elem(&v, a->wide, a->rn, zero);
    ir_var all = ir_var_new(s, first);
    ir_val i = ir_vloop(s, (struct ir_shape){ .element = (u8)(1 << a->size) }, one_more, count);
    ir_val x = across_elem(&v, a->wide, a->rn, i);
    ir_val before = ir_var_get(s, all);
    ir_val now = a->op == ARM_V_ADD ? ir_add(s, before, x) : minmax(s, a->op, before, x);

    ir_var_set(s, all, now);
    ir_endvloop(s);
    now = ir_var_get(s, all);
    arm_set_v(s, a->rd, now);
}
