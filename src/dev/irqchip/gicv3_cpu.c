/*
 * gicv3_cpu.c - the CPU interface of a GICv3: system registers ICC_* as EL1 sees them where
 * GICD_CTLR.DS is 1 and there is no EL3 (IHI 0069, "AArch64 System register
 * descriptions"), and the levels of PPIs.
 *
 * What the specification leaves open: 5 bits of priority, 16 bits of INTID, no SEIs, no
 * extended ranges, and SGI targets by lists of 16. An end of interrupt for another group than the
 * running one's has no effect.
 */
#include "dev/irqchip/gicv3_private.h"
#include <errno.h>

enum { CTLR_KEPT = GIC_CPU_CBPR | GIC_CPU_EOIMODE, CTLR_PRIBITS = 4 << 8, CTLR_A3V = 1 << 15 };
enum { SRE_DIB_DFB_SRE = 7 };

/* --- acknowledge, end, deactivate --- */

static u32 acknowledge(struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_cpu_state *icc = &g->s.icc[cpu];
    struct gic_first f = gicv3_first(g, cpu);

    if (!gic_cpu_takes(icc, &f) || f.group != group)
        return GIC_SPURIOUS;
    gic_cpu_activate(icc, &f);
    if (gicv3_is_lpi(g, f.intid))
        gicv3_lpi_set(g, cpu, f.intid, false); /* LPIs have no active state */
    else
        gic_bank_acknowledge(gicv3_bank(g, cpu, f.intid), f.intid % GIC_BANK);
    gicv3_changed(g, cpu, f.intid);
    return f.intid;
}

static u32 highest_pending(struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_first f = gicv3_first(g, cpu);

    return f.group == group ? f.intid : GIC_SPURIOUS;
}

void gicv3_deactivate(struct gicv3 *g, unsigned cpu, u64 intid)
{
    if (gicv3_has(g, intid))
        gicv3_bank(g, cpu, (u32)intid)->active &= ~(1u << intid % GIC_BANK);
}

static void end_of_interrupt(struct gicv3 *g, unsigned cpu, unsigned group, u64 v)
{
    struct gic_cpu_state *icc = &g->s.icc[cpu];
    u32 intid = v & 0xffffff;

    if ((!gicv3_has(g, intid) && !gicv3_is_lpi(g, intid)) || !gic_cpu_drop(icc, group))
        return;
    if (!(icc->ctlr & GIC_CPU_EOIMODE))
        gicv3_deactivate(g, cpu, intid);
    gicv3_changed(g, cpu, intid);
}

/* Only where a write to EOIR does not deactivate. */
static void deactivate_write(struct gicv3 *g, unsigned cpu, u64 v)
{
    if (!(g->s.icc[cpu].ctlr & GIC_CPU_EOIMODE))
        return;
    gicv3_deactivate(g, cpu, v & 0xffffff);
    gicv3_changed(g, cpu, v & 0xffffff);
}

/* --- software generated interrupts --- */

enum { SGI_INTID = 24, SGI_ANY = 40 };

/* Is `cpu` one that the register of CPU `self` names? */
static bool is_target(unsigned self, u64 v, unsigned cpu)
{
    u64 cluster = bits_get(v, 16, 8) | bits_get(v, 32, 8) << 8 | bits_get(v, 48, 8) << 16;

    if (v >> SGI_ANY & 1)
        return cpu != self;
    return cluster == cpu / 16 && v >> cpu % 16 & 1;
}

/* The target takes it if it has the SGI in that group ("Forwarding an SGI to a target PE"). */
static void sgi_write(struct gicv3 *g, unsigned self, unsigned group, u64 v)
{
    unsigned n = (unsigned)bits_get(v, SGI_INTID, 4);

    for (unsigned cpu = 0; cpu < g->cpus; cpu++) {
        struct gic_bank_state *b = &g->s.local[cpu];

        if (!is_target(self, v, cpu) || (b->group >> n & 1) != group)
            continue;
        b->pending |= 1u << n;
        gicv3_changed(g, cpu, GIC_SPURIOUS);
    }
}

/* --- registers --- */

