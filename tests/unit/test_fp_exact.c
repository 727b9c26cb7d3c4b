/*
 * test_fp_exact.c - the definition of rounding, written down slowly: a result
 * is first held exactly, as one integer counting units of 2^-UNIT wide enough
 * for the format's whole range, and then its bits are read off.
 *
 * Nothing here is shared with the soft-float, which aligns and keeps sticky
 * bits. Finite operands only; special values are the processor's to check.
 */
#include "test_fp.h"
#include "test_fp_big.h"

struct shape {
    unsigned width, exp_bits, frac_bits, prec;
    bool explicit;
};

static const struct shape shapes[] = {
    [FP_F16] = { 16, 5, 10, 11, 0 },      [FP_BF16] = { 16, 8, 7, 8, 0 },
    [FP_F32] = { 32, 8, 23, 24, 0 },      [FP_F64] = { 64, 11, 52, 53, 0 },
    [FP_F80] = { 80, 15, 63, 64, 1 },     [FP_F128] = { 128, 15, 112, 113, 0 },
    [FP_F80_P53] = { 80, 15, 63, 53, 1 }, [FP_F80_P24] = { 80, 15, 63, 24, 1 },
};

static int bias_of(const struct shape *s)
{
    return (1 << (s->exp_bits - 1)) - 1;
}

/* value = (-1)^sign * m * 2^e; false when not finite or not a proper encoding. */
static bool decode(const struct shape *s, fp_bits bits, bool *sign, u128 *m, int *e)
{
    u128 v = (u128)bits.hi << 64 | bits.lo;
    unsigned at = s->frac_bits + s->explicit, all = (1u << s->exp_bits) - 1;
    unsigned field = (unsigned)(v >> at) & all;

    *sign = v >> (s->width - 1) & 1;
    *m = v & (((u128)1 << at) - 1);
    if (field == all || (s->explicit && field && !(*m >> s->frac_bits & 1)))
        return false;
    if (!s->explicit && field)
        *m |= (u128)1 << s->frac_bits;
    *e = (field ? (int)field : 1) - bias_of(s) - (int)s->frac_bits;
    return true;
}

static void exact_zero(struct exact *x, const struct shape *wide)
{
    int range = 2 * (bias_of(wide) + (int)wide->frac_bits) + 300;

    x->unit = range;
    x->words = (2 * range + 63) / 32;
    memset(x->w, 0, (size_t)x->words * 4);
}

/* The bits from `ulp` up, as an integer, rounded by the definition of the mode. */
static u128 read_rounded(const struct exact *x, int ulp, bool sign, enum fp_round round,
                         bool *inexact, bool *up)
{
    bool half = bit_at(x, ulp - 1), rest = any_below(x, ulp - 1), more = false;
    u128 q = 0;

    for (int i = top_bit(x); i >= ulp; i--)
        q = q << 1 | bit_at(x, i);
    *inexact = half || rest;
    if (round == FP_RNE)
        more = half && (rest || (q & 1));
    else if (round == FP_RMM)
        more = half;
    else if (round == FP_RUP)
        more = *inexact && !sign;
    else if (round == FP_RDN)
        more = *inexact && sign;
    else if (round == FP_RTO)
        more = *inexact && !(q & 1);
    *up = more;
    return q + more;
}

static fp_bits assemble(const struct shape *s, bool sign, unsigned field, u128 m)
{
    unsigned at = s->frac_bits + s->explicit;
    u128 v = (u128)sign << (s->width - 1) | (u128)field << at | (m & (((u128)1 << at) - 1));

    return (fp_bits){ (u64)v, (u64)(v >> 64) };
}

struct how_tiny {
    bool before, flush, flush_nx;
};

static struct how_tiny tiny_of(enum fp_rules r)
{
    bool arm_fz = r == FP_RULES_SNAN_FIRST_FZ || r == FP_RULES_DEFAULT_BEFORE_FZ;
    bool ftz = r == FP_RULES_FIRST_FTZ || r == FP_RULES_FIRST_FTZ_DAZ;

    return (struct how_tiny){ arm_fz || r == FP_RULES_SNAN_FIRST || r == FP_RULES_DEFAULT_BEFORE,
                              arm_fz || ftz, ftz };
}

static void answer_overflow(const struct shape *s, bool sign, enum fp_round round,
                            struct fp_answer *out)
{
    bool inf = round == FP_RNE || round == FP_RMM || (round == FP_RUP && !sign) ||
               (round == FP_RDN && sign);
    unsigned all = (1u << s->exp_bits) - 1;
    u128 ones = (((u128)1 << s->prec) - 1) << (s->frac_bits + 1 - s->prec);

    out->flags = FP_OF | FP_NX | (inf ? FP_ROUNDED_UP : 0);
    out->v =
        inf ? assemble(s, sign, all, (u128)1 << s->frac_bits) : assemble(s, sign, all - 1, ones);
}

