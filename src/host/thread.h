/*
 * thread.h - threads, locks and condition variables.
 */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include "base/err.h"
#include "base/types.h"
#include <pthread.h>

struct host_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
    char name[16]; /* as a debugger shows it; longer names are cut */
    int tid;       /* atomic: the operating system's number of it; 0 until it runs */
};

/* Runs fn(arg) in a new thread. *t is the caller's and stays where it is until
 * host_thread_join(). Signals that the dispatcher handles are blocked in it. */
int host_thread_start(struct host_thread *t, const char *name, void (*fn)(void *arg), void *arg,
                      struct err *err) MUST_CHECK;

/* Waits for the end of a started thread; exactly once. */
void host_thread_join(struct host_thread *t);

/* True in the thread *t itself. */
bool host_thread_is_self(const struct host_thread *t);

/* Asks the scheduler to prefer other threads over the calling one; a hint,
 * for compilers in the background. */
void host_thread_set_low_priority(void);

/* Lets another thread that is ready have this processor; comes back at once if there is none. */
void host_thread_yield(void);

/* Tells the processor that this thread waits for a store by looking again and again. */
static inline void host_thread_spin(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* YIELD does nothing on most */
#elif defined(__riscv)
    __asm__ volatile(".4byte 0x0100000f" ::: "memory"); /* PAUSE: a FENCE where it is unknown */
#endif
}

/* Processors this process may use, >= 1. */
unsigned host_cpu_count(void);

/* Not recursive. Errors of the calls below are bugs of the caller (BUG_ON). */
struct host_mutex {
    pthread_mutex_t m;
};

void host_mutex_init(struct host_mutex *m);
void host_mutex_fini(struct host_mutex *m);
void host_mutex_lock(struct host_mutex *m);
void host_mutex_unlock(struct host_mutex *m);
bool host_mutex_trylock(struct host_mutex *m) MUST_CHECK;

struct host_cond {
    pthread_cond_t c;
};

void host_cond_init(struct host_cond *c);
void host_cond_fini(struct host_cond *c);

/* Both release m while they wait and may wake without cause: loop on the condition. */
void host_cond_wait(struct host_cond *c, struct host_mutex *m);

/* Waits until `deadline` of host_clock_monotonic(); false when it has passed. */
bool host_cond_wait_until(struct host_cond *c, struct host_mutex *m, ns_t deadline);

void host_cond_signal(struct host_cond *c);
void host_cond_broadcast(struct host_cond *c);

#endif
