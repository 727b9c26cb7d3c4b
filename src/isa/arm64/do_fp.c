/*
 * do_fp.c - what arm64's floating-point helpers do: what the soft-float of the IR has no operation
 * for (the manual's shared functions, J1.3).
 */
#include "isa/arm64/helpers.h"

#include "base/bits.h"
#include "isa/arm64/simd_fields.h"

/* A format's encodings, as far as its fields are looked at here. */
struct layout {
    u8 bits, exponent, fraction;
};

static struct layout layout_of(enum fp_format f)
{
    return f == FP_F16   ? (struct layout){ 16, 5, 10 }
           : f == FP_F32 ? (struct layout){ 32, 8, 23 }
                         : (struct layout){ 64, 11, 52 };
}

/* A number taken apart. */
struct parts {
    bool sign;
    unsigned exponent;
    u64 fraction;
};

static struct parts take_apart(struct layout l, u64 v)
{
    return (struct parts){ v >> (l.bits - 1) & 1, (unsigned)bits_get(v, l.fraction, l.exponent),
                           v & bits_mask(l.fraction) };
}

static u64 put_together(struct layout l, bool sign, u64 exponent, u64 fraction)
{
    return (u64)sign << (l.bits - 1) | exponent << l.fraction | fraction;
}

static unsigned largest_exponent(struct layout l)
{
    return (unsigned)bits_mask(l.exponent);
}

static u64 infinity(struct layout l, bool sign)
{
    return put_together(l, sign, largest_exponent(l), 0);
}

/* What an operation goes by. */
struct mode {
    enum fp_format format;
    enum fp_rules rules;
    enum fp_round round;
    u8 *flags;
};

static struct mode mode_of(struct vcpu *c, u64 how)
{
    struct arm_state *s = arm_state(c);
    enum fp_format f = (enum fp_format)(how & ARM_HELP_FORMAT);

    return (struct mode){ f, (enum fp_rules)(f == FP_F16 ? s->rules16 : s->rules),
                          (enum fp_round)s->round, &s->flags };
}

static bool flushes(const struct mode *m)
{
    return m->rules == FP_RULES_SNAN_FIRST_FZ || m->rules == FP_RULES_DEFAULT_BEFORE_FZ;
}

/* A denormal number becomes zero where FPCR asks for it, which is remembered (FPUnpack). */
static u64 flushed(const struct mode *m, u64 v)
{
    struct layout l = layout_of(m->format);

    if (!flushes(m) || !fp_is_denormal(m->format, fp_bits_u64(v)))
        return v;
    if (m->format != FP_F16)
        *m->flags |= FP_DENORMAL;
    return v & 1ull << (l.bits - 1);
}

static bool is_nan(const struct mode *m, u64 v)
{
    return fp_is_nan(m->format, fp_bits_u64(v));
}

static u64 multiply(const struct mode *m, u64 a, u64 b)
{
    return fp_mul(m->format, m->rules, m->round, fp_bits_u64(a), fp_bits_u64(b), m->flags).lo;
}

static u64 fused(const struct mode *m, u64 a, u64 b, u64 c)
{
    return fp_fma(m->format, m->rules, m->round, fp_bits_u64(a), fp_bits_u64(b), fp_bits_u64(c),
                  m->flags)
        .lo;
}

/* FPProcessNaN(): by an operation that does nothing else. */
static u64 process_nan(const struct mode *m, u64 v)
{
    return fp_sqrt(m->format, m->rules, m->round, fp_bits_u64(v), m->flags).lo;
}

/* --- fixed point --- */

static unsigned integer_bits(u64 how)
{
    return how & ARM_HELP_64 ? 64 : how & ARM_HELP_16 ? 16 : 32;
}

static unsigned fraction_bits(u64 how)
{
    return how / ARM_HELP_FRACTION & 127;
}

u64 arm_do_f_to_fixed(struct vcpu *c, u64 v, u64 how, u64 d)
{
    struct mode m = mode_of(c, how);

    return fp_to_fixed(m.format, m.rules, FP_RTZ, fp_bits_u64(v), how & ARM_HELP_SIGNED,
                       integer_bits(how), fraction_bits(how), FP_SATURATE_NAN_ZERO, m.flags);
}

