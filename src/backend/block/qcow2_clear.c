/*
 * qcow2_clear.c - zeroes, discards, and clusters that are dropped.
 */
#include "backend/block/qcow2.h"

enum clearing {
    CLEAR_KEEP,    /* zeroes, clusters stay */
    CLEAR_UNMAP,   /* zeroes, clusters go */
    CLEAR_DISCARD, /* clusters go */
    CLEAR_DROP     /* clusters go and what is behind shows again */
};

static int write_zeroes(struct qcow2 *q, u64 at, u64 len)
{
    static u8 zeroes[64 * KIB];
    struct iovec iov = { zeroes, 0 };
    int rc = 0;

    for (; rc == 0 && len; at += iov.iov_len, len -= iov.iov_len) {
        iov.iov_len = (size_t)qcow2_min(len, sizeof zeroes);
        rc = qcow2_write_held(q, at, iov.iov_len, &iov, 1);
    }
    return rc;
}

/* Less than a cluster. */
static int zero_part(struct qcow2 *q, u64 at, u64 len)
{
    struct qcow2_extent x;
    int rc = len ? qcow2_look(q, at, len, &x) : 0;

    return rc || len == 0 || qcow2_reads_zero(q, &x, at) ? rc : write_zeroes(q, at, len);
}

/* Nothing is to be done for an extent. */
static bool is_clear(const struct qcow2 *q, const struct qcow2_extent *x, u64 at, enum clearing how)
{
    bool unmapped = x->kind == QCOW2_K_NONE || (x->kind == QCOW2_K_ZERO && !x->host);

    switch (how) {
    case CLEAR_KEEP: return qcow2_reads_zero(q, x, at);
    case CLEAR_UNMAP: return qcow2_reads_zero(q, x, at) && unmapped;
    case CLEAR_DISCARD: return unmapped || (q->version < 3 && q->node.backing);
    case CLEAR_DROP: break;
    }
    return x->kind == QCOW2_K_NONE;
}

static u64 clear_entry(const struct qcow2 *q, const struct qcow2_extent *x, enum clearing how)
{
    if (how == CLEAR_KEEP && x->kind == QCOW2_K_DATA && x->in_place && q->version >= 3)
        return x->host | QCOW2_COPIED | QCOW2_ZERO;
    return how == CLEAR_DROP || !q->node.backing ? 0 : QCOW2_ZERO;
}

/* With the lock: the entries of an extent, which is within one table. */
static int clear_extent(struct qcow2 *q, const struct qcow2_extent *x, u64 at, enum clearing how)
{
    struct qcow2_extent one = *x;
    int rc = 0;

    for (u64 off = 0; rc == 0 && off < x->len; off += q->cluster_size) {
        one.host = x->host + off;
        rc = qcow2_l2_set(q, at + off, clear_entry(q, &one, how), true);
    }
    return rc;
}

/* Whole clusters, the last one perhaps cut off by the image's end; held exclusively. */
static int clear_held(struct qcow2 *q, u64 at, u64 len, enum clearing how)
{
    struct qcow2_extent x;
    int rc = 0;

    for (u64 end = at + len; rc == 0 && at < end; at += x.len) {
        rc = qcow2_begin(q);
        if (rc)
            return rc;
        rc = qcow2_extent_get(q, at, end - at, false, &x);
        if (rc || is_clear(q, &x, at, how)) {
            host_mutex_unlock(&q->lock);
        } else if (q->version < 3 && q->node.backing && how != CLEAR_DROP) {
            host_mutex_unlock(&q->lock);
            rc = write_zeroes(q, at, x.len);
        } else {
            rc = clear_extent(q, &x, at, how);
            host_mutex_unlock(&q->lock);
        }
    }
    return rc;
}

int qcow2_zero(struct blk_node *n, u64 at, u64 len, bool unmap)
{
    struct qcow2 *q = qcow2_of(n);
    struct blk_range range = qcow2_range_of(q, at, len, true);
    u64 end = at + len, from = qcow2_min(bits_align_up(at, q->cluster_size), end);
    u64 to = end == n->size ? end : bits_align_down(end, q->cluster_size);
    int rc;

    blk_range_lock(&q->ranges, &range);
    rc = zero_part(q, at, from - at);
    if (rc == 0 && to > from)
        rc = clear_held(q, from, to - from, unmap ? CLEAR_UNMAP : CLEAR_KEEP);
    if (rc == 0 && to >= from)
        rc = zero_part(q, to, end - to);
    blk_range_unlock(&q->ranges, &range);
    return rc;
}

int qcow2_discard(struct blk_node *n, u64 at, u64 len)
{
    struct qcow2 *q = qcow2_of(n);
    u64 end = at + len, from = bits_align_up(at, q->cluster_size);
    u64 to = end == n->size ? end : bits_align_down(end, q->cluster_size);
    struct blk_range range;
    int rc;

    if (to <= from)
        return 0;
    range = qcow2_range_of(q, from, to - from, true);
    blk_range_lock(&q->ranges, &range);
    rc = clear_held(q, from, to - from, CLEAR_DISCARD);
    blk_range_unlock(&q->ranges, &range);
    return rc;
}

int qcow2_drop(struct qcow2 *q, u64 at)
{
    return at < q->node.size ? clear_held(q, at, q->node.size - at, CLEAR_DROP) : 0;
}
