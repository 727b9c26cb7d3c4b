/*
 * fake_backend.c - see fake_backend.h.
 */
#include "fake_backend.h"
#include "base/bug.h"
#include "base/checked.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the disk --- */

u64 blk_image_sectors(const struct blk_image *image)
{
    return image->sectors ? image->sectors : FAKE_DISK_SECTORS;
}

void blk_image_on_resize(struct blk_image *image, void (*fn)(void *arg), void *arg)
{
    image->resized = fn;
    image->resized_arg = arg;
}

int blk_image_resize(struct blk_image *image, u64 size, struct err *err)
{
    blk_drain(image);
    image->sectors = size / BLK_SECTOR;
    if (image->resized)
        image->resized(image->resized_arg);
    return 0;
}

bool blk_image_read_only(const struct blk_image *image)
{
    return image->read_only;
}

static u64 request_bytes(const struct blk_request *req)
{
    u64 bytes = 0;

    if (req->op == BLK_DISCARD || req->op == BLK_WRITE_ZEROES)
        return req->count * BLK_SECTOR;
    for (unsigned i = 0; i < req->iov_count; i++)
        bytes += req->iov[i].iov_len;
    return bytes;
}

int blk_submit(struct blk_image *image, struct blk_request *req)
{
    struct blk_request **at = &image->first;
    u64 bytes = req->op == BLK_FLUSH ? 0 : request_bytes(req);

    if (req->op != BLK_FLUSH &&
        (bytes == 0 || bytes % BLK_SECTOR || req->iov_count > 1024 ||
         !checked_range(req->sector, bytes / BLK_SECTOR, blk_image_sectors(image))))
        return -EINVAL;
    if (image->read_only && req->op != BLK_READ && req->op != BLK_FLUSH)
        return -EROFS;
    req->next = NULL;
    req->image = image;
    while (*at)
        at = &(*at)->next;
    *at = req;
    image->in_flight++;
    image->started++;
    return 0;
}

static void carry_out(struct blk_image *image, struct blk_request *req)
{
    u8 *at = image->data + req->sector * BLK_SECTOR;

    if (req->op == BLK_FLUSH)
        image->flushes++;
    if (req->op == BLK_WRITE_ZEROES)
        image->unmapped = req->unmap;
    if (req->op == BLK_DISCARD || req->op == BLK_WRITE_ZEROES)
        memset(at, 0, (size_t)(req->count * BLK_SECTOR));
    for (unsigned i = 0; i < req->iov_count; at += req->iov[i].iov_len, i++)
        if (req->op == BLK_READ)
            memcpy(req->iov[i].iov_base, at, req->iov[i].iov_len);
        else
            memcpy(at, req->iov[i].iov_base, req->iov[i].iov_len);
}

bool fake_block_run(struct blk_image *image, bool reverse)
{
    bool any = image->first != NULL;

    while (image->first) {
        struct blk_request **at = &image->first, *req;

        while (reverse && (*at)->next)
            at = &(*at)->next;
        req = *at;
        *at = req->next;
        if (!image->fail)
            carry_out(image, req);
        image->in_flight--;
        req->done(req, image->fail);
    }
    return any;
}

void blk_drain(struct blk_image *image)
{
    fake_block_run(image, false);
    BUG_ON(image->in_flight);
}

/* --- the network --- */

static enum net_sent net_send(struct net_backend *net, unsigned queue, const struct net_header *h,
                              const struct iovec *iov, unsigned iov_count)
{
    struct fake_net *f = container_of(net, struct fake_net, net);
    u8 *to = f->sent < FAKE_FRAMES ? f->frame[f->sent].data : NULL;
    size_t len = 0, kept = 0;

    if (f->full) {
        f->waits[queue] = true;
        return NET_FULL;
    }
    for (unsigned i = 0; i < iov_count; i++) {
        size_t n = iov[i].iov_len;

        if (n > sizeof f->frame[0].data - kept)
            n = sizeof f->frame[0].data - kept;
        if (to)
            memcpy(to + kept, iov[i].iov_base, n);
        kept += n;
        len += iov[i].iov_len;
    }
    if (len < 14 || len > NET_FRAME_MAX)
        return NET_DROPPED;
    if (to) {
        f->frame[f->sent].len = len;
        f->frame[f->sent].h = *h;
        f->frame[f->sent].queue = queue;
    }
    f->sent++;
    return NET_SENT;
}

static void net_ready(struct net_backend *net, unsigned queue, bool ready)
{
    BUG_ON(queue >= net->queues);
    container_of(net, struct fake_net, net)->ready[queue] = ready;
}

static void net_offloaded(struct net_backend *net, unsigned offloads)
{
    container_of(net, struct fake_net, net)->offloads = offloads;
}

static void net_activated(struct net_backend *net, unsigned queues)
{
    BUG_ON(queues < 1 || queues > net->queues);
    container_of(net, struct fake_net, net)->active = queues;
}

static void net_freed(struct net_backend *net)
{
    (void)net;
}

static const struct net_backend_ops net_ops = { .name = "fake",
                                                .send = net_send,
                                                .set_ready = net_ready,
                                                .set_offloads = net_offloaded,
                                                .set_active = net_activated,
                                                .free = net_freed };

