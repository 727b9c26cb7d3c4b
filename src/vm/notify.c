/*
 * notify.c - a server for systemd's notifications, see notify.h.
 */
#include "vm/notify.h"

#include "host/socket.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SENDERS_MAX = 8, MESSAGE_MAX = 4096 };

struct sender {
    struct notify *n;
    int fd;                /* owns; -1: none */
    struct loop_fd *watch; /* owns */
    char text[MESSAGE_MAX + 1];
    size_t len;
};

struct notify {
    struct loop *loop;     /* borrows */
    char *path;            /* owns */
    int listener;          /* owns */
    struct loop_fd *watch; /* owns */
    notify_fn *heard;
    void *arg;
    struct sender sender[SENDERS_MAX];
};

static void sender_end(struct sender *s)
{
    loop_fd_free(s->watch);
    if (s->fd >= 0)
        close(s->fd);
    s->watch = NULL;
    s->fd = -1;
}

/* A whole message: its lines; the last one may have no end. */
static void take(struct notify *n, char *text, size_t len)
{
    static const char status_word[] = "STATUS=";
    const char *status = NULL;
    bool ready = false;

    text[len] = 0;
    for (char *line = text, *end; line < text + len; line = end + 1) {
        end = memchr(line, '\n', len - (size_t)(line - text));
        if (!end)
            end = text + len;
        *end = 0;
        ready |= strcmp(line, "READY=1") == 0 && end - line == (ptrdiff_t)strlen(line);
        if (strncmp(line, status_word, sizeof status_word - 1) == 0)
            status = line + sizeof status_word - 1;
    }
    if (ready || status)
        n->heard(n->arg, ready, status);
}

/* A message is whole at its sender's end, or when there is no more room. */
static void on_message(void *arg, unsigned events)
{
    struct sender *s = arg;
    ssize_t n = recv(s->fd, s->text + s->len, MESSAGE_MAX - s->len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    s->len += n > 0 ? (size_t)n : 0;
    if (n > 0 && s->len < MESSAGE_MAX)
        return;
    sender_end(s);
    take(s->n, s->text, s->len);
}

static void on_sender(void *arg, unsigned events)
{
    struct notify *n = arg;
    int fd = accept4(n->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct err ignored = { 0 };
    unsigned i = 0;

    while (i < SENDERS_MAX && n->sender[i].fd >= 0)
        i++;
    if (fd >= 0 && i < SENDERS_MAX) {
        n->sender[i].fd = fd;
        n->sender[i].len = 0;
        if (loop_fd_new(n->loop, fd, LOOP_IN, on_message, &n->sender[i], &n->sender[i].watch,
                        &ignored) < 0)
            sender_end(&n->sender[i]);
    } else if (fd >= 0) {
        close(fd);
    }
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    for (unsigned i = 0; i < SENDERS_MAX; i++)
        sender_end(&n->sender[i]);
    loop_fd_free(n->watch);
    if (n->listener >= 0) {
        close(n->listener);
        unlink(n->path);
    }
    free(n->path);
    free(n);
}

int notify_new(const char *vsock, struct loop *loop, notify_fn *heard, void *arg,
               struct notify **ret, struct err *err)
{
    struct notify *n = calloc(1, sizeof *n);
    int rc;

    if (!n || asprintf(&n->path, "%s_%d", vsock, NOTIFY_PORT) < 0) {
        free(n);
        return err_set_errno(err, ENOMEM, "the guest's notifications");
    }
    n->loop = loop;
    n->heard = heard;
    n->arg = arg;
    for (unsigned i = 0; i < SENDERS_MAX; i++)
        n->sender[i] = (struct sender){ .n = n, .fd = -1 };
    rc = host_unix_listen(n->path, 0600, &n->listener, err);
    if (rc == 0)
        rc = loop_fd_new(loop, n->listener, LOOP_IN, on_sender, n, &n->watch, err);
    if (rc < 0) {
        notify_free(n);
        return rc;
    }
    *ret = n;
    return 0;
}
