/*
 * virtio_vsock.c - virtio socket device (virtio 1.2, 5.10): its facts, and packets.
 *
 * Packets for the guest are made when there is a buffer for them, from what connections have due,
 * so that nothing waits but in a stream and in the queue of the guest's own packets. Of those the
 * next waits while it asks for an answer that no connection keeps and there is no buffer.
 */
#include "dev/virtio/virtio_vsock.h"
#include "base/bits.h"
#include <errno.h>
#include <string.h>

enum { QUEUE_SIZE = 128, CONFIG_SIZE = 8, TYPE_STREAM = 1, F_STREAM = 0 };
enum { EVENT_SIZE = 4, EVENT_TRANSPORT_RESET = 0 };
/* Bytes in one packet for the guest at most, however long its buffers are. */
enum { PACKET_MAX = 1 << 16 };

/* --- headers (5.10.6) --- */

static void header_get(const struct virtq_chain *c, struct vsock_header *h)
{
    u8 raw[VSOCK_HEADER_SIZE];

    virtq_chain_read(c, 0, raw, sizeof raw);
    *h = (struct vsock_header){ .src_cid = le64_get(raw),
                                .dst_cid = le64_get(raw + 8),
                                .src_port = le32_get(raw + 16),
                                .dst_port = le32_get(raw + 20),
                                .len = le32_get(raw + 24),
                                .type = le16_get(raw + 28),
                                .op = le16_get(raw + 30),
                                .flags = le32_get(raw + 32),
                                .buf_alloc = le32_get(raw + 36),
                                .fwd_cnt = le32_get(raw + 40) };
}

/* From the host to the guest. */
static void header_put(struct virtio_vsock *d, const struct virtq_chain *c,
                       const struct vsock_header *h)
{
    u8 raw[VSOCK_HEADER_SIZE];

    le64_put(raw, VSOCK_CID_HOST);
    le64_put(raw + 8, d->cid);
    le32_put(raw + 16, h->src_port);
    le32_put(raw + 20, h->dst_port);
    le32_put(raw + 24, h->len);
    le16_put(raw + 28, h->type);
    le16_put(raw + 30, h->op);
    le32_put(raw + 32, h->flags);
    le32_put(raw + 36, h->buf_alloc);
    le32_put(raw + 40, h->fwd_cnt);
    virtq_chain_write(d->v.dev, c, 0, raw, sizeof raw);
}

/* --- to the guest --- */

static bool has_header(struct virtio_vsock *d, const struct virtq_chain *c)
{
    if (c->in_len > VSOCK_HEADER_SIZE)
        return true;
    virtio_error(&d->v, "a receive buffer has no room behind a packet's header");
    return false;
}

/* Fills the buffer with a packet of connection c, `len` bytes of data being there already. */
static void packet_finish(struct virtio_vsock *d, struct virtq_chain *buffer, struct vsock_conn *c,
                          unsigned op, u32 len)
{
    struct vsock_stream *s = c->stream;
    struct vsock_header h = { .src_port = c->host_port,
                              .dst_port = c->guest_port,
                              .len = len,
                              .type = TYPE_STREAM,
                              .op = (u16)op,
                              .buf_alloc = VSOCK_BUFFER,
                              .fwd_cnt = s ? s->taken : c->told };

    if (op == VSOCK_OP_SHUTDOWN)
        h.flags = c->host_over = s->over;
    c->told = h.fwd_cnt;
    c->sent += len;
    c->asked = op == VSOCK_OP_CREDIT_REQUEST || (c->asked && op != VSOCK_OP_RW);
    c->due &= (u8) ~(1u << op | 1u << VSOCK_OP_CREDIT_UPDATE);
    header_put(d, buffer, &h);
    virtio_done(&d->v, &buffer->ticket, VSOCK_HEADER_SIZE + len);
}

/* Bytes go from the stream to the guest's memory. False: there were none, and the buffer is left.
 */
