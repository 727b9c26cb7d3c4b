/*
 * sysreg.c - the table of system registers, and MRS and MSR.
 *
 * A plain register is a member of the state with a mask of writable bits. The others have a
 * reader and a writer. What is not in the table is asked of the interrupt controller, and else
 * is UNDEFINED.
 */
#include "isa/arm64/sysreg.h"

#include "base/bits.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/trap.h"

#define ALL (~0ull)

static u64 *member(struct vcpu *c, u32 offset)
{
    return (u64 *)((char *)vcpu_state(c) + offset);
}

/* --- PSTATE and stack pointers --- */

static u64 get_current_el(struct vcpu *c, unsigned number)
{
    return (u64)arm_state(c)->el << SPSR_EL;
}

static u64 get_spsel(struct vcpu *c, unsigned number)
{
    return arm_state(c)->spsel;
}

static void set_spsel(struct vcpu *c, unsigned number, u64 v)
{
    arm_stack_select(arm_state(c), arm_state(c)->el, v & 1);
}

static u64 get_daif(struct vcpu *c, unsigned number)
{
    return (u64)arm_state(c)->daif << SPSR_DAIF;
}

static void set_daif(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->daif = v >> SPSR_DAIF & ARM_DAIF_ALL;
    arm_mode_changed(c);
}

static u64 get_pan(struct vcpu *c, unsigned number)
{
    return (u64)arm_state(c)->pan << SPSR_PAN;
}

static void set_pan(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->pan = v >> SPSR_PAN & 1;
    arm_mode_changed(c);
}

static u64 get_uao(struct vcpu *c, unsigned number)
{
    return (u64)arm_state(c)->uao << SPSR_UAO;
}

static void set_uao(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->uao = v >> SPSR_UAO & 1;
    arm_mode_changed(c);
}

/* --- translation --- */

static void set_sctlr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 old = s->sctlr_el1;

    s->sctlr_el1 = (v & arm_model(c)->sctlr) | SCTLR_RES1;
    if (!(arm_model(c)->sctlr & SCTLR_SPAN))
        s->sctlr_el1 |= SCTLR_SPAN;
    if ((old ^ s->sctlr_el1) & (SCTLR_M | SCTLR_A | SCTLR_WXN))
        arm_mmu_flush(c);
    arm_mode_changed(c);
}

static void set_cpacr(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->cpacr_el1 = v & (CPACR_FPEN1 | CPACR_FPEN0);
    arm_mode_changed(c);
}

static void set_ttbr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 *ttbr = number & 1 ? &s->ttbr1_el1 : &s->ttbr0_el1;

    if (*ttbr == v)
        return;
    *ttbr = v;
    arm_mmu_ttbr_changed(c);
}

static void set_tcr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);

    v &= arm_model(c)->tcr;
    if (s->tcr_el1 == v) /* as hypervisors write it back */
        return;
    s->tcr_el1 = v;
    arm_mmu_flush(c);
    arm_mode_changed(c);
}

/* --- interrupts, timers, debug --- */

/* No event stream is needed: a WFE ends by itself. */
static void set_cntkctl(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->cntkctl_el1 = v & (0x3ff | (arm_model(c)->has_ecv ? CNTKCTL_EVNTIS : 0));
}

static u64 get_isr(struct vcpu *c, unsigned number)
{
    return arm_trap_pending(c);
}

/* OSLM says that there is a lock. */
static u64 get_oslsr(struct vcpu *c, unsigned number)
{
    return 8 | arm_state(c)->oslock << 1;
}

u64 arm_sysreg_zero(struct vcpu *c, unsigned number)
{
    return 0;
}

void arm_sysreg_ignore(struct vcpu *c, unsigned number, u64 v)
{
}

/* --- the table --- */

#define MEMBER(m)                    .offset = offsetof(struct arm_state, m)
#define PLAIN(n, m, writable)        { #m, n, ARM_RW1, MEMBER(m), .mask = writable }
#define NAMED(n, name, m, writable)  { name, n, ARM_RW1, MEMBER(m), .mask = writable }
#define KEY(n, name, key)                                                                          \
    NAMED(n, name "keylo_el1", pauth_key[2 * (key)], ALL),                                         \
        NAMED((n) + 1, name "keyhi_el1", pauth_key[2 * (key) + 1], ALL)
