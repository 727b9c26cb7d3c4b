/*
 * net.h - where a network card's frames go.
 *
 * Frames are Ethernet, from the destination address to the end of the payload, without
 * FCS. Beside each goes a header with the offloads that it wants (virtio 1.3, 5.1.6): a
 * frame from the guest may leave its checksum or its segmentation to the back end, and one
 * for the guest too, as far as the card said that the guest takes that. What a back end's
 * other side does not understand, the back end does (offload.h), so every one of them takes
 * every frame.
 *
 * A back end belongs to a loop; calls follow the loop's thread rule (a callback, or the
 * loop's lock held); receive() and room() run in the loop, never inside net_backend_send().
 */
#ifndef BACKEND_NET_NET_H
#define BACKEND_NET_NET_H

#include "base/err.h"
#include "base/types.h"
#include <sys/uio.h>

#define NET_FRAME_MAX 65550u /* 14 bytes of header and 64 KiB */
enum { NET_QUEUES_MAX = 8 };

/* net_header.flags and .gso_type. */
enum { NET_NEEDS_CSUM = 1, NET_DATA_VALID = 2 };
enum { NET_GSO_NONE = 0, NET_GSO_TCPV4 = 1, NET_GSO_TCPV6 = 4, NET_GSO_ECN = 0x80 };

/* The first members of struct virtio_net_hdr (5.1.6), in the host's byte order. Unchecked:
 * a guest may have written it. */
struct net_header {
    u8 flags, gso_type;
    u16 hdr_len, gso_size, csum_start, csum_offset;
};

/* Offloads in frames for the guest: partial checksums, and segments to be cut. */
enum {
    NET_TAKES_CSUM = 1,
    NET_TAKES_TSO4 = 2,
    NET_TAKES_TSO6 = 4,
    NET_TAKES_ECN = 8,
};

struct net_backend;

typedef void net_receive_fn(void *arg, unsigned queue, const struct net_header *h, const u8 *frame,
                            size_t len);
typedef void net_room_fn(void *arg, unsigned queue);

/* What became of a frame from the guest. */
enum net_sent {
    NET_SENT,
    NET_DROPPED, /* malformed, or the other side has gone */
    NET_FULL,    /* not now, and nothing of it was sent: room() tells once when to try again */
};

struct net_backend_ops {
    const char *name; /* "user" */
    enum net_sent (*send)(struct net_backend *net, unsigned queue, const struct net_header *h,
                          const struct iovec *iov, unsigned iov_count);
    void (*set_ready)(struct net_backend *net, unsigned queue, bool ready);
    void (*set_offloads)(struct net_backend *net, unsigned offloads); /* NULL: uses none */
    void (*set_active)(struct net_backend *net, unsigned queues);     /* NULL: one queue */
    /* Port forwards; NULL together: it has none. */
    int (*forward_add)(struct net_backend *net, const char *text, struct err *err);
    int (*forward_remove)(struct net_backend *net, const char *text, struct err *err);
    const char *(*forward)(const struct net_backend *net, unsigned n);
    void (*free)(struct net_backend *net);
};

/* The head of every back end. */
struct net_backend {
    const struct net_backend_ops *ops;
    net_receive_fn *receive;
    net_room_fn *room;
    void *arg;
    unsigned queues;   /* pairs that it has, 1 … NET_QUEUES_MAX; 0: one */
    unsigned offloads; /* as the card said last */
    unsigned active;   /* likewise; 0: nothing yet */
};

/* Says who takes frames for the guest, and who waits for room; NULL: nobody does, frames are
 * dropped. */
static inline void net_backend_set_card(struct net_backend *net, net_receive_fn *receive,
                                        net_room_fn *room, void *arg)
{
    net->receive = receive;
    net->room = room;
    net->arg = arg;
}

/* Sends one frame from the guest on a queue below net->queues. Malformed is one shorter than 14 or
 * longer than NET_FRAME_MAX bytes, or whose header does not fit it. */
static inline enum net_sent net_backend_send(struct net_backend *net, unsigned queue,
                                             const struct net_header *h, const struct iovec *iov,
                                             unsigned iov_count)
{
    return net->ops->send(net, queue, h, iov, iov_count);
}

/* For back ends: a queue that was full is so no longer. */
static inline void net_backend_tell_room(struct net_backend *net, unsigned queue)
{
    if (net->room)
        net->room(net->arg, queue);
}

/* Flow control: receive() runs for a queue only while that is ready (at first it is not).
 * The card says false from within receive() or later when it has no buffer left; a
 * bounded number of frames waits, further ones are dropped. */
static inline void net_backend_set_ready(struct net_backend *net, unsigned queue, bool ready)
{
    net->ops->set_ready(net, queue, ready);
}

/* What received frames may leave to the guest, NET_TAKES_*; at first nothing. */
static inline void net_backend_set_offloads(struct net_backend *net, unsigned offloads)
{
    if (net->offloads != offloads && net->ops->set_offloads)
        net->ops->set_offloads(net, offloads);
    net->offloads = offloads;
}

/* Frames for the guest go to queues below this number only, 1 … net->queues. */
static inline void net_backend_set_active(struct net_backend *net, unsigned queues)
{
    if (net->active != queues && net->ops->set_active)
        net->ops->set_active(net, queues);
    net->active = queues;
}

/* Adds a port forward, "tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT"; removes the one whose
 * host side this is, "tcp|udp:[HOSTADDR]:PORT" (what follows is not looked at). -ENOTSUP
 * when the back end forwards no ports, -ENOENT when there is none such to remove. */
int net_forward_add(struct net_backend *net, const char *text, struct err *err) MUST_CHECK;
int net_forward_remove(struct net_backend *net, const char *text, struct err *err) MUST_CHECK;
/* Forward n as text, valid until one is added or removed; NULL after the last. */
const char *net_forward(const struct net_backend *net, unsigned n);

static inline void net_backend_free(struct net_backend *net)
{
    if (net)
        net->ops->free(net);
}

#endif
