/*
 * qcow2_refcount.c - how often each cluster is used, and taking free ones.
 *
 * Counts are in blocks of one cluster, found through a table. A block that is missing
 * means that all its clusters are free; when one is wanted, the block is made in the first
 * of them, written and synced before the table points to it.
 */
#include "backend/block/qcow2.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX(q) ((1ull << 55) >> (q)->cluster_bits)

/* --- one count in a block; widths under 8 bits start at the lowest bit --- */

u64 qcow2_count_get(const u8 *data, unsigned order, u64 index)
{
    switch (order) {
    case 0:
    case 1:
    case 2: {
        unsigned per = 3 - order, bits = 1u << order;

        return bits_get(data[index >> per], (unsigned)(index & bits_mask(per)) * bits, bits);
    }
    case 3: return data[index];
    case 4: return be16_get(data + 2 * index);
    case 5: return be32_get(data + 4 * index);
    default: return be64_get(data + 8 * index);
    }
}

void qcow2_count_put(u8 *data, unsigned order, u64 index, u64 count)
{
    switch (order) {
    case 0:
    case 1:
    case 2: {
        unsigned per = 3 - order, bits = 1u << order;
        u8 *byte = &data[index >> per];

        *byte = (u8)bits_put(*byte, (unsigned)(index & bits_mask(per)) * bits, bits, count);
        break;
    }
    case 3: data[index] = (u8)count; break;
    case 4: be16_put(data + 2 * index, (u16)count); break;
    case 5: be32_put(data + 4 * index, (u32)count); break;
    default: be64_put(data + 8 * index, count);
    }
}

u64 qcow2_refcount_max(const struct qcow2 *q)
{
    return bits_mask(1u << q->refcount_order);
}

/* --- blocks --- */

/* NULL in *ret: there is none. */
static int block_find(struct qcow2 *q, u64 cluster, struct qcow2_table **ret)
{
    u64 index = cluster / q->block_entries, at;

    *ret = NULL;
    if (index >= q->reftable_size || q->reftable[index] == 0)
        return 0;
    at = q->reftable[index];
    if (at & (q->cluster_size - 1) || at >> 56)
        return qcow2_damaged(q, "a block of reference counts is at an impossible place", at);
    return qcow2_table_get(q, &q->blocks, at, false, ret);
}

s64 qcow2_refcount_get(struct qcow2 *q, u64 cluster)
{
    struct qcow2_table *t;
    int rc = block_find(q, cluster, &t);
    u64 count;

    if (rc || !t)
        return rc;
    count = qcow2_count_get(t->data, q->refcount_order, cluster % q->block_entries);
    return count > INT64_MAX ? INT64_MAX : (s64)count;
}

int qcow2_refcount_set(struct qcow2 *q, u64 cluster, u64 count)
{
    u64 index = cluster % q->block_entries, bit;
    struct qcow2_table *t;
    int rc = block_find(q, cluster, &t);

    if (rc)
        return rc;
    if (!t || count > qcow2_refcount_max(q))
        return qcow2_damaged(q, "a cluster in use has no reference count", cluster);
    qcow2_count_put(t->data, q->refcount_order, index, count);
    bit = index << q->refcount_order;
    qcow2_table_dirty(t, bit / 8, bit / 8 + 1);
    return 0;
}

static int table_entry_write(struct qcow2 *q, u64 index, u64 at)
{
    u8 entry[8];

    be64_put(entry, at);
    q->reftable[index] = at;
    return qcow2_meta_write(q, q->reftable_at + 8 * index, entry, sizeof entry);
}

