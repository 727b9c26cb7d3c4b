/*
 * gicv3_virt.c - the virtual CPU interface of a GICv3: ICV_* as a guest of a hypervisor has them,
 * ICH_* as the hypervisor does, list registers, the maintenance interrupt (IHI 0069, chapter 6
 * "Virtual interrupt handling and prioritization").
 *
 * 4 list registers, 5 bits of priority, 16 bits of INTID, no SEIs, no direct injection.
 */
#include "dev/irqchip/gicv3_private.h"
#include <errno.h>

/* ICH_LRn_EL2 */
enum { LR_PINTID = 32, LR_PINTID_BITS = 13, LR_PRIORITY = 48, LR_STATE = 62 };
#define LR_EOI   (1ull << 41) /* where HW is 0 */
#define LR_GROUP (1ull << 60)
#define LR_HW    (1ull << 61)
#define LR_MASK  0xf0f81fff0000ffffull
enum { LR_INVALID, LR_PENDING, LR_ACTIVE, LR_PENDING_ACTIVE };

/* ICH_HCR_EL2 */
enum {
    HCR_EN = 1 << 0,
    HCR_UIE = 1 << 1,
    HCR_LRENPIE = 1 << 2,
    HCR_NPIE = 1 << 3,
    HCR_VGRP0EIE = 1 << 4, /* and VGrp0DIE, VGrp1EIE, VGrp1DIE */
    HCR_MASK = 0x7cff,     /* with the traps that CPUs look at; but for the count: */
    HCR_EOICOUNT = 27,
    HCR_EOICOUNT_BITS = 5,
};

/* ICH_VMCR_EL2 */
enum { VMCR_ENG0 = 0, VMCR_FIQEN = 3, VMCR_CBPR = 4, VMCR_EOIM = 9 };
enum { VMCR_BPR1 = 18, VMCR_BPR0 = 21, VMCR_PMR = 24 };

/* Registers: as many; A3V; no direct injection; 16 bits of INTID; 5 bits of priority, twice. */
#define VTR                                                                                        \
    ((u64)(GICV3_LIST_REGISTERS - 1) | 1u << 19 | 1u << 20 | 1u << 21 | 4u << 26 | 4ull << 29)
enum { CTLR_PRIBITS = 4 << 8, CTLR_A3V = 1 << 15 };
enum { CTLR_KEPT = GIC_CPU_CBPR | GIC_CPU_EOIMODE, SRE_EL2_ALL = 15, NO_LR = -1 };

/* --- list registers --- */

static u64 *list_of(struct gicv3 *g, unsigned cpu)
{
    return g->s.ich_lr + cpu * GICV3_LIST_REGISTERS;
}

static unsigned state_of(u64 lr)
{
    return (unsigned)(lr >> LR_STATE);
}

static u64 with_state(u64 lr, unsigned state)
{
    return bits_get(lr, 0, LR_STATE) | (u64)state << LR_STATE;
}

/* The pending one that comes first among those of enabled groups, by index, or NO_LR. */
static int first_of(struct gicv3 *g, unsigned cpu, struct gic_first *f)
{
    const u64 *lr = list_of(g, cpu);
    int found = NO_LR;

    *f = (struct gic_first)GIC_NONE;
    for (int i = 0; i < GICV3_LIST_REGISTERS; i++) {
        u32 priority = (u32)bits_get(lr[i], LR_PRIORITY, 8);
        unsigned group = (lr[i] & LR_GROUP) != 0;

        if (state_of(lr[i]) != LR_PENDING || !g->s.icv[cpu].on[group] || priority >= f->priority)
            continue;
        *f = (struct gic_first){ (u32)lr[i], priority, group };
        found = i;
    }
    return found;
}

/* The one that is active with the INTID, or NO_LR. */
static int active_of(struct gicv3 *g, unsigned cpu, u32 intid)
{
    const u64 *lr = list_of(g, cpu);

    for (int i = 0; i < GICV3_LIST_REGISTERS; i++)
        if (state_of(lr[i]) & LR_ACTIVE && (u32)lr[i] == intid)
            return i;
    return NO_LR;
}

