/*
 * gicv3.c - Arm GICv3 without a security extension: which interrupt goes to which CPU, and the
 * class (IHI 0069; gicv3_private.h says what the other files do).
 *
 * Affinity routing and the system registers are always on, GICD_CTLR.DS is 1: group 0 is
 * signalled by FIQ, group 1 by IRQ, and nothing is banked by security state. Everything takes
 * effect at once, so no RWP or Sync bit is ever seen set.
 *
 * An SPI for any CPU (GICD_IROUTER.Interrupt_Routing_Mode) goes to the first that takes part
 * and has no active interrupt, else to the first that takes part; it may move until it is taken.
 */
#include "dev/irqchip/gicv3_private.h"
#include <errno.h>

enum { NOBODY = -1, NOT_ASKED = -2 };
enum { CTLR_DPG0 = 24 }; /* DPG1NS is the next bit */

/* --- SPIs to CPUs --- */

static int cpu_of_affinity(const struct gicv3 *g, u32 affinity)
{
    unsigned cpu = (affinity >> 8) * 16 + (affinity & 0xff);

    return affinity <= 0xffff && (affinity & 0xff) < 16 && cpu < g->cpus ? (int)cpu : NOBODY;
}

static bool takes_part(const struct gicv3 *g, unsigned cpu, unsigned group)
{
    return g->s.awake[cpu] && g->s.icc[cpu].on[group] &&
           !(g->s.redist[cpu] >> (CTLR_DPG0 + group) & 1);
}

static int any_cpu(const struct gicv3 *g, unsigned group)
{
    int found = NOBODY;

    for (unsigned cpu = 0; cpu < g->cpus; cpu++) {
        if (!takes_part(g, cpu, group))
            continue;
        if (gic_cpu_running(&g->s.icc[cpu]) == GIC_IDLE)
            return (int)cpu;
        if (found == NOBODY)
            found = (int)cpu;
    }
    return found;
}

/* Bits of candidates that are for the CPU. any: by group, what any_cpu() says. */
static u32 for_cpu(const struct gicv3 *g, unsigned w, u32 candidates, unsigned cpu, int any[2])
{
    u32 found = 0;

    for (u32 left = candidates; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctz(left), group = g->s.spi[w].group >> n & 1;
        int to;

        if (g->s.any[w] >> n & 1) {
            if (any[group] == NOT_ASKED)
                any[group] = any_cpu(g, group);
            to = any[group];
        } else {
            to = cpu_of_affinity(g, g->s.affinity[w * GIC_BANK + n]);
        }
        found |= (u32)(to == (int)cpu) << n;
    }
    return found;
}

/* --- what is forwarded --- */

static void first_of(struct gic_first *f, const struct gic_bank_state *b, u32 base, u32 candidates)
{
    for (; candidates; candidates &= candidates - 1)
        gic_first_add(f, b, base, (unsigned)__builtin_ctz(candidates));
}

/* Groups that distributor and CPU interface have both enabled: bit 0, bit 1. */
static unsigned groups_of(const struct gicv3 *g, unsigned cpu)
{
    const struct gic_cpu_state *icc = &g->s.icc[cpu];

    return g->s.ctlr & ((unsigned)icc->on[0] | (unsigned)icc->on[1] << 1);
}

struct gic_first gicv3_first(struct gicv3 *g, unsigned cpu)
{
    struct gic_first f = GIC_NONE;
    struct gic_bank_state *local = &g->s.local[cpu];
    unsigned groups = groups_of(g, cpu);
    int any[2] = { NOT_ASKED, NOT_ASKED };

    if (!g->s.awake[cpu] || !groups)
        return f;
    first_of(&f, local, 0, gic_bank_candidates(local, groups));
    for (unsigned w = 0; w < g->spis / GIC_BANK; w++) {
        u32 candidates = gic_bank_candidates(&g->s.spi[w], groups);

        if (candidates)
            first_of(&f, &g->s.spi[w], GIC_SPI + w * GIC_BANK, for_cpu(g, w, candidates, cpu, any));
    }
    if (groups & 2 && g->lpi[cpu].priority < f.priority)
        f = g->lpi[cpu];
    return f;
}

static void update_cpu(struct gicv3 *g, unsigned cpu)
{
    struct gic_first f;
    bool on;

    if (g->virtualization)
        gicv3_virt_update(g, cpu);
    f = gicv3_first(g, cpu);
    on = gic_cpu_takes(&g->s.icc[cpu], &f);
    dev_cpu_irq(&g->dev, cpu, GICV3_LINE_IRQ, on && f.group == 1);
    dev_cpu_irq(&g->dev, cpu, GICV3_LINE_FIQ, on && f.group == 0);
}

void gicv3_update(struct device *d)
{
    for (unsigned cpu = 0; cpu < gicv3_self(d)->cpus; cpu++)
        update_cpu(gicv3_self(d), cpu);
}

/* Where an SPI for any CPU goes depends on all of them. */
static bool any_routed(const struct gicv3 *g)
{
    u32 any = 0;

    for (unsigned w = 0; w < g->spis / GIC_BANK; w++)
        any |= g->s.any[w];
    return any != 0;
}

void gicv3_changed(struct gicv3 *g, unsigned cpu, u32 intid)
{
    int to = NOBODY;

    if (any_routed(g)) {
        gicv3_update(&g->dev);
        return;
    }
    if (intid >= GIC_SPI && gicv3_has(g, intid))
        to = cpu_of_affinity(g, g->s.affinity[intid - GIC_SPI]);
    update_cpu(g, cpu);
    if (to != NOBODY && to != (int)cpu)
        update_cpu(g, (unsigned)to);
}

