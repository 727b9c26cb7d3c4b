/*
 * gicv2_mmio.c - the registers of a GICv2: distributor and CPU interface (IHI 0048B, chapter 4).
 *
 * SGIs, PPIs and the CPU interface have a bank for each CPU: an access sees its own CPU's.
 */
#include "dev/irqchip/gicv2_private.h"

/* Distributor, beyond gic.h. */
enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_SPENDSGIR_END = 0xf30,
    GICD_PIDR2 = 0xfe8,
};
enum { CTLR_GROUPS = 3, TYPER_CPUS = 5, PIDR2_ARCH_2 = 2 << 4, SGIS = GICV2_SGIS };
enum { SGIR_FILTER = 24, SGIR_LIST = 16, FILTER_LIST = 0, FILTER_OTHERS = 1, FILTER_SELF = 2 };

/* CPU interface. */
enum {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
    GICC_RPR = 0x14,
    GICC_HPPIR = 0x18,
    GICC_ABPR = 0x1c,
    GICC_AIAR = 0x20,
    GICC_AEOIR = 0x24,
    GICC_AHPPIR = 0x28,
    GICC_APR0 = 0xd0,
    GICC_NSAPR0 = 0xe0,
    GICC_IIDR = 0xfc,
    GICC_DIR = 0x1000,
};
enum { CTLR_ACKCTL = 1 << 2, CTLR_FIQEN = GICV2_CTLR_FIQEN, CTLR_CBPR = 4, CTLR_EOIMODE = 9 };
enum { CTLR_BYPASS = 0xf << 5, IIDR_ARCH_2 = 2 << 16, OF_GROUP_1 = 1022, IAR_SOURCE = 10 };

/* Whose bank an access sees. */
static unsigned accessor(const struct gicv2 *g)
{
    return g->dev.accessor < g->cpus ? g->dev.accessor : 0;
}

/* --- software generated interrupts --- */

/* An SGI is pending while somebody has sent it. */
void gicv2_sgi_put(struct gicv2 *g, unsigned cpu, unsigned n, u8 senders)
{
    g->s.sgi[cpu * SGIS + n] = senders;
    g->s.local[cpu].pending = (u32)bits_put(g->s.local[cpu].pending, n, 1, senders != 0);
}

static void sgir_write(struct gicv2 *g, unsigned from, u32 v)
{
    unsigned n = v % SGIS;
    u32 list = v >> SGIR_LIST & 0xff;

    switch (v >> SGIR_FILTER & 3) {
    case FILTER_LIST: break;
    case FILTER_OTHERS: list = ~(1u << from); break;
    case FILTER_SELF: list = 1u << from; break;
    default: return;
    }
    for (unsigned cpu = 0; cpu < g->cpus; cpu++)
        if (list >> cpu & 1)
            gicv2_sgi_put(g, cpu, n, (u8)(g->s.sgi[cpu * SGIS + n] | 1u << from));
}

/* --- distributor --- */

/* The bank of a bank register; NULL: there is none. */
static struct gic_bank_state *dist_bank(struct gicv2 *g, u64 off)
{
    unsigned w = gic_bank_index(off);

    return w <= g->spis / GIC_BANK ? gicv2_bank(g, accessor(g), w * GIC_BANK) : NULL;
}

/* SGIs stay edge-triggered, and are pending by other registers. */
static void dist_bank_write(struct gicv2 *g, u64 off, u32 v, unsigned size)
{
    struct gic_bank_state *b = dist_bank(g, off);
    bool local = gic_bank_index(off) == 0;

    if (!b)
        return;
    if (local && off >= GIC_ISPENDR && off < GIC_ISACTIVER)
        v &= ~0xffffu;
    gic_bank_write(b, off, v, size);
    if (local)
        b->edge |= 0xffff;
}

/* --- registers with a byte for each interrupt or SGI --- */

static u8 byte_read(const struct gicv2 *g, unsigned cpu, u64 off)
{
    u64 intid = off - GIC_ITARGETSR;

    if (off >= GICD_CPENDSGIR)
        return g->s.sgi[cpu * SGIS + off % SGIS];
    if (g->cpus == 1)
        return 0;
    if (intid < GIC_SPI)
        return (u8)(1u << cpu);
    return gicv2_has(g, (u32)intid) ? g->s.target[intid - GIC_SPI] : 0;
}

