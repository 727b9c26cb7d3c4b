/*
 * file.h - what image formats know of a file: blocking calls, from any thread.
 *
 * The functions return 0 or a negative errno. Tests bring files of their own: in memory,
 * or with a log of what was written and what was made durable.
 */
#ifndef BACKEND_BLOCK_FILE_H
#define BACKEND_BLOCK_FILE_H

#include "base/err.h"
#include "base/types.h"
#include <sys/uio.h>

struct blk_file;

struct blk_file_ops {
    /* All of iov; what lies past the end of the file reads as zeroes. */
    int (*read)(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count);
    int (*write)(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count);
    int (*sync)(struct blk_file *f); /* what was written before survives a power cut */
    int (*size)(struct blk_file *f, u64 *ret);
    int (*resize)(struct blk_file *f, u64 size);
    /* Makes a range read as zeroes; unmap: gives its space back. -EOPNOTSUPP: cannot. */
    int (*zero)(struct blk_file *f, u64 at, u64 len, bool unmap);
    /* How far from `at` on it is all data (true) or all hole; <= len. Without it: data. */
    bool (*status)(struct blk_file *f, u64 at, u64 len, u64 *ret_len);
    void (*free)(struct blk_file *f);
};

struct blk_file {
    const struct blk_file_ops *ops;
    int fd; /* -1: not of the host's */
};

enum { BLK_FILE_READ_ONLY = 1, BLK_FILE_DIRECT = 2, BLK_FILE_UNLOCKED = 4 };

/* Opens a regular file or block device and locks it (lock.c): shared when read-only;
 * not at all when UNLOCKED. */
int blk_file_open(const char *path, unsigned flags, struct blk_file **ret,
                  struct err *err) MUST_CHECK;
/* Makes a new file, replacing none, and locks it for writing. */
int blk_file_create(const char *path, struct blk_file **ret, struct err *err) MUST_CHECK;
/* Takes the descriptor. */
int blk_file_from_fd(int fd, struct blk_file **ret, struct err *err) MUST_CHECK;
void blk_file_free(struct blk_file *f); /* NULL is fine */

int blk_file_read(struct blk_file *f, u64 at, void *buf, size_t len) MUST_CHECK;
int blk_file_write(struct blk_file *f, u64 at, const void *buf, size_t len) MUST_CHECK;

/* Locks an open file against other users, by the protocol of other programs for disk
 * images: see lock.c. -EBUSY with a sentence that names the holder when it is known. */
int blk_lock(int fd, const char *path, bool read_only, struct err *err) MUST_CHECK;

/* Somebody else has the file locked; takes no lock. */
bool blk_is_locked(int fd);

/* --- lists of memory --- */

/* [skip, skip + len) of iov to out (count entries of room); returns how many it has. */
unsigned blk_iov_slice(const struct iovec *iov, unsigned count, u64 skip, u64 len,
                       struct iovec *out);
void blk_iov_zero(const struct iovec *iov, unsigned count, u64 skip, u64 len);
void blk_iov_put(const struct iovec *iov, unsigned count, u64 skip, const void *from, u64 len);
u64 blk_iov_bytes(const struct iovec *iov, unsigned count);

#endif
