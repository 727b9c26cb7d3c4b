/*
 * flash_cfi.c - NOR flash: two 16-bit chips side by side, with Intel's command set and the Common
 * Flash Interface (JESD68.01, "CFI"; JEP137 command set 1; Intel StrataFlash P30 datasheet).
 *
 * While the chips read their array, loads and fetches find it as memory (dev_region_rom_show);
 * a command hides it. Both chips are given the same commands: the lower one's counts.
 *
 * What the array holds is a file's, property "drive", and written to it behind the guest's back.
 * Without a drive the array is state. Blocks cannot be locked; but a drive that is read-only
 * refuses to be programmed as a locked block does, and so does what lies behind a short one's end,
 * which is zero.
 */
#include "dev/soc/flash_cfi_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include <errno.h>
#include <string.h>

enum { BUFFER_SIZE = FLASH_BUFFER_SIZE, BUFFER_LOG2 = 8 /* of a chip's half */, WORD = 4 };

/* What the next write is taken for; and what reads give. */
enum command { ANY, PROGRAM, ERASE, LOCK, BUFFER_COUNT, BUFFER_DATA, BUFFER_CONFIRM };
enum show { ARRAY, STATUS, ID, QUERY };

enum { READY = 0x80, ERASE_FAILED = 0x20, PROGRAM_FAILED = 0x10, LOCKED = 0x02 };

static void flash_update(struct device *d)
{
    dev_region_rom_show(d, 0, flash_self(d)->s.show == ARRAY);
}

/* --- programming --- */

static bool refused(struct flash_cfi *f, u64 at, u64 len, u8 error)
{
    if (checked_range(at, len, f->limit))
        return false;
    f->s.errors |= error | LOCKED;
    return true;
}

/* Bits become 0, never 1. */
static void program(struct flash_cfi *f, u64 at, const u8 *data, u64 len)
{
    if (refused(f, at, len, PROGRAM_FAILED))
        return;
    for (u64 i = 0; i < len; i++)
        f->array->host[at + i] &= data[i];
    flash_written(f, at, len);
}

static void erase(struct flash_cfi *f, u64 at)
{
    at = bits_align_down(at, f->sector);
    if (refused(f, at, f->sector, ERASE_FAILED))
        return;
    memset(f->array->host + at, 0xff, f->sector);
    flash_written(f, at, f->sector);
}

/* The buffer is a window of the array from the first word written: what is not given stays. */
static void buffer_put(struct flash_cfi *f, u64 off, u64 v, unsigned size)
{
    struct flash_cfi_state *s = &f->s;
    u8 bytes[8];
    u64 at;

    if (s->filled == 0)
        s->first = (u32)bits_align_down(off, WORD);
    at = off - s->first;
    if (!checked_range(at, size, BUFFER_SIZE)) {
        s->errors |= PROGRAM_FAILED;
    } else {
        le64_put(bytes, v);
        memcpy(s->buffer + at, bytes, size);
        s->filled = at + size > s->filled ? (u32)(at + size) : s->filled;
    }
    if (--s->left == 0)
        s->command = BUFFER_CONFIRM;
}

static void buffer_program(struct flash_cfi *f, u64 off)
{
    if (!(f->s.errors & PROGRAM_FAILED))
        program(f, f->s.first, f->s.buffer, f->s.filled);
}

/* --- commands --- */

static void begin(struct flash_cfi *f, enum command command)
{
    f->s.command = (u8)command;
    f->s.show = STATUS;
}

static void first_write(struct flash_cfi *f, u64 off, u8 v)
{
    switch (v) {
    case 0x00: /* as after a reset, for drivers that try */
    case 0xf0:
    case 0xff: f->s.show = ARRAY; break;
    case 0x10:
    case 0x40: begin(f, PROGRAM); break;
    case 0x20: begin(f, ERASE); break;
    case 0x50: f->s.errors = 0; break;
    case 0x60: begin(f, LOCK); break;
    case 0x70: f->s.show = STATUS; break;
    case 0x90: f->s.show = ID; break;
    case 0x98: f->s.show = QUERY; break;
    case 0xe8: begin(f, BUFFER_COUNT); break;
    default: dev_bad_access(&f->dev, off, WORD); break;
    }
}

