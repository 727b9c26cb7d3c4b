/*
 * gic.h - what Arm's interrupt controllers of every version share: 32 interrupts as their
 * registers hold them (gic_bank.c), and what a CPU interface knows of its CPU (gic_cpu.c).
 *
 * "IHI 0069" is Arm's GIC architecture specification, versions 3 and 4.
 */
#ifndef DEV_IRQCHIP_GIC_H
#define DEV_IRQCHIP_GIC_H

#include "base/bits.h"
#include "dev/core/device.h"

/* 32 interrupts with consecutive INTIDs. */
#define GIC_BANK_STATE(F, A, N)                                                                    \
    F(u32, level, KEEP, "input lines as driven")                                                   \
    F(u32, group, ZERO, "1: of group 1")                                                           \
    F(u32, enabled, ZERO, "may be forwarded to a CPU")                                             \
    F(u32, pending, ZERO, "latched: by an edge, a message or a write")                             \
    F(u32, asserted, ZERO, "level-sensitive ones that a message asserted")                         \
    F(u32, active, ZERO, "acknowledged and not deactivated")                                       \
    F(u32, edge, ZERO, "1: edge-triggered")                                                        \
    A(u8, priority, 32, ZERO, "0 is the highest")
STATE_STRUCT(gic_bank, GIC_BANK_STATE);
extern const struct state_list gic_bank_state_list;

/* A CPU interface. 5 bits of priority, all of which may be group priority. */
#define GIC_CPU_STATE(F, A, N)                                                                     \
    F(u8, pmr, ZERO, "only interrupts of a higher priority (a lower value) are signalled")         \
    A(u8, bpr, 2, KEEP, "binary points of groups 0 and 1")                                         \
    A(flag, on, 2, ZERO, "groups 0 and 1 are enabled")                                             \
    A(u32, active, 2, ZERO, "active priorities of groups 0 and 1")                                 \
    F(u32, ctlr, ZERO, "writable bits of the control register")
STATE_STRUCT(gic_cpu, GIC_CPU_STATE);
extern const struct state_list gic_cpu_state_list;

enum { GIC_SPURIOUS = 1023, GIC_SPI = 32, GIC_PPI = 16, GIC_BANK = 32 };
enum { GIC_PRIORITY_MASK = 0xf8, GIC_IDLE = 0x100 /* lower than any priority */ };
enum { GIC_BPR0_MIN = 2, GIC_BPR1_MIN = 3 };

/* Offsets of a distributor's registers. Those of banks: a word, or 32 bytes, or two words each. */
enum {
    GIC_IGROUPR = 0x080,
    GIC_ISENABLER = 0x100,
    GIC_ICENABLER = 0x180,
    GIC_ISPENDR = 0x200,
    GIC_ICPENDR = 0x280,
    GIC_ISACTIVER = 0x300,
    GIC_ICACTIVER = 0x380,
    GIC_IPRIORITYR = 0x400,
    GIC_ITARGETSR = 0x800,
    GIC_ICFGR = 0xc00,
    GIC_ICFGR_END = 0xd00,
};

static inline bool gic_is_bank_register(u64 off)
{
    return (off >= GIC_IGROUPR && off < GIC_ITARGETSR) || (off >= GIC_ICFGR && off < GIC_ICFGR_END);
}

/* The bank that a bank register's offset names: 0 … 31. */
static inline unsigned gic_bank_index(u64 off)
{
    if (off < GIC_IPRIORITYR)
        return (unsigned)(off % 0x80 / 4);
    return (unsigned)(off < GIC_ITARGETSR ? (off - GIC_IPRIORITYR) / 32 : (off - GIC_ICFGR) / 8);
}

/* An access of 4 bytes, or of 1 at IPRIORITYR, to a bank register. */
u32 gic_bank_read(const struct gic_bank_state *b, u64 off, unsigned size);
void gic_bank_write(struct gic_bank_state *b, u64 off, u32 v, unsigned size);

/* Pending for whatever reason (IHI 0069, 4.1.2). */
static inline u32 gic_bank_pending(const struct gic_bank_state *b)
{
    return b->pending | ((b->level | b->asserted) & ~b->edge);
}

/* Input line n of the bank. */
void gic_bank_input(struct gic_bank_state *b, unsigned n, bool level);
/* The CPU has taken interrupt n. */
void gic_bank_acknowledge(struct gic_bank_state *b, unsigned n);

/* What every version's init and check demand of the number of SPIs, and of their `count` banks. */
int gic_spis_check(u64 spis, struct err *err);
int gic_banks_check(const struct gic_bank_state *spi, unsigned count, u64 spis, struct err *err);

/* The interrupt that comes first: of the highest priority, then of the lowest INTID. */
struct gic_first {
    u32 intid;    /* GIC_SPURIOUS: none */
    u32 priority; /* GIC_IDLE then */
    unsigned group;
};
#define GIC_NONE { GIC_SPURIOUS, GIC_IDLE, 0 }

/* The interrupts of a bank that could be forwarded. groups: bit 0, bit 1: of these groups. */
u32 gic_bank_candidates(const struct gic_bank_state *b, unsigned groups);
/* Takes interrupt n of the bank into account. */
static inline void gic_first_add(struct gic_first *f, const struct gic_bank_state *b, u32 base,
                                 unsigned n)
{
    if (b->priority[n] < f->priority)
        *f = (struct gic_first){ base + n, b->priority[n], b->group >> n & 1 };
}

/* CTLR bits that gic_cpu.c knows, wherever a version's register has them. */
enum { GIC_CPU_CBPR = 1, GIC_CPU_EOIMODE = 2 };

void gic_cpu_reset(struct gic_cpu_state *c);
/* False: no guest can bring it about. */
bool gic_cpu_is_sound(const struct gic_cpu_state *c);
/* The running priority; GIC_IDLE: nothing is active. As RPR shows it, that is 0xff. */
unsigned gic_cpu_running(const struct gic_cpu_state *c);
u32 gic_cpu_rpr(const struct gic_cpu_state *c);
/* Is the interrupt signalled, by priority mask, group and running priority? */
bool gic_cpu_takes(const struct gic_cpu_state *c, const struct gic_first *f);
void gic_cpu_activate(struct gic_cpu_state *c, const struct gic_first *f);
/* End of the running interrupt; false, without effect: it is not of the group. */
bool gic_cpu_drop(struct gic_cpu_state *c, unsigned group);
u32 gic_cpu_bpr_get(const struct gic_cpu_state *c, unsigned group);
void gic_cpu_bpr_set(struct gic_cpu_state *c, unsigned group, u64 v);

#endif
