/*
 * gicv2.c - Arm GICv2 without the Security Extensions, and a GICv2m's message frame
 * (IHI 0048B; the frame: Server Base System Architecture, "GICv2m Architecture").
 *
 * Group 1 is signalled by IRQ, group 0 by IRQ or FIQ as GICC_CTLR.FIQEn says. An SPI goes to all
 * CPUs of its target byte, and the first that acknowledges it has it. An SGI is pending once for
 * each CPU that sent it, and active once.
 */
#include "dev/irqchip/gicv2_private.h"
#include <errno.h>

/* Message frame. */
enum { MSI_TYPER = 0x008, MSI_FIRST = 16, MSI_IIDR = 0xfcc };

/* --- what is forwarded --- */

/* With one CPU there are no target registers. */
static bool is_target(const struct gicv2 *g, unsigned spi, unsigned cpu)
{
    return g->cpus == 1 || g->s.target[spi] >> cpu & 1;
}

struct gic_first gicv2_first(struct gicv2 *g, unsigned cpu)
{
    const struct gic_cpu_state *icc = &g->s.icc[cpu];
    unsigned groups = g->s.ctlr & ((unsigned)icc->on[0] | (unsigned)icc->on[1] << 1);
    struct gic_first f = GIC_NONE;
    u32 left;

    for (left = gic_bank_candidates(&g->s.local[cpu], groups); left; left &= left - 1)
        gic_first_add(&f, &g->s.local[cpu], 0, (unsigned)__builtin_ctz(left));
    for (unsigned w = 0; w < g->spis / GIC_BANK; w++)
        for (left = gic_bank_candidates(&g->s.spi[w], groups); left; left &= left - 1) {
            unsigned n = (unsigned)__builtin_ctz(left);

            if (is_target(g, w * GIC_BANK + n, cpu))
                gic_first_add(&f, &g->s.spi[w], GIC_SPI + w * GIC_BANK, n);
        }
    return f;
}

void gicv2_update(struct device *d)
{
    struct gicv2 *g = gicv2_self(d);

    for (unsigned cpu = 0; cpu < g->cpus; cpu++) {
        struct gic_first f = gicv2_first(g, cpu);
        bool on = gic_cpu_takes(&g->s.icc[cpu], &f);
        bool fiq = f.group == 0 && g->s.cctlr[cpu] & GICV2_CTLR_FIQEN;

        dev_cpu_irq(d, cpu, GICV2_LINE_IRQ, on && !fiq);
        dev_cpu_irq(d, cpu, GICV2_LINE_FIQ, on && fiq);
    }
}

/* --- inputs and messages --- */

static void input(struct gicv2 *g, unsigned spi, bool level)
{
    gic_bank_input(&g->s.spi[spi / GIC_BANK], spi % GIC_BANK, level);
}

static void gicv2_irq_in(struct device *d, unsigned n, bool level)
{
    if (n >= gicv2_self(d)->spis)
        return;
    input(gicv2_self(d), n, level);
    gicv2_update(d);
}

/* A pulse on the SPI's line. */
static void message(struct gicv2 *g, u32 intid)
{
    u64 spi = (u64)intid - GIC_SPI;

    if (intid < GIC_SPI || spi - g->msi_first >= g->msi_count) {
        dev_bad_access(&g->dev, GICV2_SETSPI, 4);
        return;
    }
    input(g, (unsigned)spi, true);
    input(g, (unsigned)spi, false);
    gicv2_update(&g->dev);
}

static u64 msi_read(struct device *d, u64 off, unsigned size)
{
    const struct gicv2 *g = gicv2_self(d);

    switch (off) {
    case MSI_TYPER: return (GIC_SPI + g->msi_first) << MSI_FIRST | g->msi_count;
    case GICV2_SETSPI:
    case MSI_IIDR: return 0;
    default: return dev_bad_access(d, off, size);
    }
}

static void msi_write(struct device *d, u64 off, u64 v, unsigned size)
{
    if (off == GICV2_SETSPI)
        message(gicv2_self(d), (u32)v);
    else
        dev_bad_access(d, off, size);
}

static bool gicv2_msi_in(struct device *d, u32 requester, gpa_t addr, u32 data)
{
    gpa_t at = d->regions[GICV2_MSI].at;

    if (at == DEV_NOWHERE || addr != at + GICV2_SETSPI)
        return false;
    message(gicv2_self(d), data);
    return true;
}

