/*
 * fake_backend.h - a disk image in memory, and a network and programs behind a vsock whose part
 * the test plays.
 *
 * fake_backend.c takes the place of backend/block in device tests: the same functions with
 * the same contract, completions when fake_block_run() says so.
 */
#ifndef TESTS_DEV_FAKE_BACKEND_H
#define TESTS_DEV_FAKE_BACKEND_H

#include "backend/block/block.h"
#include "backend/net/net.h"
#include "backend/vsock/vsock.h"

enum { FAKE_DISK_SECTORS = 256, FAKE_FRAMES = 16, FAKE_STREAM_BYTES = 1 << 13 };

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
    bool full; /* takes no frames until fake_net_room() */
    bool waits[NET_QUEUES_MAX];
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
/* There is room again: says so to every queue that waits. Likewise. */
void fake_net_room(struct fake_net *f);

/* A program with a stream to the guest. */
struct fake_stream {
    struct vsock_stream s;
    bool accepted, ended; /* by the guest; has it written all that it will? */
    u32 port;             /* of the host */
    u8 guest_over;        /* VSOCK_NO_*: as vsock_shut() said */
    u8 in[FAKE_STREAM_BYTES], out[VSOCK_BUFFER];
    u32 in_len, out_len; /* what waits for the guest, and what has come from it */
};

struct fake_vsock {
    struct vsock_backend vsock;
    bool listens; /* at every port */
    bool slow;    /* programs read what fake_stream_take() says */
    unsigned closed;
    struct fake_stream *stream[VSOCK_STREAMS_MAX + 1]; /* owns: the first `count`, in their order */
    unsigned count;
};

void fake_vsock_init(struct fake_vsock *f);
void fake_vsock_fini(struct fake_vsock *f);
/* The domain's lock is held in these. A program asks for a port of the guest; NULL: refused. */
struct fake_stream *fake_vsock_ask(struct fake_vsock *f, u32 port);
/* It writes; it has written all; it goes (and reads nothing any more). */
void fake_stream_put(struct fake_stream *s, const void *data, size_t len);
void fake_stream_end(struct fake_stream *s);
void fake_stream_leave(struct fake_stream *s);
/* A slow one reads. */
void fake_stream_take(struct fake_stream *s, u32 len);

#endif
