/*
 * atomic16_lock.c - 16-byte atomics on hosts whose compiler has none: a lock, and two
 * 8-byte atomics under it. Atomic against each other, not against narrower stores by
 * other vCPUs; a guest that mixes them on one line may see halves.
 */
#include "engine/core/atomic16.h"

#include "host/thread.h"

/* Protects no state of a VM, only the moment of an access: rule 5's list names it. */
static struct host_mutex atomic16_mutex = { PTHREAD_MUTEX_INITIALIZER };

static u128 read_both(u128 *p)
{
    u64 *half = (u64 *)p;
    u64 lo = __atomic_load_n(&half[0], __ATOMIC_SEQ_CST);
    u64 hi = __atomic_load_n(&half[1], __ATOMIC_SEQ_CST);

    return (u128)hi << 64 | lo;
}

u128 atomic16_load(u128 *p)
{
    u128 v;

    host_mutex_lock(&atomic16_mutex);
    v = read_both(p);
    host_mutex_unlock(&atomic16_mutex);
    return v;
}

bool atomic16_cas(u128 *p, u128 *expected, u128 want)
{
    u64 *half = (u64 *)p;
    u128 now;
    bool done;

    host_mutex_lock(&atomic16_mutex);
    now = read_both(p);
    done = now == *expected;
    if (done) {
        __atomic_store_n(&half[0], (u64)want, __ATOMIC_SEQ_CST);
        __atomic_store_n(&half[1], (u64)(want >> 64), __ATOMIC_SEQ_CST);
    }
    *expected = now;
    host_mutex_unlock(&atomic16_mutex);
    return done;
}
