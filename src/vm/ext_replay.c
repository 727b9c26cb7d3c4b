/*
 * ext_replay.c - reads an ext4 journal (the jbd2 format: the kernel's
 * Documentation/filesystems/ext4/journal.rst; all numbers big-endian).
 *
 * The log is walked once, in order. What a transaction wrote and revoked counts when its commit
 * block is there; a later transaction's copy of a block takes the place of an earlier one's.
 */
#include "vm/ext_replay.h"

#include "base/bits.h"
#include <stdlib.h>
#include <string.h>

enum { TYPE_DESCRIPTOR = 1, TYPE_COMMIT = 2, TYPE_SUPER_1 = 3, TYPE_SUPER_2 = 4, TYPE_REVOKE = 5 };
enum { HEADER = 12, REVOKE_HEADER = 16, UUID = 16, BLOCKS_MAX = 1 << 20 };
/* Places in the journal's superblock. */
enum {
    S_BLOCK_SIZE = 12,
    S_LENGTH = 16,
    S_FIRST = 20,
    S_SEQUENCE = 24,
    S_START = 28,
    S_FEATURES = 40
};
/* Its features that a reader has to know; others change what the log means. */
enum { F_REVOKE = 1, F_64BIT = 2, F_CSUM_V3 = 16 };
enum { TAG_ESCAPE = 1, TAG_SAME_UUID = 2, TAG_LAST = 8 };

struct log {
    ext2_filsys fs;          /* borrows */
    struct ext2_inode inode; /* of the journal */
    u8 *block;               /* owns; the one that is looked at */
    u32 first, length, features;
    u32 at, walked;         /* next block of the journal; how many were looked at */
    struct ext_replay *out; /* owns */
    size_t committed;       /* rows of complete transactions; those of the present one follow */
    u64 *revoked;           /* owns; by the present one */
    size_t revoked_count;
};

/* --- reading --- */

/* A block of the journal in the file system's numbers; 0: none. */
static u64 place(struct log *l, u32 n)
{
    blk64_t block = 0;

    if (ext2fs_bmap2(l->fs, l->fs->super->s_journal_inum, &l->inode, NULL, 0, n, NULL, &block))
        return 0;
    return block;
}

static bool read_block(struct log *l, u32 n)
{
    u64 block = place(l, n);

    return block && io_channel_read_blk64(l->fs->io, block, 1, l->block) == 0;
}

/* The number of the next block; the log is a ring. False: it has been round. */
static bool next(struct log *l, u32 *ret)
{
    *ret = l->at;
    l->at = l->at + 1 == l->length ? l->first : l->at + 1;
    return l->walked++ < l->length;
}

static u32 usable(const struct log *l)
{
    return l->fs->blocksize - (l->features & F_CSUM_V3 ? 4 : 0); /* a checksum ends it */
}

/* --- transactions --- */

static bool add(struct log *l, u64 to, u64 from, bool escaped)
{
    struct ext_replay *r = l->out;

    if (r->count == l->length || from == 0)
        return false;
    r->rows[r->count++] = (struct ext_replay_row){ to, from, escaped };
    return true;
}

/* Which blocks those after it are copies of. */
static bool take_descriptor(struct log *l)
{
    bool v3 = l->features & F_CSUM_V3, wide = l->features & F_64BIT;
    u32 size = v3 ? 16 : wide ? 12 : 8, flags, n;

    for (u32 at = HEADER; at + size <= usable(l); at += size + (flags & TAG_SAME_UUID ? 0 : UUID)) {
        const u8 *tag = l->block + at;
        u64 to = be32_get(tag);

        flags = v3 ? be32_get(tag + 4) : be16_get(tag + 6);
        to |= wide ? (u64)be32_get(tag + 8) << 32 : 0;
        if (!next(l, &n) || !add(l, to, place(l, n), flags & TAG_ESCAPE))
            return false;
        if (flags & TAG_LAST)
            return true;
    }
    return true;
}

