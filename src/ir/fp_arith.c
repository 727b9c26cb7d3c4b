/*
 * fp_arith.c - sum, product, quotient and square root (IEEE 754-2019 5.4.1;
 * invalid operations and division by zero: 7.2 and 7.3).
 */
#include "ir/fp_internal.h"

static fp_bits nan_of_two(struct fp_op *op, const struct fp_num *a, const struct fp_num *b)
{
    const struct fp_num *from[] = { a, b };

    return fp_nan_result(op, 2, from);
}

/* The sum of two finite non-zero numbers. */
static fp_bits add_finite(struct fp_op *op, const struct fp_num *a, const struct fp_num *b)
{
    if (a->exp < b->exp || (a->exp == b->exp && a->sig < b->sig)) {
        const struct fp_num *t = a;

        a = b;
        b = t;
    }
    u128 low = fp_shr_jam(b->sig, (unsigned)(a->exp - b->exp));

    if (a->sign == b->sign)
        return fp_normalize_pack(op, a->sign, a->exp, a->sig + low);
    if (a->sig == low)
        return fp_pack_zero(op, fp_zero_sum_sign(op, a->sign, b->sign));
    return fp_normalize_pack(op, a->sign, a->exp, a->sig - low);
}

static fp_bits add(struct fp_op *op, const struct fp_num *a, const struct fp_num *b)
{
    if (fp_num_is_nan(a) || fp_num_is_nan(b))
        return nan_of_two(op, a, b);
    if (a->kind == FP_KIND_INF && b->kind == FP_KIND_INF && a->sign != b->sign)
        return fp_invalid(op);
    fp_note_denormal(op, a->denormal || b->denormal);
    if (a->kind == FP_KIND_INF || b->kind == FP_KIND_INF)
        return fp_pack_inf(op, a->kind == FP_KIND_INF ? a->sign : b->sign);
    if (a->kind == FP_KIND_ZERO && b->kind == FP_KIND_ZERO)
        return fp_pack_zero(op, fp_zero_sum_sign(op, a->sign, b->sign));
    if (b->kind == FP_KIND_ZERO)
        return fp_round_pack(op, a->sign, a->exp, a->sig);
    if (a->kind == FP_KIND_ZERO)
        return fp_round_pack(op, b->sign, b->exp, b->sig);
    return add_finite(op, a, b);
}

fp_bits fp_add(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    fp_bits result = add(&op, &x, &y);

    *flags |= op.flags;
    return result;
}

fp_bits fp_sub(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);

    if (!fp_num_is_nan(&y)) /* a NaN keeps its sign */
        y.sign = !y.sign;
    fp_bits result = add(&op, &x, &y);

    *flags |= op.flags;
    return result;
}

static fp_bits mul_finite(struct fp_op *op, bool sign, const struct fp_num *a,
                          const struct fp_num *b)
{
    u128 hi, lo;

    fp_mul128(a->sig, b->sig, &hi, &lo); /* leading one at bit 252 or 253 */
    u128 sig = hi << 2 | lo >> 126 | ((lo << 2) != 0);

    return fp_normalize_pack(op, sign, a->exp + b->exp, sig);
}

/* zero_inf: what 0 * inf is; NULL for an invalid operation. */
static fp_bits mul(struct fp_op *op, const struct fp_num *a, const struct fp_num *b,
                   const struct fp_num *zero_inf)
{
    bool sign = a->sign != b->sign;

    if (fp_num_is_nan(a) || fp_num_is_nan(b))
        return nan_of_two(op, a, b);
    if ((a->kind == FP_KIND_INF && b->kind == FP_KIND_ZERO) ||
        (a->kind == FP_KIND_ZERO && b->kind == FP_KIND_INF))
        return zero_inf ? fp_round_pack(op, sign, zero_inf->exp, zero_inf->sig) : fp_invalid(op);
    fp_note_denormal(op, a->denormal || b->denormal);
    if (a->kind == FP_KIND_INF || b->kind == FP_KIND_INF)
        return fp_pack_inf(op, sign);
    if (a->kind == FP_KIND_ZERO || b->kind == FP_KIND_ZERO)
        return fp_pack_zero(op, sign);
    return mul_finite(op, sign, a, b);
}

fp_bits fp_mul(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    fp_bits result = mul(&op, &x, &y, NULL);

    *flags |= op.flags;
    return result;
}

