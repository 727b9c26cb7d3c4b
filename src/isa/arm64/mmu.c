/*
 * mmu.c - which translation regime and which TLB bank an access goes by; faults.
 *
 * DDI 0487, chapter D8. The walks themselves are in walk.c and stage2.c.
 */
#include "isa/arm64/walk.h"

#include "base/bits.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/guard.h"
#include "isa/arm64/sysreg.h"

enum { ASID_SHIFT = 48, ASID_BITS = 16, VMID_SHIFT = 48, VMID_BITS = 16 };
#define VTCR_VS (1ull << 19)

/* --- regimes --- */

/* TCR_EL2 without E2H, as TCR_EL1 would have it (D24.2.184). */
static u64 single_tcr(u64 tcr)
{
    enum { T0 = 16, PS = 16, TBI = 20, HA = 21, HD = 22, HPD = 24, TBID = 29 };

    return (bits_get(tcr, 0, T0) & ~(1ull << TCR_EPD0)) | bits_get(tcr, PS, 3) << TCR_IPS |
           bits_get(tcr, TBI, 1) << TCR_TBI0 | bits_get(tcr, HPD, 1) << TCR_HPD0 |
           bits_get(tcr, TBID, 1) << TCR_TBID0 | bits_get(tcr, TCR_EL2_DS, 1) << TCR_DS |
           (tcr >> HA & 1 ? TCR_HA : 0) | (tcr >> HD & 1 ? TCR_HD : 0);
}

static bool is_el2_bank(unsigned bank)
{
    return bank == ARM_BANK_HOST_EL0 || bank == ARM_BANK_EL2 || bank == ARM_BANK_EL2_PAN;
}

void arm_regime_get(const struct arm_state *s, unsigned bank, struct arm_regime *r)
{
    u64 hcr = arm_hcr(s);

    if (is_el2_bank(bank)) {
        bool single = !(hcr & HCR_E2H);

        *r = (struct arm_regime){ .sctlr = s->sctlr_el2,
                                  .mair = s->mair_el2,
                                  .ttbr = { s->ttbr0_el2, s->ttbr1_el2 },
                                  .tcr = single ? single_tcr(s->tcr_el2) : s->tcr_el2,
                                  .single = single };
        r->on = r->sctlr & SCTLR_M;
    } else {
        *r = (struct arm_regime){ .sctlr = s->sctlr_el1,
                                  .mair = s->mair_el1,
                                  .ttbr = { s->ttbr0_el1, s->ttbr1_el1 },
                                  .tcr = s->tcr_el1,
                                  .stage2 = (hcr & (HCR_VM | HCR_DC)) != 0 };
        r->on = r->sctlr & SCTLR_M && !(hcr & (HCR_TGE | HCR_DC));
    }
    r->el0 = bank == ARM_BANK_EL0 || bank == ARM_BANK_HOST_EL0;
    r->pan = bank == ARM_BANK_EL1_PAN || bank == ARM_BANK_EL2_PAN;
}

/* --- banks and address spaces --- */

/* Of EL2's kernel, PAN or not: where E2H is 0 there is no EL0 for PAN to be about. */
static unsigned el2_bank(const struct arm_state *s, bool pan)
{
    return pan && s->hcr_el2 & HCR_E2H ? ARM_BANK_EL2_PAN : ARM_BANK_EL2;
}

static unsigned el0_bank(const struct arm_state *s)
{
    u64 both = HCR_E2H | HCR_TGE;

    return s->has_el2 && (s->hcr_el2 & both) == both && s->el != 1 ? ARM_BANK_HOST_EL0
                                                                   : ARM_BANK_EL0;
}

/* pan: with PSTATE.PAN as it is for this access */
static unsigned bank_of(const struct arm_state *s, bool pan)
{
    switch (s->el) {
    case 0: return el0_bank(s);
    case 1: return pan ? ARM_BANK_EL1_PAN : ARM_BANK_EL1;
    default: return el2_bank(s, pan);
    }
}

unsigned arm_mmu_plain_fetch_bank(const struct arm_state *s)
{
    return s->il ? ARM_BANK_ILLEGAL : bank_of(s, true);
}

unsigned arm_mmu_fetch_bank(const struct vcpu *c)
{
    const struct arm_state *s = vcpu_state((struct vcpu *)(uintptr_t)c);

    return s->steps || s->btype ? ARM_BANK_ONCE : arm_mmu_plain_fetch_bank(s);
}

