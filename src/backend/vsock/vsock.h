/*
 * vsock.h - streams of bytes between a guest's vsock ports and programs of the host.
 *
 * A back end finds the programs: those that ask for a port of the guest, and those that wait for
 * the guest behind a port of the host. The device (the client) speaks the protocol: it knows the
 * connections, their credit and their ends.
 *
 * A back end belongs to a loop; calls follow the loop's thread rule (a callback, or the loop's
 * lock held). The client's callbacks run in the loop, never inside a call of this file.
 */
#ifndef BACKEND_VSOCK_VSOCK_H
#define BACKEND_VSOCK_VSOCK_H

#include "base/err.h"
#include "base/types.h"
#include <sys/types.h>
#include <sys/uio.h>

struct loop;
struct vsock_backend;

/* Bytes from the guest that a stream keeps for a program that does not read; the client gives no
 * more (it is the guest's credit). */
#define VSOCK_BUFFER (128 * 1024u)
/* Streams of a back end at most. */
enum { VSOCK_STREAMS_MAX = 256 };

/* What a side does no more (the flags of virtio 1.2, 5.10.6.5). */
enum { VSOCK_NO_RECEIVE = 1, VSOCK_NO_SEND = 2 };

/* The head of every stream. */
struct vsock_stream {
    struct vsock_backend *backend; /* borrows (outlives) */
    void *conn;                    /* the client's */
    u32 taken;                     /* bytes from the guest that are kept no more, modulo 2^32 */
    u8 over;                       /* VSOCK_NO_*: what the program does no more */
};

struct vsock_client {
    /* A program asks for a port of the guest. True: the stream is the client's, which calls
     * vsock_accept() or vsock_close() when the guest has answered; false: refused. */
    bool (*requested)(void *arg, struct vsock_stream *s, u32 port);
    /* Something of a stream that is the client's has changed: there may be bytes to read, `taken`
     * or `over` grew. */
    void (*ready)(void *arg, struct vsock_stream *s);
};

struct vsock_backend_ops {
    const char *name; /* "unix" */
    struct vsock_stream *(*connect)(struct vsock_backend *b, u32 port);
    void (*accept)(struct vsock_stream *s, u32 port);
    ssize_t (*read)(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count);
    bool (*write)(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count);
    void (*shut)(struct vsock_stream *s, unsigned over);
    void (*close)(struct vsock_stream *s);
    void (*free)(struct vsock_backend *b);
};

/* The head of every back end. */
struct vsock_backend {
    const struct vsock_backend_ops *ops;
    const struct vsock_client *client; /* borrows (outlives); NULL: every request is refused */
    void *arg;
};

static inline void vsock_set_client(struct vsock_backend *b, const struct vsock_client *client,
                                    void *arg)
{
    b->client = client;
    b->arg = arg;
}

/* The guest asks for a port of the host. NULL: no program waits there, or there are
 * VSOCK_STREAMS_MAX already. */
static inline struct vsock_stream *vsock_connect(struct vsock_backend *b, u32 port)
{
    return b->ops->connect(b, port);
}

/* The guest has taken a requested stream; `port` is the host's end of it. */
static inline void vsock_accept(struct vsock_stream *s, u32 port)
{
    s->backend->ops->accept(s, port);
}

/* Reads what the program has written: bytes; 0 at their end (and VSOCK_NO_SEND is set);
 * -EAGAIN when there are none, and ready() is called when that changes. */
static inline ssize_t vsock_read(struct vsock_stream *s, const struct iovec *iov,
                                 unsigned iov_count)
{
    return s->backend->ops->read(s, iov, iov_count);
}

/* Takes bytes for the program, all of them; a program that takes none any more loses them. False:
 * there is no memory for them. At most VSOCK_BUFFER are to be kept at any time. */
static inline bool vsock_write(struct vsock_stream *s, const struct iovec *iov, unsigned iov_count)
{
    return s->backend->ops->write(s, iov, iov_count);
}

/* The guest will do that no more, VSOCK_NO_*: the program sees the end of its bytes after those
 * that are kept, and can write no more. */
static inline void vsock_shut(struct vsock_stream *s, unsigned over)
{
    s->backend->ops->shut(s, over);
}

/* Ends the stream; what is kept is lost. */
static inline void vsock_close(struct vsock_stream *s)
{
    if (s)
        s->backend->ops->close(s);
}

static inline void vsock_backend_free(struct vsock_backend *b)
{
    if (b)
        b->ops->free(b);
}

/* Streams are unix sockets. A program that asks for a port connects to `path`, sends the line
 * "CONNECT PORT" and reads the line "OK HOST-PORT" when the guest has accepted, or the end when it
 * has not. One that waits for the guest at port P listens at "PATH_P". `path` is this user's alone;
 * it is removed at the end. */
int vsock_unix_new(const char *path, struct loop *loop, struct vsock_backend **ret,
                   struct err *err) MUST_CHECK;

#endif
