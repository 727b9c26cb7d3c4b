/*
 * qcow2_check.c - are all clusters counted as often as they are used?
 *
 * Tables are read from the file, not through the cache: the node was just opened.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include "base/checked.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX    (1ull << 31)
#define SNAPSHOT_FIXED  40u
#define SNAPSHOT_STRIDE (64 * KIB) /* of one entry at most: bounds a damaged table */

struct check {
    struct qcow2 *q;
    u32 *refs; /* owns: of each cluster */
    u64 count;
    bool repair;
    struct blk_qcow2_check *out;
    u8 *table; /* owns: an L2 table */
};

/* --- counting references --- */

static void refer(struct check *c, u64 at, u64 len)
{
    u64 first = at >> c->q->cluster_bits, last;

    if (len == 0)
        return;
    if (at > UINT64_MAX - len || (last = (at + len - 1) >> c->q->cluster_bits) >= c->count) {
        c->out->errors++;
        return;
    }
    for (u64 i = first; i <= last; i++)
        c->refs[i] += c->refs[i] < UINT32_MAX;
    if ((last + 1) << c->q->cluster_bits > c->out->end)
        c->out->end = (last + 1) << c->q->cluster_bits;
}

static bool misplaced(struct check *c, u64 at)
{
    bool bad = at & (c->q->cluster_size - 1);

    c->out->errors += bad;
    return bad;
}

static void refer_entry(struct check *c, u64 entry, bool active)
{
    u64 at = entry & QCOW2_OFFSET, len;

    if (entry & QCOW2_COMPRESSED) {
        c->out->errors += (entry & QCOW2_COPIED) != 0;
        qcow2_packed_place(c->q, entry, &at, &len);
        /* Lengths are rounded up to sectors, also at the end of the file. */
        refer(c, at, len);
        c->out->compressed += active;
    } else if (at && !misplaced(c, at)) {
        refer(c, at, c->q->cluster_size);
    }
    c->out->allocated += active && (entry & QCOW2_COMPRESSED || at);
}

static int refer_l2(struct check *c, u64 at, bool active)
{
    int rc;

    refer(c, at, c->q->cluster_size);
    rc = blk_file_read(c->q->node.file, at, c->table, c->q->cluster_size);
    for (u64 i = 0; rc == 0 && i < c->q->l2_entries; i++)
        refer_entry(c, be64_get(c->table + 8 * i), active);
    return rc;
}

static int refer_l1(struct check *c, u64 at, const u64 *l1, u64 size, bool active)
{
    int rc = 0;

    refer(c, at, 8 * size);
    for (u64 i = 0; rc == 0 && i < size; i++) {
        u64 l2 = l1[i] & QCOW2_OFFSET;

        if (l2 && !misplaced(c, l2))
            rc = refer_l2(c, l2, active);
    }
    return rc;
}

/* --- snapshots --- */

static int refer_snapshot(struct check *c, const u8 *entry)
{
    u64 at = be64_get(entry), size = be32_get(entry + 8), *l1;
    int rc;

    if (size > QCOW2_L1_MAX || misplaced(c, at)) {
        c->out->errors++;
        return 0;
    }
    l1 = malloc(8 * size + 8);
    rc = l1 ? blk_file_read(c->q->node.file, at, l1, 8 * size) : -ENOMEM;
    for (u64 i = 0; rc == 0 && i < size; i++)
        l1[i] = be64_get(&l1[i]);
    if (rc == 0)
        rc = refer_l1(c, at, l1, size, false);
    free(l1);
    return rc;
}

static int refer_snapshots(struct check *c)
{
    u64 at = c->q->snapshots_at;
    u8 entry[SNAPSHOT_FIXED];
    int rc = 0;

    for (u32 i = 0; rc == 0 && i < c->q->snapshots; i++) {
        u64 more;

        rc = blk_file_read(c->q->node.file, at, entry, sizeof entry);
        if (rc)
            break;
        more = (u64)be16_get(entry + 12) + be16_get(entry + 14) + be32_get(entry + 36);
        if (more > SNAPSHOT_STRIDE || at >> 56) {
            c->out->errors++;
            break;
        }
        rc = refer_snapshot(c, entry);
        at += bits_align_up(SNAPSHOT_FIXED + more, 8);
    }
    refer(c, c->q->snapshots_at, at - c->q->snapshots_at);
    return rc;
}

static int refer_all(struct check *c)
{
    struct qcow2 *q = c->q;
    int rc;

    refer(c, 0, q->cluster_size);
    refer(c, q->reftable_at, 8 * q->reftable_size);
    for (u64 i = 0; i < q->reftable_size; i++)
        if (q->reftable[i] && !misplaced(c, q->reftable[i]))
            refer(c, q->reftable[i], q->cluster_size);
    rc = refer_l1(c, q->l1_at, q->l1, q->l1_size, true);
    return rc ? rc : refer_snapshots(c);
}

/* --- comparing --- */