/* With the physical interrupt that it stands for. */
static void deactivate(struct gicv3 *g, unsigned cpu, int i)
{
    u64 *lr = &list_of(g, cpu)[i];

    *lr = with_state(*lr, state_of(*lr) & ~(unsigned)LR_ACTIVE);
    if (!(*lr & LR_HW))
        return;
    gicv3_deactivate(g, cpu, bits_get(*lr, LR_PINTID, LR_PINTID_BITS));
    gicv3_changed(g, cpu, (u32)bits_get(*lr, LR_PINTID, LR_PINTID_BITS));
}

/* An end of an interrupt that is in no list register: the hypervisor has to see to it. */
static void count_end(struct gicv3 *g, unsigned cpu)
{
    u32 *hcr = &g->s.ich_hcr[cpu];
    u32 count = (u32)bits_get(*hcr, HCR_EOICOUNT, HCR_EOICOUNT_BITS) + 1;

    *hcr = (u32)bits_get(*hcr, 0, HCR_EOICOUNT) | count << HCR_EOICOUNT;
}

/* --- what the guest does --- */

static u32 acknowledge(struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_first f;
    int i = first_of(g, cpu, &f);

    if (i == NO_LR || !gic_cpu_takes(&g->s.icv[cpu], &f) || f.group != group)
        return GIC_SPURIOUS;
    gic_cpu_activate(&g->s.icv[cpu], &f);
    list_of(g, cpu)[i] =
        with_state(list_of(g, cpu)[i], f.intid >= GICV3_LPI ? LR_INVALID : LR_ACTIVE);
    return f.intid;
}

static u32 highest_pending(struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_first f;

    return first_of(g, cpu, &f) != NO_LR && f.group == group ? f.intid : GIC_SPURIOUS;
}

static bool is_special(u32 intid)
{
    return intid >= 1020 && intid < GICV3_LPI;
}

/* Whatever is running is dropped; what it ends is looked for among the active ones. */
static void end_of_interrupt(struct gicv3 *g, unsigned cpu, unsigned group, u64 v)
{
    struct gic_cpu_state *icv = &g->s.icv[cpu];
    u32 intid = v & 0xffffff;
    int i;

    if (is_special(intid) || !(gic_cpu_drop(icv, 0) || gic_cpu_drop(icv, 1)) || intid >= GICV3_LPI)
        return;
    i = active_of(g, cpu, intid);
    if (icv->ctlr & GIC_CPU_EOIMODE)
        return;
    if (i == NO_LR)
        count_end(g, cpu);
    else if (((list_of(g, cpu)[i] & LR_GROUP) != 0) == group)
        deactivate(g, cpu, i);
}

static void deactivate_write(struct gicv3 *g, unsigned cpu, u64 v)
{
    u32 intid = v & 0xffffff;
    int i = active_of(g, cpu, intid);

    if (!(g->s.icv[cpu].ctlr & GIC_CPU_EOIMODE) || is_special(intid) || intid >= GICV3_LPI)
        return;
    if (i == NO_LR)
        count_end(g, cpu);
    else
        deactivate(g, cpu, i);
}

int gicv3_icv_read(struct gicv3 *g, unsigned cpu, unsigned number, u64 *out)
{
    const struct gic_cpu_state *icv = &g->s.icv[cpu];

    switch (number) {
    case ICC_PMR: *out = icv->pmr; break;
    case ICC_IAR0: *out = acknowledge(g, cpu, 0); break;
    case ICC_IAR1: *out = acknowledge(g, cpu, 1); break;
    case ICC_HPPIR0: *out = highest_pending(g, cpu, 0); break;
    case ICC_HPPIR1: *out = highest_pending(g, cpu, 1); break;
    case ICC_BPR0: *out = gic_cpu_bpr_get(icv, 0); break;
    case ICC_BPR1: *out = gic_cpu_bpr_get(icv, 1); break;
    case ICC_AP0R0: *out = icv->active[0]; break;
    case ICC_AP1R0: *out = icv->active[1]; break;
    case ICC_RPR: *out = gic_cpu_rpr(icv); break;
    case ICC_CTLR: *out = icv->ctlr | CTLR_PRIBITS | CTLR_A3V; break;
    case ICC_IGRPEN0: *out = icv->on[0]; break;
    case ICC_IGRPEN1: *out = icv->on[1]; break;
    default: return -ENOENT;
    }
    return 0;
}

