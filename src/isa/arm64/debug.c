/*
 * debug.c - self-hosted debug: breakpoints, watchpoints, software step (D2).
 *
 * Pages with a breakpoint or watchpoint are not held in the TLB, so that each access to them is
 * translated, and seen here. A stepped instruction is fetched through a bank of its own, which
 * holds nothing either: by the count of instructions it is known whether it has been executed.
 * Breakpoints are by address, not linked to a context.
 */
#include "isa/arm64/debug.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"

#define MDSCR_SS   (1ull << 0)
#define MDSCR_KDE  (1ull << 13)
#define MDSCR_MDE  (1ull << 15)
#define MDSCR_MASK 0x7c0af041ull
/* all but what selects features that are not there */
#define BCR_MASK 0x00ffe1e7ull
#define WCR_MASK 0x1fffffffull
enum {
    POINT_ENABLE = 1,
    POINT_PRIVILEGE = 1,
    POINT_HMC = 13,
    POINT_SSC = 14,
    WCR_LSC = 3,
    WCR_BAS = 5,
    WCR_MASK_AT = 24
};
enum { FSC_DEBUG = 0x22, POINTS = 2 };
#define ISS_ISV (1ull << 24)

unsigned arm_debug_target(const struct arm_state *s)
{
    return s->has_el2 && (s->mdcr_el2 & MDCR_TDE || arm_hcr(s) & HCR_TGE) ? 2 : 1;
}

/* AArch64.GenerateDebugExceptions() */
bool arm_debug_enabled(const struct arm_state *s)
{
    unsigned target = arm_debug_target(s);

    if (s->oslock || s->el > target)
        return false;
    return s->el < target || (s->mdscr_el1 & MDSCR_KDE && !(s->daif & ARM_DAIF_D));
}

static bool has_points(const struct arm_state *s)
{
    return s->mdscr_el1 & MDSCR_MDE && !s->oslock;
}

void arm_debug_update(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);

    s->steps = s->mdscr_el1 & MDSCR_SS && arm_debug_enabled(s);
    s->has_points = has_points(s);
}

/* --- software step (D2.12) --- */

/* Not 0. Of the instruction that runs or is fetched. */
static u64 instruction(struct vcpu *c)
{
    return c->env->insn_count(c) + 1;
}

bool arm_debug_step(struct vcpu *c, struct isa_fault *fault)
{
    struct arm_state *s = arm_state(c);
    u64 now = instruction(c);

    if (s->ss && !s->step_from)
        s->step_from = now;
    if (s->ss && s->step_from == now)
        return false;
    s->ss = 0;
    *fault = (struct isa_fault){ .pending = true,
                                 .cause = ARM_EC_STEP,
                                 .value2 = FSC_DEBUG | (s->step_from ? ISS_ISV : 0) };
    return true;
}

u64 arm_debug_enter(struct vcpu *c, bool done)
{
    struct arm_state *s = arm_state(c);
    bool kept = s->ss && !done && (!s->step_from || s->step_from == instruction(c));

    s->ss = 0;
    s->step_from = 0;
    return (u64)kept << SPSR_SS;
}

/* DebugExceptionReturnSS() */
void arm_debug_return(struct vcpu *c, u64 spsr, bool from)
{
    struct arm_state *s = arm_state(c);

    s->ss = s->mdscr_el1 & MDSCR_SS && !from && arm_debug_enabled(s) && spsr >> SPSR_SS & 1;
    s->step_from = 0;
}

/* --- breakpoints and watchpoints (D2.8, D2.10) --- */

/* By the level whose access it is; at EL2 by HMC and SSC (Table D2-9). */
static bool is_on(u64 control, unsigned el)
{
    unsigned ssc = (unsigned)bits_get(control, POINT_SSC, 2);
    unsigned privilege = (unsigned)bits_get(control, POINT_PRIVILEGE, 2);
    bool hmc = control >> POINT_HMC & 1;

    if (!(control & POINT_ENABLE))
        return false;
    if (el == 2)
        return ssc == 3 || (hmc && !(ssc == 2 && privilege == 0));
    return privilege >> (el == 0) & 1;
}