static bool take_revoke(struct log *l)
{
    u32 width = l->features & F_64BIT ? 8 : 4, end = be32_get(l->block + HEADER);

    if (end > usable(l))
        return false;
    for (u32 at = REVOKE_HEADER; at + width <= end; at += width) {
        if (l->revoked_count == BLOCKS_MAX)
            return false;
        l->revoked[l->revoked_count++] =
            width == 8 ? be64_get(l->block + at) : be32_get(l->block + at);
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;

    return x < y ? -1 : x > y;
}

/* What it revoked is not to be taken from it or from any before it. */
static void commit(struct log *l)
{
    struct ext_replay *r = l->out;
    size_t kept = 0;

    qsort(l->revoked, l->revoked_count, sizeof *l->revoked, by_number);
    for (size_t i = 0; i < r->count; i++)
        if (!bsearch(&r->rows[i].to, l->revoked, l->revoked_count, sizeof *l->revoked, by_number))
            r->rows[kept++] = r->rows[i];
    l->committed = r->count = kept;
    l->revoked_count = 0;
}

/* Until a block that is not of the sequence. */
static void walk(struct log *l, u32 sequence)
{
    u32 n;

    while (next(l, &n) && read_block(l, n) && be32_get(l->block) == EXT_REPLAY_MAGIC &&
           be32_get(l->block + 8) == sequence) {
        u32 type = be32_get(l->block + 4);

        if (type == TYPE_COMMIT) {
            commit(l);
            sequence++;
        } else if (!(type == TYPE_DESCRIPTOR && take_descriptor(l)) &&
                   !(type == TYPE_REVOKE && take_revoke(l))) {
            break;
        }
    }
    l->out->count = l->committed;
}

/* --- the result --- */

/* Rows of one block keep their order: `from` would not tell it, the log being a ring. */
static void sort(struct ext_replay *r, struct ext_replay_row *scratch)
{
    for (size_t width = 1; width < r->count; width *= 2) {
        for (size_t lo = 0; lo < r->count; lo += 2 * width) {
            size_t mid = lo + width < r->count ? lo + width : r->count;
            size_t hi = lo + 2 * width < r->count ? lo + 2 * width : r->count;

            for (size_t i = lo, j = mid, k = lo; k < hi; k++)
                scratch[k] = i < mid && (j == hi || r->rows[i].to <= r->rows[j].to) ? r->rows[i++]
                                                                                    : r->rows[j++];
        }
        memcpy(r->rows, scratch, r->count * sizeof *scratch);
    }
}

/* The last of each block. */
static void keep_last(struct ext_replay *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++)
        if (i + 1 == r->count || r->rows[i + 1].to != r->rows[i].to)
            r->rows[kept++] = r->rows[i];
    r->count = kept;
}

/* The journal's superblock: where the log is. False: clean, or not understood. */
static bool open_log(struct log *l, u32 *ret_sequence)
{
    u32 type;

    if (!ext2fs_has_feature_journal_needs_recovery(l->fs->super) ||
        l->fs->super->s_journal_inum == 0 ||
        ext2fs_read_inode(l->fs, l->fs->super->s_journal_inum, &l->inode) || !read_block(l, 0))
        return false;
    type = be32_get(l->block + 4);
    l->length = be32_get(l->block + S_LENGTH);
    l->first = be32_get(l->block + S_FIRST);
    l->at = be32_get(l->block + S_START);
    l->features = type == TYPE_SUPER_2 ? be32_get(l->block + S_FEATURES) : 0;
    *ret_sequence = be32_get(l->block + S_SEQUENCE);
    return be32_get(l->block) == EXT_REPLAY_MAGIC &&
           (type == TYPE_SUPER_1 || type == TYPE_SUPER_2) &&
           be32_get(l->block + S_BLOCK_SIZE) == l->fs->blocksize &&
           !(l->features & ~(u32)(F_REVOKE | F_64BIT | F_CSUM_V3)) && l->length <= BLOCKS_MAX &&
           l->first && l->first < l->length && l->at >= l->first && l->at < l->length;
}

struct ext_replay *ext_replay_new(ext2_filsys fs)
{
    struct log l = { .fs = fs, .block = malloc(fs->blocksize) };
    struct ext_replay_row *scratch = NULL;
    u32 sequence;

    l.out = calloc(1, sizeof *l.out);
    if (l.block && l.out && open_log(&l, &sequence)) {
        l.out->block_size = fs->blocksize;
        l.out->rows = calloc(l.length, sizeof *l.out->rows);
        scratch = calloc(l.length, sizeof *scratch);
        l.revoked = calloc(BLOCKS_MAX, sizeof *l.revoked);
        if (l.out->rows && scratch && l.revoked) {
            walk(&l, sequence);
            sort(l.out, scratch);
            keep_last(l.out);
        }
    }
    free(scratch);
    free(l.revoked);
    free(l.block);
    if (l.out && l.out->count)
        return l.out;
    ext_replay_free(l.out);
    return NULL;
}

void ext_replay_free(struct ext_replay *r)
{
    if (r)
        free(r->rows);
    free(r);
}

size_t ext_replay_find(const struct ext_replay *r, u64 block)
{
    size_t lo = 0, hi = r->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->rows[mid].to < block)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
