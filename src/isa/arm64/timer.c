/*
 * timer.c - the generic timers of EL1: virtual and physical (D12).
 *
 * The count is guest time in ns; both counts are one, as nothing is above EL1. A timer's output
 * goes to the interrupt controller by ARM_SPACE_PPI.
 */
#include "isa/arm64/sysreg.h"

#include "base/bits.h"

enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4, REG_TVAL = 0, REG_CTL = 1, REG_CVAL = 2 };

static const u8 ppis[ARM_TIMER_COUNT] = {
    [ARM_TIMER_VIRTUAL] = ARM_PPI_TIMER_VIRTUAL, [ARM_TIMER_PHYSICAL] = ARM_PPI_TIMER_PHYSICAL
};

static u64 count(struct vcpu *c)
{
    return c->env->clock(c);
}

static bool condition(const struct arm_state *s, unsigned t, u64 now)
{
    return s->timer_ctl[t] & CTL_ENABLE && now >= s->timer_cval[t];
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

void arm_timer_update(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    u64 now = count(c), next = UINT64_MAX;

    for (unsigned t = 0; t < ARM_TIMER_COUNT; t++) {
        bool met = condition(s, t, now);

        drive(c, t, met && !(s->timer_ctl[t] & CTL_IMASK));
        if (!met && s->timer_ctl[t] & CTL_ENABLE && s->timer_cval[t] < next)
            next = s->timer_cval[t];
    }
    c->env->timer_set(c, next);
}

/* CNTP_*: CRm = 2; CNTV_*: CRm = 3. */
static unsigned timer_of(unsigned number)
{
    return number >> 3 & 1 ? ARM_TIMER_VIRTUAL : ARM_TIMER_PHYSICAL;
}

u64 arm_timer_get(struct vcpu *c, unsigned number)
{
    const struct arm_state *s = arm_state(c);
    unsigned t = timer_of(number);

    switch (number & 7) {
    case REG_TVAL: return (u32)(s->timer_cval[t] - count(c));
    case REG_CTL: return s->timer_ctl[t] | (condition(s, t, count(c)) ? CTL_ISTATUS : 0);
    default: return s->timer_cval[t];
    }
}

void arm_timer_set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    unsigned t = timer_of(number);

    switch (number & 7) {
    case REG_TVAL: s->timer_cval[t] = count(c) + (u64)bits_sext(v, 32); break;
    case REG_CTL: s->timer_ctl[t] = v & (CTL_ENABLE | CTL_IMASK); break;
    default: s->timer_cval[t] = v; break;
    }
    arm_timer_update(c);
}

u64 arm_count_get(struct vcpu *c, unsigned number)
{
    return count(c);
}
