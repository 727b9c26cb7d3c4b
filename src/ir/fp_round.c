/*
 * fp_round.c - formats and rule sets as data; encodings taken apart; results
 * rounded (IEEE 754-2019 section 4.3, 7.4 overflow, 7.5 underflow) and encoded.
 */
#include "ir/fp_internal.h"

const struct fp_layout fp_layouts[] = {
    [FP_F16] = { 16, 5, 10, 11, false },     [FP_BF16] = { 16, 8, 7, 8, false },
    [FP_F32] = { 32, 8, 23, 24, false },     [FP_F64] = { 64, 11, 52, 53, false },
    [FP_F80] = { 80, 15, 63, 64, true },     [FP_F128] = { 128, 15, 112, 113, false },
    [FP_F80_P53] = { 80, 15, 63, 53, true }, [FP_F80_P24] = { 80, 15, 63, 24, true },
};

#define SSE_ROW                                                                                    \
    .nan = FP_NAN_FIRST, .nan_negative = true, .flag_denormal = true, .flag_flush_out_nx = true
#define ARM_ROW .tiny_before = true
#define ARM_FZ  ARM_ROW, .flush_in = true, .flush_out = true, .flag_flush_in = true

const struct fp_rule fp_rule_rows[] = {
    [FP_RULES_CANONICAL] = { .nan = FP_NAN_DEFAULT },
    [FP_RULES_FIRST] = { SSE_ROW },
    [FP_RULES_FIRST_FTZ] = { SSE_ROW, .flush_out = true },
    [FP_RULES_FIRST_DAZ] = { SSE_ROW, .flush_in = true },
    [FP_RULES_FIRST_FTZ_DAZ] = { SSE_ROW, .flush_in = true, .flush_out = true },
    [FP_RULES_SNAN_FIRST] = { .nan = FP_NAN_SNAN_FIRST, ARM_ROW },
    [FP_RULES_SNAN_FIRST_FZ] = { .nan = FP_NAN_SNAN_FIRST, ARM_FZ },
    [FP_RULES_DEFAULT_BEFORE] = { .nan = FP_NAN_DEFAULT, ARM_ROW },
    [FP_RULES_DEFAULT_BEFORE_FZ] = { .nan = FP_NAN_DEFAULT, ARM_FZ },
    [FP_RULES_LARGER] = { .nan = FP_NAN_LARGER,
                          .nan_negative = true,
                          .flag_denormal = true,
                          .flag_rounded_up = true },
};
_Static_assert(ARRAY_SIZE(fp_rule_rows) == FP_RULES_COUNT, "a row for each rule set");

static unsigned exp_shift(const struct fp_layout *lay)
{
    return lay->frac_bits + (unsigned)lay->explicit;
}

static s32 exp_all_ones(const struct fp_layout *lay)
{
    return (s32)(1u << lay->exp_bits) - 1;
}

static s32 exp_bias(const struct fp_layout *lay)
{
    return exp_all_ones(lay) >> 1;
}

struct fp_num fp_unpack_raw(const struct fp_layout *lay, fp_bits bits)
{
    u128 v = fp_bits_get(bits) & fp_mask128(lay->width);
    s32 field = (s32)(v >> exp_shift(lay)) & exp_all_ones(lay);
    u128 frac = v & fp_mask128(lay->frac_bits);
    bool integer = lay->explicit ? v >> lay->frac_bits & 1 : field != 0;
    struct fp_num n = { .sign = v >> (lay->width - 1) & 1 };

