/*
 * loop_linux.c - the event loop on epoll, one timerfd and one eventfd.
 *
 * Own code and not libuv: a vCPU thread that holds its domain's lock sets timers
 * and changes watches while the loop's thread waits; the kernel's objects take
 * that at once, libuv's only in the loop's thread. And libuv's timers count whole
 * milliseconds.
 */
#include "base/bug.h"
#include "host/loop_linux.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define BATCH 32

/* The loop says that it sleeps before it looks at `woken` a last time, and who wakes it looks after
 * `woken` was set. While it works, and when another is waking it, nothing is to be written. The
 * fences are not left to the order of two atomics, which qemu-user on x86-64 does not keep. */
static void wake(struct loop *loop)
{
    u64 one = 1;
    ssize_t n;

    if (__atomic_exchange_n(&loop->woken, true, __ATOMIC_SEQ_CST))
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&loop->asleep, __ATOMIC_SEQ_CST))
        return;
    n = write(loop->wake_fd, &one, sizeof one);
    (void)n; /* full: it is awake already */
}

void loop_wake(struct loop *loop)
{
    wake(loop);
}

void loop_stop(struct loop *loop)
{
    __atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
    wake(loop);
}

bool loop_is_self(const struct loop *loop)
{
    return __atomic_load_n(&loop->running, __ATOMIC_ACQUIRE) &&
           pthread_equal(loop->self, pthread_self());
}

/* Life */

static int open_kernel_objects(struct loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return -errno;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->timer_fd < 0)
        return -errno;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return -errno;
    if (loop_watch_add(loop, loop->timer_fd, EPOLLIN, &loop->timer_fd))
        return -errno;
    return loop_watch_add(loop, loop->wake_fd, EPOLLIN, &loop->wake_fd);
}

int loop_new(struct host_mutex *lock, struct loop **ret_loop, struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int ret;

    if (!loop)
        return err_set(err, ENOMEM, "no memory for an event loop");
    loop->lock = lock;
    loop->armed = LOOP_TIMER_OFF;
    loop->epoll_fd = loop->timer_fd = loop->wake_fd = -1;
    loop->posted_end = &loop->posted;
    host_mutex_init(&loop->post_lock);
    ret = open_kernel_objects(loop);
    if (ret) {
        loop_free(loop);
        return err_set_errno(err, -ret, "cannot make an event loop");
    }
    *ret_loop = loop;
    return 0;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    BUG_ON(loop->running);
    loop_watch_free_list(loop->fds);
    loop_watch_free_list(loop->dead);
    while (loop->timers)
        loop_timer_free(loop->timers);
    while (loop->hooks) {
        struct loop_hook *next = loop->hooks->next;

        free(loop->hooks);
        loop->hooks = next;
    }
    while (loop->posted) {
        struct loop_note *next = loop->posted->next;

        free(loop->posted);
        loop->posted = next;
    }
    free(loop->heap);
    close_if_open(loop->wake_fd);
    close_if_open(loop->timer_fd);
    close_if_open(loop->epoll_fd);
    host_mutex_fini(&loop->post_lock);
    free(loop);
}

/* Posted work */

int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct loop_note *note = malloc(sizeof *note);

    if (!note)
        return -ENOMEM;
    *note = (struct loop_note){ .fn = fn, .arg = arg };
    host_mutex_lock(&loop->post_lock);
    *loop->posted_end = note;
    loop->posted_end = &note->next;
    host_mutex_unlock(&loop->post_lock);
    wake(loop);
    return 0;
}

static bool run_posted(struct loop *loop)
{
    struct loop_note *note;
    bool any;

    host_mutex_lock(&loop->post_lock);
    note = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    host_mutex_unlock(&loop->post_lock);
    any = note != NULL;
    while (note) {
        struct loop_note *next = note->next;

        note->fn(note->arg);
        free(note);
        note = next;
    }
    return any;
}

/* Hooks */

