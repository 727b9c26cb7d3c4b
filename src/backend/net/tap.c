/*
 * tap.c - TAP interfaces (Linux: Documentation/networking/tuntap.rst).
 *
 * Each queue is a descriptor of its own. The kernel puts a header before each frame, in the
 * form that cards of virtio have, and checks those that we write: nothing is done to frames
 * here.
 */
#include "backend/net/tap.h"
#include "base/bits.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    HEADER_SIZE = 10,
    BATCH = 64 /* frames of a queue in a turn of the loop */,
    IOV_MAX_ = 1024
};

struct tap_queue {
    struct tap_net *tap; /* borrows */
    unsigned index;
    int fd;                /* owns */
    struct loop_fd *watch; /* owns */
    bool ready, attached;
    bool full; /* the card waits for room */
};

struct tap_net {
    struct net_backend net;
    struct tap_queue queue[NET_QUEUES_MAX];
    char ifname[IFNAMSIZ];
    bool gone; /* somebody deleted the interface */
    u8 buffer[HEADER_SIZE + NET_FRAME_MAX];
};

/* --- frames --- */

static void watch_for(struct tap_queue *q)
{
    if (q->watch)
        loop_fd_set_events(q->watch, (q->ready ? LOOP_IN : 0u) | (q->full ? LOOP_OUT : 0u));
}

/* The interface is full when frames that it was given are still on their way, and its owner has
 * set a bound for them (TUNSETSNDBUF). */
static enum net_sent tap_send(struct net_backend *net, unsigned queue, const struct net_header *h,
                              const struct iovec *iov, unsigned iov_count)
{
    struct tap_net *t = container_of(net, struct tap_net, net);
    struct tap_queue *q = &t->queue[queue];
    struct iovec all[IOV_MAX_];
    u8 raw[HEADER_SIZE];

    if (t->gone || iov_count >= IOV_MAX_)
        return NET_DROPPED;
    raw[0] = h->flags;
    raw[1] = h->gso_type;
    le16_put(raw + 2, h->hdr_len);
    le16_put(raw + 4, h->gso_size);
    le16_put(raw + 6, h->csum_start);
    le16_put(raw + 8, h->csum_offset);
    all[0] = (struct iovec){ raw, sizeof raw };
    memcpy(all + 1, iov, iov_count * sizeof *iov);
    if (writev(q->fd, all, (int)iov_count + 1) >= 0)
        return NET_SENT;
    if (errno != EAGAIN)
        return NET_DROPPED;
    q->full = true;
    watch_for(q);
    return NET_FULL;
}

static bool receive_one(struct tap_queue *q)
{
    struct tap_net *t = q->tap;
    ssize_t n = read(q->fd, t->buffer, sizeof t->buffer);
    const u8 *raw = t->buffer;
    struct net_header h;

    if (n < HEADER_SIZE + 14)
        return n >= 0; /* the kernel gives no such frame */
    h = (struct net_header){ .flags = raw[0],
                             .gso_type = raw[1],
                             .hdr_len = le16_get(raw + 2),
                             .gso_size = le16_get(raw + 4),
                             .csum_start = le16_get(raw + 6),
                             .csum_offset = le16_get(raw + 8) };
    if (t->net.receive)
        t->net.receive(t->net.arg, q->index, &h, raw + HEADER_SIZE, (size_t)n - HEADER_SIZE);
    return true;
}

static void tell_room(struct tap_queue *q)
{
    if (!q->full)
        return;
    q->full = false;
    watch_for(q);
    net_backend_tell_room(&q->tap->net, q->index);
}

/* The guest goes on without a network, as after a cable was pulled. An interface that is not there
 * any more is in error for ever, so that nobody may listen to it. */
static void gone(struct tap_net *t)
{
    log_error("--net tap: the interface '%s' was deleted, and the guest's network with it",
              t->ifname);
    t->gone = true;
    for (unsigned i = 0; i < t->net.queues; i++) {
        loop_fd_free(t->queue[i].watch);
        t->queue[i].watch = NULL;
        tell_room(&t->queue[i]);
    }
}

static void happened(void *arg, unsigned events)
{
    struct tap_queue *q = arg;

    if (events & LOOP_HUP) {
        gone(q->tap);
        return;
    }
    if (events & LOOP_OUT)
        tell_room(q);
    for (unsigned i = 0; i < BATCH && q->ready && events & LOOP_IN; i++)
        if (!receive_one(q))
            return;
}

static void tap_set_ready(struct net_backend *net, unsigned queue, bool ready)
{
    struct tap_queue *q = &container_of(net, struct tap_net, net)->queue[queue];

    if (q->ready == ready)
        return;
    q->ready = ready;
    watch_for(q);
}

/* --- what the guest takes, and on how many queues --- */

static void tap_set_offloads(struct net_backend *net, unsigned takes)
{
    struct tap_net *t = container_of(net, struct tap_net, net);
    unsigned long flags =
        (takes & NET_TAKES_CSUM ? TUN_F_CSUM : 0u) | (takes & NET_TAKES_TSO4 ? TUN_F_TSO4 : 0u) |
        (takes & NET_TAKES_TSO6 ? TUN_F_TSO6 : 0u) | (takes & NET_TAKES_ECN ? TUN_F_TSO_ECN : 0u);

    if (t->gone)
        return;
    /* Of ECN the kernel wants to hear only together with segments. */
    if (!(takes & (NET_TAKES_TSO4 | NET_TAKES_TSO6)))
        flags &= ~(unsigned long)TUN_F_TSO_ECN;
    if (ioctl(t->queue[0].fd, TUNSETOFFLOAD, flags) < 0)
        log_error("--net tap: the offloads of '%s' cannot be set: %s", t->ifname, strerror(errno));
}

