/*
 * virtio_net.c - virtio network card with one pair of queues (virtio 1.2, 5.1).
 *
 * No offloads are offered: back ends take and give whole frames without them. Mergeable
 * receive buffers are. The receive queue's note is 1 while it has a buffer; a frame that
 * finds too little room is dropped, as on a wire.
 */
#include "backend/net/net.h"
#include "base/bits.h"
#include "dev/virtio/virtio.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { F_MAC = 5, F_MRG_RXBUF = 15, F_STATUS = 16 };
enum { MAC = 0, LINK_STATUS = 6, CONFIG_SIZE = 8, LINK_UP = 1 };
/* struct virtio_net_hdr (5.1.6): flags, gso_type, five more; num_buffers is the last. */
enum { HEADER_SIZE = 12, GSO_TYPE = 1, NUM_BUFFERS = 10 };
enum { RX = 0, TX = 1, QUEUE_SIZE = 256 };

struct virtio_net {
    struct virtio v;
    struct net_backend *net; /* borrows (outlives) */
    const char *mac_text;
    u8 mac[6];
};

static struct virtio_net *self(struct virtio *v)
{
    return container_of(v, struct virtio_net, v);
}

static void net_update(struct virtio *v)
{
    net_backend_set_ready(self(v)->net, virtio_queue_active(v, RX) && v->queue[RX].s->note);
}

/* --- receiving --- */

static void look_for_buffers(struct virtio *v)
{
    v->queue[RX].s->note = virtio_peek(v, RX) != NULL;
}

/* The buffers that one frame fills. */
struct filling {
    struct virtq_ticket ticket[QUEUE_SIZE];
    u32 written[QUEUE_SIZE];
    unsigned count;
    struct virtq_seg num_buffers[2]; /* where that is; two bytes */
    unsigned num_buffers_count;
};

/* Header and frame as one stretch of bytes: writes those from `off` on that c has room for. */
static u64 write_stretch(struct device *d, const struct virtq_chain *c, const u8 *frame, u64 len,
                         u64 off)
{
    static const u8 header[HEADER_SIZE]; /* no offload was used */
    u64 n = 0;

    if (off < HEADER_SIZE)
        n = virtq_chain_write(d, c, 0, header + off, HEADER_SIZE - off);
    return n + virtq_chain_write(d, c, n, frame + (off + n - HEADER_SIZE),
                                 len - (off + n - HEADER_SIZE));
}

/* Fills buffers until the frame is in; false: there were too few. */
static bool fill(struct virtio *v, struct filling *f, const u8 *frame, u64 len)
{
    u64 total = HEADER_SIZE + len, off = 0, n;

    while (off < total) {
        struct virtq_chain *c = virtio_take(v, RX);

        if (!c)
            return false;
        f->ticket[f->count] = c->ticket;
        f->written[f->count++] = 0;
        if (f->count == 1) {
            if (c->in_len < HEADER_SIZE)
                return false;
            f->num_buffers_count =
                virtq_segs_slice(virtq_chain_in(c), c->in_count, NUM_BUFFERS, 2, f->num_buffers);
        }
        n = write_stretch(v->dev, c, frame, len, off);
        f->written[f->count - 1] = (u32)n;
        off += n;
        if (off < total && (n == 0 || f->count == QUEUE_SIZE || !virtio_has(v, F_MRG_RXBUF)))
            return false;
    }
    return true;
}

static void put_num_buffers(struct virtio *v, const struct filling *f)
{
    u8 bytes[2], *from = bytes;

    le16_put(bytes, (u16)f->count);
    for (unsigned i = 0; i < f->num_buffers_count; i++) {
        const struct virtq_seg *s = &f->num_buffers[i];

        memcpy(s->host, from, (size_t)s->len);
        dma_written(v->dev, s->at, s->len);
        from += s->len;
    }
}