int loop_hook_new(struct loop *loop, void (*before)(void *arg, ns_t *timeout),
                  void (*after)(void *arg), void *arg, struct loop_hook **ret_hook, struct err *err)
{
    struct loop_hook *hook = calloc(1, sizeof *hook);

    if (!hook)
        return err_set(err, ENOMEM, "no memory for a poll hook");
    *hook = (struct loop_hook){
        .loop = loop, .before = before, .after = after, .arg = arg, .next = loop->hooks
    };
    loop->hooks = hook;
    *ret_hook = hook;
    loop_wake(loop);
    return 0;
}

/* Only marks: a list of hooks may be in use further up the stack. */
void loop_hook_free(struct loop_hook *hook)
{
    if (hook)
        hook->dead = true;
}

static void sweep(struct loop *loop)
{
    loop_watch_free_list(loop->dead);
    loop->dead = NULL;
    for (struct loop_hook **at = &loop->hooks; *at;) {
        struct loop_hook *hook = *at;

        if (hook->dead) {
            *at = hook->next;
            free(hook);
        } else {
            at = &hook->next;
        }
    }
}

static ns_t run_before(struct loop *loop, ns_t timeout)
{
    for (struct loop_hook *h = loop->hooks; h; h = h->next)
        if (h->before && !h->dead)
            h->before(h->arg, &timeout);
    return timeout;
}

static void run_after(struct loop *loop)
{
    for (struct loop_hook *h = loop->hooks; h; h = h->next)
        if (h->after && !h->dead)
            h->after(h->arg);
}

/* Rounds */

static int to_ms(ns_t timeout)
{
    if (timeout >= INT32_MAX * NS_PER_MS)
        return timeout == LOOP_TIMER_OFF ? -1 : INT32_MAX;
    return (int)((timeout + NS_PER_MS - 1) / NS_PER_MS);
}

static void take_lock(struct loop *loop)
{
    if (loop->lock)
        host_mutex_lock(loop->lock);
}

static void drop_lock(struct loop *loop)
{
    if (loop->lock)
        host_mutex_unlock(loop->lock);
}

static int wait_events(struct loop *loop, struct epoll_event *events, ns_t timeout)
{
    int count;

    __atomic_store_n(&loop->asleep, true, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&loop->woken, __ATOMIC_SEQ_CST))
        timeout = 0;
    count = epoll_wait(loop->epoll_fd, events, BATCH, to_ms(timeout));
    BUG_ON(count < 0 && errno != EINTR);
    __atomic_store_n(&loop->asleep, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&loop->woken, false, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before what they did is looked at */
    return count;
}

/* Entered and left with the lock held. */
static bool round_once(struct loop *loop, ns_t max_wait)
{
    struct epoll_event events[BATCH];
    ns_t timeout = run_before(loop, max_wait);
    bool any;
    int count;

    drop_lock(loop);
    count = wait_events(loop, events, timeout);
    take_lock(loop);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr == &loop->wake_fd)
            loop_drain_fd(loop->wake_fd);
    run_after(loop);
    any = loop_watch_serve(loop, events, count);
    any |= loop_timer_run(loop);
    any |= run_posted(loop);
    sweep(loop);
    return any;
}

static void enter(struct loop *loop)
{
    BUG_ON(loop->running);
    loop->self = pthread_self();
    __atomic_store_n(&loop->running, true, __ATOMIC_RELEASE);
    take_lock(loop);
}

static void leave(struct loop *loop)
{
    drop_lock(loop);
    __atomic_store_n(&loop->running, false, __ATOMIC_RELEASE);
}

void loop_run(struct loop *loop)
{
    enter(loop);
    do
        round_once(loop, __atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE) ? 0 : LOOP_TIMER_OFF);
    while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE));
    __atomic_store_n(&loop->stop, false, __ATOMIC_RELEASE);
    leave(loop);
}

bool loop_run_once(struct loop *loop, ns_t max_wait)
{
    bool any;

    enter(loop);
    any = round_once(loop, max_wait);
    leave(loop);
    return any;
}
