/*
 * net.h - where a network card's frames go.
 *
 * Frames are Ethernet, from the destination address to the end of the payload,
 * without checksum offloads and without FCS. A back end belongs to a loop; calls
 * follow the loop's thread rule (a callback, or the loop's lock held); receive()
 * runs in the loop, never inside net_backend_send().
 */
#ifndef BACKEND_NET_NET_H
#define BACKEND_NET_NET_H

#include "base/err.h"
#include "base/types.h"
#include <sys/uio.h>

#define NET_FRAME_MAX 65550u /* 14 bytes of header and 64 KiB */

struct net_backend;

struct net_backend_ops {
    const char *name; /* "user" */
    bool (*send)(struct net_backend *net, const struct iovec *iov, unsigned iov_count);
    void (*set_ready)(struct net_backend *net, bool ready);
    /* Port forwards; NULL together: it has none. */
    int (*forward_add)(struct net_backend *net, const char *text, struct err *err);
    int (*forward_remove)(struct net_backend *net, const char *text, struct err *err);
    const char *(*forward)(const struct net_backend *net, unsigned n);
    void (*free)(struct net_backend *net);
};

/* The head of every back end. */
struct net_backend {
    const struct net_backend_ops *ops;
    void (*receive)(void *arg, const u8 *frame, size_t len);
    void *arg;
};

/* Says who takes frames for the guest; NULL: nobody, they are dropped. */
static inline void net_backend_set_receive(struct net_backend *net,
                                           void (*receive)(void *arg, const u8 *frame, size_t len),
                                           void *arg)
{
    net->receive = receive;
    net->arg = arg;
}

/* Sends one frame from the guest. False when it was dropped: shorter than 14 or
 * longer than NET_FRAME_MAX bytes, or the back end is out of room. */
static inline bool net_backend_send(struct net_backend *net, const struct iovec *iov,
                                    unsigned iov_count)
{
    return net->ops->send(net, iov, iov_count);
}

/* Flow control: receive() runs only while ready (at first it is not). The card
 * says false from within receive() or later when it has no buffer left; a
 * bounded number of frames waits, further ones are dropped. */
static inline void net_backend_set_ready(struct net_backend *net, bool ready)
{
    net->ops->set_ready(net, ready);
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
