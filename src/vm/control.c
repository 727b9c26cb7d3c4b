/*
 * control.c - the control socket's server: clients, their bytes, events.
 */
#include "vm/control_private.h"

#include "base/log.h"
#include "host/clock.h"
#include "host/socket.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_MAX = 4096, RETRY_NS = 1000000000 };

struct client {
    struct control *c; /* borrows (outlives) */
    struct client *next;
    int fd;                /* owns */
    struct loop_fd *watch; /* owns */
    bool ended;            /* it sends no more */
    bool gone;             /* to be freed */
    struct control_session s;
};

struct control {
    struct vm *vm;     /* borrows (outlives) */
    struct loop *loop; /* borrows (outlives) */
    char *path;        /* owns */
    int listener;      /* owns */
    struct loop_fd *watch;
    struct loop_timer *retry; /* owns: listens again after the host was out of descriptors */
    struct client *clients;   /* owns */
    unsigned count;
    void (*listener_fn)(void *arg, enum control_event what, const char *reason);
    void *listener_arg;
};

/* --- a client's bytes --- */

static void client_free(struct client *cl)
{
    loop_fd_free(cl->watch);
    close(cl->fd);
    control_session_fini(&cl->s);
    free(cl);
}

static bool unsent(const struct client *cl)
{
    return cl->s.out_sent < cl->s.out_len;
}

/* As much as the socket takes now. */
static void client_flush(struct client *cl)
{
    while (unsent(cl) && !cl->gone) {
        ssize_t n = send(cl->fd, cl->s.out + cl->s.out_sent, cl->s.out_len - cl->s.out_sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0)
            cl->s.out_sent += (size_t)n;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            cl->gone = true;
    }
}

static void client_receive(struct client *cl)
{
    char data[RECEIVE_MAX];
    ssize_t n = recv(cl->fd, data, sizeof data, MSG_DONTWAIT);

    if (n > 0)
        control_session_input(&cl->s, data, (size_t)n);
    else if (n == 0)
        cl->ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        cl->gone = true;
}

/* Sends what it can, and watches for what is waited for. One that is given up is hung up on,
 * which its watch reports. */
static void client_update(struct client *cl)
{
    client_flush(cl);
    if (cl->gone || cl->s.broken)
        shutdown(cl->fd, SHUT_RDWR);
    loop_fd_set_events(cl->watch, (!cl->ended && control_session_hungry(&cl->s) ? LOOP_IN : 0u) |
                                      (unsent(cl) ? LOOP_OUT : 0u));
}

static bool is_done(const struct client *cl)
{
    return cl->gone || cl->s.broken || (cl->ended && !unsent(cl) && !cl->s.waits);
}

static void client_remove(struct control *c, struct client *cl)
{
    struct client **at = &c->clients;

    while (*at != cl)
        at = &(*at)->next;
    *at = cl->next;
    c->count--;
    client_free(cl);
}

static void on_client(void *arg, unsigned events)
{
    struct client *cl = arg;

    if (events & LOOP_IN && !cl->ended && control_session_hungry(&cl->s))
        client_receive(cl);
    else if (events & LOOP_HUP)
        cl->gone = true; /* nobody reads what it is owed */
    client_flush(cl);
    control_session_run(&cl->s);
    client_update(cl);
    if (is_done(cl))
        client_remove(cl->c, cl);
}

/* --- clients --- */

static void client_new(struct control *c, int fd, struct err *err)
{
    struct client *cl = calloc(1, sizeof *cl);

    if (!cl || loop_fd_new(c->loop, fd, LOOP_IN, on_client, cl, &cl->watch, err) < 0) {
        log_error("a client of \"%s\" cannot be served: %s", c->path,
                  cl ? err->text : "there is no memory");
        free(cl);
        close(fd);
        return;
    }
    cl->c = c;
    cl->fd = fd;
    cl->next = c->clients;
    c->clients = cl;
    c->count++;
    control_session_init(&cl->s, c->vm);
    client_update(cl);
}

