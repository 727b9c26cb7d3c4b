/*
 * stream.c - reading by the client's room, writing through a bounded buffer.
 */
#include "backend/chardev/stream.h"
#include "base/bug.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MAX 4096

static void stream_update(struct stream *s);

/* Output */

/* MSG_NOSIGNAL and MSG_DONTWAIT where they can be had: sockets. */
static ssize_t put(int fd, const u8 *data, size_t len)
{
    ssize_t n;

    do {
        n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == ENOTSOCK)
            n = write(fd, data, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Writes at once what the host takes; how much of it is dealt with. A side that
 * has gone takes everything: input will find out that it has. */
static size_t put_now(struct stream *s, const u8 *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = put(s->out_fd, data + done, len - done);

        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? done : len;
        done += (size_t)n;
    }
    return done;
}

static void hold(struct stream *s, const u8 *data, size_t len)
{
    size_t tail = (s->head + s->held) % CHARDEV_BUFFER;
    size_t first = len < CHARDEV_BUFFER - tail ? len : CHARDEV_BUFFER - tail;

    memcpy(s->buffer + tail, data, first);
    memcpy(s->buffer, data + first, len - first);
    s->held += len;
}

static void flush(struct stream *s)
{
    while (s->held) {
        size_t len = CHARDEV_BUFFER - s->head;
        size_t done;

        if (len > s->held)
            len = s->held;
        done = put_now(s, s->buffer + s->head, len);
        s->head = (s->head + done) % CHARDEV_BUFFER;
        s->held -= done;
        if (done < len)
            break;
    }
}

static void tell_writable(struct stream *s)
{
    const struct chardev_client *client = s->cd.client;

    if (!s->was_short || s->held > CHARDEV_BUFFER / 2)
        return;
    s->was_short = false;
    if (client && client->writable)
        client->writable(s->cd.client_arg);
}

size_t stream_write(struct chardev *cd, const u8 *data, size_t len)
{
    struct stream *s = container_of(cd, struct stream, cd);
    size_t done, room;

    if (s->out_fd < 0)
        return len;
    done = s->held ? 0 : put_now(s, data, len);
    room = CHARDEV_BUFFER - s->held;
    if (room > len - done)
        room = len - done;
    if (room)
        hold(s, data + done, room);
    done += room;
    s->was_short |= done < len;
    stream_update(s);
    return done;
}

/* Input */

void stream_deliver(struct stream *s, const u8 *data, size_t len)
{
    const struct chardev_client *client = s->cd.client;

    BUG_ON(len > s->cd.room);
    s->cd.room -= len;
    if (client && client->receive)
        client->receive(s->cd.client_arg, data, len);
}

void stream_tell_connected(struct stream *s, bool on)
{
    if (s->cd.client && s->cd.client->connected)
        s->cd.client->connected(s->cd.client_arg, on);
}

static void read_input(struct stream *s)
{
    u8 data[READ_MAX];
    size_t want = sizeof data;
    ssize_t n;

    if (!s->input && s->cd.room < want)
        want = s->cd.room;
    if (want == 0)
        return;
    n = read(s->in_fd, data, want);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) /* 0: end; EIO: a terminal that hung up */
        s->ended(s);
    else if (s->input)
        s->input(s, data, (size_t)n);
    else
        stream_deliver(s, data, (size_t)n);
}

static bool wants_input(const struct stream *s)
{
    return s->in_fd >= 0 && (s->input || s->cd.room > 0);
}

static void on_in(void *arg, unsigned events)
{
    struct stream *s = arg;

    if (events & LOOP_OUT)
        flush(s);
    if (wants_input(s) && (events & (LOOP_IN | LOOP_HUP)))
        read_input(s);
    else if (events & LOOP_HUP)
        s->in_parked = true;
    stream_update(s);
    tell_writable(s);
}

