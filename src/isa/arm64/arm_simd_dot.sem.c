/*
 * arm_simd_dot.sem.c - sums of products within groups of elements: dot products and matrix
 * products of bytes (DotProd, I8MM) and of bfloat16, complex arithmetic (FCMA), half precision
 * into single (FHM).
 */
#include "isa/arm64/fp_sem.h"

/* --- bytes --- */

/* Byte k of x, extended to 32 bits. */
static ir_val byte_of(struct ir_builder *s, ir_val x, unsigned k, bool is_signed)
{
    enum ir_type t = ir_type_of(s, x);
    ir_val by = ir_const(s, t, 8 * k);
    ir_val down = ir_shr(s, x, by);
    ir_val byte = ir_trunc(s, IR_I8, down);

    return is_signed ? ir_sext(s, IR_I32, byte) : ir_zext(s, IR_I32, byte);
}

/* sum + the products of all bytes of x and y */
static ir_val dot(struct ir_builder *s, ir_val sum, ir_val x, ir_val y, bool x_signed,
                  bool y_signed)
{
    for (unsigned k = 0; k < ir_type_size(ir_type_of(s, x)); k++) {
        ir_val xb = byte_of(s, x, k, x_signed);
        ir_val yb = byte_of(s, y, k, y_signed);
        ir_val product = ir_mul(s, xb, yb);

        sum = ir_add(s, sum, product);
    }
    return sum;
}

static ir_val dot_element(const struct arm_vec *v)
{
    const struct arm_args_v_dot *a = v->args;
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x = arm_elem(v, 2, a->rn, 0);
    ir_val y = arm_elem(v, 2, a->rm, 0);

    return dot(v->s, d, x, y, a->n_signed, a->m_signed);
}

ARM_FP_SEM(v_dot)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 2 };

    arm_each(&v, a->rd, dot_element);
}

struct dot_by_elem {
    const struct arm_args_v_dot_by_elem *a;
    ir_val y;
};

static ir_val dot_by_elem(const struct arm_vec *v)
{
    const struct dot_by_elem *b = v->args;
    ir_val d = arm_elem(v, 2, b->a->rd, 0);
    ir_val x = arm_elem(v, 2, b->a->rn, 0);

    return dot(v->s, d, x, b->y, b->a->n_signed, b->a->m_signed);
}

ARM_FP_SEM(v_dot_by_elem)
{
    struct dot_by_elem b = { .a = a };
    struct arm_vec v = { .s = s, .args = &b, .q = a->q, .size = 2 };
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, IR_I32, a->rm, at, ARM_V_BYTES);
    arm_each(&v, a->rd, dot_by_elem);
}

/* Element i of two by two: the row of n, the column of m, 8 bytes each. */
static void row_and_column(const struct arm_vec *v, sem_reg rn, sem_reg rm, ir_val *x, ir_val *y)
{
    ir_val one = ir_const(v->s, IR_I64, 1);
    ir_val row = ir_shr(v->s, v->i, one);
    ir_val column = ir_and(v->s, v->i, one);

    *x = arm_elem_at(v, 3, rn, row);
    *y = arm_elem_at(v, 3, rm, column);
}

static ir_val matrix_element(const struct arm_vec *v)
{
    const struct arm_args_v_matrix *a = v->args;
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x, y;

    row_and_column(v, a->rn, a->rm, &x, &y);
    return dot(v->s, d, x, y, a->n_signed, a->m_signed);
}

ARM_FP_SEM(v_matrix)
{
    struct arm_vec v = { .s = s, .args = a, .q = ARM_128, .size = 2 };

    arm_collect(&v, a->rd, matrix_element);
}

/* --- bfloat16 --- */

/* Two products of 16-bit halves are added (BFDotAdd). */
static ir_val bf_dot(struct ir_builder *s, ir_val d, ir_val x, ir_val y)
{
    ir_val d64 = ir_zext(s, IR_I64, d);
    ir_val x64 = ir_zext(s, IR_I64, x);
    ir_val y64 = ir_zext(s, IR_I64, y);
    ir_val r = ir_call(s, &arm_helper_bf_dot, d64, x64, y64);

    return ir_trunc(s, IR_I32, r);
}

static ir_val bf_dot_element(const struct arm_vec *v)
{
    const struct arm_args_vb_dot *a = v->args;
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x = arm_elem(v, 2, a->rn, 0);
    ir_val y = arm_elem(v, 2, a->rm, 0);

    return bf_dot(v->s, d, x, y);
}

ARM_FP_SEM(vb_dot)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 2 };

    arm_each(&v, a->rd, bf_dot_element);
}

struct bf_by_elem {
    sem_reg rd, rn;
    ir_val y;
    unsigned top;
};

static ir_val bf_dot_by_elem(const struct arm_vec *v)
{
    const struct bf_by_elem *b = v->args;
    ir_val d = arm_elem(v, 2, b->rd, 0);
    ir_val x = arm_elem(v, 2, b->rn, 0);

    return bf_dot(v->s, d, x, b->y);
}

