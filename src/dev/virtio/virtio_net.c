/*
 * virtio_net.c - virtio network card (virtio 1.3, 5.1): its facts, and sending.
 *
 * Offloads are offered whatever the back end is, so that a saved guest runs on with another;
 * back ends do what their other side cannot.
 */
#include "dev/virtio/virtio_net.h"
#include "base/bits.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Places in the configuration space (5.1.4). */
enum { MAC = 0, LINK_STATUS = 6, MAX_PAIRS = 8, CONFIG_SIZE = 10, LINK_UP = 1 };

unsigned net_pairs(const struct virtio *v)
{
    return virtio_has(v, NET_F_MQ) ? (unsigned)net_card(v)->queues : 1;
}

unsigned net_pairs_used(const struct virtio *v)
{
    return net_state(v)->pairs ? net_state(v)->pairs : 1;
}

const u8 *net_mac(const struct virtio *v)
{
    return net_state(v)->mac_set ? net_state(v)->mac : net_card(v)->mac;
}

/* A back end gives nothing to a queue that is not ready, so a card whose driver is not there yet
 * is left as it is. */
void net_update(struct virtio *v)
{
    struct net_backend *net = net_card(v)->net;

    if (v->s->status & VIRTIO_DRIVER_OK) {
        net_backend_set_offloads(net, net_offloads(v));
        net_backend_set_active(net, net_pairs_used(v));
    }
    for (unsigned i = 0; i < net_card(v)->queues; i++)
        net_backend_set_ready(net, i,
                              i < net_pairs_used(v) && virtio_queue_active(v, 2 * i) &&
                                  v->queue[2 * i].s->note);
}

/* --- sending --- */

/* The offloads of a frame from the guest; false: some were not negotiated (5.1.6.2.1). */
static bool header_read(const struct virtio *v, const struct virtq_chain *c, struct net_header *h)
{
    u8 raw[NET_HEADER_SIZE] = { 0 };
    unsigned type;

    virtq_chain_read(c, 0, raw, NET_HEADER_SIZE);
    *h = (struct net_header){ .flags = raw[0] & NET_NEEDS_CSUM,
                              .gso_type = raw[1],
                              .hdr_len = le16_get(raw + 2),
                              .gso_size = le16_get(raw + 4),
                              .csum_start = le16_get(raw + 6),
                              .csum_offset = le16_get(raw + 8) };
    type = h->gso_type & ~(unsigned)NET_GSO_ECN;
    if ((h->flags && !virtio_has(v, NET_F_CSUM)) ||
        (h->gso_type & NET_GSO_ECN && !virtio_has(v, NET_F_HOST_ECN)))
        return false;
    return type == NET_GSO_TCPV4   ? virtio_has(v, NET_F_HOST_TSO4)
           : type == NET_GSO_TCPV6 ? virtio_has(v, NET_F_HOST_TSO6)
                                   : h->gso_type == NET_GSO_NONE;
}

/* False: the back end is full. */
static bool send_one(struct virtio *v, unsigned pair, const struct virtq_chain *c)
{
    enum net_sent sent = NET_DROPPED;
    u64 len = c->out_len < NET_HEADER_SIZE ? 0 : c->out_len - NET_HEADER_SIZE;
    struct virtq_seg seg[VIRTQ_CHAIN_MAX];
    struct iovec iov[VIRTQ_CHAIN_MAX];
    struct net_header h;
    unsigned count;

    count = len && len <= NET_FRAME_MAX
                ? virtq_segs_slice(c->seg, c->out_count, NET_HEADER_SIZE, len, seg)
                : 0;
    for (unsigned i = 0; i < count; i++)
        iov[i] = (struct iovec){ seg[i].host, (size_t)seg[i].len };
    if (count > 0 && header_read(v, c, &h))
        sent = net_backend_send(net_card(v)->net, pair, &h, iov, count);
    if (sent == NET_DROPPED)
        log_guest("%s: a frame of %llu bytes is dropped", v->dev->id, (unsigned long long)len);
    return sent != NET_FULL;
}

/* The guest may have been reset, or have sent all by another notification, since it was full. */
static void room(void *arg, unsigned queue)
{
    struct virtio *v = arg;
    unsigned n = 2 * queue + 1;

    if (v->queue[n].s->kicked)
        virtio_serve(v, n);
}

/* A short frame is a question or an answer that somebody waits for: it is sent at once. Long ones
 * come in streams. The loop, to which their acknowledgements come anyway, sends what there is; the
 * guest meanwhile makes the next, which it need not notify of. For 64 MiB in writes of 1 KiB the
 * guest then sends half as many frames, as it fills up those that it cannot send yet. */
static bool net_later(struct virtio *v, unsigned n)
{
    const struct virtq_chain *c = n % 2 && n < 2 * net_pairs(v) ? virtio_peek(v, n) : NULL;

    return c && c->out_len > NET_SHORT_MAX;
}

