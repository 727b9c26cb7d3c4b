/*
 * unix.c - a unix socket that serves one client after the other.
 */
#include "backend/chardev/stream.h"
#include "base/log.h"
#include "host/socket.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    struct stream s;
    int listener, client;  /* owns */
    struct loop_fd *watch; /* owns; while there is no client */
    char *path;            /* owns */
};

static void on_client(void *arg, unsigned events);

static void watch_listener(struct server *u)
{
    struct err err = { 0 };

    if (loop_fd_new(u->s.loop, u->listener, LOOP_IN, on_client, u, &u->watch, &err))
        log_error("\"%s\" takes no further client: %s", u->path, err.text);
}

static void client_gone(struct stream *s)
{
    struct server *u = container_of(s, struct server, s);

    stream_detach(s);
    close(u->client);
    u->client = -1;
    watch_listener(u);
    stream_tell_connected(s, false);
}

static void on_client(void *arg, unsigned events)
{
    struct server *u = arg;
    struct err err = { 0 };

    u->client = accept4(u->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (u->client < 0) /* it went before we came */
        return;
    if (stream_attach(&u->s, u->client, u->client, &err)) {
        log_error("a client of \"%s\" cannot be served: %s", u->path, err.text);
        close(u->client);
        u->client = -1;
        return;
    }
    loop_fd_free(u->watch);
    u->watch = NULL;
    stream_tell_connected(&u->s, true);
}

static void server_free(struct chardev *cd)
{
    struct server *u = container_of(cd, struct server, s.cd);

    stream_fini(&u->s);
    loop_fd_free(u->watch);
    if (u->client >= 0)
        close(u->client);
    if (u->listener >= 0) {
        close(u->listener);
        unlink(u->path);
    }
    free(u->path);
    free(u);
}

static const struct chardev_ops unix_ops = {
    .name = "unix",
    .write = stream_write,
    .set_room = stream_set_room,
    .free = server_free,
};

static int server_listen(struct server *u, const char *path, struct err *err)
{
    int rc;

    u->path = strdup(path);
    if (!u->path)
        return err_set_errno(err, ENOMEM, "socket path \"%s\"", path);
    rc = host_unix_listen(path, 0777, &u->listener, err);
    return rc < 0 ? rc : loop_fd_new(u->s.loop, u->listener, LOOP_IN, on_client, u, &u->watch, err);
}

int chardev_unix_new(struct loop *loop, const char *path, struct chardev **ret_cd, struct err *err)
{
    struct server *u = calloc(1, sizeof *u);
    int ret;

    if (!u)
        return err_set(err, ENOMEM, "no memory for a character device");
    u->s.cd.ops = &unix_ops;
    u->s.ended = client_gone;
    u->listener = u->client = -1;
    ret = stream_init(&u->s, loop, err);
    if (ret == 0)
        ret = server_listen(u, path, err);
    if (ret) {
        server_free(&u->s.cd);
        return ret;
    }
    *ret_cd = &u->s.cd;
    return 0;
}