/* A wrong confirmation is what a wrong sequence is: both error bits. */
static void confirm(struct flash_cfi *f, u8 v, void (*act)(struct flash_cfi *f, u64 off), u64 off)
{
    f->s.command = ANY;
    if (v == 0xd0)
        act(f, off);
    else
        f->s.errors |= ERASE_FAILED | PROGRAM_FAILED;
}

static void lock(struct flash_cfi *f, u8 v)
{
    f->s.command = ANY;
    if (v != 0xd0 && v != 0x01)
        f->s.errors |= ERASE_FAILED | PROGRAM_FAILED;
}

static void buffer_begin(struct flash_cfi *f, u16 count)
{
    f->s.left = count + 1u;
    f->s.filled = 0;
    memset(f->s.buffer, 0xff, sizeof f->s.buffer);
    f->s.command = BUFFER_DATA;
    if (f->s.left > BUFFER_SIZE / WORD) {
        f->s.errors |= ERASE_FAILED | PROGRAM_FAILED;
        f->s.command = ANY;
    }
}

static void flash_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct flash_cfi *f = flash_self(d);
    u8 bytes[8];

    switch (f->s.command) {
    case ANY: first_write(f, off, (u8)v); break;
    case PROGRAM:
        le64_put(bytes, v);
        program(f, off, bytes, size);
        f->s.command = ANY;
        break;
    case ERASE: confirm(f, (u8)v, erase, off); break;
    case LOCK: lock(f, (u8)v); break;
    case BUFFER_COUNT: buffer_begin(f, (u16)v); break;
    case BUFFER_DATA: buffer_put(f, off, v, size); break;
    case BUFFER_CONFIRM: confirm(f, (u8)v, buffer_program, off); break;
    }
    flash_update(d);
}

/* --- reads --- */

/* CFI query data of one chip, from word 0x10 on. Its regions are whole chips. */
static u16 query(const struct flash_cfi *f, u64 word)
{
    static const u8 data[] = {
        'Q',  'R',  'Y', 1,           0,   0x31, 0,  0, 0, 0, 0, /* command set 1, whose table is at
                                                                    0x31 */
        0x45, 0x55, 0,   0,           7,   7,    10, 0, 4, 4, 4, 0, /* volts, and times as powers of
                                                                       two */
        0,    2,    0,   BUFFER_LOG2, 0,   1,    0,  0, 0, 0, /* size (0x27), x8/x16, buffer, one
                                                                 region (0x2d) */
        'P',  'R',  'I', '1',         '0', 0,    0,  0, 0, 0, 0, 0, 0x50, 0, 1, 0, 0, 0, 0,
    };
    u64 blocks = f->size / f->sector - 1, units = f->sector / 2 / 256;

    switch (word) {
    case 0x27: return (u16)__builtin_ctzll(f->size / 2);
    case 0x2d: return blocks & 0xff;
    case 0x2e: return blocks >> 8 & 0xff;
    case 0x2f: return units & 0xff;
    case 0x30: return units >> 8 & 0xff;
    }
    return word >= 0x10 && word - 0x10 < sizeof data ? data[word - 0x10] : 0;
}

/* Manufacturer, device; a block's lock status is 0. */
static u16 identity(u64 word)
{
    return word == 0 ? 0x89 : word == 1 ? 0x18 : 0;
}

static u32 array_word(const struct flash_cfi *f, u64 off)
{
    return le32_get(f->array->host + bits_align_down(off, WORD));
}

static u64 flash_read(struct device *d, u64 off, unsigned size)
{
    struct flash_cfi *f = flash_self(d);
    u64 word = off / WORD;
    u16 chip = 0;

    switch (f->s.show) {
    case ARRAY: return array_word(f, off) >> off % WORD * 8;
    case STATUS: chip = READY | f->s.errors; break;
    case ID: chip = identity(word & (f->sector / WORD - 1)); break;
    case QUERY: chip = query(f, word & 0xff); break;
    }
    return ((u32)chip << 16 | chip) >> off % WORD * 8;
}

