/*
 * map.c - the guest-physical map: a sorted array of regions under one lock.
 *
 * Regions are kept by their first and *last* address, so that one may end at 2^64. The
 * lock is held for a binary search only: never while a device answers, and while bytes
 * are copied only when a bulk access touches more than one region.
 */
#include "mem/map.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "host/thread.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct region {
    gpa_t last; /* address of the last byte */
    struct mem_span span;
    char *name; /* owns */
};

struct listener {
    void (*changed)(void *arg);
    void *arg;
};

struct mem_map {
    const char *name;       /* borrows (static) */
    struct host_mutex lock; /* of all below */
    struct region *regions; /* owns: sorted by span.start, disjoint */
    unsigned count, room;
    struct listener *listeners; /* owns */
    unsigned listener_count;
};

struct mem_map *mem_map_new(const char *name)
{
    struct mem_map *map = calloc(1, sizeof *map);

    if (!map)
        return NULL;
    map->name = name;
    host_mutex_init(&map->lock);
    return map;
}

struct mem_map *mem_map_free(struct mem_map *map)
{
    if (!map)
        return NULL;
    for (unsigned i = 0; i < map->count; i++)
        free(map->regions[i].name);
    free(map->regions);
    free(map->listeners);
    host_mutex_fini(&map->lock);
    free(map);
    return NULL;
}

/* --- changes --- */

