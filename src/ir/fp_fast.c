/*
 * fp_fast.c - f32 and f64 arithmetic for interpreters: the everyday case on
 * 64-bit integers, all else handed to the generic functions.
 *
 * Everyday: operands normal, result normal, any rounding mode but to odd. There
 * the rule sets do not differ, which is why none of this looks at them. The
 * bodies are inlined once a format, so that their widths are constants.
 */
#include "ir/fp_internal.h"

#define INLINE static inline __attribute__((always_inline))

/* The leading one of a significand in a u64: one bit is left for a carry. */
#define TOP 62

struct fast_num {
    bool sign;
    s32 exp; /* biased */
    u64 sig; /* integer bit at frac_bits */
};

struct fast_format {
    enum fp_format id;
    unsigned frac_bits;
    s32 exp_max; /* the all-ones exponent */
};

INLINE struct fast_format format(unsigned n)
{
    return n == 32 ? (struct fast_format){ FP_F32, 23, 0xff }
                   : (struct fast_format){ FP_F64, 52, 0x7ff };
}

/* False for zeros, denormals, infinities and NaNs. */
INLINE bool take_normal(struct fast_format f, u64 bits, struct fast_num *n)
{
    n->exp = (s32)(bits >> f.frac_bits) & f.exp_max;
    n->sign = bits >> (f.frac_bits + (f.id == FP_F32 ? 8 : 11)) & 1;
    n->sig = (bits & ((1ull << f.frac_bits) - 1)) | 1ull << f.frac_bits;
    return (u32)n->exp - 1 < (u32)f.exp_max - 1;
}

/* What is added below the last place before truncating. */
INLINE u64 increment(unsigned round, bool sign, u64 half)
{
    if (round == FP_RNE || round == FP_RMM)
        return half;
    return round != FP_RTZ && (round == FP_RUP) != sign ? 2 * half - 1 : 0;
}

/* Rounds sig (leading one at TOP, bit 0 sticky) with biased exponent exp; false
 * when the result is not normal or the mode is to odd. */
INLINE bool finish(struct fast_format f, unsigned round, bool sign, s32 exp, u64 sig, u8 *flags,
                   u64 *out)
{
    unsigned shift = TOP - f.frac_bits;
    u64 half = 1ull << (shift - 1), rest = sig & (2 * half - 1);
    u64 q = (sig + increment(round, sign, half)) >> shift;

    if (round == FP_RNE && rest == half)
        q &= ~1ull;
    /* q's integer bit adds one to the exponent, a carry one more. */
    u64 field = (u64)(u32)(exp - 1) + (q >> f.frac_bits);

    if (exp < 1 || field >= (u64)f.exp_max || round > FP_RMM)
        return false;
    if (rest)
        *flags |= FP_NX;
    *out = (u64)sign << (f.frac_bits + (f.id == FP_F32 ? 8 : 11)) |
           (((u64)(u32)(exp - 1) << f.frac_bits) + q);
    return true;
}

/* v >> n, sticky; v < 2^63, any n. */
INLINE u64 shr_jam64(u64 v, u32 n)
{
    u32 by = n > 63 ? 63 : n; /* v < 2^63: all of it goes */

    return v >> by | ((v & ((1ull << by) - 1)) != 0);
}

INLINE bool add_normal(struct fast_format f, unsigned round, u64 a, u64 b, u64 flip_b, u8 *flags,
                       u64 *out)
{
    unsigned up = TOP - 1 - f.frac_bits; /* leading ones at TOP - 1: the sum may carry */
    unsigned sign_bit = f.frac_bits + (f.id == FP_F32 ? 8 : 11);
    u64 magnitude = (1ull << sign_bit) - 1;
    struct fast_num x, y;

    /* The larger goes first; which, and the signs, no branch predictor knows:
     * with branches this took 40 ns on random operands. */
    b ^= flip_b << sign_bit;
    u64 swap = (a ^ b) & -(u64)((a & magnitude) < (b & magnitude));

    if (unlikely(!take_normal(f, a ^ swap, &x) || !take_normal(f, b ^ swap, &y)))
        return false;
    u64 low = shr_jam64(y.sig << up, (u32)(x.exp - y.exp)), negate = -(u64)(x.sign != y.sign);
    u64 sum = (x.sig << up) + ((low ^ negate) - negate);

    if (unlikely(sum == 0))
        return false;
    unsigned zeros = (unsigned)__builtin_clzll(sum) - (63 - TOP);

    return finish(f, round, x.sign, x.exp + 1 - (s32)zeros, sum << zeros, flags, out);
}

