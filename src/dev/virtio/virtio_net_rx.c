/*
 * virtio_net_rx.c - frames for the guest (virtio 1.3, 5.1.6.3 and 5.1.6.4).
 *
 * A receive queue's note is 1 while it has a buffer; a frame that finds too little room is
 * dropped, as on a wire.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_net.h"
#include <string.h>

/* Receive modes, by the command that sets each (5.1.6.5.1). */
enum { ALLMULTI = 1, ALLUNI = 2, NOMULTI = 3, NOUNI = 4, NOBCAST = 5 };

enum { NUM_BUFFERS = 10 /* in the header */ };

/* --- the filter --- */

static bool in_table(const u8 *table, unsigned count, const u8 *address)
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(table + NET_MAC_SIZE * i, address, NET_MAC_SIZE) == 0)
            return true;
    return false;
}

bool net_address_wanted(const struct virtio *v, const u8 *address)
{
    static const u8 all[NET_MAC_SIZE] = { 255, 255, 255, 255, 255, 255 };
    const struct virtio_net_state *s = net_state(v);

    if (!s->selective)
        return true;
    if (memcmp(address, all, NET_MAC_SIZE) == 0)
        return !(s->modes >> NOBCAST & 1);
    if (address[0] & 1)
        return !(s->modes >> NOMULTI & 1) && (s->modes >> ALLMULTI & 1 || s->multicast_all ||
                                              in_table(s->multicast, s->multicast_count, address));
    return !(s->modes >> NOUNI & 1) && (s->modes >> ALLUNI & 1 || s->unicast_all ||
                                        memcmp(address, net_mac(v), NET_MAC_SIZE) == 0 ||
                                        in_table(s->unicast, s->unicast_count, address));
}

/* --- buffers --- */

void net_look_for_buffers(struct virtio *v, unsigned n)
{
    v->queue[n].s->note = virtio_peek(v, n) != NULL;
}

/* Header and frame, and the buffers that they fill. */
struct filling {
    unsigned n; /* queue */
    u8 header[NET_HEADER_SIZE];
    const u8 *frame;
    u64 len;
    struct virtq_ticket ticket[NET_QUEUE_SIZE];
    u32 written[NET_QUEUE_SIZE];
    unsigned count;
    struct virtq_seg num_buffers[2]; /* where that is; two bytes */
    unsigned num_buffers_count;
};

/* Header and frame as one stretch of bytes: writes those from `off` on that c has room for. */
static u64 write_stretch(struct device *d, const struct virtq_chain *c, const struct filling *f,
                         u64 off)
{
    u64 n = 0;

    if (off < NET_HEADER_SIZE)
        n = virtq_chain_write(d, c, 0, f->header + off, NET_HEADER_SIZE - off);
    off += n;
    return n + virtq_chain_write(d, c, n, f->frame + (off - NET_HEADER_SIZE),
                                 f->len - (off - NET_HEADER_SIZE));
}

/* Fills buffers until the frame is in; false: there were too few. */
static bool fill(struct virtio *v, struct filling *f)
{
    u64 total = NET_HEADER_SIZE + f->len, off = 0, n;

    while (off < total) {
        struct virtq_chain *c = virtio_take(v, f->n);

        if (!c)
            return false;
        f->ticket[f->count] = c->ticket;
        f->written[f->count++] = 0;
        if (f->count == 1) {
            if (c->in_len < NET_HEADER_SIZE)
                return false;
            f->num_buffers_count =
                virtq_segs_slice(virtq_chain_in(c), c->in_count, NUM_BUFFERS, 2, f->num_buffers);
        }
        n = write_stretch(v->dev, c, f, off);
        f->written[f->count - 1] = (u32)n;
        off += n;
        if (off < total &&
            (n == 0 || f->count == NET_QUEUE_SIZE || !virtio_has(v, NET_F_MRG_RXBUF)))
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

/* A frame may have waited in the back end since another driver's time. */
static bool offloads_wanted(const struct virtio *v, const struct net_header *h)
{
    unsigned takes = net_offloads(v), type = h->gso_type & ~(unsigned)NET_GSO_ECN;
    unsigned needs = (h->flags & NET_NEEDS_CSUM || type ? NET_TAKES_CSUM : 0u) |
                     (h->gso_type & NET_GSO_ECN ? NET_TAKES_ECN : 0u) |
                     (type == NET_GSO_TCPV4 ? NET_TAKES_TSO4 : 0u) |
                     (type == NET_GSO_TCPV6 ? NET_TAKES_TSO6 : 0u);

    return (takes & needs) == needs &&
           (type == NET_GSO_NONE || type == NET_GSO_TCPV4 || type == NET_GSO_TCPV6);
}

static void header_put(const struct virtio *v, u8 *out, const struct net_header *h)
{
    memset(out, 0, NET_HEADER_SIZE);
    out[0] = net_offloads(v) & NET_TAKES_CSUM ? h->flags : 0;
    out[1] = h->gso_type;
    le16_put(out + 2, h->hdr_len);
    le16_put(out + 4, h->gso_size);
    le16_put(out + 6, h->csum_start);
    le16_put(out + 8, h->csum_offset);
}

void net_receive(void *arg, unsigned queue, const struct net_header *h, const u8 *frame, size_t len)
{
    struct virtio *v = arg;
    struct filling f;

    if (!net_address_wanted(v, frame) || !offloads_wanted(v, h))
        return;
    f.n = 2 * queue;
    f.frame = frame;
    f.len = len;
    f.count = f.num_buffers_count = 0;
    header_put(v, f.header, h);
    if (fill(v, &f)) {
        put_num_buffers(v, &f);
        for (unsigned i = 0; i < f.count; i++)
            virtq_push(&v->queue[f.n], &f.ticket[i], f.written[i]);
        virtq_publish(&v->queue[f.n]);
    } else {
        log_trace(virtio, "%s: a frame of %zu bytes finds too few buffers", v->dev->id, len);
        while (f.count > 0)
            virtq_unpop(&v->queue[f.n], &f.ticket[--f.count]);
    }
    net_look_for_buffers(v, f.n);
    virtio_signal(v, f.n);
    net_update(v);
}