/* --- inputs --- */

static void gicv3_irq_in(struct device *d, unsigned input, bool level)
{
    struct gicv3 *g = gicv3_self(d);

    if (input >= g->spis)
        return;
    gic_bank_input(&g->s.spi[input / GIC_BANK], input % GIC_BANK, level);
    gicv3_update(d);
}

static bool gicv3_msi_in(struct device *d, u32 requester, gpa_t addr, u32 data)
{
    gpa_t dist = d->regions[GICV3_DIST].at, its = d->regions[GICV3_ITS].at;
    struct gicv3 *g = gicv3_self(d);

    if (dist != DEV_NOWHERE && addr == dist + GICV3_SETSPI) {
        gicv3_message(g, data, true);
        return true;
    }
    if (!g->its || its == DEV_NOWHERE || addr != its + GICV3_TRANSLATER)
        return false;
    if (!g->s.its_on || !gicv3_its_event(g, requester, data))
        dev_bad_access(d, GICV3_TRANSLATER, 4);
    gicv3_update(d);
    return true;
}

/* --- life --- */

static int gicv3_init(struct device *d, struct err *err)
{
    struct gicv3 *g = gicv3_self(d);

    g->cpus = d->host->cpu_count(d->host->arg);
    if (g->cpus > GICV3_MAX_CPUS)
        return err_set(err, EINVAL, "a GICv3 serves at most %u CPUs, not %u", GICV3_MAX_CPUS,
                       g->cpus);
    dev_region_size_set(d, GICV3_REDIST, (u64)g->cpus * GICV3_REDIST_STEP);
    return gic_spis_check(g->spis, err);
}

/* SGIs are edge-triggered for ever. */
static void gicv3_reset(struct device *d)
{
    struct gicv3 *g = gicv3_self(d);

    gicv3_its_reset(g);
    gicv3_lpi_scan_all(g);
    for (unsigned cpu = 0; cpu < GICV3_MAX_CPUS; cpu++) {
        g->s.local[cpu].edge = 0xffff;
        g->s.awake[cpu] = true; /* as firmware of EL3 leaves it: EDK2 does not ask for it */
        gic_cpu_reset(&g->s.icc[cpu]);
        gic_cpu_reset(&g->s.icv[cpu]);
    }
}

static void gicv3_loaded(struct device *d)
{
    gicv3_lpi_scan_all(gicv3_self(d));
    gicv3_its_continue(gicv3_self(d));
}

/* Commands are waited for before a machine is saved. */
static bool gicv3_idle(struct device *d)
{
    return !gicv3_its_busy(gicv3_self(d));
}

static int gicv3_check(struct device *d, struct err *err)
{
    struct gicv3 *g = gicv3_self(d);
    int rc;

    for (unsigned cpu = 0; cpu < g->cpus; cpu++)
        if (!gic_cpu_is_sound(&g->s.icc[cpu]) || !gic_cpu_is_sound(&g->s.icv[cpu]))
            return err_set(err, EINVAL, "CPU %u has a binary point that is out of range", cpu);
    rc = gic_banks_check(g->s.spi, GICV3_SPI_BANKS, g->spis, err);
    return rc < 0 ? rc : gicv3_its_check(g, err);
}

#define STATE_ROW_T struct gicv3_state
STATE_LIST(gicv3, GICV3_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop gicv3_props[] = {
    { "spis", "number of shared interrupts, a multiple of 32", DEV_PROP_U64,
      offsetof(struct gicv3, spis), .min = 32, .max = GICV3_MAX_SPIS, .initial = 224 },
    { "its", "an interrupt translation service: LPIs for messages of PCI devices", DEV_PROP_BOOL,
      offsetof(struct gicv3, its), .max = 1, .initial = 0 },
    { "virtualization", "virtual CPU interfaces, for CPUs with EL2", DEV_PROP_BOOL,
      offsetof(struct gicv3, virtualization), .max = 1, .initial = 0 },
};

static const struct dev_region gicv3_regions[] = {
    [GICV3_DIST] = { "distributor", GICV3_DIST_SIZE, MEM_IO_1 | MEM_IO_4 | MEM_IO_8,
                     gicv3_dist_read, gicv3_dist_write },
    [GICV3_REDIST] = { "redistributors", 0, MEM_IO_1 | MEM_IO_4 | MEM_IO_8, gicv3_redist_read,
                       gicv3_redist_write },
    [GICV3_ITS] = { "its", GICV3_ITS_SIZE, MEM_IO_4 | MEM_IO_8, gicv3_its_read, gicv3_its_write },
};

const struct dev_class gicv3_class = {
    .name = "gicv3",
    .doc = "Arm generic interrupt controller, version 3",
    .size = sizeof(struct gicv3),
    .state_offset = offsetof(struct gicv3, s),
    .state = &gicv3_state_list,
    .props = gicv3_props,
    .prop_count = ARRAY_SIZE(gicv3_props),
    .regions = gicv3_regions,
    .region_count = ARRAY_SIZE(gicv3_regions),
    .init = gicv3_init,
    .reset = gicv3_reset,
    .update = gicv3_update,
    .loaded = gicv3_loaded,
    .check = gicv3_check,
    .idle = gicv3_idle,
    .irq_in = gicv3_irq_in,
    .msi_in = gicv3_msi_in,
    .sysreg_read = gicv3_sysreg_read,
    .sysreg_write = gicv3_sysreg_write,
    .fdt_compatible = "arm,gic-v3",
};
