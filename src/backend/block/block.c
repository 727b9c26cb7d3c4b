/*
 * block.c - opening an image and checking what is asked of it.
 */
#include "backend/block/block.h"
#include "backend/block/image.h"
#include "backend/block/qcow2_api.h"
#include "base/bug.h"
#include "base/checked.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IOV_MAX_COUNT 1024u

/* Opening */

static int too_small(const char *path, u64 size, struct err *err)
{
    if (size == 0)
        return err_set(err, EINVAL,
                       "disk image \"%s\" is empty (vm-cli disk resize FILE 8G makes it larger)",
                       path);
    return err_set(err, EINVAL, "disk image \"%s\" has %llu bytes, less than one sector of 512",
                   path, (unsigned long long)size);
}

static int find_size(struct blk_image *image, const char *path, struct err *err)
{
    u64 size;
    int rc = image->file->ops->size(image->file, &size);

    if (rc)
        return err_set_errno(err, -rc, "cannot find the size of disk image \"%s\"", path);
    if (size < BLK_SECTOR)
        return too_small(path, size, err);
    if (size % BLK_SECTOR)
        log_warn("disk image \"%s\": the last %llu bytes are no whole sector and are not used",
                 path, (unsigned long long)(size % BLK_SECTOR));
    image->size = size - size % BLK_SECTOR;
    return 0;
}

/* A raw disk, said or by default; the default is refused where it looks like a mistake. */
static int open_raw(struct blk_image *image, const char *path, const struct blk_options *options,
                    struct err *err)
{
    unsigned flags =
        (image->read_only ? BLK_FILE_READ_ONLY : 0u) | (options->direct ? BLK_FILE_DIRECT : 0u);
    int rc;

    if (!options->format && blk_name_is_qcow2(path))
        return err_set(err, EINVAL,
                       "disk image \"%s\" is qcow2 by its name: say format=qcow2, or format=raw",
                       path);
    rc = blk_file_open(path, flags, &image->file, err);
    if (rc)
        return rc;
    image->fd = image->file->fd;
    if (!options->format && blk_file_is_qcow2(image->file))
        return err_set(err, EINVAL,
                       "disk image \"%s\" begins as a qcow2 image does: say format=qcow2, or "
                       "format=raw",
                       path);
    return find_size(image, path, err);
}

static int open_node(struct blk_image *image, const char *path, const struct blk_options *options,
                     struct err *err)
{
    int rc;

    if (options->direct)
        return err_set(err, ENOTSUP, "disk image \"%s\": direct I/O is for raw images", path);
    rc = blk_node_open(path, options->format, image->read_only ? BLK_OPEN_READ_ONLY : 0, 0,
                       &image->node, err);
    if (rc)
        return rc;
    image->fd = image->node->file->fd;
    image->size = image->node->size;
    return image->size ? 0 : too_small(path, 0, err);
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
    bool raw = !options->format || strcmp(options->format, "raw") == 0;
    int ret = (raw ? open_raw : open_node)(image, path, options, err);

    if (ret == 0)
        ret = start_engine(image, options->engine, err);
    if (ret) {
        image->engine = NULL; /* not open */
        return ret;
    }
    return image->node && !image->pool ? blk_pool_new(image, &image->pool, err) : 0;
}

int blk_image_open(const char *path, const struct blk_options *options, struct loop *loop,
                   struct blk_image **ret_image, struct err *err)
{
    struct blk_image *image;
    int ret;

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
    int rc = 0;

