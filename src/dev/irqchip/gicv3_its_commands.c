/*
 * gicv3_its_commands.c - what the ITS does: its tables in guest memory, the translation of a
 * device's event, the commands (IHI 0069, "ITS commands", "ITS tables").
 *
 * Entries of 8 bytes, bit 63 of each says that it is valid:
 *     device      [51:8] address of its interrupt translation table, [4:0] bits of EventID less 1
 *     event       [47:16] INTID of an LPI, [15:0] ICID
 *     collection  [15:0] number of the CPU
 * Guests may write anything into them: an entry is checked whenever it is read.
 */
#include "dev/irqchip/gicv3_private.h"

#define VALID            (1ull << 63)
#define BASER_INDIRECT   (1ull << 62)
#define ITT_ADDRESS      0x000fffffffffff00ull
#define PAGE_ADDRESS     0x000ffffffffff000ull
enum { WORK_OF_ALL = 32 };

/* --- tables --- */

static u64 page_size(u64 baser)
{
    static const u32 sizes[] = { 0x1000, 0x4000, 0x10000, 0x10000 };

    return sizes[bits_get(baser, 8, 2)];
}

/* With pages of 64 KiB bits [15:12] are the address's bits [51:48]. */
static gpa_t base_address(u64 baser)
{
    if (page_size(baser) == 0x10000)
        return (baser & 0x0000ffffffff0000ull) | bits_get(baser, 12, 4) << 48;
    return baser & 0x0000fffffffff000ull & ~(page_size(baser) - 1);
}

static u64 load(struct gicv3 *g, gpa_t at)
{
    u64 v;

    return dma_read(&g->dev, at, &v, sizeof v) && v & VALID ? v : 0;
}

static bool store(struct gicv3 *g, gpa_t at, u64 v)
{
    return dma_write(&g->dev, at, &v, sizeof v);
}

/* Where entry `index` of a table is; false: the table has none. */
static bool entry_at(struct gicv3 *g, unsigned table, u32 index, gpa_t *at)
{
    u64 baser = g->s.its_baser[table], page = page_size(baser), per_page = page / ITS_ENTRY;
    u64 entries = (bits_get(baser, 0, 8) + 1) * per_page, pointer;

    if (!(baser & VALID) || index >> (table == ITS_DEVICES ? ITS_DEVICE_BITS : ITS_COLLECTION_BITS))
        return false;
    *at = base_address(baser) + (u64)index * ITS_ENTRY;
    if (!(baser & BASER_INDIRECT))
        return index < entries;
    if (index / per_page >= entries)
        return false;
    pointer = load(g, base_address(baser) + index / per_page * ITS_ENTRY);
    *at = (pointer & PAGE_ADDRESS & ~(page - 1)) + index % per_page * ITS_ENTRY;
    return pointer != 0;
}

/* The entry itself; 0: none that is valid. */
static u64 entry(struct gicv3 *g, unsigned table, u32 index)
{
    gpa_t at;

    return entry_at(g, table, index, &at) ? load(g, at) : 0;
}

static bool event_at(struct gicv3 *g, u32 device, u32 event, gpa_t *at)
{
    u64 dte = entry(g, ITS_DEVICES, device);

    *at = (dte & ITT_ADDRESS) + (u64)event * ITS_ENTRY;
    return dte && (dte & 31) < ITS_EVENT_BITS && event >> (dte & 31) >> 1 == 0;
}

static bool cpu_of(struct gicv3 *g, u32 icid, unsigned *cpu)
{
    u64 cte = entry(g, ITS_COLLECTIONS, icid);

    *cpu = cte & 0xffff;
    return cte && *cpu < g->cpus;
}

struct route {
    gpa_t at; /* of the event's entry */
    u32 intid;
    unsigned cpu;
};

static bool route_of(struct gicv3 *g, u32 device, u32 event, struct route *r)
{
    u64 ite;

    if (!event_at(g, device, event, &r->at))
        return false;
    ite = load(g, r->at);
    r->intid = (u32)bits_get(ite, 16, 32);
    return ite && gicv3_is_lpi(g, r->intid) && cpu_of(g, ite & 0xffff, &r->cpu);
}

bool gicv3_its_event(struct gicv3 *g, u32 device, u32 event)
{
    struct route r;

    if (!route_of(g, device, event, &r))
        return false;
    gicv3_lpi_set(g, r.cpu, r.intid, true);
    return true;
}

/* --- commands: fields --- */

static u32 device_of(const u64 *c)
{
    return (u32)(c[0] >> 32);
}

static u32 event_of(const u64 *c)
{
    return (u32)c[1];
}

static u32 icid_of(const u64 *c)
{
    return c[2] & 0xffff;
}

/* RDbase, in the third or fourth word. */
static bool target_of(const struct gicv3 *g, u64 word, unsigned *cpu)
{
    u64 rdbase = bits_get(word, 16, 35);

    *cpu = (unsigned)rdbase;
    return rdbase < g->cpus;
}

