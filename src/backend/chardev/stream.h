/*
 * stream.h - what chardevs on descriptors share; only for backend/chardev.
 *
 * A stream reads in_fd when the client has room, and writes out_fd through a
 * bounded buffer. in_fd and out_fd may be one descriptor. While both are -1
 * nobody is connected: output is taken and dropped.
 */
#ifndef BACKEND_CHARDEV_STREAM_H
#define BACKEND_CHARDEV_STREAM_H

#include "backend/chardev/chardev.h"

struct stream {
    struct chardev cd;
    struct loop *loop;        /* borrows */
    int in_fd, out_fd;        /* the owner's */
    struct loop_fd *in, *out; /* owns; one watch, `in`, when both are one descriptor */
    struct loop_timer *kick;  /* owns: has the loop look again */
    bool in_ready;            /* in_fd is a regular file or the like: always readable */
    bool in_parked;           /* hung up with input unread: not watched until there is room */
    bool was_short;           /* the client waits for writable() */

    /* Owner's choices: */
    /* Takes all input as it comes, room or not; NULL: the client's room rules. */
    void (*input)(struct stream *s, const u8 *data, size_t len);
    /* Runs in the loop when kicked; may be NULL. */
    void (*kicked)(struct stream *s);
    /* No more input: the other side went or the file ended. The owner may detach. */
    void (*ended)(struct stream *s);

    u8 *buffer; /* owns; CHARDEV_BUFFER bytes, a ring */
    size_t head, held;
};

/* *s is zeroed but for cd.ops; detached at first. */
int stream_init(struct stream *s, struct loop *loop, struct err *err) MUST_CHECK;
void stream_fini(struct stream *s);

/* Both descriptors non-blocking where that can be had. Tells the client nothing. */
int stream_attach(struct stream *s, int in_fd, int out_fd, struct err *err) MUST_CHECK;

/* Forgets the descriptors and what was not written yet; a client that waits for
 * space hears of it. */
void stream_detach(struct stream *s);

/* Input is over; output goes on. */
void stream_end_input(struct stream *s);

/* The two chardev operations, and the loop's attention. */
size_t stream_write(struct chardev *cd, const u8 *data, size_t len);
void stream_set_room(struct chardev *cd);
void stream_kick(struct stream *s);

/* Gives the client len <= room bytes. */
void stream_deliver(struct stream *s, const u8 *data, size_t len);
void stream_tell_connected(struct stream *s, bool on);

#endif
