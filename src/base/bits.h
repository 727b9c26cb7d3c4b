/*
 * bits.h - bit fields, alignment, and little-endian access to bytes.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include "base/types.h"
#include <string.h>

/* All ones in the low n bits, 0 <= n <= 64. */
static inline u64 bits_mask(unsigned n)
{
    return n >= 64 ? ~0ull : (1ull << n) - 1;
}

/* Bits [at, at + n) of v, shifted down. at < 64. */
static inline u64 bits_get(u64 v, unsigned at, unsigned n)
{
    return v >> at & bits_mask(n);
}

/* v with bits [at, at + n) replaced by the low n bits of field. */
static inline u64 bits_put(u64 v, unsigned at, unsigned n, u64 field)
{
    u64 m = bits_mask(n) << at;

    return (v & ~m) | (field << at & m);
}

/* The low n bits of v as a two's complement number, 1 <= n <= 64. */
static inline s64 bits_sext(u64 v, unsigned n)
{
    return (s64)(v << (64 - n)) >> (64 - n);
}

static inline bool bits_is_pow2(u64 v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* `to` is a power of two. bits_align_up wraps at 2^64: check before. */
static inline u64 bits_align_down(u64 v, u64 to)
{
    return v & ~(to - 1);
}

static inline u64 bits_align_up(u64 v, u64 to)
{
    return (v + to - 1) & ~(to - 1);
}

#define BITS_LE_ACCESS(n)                                                                          \
    static inline u##n le##n##_get(const void *p)                                                  \
    {                                                                                              \
        u##n v;                                                                                    \
        memcpy(&v, p, sizeof v);                                                                   \
        return v;                                                                                  \
    }                                                                                              \
    static inline void le##n##_put(void *p, u##n v)                                                \
    {                                                                                              \
        memcpy(p, &v, sizeof v);                                                                   \
    }

/* Every supported host is little-endian; a big-endian one fails here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian hosts only");
BITS_LE_ACCESS(16)
BITS_LE_ACCESS(32)
BITS_LE_ACCESS(64)

static inline u16 be16_get(const void *p)
{
    return __builtin_bswap16(le16_get(p));
}

static inline u32 be32_get(const void *p)
{
    return __builtin_bswap32(le32_get(p));
}

static inline u64 be64_get(const void *p)
{
    return __builtin_bswap64(le64_get(p));
}

static inline void be16_put(void *p, u16 v)
{
    le16_put(p, __builtin_bswap16(v));
}

static inline void be32_put(void *p, u32 v)
{
    le32_put(p, __builtin_bswap32(v));
}

static inline void be64_put(void *p, u64 v)
{
    le64_put(p, __builtin_bswap64(v));
}

#endif