static void net_receive(void *arg, const u8 *frame, size_t len)
{
    struct virtio *v = arg;
    struct virtq *q = &v->queue[RX];
    struct filling f;

    f.count = f.num_buffers_count = 0;
    if (fill(v, &f, frame, len)) {
        put_num_buffers(v, &f);
        for (unsigned i = 0; i < f.count; i++)
            virtq_push(q, &f.ticket[i], f.written[i]);
        virtq_publish(q);
    } else {
        log_trace(virtio, "%s: a frame of %zu bytes finds too few buffers", v->dev->id, len);
        while (f.count > 0)
            virtq_unpop(q, &f.ticket[--f.count]);
    }
    look_for_buffers(v);
    virtio_signal(v, RX);
    net_update(v);
}

/* --- sending --- */

static void send_one(struct virtio *v, const struct virtq_chain *c)
{
    u64 len = c->out_len < HEADER_SIZE ? 0 : c->out_len - HEADER_SIZE;
    struct virtq_seg seg[VIRTQ_CHAIN_MAX];
    struct iovec iov[VIRTQ_CHAIN_MAX];
    u8 header[HEADER_SIZE] = { 0 };
    unsigned count;

    virtq_chain_read(c, 0, header, HEADER_SIZE);
    count = len && len <= NET_FRAME_MAX
                ? virtq_segs_slice(c->seg, c->out_count, HEADER_SIZE, len, seg)
                : 0;
    for (unsigned i = 0; i < count; i++)
        iov[i] = (struct iovec){ seg[i].host, (size_t)seg[i].len };
    if (count == 0 || header[GSO_TYPE] || !net_backend_send(self(v)->net, iov, count))
        log_guest("%s: a frame of %llu bytes is dropped", v->dev->id, (unsigned long long)len);
}

static void net_notify(struct virtio *v, unsigned n)
{
    struct virtq_chain *c;

    if (n == RX) {
        look_for_buffers(v);
        return;
    }
    while ((c = virtio_next(v, n)) != NULL) {
        send_one(v, c);
        virtio_done(v, &c->ticket, 0);
    }
}

/* --- facts and life --- */

static unsigned net_queue_count(const struct virtio *v)
{
    return 2;
}

static u64 net_features(const struct virtio *v)
{
    return 1ull << F_MAC | 1ull << F_STATUS | 1ull << F_MRG_RXBUF;
}

static void net_config(const struct virtio *v, u8 *out)
{
    memcpy(out + MAC, ((const struct virtio_net *)v)->mac, 6);
    le16_put(out + LINK_STATUS, LINK_UP);
}

/* Six bytes in hexadecimal, of a single host. */
static bool mac_parse(const char *text, u8 mac[6])
{
    int end = 0;

    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &end) == 6 &&
           text[end] == 0 && !(mac[0] & 1);
}

static int net_init(struct virtio *v, struct err *err)
{
    struct virtio_net *card = self(v);
    const char *text = card->mac_text ? card->mac_text : "52:54:00:12:34:56";

    if (!mac_parse(text, card->mac))
        return err_set(err, EINVAL,
                       "'%s' is no MAC address of one host, such as "
                       "52:54:00:12:34:56",
                       text);
    net_backend_set_receive(card->net, net_receive, v);
    return 0;
}

static void net_fini(struct virtio *v)
{
    net_backend_set_ready(self(v)->net, false);
    net_backend_set_receive(self(v)->net, NULL, NULL);
}

static const struct virtio_type virtio_net_type = {
    .id = VIRTIO_ID_NET,
    .pci_class = 0x020000,
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = net_queue_count,
    .features = net_features,
    .config = net_config,
    .init = net_init,
    .fini = net_fini,
    .notify = net_notify,
    .update = net_update,
};

#define VIRTIO_NAME   virtio_net
#define VIRTIO_CLASS  "virtio-net"
#define VIRTIO_DOC    "network card"
#define VIRTIO_QUEUES 2
#define VIRTIO_NEEDS  DEV_NEEDS_NET
#define VIRTIO_PROPS(AT)                                                                           \
    { "netdev", "the network it is in", DEV_PROP_NET, AT(net), .required = true },                 \
    { "mac", "its address, such as 52:54:00:12:34:56", DEV_PROP_STRING, AT(mac_text) },
#include "dev/virtio/class.inc"
