/*
 * gpt.c - writes a partition table, and finds a partition in a table of a stranger's.
 */
#include "vm/gpt.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "state/crc32.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SECTOR = 512,
    ENTRY = 128,
    ENTRIES = 128, /* the least a table may hold */
    TABLE = ENTRIES * ENTRY,
    HEADER = 92,
    COUNT_MAX = 1024,          /* more than any tool makes: bounds the work */
    AFTER = TABLE / SECTOR + 1 /* sectors of a copy */
};

/* --- GUIDs: the first three numbers are little-endian on disk --- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gpt_guid_parse(const char *text, struct gpt_guid *out)
{
    static const u8 places[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    if (strlen(text) != 36)
        return false;
    for (unsigned i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return false;
        if (hex(text[0]) < 0 || hex(text[1]) < 0)
            return false;
        out->bytes[places[i]] = (u8)(hex(text[0]) << 4 | hex(text[1]));
        text += 2;
    }
    return true;
}

static void guid_put(u8 *at, const char *text)
{
    struct gpt_guid guid;

    BUG_ON(!gpt_guid_parse(text, &guid));
    memcpy(at, guid.bytes, sizeof guid.bytes);
}

static u32 checksum(const void *data, size_t len)
{
    struct crc32 crc;

    crc32_init(&crc);
    return crc32_update(&crc, 0, data, len);
}

/* --- writing --- */

static int put(int fd, const void *data, size_t len, u64 at, struct err *err)
{
    ssize_t n = pwrite(fd, data, len, (off_t)at);

    if (n == (ssize_t)len)
        return 0;
    return err_set_errno(err, n < 0 ? errno : ENOSPC, "cannot write the partition table");
}

static void entry_put(u8 *at, const struct gpt_part *part)
{
    guid_put(at, part->type);
    guid_put(at + 16, part->guid);
    le64_put(at + 32, part->start / SECTOR);
    le64_put(at + 40, (part->start + part->size) / SECTOR - 1);
    for (unsigned i = 0; part->name[i] && i < 36; i++)
        le16_put(at + 56 + 2 * i, (u16)(u8)part->name[i]);
}

static void header_put(u8 *at, u64 sectors, bool second, const char *disk_guid, const u8 *table)
{
    u64 here = second ? sectors - 1 : 1, other = second ? 1 : sectors - 1;

    memcpy(at, "EFI PART\0\0\1\0", 12);
    le32_put(at + 12, HEADER);
    le64_put(at + 24, here);
    le64_put(at + 32, other);
    le64_put(at + 40, AFTER + 1);
    le64_put(at + 48, sectors - AFTER - 1);
    guid_put(at + 56, disk_guid);
    le64_put(at + 72, second ? sectors - AFTER : 2);
    le32_put(at + 80, ENTRIES);
    le32_put(at + 84, ENTRY);
    le32_put(at + 88, checksum(table, TABLE));
    le32_put(at + 16, checksum(at, HEADER));
}

/* The MBR that tells old tools the disk is full: one partition of type 0xee. */
static void protective_put(u8 *at, u64 sectors)
{
    u8 *entry = at + 446;

    entry[2] = 2;
    entry[4] = 0xee;
    memset(entry + 5, 0xff, 3);
    le32_put(entry + 8, 1);
    le32_put(entry + 12, sectors - 1 > 0xffffffff ? 0xffffffff : (u32)(sectors - 1));
    le16_put(at + 510, 0xaa55);
}

int gpt_write(int fd, u64 size, const char *disk_guid, const struct gpt_part *parts, unsigned count,
              struct err *err)
{
    u8 *first = calloc(2, SECTOR), *second = calloc(1, SECTOR), *table = calloc(1, TABLE);
    u64 sectors = size / SECTOR;
    int rc = 0;

    BUG_ON(count > ENTRIES || sectors < 4 * AFTER);
    if (!first || !second || !table)
        rc = err_set_errno(err, ENOMEM, "writing the partition table");
    for (unsigned i = 0; rc == 0 && i < count; i++)
        entry_put(table + (size_t)i * ENTRY, &parts[i]);
    if (rc == 0) {
        protective_put(first, sectors);
        header_put(first + SECTOR, sectors, false, disk_guid, table);
        header_put(second, sectors, true, disk_guid, table);
        rc = put(fd, table, TABLE, (sectors - AFTER) * SECTOR, err);
    }
    if (rc == 0)
        rc = put(fd, second, SECTOR, (sectors - 1) * SECTOR, err);
    if (rc == 0)
        rc = put(fd, table, TABLE, 2 * SECTOR, err);
    if (rc == 0)
        rc = put(fd, first, 2 * SECTOR, 0, err);
    free(first);
    free(second);
    free(table);
    return rc;
}

/* --- reading: any bytes --- */

/* At most a sector's worth, from anywhere: whole sectors are read. */
static bool get(struct blk_node *disk, void *data, size_t len, u64 at)
{
    u64 from = bits_align_down(at, SECTOR);
    u8 sectors[2 * SECTOR];

    if (!checked_range(at, len, disk->size) ||
        blk_node_read(disk, from, sectors, bits_align_up(at + len, SECTOR) - from))
        return false;
    memcpy(data, sectors + (at - from), len);
    return true;
}

/* The header in this sector, when its checksum and its numbers are right. */
static bool header_get(struct blk_node *disk, u64 at, u8 header[SECTOR])
{
    u32 sum, count, entry;

    if (!get(disk, header, SECTOR, at) || memcmp(header, "EFI PART", 8) != 0 ||
        le32_get(header + 12) < HEADER || le32_get(header + 12) > SECTOR)
        return false;
    sum = le32_get(header + 16);
    le32_put(header + 16, 0);
    count = le32_get(header + 80);
    entry = le32_get(header + 84);
    return sum == checksum(header, le32_get(header + 12)) && count <= COUNT_MAX && entry >= ENTRY &&
           entry <= SECTOR;
}

/* Where the entry's partition lies; false when that is not within the disk. */
static bool place_get(const u8 *entry, u64 size, struct gpt_part *ret)
{
    u64 first = le64_get(entry + 32), last = le64_get(entry + 40);

    if (first > last || last >= size / SECTOR)
        return false;
    ret->start = first * SECTOR;
    ret->size = (last - first + 1) * SECTOR;
    return true;
}

int gpt_find(struct blk_node *disk, const char *type, struct gpt_part *ret, struct err *err)
{
    u8 header[SECTOR], entry[ENTRY], want[16];
    u64 table, at;

    guid_put(want, type);
    if (!header_get(disk, SECTOR, header) &&
        !(disk->size && header_get(disk, disk->size - SECTOR, header)))
        return err_set(err, EINVAL, "it has no partition table (GPT), or a damaged one");
    if (!checked_mul(le64_get(header + 72), SECTOR, &table))
        return err_set(err, EINVAL, "its partition table (GPT) is damaged");
    for (u32 i = 0; i < le32_get(header + 80); i++) {
        if (!checked_add(table, (u64)i * le32_get(header + 84), &at) ||
            !get(disk, entry, ENTRY, at))
            return err_set(err, EINVAL, "its partition table (GPT) is damaged");
        if (memcmp(entry, want, sizeof want) == 0 && place_get(entry, disk->size, ret))
            return 0;
    }
    return err_set(err, ENOENT, "it has no partition of the type %s", type);
}
