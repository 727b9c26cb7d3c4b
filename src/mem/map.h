/*
 * map.h - guest-physical address spaces: which RAM or device answers where.
 *
 * A map is changed rarely (boards at set-up, a guest that moves a PCI BAR) and
 * looked up often, but only on slow paths: TLB fills, device registers, DMA. The
 * fast path never comes here. Look-ups hold a lock for a binary search; changes
 * hold it too and then call the change listeners, which flush TLBs.
 */
#ifndef MEM_MAP_H
#define MEM_MAP_H

#include "base/err.h"
#include "base/types.h"

enum { MEM_PAGE_SHIFT = 12, MEM_PAGE_SIZE = 1 << MEM_PAGE_SHIFT };

/* --- RAM --- */

/* Per-page flags. Set and cleared atomically. */
enum {
    MEM_PAGE_CODE = 1 << 0,  /* translated code was made from it: stores must be reported */
    MEM_PAGE_CLEAN = 1 << 1, /* dirty log is on and nobody wrote yet */
};

struct mem_ram {
    u8 *host;       /* owns: `size` bytes, page-aligned; NULL never */
    u64 size;       /* multiple of MEM_PAGE_SIZE */
    u8 *page_flags; /* owns: one byte a page, MEM_PAGE_* */
    const char *name;
    /* Called after a store to a page with MEM_PAGE_CODE, on the storing thread; len > 0, within
     * one page. Clears the flag itself when no code is left. NULL: nobody translates. */
    void (*code_written)(void *arg, struct mem_ram *ram, u64 offset, u64 len);
    void *code_arg;
};

/* size: 1 page to 1 PiB, multiple of the page size; memory is not touched until used. */
int mem_ram_new(const char *name, u64 size, struct mem_ram **ret, struct err *err) MUST_CHECK;
struct mem_ram *mem_ram_free(struct mem_ram *ram);

/* To be called *after* a store of len bytes at offset by anybody but a vCPU's fast path:
 * reports translated code and marks pages dirty. The other order would let a translator
 * on another thread read the old bytes after the report. [any thread] */
void mem_ram_written(struct mem_ram *ram, u64 offset, u64 len);

/* Gives the whole host pages within [offset, offset + len) back to the host; they read as
 * zeroes and cost nothing until they are written. Reported like a store. [any thread] */
void mem_ram_discard(struct mem_ram *ram, u64 offset, u64 len);

/* Gives memory that only holds zeroes back to the host, where a quarter of a stretch of 2 MiB is
 * such: the guest sees no difference. Nobody may write to the RAM meanwhile. Returns the bytes. */
u64 mem_ram_release_zeroes(struct mem_ram *ram);

/* Dirty log: start marks every page clean; fetch copies and resets one bit a page
 * (bits[] has size/4096/8 bytes, rounded up). The caller flushes TLBs after both. */
void mem_ram_dirty_start(struct mem_ram *ram);
void mem_ram_dirty_fetch(struct mem_ram *ram, u8 *bits);
void mem_ram_dirty_stop(struct mem_ram *ram);

/* --- devices --- */

/* Register access: off within the region, size 1, 2, 4 or 8, aligned to size and
 * allowed by widths (others are split or refused by the map's user). cpu: the index of the CPU
 * that makes it, or MEM_NO_CPU. */
enum { MEM_NO_CPU = 0xffff };
struct mem_io_ops {
    u64 (*read)(void *dev, u64 off, unsigned size, unsigned cpu);
    void (*write)(void *dev, u64 off, u64 v, unsigned size, unsigned cpu);
    u8 widths; /* bit mask of allowed sizes: 1, 2, 4, 8 OR-ed. Wider accesses are split into
                  the widest allowed, narrower ones refused (bus fault) */
};
enum { MEM_IO_1 = 1, MEM_IO_2 = 2, MEM_IO_4 = 4, MEM_IO_8 = 8, MEM_IO_ALL = 15 };

/* --- the map --- */

struct mem_map;

enum mem_kind { MEM_NOTHING, MEM_RAM, MEM_ROM, MEM_IO };

/* What lies at an address. */
struct mem_span {
    enum mem_kind kind;
    gpa_t start; /* of the whole region */
    u64 size;
    struct mem_ram *ram;         /* RAM, ROM */
    u64 ram_offset;              /* of `start` in ram */
    const struct mem_io_ops *io; /* IO; ROM of a device: takes stores; other ROM: NULL */
    void *dev;                   /* where there is io */
};

struct mem_map *mem_map_new(const char *name);
struct mem_map *mem_map_free(struct mem_map *map);

/* Regions may not overlap: -EEXIST with a sentence naming both. RAM regions are page-aligned. */
int mem_map_add_ram(struct mem_map *map, gpa_t at, struct mem_ram *ram, u64 offset, u64 size,
                    bool readonly, struct err *err) MUST_CHECK;
int mem_map_add_io(struct mem_map *map, gpa_t at, u64 size, const char *name,
                   const struct mem_io_ops *io, void *dev, struct err *err) MUST_CHECK;
/* ROM of a device, such as flash: loads and fetches find ram, stores reach the device. While it is
 * hidden, loads reach the device too and fetches nothing: mem_map_rom_show(). */
int mem_map_add_rom(struct mem_map *map, gpa_t at, struct mem_ram *ram, u64 size, const char *name,
                    const struct mem_io_ops *io, void *dev, struct err *err) MUST_CHECK;
/* Shows or hides the ROM that was added at `at`, which is shown at first. [any thread] */
void mem_map_rom_show(struct mem_map *map, gpa_t at, bool shown);
/* Removes the region that starts at `at`; false if none does. After the return no new
 * access reaches the device; one under way on another thread may still. */
bool mem_map_remove(struct mem_map *map, gpa_t at);
/* Calls changed(arg) after every change, until off_change with the same two; not to be
 * undone while another thread changes the map. */
int mem_map_on_change(struct mem_map *map, void (*changed)(void *arg), void *arg,
                      struct err *err) MUST_CHECK;
void mem_map_off_change(struct mem_map *map, void (*changed)(void *arg), void *arg);

/* False and kind MEM_NOTHING when nothing is there. [any thread] */
bool mem_map_find(struct mem_map *map, gpa_t at, struct mem_span *out);

/* Device register access of any size and alignment up to 8 bytes, within one region:
 * splits as ops.widths demands. False: nothing there or refused. [any thread] */
bool mem_map_cpu_read(struct mem_map *map, gpa_t at, unsigned size, u64 *out,
                      unsigned cpu) MUST_CHECK;
bool mem_map_cpu_write(struct mem_map *map, gpa_t at, unsigned size, u64 v,
                       unsigned cpu) MUST_CHECK;
/* The same, of no CPU. */
bool mem_map_io_read(struct mem_map *map, gpa_t at, unsigned size, u64 *out) MUST_CHECK;
bool mem_map_io_write(struct mem_map *map, gpa_t at, unsigned size, u64 v) MUST_CHECK;

/* Bulk access to RAM (not devices, not ROM for write); may cross regions. False, with
 * nothing written, when any byte is not RAM. ROM counts as RAM for reading. [any thread] */
bool mem_map_read(struct mem_map *map, gpa_t at, void *buf, u64 len) MUST_CHECK;
bool mem_map_write(struct mem_map *map, gpa_t at, const void *buf, u64 len) MUST_CHECK;

/* Host address of [at, at + len) if it is one stretch of RAM, else NULL. The pointer
 * lives as long as the RAM, which boards free last; a writer calls mem_ram_written(). */
void *mem_map_host(struct mem_map *map, gpa_t at, u64 len, bool write, struct mem_span *out);

#endif
