/*
 * fake_backend.h - a disk image in memory and a network whose other side is the test.
 *
 * fake_backend.c takes the place of backend/block in device tests: the same functions with
 * the same contract, completions when fake_block_run() says so.
 */
#ifndef TESTS_DEV_FAKE_BACKEND_H
#define TESTS_DEV_FAKE_BACKEND_H

#include "backend/block/block.h"
#include "backend/net/net.h"

enum { FAKE_DISK_SECTORS = 256, FAKE_FRAMES = 16 };

struct blk_image {
    u8 data[FAKE_DISK_SECTORS * 512];
    u64 sectors; /* 0: FAKE_DISK_SECTORS; less after a resize */
    void (*resized)(void *arg);
    void *resized_arg;
    bool read_only;
    bool unmapped;             /* the last WRITE_ZEROES let space go */
    int fail;                  /* what requests end with; 0: they succeed */
    struct blk_request *first; /* in flight, oldest first */
    unsigned in_flight, started, flushes;
};

/* Completes what is in flight, the oldest or (reverse) the youngest first; true when there
 * was something. The domain's lock is held. */
bool fake_block_run(struct blk_image *image, bool reverse);

struct fake_net {
    struct net_backend net;
    bool ready[NET_QUEUES_MAX]; /* as the card said last, and the next two */
    unsigned offloads, active;
    unsigned sent; /* frames from the guest, the first FAKE_FRAMES of which are kept */
    struct {
        unsigned queue;
        struct net_header h;
        size_t len;
        u8 data[2048]; /* the beginning */
    } frame[FAKE_FRAMES];
};

void fake_net_init(struct fake_net *f);
/* A frame from outside, on a queue and with offloads, or on the first without any; false: the
 * card was not ready. The domain's lock is held. */
bool fake_net_deliver_on(struct fake_net *f, unsigned queue, const struct net_header *h,
                         const void *frame, size_t len);
bool fake_net_deliver(struct fake_net *f, const void *frame, size_t len);

#endif
