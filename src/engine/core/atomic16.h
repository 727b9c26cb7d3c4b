/*
 * atomic16.h - 16-byte atomics on guest RAM. One of two files is built: atomic16_host.c
 * where the compiler can do them on this host, else atomic16_lock.c.
 */
#ifndef ENGINE_CORE_ATOMIC16_H
#define ENGINE_CORE_ATOMIC16_H

#include "base/types.h"

/* p is aligned to 16. */
u128 atomic16_load(u128 *p);
/* Stores want when *p equals *expected; else *expected is what was there. */
bool atomic16_cas(u128 *p, u128 *expected, u128 want);

#endif
