/*
 * fw_cfg.c - firmware configuration device: named files that the machine gives to its guest
 * (QEMU's interface, docs/specs/fw_cfg.rst, memory-mapped).
 *
 * A write to the selector chooses an item; reads of the data register give its bytes one after
 * the other, whatever their width. A write to the DMA register's lower half has a command done
 * that lies in memory. Item 0x19 lists the files. What they hold is the machine's configuration,
 * not state: a loaded guest finds what this machine was given.
 */
#include "dev/soc/fw_cfg.h"

#include "base/bits.h"
#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SELECTOR = 0x08, DMA_HIGH = 0x10, DMA_LOW = 0x14, REGION_SIZE = 0x18 };
/* A DMA command: control, length, address, big-endian; bits of control, whose upper half selects.
 */
enum { DMA_LENGTH = 4, DMA_ADDRESS = 8, DMA_SIZE = 16 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
/* How far a command may go behind an item's end, where there are zeroes. */
enum { DMA_BEHIND = 1 << 20 };
enum { KEY_SIGNATURE = 0x00, KEY_ID = 0x01, KEY_DIRECTORY = 0x19, KEY_FILE_FIRST = 0x20 };
enum { KEY_WORDS = KEY_DIRECTORY };
enum { ENTRY_SIZE = 64, ENTRY_SELECT = 4, ENTRY_NAME = 8, DIRECTORY_HEAD = 4 };

#define FW_CFG_STATE(F, A, N)                                                                      \
    F(u16, selector, ZERO, "item that the data register reads")                                    \
    F(u32, offset, ZERO, "bytes of it that were read")                                             \
    F(u32, dma_high, ZERO, "upper half of the address of DMA commands")
STATE_STRUCT(fw_cfg, FW_CFG_STATE);

struct file {
    u8 *data; /* owns */
    u32 size;
};

struct fw_cfg {
    struct device dev;
    struct fw_cfg_state s;
    struct file file[FW_CFG_FILES_MAX];
    struct file word[KEY_WORDS]; /* items that have a number only */
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
    static const u8 id[4] = { 3 }; /* the plain interface and DMA; little-endian */
    unsigned n = f->s.selector - KEY_FILE_FIRST;

    *ret_size = 4;
    switch (f->s.selector) {
    case KEY_SIGNATURE: return (const u8 *)"QEMU";
    case KEY_ID: return id;
    case KEY_DIRECTORY: *ret_size = DIRECTORY_HEAD + f->count * ENTRY_SIZE; return f->directory;
    }
    if (f->s.selector < KEY_WORDS) {
        *ret_size = f->word[f->s.selector].size;
        return f->word[f->s.selector].data;
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

int fw_cfg_set(struct device *d, u16 key, const void *data, u32 size)
{
    struct file *f = &self(d)->word[key];
    u8 *copy = malloc(size ? size : 1);

    BUG_ON(key <= KEY_ID || key >= KEY_WORDS);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, size);
    free(f->data);
    *f = (struct file){ copy, size };
    return 0;
}

/* --- DMA --- */

/* Zeroes follow the item's end. */
static bool dma_take(struct fw_cfg *f, gpa_t to, u32 len, bool skip)
{
    static const u8 zeroes[4096];
    u32 size;
    const u8 *bytes = item(f, &size);
    u32 have = f->s.offset < size ? size - f->s.offset : 0, n = len < have ? len : have;

    if (len - n > DMA_BEHIND || (n && !skip && !dma_write(&f->dev, to, bytes + f->s.offset, n)))
        return false;
    f->s.offset += n;
    for (u32 done = n; done < len && !skip; done += n) {
        n = len - done < sizeof zeroes ? len - done : sizeof zeroes;
        if (!dma_write(&f->dev, to + done, zeroes, n))
            return false;
    }
    return true;
}

/* Nothing may be written: no item here takes it. */
static void dma_run(struct fw_cfg *f, gpa_t at)
{
    u8 command[DMA_SIZE], result[4];
    u32 control;
    bool ok = true;

    if (!dma_read(&f->dev, at, command, sizeof command))
        return;
    control = be32_get(command);
    if (control & DMA_SELECT) {
        f->s.selector = (u16)(control >> 16);
        f->s.offset = 0;
    }
    if (control & (DMA_READ | DMA_SKIP))
        ok = dma_take(f, be64_get(command + DMA_ADDRESS), be32_get(command + DMA_LENGTH),
                      !(control & DMA_READ));
    else if (control & DMA_WRITE)
        ok = false;
    be32_put(result, ok ? 0 : DMA_ERROR);
    if (!dma_write(&f->dev, at, result, sizeof result))
        return; /* it was there when it was read: nobody to be told */
}

/* --- registers --- */

/* The DMA register reads as "QEMU CFG". */
static u64 signature(u64 off, unsigned size)
{
    u64 value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (u64)(u8) "QEMU CFG"[(off - DMA_HIGH + i) % 8] << 8 * i;
    return value;
}

/* Bytes in the order of memory; behind the item's end: zeroes. */
static u64 fw_cfg_read(struct device *d, u64 off, unsigned size)
{
    struct fw_cfg *f = self(d);
    u64 value = 0;
    u32 len;
    const u8 *bytes = item(f, &len);

    if (off >= DMA_HIGH)
        return signature(off, size);
    if (off >= SELECTOR)
        return dev_bad_access(d, off, size);
    for (unsigned i = 0; i < size && f->s.offset < len; i++)
        value |= (u64)bytes[f->s.offset++] << 8 * i;
    return value;
}

/* Both halves big-endian, or all of it; the lower one starts. */
static void dma_register(struct fw_cfg *f, u64 off, u64 v, unsigned size)
{
    u32 high = f->s.dma_high;

    if (size == 4 && off == DMA_HIGH) {
        f->s.dma_high = __builtin_bswap32((u32)v);
        return;
    }
    f->s.dma_high = 0;
    if (size == 8)
        dma_run(f, __builtin_bswap64(v));
    else
        dma_run(f, (u64)high << 32 | __builtin_bswap32((u32)v));
}

/* The selector is big-endian; the data register has not been written to since QEMU 2.4. */
static void fw_cfg_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct fw_cfg *f = self(d);

    if (off >= DMA_HIGH && size >= 4) {
        dma_register(f, off, v, size);
        return;
    }
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
    for (unsigned i = 0; i < KEY_WORDS; i++)
        free(self(d)->word[i].data);
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
