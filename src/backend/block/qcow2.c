/*
 * qcow2.c - opening and closing; the machine's fast path.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include "base/checked.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L2_CACHE    (16 * MIB)
#define BLOCK_CACHE (4 * MIB)

static const struct blk_format qcow2_format;

bool blk_is_qcow2(const struct blk_node *n)
{
    return n->format == &qcow2_format;
}

/* --- closing --- */

static int fini(struct qcow2 *q)
{
    blk_ranges_fini(&q->ranges);
    host_cond_fini(&q->committed);
    host_mutex_fini(&q->lock);
    host_mutex_fini(&q->unpack_lock);
    qcow2_cache_fini(&q->l2);
    qcow2_cache_fini(&q->blocks);
    blk_node_free(q->node.backing);
    blk_file_free(q->node.file);
    free(q->meta.slot);
    free(q->l1);
    free(q->reftable);
    free(q->freed);
    free(q->unpacked);
    free(q->backing_name);
    free(q->backing_format);
    free(q->node.path);
    free(q);
    return 0;
}

/* The second flush writes the counts that the first lowers. */
static int qcow2_free(struct blk_node *n)
{
    int rc = qcow2_flush(n);

    if (rc == 0)
        rc = qcow2_flush(n);
    fini(qcow2_of(n));
    return rc;
}

/* --- opening --- */

/* A table of `count` entries in host order. */
static int read_table(struct qcow2 *q, u64 at, u64 count, u64 **ret)
{
    u64 *table = malloc(8 * count + 8);
    int rc = table ? blk_file_read(q->node.file, at, table, 8 * count) : -ENOMEM;

    for (u64 i = 0; rc == 0 && i < count; i++)
        table[i] = be64_get(&table[i]);
    *ret = table;
    return rc;
}

static int mark(struct qcow2 *q, u64 at, u64 bytes)
{
    int rc = 0;

    for (u64 off = 0; rc == 0 && off < bytes; off += q->cluster_size)
        rc = qcow2_set_add(&q->meta, (at + off) >> q->cluster_bits);
    return rc;
}

/* No data may be written over these. */
static int mark_metadata(struct qcow2 *q)
{
    int rc = mark(q, q->l1_at, 8 * q->l1_size);

    if (rc == 0)
        rc = mark(q, q->reftable_at, 8 * q->reftable_size);
    for (u64 i = 0; rc == 0 && i < q->l1_size; i++)
        rc = qcow2_set_add(&q->meta, (q->l1[i] & QCOW2_OFFSET) >> q->cluster_bits);
    for (u64 i = 0; rc == 0 && i < q->reftable_size; i++)
        rc = qcow2_set_add(&q->meta, (q->reftable[i] & QCOW2_OFFSET) >> q->cluster_bits);
    return rc;
}

static int read_tables(struct qcow2 *q, struct err *err)
{
    u64 end = 0;
    int rc = q->node.file->ops->size(q->node.file, &end);

    q->file_end = end;
    if (rc == 0)
        end = bits_align_up(end, q->cluster_size);
    if (rc == 0 && (!checked_range(q->l1_at, 8 * q->l1_size, end) ||
                    !checked_range(q->reftable_at, 8 * q->reftable_size, end)))
        return err_set(err, EINVAL, "disk image \"%s\" is cut off: its tables lie behind its end",
                       q->node.path);
    if (rc == 0)
        rc = read_table(q, q->l1_at, q->l1_size, &q->l1);
    if (rc == 0)
        rc = read_table(q, q->reftable_at, q->reftable_size, &q->reftable);
    if (rc == 0)
        rc = qcow2_cache_init(q, &q->l2, L2_CACHE);
    if (rc == 0)
        rc = qcow2_cache_init(q, &q->blocks, BLOCK_CACHE);
    if (rc == 0)
        rc = mark_metadata(q);
    return rc ? err_set_errno(err, -rc, "cannot read disk image \"%s\"", q->node.path) : 0;
}

/* Relative names are relative to the image's folder. */
static int backing_path(struct qcow2 *q, char *out, size_t size)
{
    const char *slash = strrchr(q->node.path, '/');
    int dir = slash && q->backing_name[0] != '/' ? (int)(slash - q->node.path) + 1 : 0;

    return snprintf(out, size, "%.*s%s", dir, q->node.path, q->backing_name) >= (int)size;
}

