/*
 * loop.h - an event loop: descriptors, timers, work posted from other threads.
 *
 * A VM has one loop for each device domain. The loop runs in one thread (the
 * one in loop_run()); all callbacks run there, with the loop's lock held when it
 * was given one, and may call any function of this file but loop_run() and
 * loop_free(). Functions marked [any thread] need no lock; all others are called
 * either from a callback, or with the lock held, or (loop without a lock) in the
 * loop's thread, or while the loop is not running. So a vCPU thread that holds
 * its device's domain lock may set a timer; it takes effect at once.
 *
 * Deadlines are of host_clock_monotonic(); lateness is the kernel's, some tens
 * of microseconds.
 */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

#include "base/err.h"
#include "base/types.h"
#include "host/thread.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_hook;

#define LOOP_TIMER_OFF UINT64_MAX

enum loop_events {
    LOOP_IN = 1 << 0,
    LOOP_OUT = 1 << 1,
    LOOP_HUP = 1 << 2, /* hung up or in error; reported whether asked for or not */
};

/* lock: held around callbacks and released while waiting; may be NULL; borrowed,
 * outlives the loop. */
int loop_new(struct host_mutex *lock, struct loop **ret_loop, struct err *err) MUST_CHECK;

/* Not while it runs; what is still registered is freed, posted work that has not
 * run is dropped. NULL is fine. */
void loop_free(struct loop *loop);

/* Serves until loop_stop(); called without the lock. A stop asked for before the
 * run is honoured: the run returns after one round without waiting. */
void loop_run(struct loop *loop);

/* One round: waits at most max_wait ns (0: not at all, LOOP_TIMER_OFF: for ever)
 * for something to happen and calls what is due. Called without the lock. True
 * when a callback ran. For tests and for deterministic mode. */
bool loop_run_once(struct loop *loop, ns_t max_wait);

/* Makes loop_run() return after the present round. [any thread] */
void loop_stop(struct loop *loop);

/* Ends the present wait, so that hooks run again. [any thread] */
void loop_wake(struct loop *loop);

/* Runs fn(arg) in the loop, in the order of posting. [any thread]
 * -ENOMEM when there is no memory for the note. */
int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg) MUST_CHECK;

/* True in the thread that is in loop_run() or loop_run_once(). [any thread] */
bool loop_is_self(const struct loop *loop);

/* Calls fn(arg, LOOP_* that hold) while any asked-for event holds (level
 * triggered). The descriptor stays the caller's: free the watch before closing
 * it. One watch for each descriptor. -EPERM for regular files, which are always
 * ready. */
int loop_fd_new(struct loop *loop, int fd, unsigned events, void (*fn)(void *arg, unsigned events),
                void *arg, struct loop_fd **ret_fd, struct err *err) MUST_CHECK;

/* events 0: only HUP. To hear nothing at all, free the watch. */
void loop_fd_set_events(struct loop_fd *lfd, unsigned events);
void loop_fd_free(struct loop_fd *lfd);

/* A timer, off. fn runs once for each setting, at or after the deadline, and
 * may set the timer again or free it. */
int loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg,
                   struct loop_timer **ret_timer, struct err *err) MUST_CHECK;

/* Replaces the deadline; one in the past runs in the next round. */
void loop_timer_set(struct loop_timer *timer, ns_t deadline);
void loop_timer_free(struct loop_timer *timer);

/* For libraries with their own idea of polling: before(arg, &timeout) runs
 * before each wait and may lower timeout (ns from now; rounded up to 1 ms);
 * after(arg) runs after it, before the other callbacks of the round. Either may
 * be NULL. */
int loop_hook_new(struct loop *loop, void (*before)(void *arg, ns_t *timeout),
                  void (*after)(void *arg), void *arg, struct loop_hook **ret_hook,
                  struct err *err) MUST_CHECK;
void loop_hook_free(struct loop_hook *hook);

#endif
