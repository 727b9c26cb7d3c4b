/*
 * ext_io.c - libext2fs's I/O channel over part of a disk image.
 */
#include "vm/ext_io.h"

#include "base/checked.h"
#include "vm/ext_replay.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512 };

struct part {
    struct blk_node *disk; /* borrows (the caller of ext_io_open) */
    u64 start, size;
    struct ext_replay *replay; /* owns; NULL: none */
};

/* Bytes [*at, *at + *len) of the disk for blocks of the channel; a negative count is bytes. False:
 * not all in the part, or no whole sectors. */
static bool span(io_channel ch, unsigned long long block, int count, u64 *at, size_t *len)
{
    const struct part *p = ch->private_data;

    *len = count < 0 ? (size_t)-(long)count : (size_t)count * (size_t)ch->block_size;
    if (!checked_mul(block, (u64)ch->block_size, at) || !checked_range(*at, *len, p->size) ||
        (*at | *len) % SECTOR)
        return false;
    *at += p->start;
    return true;
}

/* Puts what the journal has of bytes [at, at + len) of the part over what was read there. */
static errcode_t patch(const struct part *p, u64 at, size_t len, u8 *data)
{
    const struct ext_replay *r = p->replay;
    u64 bs = r->block_size;

    for (size_t i = ext_replay_find(r, at / bs);
         i < r->count && r->rows[i].to < (at + len + bs - 1) / bs; i++) {
        u64 begin = r->rows[i].to * bs, from = begin > at ? begin : at, source;
        u64 end = begin + bs < at + len ? begin + bs : at + len;
        static const u8 magic[4] = { 0xc0, 0x3b, 0x39, 0x98 };

        if (!checked_mul(r->rows[i].from, bs, &source) || !checked_range(source, bs, p->size) ||
            blk_node_read(p->disk, p->start + source + (from - begin), data + (from - at),
                          end - from))
            return EXT2_ET_SHORT_READ;
        if (r->rows[i].escaped && from == begin && end - begin >= sizeof magic)
            memcpy(data + (begin - at), magic, sizeof magic);
    }
    return 0;
}

static errcode_t read_blocks(io_channel ch, unsigned long long block, int count, void *data)
{
    const struct part *p = ch->private_data;
    size_t len;
    u64 at;

    if (!span(ch, block, count, &at, &len) || blk_node_read(p->disk, at, data, len))
        return EXT2_ET_SHORT_READ;
    return p->replay ? patch(p, at - p->start, len, data) : 0;
}

static errcode_t write_blocks(io_channel ch, unsigned long long block, int count, const void *data)
{
    const struct part *p = ch->private_data;
    size_t len;
    u64 at;

    if (!span(ch, block, count, &at, &len))
        return EXT2_ET_SHORT_WRITE;
    return -blk_node_write(p->disk, at, data, len);
}

static errcode_t read_old(io_channel ch, unsigned long block, int count, void *data)
{
    return read_blocks(ch, block, count, data);
}

static errcode_t write_old(io_channel ch, unsigned long block, int count, const void *data)
{
    return write_blocks(ch, block, count, data);
}

static errcode_t set_block_size(io_channel ch, int size)
{
    if (size <= 0)
        return EXT2_ET_UNEXPECTED_BLOCK_SIZE;
    ch->block_size = size;
    return 0;
}

static errcode_t flush(io_channel ch)
{
    return 0;
}

static errcode_t close_channel(io_channel ch)
{
    if (--ch->refcount > 0)
        return 0;
    free(ch->name);
    ext_replay_free(((struct part *)ch->private_data)->replay);
    free(ch->private_data);
    free(ch);
    return 0;
}

static errcode_t open_channel(const char *name, int flags, io_channel *ret);

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "part of an image",
    .open = open_channel,
    .close = close_channel,
    .set_blksize = set_block_size,
    .read_blk = read_old,
    .write_blk = write_old,
    .flush = flush,
    .read_blk64 = read_blocks,
    .write_blk64 = write_blocks,
};

/* The library hands over nothing but a name: it has all that is needed. */
static errcode_t open_channel(const char *name, int flags, io_channel *ret)
{
    struct struct_io_channel *ch = calloc(1, sizeof *ch);
    struct part *p = calloc(1, sizeof *p);
    unsigned long long start, size;
    char *copy = strdup(name);
    void *disk, *replay = NULL;

    if (!ch || !p || !copy || sscanf(name, "%p %llu %llu %p", &disk, &start, &size, &replay) < 3) {
        free(ch);
        free(p);
        free(copy);
        return EXT2_ET_NO_MEMORY;
    }
    p->disk = disk;
    p->start = start;
    p->size = size;
    p->replay = replay;
    *ch = (struct struct_io_channel){ .magic = EXT2_ET_MAGIC_IO_CHANNEL,
                                      .manager = &manager,
                                      .name = copy,
                                      .block_size = 1024,
                                      .refcount = 1,
                                      .private_data = p };
    *ret = ch;
    return 0;
}

int ext_io_failed(struct err *err, errcode_t code, const char *what)
{
    if (code > 0 && code < 200)
        return err_set_errno(err, (int)code, "%s", what);
    return err_set(err, EIO, "%s: %s", what, error_message(code));
}

/* replay: taken, also when it fails; NULL: none. */
static int open_part(struct blk_node *disk, u64 start, u64 size, bool writable,
                     struct ext_replay *replay, ext2_filsys *ret, struct err *err)
{
    int flags = EXT2_FLAG_64BITS | (writable ? EXT2_FLAG_RW : 0);
    char name[120];
    errcode_t rc;
    int len = snprintf(name, sizeof name, "%p %llu %llu", (void *)disk, (unsigned long long)start,
                       (unsigned long long)size);

    if (replay)
        snprintf(name + len, sizeof name - (size_t)len, " %p", (void *)replay);
    rc = ext2fs_open(name, flags, 0, 0, &manager, ret);
    if (rc == 0 && ext2fs_blocks_count((*ret)->super) > size / (*ret)->blocksize) {
        ext2fs_free(*ret);
        return err_set(err, EINVAL, "its file system is larger than its partition");
    }
    if (rc)
        return err_set(err, EINVAL, "it has no ext4 file system, or a damaged one (%s)",
                       error_message(rc));
    return 0;
}

int ext_io_open(struct blk_node *disk, u64 start, u64 size, bool writable, ext2_filsys *ret,
                struct err *err)
{
    struct ext_replay *replay;
    int rc;

    initialize_ext2_error_table();
    rc = open_part(disk, start, size, writable, NULL, ret, err);
    if (rc < 0 || writable)
        return rc;
    replay = ext_replay_new(*ret);
    if (!replay)
        return 0;
    ext2fs_free(*ret);
    return open_part(disk, start, size, false, replay, ret, err);
}
