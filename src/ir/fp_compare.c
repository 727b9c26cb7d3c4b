/*
 * fp_compare.c - order, minimum and maximum, classes (IEEE 754-2019 5.11, 9.6,
 * 5.7.2; 754-2008 5.3.1 for minNum).
 */
#include "ir/fp_internal.h"

/* -1, 0 or 1: magnitudes of two numbers that are no NaN. */
static int order_magnitude(const struct fp_num *a, const struct fp_num *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind != FP_KIND_FINITE)
        return 0;
    if (a->exp != b->exp)
        return a->exp < b->exp ? -1 : 1;
    return a->sig < b->sig ? -1 : a->sig > b->sig;
}

/* -1, 0 or 1: as numbers, the zeros equal. */
static int order(const struct fp_num *a, const struct fp_num *b)
{
    if (a->kind == FP_KIND_ZERO && b->kind == FP_KIND_ZERO)
        return 0;
    if (a->sign != b->sign)
        return a->sign ? -1 : 1;
    return a->sign ? order_magnitude(b, a) : order_magnitude(a, b);
}

/* Signalling, or not an encoding at all. */
static bool signals(const struct fp_num *a)
{
    return a->kind > FP_KIND_QNAN;
}

enum fp_cmp fp_compare(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b,
                       bool signal_qnan, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, FP_RNE);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    enum fp_cmp result = FP_UNORDERED;

    if (fp_num_is_nan(&x) || fp_num_is_nan(&y)) {
        if (signal_qnan || signals(&x) || signals(&y))
            op.flags |= FP_NV;
    } else {
        fp_note_denormal(&op, x.denormal || y.denormal);
        result = (enum fp_cmp)(FP_EQ + order(&x, &y));
    }
    *flags |= op.flags;
    return result;
}

/* An operand as it is, except that a flushed denormal is a zero. */
static fp_bits operand(const struct fp_op *op, const struct fp_num *n, fp_bits bits)
{
    if (n->kind == FP_KIND_ZERO)
        return fp_pack_zero(op, n->sign);
    return fp_bits_u128(fp_bits_get(bits) & fp_mask128(op->lay->width));
}

/* At least one operand is a NaN. */
static fp_bits minmax_nan(struct fp_op *op, const struct fp_num *x, const struct fp_num *y,
                          fp_bits a, fp_bits b, enum fp_minmax how)
{
    const struct fp_num *from[] = { x, y };
    bool both = fp_num_is_nan(x) && fp_num_is_nan(y), signal = signals(x) || signals(y);

    if (how == FP_MM_SSE) {
        op->flags |= FP_NV;
        return operand(op, y, b);
    }
    if (!both && (how == FP_MM_NUMBER || (how == FP_MM_NUM2008 && !signal))) {
        if (signal)
            op->flags |= FP_NV;
        return fp_num_is_nan(x) ? operand(op, y, b) : operand(op, x, a);
    }
    return fp_nan_result(op, 2, from);
}

static fp_bits minmax(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b,
                      enum fp_minmax how, bool max, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, FP_RNE);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    fp_bits result;

    if (fp_num_is_nan(&x) || fp_num_is_nan(&y)) {
        result = minmax_nan(&op, &x, &y, a, b, how);
    } else {
        int o = order(&x, &y);

        fp_note_denormal(&op, x.denormal || y.denormal);
        if (o == 0 && how != FP_MM_SSE) /* equal: only zeros differ, by sign */
            o = (int)y.sign - (int)x.sign;
        result = (max ? o > 0 : o < 0) ? operand(&op, &x, a) : operand(&op, &y, b);
    }
    *flags |= op.flags;
    return result;
}

fp_bits fp_min(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b, enum fp_minmax how,
               u8 *flags)
{
    return minmax(fmt, rules, a, b, how, false, flags);
}

fp_bits fp_max(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b, enum fp_minmax how,
               u8 *flags)
{
    return minmax(fmt, rules, a, b, how, true, flags);
}

unsigned fp_class(enum fp_format fmt, fp_bits a)
{
    struct fp_num n = fp_unpack_raw(&fp_layouts[fmt], a);

    switch ((enum fp_kind)n.kind) {
    case FP_KIND_ZERO: return n.sign ? 1u << 3 : 1u << 4;
    case FP_KIND_INF: return n.sign ? 1u << 0 : 1u << 7;
    case FP_KIND_QNAN: return 1u << 9;
    case FP_KIND_SNAN: return 1u << 8;
    case FP_KIND_UNSUPPORTED: return 1u << 8;
    case FP_KIND_FINITE: break;
    }
    if (n.denormal)
        return n.sign ? 1u << 2 : 1u << 5;
    return n.sign ? 1u << 1 : 1u << 6;
}

bool fp_is_nan(enum fp_format fmt, fp_bits a)
{
    return fp_class(fmt, a) & (1u << 8 | 1u << 9);
}

bool fp_is_snan(enum fp_format fmt, fp_bits a)
{
    return fp_class(fmt, a) & 1u << 8;
}

bool fp_is_inf(enum fp_format fmt, fp_bits a)
{
    return fp_class(fmt, a) & (1u << 0 | 1u << 7);
}

bool fp_is_zero(enum fp_format fmt, fp_bits a)
{
    return fp_class(fmt, a) & (1u << 3 | 1u << 4);
}

bool fp_is_denormal(enum fp_format fmt, fp_bits a)
{
    return fp_class(fmt, a) & (1u << 2 | 1u << 5);
}