#define CODE(n, name, g, s)          { name, n, ARM_RW1, .get = g, .set = s }
#define RO(n, name, g)               { name, n, ARM_R1, .get = g }
#define ID(n, name)                  RO(n, name, arm_id_get)
#define TIMER(n, name, bit)                                                                        \
    { name, n, ARM_RW, .get = arm_timer_get, .set = arm_timer_set, .cntkctl = bit }

#define POINT(n, name, m)            { name, n, ARM_RW1, MEMBER(m), .set = arm_debug_set_point }

#define PM_REG(n, name, how, r, w)                                                                 \
    { name, n, how, .get = arm_pmu_get, .set = arm_pmu_set, .pm_read = ARM_PMUSER_EN | (r),          \
      .pm_write = ARM_PMUSER_EN | (w) }
#define PM(n, name)        PM_REG(n, name, ARM_RW, 0, 0)
#define PM_EVENT(i)                                                                                \
    PM_REG(ARM_SYS(3, 3, 14, 8, i), "pmevcntr" #i "_el0", ARM_RW, ARM_PMUSER_ER, 0)
#define PM_TYPE(i)         PM(ARM_SYS(3, 3, 14, 12, i), "pmevtyper" #i "_el0")

const struct arm_sysreg arm_sysregs[] = {
    POINT(ARM_SYS(2, 0, 0, 0, 4), "dbgbvr0_el1", dbgbvr[0]),
    POINT(ARM_SYS(2, 0, 0, 0, 5), "dbgbcr0_el1", dbgbcr[0]),
    POINT(ARM_SYS(2, 0, 0, 0, 6), "dbgwvr0_el1", dbgwvr[0]),
    POINT(ARM_SYS(2, 0, 0, 0, 7), "dbgwcr0_el1", dbgwcr[0]),
    POINT(ARM_SYS(2, 0, 0, 1, 4), "dbgbvr1_el1", dbgbvr[1]),
    POINT(ARM_SYS(2, 0, 0, 1, 5), "dbgbcr1_el1", dbgbcr[1]),
    POINT(ARM_SYS(2, 0, 0, 1, 6), "dbgwvr1_el1", dbgwvr[1]),
    POINT(ARM_SYS(2, 0, 0, 1, 7), "dbgwcr1_el1", dbgwcr[1]),
    PLAIN(ARM_SYS(2, 0, 0, 2, 0), mdccint_el1, 3ull << 29),
    { "mdscr_el1", ARM_SYS(2, 0, 0, 2, 2), ARM_RW1, MEMBER(mdscr_el1), .set = arm_debug_set_mdscr },
    RO(ARM_SYS(2, 0, 1, 0, 0), "mdrar_el1", arm_sysreg_zero),
    { "oslar_el1", ARM_SYS(2, 0, 1, 0, 4), ARM_W1, .set = arm_debug_set_oslar },
    RO(ARM_SYS(2, 0, 1, 1, 4), "oslsr_el1", get_oslsr),
    PLAIN(ARM_SYS(2, 0, 1, 3, 4), osdlr_el1, 1),
    RO(ARM_SYS(2, 0, 7, 14, 6), "dbgauthstatus_el1", arm_sysreg_zero),
    ID(ARM_SYS(3, 0, 0, 0, 0), "midr_el1"),
    ID(ARM_SYS(3, 0, 0, 0, 5), "mpidr_el1"),
    ID(ARM_SYS(3, 0, 0, 0, 6), "revidr_el1"),
    ID(ARM_SYS(3, 0, 0, 4, 0), "id_aa64pfr0_el1"),
    ID(ARM_SYS(3, 0, 0, 4, 1), "id_aa64pfr1_el1"),
    ID(ARM_SYS(3, 0, 0, 5, 0), "id_aa64dfr0_el1"),
    ID(ARM_SYS(3, 0, 0, 5, 1), "id_aa64dfr1_el1"),
    ID(ARM_SYS(3, 0, 0, 5, 4), "id_aa64afr0_el1"),
    ID(ARM_SYS(3, 0, 0, 5, 5), "id_aa64afr1_el1"),
    ID(ARM_SYS(3, 0, 0, 6, 0), "id_aa64isar0_el1"),
    ID(ARM_SYS(3, 0, 0, 6, 1), "id_aa64isar1_el1"),
    ID(ARM_SYS(3, 0, 0, 6, 2), "id_aa64isar2_el1"),
    ID(ARM_SYS(3, 0, 0, 7, 0), "id_aa64mmfr0_el1"),
    ID(ARM_SYS(3, 0, 0, 7, 1), "id_aa64mmfr1_el1"),
    ID(ARM_SYS(3, 0, 0, 7, 2), "id_aa64mmfr2_el1"),
    ID(ARM_SYS(3, 0, 0, 7, 3), "id_aa64mmfr3_el1"),
    { "sctlr_el1", ARM_SYS(3, 0, 1, 0, 0), ARM_RW1, MEMBER(sctlr_el1), .reset = SCTLR_RES1,
      .set = set_sctlr },
    CODE(ARM_SYS(3, 0, 1, 0, 1), "actlr_el1", arm_sysreg_zero, arm_sysreg_ignore),
    { "cpacr_el1", ARM_SYS(3, 0, 1, 0, 2), ARM_RW1, MEMBER(cpacr_el1), .set = set_cpacr },
    { "ttbr0_el1", ARM_SYS(3, 0, 2, 0, 0), ARM_RW1, MEMBER(ttbr0_el1), .set = set_ttbr },
    { "ttbr1_el1", ARM_SYS(3, 0, 2, 0, 1), ARM_RW1, MEMBER(ttbr1_el1), .set = set_ttbr },
    { "tcr_el1", ARM_SYS(3, 0, 2, 0, 2), ARM_RW1, MEMBER(tcr_el1), .set = set_tcr },
    KEY(ARM_SYS(3, 0, 2, 1, 0), "apia", ARM_KEY_IA),
    KEY(ARM_SYS(3, 0, 2, 1, 2), "apib", ARM_KEY_IB),
    KEY(ARM_SYS(3, 0, 2, 2, 0), "apda", ARM_KEY_DA),
    KEY(ARM_SYS(3, 0, 2, 2, 2), "apdb", ARM_KEY_DB),
    KEY(ARM_SYS(3, 0, 2, 3, 0), "apga", ARM_KEY_GA),
    PLAIN(ARM_SYS(3, 0, 4, 0, 0), spsr_el1, 0xffffffff),
    PLAIN(ARM_SYS(3, 0, 4, 0, 1), elr_el1, ALL),
    PLAIN(ARM_SYS(3, 0, 4, 1, 0), sp_el0, ALL),
    CODE(ARM_SYS(3, 0, 4, 2, 0), "spsel", get_spsel, set_spsel),
    RO(ARM_SYS(3, 0, 4, 2, 2), "currentel", get_current_el),
    CODE(ARM_SYS(3, 0, 4, 2, 3), "pan", get_pan, set_pan),
    CODE(ARM_SYS(3, 0, 4, 2, 4), "uao", get_uao, set_uao),
    CODE(ARM_SYS(3, 0, 5, 1, 0), "afsr0_el1", arm_sysreg_zero, arm_sysreg_ignore),
    CODE(ARM_SYS(3, 0, 5, 1, 1), "afsr1_el1", arm_sysreg_zero, arm_sysreg_ignore),
    PLAIN(ARM_SYS(3, 0, 5, 2, 0), esr_el1, 0xffffffff),
    PLAIN(ARM_SYS(3, 0, 6, 0, 0), far_el1, ALL),
    PLAIN(ARM_SYS(3, 0, 7, 4, 0), par_el1, ALL),
    CODE(ARM_SYS(3, 0, 9, 14, 1), "pmintenset_el1", arm_pmu_get, arm_pmu_set),
    CODE(ARM_SYS(3, 0, 9, 14, 2), "pmintenclr_el1", arm_pmu_get, arm_pmu_set),
    PLAIN(ARM_SYS(3, 0, 10, 2, 0), mair_el1, ALL),
    CODE(ARM_SYS(3, 0, 10, 3, 0), "amair_el1", arm_sysreg_zero, arm_sysreg_ignore),
    PLAIN(ARM_SYS(3, 0, 12, 0, 0), vbar_el1, ~0x7ffull),
    RO(ARM_SYS(3, 0, 12, 0, 1), "rvbar_el1", arm_sysreg_zero),
    RO(ARM_SYS(3, 0, 12, 1, 0), "isr_el1", get_isr),
    PLAIN(ARM_SYS(3, 0, 13, 0, 1), contextidr_el1, 0xffffffff),
    PLAIN(ARM_SYS(3, 0, 13, 0, 4), tpidr_el1, ALL),
    { "cntkctl_el1", ARM_SYS(3, 0, 14, 1, 0), ARM_RW1, MEMBER(cntkctl_el1), .set = set_cntkctl },
    ID(ARM_SYS(3, 1, 0, 0, 0), "ccsidr_el1"),
    ID(ARM_SYS(3, 1, 0, 0, 1), "clidr_el1"),
    ID(ARM_SYS(3, 1, 0, 0, 7), "aidr_el1"),
    PLAIN(ARM_SYS(3, 2, 0, 0, 0), csselr_el1, 15),
    { "ctr_el0", ARM_SYS(3, 3, 0, 0, 1), ARM_R0 | ARM_R1, .get = arm_id_get, .sctlr = SCTLR_UCT },
    { "dczid_el0", ARM_SYS(3, 3, 0, 0, 7), ARM_R0 | ARM_R1, .get = arm_id_get },
    { "daif", ARM_SYS(3, 3, 4, 2, 1), ARM_RW, .get = get_daif, .set = set_daif,
      .sctlr = SCTLR_UMA },
    PM(ARM_SYS(3, 3, 9, 12, 0), "pmcr_el0"),
    PM(ARM_SYS(3, 3, 9, 12, 1), "pmcntenset_el0"),
    PM(ARM_SYS(3, 3, 9, 12, 2), "pmcntenclr_el0"),
    PM(ARM_SYS(3, 3, 9, 12, 3), "pmovsclr_el0"),
    PM_REG(ARM_SYS(3, 3, 9, 12, 4), "pmswinc_el0", ARM_W0 | ARM_W1, 0, ARM_PMUSER_SW),
    PM_REG(ARM_SYS(3, 3, 9, 12, 5), "pmselr_el0", ARM_RW, ARM_PMUSER_ER, ARM_PMUSER_ER),
    PM_REG(ARM_SYS(3, 3, 9, 12, 6), "pmceid0_el0", ARM_R0 | ARM_R1, 0, 0),
    PM_REG(ARM_SYS(3, 3, 9, 12, 7), "pmceid1_el0", ARM_R0 | ARM_R1, 0, 0),
    PM_REG(ARM_SYS(3, 3, 9, 13, 0), "pmccntr_el0", ARM_RW, ARM_PMUSER_CR, 0),
    PM(ARM_SYS(3, 3, 9, 13, 1), "pmxevtyper_el0"),
    PM_REG(ARM_SYS(3, 3, 9, 13, 2), "pmxevcntr_el0", ARM_RW, ARM_PMUSER_ER, 0),
    { "pmuserenr_el0", ARM_SYS(3, 3, 9, 14, 0), ARM_R0 | ARM_RW1, .get = arm_pmu_get,
      .set = arm_pmu_set },
    PM(ARM_SYS(3, 3, 9, 14, 3), "pmovsset_el0"),
    { "tpidr_el0", ARM_SYS(3, 3, 13, 0, 2), ARM_RW, MEMBER(tpidr_el0), .mask = ALL },
    { "tpidrro_el0", ARM_SYS(3, 3, 13, 0, 3), ARM_R0 | ARM_RW1, MEMBER(tpidrro_el0), .mask = ALL },
    { "cntfrq_el0", ARM_SYS(3, 3, 14, 0, 0), ARM_R0 | ARM_RW1, MEMBER(cntfrq_el0),
      .mask = 0xffffffff, .reset = ARM_CNTFRQ_EL0, .cntkctl = CNTKCTL_EL0PCTEN | CNTKCTL_EL0VCTEN },
    { "cntpct_el0", ARM_CNTPCT, ARM_R0 | ARM_R1, .get = arm_count_get,
      .cntkctl = CNTKCTL_EL0PCTEN },
    { "cntvct_el0", ARM_CNTVCT, ARM_R0 | ARM_R1, .get = arm_count_get,
      .cntkctl = CNTKCTL_EL0VCTEN },
    { "cntpctss_el0", ARM_CNTPCTSS, ARM_R0 | ARM_R1, .get = arm_count_get,
      .cntkctl = CNTKCTL_EL0PCTEN },
    { "cntvctss_el0", ARM_CNTVCTSS, ARM_R0 | ARM_R1, .get = arm_count_get,
      .cntkctl = CNTKCTL_EL0VCTEN },
    TIMER(ARM_SYS(3, 3, 14, 2, 0), "cntp_tval_el0", CNTKCTL_EL0PTEN),
    TIMER(ARM_SYS(3, 3, 14, 2, 1), "cntp_ctl_el0", CNTKCTL_EL0PTEN),
    TIMER(ARM_SYS(3, 3, 14, 2, 2), "cntp_cval_el0", CNTKCTL_EL0PTEN),
    TIMER(ARM_SYS(3, 3, 14, 3, 0), "cntv_tval_el0", CNTKCTL_EL0VTEN),
    TIMER(ARM_SYS(3, 3, 14, 3, 1), "cntv_ctl_el0", CNTKCTL_EL0VTEN),
    TIMER(ARM_SYS(3, 3, 14, 3, 2), "cntv_cval_el0", CNTKCTL_EL0VTEN),
    PM_EVENT(0),
    PM_EVENT(1),
    PM_EVENT(2),
    PM_EVENT(3),
    PM_EVENT(4),
    PM_EVENT(5),
    PM_TYPE(0),
    PM_TYPE(1),
    PM_TYPE(2),
    PM_TYPE(3),
    PM_TYPE(4),
    PM_TYPE(5),
    PM(ARM_SYS(3, 3, 14, 15, 7), "pmccfiltr_el0"),
};
const unsigned arm_sysreg_count = ARRAY_SIZE(arm_sysregs);

static const struct arm_sysreg *find(const struct arm_sysreg *table, unsigned count,
                                     unsigned number)
{
    unsigned from = 0, to = count;

    while (from < to) {
        unsigned middle = (from + to) / 2;

        if (table[middle].number == number)
            return &table[middle];
        if (table[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

const struct arm_sysreg *arm_sysreg_find(unsigned number)
{
    bool el2 = number >= arm_sysregs_el2[0].number;

    return el2 ? find(arm_sysregs_el2, arm_sysreg_el2_count, number)
               : find(arm_sysregs, arm_sysreg_count, number);
}

static u64 get(struct vcpu *c, const struct arm_sysreg *r)
{
    return r->get ? r->get(c, r->number) : *member(c, r->offset);
}

static void set(struct vcpu *c, const struct arm_sysreg *r, u64 v)
{
    u64 *m;

    if (r->set) {
        r->set(c, r->number, v);
        return;
    }
    m = member(c, r->offset);
    *m = (*m & ~r->mask) | (v & r->mask);
}

/* Op0 = 3, Op1 = 0, CRn = 0, CRm = 1 to 7: where a register is not defined it reads as zero. */
static bool is_id_space(unsigned number)
{
    return number >> 7 == ARM_SYS(3, 0, 0, 0, 0) >> 7 && (number >> 3 & 15) >= 1 &&
           (number >> 3 & 15) <= 7;
}

/* Rights of EL1, and of EL2 where that is the level. */
static unsigned rights(const struct arm_state *s, unsigned el1, unsigned el2)
{
    return s->el == 2 ? el1 | el2 : el1;
}

/* Registers that belong to EL2 alone: what a device answers of them. */
static bool is_of_el2(unsigned number)
{
    return (number >> 11 & 7) >= 4;
}

static bool device_answers(const struct arm_state *s, unsigned number)
{
    return number && (s->el == 2 || !is_of_el2(number));
}

bool arm_sysreg_read(struct vcpu *c, unsigned number, u64 *out)
{
    const struct arm_sysreg *r = arm_sysreg_find(number);
    const struct arm_state *s = arm_state(c);

    if (!arm_model_has_sysreg(arm_model(c), number))
        return false;
    if (r && r->access & rights(s, ARM_R1, ARM_R2))
        *out = get(c, r);
    else if (!r && is_id_space(number))
        *out = 0;
    else
        return !r && device_answers(s, number) &&
               c->env->sysreg_read(c, arm_el2_gic_space(s, number), number, out) == 0;
    return true;
}

bool arm_sysreg_write(struct vcpu *c, unsigned number, u64 v)
{
    const struct arm_sysreg *r = arm_sysreg_find(number);
    const struct arm_state *s = arm_state(c);

    if (!arm_model_has_sysreg(arm_model(c), number))
        return false;
    if (!r)
        return device_answers(s, number) &&
               c->env->sysreg_write(c, arm_el2_gic_space(s, number), number, v) == 0;
    if (!(r->access & rights(s, ARM_W1, ARM_W2)))
        return false;
    set(c, r, v);
    return true;
}

/* --- the instructions --- */

static unsigned number_of(u64 raw)
{
    return (unsigned)bits_get(raw, 5, 16);
}

static u64 undefined(struct vcpu *c)
{
    vcpu_raise(c, ARM_EC_UNKNOWN, 0);
    return 0;
}

/* May EL0? True, or an exception is pending. right: ARM_R0 or ARM_W0. Under EL2, CNTHCTL_EL2 says
 * what CNTKCTL_EL1 says of EL1's. */
static bool el0_may(struct vcpu *c, u64 raw, unsigned right)
{
    const struct arm_sysreg *r = arm_sysreg_find(number_of(raw));
    const struct arm_state *s = arm_state(c);
    u64 cntkctl = arm_in_host(s) ? s->cnthctl_el2 : s->cntkctl_el1, pm;

    if (!r || !(r->access & right) || !arm_model_has_sysreg(arm_model(c), r->number)) {
        undefined(c);
        return false;
    }
    pm = right == ARM_R0 ? r->pm_read : r->pm_write;
    if ((r->sctlr || r->cntkctl || pm) && !(arm_sctlr(s) & r->sctlr) && !(cntkctl & r->cntkctl) &&
        !(s->pmuserenr & pm)) {
        vcpu_raise(c, ARM_EC_SYSREG, raw);
        return false;
    }
    return true;
}

/* SP_EL0 cannot be named while it is the stack pointer (C5.2.20). */
static bool names_own_stack(const struct arm_state *s, unsigned number)
{
    return number == ARM_SYS(3, 0, 4, 1, 0) && !s->spsel;
}

/* True: EL2 is told. */
static bool trapped(struct vcpu *c, u64 raw, bool write)
{
    if (!arm_el2_traps(c, number_of(raw), write))
        return false;
    vcpu_raise(c, (u32)ARM_EC_SYSREG | ARM_TO_EL2, raw);
    return true;
}

u64 arm_do_mrs(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    const struct arm_state *s = arm_state(c);
    unsigned number = arm_el2_register(s, number_of(raw));
    u64 v = 0;

    if (s->el == 0 && !el0_may(c, raw, ARM_R0))
        return 0;
    if (names_own_stack(s, number))
        return undefined(c);
    if (trapped(c, raw, false))
        return 0;
    if (s->el == 0 && number != number_of(raw))
        return get(c, arm_sysreg_find(number));
    return arm_sysreg_read(c, number, &v) ? v : undefined(c);
}

u64 arm_do_msr(struct vcpu *c, u64 raw, u64 v, u64 d)
{
    const struct arm_state *s = arm_state(c);
    unsigned number = arm_el2_register(s, number_of(raw));

    if (s->el == 0 && !el0_may(c, raw, ARM_W0))
        return 0;
    if (names_own_stack(s, number))
        return undefined(c);
    if (trapped(c, raw, true))
        return 0;
    if (s->el == 0 && number != number_of(raw))
        set(c, arm_sysreg_find(number), v);
    else if (!arm_sysreg_write(c, number, v))
        return undefined(c);
    return 0;
}

/* MSR (immediate): op1 and op2 name the field, CRm is the value (C6.2.230). */
u64 arm_do_msr_pstate(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    enum { UAO = 3, PAN = 4, SPSEL = 5, DAIFSET = 6 };
    struct arm_state *s = arm_state(c);
    u8 imm = (u8)bits_get(raw, 8, 4);
    unsigned op2 = (unsigned)bits_get(raw, 5, 3);

    if (s->el == 0) {
        if (op2 < DAIFSET)
            return undefined(c);
        if (!(arm_sctlr(s) & SCTLR_UMA)) {
            vcpu_raise(c, ARM_EC_SYSREG, raw);
            return 0;
        }
    }
    switch (op2) {
    case UAO: s->uao = imm & 1; break;
    case PAN: s->pan = imm & 1; break;
    case SPSEL: arm_stack_select(s, s->el, imm & 1); break;
    case DAIFSET: s->daif |= imm; break;
    default: s->daif &= (u8)~imm; break;
    }
    arm_mode_changed(c);
    return 0;
}

u64 arm_do_sys(struct vcpu *c, u64 raw, u64 x, u64 d)
{
    if (arm_state(c)->el == 0 || !arm_model_has_sysreg(arm_model(c), number_of(raw)))
        return undefined(c);
    if (trapped(c, raw, true))
        return 0;
    return arm_sys(c, number_of(raw), x) ? 0 : undefined(c);
}
