/*
 * file.c - output to a file, or to nowhere.
 */
#include "backend/chardev/chardev.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
    struct chardev cd;
    int fd;      /* owns */
    bool failed; /* said once */
};

static void no_input(struct chardev *cd)
{
}

/* A regular file takes a short time, not an unbounded one; what a full disk
 * refuses is lost, and said. */
static size_t file_write(struct chardev *cd, const u8 *data, size_t len)
{
    struct file *f = container_of(cd, struct file, cd);
    size_t done = 0;

    while (done < len && !f->failed) {
        ssize_t n = write(f->fd, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log_error("output to a console file is lost from here on: %s", strerror(errno));
            f->failed = true;
            break;
        }
        done += (size_t)n;
    }
    return len;
}

static void file_free(struct chardev *cd)
{
    struct file *f = container_of(cd, struct file, cd);

    close(f->fd);
    free(f);
}

static const struct chardev_ops file_ops = {
    .name = "file",
    .write = file_write,
    .set_room = no_input,
    .free = file_free,
};

int chardev_file_new(struct loop *loop, const char *path, struct chardev **ret_cd, struct err *err)
{
    struct file *f = calloc(1, sizeof *f);

    if (!f)
        return err_set(err, ENOMEM, "no memory for a character device");
    f->cd.ops = &file_ops;
    f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOCTTY | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int code = errno;

        free(f);
        return err_set_errno(err, code, "cannot open \"%s\" for the console's output", path);
    }
    *ret_cd = &f->cd;
    return 0;
}

static size_t null_write(struct chardev *cd, const u8 *data, size_t len)
{
    return len;
}

static void null_free(struct chardev *cd)
{
    free(cd);
}

static const struct chardev_ops null_ops = {
    .name = "null",
    .write = null_write,
    .set_room = no_input,
    .free = null_free,
};

int chardev_null_new(struct chardev **ret_cd, struct err *err)
{
    struct chardev *cd = calloc(1, sizeof *cd);

    if (!cd)
        return err_set(err, ENOMEM, "no memory for a character device");
    cd->ops = &null_ops;
    *ret_cd = cd;
    return 0;
}
