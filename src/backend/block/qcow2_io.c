/*
 * qcow2_io.c - reading and writing, cluster by cluster.
 */
#include "backend/block/qcow2.h"
#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 1024 + 2 };

struct blk_range qcow2_range_of(const struct qcow2 *q, u64 at, u64 len, bool exclusive)
{
    return (struct blk_range){ .first = at >> q->cluster_bits,
                               .last = (at + len - 1) >> q->cluster_bits,
                               .exclusive = exclusive };
}

int qcow2_begin(struct qcow2 *q)
{
    int rc;

    host_mutex_lock(&q->lock);
    rc = qcow2_make_room(q);
    if (rc)
        host_mutex_unlock(&q->lock);
    return rc;
}

int qcow2_look(struct qcow2 *q, u64 at, u64 len, struct qcow2_extent *x)
{
    int rc = qcow2_begin(q);

    if (rc)
        return rc;
    rc = qcow2_extent_get(q, at, len, false, x);
    host_mutex_unlock(&q->lock);
    return rc;
}

/* Nothing of the backing image shows from `at` on. */
static bool no_backing_at(const struct qcow2 *q, u64 at)
{
    return !q->node.backing || at >= q->node.backing->size;
}

bool qcow2_reads_zero(const struct qcow2 *q, const struct qcow2_extent *x, u64 at)
{
    return x->kind == QCOW2_K_ZERO || (x->kind == QCOW2_K_NONE && no_backing_at(q, at));
}

/* --- reading --- */

static int read_backing(struct qcow2 *q, u64 at, u64 len, const struct iovec *iov, unsigned count,
                        u64 skip)
{
    struct blk_node *b = q->node.backing;
    u64 there = no_backing_at(q, at) ? 0 : qcow2_min(len, b->size - at);
    struct iovec part[PIECES];
    int rc = 0;

    if (there) {
        unsigned n = blk_iov_slice(iov, count, skip, there, part);

        rc = b->format->read(b, at, there, part, n);
    }
    blk_iov_zero(iov, count, skip + there, len - there);
    return rc;
}

static int read_extent(struct qcow2 *q, const struct qcow2_extent *x, u64 at,
                       const struct iovec *iov, unsigned count, u64 skip)
{
    struct iovec part[PIECES];
    unsigned n;

    switch (x->kind) {
    case QCOW2_K_NONE: return read_backing(q, at, x->len, iov, count, skip);
    case QCOW2_K_ZERO: blk_iov_zero(iov, count, skip, x->len); return 0;
    case QCOW2_K_COMPRESSED:
        return qcow2_unpack(q, x->entry, at & (q->cluster_size - 1), x->len, iov, count, skip);
    case QCOW2_K_DATA: break;
    }
    n = blk_iov_slice(iov, count, skip, x->len, part);
    return q->node.file->ops->read(q->node.file, x->host, part, n);
}

/* The clusters are held. */
static int read_held(struct qcow2 *q, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    struct qcow2_extent x;
    int rc = 0;

    for (u64 done = 0; rc == 0 && done < len; done += x.len) {
        rc = qcow2_look(q, at + done, len - done, &x);
        if (rc == 0)
            rc = read_extent(q, &x, at + done, iov, count, done);
    }
    return rc;
}

int qcow2_read(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    struct qcow2 *q = qcow2_of(n);
    struct blk_range range = qcow2_range_of(q, at, len, false);
    int rc;

    if (n->read_only) /* nothing moves */
        return read_held(q, at, len, iov, count);
    blk_range_lock(&q->ranges, &range);
    rc = read_held(q, at, len, iov, count);
    blk_range_unlock(&q->ranges, &range);
    return rc;
}

/* --- writing --- */

/* Clusters for a part of a write, what of them was there before, and where it goes. */
struct placing {
    u64 at, len;     /* the part */
    u64 host, count; /* the first cluster's offset in the file; clusters */
    bool taken;      /* by this write */
    bool fresh;      /* nothing was ever written there */
    u64 head, tail;  /* bytes of the clusters before and after the part */
    u8 *old;         /* owns: head, then tail; NULL: none, or zeroes that are there */
};

/* With the lock: chooses clusters for [at, at + x->len) or less. */
static int place(struct qcow2 *q, const struct qcow2_extent *x, struct placing *p)
{
    u64 first = p->at >> q->cluster_bits, end, cluster;
    int rc;

    p->count = ((p->at + x->len - 1) >> q->cluster_bits) - first + 1;
    if (x->kind == QCOW2_K_ZERO && x->in_place) {
        BUG_ON(p->count != 1);
        p->host = x->host;
    } else {
        rc = qcow2_clusters_take(q, p->count, false, &cluster, &p->count);
        if (rc)
            return rc;
        p->taken = true;
        p->host = cluster << q->cluster_bits;
        p->fresh = p->host >= q->file_end;
    }
    end = (first + p->count) << q->cluster_bits;
    qcow2_will_write(q, p->host + (p->count << q->cluster_bits));
    p->len = qcow2_min(x->len, end - p->at);
    p->head = p->at - (first << q->cluster_bits);
    p->tail = end - p->at - p->len;
    return 0;
}

