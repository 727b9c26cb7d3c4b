/*
 * sysreg_el2.c - the system registers of EL2 (D24.2).
 */
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"
#include "isa/arm64/walk.h"

#define ALL (~0ull)

/* SCTLR_EL2, which has the fields of SCTLR_EL1 under E2H. */
#define SCTLR_EL2_RES1 0x30c50830ull
#define SCTLR_EL2_MASK                                                                             \
    (SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_SA | SCTLR_SA0 | SCTLR_UMA | SCTLR_I | SCTLR_DZE |        \
     SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_WXN | SCTLR_SPAN | SCTLR_UCI | SCTLR_DSSBS |      \
     SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB | SCTLR_BT0 | SCTLR_BT1)

static void set_sctlr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 old = s->sctlr_el2, res1 = s->hcr_el2 & HCR_E2H ? SCTLR_RES1 : SCTLR_EL2_RES1;

    s->sctlr_el2 = (v & SCTLR_EL2_MASK & arm_model(c)->sctlr) | (res1 & ~SCTLR_EL2_MASK);
    if ((old ^ s->sctlr_el2) & (SCTLR_M | SCTLR_A | SCTLR_WXN))
        arm_mmu_flush(c);
    arm_mode_changed(c);
}

/* All that is described, and what is only kept. EL1 has no AArch32. */
#define HCR_MASK 0x7ffffffffull

static void set_hcr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 old = s->hcr_el2;
    u64 mask = HCR_MASK | (arm_model(c)->has_pauth ? HCR_API | HCR_APK : 0);

    s->hcr_el2 = (v & mask) | HCR_RW;
    if ((old ^ s->hcr_el2) & (HCR_E2H | HCR_DC))
        arm_mmu_flush(c);
    if ((old ^ s->hcr_el2) & (HCR_E2H | HCR_TGE) && s->cnthctl_el2 & CNTHCTL_ECV)
        arm_timer_update(c); /* EL1's physical timer has an offset or has none */
    arm_mode_changed(c);
}

#define MDCR_MASK 0xfffull

static void set_mdcr(struct vcpu *c, unsigned number, u64 v)
{
    u64 mask = MDCR_MASK | (arm_model_pmu(c) >= ARM_PMU_V3P1 ? MDCR_HPMD : 0);

    arm_pmu_sync(c);
    arm_state(c)->mdcr_el2 = v & mask;
    arm_mode_changed(c);
}

static void set_cptr(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->cptr_el2 = v & CPTR_MASK;
    arm_mode_changed(c);
}

/* Without E2H the bits from 0 to 9 and 12 to 13 are RES1. */
static u64 get_cptr(struct vcpu *c, unsigned number)
{
    const struct arm_state *s = arm_state(c);

    return s->cptr_el2 | (s->hcr_el2 & HCR_E2H ? 0 : 0x33ff);
}

static void set_ttbr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);

    *(number & 1 ? &s->ttbr1_el2 : &s->ttbr0_el2) = v;
    arm_mmu_ttbr_changed(c);
}

#define TCR_EL2_TBID (1ull << 29)

static bool has_lpa2(const struct vcpu *c)
{
    return arm_model(c)->tcr >> TCR_DS & 1;
}

static void set_tcr(struct vcpu *c, unsigned number, u64 v)
{
    /* where it is the register that TCR_EL1 is, the model's bits of it; else, TBID and DS */
    if (arm_state(c)->hcr_el2 & HCR_E2H) {
        v &= arm_model(c)->tcr;
    } else {
        v &= arm_model(c)->has_pauth ? ~0ull : ~TCR_EL2_TBID;
        v &= has_lpa2(c) ? ~0ull : ~(1ull << TCR_EL2_DS);
    }
    arm_state(c)->tcr_el2 = v;
    arm_mmu_flush(c);
    arm_mode_changed(c);
}

/* Another table under the same VMID changes nothing that is held, likewise. */
static void set_vttbr(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->vttbr_el2 = v;
    arm_mode_changed(c);
}

static void set_vtcr(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);

    if (!has_lpa2(c))
        v &= ~(1ull << VTCR_DS | 1ull << VTCR_SL2);
    if (s->vtcr_el2 != v) {
        s->vtcr_el2 = v;
        arm_mmu_flush(c);
    }
}

/* FIPA: a page's address, of as many bits as there are */
static void set_hpfar(struct vcpu *c, unsigned number, u64 v)
{
    u64 mask = arm_model(c)->pa_bits == ARM_LARGE_BITS ? 0xfffffffffff0 : 0xfffffffff0;

    arm_state(c)->hpfar_el2 = v & mask;
}

static void set_cntvoff(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->cntvoff_el2 = v;
    arm_timer_update(c);
}

static void set_cntpoff(struct vcpu *c, unsigned number, u64 v)
{
    arm_state(c)->cntpoff_el2 = v;
    arm_timer_update(c);
}

static void set_cnthctl(struct vcpu *c, unsigned number, u64 v)
{
    u64 ecv = CNTHCTL_ECV | CNTHCTL_EL1TVT | CNTHCTL_EL1TVCT | CNTKCTL_EVNTIS;

    arm_state(c)->cnthctl_el2 = v & (0xfff | (arm_model(c)->has_ecv ? ecv : 0));
    arm_timer_update(c);
}