/* False: it cannot be made right. */
static bool set_count(struct check *c, u64 cluster)
{
    u64 want = c->refs[cluster], index = cluster / c->q->block_entries;

    if (want > qcow2_refcount_max(c->q))
        return false;
    /* A missing block is made in its first cluster, which must not be in use. */
    if ((index >= c->q->reftable_size || c->q->reftable[index] == 0) &&
        (c->refs[index * c->q->block_entries] || qcow2_cluster_is_free(c->q, cluster) < 0))
        return false;
    return qcow2_refcount_set(c->q, cluster, want) == 0;
}

static int compare(struct check *c)
{
    for (u64 i = 0; i < c->count; i++) {
        s64 have = qcow2_refcount_get(c->q, i);
        bool error = have < 0 || (u64)have < c->refs[i];

        if (have >= 0 && (u64)have == c->refs[i])
            continue;
        if (have == -ENOMEM)
            return -ENOMEM;
        if (c->repair && set_count(c, i)) {
            c->out->repaired_errors += error;
            c->out->repaired_leaks += !error;
        } else {
            c->out->errors += error;
            c->out->leaks += !error;
        }
    }
    return 0;
}

/* --- the COPIED flags of the active tables --- */

/* Returns the entry as it should be. */
static u64 flag_entry(const struct check *c, u64 entry)
{
    u64 at = entry & QCOW2_OFFSET;

    if (entry & QCOW2_COMPRESSED)
        return entry & ~QCOW2_COPIED;
    if (at == 0 || at & (c->q->cluster_size - 1) || at >> c->q->cluster_bits >= c->count)
        return entry;
    return c->refs[at >> c->q->cluster_bits] == 1 ? entry | QCOW2_COPIED : entry & ~QCOW2_COPIED;
}

static int flag_found(struct check *c, u64 at, u64 entry)
{
    u8 right[8];

    if (!c->repair) {
        c->out->errors++;
        return 0;
    }
    be64_put(right, entry);
    c->out->repaired_errors++;
    return blk_file_write(c->q->node.file, at, right, sizeof right);
}

static int check_l2_flags(struct check *c, u64 at)
{
    int rc = blk_file_read(c->q->node.file, at, c->table, c->q->cluster_size);

    for (u64 i = 0; rc == 0 && i < c->q->l2_entries; i++) {
        u64 entry = be64_get(c->table + 8 * i), right = flag_entry(c, entry);

        if (entry != right)
            rc = flag_found(c, at + 8 * i, right);
    }
    return rc;
}

static int check_flags(struct check *c)
{
    int rc = 0;

    for (u64 i = 0; rc == 0 && i < c->q->l1_size; i++) {
        u64 entry = c->q->l1[i], right = flag_entry(c, entry);

        if (entry != right)
            rc = flag_found(c, c->q->l1_at + 8 * i, right);
        if (rc == 0 && c->repair)
            c->q->l1[i] = right;
        if (rc == 0 && entry & QCOW2_OFFSET && !(entry & (c->q->cluster_size - 1) & QCOW2_OFFSET))
            rc = check_l2_flags(c, entry & QCOW2_OFFSET);
    }
    return rc;
}

/* --- the whole --- */

/* The marks that say an image is in need of this. */
static int clear_marks(struct qcow2 *q)
{
    u8 features[8];
    int rc = qcow2_commit(q); /* a table of counts that was replaced is free */

    if (rc >= 0)
        rc = qcow2_blocks_sync(q);
    if (rc || !(q->incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT)))
        return rc;
    q->incompatible &= ~(u64)(QCOW2_DIRTY | QCOW2_CORRUPT);
    be64_put(features, q->incompatible);
    return qcow2_header_write(q, QCOW2_H_INCOMPATIBLE, features, sizeof features);
}

static int check_all(struct check *c)
{
    int rc = refer_all(c);

    if (rc == 0)
        rc = compare(c);
    if (rc == 0)
        rc = check_flags(c);
    if (rc == 0 && c->repair && c->out->errors == 0)
        rc = clear_marks(c->q);
    return rc;
}

int blk_qcow2_check(struct blk_node *n, bool repair, struct blk_qcow2_check *ret, struct err *err)
{
    struct qcow2 *q = qcow2_of(n);
    struct check c = { .q = q, .repair = repair, .out = ret };
    u64 end = 0;
    int rc = n->file->ops->size(n->file, &end);

    *ret =
        (struct blk_qcow2_check){ .clusters = (n->size + q->cluster_size - 1) >> q->cluster_bits };
    if (q->has_bitmaps)
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" has persistent bitmaps, which are not checked", n->path);
    c.count = (end + q->cluster_size - 1) >> q->cluster_bits;
    if (rc == 0 && c.count > CLUSTERS_MAX)
        return err_set(err, EFBIG, "disk image \"%s\" has too many clusters to be checked",
                       n->path);
    c.refs = calloc(c.count + 1, sizeof *c.refs);
    c.table = malloc(q->cluster_size);
    if (rc == 0 && (!c.refs || !c.table))
        rc = -ENOMEM;
    host_mutex_lock(&q->lock);
    q->complained = true; /* what is found is counted */
    rc = rc ? rc : check_all(&c);
    host_mutex_unlock(&q->lock);
    free(c.refs);
    free(c.table);
    return rc ? err_set_errno(err, -rc, "disk image \"%s\" cannot be checked", n->path) : 0;
}