    if (lay->explicit && field && !integer) { /* SDM volume 1, 8.2.2: unsupported */
        n.kind = FP_KIND_UNSUPPORTED;
    } else if (field == exp_all_ones(lay)) {
        n.sig = frac << (FP_SIG_TOP - lay->frac_bits);
        n.kind = !frac ? FP_KIND_INF : n.sig >> (FP_SIG_TOP - 1) ? FP_KIND_QNAN : FP_KIND_SNAN;
    } else if (frac || integer) {
        u128 sig = (frac | (u128)integer << lay->frac_bits) << (FP_SIG_TOP - lay->frac_bits);
        unsigned up = fp_clz128(sig) - (127 - FP_SIG_TOP);

        n.kind = FP_KIND_FINITE;
        n.denormal = field == 0;
        n.exp = (field ? field : 1) - exp_bias(lay) - (s32)up;
        n.sig = sig << up;
    }
    return n;
}

struct fp_num fp_unpack(struct fp_op *op, fp_bits bits)
{
    struct fp_num n = fp_unpack_raw(op->lay, bits);

    if (unlikely(n.denormal) && op->rule->flush_in) {
        if (op->rule->flag_flush_in && op->lay != &fp_layouts[FP_F16])
            op->flags |= FP_DENORMAL;
        n = (struct fp_num){ .kind = FP_KIND_ZERO, .sign = n.sign };
    }
    return n;
}

/* Sign, exponent field and significand (integer bit at frac_bits) put together. */
static fp_bits encode(const struct fp_layout *lay, bool sign, s32 field, u128 sig)
{
    u128 frac = sig & fp_mask128(exp_shift(lay));

    return fp_bits_u128((u128)sign << (lay->width - 1) | (u128)field << exp_shift(lay) | frac);
}

fp_bits fp_pack_zero(const struct fp_op *op, bool sign)
{
    return encode(op->lay, sign, 0, 0);
}

fp_bits fp_pack_inf(const struct fp_op *op, bool sign)
{
    return encode(op->lay, sign, exp_all_ones(op->lay), (u128)1 << op->lay->frac_bits);
}

/* The quiet NaN with the payload of `sig` (quiet bit at FP_SIG_TOP - 1). */
static fp_bits pack_nan(const struct fp_layout *lay, bool sign, u128 sig)
{
    u128 quiet = sig | (u128)1 << (FP_SIG_TOP - 1) | (u128)1 << FP_SIG_TOP;

    return encode(lay, sign, exp_all_ones(lay), quiet >> (FP_SIG_TOP - lay->frac_bits));
}

fp_bits fp_default_nan(enum fp_format fmt, enum fp_rules rules)
{
    return pack_nan(&fp_layouts[fmt], fp_rule_rows[rules].nan_negative, 0);
}

fp_bits fp_invalid(struct fp_op *op)
{
    op->flags |= FP_NV;
    return pack_nan(op->lay, op->rule->nan_negative, 0);
}

/* Whether the x87 takes b over a; both are NaNs (SDM volume 1, table 4-7). */
static bool nan_larger(const struct fp_num *a, const struct fp_num *b)
{
    if (a->kind != b->kind)
        return b->kind == FP_KIND_QNAN;
    if (a->sig != b->sig)
        return b->sig > a->sig;
    return a->sign && !b->sign;
}

static const struct fp_num *nan_pick(enum fp_nan_choice choice, unsigned count,
                                     const struct fp_num *const *from)
{
    const struct fp_num *pick = NULL;

    for (unsigned i = 0; i < count; i++) {
        const struct fp_num *n = from[i];

        if (!fp_num_is_nan(n))
            continue;
        if (!pick || (choice == FP_NAN_LARGER && nan_larger(pick, n)) ||
            (choice == FP_NAN_SNAN_FIRST && n->kind == FP_KIND_SNAN && pick->kind != n->kind))
            pick = n;
    }
    return pick;
}

fp_bits fp_nan_result(struct fp_op *op, unsigned count, const struct fp_num *const *from)
{
    const struct fp_num *pick = nan_pick(op->rule->nan, count, from);

    for (unsigned i = 0; i < count; i++) {
        if (from[i]->kind == FP_KIND_UNSUPPORTED)
            return fp_invalid(op);
        if (from[i]->kind == FP_KIND_SNAN)
            op->flags |= FP_NV;
    }
    if (op->rule->nan == FP_NAN_DEFAULT)
        return pack_nan(op->lay, op->rule->nan_negative, 0);
    return pack_nan(op->lay, pick->sign, pick->sig);
}

