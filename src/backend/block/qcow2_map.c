/*
 * qcow2_map.c - from a place on the guest's disk to a place in the file.
 */
#include "backend/block/qcow2.h"
#include <errno.h>
#include <string.h>

static u64 l1_index(const struct qcow2 *q, u64 at)
{
    return (at >> q->cluster_bits) / q->l2_entries;
}

static u64 l2_index(const struct qcow2 *q, u64 at)
{
    return (at >> q->cluster_bits) % q->l2_entries;
}

static bool misplaced(const struct qcow2 *q, u64 offset)
{
    return offset & (q->cluster_size - 1);
}

void qcow2_packed_place(const struct qcow2 *q, u64 entry, u64 *ret_at, u64 *ret_len)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    u64 sectors = bits_get(entry, bits, q->cluster_bits - 8) + 1;

    *ret_at = entry & bits_mask(bits);
    *ret_len = sectors * 512 - (*ret_at & 511);
}

/* NULL in *ret: no table there. */
static int table_of(struct qcow2 *q, u64 at, bool cached, struct qcow2_table **ret)
{
    u64 offset = q->l1[l1_index(q, at)] & QCOW2_OFFSET;

    *ret = NULL;
    if (offset == 0)
        return 0;
    if (misplaced(q, offset))
        return qcow2_damaged(q, "an L2 table is at an impossible place", offset);
    if (!cached)
        return qcow2_table_get(q, &q->l2, offset, false, ret);
    *ret = qcow2_table_find(&q->l2, offset);
    return *ret ? 0 : -EAGAIN;
}

/* --- looking up --- */

static int classify(struct qcow2 *q, u64 entry, struct qcow2_extent *x)
{
    u64 offset = entry & QCOW2_OFFSET;
    bool copied = entry & QCOW2_COPIED;

    *x = (struct qcow2_extent){ .entry = entry };
    if (entry & QCOW2_COMPRESSED) {
        x->kind = QCOW2_K_COMPRESSED;
        return 0;
    }
    if (misplaced(q, offset))
        return qcow2_damaged(q, "an L2 entry points to an impossible place", entry);
    x->host = offset;
    x->in_place = copied && offset && !qcow2_set_has(&q->meta, offset >> q->cluster_bits);
    if (copied && offset && !x->in_place)
        return qcow2_damaged(q, "an L2 entry points into the tables", entry);
    if (entry & QCOW2_ZERO && q->version >= 3)
        x->kind = QCOW2_K_ZERO;
    else
        x->kind = offset ? QCOW2_K_DATA : QCOW2_K_NONE;
    return 0;
}

/* b, one cluster on, continues a, which is `clusters` long. */
static bool continues(const struct qcow2 *q, const struct qcow2_extent *a,
                      const struct qcow2_extent *b, u64 clusters)
{
    if (a->kind != b->kind || a->kind == QCOW2_K_COMPRESSED)
        return false;
    if (a->kind == QCOW2_K_DATA)
        return a->in_place == b->in_place && a->host + (clusters << q->cluster_bits) == b->host;
    return a->kind == QCOW2_K_NONE || (!a->in_place && !b->in_place);
}

int qcow2_extent_get(struct qcow2 *q, u64 at, u64 len, bool cached, struct qcow2_extent *ret)
{
    u64 index = l2_index(q, at), skip = at & (q->cluster_size - 1), clusters = 1;
    u64 want =
        qcow2_min((skip + len + q->cluster_size - 1) >> q->cluster_bits, q->l2_entries - index);
    struct qcow2_table *t;
    int rc = table_of(q, at, cached, &t);

    if (rc)
        return rc;
    *ret = (struct qcow2_extent){ .kind = QCOW2_K_NONE };
    if (!t) {
        clusters = want;
    } else {
        struct qcow2_extent next;

        rc = classify(q, be64_get(t->data + 8 * index), ret);
        while (rc == 0 && clusters < want &&
               classify(q, be64_get(t->data + 8 * (index + clusters)), &next) == 0 &&
               continues(q, ret, &next, clusters))
            clusters++;
    }
    ret->len = qcow2_min((clusters << q->cluster_bits) - skip, len);
    if (ret->kind == QCOW2_K_DATA)
        ret->host += skip;
    return rc;
}

