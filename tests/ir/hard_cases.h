/*
 * hard_cases.h - what the three tables of cases share: edge values, addresses.
 */
#ifndef TESTS_IR_HARD_CASES_H
#define TESTS_IR_HARD_CASES_H

#include "hard.h"
#include <string.h>

enum hard_handler {
#define SEM(name) HANDLER_##name,
#include "hard_sems.def"
#undef SEM
};

/* One instruction of a case: its semantics, length, and isa_insn fields. */
#define INSN(sem, off, bytes, ...)                                                                 \
    { hard_##sem, HANDLER_##sem, { .offset = off, .len = bytes, .index = off != 0, __VA_ARGS__ } }

/* An integer with a good chance of being special. */
static inline u64 edge_value(struct hard_rng *g)
{
    u64 v = hard_random(g);

    switch (v >> 60) {
    case 0: return 0;
    case 1: return ~0ull;
    case 2: return 1ull << 63;
    case 3: return v & 0xff;
    case 4: return (u64)(s64)(s32)v;
    case 5: return 1ull << (v & 63);
    default: return hard_random(g);
    }
}

/* A floating-point pattern of `fraction` fraction and `exponent` exponent bits. */
static inline u64 edge_float(struct hard_rng *g, unsigned fraction, unsigned exponent)
{
    u64 v = hard_random(g), f = v & ((1ull << fraction) - 1), e = hard_random(g);
    u64 top = (1ull << exponent) - 1;
    u64 sign = v >> 63 << (fraction + exponent);

    switch (v >> 56 & 15) {
    case 0: return sign;                       /* zero */
    case 1: return sign | f;                   /* denormal */
    case 2: return sign | top << fraction;     /* infinity */
    case 3: return sign | top << fraction | f; /* some NaN */
    case 4: return sign | top << fraction | 1ull << (fraction - 1) | f;
    case 5: return sign | (top - 1 - (e & 3)) << fraction | f; /* huge */
    case 6: return sign | (1 + (e & 3)) << fraction | f;       /* tiny */
    case 7: return sign | (top / 2 + (e & 63)) << fraction;    /* few bits */
    default: return sign | (top / 2 - 16 + (e & 63)) << fraction | f;
    }
}

/* An address at which `size` bytes lie in the window; page B is its second half. */
static inline u64 window_address(struct hard_rng *g, unsigned size)
{
    return HARD_BASE + hard_below(g, HARD_WINDOW - size + 1);
}

static inline void window_put(struct hard_record *r, u64 addr, const void *v, unsigned size)
{
    memcpy(r->memory + (addr - HARD_BASE), v, size);
}

#endif
