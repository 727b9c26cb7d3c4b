/*
 * fp_convert.c - to integral values, between formats, from and to integers
 * (IEEE 754-2019 5.4.1 to 5.4.3, 5.8, 5.9).
 */
#include "ir/fp_internal.h"

/* The integer nearest to a * 2^scale in op's mode, as a magnitude. Only for
 * values below 2^127. */
static u128 round_magnitude(const struct fp_op *op, const struct fp_num *a, s32 scale,
                            bool *inexact, bool *up)
{
    s32 shift = FP_SIG_TOP - (a->exp + scale);
    u128 sig = a->sig;

    if (shift <= 0) {
        *inexact = *up = false;
        return sig << -shift;
    }
    if (shift > 127) { /* below 1/2: what matters is that it is not 0 */
        sig = fp_shr_jam(sig, (unsigned)shift - 127);
        shift = 127;
    }
    return fp_round_shift(op->round, a->sign, sig, (unsigned)shift, inexact, up);
}

static fp_bits round_int(struct fp_op *op, const struct fp_num *a, bool exact)
{
    bool inexact, up;

    /* Integral already. */
    if (a->exp >= op->lay->frac_bits)
        return fp_round_pack(op, a->sign, a->exp, a->sig);
    u128 whole = round_magnitude(op, a, 0, &inexact, &up);

    if (inexact && exact)
        op->flags |= FP_NX;
    if (up && op->rule->flag_rounded_up)
        op->flags |= FP_ROUNDED_UP;
    if (whole == 0)
        return fp_pack_zero(op, a->sign);
    return fp_normalize_pack(op, a->sign, FP_SIG_TOP, whole);
}

fp_bits fp_round_int(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
                     bool exact, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a);
    const struct fp_num *from[] = { &x };
    fp_bits result;

    if (fp_num_is_nan(&x)) {
        result = fp_nan_result(&op, 1, from);
    } else if (x.kind == FP_KIND_FINITE) {
        if (op.rule->nan == FP_NAN_LARGER) /* FRNDINT flags it, ROUNDSD does not */
            fp_note_denormal(&op, x.denormal);
        result = round_int(&op, &x, exact);
    } else if (x.kind == FP_KIND_ZERO) {
        result = fp_pack_zero(&op, x.sign);
    } else {
        result = fp_pack_inf(&op, x.sign);
    }
    *flags |= op.flags;
    return result;
}

static bool is_f80(const struct fp_layout *lay)
{
    return lay->explicit;
}

/* The operand of a conversion: fp.h says which sides never flush or flag. */
static struct fp_num convert_operand(struct fp_op *op, enum fp_format from, fp_bits a)
{
    struct fp_num n;

    op->lay = &fp_layouts[from];
    if (from == FP_F16 || is_f80(op->lay)) {
        n = fp_unpack_raw(op->lay, a);
        n.denormal = false;
    } else {
        n = fp_unpack(op, a);
    }
    return n;
}

fp_bits fp_convert(enum fp_format from, enum fp_format to, enum fp_rules rules, enum fp_round round,
                   fp_bits a, u8 *flags)
{
    struct fp_op op = fp_op_start(from, rules, round);
    struct fp_num x = convert_operand(&op, from, a);
    const struct fp_num *list[] = { &x };
    struct fp_rule unflushed = *op.rule;
    fp_bits result;

    op.lay = &fp_layouts[to];
    if (to == FP_F16) {
        unflushed.flush_out = false;
        op.rule = &unflushed;
    }
    if (fp_num_is_nan(&x)) {
        result = fp_nan_result(&op, 1, list);
    } else if (x.kind == FP_KIND_ZERO) {
        result = fp_pack_zero(&op, x.sign);
    } else if (x.kind == FP_KIND_INF) {
        result = fp_pack_inf(&op, x.sign);
    } else {
        fp_note_denormal(&op, x.denormal);
        result = fp_round_pack(&op, x.sign, x.exp, x.sig);
    }
    *flags |= op.flags;
    return result;
}