/* --- commands --- */

static bool mapd(struct gicv3 *g, const u64 *c)
{
    u64 size = c[1] & 31, dte = c[2] & VALID ? VALID | (c[2] & ITT_ADDRESS) | size : 0;
    gpa_t at;

    return size < ITS_EVENT_BITS && entry_at(g, ITS_DEVICES, device_of(c), &at) &&
           store(g, at, dte);
}

static bool mapc(struct gicv3 *g, const u64 *c)
{
    bool valid = c[2] & VALID;
    unsigned cpu;
    gpa_t at;

    return (target_of(g, c[2], &cpu) || !valid) && entry_at(g, ITS_COLLECTIONS, icid_of(c), &at) &&
           store(g, at, valid ? VALID | cpu : 0);
}

/* The LPI's configuration may be older than what was read of it. */
static bool map_event(struct gicv3 *g, const u64 *c, u32 intid)
{
    unsigned cpu;
    gpa_t at;

    if (!gicv3_is_lpi(g, intid) || icid_of(c) >> ITS_COLLECTION_BITS ||
        !event_at(g, device_of(c), event_of(c), &at) ||
        !store(g, at, VALID | (u64)intid << 16 | icid_of(c)))
        return false;
    if (cpu_of(g, icid_of(c), &cpu))
        gicv3_lpi_reload(g, cpu, intid);
    return true;
}

static bool mapti(struct gicv3 *g, const u64 *c)
{
    return map_event(g, c, (u32)(c[1] >> 32));
}

static bool mapi(struct gicv3 *g, const u64 *c)
{
    return map_event(g, c, event_of(c));
}

/* A pending interrupt goes along. */
static bool movi(struct gicv3 *g, const u64 *c)
{
    struct route r;
    unsigned to;

    if (!route_of(g, device_of(c), event_of(c), &r) || !cpu_of(g, icid_of(c), &to) ||
        !store(g, r.at, VALID | (u64)r.intid << 16 | icid_of(c)))
        return false;
    if (to != r.cpu && gicv3_lpi_pending(g, r.cpu, r.intid)) {
        gicv3_lpi_set(g, r.cpu, r.intid, false);
        gicv3_lpi_set(g, to, r.intid, true);
    }
    return true;
}

static bool movall(struct gicv3 *g, const u64 *c)
{
    unsigned from, to;

    if (!target_of(g, c[2], &from) || !target_of(g, c[3], &to))
        return false;
    gicv3_lpi_move_all(g, from, to);
    return true;
}

static bool int_command(struct gicv3 *g, const u64 *c)
{
    return gicv3_its_event(g, device_of(c), event_of(c));
}

static bool clear(struct gicv3 *g, const u64 *c)
{
    struct route r;

    if (!route_of(g, device_of(c), event_of(c), &r))
        return false;
    gicv3_lpi_set(g, r.cpu, r.intid, false);
    return true;
}

static bool discard(struct gicv3 *g, const u64 *c)
{
    gpa_t at;

    clear(g, c); /* an event without a collection has nothing pending */
    return event_at(g, device_of(c), event_of(c), &at) && store(g, at, 0);
}

static bool inv(struct gicv3 *g, const u64 *c)
{
    struct route r;

    if (!route_of(g, device_of(c), event_of(c), &r))
        return false;
    gicv3_lpi_reload(g, r.cpu, r.intid);
    return true;
}

static bool invall(struct gicv3 *g, const u64 *c)
{
    unsigned cpu;

    if (!cpu_of(g, icid_of(c), &cpu))
        return false;
    gicv3_lpi_reload_all(g, cpu);
    return true;
}

/* Every command has taken effect before the next is looked at. */
static bool sync(struct gicv3 *g, const u64 *c)
{
    unsigned cpu;

    return target_of(g, c[2], &cpu);
}

static const struct {
    bool (*run)(struct gicv3 *g, const u64 *c);
    unsigned work;
} commands[] = {
    [0x01] = { movi, 1 },
    [0x03] = { int_command, 1 },
    [0x04] = { clear, 1 },
    [0x05] = { sync, 1 },
    [0x08] = { mapd, 1 },
    [0x09] = { mapc, 1 },
    [0x0a] = { mapti, 1 },
    [0x0b] = { mapi, 1 },
    [0x0c] = { inv, 1 },
    [0x0d] = { invall, WORK_OF_ALL },
    [0x0e] = { movall, WORK_OF_ALL },
    [0x0f] = { discard, 1 },
};

unsigned gicv3_its_command(struct gicv3 *g, const u64 command[4], bool *ok)
{
    unsigned number = command[0] & 0xff;

    if (number >= ARRAY_SIZE(commands) || !commands[number].run) {
        *ok = false;
        return 1;
    }
    *ok = commands[number].run(g, command);
    return commands[number].work;
}