fp_bits fp_mulx(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
                u8 *flags)
{
    static const struct fp_num two = { .kind = FP_KIND_FINITE,
                                       .exp = 1,
                                       .sig = (u128)1 << FP_SIG_TOP };
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    fp_bits result = mul(&op, &x, &y, &two);

    *flags |= op.flags;
    return result;
}

/* a / b with a >= b, leading one at FP_SIG_TOP, bit 0 sticky; both have at most
 * 64 significant bits: one digit of 64 bits below the leading one is enough. */
static u128 div_short(u128 a, u128 b)
{
    u64 divisor = (u64)(b >> (FP_SIG_TOP - 63));
    u128 rest = (a - b) << 1; /* (a - b) >> 63 << 64 */

    return (u128)1 << FP_SIG_TOP | rest / divisor << (FP_SIG_TOP - 64) | (rest % divisor != 0);
}

/* The same for any width, bit by bit. */
static u128 div_long(u128 a, u128 b, unsigned bits)
{
    u128 rest = a - b, q = 1;

    for (unsigned i = 0; i < bits; i++) {
        rest <<= 1;
        q <<= 1;
        if (rest >= b) {
            rest -= b;
            q |= 1;
        }
    }
    return q << (FP_SIG_TOP - bits) | (rest != 0);
}

static fp_bits div_finite(struct fp_op *op, bool sign, const struct fp_num *a,
                          const struct fp_num *b)
{
    u128 x = a->sig;
    s32 exp = a->exp - b->exp;
    bool shorter = op->lay->prec <= 64;

    if (x < b->sig) {
        exp--;
        x <<= 1;
    }
    /* (x - b) << 1 must fit: x - b < b < 2^127 */
    return fp_round_pack(op, sign, exp, shorter ? div_short(x, b->sig) : div_long(x, b->sig, 116));
}

static fp_bits div(struct fp_op *op, const struct fp_num *a, const struct fp_num *b)
{
    bool sign = a->sign != b->sign;

    if (fp_num_is_nan(a) || fp_num_is_nan(b))
        return nan_of_two(op, a, b);
    if (a->kind == b->kind && a->kind != FP_KIND_FINITE) /* 0 / 0 and inf / inf */
        return fp_invalid(op);
    if (b->kind == FP_KIND_ZERO && a->kind == FP_KIND_FINITE) {
        op->flags |= FP_DZ;
        return fp_pack_inf(op, sign);
    }
    fp_note_denormal(op, a->denormal || b->denormal);
    if (a->kind == FP_KIND_INF)
        return fp_pack_inf(op, sign);
    if (a->kind == FP_KIND_ZERO || b->kind == FP_KIND_INF)
        return fp_pack_zero(op, sign);
    return div_finite(op, sign, a, b);
}

fp_bits fp_div(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b);
    fp_bits result = div(&op, &x, &y);

    *flags |= op.flags;
    return result;
}

/* The root of m / 2^126, 1 <= m / 2^126 < 4, digit by digit: two bits of m come
 * down for each bit of the root; leading one at FP_SIG_TOP, bit 0 sticky. */
static u128 sqrt_digits(u128 m, unsigned bits)
{
    u128 root = 0, rest = 0;

    for (unsigned i = 0; i < bits; i++) {
        u128 try = root << 2 | 1;

        rest = rest << 2 | m >> 126;
        m <<= 2;
        root <<= 1;
        if (rest >= try) {
            rest -= try;
            root |= 1;
        }
    }
    return root << (FP_SIG_TOP + 1 - bits) | (rest != 0 || m != 0);
}

fp_bits fp_sqrt(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a);
    const struct fp_num *from[] = { &x };
    fp_bits result;

    if (fp_num_is_nan(&x)) {
        result = fp_nan_result(&op, 1, from);
    } else if (x.kind == FP_KIND_ZERO) {
        result = fp_pack_zero(&op, x.sign);
    } else if (x.sign) {
        result = fp_invalid(&op);
    } else if (x.kind == FP_KIND_INF) {
        result = fp_pack_inf(&op, false);
    } else {
        fp_note_denormal(&op, x.denormal);
        result = fp_round_pack(&op, false, x.exp >> 1,
                               sqrt_digits(x.sig << (x.exp & 1), op.lay->prec + 2u));
    }
    *flags |= op.flags;
    return result;
}