fp_bits fp_from_fixed(enum fp_format fmt, enum fp_rules rules, enum fp_round round, u64 lo, u64 hi,
                      bool is_signed, unsigned bits, unsigned fraction, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    u128 v = ((u128)hi << 64 | lo) & fp_mask128(bits);
    bool sign = is_signed && v >> (bits - 1);

    if (sign)
        v = -v & fp_mask128(bits);
    fp_bits result =
        v ? fp_normalize_pack(&op, sign, FP_SIG_TOP - (s32)fraction, v) : fp_pack_zero(&op, false);

    *flags |= op.flags;
    return result;
}

fp_bits fp_from_int(enum fp_format fmt, enum fp_round round, u64 lo, u64 hi, bool is_signed,
                    unsigned bits, u8 *flags)
{
    return fp_from_fixed(fmt, FP_RULES_CANONICAL, round, lo, hi, is_signed, bits, 0, flags);
}

/* What an operand out of range becomes; above: it is above the range. */
static u64 out_of_range(struct fp_op *op, enum fp_toint how, bool above, bool is_signed,
                        unsigned bits)
{
    u64 top = 1ull << (bits - 1), all = top | (top - 1);

    op->flags |= FP_NV;
    if (how == FP_INDEFINITE)
        return is_signed ? -top : all;
    if (above)
        return is_signed ? top - 1 : all;
    return is_signed ? -top : 0;
}

/* The low `bits` of v, extended. */
static u64 extend(u64 v, bool is_signed, unsigned bits)
{
    unsigned up = 64 - bits;

    return is_signed ? (u64)((s64)(v << up) >> up) : v << up >> up;
}

/* a * 2^scale truncated, modulo 2^64; a is finite. */
static u64 low_bits(const struct fp_num *a, s32 scale)
{
    s32 shift = FP_SIG_TOP - (a->exp + scale);
    u128 v = shift >= 128 || shift <= -128 ? 0 : shift >= 0 ? a->sig >> shift : a->sig << -shift;

    return a->sign ? -(u64)v : (u64)v;
}

static u64 to_int_finite(struct fp_op *op, const struct fp_num *a, bool is_signed, unsigned bits,
                         s32 scale, enum fp_toint how)
{
    bool inexact = false, up = false, fits = false;
    u128 limit = (u128)1 << (is_signed ? bits - 1 : bits);
    u128 v = 0;

    if (a->exp + scale <= 64) {
        v = round_magnitude(op, a, scale, &inexact, &up);
        fits = a->sign ? v <= (is_signed ? limit : 0) : v < limit;
    }
    if (!fits) {
        if (how != FP_MODULO_JS)
            return out_of_range(op, how, !a->sign, is_signed, bits);
        op->flags |= FP_NV;
        return extend(low_bits(a, scale), is_signed, bits);
    }
    if (inexact)
        op->flags |= FP_NX;
    if (up && op->rule->flag_rounded_up)
        op->flags |= FP_ROUNDED_UP;
    return extend(a->sign ? -(u64)v : (u64)v, is_signed, bits);
}

u64 fp_to_fixed(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
                bool is_signed, unsigned bits, unsigned fraction, enum fp_toint how, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a);
    bool nan = fp_num_is_nan(&x);
    u64 result = 0;

    if (x.kind == FP_KIND_FINITE)
        result = to_int_finite(&op, &x, is_signed, bits, (s32)fraction, how);
    else if (x.kind != FP_KIND_ZERO &&
             (how == FP_MODULO_JS || (how == FP_SATURATE_NAN_ZERO && nan)))
        op.flags |= FP_NV;
    else if (x.kind != FP_KIND_ZERO)
        result = out_of_range(&op, how, nan || !x.sign, is_signed, bits);
    *flags |= op.flags;
    return result;
}

u64 fp_to_int(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
              bool is_signed, unsigned bits, enum fp_toint how, u8 *flags)
{
    return fp_to_fixed(fmt, rules, round, a, is_signed, bits, 0, how, flags);
}
