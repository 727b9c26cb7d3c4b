/*
 * virtio_vsock.h - the parts of the vsock device (virtio 1.2, 5.10); only for virtio_vsock*.c.
 *
 * Connections are not a part of the saved state: their other ends are programs of the host. That
 * there were some is (the event queue's note), and a loaded device tells its driver of the loss
 * (5.10.6.7).
 */
#ifndef DEV_VIRTIO_VIRTIO_VSOCK_H
#define DEV_VIRTIO_VIRTIO_VSOCK_H

#include "backend/vsock/vsock.h"
#include "dev/virtio/virtio.h"

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };
enum { VSOCK_CONNS_MAX = VSOCK_STREAMS_MAX };
enum { VSOCK_HEADER_SIZE = 44, VSOCK_CID_HOST = 2 };

/* The event queue's note: there are connections; the driver is still to be told that some are lost.
 */
enum { VSOCK_NOTE_CONNS = 1, VSOCK_NOTE_LOST = 2 };

enum vsock_op {
    VSOCK_OP_REQUEST = 1,
    VSOCK_OP_RESPONSE,
    VSOCK_OP_RST,
    VSOCK_OP_SHUTDOWN,
    VSOCK_OP_RW,
    VSOCK_OP_CREDIT_UPDATE,
    VSOCK_OP_CREDIT_REQUEST
};

/* struct virtio_vsock_hdr (5.10.6), in the host's byte order. */
struct vsock_header {
    u64 src_cid, dst_cid;
    u32 src_port, dst_port, len;
    u16 type, op;
    u32 flags, buf_alloc, fwd_cnt;
};

struct vsock_conn {
    u32 guest_port, host_port;
    struct vsock_stream *stream; /* owns; NULL: the program's side is over */
    u8 due;                      /* 1 << op: packets for the guest without data */
    bool open;                   /* both sides have agreed to it */
    bool readable;               /* the stream may have bytes */
    bool asked;                  /* for credit, since the last bytes went to the guest */
    u8 guest_over, host_over;    /* VSOCK_NO_*: as the guest said, and as it was told */
    u32 sent, received;          /* bytes to and from the guest, modulo 2^32 */
    u32 told;                    /* of the received, how many the guest knows to be taken */
    u32 room, taken;             /* the guest's buffer, and what it has taken out of it */
};

struct virtio_vsock {
    struct virtio v;
    struct vsock_backend *backend; /* borrows (outlives) */
    u64 cid;
    struct vsock_conn *conns[VSOCK_CONNS_MAX]; /* owns: the first `count` */
    unsigned count, turn;                      /* whose turn it is to send */
    u32 next_port;                             /* of the host, for a program that asks */
};

static inline struct virtio_vsock *vsock_of(const struct virtio *v)
{
    return container_of((struct virtio *)v, struct virtio_vsock, v);
}

/* Is the driver there? */
static inline bool vsock_is_up(const struct virtio *v)
{
    return virtio_queue_active(v, VSOCK_RX) && virtio_queue_active(v, VSOCK_TX);
}

/* --- virtio_vsock_conn.c: connections --- */

extern const struct vsock_client vsock_client;

struct vsock_conn *vsock_conn_find(const struct virtio_vsock *d, u32 guest_port, u32 host_port);
/* NULL: there is no room; then the stream is still the caller's. */
struct vsock_conn *vsock_conn_add(struct virtio_vsock *d, u32 guest_port, u32 host_port,
                                  struct vsock_stream *s);
void vsock_conn_drop(struct virtio_vsock *d, struct vsock_conn *c);
void vsock_conn_drop_all(struct virtio_vsock *d);

/* Were there connections when the state was saved that has been loaded? */
bool vsock_conns_lost(struct virtio_vsock *d);

/* Ends a connection: the guest is told by a reset, which is all that is left of it. */
void vsock_conn_reset(struct vsock_conn *c);
/* A packet from the guest; data: what follows the header. */
void vsock_conn_receive(struct virtio_vsock *d, struct vsock_conn *c, const struct vsock_header *h,
                        const struct iovec *data, unsigned count);
/* What the stream's state makes due. */
void vsock_conn_update(struct vsock_conn *c);

/* Bytes that the guest has room for. */
u32 vsock_conn_credit(const struct vsock_conn *c);
/* The next packet without data for the guest; 0: there is none. Bytes of the stream go before a
 * shutdown that says that there are no more. */
unsigned vsock_conn_next(const struct vsock_conn *c);

/* --- virtio_vsock.c: packets --- */

/* Connections or their streams have changed: sends what is due. */
void vsock_serve(struct virtio_vsock *d);

#endif
