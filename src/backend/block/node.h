/*
 * node.h - a disk image's content behind its format: blocking calls, from any thread.
 *
 * Ranges are in bytes, multiples of 512 and inside node->size: callers check. Functions
 * return 0 or a negative errno.
 */
#ifndef BACKEND_BLOCK_NODE_H
#define BACKEND_BLOCK_NODE_H

#include "backend/block/file.h"

struct blk_node;

/* What a range is: written here, known to be zeroes, or left to the backing image. */
enum blk_status { BLK_STATUS_DATA, BLK_STATUS_ZERO, BLK_STATUS_NONE };

struct blk_format {
    const char *name;
    int (*read)(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count);
    int (*write)(struct blk_node *n, u64 at, u64 len, const struct iovec *iov, unsigned count);
    int (*zero)(struct blk_node *n, u64 at, u64 len, bool unmap);
    int (*discard)(struct blk_node *n, u64 at, u64 len); /* a hint */
    int (*flush)(struct blk_node *n);
    /* What [at, at + *ret_len) is; *ret_len <= len. Negative errno. */
    int (*status)(struct blk_node *n, u64 at, u64 len, u64 *ret_len);
    int (*resize)(struct blk_node *n, u64 size, struct err *err);
    int (*free)(struct blk_node *n); /* flushes; the node is gone in any case */
};

struct blk_node {
    const struct blk_format *format;
    struct blk_file *file;    /* owns */
    struct blk_node *backing; /* owns; NULL: none */
    char *path;               /* owns; for messages */
    u64 size;                 /* bytes, a multiple of 512 */
    bool read_only;
};

enum { BLK_BACKING_DEPTH = 32 };
enum {
    BLK_OPEN_READ_ONLY = 1,
    BLK_OPEN_REPAIR = 2,        /* also one that says it is damaged */
    BLK_OPEN_WRITE_BACKING = 4, /* the next image behind is opened for writing too */
    BLK_OPEN_UNLOCKED = 8,      /* to be looked at only: others may be writing */
};

/* Whether a name or a file's beginning says qcow2. */
bool blk_name_is_qcow2(const char *path);
bool blk_file_is_qcow2(struct blk_file *f);

/* Opens path and, for qcow2, the images behind it, read-only. format: "raw" or "qcow2".
 * flags: BLK_OPEN_*; depth: images above this one. */
int blk_node_open(const char *path, const char *format, unsigned flags, unsigned depth,
                  struct blk_node **ret, struct err *err) MUST_CHECK;
/* NULL is fine. What the last flush said. */
int blk_node_free(struct blk_node *n);

/* Takes the file, also when it fails. */
int blk_raw_open(struct blk_file *file, const char *path, unsigned flags, struct blk_node **ret,
                 struct err *err) MUST_CHECK;
int blk_qcow2_open(struct blk_file *file, const char *path, unsigned flags, unsigned depth,
                   struct blk_node **ret, struct err *err) MUST_CHECK;

int blk_node_read(struct blk_node *n, u64 at, void *buf, size_t len) MUST_CHECK;
int blk_node_write(struct blk_node *n, u64 at, const void *buf, size_t len) MUST_CHECK;

#endif
