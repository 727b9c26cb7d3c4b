/*
 * ram.c - RAM of a guest: host memory, a flag byte a page, the dirty log.
 *
 * A page's flags and its contents are changed by different threads. The rule that makes
 * them agree: who stores, stores first and looks at the flags afterwards; who sets a flag
 * (the translator, the dirty log) sets it first and reads the page afterwards. A full
 * fence between the two steps on both sides means that at least one sees the other.
 */
#include "mem/map.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "host/map.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct ram {
    struct mem_ram ram;     /* first: what others see */
    struct host_map memory; /* owns */
    struct host_map flags;  /* owns */
    u64 sparse;             /* stretches that host_map_sparse() was asked for */
};

static const u64 ram_max = 1ull << 50;

static int ram_check_size(const char *name, u64 size, struct err *err)
{
    if (size == 0 || size % MEM_PAGE_SIZE != 0)
        return err_set(err, EINVAL,
                       "RAM \"%s\" of %" PRIu64 " bytes is not a positive multiple of %d bytes; "
                       "give a size in whole pages",
                       name, size, MEM_PAGE_SIZE);
    if (size > ram_max)
        return err_set(err, EINVAL, "RAM \"%s\" of %" PRIu64 " bytes is more than 1 PiB; give less",
                       name, size);
    return 0;
}

int mem_ram_new(const char *name, u64 size, struct mem_ram **ret, struct err *err)
{
    struct ram *r;
    int rc = ram_check_size(name, size, err);

    if (rc < 0)
        return rc;
    r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ENOMEM, "no memory for RAM \"%s\"", name);
    rc = host_map_ram(&r->memory, size, err);
    if (rc == 0)
        rc = host_map_ram(&r->flags, size >> MEM_PAGE_SHIFT, err);
    if (rc < 0) {
        mem_ram_free(&r->ram);
        return err_wrap(err, "RAM \"%s\"", name);
    }
    r->ram.host = r->memory.at;
    r->ram.page_flags = r->flags.at;
    r->ram.size = size;
    r->ram.name = name;
    *ret = &r->ram;
    return 0;
}

struct mem_ram *mem_ram_free(struct mem_ram *ram)
{
    struct ram *r = container_of(ram, struct ram, ram);

    if (!ram)
        return NULL;
    host_map_fini(&r->memory);
    host_map_fini(&r->flags);
    free(r);
    return NULL;
}

void mem_ram_written(struct mem_ram *ram, u64 offset, u64 len)
{
    BUG_ON(!checked_range(offset, len, ram->size));
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the store is visible before the flags are read */
    for (u64 at = offset, end = offset + len, next; at < end; at = next) {
        u8 *flags = &ram->page_flags[at >> MEM_PAGE_SHIFT];
        u8 now = __atomic_load_n(flags, __ATOMIC_RELAXED);

        next = (at | (MEM_PAGE_SIZE - 1)) + 1;
        if (likely(now == 0))
            continue;
        if (next > end)
            next = end;
        if (now & MEM_PAGE_CLEAN)
            __atomic_fetch_and(flags, (u8)~MEM_PAGE_CLEAN, __ATOMIC_RELAXED);
        if (now & MEM_PAGE_CODE && ram->code_written)
            ram->code_written(ram->code_arg, ram, at, next - at);
    }
}

void mem_ram_discard(struct mem_ram *ram, u64 offset, u64 len)
{
    struct ram *r = container_of(ram, struct ram, ram);
    u64 page = host_page_size(), from = bits_align_up(offset, page);
    u64 to = bits_align_down(offset + len, page);

    BUG_ON(!checked_range(offset, len, ram->size));
    if (from >= to)
        return;
    if (host_map_discard(&r->memory, from, to - from))
        memset(ram->host + from, 0, to - from); /* a host that keeps it: the content at least */
    mem_ram_written(ram, from, to - from);
}

/* A stretch of RAM as large as the host's huge pages. */
enum { STRETCH = 2 << 20 };

/* Stretches that get no huge page any more: for the host each is a mapping of its own, and of
 * those a process may have 65,530. Beyond, the host may fill again what was given back. */
enum { SPARSE_MAX = 1024 };

static bool is_zero(const u8 *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Pages of [at, end) that have memory and hold zeroes: ret[i] = 1. Returns how many, and in
 * *others how many hold something else. */
static u64 find_zeroes(const struct ram *r, u64 at, u64 end, u8 *ret, u64 *others)
{
    u64 page = host_page_size(), found = 0;

    *others = 0;
    if (host_map_resident(&r->memory, at, end - at, ret))
        return 0;
    for (u64 i = 0; i < (end - at) / page; i++) {
        bool present = ret[i] & 1;

        ret[i] = present && is_zero(r->ram.host + at + i * page, page);
        found += ret[i];
        *others += present && !ret[i];
    }
    return found;
}

/* Of `count` pages from `at` those with zero[i]. */
static u64 release_pages(struct ram *r, u64 at, u64 count, const u8 *zero)
{
    u64 page = host_page_size(), released = 0;

    for (u64 i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && zero[i + n] == zero[i]; n++)
            ;
        if (zero[i] && host_map_discard(&r->memory, at + i * page, n * page) == 0)
            released += n * page;
    }
    return released;
}

u64 mem_ram_release_zeroes(struct mem_ram *ram)
{
    struct ram *r = container_of(ram, struct ram, ram);
    u64 page = host_page_size(), released = 0;
    u8 zero[STRETCH / MEM_PAGE_SIZE];

    if (page < MEM_PAGE_SIZE || ram->size % page)
        return 0;
    for (u64 at = 0, end, others; at < ram->size; at = end) {
        end = at + STRETCH < ram->size ? at + STRETCH : ram->size;
        /* A huge page that is well filled is left whole, which is what it is for. */
        if (find_zeroes(r, at, end, zero, &others) == 0 || others > (end - at) / page / 4 * 3)
            continue;
        if (others && r->sparse++ < SPARSE_MAX)
            host_map_sparse(&r->memory, at, end - at);
        released += release_pages(r, at, (end - at) / page, zero);
    }
    return released;
}

void mem_ram_dirty_start(struct mem_ram *ram)
{
    for (u64 i = 0; i < ram->size >> MEM_PAGE_SHIFT; i++)
        __atomic_fetch_or(&ram->page_flags[i], MEM_PAGE_CLEAN, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void mem_ram_dirty_fetch(struct mem_ram *ram, u8 *bits)
{
    u64 pages = ram->size >> MEM_PAGE_SHIFT;

    memset(bits, 0, (size_t)((pages + 7) / 8));
    for (u64 i = 0; i < pages; i++) {
        u8 *flags = &ram->page_flags[i];

        if (__atomic_load_n(flags, __ATOMIC_RELAXED) & MEM_PAGE_CLEAN)
            continue;
        bits[i / 8] = (u8)(bits[i / 8] | 1u << i % 8);
        __atomic_fetch_or(flags, MEM_PAGE_CLEAN, __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void mem_ram_dirty_stop(struct mem_ram *ram)
{
    for (u64 i = 0; i < ram->size >> MEM_PAGE_SHIFT; i++)
        if (__atomic_load_n(&ram->page_flags[i], __ATOMIC_RELAXED) & MEM_PAGE_CLEAN)
            __atomic_fetch_and(&ram->page_flags[i], (u8)~MEM_PAGE_CLEAN, __ATOMIC_RELAXED);
}
