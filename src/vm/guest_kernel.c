/*
 * guest_kernel.c - starts the child that reads a guest's disk, and takes what it sends.
 */
#include "vm/guest_kernel.h"

#include "base/log.h"
#include "host/confine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 60, CHILD_MEMORY = 256 << 20 };

/* The image and all behind it, and the pipe, are what it may keep. */
static _Noreturn void be_child(struct blk_node *disk, int out)
{
    int keep[BLK_BACKING_DEPTH + 2] = { out };
    unsigned count = 1;

    log_set_sink(NULL, NULL); /* the parent's may wait for a thread that is not here */
    for (struct blk_node *n = disk; n && count < ARRAY_SIZE(keep); n = n->backing)
        keep[count++] = n->file->fd;
    if (host_confine(keep, count, CHILD_SECONDS, CHILD_MEMORY) == 0)
        guest_kernel_send(disk, out);
    _exit(0);
}

/* --- taking: what a child sends that a guest may have taken over --- */

static bool take(int in, void *data, size_t len)
{
    while (len) {
        ssize_t n = read(in, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = (char *)data + n;
        len -= (size_t)n;
    }
    return true;
}

static bool is_text(const char *text, size_t max)
{
    size_t len = strnlen(text, max);

    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return len < max;
}

/* A file in memory with the next `size` bytes, and a name to open it by. */
static int take_file(int in, u64 size, int *ret, char path[32], struct err *err)
{
    int fd = memfd_create("guest boot file", MFD_CLOEXEC);
    char data[16 << 10];

    *ret = fd;
    if (fd < 0)
        return err_set_errno(err, errno, "there is no memory for it");
    while (size) {
        size_t len = size < sizeof data ? size : sizeof data;

        if (!take(in, data, len))
            return err_set(err, EIO, "its kernel or initrd cannot be read");
        if (write(fd, data, len) != (ssize_t)len)
            return err_set_errno(err, errno, "there is no memory for it");
        size -= len;
    }
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return 0;
}

static int take_all(int in, struct guest_kernel *k, struct err *err)
{
    struct guest_kernel_reply reply;
    int rc;

    if (!take(in, &reply, sizeof reply) || !is_text(reply.title, sizeof reply.title) ||
        !is_text(reply.options, sizeof reply.options))
        return err_set(err, EIO, "the process that reads it has failed on its file system");
    if (!reply.title[0])
        return err_set(err, EINVAL, "%s", reply.options);
    if (reply.kernel_size == 0 || reply.kernel_size > GUEST_KERNEL_MAX ||
        reply.initrd_size > GUEST_KERNEL_MAX)
        return err_set(err, EINVAL, "its kernel has no size that can be");
    memcpy(k->title, reply.title, sizeof k->title);
    memcpy(k->options, reply.options, sizeof k->options);
    rc = take_file(in, reply.kernel_size, &k->kernel, k->kernel_path, err);
    if (rc == 0 && reply.initrd_size)
        rc = take_file(in, reply.initrd_size, &k->initrd, k->initrd_path, err);
    return rc;
}

/* --- both sides --- */

static int run_child(struct blk_node *disk, struct guest_kernel *k, struct err *err)
{
    int ends[2], status, rc;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return err_set_errno(err, errno, "there is no pipe for it");
    child = fork();
    if (child == 0)
        be_child(disk, ends[1]);
    close(ends[1]);
    rc = child < 0 ? err_set_errno(err, errno, "there is no process for it")
                   : take_all(ends[0], k, err);
    close(ends[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    return rc;
}

int guest_kernel_read(const char *disk, const char *format, struct guest_kernel *ret,
                      struct err *err)
{
    struct blk_node *node = NULL;
    int rc = blk_node_open(disk, format, BLK_OPEN_READ_ONLY | BLK_OPEN_UNLOCKED, 0, &node, err);

    *ret = (struct guest_kernel){ .kernel = -1, .initrd = -1, .found = true };
    if (rc == 0)
        rc = run_child(node, ret, err);
    (void)blk_node_free(node); /* read-only: nothing to flush */
    if (rc == 0)
        return 0;
    guest_kernel_fini(ret);
    return err_wrap(err, "there is no kernel to start on the disk %s", disk);
}

void guest_kernel_fini(struct guest_kernel *k)
{
    if (k->found && k->kernel >= 0)
        close(k->kernel);
    if (k->found && k->initrd >= 0)
        close(k->initrd);
    *k = (struct guest_kernel){ 0 };
}
