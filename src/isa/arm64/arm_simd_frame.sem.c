/*
 * arm_simd_frame.sem.c - what is around the meaning of an element: loops, halves of registers,
 * saturation.
 */
#include "isa/arm64/simd.h"

void arm_need_fp(struct ir_builder *s)
{
    ir_val traps = ir_get(s, IR_I1, ARM_SLOT(fp_traps));
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_raise_if(s, traps, ARM_EC_FP, zero);
}

void arm_set_halves(struct ir_builder *s, sem_reg rd, ir_val low, ir_val high)
{
    ir_set(s, rd, low);
    ir_set(s, sem_reg_at(rd, ARM_D_BYTES), high);
}

void arm_set_v(struct ir_builder *s, sem_reg rd, ir_val v)
{
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val low = ir_zext(s, IR_I64, v);

    arm_set_halves(s, rd, low, zero);
}

/* --- elements --- */

ir_val arm_elem_at(const struct arm_vec *v, int size, sem_reg r, ir_val n)
{
    ir_val by = ir_const(v->s, IR_I64, (u64)size);
    ir_val at = ir_shl(v->s, n, by);

    return ir_getx(v->s, arm_mem_type(size), r, at, ARM_V_BYTES);
}

ir_val arm_elem(const struct arm_vec *v, int size, sem_reg r, unsigned from)
{
    if (v->q == ARM_SCALAR)
        return ir_get(v->s, arm_mem_type(size), sem_reg_at(r, from));
    ir_val by = ir_const(v->s, IR_I64, (u64)size);
    ir_val at = ir_shl(v->s, v->i, by);

    return ir_getx(v->s, arm_mem_type(size), sem_reg_at(r, from), at, ARM_V_BYTES - from);
}

static void loop(struct arm_vec *v, unsigned from, unsigned to)
{
    ir_val first = ir_const(v->s, IR_I64, from);
    ir_val end = ir_const(v->s, IR_I64, to);

    v->i = ir_vloop(v->s, (struct ir_shape){ .element = (u8)(1 << v->size) }, first, end);
}

static void begin(struct arm_vec *v)
{
    if (!v->saturates)
        return;
    ir_val qc = ir_get(v->s, IR_I1, ARM_SLOT(qc));

    v->qc = ir_var_new(v->s, qc);
}

static void end(struct arm_vec *v)
{
    if (!v->saturates)
        return;
    ir_val qc = ir_var_get(v->s, v->qc);

    ir_set(v->s, ARM_SLOT(qc), qc);
}

static void one(struct arm_vec *v, sem_reg rd, arm_element *fn)
{
    ir_val r = fn(v);

    arm_set_v(v->s, rd, r);
}

static void each(struct arm_vec *v, sem_reg rd, arm_element *fn)
{
    unsigned count = arm_bytes(v->q) >> v->size;

    loop(v, 0, count);
    ir_val r = fn(v);
    ir_val by = ir_const(v->s, IR_I64, (u64)v->size);
    ir_val at = ir_shl(v->s, v->i, by);

    ir_setx(v->s, rd, at, r, ARM_V_BYTES);
    ir_endvloop(v->s);
    if (v->q == ARM_64) {
        ir_val zero = ir_const(v->s, IR_I64, 0);

        ir_set(v->s, sem_reg_at(rd, ARM_D_BYTES), zero);
    }
}

void arm_each(struct arm_vec *v, sem_reg rd, arm_element *fn)
{
    begin(v);
    if (v->q == ARM_SCALAR)
        one(v, rd, fn);
    else
        each(v, rd, fn);
    end(v);
}

/* The 64 bits that elements from number `first` on make. */
static ir_val word(struct arm_vec *v, unsigned first, arm_element *fn)
{
    unsigned count = ARM_D_BYTES >> v->size;

    if (count == 1) {
        v->i = ir_const(v->s, IR_I64, first);
        return fn(v);
    }
    ir_val zero = ir_const(v->s, IR_I64, 0);
    ir_var all = ir_var_new(v->s, zero);

    loop(v, first, first + count);
    ir_val r = fn(v);
    ir_val wide = ir_zext(v->s, IR_I64, r);
    ir_val by = ir_const(v->s, IR_I64, 3 + (u64)v->size);
    ir_val at = ir_shl(v->s, v->i, by); /* modulo 64 when it is used */
    ir_val placed = ir_shl(v->s, wide, at);
    ir_val before = ir_var_get(v->s, all);
    ir_val now = ir_or(v->s, before, placed);

    ir_var_set(v->s, all, now);
    ir_endvloop(v->s);
    return ir_var_get(v->s, all);
}

