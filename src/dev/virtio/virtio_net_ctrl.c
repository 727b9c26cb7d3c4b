/*
 * virtio_net_ctrl.c - the control queue of the network card (virtio 1.3, 5.1.6.5).
 *
 * A request is { u8 class, u8 command }, its data, and a byte that the device answers with.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_net.h"
#include <string.h>

enum { CLASS_RX = 0, CLASS_MAC = 1, CLASS_MQ = 4, CLASS_OFFLOADS = 5 };
enum { RX_PROMISC = 0, RX_ALLMULTI = 1, RX_NOBCAST = 5, MAC_TABLE = 0, MAC_ADDRESS = 1 };
enum { HEAD_SIZE = 2, OK = 0, ERROR = 1 };

#define OFFLOADS                                                                                   \
    (1ull << NET_F_GUEST_CSUM | 1ull << NET_F_GUEST_TSO4 | 1ull << NET_F_GUEST_TSO6 |              \
     1ull << NET_F_GUEST_ECN)

unsigned net_offloads(const struct virtio *v)
{
    u64 on = v->s->driver_features & ~net_state(v)->offloads_off;

    if (!(on >> NET_F_GUEST_CSUM & 1))
        return 0;
    return NET_TAKES_CSUM | (on >> NET_F_GUEST_TSO4 & 1 ? NET_TAKES_TSO4 : 0u) |
           (on >> NET_F_GUEST_TSO6 & 1 ? NET_TAKES_TSO6 : 0u) |
           (on >> NET_F_GUEST_ECN & 1 ? NET_TAKES_ECN : 0u);
}

/* Reads exactly `len` bytes of data at `off` of it. */
static bool data(const struct virtq_chain *c, u64 off, void *out, u64 len)
{
    return virtq_chain_read(c, HEAD_SIZE + off, out, len) == len;
}

/* 5.1.6.5.1; what is not promiscuous is ours to turn round: see the state list. */
static bool set_mode(struct virtio *v, const struct virtq_chain *c, u8 command)
{
    struct virtio_net_state *s = net_state(v);
    u8 on;

    if (!virtio_has(v, command > RX_ALLMULTI ? NET_F_CTRL_RX_EXTRA : NET_F_CTRL_RX) ||
        command > RX_NOBCAST || !data(c, 0, &on, 1))
        return false;
    if (command == RX_PROMISC)
        s->selective = !on;
    else
        s->modes = (u8)((s->modes & ~(1u << command)) | (u8)(on != 0) << command);
    return true;
}

/* One of the two tables, at *off of the data, which moves behind it. */
static bool read_table(const struct virtq_chain *c, u64 *off, u8 *table, u8 *count, flag *all)
{
    u8 raw[4];
    u32 entries;

    if (!data(c, *off, raw, sizeof raw))
        return false;
    entries = le32_get(raw);
    *off += sizeof raw;
    if ((u64)entries * NET_MAC_SIZE > c->out_len - HEAD_SIZE - *off)
        return false;
    *all = entries > NET_TABLE_MAX;
    *count = (u8)(*all ? 0 : entries);
    *off += (u64)entries * NET_MAC_SIZE;
    return data(c, *off - (u64)entries * NET_MAC_SIZE, table, (u64)*count * NET_MAC_SIZE);
}

/* 5.1.6.5.2: both tables are replaced, or none. */
static bool set_table(struct virtio *v, const struct virtq_chain *c)
{
    struct virtio_net_state n = *net_state(v);
    u64 off = 0;

    memset(n.unicast, 0, sizeof n.unicast);
    memset(n.multicast, 0, sizeof n.multicast);
    if (!virtio_has(v, NET_F_CTRL_RX) ||
        !read_table(c, &off, n.unicast, &n.unicast_count, &n.unicast_all) ||
        !read_table(c, &off, n.multicast, &n.multicast_count, &n.multicast_all))
        return false;
    *net_state(v) = n;
    return true;
}

static bool set_address(struct virtio *v, const struct virtq_chain *c)
{
    u8 mac[NET_MAC_SIZE];

    if (!virtio_has(v, NET_F_CTRL_MAC_ADDR) || !data(c, 0, mac, sizeof mac) || mac[0] & 1)
        return false;
    memcpy(net_state(v)->mac, mac, sizeof mac);
    net_state(v)->mac_set = true;
    return true;
}

static bool set_pairs(struct virtio *v, const struct virtq_chain *c)
{
    u8 raw[2];

    if (!virtio_has(v, NET_F_MQ) || !data(c, 0, raw, sizeof raw) || le16_get(raw) < 1 ||
        le16_get(raw) > net_card(v)->queues)
        return false;
    net_state(v)->pairs = le16_get(raw);
    return true;
}

static bool set_offloads(struct virtio *v, const struct virtq_chain *c)
{
    u64 had = v->s->driver_features & OFFLOADS, want;
    u8 raw[8];

    if (!virtio_has(v, NET_F_CTRL_GUEST_OFFLOADS) || !data(c, 0, raw, sizeof raw))
        return false;
    want = le64_get(raw);
    if (want & ~had)
        return false;
    net_state(v)->offloads_off = had & ~want;
    return true;
}

static bool command(struct virtio *v, const struct virtq_chain *c)
{
    u8 head[HEAD_SIZE];

    if (virtq_chain_read(c, 0, head, HEAD_SIZE) != HEAD_SIZE)
        return false;
    switch (head[0]) {
    case CLASS_RX: return set_mode(v, c, head[1]);
    case CLASS_MAC:
        return head[1] == MAC_TABLE     ? set_table(v, c)
               : head[1] == MAC_ADDRESS ? set_address(v, c)
                                        : false;
    case CLASS_MQ: return head[1] == 0 && set_pairs(v, c);
    case CLASS_OFFLOADS: return head[1] == 0 && set_offloads(v, c);
    default: return false;
    }
}

void net_control(struct virtio *v, unsigned n)
{
    struct virtq_chain *c;

    while ((c = virtio_next(v, n)) != NULL) {
        u8 answer = ERROR;

        if (c->in_len == 0) {
            virtio_error(v, "a control request has no room for an answer");
            return;
        }
        if (command(v, c))
            answer = OK;
        virtio_done(v, &c->ticket, (u32)virtq_chain_write(v->dev, c, 0, &answer, 1));
    }
    net_update(v);
}