static int gicv2_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number,
                              u64 v)
{
    struct gicv2 *g = gicv2_self(d);

    if (cpu >= g->cpus || space != GICV2_SPACE_PPI || number < GIC_PPI || number >= GIC_SPI)
        return -ENOENT;
    gic_bank_input(&g->s.local[cpu], number, v != 0);
    gicv2_update(d);
    return 0;
}

/* --- life --- */

static int gicv2_init(struct device *d, struct err *err)
{
    struct gicv2 *g = gicv2_self(d);

    g->cpus = d->host->cpu_count(d->host->arg);
    if (g->cpus > GICV2_MAX_CPUS)
        return err_set(err, EINVAL, "a GICv2 serves at most %u CPUs, not %u", GICV2_MAX_CPUS,
                       g->cpus);
    if (g->msi_first + g->msi_count > g->spis)
        return err_set(err, EINVAL, "its messages want SPIs up to %u, and there are %u",
                       (unsigned)(g->msi_first + g->msi_count), (unsigned)g->spis);
    return gic_spis_check(g->spis, err);
}

static void gicv2_reset(struct device *d)
{
    struct gicv2 *g = gicv2_self(d);

    for (unsigned cpu = 0; cpu < GICV2_MAX_CPUS; cpu++) {
        g->s.local[cpu].edge = 0xffff;
        gic_cpu_reset(&g->s.icc[cpu]);
    }
}

/* SGIs are pending by their senders, whatever a file says. */
static void gicv2_loaded(struct device *d)
{
    struct gicv2 *g = gicv2_self(d);

    for (unsigned cpu = 0; cpu < g->cpus; cpu++)
        for (unsigned n = 0; n < GICV2_SGIS; n++)
            gicv2_sgi_put(g, cpu, n, (u8)(g->s.sgi[cpu * GICV2_SGIS + n] & bits_mask(g->cpus)));
}

static int gicv2_check(struct device *d, struct err *err)
{
    struct gicv2 *g = gicv2_self(d);

    for (unsigned cpu = 0; cpu < g->cpus; cpu++)
        if (!gic_cpu_is_sound(&g->s.icc[cpu]))
            return err_set(err, EINVAL, "CPU %u has a binary point that is out of range", cpu);
    return gic_banks_check(g->s.spi, GICV2_SPI_BANKS, g->spis, err);
}

#define STATE_ROW_T struct gicv2_state
STATE_LIST(gicv2, GICV2_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop gicv2_props[] = {
    { "spis", "number of shared interrupts, a multiple of 32", DEV_PROP_U64,
      offsetof(struct gicv2, spis), .min = 32, .max = GICV2_MAX_SPIS, .initial = 224 },
    { "msi-first", "the first SPI that a message may name", DEV_PROP_U64,
      offsetof(struct gicv2, msi_first), .max = GICV2_MAX_SPIS },
    { "msi-count", "how many SPIs messages may name; 0: there are no messages", DEV_PROP_U64,
      offsetof(struct gicv2, msi_count), .max = GICV2_MAX_SPIS },
};

static const struct dev_region gicv2_regions[] = {
    [GICV2_DIST] = { "distributor", GICV2_DIST_SIZE, MEM_IO_1 | MEM_IO_4, gicv2_dist_read,
                     gicv2_dist_write },
    [GICV2_CPU] = { "cpu-interface", GICV2_CPU_SIZE, MEM_IO_4, gicv2_cpu_read, gicv2_cpu_write },
    [GICV2_MSI] = { "messages", GICV2_MSI_SIZE, MEM_IO_4, msi_read, msi_write },
};

const struct dev_class gicv2_class = {
    .name = "gicv2",
    .doc = "Arm generic interrupt controller, version 2, with a GICv2m message frame",
    .size = sizeof(struct gicv2),
    .state_offset = offsetof(struct gicv2, s),
    .state = &gicv2_state_list,
    .props = gicv2_props,
    .prop_count = ARRAY_SIZE(gicv2_props),
    .regions = gicv2_regions,
    .region_count = ARRAY_SIZE(gicv2_regions),
    .init = gicv2_init,
    .reset = gicv2_reset,
    .update = gicv2_update,
    .loaded = gicv2_loaded,
    .check = gicv2_check,
    .irq_in = gicv2_irq_in,
    .msi_in = gicv2_msi_in,
    .sysreg_write = gicv2_sysreg_write,
    .fdt_compatible = "arm,cortex-a15-gic",
};