/* Makes the missing block `index`, whose clusters are all free. */
static int block_make(struct qcow2 *q, u64 index)
{
    u64 cluster = index * q->block_entries, at = cluster << q->cluster_bits;
    struct qcow2_table *t;
    int rc;

    if (qcow2_set_has(&q->meta, cluster))
        return qcow2_damaged(q, "a table has no reference count", at);
    rc = qcow2_table_get(q, &q->blocks, at, true, &t);
    if (rc)
        return rc;
    qcow2_count_put(t->data, q->refcount_order, 0, 1);
    rc = qcow2_table_write(q, t);
    if (rc == 0)
        rc = q->node.file->ops->sync(q->node.file);
    if (rc == 0)
        rc = qcow2_set_add(&q->meta, cluster);
    if (rc == 0)
        rc = table_entry_write(q, index, at);
    if (rc) {
        q->reftable[index] = 0;
        t->at = 0; /* it is not there */
        t->dirty_from = t->dirty_to = 0;
    }
    return rc;
}

/* --- a larger table --- */

struct growth {
    u64 first;                        /* cluster from which on all is uncounted, and free */
    u64 blocks, table_clusters, size; /* new blocks, then the table; its entries */
    u64 *table;
};

static void growth_plan(const struct qcow2 *q, u64 index, struct growth *g)
{
    u64 per_cluster = q->cluster_size / 8;

    g->first = q->reftable_size * q->block_entries;
    g->blocks = 0;
    do {
        g->blocks++;
        g->size = q->reftable_size + q->reftable_size / 2 + g->blocks;
        if (g->size <= index)
            g->size = index + 1;
        g->table_clusters = (g->size + per_cluster - 1) / per_cluster;
        g->size = g->table_clusters * per_cluster;
    } while (g->blocks * q->block_entries < g->blocks + g->table_clusters);
}

static int growth_write(struct qcow2 *q, const struct growth *g)
{
    u64 at = g->first << q->cluster_bits, used = g->blocks + g->table_clusters;
    u8 *buf = calloc(1, q->cluster_size);
    int rc = buf ? 0 : -ENOMEM;

    for (u64 b = 0; rc == 0 && b < g->blocks; b++) {
        memset(buf, 0, q->cluster_size);
        for (u64 i = 0; i < q->block_entries && b * q->block_entries + i < used; i++)
            qcow2_count_put(buf, q->refcount_order, i, 1);
        g->table[q->reftable_size + b] = at + (b << q->cluster_bits);
        rc = qcow2_meta_write(q, at + (b << q->cluster_bits), buf, q->cluster_size);
    }
    at += g->blocks << q->cluster_bits;
    for (u64 i = 0; rc == 0 && i < g->size; i += q->cluster_size / 8) {
        for (u64 k = 0; k < q->cluster_size / 8; k++)
            be64_put(buf + 8 * k, g->table[i + k]);
        rc = qcow2_meta_write(q, at + 8 * i, buf, q->cluster_size);
    }
    free(buf);
    return rc ? rc : q->node.file->ops->sync(q->node.file);
}

static int growth_install(struct qcow2 *q, const struct growth *g)
{
    u64 at = (g->first + g->blocks) << q->cluster_bits, old_at = q->reftable_at;
    u64 old_clusters = q->reftable_size * 8 >> q->cluster_bits;
    u8 fields[12];
    int rc = 0;

    be64_put(fields, at);
    be32_put(fields + 8, (u32)g->table_clusters);
    for (u64 i = 0; rc == 0 && i < g->blocks + g->table_clusters; i++)
        rc = qcow2_set_add(&q->meta, g->first + i);
    if (rc == 0)
        rc = qcow2_header_write(q, QCOW2_H_REFTABLE, fields, sizeof fields);
    if (rc)
        return rc;
    free(q->reftable);
    q->reftable = g->table;
    q->reftable_size = g->size;
    q->reftable_at = at;
    return qcow2_free_later(q, old_at >> q->cluster_bits, old_clusters, false);
}