/* x, not zero, as a number of the format. */
static void answer(const struct fp_case *c, const struct shape *s, const struct exact *x, bool sign,
                   struct fp_answer *out)
{
    struct how_tiny t = tiny_of(c->rules);
    int top = top_bit(x), bottom = x->unit - (bias_of(s) - 1) - (int)(s->prec - 1);
    int ulp = top - (int)(s->prec - 1);
    bool inexact, up, tiny = top < bottom + (int)(s->prec - 1);

    if (tiny && !t.before) /* as if the exponent had no lower limit */
        tiny = read_rounded(x, ulp, sign, c->round, &inexact, &up) >> s->prec == 0 ||
               top + 1 < bottom + (int)(s->prec - 1);
    if (tiny && t.flush && !(c->op == OP_CONVERT && c->to == FP_F16)) {
        out->v = assemble(s, sign, 0, 0);
        out->flags = FP_UF | (t.flush_nx ? FP_NX : 0);
        return;
    }
    if (ulp < bottom)
        ulp = bottom;
    u128 q = read_rounded(x, ulp, sign, c->round, &inexact, &up);

    if (q >> s->prec) {
        q >>= 1;
        ulp++;
    }
    int field = q >> (s->prec - 1) ? ulp - bottom + 1 : 0;

    if (field >= (1 << s->exp_bits) - 1) {
        answer_overflow(s, sign, c->round, out);
        return;
    }
    out->v = assemble(s, sign, (unsigned)field, q << (s->frac_bits + 1 - s->prec));
    out->flags = (inexact ? FP_NX : 0) | (inexact && tiny ? FP_UF : 0) | (up ? FP_ROUNDED_UP : 0);
}

/* a / b by the school's method, sticky into bit 0: 250 bits below the point, for
 * a denormal a of one bit over a b of 113 leaves 137. */
static void exact_divide(struct exact *x, u128 a, u128 b, int e)
{
    u128 rest = 0;

    for (int i = 127; i >= -250; i--) {
        rest = rest << 1 | (i >= 0 ? a >> i & 1 : 0);
        if (rest >= b) {
            rest -= b;
            exact_add(x, 1, e + i);
        }
    }
    x->w[0] |= rest != 0;
}

/* m * 2^(2k) - c * c in *x; returns whether that is negative. c < 2^125. */
static bool less_square(struct exact *x, u128 m, int k, u128 c)
{
    static struct exact square;

    square.words = x->words = 10;
    square.unit = x->unit = 0;
    memset(square.w, 0, 40);
    memset(x->w, 0, 40);
    exact_add_product(&square, c, c, 0);
    exact_add(x, m, 2 * k);
    return exact_sub(x, &square);
}

/* The root of m * 2^e by trying one bit after the other. */
static void exact_root(struct exact *x, u128 m, int e)
{
    static struct exact rest;
    const int k = 64; /* the root of m * 2^128 has 124 bits */
    u128 root = 0;

    if (e & 1) {
        m <<= 1;
        e--;
    }
    while (m >> 118 == 0) {
        m <<= 2;
        e -= 2;
    }
    for (int i = 123; i >= 0; i--)
        if (!less_square(&rest, m, k, root | (u128)1 << i))
            root |= (u128)1 << i;
    exact_add(x, root, e / 2 - k);
    less_square(&rest, m, k, root);
    x->w[0] |= top_bit(&rest) >= 0;
}

static u128 negated_if(bool sign, u128 v)
{
    return sign ? -v : v;
}

static void answer_to_int(const struct fp_case *c, const struct exact *x, bool sign,
                          struct fp_answer *out)
{
    bool inexact = false, up = false, huge = top_bit(x) > x->unit + 66;
    u128 q = huge ? 0 : read_rounded(x, x->unit, sign, c->round, &inexact, &up);
    s128 v = sign ? -(s128)q : (s128)q;
    s128 max = ((s128)1 << (c->is_signed ? c->bits - 1 : c->bits)) - 1;
    s128 min = c->is_signed ? -max - 1 : 0;

    out->flags = (inexact ? FP_NX : 0) | (up ? FP_ROUNDED_UP : 0);
    if (huge || v > max || v < min) {
        out->flags = FP_NV;
        if (c->how == FP_INDEFINITE)
            v = c->is_signed ? min : max;
        else if (c->how == FP_MODULO_JS)
            v = (s128)negated_if(sign, read_rounded(x, x->unit, sign, FP_RTZ, &inexact, &up));
        else
            v = sign ? min : max;
    }
    u64 low = (u64)v << (64 - c->bits);

    out->v = fp_bits_u64(c->is_signed ? (u64)((s64)low >> (64 - c->bits)) : low >> (64 - c->bits));
}

