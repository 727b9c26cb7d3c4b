/*
 * file.c - files of the host.
 */
#include "backend/block/file.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECES = 1024 /* IOV_MAX */ };

/* One preadv or pwritev until all is done; a read past the end is filled up. */
static int transfer(int fd, bool write, u64 at, const struct iovec *iov, unsigned count)
{
    struct iovec part[PIECES];
    u64 done = 0, len = blk_iov_bytes(iov, count);

    while (done < len) {
        unsigned n = 0;
        ssize_t ret;

        /* At most IOV_MAX of them, the first cut where the last call ended. */
        if (done == 0 && count <= PIECES) {
            memcpy(part, iov, count * sizeof *iov);
            n = count;
        } else {
            u64 skip = done;

            for (unsigned i = 0; i < count && n < PIECES; i++) {
                if (skip >= iov[i].iov_len) {
                    skip -= iov[i].iov_len;
                    continue;
                }
                part[n++] = (struct iovec){ (u8 *)iov[i].iov_base + skip, iov[i].iov_len - skip };
                skip = 0;
            }
        }
        ret = write ? pwritev(fd, part, (int)n, (off_t)(at + done))
                    : preadv(fd, part, (int)n, (off_t)(at + done));
        if (ret < 0 && errno == EINTR)
            continue;
        if (ret < 0)
            return -errno;
        if (ret == 0) {
            if (write)
                return -EIO;
            blk_iov_zero(iov, count, done, len - done);
            return 0;
        }
        done += (u64)ret;
    }
    return 0;
}

static int fd_read(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    return transfer(f->fd, false, at, iov, count);
}

static int fd_write(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    return transfer(f->fd, true, at, iov, count);
}

static int fd_sync(struct blk_file *f)
{
    return fdatasync(f->fd) ? -errno : 0;
}

static int fd_size(struct blk_file *f, u64 *ret)
{
    struct stat st;

    if (fstat(f->fd, &st))
        return -errno;
    *ret = (u64)st.st_size;
    if (S_ISBLK(st.st_mode) && ioctl(f->fd, BLKGETSIZE64, ret))
        return -errno;
    return 0;
}

static int fd_resize(struct blk_file *f, u64 size)
{
    return ftruncate(f->fd, (off_t)size) ? -errno : 0;
}

static int fd_zero(struct blk_file *f, u64 at, u64 len, bool unmap)
{
    int mode = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

    if (fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len) == 0)
        return 0;
    return errno == ENOSYS || errno == EINVAL || errno == ENODEV ? -EOPNOTSUPP : -errno;
}

static bool fd_status(struct blk_file *f, u64 at, u64 len, u64 *ret_len)
{
    off_t data = lseek(f->fd, (off_t)at, SEEK_DATA), end;

    *ret_len = len;
    if (data < 0)
        return errno != ENXIO; /* a hole up to the end; or the file system cannot tell */
    if ((u64)data > at) {
        if ((u64)data - at < len)
            *ret_len = (u64)data - at;
        return false;
    }
    end = lseek(f->fd, (off_t)at, SEEK_HOLE);
    if (end > 0 && (u64)end - at < len)
        *ret_len = (u64)end - at;
    return true;
}

static void fd_free(struct blk_file *f)
{
    close(f->fd);
    free(f);
}

static const struct blk_file_ops fd_ops = {
    .read = fd_read,
    .write = fd_write,
    .sync = fd_sync,
    .size = fd_size,
    .resize = fd_resize,
    .zero = fd_zero,
    .status = fd_status,
    .free = fd_free,
};

/* --- opening --- */

int blk_file_from_fd(int fd, struct blk_file **ret, struct err *err)
{
    struct blk_file *f = calloc(1, sizeof *f);

    if (!f) {
        close(fd);
        return err_set(err, ENOMEM, "no memory for a disk image");
    }
    *f = (struct blk_file){ &fd_ops, fd };
    *ret = f;
    return 0;
}

static int open_error(const char *path, int code, unsigned flags, struct err *err)
{
    bool writing = !(flags & BLK_FILE_READ_ONLY);

    if (code == EISDIR)
        return err_set(err, code, "disk image \"%s\" is a directory", path);
    if (code == EINVAL && flags & BLK_FILE_DIRECT)
        return err_set(err, code, "the file system of disk image \"%s\" has no direct I/O", path);
    return err_set_errno(err, code, "cannot open disk image \"%s\"%s", path,
                         writing && (code == EACCES || code == EROFS)
                             ? " for writing (readonly=on opens it for reading)"
                             : "");
}

static int check_kind(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st))
        return err_set_errno(err, errno, "cannot examine disk image \"%s\"", path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(err, EINVAL,
                       "disk image \"%s\" is neither a regular file nor a block device", path);
    return 0;
}

int blk_file_open(const char *path, unsigned flags, struct blk_file **ret, struct err *err)
{
    int mode = O_CLOEXEC | O_NONBLOCK | (flags & BLK_FILE_READ_ONLY ? O_RDONLY : O_RDWR) |
               (flags & BLK_FILE_DIRECT ? O_DIRECT : 0);
    int fd = open(path, mode), rc;

    if (fd < 0)
        return open_error(path, errno, flags, err);
    rc = check_kind(fd, path, err);
    if (rc == 0 && !(flags & BLK_FILE_UNLOCKED))
        rc = blk_lock(fd, path, flags & BLK_FILE_READ_ONLY, err);
    if (rc) {
        close(fd);
        return rc;
    }
    return blk_file_from_fd(fd, ret, err);
}

int blk_file_create(const char *path, struct blk_file **ret, struct err *err)
{
    int fd = open(path, O_CLOEXEC | O_RDWR | O_CREAT | O_EXCL, 0666), rc;

    if (fd < 0 && errno == EEXIST)
        return err_set(err, EEXIST, "disk image \"%s\" exists already", path);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot make disk image \"%s\"", path);
    rc = blk_lock(fd, path, false, err);
    if (rc) {
        close(fd);
        return rc;
    }
    return blk_file_from_fd(fd, ret, err);
}

void blk_file_free(struct blk_file *f)
{
    if (f)
        f->ops->free(f);
}

int blk_file_read(struct blk_file *f, u64 at, void *buf, size_t len)
{
    struct iovec iov = { buf, len };

    return f->ops->read(f, at, &iov, 1);
}

int blk_file_write(struct blk_file *f, u64 at, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    return f->ops->write(f, at, &iov, 1);
}
