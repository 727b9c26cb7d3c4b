/*
 * fw_cfg.c - firmware configuration device: named files that the machine gives to its guest
 * (QEMU's interface, docs/specs/fw_cfg.rst, memory-mapped, without DMA).
 *
 * A write to the selector chooses an item; reads of the data register give its bytes one after
 * the other, whatever their width. Item 0x19 lists the files. What they hold is the machine's
 * configuration, not state: a loaded guest finds what this machine was given.
 */
#include "dev/soc/fw_cfg.h"

#include "base/bits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DATA = 0x00, SELECTOR = 0x08, REGION_SIZE = 0x10 };
enum { KEY_SIGNATURE = 0x00, KEY_ID = 0x01, KEY_DIRECTORY = 0x19, KEY_FILE_FIRST = 0x20 };
enum { ENTRY_SIZE = 64, ENTRY_SELECT = 4, ENTRY_NAME = 8, DIRECTORY_HEAD = 4 };

#define FW_CFG_STATE(F, A, N)                                                                      \
    F(u16, selector, ZERO, "item that the data register reads")                                    \
    F(u32, offset, ZERO, "bytes of it that were read")
STATE_STRUCT(fw_cfg, FW_CFG_STATE);

struct file {
    u8 *data; /* owns */
    u32 size;
};

struct fw_cfg {
    struct device dev;
    struct fw_cfg_state s;
    struct file file[FW_CFG_FILES_MAX];
    unsigned count;
    u8 directory[DIRECTORY_HEAD + FW_CFG_FILES_MAX * ENTRY_SIZE];
};

static struct fw_cfg *self(struct device *d)
{
    return container_of(d, struct fw_cfg, dev);
}

/* --- items --- */

static const u8 *item(struct fw_cfg *f, u32 *ret_size)
{
    static const u8 id[4] = { 1 }; /* the plain interface, no DMA; little-endian */
    unsigned n = f->s.selector - KEY_FILE_FIRST;

    *ret_size = 4;
    switch (f->s.selector) {
    case KEY_SIGNATURE: return (const u8 *)"QEMU";
    case KEY_ID: return id;
    case KEY_DIRECTORY: *ret_size = DIRECTORY_HEAD + f->count * ENTRY_SIZE; return f->directory;
    }
    *ret_size = f->s.selector >= KEY_FILE_FIRST && n < f->count ? f->file[n].size : 0;
    return *ret_size ? f->file[n].data : NULL;
}

int fw_cfg_add(struct device *d, const char *name, const void *data, u32 size)
{
    struct fw_cfg *f = self(d);
    u8 *entry = f->directory + DIRECTORY_HEAD + f->count * ENTRY_SIZE;
    u8 *copy;

    if (f->count == FW_CFG_FILES_MAX)
        return -ENOSPC;
    copy = malloc(size ? size : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, size);
    be32_put(entry, size);
    be16_put(entry + ENTRY_SELECT, (u16)(KEY_FILE_FIRST + f->count));
    strncpy((char *)entry + ENTRY_NAME, name, FW_CFG_NAME_MAX);
    f->file[f->count++] = (struct file){ copy, size };
    be32_put(f->directory, f->count);
    return 0;
}

/* --- registers --- */

/* Bytes in the order of memory; behind the item's end: zeroes. */
static u64 fw_cfg_read(struct device *d, u64 off, unsigned size)
{
    struct fw_cfg *f = self(d);
    u64 value = 0;
    u32 len;
    const u8 *bytes = item(f, &len);

    if (off >= SELECTOR)
        return dev_bad_access(d, off, size);
    for (unsigned i = 0; i < size && f->s.offset < len; i++)
        value |= (u64)bytes[f->s.offset++] << 8 * i;
    return value;
}

/* The selector is big-endian; the data register has not been written to since QEMU 2.4. */
static void fw_cfg_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct fw_cfg *f = self(d);

    if (off != SELECTOR || size != 2) {
        dev_bad_access(d, off, size);
        return;
    }
    f->s.selector = __builtin_bswap16((u16)v);
    f->s.offset = 0;
}

static void fw_cfg_fini(struct device *d)
{
    for (unsigned i = 0; i < self(d)->count; i++)
        free(self(d)->file[i].data);
}

#define STATE_ROW_T struct fw_cfg_state
STATE_LIST(fw_cfg, FW_CFG_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region fw_cfg_regions[] = {
    { "registers", REGION_SIZE, MEM_IO_ALL, fw_cfg_read, fw_cfg_write },
};

const struct dev_class fw_cfg_class = {
    .name = "fw-cfg",
    .doc = "Firmware configuration",
    .size = sizeof(struct fw_cfg),
    .state_offset = offsetof(struct fw_cfg, s),
    .state = &fw_cfg_state_list,
    .regions = fw_cfg_regions,
    .region_count = ARRAY_SIZE(fw_cfg_regions),
    .fini = fw_cfg_fini,
    .fdt_compatible = "qemu,fw-cfg-mmio",
};
