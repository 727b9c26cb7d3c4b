/*
 * gicv2_private.h - what the files of the GICv2 share: gicv2.c (what is forwarded to whom,
 * messages, life) and gicv2_mmio.c (distributor and CPU interface).
 */
#ifndef DEV_IRQCHIP_GICV2_PRIVATE_H
#define DEV_IRQCHIP_GICV2_PRIVATE_H

#include "dev/irqchip/gic.h"
#include "dev/irqchip/gicv2.h"

enum { GICV2_SGIS = 16, GICV2_CTLR_FIQEN = 1 << 3 };
enum { GICV2_SPI_BANKS = 30, GICV2_MAX_SPIS = GICV2_SPI_BANKS * GIC_BANK };

#define GICV2_STATE(F, A, N)                                                                       \
    F(u32, ctlr, ZERO, "GICD_CTLR: EnableGrp0, EnableGrp1")                                        \
    N(gic_bank, spi, GICV2_SPI_BANKS, "SPIs")                                                      \
    A(u8, target, GICV2_MAX_SPIS, ZERO, "GICD_ITARGETSR: CPUs of each SPI, a bit each")            \
    N(gic_bank, local, GICV2_MAX_CPUS, "SGIs and PPIs of each CPU")                                \
    A(u8, sgi, GICV2_MAX_CPUS *GICV2_SGIS, ZERO, "who sent each CPU's pending SGIs, a bit a CPU")        \
    N(gic_cpu, icc, GICV2_MAX_CPUS, "CPU interfaces")                                              \
    A(u32, cctlr, GICV2_MAX_CPUS, ZERO, "GICC_CTLR: AckCtl, FIQEn, bypass")
STATE_STRUCT(gicv2, GICV2_STATE);

struct gicv2 {
    struct device dev;
    struct gicv2_state s;
    u64 spis, msi_first, msi_count;
    unsigned cpus;
};

static inline struct gicv2 *gicv2_self(struct device *d)
{
    return container_of(d, struct gicv2, dev);
}

static inline bool gicv2_has(const struct gicv2 *g, u32 intid)
{
    return intid < GIC_SPI + g->spis;
}

static inline struct gic_bank_state *gicv2_bank(struct gicv2 *g, unsigned cpu, u32 intid)
{
    return intid < GIC_SPI ? &g->s.local[cpu] : &g->s.spi[intid / GIC_BANK - 1];
}

/* What the distributor forwards to the CPU interface. */
struct gic_first gicv2_first(struct gicv2 *g, unsigned cpu);
void gicv2_update(struct device *d);

/* gicv2_mmio.c. senders of an SGI: a bit a CPU; it is pending while there are any. */
void gicv2_sgi_put(struct gicv2 *g, unsigned cpu, unsigned n, u8 senders);
u64 gicv2_dist_read(struct device *d, u64 off, unsigned size);
void gicv2_dist_write(struct device *d, u64 off, u64 v, unsigned size);
u64 gicv2_cpu_read(struct device *d, u64 off, unsigned size);
void gicv2_cpu_write(struct device *d, u64 off, u64 v, unsigned size);

#endif
