/*
 * fp.h - exact software floating point: what every engine must agree with.
 *
 * IEEE 754-2019 arithmetic on integers only, one implementation for all
 * formats, with the choices the standard leaves open (which NaN, tininess,
 * flushing of denormals) named by a rule set. The generic functions fp_*() are
 * the reference; fp32_*() and fp64_*() give the same results faster and are
 * what interpreter code calls.
 *
 * Everything here is a pure function of its arguments, from any thread. Flags
 * are OR-ed into *flags, never cleared. Bits above the format's width are
 * ignored on input and zero on output.
 */
#ifndef IR_FP_H
#define IR_FP_H

#include "base/types.h"

/* FP_F80 is the x87 extended format with its explicit integer bit. The last
 * two are FP_F80 in layout and range, with results rounded to 53 and 24 bits:
 * the x87 precision control. */
enum fp_format { FP_F16, FP_BF16, FP_F32, FP_F64, FP_F80, FP_F128, FP_F80_P53, FP_F80_P24 };

/* 0..4 are RISC-V's frm encodings. RMM: to nearest, ties away from zero. RTO:
 * to odd (truncate, then set the last bit when inexact). */
enum fp_round { FP_RNE, FP_RTZ, FP_RDN, FP_RUP, FP_RMM, FP_RTO };

enum {
    FP_NX = 1,          /* inexact */
    FP_UF = 2,          /* underflow: tiny and inexact (tiny alone where results are flushed) */
    FP_OF = 4,          /* overflow */
    FP_DZ = 8,          /* division of a finite number by zero */
    FP_NV = 16,         /* invalid operation; the five so far are RISC-V's fflags */
    FP_DENORMAL = 32,   /* an operand was denormal; only with rules that say so */
    FP_ROUNDED_UP = 64, /* the magnitude grew by rounding; FP_RULES_LARGER only (x87's C1) */
};

/*
 * The closed list of rule sets; floating-point ops of the IR carry one as a
 * constant. "Before"/"after" say whether tininess is detected before or after
 * rounding. For fma the operands are ordered a, b, c except where said.
 * Conversions from and to FP_F16 and from FP_F80 never flush or flag a denormal
 * on that side, under any rules: so both x86 and Arm.
 */
enum fp_rules {
    /* Any NaN result is the positive quiet default NaN; after. (RISC-V) */
    FP_RULES_CANONICAL,
    /* The first operand that is a NaN, quieted, signalling or not; default NaN
     * negative; after; FP_DENORMAL on denormal operands, unless the operation
     * was already decided by a NaN, an invalid operation or a division by zero;
     * of fp_round_int's, fp_to_int's none. inf * 0 + qNaN is that NaN and raises
     * nothing. (SSE; a and b are the operands that the digits of FMA3's 132, 213
     * and 231 put first and second.) */
    FP_RULES_FIRST,
    /* Signalling operands first in order, then quiet ones in order; default NaN
     * positive; before. fma's order is c, a, b, and inf * 0 + qNaN is the
     * default NaN. (Arm, FPCR.DN = 0) */
    FP_RULES_SNAN_FIRST,
    /* The default NaN, positive, always; before. (Arm, FPCR.DN = 1) */
    FP_RULES_DEFAULT_BEFORE,
    /* A quiet NaN before a signalling one, then the larger significand, then
     * the positive one; default NaN negative; after; FP_DENORMAL as FIRST, and in
     * fp_round_int; FP_ROUNDED_UP. (x87) */
    FP_RULES_LARGER,
    /* FIRST, with tiny results made zero, raising FP_UF | FP_NX (MXCSR.FZ). */
    FP_RULES_FIRST_FTZ,
    /* FIRST, with denormal operands read as zero, raising nothing (MXCSR.DAZ). */
    FP_RULES_FIRST_DAZ,
    FP_RULES_FIRST_FTZ_DAZ,
    /* The Arm rules with FPCR.FZ (FZ16 for FP_F16): denormal operands are read
     * as zero, raising FP_DENORMAL (IDC; not for FP_F16); tiny results are made
     * zero, raising FP_UF alone. */
    FP_RULES_SNAN_FIRST_FZ,
    FP_RULES_DEFAULT_BEFORE_FZ,
    FP_RULES_COUNT
};

/* What a CPU's state holds; saved by its owner. The last two are read only by operations that ask
 * for them (IR_RULES_DYNAMIC): a guest without such has the first two alone. */
struct fp_env {
    u8 round;   /* enum fp_round: the dynamic mode */
    u8 flags;   /* sticky FP_* flags */
    u8 rules;   /* enum fp_rules, never FP_RULES_LARGER: the dynamic rules, */
    u8 rules16; /* and those of FP_F16 but in conversions between formats */
};