/* Index of the first region whose last byte is at or after `at`. */
static unsigned region_from(const struct mem_map *map, gpa_t at)
{
    unsigned lo = 0, hi = map->count;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;

        if (map->regions[mid].last < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Tells listeners; without the lock, so that they may look things up. */
static void map_changed(struct mem_map *map)
{
    struct listener *copy = NULL;
    unsigned n;

    host_mutex_lock(&map->lock);
    n = map->listener_count;
    if (n > 0) {
        copy = malloc(n * sizeof *copy);
        BUG_ON(!copy); /* a few dozen bytes */
        memcpy(copy, map->listeners, n * sizeof *copy);
    }
    host_mutex_unlock(&map->lock);
    for (unsigned i = 0; i < n; i++)
        copy[i].changed(copy[i].arg);
    free(copy);
}

/* Makes room for one more region; lock held. */
static int map_grow(struct mem_map *map, struct err *err)
{
    unsigned room = map->room ? map->room * 2 : 16;
    struct region *p;

    if (map->count < map->room)
        return 0;
    p = realloc(map->regions, room * sizeof *p);
    if (!p)
        return err_set(err, ENOMEM, "no memory for %u regions of memory map \"%s\"", room,
                       map->name);
    map->regions = p;
    map->room = room;
    return 0;
}

static int map_insert(struct mem_map *map, const struct region *r, struct err *err)
{
    unsigned i = region_from(map, r->span.start);
    int rc;

    if (i < map->count && map->regions[i].span.start <= r->last)
        return err_set(err, EEXIST,
                       "\"%s\" at %#" PRIx64 "..%#" PRIx64 " overlaps \"%s\" at %#" PRIx64
                       "..%#" PRIx64 " in memory map \"%s\"; move one of them",
                       r->name, r->span.start, r->last, map->regions[i].name,
                       map->regions[i].span.start, map->regions[i].last, map->name);
    rc = map_grow(map, err);
    if (rc < 0)
        return rc;
    memmove(&map->regions[i + 1], &map->regions[i], (map->count - i) * sizeof *r);
    map->regions[i] = *r;
    map->count++;
    return 0;
}

static int map_add(struct mem_map *map, const struct mem_span *span, const char *name,
                   struct err *err)
{
    struct region r = { .span = *span };
    int rc;

    if (span->size == 0 || __builtin_add_overflow(span->start, span->size - 1, &r.last))
        return err_set(err, EINVAL,
                       "region \"%s\" of %#" PRIx64 " bytes at %#" PRIx64
                       " does not fit in 64 bits of address; give another place or size",
                       name, span->size, span->start);
    r.name = strdup(name);
    if (!r.name)
        return err_set(err, ENOMEM, "no memory for the name of region \"%s\"", name);
    host_mutex_lock(&map->lock);
    rc = map_insert(map, &r, err);
    host_mutex_unlock(&map->lock);
    if (rc < 0) {
        free(r.name);
        return rc;
    }
    map_changed(map);
    return 0;
}

int mem_map_add_ram(struct mem_map *map, gpa_t at, struct mem_ram *ram, u64 offset, u64 size,
                    bool readonly, struct err *err)
{
    const struct mem_span span = {
        .kind = readonly ? MEM_ROM : MEM_RAM,
        .start = at,
        .size = size,
        .ram = ram,
        .ram_offset = offset,
    };

    if ((at | offset | size) % MEM_PAGE_SIZE != 0 || !checked_range(offset, size, ram->size))
        return err_set(err, EINVAL,
                       "bytes %#" PRIx64 "+%#" PRIx64 " of RAM \"%s\" at %#" PRIx64
                       " are not whole pages within its %#" PRIx64 " bytes",
                       offset, size, ram->name, at, ram->size);
    return map_add(map, &span, ram->name, err);
}

int mem_map_add_io(struct mem_map *map, gpa_t at, u64 size, const char *name,
                   const struct mem_io_ops *io, void *dev, struct err *err)
{
    const struct mem_span span = {
        .kind = MEM_IO,
        .start = at,
        .size = size,
        .io = io,
        .dev = dev,
    };

    BUG_ON(io->widths == 0 || io->widths & ~MEM_IO_ALL);
    return map_add(map, &span, name, err);
}

int mem_map_add_rom(struct mem_map *map, gpa_t at, struct mem_ram *ram, u64 size, const char *name,
                    const struct mem_io_ops *io, void *dev, struct err *err)
{
    const struct mem_span span = {
        .kind = MEM_ROM,
        .start = at,
        .size = size,
        .ram = ram,
        .io = io,
        .dev = dev,
    };

    BUG_ON(io->widths == 0 || io->widths & ~MEM_IO_ALL);
    BUG_ON(at % MEM_PAGE_SIZE || size % MEM_PAGE_SIZE || size > ram->size);
    return map_add(map, &span, name, err);
}

void mem_map_rom_show(struct mem_map *map, gpa_t at, bool shown)
{
    enum mem_kind kind = shown ? MEM_ROM : MEM_IO;
    bool change;
    unsigned i;

    host_mutex_lock(&map->lock);
    i = region_from(map, at);
    BUG_ON(i == map->count || map->regions[i].span.start != at || !map->regions[i].span.ram ||
           !map->regions[i].span.io);
    change = map->regions[i].span.kind != kind;
    map->regions[i].span.kind = kind;
    host_mutex_unlock(&map->lock);
    if (change)
        map_changed(map);
}

bool mem_map_remove(struct mem_map *map, gpa_t at)
{
    unsigned i;
    bool found;

    host_mutex_lock(&map->lock);
    i = region_from(map, at);
    found = i < map->count && map->regions[i].span.start == at;
    if (found) {
        free(map->regions[i].name);
        map->count--;
        memmove(&map->regions[i], &map->regions[i + 1], (map->count - i) * sizeof map->regions[0]);
    }
    host_mutex_unlock(&map->lock);
    if (found)
        map_changed(map);
    return found;
}

int mem_map_on_change(struct mem_map *map, void (*changed)(void *arg), void *arg, struct err *err)
{
    struct listener *p;

    host_mutex_lock(&map->lock);
    p = realloc(map->listeners, (map->listener_count + 1) * sizeof *p);
    if (p) {
        map->listeners = p;
        p[map->listener_count++] = (struct listener){ changed, arg };
    }
    host_mutex_unlock(&map->lock);
    if (!p)
        return err_set(err, ENOMEM, "no memory for a listener of memory map \"%s\"", map->name);
    return 0;
}

void mem_map_off_change(struct mem_map *map, void (*changed)(void *arg), void *arg)
{
    host_mutex_lock(&map->lock);
    for (unsigned i = 0; i < map->listener_count; i++)
        if (map->listeners[i].changed == changed && map->listeners[i].arg == arg) {
            map->listeners[i] = map->listeners[--map->listener_count];
            break;
        }
    host_mutex_unlock(&map->lock);
}

/* --- look-ups --- */

/* Lock held. */
static const struct region *region_at(const struct mem_map *map, gpa_t at)
{
    unsigned i = region_from(map, at);

    return i < map->count && map->regions[i].span.start <= at ? &map->regions[i] : NULL;
}

bool mem_map_find(struct mem_map *map, gpa_t at, struct mem_span *out)
{
    const struct region *r;

    host_mutex_lock(&map->lock);
    r = region_at(map, at);
    *out = r ? r->span : (struct mem_span){ .kind = MEM_NOTHING };
    host_mutex_unlock(&map->lock);
    return out->kind != MEM_NOTHING;
}

/* Bytes of RAM that [at, at + len) begins with, at most len; 0: none. Lock held. */
static u64 ram_stretch(const struct mem_map *map, gpa_t at, u64 len, bool write, u8 **host,
                       struct mem_ram **ram, u64 *offset)
{
    const struct region *r = region_at(map, at);

    if (!r || r->span.kind == MEM_IO || (write && r->span.kind == MEM_ROM))
        return 0;
    *ram = r->span.ram;
    *offset = r->span.ram_offset + (at - r->span.start);
    *host = (*ram)->host + *offset;
    return len - 1 <= r->last - at ? len : r->last - at + 1;
}

void *mem_map_host(struct mem_map *map, gpa_t at, u64 len, bool write, struct mem_span *out)
{
    struct mem_ram *ram;
    u8 *host = NULL;
    u64 offset;

    if (len == 0)
        return NULL;
    host_mutex_lock(&map->lock);
    if (ram_stretch(map, at, len, write, &host, &ram, &offset) != len)
        host = NULL;
    else if (out)
        *out = region_at(map, at)->span;
    host_mutex_unlock(&map->lock);
    return host;
}

/* Is all of [at, at + len) RAM? Lock held. */
static bool ram_covers(const struct mem_map *map, gpa_t at, u64 len, bool write)
{
    u64 n, offset;
    struct mem_ram *ram;
    u8 *host;

    if (len > 0 && at + (len - 1) < at)
        return false; /* wraps around 2^64 */
    for (; len > 0; at += n, len -= n) {
        n = ram_stretch(map, at, len, write, &host, &ram, &offset);
        if (n == 0)
            return false;
    }
    return true;
}

/* One region: copies without the lock. True when done. */
static bool bulk_short(struct mem_map *map, gpa_t at, void *buf, u64 len, bool write)
{
    struct mem_span span;
    u8 *host = mem_map_host(map, at, len, write, &span);

    if (!host)
        return false;
    if (write) {
        memcpy(host, buf, (size_t)len);
        mem_ram_written(span.ram, (u64)(host - span.ram->host), len);
    } else {
        memcpy(buf, host, (size_t)len);
    }
    return true;
}

static bool bulk(struct mem_map *map, gpa_t at, void *buf, u64 len, bool write)
{
    u64 n, offset;
    struct mem_ram *ram;
    u8 *host;
    bool ok;

    if (len == 0 || bulk_short(map, at, buf, len, write))
        return true;
    host_mutex_lock(&map->lock);
    ok = ram_covers(map, at, len, write);
    for (; ok && len > 0; at += n, len -= n, buf = (u8 *)buf + n) {
        n = ram_stretch(map, at, len, write, &host, &ram, &offset);
        if (write) {
            memcpy(host, buf, (size_t)n);
            mem_ram_written(ram, offset, n);
        } else {
            memcpy(buf, host, (size_t)n);
        }
    }
    host_mutex_unlock(&map->lock);
    return ok;
}

bool mem_map_read(struct mem_map *map, gpa_t at, void *buf, u64 len)
{
    return bulk(map, at, buf, len, false);
}

bool mem_map_write(struct mem_map *map, gpa_t at, const void *buf, u64 len)
{
    return bulk(map, at, (void *)(uintptr_t)buf, len, true);
}
