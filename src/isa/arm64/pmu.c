/*
 * pmu.c - see pmu.h.
 *
 * Counters are brought up to date when one is looked at, when others begin to count, and when an
 * overflow is due. Those of cycles overflow on time; for those of instructions it is looked at
 * intervals that they cannot overflow in by much.
 */
#include "isa/arm64/pmu.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/model.h"
#include "isa/arm64/sysreg.h"

enum { CYCLES = 31, SELECT_MASK = 31 };
#define CYCLES_BIT (1ull << CYCLES)

/* PMCR_EL0 (D24.5.7). In AArch64 alone LC is always set, so that D does nothing. */
#define PMCR_E       (1ull << 0)
#define PMCR_P       (1ull << 1)
#define PMCR_C       (1ull << 2)
#define PMCR_DP      (1ull << 5)
#define PMCR_LC      (1ull << 6)
#define PMCR_MASK    (PMCR_E | 1ull << 3 | 1ull << 4 | PMCR_DP)
enum { PMCR_N = 11 };

/* PMEVTYPER<n>_EL0 and PMCCFILTR_EL0 (D24.5.4) */
#define TYPER_NSH     (1ull << 27)
#define TYPER_U       (1ull << 30)
#define TYPER_P       (1ull << 31)
#define TYPER_FILTERS (TYPER_P | TYPER_U)

enum event {
    EVENT_SW_INCR = 0x00,
    EVENT_INST_RETIRED = 0x08,
    EVENT_CPU_CYCLES = 0x11,
    EVENT_CHAIN = 0x1e,
    EVENT_STALL_FRONTEND = 0x23,
    EVENT_STALL_BACKEND = 0x24,
};
#define PMCEID0 (1u << EVENT_SW_INCR | 1u << EVENT_INST_RETIRED | 1u << EVENT_CPU_CYCLES | 1u << EVENT_CHAIN)
#define PMCEID1 (1u << (EVENT_STALL_FRONTEND - 32) | 1u << (EVENT_STALL_BACKEND - 32))

/* --- which counters there are, and which count --- */

/* Those of the lower levels, where EL2 keeps some for itself: MDCR_EL2.HPMN. */
static unsigned lower_counters(const struct arm_state *s)
{
    unsigned n = s->has_el2 ? (unsigned)(s->mdcr_el2 & MDCR_HPMN) : (unsigned)ARM_PMU_COUNTERS;

    return n < ARM_PMU_COUNTERS ? n : (unsigned)ARM_PMU_COUNTERS;
}

/* Those that the present level may have. */
static unsigned own_counters(const struct arm_state *s)
{
    return s->el == 2 ? (unsigned)ARM_PMU_COUNTERS : lower_counters(s);
}

static u64 own_mask(const struct arm_state *s)
{
    return CYCLES_BIT | bits_mask(own_counters(s));
}

static bool is_v3p1(struct vcpu *c)
{
    return arm_model_pmu(c) >= ARM_PMU_V3P1;
}

static unsigned event_of(struct vcpu *c, unsigned n)
{
    return (unsigned)bits_get(arm_state(c)->pmevtyper[n], 0, is_v3p1(c) ? 16 : 10);
}

/* By the filter's bits, at this level (D13.6). */
static bool passes(const struct arm_state *s, u64 filter)
{
    switch (s->el) {
    case 0: return !(filter & TYPER_U);
    case 1: return !(filter & TYPER_P);
    default: return (filter & TYPER_NSH) != 0;
    }
}

/* The counters that PMCR_EL0.E, or MDCR_EL2.HPME, enables as a whole. */
static u64 switched_on(const struct arm_state *s)
{
    u64 lower = CYCLES_BIT | bits_mask(lower_counters(s));
    u64 on = s->pmcr & PMCR_E ? lower : 0;

    return s->has_el2 && s->mdcr_el2 & MDCR_HPME ? on | (bits_mask(ARM_PMU_COUNTERS) & ~lower) : on;
}

static u64 counting_now(const struct arm_state *s)
{
    u64 on = s->pmcnten & switched_on(s);

    /* EL2 may keep what it does to itself (HPMD). */
    if (s->el == 2 && s->mdcr_el2 & MDCR_HPMD)
        on &= ~(bits_mask(lower_counters(s)) | (s->pmcr & PMCR_DP ? CYCLES_BIT : 0));
    for (unsigned n = 0; n < ARM_PMU_COUNTERS; n++)
        if (!passes(s, s->pmevtyper[n]))
            on &= ~(1ull << n);
    return passes(s, s->pmccfiltr) ? on : on & ~CYCLES_BIT;
}

