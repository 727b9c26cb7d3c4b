/*
 * operands.h - integers for the cases' registers and memory: edges, neighbours, any bits.
 */
#ifndef TESTS_DIFF_OPERANDS_H
#define TESTS_DIFF_OPERANDS_H

#include "../isa/random.h"
#include "base/bits.h"

static inline u64 edge_int(u64 *rng)
{
    static const u64 edges[] = { 0,
                                 1,
                                 2,
                                 ~0ull,
                                 ~1ull,
                                 1ull << 63,
                                 (1ull << 63) - 1,
                                 0x80000000,
                                 0x7fffffff,
                                 0xffffffff,
                                 0xffffffff80000000,
                                 0xffffffff00000000,
                                 0x100000000,
                                 63,
                                 64,
                                 31,
                                 32,
                                 0x8080808080808080,
                                 0x0101010101010101,
                                 0x00ff00ff00ff00ff,
                                 0x8000,
                                 0x7fff,
                                 0x80,
                                 0x7f };

    return edges[random_below(rng, ARRAY_SIZE(edges))];
}

static inline u64 random_int(u64 *rng)
{
    u64 r = random_u64(rng);

    switch (random_below(rng, 6)) {
    case 0: return edge_int(rng);
    case 1: return edge_int(rng) + (r & 7) - 3;
    case 2: return 1ull << (r & 63);
    case 3: return (u64)((s64)r >> (r & 63));             /* any length */
    case 4: return r & random_u64(rng) & random_u64(rng); /* few ones */
    default: return r;
    }
}

/* A number of a format whose exponent and fraction have these many bits: special ones, and numbers
 * close enough to one another that sums cancel. */
static inline u64 random_number(u64 *rng, unsigned exponent, unsigned fraction)
{
    u64 sign = (u64)random_below(rng, 2) << (exponent + fraction), all = bits_mask(exponent);
    u64 bias = all >> 1, f = random_int(rng) & bits_mask(fraction), e;

    switch (random_below(rng, 16)) {
    case 0: return sign;
    case 1: return sign | all << fraction;
    case 2: return sign | all << fraction | 1ull << (fraction - 1) | f;
    case 3: return sign | all << fraction | (f >> 1) | 1;
    case 4: return sign | f; /* denormal */
    case 5: return sign | (all - 1) << fraction | f;
    case 6: return sign | (1ull + random_below(rng, 3)) << fraction | f;
    case 7: return sign | bias << fraction; /* one */
    case 8: e = random_u64(rng) & all; return sign | e << fraction | f;
    case 9: return sign | (bias + random_below(rng, 70) % bias) << fraction | f;
    default: e = bias + random_below(rng, 5) - 2; return sign | e << fraction | f;
    }
}

/* 64 bits of numbers of one format. */
static inline u64 random_numbers(u64 *rng, unsigned bits)
{
    unsigned exponent = bits == 16 ? 5 : bits == 32 ? 8 : 11;
    u64 v = 0;

    for (unsigned at = 0; at < 64; at += bits)
        v |= random_number(rng, exponent, bits - exponent - 1) << at;
    return v;
}

#endif
