/*
 * arm_simd_shift.sem.c - shifts of elements, by registers and by immediates, and narrowing.
 */
#include "isa/arm64/simd.h"

/* --- by a register: left, or right where its lowest byte is negative --- */

struct by {
    ir_val left;    /* it is no right shift */
    ir_val amount;  /* of a left shift */
    ir_val less1;   /* of a right shift, less 1, kept below the width */
    ir_val too_far; /* right, over all bits and one more */
};

static struct by amount(struct ir_builder *s, enum ir_type t, ir_val byte)
{
    ir_val zero = ir_const(s, t, 0);
    ir_val last = ir_const(s, t, ir_type_bits(t) - 1);
    ir_val wide = ir_sext(s, t, byte);
    ir_val less1 = ir_not(s, wide); /* -wide - 1 */
    struct by b;

    b.left = ir_les(s, zero, wide);
    b.amount = wide;
    b.less1 = ir_minu(s, less1, last);
    b.too_far = ir_ltu(s, last, less1);
    return b;
}

static ir_val right(struct ir_builder *s, const struct by *b, bool is_signed, bool round, ir_val x)
{
    ir_val zero = arm_zero(s, x);
    ir_val r = arm_shift_right(s, x, b->less1, is_signed, round);

    return is_signed ? r : ir_select(s, b->too_far, zero, r);
}

/* What no longer fits is cut off, or clipped. */
static ir_val left(const struct arm_vec *v, ir_val by, bool is_signed, bool saturate, ir_val x,
                   ir_val really)
{
    struct ir_builder *s = v->s;
    enum ir_type t = ir_type_of(s, x);
    ir_val width = ir_const(s, t, ir_type_bits(t));
    ir_val zero = ir_const(s, t, 0);
    ir_val fits = ir_ltu(s, by, width);
    ir_val up = ir_shl(s, x, by);
    ir_val r = ir_select(s, fits, up, zero);

    if (!saturate)
        return r;
    ir_val back = is_signed ? ir_sar(s, r, by) : ir_shr(s, r, by);
    ir_val lost = ir_ne(s, back, x);
    ir_val something = ir_ne(s, x, zero);
    ir_val over = ir_select(s, fits, lost, something);
    ir_val last = ir_const(s, t, ir_type_bits(t) - 1);
    ir_val largest = ir_const(s, t, bits_mask(ir_type_bits(t) - is_signed));
    ir_val sign = is_signed ? ir_sar(s, x, last) : zero;
    ir_val limit = ir_xor(s, largest, sign);
    ir_val counts = ir_and(s, over, really);

    arm_saturated(v, counts);
    return ir_select(s, over, limit, r);
}

static ir_val shift_by_reg(const struct arm_vec *v)
{
    const struct arm_args_v_shift_reg *a = v->args;
    struct ir_builder *s = v->s;
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val y = arm_elem(v, v->size, a->rm, 0);
    ir_val byte = ir_trunc(s, IR_I8, y);
    struct by b = amount(s, ir_type_of(s, x), byte);
    ir_val down = right(s, &b, a->sign, a->round, x);
    ir_val up = left(v, b.amount, a->sign, a->saturate, x, b.left);

    return ir_select(s, b.left, up, down);
}

ARM_FP_SEM(v_shift_reg)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size, .saturates = a->saturate };

    arm_each(&v, a->rd, shift_by_reg);
}

/* --- by an immediate --- */

/* immh: its highest bit says how wide elements are. */
static int size_of(int immh)
{
    return immh >= 8 ? 3 : immh >= 4 ? 2 : immh >= 2 ? 1 : 0;
}

static ir_val shift_right(const struct arm_vec *v)
{
    const struct arm_args_v_shift_right *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size);
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val less1 = ir_imm(s, t, a->less1);
    ir_val r = arm_shift_right(s, x, less1, a->sign, a->round);

    if (a->into == ARM_S_SET)
        return r;
    ir_val d = arm_elem(v, v->size, a->rd, 0);

    if (a->into == ARM_S_ADD)
        return ir_add(s, d, r);
    /* SRI: bits that come in are the destination's */
    ir_val one = ir_const(s, t, 1);
    ir_val ones = ir_const(s, t, ~0ull);
    ir_val most = ir_shr(s, ones, less1);
    ir_val room = ir_shr(s, most, one);
    ir_val kept = ir_andn(s, d, room);

    return ir_or(s, kept, r);
}

ARM_FP_SEM(v_shift_right)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = size_of(a->immh) };

    arm_each(&v, a->rd, shift_right);
}

