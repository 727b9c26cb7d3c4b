/*
 * fake_backend.c - see fake_backend.h.
 */
#include "fake_backend.h"
#include "base/bug.h"
#include "base/checked.h"
#include <errno.h>
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

static bool net_send(struct net_backend *net, unsigned queue, const struct net_header *h,
                     const struct iovec *iov, unsigned iov_count)
{
    struct fake_net *f = container_of(net, struct fake_net, net);
    u8 *to = f->sent < FAKE_FRAMES ? f->frame[f->sent].data : NULL;
    size_t len = 0, kept = 0;

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
        return false;
    if (to) {
        f->frame[f->sent].len = len;
        f->frame[f->sent].h = *h;
        f->frame[f->sent].queue = queue;
    }
    f->sent++;
    return true;
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
