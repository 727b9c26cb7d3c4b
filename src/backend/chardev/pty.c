/*
 * pty.c - a pseudo-terminal that another program opens.
 *
 * The master reports a hang-up for as long as nobody has the other side open, so
 * it is not watched then; inotify tells when somebody opens it.
 */
#include "backend/chardev/stream.h"
#include "base/bug.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    struct stream s;
    int master;             /* owns */
    int notify;             /* owns; inotify */
    struct loop_fd *opened; /* owns */
    char path[64];
};

static void pty_ended(struct stream *s)
{
    stream_detach(s);
    stream_tell_connected(s, false);
}

static void pty_opened(void *arg, unsigned events)
{
    struct pty *p = arg;
    char names[512];
    struct pollfd now = { .fd = p->master };
    struct err err = { 0 };

    while (read(p->notify, names, sizeof names) > 0)
        ;
    if (p->s.in_fd >= 0 || poll(&now, 1, 0) < 0 || (now.revents & POLLHUP))
        return;
    if (stream_attach(&p->s, p->master, p->master, &err)) {
        log_error("the terminal %s cannot be served: %s", p->path, err.text);
        return;
    }
    stream_tell_connected(&p->s, true);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void pty_free(struct chardev *cd)
{
    struct pty *p = container_of(cd, struct pty, s.cd);

    stream_fini(&p->s);
    loop_fd_free(p->opened);
    close_if_open(p->notify);
    close_if_open(p->master);
    free(p);
}

static const struct chardev_ops pty_ops = {
    .name = "pty",
    .write = stream_write,
    .set_room = stream_set_room,
    .free = pty_free,
};

/* Opens the other side once, for its mode; from then on the master knows of
 * hang-ups. */
static int make_raw(struct pty *p)
{
    int fd = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    int ret = -1;

    if (fd < 0)
        return -1;
    if (tcgetattr(fd, &mode) == 0) {
        cfmakeraw(&mode);
        ret = tcsetattr(fd, TCSANOW, &mode);
    }
    close(fd);
    return ret;
}

static int pty_open(struct pty *p, struct loop *loop, struct err *err)
{
    int ret;

    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
        ptsname_r(p->master, p->path, sizeof p->path) || make_raw(p))
        return err_set_errno(err, errno, "cannot make a pseudo-terminal");
    p->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->notify < 0 || inotify_add_watch(p->notify, p->path, IN_OPEN) < 0)
        return err_set_errno(err, errno, "cannot watch \"%s\" for being opened", p->path);
    ret = loop_fd_new(loop, p->notify, LOOP_IN, pty_opened, p, &p->opened, err);
    if (ret == 0)
        log_note("serial line on %s", p->path);
    return ret;
}

int chardev_pty_new(struct loop *loop, struct chardev **ret_cd, struct err *err)
{
    struct pty *p = calloc(1, sizeof *p);
    int ret;

    if (!p)
        return err_set(err, ENOMEM, "no memory for a character device");
    p->s.cd.ops = &pty_ops;
    p->s.ended = pty_ended;
    p->master = p->notify = -1;
    ret = stream_init(&p->s, loop, err);
    if (ret == 0)
        ret = pty_open(p, loop, err);
    if (ret) {
        pty_free(&p->s.cd);
        return ret;
    }
    *ret_cd = &p->s.cd;
    return 0;
}

const char *chardev_pty_path(const struct chardev *cd)
{
    BUG_ON(cd->ops != &pty_ops);
    return container_of(cd, struct pty, s.cd)->path;
}
