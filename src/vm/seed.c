/*
 * seed.c - cloud-init's disk: a FAT12 file system (Microsoft's FAT specification, 1.03) with the
 * two files after each other, no more than a reader needs.
 *
 *     sector 0 | FAT | the same again | root folder, one sector | clusters from number 2 on
 */
#include "vm/seed.h"

#include "base/bits.h"
#include "host/file.h"
#include "state/crc32.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SECTOR = 512, CLUSTER = 8192, ENTRY = 32, ROOT_ENTRIES = SECTOR / ENTRY };
enum { FAT_EOC = 0xfff, FAT_MEDIA = 0xff8, MEDIA_DISK = 0xf8 };
enum { ATTR_READ_ONLY = 0x01, ATTR_LABEL = 0x08, ATTR_LONG_NAME = 0x0f, LAST_LONG = 0x40 };
enum { DATE_1980 = 1 << 5 | 1 }; /* the first day there is */

static const char label[12] = "cidata     ";

struct fat {
    u8 *bytes; /* owns; the whole disk */
    u64 size;
    unsigned fat_sectors, cluster_count, next_cluster, next_entry;
};

/* --- places --- */

static u8 *entry_new(struct fat *f)
{
    return f->bytes + (1 + 2 * f->fat_sectors) * SECTOR + ENTRY * f->next_entry++;
}

static u8 *cluster_at(const struct fat *f, unsigned cluster)
{
    return f->bytes + (2 + 2 * f->fat_sectors) * SECTOR + (u64)(cluster - 2) * CLUSTER;
}

/* Entries of 12 bits, two in three bytes. */
static void fat_put(struct fat *f, unsigned cluster, unsigned value)
{
    for (unsigned copy = 0; copy < 2; copy++) {
        u8 *at = f->bytes + (1 + copy * f->fat_sectors) * SECTOR + cluster * 3 / 2;
        unsigned shift = cluster % 2 * 4;

        le16_put(at, (u16)((le16_get(at) & ~(0xfff << shift)) | value << shift));
    }
}

/* --- making --- */

static void put_boot_sector(struct fat *f, u32 serial)
{
    u8 *b = f->bytes;
    u64 sectors = f->size / SECTOR;

    memcpy(b, "\xeb\x3c\x90", 3);
    memcpy(b + 3, "vm      ", 8);
    le16_put(b + 11, SECTOR);
    b[13] = CLUSTER / SECTOR;
    le16_put(b + 14, 1); /* reserved: this one */
    b[16] = 2;           /* FATs */
    le16_put(b + 17, ROOT_ENTRIES);
    le16_put(b + 19, (u16)(sectors < 0x10000 ? sectors : 0));
    b[21] = MEDIA_DISK;
    le16_put(b + 22, (u16)f->fat_sectors);
    le16_put(b + 24, 32); /* geometry, which nobody asks for */
    le16_put(b + 26, 2);
    le32_put(b + 32, (u32)(sectors < 0x10000 ? 0 : sectors));
    b[36] = 0x80;
    b[38] = 0x29; /* the next three are there */
    le32_put(b + 39, serial);
    memcpy(b + 43, label, 11);
    memcpy(b + 54, "FAT12   ", 8);
    le16_put(b + 510, 0xaa55);
}

static int fat_init(struct fat *f, u64 content, u32 serial, struct err *err)
{
    u8 *e;

    f->cluster_count = (unsigned)(content / CLUSTER) + 2; /* two files with a part of one each */
    f->fat_sectors = (unsigned)bits_align_up((f->cluster_count + 2) * 3 / 2 + 1, SECTOR) / SECTOR;
    f->next_cluster = 2;
    f->size = (2 + 2 * f->fat_sectors) * SECTOR + (u64)f->cluster_count * CLUSTER;
    f->bytes = calloc(1, f->size);
    if (!f->bytes)
        return err_set_errno(err, ENOMEM, "making the disk for cloud-init");
    put_boot_sector(f, serial);
    fat_put(f, 0, FAT_MEDIA);
    fat_put(f, 1, FAT_EOC);
    e = entry_new(f);
    memcpy(e, label, 11);
    e[11] = ATTR_LABEL;
    le16_put(e + 24, DATE_1980);
    return 0;
}