static bool packet_data(struct virtio_vsock *d, struct virtq_chain *buffer, struct vsock_conn *c)
{
    struct virtq_seg seg[VIRTQ_CHAIN_MAX];
    struct iovec iov[VIRTQ_CHAIN_MAX];
    u64 len = buffer->in_len - VSOCK_HEADER_SIZE;
    unsigned count;
    ssize_t n;

    len = len < vsock_conn_credit(c) ? len : vsock_conn_credit(c);
    len = len < PACKET_MAX ? len : PACKET_MAX;
    count = virtq_segs_slice(virtq_chain_in(buffer), buffer->in_count, VSOCK_HEADER_SIZE, len, seg);
    for (unsigned i = 0; i < count; i++)
        iov[i] = (struct iovec){ seg[i].host, (size_t)seg[i].len };
    n = count ? vsock_read(c->stream, iov, count) : -EAGAIN;
    if (n <= 0) {
        c->readable = false;
        return false;
    }
    len = (u64)n;
    for (unsigned i = 0; i < count && len; i++) {
        u64 piece = seg[i].len < len ? seg[i].len : len;

        dma_written(d->v.dev, seg[i].at, piece);
        len -= piece;
    }
    packet_finish(d, buffer, c, VSOCK_OP_RW, (u32)n);
    return true;
}

/* False: there is no buffer. c may be gone afterwards. */
static bool packet_send(struct virtio_vsock *d, struct vsock_conn *c, unsigned op)
{
    struct virtq_chain *buffer = virtio_next(&d->v, VSOCK_RX);

    if (!buffer || !has_header(d, buffer))
        return false;
    if (op == VSOCK_OP_RW) {
        if (!packet_data(d, buffer, c))
            virtq_unpop(&d->v.queue[VSOCK_RX], &buffer->ticket);
        return true;
    }
    packet_finish(d, buffer, c, op, 0);
    if (op == VSOCK_OP_RST) {
        vsock_conn_drop(d, c);
    } else if (c->host_over == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
        vsock_close(c->stream);
        c->stream = NULL;
    }
    return true;
}

/* Connections take turns, a packet each, while there are buffers. */
static void send_packets(struct virtio_vsock *d)
{
    for (unsigned idle = 0; idle < d->count;) {
        struct vsock_conn *c = d->conns[++d->turn % d->count];
        unsigned op = vsock_conn_next(c);

        idle = op ? 0 : idle + 1;
        if (op && !packet_send(d, c, op))
            break;
    }
}

/* A packet that belongs to no connection is answered by a reset. False: there is no buffer. */
static bool refuse(struct virtio_vsock *d, const struct vsock_header *to)
{
    struct virtq_chain *buffer;
    struct vsock_header h = {
        .src_port = to->dst_port, .dst_port = to->src_port, .type = to->type, .op = VSOCK_OP_RST
    };

    if (to->op == VSOCK_OP_RST)
        return true;
    buffer = virtio_take(&d->v, VSOCK_RX);
    if (!buffer || !has_header(d, buffer))
        return false;
    header_put(d, buffer, &h);
    virtio_done(&d->v, &buffer->ticket, VSOCK_HEADER_SIZE);
    return true;
}

/* --- from the guest --- */

/* A wish of the guest; false: it is not to be had. */
static bool open_conn(struct virtio_vsock *d, const struct vsock_header *h)
{
    struct vsock_stream *s = vsock_connect(d->backend, h->dst_port);
    struct vsock_conn *c = s ? vsock_conn_add(d, h->src_port, h->dst_port, s) : NULL;

    if (!c) {
        vsock_close(s);
        return false;
    }
    c->open = true;
    c->room = h->buf_alloc;
    c->taken = h->fwd_cnt;
    c->due = 1u << VSOCK_OP_RESPONSE;
    return true;
}

/* False: it has to wait for a receive buffer. */
static bool packet_take(struct virtio_vsock *d, const struct virtq_chain *packet)
{
    struct virtq_seg seg[VIRTQ_CHAIN_MAX];
    struct iovec iov[VIRTQ_CHAIN_MAX];
    struct vsock_header h;
    struct vsock_conn *c;
    unsigned count;

    if (packet->out_len < VSOCK_HEADER_SIZE) {
        log_guest("%s: a packet is shorter than its header", d->v.dev->id);
        return true;
    }
    header_get(packet, &h);
    if (h.src_cid != d->cid || h.len > packet->out_len - VSOCK_HEADER_SIZE) {
        log_guest("%s: a packet is not from this guest, or shorter than it says", d->v.dev->id);
        return true;
    }
    c = vsock_conn_find(d, h.src_port, h.dst_port);
    if (h.dst_cid != VSOCK_CID_HOST || h.type != TYPE_STREAM || (!c && h.op != VSOCK_OP_REQUEST))
        return refuse(d, &h);
    if (!c)
        return open_conn(d, &h) || refuse(d, &h);
    count = virtq_segs_slice(packet->seg, packet->out_count, VSOCK_HEADER_SIZE, h.len, seg);
    for (unsigned i = 0; i < count; i++)
        iov[i] = (struct iovec){ seg[i].host, (size_t)seg[i].len };
    vsock_conn_receive(d, c, &h, iov, count);
    return true;
}

