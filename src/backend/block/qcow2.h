/*
 * qcow2.h - an open qcow2 image; only for the qcow2 files (specification: QEMU's
 * docs/interop/qcow2.txt, versions 2 and 3).
 *
 * A crash, of the process or of the host, costs at most space: nothing on disk ever refers
 * to a cluster whose reference count or content is not there yet, and no cluster is used
 * again before its last reference is gone from the disk. So
 *
 *  - data goes to its cluster first, then the L2 entry is changed, in memory;
 *  - qcow2_commit() brings memory to disk: reference counts, a sync (which covers the
 *    data), L2 tables as they were before it, a sync, L1 entries that are new, a sync;
 *  - what a changed entry referred to before waits until after that (qcow2_free_later())
 *    and only then is its count lowered.
 *
 * Locks: a request first takes its clusters (range.h: shared to read or to write in place,
 * exclusive when entries change), then `lock` for tables and counts. `lock` is held over
 * reading a table, not over data.
 */
#ifndef BACKEND_BLOCK_QCOW2_H
#define BACKEND_BLOCK_QCOW2_H

#include "backend/block/node.h"
#include "backend/block/range.h"
#include "base/bits.h"

/* Bits of L1 and L2 entries. */
#define QCOW2_COPIED     (1ull << 63) /* reference count is 1: may be written in place */
#define QCOW2_COMPRESSED (1ull << 62)
#define QCOW2_ZERO       1ull
#define QCOW2_OFFSET     0x00fffffffffffe00ull

/* Bits of incompatible features. */
enum {
    QCOW2_DIRTY = 1,
    QCOW2_CORRUPT = 2,
    QCOW2_DATA_FILE = 4,
    QCOW2_COMPRESSION = 8,
    QCOW2_EXTENDED_L2 = 16
};

/* Offsets in the header. */
enum {
    QCOW2_H_BACKING = 8,
    QCOW2_H_BACKING_SIZE = 16,
    QCOW2_H_CLUSTER_BITS = 20,
    QCOW2_H_SIZE = 24,
    QCOW2_H_CRYPT = 32,
    QCOW2_H_L1_SIZE = 36,
    QCOW2_H_L1 = 40,
    QCOW2_H_REFTABLE = 48,
    QCOW2_H_REFTABLE_CLUSTERS = 56,
    QCOW2_H_SNAPSHOTS = 60,
    QCOW2_H_SNAPSHOTS_AT = 64,
    QCOW2_H_INCOMPATIBLE = 72,
    QCOW2_H_COMPATIBLE = 80,
    QCOW2_H_AUTOCLEAR = 88,
    QCOW2_H_REFCOUNT_ORDER = 96,
    QCOW2_H_LENGTH = 100,
    QCOW2_H_COMPRESSION = 104,
    QCOW2_HEADER_V2 = 72,
    QCOW2_HEADER_V3 = 104,
    QCOW2_HEADER_OURS = 112
};
#define QCOW2_EXT_BACKING_FORMAT 0xe2792acau
#define QCOW2_EXT_FEATURE_NAMES  0x6803f857u
#define QCOW2_EXT_BITMAPS        0x23852875u
#define QCOW2_EXT_DATA_FILE      0x44415441u

/* Limits on what a header may ask for, against images made to hurt. */
#define QCOW2_L1_MAX       (4 * MIB) /* entries: 32 MiB */
#define QCOW2_REFTABLE_MAX (1 * MIB) /* entries: 8 MiB */
#define QCOW2_SNAPSHOTS_MAX 65536u
#define QCOW2_NAME_MAX      1023u    /* bytes of the backing file's name */

/* A table of one cluster in memory. */
struct qcow2_table {
    u64 at;                   /* in the file; 0: the slot is empty */
    u8 *data;                 /* owns */
    u32 dirty_from, dirty_to; /* bytes; equal: clean */
    u64 used;                 /* when, for the choice of what goes */
    bool writing;             /* a copy is on its way to the disk */
};

struct qcow2_cache {
    struct qcow2_table *slot; /* owns */
    unsigned max, last;       /* last: where the last look-up ended */
    u64 clock;
};

/* Clusters whose reference goes after the next commit. */
struct qcow2_free {
    u64 first, count; /* clusters */
    bool punch;       /* give the space back to the host */
};

/* Cluster numbers of metadata, which no data may overlap. */
struct qcow2_set {
    u64 *slot; /* owns: open addressing; 0 is empty (cluster 0 is the header, always in) */
    u64 mask, count;
};

