/*
 * io.c - accesses to device registers: cut into the widths that the device takes.
 *
 * An access is done in the widest pieces that the device allows, that are aligned and
 * that lie within what is left of it. When no such piece exists (a byte of a device of
 * 32-bit registers) the whole access is refused before any part of it is done.
 */
#include "mem/map.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"

/* The widest piece at off of what is left: 1, 2, 4, 8, or 0 when there is none. */
static unsigned piece_at(u8 widths, u64 off, unsigned left)
{
    for (unsigned w = 8; w > 0; w >>= 1)
        if (widths & w && off % w == 0 && w <= left)
            return w;
    return 0;
}

static bool can_split(u8 widths, u64 off, unsigned size)
{
    for (unsigned done = 0, w; done < size; done += w) {
        w = piece_at(widths, off + done, size - done);
        if (w == 0)
            return false;
    }
    return true;
}

/* Finds the device of an access and checks that it takes it. */
static bool io_find(struct mem_map *map, gpa_t at, unsigned size, struct mem_span *span)
{
    BUG_ON(size == 0 || size > 8);
    if (!mem_map_find(map, at, span) || !span->io)
        return false;
    return checked_range(at - span->start, size, span->size) &&
           can_split(span->io->widths, at - span->start, size);
}

bool mem_map_cpu_read(struct mem_map *map, gpa_t at, unsigned size, u64 *out, unsigned cpu)
{
    struct mem_span s;
    u64 off, v = 0;

    if (!io_find(map, at, size, &s))
        return false;
    off = at - s.start;
    for (unsigned done = 0, w; done < size; done += w) {
        w = piece_at(s.io->widths, off + done, size - done);
        v |= (s.io->read(s.dev, off + done, w, cpu) & bits_mask(8 * w)) << 8 * done;
    }
    *out = v;
    return true;
}

bool mem_map_cpu_write(struct mem_map *map, gpa_t at, unsigned size, u64 v, unsigned cpu)
{
    struct mem_span s;
    u64 off;

    if (!io_find(map, at, size, &s))
        return false;
    off = at - s.start;
    for (unsigned done = 0, w; done < size; done += w) {
        w = piece_at(s.io->widths, off + done, size - done);
        s.io->write(s.dev, off + done, v >> 8 * done & bits_mask(8 * w), w, cpu);
    }
    return true;
}

bool mem_map_io_read(struct mem_map *map, gpa_t at, unsigned size, u64 *out)
{
    return mem_map_cpu_read(map, at, size, out, MEM_NO_CPU);
}

bool mem_map_io_write(struct mem_map *map, gpa_t at, unsigned size, u64 v)
{
    return mem_map_cpu_write(map, at, size, v, MEM_NO_CPU);
}
