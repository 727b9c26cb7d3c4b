/*
 * gicv3_mmio.c - the registers of a GICv3 in memory: distributor and redistributors (IHI 0069,
 * "The GIC Distributor register map", "The GIC Redistributor register map").
 *
 * A redistributor has two frames of 64 KiB: its own registers, and those of SGIs and PPIs, laid
 * out as in a distributor. An access of 8 bytes is two of 4 with one effect. Registers for
 * security states and legacy operation read as zero here, as the specification asks.
 */
#include "dev/irqchip/gicv3_private.h"

/* Distributor. */
enum {
    GICD_CTLR = 0x0000,
    GICD_TYPER = 0x0004,
    GICD_SETSPI_NSR = GICV3_SETSPI,
    GICD_CLRSPI_NSR = 0x0048,
    GICD_IROUTER = 0x6000,
};
enum { CTLR_GROUPS = 3, CTLR_ARE = 1 << 4, CTLR_DS = 1 << 6 };
enum { DTYPER_MBIS = 1 << 16, DTYPER_LPIS = 1 << 17, DTYPER_IDBITS = 19, DTYPER_A3V = 1 << 24 };
enum { INTID_BITS = 10 /* without LPIs */ };

/* Redistributor. */
enum {
    GICR_CTLR = 0x0000,
    GICR_TYPER = 0x0008,
    GICR_WAKER = 0x0014,
    GICR_PROPBASER = 0x0070,
    GICR_PENDBASER = 0x0078,
    SGI_FRAME = 0x10000,
};
enum { RCTLR_ENABLE_LPIS = 1, RCTLR_CES = 2 /* which can be cleared */ };
enum { RCTLR_DPG = 3 << 24 /* DPG0, DPG1NS */ };
#define PROPBASER_KEPT 0x070fffffffffff9full
#define PENDBASER_KEPT 0x470fffffffff0f80ull
#define PENDBASER_PTZ  (1ull << 62) /* is not read back */
enum { RTYPER_PLPIS = 1, RTYPER_LAST = 1 << 4, RTYPER_DPGS = 1 << 5, RTYPER_NUMBER = 8 };
enum { WAKER_PROCESSOR_SLEEP = 1 << 1, WAKER_CHILDREN_ASLEEP = 1 << 2 };

/* Both. */
enum { PIDR2 = 0xffe8, PIDR2_ARCH_3 = 3 << 4, ID_REGISTERS = 0xffd0 };
enum { SGI_EDGES = 0xffff };

/* Where nothing is, or what reads as zero and ignores writes in this configuration. */
static bool reads_as_zero(u64 off)
{
    return off < GIC_IGROUPR || (off >= GIC_ITARGETSR && off < GIC_ICFGR) ||
           (off >= GIC_ICFGR_END && off < 0x1000) || off >= ID_REGISTERS;
}

/* --- distributor --- */

static struct gic_bank_state *dist_bank(struct gicv3 *g, u64 off)
{
    unsigned w = gic_bank_index(off);

    return w >= 1 && w <= g->spis / GIC_BANK ? &g->s.spi[w - 1] : NULL;
}

/* The SPI that an offset in GICD_IROUTER names; false: none. */
static bool router_of(const struct gicv3 *g, u64 off, unsigned *spi)
{
    u64 intid = (off - GICD_IROUTER) / 8;

    *spi = (unsigned)(intid - GIC_SPI);
    return off >= GICD_IROUTER && intid >= GIC_SPI && gicv3_has(g, intid);
}

static u32 router_read(const struct gicv3 *g, unsigned spi, bool high)
{
    u32 affinity = g->s.affinity[spi], any = g->s.any[spi / GIC_BANK] >> spi % GIC_BANK & 1;

    return high ? affinity >> 24 : (affinity & 0xffffff) | any << 31;
}

static void router_write(struct gicv3 *g, unsigned spi, bool high, u32 v)
{
    u32 *affinity = &g->s.affinity[spi], *any = &g->s.any[spi / GIC_BANK];

    if (high) {
        *affinity = (u32)bits_put(*affinity, 24, 8, v);
    } else {
        *affinity = (u32)bits_put(*affinity, 0, 24, v);
        *any = (u32)bits_put(*any, spi % GIC_BANK, 1, v >> 31);
    }
}

