/*
 * fp_internal.h - what the files of the soft-float share: numbers taken apart.
 */
#ifndef IR_FP_INTERNAL_H
#define IR_FP_INTERNAL_H

#include "ir/fp.h"

/* The leading one of a finite non-zero number's significand stands at this bit:
 * below it 13 bits to spare under FP_F128's 113, above it room for a carry. */
#define FP_SIG_TOP 126

struct fp_layout {
    u8 width; /* bits of the encoding */
    u8 exp_bits;
    u8 frac_bits;  /* stored fraction, without an integer bit */
    u8 prec;       /* bits results are rounded to, integer bit included */
    bool explicit; /* the integer bit is stored, above the fraction */
};

enum fp_nan_choice { FP_NAN_DEFAULT, FP_NAN_FIRST, FP_NAN_SNAN_FIRST, FP_NAN_LARGER };

struct fp_rule {
    u8 nan;                 /* enum fp_nan_choice */
    bool nan_negative;      /* sign of the default NaN */
    bool tiny_before;       /* tininess before rounding */
    bool flush_in;          /* denormal operands are zero */
    bool flush_out;         /* tiny results are zero */
    bool flag_denormal;     /* FP_DENORMAL for denormal operands that are used */
    bool flag_flush_in;     /* FP_DENORMAL for each one flushed (not FP_F16) */
    bool flag_flush_out_nx; /* FP_NX beside FP_UF for a flushed result */
    bool flag_rounded_up;
};

enum fp_kind {
    FP_KIND_ZERO,
    FP_KIND_FINITE,
    FP_KIND_INF,
    FP_KIND_QNAN,
    FP_KIND_SNAN,
    FP_KIND_UNSUPPORTED
};

struct fp_num {
    u8 kind; /* enum fp_kind */
    bool sign;
    bool denormal; /* was denormal, and was not flushed */
    s32 exp;       /* FINITE: value = sig * 2^(exp - FP_SIG_TOP) */
    u128 sig;      /* FINITE: leading one at FP_SIG_TOP. NaN: the fraction, its
                    * quiet bit at FP_SIG_TOP - 1, quiet or not as encoded */
};

/* One operation under way: its format, its rules and the flags so far. */
struct fp_op {
    const struct fp_layout *lay;
    const struct fp_rule *rule;
    enum fp_round round;
    u8 flags;
};

extern const struct fp_layout fp_layouts[];
extern const struct fp_rule fp_rule_rows[];

static inline struct fp_op fp_op_start(enum fp_format fmt, enum fp_rules rules, enum fp_round round)
{
    return (struct fp_op){ &fp_layouts[fmt], &fp_rule_rows[rules], round, 0 };
}

static inline fp_bits fp_bits_u128(u128 v)
{
    return (fp_bits){ (u64)v, (u64)(v >> 64) };
}

static inline u128 fp_bits_get(fp_bits b)
{
    return (u128)b.hi << 64 | b.lo;
}

static inline u128 fp_mask128(unsigned n)
{
    return n >= 128 ? ~(u128)0 : ((u128)1 << n) - 1;
}

/* v >> n with every bit shifted out OR-ed into bit 0, any n >= 0. */
static inline u128 fp_shr_jam(u128 v, unsigned n)
{
    if (n == 0)
        return v;
    if (n >= 128)
        return v != 0;
    return v >> n | ((v & fp_mask128(n)) != 0);
}

/* Leading zeros of v, which is not 0. */
static inline unsigned fp_clz128(u128 v)
{
    u64 hi = (u64)(v >> 64);

    return hi ? (unsigned)__builtin_clzll(hi) : 64 + (unsigned)__builtin_clzll((u64)v);
}

static inline bool fp_num_is_nan(const struct fp_num *a)
{
    return a->kind >= FP_KIND_QNAN;
}

/* Takes an encoding apart; flushes a denormal when the rules say so. */
struct fp_num fp_unpack(struct fp_op *op, fp_bits bits);

/* The same without flushing or flags: for class tests and conversions. */
struct fp_num fp_unpack_raw(const struct fp_layout *lay, fp_bits bits);

/* Rounds sig * 2^(exp - FP_SIG_TOP), leading one at FP_SIG_TOP and bit 0 sticky,
 * and encodes it, with overflow, underflow and inexact. */
fp_bits fp_round_pack(struct fp_op *op, bool sign, s32 exp, u128 sig);

/* The same for any non-zero sig: moves the leading one into place first. */
fp_bits fp_normalize_pack(struct fp_op *op, bool sign, s32 exp, u128 sig);

/* sig >> shift rounded in the given mode, 1 <= shift <= 127; *inexact is set
 * when bits were lost, *up when the result is above the truncation. */
u128 fp_round_shift(enum fp_round round, bool sign, u128 sig, unsigned shift, bool *inexact,
                    bool *up);

fp_bits fp_pack_zero(const struct fp_op *op, bool sign);
fp_bits fp_pack_inf(const struct fp_op *op, bool sign);

/* The sign of a sum that is exactly zero, from the operands' signs. */
static inline bool fp_zero_sum_sign(const struct fp_op *op, bool a, bool b)
{
    return a == b ? a : op->round == FP_RDN;
}

/* Raises FP_NV and gives the default NaN. */
fp_bits fp_invalid(struct fp_op *op);

/* The NaN result of 1 to 3 operands, in the rules' order, one or more a NaN. */
fp_bits fp_nan_result(struct fp_op *op, unsigned count, const struct fp_num *const *from);

/* FP_DENORMAL when an operand is denormal and the rules flag it. */
static inline void fp_note_denormal(struct fp_op *op, bool denormal)
{
    if (denormal && op->rule->flag_denormal)
        op->flags |= FP_DENORMAL;
}

/* The full product of two 128-bit numbers. */
static inline void fp_mul128(u128 a, u128 b, u128 *hi, u128 *lo)
{
    u64 a0 = (u64)a, a1 = (u64)(a >> 64), b0 = (u64)b, b1 = (u64)(b >> 64);
    u128 low = (u128)a0 * b0, high = (u128)a1 * b1;
    u128 x = (u128)a1 * b0, y = (u128)a0 * b1;
    u128 mid = (low >> 64) + (u64)x + (u64)y;

    *lo = mid << 64 | (u64)low;
    *hi = high + (x >> 64) + (y >> 64) + (mid >> 64);
}

#endif
