/*
 * gicv3_private.h - what the files of the GICv3 share: gicv3.c (what is forwarded to whom, life),
 * gicv3_mmio.c (distributor and redistributors), gicv3_cpu.c (CPU interface registers), gicv3_lpi.c
 * (LPIs), gicv3_its.c and gicv3_its_commands.c (the interrupt translation service), gicv3_virt.c
 * and gicv3_ich.c (the virtual CPU interface).
 */
#ifndef DEV_IRQCHIP_GICV3_PRIVATE_H
#define DEV_IRQCHIP_GICV3_PRIVATE_H

#include "dev/irqchip/gic.h"
#include "dev/irqchip/gicv3.h"

enum { GICV3_SPI_BANKS = 30, GICV3_MAX_SPIS = GICV3_SPI_BANKS * GIC_BANK };
/* LPIs have the INTIDs of 14 bits whose uppermost is 1. */
enum {
    GICV3_LPI = 8192,
    GICV3_LPIS = 8192,
    GICV3_LPI_BITS = 14,
    GICV3_LPI_WORDS = GICV3_LPIS / 32
};
enum { ITS_DEVICES, ITS_COLLECTIONS, ITS_TABLES };

#define GICV3_STATE(F, A, N)                                                                       \
    F(u32, ctlr, ZERO, "GICD_CTLR: EnableGrp0, EnableGrp1")                                        \
    A(u32, affinity, GICV3_MAX_SPIS, ZERO, "GICD_IROUTER: Aff3 to Aff0, a byte each")              \
    A(u32, any, GICV3_SPI_BANKS, ZERO, "GICD_IROUTER.Interrupt_Routing_Mode of each SPI")          \
    N(gic_bank, spi, GICV3_SPI_BANKS, "SPIs")                                                      \
    A(flag, awake, GICV3_MAX_CPUS, ZERO, "GICR_WAKER.ProcessorSleep of each CPU is 0")             \
    A(u32, redist, GICV3_MAX_CPUS, ZERO, "GICR_CTLR: EnableLPIs, DPG0, DPG1NS")                        \
    N(gic_bank, local, GICV3_MAX_CPUS, "SGIs and PPIs of each CPU")                                \
    N(gic_cpu, icc, GICV3_MAX_CPUS, "CPU interfaces")                                              \
    N(gic_cpu, icv, GICV3_MAX_CPUS, "virtual CPU interfaces, ICH_VMCR_EL2 and ICH_APnR0_EL2 too")  \
    A(u32, ich_hcr, GICV3_MAX_CPUS, ZERO, "ICH_HCR_EL2")                                           \
    A(u64, ich_lr, GICV3_MAX_CPUS *GICV3_LIST_REGISTERS, ZERO, "ICH_LRn_EL2 of each CPU")          \
    A(u64, propbaser, GICV3_MAX_CPUS, ZERO, "GICR_PROPBASER")                                      \
    A(u64, pendbaser, GICV3_MAX_CPUS, ZERO, "GICR_PENDBASER")                                      \
    A(u8, lpi_config, GICV3_LPIS, ZERO, "LPI configuration table as last read")                    \
    A(u32, lpi_pending, GICV3_MAX_CPUS *GICV3_LPI_WORDS, ZERO, "LPIs pending at each CPU")         \
    F(flag, its_on, ZERO, "GITS_CTLR.Enabled")                                                     \
    F(u64, its_cbaser, ZERO, "GITS_CBASER: the command queue")                                     \
    F(u32, its_cwriter, ZERO, "GITS_CWRITER: offset behind the last command")                      \
    F(u32, its_creadr, ZERO, "GITS_CREADR: offset of the next command")                            \
    A(u64, its_baser, ITS_TABLES, ZERO, "GITS_BASER: tables of devices and collections")
STATE_STRUCT(gicv3, GICV3_STATE);

struct gicv3 {
    struct device dev;
    struct gicv3_state s;
    u64 spis; /* a multiple of 32 */
    bool its, virtualization;
    unsigned cpus;
    struct gic_first lpi[GICV3_MAX_CPUS]; /* first of the pending LPIs; follows from the state */
    bool its_deferred;                    /* a call that goes on with commands will come */
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

/* gicv3_lpi.c. Callers update the lines. */
static inline bool gicv3_is_lpi(const struct gicv3 *g, u64 intid)
{
    return g->its && intid >= GICV3_LPI && intid < GICV3_LPI + GICV3_LPIS;
}
static inline u32 *gicv3_lpi_words(struct gicv3 *g, unsigned cpu)
{
    return g->s.lpi_pending + cpu * GICV3_LPI_WORDS;
}
bool gicv3_lpi_pending(struct gicv3 *g, unsigned cpu, u32 intid);
void gicv3_lpi_set(struct gicv3 *g, unsigned cpu, u32 intid, bool pending);
/* Reads the configuration of an LPI, or of all, from the CPU's table again. */
void gicv3_lpi_reload(struct gicv3 *g, unsigned cpu, u32 intid);
void gicv3_lpi_reload_all(struct gicv3 *g, unsigned cpu);
void gicv3_lpi_move_all(struct gicv3 *g, unsigned from, unsigned to);
/* GICR_CTLR.EnableLPIs changes. */
void gicv3_lpi_enable(struct gicv3 *g, unsigned cpu, bool on);
/* Finds the CPU's first one anew, or every CPU's. */
void gicv3_lpi_scan(struct gicv3 *g, unsigned cpu);
void gicv3_lpi_scan_all(struct gicv3 *g);

/* gicv3_its.c */
u64 gicv3_its_read(struct device *d, u64 off, unsigned size);
void gicv3_its_write(struct device *d, u64 off, u64 v, unsigned size);
void gicv3_its_reset(struct gicv3 *g);
/* Commands wait. */
bool gicv3_its_busy(const struct gicv3 *g);
/* Sees to it that they are carried out soon. */
void gicv3_its_continue(struct gicv3 *g);
/* Of loaded state. */
int gicv3_its_check(const struct gicv3 *g, struct err *err);

/* gicv3_its_commands.c */
enum { ITS_DEVICE_BITS = 16, ITS_EVENT_BITS = 16, ITS_COLLECTION_BITS = 8, ITS_ENTRY = 8 };
/* Returns how much work it was, 1 … 32; *ok: it was in order. */
unsigned gicv3_its_command(struct gicv3 *g, const u64 command[4], bool *ok);
/* An event of a device; false: nothing is mapped to it. */
bool gicv3_its_event(struct gicv3 *g, u32 device, u32 event);

/* gicv3_cpu.c */
int gicv3_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out);
int gicv3_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v);
/* An interrupt that is active no more. */
void gicv3_deactivate(struct gicv3 *g, unsigned cpu, u64 intid);

/* gicv3_virt.c: -ENOENT, no such register. Callers update the lines. */
int gicv3_icv_read(struct gicv3 *g, unsigned cpu, unsigned number, u64 *out);
int gicv3_icv_write(struct gicv3 *g, unsigned cpu, unsigned number, u64 v);
int gicv3_ich_read(struct gicv3 *g, unsigned cpu, unsigned number, u64 *out);
int gicv3_ich_write(struct gicv3 *g, unsigned cpu, unsigned number, u64 v);
/* Sets the CPU's virtual lines and the level of the maintenance interrupt. */
void gicv3_virt_update(struct gicv3 *g, unsigned cpu);

#endif