void fake_net_init(struct fake_net *f)
{
    f->net.ops = &net_ops;
    f->net.queues = NET_QUEUES_MAX;
}

bool fake_net_deliver_on(struct fake_net *f, unsigned queue, const struct net_header *h,
                         const void *frame, size_t len)
{
    if (!f->ready[queue] || !f->net.receive)
        return false;
    f->net.receive(f->net.arg, queue, h, frame, len);
    return true;
}

bool fake_net_deliver(struct fake_net *f, const void *frame, size_t len)
{
    return fake_net_deliver_on(f, 0, &(struct net_header){ 0 }, frame, len);
}

void fake_net_room(struct fake_net *f)
{
    f->full = false;
    for (unsigned i = 0; i < NET_QUEUES_MAX; i++) {
        bool waits = f->waits[i];

        f->waits[i] = false;
        if (waits)
            net_backend_tell_room(&f->net, i);
    }
}

/* --- programs behind a vsock --- */

static struct fake_vsock *vsock_of(struct fake_stream *s)
{
    return container_of(s->s.backend, struct fake_vsock, vsock);
}

static struct fake_stream *stream_new(struct fake_vsock *f, u32 port)
{
    struct fake_stream *s = f->count < ARRAY_SIZE(f->stream) ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->s.backend = &f->vsock;
    s->port = port;
    return f->stream[f->count++] = s;
}

static void stream_close(struct vsock_stream *v)
{
    struct fake_stream *s = container_of(v, struct fake_stream, s);
    struct fake_vsock *f = vsock_of(s);
    unsigned i = 0;

    while (f->stream[i] != s)
        BUG_ON(++i == f->count);
    memmove(f->stream + i, f->stream + i + 1, (--f->count - i) * sizeof f->stream[0]);
    f->closed++;
    free(s);
}

static struct vsock_stream *stream_connect(struct vsock_backend *v, u32 port)
{
    struct fake_vsock *f = container_of(v, struct fake_vsock, vsock);
    struct fake_stream *s = f->listens ? stream_new(f, port) : NULL;

    return s ? &s->s : NULL;
}

static void stream_accept(struct vsock_stream *v, u32 port)
{
    struct fake_stream *s = container_of(v, struct fake_stream, s);

    s->accepted = true;
    s->port = port;
}

static ssize_t stream_read(struct vsock_stream *v, const struct iovec *iov, unsigned iov_count)
{
    struct fake_stream *s = container_of(v, struct fake_stream, s);
    u32 n = s->in_len < iov[0].iov_len ? s->in_len : (u32)iov[0].iov_len;

    if (n == 0 && !s->ended)
        return -EAGAIN;
    if (n == 0)
        v->over |= VSOCK_NO_SEND;
    memcpy(iov[0].iov_base, s->in, n);
    s->in_len -= n;
    memmove(s->in, s->in + n, s->in_len);
    return n;
}

static bool stream_write(struct vsock_stream *v, const struct iovec *iov, unsigned iov_count)
{
    struct fake_stream *s = container_of(v, struct fake_stream, s);

    for (unsigned i = 0; i < iov_count; i++) {
        u32 n = (u32)iov[i].iov_len, room = VSOCK_BUFFER - s->out_len;

        memcpy(s->out + s->out_len, iov[i].iov_base, n < room ? n : room);
        s->out_len += n < room ? n : room; /* the test looks at the beginning */
        v->taken += vsock_of(s)->slow ? 0 : n;
    }
    return true;
}

static void stream_shut(struct vsock_stream *v, unsigned over)
{
    container_of(v, struct fake_stream, s)->guest_over |= (u8)over;
}

static const struct vsock_backend_ops vsock_ops = {
    .name = "fake",
    .connect = stream_connect,
    .accept = stream_accept,
    .read = stream_read,
    .write = stream_write,
    .shut = stream_shut,
    .close = stream_close,
};

void fake_vsock_init(struct fake_vsock *f)
{
    f->vsock.ops = &vsock_ops;
}

void fake_vsock_fini(struct fake_vsock *f)
{
    BUG_ON(f->count); /* a device closes its streams */
}

struct fake_stream *fake_vsock_ask(struct fake_vsock *f, u32 port)
{
    struct fake_stream *s = f->vsock.client ? stream_new(f, 0) : NULL;
    unsigned before = f->closed;

    if (!s || f->vsock.client->requested(f->vsock.arg, &s->s, port))
        return s;
    if (f->closed == before)
        stream_close(&s->s);
    return NULL;
}

static void stream_changed(struct fake_stream *s)
{
    struct vsock_backend *b = s->s.backend;

    b->client->ready(b->arg, &s->s);
}

void fake_stream_put(struct fake_stream *s, const void *data, size_t len)
{
    BUG_ON(len > sizeof s->in - s->in_len);
    memcpy(s->in + s->in_len, data, len);
    s->in_len += (u32)len;
    stream_changed(s);
}

void fake_stream_end(struct fake_stream *s)
{
    s->ended = true;
    stream_changed(s);
}

void fake_stream_leave(struct fake_stream *s)
{
    s->ended = true;
    s->s.over |= VSOCK_NO_RECEIVE;
    stream_changed(s);
}

void fake_stream_take(struct fake_stream *s, u32 len)
{
    s->s.taken += len;
    stream_changed(s);
}
