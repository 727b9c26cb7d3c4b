/*
 * pstate.c - PSTATE's fields put together and taken apart; stack pointers.
 */
#include "isa/arm64/pstate.h"

#include "base/bits.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pauth.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/sysreg.h"

static const struct {
    u16 offset;
    u8 bit;
} fields[] = {
    { offsetof(struct arm_state, ssbs), SPSR_SSBS }, { offsetof(struct arm_state, pan), SPSR_PAN },
    { offsetof(struct arm_state, uao), SPSR_UAO },   { offsetof(struct arm_state, dit), SPSR_DIT },
    { offsetof(struct arm_state, v), SPSR_V },       { offsetof(struct arm_state, c), SPSR_C },
    { offsetof(struct arm_state, z), SPSR_Z },       { offsetof(struct arm_state, n), SPSR_N },
};

u64 arm_pstate_get(const struct arm_state *s)
{
    u64 v = (u64)s->spsel << SPSR_SP | (u64)s->el << SPSR_EL | (u64)s->daif << SPSR_DAIF |
            (u64)s->btype << SPSR_BTYPE | (u64)s->il << SPSR_IL;

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        v |= (u64) * ((const u8 *)s + fields[i].offset) << fields[i].bit;
    return v;
}

void arm_pstate_set(struct arm_state *s, u64 v)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        *((u8 *)s + fields[i].offset) = v >> fields[i].bit & 1;
    s->daif = v >> SPSR_DAIF & ARM_DAIF_ALL;
    s->btype = v >> SPSR_BTYPE & 3;
    arm_stack_select(s, (unsigned)bits_get(v, SPSR_EL, 2), (unsigned)bits_get(v, SPSR_SP, 1));
}

/* Where the selected stack pointer is kept while it is not selected. */
static u64 *stack_home(struct arm_state *s)
{
    if (!s->el || !s->spsel)
        return &s->sp_el0;
    return s->el == 1 ? &s->sp_el1 : &s->sp_el2;
}

void arm_stack_select(struct arm_state *s, unsigned el, unsigned spsel)
{
    *stack_home(s) = s->sp;
    s->el = (u8)el;
    s->spsel = (u8)spsel;
    s->sp = *stack_home(s);
}

void arm_fpcr_changed(struct arm_state *s)
{
    bool dn = s->fpcr & ARM_FPCR_DN;

    s->rules = (u8)arm_fp_rules(dn, s->fpcr & ARM_FPCR_FZ);
    s->rules16 = (u8)arm_fp_rules(dn, s->fpcr & ARM_FPCR_FZ16);
}

/* By FPCR.RMode, and by enum fp_round: each is the other's negative modulo 4. */
static unsigned turn_round(unsigned r)
{
    return (0u - r) & 3;
}
_Static_assert(FP_RNE == 0 && FP_RUP == 3 && FP_RDN == 2 && FP_RTZ == 1,
               "as turn_round() has them");

u64 arm_fpcr_get(const struct arm_state *s)
{
    return s->fpcr | (u64)turn_round(s->round) << ARM_FPCR_RMODE_SHIFT;
}

void arm_fpcr_set(struct arm_state *s, u64 v)
{
    s->fpcr = (u32)v & ARM_FPCR_MODES;
    s->round = (u8)turn_round((unsigned)bits_get(v, ARM_FPCR_RMODE_SHIFT, 2));
    arm_fpcr_changed(s);
}

static const struct {
    u8 fp, bit;
} fpsr_flags[] = { { FP_NV, 0 }, { FP_DZ, 1 }, { FP_OF, 2 },
                   { FP_UF, 3 }, { FP_NX, 4 }, { FP_DENORMAL, 7 } };

u64 arm_fpsr_get(const struct arm_state *s)
{
    u64 v = (u64)s->qc << ARM_FPSR_QC_SHIFT;

    for (unsigned i = 0; i < ARRAY_SIZE(fpsr_flags); i++)
        if (s->flags & fpsr_flags[i].fp)
            v |= 1ull << fpsr_flags[i].bit;
    return v;
}

void arm_fpsr_set(struct arm_state *s, u64 v)
{
    s->flags = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(fpsr_flags); i++)
        if (v >> fpsr_flags[i].bit & 1)
            s->flags |= fpsr_flags[i].fp;
    s->qc = v >> ARM_FPSR_QC_SHIFT & 1;
}

void arm_mode_changed(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);

    s->zva_traps =
        (s->el == 0 && !(arm_sctlr(s) & SCTLR_DZE)) || (s->el < 2 && arm_hcr(s) & HCR_TDZ);
    s->fp_traps = arm_fp_trap(s) != 0;
    c->strict = arm_model(c)->strict | (arm_sctlr(s) & SCTLR_A ? 0u + ISA_STRICT_ALL : 0);
    arm_pauth_update(c);
    arm_debug_update(c);
    arm_mmu_rebind(c);
    arm_pmu_mode_changed(c);
}
