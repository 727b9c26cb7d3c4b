/*
 * gicv3_private.h - what the files of the GICv3 share: gicv3.c (what is forwarded to whom, life),
 * gicv3_mmio.c (distributor and redistributors), gicv3_cpu.c (CPU interface registers).
 */
#ifndef DEV_IRQCHIP_GICV3_PRIVATE_H
#define DEV_IRQCHIP_GICV3_PRIVATE_H

#include "dev/irqchip/gic.h"
#include "dev/irqchip/gicv3.h"

enum { GICV3_SPI_BANKS = 30, GICV3_MAX_SPIS = GICV3_SPI_BANKS * GIC_BANK };

#define GICV3_STATE(F, A, N)                                                                       \
    F(u32, ctlr, ZERO, "GICD_CTLR: EnableGrp0, EnableGrp1")                                        \
    A(u32, affinity, GICV3_MAX_SPIS, ZERO, "GICD_IROUTER: Aff3 to Aff0, a byte each")              \
    A(u32, any, GICV3_SPI_BANKS, ZERO, "GICD_IROUTER.Interrupt_Routing_Mode of each SPI")          \
    N(gic_bank, spi, GICV3_SPI_BANKS, "SPIs")                                                      \
    A(flag, awake, GICV3_MAX_CPUS, ZERO, "GICR_WAKER.ProcessorSleep of each CPU is 0")             \
    A(u32, redist, GICV3_MAX_CPUS, ZERO, "GICR_CTLR: DPG0, DPG1NS")                                \
    N(gic_bank, local, GICV3_MAX_CPUS, "SGIs and PPIs of each CPU")                                \
    N(gic_cpu, icc, GICV3_MAX_CPUS, "CPU interfaces")
STATE_STRUCT(gicv3, GICV3_STATE);

struct gicv3 {
    struct device dev;
    struct gicv3_state s;
    u64 spis; /* a multiple of 32 */
    unsigned cpus;
};

static inline struct gicv3 *gicv3_self(struct device *d)
{
    return container_of(d, struct gicv3, dev);
}

/* The CPU's affinity: clusters of 16. */
static inline u32 gicv3_affinity(unsigned cpu)
{
    return cpu / 16 << 8 | cpu % 16;
}

/* An SGI, PPI or SPI that exists. */
static inline bool gicv3_has(const struct gicv3 *g, u64 intid)
{
    return intid < GIC_SPI + g->spis;
}

/* The bank of an interrupt that exists, as the CPU sees it. */
static inline struct gic_bank_state *gicv3_bank(struct gicv3 *g, unsigned cpu, u32 intid)
{
    return intid < GIC_SPI ? &g->s.local[cpu] : &g->s.spi[intid / GIC_BANK - 1];
}

/* The interrupt that the CPU's redistributor forwards to its CPU interface. */
struct gic_first gicv3_first(struct gicv3 *g, unsigned cpu);
/* Sets all lines that may have changed with the CPU's interface and with the interrupt, or
 * with neither when intid is GIC_SPURIOUS. */
void gicv3_changed(struct gicv3 *g, unsigned cpu, u32 intid);
void gicv3_update(struct device *d);

/* gicv3_mmio.c */
u64 gicv3_dist_read(struct device *d, u64 off, unsigned size);
void gicv3_dist_write(struct device *d, u64 off, u64 v, unsigned size);
u64 gicv3_redist_read(struct device *d, u64 off, unsigned size);
void gicv3_redist_write(struct device *d, u64 off, u64 v, unsigned size);
/* A message to GICD_SETSPI_NSR (on) or GICD_CLRSPI_NSR. */
void gicv3_message(struct gicv3 *g, u32 intid, bool on);

/* gicv3_cpu.c */
int gicv3_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out);
int gicv3_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v);

#endif
