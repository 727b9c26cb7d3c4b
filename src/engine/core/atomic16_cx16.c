/*
 * atomic16_cx16.c - 16-byte atomics where the compiler has to be told that the host has
 * cmpxchg16b (every x86_64 processor since 2006).
 */
#define ATOMIC16_TARGET __attribute__((target("cx16")))
#include "engine/core/atomic16_host.c"
