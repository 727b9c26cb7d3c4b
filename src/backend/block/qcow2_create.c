/*
 * qcow2_create.c - a new image: header, one table and one block of reference counts; the
 * L1 table comes by growing it from nothing to its size.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_CLUSTER, TABLE_CLUSTER, BLOCK_CLUSTER, FIRST_CLUSTERS };

static u64 put_backing_format(u8 *h, u64 at, const char *format)
{
    u64 len = strlen(format);

    be32_put(h + at, QCOW2_EXT_BACKING_FORMAT);
    be32_put(h + at + 4, (u32)len);
    memcpy(h + at + 8, format, len);
    return at + 8 + bits_align_up(len, 8);
}

/* The header's cluster. */
static int put_header(const struct blk_qcow2_options *o, u8 *h, u64 size, struct err *err)
{
    unsigned bits = (unsigned)__builtin_ctzll(size);
    u64 at = o->version == 2 ? QCOW2_HEADER_V2 : QCOW2_HEADER_OURS;

    memcpy(h, "QFI\xfb", 4);
    be32_put(h + 4, o->version);
    be32_put(h + QCOW2_H_CLUSTER_BITS, bits);
    be64_put(h + QCOW2_H_REFTABLE, TABLE_CLUSTER * size);
    be32_put(h + QCOW2_H_REFTABLE_CLUSTERS, 1);
    if (o->version == 3) {
        be64_put(h + QCOW2_H_INCOMPATIBLE, o->zstd ? QCOW2_COMPRESSION : 0);
        be32_put(h + QCOW2_H_REFCOUNT_ORDER, (u32)__builtin_ctz(o->refcount_bits));
        be32_put(h + QCOW2_H_LENGTH, QCOW2_HEADER_OURS);
        h[QCOW2_H_COMPRESSION] = o->zstd;
    }
    if (!o->backing)
        return 0;
    at = put_backing_format(h, at, o->backing_format);
    at += 8; /* the end of the extensions: zeroes */
    if (strlen(o->backing) > QCOW2_NAME_MAX || at + strlen(o->backing) > size)
        return err_set(err, ENAMETOOLONG, "the name of the backing file is too long: \"%s\"",
                       o->backing);
    be64_put(h + QCOW2_H_BACKING, at);
    be32_put(h + QCOW2_H_BACKING_SIZE, (u32)strlen(o->backing));
    memcpy(h + at, o->backing, strlen(o->backing));
    return 0;
}

static int write_first(struct blk_file *file, const struct blk_qcow2_options *o, struct err *err)
{
    u64 size = o->cluster_size;
    u8 *first = calloc(FIRST_CLUSTERS, size);
    int rc;

    if (!first)
        return err_set(err, ENOMEM, "no memory for a disk image");
    rc = put_header(o, first, size, err);
    if (rc == 0) {
        be64_put(first + TABLE_CLUSTER * size, BLOCK_CLUSTER * size);
        for (unsigned i = 0; i < FIRST_CLUSTERS; i++)
            qcow2_count_put(first + BLOCK_CLUSTER * size, (unsigned)__builtin_ctz(o->refcount_bits),
                            i, 1);
        rc = blk_file_write(file, 0, first, FIRST_CLUSTERS * size);
        if (rc)
            err_set_errno(err, -rc, "cannot write the disk image");
    }
    free(first);
    return rc;
}

static int check_options(const struct blk_qcow2_options *o, struct err *err)
{
    if (!bits_is_pow2(o->cluster_size) || o->cluster_size < 512 || o->cluster_size > 2 * MIB)
        return err_set(err, EINVAL, "a cluster of %u bytes: a power of two from 512 to 2M",
                       o->cluster_size);
    if (!bits_is_pow2(o->refcount_bits) || o->refcount_bits > 64 ||
        (o->version == 2 && o->refcount_bits != 16))
        return err_set(err, EINVAL,
                       "reference counts of %u bits: a power of two up to 64, and 16 in "
                       "version 2",
                       o->refcount_bits);
    if (o->version == 2 && o->zstd)
        return err_set(err, EINVAL, "version 2 has no zstd compression");
    return 0;
}

static int create(struct blk_file **file, const char *path, const struct blk_qcow2_options *o,
                  struct blk_node **ret, struct err *err)
{
    struct blk_node *n;
    u64 size;
    int rc = check_options(o, err);

    if (rc == 0)
        rc = write_first(*file, o, err);
    if (rc)
        return rc;
    rc = blk_qcow2_open(*file, path, 0, 0, &n, err);
    *file = NULL;
    if (rc)
        return rc;
    size = o->size || !n->backing ? o->size : n->backing->size;
    rc = qcow2_grow_tables(qcow2_of(n), size);
    if (rc) {
        err_set_errno(err, -rc, "disk image \"%s\" of %llu bytes cannot be made", path,
                      (unsigned long long)size);
        blk_node_free(n);
        return rc;
    }
    *ret = n;
    return 0;
}

int blk_qcow2_create(struct blk_file *file, const char *path,
                     const struct blk_qcow2_options *options, struct blk_node **ret,
                     struct err *err)
{
    struct blk_qcow2_options o = *options;
    int rc;

    o.cluster_size = o.cluster_size ? o.cluster_size : 64 * KIB;
    o.version = o.version ? o.version : 3;
    o.refcount_bits = o.refcount_bits ? o.refcount_bits : 16;
    rc = create(&file, path, &o, ret, err);
    blk_file_free(file);
    return rc;
}