/* A value of any format, in the low bits; the upper bits are zero. */
typedef struct {
    u64 lo, hi;
} fp_bits;

static inline fp_bits fp_bits_u64(u64 lo)
{
    return (fp_bits){ lo, 0 };
}

fp_bits fp_add(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags);
fp_bits fp_sub(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags);
fp_bits fp_mul(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags);
fp_bits fp_div(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               u8 *flags);
fp_bits fp_sqrt(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, u8 *flags);

/* a * b + c with one rounding. Callers flip signs for the negated forms.
 * inf * 0 raises FP_NV even with a quiet NaN as c (but see FP_RULES_FIRST). */
fp_bits fp_fma(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               fp_bits c, u8 *flags);

/* fp_mul, except that 0 * inf is 2 with the product's sign (Arm FMULX). */
fp_bits fp_mulx(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
                u8 *flags);

/* To an integral value in the same format; `exact`: raise FP_NX when it differs. */
fp_bits fp_round_int(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
                     bool exact, u8 *flags);

/* Between formats. NaN payloads keep their leading bits where rules keep NaNs. */
fp_bits fp_convert(enum fp_format from, enum fp_format to, enum fp_rules rules, enum fp_round round,
                   fp_bits a, u8 *flags);

/* From the low `bits` (8..128) of hi:lo, two's complement when is_signed. */
fp_bits fp_from_int(enum fp_format fmt, enum fp_round round, u64 lo, u64 hi, bool is_signed,
                    unsigned bits, u8 *flags);

/* The same with the integer first divided by 2^fraction, fraction <= 64; this may be tiny. */
fp_bits fp_from_fixed(enum fp_format fmt, enum fp_rules rules, enum fp_round round, u64 lo, u64 hi,
                      bool is_signed, unsigned bits, unsigned fraction, u8 *flags);

/* What a NaN or a number out of range becomes. FP_NV is raised, without FP_NX. */
enum fp_toint {
    FP_SATURATE_NAN_MAX,  /* nearest representable; any NaN is the largest (RISC-V) */
    FP_SATURATE_NAN_ZERO, /* nearest representable; a NaN is 0 (Arm) */
    FP_INDEFINITE,        /* 1 << (bits - 1); all ones when unsigned (x86) */
    FP_MODULO_JS,         /* modulo 2^bits; NaN and infinity are 0 (FJCVTZS, FCVTMOD.W.D) */
};

/* To an integer of `bits` (8..64), sign- or zero-extended to 64 per is_signed. */
u64 fp_to_int(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
              bool is_signed, unsigned bits, enum fp_toint how, u8 *flags);

/* The same with a first multiplied by 2^fraction, exactly; fraction <= 64. */
u64 fp_to_fixed(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a,
                bool is_signed, unsigned bits, unsigned fraction, enum fp_toint how, u8 *flags);

enum fp_cmp { FP_LT, FP_EQ, FP_GT, FP_UNORDERED };

/* a compared with b; a NaN raises FP_NV when signalling or when signal_qnan. */
enum fp_cmp fp_compare(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b,
                       bool signal_qnan, u8 *flags);

/* In all but FP_MM_SSE -0 is less than +0. A signalling NaN raises FP_NV. */
enum fp_minmax {
    FP_MM_NUMBER,  /* 754-2019 minimumNumber: any NaN loses to a number (RISC-V fmin) */
    FP_MM_NAN,     /* 754-2019 minimum: a NaN operand gives a NaN (fminm, Arm FMIN) */
    FP_MM_NUM2008, /* 754-2008 minNum: only a quiet NaN loses to a number (Arm FMINNM) */
    FP_MM_SSE,     /* the second operand on any NaN (raising FP_NV) or two zeros */
};

fp_bits fp_min(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b, enum fp_minmax how,
               u8 *flags);
fp_bits fp_max(enum fp_format fmt, enum fp_rules rules, fp_bits a, fp_bits b, enum fp_minmax how,
               u8 *flags);

/* One bit of RISC-V's fclass mask: 0 -inf, 1 -normal, 2 -subnormal, 3 -0, 4 +0,
 * 5 +subnormal, 6 +normal, 7 +inf, 8 signalling NaN, 9 quiet NaN. An encoding
 * that FP_F80 does not support counts as 8, a pseudo-denormal as subnormal. */
unsigned fp_class(enum fp_format fmt, fp_bits a);

fp_bits fp_default_nan(enum fp_format fmt, enum fp_rules rules);