static void attach(struct tap_queue *q, bool on)
{
    struct ifreq request = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

    if (q->attached == on)
        return;
    if (ioctl(q->fd, TUNSETQUEUE, &request) < 0)
        log_error("--net tap: queue %u of '%s' cannot be switched %s: %s", q->index, q->tap->ifname,
                  on ? "on" : "off", strerror(errno));
    else
        q->attached = on;
}

/* The kernel spreads streams over the queues that are attached, and remembers on which of them
 * each was sent last. */
static void tap_set_active(struct net_backend *net, unsigned queues)
{
    struct tap_net *t = container_of(net, struct tap_net, net);

    for (unsigned i = 0; !t->gone && t->net.queues > 1 && i < t->net.queues; i++)
        attach(&t->queue[i], i < queues);
}

/* --- life --- */

static void tap_free(struct net_backend *net)
{
    struct tap_net *t = container_of(net, struct tap_net, net);

    for (unsigned i = 0; i < NET_QUEUES_MAX; i++) {
        loop_fd_free(t->queue[i].watch);
        if (t->queue[i].fd >= 0)
            close(t->queue[i].fd);
    }
    free(t);
}

static const struct net_backend_ops tap_ops = {
    .name = "tap",
    .send = tap_send,
    .set_ready = tap_set_ready,
    .set_offloads = tap_set_offloads,
    .set_active = tap_set_active,
    .free = tap_free,
};

static int open_failed(const struct tap_net *t, int code, struct err *err)
{
    const char *name = t->ifname;

    if (code == EPERM || code == EACCES)
        return err_set(err, code,
                       "no permission to use the interface '%s': root gives it to you by ip tuntap "
                       "add dev %s mode tap user YOU",
                       name, name);
    if (code == EBUSY)
        return err_set(err, code, "the interface '%s' is in use by another program", name);
    if (code == EINVAL && t->net.queues > 1)
        return err_set(err, code,
                       "the interface '%s' is no TAP interface with several queues: ip tuntap add "
                       "dev %s mode tap multi_queue makes one",
                       name, name);
    if (code == EINVAL)
        return err_set(err, code, "the interface '%s' is no TAP interface", name);
    return err_set_errno(err, code, "cannot open the interface '%s'", name);
}

/* One that was made with multi_queue is to be opened so, for one queue too. What the header is like
 * belongs to the interface, and is as its last user left it. */
static int bind_queue(const struct tap_net *t, int fd)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int little = 1, size = HEADER_SIZE;

    memcpy(request.ifr_name, t->ifname, IFNAMSIZ);
    if (t->net.queues > 1)
        request.ifr_flags |= IFF_MULTI_QUEUE;
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        if (errno != EINVAL || t->net.queues > 1)
            return -errno;
        request.ifr_flags |= IFF_MULTI_QUEUE;
        if (ioctl(fd, TUNSETIFF, &request) < 0)
            return -errno;
    }
    return ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0 ||
                   ioctl(fd, TUNSETOFFLOAD, 0ul) < 0
               ? -errno
               : 0;
}

static int queue_open(struct tap_net *t, struct tap_queue *q, struct loop *loop, struct err *err)
{
    int rc;

    q->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (q->fd < 0)
        return err_set_errno(err, errno, "cannot open /dev/net/tun");
    rc = bind_queue(t, q->fd);
    if (rc < 0)
        return open_failed(t, -rc, err);
    q->attached = true;
    rc = loop_fd_new(loop, q->fd, LOOP_IN, happened, q, &q->watch, err);
    if (rc == 0)
        watch_for(q);
    return rc;
}

int tap_backend_new(const char *ifname, unsigned queues, struct loop *loop,
                    struct net_backend **ret_net, struct err *err)
{
    struct tap_net *t;
    int rc = 0;

    /* TUNSETIFF would make what is not there, with nothing connected to it. */
    if (strlen(ifname) >= IFNAMSIZ || if_nametoindex(ifname) == 0)
        return err_set(err, ENODEV,
                       "there is no interface '%s' on this host: ip tuntap add dev %s mode tap "
                       "makes one",
                       ifname, ifname);
    t = calloc(1, sizeof *t);
    if (!t)
        return err_set_errno(err, ENOMEM, "the interface '%s'", ifname);
    t->net.ops = &tap_ops;
    t->net.queues = queues;
    memcpy(t->ifname, ifname, strlen(ifname) + 1);
    for (unsigned i = 0; i < NET_QUEUES_MAX; i++)
        t->queue[i] = (struct tap_queue){ .tap = t, .index = i, .fd = -1 };
    for (unsigned i = 0; rc == 0 && i < queues; i++)
        rc = queue_open(t, &t->queue[i], loop, err);
    if (rc < 0) {
        tap_free(&t->net);
        return rc;
    }
    *ret_net = &t->net;
    return 0;
}
