/*
 * clock.h - a machine's time and randomness: the one door by which they come in.
 *
 * Guest time counts nanoseconds since the machine's start. It stands still while the machine is
 * paused, and soon has passed all the same when it goes on, as has the time that the host slept or
 * that this program was stopped: a guest reads the date once and counts from there. After more than
 * CLOCK_JUMP_NS it runs faster until it has caught up (docs/design/0010-time-after-a-pause.md). In
 * deterministic mode it is the engine's function of the instruction count, and the date follows
 * from it.
 */
#ifndef MACHINE_CLOCK_H
#define MACHINE_CLOCK_H

#include "base/types.h"
#include "host/thread.h"
#include "state/state.h"

#define CLOCK_STATE(F, A, N)                                                                       \
    F(u64, now_ns, ZERO, "guest time, ns since the machine's start")                               \
    A(u64, random, 4, KEEP, "the random source's state")                                           \
    F(u64, epoch_ns, KEEP, "deterministic mode: date at guest time 0, ns since 1970")               \
    F(u64, quantum_start, ZERO, "deterministic mode: guest time at the present quantum's start")   \
    F(u64, quantum_end, ZERO, "and at its end; not later than its start: between two quanta")      \
    F(u32, turn, ZERO, "the CPU whose turn it is in it, at now_ns")
STATE_STRUCT(clock, CLOCK_STATE);
extern const struct state_list clock_state_list;

struct machine_clock {
    struct host_mutex lock; /* of random, and taken by who changes the four below */
    struct clock_state s;   /* now_ns and the quantum only while saving */
    u64 frozen;             /* atomic: guest time while paused; UINT64_MAX: running */
    u64 offset;             /* atomic: host boottime - guest time, while running */
    u64 behind;             /* atomic: how far guest time was behind at `thawed`, to catch up; 0 */
    u64 thawed;             /* atomic: host boottime when it went on */
    u64 seen;     /* atomic: host boottime when somebody looked, CLOCK_LOOK_NS ago at most */
    u64 changes;  /* atomic: odd: somebody is at work on the four above */
    bool was_set; /* while frozen: the next thaw goes on from `frozen` */
    bool deterministic;
    ns_t (*count_ns)(void *arg); /* deterministic mode: time from the instruction count */
    void *count_arg;
};

/* How long guest time takes to catch up, what it makes up for at once, and how exactly it knows
 * when it was looked at last: which is to be more often than CLOCK_JUMP_NS (machine/trim.c). */
#define CLOCK_CATCH_UP_NS (3 * NS_PER_SEC)
#define CLOCK_JUMP_NS     (10 * NS_PER_SEC)
#define CLOCK_LOOK_NS     (100 * NS_PER_MS)

/* seed: of the random source; NULL asks the host. The clock is frozen at 0. */
void clock_init(struct machine_clock *k, const u64 *seed, bool deterministic);
void clock_fini(struct machine_clock *k);

/* Life: frozen ⇄ running. From the thread that controls the machine. Thawed, guest time goes on
 * to where it would be without the freeze. */
void clock_freeze(struct machine_clock *k);
void clock_thaw(struct machine_clock *k);
/* While frozen: guest time becomes `now`, and goes on from there. */
void clock_set(struct machine_clock *k, ns_t now);

/* --- [any thread] --- */
ns_t clock_now(struct machine_clock *k);
/* ns since 1970. */
ns_t clock_realtime(struct machine_clock *k);
u64 clock_random(struct machine_clock *k);
/* Host's monotonic time at which guest time will be `at`, unless the host sleeps meanwhile: then
 * guest time is `at` sooner. */
ns_t clock_host_deadline(struct machine_clock *k, ns_t at);
bool clock_is_frozen(struct machine_clock *k);

#endif