struct qcow2 {
    struct blk_node node;  /* first */
    unsigned flags, depth; /* BLK_OPEN_*; images above this one */
    unsigned version, cluster_bits, refcount_order;
    u64 cluster_size;
    u64 l2_entries;    /* in a table */
    u64 block_entries; /* reference counts in a block */
    bool zstd;
    u32 snapshots;
    u64 snapshots_at;
    bool has_bitmaps;
    u64 incompatible, compatible, autoclear;
    char *backing_name, *backing_format; /* own; NULL: none */

    struct blk_ranges ranges;

    struct host_mutex lock; /* guards what follows */
    struct host_cond committed;
    bool committing;
    bool complained;         /* about damage, once */
    u64 *l1, l1_size, l1_at; /* owns; entries in host order */
    u64 l1_dirty_from, l1_dirty_to;
    u64 *reftable, reftable_size, reftable_at; /* owns */
    struct qcow2_cache l2, blocks;
    struct qcow2_set meta;
    struct qcow2_free *freed; /* owns */
    unsigned freed_count, freed_room;
    u64 free_hint; /* no cluster below it is free */
    u64 file_end;  /* nothing was ever written from here on: it reads as zeroes */
    u64 packed_at; /* where the next compressed cluster goes; 0: in a new cluster */

    struct host_mutex unpack_lock; /* guards what follows; taken last */
    u64 unpacked_entry;            /* the L2 entry that `unpacked` is the content of; 0: none */
    u8 *unpacked;                  /* owns */
};

static inline struct qcow2 *qcow2_of(struct blk_node *n)
{
    return container_of(n, struct qcow2, node);
}

static inline u64 qcow2_min(u64 a, u64 b)
{
    return a < b ? a : b;
}

/* With the lock, before writing below `end`. */
static inline void qcow2_will_write(struct qcow2 *q, u64 end)
{
    q->file_end = end > q->file_end ? end : q->file_end;
}

/* --- header.c --- */

/* Reads and checks the header; fills what it says. */
int qcow2_header_read(struct qcow2 *q, struct err *err);
/* Changes [at, at + len) of the header, within 512 bytes, and makes it durable. */
int qcow2_header_write(struct qcow2 *q, u64 at, const void *data, size_t len);

/* --- tables.c --- */

int qcow2_cache_init(struct qcow2 *q, struct qcow2_cache *c, u64 bytes);
void qcow2_cache_fini(struct qcow2_cache *c);
/* The table at `at` when it is in memory; NULL. */
struct qcow2_table *qcow2_table_find(struct qcow2_cache *c, u64 at);
/* The table, read when it must be (fresh: it is new, zeroes). Valid until the next call.
 * There is room: see qcow2_make_room(). */
int qcow2_table_get(struct qcow2 *q, struct qcow2_cache *c, u64 at, bool fresh,
                    struct qcow2_table **ret);
void qcow2_table_dirty(struct qcow2_table *t, u64 from, u64 to);
/* Writes a dirty table's changed bytes where they belong. */
int qcow2_table_write(struct qcow2 *q, struct qcow2_table *t);

int qcow2_set_add(struct qcow2_set *s, u64 cluster);
bool qcow2_set_has(const struct qcow2_set *s, u64 cluster);

/* Writes metadata that is nobody's yet, or in no order with other writes. */
int qcow2_meta_write(struct qcow2 *q, u64 at, const void *data, size_t len);
/* The image is damaged: says so once; returns -EIO. */
int qcow2_damaged(struct qcow2 *q, const char *what, u64 value);

/* --- refcount.c; all with the lock --- */

/* The count of a cluster, or a negative errno. */
s64 qcow2_refcount_get(struct qcow2 *q, u64 cluster);
int qcow2_refcount_set(struct qcow2 *q, u64 cluster, u64 count);
u64 qcow2_refcount_max(const struct qcow2 *q);
/* Takes up to `want` free clusters in a row (exact: that many), at least one: counts 1. */
int qcow2_clusters_take(struct qcow2 *q, u64 want, bool exact, u64 *ret_first, u64 *ret_count);
/* Gives clusters back that nothing on disk has ever referred to. */
void qcow2_clusters_untake(struct qcow2 *q, u64 first, u64 count);
/* Lowers counts after the next commit. */
int qcow2_free_later(struct qcow2 *q, u64 first, u64 count, bool punch);
/* Makes the block of counts of a cluster where it is missing. 1: the cluster is free. */
int qcow2_cluster_is_free(struct qcow2 *q, u64 cluster);
void qcow2_freed_apply(struct qcow2 *q, const struct qcow2_free *list, unsigned count);
u64 qcow2_count_get(const u8 *data, unsigned order, u64 index);
void qcow2_count_put(u8 *data, unsigned order, u64 index, u64 count);