#define MEMBER(m)                 .offset = offsetof(struct arm_state, m)
#define PLAIN(n, m, writable)     { #m, n, ARM_RW2, MEMBER(m), .mask = writable }
#define WRITTEN(n, m, s)          { #m, n, ARM_RW2, MEMBER(m), .set = s }
#define NOTHING(n, name)          { name, n, ARM_RW2, .get = arm_sysreg_zero, .set = arm_sysreg_ignore }
#define TIMER(n, name)            { name, n, ARM_RW2, .get = arm_timer_get, .set = arm_timer_set }

const struct arm_sysreg arm_sysregs_el2[] = {
    PLAIN(ARM_SYS(3, 4, 0, 0, 0), vpidr_el2, 0xffffffff),
    PLAIN(ARM_SYS(3, 4, 0, 0, 5), vmpidr_el2, ALL),
    { "sctlr_el2", ARM_SYS(3, 4, 1, 0, 0), ARM_RW2, MEMBER(sctlr_el2), .reset = SCTLR_EL2_RES1,
      .set = set_sctlr },
    NOTHING(ARM_SYS(3, 4, 1, 0, 1), "actlr_el2"),
    { "hcr_el2", ARM_SYS(3, 4, 1, 1, 0), ARM_RW2, MEMBER(hcr_el2), .reset = HCR_RW,
      .set = set_hcr },
    { "mdcr_el2", ARM_SYS(3, 4, 1, 1, 1), ARM_RW2, MEMBER(mdcr_el2), .reset = ARM_PMU_COUNTERS,
      .set = set_mdcr },
    { "cptr_el2", ARM_SYS(3, 4, 1, 1, 2), ARM_RW2, .get = get_cptr, .set = set_cptr },
    PLAIN(ARM_SYS(3, 4, 1, 1, 3), hstr_el2, 0xffff),
    NOTHING(ARM_SYS(3, 4, 1, 1, 7), "hacr_el2"),
    WRITTEN(ARM_SYS(3, 4, 2, 0, 0), ttbr0_el2, set_ttbr),
    WRITTEN(ARM_SYS(3, 4, 2, 0, 1), ttbr1_el2, set_ttbr),
    WRITTEN(ARM_SYS(3, 4, 2, 0, 2), tcr_el2, set_tcr),
    WRITTEN(ARM_SYS(3, 4, 2, 1, 0), vttbr_el2, set_vttbr),
    WRITTEN(ARM_SYS(3, 4, 2, 1, 2), vtcr_el2, set_vtcr),
    PLAIN(ARM_SYS(3, 4, 4, 0, 0), spsr_el2, 0xffffffff),
    PLAIN(ARM_SYS(3, 4, 4, 0, 1), elr_el2, ALL),
    PLAIN(ARM_SYS(3, 4, 4, 1, 0), sp_el1, ALL),
    NOTHING(ARM_SYS(3, 4, 4, 3, 0), "spsr_irq"), /* AArch32's, which is not there */
    NOTHING(ARM_SYS(3, 4, 4, 3, 1), "spsr_abt"),
    NOTHING(ARM_SYS(3, 4, 4, 3, 2), "spsr_und"),
    NOTHING(ARM_SYS(3, 4, 4, 3, 3), "spsr_fiq"),
    NOTHING(ARM_SYS(3, 4, 5, 1, 0), "afsr0_el2"),
    NOTHING(ARM_SYS(3, 4, 5, 1, 1), "afsr1_el2"),
    PLAIN(ARM_SYS(3, 4, 5, 2, 0), esr_el2, 0xffffffff),
    PLAIN(ARM_SYS(3, 4, 6, 0, 0), far_el2, ALL),
    WRITTEN(ARM_SYS(3, 4, 6, 0, 4), hpfar_el2, set_hpfar),
    PLAIN(ARM_SYS(3, 4, 10, 2, 0), mair_el2, ALL),
    NOTHING(ARM_SYS(3, 4, 10, 3, 0), "amair_el2"),
    PLAIN(ARM_SYS(3, 4, 12, 0, 0), vbar_el2, ~0x7ffull),
    { "rvbar_el2", ARM_SYS(3, 4, 12, 0, 1), ARM_R2, .get = arm_sysreg_zero },
    PLAIN(ARM_SYS(3, 4, 13, 0, 1), contextidr_el2, 0xffffffff),
    PLAIN(ARM_SYS(3, 4, 13, 0, 2), tpidr_el2, ALL),
    WRITTEN(ARM_SYS(3, 4, 14, 0, 3), cntvoff_el2, set_cntvoff),
    WRITTEN(ARM_CNTPOFF, cntpoff_el2, set_cntpoff),
    WRITTEN(ARM_SYS(3, 4, 14, 1, 0), cnthctl_el2, set_cnthctl),
    TIMER(ARM_SYS(3, 4, 14, 2, 0), "cnthp_tval_el2"),
    TIMER(ARM_SYS(3, 4, 14, 2, 1), "cnthp_ctl_el2"),
    TIMER(ARM_SYS(3, 4, 14, 2, 2), "cnthp_cval_el2"),
    TIMER(ARM_SYS(3, 4, 14, 3, 0), "cnthv_tval_el2"),
    TIMER(ARM_SYS(3, 4, 14, 3, 1), "cnthv_ctl_el2"),
    TIMER(ARM_SYS(3, 4, 14, 3, 2), "cnthv_cval_el2"),
};
const unsigned arm_sysreg_el2_count = ARRAY_SIZE(arm_sysregs_el2);
