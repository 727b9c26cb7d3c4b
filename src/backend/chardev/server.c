/*
 * server.c - a console that people come to and go from: several clients on a unix socket, a
 * log, and scroll-back for those who come later.
 *
 * What the guest writes goes into the log and to every client; a client that does not read
 * is hung up on, so that neither the guest nor another client waits for it. What any client
 * sends is the guest's input.
 */
#include "backend/chardev/chardev.h"
#include "base/log.h"
#include "host/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 8,
    SCROLL_BACK = 64 * KIB, /* sent to a client when it comes */
    HELD_MAX = 256 * KIB,   /* output a client may leave unread */
    LOG_MAX = 8 * MIB,      /* then the log becomes PATH.1: a guest cannot fill the disk */
    READ_MAX = 4 * KIB
};

/* Bytes in order, the oldest dropped or refused by the caller. */
struct ring {
    u8 *at; /* owns */
    size_t size, head, len;
};

struct server;

struct client {
    struct server *server; /* borrows */
    int fd;                /* owns; -1: free slot */
    struct loop_fd *watch; /* owns; NULL: hung up with input unread, until there is room */
    struct ring held;
};

struct server {
    struct chardev cd;
    struct loop *loop;     /* borrows */
    int listener, log;     /* own */
    struct loop_fd *watch; /* owns; of the listener */
    size_t log_size;
    bool log_failed;
    struct ring back;
    struct client clients[CLIENTS_MAX];
    char *path, *log_path; /* own */
};

/* --- rings --- */

static bool ring_init(struct ring *r, size_t size)
{
    *r = (struct ring){ .at = malloc(size), .size = size };
    return r->at;
}

static void ring_drop(struct ring *r, size_t len)
{
    r->head = (r->head + len) % r->size;
    r->len -= len;
}

/* len <= r->size; the oldest bytes make room. */
static void ring_put(struct ring *r, const u8 *data, size_t len)
{
    size_t tail, first;

    if (r->len + len > r->size)
        ring_drop(r, r->len + len - r->size);
    tail = (r->head + r->len) % r->size;
    first = len < r->size - tail ? len : r->size - tail;
    memcpy(r->at + tail, data, first);
    memcpy(r->at, data + first, len - first);
    r->len += len;
}

/* The bytes from the head that lie in one piece. */
static size_t ring_piece(const struct ring *r)
{
    return r->len < r->size - r->head ? r->len : r->size - r->head;
}

/* --- the log --- */