    if (!image)
        return;
    if (image->engine) {
        blk_drain(image);
        image->engine->close(image);
    }
    blk_pool_free(image->pool);
    if (image->file && !image->read_only && image->engine)
        rc = image->file->ops->sync(image->file);
    blk_file_free(image->file);
    if (image->node)
        rc = blk_node_free(image->node);
    if (rc)
        log_error("the last writes to a disk image may be lost: %s", strerror(-rc));
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

void blk_image_on_resize(struct blk_image *image, void (*fn)(void *arg), void *arg)
{
    image->resized = fn;
    image->resized_arg = arg;
}

int blk_image_sync(struct blk_image *image, struct err *err)
{
    int rc = 0;

    if (!image->read_only)
        rc = image->node ? image->node->format->flush(image->node)
                         : image->file->ops->sync(image->file);
    return rc ? err_set_errno(err, -rc, "the disk cannot be written") : 0;
}

int blk_image_resize(struct blk_image *image, u64 size, struct err *err)
{
    int rc;

    if (image->read_only)
        return err_set(err, EROFS, "a read-only disk keeps its size");
    if (size == 0 || size % BLK_SECTOR || size > INT64_MAX)
        return err_set(err, EINVAL, "a disk of %llu bytes: give a multiple of 512",
                       (unsigned long long)size);
    blk_drain(image); /* nothing is at work behind the new end */
    rc = image->node ? image->node->format->resize(image->node, size, err)
                     : image->file->ops->resize(image->file, size);
    if (rc)
        return image->node ? rc : err_set_errno(err, -rc, "the disk cannot be resized");
    image->size = size;
    if (image->resized)
        image->resized(image->resized_arg);
    return 0;
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

void blk_request_run(struct blk_request *req)
{
    struct blk_node *n = req->image->node;
    const struct blk_format *f = n->format;
    int rc = -EINVAL;

    switch (req->op) {
    case BLK_READ: rc = f->read(n, req->offset, req->bytes, req->iov, req->iov_count); break;
    case BLK_WRITE: rc = f->write(n, req->offset, req->bytes, req->iov, req->iov_count); break;
    case BLK_FLUSH: rc = f->flush(n); break;
    case BLK_DISCARD: rc = f->discard(n, req->offset, req->bytes); break;
    case BLK_WRITE_ZEROES: rc = f->zero(n, req->offset, req->bytes, req->unmap); break;
    }
    req->result = rc;
}

/* Whether the engine can do it as it is, in the file: then req->offset is changed. Never with
 * threads as engine: all of them could wait for a request that is mapped and waits for one. */
static bool is_fast(struct blk_image *image, struct blk_request *req)
{
    if (image->engine != &blk_engine_uring)
        return false;
    if (req->op == BLK_FLUSH)
        return blk_qcow2_is_clean(image->node);
    if (req->op != BLK_READ && req->op != BLK_WRITE)
        return false;
    req->mapped = blk_qcow2_map(image->node, req->op == BLK_WRITE, req->offset, req->bytes,
                                &req->range, &req->offset);
    return req->mapped;
}

int blk_submit(struct blk_image *image, struct blk_request *req)
{
    req->image = image;
    req->next = NULL;
    req->offset = req->bytes = req->progress = 0;
    req->rest = NULL;
    req->rest_count = 0;
    req->zero_method = 0;
    req->mapped = req->slow = false;
    req->result = 0;
    if (!request_range(image, req))
        return -EINVAL;
    if (changes(req->op) && image->read_only)
        return -EROFS;
    image->in_flight++;
    if (!image->node || is_fast(image, req)) {
        image->engine->submit(image, req);
        return 0;
    }
    req->slow = true;
    image->slow_in_flight++;
    blk_pool_submit(image->pool, req);
    return 0;
}

void blk_image_complete(struct blk_request *req)
{
    struct blk_image *image = req->image;

    BUG_ON(image->in_flight == 0);
    image->in_flight--;
    image->slow_in_flight -= req->slow;
    if (req->mapped)
        blk_qcow2_unmap(image->node, &req->range);
    req->done(req, req->result);
}

void blk_drain(struct blk_image *image)
{
    while (image->in_flight)
        if (image->in_flight > image->slow_in_flight)
            image->engine->wait(image); /* slow ones may wait for these */
        else
            blk_pool_wait(image->pool);
}