int gicv3_icv_write(struct gicv3 *g, unsigned cpu, unsigned number, u64 v)
{
    struct gic_cpu_state *icv = &g->s.icv[cpu];

    switch (number) {
    case ICC_EOIR0: end_of_interrupt(g, cpu, 0, v); break;
    case ICC_EOIR1: end_of_interrupt(g, cpu, 1, v); break;
    case ICC_DIR: deactivate_write(g, cpu, v); break;
    case ICC_PMR: icv->pmr = v & GIC_PRIORITY_MASK; break;
    case ICC_BPR0: gic_cpu_bpr_set(icv, 0, v); break;
    case ICC_BPR1: gic_cpu_bpr_set(icv, 1, v); break;
    case ICC_AP0R0: icv->active[0] = (u32)v; break;
    case ICC_AP1R0: icv->active[1] = (u32)v; break;
    case ICC_CTLR: icv->ctlr = v & CTLR_KEPT; break;
    case ICC_IGRPEN0: icv->on[0] = v & 1; break;
    case ICC_IGRPEN1: icv->on[1] = v & 1; break;
    default: return -ENOENT;
    }
    return 0;
}

/* --- what the hypervisor sees --- */

static u64 vmcr_get(const struct gic_cpu_state *icv)
{
    return (u64)icv->on[0] << VMCR_ENG0 | (u64)icv->on[1] << (VMCR_ENG0 + 1) | 1u << VMCR_FIQEN |
           (icv->ctlr & GIC_CPU_CBPR ? 1u << VMCR_CBPR : 0) |
           (icv->ctlr & GIC_CPU_EOIMODE ? 1u << VMCR_EOIM : 0) | (u64)icv->bpr[1] << VMCR_BPR1 |
           (u64)icv->bpr[0] << VMCR_BPR0 | (u64)icv->pmr << VMCR_PMR;
}

static u8 at_least(u64 v, u8 min)
{
    return v < min ? min : (u8)v;
}

static void vmcr_set(struct gic_cpu_state *icv, u64 v)
{
    icv->on[0] = v >> VMCR_ENG0 & 1;
    icv->on[1] = v >> (VMCR_ENG0 + 1) & 1;
    icv->ctlr =
        (v >> VMCR_CBPR & 1 ? GIC_CPU_CBPR : 0) | (v >> VMCR_EOIM & 1 ? GIC_CPU_EOIMODE : 0);
    icv->bpr[1] = at_least(bits_get(v, VMCR_BPR1, 3), GIC_BPR1_MIN);
    icv->bpr[0] = at_least(bits_get(v, VMCR_BPR0, 3), GIC_BPR0_MIN);
    icv->pmr = bits_get(v, VMCR_PMR, 8) & GIC_PRIORITY_MASK;
}

/* List registers whose interrupt has ended and whose hypervisor wants to know. */
static u32 eisr(struct gicv3 *g, unsigned cpu)
{
    const u64 *lr = list_of(g, cpu);
    u32 found = 0;

    for (unsigned i = 0; i < GICV3_LIST_REGISTERS; i++)
        if (state_of(lr[i]) == LR_INVALID && (lr[i] & (LR_HW | LR_EOI)) == LR_EOI)
            found |= 1u << i;
    return found;
}

/* List registers that are free, and not told of by eisr(). */
static u32 elrsr(struct gicv3 *g, unsigned cpu)
{
    const u64 *lr = list_of(g, cpu);
    u32 found = 0;

    for (unsigned i = 0; i < GICV3_LIST_REGISTERS; i++)
        if (state_of(lr[i]) == LR_INVALID)
            found |= 1u << i;
    return found & ~eisr(g, cpu);
}