void arm_regime_current(const struct arm_state *s, struct arm_regime *r)
{
    arm_regime_get(s, bank_of(s, false), r);
}

static u64 asid(u64 tcr, u64 ttbr0, u64 ttbr1)
{
    return bits_get(tcr & TCR_A1 ? ttbr1 : ttbr0, ASID_SHIFT, tcr & TCR_AS ? ASID_BITS : 8);
}

/* An address space as engines know it: ASID, VMID, whether there is a stage 2 and what HCR_EL2.PTW
 * says to it, and EL2. KVM sets PTW for its guests alone: were it not here, each entry and exit
 * would drop all translations. */
enum { SPACE_VMID = 16, SPACE_VM = 32, SPACE_PTW = 33, SPACE_STAGE2_BITS = 2 };
enum { SPACE_FLAT = 34, SPACE_EL2 = 35, SPACE_SINGLE = 36 };

static u64 vmid_space(const struct arm_state *s)
{
    u64 hcr = arm_hcr(s),
        vmid = bits_get(s->vttbr_el2, VMID_SHIFT, s->vtcr_el2 & VTCR_VS ? VMID_BITS : 8);

    return vmid << SPACE_VMID | (u64)((hcr & (HCR_VM | HCR_DC)) != 0) << SPACE_VM |
           (u64)((hcr & HCR_PTW) != 0) << SPACE_PTW | (u64)((hcr & HCR_TGE) != 0) << SPACE_FLAT;
}

static u64 space_of(const struct arm_state *s)
{
    if (is_el2_bank(bank_of(s, false))) {
        if (!(s->hcr_el2 & HCR_E2H))
            return 1ull << SPACE_EL2 | 1ull << SPACE_SINGLE;
        return asid(s->tcr_el2, s->ttbr0_el2, s->ttbr1_el2) | 1ull << SPACE_EL2;
    }
    return asid(s->tcr_el1, s->ttbr0_el1, s->ttbr1_el1) | (s->has_el2 ? vmid_space(s) : 0);
}

void arm_mmu_flush_asid(struct vcpu *c, u64 id)
{
    u64 kinds = id >> SPACE_EL2 ? 1 : 1u << SPACE_STAGE2_BITS;

    for (u64 kind = 0; kind < kinds; kind++)
        c->env->tlb_flush_context(c, id ^ kind << SPACE_VM, ISA_FLUSH_NON_GLOBAL, 0);
    c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, ARM_ALL_BANKS & ~ARM_CONTEXT_BANKS);
}

u64 arm_mmu_asid_space(const struct arm_state *s, u64 asid)
{
    bool host = s->el == 2 && s->hcr_el2 & HCR_E2H && s->hcr_el2 & HCR_TGE;

    if (host)
        return asid | 1ull << SPACE_EL2;
    return asid | (s->has_el2 ? vmid_space(s) & bits_mask(SPACE_FLAT) : 0);
}

/* The bank that a guest's kernel sees global pages by is shared by all, so that another virtual
 * machine's must not be found there. */
static void space_update(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    u64 space = space_of(s), shared = space >> SPACE_VMID;

    if (space != s->space) {
        s->space = space;
        c->env->mmu_context(c, space);
    }
    if (shared == s->shared_space || space >> SPACE_EL2)
        return;
    s->shared_space = shared;
    c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, 1u << ARM_BANK_EL1_PAN);
}

/* Unprivileged loads and stores are EL0's, unless PSTATE.UAO makes plain ones of them, or this
 * level has no EL0. */
void arm_mmu_rebind(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);
    unsigned data = bank_of(s, s->pan);
    bool plain = s->uao || (s->el == 2 && el0_bank(s) != ARM_BANK_HOST_EL0);

    space_update(c);
    c->env->mmu_bind(c, IR_MMU_DATA, data);
    c->env->mmu_bind(c, IR_MMU_UNPRIV, plain ? data : el0_bank(s));
    c->env->mmu_bind(c, IR_MMU_SYSTEM, data);
}

void arm_mmu_flush(struct vcpu *c)
{
    arm_state(c)->space = space_of(arm_state(c));
    c->env->mmu_context(c, arm_state(c)->space);
    c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, ARM_ALL_BANKS);
}

/* Another table under the same ASID changes nothing that is held: software has to say so. */
void arm_mmu_ttbr_changed(struct vcpu *c)
{
    space_update(c);
    c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, ARM_ALL_BANKS & ~ARM_CONTEXT_BANKS);
}

/* --- translation --- */

