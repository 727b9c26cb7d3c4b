/*
 * unix.c - a unix socket that serves one client after the other.
 */
#include "backend/chardev/stream.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
    struct stream s;
    int listener, client;  /* owns */
    struct loop_fd *watch; /* owns; while there is no client */
    bool bound;            /* the file is ours to remove */
    struct sockaddr_un address;
};

static void on_client(void *arg, unsigned events);

static void watch_listener(struct server *u)
{
    struct err err = { 0 };

    if (loop_fd_new(u->s.loop, u->listener, LOOP_IN, on_client, u, &u->watch, &err))
        log_error("\"%s\" takes no further client: %s", u->address.sun_path, err.text);
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
        log_error("a client of \"%s\" cannot be served: %s", u->address.sun_path, err.text);
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
    if (u->listener >= 0)
        close(u->listener);
    if (u->bound)
        unlink(u->address.sun_path);
    free(u);
}

static const struct chardev_ops unix_ops = {
    .name = "unix",
    .write = stream_write,
    .set_room = stream_set_room,
    .free = server_free,
};

/* A socket file whose server has gone refuses connections; it is removed. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

static int server_listen(struct server *u, const char *path, struct err *err)
{
    if (strlen(path) >= sizeof u->address.sun_path)
        return err_set(err, ENAMETOOLONG,
                       "socket path \"%s\" is too long (at most %zu bytes are allowed)", path,
                       sizeof u->address.sun_path - 1);
    u->address.sun_family = AF_UNIX;
    strcpy(u->address.sun_path, path);
    u->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->listener < 0)
        return err_set_errno(err, errno, "cannot make a unix socket");
    remove_stale(&u->address);
    if (bind(u->listener, (const struct sockaddr *)&u->address, sizeof u->address)) {
        if (errno == EADDRINUSE)
            return err_set(err, EADDRINUSE, "socket path \"%s\" is taken; use another or remove it",
                           path);
        return err_set_errno(err, errno, "cannot make the socket \"%s\"", path);
    }
    u->bound = true;
    if (listen(u->listener, 4))
        return err_set_errno(err, errno, "cannot listen on \"%s\"", path);
    return loop_fd_new(u->s.loop, u->listener, LOOP_IN, on_client, u, &u->watch, err);
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
