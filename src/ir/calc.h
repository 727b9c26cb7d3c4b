/*
 * calc.h - integer operations of the IR that C has no operator for.
 *
 * The names are those of the text column in ops.def, with the width in bits at the
 * end; generated interpreter handlers and tier 1's out-of-line calls use them. i1 is
 * a u8 holding 0 or 1. tests/ir/test_calc.c holds each against wide arithmetic.
 */
#ifndef IR_CALC_H
#define IR_CALC_H

#include "base/types.h"

/* --- every width --- */

#define IRC_COMMON(w)                                                                              \
    static inline u##w irc_not##w(u##w a)                                                          \
    {                                                                                              \
        return (u##w)~a;                                                                           \
    }                                                                                              \
    static inline u##w irc_rotl##w(u##w a, u##w b)                                                 \
    {                                                                                              \
        unsigned n = (unsigned)b & ((w) - 1);                                                      \
        return (u##w)(a << n | a >> (-n & ((w) - 1)));                                             \
    }                                                                                              \
    static inline u##w irc_rotr##w(u##w a, u##w b)                                                 \
    {                                                                                              \
        unsigned n = (unsigned)b & ((w) - 1);                                                      \
        return (u##w)(a >> n | a << (-n & ((w) - 1)));                                             \
    }                                                                                              \
    static inline u8 irc_carry##w(u##w a, u##w b, u8 c)                                            \
    {                                                                                              \
        u##w sum = (u##w)(a + b);                                                                  \
        return (u8)(sum < a) | (u8)((u##w)(sum + c) < sum);                                        \
    }                                                                                              \
    static inline u8 irc_borrow##w(u##w a, u##w b, u8 c)                                           \
    {                                                                                              \
        u##w diff = (u##w)(a - b);                                                                 \
        return (u8)(a < b) | (u8)(diff < c);                                                       \
    }                                                                                              \
    static inline u8 irc_addovf##w(u##w a, u##w b, u8 c)                                           \
    {                                                                                              \
        u##w sum = (u##w)(a + b + c);                                                              \
        return (u8)(((a ^ sum) & (b ^ sum)) >> ((w) - 1));                                         \
    }                                                                                              \
    static inline u8 irc_subovf##w(u##w a, u##w b, u8 c)                                           \
    {                                                                                              \
        u##w diff = (u##w)(a - b - c);                                                             \
        return (u8)(((a ^ b) & (a ^ diff)) >> ((w) - 1));                                          \
    }
IRC_COMMON(8)
IRC_COMMON(16)
IRC_COMMON(32)
IRC_COMMON(64)
IRC_COMMON(128)
#undef IRC_COMMON

static inline u8 irc_not1(u8 a)
{
    return a ^ 1;
}

/* --- width changes; i1 is the odd one --- */

#define irc_trunc1(a)  ((u8)((a) & 1))
#define irc_trunc8(a)  ((u8)(a))
#define irc_trunc16(a) ((u16)(a))
#define irc_trunc32(a) ((u32)(a))
#define irc_trunc64(a) ((u64)(a))

static inline s64 irc_sext1(u8 a)
{
    return -(s64)a;
}

static inline s64 irc_sext8(u8 a)
{
    return (s8)a;
}

static inline s64 irc_sext16(u16 a)
{
    return (s16)a;
}

static inline s64 irc_sext32(u32 a)
{
    return (s32)a;
}

static inline s64 irc_sext64(u64 a)
{
    return (s64)a;
}

/* --- products --- */

/* u16 factors must not meet as int: 0xffff * 0xffff overflows it. */
#define IRC_MUL(w, wide, swide)                                                                    \
    static inline u##w irc_mul##w(u##w a, u##w b)                                                  \
    {                                                                                              \
        return (u##w)((wide)a * b);                                                                \
    }                                                                                              \
    static inline u##w irc_mulhu##w(u##w a, u##w b)                                                \
    {                                                                                              \
        return (u##w)((wide)a * b >> (w));                                                         \
    }                                                                                              \
    static inline u##w irc_mulhs##w(u##w a, u##w b)                                                \
    {                                                                                              \
        return (u##w)((swide)(s##w)a * (s##w)b >> (w));                                            \
    }                                                                                              \
    static inline u##w irc_mulhsu##w(u##w a, u##w b)                                               \
    {                                                                                              \
        return (u##w)((swide)(s##w)a * (swide)b >> (w));                                           \
    }
IRC_MUL(8, u32, s32)
IRC_MUL(16, u64, s64)
IRC_MUL(32, u64, s64)
IRC_MUL(64, u128, s128)
#undef IRC_MUL

static inline u128 irc_mul128(u128 a, u128 b)
{
    return a * b;
}

/* --- bits and bytes --- */

static inline u8 irc_bswap8(u8 a)
{
    return a;
}

static inline u16 irc_bswap16(u16 a)
{
    return __builtin_bswap16(a);
}

static inline u32 irc_bswap32(u32 a)
{
    return __builtin_bswap32(a);
}

static inline u64 irc_bswap64(u64 a)
{
    return __builtin_bswap64(a);
}

static inline u128 irc_bswap128(u128 a)
{
    return (u128)__builtin_bswap64((u64)a) << 64 | __builtin_bswap64((u64)(a >> 64));
}

static inline u64 irc_bitrev64(u64 a)
{
    a = (a & 0x5555555555555555ull) << 1 | (a >> 1 & 0x5555555555555555ull);
    a = (a & 0x3333333333333333ull) << 2 | (a >> 2 & 0x3333333333333333ull);
    a = (a & 0x0f0f0f0f0f0f0f0full) << 4 | (a >> 4 & 0x0f0f0f0f0f0f0f0full);
    return __builtin_bswap64(a);
}

static inline u8 irc_bitrev8(u8 a)
{
    return (u8)(irc_bitrev64(a) >> 56);
}

static inline u16 irc_bitrev16(u16 a)
{
    return (u16)(irc_bitrev64(a) >> 48);
}

static inline u32 irc_bitrev32(u32 a)
{
    return (u32)(irc_bitrev64(a) >> 32);
}

static inline u128 irc_bitrev128(u128 a)
{
    return (u128)irc_bitrev64((u64)a) << 64 | irc_bitrev64((u64)(a >> 64));
}

static inline u64 irc_clz64(u64 a)
{
    return a ? (u64)__builtin_clzll(a) : 64;
}

static inline u64 irc_ctz64(u64 a)
{
    return a ? (u64)__builtin_ctzll(a) : 64;
}

static inline u64 irc_popcnt64(u64 a)
{
    return (u64)__builtin_popcountll(a);
}

#define IRC_COUNTS(w)                                                                              \
    static inline u##w irc_clz##w(u##w a)                                                          \
    {                                                                                              \
        return (u##w)(irc_clz64(a) - (64 - (w)));                                                  \
    }                                                                                              \
    static inline u##w irc_ctz##w(u##w a)                                                          \
    {                                                                                              \
        return (u##w)irc_ctz64(a | 1ull << (w));                                                   \
    }                                                                                              \
    static inline u##w irc_popcnt##w(u##w a)                                                       \
    {                                                                                              \
        return (u##w)irc_popcnt64(a);                                                              \
    }
IRC_COUNTS(8)
IRC_COUNTS(16)
IRC_COUNTS(32)
#undef IRC_COUNTS

static inline u128 irc_clz128(u128 a)
{
    u64 high = (u64)(a >> 64);

    return high ? irc_clz64(high) : 64 + irc_clz64((u64)a);
}

static inline u128 irc_ctz128(u128 a)
{
    u64 low = (u64)a;

    return low ? irc_ctz64(low) : 64 + irc_ctz64((u64)(a >> 64));
}

static inline u128 irc_popcnt128(u128 a)
{
    return irc_popcnt64((u64)a) + irc_popcnt64((u64)(a >> 64));
}

static inline u128 irc_clmul_wide(u64 a, u64 b)
{
    u128 product = 0;

    for (; b; b &= b - 1)
        product ^= (u128)a << __builtin_ctzll(b);
    return product;
}

static inline u64 irc_clmul(u64 a, u64 b)
{
    return (u64)irc_clmul_wide(a, b);
}

static inline u64 irc_clmulh(u64 a, u64 b)
{
    return (u64)(irc_clmul_wide(a, b) >> 64);
}

static inline u64 irc_pext(u64 a, u64 mask)
{
    u64 out = 0;

    for (unsigned n = 0; mask; mask &= mask - 1, n++)
        out |= (a >> __builtin_ctzll(mask) & 1) << n;
    return out;
}

static inline u64 irc_pdep(u64 a, u64 mask)
{
    u64 out = 0;

    for (; mask; mask &= mask - 1, a >>= 1)
        out |= (a & 1) << __builtin_ctzll(mask);
    return out;
}

/* --- SHA-256: FIPS 180-4, 4.1.2 and 6.2.2; words from the least significant one --- */

static inline u32 irc_word(u128 v, unsigned i)
{
    return (u32)(v >> 32 * i);
}

static inline u128 irc_words(u32 w0, u32 w1, u32 w2, u32 w3)
{
    return (u128)((u64)w3 << 32 | w2) << 64 | ((u64)w1 << 32 | w0);
}

static inline u32 irc_sha256_sigma0(u32 x)
{
    return irc_rotr32(x, 7) ^ irc_rotr32(x, 18) ^ x >> 3;
}

static inline u32 irc_sha256_sigma1(u32 x)
{
    return irc_rotr32(x, 17) ^ irc_rotr32(x, 19) ^ x >> 10;
}

/* The round's new A is *h, its new E is *d: letters move instead of words. */
static inline void irc_sha256_round(u32 a, u32 b, u32 c, u32 *d, u32 e, u32 f, u32 g, u32 *h,
                                    u32 wk)
{
    u32 s0 = irc_rotr32(a, 2) ^ irc_rotr32(a, 13) ^ irc_rotr32(a, 22);
    u32 s1 = irc_rotr32(e, 6) ^ irc_rotr32(e, 11) ^ irc_rotr32(e, 25);
    u32 t = *h + s1 + (((f ^ g) & e) ^ g) + wk;

    *d += t;
    *h = t + s0 + ((a & b) | ((a | b) & c));
}

/* Four rounds; words A to D, or E to H. */
static inline u128 irc_sha256_rounds(u128 abcd, u128 efgh, u128 wk, bool upper)
{
    u32 a = irc_word(abcd, 0), b = irc_word(abcd, 1), c = irc_word(abcd, 2), d = irc_word(abcd, 3);
    u32 e = irc_word(efgh, 0), f = irc_word(efgh, 1), g = irc_word(efgh, 2), h = irc_word(efgh, 3);

    irc_sha256_round(a, b, c, &d, e, f, g, &h, irc_word(wk, 0));
    irc_sha256_round(h, a, b, &c, d, e, f, &g, irc_word(wk, 1));
    irc_sha256_round(g, h, a, &b, c, d, e, &f, irc_word(wk, 2));
    irc_sha256_round(f, g, h, &a, b, c, d, &e, irc_word(wk, 3));
    return upper ? irc_words(a, b, c, d) : irc_words(e, f, g, h);
}

static inline u128 irc_sha256a(u128 abcd, u128 efgh, u128 wk)
{
    return irc_sha256_rounds(abcd, efgh, wk, false);
}

static inline u128 irc_sha256e(u128 abcd, u128 efgh, u128 wk)
{
    return irc_sha256_rounds(abcd, efgh, wk, true);
}

static inline u128 irc_sha256s0(u128 a, u128 b)
{
    return irc_words(irc_word(a, 0) + irc_sha256_sigma0(irc_word(a, 1)),
                     irc_word(a, 1) + irc_sha256_sigma0(irc_word(a, 2)),
                     irc_word(a, 2) + irc_sha256_sigma0(irc_word(a, 3)),
                     irc_word(a, 3) + irc_sha256_sigma0(irc_word(b, 0)));
}

static inline u128 irc_sha256s1(u128 a, u128 b, u128 c)
{
    u32 r0 = irc_word(a, 0) + irc_word(b, 1) + irc_sha256_sigma1(irc_word(c, 2));
    u32 r1 = irc_word(a, 1) + irc_word(b, 2) + irc_sha256_sigma1(irc_word(c, 3));
    u32 r2 = irc_word(a, 2) + irc_word(b, 3) + irc_sha256_sigma1(r0);
    u32 r3 = irc_word(a, 3) + irc_word(c, 0) + irc_sha256_sigma1(r1);

    return irc_words(r0, r1, r2, r3);
}

#endif