ARM_FP_SEM(vb_dot_by_elem)
{
    struct bf_by_elem b = { .rd = a->rd, .rn = a->rn };
    struct arm_vec v = { .s = s, .args = &b, .q = a->q, .size = 2 };
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, IR_I32, a->rm, at, ARM_V_BYTES);
    arm_each(&v, a->rd, bf_dot_by_elem);
}

static ir_val bf_matrix_element(const struct arm_vec *v)
{
    const struct arm_args_vb_matrix *a = v->args;
    struct ir_builder *s = v->s;
    ir_val half = ir_const(s, IR_I64, 32);
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x, y;

    row_and_column(v, a->rn, a->rm, &x, &y);
    for (unsigned k = 0; k < 2; k++) {
        ir_val x32 = ir_trunc(s, IR_I32, x);
        ir_val y32 = ir_trunc(s, IR_I32, y);

        d = bf_dot(s, d, x32, y32);
        x = ir_shr(s, x, half);
        y = ir_shr(s, y, half);
    }
    return d;
}

ARM_FP_SEM(vb_matrix)
{
    struct arm_vec v = { .s = s, .args = a, .q = ARM_128, .size = 2 };

    arm_collect(&v, a->rd, bf_matrix_element);
}

/* A bfloat16 is the upper half of a single: of a pair the lower or the upper one. */
static ir_val widened(struct ir_builder *s, ir_val pair, unsigned top)
{
    ir_val by = ir_const(s, IR_I32, 16);
    ir_val upper = ir_const(s, IR_I32, 0xffff0000);

    return top ? ir_and(s, pair, upper) : ir_shl(s, pair, by);
}

static ir_val bf_long_element(const struct arm_vec *v)
{
    const struct arm_args_vb_long *a = v->args;
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x2 = arm_elem(v, 2, a->rn, 0);
    ir_val y2 = arm_elem(v, 2, a->rm, 0);
    ir_val x = widened(v->s, x2, (unsigned)a->top);
    ir_val y = widened(v->s, y2, (unsigned)a->top);

    return arm_fp_fma(v->s, 2, x, y, d);
}

/* BFMLALB, BFMLALT */
ARM_FP_SEM(vb_long)
{
    struct arm_vec v = { .s = s, .args = a, .q = ARM_128, .size = 2 };

    arm_each(&v, a->rd, bf_long_element);
}

static ir_val bf_long_by_elem(const struct arm_vec *v)
{
    const struct bf_by_elem *b = v->args;
    ir_val d = arm_elem(v, 2, b->rd, 0);
    ir_val x2 = arm_elem(v, 2, b->rn, 0);
    ir_val x = widened(v->s, x2, b->top);

    return arm_fp_fma(v->s, 2, x, b->y, d);
}

ARM_FP_SEM(vb_long_by_elem)
{
    struct bf_by_elem b = { .rd = a->rd, .rn = a->rn, .top = (unsigned)a->top };
    struct arm_vec v = { .s = s, .args = &b, .q = ARM_128, .size = 2 };
    ir_val at = ir_imm(s, IR_I64, a->at);
    ir_val y16 = ir_getx(s, IR_I16, a->rm, at, ARM_V_BYTES);
    ir_val y32 = ir_zext(s, IR_I32, y16);

    b.y = widened(s, y32, 0);
    arm_each(&v, a->rd, bf_long_by_elem);
}

static ir_val to_bf(struct ir_builder *s, ir_val x)
{
    struct ir_fp how = arm_fp_how(2, IR_ROUND_DYNAMIC);

    how.format = FP_BF16;
    return ir_fcvt(s, x, how);
}

ARM_FP_SEM(bf_convert)
{
    ir_val x = ir_get(s, IR_I32, a->rn);
    ir_val r = to_bf(s, x);

    arm_set_v(s, a->rd, r);
}

static ir_val bf_narrow(const struct arm_vec *v)
{
    const struct arm_args_vb_narrow *a = v->args;
    ir_val x = arm_elem(v, 2, a->rn, 0);

    return to_bf(v->s, x);
}

ARM_FP_SEM(vb_narrow)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 1 };

    arm_collect_half(&v, a->rd, bf_narrow);
}

/* --- complex numbers: a real part, an imaginary part --- */

/* x with its sign turned in the real parts, in the imaginary ones: bits 0 and 1 of `where`. */
static ir_val turned(const struct arm_vec *v, unsigned where, ir_val x)
{
    struct ir_builder *s = v->s;
    ir_val mask = ir_const(s, IR_I64, where);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val last = ir_const(s, ir_type_of(s, x), ir_type_bits(ir_type_of(s, x)) - 1);
    ir_val number = ir_and(s, v->i, one);
    ir_val down = ir_shr(s, mask, number);
    ir_val turn = ir_trunc(s, IR_I1, down);
    ir_val bit = ir_zext(s, ir_type_of(s, x), turn);
    ir_val sign = ir_shl(s, bit, last);

    return ir_xor(s, x, sign);
}

