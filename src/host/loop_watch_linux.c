/*
 * loop_watch_linux.c - the event loop's watched descriptors.
 *
 * A watch freed by another thread may be in the batch of events that the loop's
 * thread has just got, so freed watches are kept, marked, until it has served the
 * batch.
 */
#include "base/bug.h"
#include "host/loop_linux.h"
#include <errno.h>
#include <stdlib.h>

int loop_watch_add(struct loop *loop, int fd, unsigned epoll_events, void *ptr)
{
    struct epoll_event ev = { .events = epoll_events, .data.ptr = ptr };

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

void loop_watch_free_list(struct loop_fd *list)
{
    while (list) {
        struct loop_fd *next = list->next;

        free(list);
        list = next;
    }
}

static unsigned to_epoll(unsigned events)
{
    return (events & LOOP_IN ? EPOLLIN : 0u) | (events & LOOP_OUT ? EPOLLOUT : 0u);
}

static unsigned from_epoll(unsigned events)
{
    return (events & EPOLLIN ? LOOP_IN : 0u) | (events & EPOLLOUT ? LOOP_OUT : 0u) |
           (events & (EPOLLHUP | EPOLLERR) ? LOOP_HUP : 0u);
}

int loop_fd_new(struct loop *loop, int fd, unsigned events, void (*fn)(void *arg, unsigned events),
                void *arg, struct loop_fd **ret_fd, struct err *err)
{
    struct loop_fd *lfd = calloc(1, sizeof *lfd);
    int ret;

    if (!lfd)
        return err_set(err, ENOMEM, "no memory for watching descriptor %d", fd);
    *lfd = (struct loop_fd){ .loop = loop, .fd = fd, .events = events, .fn = fn, .arg = arg };
    ret = loop_watch_add(loop, fd, to_epoll(events), lfd);
    if (ret) {
        free(lfd);
        return err_set_errno(err, -ret, "cannot watch descriptor %d", fd);
    }
    lfd->next = loop->fds;
    if (lfd->next)
        lfd->next->prev = lfd;
    loop->fds = lfd;
    *ret_fd = lfd;
    return 0;
}

void loop_fd_set_events(struct loop_fd *lfd, unsigned events)
{
    struct epoll_event ev = { .events = to_epoll(events), .data.ptr = lfd };
    int ret;

    if (events == lfd->events)
        return;
    lfd->events = events;
    ret = epoll_ctl(lfd->loop->epoll_fd, EPOLL_CTL_MOD, lfd->fd, &ev);
    BUG_ON(ret != 0); /* the descriptor was closed before its watch was freed */
}

void loop_fd_free(struct loop_fd *lfd)
{
    struct loop *loop;

    if (!lfd)
        return;
    loop = lfd->loop;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, lfd->fd, NULL);
    if (lfd->prev)
        lfd->prev->next = lfd->next;
    else
        loop->fds = lfd->next;
    if (lfd->next)
        lfd->next->prev = lfd->prev;
    lfd->dead = true;
    lfd->next = loop->dead;
    loop->dead = lfd;
}

bool loop_watch_serve(struct loop *loop, const struct epoll_event *events, int count)
{
    bool any = false;

    for (int i = 0; i < count; i++) {
        struct loop_fd *lfd = events[i].data.ptr;
        unsigned got;

        if (events[i].data.ptr == &loop->wake_fd || events[i].data.ptr == &loop->timer_fd)
            continue;
        /* What was asked for may have changed since the kernel answered. */
        got = from_epoll(events[i].events) & (lfd->events | LOOP_HUP);
        if (lfd->dead || !got)
            continue;
        lfd->fn(lfd->arg, got);
        any = true;
    }
    return any;
}
