/*
 * timer.c - the generic timers of EL1 and EL2: virtual and physical (D12).
 *
 * The physical count is guest time in ns; EL1's virtual one lags by CNTVOFF_EL2, and what EL1 and
 * EL0 take for the physical one by CNTPOFF_EL2 where CNTHCTL_EL2.ECV says so. A timer's output
 * goes to the interrupt controller by ARM_SPACE_PPI. The engine's one timer of a CPU is for the
 * performance monitors, too.
 */
#include "isa/arm64/sysreg.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/trap.h"

enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4, REG_TVAL = 0, REG_CTL = 1, REG_CVAL = 2 };

static const u8 ppis[ARM_TIMER_COUNT] = {
    [ARM_TIMER_VIRTUAL] = ARM_PPI_TIMER_VIRTUAL,
    [ARM_TIMER_PHYSICAL] = ARM_PPI_TIMER_PHYSICAL,
    [ARM_TIMER_HYP_PHYSICAL] = ARM_PPI_TIMER_HYP_PHYSICAL,
    [ARM_TIMER_HYP_VIRTUAL] = ARM_PPI_TIMER_HYP_VIRTUAL,
};

struct timer {
    u64 *ctl, *cval;
    u64 offset; /* how much its count is behind the physical one */
};

/* TimerConditionMet() and the counter agree: none where EL2 is the host of EL0. */
static u64 physical_offset(const struct arm_state *s)
{
    u64 host = HCR_E2H | HCR_TGE;

    return s->cnthctl_el2 & CNTHCTL_ECV && (s->hcr_el2 & host) != host ? s->cntpoff_el2 : 0;
}

static struct timer timer_get(struct arm_state *s, unsigned t)
{
    if (t >= ARM_TIMER_HYP_PHYSICAL)
        return (struct timer){ &s->htimer_ctl[t - ARM_TIMER_HYP_PHYSICAL],
                               &s->htimer_cval[t - ARM_TIMER_HYP_PHYSICAL], 0 };
    return (struct timer){ &s->timer_ctl[t], &s->timer_cval[t],
                           t == ARM_TIMER_VIRTUAL ? s->cntvoff_el2 : physical_offset(s) };
}

static u64 count(struct vcpu *c)
{
    return c->env->clock(c);
}

/* now: the physical count */
static bool condition(const struct timer *t, u64 now)
{
    return *t->ctl & CTL_ENABLE && now - t->offset >= *t->cval;
}

static void drive(struct vcpu *c, unsigned t, bool level)
{
    struct arm_state *s = arm_state(c);

    if ((s->timer_lines >> t & 1) == level)
        return;
    s->timer_lines ^= (u8)(1u << t);
    if (c->env->sysreg_write(c, ARM_SPACE_PPI, ppis[t], level))
        return; /* a board without such interrupts */
}

/* The physical count at which the condition is met; UINT64_MAX: not in this life. */
static u64 due(const struct timer *t, u64 now)
{
    u64 left = *t->cval - (now - t->offset);

    return left > UINT64_MAX - now ? UINT64_MAX : now + left;
}

void arm_timer_update(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    unsigned timers = s->has_el2 ? ARM_TIMER_COUNT : ARM_TIMER_HYP_PHYSICAL;
    u64 now = count(c), next;

    arm_pmu_sync(c);
    next = arm_pmu_due(c, now);
    for (unsigned i = 0; i < timers; i++) {
        struct timer t = timer_get(s, i);
        bool met = condition(&t, now);

        drive(c, i, met && !(*t.ctl & CTL_IMASK));
        if (!met && *t.ctl & CTL_ENABLE && due(&t, now) < next)
            next = due(&t, now);
    }
    if (s->wait_until > now && s->wait_until < next)
        next = s->wait_until;
    s->timer_due = next;
    c->env->timer_set(c, next);
}

/* The physical count. Whoever sees it beyond a deadline has the interrupt, too, though the host's
 * own timer may be late. */
