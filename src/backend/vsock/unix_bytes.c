/*
 * unix_bytes.c - a stream's bytes: read when the guest has room, written through a bounded buffer.
 */
#include "backend/vsock/unix.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct unix_stream *self(struct vsock_stream *s)
{
    return container_of(s, struct unix_stream, s);
}

void unix_stream_watch(struct unix_stream *u)
{
    if (u->watch)
        loop_fd_set_events(u->watch,
                           (u->asking || u->wants ? LOOP_IN : 0u) | (u->len ? LOOP_OUT : 0u));
}

/* --- to the program --- */

void unix_stream_deaf(struct unix_stream *u)
{
    u->s.over |= VSOCK_NO_RECEIVE;
    u->s.taken += u->len;
    u->len = 0;
    free(u->kept);
    u->kept = NULL;
}

/* Bytes that the socket takes now; a program that has gone takes none any more. */
static size_t put(struct unix_stream *u, const void *data, size_t len)
{
    ssize_t n;

    do
        n = send(u->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN)
        unix_stream_deaf(u);
    return 0;
}

static void end_output(struct unix_stream *u)
{
    if (u->finish && u->len == 0)
        shutdown(u->fd, SHUT_WR);
}

void unix_stream_flush(struct unix_stream *u)
{
    while (u->len) {
        u32 piece = VSOCK_BUFFER - u->head, n;

        if (piece > u->len)
            piece = u->len;
        n = (u32)put(u, u->kept + u->head, piece);
        if (!u->kept)
            return;
        u->head = (u->head + n) % VSOCK_BUFFER;
        u->len -= n;
        u->s.taken += n;
        if (n < piece)
            return;
    }
    end_output(u);
}

/* False: no memory, or more than the client may give. */
static bool keep(struct unix_stream *u, const u8 *data, size_t len)
{
    u32 tail = (u->head + u->len) % VSOCK_BUFFER;
    size_t first = len < VSOCK_BUFFER - tail ? len : VSOCK_BUFFER - tail;

    if (!u->kept)
        u->kept = malloc(VSOCK_BUFFER);
    if (!u->kept || len > VSOCK_BUFFER - u->len)
        return false;
    memcpy(u->kept + tail, data, first);
    memcpy(u->kept, data + first, len - first);
    u->len += (u32)len;
    return true;
}

bool unix_write(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count)
{
    struct unix_stream *u = self(s);
    bool kept = true;

    for (unsigned i = 0; i < iov_count && kept; i++) {
        size_t len = iov[i].iov_len, n = 0;

        if (!(s->over & VSOCK_NO_RECEIVE) && u->len == 0)
            n = put(u, iov[i].iov_base, len);
        if (s->over & VSOCK_NO_RECEIVE)
            n = len;
        s->taken += (u32)n;
        kept = n == len || keep(u, (u8 *)iov[i].iov_base + n, len - n);
    }
    unix_stream_watch(u);
    return kept;
}

void unix_accept(struct vsock_stream *s, u32 port)
{
    char line[VSOCK_LINE_MAX];
    int len = snprintf(line, sizeof line, "OK %u\n", port);

    put(self(s), line, (size_t)len); /* nothing was sent before: there is room */
}

/* --- from the program --- */

ssize_t unix_read(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count)
{
    struct unix_stream *u = self(s);
    struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = iov_count };
    ssize_t n;

    do
        n = recvmsg(u->fd, &message, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    u->wants = n < 0 && errno == EAGAIN;
    unix_stream_watch(u);
    if (u->wants)
        return -EAGAIN;
    if (n <= 0)
        s->over |= VSOCK_NO_SEND;
    return n < 0 ? 0 : n;
}

void unix_shut(struct vsock_stream *s, unsigned over)
{
    struct unix_stream *u = self(s);

    if (over & VSOCK_NO_RECEIVE)
        shutdown(u->fd, SHUT_RD);
    u->finish |= (over & VSOCK_NO_SEND) != 0;
    end_output(u);
}
