/*
 * file.c - whole-file input and all-or-nothing output.
 */
#include "host/file.h"
#include "base/bug.h"
#include "host/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef _WIN32
#include <io.h>
#include <windows.h>
#define OPEN_FLAGS O_BINARY
#else
#define OPEN_FLAGS O_CLOEXEC
#endif

/* A read or write takes at most an int on Windows. */
static unsigned chunk(size_t size)
{
    return size < 16 * MIB ? (unsigned)size : (unsigned)(16 * MIB);
}

static int read_all(int fd, const char *path, u8 *data, size_t size, struct err *err)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, data + got, chunk(size - got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "cannot read \"%s\"", path);
        if (n == 0)
            return err_set(err, EIO, "\"%s\" became shorter while it was read", path);
        got += (size_t)n;
    }
    data[size] = 0;
    return 0;
}

static int check_input(const char *path, const struct stat *st, size_t limit, struct err *err)
{
    if (S_ISDIR(st->st_mode))
        return err_set(err, EISDIR, "\"%s\" is a directory; a file is needed", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, EINVAL, "\"%s\" is not a regular file", path);
    if (st->st_size == 0)
        return err_set(err, EINVAL, "\"%s\" is empty", path);
    if ((u64)st->st_size > limit)
        return err_set(err, EFBIG, "\"%s\" has %llu bytes; at most %llu are accepted", path,
                       (unsigned long long)st->st_size, (unsigned long long)limit);
    return 0;
}

static int read_open(int fd, const char *path, size_t limit, u8 **ret_data, size_t *ret_size,
                     struct err *err)
{
    struct stat st;
    size_t size;
    u8 *data;
    int ret;

    if (fstat(fd, &st))
        return err_set_errno(err, errno, "cannot read \"%s\"", path);
    ret = check_input(path, &st, limit, err);
    if (ret)
        return ret;
    size = (size_t)st.st_size;
    data = malloc(size + 1);
    if (!data)
        return err_set(err, ENOMEM, "no memory for the %llu bytes of \"%s\"",
                       (unsigned long long)size, path);
    ret = read_all(fd, path, data, size, err);
    if (ret) {
        free(data);
        return ret;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}

int host_file_read(const char *path, size_t limit, u8 **ret_data, size_t *ret_size, struct err *err)
{
    int ret, fd;

    BUG_ON(limit == 0 || limit == SIZE_MAX);
#ifdef O_NONBLOCK
    fd = open(path, O_RDONLY | OPEN_FLAGS | O_NONBLOCK); /* a pipe is refused, not waited for */
#else
    fd = open(path, O_RDONLY | OPEN_FLAGS);
#endif
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open \"%s\"", path);
    ret = read_open(fd, path, limit, ret_data, ret_size, err);
    close(fd);
    return ret;
}

struct host_file_out {
    int fd;
    char *path; /* owns; what is replaced, symbolic links followed */
    char *temp; /* owns; beside path; NULL when path is a device or pipe, written as it is */
};

void host_file_out_free(struct host_file_out *out)
{
    if (!out)
        return;
    if (out->fd >= 0)
        close(out->fd);
    if (out->temp)
        unlink(out->temp);
    free(out->temp);
    free(out->path);
    free(out);
}

#ifdef _WIN32
static char *resolve(const char *path)
{
    return strdup(path);
}

static int sync_fd(int fd)
{
    return _commit(fd);
}

static int replace(const char *from, const char *to)
{
    if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return 0;
    errno = GetLastError() == ERROR_ACCESS_DENIED ? EACCES : EIO;
    return -1;
}
#else
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);

    return real ? real : strdup(path); /* a new file */
}

static int sync_fd(int fd)
{
    return fsync(fd);
}

/* The new name is on the disk only when the directory is. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd); /* some file systems cannot; the rename is whole all the same */
        close(fd);
    }
    free(folder);
}

static int replace(const char *from, const char *to)
{
    if (rename(from, to))
        return -1;
    sync_folder(to);
    return 0;
}
#endif

/* Opens a new file beside path. */
static int open_temp(struct host_file_out *out)
{
    size_t size = strlen(out->path) + 32;

    out->temp = malloc(size);
    if (!out->temp)
        return -ENOMEM;
    for (int tries = 0; tries < 100; tries++) {
        u64 tag;

        host_random(&tag, sizeof tag);
        snprintf(out->temp, size, "%s.%016llx.tmp", out->path, (unsigned long long)tag);
        out->fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0666);
        if (out->fd >= 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    free(out->temp); /* not ours: nothing to unlink */
    out->temp = NULL;
    return errno ? -errno : -EEXIST;
}

static int open_out(struct host_file_out *out)
{
    struct stat st;
    bool exists = stat(out->path, &st) == 0;
    int ret;

    if (exists && S_ISDIR(st.st_mode))
        return -EISDIR;
    if (exists && !S_ISREG(st.st_mode)) {
        out->fd = open(out->path, O_WRONLY | OPEN_FLAGS);
        return out->fd < 0 ? -errno : 0;
    }
    ret = open_temp(out);
#ifndef _WIN32
    if (ret == 0 && exists && fchmod(out->fd, st.st_mode & 0777))
        ret = -errno;
#endif
    return ret;
}

int host_file_out_new(const char *path, struct host_file_out **ret_out, struct err *err)
{
    struct host_file_out *out = calloc(1, sizeof *out);
    int ret = -ENOMEM;

    if (out) {
        out->fd = -1;
        out->path = resolve(path);
        if (out->path)
            ret = open_out(out);
    }
    if (ret) {
        host_file_out_free(out);
        return err_set_errno(err, -ret, "cannot create \"%s\"", path);
    }
    *ret_out = out;
    return 0;
}

static int out_error(struct host_file_out *out, int code, struct err *err)
{
    return err_set_errno(err, code, "cannot write \"%s\"%s", out->path,
                         out->temp ? " (its old content, if any, is unchanged)" : "");
}

int host_file_out_write(struct host_file_out *out, const void *data, size_t size, struct err *err)
{
    const u8 *at = data;

    while (size > 0) {
        ssize_t n = write(out->fd, at, chunk(size));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return out_error(out, n < 0 ? errno : ENOSPC, err);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int host_file_out_commit(struct host_file_out *out, struct err *err)
{
    int ret = 0, fd = out->fd;

    if (out->temp && sync_fd(fd))
        ret = out_error(out, errno, err);
    out->fd = -1;
    if (close(fd) && ret == 0)
        ret = out_error(out, errno, err);
    if (ret == 0 && out->temp) {
        if (replace(out->temp, out->path)) {
            ret = out_error(out, errno, err);
        } else {
            free(out->temp);
            out->temp = NULL;
        }
    }
    host_file_out_free(out);
    return ret;
}

int host_file_write(const char *path, const void *data, size_t size, struct err *err)
{
    struct host_file_out *out;
    int ret = host_file_out_new(path, &out, err);

    if (ret)
        return ret;
    ret = host_file_out_write(out, data, size, err);
    if (ret) {
        host_file_out_free(out);
        return ret;
    }
    return host_file_out_commit(out, err);
}
