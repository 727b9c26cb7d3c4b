/*
 * slirp_poll.h - the descriptors libslirp asks about in each round; only for
 * backend/net.
 *
 * They are kept in an epoll set of their own, which the loop watches as one
 * descriptor, so that a round costs system calls only for what has changed.
 */
#ifndef BACKEND_NET_SLIRP_POLL_H
#define BACKEND_NET_SLIRP_POLL_H

#include "base/err.h"
#include "base/types.h"
#include "host/loop.h"

struct slirp_poll_fd {
    int events;  /* SLIRP_POLL_*, as the epoll set has it; 0: not in it */
    int revents; /* of the present round */
    u64 round;   /* the last one it was asked for in */
};

struct slirp_poll {
    int epoll_fd;          /* owns */
    struct loop_fd *watch; /* owns */
    u64 round;
    struct slirp_poll_fd *fds; /* owns; by descriptor */
    int fds_room;
    int *asked, *before; /* owns; descriptors of this and of the last round */
    int asked_count, before_count, asked_room, before_room;
};

int slirp_poll_init(struct slirp_poll *p, struct loop *loop, struct err *err) MUST_CHECK;
void slirp_poll_fini(struct slirp_poll *p);

/* A round: begin, add each, commit; after the wait: collect, then ask. */
void slirp_poll_begin(struct slirp_poll *p);
int slirp_poll_add(struct slirp_poll *p, int fd, int events);
void slirp_poll_commit(struct slirp_poll *p);
void slirp_poll_collect(struct slirp_poll *p);
int slirp_poll_revents(const struct slirp_poll *p, int idx);

/* The descriptor is new, or about to be closed. */
void slirp_poll_forget(struct slirp_poll *p, int fd);

#endif