u128 fp_round_shift(enum fp_round round, bool sign, u128 sig, unsigned shift, bool *inexact,
                    bool *up)
{
    u128 q = sig >> shift, rest = sig & fp_mask128(shift), half = (u128)1 << (shift - 1);
    bool more = false;

    *inexact = rest != 0;
    switch (round) {
    case FP_RNE: more = rest > half || (rest == half && (q & 1)); break;
    case FP_RMM: more = rest >= half; break;
    case FP_RDN: more = rest && sign; break;
    case FP_RUP: more = rest && !sign; break;
    case FP_RTO: more = rest && !(q & 1); break;
    case FP_RTZ: break;
    }
    *up = more;
    return q + more;
}

/* 754-2019 7.4: infinity, or the largest finite number of the directed modes. */
static fp_bits overflow(struct fp_op *op, bool sign)
{
    const struct fp_layout *lay = op->lay;
    enum fp_round r = op->round;
    bool to_inf = r == FP_RNE || r == FP_RMM || r == (sign ? FP_RDN : FP_RUP);

    op->flags |= FP_OF | FP_NX;
    if (to_inf) {
        if (op->rule->flag_rounded_up)
            op->flags |= FP_ROUNDED_UP;
        return fp_pack_inf(op, sign);
    }
    return encode(lay, sign, exp_all_ones(lay) - 1,
                  fp_mask128(lay->prec) << (lay->frac_bits + 1 - lay->prec));
}

/* Whether a number with exp < emin is tiny as the rules see it. */
static bool is_tiny(const struct fp_op *op, bool sign, s32 exp, s32 emin, u128 sig)
{
    unsigned prec = op->lay->prec;
    bool inexact, up;

    if (op->rule->tiny_before || exp < emin - 1)
        return true;
    return fp_round_shift(op->round, sign, sig, FP_SIG_TOP + 1 - prec, &inexact, &up) >> prec == 0;
}

fp_bits fp_round_pack(struct fp_op *op, bool sign, s32 exp, u128 sig)
{
    const struct fp_layout *lay = op->lay;
    unsigned prec = lay->prec;
    s32 emin = 1 - exp_bias(lay);
    bool tiny = exp < emin && is_tiny(op, sign, exp, emin, sig);
    bool inexact, up;

    if (tiny && op->rule->flush_out) {
        op->flags |= op->rule->flag_flush_out_nx ? FP_UF | FP_NX : FP_UF;
        return fp_pack_zero(op, sign);
    }
    if (exp < emin) {
        sig = fp_shr_jam(sig, (unsigned)(emin - exp));
        exp = emin;
    }
    u128 q = fp_round_shift(op->round, sign, sig, FP_SIG_TOP + 1 - prec, &inexact, &up);

    if (q >> prec) {
        q >>= 1;
        exp++;
    }
    if (exp > exp_bias(lay))
        return overflow(op, sign);
    if (inexact)
        op->flags |= tiny ? FP_NX | FP_UF : FP_NX;
    if (up && op->rule->flag_rounded_up)
        op->flags |= FP_ROUNDED_UP;
    s32 field = q >> (prec - 1) ? exp + exp_bias(lay) : 0;

    return encode(lay, sign, field, q << (lay->frac_bits + 1 - prec));
}

fp_bits fp_normalize_pack(struct fp_op *op, bool sign, s32 exp, u128 sig)
{
    unsigned zeros = fp_clz128(sig);

    if (zeros == 0)
        return fp_round_pack(op, sign, exp + 1, fp_shr_jam(sig, 1));
    return fp_round_pack(op, sign, exp - (s32)(zeros - 1), sig << (zeros - 1));
}
