/*
 * block.c - opening an image and checking what is asked of it.
 */
#include "backend/block/block.h"
#include "backend/block/image.h"
#include "base/bug.h"
#include "base/checked.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define IOV_MAX_COUNT 1024u

/* Opening */

static int open_file(struct blk_image *image, const char *path, bool direct, struct err *err)
{
    int flags =
        O_CLOEXEC | O_NONBLOCK | (image->read_only ? O_RDONLY : O_RDWR) | (direct ? O_DIRECT : 0);
    int code;

    image->fd = open(path, flags);
    if (image->fd >= 0)
        return 0;
    code = errno;
    if (code == EISDIR)
        return err_set(err, code, "disk image \"%s\" is a directory", path);
    if (code == EINVAL && direct)
        return err_set(err, code, "the file system of disk image \"%s\" has no direct I/O", path);
    err_set_errno(err, code, "cannot open disk image \"%s\"%s", path,
                  !image->read_only && (code == EACCES || code == EROFS)
                      ? " for writing (readonly=on opens it for reading)"
                      : "");
    return -code;
}

static int find_size(struct blk_image *image, const char *path, struct err *err)
{
    struct stat st;
    u64 size;

    if (fstat(image->fd, &st))
        return err_set_errno(err, errno, "cannot examine disk image \"%s\"", path);
    if (S_ISREG(st.st_mode))
        size = (u64)st.st_size;
    else if (!S_ISBLK(st.st_mode))
        return err_set(err, EINVAL,
                       "disk image \"%s\" is neither a regular file nor a block device", path);
    else if (ioctl(image->fd, BLKGETSIZE64, &size))
        return err_set_errno(err, errno, "cannot find the size of block device \"%s\"", path);
    if (size == 0)
        return err_set(err, EINVAL,
                       "disk image \"%s\" is empty (make it with: truncate -s 8G FILE)", path);
    if (size < BLK_SECTOR)
        return err_set(err, EINVAL, "disk image \"%s\" has %llu bytes, less than one sector of 512",
                       path, (unsigned long long)size);
    if (size % BLK_SECTOR)
        log_warn("disk image \"%s\": the last %llu bytes are no whole sector and are not used",
                 path, (unsigned long long)(size % BLK_SECTOR));
    image->size = size - size % BLK_SECTOR;
    return 0;
}

/* Open-file-description locks: two opens in one process exclude each other too,
 * and closing another descriptor of the file does not drop them. */
static int lock_file(struct blk_image *image, const char *path, struct err *err)
{
    struct flock lock = { .l_type = image->read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(image->fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return err_set(err, EBUSY,
                       "disk image \"%s\" is in use by another machine or another disk%s", path,
                       image->read_only ? " that writes to it" : " (readonly=on can be shared)");
    log_warn("disk image \"%s\" cannot be locked (%s); take care that nothing else uses it", path,
             strerror(errno));
    return 0;
}

static int start_engine(struct blk_image *image, enum blk_engine engine, struct err *err)
{
    int ret;

    image->engine = &blk_engine_threads;
    if (engine == BLK_ENGINE_THREADS)
        return image->engine->open(image, err);
    image->engine = &blk_engine_uring;
    ret = image->engine->open(image, err);
    if (ret == 0 || engine == BLK_ENGINE_URING)
        return ret;
    log_info("%s; disk requests use threads", err->text);
    *err = (struct err){ 0 };
    image->engine = &blk_engine_threads;
    return image->engine->open(image, err);
}

static int open_steps(struct blk_image *image, const char *path, const struct blk_options *options,
                      struct err *err)
{
    int ret = open_file(image, path, options->direct, err);

    if (ret == 0)
        ret = find_size(image, path, err);
    if (ret == 0)
        ret = lock_file(image, path, err);
    if (ret == 0)
        ret = start_engine(image, options->engine, err);
    if (ret)
        image->engine = NULL; /* not open */
    return ret;
}

int blk_image_open(const char *path, const struct blk_options *options, struct loop *loop,
                   struct blk_image **ret_image, struct err *err)
{
    struct blk_image *image;
    int ret;

    if (options->format && strcmp(options->format, "raw") != 0)
        return err_set(err, EINVAL, "disk format \"%s\" is not known (known: raw)",
                       options->format);
    image = calloc(1, sizeof *image);
    if (!image)
        return err_set(err, ENOMEM, "no memory for disk image \"%s\"", path);
    image->loop = loop;
    image->fd = -1;
    image->read_only = options->read_only;
    ret = open_steps(image, path, options, err);
    if (ret) {
        blk_image_free(image);
        return ret;
    }
    *ret_image = image;
    return 0;
}

void blk_image_free(struct blk_image *image)
{
    if (!image)
        return;
    if (image->engine) {
        blk_drain(image);
        if (!image->read_only && fdatasync(image->fd))
            log_error("the last writes to a disk image may be lost: %s", strerror(errno));
        image->engine->close(image);
    }
    if (image->fd >= 0)
        close(image->fd);
    free(image);
}

u64 blk_image_sectors(const struct blk_image *image)
{
    return image->size / BLK_SECTOR;
}

bool blk_image_read_only(const struct blk_image *image)
{
    return image->read_only;
}

const char *blk_image_engine(const struct blk_image *image)
{
    return image->engine->name;
}

/* Requests */

/* The sum of lengths; false: a bad count, an odd sum, zero, or too much. */
static bool iov_bytes(const struct blk_request *req, u64 *bytes)
{
    u64 sum = 0;

    if (req->iov_count == 0 || req->iov_count > IOV_MAX_COUNT)
        return false;
    for (unsigned i = 0; i < req->iov_count; i++)
        if (!checked_add(sum, req->iov[i].iov_len, &sum))
            return false;
    *bytes = sum;
    return sum != 0 && sum % BLK_SECTOR == 0;
}

static bool request_range(const struct blk_image *image, struct blk_request *req)
{
    if (req->op == BLK_FLUSH)
        return true;
    if (req->op == BLK_READ || req->op == BLK_WRITE) {
        if (!iov_bytes(req, &req->bytes))
            return false;
    } else if (req->count == 0 || !checked_mul(req->count, BLK_SECTOR, &req->bytes)) {
        return false;
    }
    return checked_mul(req->sector, BLK_SECTOR, &req->offset) &&
           checked_range(req->offset, req->bytes, image->size);
}

static bool changes(enum blk_op op)
{
    return op == BLK_WRITE || op == BLK_DISCARD || op == BLK_WRITE_ZEROES;
}

int blk_submit(struct blk_image *image, struct blk_request *req)
{
    req->image = image;
    req->next = NULL;
    req->offset = req->bytes = req->progress = 0;
    req->rest = NULL;
    req->rest_count = 0;
    req->zero_method = 0;
    req->result = 0;
    if (!request_range(image, req))
        return -EINVAL;
    if (changes(req->op) && image->read_only)
        return -EROFS;
    image->in_flight++;
    image->engine->submit(image, req);
    return 0;
}

void blk_image_complete(struct blk_request *req)
{
    BUG_ON(req->image->in_flight == 0);
    req->image->in_flight--;
    req->done(req, req->result);
}

void blk_drain(struct blk_image *image)
{
    while (image->in_flight)
        image->engine->wait(image);
}