static void answer_round_int(const struct fp_case *c, const struct shape *s, struct exact *x,
                             bool sign, struct fp_answer *out)
{
    bool inexact, up;
    int top = top_bit(x);

    if (top - x->unit >= (int)s->frac_bits) {
        answer(c, s, x, sign, out);
        return;
    }
    u128 q = read_rounded(x, x->unit, sign, c->round, &inexact, &up);

    exact_zero(x, s);
    exact_add(x, q, 0);
    if (q)
        answer(c, s, x, sign, out);
    else
        *out = (struct fp_answer){ assemble(s, sign, 0, 0), 0 };
    out->flags |= (inexact && c->extra ? FP_NX : 0) | (up ? FP_ROUNDED_UP : 0);
}

/* a + b * d, any of them zero; the product is c's when adding. */
static bool exact_sum(const struct fp_case *c, const struct shape *s, struct fp_answer *out)
{
    static struct exact x, y;
    bool sa, sb, sc = false;
    u128 a, b, m = 0;
    int ea, eb, ec = 0;
    bool adds = c->op == OP_ADD || c->op == OP_SUB;

    if (!decode(s, c->a, &sa, &a, &ea) || !decode(s, c->b, &sb, &b, &eb) ||
        (c->op == OP_FMA && !decode(s, c->c, &sc, &m, &ec)))
        return false;
    exact_zero(&x, s);
    exact_zero(&y, s);
    if (adds) {
        exact_add(&x, a, ea);
        sb ^= c->op == OP_SUB;
        exact_add(&y, b, eb);
    } else {
        sa ^= sb;
        exact_add_product(&x, a, b, ea + eb);
        sb = c->op == OP_FMA ? sc : sa;
        exact_add(&y, m, ec);
    }
    if (sa != sb) {
        sa ^= exact_sub(&x, &y);
        if (top_bit(&x) < 0)
            sa = c->round == FP_RDN;
    } else {
        for (int i = 0; i < y.words; i++)
            if (y.w[i])
                exact_add(&x, y.w[i], 32 * i - y.unit);
    }
    if (top_bit(&x) < 0)
        *out = (struct fp_answer){ assemble(s, sa, 0, 0), 0 };
    else
        answer(c, s, &x, sa, out);
    return true;
}

static bool exact_one(const struct fp_case *c, const struct shape *s, struct fp_answer *out)
{
    static struct exact x;
    const struct shape *to = c->op == OP_CONVERT ? &shapes[c->to] : s;
    const struct shape *wide = to->exp_bits > s->exp_bits ? to : s;
    bool sa, sb = false;
    u128 a, b;
    int ea, eb;

    if (!decode(s, c->a, &sa, &a, &ea) || a == 0)
        return false;
    exact_zero(&x, wide);
    if (c->op == OP_DIV) {
        if (!decode(s, c->b, &sb, &b, &eb) || b == 0)
            return false;
        exact_divide(&x, a, b, ea - eb);
    } else if (c->op == OP_SQRT) {
        if (sa)
            return false;
        exact_root(&x, a, ea);
    } else {
        exact_add(&x, a, ea);
    }
    if (c->op == OP_TO_INT)
        answer_to_int(c, &x, sa, out);
    else if (c->op == OP_ROUND_INT)
        answer_round_int(c, s, &x, sa, out);
    else
        answer(c, to, &x, sa != sb, out);
    return true;
}

static bool exact_from_int(const struct fp_case *c, const struct shape *s, struct fp_answer *out)
{
    static struct exact x;
    u128 mask = c->bits == 128 ? ~(u128)0 : ((u128)1 << c->bits) - 1;
    u128 v = ((u128)c->a.hi << 64 | c->a.lo) & mask;
    bool sign = c->is_signed && v >> (c->bits - 1);

    if (v == 0)
        return false;
    exact_zero(&x, s->exp_bits < 8 ? &shapes[FP_F32] : s);
    exact_add(&x, sign ? -v & mask : v, 0);
    answer(c, s, &x, sign, out);
    return true;
}

static bool is_denormal(const struct shape *s, fp_bits bits)
{
    u128 v = (u128)bits.hi << 64 | bits.lo, m = v & (((u128)1 << (s->frac_bits + s->explicit)) - 1);

    return m && (v >> (s->frac_bits + s->explicit) & ((1u << s->exp_bits) - 1)) == 0;
}

bool exact_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask)
{
    const struct shape *s = &shapes[c->fmt];
    bool flushes_in = c->rules >= FP_RULES_FIRST_DAZ;

    *flag_mask = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV;
    if (c->rules == FP_RULES_LARGER && c->op != OP_FROM_INT)
        *flag_mask |= FP_ROUNDED_UP;
    if (c->op == OP_FROM_INT)
        return exact_from_int(c, s, out);
    if (flushes_in && (is_denormal(s, c->a) || is_denormal(s, c->b) || is_denormal(s, c->c)))
        return false;
    switch (c->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_MULX:
    case OP_FMA: return exact_sum(c, s, out);
    case OP_DIV:
    case OP_SQRT:
    case OP_ROUND_INT:
    case OP_CONVERT:
    case OP_TO_INT: return exact_one(c, s, out);
    default: return false;
    }
}
