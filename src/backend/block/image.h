/*
 * image.h - an open image and its engines; only for backend/block.
 *
 * A request is done in steps, each one system call's worth: usually one, more
 * after a short transfer or when the host cannot zero a range at once. The
 * engines (uring.c, threads.c) carry steps out and know no operation.
 */
#ifndef BACKEND_BLOCK_IMAGE_H
#define BACKEND_BLOCK_IMAGE_H

#include "backend/block/block.h"

enum blk_step_kind { BLK_STEP_READ, BLK_STEP_WRITE, BLK_STEP_SYNC, BLK_STEP_ALLOCATE };

struct blk_step {
    enum blk_step_kind kind;
    u64 offset; /* bytes into the file */
    u64 len;    /* SYNC: unused; READ, WRITE: of buf when iov is NULL */
    const struct iovec *iov;
    unsigned iov_count;
    const void *buf;
    int mode; /* ALLOCATE: fallocate(2)'s */
};

/* What is to be done next for a request that is not finished. */
void blk_step_next(struct blk_request *req, struct blk_step *step);

/* Takes a step's result (bytes or a negative errno); true: finished, req->result is set. */
bool blk_step_done(struct blk_request *req, s64 result);

struct blk_engine_ops {
    const char *name;
    /* Sets image->engine_data. */
    int (*open)(struct blk_image *image, struct err *err);
    void (*close)(struct blk_image *image); /* nothing is in flight */
    void (*submit)(struct blk_image *image, struct blk_request *req);
    /* Waits until at least one request has ended and completes what has. Called
     * with something in flight. */
    void (*wait)(struct blk_image *image);
};

extern const struct blk_engine_ops blk_engine_uring, blk_engine_threads;

struct blk_image {
    struct loop *loop; /* borrows */
    int fd;
    u64 size; /* bytes, a multiple of 512 */
    bool read_only;
    unsigned in_flight;
    const struct blk_engine_ops *engine;
    void *engine_data; /* the engine's own */
};

/* For the engines: req has ended; counts it and calls done(). */
void blk_image_complete(struct blk_request *req);

#endif