void arm_collect(struct arm_vec *v, sem_reg rd, arm_element *fn)
{
    begin(v);
    if (v->q == ARM_SCALAR) {
        one(v, rd, fn);
    } else {
        ir_val low = word(v, 0, fn);
        ir_val high =
            v->q == ARM_128 ? word(v, ARM_D_BYTES >> v->size, fn) : ir_const(v->s, IR_I64, 0);

        arm_set_halves(v->s, rd, low, high);
    }
    end(v);
}

void arm_collect_half(struct arm_vec *v, sem_reg rd, arm_element *fn)
{
    begin(v);
    if (v->q == ARM_SCALAR) {
        one(v, rd, fn);
    } else {
        ir_val r = word(v, 0, fn);

        if (v->q == ARM_128)
            ir_set(v->s, sem_reg_at(rd, ARM_D_BYTES), r);
        else
            arm_set_v(v->s, rd, r);
    }
    end(v);
}

/* --- saturation (SatQ) --- */

void arm_saturated(const struct arm_vec *v, ir_val clipped)
{
    ir_val before = ir_var_get(v->s, v->qc);
    ir_val now = ir_or(v->s, before, clipped);

    ir_var_set(v->s, v->qc, now);
}

/* The largest number of x's type, or the smallest when x is negative. */
static ir_val limit_like(struct ir_builder *s, ir_val x)
{
    enum ir_type t = ir_type_of(s, x);
    ir_val by = ir_const(s, t, ir_type_bits(t) - 1);
    ir_val largest = ir_const(s, t, (1ull << (ir_type_bits(t) - 1)) - 1);
    ir_val sign = ir_sar(s, x, by);

    return ir_xor(s, sign, largest);
}

ir_val arm_sat_addsub(const struct arm_vec *v, bool sub, bool is_signed, ir_val x, ir_val y)
{
    struct ir_builder *s = v->s;
    ir_val no = ir_const(s, IR_I1, 0);
    ir_val r = sub ? ir_sub(s, x, y) : ir_add(s, x, y);
    ir_val over, limit;

    if (is_signed) {
        over = sub ? ir_subovf(s, x, y, no) : ir_addovf(s, x, y, no);
        limit = limit_like(s, x);
    } else {
        over = sub ? ir_borrow(s, x, y, no) : ir_carry(s, x, y, no);
        limit = ir_const(s, ir_type_of(s, x), sub ? 0 : ~0ull);
    }
    arm_saturated(v, over);
    return ir_select(s, over, limit, r);
}

ir_val arm_clip(const struct arm_vec *v, ir_val x, bool is_signed, enum ir_type t, bool to_signed)
{
    struct ir_builder *s = v->s;
    enum ir_type from = ir_type_of(s, x);
    ir_val most = ir_const(s, from, bits_mask(ir_type_bits(t) - to_signed));
    ir_val below = is_signed ? ir_mins(s, x, most) : ir_minu(s, x, most);
    ir_val clipped = below;

    if (is_signed) {
        ir_val least = to_signed ? ir_not(s, most) : ir_const(s, from, 0);

        clipped = ir_maxs(s, below, least);
    }
    ir_val differs = ir_ne(s, clipped, x);

    arm_saturated(v, differs);
    return ir_trunc(s, t, clipped);
}

ir_val arm_shift_right(struct ir_builder *s, ir_val x, ir_val less1, bool is_signed, bool round)
{
    ir_val one = ir_const(s, ir_type_of(s, x), 1);
    ir_val most = is_signed ? ir_sar(s, x, less1) : ir_shr(s, x, less1);
    ir_val down = is_signed ? ir_sar(s, most, one) : ir_shr(s, most, one);

    if (!round)
        return down;
    ir_val half = ir_and(s, most, one);

    return ir_add(s, down, half);
}
