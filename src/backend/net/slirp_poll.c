/*
 * slirp_poll.c - libslirp's descriptors in an epoll set.
 */
#include "backend/net/slirp_poll.h"
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 64

static u32 to_epoll(int events)
{
    return (events & SLIRP_POLL_IN ? EPOLLIN : 0u) | (events & SLIRP_POLL_OUT ? EPOLLOUT : 0u) |
           (events & SLIRP_POLL_PRI ? EPOLLPRI : 0u);
}

static int from_epoll(u32 events)
{
    return (events & EPOLLIN ? SLIRP_POLL_IN : 0) | (events & EPOLLOUT ? SLIRP_POLL_OUT : 0) |
           (events & EPOLLPRI ? SLIRP_POLL_PRI : 0) | (events & EPOLLERR ? SLIRP_POLL_ERR : 0) |
           (events & EPOLLHUP ? SLIRP_POLL_HUP : 0);
}

/* The loop only has to wake up: libslirp looks at its descriptors after each wait. */
static void woken(void *arg, unsigned events)
{
}

int slirp_poll_init(struct slirp_poll *p, struct loop *loop, struct err *err)
{
    memset(p, 0, sizeof *p);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0)
        return err_set_errno(err, errno, "cannot poll for the network");
    return loop_fd_new(loop, p->epoll_fd, LOOP_IN, woken, p, &p->watch, err);
}

void slirp_poll_fini(struct slirp_poll *p)
{
    loop_fd_free(p->watch);
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    free(p->fds);
    free(p->asked);
    free(p->before);
    memset(p, 0, sizeof *p);
    p->epoll_fd = -1;
}

/* Room for descriptor fd. */
static bool grow_fds(struct slirp_poll *p, int fd)
{
    int room = p->fds_room ? p->fds_room : 64;
    struct slirp_poll_fd *fds;

    if (fd < p->fds_room)
        return true;
    while (room <= fd)
        room *= 2;
    fds = realloc(p->fds, (size_t)room * sizeof *fds);
    if (!fds)
        return false;
    memset(fds + p->fds_room, 0, (size_t)(room - p->fds_room) * sizeof *fds);
    p->fds = fds;
    p->fds_room = room;
    return true;
}

static bool grow_asked(struct slirp_poll *p)
{
    int room = p->asked_room ? 2 * p->asked_room : 16;
    int *asked;

    if (p->asked_count < p->asked_room)
        return true;
    asked = realloc(p->asked, (size_t)room * sizeof *asked);
    if (!asked)
        return false;
    p->asked = asked;
    p->asked_room = room;
    return true;
}

void slirp_poll_begin(struct slirp_poll *p)
{
    int *list = p->before;
    int room = p->before_room;

    p->before = p->asked;
    p->before_room = p->asked_room;
    p->before_count = p->asked_count;
    p->asked = list;
    p->asked_room = room;
    p->asked_count = 0;
    p->round++;
}

static void set_events(struct slirp_poll *p, int fd, int events)
{
    struct epoll_event ev = { .events = to_epoll(events), .data.fd = fd };
    int op = p->fds[fd].events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (p->fds[fd].events == events)
        return;
    p->fds[fd].events = events;
    if (!events)
        epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
    else if (epoll_ctl(p->epoll_fd, op, fd, &ev) && errno == ENOENT)
        epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

/* Returns the index that slirp_poll_revents() takes; -1 without memory, which
 * libslirp takes as "nothing happened". */
int slirp_poll_add(struct slirp_poll *p, int fd, int events)
{
    if (fd < 0 || !grow_fds(p, fd) || !grow_asked(p))
        return -1;
    set_events(p, fd, events);
    p->fds[fd].round = p->round;
    p->fds[fd].revents = 0;
    p->asked[p->asked_count] = fd;
    return p->asked_count++;
}

void slirp_poll_commit(struct slirp_poll *p)
{
    for (int i = 0; i < p->before_count; i++)
        if (p->fds[p->before[i]].round != p->round)
            set_events(p, p->before[i], 0);
}

void slirp_poll_collect(struct slirp_poll *p)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(p->epoll_fd, events, BATCH, 0);

    for (int i = 0; i < count; i++)
        p->fds[events[i].data.fd].revents = from_epoll(events[i].events);
}

int slirp_poll_revents(const struct slirp_poll *p, int idx)
{
    return idx < 0 || idx >= p->asked_count ? 0 : p->fds[p->asked[idx]].revents;
}

void slirp_poll_forget(struct slirp_poll *p, int fd)
{
    if (fd >= 0 && fd < p->fds_room)
        set_events(p, fd, 0);
}