static void byte_write(struct gicv2 *g, unsigned cpu, u64 off, u8 v)
{
    u64 intid = off - GIC_ITARGETSR;
    unsigned n = off % SGIS;
    u8 cpus = (u8)bits_mask(g->cpus), old = g->s.sgi[cpu * SGIS + n];

    if (off >= GICD_SPENDSGIR)
        gicv2_sgi_put(g, cpu, n, old | (v & cpus));
    else if (off >= GICD_CPENDSGIR)
        gicv2_sgi_put(g, cpu, n, old & (u8)~v);
    else if (intid >= GIC_SPI && gicv2_has(g, (u32)intid) && g->cpus > 1)
        g->s.target[intid - GIC_SPI] = v & cpus;
}

static bool has_bytes(u64 off)
{
    return (off >= GIC_ITARGETSR && off < GIC_ICFGR) ||
           (off >= GICD_CPENDSGIR && off < GICD_SPENDSGIR_END);
}

/* Only these, and priorities, may be accessed by byte. */
static bool byte_is_bad(u64 off, unsigned size)
{
    return size == 1 && !has_bytes(off) && !(off >= GIC_IPRIORITYR && off < GIC_ITARGETSR);
}

u64 gicv2_dist_read(struct device *d, u64 off, unsigned size)
{
    struct gicv2 *g = gicv2_self(d);
    u32 v = 0;

    if (byte_is_bad(off, size))
        return dev_bad_access(d, off, size);
    if (gic_is_bank_register(off))
        return dist_bank(g, off) ? gic_bank_read(dist_bank(g, off), off, size) : 0;
    for (unsigned i = 0; has_bytes(off) && i < size; i++)
        v |= (u32)byte_read(g, accessor(g), off + i) << 8 * i;
    switch (off) {
    case GICD_CTLR: return g->s.ctlr;
    case GICD_TYPER: return (u32)(g->spis / GIC_BANK) | (g->cpus - 1) << TYPER_CPUS;
    case GICD_PIDR2: return PIDR2_ARCH_2;
    default: return v;
    }
}

void gicv2_dist_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gicv2 *g = gicv2_self(d);

    if (byte_is_bad(off, size)) {
        dev_bad_access(d, off, size);
        return;
    }
    for (unsigned i = 0; has_bytes(off) && i < size; i++)
        byte_write(g, accessor(g), off + i, (u8)(v >> 8 * i));
    if (gic_is_bank_register(off))
        dist_bank_write(g, off, (u32)v, size);
    else if (off == GICD_CTLR)
        g->s.ctlr = v & CTLR_GROUPS;
    else if (off == GICD_SGIR)
        sgir_write(g, accessor(g), (u32)v);
    gicv2_update(d);
}

/* --- CPU interface --- */

static u32 ctlr_read(const struct gicv2 *g, unsigned cpu)
{
    const struct gic_cpu_state *icc = &g->s.icc[cpu];

    return (u32)icc->on[0] | (u32)icc->on[1] << 1 | g->s.cctlr[cpu] |
           (u32) !!(icc->ctlr & GIC_CPU_CBPR) << CTLR_CBPR |
           (u32) !!(icc->ctlr & GIC_CPU_EOIMODE) << CTLR_EOIMODE;
}

static void ctlr_write(struct gicv2 *g, unsigned cpu, u32 v)
{
    struct gic_cpu_state *icc = &g->s.icc[cpu];

    icc->on[0] = v & 1;
    icc->on[1] = v >> 1 & 1;
    icc->ctlr =
        (v >> CTLR_CBPR & 1 ? GIC_CPU_CBPR : 0) | (v >> CTLR_EOIMODE & 1 ? GIC_CPU_EOIMODE : 0);
    g->s.cctlr[cpu] = v & (CTLR_ACKCTL | CTLR_FIQEN | CTLR_BYPASS);
}

/* The number that a register shows of what comes first: group 1 is for the aliased registers,
 * and for the others with AckCtl. */
static u32 shown(const struct gicv2 *g, unsigned cpu, const struct gic_first *f, bool aliased)
{
    if (aliased)
        return f->group == 1 ? f->intid : GIC_SPURIOUS;
    return f->group == 0 || g->s.cctlr[cpu] & CTLR_ACKCTL ? f->intid : OF_GROUP_1;
}