/* --- changing --- */

static void l1_put(struct qcow2 *q, u64 index, u64 entry)
{
    q->l1[index] = entry;
    if (q->l1_dirty_from == q->l1_dirty_to) {
        q->l1_dirty_from = index;
        q->l1_dirty_to = index + 1;
        return;
    }
    if (index < q->l1_dirty_from)
        q->l1_dirty_from = index;
    if (index >= q->l1_dirty_to)
        q->l1_dirty_to = index + 1;
}

/* A table of its own for an L1 entry that has none, or one shared with a snapshot (old). */
static int table_new(struct qcow2 *q, u64 index, u64 old, struct qcow2_table **ret)
{
    struct qcow2_table *t, *from;
    u64 cluster, count;
    int rc = qcow2_clusters_take(q, 1, false, &cluster, &count);

    if (rc)
        return rc;
    rc = qcow2_table_get(q, &q->l2, cluster << q->cluster_bits, true, &t);
    if (rc == 0)
        rc = qcow2_set_add(&q->meta, cluster);
    if (rc) {
        t = qcow2_table_find(&q->l2, cluster << q->cluster_bits);
        if (t)
            *t = (struct qcow2_table){ .data = t->data };
        qcow2_clusters_untake(q, cluster, 1);
        return rc;
    }
    if (old) {
        u64 at = t->at;

        rc = qcow2_table_get(q, &q->l2, old, false, &from);
        if (rc == 0)
            t = qcow2_table_find(&q->l2, at); /* dirty: it has not moved */
        if (rc == 0)
            memcpy(t->data, from->data, q->cluster_size);
        if (rc == 0)
            rc = qcow2_free_later(q, old >> q->cluster_bits, 1, false);
        if (rc)
            return rc; /* a cluster is lost */
    }
    l1_put(q, index, t->at | QCOW2_COPIED);
    *ret = t;
    return 0;
}

int qcow2_l2_writable(struct qcow2 *q, u64 at, struct qcow2_table **ret, u64 *ret_index)
{
    u64 index = l1_index(q, at), entry = q->l1[index];
    struct qcow2_table *t;
    int rc = table_of(q, at, false, &t);

    *ret_index = l2_index(q, at);
    if (rc == 0 && (!t || !(entry & QCOW2_COPIED)))
        rc = table_new(q, index, entry & QCOW2_OFFSET, &t);
    *ret = t;
    return rc;
}

/* What an entry refers to goes after the next commit. */
static int release(struct qcow2 *q, u64 entry, bool punch)
{
    u64 at = entry & QCOW2_OFFSET, len = q->cluster_size, first;

    if (entry & QCOW2_COMPRESSED)
        qcow2_packed_place(q, entry, &at, &len);
    else if (at == 0)
        return 0;
    first = at >> q->cluster_bits;
    return qcow2_free_later(q, first, ((at + len - 1) >> q->cluster_bits) - first + 1, punch);
}

int qcow2_l2_set(struct qcow2 *q, u64 at, u64 entry, bool punch)
{
    struct qcow2_table *t;
    u64 index, old;
    int rc = qcow2_l2_writable(q, at, &t, &index);

    if (rc)
        return rc;
    old = be64_get(t->data + 8 * index);
    if (old == entry)
        return 0;
    if (old & QCOW2_COMPRESSED || (old & QCOW2_OFFSET) != (entry & QCOW2_OFFSET)) {
        rc = release(q, old, punch);
        if (rc)
            return rc;
    }
    be64_put(t->data + 8 * index, entry);
    qcow2_table_dirty(t, 8 * index, 8 * index + 8);
    return 0;
}