INLINE bool mul_normal(struct fast_format f, unsigned round, u64 a, u64 b, u8 *flags, u64 *out)
{
    unsigned up = TOP - f.frac_bits;
    struct fast_num x, y;

    if (unlikely(!take_normal(f, a, &x) || !take_normal(f, b, &y)))
        return false;
    u128 product = (u128)(x.sig << up) * (y.sig << up); /* leading one at 124 or 125 */
    u64 hi = (u64)(product >> 64), lo = (u64)product;
    bool carry = hi >> 61;
    u64 sig = hi << (2 - carry) | lo >> (62 + carry) | ((lo << (2 - carry)) != 0);

    return finish(f, round, x.sign != y.sign, x.exp + y.exp - (f.exp_max >> 1) + carry, sig, flags,
                  out);
}

INLINE bool div_normal(struct fast_format f, unsigned round, u64 a, u64 b, u8 *flags, u64 *out)
{
    struct fast_num x, y;

    if (unlikely(!take_normal(f, a, &x) || !take_normal(f, b, &y)))
        return false;
    bool below = x.sig < y.sig;
    s32 exp = x.exp - y.exp + (f.exp_max >> 1) - below;
    u64 q, rest;

    if (f.id == FP_F32) {
        u64 dividend = x.sig << (38 + below); /* a quotient of 39 bits */

        q = dividend / y.sig << (TOP - 38);
        rest = dividend % y.sig;
    } else {
        u128 dividend = (u128)x.sig << (TOP + below);

        q = (u64)(dividend / y.sig);
        rest = (u64)(dividend - (u128)q * y.sig);
    }
    return finish(f, round, x.sign != y.sign, exp, q | (rest != 0), flags, out);
}

/* floor(sqrt(top)), top >= 2^62: Newton from a line within 4% of the root. */
static u64 root64(u64 top)
{
    u64 root = (top >> 31) / 3 + (45ull << 25); /* t / 3 + 0.70 for t in [1, 4) */

    for (int i = 0; i < 3; i++) /* from above after one step: 11, 22, 44 bits */
        root = (root + top / root) >> 1;
    root = root > 0xffffffff ? 0xffffffff : root;
    while (root * root > top)
        root--;
    while (top - root * root > 2 * root)
        root++;
    return root;
}

/* floor(sqrt(m)), m >= 2^126: one more step, then exact by the remainder. */
static u64 root128(u128 m)
{
    u64 high = root64((u64)(m >> 64));
    u128 root = (u128)high << 32;
    u64 error = (u64)((m - root * root) >> 33); /* fits: at most (2 * high + 1) << 31 */

    root += error / high;
    if (root >> 64)
        root = ~0ull;
    while (root * root > m)
        root--;
    while (m - root * root > 2 * root)
        root++;
    return (u64)root;
}

INLINE bool sqrt_normal(struct fast_format f, unsigned round, u64 a, u8 *flags, u64 *out)
{
    s32 bias = f.exp_max >> 1;
    struct fast_num x;

    if (unlikely(!take_normal(f, a, &x) || x.sign))
        return false;
    s32 exp = x.exp - bias;
    u128 m = (u128)x.sig << (126 - f.frac_bits + (exp & 1));
    u64 root = root128(m);
    bool inexact = (u128)root * root != m;

    return finish(f, round, false, (exp >> 1) + bias, root >> 1 | (root & 1) | inexact, flags, out);
}

