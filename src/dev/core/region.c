/*
 * region.c - the way of a register access from the memory map to a device's callback.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "dev/core/internal.h"
#include <errno.h>

u64 dev_bad_access(struct device *d, u64 off, unsigned size)
{
    d->guest_errors++;
    log_guest("%s: access of %u bytes at offset %#llx, where none is allowed", d->id, size,
              (unsigned long long)off);
    return 0;
}

static u64 call_read(struct dev_region_handle *h, u64 off, unsigned size)
{
    struct device *d = h->self;
    const struct dev_region *r = &d->cls->regions[h->index];
    u64 v = r->read ? r->read(d, off, size) & bits_mask(8 * size) : dev_bad_access(d, off, size);

    log_trace(dev, "%s: read %u at %s+%#llx = %#llx", d->id, size, r->name, (unsigned long long)off,
              (unsigned long long)v);
    return v;
}

static void call_write(struct dev_region_handle *h, u64 off, u64 v, unsigned size)
{
    struct device *d = h->self;
    const struct dev_region *r = &d->cls->regions[h->index];

    log_trace(dev, "%s: write %u at %s+%#llx = %#llx", d->id, size, r->name,
              (unsigned long long)off, (unsigned long long)v);
    if (r->write)
        r->write(d, off, v & bits_mask(8 * size), size);
    else
        dev_bad_access(d, off, size);
}

/* An access that arrives while this thread is inside the domain came out of a device's
 * own callback. No path leads there (DMA reaches RAM only); if one ever does, it ends here. */
static u64 io_read(void *handle, u64 off, unsigned size, unsigned cpu)
{
    struct dev_region_handle *h = handle;
    struct device *d = h->self;
    bool entered = dev_domain_enter(d->domain);
    u64 v;

    if (entered) {
        d->accessor = cpu;
        v = call_read(h, off, size);
        d->accessor = MEM_NO_CPU;
    } else {
        v = dev_bad_access(d, off, size);
    }
    dev_domain_leave(d->domain, entered);
    return v;
}

static void io_write(void *handle, u64 off, u64 v, unsigned size, unsigned cpu)
{
    struct dev_region_handle *h = handle;
    struct device *d = h->self;
    bool entered = dev_domain_enter(d->domain);

    if (entered) {
        d->accessor = cpu;
        call_write(h, off, v, size);
        d->accessor = MEM_NO_CPU;
    } else {
        dev_bad_access(d, off, size);
    }
    dev_domain_leave(d->domain, entered);
}

int dev_map(struct device *d, unsigned n, struct mem_map *map, gpa_t at, struct err *err)
{
#define OPS(w) { io_read, io_write, w }
    static const struct mem_io_ops ops[MEM_IO_ALL + 1] = {
        OPS(0), OPS(1), OPS(2),  OPS(3),  OPS(4),  OPS(5),  OPS(6),  OPS(7),
        OPS(8), OPS(9), OPS(10), OPS(11), OPS(12), OPS(13), OPS(14), OPS(15),
    };
#undef OPS
    const struct dev_region *r = &d->cls->regions[n];
    struct dev_region_handle *h = &d->regions[n];
    int rc;

    BUG_ON(n >= d->cls->region_count || r->widths == 0 || r->widths > MEM_IO_ALL);
    rc = h->rom ? mem_map_add_rom(map, at, h->rom, h->size, d->id, &ops[r->widths], h, err)
                : mem_map_add_io(map, at, h->size, d->id, &ops[r->widths], h, err);
    if (rc < 0)
        return rc;
    h->at = at;
    h->map = map;
    return 0;
}

void dev_region_rom_set(struct device *d, unsigned n, struct mem_ram *rom)
{
    BUG_ON(n >= d->cls->region_count || d->regions[n].at != DEV_NOWHERE);
    d->regions[n].rom = rom;
}

void dev_region_rom_show(struct device *d, unsigned n, bool shown)
{
    struct dev_region_handle *h = &d->regions[n];

    BUG_ON(n >= d->cls->region_count || !h->rom);
    if (h->at != DEV_NOWHERE)
        mem_map_rom_show(h->map, h->at, shown);
}

void dev_region_size_set(struct device *d, unsigned n, u64 size)
{
    BUG_ON(n >= d->cls->region_count || d->cls->regions[n].size != 0);
    d->regions[n].size = size;
}

/* The widest piece that the region allows at off of what is left; 0: none. */
static unsigned piece(const struct dev_region *r, u64 off, unsigned left)
{
    for (unsigned w = 8; w > 0; w /= 2)
        if (r->widths & w && off % w == 0 && w <= left)
            return w;
    return 0;
}

/* As the memory map does: all of an access can be done, or none is. */
static bool allowed(struct device *d, unsigned region, u64 off, unsigned size)
{
    const struct dev_region *r = &d->cls->regions[region];
    unsigned w;

    if (!checked_range(off, size, d->regions[region].size))
        return false;
    for (unsigned done = 0; done < size; done += w) {
        w = piece(r, off + done, size - done);
        if (w == 0)
            return false;
    }
    return true;
}

u64 dev_read(struct device *d, unsigned region, u64 off, unsigned size)
{
    bool entered = dev_domain_enter(d->domain);
    u64 v = 0;

    BUG_ON(region >= d->cls->region_count || size == 0 || size > 8);
    if (!allowed(d, region, off, size)) {
        dev_bad_access(d, off, size);
    } else {
        for (unsigned done = 0, w; done < size; done += w) {
            w = piece(&d->cls->regions[region], off + done, size - done);
            v |= call_read(&d->regions[region], off + done, w) << 8 * done;
        }
    }
    dev_domain_leave(d->domain, entered);
    return v;
}

void dev_write(struct device *d, unsigned region, u64 off, u64 v, unsigned size)
{
    bool entered = dev_domain_enter(d->domain);

    BUG_ON(region >= d->cls->region_count || size == 0 || size > 8);
    if (!allowed(d, region, off, size)) {
        dev_bad_access(d, off, size);
    } else {
        for (unsigned done = 0, w; done < size; done += w) {
            w = piece(&d->cls->regions[region], off + done, size - done);
            call_write(&d->regions[region], off + done, v >> 8 * done, w);
        }
    }
    dev_domain_leave(d->domain, entered);
}
