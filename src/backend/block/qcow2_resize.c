/*
 * qcow2_resize.c - more or less disk.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Size, encryption (none), entries and place of the L1 table: neighbours in the header. */
static int write_fields(struct qcow2 *q, u64 size, u64 l1_size, u64 l1_at)
{
    u8 f[QCOW2_H_REFTABLE - QCOW2_H_SIZE] = { 0 };

    be64_put(f, size);
    be32_put(f + (QCOW2_H_L1_SIZE - QCOW2_H_SIZE), (u32)l1_size);
    be64_put(f + (QCOW2_H_L1 - QCOW2_H_SIZE), l1_at);
    return qcow2_header_write(q, QCOW2_H_SIZE, f, sizeof f);
}

static int write_l1(struct qcow2 *q, u64 first, u64 clusters, const u64 *l1)
{
    u64 per = q->cluster_size / 8;
    u8 *buf = malloc(q->cluster_size);
    int rc = buf ? 0 : -ENOMEM;

    for (u64 c = 0; rc == 0 && c < clusters; c++) {
        for (u64 i = 0; i < per; i++)
            be64_put(buf + 8 * i, l1[c * per + i]);
        rc = qcow2_meta_write(q, (first + c) << q->cluster_bits, buf, q->cluster_size);
    }
    free(buf);
    return rc;
}

/* With the lock and nothing dirty: entries in a place of their own, then the header. */
static int move_l1(struct qcow2 *q, u64 size, u64 entries, u64 *l1, u64 clusters)
{
    u64 first, count, old_at = q->l1_at, old_size = q->l1_size;
    int rc = qcow2_clusters_take(q, clusters, true, &first, &count);

    if (rc)
        return rc;
    rc = write_l1(q, first, clusters, l1);
    for (u64 i = 0; rc == 0 && i < clusters; i++)
        rc = qcow2_set_add(&q->meta, first + i);
    if (rc == 0)
        rc = qcow2_blocks_sync(q);
    if (rc == 0)
        rc = write_fields(q, size, entries, first << q->cluster_bits);
    if (rc)
        return rc;
    free(q->l1);
    q->l1 = l1;
    q->l1_size = entries;
    q->l1_at = first << q->cluster_bits;
    if (old_size == 0)
        return 0;
    return qcow2_free_later(q, old_at >> q->cluster_bits,
                            (8 * old_size + q->cluster_size - 1) >> q->cluster_bits, false);
}

static int grow_l1(struct qcow2 *q, u64 size, u64 entries)
{
    u64 per = q->cluster_size / 8, clusters = (entries + per - 1) / per, *l1;
    int rc;

    if (entries > QCOW2_L1_MAX)
        return -EFBIG;
    l1 = calloc(clusters * per, sizeof *l1);
    if (!l1)
        return -ENOMEM;
    if (q->l1_size)
        memcpy(l1, q->l1, q->l1_size * sizeof *l1);
    rc = move_l1(q, size, entries, l1, clusters);
    if (q->l1 != l1)
        free(l1);
    return rc;
}

int qcow2_grow_tables(struct qcow2 *q, u64 size)
{
    u64 per = q->cluster_size * q->l2_entries, entries = (size + per - 1) / per;
    int rc = 0;

    host_mutex_lock(&q->lock);
    /* What is in memory must be on disk before the L1 table is copied. */
    do
        rc = qcow2_commit(q);
    while (rc >= 0 && q->l1_dirty_from != q->l1_dirty_to);
    if (rc >= 0)
        rc = entries > q->l1_size ? grow_l1(q, size, entries)
                                  : write_fields(q, size, q->l1_size, q->l1_at);
    if (rc == 0)
        q->node.size = size;
    host_mutex_unlock(&q->lock);
    return rc;
}

int blk_qcow2_drop(struct blk_node *n, u64 at)
{
    int rc = qcow2_drop(qcow2_of(n), at);

    return rc ? rc : qcow2_flush(n);
}

static int shrink(struct qcow2 *q, u64 size)
{
    int rc = blk_qcow2_drop(&q->node, bits_align_up(size, q->cluster_size));

    return rc ? rc : qcow2_grow_tables(q, size);
}

/* The new part is zeroes, whatever the last cluster or a longer backing image holds. */
static int grow(struct qcow2 *q, u64 size)
{
    u64 old = q->node.size, to = bits_align_up(old, q->cluster_size);
    int rc = qcow2_grow_tables(q, size);

    if (q->node.backing && q->node.backing->size > to)
        to = q->node.backing->size;
    to = qcow2_min(to, size);
    return rc || to <= old ? rc : qcow2_zero(&q->node, old, to - old, true);
}

int qcow2_resize(struct blk_node *n, u64 size, struct err *err)
{
    struct qcow2 *q = qcow2_of(n);
    int rc;

    if (q->snapshots)
        return err_set(err, ENOTSUP, "disk image \"%s\" has internal snapshots and keeps its size",
                       n->path);
    rc = size < n->size ? shrink(q, size) : grow(q, size);
    if (rc == 0)
        rc = qcow2_flush(n);
    return rc ? err_set_errno(err, -rc, "disk image \"%s\" cannot be resized to %llu bytes",
                              n->path, (unsigned long long)size)
              : 0;
}
