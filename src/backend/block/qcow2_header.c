/*
 * qcow2_header.c - the header of a qcow2 image, from a stranger.
 */
#include "backend/block/qcow2.h"
#include "base/checked.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXTENSIONS_MAX = 64 };

struct header {
    u8 *bytes; /* the first cluster */
    u64 length;
};

static int bad(struct qcow2 *q, struct err *err, const char *what)
{
    return err_set(err, EINVAL, "disk image \"%s\" is damaged or no qcow2 image: %s", q->node.path,
                   what);
}

/* --- features --- */

/* The image's own name of an unknown feature, when it brings one. */
static void feature_name(const u8 *table, u32 len, unsigned bit, char *out, size_t size)
{
    snprintf(out, size, "bit %u", bit);
    for (u32 at = 0; at + 48 <= len; at += 48)
        if (table[at] == 0 && table[at + 1] == bit) {
            snprintf(out, size, "%.46s", (const char *)table + at + 2);
            for (char *p = out; *p; p++)
                *p = *p >= ' ' && *p < 0x7f ? *p : '?';
        }
}

static int check_features(struct qcow2 *q, const u8 *names, u32 names_len, struct err *err)
{
    u64 unknown = q->incompatible & ~(u64)(QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION);
    bool writes = !q->node.read_only && !(q->flags & BLK_OPEN_REPAIR);
    char name[64];

    if (unknown & QCOW2_DATA_FILE)
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" keeps its data in another file (data_file), which is "
                       "not supported",
                       q->node.path);
    if (unknown & QCOW2_EXTENDED_L2)
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" has extended L2 entries (subclusters), which are not "
                       "supported: convert it with qemu-img convert -o extended_l2=off",
                       q->node.path);
    if (unknown) {
        feature_name(names, names_len, (unsigned)__builtin_ctzll(unknown), name, sizeof name);
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" needs a qcow2 feature that is not known here: %s",
                       q->node.path, name);
    }
    if (q->incompatible & QCOW2_CORRUPT && writes)
        return err_set(err, EUCLEAN,
                       "disk image \"%s\" is marked as corrupt: open it read-only, or try: vm-cli "
                       "disk check --repair FILE",
                       q->node.path);
    if (q->incompatible & QCOW2_DIRTY && writes)
        return err_set(err, EUCLEAN,
                       "disk image \"%s\" was not closed in order and its reference counts are "
                       "out of date: vm-cli disk check --repair FILE",
                       q->node.path);
    if (q->has_bitmaps && !q->node.read_only)
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" has persistent bitmaps, which writing would invalidate: "
                       "remove them with qemu-img bitmap --remove",
                       q->node.path);
    return 0;
}

/* --- extensions --- */

static char *copy_text(const u8 *from, u32 len)
{
    char *text = malloc((size_t)len + 1);

    if (text) {
        memcpy(text, from, len);
        text[len] = 0;
    }
    return text;
}

static int read_extensions(struct qcow2 *q, const struct header *h, struct err *err)
{
    u64 at = q->version >= 3 ? h->length : QCOW2_HEADER_V2, names_at = 0;
    u32 names_len = 0;

    for (unsigned n = 0; n < EXTENSIONS_MAX && at + 8 <= q->cluster_size; n++) {
        u32 type = be32_get(h->bytes + at), len = be32_get(h->bytes + at + 4);

        at += 8;
        if (type == 0)
            break;
        if (len > q->cluster_size - at)
            return bad(q, err, "a header extension is longer than the header's cluster");
        if (type == QCOW2_EXT_BACKING_FORMAT && !q->backing_format && len < 64)
            q->backing_format = copy_text(h->bytes + at, len);
        if (type == QCOW2_EXT_FEATURE_NAMES) {
            names_at = at;
            names_len = len;
        }
        if (type == QCOW2_EXT_BITMAPS && q->autoclear & 1)
            q->has_bitmaps = true;
        at += bits_align_up(len, 8);
    }
    return check_features(q, h->bytes + names_at, names_len, err);
}

static int read_backing_name(struct qcow2 *q, const struct header *h, struct err *err)
{
    u64 at = be64_get(h->bytes + QCOW2_H_BACKING);
    u32 len = be32_get(h->bytes + QCOW2_H_BACKING_SIZE);

    if (at == 0)
        return 0;
    if (len == 0 || len > QCOW2_NAME_MAX || !checked_range(at, len, q->cluster_size))
        return bad(q, err, "the name of its backing file is not in the header");
    q->backing_name = copy_text(h->bytes + at, len);
    if (!q->backing_name)
        return err_set(err, ENOMEM, "no memory for disk image \"%s\"", q->node.path);
    if (strlen(q->backing_name) != len)
        return bad(q, err, "the name of its backing file holds a NUL");
    return 0;
}

/* --- fixed fields --- */

