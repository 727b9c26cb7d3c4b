/*
 * node.c - opening an image by its format.
 */
#include "backend/block/node.h"
#include <errno.h>
#include <string.h>

bool blk_name_is_qcow2(const char *path)
{
    size_t len = strlen(path);

    return len > 6 && strcmp(path + len - 6, ".qcow2") == 0;
}

bool blk_file_is_qcow2(struct blk_file *f)
{
    u8 magic[4];

    return blk_file_read(f, 0, magic, 4) == 0 && memcmp(magic, "QFI\xfb", 4) == 0;
}

int blk_node_open(const char *path, const char *format, unsigned flags, unsigned depth,
                  struct blk_node **ret, struct err *err)
{
    struct blk_file *file;
    int rc;

    if (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0)
        return err_set(err, EINVAL, "disk format \"%s\" is not known (known: raw, qcow2)", format);
    rc = blk_file_open(path,
                       (flags & BLK_OPEN_READ_ONLY ? BLK_FILE_READ_ONLY : 0u) |
                           (flags & BLK_OPEN_UNLOCKED ? BLK_FILE_UNLOCKED : 0u),
                       &file, err);
    if (rc)
        return rc;
    if (strcmp(format, "raw") == 0)
        return blk_raw_open(file, path, flags, ret, err);
    return blk_qcow2_open(file, path, flags, depth, ret, err);
}

int blk_node_free(struct blk_node *n)
{
    return n ? n->format->free(n) : 0;
}

int blk_node_read(struct blk_node *n, u64 at, void *buf, size_t len)
{
    struct iovec iov = { buf, len };

    return n->format->read(n, at, len, &iov, 1);
}

int blk_node_write(struct blk_node *n, u64 at, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    return n->format->write(n, at, len, &iov, 1);
}