/* --- counting --- */

/* A counter that overflows may count in the next one (CHAIN). */
static void count_events(struct vcpu *c, unsigned n, u64 events)
{
    struct arm_state *s = arm_state(c);

    for (; events && n < ARM_PMU_COUNTERS; n++) {
        u64 sum = s->pmevcntr[n] + events;

        s->pmevcntr[n] = (u32)sum;
        events = sum >> 32;
        if (!events)
            return;
        s->pmovs |= 1ull << n;
        if (n & 1 || !(s->pm_counting >> (n + 1) & 1) || event_of(c, n + 1) != EVENT_CHAIN)
            return;
    }
}

static void count_cycles(struct arm_state *s, u64 cycles)
{
    s->pmccntr += cycles;
    if (s->pmccntr < cycles)
        s->pmovs |= CYCLES_BIT;
}

/* The overflow interrupt (D13.4). */
static void drive(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    bool level = (s->pmovs & s->pminten & switched_on(s)) != 0;

    if (level == s->pmu_line)
        return;
    s->pmu_line = level;
    if (c->env->sysreg_write(c, ARM_SPACE_PPI, ARM_PPI_PMU, level))
        return; /* a board without such interrupts */
}

void arm_pmu_sync(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    u64 cycles, insns;

    if (!s->pm_counting)
        return;
    cycles = c->env->clock(c) - s->pm_time;
    insns = c->env->insn_count(c) - s->pm_insns;
    s->pm_time += cycles;
    s->pm_insns += insns;
    if (s->pm_counting & CYCLES_BIT)
        count_cycles(s, cycles);
    for (unsigned n = 0; n < ARM_PMU_COUNTERS; n++) {
        if (!(s->pm_counting >> n & 1))
            continue;
        switch (event_of(c, n)) {
        case EVENT_CPU_CYCLES: count_events(c, n, cycles); break;
        case EVENT_INST_RETIRED: count_events(c, n, insns); break;
        default: break;
        }
    }
    drive(c);
}

void arm_pmu_loaded(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);

    if (s->pm_counting)
        s->pm_insns = c->env->insn_count(c);
}

/* Others count from now on, as of this moment. */
static void recount(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    u64 now = counting_now(s);

    if (now == s->pm_counting)
        return;
    arm_pmu_sync(c);
    if (!s->pm_counting) {
        s->pm_time = c->env->clock(c);
        s->pm_insns = c->env->insn_count(c);
    }
    s->pm_counting = now;
    arm_timer_update(c);
}

void arm_pmu_mode_changed(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);

    if (s->pmcnten || s->pm_counting)
        recount(c);
}

/* Does somebody want to know when the counter overflows? */
static bool is_awaited(struct vcpu *c, unsigned n)
{
    const struct arm_state *s = arm_state(c);

    if (!(s->pm_counting >> n & 1))
        return false;
    if (s->pminten >> n & 1)
        return true;
    return !(n & 1) && n + 1 < ARM_PMU_COUNTERS && s->pminten >> (n + 1) & 1 &&
           event_of(c, n + 1) == EVENT_CHAIN;
}

ns_t arm_pmu_due(struct vcpu *c, ns_t now)
{
    /* No host retires more; and what is soon is looked at so much later. */
    enum { INSNS_PER_NS = 8, LATE = 10000 };
    const struct arm_state *s = arm_state(c);
    ns_t due = UINT64_MAX;

    if (!s->pm_counting || !s->pminten)
        return due;
    if (s->pm_counting & s->pminten & CYCLES_BIT && UINT64_MAX - s->pmccntr < due - now)
        due = now + (UINT64_MAX - s->pmccntr) + 1;
    for (unsigned n = 0; n < ARM_PMU_COUNTERS; n++) {
        u64 left = (1ull << 32) - s->pmevcntr[n];

        if (!is_awaited(c, n))
            continue;
        switch (event_of(c, n)) {
        case EVENT_CPU_CYCLES: break;
        case EVENT_INST_RETIRED: left = left / INSNS_PER_NS + LATE; break;
        default: continue;
        }
        if (left < due - now)
            due = now + left;
    }
    return due;
}

/* --- registers --- */

/* Each by CRm and op2; of those of CRn 14, the counter's number. */
#define PM(crm, op2)  ((crm) << 3 | (op2))
#define COUNTER(n)    ((n)&31)

static u64 pmcr(const struct arm_state *s)
{
    return s->pmcr | PMCR_LC | (u64)own_counters(s) << PMCR_N;
}