u64 arm_do_f_from_fixed(struct vcpu *c, u64 v, u64 how, u64 d)
{
    struct mode m = mode_of(c, how);

    return fp_from_fixed(m.format, m.rules, m.round, v, 0, how & ARM_HELP_SIGNED, integer_bits(how),
                         fraction_bits(how), m.flags)
        .lo;
}

/* --- half precision (FPConvert) --- */

enum { ALT_LARGEST = 0x7fff, ALT_BIAS = 15, ALT_EXPONENTS = 32, HALF_FRACTION = 10 };

/* Of the alternative format: its largest exponent is one of numbers. */
static u64 from_alternative(struct mode *m, enum fp_format to, u64 v)
{
    struct layout l = layout_of(to);
    struct parts p = take_apart(layout_of(FP_F16), v);
    u64 bias = bits_mask(l.exponent - 1u);

    if (p.exponent != ALT_EXPONENTS - 1)
        return fp_convert(FP_F16, to, m->rules, m->round, fp_bits_u64(v), m->flags).lo;
    return put_together(l, p.sign, p.exponent - ALT_BIAS + bias,
                        p.fraction << (l.fraction - HALF_FRACTION));
}

/* Numbers that need the largest exponent are rounded with a smaller one. */
static u64 to_alternative(struct mode *m, enum fp_format from, u64 v)
{
    enum { DOWN = 8 };
    struct layout l = layout_of(from), half = layout_of(FP_F16);
    struct parts p = take_apart(l, v);
    unsigned bias = (unsigned)bits_mask(l.exponent - 1u);
    struct parts r;

    if (is_nan(&(struct mode){ .format = from }, v)) {
        *m->flags |= FP_NV;
        return put_together(half, p.sign, 0, 0);
    }
    if (p.exponent < bias + ALT_BIAS)
        return fp_convert(from, FP_F16, m->rules, m->round, fp_bits_u64(v), m->flags).lo;
    if (p.exponent < bias + ALT_BIAS + 2) {
        u64 smaller = put_together(l, p.sign, p.exponent - DOWN, p.fraction);
        u8 flags = 0;

        r = take_apart(
            half, fp_convert(from, FP_F16, m->rules, m->round, fp_bits_u64(smaller), &flags).lo);
        if (r.exponent + DOWN < ALT_EXPONENTS) {
            *m->flags |= flags;
            return put_together(half, p.sign, r.exponent + DOWN, r.fraction);
        }
    }
    *m->flags |= FP_NV;
    return (u64)p.sign << 15 | ALT_LARGEST;
}

u64 arm_do_f_convert(struct vcpu *c, u64 v, u64 how, u64 d)
{
    enum fp_format from = (enum fp_format)(how & ARM_HELP_FORMAT);
    enum fp_format to = (enum fp_format)(how / ARM_HELP_TO);
    struct mode m = mode_of(c, FP_F32); /* FZ16 is not for conversions */

    if (!(arm_state(c)->fpcr & ARM_FPCR_AHP))
        return fp_convert(from, to, m.rules, m.round, fp_bits_u64(v), m.flags).lo;
    return from == FP_F16 ? from_alternative(&m, to, v) : to_alternative(&m, from, v);
}

/* --- FRECPS: 2 - a * b, FRSQRTS: (3 - a * b) / 2, rounded once --- */

/* Half of a number whose exponent allows it. */
static bool halve(struct layout l, u64 *v)
{
    struct parts p = take_apart(l, *v);

    if (p.exponent < 2 || p.exponent == largest_exponent(l))
        return false;
    *v = put_together(l, p.sign, p.exponent - 1, p.fraction);
    return true;
}

static bool is_zero(struct layout l, u64 v)
{
    return !(v & bits_mask(l.bits - 1u));
}

u64 arm_do_f_step(struct vcpu *c, u64 a, u64 b, u64 how)
{
    struct mode m = mode_of(c, how);
    struct layout l = layout_of(m.format);
    u64 minus = a ^ 1ull << (l.bits - 1), bias = bits_mask(l.exponent - 1u);
    /* 2, or 1.5 as half of 3 */
    u64 addend = how & ARM_HELP_RSQRT ? put_together(l, 0, bias, 1ull << (l.fraction - 1))
                                      : put_together(l, 0, bias + 1, 0);
    bool inf;

    if (is_nan(&m, a) || is_nan(&m, b))
        return multiply(&m, minus, b);
    minus = flushed(&m, minus);
    b = flushed(&m, b);
    inf = fp_is_inf(m.format, fp_bits_u64(minus)) || fp_is_inf(m.format, fp_bits_u64(b));
    if (inf && (is_zero(l, minus) || is_zero(l, b)))
        return addend;
    /* Where neither can be halved the product is too small to matter but by its sign. */
    if (how & ARM_HELP_RSQRT && !halve(l, &minus))
        halve(l, &b);
    return fused(&m, minus, b, addend);
}

