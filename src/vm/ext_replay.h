/*
 * ext_replay.h - what the journal of an ext3 or ext4 file system holds and its blocks do not yet,
 * as after a crash: it is read in their place, and nothing is written.
 */
#ifndef VM_EXT_REPLAY_H
#define VM_EXT_REPLAY_H

#include "base/types.h"
#include <ext2fs/ext2fs.h>

/* Blocks of the file system whose newer content is in blocks of the journal; both are numbers of
 * blocks of the file system. */
struct ext_replay {
    u64 block_size; /* bytes */
    size_t count;
    struct ext_replay_row {
        u64 to, from;
        bool escaped; /* the journal has zeroes for its own magic number in the first word */
    } *rows;          /* owns; by `to` */
};

/* Reads the journal. NULL: there is nothing to replay, no memory, or a journal that makes no
 * sense or uses what is not known here. Any bytes. */
struct ext_replay *ext_replay_new(ext2_filsys fs);
void ext_replay_free(struct ext_replay *r); /* NULL is fine */

/* The first row with `to` >= block; count: none. */
size_t ext_replay_find(const struct ext_replay *r, u64 block);

#define EXT_REPLAY_MAGIC 0xc03b3998u

#endif
