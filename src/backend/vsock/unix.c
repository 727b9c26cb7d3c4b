/*
 * unix.c - vsock streams as unix sockets: the socket where programs ask, and a stream's life.
 */
#include "backend/vsock/unix.h"
#include "host/socket.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a stream's life --- */

static void happened(void *arg, unsigned events);

struct unix_stream *unix_stream_new(struct unix_vsock *b, int fd, bool asking)
{
    struct unix_stream *u = b->count < VSOCK_STREAMS_MAX ? calloc(1, sizeof *u) : NULL;
    struct err ignored = { 0 };

    if (!u || loop_fd_new(b->loop, fd, LOOP_IN, happened, u, &u->watch, &ignored) < 0) {
        free(u);
        close(fd);
        return NULL;
    }
    u->s.backend = &b->vsock;
    u->fd = fd;
    u->asking = asking;
    u->wants = !asking;
    u->next = b->streams;
    if (u->next)
        u->next->prev = u;
    b->streams = u;
    b->count++;
    return u;
}

void unix_stream_free(struct unix_stream *u)
{
    struct unix_vsock *b = unix_of(u);

    loop_fd_free(u->watch);
    close(u->fd);
    if (u->prev)
        u->prev->next = u->next;
    else
        b->streams = u->next;
    if (u->next)
        u->next->prev = u->prev;
    b->count--;
    free(u->kept);
    free(u);
}

static void unix_close(struct vsock_stream *s)
{
    unix_stream_free(container_of(s, struct unix_stream, s));
}

/* --- a program asks --- */

/* "CONNECT PORT", in decimal, without more. */
static bool line_port(const char *line, u32 *port)
{
    static const char word[] = "CONNECT ";
    char *end;
    unsigned long v;

    if (strncmp(line, word, sizeof word - 1) != 0)
        return false;
    line += sizeof word - 1;
    v = strtoul(line, &end, 10);
    *port = (u32)v;
    return line[0] >= '0' && line[0] <= '9' && *end == 0 && v <= UINT32_MAX;
}

/* Takes bytes up to the line's end and none behind it, which are the guest's. 1: the line is there,
 * with a 0 for its end; 0: not yet; -1: there will be none. */
static int take_line(struct unix_stream *u)
{
    char *at = u->line + u->line_len, *end;
    ssize_t n = recv(u->fd, at, sizeof u->line - u->line_len, MSG_DONTWAIT | MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    end = memchr(at, '\n', (size_t)n);
    n = recv(u->fd, at, end ? (size_t)(end + 1 - at) : (size_t)n, MSG_DONTWAIT);
    if (n < 0)
        return -1;
    u->line_len += (unsigned)n;
    if (end)
        *end = 0;
    return end ? 1 : u->line_len < sizeof u->line ? 0 : -1;
}

/* One that asks for nothing or whom nobody answers sees the end. */
static void asks(struct unix_stream *u)
{
    const struct vsock_backend *b = u->s.backend;
    int got = take_line(u);
    u32 port;

    if (got == 0)
        return;
    u->asking = false;
    unix_stream_watch(u);
    if (got < 0 || !line_port(u->line, &port) || !b->client ||
        !b->client->requested(b->arg, &u->s, port))
        unix_stream_free(u);
}

static void happened(void *arg, unsigned events)
{
    struct unix_stream *u = arg;
    const struct vsock_backend *b = u->s.backend;

    if (u->asking) {
        asks(u);
        return;
    }
    if (events & LOOP_OUT)
        unix_stream_flush(u);
    if (events & (LOOP_IN | LOOP_HUP))
        u->wants = false; /* until a read finds nothing */
    if (events & LOOP_HUP) {
        loop_fd_free(u->watch); /* or it would be said again and again */
        u->watch = NULL;
        unix_stream_deaf(u);
    }
    unix_stream_watch(u);
    if (b->client)
        b->client->ready(b->arg, &u->s); /* which may close it */
}

static void on_program(void *arg, unsigned events)
{
    struct unix_vsock *b = arg;
    int fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0)
        (void)!unix_stream_new(b, fd, true);
}

/* --- the guest asks --- */

static struct vsock_stream *unix_connect(struct vsock_backend *vsock, u32 port)
{
    struct unix_vsock *b = container_of(vsock, struct unix_vsock, vsock);
    struct unix_stream *u = NULL;
    struct err ignored = { 0 };
    char *path;
    int fd;

    if (asprintf(&path, "%s_%u", b->path, port) < 0)
        return NULL;
    if (host_unix_connect(path, &fd, &ignored) == 0)
        u = unix_stream_new(b, fd, false);
    free(path);
    return u ? &u->s : NULL;
}

/* --- life --- */

static void unix_free(struct vsock_backend *vsock)
{
    struct unix_vsock *b = container_of(vsock, struct unix_vsock, vsock);

    while (b->streams)
        unix_stream_free(b->streams);
    loop_fd_free(b->watch);
    if (b->listener >= 0) {
        close(b->listener);
        unlink(b->path);
    }
    free(b->path);
    free(b);
}

static const struct vsock_backend_ops unix_ops = {
    .name = "unix",
    .connect = unix_connect,
    .accept = unix_accept,
    .read = unix_read,
    .write = unix_write,
    .shut = unix_shut,
    .close = unix_close,
    .free = unix_free,
};

int vsock_unix_new(const char *path, struct loop *loop, struct vsock_backend **ret, struct err *err)
{
    struct unix_vsock *b = calloc(1, sizeof *b);
    int rc;

    if (!b || !(b->path = strdup(path))) {
        free(b);
        return err_set_errno(err, ENOMEM, "the guest's vsock");
    }
    b->vsock.ops = &unix_ops;
    b->loop = loop;
    rc = host_unix_listen(path, 0600, &b->listener, err);
    if (rc == 0)
        rc = loop_fd_new(loop, b->listener, LOOP_IN, on_program, b, &b->watch, err);
    if (rc < 0) {
        unix_free(&b->vsock);
        return rc;
    }
    *ret = &b->vsock;
    return 0;
}