static void log_open(struct server *s)
{
    off_t end;

    s->log = open(s->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    end = s->log < 0 ? -1 : lseek(s->log, 0, SEEK_END);
    s->log_size = end > 0 ? (size_t)end : 0;
}

static void log_turn(struct server *s)
{
    char *old;

    if (asprintf(&old, "%s.1", s->log_path) < 0)
        return;
    if (rename(s->log_path, old) == 0) {
        close(s->log);
        log_open(s);
    }
    free(old);
}

static void log_put(struct server *s, const u8 *data, size_t len)
{
    if (s->log_size + len > LOG_MAX)
        log_turn(s);
    while (len) {
        ssize_t n = write(s->log, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (!s->log_failed)
                log_warn("the console's log %s cannot be written: %s", s->log_path,
                         strerror(errno));
            s->log_failed = true;
            return;
        }
        s->log_size += (size_t)n;
        data += n;
        len -= (size_t)n;
    }
    s->log_failed = false;
}

/* --- clients --- */

static void client_event(void *arg, unsigned events);

static void client_drop(struct client *c)
{
    loop_fd_free(c->watch);
    c->watch = NULL;
    close(c->fd);
    c->fd = -1;
    free(c->held.at);
    c->held = (struct ring){ 0 };
}

/* Has the loop watch what the client waits for. */
static void client_update(struct client *c)
{
    unsigned events = (c->server->cd.room ? LOOP_IN : 0u) | (c->held.len ? LOOP_OUT : 0u);
    struct err err = { 0 };

    if (c->fd < 0)
        return;
    if (c->watch)
        loop_fd_set_events(c->watch, events);
    else if (loop_fd_new(c->server->loop, c->fd, events, client_event, c, &c->watch, &err) < 0)
        client_drop(c);
}

static void client_flush(struct client *c)
{
    while (c->held.len) {
        ssize_t n = send(c->fd, c->held.at + c->held.head, ring_piece(&c->held),
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) /* one that has gone is noticed when it is read from */
            return;
        ring_drop(&c->held, (size_t)n);
    }
}

static void client_put(struct client *c, const u8 *data, size_t len)
{
    if (c->held.len + len > c->held.size) {
        client_drop(c);
        return;
    }
    ring_put(&c->held, data, len);
    client_flush(c);
    client_update(c);
}

static void client_read(struct client *c)
{
    struct chardev *cd = &c->server->cd;
    u8 data[READ_MAX];
    size_t want = cd->room < sizeof data ? cd->room : sizeof data;
    ssize_t n = recv(c->fd, data, want, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_drop(c);
        return;
    }
    cd->room -= (size_t)n;
    if (cd->client && cd->client->receive)
        cd->client->receive(cd->client_arg, data, (size_t)n);
}

static void client_event(void *arg, unsigned events)
{
    struct client *c = arg;

    if (events & LOOP_OUT)
        client_flush(c);
    if (events & (LOOP_IN | LOOP_HUP)) {
        if (c->server->cd.room) {
            client_read(c);
        } else if (events & LOOP_HUP) { /* its last words wait for the guest */
            loop_fd_free(c->watch);
            c->watch = NULL;
            return;
        }
    }
    client_update(c);
}

static void on_client(void *arg, unsigned events)
{
    struct server *s = arg;
    struct client *c = NULL;
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (unsigned i = 0; !c && i < CLIENTS_MAX; i++)
        if (s->clients[i].fd < 0)
            c = &s->clients[i];
    if (!c || !ring_init(&c->held, HELD_MAX)) {
        close(fd);
        return;
    }
    c->fd = fd;
    ring_put(&c->held, s->back.at + s->back.head, ring_piece(&s->back));
    ring_put(&c->held, s->back.at, s->back.len - ring_piece(&s->back));
    client_flush(c);
    client_update(c);
}

/* --- the chardev --- */

static void put_all(struct server *s, const u8 *data, size_t len)
{
    log_put(s, data, len);
    ring_put(&s->back, data, len);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0)
            client_put(&s->clients[i], data, len);
}

static size_t server_write(struct chardev *cd, const u8 *data, size_t len)
{
    struct server *s = container_of(cd, struct server, cd);

    for (size_t done = 0; done < len; done += SCROLL_BACK)
        put_all(s, data + done, len - done < SCROLL_BACK ? len - done : SCROLL_BACK);
    return len;
}

static void server_set_room(struct chardev *cd)
{
    struct server *s = container_of(cd, struct server, cd);

    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        client_update(&s->clients[i]);
}

static void server_free(struct chardev *cd)
{
    struct server *s = container_of(cd, struct server, cd);

    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0)
            client_drop(&s->clients[i]);
    loop_fd_free(s->watch);
    if (s->listener >= 0) {
        close(s->listener);
        unlink(s->path);
    }
    if (s->log >= 0)
        close(s->log);
    free(s->back.at);
    free(s->path);
    free(s->log_path);
    free(s);
}

static const struct chardev_ops server_ops = {
    .name = "server",
    .write = server_write,
    .set_room = server_set_room,
    .free = server_free,
};

static int server_init(struct server *s, const char *path, const char *log_path, struct err *err)
{
    int rc;

    s->path = strdup(path);
    s->log_path = strdup(log_path);
    if (!s->path || !s->log_path || !ring_init(&s->back, SCROLL_BACK))
        return err_set_errno(err, ENOMEM, "the console's socket");
    log_open(s);
    if (s->log < 0)
        return err_set_errno(err, errno, "cannot open the console's log %s", log_path);
    rc = host_unix_listen(path, 0600, &s->listener, err);
    if (rc < 0)
        return rc;
    return loop_fd_new(s->loop, s->listener, LOOP_IN, on_client, s, &s->watch, err);
}

int chardev_server_new(struct loop *loop, const char *path, const char *log,
                       struct chardev **ret_cd, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_set_errno(err, ENOMEM, "the console's socket");
    s->cd.ops = &server_ops;
    s->loop = loop;
    s->listener = s->log = -1;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        s->clients[i] = (struct client){ .server = s, .fd = -1 };
    rc = server_init(s, path, log, err);
    if (rc < 0) {
        server_free(&s->cd);
        return rc;
    }
    *ret_cd = &s->cd;
    return 0;
}