void gicv3_message(struct gicv3 *g, u32 intid, bool on)
{
    struct gic_bank_state *b;
    u32 bit = 1u << intid % GIC_BANK;

    if (intid < GIC_SPI || !gicv3_has(g, intid)) {
        dev_bad_access(&g->dev, GICD_SETSPI_NSR, 4);
        return;
    }
    b = gicv3_bank(g, 0, intid);
    if (b->edge & bit)
        b->pending = on ? b->pending | bit : b->pending & ~bit;
    else
        b->asserted = on ? b->asserted | bit : b->asserted & ~bit;
    gicv3_update(&g->dev);
}

static u32 dist_read(struct gicv3 *g, u64 off, unsigned size)
{
    unsigned spi;

    if (gic_is_bank_register(off))
        return dist_bank(g, off) ? gic_bank_read(dist_bank(g, off), off, size) : 0;
    if (router_of(g, off, &spi))
        return router_read(g, spi, off & 4);
    switch (off) {
    case GICD_CTLR: return g->s.ctlr | CTLR_ARE | CTLR_DS;
    case GICD_TYPER:
        return (u32)(g->spis / GIC_BANK) | DTYPER_MBIS | DTYPER_A3V |
               (g->its ? DTYPER_LPIS | (GICV3_LPI_BITS - 1) << DTYPER_IDBITS
                       : (INTID_BITS - 1) << DTYPER_IDBITS);
    case PIDR2: return PIDR2_ARCH_3;
    }
    return reads_as_zero(off) ? 0 : (u32)dev_bad_access(&g->dev, off, size);
}

static void dist_write(struct gicv3 *g, u64 off, u32 v, unsigned size)
{
    unsigned spi;

    if (gic_is_bank_register(off)) {
        if (dist_bank(g, off))
            gic_bank_write(dist_bank(g, off), off, v, size);
    } else if (router_of(g, off, &spi)) {
        router_write(g, spi, off & 4, v);
    } else if (off == GICD_CTLR) {
        g->s.ctlr = v & CTLR_GROUPS;
    } else if (off == GICD_SETSPI_NSR || off == GICD_CLRSPI_NSR) {
        gicv3_message(g, v, off == GICD_SETSPI_NSR);
    } else if (!reads_as_zero(off)) {
        dev_bad_access(&g->dev, off, size);
    }
}

/* --- redistributors --- */

static u64 redist_typer(const struct gicv3 *g, unsigned cpu)
{
    return (u64)gicv3_affinity(cpu) << 32 | (u64)cpu << RTYPER_NUMBER | RTYPER_DPGS |
           (cpu + 1 == g->cpus ? RTYPER_LAST : 0) | (g->its ? RTYPER_PLPIS : 0);
}

/* The base of LPI tables that an offset names; NULL. */
static u64 *lpi_base(struct gicv3 *g, unsigned cpu, u64 off)
{
    switch (g->its ? off & ~4ull : 0) {
    case GICR_PROPBASER: return &g->s.propbaser[cpu];
    case GICR_PENDBASER: return &g->s.pendbaser[cpu];
    default: return NULL;
    }
}

/* The tables stay where they are while LPIs are enabled. */
static void lpi_base_write(struct gicv3 *g, unsigned cpu, u64 off, u32 v)
{
    u64 *base = lpi_base(g, cpu, off);

    if (g->s.redist[cpu] & RCTLR_ENABLE_LPIS)
        dev_bad_access(&g->dev, off, 4);
    else
        *base = bits_put(*base, off & 4 ? 32 : 0, 32, v) &
                (base == &g->s.pendbaser[cpu] ? PENDBASER_KEPT : PROPBASER_KEPT);
}

static void redist_ctlr_write(struct gicv3 *g, unsigned cpu, u32 v)
{
    g->s.redist[cpu] = (g->s.redist[cpu] & ~RCTLR_DPG) | (v & RCTLR_DPG);
    if (g->its)
        gicv3_lpi_enable(g, cpu, v & RCTLR_ENABLE_LPIS);
}