static ir_val shift_left(const struct arm_vec *v)
{
    const struct arm_args_v_shift_left *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size);
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val by = ir_imm(s, t, a->by);
    ir_val r = ir_shl(s, x, by);

    if (a->into == ARM_S_SET)
        return r;
    ir_val d = arm_elem(v, v->size, a->rd, 0);
    ir_val ones = ir_const(s, t, ~0ull);
    ir_val room = ir_shl(s, ones, by);
    ir_val kept = ir_andn(s, d, room);

    return ir_or(s, kept, r);
}

ARM_FP_SEM(v_shift_left)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = size_of(a->immh) };

    arm_each(&v, a->rd, shift_left);
}

/* SQSHL, UQSHL, and SQSHLU, which makes negative numbers 0. */
static ir_val shift_left_sat(const struct arm_vec *v)
{
    const struct arm_args_v_shift_left_sat *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size);
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val by = ir_imm(s, t, a->by);
    ir_val yes = ir_const(s, IR_I1, 1);

    if (a->from == ARM_N_SIGNED && a->to == ARM_N_UNSIGNED) {
        ir_val zero = ir_const(s, t, 0);
        ir_val negative = ir_lts(s, x, zero);

        arm_saturated(v, negative);
        x = ir_select(s, negative, zero, x);
    }
    return left(v, by, a->to == ARM_N_SIGNED, true, x, yes);
}

ARM_FP_SEM(v_shift_left_sat)
{
    struct arm_vec v = {
        .s = s, .args = a, .q = a->q, .size = size_of(a->immh), .saturates = true
    };

    arm_each(&v, a->rd, shift_left_sat);
}

static ir_val shift_long(const struct arm_vec *v)
{
    const struct arm_args_v_shift_long *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size);
    ir_val x = arm_elem(v, v->size - 1, a->rn, a->q == ARM_128 ? 8 : 0);
    ir_val wide = a->sign ? ir_sext(s, t, x) : ir_zext(s, t, x);
    ir_val by = ir_imm(s, t, a->by);

    return ir_shl(s, wide, by);
}

ARM_FP_SEM(v_shift_long)
{
    struct arm_vec v = { .s = s, .args = a, .q = ARM_128, .size = size_of(a->immh) + 1 };

    arm_collect(&v, a->rd, shift_long);
}

/* --- narrowing --- */

/* to: ARM_N_CUT takes the lower half as it is. */
static ir_val narrowed(const struct arm_vec *v, int from, int to, ir_val x)
{
    enum ir_type t = arm_mem_type(v->size);

    if (to == ARM_N_CUT)
        return ir_trunc(v->s, t, x);
    return arm_clip(v, x, from == ARM_N_SIGNED, t, to == ARM_N_SIGNED);
}

static ir_val shift_narrow(const struct arm_vec *v)
{
    const struct arm_args_v_shift_narrow *a = v->args;
    struct ir_builder *s = v->s;
    ir_val x = arm_elem(v, v->size + 1, a->rn, 0);
    ir_val less1 = ir_imm(s, arm_mem_type(v->size + 1), a->less1);
    ir_val r = arm_shift_right(s, x, less1, a->from == ARM_N_SIGNED, a->round);

    return narrowed(v, a->from, a->to, r);
}

ARM_FP_SEM(v_shift_narrow)
{
    struct arm_vec v = {
        .s = s, .args = a, .q = a->q, .size = size_of(a->immh), .saturates = a->to != ARM_N_CUT
    };

    arm_collect_half(&v, a->rd, shift_narrow);
}

static ir_val narrow(const struct arm_vec *v)
{
    const struct arm_args_v_narrow *a = v->args;
    ir_val x = arm_elem(v, v->size + 1, a->rn, 0);

    return narrowed(v, a->from, a->to, x);
}

ARM_FP_SEM(v_narrow)
{
    struct arm_vec v = {
        .s = s, .args = a, .q = a->q, .size = a->size, .saturates = a->to != ARM_N_CUT
    };

    arm_collect_half(&v, a->rd, narrow);
}

/* ADDHN, SUBHN and the rounding ones: upper halves. */
static ir_val add_narrow(const struct arm_vec *v)
{
    const struct arm_args_v_add_narrow *a = v->args;
    struct ir_builder *s = v->s;
    enum ir_type t = arm_mem_type(v->size + 1);
    ir_val x = arm_elem(v, v->size + 1, a->rn, 0);
    ir_val y = arm_elem(v, v->size + 1, a->rm, 0);
    ir_val r = a->sub ? ir_sub(s, x, y) : ir_add(s, x, y);
    ir_val by = ir_const(s, t, 8ull << v->size);

    if (a->round) {
        ir_val rounding = ir_const(s, t, 1ull << ((8 << v->size) - 1));

        r = ir_add(s, r, rounding);
    }
    ir_val high = ir_shr(s, r, by);

    return ir_trunc(s, arm_mem_type(v->size), high);
}

ARM_FP_SEM(v_add_narrow)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect_half(&v, a->rd, add_narrow);
}
