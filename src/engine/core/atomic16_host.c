/*
 * atomic16_host.c - 16-byte atomics by the host's compare-and-swap.
 */
#include "engine/core/atomic16.h"

#ifndef ATOMIC16_TARGET
#define ATOMIC16_TARGET
#endif

ATOMIC16_TARGET u128 atomic16_load(u128 *p)
{
    return __sync_val_compare_and_swap(p, (u128)0, (u128)0);
}

ATOMIC16_TARGET bool atomic16_cas(u128 *p, u128 *expected, u128 want)
{
    u128 old = __sync_val_compare_and_swap(p, *expected, want);
    bool done = old == *expected;

    *expected = old;
    return done;
}