/* Unsupported FP_F80 encodings are signalling NaNs to these. */
bool fp_is_nan(enum fp_format fmt, fp_bits a);
bool fp_is_snan(enum fp_format fmt, fp_bits a);
bool fp_is_inf(enum fp_format fmt, fp_bits a);
bool fp_is_zero(enum fp_format fmt, fp_bits a);
bool fp_is_denormal(enum fp_format fmt, fp_bits a);

/*
 * For interpreter code: f32 and f64 values as plain u64 (f32 in the low half,
 * upper half ignored on input, zero on output), enums as unsigned. The first
 * six have integer fast paths, which never raise FP_ROUNDED_UP (the x87 computes
 * in FP_F80); the rest go to the generic functions.
 */
#define FP_FAST_DECLARE(n)                                                                         \
    u64 fp##n##_add(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b);                      \
    u64 fp##n##_sub(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b);                      \
    u64 fp##n##_mul(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b);                      \
    u64 fp##n##_div(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b);                      \
    u64 fp##n##_sqrt(u8 *flags, unsigned rules, unsigned round, u64 a);                            \
    u64 fp##n##_fma(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b, u64 c);
FP_FAST_DECLARE(32)
FP_FAST_DECLARE(64)
#undef FP_FAST_DECLARE

#define FP_WRAP(n)                                                                                 \
    static inline u64 fp##n##_mulx(u8 *flags, unsigned rules, unsigned round, u64 a, u64 b)        \
    {                                                                                              \
        return fp_mulx(FP_F##n, (enum fp_rules)rules, (enum fp_round)round, fp_bits_u64(a),        \
                       fp_bits_u64(b), flags)                                                      \
            .lo;                                                                                   \
    }                                                                                              \
    static inline u64 fp##n##_round_int(u8 *flags, unsigned rules, unsigned round, u64 a,          \
                                        bool exact)                                                \
    {                                                                                              \
        return fp_round_int(FP_F##n, (enum fp_rules)rules, (enum fp_round)round, fp_bits_u64(a),   \
                            exact, flags)                                                          \
            .lo;                                                                                   \
    }                                                                                              \
    static inline u64 fp##n##_from_int(u8 *flags, unsigned round, u64 v, bool is_signed,           \
                                       unsigned bits)                                              \
    {                                                                                              \
        return fp_from_int(FP_F##n, (enum fp_round)round, v, 0, is_signed, bits, flags).lo;        \
    }                                                                                              \
    static inline u64 fp##n##_to_int(u8 *flags, unsigned rules, unsigned round, u64 a,             \
                                     bool is_signed, unsigned bits, unsigned how)                  \
    {                                                                                              \
        return fp_to_int(FP_F##n, (enum fp_rules)rules, (enum fp_round)round, fp_bits_u64(a),      \
                         is_signed, bits, (enum fp_toint)how, flags);                              \
    }                                                                                              \
    static inline enum fp_cmp fp##n##_compare(u8 *flags, unsigned rules, u64 a, u64 b,             \
                                              bool signal_qnan)                                    \
    {                                                                                              \
        return fp_compare(FP_F##n, (enum fp_rules)rules, fp_bits_u64(a), fp_bits_u64(b),           \
                          signal_qnan, flags);                                                     \
    }                                                                                              \
    static inline u64 fp##n##_min(u8 *flags, unsigned rules, u64 a, u64 b, unsigned how)           \
    {                                                                                              \
        return fp_min(FP_F##n, (enum fp_rules)rules, fp_bits_u64(a), fp_bits_u64(b),               \
                      (enum fp_minmax)how, flags)                                                  \
            .lo;                                                                                   \
    }                                                                                              \
    static inline u64 fp##n##_max(u8 *flags, unsigned rules, u64 a, u64 b, unsigned how)           \
    {                                                                                              \
        return fp_max(FP_F##n, (enum fp_rules)rules, fp_bits_u64(a), fp_bits_u64(b),               \
                      (enum fp_minmax)how, flags)                                                  \
            .lo;                                                                                   \
    }                                                                                              \
    static inline unsigned fp##n##_class(u64 a)                                                    \
    {                                                                                              \
        return fp_class(FP_F##n, fp_bits_u64(a));                                                  \
    }
FP_WRAP(32)
FP_WRAP(64)
#undef FP_WRAP

static inline u64 fp32_to_fp64(u8 *flags, unsigned rules, u64 a)
{
    return fp_convert(FP_F32, FP_F64, (enum fp_rules)rules, FP_RNE, fp_bits_u64(a), flags).lo;
}

static inline u64 fp64_to_fp32(u8 *flags, unsigned rules, unsigned round, u64 a)
{
    return fp_convert(FP_F64, FP_F32, (enum fp_rules)rules, (enum fp_round)round, fp_bits_u64(a),
                      flags)
        .lo;
}

#endif