/* Old content to memory; what lies behind the end of the image is zeroes. */
static int read_old(struct qcow2 *q, u64 at, u64 len, u8 *buf)
{
    u64 there = at >= q->node.size ? 0 : qcow2_min(len, q->node.size - at);
    struct iovec iov = { buf, (size_t)there };

    memset(buf + there, 0, len - there);
    return there ? read_held(q, at, there, &iov, 1) : 0;
}

static int keep_old(struct qcow2 *q, const struct qcow2_extent *x, struct placing *p)
{
    int rc;

    if (p->head + p->tail == 0 || (p->fresh && qcow2_reads_zero(q, x, p->at - p->head)))
        return 0;
    p->old = malloc(p->head + p->tail);
    if (!p->old)
        return -ENOMEM;
    rc = read_old(q, p->at - p->head, p->head, p->old);
    return rc ? rc : read_old(q, p->at + p->len, p->tail, p->old + p->head);
}

static int write_placed(struct qcow2 *q, const struct placing *p, const struct iovec *iov,
                        unsigned count, u64 skip)
{
    struct iovec part[PIECES];
    unsigned n = 0;

    if (p->old && p->head)
        part[n++] = (struct iovec){ p->old, (size_t)p->head };
    n += blk_iov_slice(iov, count, skip, p->len, part + n);
    if (p->old && p->tail)
        part[n++] = (struct iovec){ p->old + p->head, (size_t)p->tail };
    return q->node.file->ops->write(q->node.file, p->host + (p->old ? 0 : p->head), part, n);
}

/* With the lock: the tables learn of it. */
static int enter(struct qcow2 *q, const struct placing *p)
{
    u64 at = p->at - p->head;
    int rc = 0;

    for (u64 i = 0; rc == 0 && i < p->count; i++)
        rc = qcow2_l2_set(q, at + (i << q->cluster_bits),
                          (p->host + (i << q->cluster_bits)) | QCOW2_COPIED, false);
    return rc;
}

/* A part of a write that may not go where the data is, or where none is. Called with the
 * lock, returns without. */
static int write_new(struct qcow2 *q, const struct qcow2_extent *x, u64 at, const struct iovec *iov,
                     unsigned count, u64 skip, u64 *ret_len)
{
    struct placing p = { .at = at };
    int rc = place(q, x, &p), entered;

    host_mutex_unlock(&q->lock);
    if (rc)
        return rc;
    rc = keep_old(q, x, &p);
    if (rc == 0)
        rc = write_placed(q, &p, iov, count, skip);
    free(p.old);
    host_mutex_lock(&q->lock);
    entered = rc ? rc : qcow2_make_room(q);
    if (entered == 0)
        entered = enter(q, &p);
    else if (p.taken)
        qcow2_clusters_untake(q, p.host >> q->cluster_bits, p.count);
    host_mutex_unlock(&q->lock);
    *ret_len = p.len;
    return entered;
}

static int write_in_place(struct qcow2 *q, const struct qcow2_extent *x, const struct iovec *iov,
                          unsigned count, u64 skip)
{
    struct iovec part[PIECES];
    unsigned n = blk_iov_slice(iov, count, skip, x->len, part);

    return q->node.file->ops->write(q->node.file, x->host, part, n);
}

int qcow2_write_held(struct qcow2 *q, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    struct qcow2_extent x;
    u64 done = 0, part;
    int rc = 0;

    for (; rc == 0 && done < len; done += part) {
        part = 0;
        rc = qcow2_begin(q);
        if (rc)
            return rc;
        rc = qcow2_extent_get(q, at + done, len - done, false, &x);
        if (rc || (x.kind == QCOW2_K_DATA && x.in_place)) {
            qcow2_will_write(q, x.host + x.len);
            host_mutex_unlock(&q->lock);
            part = x.len;
            rc = rc ? rc : write_in_place(q, &x, iov, count, done);
        } else {
            rc = write_new(q, &x, at + done, iov, count, done, &part);
        }
    }
    return rc;
}

int qcow2_write(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    struct qcow2 *q = qcow2_of(n);
    struct blk_range range = qcow2_range_of(q, at, len, true);
    int rc;

    blk_range_lock(&q->ranges, &range);
    rc = qcow2_write_held(q, at, len, iov, count);
    blk_range_unlock(&q->ranges, &range);
    return rc;
}

/* --- the rest --- */

int qcow2_flush(struct blk_node *n)
{
    struct qcow2 *q = qcow2_of(n);
    int rc;

    if (n->read_only)
        return 0;
    host_mutex_lock(&q->lock);
    rc = qcow2_commit(q);
    host_mutex_unlock(&q->lock);
    if (rc == 0)
        rc = n->file->ops->sync(n->file);
    return rc < 0 ? rc : 0;
}

int qcow2_status(struct blk_node *n, u64 at, u64 len, u64 *ret_len)
{
    struct qcow2 *q = qcow2_of(n);
    struct qcow2_extent x;
    int rc = qcow2_look(q, at, len, &x);

    if (rc)
        return rc;
    *ret_len = x.len;
    switch (x.kind) {
    case QCOW2_K_NONE: return n->backing ? BLK_STATUS_NONE : BLK_STATUS_ZERO;
    case QCOW2_K_ZERO: return BLK_STATUS_ZERO;
    default: return BLK_STATUS_DATA;
    }
}
