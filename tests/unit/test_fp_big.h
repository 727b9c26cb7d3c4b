/*
 * test_fp_big.h - one exact number in binary fixed point, and sums of it.
 */
#ifndef TESTS_UNIT_TEST_FP_BIG_H
#define TESTS_UNIT_TEST_FP_BIG_H

#include "base/types.h"
#include <string.h>

#define WORDS_MAX 2200 /* 70,400 bits: twice FP_F128's range, and slack */

/* A magnitude in units of 2^-unit; bit 0 only says "and a little more". */
struct exact {
    u32 w[WORDS_MAX];
    int words, unit;
};

static inline bool bit_at(const struct exact *x, int i)
{
    return i >= 0 && i < x->words * 32 && x->w[i / 32] >> (i % 32) & 1;
}

/* Adds m * 2^e (as a plain big integer addition). */
static inline void exact_add(struct exact *x, u128 m, int e)
{
    int at = e + x->unit;
    u64 carry = 0;

    for (int i = at / 32, k = 0; i < x->words && (k < 5 || carry); i++, k++) {
        int from = 32 * k - at % 32; /* which of m's bits lands in bit 0 of word i */
        u32 part = from >= 128 ? 0 : from >= 0 ? (u32)(m >> from) : (u32)(m << -from);

        carry += (u64)x->w[i] + part;
        x->w[i] = (u32)carry;
        carry >>= 32;
    }
}

/* a * b as sixteen 32-bit by 32-bit products, each added where it belongs. */
static inline void exact_add_product(struct exact *x, u128 a, u128 b, int e)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            exact_add(x, (u128)(u32)(a >> 32 * i) * (u32)(b >> 32 * j), e + 32 * (i + j));
}

/* |x - y| into x; returns whether y was the larger. */
static inline bool exact_sub(struct exact *x, const struct exact *y)
{
    s64 borrow = 0;

    for (int i = 0; i < x->words; i++) {
        borrow += (s64)x->w[i] - y->w[i];
        x->w[i] = (u32)borrow;
        borrow >>= 32;
    }
    if (!borrow)
        return false;
    u64 carry = 1;

    for (int i = 0; i < x->words; i++) {
        carry += (u32)~x->w[i];
        x->w[i] = (u32)carry;
        carry >>= 32;
    }
    return true;
}

static inline int top_bit(const struct exact *x)
{
    for (int i = x->words - 1; i >= 0; i--)
        if (x->w[i])
            return 32 * i + 31 - __builtin_clz(x->w[i]);
    return -1;
}

static inline bool any_below(const struct exact *x, int at)
{
    for (int i = 0; i < at; i++) {
        if (i % 32 == 0 && i + 32 <= at) {
            if (x->w[i / 32])
                return true;
            i += 31;
        } else if (bit_at(x, i)) {
            return true;
        }
    }
    return false;
}

#endif