static bool same_page(gva_t a, gva_t b)
{
    return (a ^ b) >> 12 == 0;
}

static bool breakpoint_hit(const struct arm_state *s, gva_t va, struct isa_xlate *x,
                           struct isa_fault *fault)
{
    bool hit = false;

    for (unsigned i = 0; i < POINTS; i++) {
        if (!(s->dbgbcr[i] & POINT_ENABLE) || !same_page(s->dbgbvr[i], va))
            continue;
        x->no_tlb = true;
        hit |= s->dbgbvr[i] == va && is_on(s->dbgbcr[i], s->el) && arm_debug_enabled(s);
    }
    if (hit)
        *fault =
            (struct isa_fault){ .pending = true, .cause = ARM_EC_BREAKPOINT, .value2 = FSC_DEBUG };
    return hit;
}

/* The bytes that are watched: chosen ones of eight, or an aligned range. False: none. */
static bool watched(u64 value, u64 control, gva_t *first, gva_t *last)
{
    unsigned mask = (unsigned)bits_get(control, WCR_MASK_AT, 5);
    unsigned bas = (unsigned)bits_get(control, WCR_BAS, 8);

    if (mask) {
        *first = value & ~bits_mask(mask);
        *last = *first | bits_mask(mask);
        return true;
    }
    if (value & 4)
        bas &= 15;
    if (!bas)
        return false;
    *first = value + (unsigned)__builtin_ctz(bas);
    *last = value + 31 - (unsigned)__builtin_clz(bas);
    return true;
}

static bool watchpoint_hit(const struct arm_state *s, gva_t va, unsigned size, bool write, bool el0,
                           struct isa_xlate *x, struct isa_fault *fault)
{
    gva_t at = arm_mmu_untagged(s, va), first, last;
    bool hit = false;

    for (unsigned i = 0; i < POINTS; i++) {
        u64 control = s->dbgwcr[i];

        if (!(control & POINT_ENABLE) || !watched(s->dbgwvr[i], control, &first, &last) ||
            at >> 12 < first >> 12 || at >> 12 > last >> 12)
            continue;
        x->no_tlb = true;
        if (hit || at > last || at + (size - 1) < first || !is_on(control, el0 ? 0 : s->el) ||
            !(control >> WCR_LSC >> write & 1) || !arm_debug_enabled(s))
            continue;
        hit = true;
        *fault = (struct isa_fault){ .pending = true,
                                     .cause = ARM_EC_WATCHPOINT,
                                     .value = at < first ? va + (first - at) : va,
                                     .value2 = FSC_DEBUG | (write ? 0u + ARM_ISS_WNR : 0) };
    }
    return hit;
}

bool arm_debug_hit(struct vcpu *c, gva_t va, unsigned size, enum isa_access access, bool el0,
                   struct isa_xlate *x, struct isa_fault *fault)
{
    const struct arm_state *s = arm_state(c);

    if (access == ISA_FETCH)
        return breakpoint_hit(s, va, x, fault);
    return watchpoint_hit(s, va, size, access == ISA_WRITE, el0, x, fault);
}

/* --- registers --- */

/* What the TLB holds was right without, or with, other points. */
static void changed(struct vcpu *c, bool had)
{
    if (had || has_points(arm_state(c)))
        arm_mmu_flush(c);
    arm_mode_changed(c);
}

void arm_debug_set_mdscr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    bool had = has_points(s);

    s->mdscr_el1 = v & MDSCR_MASK;
    changed(c, had);
}

void arm_debug_set_oslar(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    bool had = has_points(s);

    s->oslock = v & 1;
    changed(c, had);
}

/* op2: 4 BVR, 5 BCR, 6 WVR, 7 WCR; CRm is the number. */
void arm_debug_set_point(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    unsigned n = number >> 3 & (POINTS - 1);

    switch (number & 7) {
    case 4: s->dbgbvr[n] = v & ~3ull; break;
    case 5: s->dbgbcr[n] = v & BCR_MASK; break;
    case 6: s->dbgwvr[n] = v & ~3ull; break;
    default: s->dbgwcr[n] = v & WCR_MASK; break;
    }
    changed(c, has_points(s));
}
