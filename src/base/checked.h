/*
 * checked.h - arithmetic on sizes that a guest or a file made.
 */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include "base/types.h"

/* True, with *out set, when the result fits; false leaves *out undefined. */
static inline bool MUST_CHECK checked_add(u64 a, u64 b, u64 *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool MUST_CHECK checked_mul(u64 a, u64 b, u64 *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* True when [at, at + len) lies within [0, size). len may be 0. */
static inline bool MUST_CHECK checked_range(u64 at, u64 len, u64 size)
{
    return len <= size && at <= size - len;
}

#endif
