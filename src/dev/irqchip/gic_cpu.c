/*
 * gic_cpu.c - a GIC's CPU interface: priority mask, preemption, running priority
 * (IHI 0069, "Interrupt prioritization").
 *
 * A bit of `active` is a group priority in use: bit p stands for priority 8p.
 */
#include "dev/irqchip/gic.h"

enum { PRIORITY_SHIFT = 3 };

void gic_cpu_reset(struct gic_cpu_state *c)
{
    c->bpr[0] = GIC_BPR0_MIN;
    c->bpr[1] = GIC_BPR1_MIN;
}

bool gic_cpu_is_sound(const struct gic_cpu_state *c)
{
    return c->bpr[0] >= GIC_BPR0_MIN && c->bpr[0] <= 7 && c->bpr[1] >= GIC_BPR1_MIN &&
           c->bpr[1] <= 7;
}

/* The bits of a priority that decide on preemption. Group 1's binary point counts from one
 * more: 1 leaves what 0 leaves for group 0 (tables "Priority grouping"). */
static u32 group_priority(const struct gic_cpu_state *c, u32 priority, unsigned group)
{
    unsigned bpr = group && !(c->ctlr & GIC_CPU_CBPR) ? c->bpr[1] - 1u : c->bpr[0];

    return priority & ~0u << (bpr + 1);
}

static unsigned highest(u32 active)
{
    return active ? (unsigned)__builtin_ctz(active) << PRIORITY_SHIFT : GIC_IDLE;
}

unsigned gic_cpu_running(const struct gic_cpu_state *c)
{
    return highest(c->active[0] | c->active[1]);
}

u32 gic_cpu_rpr(const struct gic_cpu_state *c)
{
    unsigned priority = gic_cpu_running(c);

    return priority == GIC_IDLE ? 0xff : priority;
}

/* The running priority is a group priority already, of the binary point when it became active. */
bool gic_cpu_takes(const struct gic_cpu_state *c, const struct gic_first *f)
{
    unsigned running = gic_cpu_running(c);

    return f->intid != GIC_SPURIOUS && f->priority < c->pmr && c->on[f->group] &&
           (running == GIC_IDLE ||
            group_priority(c, f->priority, f->group) < group_priority(c, running, f->group));
}

void gic_cpu_activate(struct gic_cpu_state *c, const struct gic_first *f)
{
    c->active[f->group] |= 1u << (group_priority(c, f->priority, f->group) >> PRIORITY_SHIFT);
}

bool gic_cpu_drop(struct gic_cpu_state *c, unsigned group)
{
    unsigned own = highest(c->active[group]), other = highest(c->active[!group]);

    if (own == GIC_IDLE || own > other || (own == other && group))
        return false;
    c->active[group] &= c->active[group] - 1;
    return true;
}

/* With a common binary point group 1's shows group 0's, one more, and cannot be written. */
u32 gic_cpu_bpr_get(const struct gic_cpu_state *c, unsigned group)
{
    if (group && c->ctlr & GIC_CPU_CBPR)
        return c->bpr[0] < 7 ? c->bpr[0] + 1u : 7;
    return c->bpr[group];
}

void gic_cpu_bpr_set(struct gic_cpu_state *c, unsigned group, u64 v)
{
    u8 min = group ? GIC_BPR1_MIN : GIC_BPR0_MIN, bpr = v & 7;

    if (!(group && c->ctlr & GIC_CPU_CBPR))
        c->bpr[group] = bpr < min ? min : bpr;
}

#define STATE_ROW_T struct gic_cpu_state
STATE_LIST(gic_cpu, GIC_CPU_STATE, 1);
#undef STATE_ROW_T
