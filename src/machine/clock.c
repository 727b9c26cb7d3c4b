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

/* Guest time is `behind` at this moment of the host's. Between two counts of k->changes. */
static void go_on(struct machine_clock *k, ns_t host, ns_t behind)
{
    __atomic_store_n(&k->behind, behind, __ATOMIC_RELAXED);
    __atomic_store_n(&k->thawed, host, __ATOMIC_RELAXED);
    __atomic_store_n(&k->seen, host, __ATOMIC_RELAXED);
}

void clock_thaw(struct machine_clock *k)
{
    u64 host = host_clock_boottime(), frozen = clock_now(k), behind = 0;

    host_mutex_lock(&k->lock);
    __atomic_fetch_add(&k->changes, 1, __ATOMIC_ACQ_REL);
    if (k->was_set)
        __atomic_store_n(&k->offset, host - frozen, __ATOMIC_RELAXED);
    else
        behind = host - k->offset - frozen;
    go_on(k, host, behind > CLOCK_JUMP_NS ? behind : 0);
    __atomic_fetch_add(&k->changes, 1, __ATOMIC_ACQ_REL);
    host_mutex_unlock(&k->lock);
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

/* Guest time, how far it is behind what it catches up to, and how long that takes yet. */
struct reading {
    ns_t now, behind, left;
};

static struct reading read_at(const struct machine_clock *k, ns_t host)
{
    u64 behind = __atomic_load_n(&k->behind, __ATOMIC_RELAXED);
    u64 since = host - __atomic_load_n(&k->thawed, __ATOMIC_RELAXED);
    struct reading r = { .now = host - __atomic_load_n(&k->offset, __ATOMIC_RELAXED) };

    if (behind && since < CLOCK_CATCH_UP_NS) {
        r.left = CLOCK_CATCH_UP_NS - since;
        r.behind = (u64)((u128)behind * r.left / CLOCK_CATCH_UP_NS);
        r.now -= r.behind;
    }
    return r;
}

/* Nobody has looked for long: the host slept, or this program did not run. As after a pause, guest
 * time goes on from where it was: all that was handed out lies before seen + CLOCK_LOOK_NS. */
static void jumped(struct machine_clock *k, ns_t host)
{
    ns_t seen = __atomic_load_n(&k->seen, __ATOMIC_RELAXED), last;

    host_mutex_lock(&k->lock);
    __atomic_fetch_add(&k->changes, 1, __ATOMIC_ACQ_REL);
    last = read_at(k, seen + CLOCK_LOOK_NS).now;
    if (__atomic_compare_exchange_n(&k->seen, &seen, host, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        go_on(k, host, host - k->offset - last);
    __atomic_fetch_add(&k->changes, 1, __ATOMIC_ACQ_REL);
    host_mutex_unlock(&k->lock);
}

/* Remembers that the clock was looked at; false: look again. */
static bool look(struct machine_clock *k, ns_t host)
{
    ns_t seen = __atomic_load_n(&k->seen, __ATOMIC_RELAXED);

    if (host < seen || host - seen <= CLOCK_LOOK_NS)
        return true;
    if (host - seen <= CLOCK_JUMP_NS)
        return __atomic_compare_exchange_n(&k->seen, &seen, host, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
    jumped(k, host);
    return false;
}

static struct reading read_clock(struct machine_clock *k)
{
    u64 frozen = __atomic_load_n(&k->frozen, __ATOMIC_ACQUIRE), before, after;
    struct reading r;
    bool looked;
    ns_t host;

    if (frozen != UINT64_MAX)
        return (struct reading){ .now = frozen };
    if (k->deterministic)
        return (struct reading){ .now = k->count_ns(k->count_arg) };
    do {
        before = __atomic_load_n(&k->changes, __ATOMIC_ACQUIRE);
        host = host_clock_boottime();
        looked =
            look(k, host); /* before the second count: who jumps then knows of us, or we of it */
        r = read_at(k, host);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&k->changes, __ATOMIC_RELAXED);
    } while (before != after || before & 1 || !looked);
    return r;
}

ns_t clock_now(struct machine_clock *k)
{
    return read_clock(k).now;
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
    ns_t host = host_clock_monotonic(), wait;
    struct reading r = read_clock(k);

    if (at <= r.now)
        return host;
    wait = at - r.now;
    if (wait >= r.left + r.behind)
        wait -= r.behind;
    else
        wait = (ns_t)((u128)wait * r.left / (r.left + r.behind));
    return wait > UINT64_MAX - host ? UINT64_MAX : host + wait;
}