/* --- map.c; all with the lock --- */

enum qcow2_kind { QCOW2_K_NONE, QCOW2_K_ZERO, QCOW2_K_DATA, QCOW2_K_COMPRESSED };

struct qcow2_extent {
    enum qcow2_kind kind;
    bool in_place; /* DATA: may be written where it is; ZERO: its cluster may be used */
    u64 len;       /* bytes, from the place asked for */
    u64 host;      /* DATA: of the place; ZERO with in_place: of its cluster */
    u64 entry;     /* COMPRESSED */
};

/* What `at` is; up to len bytes of the same kind and, for DATA, in a row on disk.
 * cached: -EAGAIN rather than reading a table. */
int qcow2_extent_get(struct qcow2 *q, u64 at, u64 len, bool cached, struct qcow2_extent *ret);
/* The L2 table of `at`, there and writable; *ret_index: of at's entry. */
int qcow2_l2_writable(struct qcow2 *q, u64 at, struct qcow2_table **ret, u64 *ret_index);
/* Replaces an entry; what it referred to is freed later. */
int qcow2_l2_set(struct qcow2 *q, u64 at, u64 entry, bool punch);
/* Where a compressed cluster's bytes are. */
void qcow2_packed_place(const struct qcow2 *q, u64 entry, u64 *ret_at, u64 *ret_len);

/* --- commit.c --- */

/* Room for a few tables in memory; commits when there is none. With the lock, which is
 * released meanwhile. */
int qcow2_make_room(struct qcow2 *q);
/* See the head of this file. With the lock, which is released meanwhile. Returns 1 when
 * what was written before the call is durable now, 0 when a sync is left, negative errno. */
int qcow2_commit(struct qcow2 *q);
/* True when a commit would only sync. With the lock. */
bool qcow2_is_clean(const struct qcow2 *q);
/* Counts to disk, and a sync, without letting go of the lock. */
int qcow2_blocks_sync(struct qcow2 *q);

/* --- io.c --- */

int qcow2_read(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count);
int qcow2_write(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count);
int qcow2_flush(struct blk_node *n);
int qcow2_status(struct blk_node *n, u64 at, u64 len, u64 *ret_len);
/* For clear.c. The clusters of a range, to be locked. */
struct blk_range qcow2_range_of(const struct qcow2 *q, u64 at, u64 len, bool exclusive);
/* Takes the lock, with room for the tables that a step needs. */
int qcow2_begin(struct qcow2 *q);
/* An extent, with the lock taken meanwhile. */
int qcow2_look(struct qcow2 *q, u64 at, u64 len, struct qcow2_extent *x);
/* An extent at `at` reads as zeroes. */
bool qcow2_reads_zero(const struct qcow2 *q, const struct qcow2_extent *x, u64 at);
/* The clusters are held exclusively. */
int qcow2_write_held(struct qcow2 *q, u64 at, u64 len, const struct iovec *iov, unsigned count);

/* --- clear.c --- */

int qcow2_zero(struct blk_node *n, u64 at, u64 len, bool unmap);
int qcow2_discard(struct blk_node *n, u64 at, u64 len);
/* Drops [at, end of the image) without leaving zeroes: for a resize. */
int qcow2_drop(struct qcow2 *q, u64 at);

/* --- packed.c --- */

/* [skip, skip + len) of a compressed cluster's content into iov from iov_skip on. Without
 * the lock. */
int qcow2_unpack(struct qcow2 *q, u64 entry, u64 skip, u64 len, const struct iovec *iov,
                 unsigned count, u64 iov_skip);

/* Codecs. -EIO: the input is not what gives out_len bytes; -ENOTSUP: not in this build. */
int qcow2_zlib_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len);
int qcow2_zstd_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len);
/* Returns the length, 0 when it would be over `room`, or a negative errno. */
ssize_t qcow2_zlib_pack(const u8 *in, size_t in_len, u8 *out, size_t room);
ssize_t qcow2_zstd_pack(const u8 *in, size_t in_len, u8 *out, size_t room);

/* --- resize.c --- */

int qcow2_resize(struct blk_node *n, u64 size, struct err *err);
/* A larger L1 table where size needs one, and the size in the header. */
int qcow2_grow_tables(struct qcow2 *q, u64 size);

#endif