INLINE u128 shr_jam128(u128 v, u32 n)
{
    if (n > 127)
        return v != 0;
    return v >> n | ((v & (((u128)1 << n) - 1)) != 0);
}

INLINE bool fma_normal(struct fast_format f, unsigned round, u64 a, u64 b, u64 c, u8 *flags,
                       u64 *out)
{
    unsigned up = TOP - f.frac_bits;
    struct fast_num x, y, z;

    if (unlikely(!take_normal(f, a, &x) || !take_normal(f, b, &y) || !take_normal(f, c, &z)))
        return false;
    /* Both with a leading one at 124 or 125. */
    u128 product = (u128)(x.sig << up) * (y.sig << up), addend = (u128)z.sig << (124 - f.frac_bits);
    s32 exp = x.exp + y.exp - (f.exp_max >> 1);
    bool sign = x.sign != y.sign;

    if (exp >= z.exp) {
        addend = shr_jam128(addend, (u32)(exp - z.exp));
    } else {
        product = shr_jam128(product, (u32)(z.exp - exp));
        exp = z.exp;
    }
    u128 sum = product + addend;

    if (sign != z.sign) {
        bool negative = product < addend;

        sum = negative ? addend - product : product - addend;
        sign = negative ? z.sign : sign;
    }
    if (unlikely(sum == 0))
        return false;
    unsigned zeros = fp_clz128(sum);

    sum <<= zeros; /* leading one at 127 */
    u64 sig = (u64)(sum >> 65) | ((u64)sum != 0) | ((u64)(sum >> 64) & 1);

    return finish(f, round, sign, exp + 3 - (s32)zeros, sig, flags, out);
}

#define SLOW(n, op, ...)                                                                           \
    fp_##op(FP_F##n, (enum fp_rules)rules, (enum fp_round)round, __VA_ARGS__, flags).lo

#define FAST_DEFINE(n)                                                                             \
    u64 fp##n##_add(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b)                       \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(add_normal(format(n), round, a, b, 0, flags, &out)))                            \
            return out;                                                                            \
        return SLOW(n, add, fp_bits_u64(a), fp_bits_u64(b));                                       \
    }                                                                                              \
                                                                                                   \
    u64 fp##n##_sub(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b)                       \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(add_normal(format(n), round, a, b, 1, flags, &out)))                            \
            return out;                                                                            \
        return SLOW(n, sub, fp_bits_u64(a), fp_bits_u64(b));                                       \
    }                                                                                              \
                                                                                                   \
    u64 fp##n##_mul(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b)                       \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(mul_normal(format(n), round, a, b, flags, &out)))                               \
            return out;                                                                            \
        return SLOW(n, mul, fp_bits_u64(a), fp_bits_u64(b));                                       \
    }                                                                                              \
                                                                                                   \
    u64 fp##n##_div(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b)                       \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(div_normal(format(n), round, a, b, flags, &out)))                               \
            return out;                                                                            \
        return SLOW(n, div, fp_bits_u64(a), fp_bits_u64(b));                                       \
    }                                                                                              \
                                                                                                   \
    u64 fp##n##_sqrt(u8 *flags, unsigned rules, unsigned round, u64 a)                             \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(sqrt_normal(format(n), round, a, flags, &out)))                                 \
            return out;                                                                            \
        return SLOW(n, sqrt, fp_bits_u64(a));                                                      \
    }                                                                                              \
                                                                                                   \
    u64 fp##n##_fma(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b, u64 c)                \
    {                                                                                              \
        u64 out;                                                                                   \
                                                                                                   \
        if (likely(fma_normal(format(n), round, a, b, c, flags, &out)))                            \
            return out;                                                                            \
        return SLOW(n, fma, fp_bits_u64(a), fp_bits_u64(b), fp_bits_u64(c));                       \
    }

FAST_DEFINE(32)
FAST_DEFINE(64)