gva_t arm_mmu_untagged(const struct arm_state *s, gva_t va)
{
    struct arm_regime r;

    arm_regime_current(s, &r);
    return arm_regime_untagged(&r, va);
}

static void fault_set(struct isa_fault *fault, enum isa_access access, gva_t va, unsigned fsc)
{
    *fault =
        (struct isa_fault){ .pending = true,
                            .cause = access == ISA_FETCH ? ARM_EC_FETCH_ABORT : ARM_EC_DATA_ABORT,
                            .value = va,
                            .value2 = fsc | (access == ISA_WRITE ? ARM_ISS_WNR : 0) };
}

/* A tag that is ignored, of instructions too, never gets into pc (AArch64.BranchAddr()). Most
 * branches have none: it is taken out when the fetch, for which no TLB has an entry, comes here. */
static bool fetch_is_tagged(struct vcpu *c, gva_t va, struct isa_fault *fault)
{
    struct arm_regime r;

    arm_regime_current(arm_state(c), &r);
    if (arm_regime_untagged(&r, va) == va ||
        !arm_regime_ignores_top(&r, arm_regime_is_upper(&r, va), false))
        return false;
    *fault = (struct isa_fault){ .pending = true, .cause = ARM_FETCH_AGAIN };
    return true;
}

void arm_mmu_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                          struct isa_fault *fault)
{
    if (access == ISA_FETCH && fetch_is_tagged(c, va, fault))
        return;
    fault_set(fault, access, va, kind == ISA_FAULT_BUS ? ARM_FSC_EXTERNAL : ARM_FSC_ALIGNMENT);
    if (kind == ISA_FAULT_ALIGN && access == ISA_FETCH)
        *fault = (struct isa_fault){ .pending = true, .cause = ARM_EC_PC_ALIGN, .value = va };
}

static int walk(struct arm_walk *w, unsigned bank, struct isa_xlate *out, struct isa_fault *fault)
{
    int end;

    arm_regime_get(arm_state(w->c), bank, &w->r);
    end = arm_walk(w, out);
    if (end == ARM_WALK_OK)
        return 0;
    fault_set(fault, w->access, w->va, (unsigned)end);
    if (w->by_stage2) {
        fault->cause |= ARM_TO_EL2;
        fault->value2 |= w->ipa >> 12 << ARM_FAULT_IPA | (w->s1ptw ? ARM_ISS_S1PTW : 0);
    }
    return -1;
}

int arm_mmu_walk(struct vcpu *c, gva_t va, enum isa_access access, unsigned bank, bool stage1_only,
                 struct isa_xlate *out, struct isa_fault *fault)
{
    struct arm_walk w = { .c = c, .va = va, .access = access, .stage1_only = stage1_only };

    return walk(&w, bank, out, fault);
}

int arm_mmu_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access,
                      unsigned bank, struct isa_xlate *out, struct isa_fault *fault)
{
    const struct arm_state *s = arm_state(c);
    bool once = bank == ARM_BANK_ONCE, el0;

    if (once && s->steps && arm_debug_step(c, fault))
        return -1;
    if (once)
        bank = arm_mmu_plain_fetch_bank(s);
    if (access == ISA_FETCH && fetch_is_tagged(c, va, fault))
        return -1;
    if (bank == ARM_BANK_ILLEGAL) {
        *fault = (struct isa_fault){ .pending = true, .cause = ARM_EC_ILLEGAL_STATE };
        return -1;
    }
    if (arm_mmu_walk(c, va, access, bank, false, out, fault))
        return -1;
    out->no_tlb |= once;
    el0 = bank == ARM_BANK_EL0 || bank == ARM_BANK_HOST_EL0;
    if (s->has_points && arm_debug_hit(c, va, size, access, el0, out, fault))
        return -1;
    if ((s->btype || out->attr & ARM_ATTR_GUARDED) &&
        arm_guard_translated(c, va, access, out, fault))
        return -1;
    return 0;
}

/* WnR is 0 where the read of it would have faulted (D24.2.45). */
void arm_mmu_atomic_fault(struct vcpu *c, gva_t va, unsigned size, unsigned bank,
                          struct isa_fault *fault)
{
    struct arm_walk w = { .c = c, .va = va, .access = ISA_READ, .look = true };
    struct isa_fault of_read;
    struct isa_xlate x;

    if ((fault->value2 & ARM_FSC_MASK) != ARM_FSC_ALIGNMENT && walk(&w, bank, &x, &of_read))
        *fault = of_read;
}
