/*
 * virtio_net.h - the parts of the network card (virtio 1.3, 5.1); only for virtio_net*.c.
 *
 * With N pairs in use by the driver's choice of MQ, queue 2n receives, 2n + 1 sends and 2N is
 * for control; without MQ N is 1.
 */
#ifndef DEV_VIRTIO_VIRTIO_NET_H
#define DEV_VIRTIO_VIRTIO_NET_H

#include "backend/net/net.h"
#include "dev/virtio/virtio.h"

/* Feature bits (5.1.3). */
enum {
    NET_F_CSUM = 0,
    NET_F_GUEST_CSUM = 1,
    NET_F_CTRL_GUEST_OFFLOADS = 2,
    NET_F_MAC = 5,
    NET_F_GUEST_TSO4 = 7,
    NET_F_GUEST_TSO6 = 8,
    NET_F_GUEST_ECN = 9,
    NET_F_HOST_TSO4 = 11,
    NET_F_HOST_TSO6 = 12,
    NET_F_HOST_ECN = 13,
    NET_F_MRG_RXBUF = 15,
    NET_F_STATUS = 16,
    NET_F_CTRL_VQ = 17,
    NET_F_CTRL_RX = 18,
    NET_F_CTRL_RX_EXTRA = 20,
    NET_F_MQ = 22,
    NET_F_CTRL_MAC_ADDR = 23,
};

enum { NET_HEADER_SIZE = 12, NET_QUEUE_SIZE = 256, NET_TABLE_MAX = 64, NET_MAC_SIZE = 6 };
enum { NET_SHORT_MAX = 256 /* bytes, with its header, of a frame that is sent at once */ };

/* All zero after a reset: a driver that says nothing gets every frame (5.1.6.5.1), on the first
 * pair, with the offloads it negotiated. */
#define VIRTIO_NET_STATE(F, A, N)                                                                  \
    F(u16, pairs, ZERO, "pairs of queues in use; 0: one")                                          \
    F(u64, offloads_off, ZERO, "negotiated receive offloads that are turned off, as features")     \
    F(flag, mac_set, ZERO, "the driver has chosen the address below")                              \
    A(u8, mac, NET_MAC_SIZE, ZERO, "address")                                                      \
    F(flag, selective, ZERO, "not promiscuous: what follows decides")                              \
    F(u8, modes, ZERO, "bit n: receive mode n is on (5.1.6.5.1)")                                  \
    F(flag, unicast_all, ZERO, "more addresses of one host were wanted than there is room for")    \
    F(flag, multicast_all, ZERO, "likewise of several")                                            \
    F(u8, unicast_count, ZERO, "addresses of one host that are let in")                            \
    F(u8, multicast_count, ZERO, "likewise of several")                                            \
    A(u8, unicast, NET_TABLE_MAX *NET_MAC_SIZE, ZERO, "those")                                     \
    A(u8, multicast, NET_TABLE_MAX *NET_MAC_SIZE, ZERO, "those")
STATE_STRUCT(virtio_net, VIRTIO_NET_STATE);

struct virtio_net {
    struct virtio v;
    struct net_backend *net; /* borrows (outlives) */
    const char *mac_text;
    u64 queues; /* pairs */
    u8 mac[NET_MAC_SIZE];
};

static inline struct virtio_net *net_card(const struct virtio *v)
{
    return container_of((struct virtio *)v, struct virtio_net, v);
}

static inline struct virtio_net_state *net_state(const struct virtio *v)
{
    return v->own;
}

/* Pairs that the driver's features make of the queues, and those it uses at present. */
unsigned net_pairs(const struct virtio *v);
unsigned net_pairs_used(const struct virtio *v);
const u8 *net_mac(const struct virtio *v);

/* Receiving: what a back end calls, and a look for buffers in receive queue n. */
net_receive_fn net_receive;
void net_look_for_buffers(struct virtio *v, unsigned n);
/* Does the driver want a frame to this address? */
bool net_address_wanted(const struct virtio *v, const u8 *address);

/* Serves the control queue, number n. */
void net_control(struct virtio *v, unsigned n);
/* Offloads of frames for the guest, NET_TAKES_*. */
unsigned net_offloads(const struct virtio *v);

/* Sets what the back end sees of the state. */
void net_update(struct virtio *v);

#endif
