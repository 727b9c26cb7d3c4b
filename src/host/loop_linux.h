/*
 * loop_linux.h - the event loop's insides; only for loop_*_linux.c.
 */
#ifndef HOST_LOOP_LINUX_H
#define HOST_LOOP_LINUX_H

#include "host/loop.h"
#include <sys/epoll.h>
#include <unistd.h>

struct loop_fd {
    struct loop *loop; /* borrows */
    int fd;            /* the caller's */
    unsigned events;
    bool dead;
    void (*fn)(void *arg, unsigned events);
    void *arg;
    struct loop_fd *prev, *next; /* in loop->fds, or (next) in loop->dead */
};

struct loop_timer {
    struct loop *loop; /* borrows */
    ns_t deadline;
    unsigned at; /* place in the heap, UINT32_MAX when off */
    void (*fn)(void *arg);
    void *arg;
    struct loop_timer *prev, *next; /* in loop->timers */
};

struct loop_hook {
    struct loop *loop;
    bool dead;
    void (*before)(void *arg, ns_t *timeout);
    void (*after)(void *arg);
    void *arg;
    struct loop_hook *next;
};

struct loop_note {
    void (*fn)(void *arg);
    void *arg;
    struct loop_note *next;
};

struct loop {
    struct host_mutex *lock; /* borrows, may be NULL */
    int epoll_fd, timer_fd, wake_fd;
    struct loop_fd *fds;  /* owns */
    struct loop_fd *dead; /* owns: freed, perhaps in the batch being served */
    struct loop_hook *hooks;
    struct loop_timer *timers; /* owns: all, set or not */

    struct loop_timer **heap; /* by deadline; borrows from timers */
    unsigned heap_count, heap_room, timer_count;
    ns_t armed;      /* what timer_fd is set to */
    ns_t next_round; /* while timers run: just after the last due one; else 0 */

    struct host_mutex post_lock; /* guards the two below; taken last */
    struct loop_note *posted, **posted_end;

    bool asleep, woken; /* atomic: waits, or is about to; wanted since the last wait */
    bool stop;          /* atomic */
    bool running;       /* atomic */
    pthread_t self;     /* valid while running */
};

/* loop_watch_linux.c */
int loop_watch_add(struct loop *loop, int fd, unsigned epoll_events, void *ptr);
void loop_watch_free_list(struct loop_fd *list);
bool loop_watch_serve(struct loop *loop, const struct epoll_event *events, int count);

/* loop_timer_linux.c */
bool loop_timer_run(struct loop *loop);

/* Takes back what made a timerfd or eventfd readable; nothing to read is fine. */
static inline void loop_drain_fd(int fd)
{
    u64 v;
    ssize_t n = read(fd, &v, sizeof v);

    (void)n;
}

#endif