static int open_backing(struct qcow2 *q, struct err *err)
{
    const char *colon, *slash;
    char path[4096];
    int rc;

    if (!q->backing_name)
        return 0;
    colon = strchr(q->backing_name, ':');
    slash = strchr(q->backing_name, '/');
    if (colon && (!slash || colon < slash))
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" has a backing image that is no file: \"%s\"",
                       q->node.path, q->backing_name);
    if (!q->backing_format)
        return err_set(err, EINVAL,
                       "disk image \"%s\" does not say of which format its backing file \"%s\" "
                       "is, and guessing is not safe: qemu-img rebase -u -b FILE -F raw|qcow2",
                       q->node.path, q->backing_name);
    if (q->depth >= BLK_BACKING_DEPTH)
        return err_set(err, ELOOP, "disk image \"%s\" has more than %d backing files in a row",
                       q->node.path, BLK_BACKING_DEPTH);
    if (backing_path(q, path, sizeof path))
        return err_set(err, ENAMETOOLONG,
                       "the backing file's name of disk image \"%s\" is too long", q->node.path);
    rc = blk_node_open(path, q->backing_format,
                       (q->flags & BLK_OPEN_WRITE_BACKING ? 0 : BLK_OPEN_READ_ONLY) |
                           (q->flags & BLK_OPEN_UNLOCKED),
                       q->depth + 1, &q->node.backing, err);
    if (rc && q->depth == 0)
        return err_wrap(err, "what is behind disk image \"%s\"", q->node.path);
    return rc;
}

/* Features that a writer who does not know them makes invalid. */
static int clear_autoclear(struct qcow2 *q, struct err *err)
{
    u8 none[8] = { 0 };
    int rc;

    if (q->node.read_only || q->autoclear == 0)
        return 0;
    rc = qcow2_header_write(q, QCOW2_H_AUTOCLEAR, none, sizeof none);
    return rc ? err_set_errno(err, -rc, "cannot write to disk image \"%s\"", q->node.path) : 0;
}

int blk_qcow2_open(struct blk_file *file, const char *path, unsigned flags, unsigned depth,
                   struct blk_node **ret, struct err *err)
{
    struct qcow2 *q = calloc(1, sizeof *q);
    int rc;

    if (!q) {
        blk_file_free(file);
        return err_set(err, ENOMEM, "no memory for disk image \"%s\"", path);
    }
    q->node =
        (struct blk_node){ &qcow2_format, file, NULL, strdup(path), 0, flags & BLK_OPEN_READ_ONLY };
    q->depth = depth;
    q->flags = flags;
    blk_ranges_init(&q->ranges);
    host_mutex_init(&q->lock);
    host_cond_init(&q->committed);
    host_mutex_init(&q->unpack_lock);
    rc = q->node.path ? qcow2_header_read(q, err) : err_set_errno(err, ENOMEM, "disk image");
    if (rc == 0)
        rc = read_tables(q, err);
    if (rc == 0)
        rc = open_backing(q, err);
    if (rc == 0)
        rc = clear_autoclear(q, err);
    if (rc) {
        fini(q);
        return rc;
    }
    *ret = &q->node;
    return 0;
}

void blk_qcow2_info_get(struct blk_node *n, struct blk_qcow2_info *ret)
{
    const struct qcow2 *q = qcow2_of(n);

    *ret = (struct blk_qcow2_info){
        .cluster_size = q->cluster_size,
        .version = q->version,
        .refcount_bits = 1u << q->refcount_order,
        .snapshots = q->snapshots,
        .zstd = q->zstd,
        .dirty = q->incompatible & QCOW2_DIRTY,
        .corrupt = q->incompatible & QCOW2_CORRUPT,
        .lazy_refcounts = q->compatible & 1,
        .backing = q->backing_name,
        .backing_format = q->backing_format,
    };
}

/* --- the fast path --- */

/* With the lock, which was free. */
static bool map_locked(struct qcow2 *q, bool write, u64 at, u64 len, u64 *ret_at)
{
    struct qcow2_extent x;

    if (qcow2_extent_get(q, at, len, true, &x) || x.kind != QCOW2_K_DATA || x.len != len ||
        (write && !x.in_place))
        return false;
    if (write)
        qcow2_will_write(q, x.host + len);
    *ret_at = x.host;
    return true;
}

bool blk_qcow2_map(struct blk_node *n, bool write, u64 at, u64 len, struct blk_range *range,
                   u64 *ret_at)
{
    struct qcow2 *q = qcow2_of(n);
    bool ok = false;

    *range = (struct blk_range){ .first = at >> q->cluster_bits,
                                 .last = (at + len - 1) >> q->cluster_bits };
    if (!blk_range_trylock(&q->ranges, range))
        return false;
    if (host_mutex_trylock(&q->lock)) {
        ok = map_locked(q, write, at, len, ret_at);
        host_mutex_unlock(&q->lock);
    }
    if (!ok)
        blk_range_unlock(&q->ranges, range);
    return ok;
}

void blk_qcow2_unmap(struct blk_node *n, struct blk_range *range)
{
    blk_range_unlock(&qcow2_of(n)->ranges, range);
}

bool blk_qcow2_is_clean(struct blk_node *n)
{
    struct qcow2 *q = qcow2_of(n);
    bool clean = false;

    if (host_mutex_trylock(&q->lock)) {
        clean = !q->committing && qcow2_is_clean(q);
        host_mutex_unlock(&q->lock);
    }
    return clean;
}

static const struct blk_format qcow2_format = {
    .name = "qcow2",
    .read = qcow2_read,
    .write = qcow2_write,
    .zero = qcow2_zero,
    .discard = qcow2_discard,
    .flush = qcow2_flush,
    .status = qcow2_status,
    .resize = qcow2_resize,
    .free = qcow2_free,
};