/* One that waits stays in the queue, which counts as kicked: for the next buffer, or after a load.
 */
static void take_packets(struct virtio_vsock *d)
{
    struct virtq *q = &d->v.queue[VSOCK_TX];
    struct virtq_chain *packet;

    while (vsock_is_up(&d->v) && (packet = virtio_next(&d->v, VSOCK_TX)) != NULL) {
        struct virtq_ticket ticket = packet->ticket;

        if (!packet_take(d, packet)) {
            virtq_unpop(q, &ticket);
            q->s->kicked = true;
            return;
        }
        virtio_done(&d->v, &ticket, 0);
    }
}

/* --- events (5.10.6.7) --- */

/* The connections that the saved state knew of are none of this device's: the guest is told, and
 * what it has begun since ends as well. */
static void send_event(struct virtio_vsock *d)
{
    static const u8 event[EVENT_SIZE] = { EVENT_TRANSPORT_RESET };
    struct virtq_state *s = d->v.queue[VSOCK_EVENT].s;
    struct virtq_chain *c;

    s->kicked = s->note != 0;
    if (!vsock_conns_lost(d) || !(c = virtio_take(&d->v, VSOCK_EVENT)))
        return;
    if (c->in_len < EVENT_SIZE) {
        virtio_error(&d->v, "an event buffer is too short");
        return;
    }
    vsock_conn_drop_all(d);
    virtq_chain_write(d->v.dev, c, 0, event, EVENT_SIZE);
    virtio_done(&d->v, &c->ticket, EVENT_SIZE);
    s->note = 0;
    s->kicked = false;
}

/* --- life --- */

static void vsock_notify(struct virtio *v, unsigned n)
{
    struct virtio_vsock *d = vsock_of(v);

    if (n == VSOCK_EVENT) {
        send_event(d);
        return;
    }
    if (n == VSOCK_TX || v->queue[VSOCK_TX].s->kicked)
        take_packets(d);
    if (n == VSOCK_TX) {
        virtio_serve(v, VSOCK_RX);
        return;
    }
    if (vsock_is_up(v))
        send_packets(d);
    virtio_signal(v, VSOCK_TX);
}

void vsock_serve(struct virtio_vsock *d)
{
    virtio_serve(&d->v, VSOCK_RX);
}

/* Programs see the end of their streams. */
static void vsock_reset(struct virtio *v)
{
    vsock_conn_drop_all(vsock_of(v));
}

static unsigned vsock_queue_count(const struct virtio *v)
{
    return VSOCK_QUEUES;
}

static u64 vsock_features(const struct virtio *v)
{
    return 1ull << F_STREAM;
}

static void vsock_config(const struct virtio *v, u8 *out)
{
    le64_put(out, vsock_of(v)->cid);
}

static int vsock_init(struct virtio *v, struct err *err)
{
    vsock_set_client(vsock_of(v)->backend, &vsock_client, vsock_of(v));
    return 0;
}

static void vsock_fini(struct virtio *v)
{
    if (!vsock_of(v)->backend)
        return;
    vsock_conn_drop_all(vsock_of(v));
    vsock_set_client(vsock_of(v)->backend, NULL, NULL);
}

static const struct virtio_type virtio_vsock_type = {
    .id = VIRTIO_ID_VSOCK,
    .pci_class = 0x078000,
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = vsock_queue_count,
    .features = vsock_features,
    .config = vsock_config,
    .init = vsock_init,
    .fini = vsock_fini,
    .reset = vsock_reset,
    .notify = vsock_notify,
};

#define VIRTIO_NAME   virtio_vsock
#define VIRTIO_CLASS  "virtio-vsock"
#define VIRTIO_DOC    "sockets between guest and host"
#define VIRTIO_QUEUES VSOCK_QUEUES
#define VIRTIO_NEEDS  DEV_NEEDS_FILE
#define VIRTIO_PROPS(AT)                                                                           \
    { "vsock", "programs of the host", DEV_PROP_VSOCK, AT(backend), .required = true },            \
    { "cid", "the guest's context id", DEV_PROP_U64, AT(cid), .min = 3, .max = 0xfffffffe,         \
      .initial = 3 },
#include "dev/virtio/class.inc"