/* Room in the table for block `index`. */
static int table_grow(struct qcow2 *q, u64 index)
{
    struct growth g;
    int rc;

    growth_plan(q, index, &g);
    if (g.size > QCOW2_REFTABLE_MAX)
        return -EFBIG;
    g.table = calloc(g.size, sizeof *g.table);
    if (!g.table)
        return -ENOMEM;
    memcpy(g.table, q->reftable, q->reftable_size * sizeof *g.table);
    rc = growth_write(q, &g);
    if (rc == 0)
        rc = growth_install(q, &g);
    if (rc && q->reftable != g.table)
        free(g.table);
    return rc;
}

/* --- taking --- */

int qcow2_cluster_is_free(struct qcow2 *q, u64 cluster)
{
    u64 index = cluster / q->block_entries;
    int rc = 0;
    s64 count;

    if (cluster >= CLUSTERS_MAX(q))
        return -EFBIG;
    if (index >= q->reftable_size)
        rc = table_grow(q, index);
    if (rc == 0 && q->reftable[index] == 0)
        rc = block_make(q, index);
    if (rc)
        return rc;
    count = qcow2_refcount_get(q, cluster);
    return count < 0 ? (int)count : count == 0 && !qcow2_set_has(&q->meta, cluster);
}

int qcow2_clusters_take(struct qcow2 *q, u64 want, bool exact, u64 *ret_first, u64 *ret_count)
{
    u64 first = 0, run = 0, lowest = UINT64_MAX;
    int rc = 0;

    for (u64 c = q->free_hint; run < want; c++) {
        int is = qcow2_cluster_is_free(q, c);

        if (is < 0)
            return is;
        if (!is && run && !exact)
            break;
        if (is && lowest == UINT64_MAX)
            lowest = c;
        if (!is)
            run = 0;
        else if (run++ == 0)
            first = c;
    }
    for (u64 i = 0; rc == 0 && i < run; i++)
        rc = qcow2_refcount_set(q, first + i, 1);
    if (rc) {
        qcow2_clusters_untake(q, first, run);
        return rc;
    }
    q->free_hint = first == lowest ? first + run : lowest;
    *ret_first = first;
    *ret_count = run;
    return 0;
}

void qcow2_clusters_untake(struct qcow2 *q, u64 first, u64 count)
{
    for (u64 i = 0; i < count; i++)
        if (qcow2_refcount_set(q, first + i, 0))
            return; /* lost space, no more */
    if (first < q->free_hint)
        q->free_hint = first;
}

/* --- giving back --- */

int qcow2_free_later(struct qcow2 *q, u64 first, u64 count, bool punch)
{
    struct qcow2_free *last = q->freed_count ? &q->freed[q->freed_count - 1] : NULL;

    if (last && last->punch == punch && last->first + last->count == first) {
        last->count += count;
        return 0;
    }
    if (q->freed_count == q->freed_room) {
        unsigned room = q->freed_room ? q->freed_room * 2 : 64;
        struct qcow2_free *more = reallocarray(q->freed, room, sizeof *more);

        if (!more)
            return -ENOMEM;
        q->freed = more;
        q->freed_room = room;
    }
    q->freed[q->freed_count++] = (struct qcow2_free){ first, count, punch };
    return 0;
}

/* The count of one cluster goes down; a hole in the file first, when nobody else has it. */
static void lower(struct qcow2 *q, u64 cluster, bool punch)
{
    s64 count = qcow2_refcount_get(q, cluster);

    if (count <= 0) {
        if (count == 0)
            qcow2_damaged(q, "a cluster was in use and counted as free", cluster);
        return;
    }
    /* A host that cannot punch keeps the space for this image. */
    if (punch && count == 1)
        (void)q->node.file->ops->zero(q->node.file, cluster << q->cluster_bits, q->cluster_size,
                                      true);
    if (qcow2_refcount_set(q, cluster, (u64)count - 1) == 0 && count == 1 && cluster < q->free_hint)
        q->free_hint = cluster;
}

void qcow2_freed_apply(struct qcow2 *q, const struct qcow2_free *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (u64 k = 0; k < list[i].count; k++)
            lower(q, list[i].first + k, list[i].punch);
}
