/*
 * unix.h - what the files of the unix socket back end share.
 */
#ifndef BACKEND_VSOCK_UNIX_H
#define BACKEND_VSOCK_UNIX_H

#include "backend/vsock/vsock.h"
#include "host/loop.h"

enum { VSOCK_LINE_MAX = 32 };

struct unix_vsock {
    struct vsock_backend vsock;
    struct loop *loop;           /* borrows */
    char *path;                  /* owns */
    int listener;                /* owns */
    struct loop_fd *watch;       /* owns: of the listener */
    struct unix_stream *streams; /* owns */
    unsigned count;
};

struct unix_stream {
    struct vsock_stream s;
    struct unix_stream *prev, *next;
    int fd;                    /* owns */
    struct loop_fd *watch;     /* owns; NULL: hung up, nothing more is heard */
    bool wants;                /* ready() is due when there is something to read */
    bool asking;               /* its line has not come yet */
    bool finish;               /* the guest sends no more: so says the socket after what is kept */
    char line[VSOCK_LINE_MAX]; /* what has come of it */
    unsigned line_len;
    u8 *kept; /* owns; VSOCK_BUFFER bytes, a ring; NULL: nothing was kept yet */
    u32 head, len;
};

static inline struct unix_vsock *unix_of(const struct unix_stream *u)
{
    return container_of(u->s.backend, struct unix_vsock, vsock);
}

/* A stream on fd, which it owns from then on; NULL (and fd is closed): no room. */
struct unix_stream *unix_stream_new(struct unix_vsock *b, int fd, bool asking);
void unix_stream_free(struct unix_stream *u);

/* --- unix_bytes.c --- */

/* Has the loop watch what the present state waits for. */
void unix_stream_watch(struct unix_stream *u);
/* Writes what is kept, as far as the program takes it. */
void unix_stream_flush(struct unix_stream *u);
/* The program takes no more. */
void unix_stream_deaf(struct unix_stream *u);

void unix_accept(struct vsock_stream *s, u32 port);
ssize_t unix_read(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count);
bool unix_write(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count);
void unix_shut(struct vsock_stream *s, unsigned over);

#endif
