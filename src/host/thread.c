/*
 * thread.c - threads and locks on pthreads (winpthreads on Windows).
 */
#include "host/thread.h"
#include "base/bug.h"
#include "host/clock.h"
#include <errno.h>
#include <stdio.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#endif

static void *thread_main(void *arg)
{
    struct host_thread *t = arg;

#ifdef _WIN32
    __atomic_store_n(&t->tid, (int)GetCurrentThreadId(), __ATOMIC_RELAXED);
#else
    __atomic_store_n(&t->tid, (int)syscall(SYS_gettid), __ATOMIC_RELAXED);
    pthread_setname_np(pthread_self(), t->name);
#endif
    t->fn(t->arg);
    return NULL;
}

#ifdef _WIN32
static int create(struct host_thread *t)
{
    return pthread_create(&t->id, NULL, thread_main, t);
}
#else
/* The new thread inherits a mask without asynchronous signals: these are for the
 * dispatcher (signal.h). Faults stay open, they belong to the thread. */
static int create(struct host_thread *t)
{
    sigset_t block, old;
    int ret;

    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    ret = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ret;
}
#endif

int host_thread_start(struct host_thread *t, const char *name, void (*fn)(void *arg), void *arg,
                      struct err *err)
{
    int ret;

    *t = (struct host_thread){ .fn = fn, .arg = arg };
    snprintf(t->name, sizeof t->name, "%s", name);
    ret = create(t);
    if (ret)
        return err_set_errno(err, ret, "cannot start the thread \"%s\"", name);
    return 0;
}

void host_thread_join(struct host_thread *t)
{
    int ret = pthread_join(t->id, NULL);

    BUG_ON(ret != 0);
}

bool host_thread_is_self(const struct host_thread *t)
{
    return pthread_equal(t->id, pthread_self());
}

void host_thread_set_low_priority(void)
{
#ifdef _WIN32
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#else
    /* On Linux the nice value is a thread's own (setpriority(2), "C library/kernel differences").
     */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
#endif
}

void host_thread_yield(void)
{
#ifdef _WIN32
    SwitchToThread();
#else
    sched_yield();
#endif
}

unsigned host_cpu_count(void)
{
#ifdef _WIN32
    SYSTEM_INFO info;

    GetSystemInfo(&info);
    return info.dwNumberOfProcessors ? info.dwNumberOfProcessors : 1;
#else
    cpu_set_t set;
    long online;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
#endif
}

void host_mutex_init(struct host_mutex *m)
{
    int ret = pthread_mutex_init(&m->m, NULL);

    BUG_ON(ret != 0);
}

void host_mutex_fini(struct host_mutex *m)
{
    int ret = pthread_mutex_destroy(&m->m);

    BUG_ON(ret != 0);
}

void host_mutex_lock(struct host_mutex *m)
{
    int ret = pthread_mutex_lock(&m->m);

    BUG_ON(ret != 0);
}

void host_mutex_unlock(struct host_mutex *m)
{
    int ret = pthread_mutex_unlock(&m->m);

    BUG_ON(ret != 0);
}

bool host_mutex_trylock(struct host_mutex *m)
{
    int ret = pthread_mutex_trylock(&m->m);

    BUG_ON(ret != 0 && ret != EBUSY);
    return ret == 0;
}

void host_cond_init(struct host_cond *c)
{
    int ret;

#ifdef _WIN32
    ret = pthread_cond_init(&c->c, NULL);
#else
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    ret = pthread_cond_init(&c->c, &attr);
    pthread_condattr_destroy(&attr);
#endif
    BUG_ON(ret != 0);
}

void host_cond_fini(struct host_cond *c)
{
    int ret = pthread_cond_destroy(&c->c);

    BUG_ON(ret != 0);
}

void host_cond_wait(struct host_cond *c, struct host_mutex *m)
{
    int ret = pthread_cond_wait(&c->c, &m->m);

    BUG_ON(ret != 0);
}

bool host_cond_wait_until(struct host_cond *c, struct host_mutex *m, ns_t deadline)
{
    struct timespec ts;
    int ret;

#ifdef _WIN32
    /* winpthreads waits on the real-time clock only. */
    ns_t now = host_clock_monotonic();

    if (deadline <= now)
        return false;
    deadline = host_clock_realtime() + (deadline - now);
#endif
    ts.tv_sec = (time_t)(deadline / NS_PER_SEC);
    ts.tv_nsec = (long)(deadline % NS_PER_SEC);
    ret = pthread_cond_timedwait(&c->c, &m->m, &ts);
    BUG_ON(ret != 0 && ret != ETIMEDOUT);
    return ret == 0;
}

void host_cond_signal(struct host_cond *c)
{
    pthread_cond_signal(&c->c);
}

void host_cond_broadcast(struct host_cond *c)
{
    pthread_cond_broadcast(&c->c);
}
