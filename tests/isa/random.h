/*
 * random.h - the tests' random numbers: the same ones in each run.
 */
#ifndef TESTS_ISA_RANDOM_H
#define TESTS_ISA_RANDOM_H

#include "base/types.h"

/* splitmix64 */
static inline u64 random_u64(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* 0 <= result < n, n > 0 */
static inline unsigned random_below(u64 *state, unsigned n)
{
    return (unsigned)(random_u64(state) % n);
}

#endif