static u64 count_seen(struct vcpu *c)
{
    u64 now = count(c);

    if (now >= arm_state(c)->timer_due)
        arm_timer_update(c);
    return now;
}

/* CNTP_* and CNTHP_*: CRm = 2; CNTV_* and CNTHV_*: CRm = 3. Those of EL2 have op1 = 4. */
static unsigned timer_of(unsigned number)
{
    bool is_virtual = number >> 3 & 1;

    if (number >> 11 & 4)
        return is_virtual ? ARM_TIMER_HYP_VIRTUAL : ARM_TIMER_HYP_PHYSICAL;
    return is_virtual ? ARM_TIMER_VIRTUAL : ARM_TIMER_PHYSICAL;
}

/* The offset by which EL2 itself, whose physical count has none, reads and writes TVAL. */
static u64 tval_offset(const struct arm_state *s, unsigned number, const struct timer *t)
{
    return s->el == 2 && timer_of(number) == ARM_TIMER_PHYSICAL ? 0 : t->offset;
}

u64 arm_timer_get(struct vcpu *c, unsigned number)
{
    struct arm_state *s = arm_state(c);
    struct timer t = timer_get(s, timer_of(number));
    u64 now = count_seen(c);

    switch (number & 7) {
    case REG_TVAL: return (u32)(*t.cval - (now - tval_offset(s, number, &t)));
    case REG_CTL: return *t.ctl | (condition(&t, now) ? CTL_ISTATUS : 0);
    default: return *t.cval;
    }
}

void arm_timer_set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    struct timer t = timer_get(s, timer_of(number));

    switch (number & 7) {
    case REG_TVAL: *t.cval = count(c) - tval_offset(s, number, &t) + (u64)bits_sext(v, 32); break;
    case REG_CTL: *t.ctl = v & (CTL_ENABLE | CTL_IMASK); break;
    default: *t.cval = v; break;
    }
    arm_timer_update(c);
}

/* CNTPCT_EL0, CNTVCT_EL0, and CNTPCTSS_EL0 and CNTVCTSS_EL0, which all are read in order here. */
u64 arm_count_get(struct vcpu *c, unsigned number)
{
    const struct arm_state *s = arm_state(c);
    bool is_virtual = number == ARM_CNTVCT || number == ARM_CNTVCTSS;
    u64 now = count_seen(c);

    if (is_virtual)
        return now - (s->has_el2 && !arm_in_host(s) ? s->cntvoff_el2 : 0);
    return now - (s->el < 2 ? physical_offset(s) : 0);
}

/* --- waiting with a time-out (FEAT_WFxT) --- */

/* ISS of what traps: the register, which is valid, and which instruction (D24.2.45). */
static u64 wait_iss(u64 raw, bool event)
{
    enum { RV = 1 << 2, WFXT = 1 << 1 };

    return (event ? 0u + ARM_ISS_WFE : 0) | WFXT | RV | bits_get(raw, 0, 5) << 5;
}

u64 arm_do_wfit(struct vcpu *c, u64 raw, u64 until, u64 d)
{
    struct arm_state *s = arm_state(c);
    u64 now = count(c), virt = arm_count_get(c, ARM_CNTVCT), left = until - virt;

    s->wait_until = 0;
    if (until <= virt || arm_trap_wakes(c) || !arm_trap_may_wait(c, wait_iss(raw, false)))
        return 0;
    s->wait_until = left > UINT64_MAX - now ? UINT64_MAX : now + left;
    c->waiting = true;
    arm_timer_update(c);
    return 0;
}

/* Its event register may be set at any time, as WFE's. */
u64 arm_do_wfet(struct vcpu *c, u64 raw, u64 until, u64 d)
{
    if (until > arm_count_get(c, ARM_CNTVCT) && arm_trap_may_wait(c, wait_iss(raw, true)))
        c->env->relax(c, ISA_RELAX_STALL);
    return 0;
}