/* The lowest sender of several is told first. */
static u32 sgi_take(struct gicv2 *g, unsigned cpu, unsigned n)
{
    u8 senders = g->s.sgi[cpu * SGIS + n];
    unsigned first = senders ? (unsigned)__builtin_ctz(senders) : 0;

    gicv2_sgi_put(g, cpu, n, (u8)(senders & (senders - 1)));
    return n | first << IAR_SOURCE;
}

static u32 acknowledge(struct gicv2 *g, unsigned cpu, bool aliased)
{
    struct gic_first f = gicv2_first(g, cpu);
    u32 intid = shown(g, cpu, &f, aliased);

    if (!gic_cpu_takes(&g->s.icc[cpu], &f))
        return GIC_SPURIOUS;
    if (intid >= OF_GROUP_1)
        return intid;
    gic_cpu_activate(&g->s.icc[cpu], &f);
    gic_bank_acknowledge(gicv2_bank(g, cpu, intid), intid % GIC_BANK);
    return intid < SGIS ? sgi_take(g, cpu, intid) : intid;
}

static u32 highest_pending(struct gicv2 *g, unsigned cpu, bool aliased)
{
    struct gic_first f = gicv2_first(g, cpu);
    u32 intid = shown(g, cpu, &f, aliased);
    u8 senders = intid < SGIS ? g->s.sgi[cpu * SGIS + intid] : 0;

    return intid | (senders ? (u32)__builtin_ctz(senders) << IAR_SOURCE : 0);
}

static void deactivate(struct gicv2 *g, unsigned cpu, u32 intid)
{
    if (gicv2_has(g, intid))
        gicv2_bank(g, cpu, intid)->active &= ~(1u << intid % GIC_BANK);
}

static void end_of_interrupt(struct gicv2 *g, unsigned cpu, u32 v, bool aliased)
{
    struct gic_cpu_state *icc = &g->s.icc[cpu];
    u32 intid = v & 0x3ff;
    bool both = g->s.cctlr[cpu] & CTLR_ACKCTL;

    if (!gicv2_has(g, intid))
        return;
    if ((!aliased && gic_cpu_drop(icc, 0)) || ((aliased || both) && gic_cpu_drop(icc, 1)))
        if (!(icc->ctlr & GIC_CPU_EOIMODE))
            deactivate(g, cpu, intid);
}

u64 gicv2_cpu_read(struct device *d, u64 off, unsigned size)
{
    struct gicv2 *g = gicv2_self(d);
    unsigned cpu = accessor(g);
    const struct gic_cpu_state *icc = &g->s.icc[cpu];
    u32 v;

    switch (off) {
    case GICC_CTLR: return ctlr_read(g, cpu);
    case GICC_PMR: return icc->pmr;
    case GICC_BPR: return gic_cpu_bpr_get(icc, 0);
    case GICC_ABPR: return gic_cpu_bpr_get(icc, 1);
    case GICC_RPR: return gic_cpu_rpr(icc);
    case GICC_HPPIR: return highest_pending(g, cpu, false);
    case GICC_AHPPIR: return highest_pending(g, cpu, true);
    case GICC_APR0: return icc->active[0];
    case GICC_NSAPR0: return icc->active[1];
    case GICC_IIDR: return IIDR_ARCH_2;
    case GICC_IAR:
    case GICC_AIAR:
        v = acknowledge(g, cpu, off == GICC_AIAR);
        gicv2_update(d);
        return v;
    default: return dev_bad_access(d, off, size);
    }
}

void gicv2_cpu_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gicv2 *g = gicv2_self(d);
    unsigned cpu = accessor(g);
    struct gic_cpu_state *icc = &g->s.icc[cpu];

    switch (off) {
    case GICC_CTLR: ctlr_write(g, cpu, (u32)v); break;
    case GICC_PMR: icc->pmr = v & GIC_PRIORITY_MASK; break;
    case GICC_BPR: gic_cpu_bpr_set(icc, 0, v); break;
    case GICC_ABPR: gic_cpu_bpr_set(icc, 1, v); break;
    case GICC_EOIR: end_of_interrupt(g, cpu, (u32)v, false); break;
    case GICC_AEOIR: end_of_interrupt(g, cpu, (u32)v, true); break;
    case GICC_APR0: icc->active[0] = (u32)v; break;
    case GICC_NSAPR0: icc->active[1] = (u32)v; break;
    case GICC_DIR:
        if (icc->ctlr & GIC_CPU_EOIMODE)
            deactivate(g, cpu, v & 0x3ff);
        break;
    default: dev_bad_access(d, off, size); return;
    }
    gicv2_update(d);
}