/* --- life --- */

static int flash_init(struct device *d, struct err *err)
{
    struct flash_cfi *f = flash_self(d);
    int rc;

    if (!bits_is_pow2(f->size) || !bits_is_pow2(f->sector) || f->sector > f->size)
        return err_set(err, EINVAL,
                       "flash of %llu bytes in blocks of %llu: powers of two are wanted",
                       (unsigned long long)f->size, (unsigned long long)f->sector);
    dev_region_size_set(d, 0, f->size);
    rc = mem_ram_new("flash", f->size, &f->array, err);
    if (rc < 0)
        return rc;
    dev_region_rom_set(d, 0, f->array);
    f->limit = f->read_only ? 0 : f->size;
    return f->image ? flash_drive_read(f, err) : 0;
}

void flash_cfi_fill(struct device *d, const u8 *data, u64 size)
{
    struct flash_cfi *f = flash_self(d);

    BUG_ON(size > f->size || f->image);
    for (u64 at = 0, len; at < size; at += len) {
        len = size - at < MEM_PAGE_SIZE ? size - at : MEM_PAGE_SIZE;
        if (memcmp(f->array->host + at, data + at, len) == 0)
            continue;
        memcpy(f->array->host + at, data + at, len);
        mem_ram_written(f->array, at, len);
    }
}

static void flash_fini(struct device *d)
{
    struct flash_cfi *f = flash_self(d);

    if (f->in_flight)
        blk_drain(f->image);
    mem_ram_free(f->array);
}

static bool flash_idle(struct device *d)
{
    return !flash_self(d)->in_flight;
}

static struct mem_ram *flash_bulk(struct device *d)
{
    return flash_self(d)->image ? NULL : flash_self(d)->array;
}

/* The last word of the buffer is followed by its confirmation. */
static int flash_check(struct device *d, struct err *err)
{
    const struct flash_cfi_state *s = &flash_self(d)->s;

    if (s->show > QUERY || s->command > BUFFER_CONFIRM || s->left > BUFFER_SIZE / WORD ||
        s->filled > BUFFER_SIZE || (s->command == BUFFER_DATA && s->left == 0))
        return err_set(err, EINVAL, "mode %u, command %u, %u words left, %u bytes", s->show,
                       s->command, s->left, s->filled);
    return 0;
}

#define STATE_ROW_T struct flash_cfi_state
STATE_LIST(flash_cfi, FLASH_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop flash_props[] = {
    { "size", "bytes, a power of two", DEV_PROP_U64, offsetof(struct flash_cfi, size),
      .min = 64 * KIB, .max = 256 * MIB, .initial = MIB },
    { "block", "bytes that are erased together, a power of two", DEV_PROP_U64,
      offsetof(struct flash_cfi, sector), .min = 4 * KIB, .max = MIB, .initial = 64 * KIB },
    { "readonly", "the guest cannot change it", DEV_PROP_BOOL,
      offsetof(struct flash_cfi, read_only) },
    { "drive", "the file that holds the content", DEV_PROP_BLOCK,
      offsetof(struct flash_cfi, image) },
};

static const struct dev_region flash_regions[] = {
    { "array", 0, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, flash_read, flash_write },
};

const struct dev_class flash_cfi_class = {
    .name = "flash-cfi",
    .doc = "NOR flash with Intel's command set (CFI)",
    .size = sizeof(struct flash_cfi),
    .state_offset = offsetof(struct flash_cfi, s),
    .state = &flash_cfi_state_list,
    .props = flash_props,
    .prop_count = ARRAY_SIZE(flash_props),
    .regions = flash_regions,
    .region_count = ARRAY_SIZE(flash_regions),
    .needs = DEV_NEEDS_FILE,
    .init = flash_init,
    .fini = flash_fini,
    .update = flash_update,
    .check = flash_check,
    .idle = flash_idle,
    .bulk = flash_bulk,
    .fdt_compatible = "cfi-flash",
};
