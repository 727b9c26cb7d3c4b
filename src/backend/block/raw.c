/*
 * raw.c - the format without format, where blocking calls are wanted: backing images,
 * conversion, resizing. A machine's own raw disk goes by step.c.
 */
#include "backend/block/node.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int raw_read(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    (void)len;
    return n->file->ops->read(n->file, at, iov, count);
}

static int raw_write(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    (void)len;
    return n->file->ops->write(n->file, at, iov, count);
}

static int write_zeroes(struct blk_node *n, u64 at, u64 len)
{
    static const u8 zeroes[64 * KIB];
    int rc = 0;

    for (u64 part; rc == 0 && len; at += part, len -= part) {
        part = len < sizeof zeroes ? len : sizeof zeroes;
        rc = blk_file_write(n->file, at, zeroes, part);
    }
    return rc;
}

static int raw_zero(struct blk_node *n, u64 at, u64 len, bool unmap)
{
    int rc = n->file->ops->zero(n->file, at, len, unmap);

    if (rc == -EOPNOTSUPP)
        rc = n->file->ops->zero(n->file, at, len, true);
    return rc == -EOPNOTSUPP ? write_zeroes(n, at, len) : rc;
}

static int raw_discard(struct blk_node *n, u64 at, u64 len)
{
    int rc = n->file->ops->zero(n->file, at, len, true);

    return rc == -EOPNOTSUPP ? 0 : rc;
}

static int raw_flush(struct blk_node *n)
{
    return n->file->ops->sync(n->file);
}

static int raw_status(struct blk_node *n, u64 at, u64 len, u64 *ret_len)
{
    *ret_len = len;
    if (!n->file->ops->status || n->file->ops->status(n->file, at, len, ret_len))
        return BLK_STATUS_DATA;
    return BLK_STATUS_ZERO;
}

static int raw_resize(struct blk_node *n, u64 size, struct err *err)
{
    int rc = n->file->ops->resize(n->file, size);

    if (rc)
        return err_set_errno(err, -rc, "disk image \"%s\" cannot be resized", n->path);
    n->size = size;
    return 0;
}

static int raw_free(struct blk_node *n)
{
    int rc = n->read_only ? 0 : raw_flush(n);

    blk_file_free(n->file);
    free(n->path);
    free(n);
    return rc;
}

static const struct blk_format raw_format = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .zero = raw_zero,
    .discard = raw_discard,
    .flush = raw_flush,
    .status = raw_status,
    .resize = raw_resize,
    .free = raw_free,
};

int blk_raw_open(struct blk_file *file, const char *path, unsigned flags, struct blk_node **ret,
                 struct err *err)
{
    struct blk_node *n = calloc(1, sizeof *n);
    int rc;

    if (!n || !(n->path = strdup(path))) {
        blk_file_free(file);
        free(n);
        return err_set(err, ENOMEM, "no memory for disk image \"%s\"", path);
    }
    n->format = &raw_format;
    n->file = file;
    n->read_only = flags & BLK_OPEN_READ_ONLY;
    rc = file->ops->size(file, &n->size);
    if (rc) {
        err_set_errno(err, -rc, "cannot find the size of disk image \"%s\"", path);
        n->read_only = true; /* nothing to flush */
        raw_free(n);
        return rc;
    }
    n->size -= n->size % 512;
    *ret = n;
    return 0;
}