/* FCADD: m turned by 90 (rot 0) or 270 degrees is added. */
static ir_val complex_add(const struct arm_vec *v)
{
    const struct arm_args_vf_complex_add *a = v->args;
    ir_val one = ir_const(v->s, IR_I64, 1);
    ir_val other = ir_xor(v->s, v->i, one);
    ir_val x = arm_elem(v, v->size, a->rn, 0);
    ir_val y = arm_elem_at(v, v->size, a->rm, other);
    ir_val t = turned(v, a->rot ? 2 : 1, y);

    return arm_fp_two(v->s, ARM_F_ADD, v->size, x, t, IR_NOVAL);
}

ARM_FP_SEM(vf_complex_add)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, complex_add);
}

/* FCMLA: one part of n times m, turned by rot * 90 degrees; m's part is number m_at + n. */
static ir_val complex_multiply(const struct arm_vec *v, int rot, sem_reg rd, sem_reg rn, ir_val y)
{
    static const u8 signs[4] = { 0, 1, 3, 2 };
    ir_val one = ir_const(v->s, IR_I64, 1);
    ir_val part = ir_const(v->s, IR_I64, (u64)rot & 1);
    ir_val even = ir_andn(v->s, v->i, one);
    ir_val n = ir_or(v->s, even, part);
    ir_val d = arm_elem(v, v->size, rd, 0);
    ir_val x = arm_elem_at(v, v->size, rn, n);
    ir_val t = turned(v, signs[rot], y);

    return arm_fp_fma(v->s, v->size, x, t, d);
}

/* Number i, or where parts change places its neighbour. */
static ir_val part_of(const struct arm_vec *v, int rot, ir_val i)
{
    ir_val change = ir_const(v->s, IR_I64, (u64)rot & 1);

    return ir_xor(v->s, i, change);
}

static ir_val complex_element(const struct arm_vec *v)
{
    const struct arm_args_vf_complex *a = v->args;
    ir_val from = part_of(v, a->rot, v->i);
    ir_val y = arm_elem_at(v, v->size, a->rm, from);

    return complex_multiply(v, a->rot, a->rd, a->rn, y);
}

ARM_FP_SEM(vf_complex)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, complex_element);
}

static ir_val complex_by_elem(const struct arm_vec *v)
{
    const struct arm_args_vf_complex_by_elem *a = v->args;
    ir_val one = ir_const(v->s, IR_I64, 1);
    ir_val size = ir_const(v->s, IR_I64, (u64)v->size);
    ir_val pair = ir_imm(v->s, IR_I64, a->at);
    ir_val base = ir_shr(v->s, pair, size);
    ir_val number = ir_and(v->s, v->i, one);
    ir_val within = part_of(v, a->rot, number);
    ir_val from = ir_or(v->s, base, within);
    ir_val y = arm_elem_at(v, v->size, a->rm, from);

    return complex_multiply(v, a->rot, a->rd, a->rn, y);
}

ARM_FP_SEM(vf_complex_by_elem)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, complex_by_elem);
}

/* --- half precision times itself, added to single --- */

static ir_val half_fma(struct ir_builder *s, bool sub, ir_val d, ir_val x, ir_val y)
{
    ir_val factor = sub ? arm_fp_negate(s, x) : x;
    ir_val d64 = ir_zext(s, IR_I64, d);
    ir_val x64 = ir_zext(s, IR_I64, factor);
    ir_val y64 = ir_zext(s, IR_I64, y);
    ir_val r = ir_call(s, &arm_helper_f_half_fma, d64, x64, y64);

    return ir_trunc(s, IR_I32, r);
}

/* Elements begin in the middle of what q says for FMLAL2 and FMLSL2. */
static unsigned half_from(int q, int part)
{
    return part ? arm_bytes(q) / 2 : 0;
}

static ir_val half_long(const struct arm_vec *v)
{
    const struct arm_args_vf_half_long *a = v->args;
    ir_val d = arm_elem(v, 2, a->rd, 0);
    ir_val x = arm_elem(v, 1, a->rn, half_from(a->q, a->part));
    ir_val y = arm_elem(v, 1, a->rm, half_from(a->q, a->part));

    return half_fma(v->s, a->sub, d, x, y);
}

ARM_FP_SEM(vf_half_long)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 2 };

    arm_collect(&v, a->rd, half_long);
}

struct half_by_elem {
    const struct arm_args_vf_half_by_elem *a;
    ir_val y;
};

static ir_val half_by_elem(const struct arm_vec *v)
{
    const struct half_by_elem *b = v->args;
    ir_val d = arm_elem(v, 2, b->a->rd, 0);
    ir_val x = arm_elem(v, 1, b->a->rn, half_from(b->a->q, b->a->part));

    return half_fma(v->s, b->a->sub, d, x, b->y);
}

ARM_FP_SEM(vf_half_by_elem)
{
    struct half_by_elem b = { .a = a };
    struct arm_vec v = { .s = s, .args = &b, .q = a->q, .size = 2 };
    ir_val at = ir_imm(s, IR_I64, a->at);

    b.y = ir_getx(s, IR_I16, a->rm, at, ARM_V_BYTES);
    arm_collect(&v, a->rd, half_by_elem);
}