static void on_out(void *arg, unsigned events)
{
    struct stream *s = arg;

    flush(s);
    stream_update(s);
    tell_writable(s);
}

static void on_kick(void *arg)
{
    struct stream *s = arg;

    if (s->kicked)
        s->kicked(s);
    if (s->in_ready && wants_input(s)) {
        read_input(s);
        if (s->in_ready && wants_input(s))
            stream_kick(s);
    }
    tell_writable(s);
}

void stream_kick(struct stream *s)
{
    loop_timer_set(s->kick, 0);
}

void stream_set_room(struct chardev *cd)
{
    struct stream *s = container_of(cd, struct stream, cd);

    if (s->in_ready || s->kicked)
        stream_kick(s);
    stream_update(s);
}

/* Watches */

static void set_watch(struct stream *s, struct loop_fd **watch, int fd, unsigned events,
                      bool wanted, void (*fn)(void *arg, unsigned events))
{
    struct err err = { 0 };

    /* stream_attach() has found that it can be watched; output that cannot is a
     * regular file, which takes everything and leaves nothing to wait for. */
    if (!wanted) {
        loop_fd_free(*watch);
        *watch = NULL;
    } else if (*watch) {
        loop_fd_set_events(*watch, events);
    } else if (loop_fd_new(s->loop, fd, events, fn, s, watch, &err)) {
        *watch = NULL;
        log_error("%s: %s", s->cd.ops->name, err.text);
    }
}

/* Has the loop watch what the present state waits for. */
static void stream_update(struct stream *s)
{
    bool shared = s->in_fd >= 0 && s->in_fd == s->out_fd;
    unsigned in = wants_input(s) ? LOOP_IN : 0u;
    unsigned out = s->held ? LOOP_OUT : 0u;

    if (in)
        s->in_parked = false;
    if (s->in_fd < 0 || s->in_ready || s->in_parked)
        set_watch(s, &s->in, s->in_fd, 0, false, on_in);
    else
        set_watch(s, &s->in, s->in_fd, shared ? in | out : in, true, on_in);
    if (!shared)
        set_watch(s, &s->out, s->out_fd, LOOP_OUT, out != 0, on_out);
}

/* Life */

int stream_init(struct stream *s, struct loop *loop, struct err *err)
{
    s->loop = loop;
    s->in_fd = s->out_fd = -1;
    s->buffer = malloc(CHARDEV_BUFFER);
    if (!s->buffer)
        return err_set(err, ENOMEM, "no memory for a character device");
    return loop_timer_new(loop, on_kick, s, &s->kick, err);
}

static void forget(struct stream *s)
{
    loop_fd_free(s->in);
    loop_fd_free(s->out);
    s->in = s->out = NULL;
    s->in_fd = s->out_fd = -1;
    s->in_ready = s->in_parked = false;
    s->head = s->held = 0;
}

void stream_fini(struct stream *s)
{
    forget(s);
    loop_timer_free(s->kick);
    free(s->buffer);
}

int stream_attach(struct stream *s, int in_fd, int out_fd, struct err *err)
{
    int ret = 0;

    BUG_ON(s->in_fd >= 0 || s->out_fd >= 0);
    s->in_fd = in_fd;
    s->out_fd = out_fd;
    if (in_fd >= 0)
        ret = loop_fd_new(s->loop, in_fd, 0, on_in, s, &s->in, err);
    if (ret == -EPERM) { /* a regular file: no waiting, so no watching */
        *err = (struct err){ 0 };
        s->in_ready = true;
        stream_kick(s);
    } else if (ret) {
        forget(s);
        return ret;
    }
    stream_update(s);
    return 0;
}

void stream_detach(struct stream *s)
{
    forget(s);
    if (s->was_short)
        stream_kick(s);
}

void stream_end_input(struct stream *s)
{
    loop_fd_free(s->in);
    s->in = NULL;
    s->in_fd = -1;
    s->in_ready = s->in_parked = false;
}
