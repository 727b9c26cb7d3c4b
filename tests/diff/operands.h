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

#endif
