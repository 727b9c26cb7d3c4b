/*
 * qcow2_packed.c - compressed clusters: read by anybody, written by a conversion only.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- reading --- */

/* With the unpack lock. */
static int unpack_cluster(struct qcow2 *q, u64 entry)
{
    u64 at, len;
    u8 *packed;
    int rc;

    if (q->unpacked_entry == entry)
        return 0;
    qcow2_packed_place(q, entry, &at, &len);
    if (!q->unpacked)
        q->unpacked = malloc(q->cluster_size);
    packed = malloc(len);
    q->unpacked_entry = 0;
    rc = packed && q->unpacked ? blk_file_read(q->node.file, at, packed, len) : -ENOMEM;
    if (rc == 0)
        rc = q->zstd ? qcow2_zstd_unpack(packed, len, q->unpacked, q->cluster_size)
                     : qcow2_zlib_unpack(packed, len, q->unpacked, q->cluster_size);
    if (rc == 0)
        q->unpacked_entry = entry;
    free(packed);
    return rc;
}

int qcow2_unpack(struct qcow2 *q, u64 entry, u64 skip, u64 len, const struct iovec *iov,
                 unsigned count, u64 iov_skip)
{
    int rc;

    host_mutex_lock(&q->unpack_lock);
    rc = unpack_cluster(q, entry);
    if (rc == 0)
        blk_iov_put(iov, count, iov_skip, q->unpacked + skip, len);
    host_mutex_unlock(&q->unpack_lock);
    if (rc == -EIO) {
        host_mutex_lock(&q->lock);
        qcow2_damaged(q, "a compressed cluster cannot be read", entry);
        host_mutex_unlock(&q->lock);
    }
    return rc;
}

/* --- writing --- */

/* With the lock: len bytes behind the last compressed cluster, or from a new one on. The
 * clusters they touch are counted once more. */
static int take_bytes(struct qcow2 *q, u64 len, u64 *ret_at)
{
    u64 used = q->packed_at & (q->cluster_size - 1), cluster, count;
    u64 at = q->packed_at, last = (at - 1) >> q->cluster_bits;
    s64 refs = used ? qcow2_refcount_get(q, last) : 0;
    int rc;

    if (refs < 0)
        return (int)refs;
    if (used == 0 || (u64)refs >= qcow2_refcount_max(q))
        at = 0;
    /* One more cluster unless the last one's rest will do; it should be the next. */
    if (at == 0 || used + len > q->cluster_size) {
        rc = qcow2_clusters_take(q, 1, false, &cluster, &count);
        if (rc)
            return rc;
        if (at == 0 || cluster != last + 1) {
            at = cluster << q->cluster_bits;
            used = 0;
        }
    }
    if (used) {
        rc = qcow2_refcount_set(q, last, (u64)refs + 1);
        if (rc)
            return rc;
    }
    *ret_at = at;
    q->packed_at = at + len;
    qcow2_will_write(q, at + len);
    return 0;
}

static u64 packed_entry(const struct qcow2 *q, u64 at, u64 len)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    u64 sectors = ((at & 511) + len + 511) / 512 - 1;

    return QCOW2_COMPRESSED | sectors << bits | at;
}

static int write_packed(struct qcow2 *q, u64 at, const u8 *packed, u64 len)
{
    struct qcow2_extent x;
    u64 place = 0;
    int rc;

    host_mutex_lock(&q->lock);
    rc = qcow2_make_room(q);
    if (rc == 0)
        rc = qcow2_extent_get(q, at, 1, false, &x);
    if (rc == 0 && x.kind != QCOW2_K_NONE)
        rc = -EEXIST;
    if (rc == 0)
        rc = take_bytes(q, len, &place);
    if (rc == 0)
        rc = blk_file_write(q->node.file, place, packed, len);
    if (rc == 0)
        rc = qcow2_l2_set(q, at, packed_entry(q, place, len), false);
    host_mutex_unlock(&q->lock);
    return rc;
}

int blk_qcow2_write_packed(struct blk_node *n, u64 at, const void *data, u64 len)
{
    struct qcow2 *q = qcow2_of(n);
    u8 *whole = calloc(1, q->cluster_size), *packed = malloc(q->cluster_size);
    ssize_t size = -ENOMEM;
    int rc;

    if (whole && packed) {
        memcpy(whole, data, len);
        size = q->zstd ? qcow2_zstd_pack(whole, q->cluster_size, packed, q->cluster_size - 1)
                       : qcow2_zlib_pack(whole, q->cluster_size, packed, q->cluster_size - 1);
    }
    if (size < 0)
        rc = (int)size;
    else if (size == 0)
        rc = blk_node_write(n, at, data, len);
    else
        rc = write_packed(q, at, packed, (u64)size);
    free(whole);
    free(packed);
    return rc;
}