/* ICH_MISR_EL2: why there is a maintenance interrupt. */
static u32 misr(struct gicv3 *g, unsigned cpu)
{
    const struct gic_cpu_state *icv = &g->s.icv[cpu];
    const u64 *lr = list_of(g, cpu);
    u32 hcr = g->s.ich_hcr[cpu], groups, valid = 0, pending = 0;

    for (unsigned i = 0; i < GICV3_LIST_REGISTERS; i++) {
        valid += state_of(lr[i]) != LR_INVALID;
        pending |= state_of(lr[i]) & LR_PENDING;
    }
    groups = (icv->on[0] ? HCR_VGRP0EIE : HCR_VGRP0EIE << 1) |
             (icv->on[1] ? HCR_VGRP0EIE << 2 : HCR_VGRP0EIE << 3);
    return (u32)(eisr(g, cpu) != 0) | (valid <= 1 ? hcr & HCR_UIE : 0) |
           (hcr >> HCR_EOICOUNT ? hcr & HCR_LRENPIE : 0) | (pending ? 0 : hcr & HCR_NPIE) |
           (hcr & groups);
}

static bool is_list_register(unsigned number)
{
    return number - ICH_LR0 < GICV3_LIST_REGISTERS;
}

int gicv3_ich_read(struct gicv3 *g, unsigned cpu, unsigned number, u64 *out)
{
    if (is_list_register(number)) {
        *out = list_of(g, cpu)[number - ICH_LR0];
        return 0;
    }
    switch (number) {
    case ICH_AP0R0: *out = g->s.icv[cpu].active[0]; break;
    case ICH_AP1R0: *out = g->s.icv[cpu].active[1]; break;
    case ICC_SRE_EL2: *out = SRE_EL2_ALL; break;
    case ICH_HCR: *out = g->s.ich_hcr[cpu]; break;
    case ICH_VTR: *out = VTR; break;
    case ICH_MISR: *out = misr(g, cpu); break;
    case ICH_EISR: *out = eisr(g, cpu); break;
    case ICH_ELRSR: *out = elrsr(g, cpu); break;
    case ICH_VMCR: *out = vmcr_get(&g->s.icv[cpu]); break;
    default: return -ENOENT;
    }
    return 0;
}

int gicv3_ich_write(struct gicv3 *g, unsigned cpu, unsigned number, u64 v)
{
    if (is_list_register(number)) {
        list_of(g, cpu)[number - ICH_LR0] = v & LR_MASK;
        return 0;
    }
    switch (number) {
    case ICH_AP0R0: g->s.icv[cpu].active[0] = (u32)v; break;
    case ICH_AP1R0: g->s.icv[cpu].active[1] = (u32)v; break;
    case ICC_SRE_EL2: break;
    case ICH_HCR:
        g->s.ich_hcr[cpu] = (u32)v & (HCR_MASK | (u32)bits_mask(HCR_EOICOUNT_BITS) << HCR_EOICOUNT);
        break;
    case ICH_VMCR: vmcr_set(&g->s.icv[cpu], v); break;
    default: return -ENOENT;
    }
    return 0;
}

void gicv3_virt_update(struct gicv3 *g, unsigned cpu)
{
    struct gic_first f;
    bool on = g->s.ich_hcr[cpu] & HCR_EN && first_of(g, cpu, &f) != NO_LR &&
              gic_cpu_takes(&g->s.icv[cpu], &f);
    bool call = g->s.ich_hcr[cpu] & HCR_EN && misr(g, cpu);

    dev_cpu_irq(&g->dev, cpu, GICV3_LINE_VIRQ, on && f.group == 1);
    dev_cpu_irq(&g->dev, cpu, GICV3_LINE_VFIQ, on && f.group == 0);
    if ((g->s.local[cpu].level >> GICV3_PPI_MAINTENANCE & 1) != call)
        gic_bank_input(&g->s.local[cpu], GICV3_PPI_MAINTENANCE, call);
}