static void set_pmcr(struct vcpu *c, u64 v)
{
    struct arm_state *s = arm_state(c);

    if (v & PMCR_C)
        s->pmccntr = 0;
    for (unsigned n = 0; v & PMCR_P && n < own_counters(s); n++)
        s->pmevcntr[n] = 0;
    s->pmcr = v & PMCR_MASK;
}

/* PMSWINC_EL0: of those that count so here. */
static void software_events(struct vcpu *c, u64 which)
{
    const struct arm_state *s = arm_state(c);

    for (unsigned n = 0; n < ARM_PMU_COUNTERS; n++)
        if (which & own_mask(s) & s->pm_counting & 1ull << n && event_of(c, n) == EVENT_SW_INCR)
            count_events(c, n, 1);
}

/* What PMEVTYPER<n>_EL0, or PMXEVTYPER_EL0, is of; NULL: of nothing that the level may have. */
static u64 *type_of(struct arm_state *s, unsigned n)
{
    if (n == CYCLES)
        return &s->pmccfiltr;
    return n < own_counters(s) ? &s->pmevtyper[n] : NULL;
}

static u64 type_mask(struct vcpu *c, unsigned n)
{
    return TYPER_FILTERS | (arm_state(c)->has_el2 ? TYPER_NSH : 0) |
           (n == CYCLES ? 0 : bits_mask(is_v3p1(c) ? 16 : 10));
}

static u64 event_get(const struct arm_state *s, unsigned n)
{
    return n < own_counters(s) ? s->pmevcntr[n] : 0;
}

static void event_set(struct arm_state *s, unsigned n, u64 v)
{
    if (n < own_counters(s))
        s->pmevcntr[n] = (u32)v;
}

static u64 get_type(struct arm_state *s, unsigned n)
{
    const u64 *type = type_of(s, n);

    return type ? *type : 0;
}

static void set_type(struct vcpu *c, unsigned n, u64 v)
{
    u64 *type = type_of(arm_state(c), n);

    if (type)
        *type = v & type_mask(c, n);
}

u64 arm_pmu_get(struct vcpu *c, unsigned number)
{
    struct arm_state *s = arm_state(c);
    unsigned selected = (unsigned)s->pmselr;

    arm_pmu_sync(c);
    if ((number >> 7 & 15) == 14)
        return (number >> 5 & 3) == 3 ? get_type(s, COUNTER(number))
                                      : event_get(s, COUNTER(number));
    switch (number & 127) {
    case PM(12, 0): return pmcr(s);
    case PM(12, 1):
    case PM(12, 2): return s->pmcnten & own_mask(s);
    case PM(12, 3):
    case PM(14, 3): return s->pmovs & own_mask(s);
    case PM(12, 5): return s->pmselr;
    case PM(12, 6): return PMCEID0;
    case PM(12, 7): return is_v3p1(c) ? PMCEID1 : 0;
    case PM(13, 0): return s->pmccntr;
    case PM(13, 1): return get_type(s, selected);
    case PM(13, 2): return event_get(s, selected);
    case PM(14, 0): return s->pmuserenr;
    default: return s->pminten & own_mask(s); /* PMINTENSET_EL1, PMINTENCLR_EL1 */
    }
}

static void set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 bits = v & own_mask(s);

    switch (number & 127) {
    case PM(12, 0): set_pmcr(c, v); break;
    case PM(12, 1): s->pmcnten |= bits; break;
    case PM(12, 2): s->pmcnten &= ~bits; break;
    case PM(12, 3): s->pmovs &= ~bits; break;
    case PM(12, 4): software_events(c, v); break;
    case PM(12, 5): s->pmselr = v & SELECT_MASK; break;
    case PM(13, 0): s->pmccntr = v; break;
    case PM(13, 1): set_type(c, (unsigned)s->pmselr, v); break;
    case PM(13, 2): event_set(s, (unsigned)s->pmselr, v); break;
    case PM(14, 0): s->pmuserenr = v & 15; break;
    case PM(14, 1): s->pminten |= bits; break;
    case PM(14, 2): s->pminten &= ~bits; break;
    case PM(14, 3): s->pmovs |= bits; break;
    default: break;
    }
}

void arm_pmu_set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);

    arm_pmu_sync(c);
    if ((number >> 7 & 15) != 14)
        set(c, number, v);
    else if ((number >> 5 & 3) == 3)
        set_type(c, COUNTER(number), v);
    else
        event_set(s, COUNTER(number), v);
    recount(c);
    drive(c);
    arm_timer_update(c);
}
