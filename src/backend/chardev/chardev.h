/*
 * chardev.h - where a serial line or console's bytes go and come from.
 *
 * A chardev belongs to a loop; calls follow the loop's thread rule (a callback,
 * or the loop's lock held); callbacks run in the loop, never inside a call, and
 * do not free the chardev.
 */
#ifndef BACKEND_CHARDEV_CHARDEV_H
#define BACKEND_CHARDEV_CHARDEV_H

#include "base/err.h"
#include "base/types.h"
#include "host/loop.h"

#define CHARDEV_BUFFER (64 * KIB) /* output held while the other side is slow */

struct chardev;

struct chardev_ops {
    const char *name; /* "stdio", "pty", … */
    size_t (*write)(struct chardev *cd, const u8 *data, size_t len);
    void (*set_room)(struct chardev *cd); /* cd->room has grown from 0 */
    void (*free)(struct chardev *cd);
};

/* What a front end (a UART, a virtio console) wants to hear; any may be NULL. */
struct chardev_client {
    /* Bytes from outside, 1 <= len <= the room given. */
    void (*receive)(void *arg, const u8 *data, size_t len);
    /* After a short write: there is space again. */
    void (*writable)(void *arg);
    /* The other side came (true) or went; a line that cannot tell is always there. */
    void (*connected)(void *arg, bool on);
};

/* The head of every chardev. */
struct chardev {
    const struct chardev_ops *ops;
    const struct chardev_client *client; /* borrowed, outlived by the front end; may be NULL */
    void *client_arg;
    size_t room; /* bytes the client can take now */
    /* Sees what the line took, in order; may be NULL. For recorders and stop points. */
    void (*tap)(void *arg, const u8 *data, size_t len);
    void *tap_arg;
};

static inline void chardev_set_client(struct chardev *cd, const struct chardev_client *client,
                                      void *arg)
{
    cd->client = client;
    cd->client_arg = arg;
}

/* Takes up to len bytes for output and returns how many; never waits. Fewer than
 * len: the rest is to be offered again when writable() runs. While nobody is
 * connected, bytes are taken and dropped. */
static inline size_t chardev_write(struct chardev *cd, const u8 *data, size_t len)
{
    size_t taken = cd->ops->write(cd, data, len);

    if (cd->tap && taken)
        cd->tap(cd->tap_arg, data, taken);
    return taken;
}

/* Flow control of input: receive() gets at most `room` bytes from now on, and each
 * byte delivered lowers it. At first 0. */
static inline void chardev_set_room(struct chardev *cd, size_t room)
{
    bool grown = cd->room == 0 && room != 0;

    cd->room = room;
    if (grown)
        cd->ops->set_room(cd);
}

static inline void chardev_free(struct chardev *cd)
{
    if (cd)
        cd->ops->free(cd);
}

/* Standard input and output. On a terminal, raw mode until it is freed, and Ctrl-A
 * is the escape key:
 *   Ctrl-A x       calls escape(arg, 'x'): end the machine
 *   Ctrl-A c       calls escape(arg, 'c'): the application's own prompt
 *   Ctrl-A h       prints this list
 *   Ctrl-A Ctrl-A  sends one Ctrl-A to the guest
 *   Ctrl-A other   sends nothing
 * If standard input is not a terminal, bytes pass unchanged, its end is no error,
 * and no key is special. At most one in a process. escape may be NULL. */
int chardev_stdio_new(struct loop *loop, void (*escape)(void *arg, int key), void *arg,
                      struct chardev **ret_cd, struct err *err) MUST_CHECK;

/* A new pseudo-terminal in raw mode; its path is told by log_note() and
 * chardev_pty_path(). Opening and closing it may repeat. */
int chardev_pty_new(struct loop *loop, struct chardev **ret_cd, struct err *err) MUST_CHECK;
const char *chardev_pty_path(const struct chardev *cd);

/* Listens on a unix socket; one client at a time, a further one waits until the
 * first has gone. A stale socket file is replaced, a live one is an error; the
 * file is removed when freed. */
int chardev_unix_new(struct loop *loop, const char *path, struct chardev **ret_cd,
                     struct err *err) MUST_CHECK;

/* Listens on a unix socket for several clients at a time, each of which first gets the last
 * 64 KiB that were written. All output is appended to the file `log` as well, which becomes
 * LOG.1 when it is over 8 MiB. Nobody is waited for: output is always taken. */
int chardev_server_new(struct loop *loop, const char *path, const char *log,
                       struct chardev **ret_cd, struct err *err) MUST_CHECK;

/* Output appended to a file that is emptied first; no input. */
int chardev_file_new(struct loop *loop, const char *path, struct chardev **ret_cd,
                     struct err *err) MUST_CHECK;

/* Output dropped; no input. */
int chardev_null_new(struct chardev **ret_cd, struct err *err) MUST_CHECK;

/* In memory, for tests. */
int chardev_buffer_new(struct loop *loop, struct chardev **ret_cd, struct err *err) MUST_CHECK;

/* What was written so far, 0-terminated; valid until the next write. */
const char *chardev_buffer_text(const struct chardev *cd, size_t *ret_len);

/* Queues input for the client; it arrives through the loop as room allows. */
int chardev_buffer_feed(struct chardev *cd, const void *data, size_t len) MUST_CHECK;

/* At most `limit` bytes of output are held from now on: writes come up short. */
void chardev_buffer_set_limit(struct chardev *cd, size_t limit);

#endif
