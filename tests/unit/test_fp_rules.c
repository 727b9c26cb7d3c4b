/*
 * test_fp_rules.c - what the standard leaves open, as each rule set and each
 * convention says: checked by worked examples, whatever this machine's FPU is.
 */
#include "ir/fp.h"
#include "test.h"

static fp_bits of(u64 v)
{
    return fp_bits_u64(v);
}

/* IEEE 754-2008's and 2019's minimum differ only with NaNs; RISC-V's and Arm's
 * are checked here whatever this machine is. */
TEST(minimum_with_nans_follows_each_definition)
{
    const u64 one = 0x3ff0000000000000, qnan = 0x7ff8000000000007, snan = 0xfff0000000000009;
    const enum fp_rules rv = FP_RULES_CANONICAL, arm = FP_RULES_SNAN_FIRST;
    u8 fl = 0;

    CHECK_EQ(fp64_min(&fl, rv, one, qnan, FP_MM_NUMBER), one);
    CHECK_EQ(fl, 0);
    CHECK_EQ(fp64_min(&fl, rv, snan, one, FP_MM_NUMBER), one);
    CHECK_EQ(fl, FP_NV);
    fl = 0;
    CHECK_EQ(fp64_max(&fl, rv, qnan, qnan, FP_MM_NUMBER), 0x7ff8000000000000);
    CHECK_EQ(fp64_max(&fl, rv, qnan, one, FP_MM_NAN), 0x7ff8000000000000);
    CHECK_EQ(fp64_max(&fl, arm, qnan, one, FP_MM_NAN), qnan);
    CHECK_EQ(fp64_max(&fl, arm, qnan, one, FP_MM_NUM2008), one);
    CHECK_EQ(fl, 0);
    CHECK_EQ(fp64_max(&fl, arm, qnan, snan, FP_MM_NUM2008), 0xfff8000000000009);
    CHECK_EQ(fl, FP_NV);
    CHECK_EQ(fp64_max(&fl, arm, snan, one, FP_MM_NUM2008), 0xfff8000000000009);
    fl = 0;
    CHECK_EQ(fp64_max(&fl, arm, 0, 1ull << 63, FP_MM_NAN), 0);
    CHECK_EQ(fp64_min(&fl, rv, 0, 1ull << 63, FP_MM_NUMBER), 1ull << 63);
    CHECK_EQ(fl, 0);
}

TEST(conversions_out_of_range_follow_each_convention)
{
    const u64 nan = 0xfff8000000000000, big = 0xc1f8000000000000; /* -1.5 * 2^32 */
    u8 fl = 0;

    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, nan, true, 32, FP_SATURATE_NAN_MAX), 0x7fffffff);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, nan, false, 64, FP_SATURATE_NAN_MAX), ~0ull);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, nan, true, 32, FP_SATURATE_NAN_ZERO), 0);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, nan, true, 32, FP_INDEFINITE), 0xffffffff80000000);
    CHECK_EQ(fl, FP_NV);
    fl = 0;
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, big, true, 32, FP_SATURATE_NAN_ZERO), 0xffffffff80000000);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, big, false, 32, FP_SATURATE_NAN_MAX), 0);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, big, false, 32, FP_INDEFINITE), 0xffffffff);
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, big, true, 32, FP_MODULO_JS), 0xffffffff80000000);
    CHECK_EQ(fl, FP_NV);
    fl = 0;
    CHECK_EQ(fp64_to_int(&fl, 0, FP_RTZ, 0xbfe0000000000000, false, 32, FP_SATURATE_NAN_MAX), 0);
    CHECK_EQ(fl, FP_NX); /* -0.5 truncates to 0, which is in range */
}

TEST(fixed_point_scales_exactly)
{
    u8 fl = 0;

    CHECK_EQ(fp_to_fixed(FP_F32, FP_RULES_SNAN_FIRST, FP_RTZ, of(0x40200000), true, 32, 16,
                         FP_SATURATE_NAN_ZERO, &fl),
             0x28000); /* 2.5 */
    CHECK_EQ(fp_from_fixed(FP_F32, FP_RULES_CANONICAL, FP_RNE, 0x28000, 0, true, 32, 16, &fl).lo,
             0x40200000);
    CHECK_EQ(fp_from_fixed(FP_F64, FP_RULES_CANONICAL, FP_RNE, 1, 0, false, 64, 64, &fl).lo,
             0x3bf0000000000000);
    CHECK_EQ(fl, 0);
}

