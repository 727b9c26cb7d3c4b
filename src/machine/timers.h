/*
 * timers.h - the timers of all devices of a machine, in guest time.
 *
 * Expiry is delivered without any lock held (it takes the device's domain lock), by a
 * thread of its own; in deterministic mode by timers_run() at quantum ends.
 */
#ifndef MACHINE_TIMERS_H
#define MACHINE_TIMERS_H

#include "base/err.h"
#include "dev/core/device.h"
#include "host/thread.h"
#include "machine/clock.h"

enum { TIMERS_MAX = 128 };

struct machine_timers {
    struct machine_clock *clock; /* borrows (outlives) */
    struct host_mutex lock;
    struct host_cond changed;
    struct host_thread thread;
    bool threaded, quit;
    struct machine_timer {
        struct device *dev; /* borrows: NULL marks fn timers */
        unsigned n;
        ns_t at; /* DEV_TIMER_OFF: off */
        void (*fn)(void *arg);
        void *arg;
    } timer[TIMERS_MAX];
    unsigned count;
};

/* threaded: false in deterministic mode. */
int timers_init(struct machine_timers *t, struct machine_clock *clock, bool threaded,
                struct err *err) MUST_CHECK;
/* Delivers nothing any more; timers can still be set. */
void timers_stop(struct machine_timers *t);
/* After the last device was freed. */
void timers_fini(struct machine_timers *t);

/* Arms timer n of d for guest time `at`. [any thread] */
void timers_set(struct machine_timers *t, struct device *d, unsigned n, ns_t at);
/* The same for the machine itself: fn(arg) runs without locks; one timer a fn. [any thread] */
void timers_set_fn(struct machine_timers *t, void (*fn)(void *arg), void *arg, ns_t at);

/* The clock was frozen or thawed: look again. */
void timers_clock_changed(struct machine_timers *t);

/* Runs what is due at `now` and returns when the next one is (UINT64_MAX: never). */
ns_t timers_run(struct machine_timers *t, ns_t now);

#endif