static int icc_read(struct gicv3 *g, unsigned cpu, unsigned number, u64 *out)
{
    const struct gic_cpu_state *icc = &g->s.icc[cpu];

    switch (number) {
    case 0: *out = 1; break;
    case ICC_PMR: *out = icc->pmr; break;
    case ICC_IAR0: *out = acknowledge(g, cpu, 0); break;
    case ICC_IAR1: *out = acknowledge(g, cpu, 1); break;
    case ICC_HPPIR0: *out = highest_pending(g, cpu, 0); break;
    case ICC_HPPIR1: *out = highest_pending(g, cpu, 1); break;
    case ICC_BPR0: *out = gic_cpu_bpr_get(icc, 0); break;
    case ICC_BPR1: *out = gic_cpu_bpr_get(icc, 1); break;
    case ICC_AP0R0: *out = icc->active[0]; break;
    case ICC_AP1R0: *out = icc->active[1]; break;
    case ICC_RPR: *out = gic_cpu_rpr(icc); break;
    case ICC_CTLR: *out = icc->ctlr | CTLR_PRIBITS | CTLR_A3V; break;
    case ICC_SRE: *out = SRE_DIB_DFB_SRE; break;
    case ICC_IGRPEN0: *out = icc->on[0]; break;
    case ICC_IGRPEN1: *out = icc->on[1]; break;
    default: return -ENOENT;
    }
    return 0;
}

/* Registers without a side effect but on this CPU's lines. */
static int icc_plain_write(struct gic_cpu_state *icc, unsigned number, u64 v)
{
    switch (number) {
    case ICC_PMR: icc->pmr = v & GIC_PRIORITY_MASK; break;
    case ICC_BPR0: gic_cpu_bpr_set(icc, 0, v); break;
    case ICC_BPR1: gic_cpu_bpr_set(icc, 1, v); break;
    case ICC_AP0R0: icc->active[0] = (u32)v; break;
    case ICC_AP1R0: icc->active[1] = (u32)v; break;
    case ICC_CTLR: icc->ctlr = v & CTLR_KEPT; break;
    case ICC_SRE: break;
    case ICC_IGRPEN0: icc->on[0] = v & 1; break;
    case ICC_IGRPEN1: icc->on[1] = v & 1; break;
    default: return -ENOENT;
    }
    return 0;
}

static int icc_write(struct gicv3 *g, unsigned cpu, unsigned number, u64 v)
{
    int rc;

    switch (number) {
    case ICC_EOIR0: end_of_interrupt(g, cpu, 0, v); return 0;
    case ICC_EOIR1: end_of_interrupt(g, cpu, 1, v); return 0;
    case ICC_DIR: deactivate_write(g, cpu, v); return 0;
    case ICC_SGI0R: sgi_write(g, cpu, 0, v); return 0;
    case ICC_SGI1R:
    case ICC_ASGI1R: sgi_write(g, cpu, 1, v); return 0;
    }
    rc = icc_plain_write(&g->s.icc[cpu], number, v);
    if (rc == 0)
        gicv3_changed(g, cpu, GIC_SPURIOUS);
    return rc;
}

/* --- windows --- */

int gicv3_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out)
{
    struct gicv3 *g = gicv3_self(d);

    int rc = -ENOENT;

    if (cpu >= g->cpus)
        return rc;
    if (space == GICV3_SPACE_VIRTUAL && g->virtualization) {
        rc = gicv3_icv_read(g, cpu, number, out);
        gicv3_changed(g, cpu, GIC_SPURIOUS); /* an acknowledge */
    } else if (space == GICV3_SPACE_CPU) {
        rc = icc_read(g, cpu, number, out);
    }
    return rc == -ENOENT && space == GICV3_SPACE_CPU && g->virtualization
               ? gicv3_ich_read(g, cpu, number, out)
               : rc;
}

/* Of a virtual CPU and its hypervisor. */
static int virtual_write(struct gicv3 *g, unsigned cpu, unsigned space, unsigned number, u64 v)
{
    int rc = space == GICV3_SPACE_VIRTUAL ? gicv3_icv_write(g, cpu, number, v)
                                          : gicv3_ich_write(g, cpu, number, v);

    if (rc == 0)
        gicv3_changed(g, cpu, GIC_SPURIOUS);
    return rc;
}

int gicv3_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v)
{
    struct gicv3 *g = gicv3_self(d);
    int rc;

    if (cpu >= g->cpus)
        return -ENOENT;
    if (space == GICV3_SPACE_CPU && (rc = icc_write(g, cpu, number, v)) != -ENOENT)
        return rc;
    if (g->virtualization && (space == GICV3_SPACE_CPU || space == GICV3_SPACE_VIRTUAL))
        return virtual_write(g, cpu, space, number, v);
    if (space != GICV3_SPACE_PPI || number < GIC_PPI || number >= GIC_SPI)
        return -ENOENT;
    gic_bank_input(&g->s.local[cpu], number, v != 0);
    gicv3_changed(g, cpu, GIC_SPURIOUS);
    return 0;
}