static void refuse(int fd)
{
    static const char text[] = "{\"error\":{\"class\":\"GenericError\",\"desc\":"
                               "\"as many clients are connected as the machine serves\"}}\r\n";

    (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void on_retry(void *arg)
{
    struct control *c = arg;

    loop_fd_set_events(c->watch, LOOP_IN);
}

static void on_listener(void *arg, unsigned events)
{
    struct control *c = arg;
    int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct err err = { 0 };

    if (fd >= 0 && c->count < CONTROL_CLIENTS_MAX) {
        client_new(c, fd, &err);
    } else if (fd >= 0) {
        refuse(fd);
    } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        log_error("\"%s\" takes no further client for now: %s", c->path, strerror(errno));
        loop_fd_set_events(c->watch, 0);
        loop_timer_set(c->retry, host_clock_monotonic() + RETRY_NS);
    }
}

/* --- events --- */

static json_t *timestamp(void)
{
    ns_t now = host_clock_realtime();

    return json_pack("{s:I, s:I}", "seconds", (json_int_t)(now / NS_PER_SEC), "microseconds",
                     (json_int_t)(now % NS_PER_SEC / 1000));
}

static json_t *event_data(enum control_event what, const char *reason)
{
    if (what == CONTROL_GUEST_PANICKED)
        return json_pack("{s:s}", "action", "poweroff");
    if (!reason)
        return NULL;
    return json_pack("{s:b, s:s}", "guest", strncmp(reason, "guest-", 6) == 0, "reason", reason);
}

void control_tell(struct control *c, enum control_event what, const char *reason)
{
    json_t *m, *data = event_data(what, reason);

    if (!c) {
        json_decref(data);
        return;
    }
    if (c->listener_fn)
        c->listener_fn(c->listener_arg, what, reason);
    m = json_pack("{s:s, s:o*, s:o}", "event", control_events[what].name, "data", data, "timestamp",
                  timestamp());
    for (struct client *cl = c->clients; cl; cl = cl->next)
        if (cl->s.negotiated)
            control_session_send(&cl->s, json_incref(m));
    json_decref(m);
    for (struct client *cl = c->clients; what == CONTROL_STOP && cl; cl = cl->next) {
        control_session_stopped(&cl->s);
        control_session_run(&cl->s);
    }
    for (struct client *cl = c->clients; cl; cl = cl->next)
        client_update(cl);
}

void control_listen(struct control *c,
                    void (*fn)(void *arg, enum control_event what, const char *reason), void *arg)
{
    c->listener_fn = fn;
    c->listener_arg = arg;
}

/* --- life --- */

static int serve(struct control *c, const char *path, struct err *err)
{
    int rc;

    c->path = strdup(path);
    if (!c->path)
        return err_set_errno(err, ENOMEM, "serving \"%s\"", path);
    if ((rc = loop_timer_new(c->loop, on_retry, c, &c->retry, err)) < 0 ||
        (rc = host_unix_listen(path, 0600, &c->listener, err)) < 0)
        return rc;
    return loop_fd_new(c->loop, c->listener, LOOP_IN, on_listener, c, &c->watch, err);
}

int control_start(struct vm *vm, const char *path, struct control **ret, struct err *err)
{
    struct control *c = calloc(1, sizeof *c);
    int rc;

    if (!c)
        return err_set_errno(err, ENOMEM, "serving \"%s\"", path);
    c->vm = vm;
    c->loop = vm->machine->loop;
    c->listener = -1;
    rc = serve(c, path, err);
    if (rc < 0) {
        control_free(c);
        return err_wrap(err, "--control unix:%s", path);
    }
    *ret = c;
    return 0;
}

struct control *control_free(struct control *c)
{
    if (!c)
        return NULL;
    while (c->clients) {
        struct client *next = c->clients->next;

        client_flush(c->clients);
        client_free(c->clients);
        c->clients = next;
    }
    loop_fd_free(c->watch);
    loop_timer_free(c->retry);
    if (c->listener >= 0) {
        close(c->listener);
        unlink(c->path);
    }
    free(c->path);
    free(c);
    return NULL;
}
