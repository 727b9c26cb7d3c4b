/*
 * gicv3_lpi.c - LPIs of a GICv3: which are pending at which CPU, and what the tables in guest
 * memory say of them (IHI 0069, "LPI Configuration tables", "LPI Pending tables").
 *
 * The configuration is read when a redistributor's LPIs are enabled and when a command says that
 * it changed, as the specification lets a redistributor cache it. Pending bits are here; the
 * table in memory is read when LPIs are enabled and written when they are disabled.
 */
#include "dev/irqchip/gicv3_private.h"

#define BASER_ADDRESS    0x000ffffffffff000ull
#define PENDBASER_PTZ    (1ull << 62)
#define CONFIG_ENABLE    1u
enum { PROPBASER_IDBITS = 31, RCTLR_ENABLE_LPIS = 1 };

static bool enabled(const struct gicv3 *g, unsigned cpu)
{
    return g->s.redist[cpu] & RCTLR_ENABLE_LPIS;
}

/* --- the first of the pending --- */

static void consider(struct gicv3 *g, unsigned cpu, unsigned n)
{
    u8 config = g->s.lpi_config[n];
    struct gic_first *f = &g->lpi[cpu];
    u32 priority = config & GIC_PRIORITY_MASK, intid = GICV3_LPI + n;

    if (config & CONFIG_ENABLE &&
        (priority < f->priority || (priority == f->priority && intid < f->intid)))
        *f = (struct gic_first){ intid, priority, 1 };
}

void gicv3_lpi_scan(struct gicv3 *g, unsigned cpu)
{
    const u32 *words = gicv3_lpi_words(g, cpu);

    g->lpi[cpu] = (struct gic_first)GIC_NONE;
    for (unsigned w = 0; w < GICV3_LPI_WORDS; w++)
        for (u32 left = words[w]; left; left &= left - 1)
            consider(g, cpu, w * 32 + (unsigned)__builtin_ctz(left));
}

void gicv3_lpi_scan_all(struct gicv3 *g)
{
    for (unsigned cpu = 0; cpu < g->cpus; cpu++)
        gicv3_lpi_scan(g, cpu);
}

bool gicv3_lpi_pending(struct gicv3 *g, unsigned cpu, u32 intid)
{
    unsigned n = intid - GICV3_LPI;

    return gicv3_lpi_words(g, cpu)[n / 32] >> n % 32 & 1;
}

/* A redistributor whose LPIs are disabled takes none. */
void gicv3_lpi_set(struct gicv3 *g, unsigned cpu, u32 intid, bool pending)
{
    unsigned n = intid - GICV3_LPI;
    u32 *word = &gicv3_lpi_words(g, cpu)[n / 32], bit = 1u << n % 32;

    if (pending && enabled(g, cpu)) {
        *word |= bit;
        consider(g, cpu, n);
    } else if (*word & bit) {
        *word &= ~bit;
        if (g->lpi[cpu].intid == intid)
            gicv3_lpi_scan(g, cpu);
    }
}

void gicv3_lpi_move_all(struct gicv3 *g, unsigned from, unsigned to)
{
    u32 *a = gicv3_lpi_words(g, from), *b = gicv3_lpi_words(g, to);

    for (unsigned w = 0; from != to && w < GICV3_LPI_WORDS; w++) {
        if (enabled(g, to))
            b[w] |= a[w];
        a[w] = 0;
    }
    gicv3_lpi_scan(g, from);
    gicv3_lpi_scan(g, to);
}

/* --- tables --- */

/* The table describes all LPIs, or the field says that there are none. */
static bool config_at(const struct gicv3 *g, unsigned cpu, gpa_t *at)
{
    *at = g->s.propbaser[cpu] & BASER_ADDRESS;
    return (g->s.propbaser[cpu] & PROPBASER_IDBITS) + 1 >= GICV3_LPI_BITS;
}

static gpa_t pending_at(const struct gicv3 *g, unsigned cpu)
{
    return bits_align_down(g->s.pendbaser[cpu] & BASER_ADDRESS, 0x10000) + GICV3_LPI / 8;
}

void gicv3_lpi_reload(struct gicv3 *g, unsigned cpu, u32 intid)
{
    unsigned n = intid - GICV3_LPI;
    u8 config = 0;
    gpa_t at;

    if (!config_at(g, cpu, &at) || !dma_read(&g->dev, at + n, &config, 1))
        config = 0;
    if (config == g->s.lpi_config[n])
        return;
    g->s.lpi_config[n] = config;
    gicv3_lpi_scan_all(g);
}

void gicv3_lpi_reload_all(struct gicv3 *g, unsigned cpu)
{
    gpa_t at;

    if (!config_at(g, cpu, &at) || !dma_read(&g->dev, at, g->s.lpi_config, GICV3_LPIS))
        memset(g->s.lpi_config, 0, GICV3_LPIS);
    gicv3_lpi_scan_all(g);
}

void gicv3_lpi_enable(struct gicv3 *g, unsigned cpu, bool on)
{
    u32 *words = gicv3_lpi_words(g, cpu);
    u64 size = GICV3_LPIS / 8;

    if (on == enabled(g, cpu))
        return;
    g->s.redist[cpu] ^= RCTLR_ENABLE_LPIS;
    if (!on) {
        if (!dma_write(&g->dev, pending_at(g, cpu), words, size))
            log_guest("%s: pending LPIs of CPU %u are lost", g->dev.id, cpu);
        memset(words, 0, size);
        gicv3_lpi_scan(g, cpu);
        return;
    }
    if (!(g->s.pendbaser[cpu] & PENDBASER_PTZ) &&
        !dma_read(&g->dev, pending_at(g, cpu), words, size))
        memset(words, 0, size);
    g->s.pendbaser[cpu] &= ~PENDBASER_PTZ; /* was said of the table as it is now */
    gicv3_lpi_reload_all(g, cpu);
}