/* A name of up to 12 characters of ASCII as it is, before the entry that has a short one. */
static void put_long_name(struct fat *f, const char *name, const char *short_name)
{
    static const u8 places[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    size_t len = strlen(name);
    u8 *e = entry_new(f), sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (u8)((sum & 1) << 7 | sum >> 1) + (u8)short_name[i];
    e[0] = LAST_LONG | 1;
    e[11] = ATTR_LONG_NAME;
    e[13] = sum;
    for (size_t i = 0; i < sizeof places; i++)
        le16_put(e + places[i], i < len ? (u8)name[i] : i == len ? 0 : 0xffff);
}

/* short_name: 11 characters, unlike any other's. */
static void put_file(struct fat *f, const char *name, const char *short_name, const void *data,
                     u64 len)
{
    unsigned first = f->next_cluster, count = (unsigned)((len + CLUSTER - 1) / CLUSTER);
    u8 *e;

    put_long_name(f, name, short_name);
    e = entry_new(f);
    memcpy(e, short_name, 11);
    e[11] = ATTR_READ_ONLY;
    le16_put(e + 24, DATE_1980);
    le16_put(e + 26, (u16)(count ? first : 0));
    le32_put(e + 28, (u32)len);
    memcpy(cluster_at(f, first), data, len);
    for (unsigned i = 0; i < count; i++)
        fat_put(f, first + i, i + 1 < count ? first + i + 1 : FAT_EOC);
    f->next_cluster += count;
}

/* --- what is in it --- */

static char *meta_data(const char *mac, const char *host_name, u32 checksum)
{
    char id[32] = "", *text, *at = id;

    for (const char *c = mac; c && *c && at < id + sizeof id - 1; c++)
        if (*c != ':')
            *at++ = *c;
    if (!mac)
        snprintf(id, sizeof id, "%08x", checksum);
    if (asprintf(&text, "instance-id: i-%s\n%s%s%s", id, host_name ? "local-hostname: " : "",
                 host_name ? host_name : "", host_name ? "\n" : "") < 0)
        return NULL;
    return text;
}

static int keep(const struct fat *f, struct seed *ret, struct err *err)
{
    int fd = memfd_create("cidata", MFD_CLOEXEC);

    for (u64 done = 0; fd >= 0 && done < f->size;) {
        ssize_t n = write(fd, f->bytes + done, f->size - done);

        if (n < 0) {
            int rc = err_set_errno(err, errno, "making the disk for cloud-init");

            close(fd);
            return rc;
        }
        done += (u64)n;
    }
    if (fd < 0)
        return err_set_errno(err, errno, "making the disk for cloud-init");
    ret->fd = fd;
    snprintf(ret->path, sizeof ret->path, "/proc/self/fd/%d", fd);
    return 0;
}

int seed_make(const char *user_data, const char *mac, const char *host_name, struct seed *ret,
              struct err *err)
{
    struct fat f = { 0 };
    struct crc32 table;
    char *meta = NULL;
    u8 *data = NULL;
    size_t size;
    u32 checksum;
    int rc = host_file_read(user_data, SEED_USER_DATA_MAX, &data, &size, err);

    if (rc < 0)
        return err_wrap(err, "--user-data %s", user_data);
    crc32_init(&table);
    checksum = crc32_update(&table, 0, data, size);
    meta = meta_data(mac, host_name, checksum);
    rc = meta ? fat_init(&f, size + strlen(meta), checksum, err)
              : err_set_errno(err, ENOMEM, "--user-data %s", user_data);
    if (rc == 0) {
        put_file(&f, "user-data", "USER-D~1   ", data, size);
        put_file(&f, "meta-data", "META-D~1   ", meta, strlen(meta));
        rc = keep(&f, ret, err);
    }
    free(f.bytes);
    free(meta);
    free(data);
    return rc;
}

void seed_fini(struct seed *s)
{
    if (s->path[0])
        close(s->fd);
    *s = (struct seed){ 0 };
}
