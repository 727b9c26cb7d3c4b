/*
 * clock.c - a machine's time and randomness.
 *
 * The generator is xoshiro256** (Blackman and Vigna, public domain), seeded through
 * splitmix64: what a guest needs secret it draws from the host by way of a random seed.
 */
#include "machine/clock.h"

#include "host/clock.h"

/* 2025-01-01, the date at which deterministic machines start. */
#define EPOCH_2025 (1735689600ull * NS_PER_SEC)

#define STATE_ROW_T struct clock_state
STATE_LIST(clock, CLOCK_STATE, 1);
#undef STATE_ROW_T

static u64 splitmix(u64 *x)
{
    u64 z = *x += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

void clock_init(struct machine_clock *k, const u64 *seed, bool deterministic)
{
    u64 x;

    *k = (struct machine_clock){ .was_set = true, .deterministic = deterministic };
    host_mutex_init(&k->lock);
    k->s.epoch_ns = EPOCH_2025;
    if (seed) {
        x = *seed;
        for (unsigned i = 0; i < 4; i++)
            k->s.random[i] = splitmix(&x);
    } else {
        host_random(k->s.random, sizeof k->s.random);
        k->s.random[0] |= 1; /* all zero is the one forbidden state */
    }
}

void clock_fini(struct machine_clock *k)
{
    host_mutex_fini(&k->lock);
}

void clock_freeze(struct machine_clock *k)
{
    __atomic_store_n(&k->frozen, clock_now(k), __ATOMIC_RELEASE);
}

void clock_thaw(struct machine_clock *k)
{
    if (k->was_set)
        __atomic_store_n(&k->offset, host_clock_boottime() - clock_now(k), __ATOMIC_RELAXED);
    k->was_set = false;
    __atomic_store_n(&k->frozen, UINT64_MAX, __ATOMIC_RELEASE);
}

void clock_set(struct machine_clock *k, ns_t now)
{
    k->was_set = true;
    __atomic_store_n(&k->frozen, now, __ATOMIC_RELEASE);
}

bool clock_is_frozen(struct machine_clock *k)
{
    return __atomic_load_n(&k->frozen, __ATOMIC_ACQUIRE) != UINT64_MAX;
}

ns_t clock_now(struct machine_clock *k)
{
    u64 frozen = __atomic_load_n(&k->frozen, __ATOMIC_ACQUIRE);

    if (frozen != UINT64_MAX)
        return frozen;
    if (k->deterministic)
        return k->count_ns(k->count_arg);
    return host_clock_boottime() - __atomic_load_n(&k->offset, __ATOMIC_RELAXED);
}

ns_t clock_realtime(struct machine_clock *k)
{
    return k->deterministic ? k->s.epoch_ns + clock_now(k) : host_clock_realtime();
}

static u64 rotl(u64 x, unsigned n)
{
    return x << n | x >> (64 - n);
}

u64 clock_random(struct machine_clock *k)
{
    u64 *s = k->s.random, out, t;

    host_mutex_lock(&k->lock);
    out = rotl(s[1] * 5, 7) * 9;
    t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    host_mutex_unlock(&k->lock);
    return out;
}

ns_t clock_host_deadline(struct machine_clock *k, ns_t at)
{
    ns_t host = host_clock_monotonic(), now = clock_now(k);

    if (at <= now)
        return host;
    return at - now > UINT64_MAX - host ? UINT64_MAX : host + (at - now);
}