TEST(class_is_one_bit_of_riscv_fclass)
{
    static const struct {
        enum fp_format fmt;
        fp_bits v;
        unsigned bit;
    } rows[] = {
        { FP_F32, { 0xff800000, 0 }, 0 },
        { FP_F32, { 0xbf800000, 0 }, 1 },
        { FP_F32, { 0x80000001, 0 }, 2 },
        { FP_F64, { 1ull << 63, 0 }, 3 },
        { FP_F64, { 0, 0 }, 4 },
        { FP_F16, { 0x03ff, 0 }, 5 },
        { FP_BF16, { 0x0080, 0 }, 6 },
        { FP_F128, { 0, 0x7fff000000000000 }, 7 },
        { FP_F128, { 1, 0x7fff000000000000 }, 8 },
        { FP_F16, { 0x7e00, 0 }, 9 },
        { FP_F80, { 1ull << 63, 0x7fff }, 7 },
        { FP_F80, { 1ull << 63, 0 }, 5 },
        { FP_F80, { 1, 0x1234 }, 8 },
        { FP_F80, { 3ull << 62, 0xffff }, 9 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        CHECK_EQ(fp_class(rows[i].fmt, rows[i].v), 1u << rows[i].bit);
}

/* Arm's rules where no Arm processor is at hand: DDI 0487, FPProcessNaNs3,
 * FPMulX, and flushing with FPCR.FZ. */
TEST(arm_rules_order_nans_and_flush)
{
    const u64 inf = 0x7f800000, one = 0x3f800000, q1 = 0x7fc00001, q2 = 0xffc00002, s1 = 0x7f800003,
              s2 = 0xff800004;
    const enum fp_rules r = FP_RULES_SNAN_FIRST, fz = FP_RULES_SNAN_FIRST_FZ;
    u8 fl = 0;

    CHECK_EQ(fp32_add(&fl, r, FP_RNE, q1, s2), 0xffc00004);
    CHECK_EQ(fl, FP_NV);
    fl = 0;
    CHECK_EQ(fp32_fma(&fl, r, FP_RNE, q1, one, q2), q2); /* the addend is first */
    CHECK_EQ(fl, 0);
    CHECK_EQ(fp32_fma(&fl, r, FP_RNE, s1, s2, q2), 0x7fc00003);
    CHECK_EQ(fp32_fma(&fl, r, FP_RNE, inf, 0, q2), 0x7fc00000);
    CHECK_EQ(fl, FP_NV);
    fl = 0;
    CHECK_EQ(fp32_mulx(&fl, r, FP_RNE, inf, 1ull << 31), 0xc0000000);
    CHECK_EQ(fl, 0);
    CHECK_EQ(fp32_mul(&fl, fz, FP_RNE, 0x80000001, one), 1ull << 31);
    CHECK_EQ(fl, FP_DENORMAL);
    fl = 0;
    CHECK_EQ(fp32_mul(&fl, fz, FP_RNE, 0x00800000, 0x3f000000), 0);
    CHECK_EQ(fl, FP_UF);
    fl = 0;
    CHECK_EQ(fp_add(FP_F16, fz, FP_RNE, of(0x8001), of(0), &fl).lo, 0);
    CHECK_EQ(fl, 0); /* FZ16 raises no IDC */
    CHECK_EQ(fp_convert(FP_F16, FP_F32, fz, FP_RNE, of(1), &fl).lo, 0x33800000);
    CHECK_EQ(fl, 0); /* conversions do not flush halves */
}

/* The one boundary where tininess before and after rounding differ. */
TEST(tininess_differs_only_just_below_the_least_normal)
{
    const u64 below = 0x380fffffffffffff;
    u8 before = 0, after = 0; /* 0x00ffffff * 0.5 rounds up to the least normal number */

    CHECK_EQ(fp32_mul(&after, FP_RULES_CANONICAL, FP_RNE, 0x00ffffff, 0x3f000000), 0x00800000);
    CHECK_EQ(fp32_mul(&before, FP_RULES_DEFAULT_BEFORE, FP_RNE, 0x00ffffff, 0x3f000000),
             0x00800000);
    CHECK_EQ(after, FP_NX | FP_UF); /* at 24 bits it is exact, and below the least normal */
    CHECK_EQ(before, FP_NX | FP_UF);
    before = after = 0; /* below, 2^-126 - 2^-179, rounds up to 2^-126 at 24 bits too */
    CHECK_EQ(fp64_to_fp32(&before, FP_RULES_DEFAULT_BEFORE, FP_RNE, below), 0x00800000);
    CHECK_EQ(fp64_to_fp32(&after, FP_RULES_CANONICAL, FP_RNE, below), 0x00800000);
    CHECK_EQ(before, FP_NX | FP_UF);
    CHECK_EQ(after, FP_NX);
}

TEST_MAIN(TEST_CASE(minimum_with_nans_follows_each_definition),
          TEST_CASE(conversions_out_of_range_follow_each_convention),
          TEST_CASE(fixed_point_scales_exactly), TEST_CASE(class_is_one_bit_of_riscv_fclass),
          TEST_CASE(arm_rules_order_nans_and_flush),
          TEST_CASE(tininess_differs_only_just_below_the_least_normal))