static u32 redist_read(struct gicv3 *g, unsigned cpu, u64 off, unsigned size)
{
    const u64 *base = lpi_base(g, cpu, off);

    if (off >= SGI_FRAME) {
        off -= SGI_FRAME;
        if (gic_is_bank_register(off))
            return gic_bank_index(off) == 0 ? gic_bank_read(&g->s.local[cpu], off, size) : 0;
        return reads_as_zero(off) ? 0 : (u32)dev_bad_access(&g->dev, off, size);
    }
    if (base)
        return (u32)((*base & ~PENDBASER_PTZ) >> (off & 4 ? 32 : 0));
    switch (off) {
    case GICR_CTLR: return g->s.redist[cpu] | (g->its ? RCTLR_CES : 0);
    case GICR_TYPER: return (u32)redist_typer(g, cpu);
    case GICR_TYPER + 4: return (u32)(redist_typer(g, cpu) >> 32);
    case GICR_WAKER: return g->s.awake[cpu] ? 0 : WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP;
    case PIDR2: return PIDR2_ARCH_3;
    }
    return reads_as_zero(off) ? 0 : (u32)dev_bad_access(&g->dev, off, size);
}

static void redist_write(struct gicv3 *g, unsigned cpu, u64 off, u32 v, unsigned size)
{
    if (off >= SGI_FRAME && gic_is_bank_register(off - SGI_FRAME)) {
        if (gic_bank_index(off - SGI_FRAME) == 0)
            gic_bank_write(&g->s.local[cpu], off - SGI_FRAME, v, size);
        g->s.local[cpu].edge |= SGI_EDGES;
    } else if (off == GICR_CTLR) {
        redist_ctlr_write(g, cpu, v);
    } else if (lpi_base(g, cpu, off)) {
        lpi_base_write(g, cpu, off, v);
    } else if (off == GICR_WAKER) {
        g->s.awake[cpu] = !(v & WAKER_PROCESSOR_SLEEP);
    } else if (!reads_as_zero(off % SGI_FRAME)) {
        dev_bad_access(&g->dev, off, size);
    }
}

/* --- accesses of 1, 4 and 8 bytes --- */

/* Only priorities have bytes. */
static bool byte_is_bad(struct gicv3 *g, u64 off, unsigned size)
{
    if (size != 1 || (off >= GIC_IPRIORITYR && off < GIC_ITARGETSR))
        return false;
    dev_bad_access(&g->dev, off, size);
    return true;
}

u64 gicv3_dist_read(struct device *d, u64 off, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);

    if (byte_is_bad(g, off, size))
        return 0;
    if (size == 8)
        return dist_read(g, off, 4) | (u64)dist_read(g, off + 4, 4) << 32;
    return dist_read(g, off, size);
}

void gicv3_dist_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);

    if (byte_is_bad(g, off, size))
        return;
    dist_write(g, off, (u32)v, size == 8 ? 4 : size);
    if (size == 8)
        dist_write(g, off + 4, (u32)(v >> 32), 4);
    gicv3_update(d);
}

u64 gicv3_redist_read(struct device *d, u64 off, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);
    unsigned cpu = (unsigned)(off / GICV3_REDIST_STEP);
    u64 at = off % GICV3_REDIST_STEP;

    if (byte_is_bad(g, at % SGI_FRAME, size))
        return 0;
    if (size == 8)
        return redist_read(g, cpu, at, 4) | (u64)redist_read(g, cpu, at + 4, 4) << 32;
    return redist_read(g, cpu, at, size);
}

void gicv3_redist_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);
    unsigned cpu = (unsigned)(off / GICV3_REDIST_STEP);
    u64 at = off % GICV3_REDIST_STEP;

    if (byte_is_bad(g, at % SGI_FRAME, size))
        return;
    redist_write(g, cpu, at, (u32)v, size == 8 ? 4 : size);
    if (size == 8)
        redist_write(g, cpu, at + 4, (u32)(v >> 32), 4);
    gicv3_changed(g, cpu, GIC_SPURIOUS);
}