static void net_notify(struct virtio *v, unsigned n)
{
    struct virtq_chain *c;

    if (n == 2 * net_pairs(v) && virtio_has(v, NET_F_CTRL_VQ)) {
        net_control(v, n);
        return;
    }
    if (n >= 2 * net_pairs(v))
        return;
    if (n % 2 == 0) {
        net_look_for_buffers(v, n);
        return;
    }
    while ((c = virtio_next(v, n)) != NULL) {
        if (!send_one(v, n / 2, c)) {
            virtio_postpone(v, &c->ticket);
            return;
        }
        virtio_done(v, &c->ticket, 0);
    }
}

/* --- facts and life --- */

static unsigned net_queue_count(const struct virtio *v)
{
    return 2 * (unsigned)net_card(v)->queues + 1;
}

static u64 net_features(const struct virtio *v)
{
    static const u8 always[] = {
        NET_F_CSUM,       NET_F_GUEST_CSUM, NET_F_CTRL_GUEST_OFFLOADS, NET_F_MAC,
        NET_F_GUEST_TSO4, NET_F_GUEST_TSO6, NET_F_GUEST_ECN,           NET_F_HOST_TSO4,
        NET_F_HOST_TSO6,  NET_F_HOST_ECN,   NET_F_MRG_RXBUF,           NET_F_STATUS,
        NET_F_CTRL_VQ,    NET_F_CTRL_RX,    NET_F_CTRL_RX_EXTRA,       NET_F_CTRL_MAC_ADDR,
    };
    u64 f = (u64)(net_card(v)->queues > 1) << NET_F_MQ;

    for (unsigned i = 0; i < ARRAY_SIZE(always); i++)
        f |= 1ull << always[i];
    return f;
}

static void net_config(const struct virtio *v, u8 *out)
{
    memcpy(out + MAC, net_mac(v), NET_MAC_SIZE);
    le16_put(out + LINK_STATUS, LINK_UP);
    le16_put(out + MAX_PAIRS, (u16)net_card(v)->queues);
}

/* Six bytes in hexadecimal, of a single host. */
static bool mac_parse(const char *text, u8 mac[NET_MAC_SIZE])
{
    int end = 0;

    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &end) == NET_MAC_SIZE &&
           text[end] == 0 && !(mac[0] & 1);
}

static int net_init(struct virtio *v, struct err *err)
{
    struct virtio_net *card = net_card(v);
    const char *text = card->mac_text ? card->mac_text : "52:54:00:12:34:56";

    if (!mac_parse(text, card->mac))
        return err_set(err, EINVAL,
                       "'%s' is no MAC address of one host, such as "
                       "52:54:00:12:34:56",
                       text);
    if (card->queues > (card->net->queues ? card->net->queues : 1))
        return err_set(err, EINVAL, "a network of kind %s has no %llu queues", card->net->ops->name,
                       (unsigned long long)card->queues);
    net_backend_set_card(card->net, net_receive, room, v);
    return 0;
}

static void net_fini(struct virtio *v)
{
    struct net_backend *net = net_card(v)->net;

    if (net->arg != v) /* refused */
        return;
    for (unsigned i = 0; i < net_card(v)->queues; i++)
        net_backend_set_ready(net, i, false);
    net_backend_set_card(net, NULL, NULL, NULL);
}

static int net_check(const struct virtio *v, struct err *err)
{
    const struct virtio_net_state *s = net_state(v);

    if (s->pairs > net_card(v)->queues || s->unicast_count > NET_TABLE_MAX ||
        s->multicast_count > NET_TABLE_MAX)
        return err_set(err, EINVAL, "the card has no such queues or addresses");
    return 0;
}

#define STATE_ROW_T struct virtio_net_state
STATE_LIST(virtio_net, VIRTIO_NET_STATE, 1);
#undef STATE_ROW_T

static const struct virtio_type virtio_net_type = {
    .id = VIRTIO_ID_NET,
    .pci_class = 0x020000,
    .config_size = CONFIG_SIZE,
    .queue_size = NET_QUEUE_SIZE,
    .queue_count = net_queue_count,
    .features = net_features,
    .config = net_config,
    .init = net_init,
    .fini = net_fini,
    .notify = net_notify,
    .later = net_later,
    .update = net_update,
    .check = net_check,
};

#define VIRTIO_NAME       virtio_net
#define VIRTIO_CLASS      "virtio-net"
#define VIRTIO_DOC        "network card"
#define VIRTIO_QUEUES     VIRTIO_QUEUES_MAX
#define VIRTIO_NEEDS      DEV_NEEDS_NET
#define VIRTIO_OWN        net
#define VIRTIO_OWN_ROW(N) N(virtio_net, net, 1, "the card")
#define VIRTIO_PROPS(AT)                                                                           \
    { "netdev", "the network it is in", DEV_PROP_NET, AT(net), .required = true },                 \
    { "mac", "its address, such as 52:54:00:12:34:56", DEV_PROP_STRING, AT(mac_text) },            \
    { "queues", "pairs of queues", DEV_PROP_U64, AT(queues), .min = 1, .max = NET_QUEUES_MAX,      \
      .initial = 1 },
#include "dev/virtio/class.inc"