/* --- estimates: 8 bits of a reciprocal --- */

/* RecipEstimate(): of a in 256 to 511, as numbers of nine bits. */
static unsigned reciprocal(unsigned a)
{
    unsigned b = (1u << 19) / (2 * a + 1);

    return (b + 1) / 2;
}

/* RecipSqrtEstimate(): of a in 128 to 511. */
static unsigned reciprocal_root(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? 2 * a + 1 : 2 * (a | 1);
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

/* The fraction at the top of 52 bits. */
static u64 widened(struct layout l, u64 fraction)
{
    return fraction << (52 - l.fraction);
}

/* Too small to have one: infinity or the largest number, as the mode says. */
static u64 reciprocal_overflow(const struct mode *m, struct layout l, bool sign)
{
    bool to_infinity =
        m->round == FP_RNE || (m->round == FP_RUP && !sign) || (m->round == FP_RDN && sign);

    *m->flags |= FP_OF | FP_NX;
    return to_infinity ? infinity(l, sign) : infinity(l, sign) - 1;
}

static u64 estimate(const struct mode *m, u64 v)
{
    struct layout l = layout_of(m->format);
    struct parts p = take_apart(l, v);
    int most = 2 * (int)bits_mask(l.exponent - 1u) - 1, exponent = (int)p.exponent, result;
    u64 fraction = widened(l, p.fraction), r;

    if (p.exponent == largest_exponent(l))
        return put_together(l, p.sign, 0, 0);
    if (!p.exponent && !p.fraction) {
        *m->flags |= FP_DZ;
        return infinity(l, p.sign);
    }
    if (!p.exponent && p.fraction < 1ull << (l.fraction - 2))
        return reciprocal_overflow(m, l, p.sign);
    if (flushes(m) && exponent >= most) {
        *m->flags |= FP_UF;
        return put_together(l, p.sign, 0, 0);
    }
    if (!p.exponent) {
        bool second = !(fraction >> 51);

        exponent = second ? -1 : 0;
        fraction = fraction << (second ? 2 : 1) & bits_mask(52);
    }
    result = most - exponent;
    r = (u64)(reciprocal((unsigned)(256 | fraction >> 44)) & 255) << 44;
    if (result <= 0) {
        r = (1ull << 52 | r) >> (1 - result);
        result = 0;
    }
    return put_together(l, p.sign, (u64)result, r >> (52 - l.fraction));
}

static u64 root_estimate(const struct mode *m, u64 v)
{
    struct layout l = layout_of(m->format);
    struct parts p = take_apart(l, v);
    int bias = (int)bits_mask(l.exponent - 1u), exponent = (int)p.exponent;
    u64 fraction = widened(l, p.fraction);
    unsigned scaled;

    if (!p.exponent && !p.fraction) {
        *m->flags |= FP_DZ;
        return infinity(l, p.sign);
    }
    if (p.sign) {
        *m->flags |= FP_NV;
        return fp_default_nan(m->format, m->rules).lo;
    }
    if (p.exponent == largest_exponent(l))
        return 0;
    if (!p.exponent) {
        for (; !(fraction >> 51); fraction <<= 1)
            exponent--;
        fraction = fraction << 1 & bits_mask(52);
    }
    scaled = exponent & 1 ? 128 | (unsigned)(fraction >> 45) : 256 | (unsigned)(fraction >> 44);
    return put_together(l, 0, (u64)((3 * bias - 1 - exponent) / 2),
                        (u64)(reciprocal_root(scaled) & 255) << (l.fraction - 8));
}

/* FRECPX: the exponent's complement. */
static u64 exponent_estimate(const struct mode *m, u64 v)
{
    struct layout l = layout_of(m->format);
    struct parts p = take_apart(l, v);
    unsigned all = largest_exponent(l);

    return put_together(l, p.sign, p.exponent ? all ^ p.exponent : all - 1, 0);
}

u64 arm_do_f_estimate(struct vcpu *c, u64 v, u64 how, u64 d)
{
    struct mode m = mode_of(c, how);

    if (is_nan(&m, v))
        return process_nan(&m, v);
    v = flushed(&m, v);
    if (how & ARM_HELP_RSQRT)
        return root_estimate(&m, v);
    return how & ARM_HELP_EXPONENT ? exponent_estimate(&m, v) : estimate(&m, v);
}

u64 arm_do_u_estimate(struct vcpu *c, u64 v, u64 how, u64 d)
{
    unsigned top = (unsigned)bits_get(v, 23, 9);

    if (how & ARM_HELP_RSQRT)
        return top < 128 ? UINT32_MAX : (u64)reciprocal_root(top) << 23;
    return top < 256 ? UINT32_MAX : (u64)reciprocal(top) << 23;
}

/* --- FRINT32Z and so on (FPRoundIntN): what does not fit is the lowest integer --- */

u64 arm_do_f_round_int(struct vcpu *c, u64 v, u64 how, u64 d)
{
    struct mode m = mode_of(c, how);
    struct layout l = layout_of(m.format);
    enum fp_round round = how & ARM_HELP_EXACT ? m.round : FP_RTZ;
    unsigned bias = (unsigned)bits_mask(l.exponent - 1u), bits = how & ARM_HELP_64 ? 63 : 31;
    u64 lowest = put_together(l, 1, bias + bits, 0), r;
    u8 flags = 0;

    if (take_apart(l, v).exponent == largest_exponent(l)) {
        *m.flags |= FP_NV;
        return lowest;
    }
    r = fp_round_int(m.format, m.rules, round, fp_bits_u64(v), true, &flags).lo;
    if (r != lowest && take_apart(l, r).exponent >= bias + bits) {
        *m.flags |= FP_NV;
        return lowest;
    }
    *m.flags |= flags;
    return r;
}

/* --- half precision and bfloat16 in single precision --- */

/* FPMulAddH()'s operands: NaNs are chosen among before they become quiet. */
static u64 half_as_single(const struct mode *m, u64 v)
{
    struct layout single = layout_of(FP_F32);
    struct parts p = take_apart(layout_of(FP_F16), v & 0xffff);
    u8 none = 0;

    if (p.exponent == 31)
        return put_together(single, p.sign, largest_exponent(single),
                            p.fraction << (single.fraction - HALF_FRACTION));
    if (!p.exponent && flushes(m))
        return put_together(single, p.sign, 0, 0);
    return fp_convert(FP_F16, FP_F32, FP_RULES_SNAN_FIRST, FP_RNE, fp_bits_u64(v & 0xffff), &none)
        .lo;
}

u64 arm_do_f_half_fma(struct vcpu *c, u64 addend, u64 a, u64 b)
{
    struct mode single = mode_of(c, FP_F32), half = mode_of(c, FP_F16);

    return fused(&single, half_as_single(&half, a), half_as_single(&half, b), addend);
}

/* Rounded to odd, but what is too large becomes infinite. */
static u64 bf_result(u64 v, u8 flags)
{
    struct layout l = layout_of(FP_F32);

    return flags & FP_OF ? infinity(l, v >> (l.bits - 1)) : v;
}

static u64 bf_multiply(u64 a, u64 b)
{
    u8 flags = 0;
    u64 r = fp32_mul(&flags, FP_RULES_DEFAULT_BEFORE_FZ, FP_RTO, a, b);

    return bf_result(r, flags);
}

static u64 bf_add(u64 a, u64 b)
{
    u8 flags = 0;
    u64 r = fp32_add(&flags, FP_RULES_DEFAULT_BEFORE_FZ, FP_RTO, a, b);

    return bf_result(r, flags);
}

/* BFDotAdd() without FEAT_EBF16: denormals are zero, NaNs the default one, and nothing is told. */
u64 arm_do_bf_dot(struct vcpu *c, u64 addend, u64 x, u64 y)
{
    const u64 upper = 0xffff0000;
    u64 low = bf_multiply(x << 16 & upper, y << 16 & upper);
    u64 high = bf_multiply(x & upper, y & upper);
    u64 both = bf_add(low, high);

    return bf_add(addend, both);
}
