/*
 * qcow2_api.h - what qcow2 images can do beyond the common.
 */
#ifndef BACKEND_BLOCK_QCOW2_API_H
#define BACKEND_BLOCK_QCOW2_API_H

#include "backend/block/node.h"
#include "backend/block/range.h"

bool blk_is_qcow2(const struct blk_node *n);

/* --- a machine's fast path --- */

/* Without waiting or reading: [at, at + len) lies in a row in the node's file, from
 * *ret_at on, and may be read, or written in place, there. Then the range is held until
 * blk_qcow2_unmap(). */
bool blk_qcow2_map(struct blk_node *n, bool write, u64 at, u64 len, struct blk_range *range,
                   u64 *ret_at);
void blk_qcow2_unmap(struct blk_node *n, struct blk_range *range);
/* A flush needs no more than a sync of the file. Without waiting: false when in doubt. */
bool blk_qcow2_is_clean(struct blk_node *n);

/* --- making and examining --- */

struct blk_qcow2_options {
    u64 size;               /* bytes, a multiple of 512 */
    u32 cluster_size;       /* 0: 64 KiB; 512 … 2 MiB, a power of two */
    unsigned version;       /* 0: 3 */
    unsigned refcount_bits; /* 0: 16; 1 … 64, a power of two */
    bool zstd;              /* what compressed clusters are compressed by; else zlib */
    const char *backing, *backing_format; /* NULL: none */
};

/* Makes an image in an empty file, which it takes, and opens it. A size of 0 is that of
 * the backing image. */
int blk_qcow2_create(struct blk_file *file, const char *path,
                     const struct blk_qcow2_options *options, struct blk_node **ret,
                     struct err *err) MUST_CHECK;

/* Writes a whole cluster (or the image's last part of one) compressed, if that is smaller;
 * only where nothing is yet. */
int blk_qcow2_write_packed(struct blk_node *n, u64 at, const void *data, u64 len) MUST_CHECK;

struct blk_qcow2_info {
    u64 cluster_size;
    unsigned version, refcount_bits;
    u32 snapshots;
    bool zstd, dirty, corrupt, lazy_refcounts;
    const char *backing, *backing_format; /* the node's; NULL: none */
};
void blk_qcow2_info_get(struct blk_node *n, struct blk_qcow2_info *ret);

/* The image at `path` is a copy of the one at `from`, in another folder: where it names its
 * backing file from its own folder, it names it in full from now on. */
int blk_qcow2_moved(const char *path, const char *from, struct err *err) MUST_CHECK;

struct blk_qcow2_check {
    u64 errors; /* what may cost data */
    u64 leaks;  /* clusters that are counted but not used */
    u64 repaired_errors, repaired_leaks;
    u64 clusters, allocated, compressed; /* of the guest's disk */
    u64 end;                             /* bytes of the file up to the last cluster in use */
};

/* Lets everything from `at` on (a multiple of the cluster size) show the backing image again. */
int blk_qcow2_drop(struct blk_node *n, u64 at) MUST_CHECK;

/* Compares all references with all counts. repair: makes counts and flags right; entries
 * that point nowhere are left. Nobody else uses the node. */
int blk_qcow2_check(struct blk_node *n, bool repair, struct blk_qcow2_check *ret,
                    struct err *err) MUST_CHECK;

#endif
