/*
 * block.h - disk images: asynchronous sector I/O on a file or block device.
 *
 * An image belongs to a loop. Its calls follow the loop's thread rule (a
 * callback, or the loop's lock held); completions run in the loop, in any order,
 * never inside blk_submit().
 */
#ifndef BACKEND_BLOCK_BLOCK_H
#define BACKEND_BLOCK_BLOCK_H

#include "backend/block/range.h"
#include "base/err.h"
#include "base/types.h"
#include "host/loop.h"
#include <sys/uio.h>

#define BLK_SECTOR 512u

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_WRITE_ZEROES };

/* How requests reach the kernel. AUTO: io_uring, or threads where the kernel has
 * or allows none. */
enum blk_engine { BLK_ENGINE_AUTO, BLK_ENGINE_URING, BLK_ENGINE_THREADS };

struct blk_options {
    /* "raw" or "qcow2"; NULL: raw, unless the name or the content says otherwise: what a
     * guest wrote to a raw disk must not make it an image with a backing file. */
    const char *format;
    bool read_only;
    bool direct; /* O_DIRECT: the caller's memory and lengths are aligned to 4096; raw only */
    enum blk_engine engine;
};

/* The caller's storage, left alone from blk_submit() until done() runs; done()
 * may free it or submit it again. */
struct blk_request {
    enum blk_op op;
    u64 sector;              /* first, of 512 bytes; not for FLUSH */
    u64 count;               /* sectors, for DISCARD and WRITE_ZEROES */
    const struct iovec *iov; /* READ, WRITE: borrowed until done; the sum of lengths is
                                a multiple of 512 and not 0 */
    unsigned iov_count;      /* 1..1024 */
    bool unmap;              /* WRITE_ZEROES: the space may be given back to the host */
    /* result: 0 when all of it was done, else a negative errno of the host */
    void (*done)(struct blk_request *req, int result);
    void *arg;

    /* The back end's own. */
    struct blk_image *image;
    struct blk_request *next;
    u64 offset, bytes, progress; /* in bytes; progress of `bytes` is done */
    struct iovec *rest;          /* owned: what is left of iov after a short transfer */
    unsigned rest_count;
    u8 zero_method; /* how WRITE_ZEROES goes about it */
    bool mapped;    /* `range` is held and offset is the file's, not the disk's */
    bool slow;      /* a thread works at it by blocking calls */
    struct blk_range range;
    int result;
};

struct blk_image;

/* Opens path and takes a lock on it and on the images behind it: shared for read-only
 * images, exclusive otherwise. A size that is no multiple of 512 is rounded down, with a warning;
 * under 512 bytes is an error. */
int blk_image_open(const char *path, const struct blk_options *options, struct loop *loop,
                   struct blk_image **ret_image, struct err *err) MUST_CHECK;

/* Drains, flushes a writable image and closes it. NULL is fine. */
void blk_image_free(struct blk_image *image);

u64 blk_image_sectors(const struct blk_image *image);
bool blk_image_read_only(const struct blk_image *image);

/* "io_uring" or "threads". */
const char *blk_image_engine(const struct blk_image *image);

/* Makes the disk larger (or smaller: what is behind is gone), then calls what
 * blk_image_on_resize() set. size: bytes, a multiple of 512. Blocks. */
int blk_image_resize(struct blk_image *image, u64 size, struct err *err) MUST_CHECK;
/* At most one; NULL removes it. */
void blk_image_on_resize(struct blk_image *image, void (*fn)(void *arg), void *arg);

/* Starts a request. Returns 0 (done() will run exactly once), or, with nothing
 * started and done() not called: -EINVAL outside the disk, odd length or bad
 * counts, -EROFS for a change of a read-only image, -ENOMEM. */
int blk_submit(struct blk_image *image, struct blk_request *req) MUST_CHECK;

/* Brings what is kept in memory of a drained image to its file, durably: whoever reads that sees
 * all that was written. Blocks. */
int blk_image_sync(struct blk_image *image, struct err *err) MUST_CHECK;

/* Waits for all requests in flight, running their done() here; what these submit
 * is waited for too. */
void blk_drain(struct blk_image *image);

#endif
