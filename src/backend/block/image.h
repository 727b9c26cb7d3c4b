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
#include "backend/block/node.h"

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

/* Threads for requests by system calls, and for those that need a format's tables. */
struct blk_pool;
int blk_pool_new(struct blk_image *image, struct blk_pool **ret, struct err *err) MUST_CHECK;
void blk_pool_free(struct blk_pool *p); /* nothing is in flight; NULL is fine */
void blk_pool_submit(struct blk_pool *p, struct blk_request *req);
void blk_pool_wait(struct blk_pool *p); /* for at least one; completes what has ended */

struct blk_image {
    struct loop *loop;     /* borrows */
    struct blk_file *file; /* owns, when there is no node */
    struct blk_node *node; /* owns; NULL: raw */
    struct blk_pool *pool; /* owns; NULL: no need */
    int fd;                /* of the file; the engines' */
    u64 size;              /* bytes, a multiple of 512 */
    bool read_only;
    unsigned in_flight, slow_in_flight; /* all; those of them that are slow */
    void (*resized)(void *arg);
    void *resized_arg;
    const struct blk_engine_ops *engine;
    void *engine_data; /* the engine's own */
};

/* For the pool: carries out a slow request and sets its result. In a thread of the pool. */
void blk_request_run(struct blk_request *req);

/* For the engines: req has ended; counts it and calls done(). */
void blk_image_complete(struct blk_request *req);

#endif
