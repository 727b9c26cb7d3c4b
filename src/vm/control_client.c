/*
 * control_client.c - one command to a control socket and its answer.
 */
#include "vm/control.h"

#include "host/clock.h"
#include "host/socket.h"
#include "vm/vm_private.h"
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_MAX = 16 << 20 };

struct call {
    const char *path, *command;
    int fd;
    ns_t deadline; /* of host_clock_monotonic() */
    char *text;    /* owns: what was received, up to `len` */
    size_t len, room;
};

static int late(const struct call *c, struct err *err)
{
    return err_set(err, ETIMEDOUT, "the machine at \"%s\" does not answer %s in time", c->path,
                   c->command);
}

static int wait_for(const struct call *c, short events, struct err *err)
{
    struct pollfd p = { .fd = c->fd, .events = events };

    for (;;) {
        ns_t now = host_clock_monotonic();
        ns_t left = now < c->deadline ? (c->deadline - now) / NS_PER_MS + 1 : 0;
        int n = left ? poll(&p, 1, left < 60000 ? (int)left : 60000) : 0;

        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, errno, "waiting for the machine at \"%s\"", c->path);
        if (host_clock_monotonic() >= c->deadline)
            return late(c, err);
    }
}

/* A full queue of clients says so at once; there is nothing to poll for. */
static int call_connect(struct call *c, struct err *err)
{
    int rc;

    while ((rc = host_unix_connect(c->path, &c->fd, err)) == -EAGAIN) {
        if (host_clock_monotonic() >= c->deadline)
            return late(c, err);
        poll(NULL, 0, 10);
    }
    return rc;
}

static int call_send(struct call *c, const char *text, struct err *err)
{
    size_t len = strlen(text), done = 0;

    while (done < len) {
        ssize_t n = send(c->fd, text + done, len - done, MSG_NOSIGNAL);
        int rc = 0;

        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            rc = wait_for(c, POLLOUT, err);
        else if (errno != EINTR)
            rc = err_set_errno(err, errno, "the machine at \"%s\" takes no command", c->path);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int receive(struct call *c, struct err *err)
{
    ssize_t n;

    if (c->len == c->room) {
        size_t room = c->room ? 2 * c->room : 4096;
        char *more = room <= REPLY_MAX ? realloc(c->text, room) : NULL;

        if (!more)
            return err_set(err, EPROTO, "the machine at \"%s\" sends more than %d bytes", c->path,
                           (int)REPLY_MAX);
        c->text = more;
        c->room = room;
    }
    n = recv(c->fd, c->text + c->len, c->room - c->len, 0);
    if (n > 0)
        c->len += (size_t)n;
    else if (n == 0)
        return err_set(err, EPROTO, "the machine at \"%s\" hung up before it answered %s", c->path,
                       c->command);
    else if (errno == EAGAIN)
        return wait_for(c, POLLIN, err);
    else if (errno != EINTR)
        return err_set_errno(err, errno, "nothing can be read from \"%s\"", c->path);
    return 0;
}

/* The next line as an object, events left out; the caller puts it away. */
static int next_message(struct call *c, json_t **ret, struct err *err)
{
    for (;;) {
        char *end = c->len ? memchr(c->text, '\n', c->len) : NULL;
        int rc;

        if (!end) {
            rc = receive(c, err);
            if (rc < 0)
                return rc;
            continue;
        }
        *ret = json_loadb(c->text, (size_t)(end - c->text), JSON_ALLOW_NUL, NULL);
        c->len -= (size_t)(end + 1 - c->text);
        memmove(c->text, end + 1, c->len);
        if (!json_is_object(*ret)) {
            json_decref(*ret);
            return err_set(err, EPROTO, "what listens at \"%s\" speaks no QMP", c->path);
        }
        if (!json_object_get(*ret, "event"))
            return 0;
        json_decref(*ret);
    }
}

static int refused(const struct call *c, const json_t *error, struct err *err)
{
    const char *class = json_string_value(json_object_get(error, "class"));
    const char *desc = json_string_value(json_object_get(error, "desc"));
    int code = class && strcmp(class, "CommandNotFound") == 0 ? ENOSYS : EREMOTEIO;

    if (!desc)
        return err_set(err, EPROTO, "what listens at \"%s\" speaks no QMP", c->path);
    return err_set(err, code, "%s", desc);
}

/* Sends one command and takes the answer's value. */
static int call_one(struct call *c, const char *command, json_t *arguments, json_t **ret,
                    struct err *err)
{
    json_t *m = json_pack("{s:s, s:O*}", "execute", command, "arguments", arguments);
    char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;
    int rc = text ? call_send(c, text, err) : err_set_errno(err, ENOMEM, "making a command");

    free(text);
    json_decref(m);
    if (rc == 0)
        rc = call_send(c, "\n", err);
    if (rc == 0)
        rc = next_message(c, &m, err);
    if (rc < 0)
        return rc;
    *ret = json_incref(json_object_get(m, "return"));
    if (!*ret)
        rc = refused(c, json_object_get(m, "error"), err);
    json_decref(m);
    return rc;
}

static int greeted(struct call *c, struct err *err)
{
    json_t *m;
    int rc = next_message(c, &m, err);

    if (rc < 0)
        return rc;
    if (!json_object_get(m, "QMP"))
        rc = err_set(err, EPROTO, "what listens at \"%s\" speaks no QMP", c->path);
    json_decref(m);
    return rc;
}

static int run_call(struct call *c, json_t *arguments, json_t **ret, struct err *err)
{
    json_t *none;
    int rc = call_connect(c, err);

    if (rc < 0 || (rc = greeted(c, err)) < 0 ||
        (rc = call_one(c, "qmp_capabilities", NULL, &none, err)) < 0)
        return rc;
    json_decref(none);
    return call_one(c, c->command, arguments, ret, err);
}

int control_call(const char *path, const char *command, const char *arguments, ns_t timeout,
                 char **ret_reply, struct err *err)
{
    struct call c = { .path = path, .command = command, .fd = -1 };
    json_t *given = arguments ? json_loads(arguments, 0, NULL) : NULL, *reply = NULL;
    char *text = NULL;
    int rc;

    if (arguments && !json_is_object(given)) {
        json_decref(given);
        return err_set(err, EINVAL, "the arguments of %s are no JSON object: %.200s", command,
                       arguments);
    }
    c.deadline = host_clock_monotonic() + timeout;
    rc = run_call(&c, given, &reply, err);
    if (rc == 0 && ret_reply) {
        text = json_dumps(reply, JSON_COMPACT | JSON_ENCODE_ANY);
        rc = text ? 0 : err_set_errno(err, ENOMEM, "reading the answer to %s", command);
        *ret_reply = text;
    }
    if (c.fd >= 0)
        close(c.fd);
    free(c.text);
    json_decref(reply);
    json_decref(given);
    return rc;
}

VM_API int vm_control_call(const char *path, const char *command, const char *arguments,
                           double seconds, char **ret_reply, struct vm_err *err)
{
    struct err e = { 0 };
    ns_t timeout = seconds >= 0 && seconds < 1e9 ? (ns_t)(seconds * 1e9) : NS_PER_SEC * 1000000000;

    return control_call(path, command, arguments, timeout, ret_reply, &e) < 0
               ? err_to_public(&e, err)
               : 0;
}