static int read_version(struct qcow2 *q, const u8 *h, struct err *err)
{
    q->version = be32_get(h + 4);
    q->cluster_bits = be32_get(h + QCOW2_H_CLUSTER_BITS);
    if (memcmp(h, "QFI\xfb", 4) != 0)
        return err_set(err, EINVAL,
                       "disk image \"%s\" is no qcow2 image (if it is a raw one, say format=raw)",
                       q->node.path);
    if (q->version < 2 || q->version > 3)
        return err_set(err, ENOTSUP,
                       "disk image \"%s\" is of qcow2 version %u; versions 2 and 3 are known",
                       q->node.path, q->version);
    if (q->cluster_bits < 9 || q->cluster_bits > 21)
        return bad(q, err, "its cluster size is not between 512 bytes and 2 MiB");
    q->cluster_size = 1ull << q->cluster_bits;
    return 0;
}

static int read_v3(struct qcow2 *q, struct header *h, struct err *err)
{
    const u8 *b = h->bytes;

    h->length = be32_get(b + QCOW2_H_LENGTH);
    q->incompatible = be64_get(b + QCOW2_H_INCOMPATIBLE);
    q->compatible = be64_get(b + QCOW2_H_COMPATIBLE);
    q->autoclear = be64_get(b + QCOW2_H_AUTOCLEAR);
    q->refcount_order = be32_get(b + QCOW2_H_REFCOUNT_ORDER);
    if (h->length < QCOW2_HEADER_V3 || h->length > q->cluster_size || h->length % 8)
        return bad(q, err, "the length of its header is wrong");
    if (q->refcount_order > 6)
        return bad(q, err, "its reference counts are wider than 64 bits");
    if (q->incompatible & QCOW2_COMPRESSION) {
        u8 type = h->length > QCOW2_H_COMPRESSION ? b[QCOW2_H_COMPRESSION] : 0;

        if (type > 1)
            return err_set(err, ENOTSUP,
                           "disk image \"%s\" is compressed by method %u; zlib (0) and zstd (1) "
                           "are known",
                           q->node.path, type);
        q->zstd = type == 1;
    }
    return 0;
}

/* Where tables are: aligned, and of a size that does no harm. */
static int read_places(struct qcow2 *q, const u8 *b, struct err *err)
{
    u64 size = be64_get(b + QCOW2_H_SIZE), per_l1 = q->cluster_size * q->l2_entries;
    u64 clusters = be32_get(b + QCOW2_H_REFTABLE_CLUSTERS);

    q->node.size = bits_align_down(size, 512);
    q->l1_size = be32_get(b + QCOW2_H_L1_SIZE);
    q->l1_at = be64_get(b + QCOW2_H_L1);
    q->reftable_at = be64_get(b + QCOW2_H_REFTABLE);
    q->reftable_size = clusters * (q->cluster_size / 8);
    q->snapshots = be32_get(b + QCOW2_H_SNAPSHOTS);
    q->snapshots_at = be64_get(b + QCOW2_H_SNAPSHOTS_AT);
    if (be32_get(b + QCOW2_H_CRYPT))
        return err_set(err, ENOTSUP, "disk image \"%s\" is encrypted, which is not supported",
                       q->node.path);
    if (size >> 62 || q->l1_size > QCOW2_L1_MAX ||
        (q->node.size && (q->node.size - 1) / per_l1 >= q->l1_size))
        return bad(q, err, "its L1 table does not fit its size");
    if (q->reftable_size == 0 || q->reftable_size > QCOW2_REFTABLE_MAX)
        return bad(q, err, "its reference count table is empty or too large");
    if (q->snapshots > QCOW2_SNAPSHOTS_MAX)
        return bad(q, err, "it has too many snapshots");
    if ((q->l1_at | q->reftable_at | q->snapshots_at) & (q->cluster_size - 1) ||
        (q->l1_at | q->reftable_at | q->snapshots_at) >> 56 || q->reftable_at == 0 ||
        (q->l1_size && q->l1_at == 0))
        return bad(q, err, "one of its tables is at an impossible place");
    return 0;
}

static int read_fields(struct qcow2 *q, struct header *h, struct err *err)
{
    int rc;

    q->refcount_order = 4;
    if (q->version >= 3) {
        rc = read_v3(q, h, err);
        if (rc)
            return rc;
    }
    q->l2_entries = q->cluster_size / 8;
    q->block_entries = (q->cluster_size * 8) >> q->refcount_order;
    rc = read_places(q, h->bytes, err);
    if (rc == 0)
        rc = read_backing_name(q, h, err);
    return rc ? rc : read_extensions(q, h, err);
}

int qcow2_header_read(struct qcow2 *q, struct err *err)
{
    struct header h = { 0 };
    u8 first[QCOW2_HEADER_V2];
    int rc = blk_file_read(q->node.file, 0, first, sizeof first);

    if (rc == 0) {
        rc = read_version(q, first, err);
        if (rc)
            return rc;
        h.bytes = malloc(q->cluster_size);
        rc = h.bytes ? blk_file_read(q->node.file, 0, h.bytes, q->cluster_size) : -ENOMEM;
    }
    rc = rc ? err_set_errno(err, -rc, "cannot read disk image \"%s\"", q->node.path)
            : read_fields(q, &h, err);
    free(h.bytes);
    return rc;
}

int qcow2_header_write(struct qcow2 *q, u64 at, const void *data, size_t len)
{
    int rc = blk_file_write(q->node.file, at, data, len);

    return rc ? rc : q->node.file->ops->sync(q->node.file);
}
