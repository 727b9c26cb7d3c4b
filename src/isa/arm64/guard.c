/*
 * guard.c - see guard.h.
 */
#include "isa/arm64/guard.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/sysreg.h"

/* PSTATE.BTYPE (D1.4): by BR through X16 or X17 or from a page that is not guarded; by BLR; by BR.
 */
enum { BY_TAIL_CALL = 1, BY_CALL = 2, BY_JUMP = 3 };
enum { PAGE_SHIFT = 12, INSN_BYTES = 4 };

/* BRK and HLT, which are themselves exceptions. */
static bool is_break(u32 w)
{
    return (w & 0xffe0001f) == 0xd4200000 || (w & 0xffe0001f) == 0xd4400000;
}

/* BTypeCompatible_BTI(), BTypeCompatible_PACIXSP() */
static bool is_landing_pad(const struct arm_state *s, u32 w, unsigned btype)
{
    u64 strict = arm_sctlr(s) & (s->el == 0 ? SCTLR_BT0 : SCTLR_BT1);

    switch (w) {
    case 0xd503233f: /* PACIASP, PACIBSP */
    case 0xd503237f: return btype != BY_JUMP || !strict;
    case 0xd503245f: return btype != BY_JUMP; /* BTI c, j, jc */
    case 0xd503249f: return btype != BY_CALL;
    case 0xd50324df: return true;
    default: return is_break(w);
    }
}

/* NULL: a fetch from there faults, or is to be looked at each time. */
static const struct arm_guard_page *page_of(struct vcpu *c, gva_t va)
{
    const struct arm_state *s = arm_state(c);
    unsigned bank = arm_mmu_plain_fetch_bank(s);
    u64 tag = va >> PAGE_SHIFT << PAGE_SHIFT | (bank + 1);
    struct arm_guard_page *p = &arm_guard(c)->page[va >> PAGE_SHIFT & (ARM_GUARD_PAGES - 1)];
    struct isa_xlate x;
    struct isa_fault fault;

    if (p->tag == tag && p->space == s->space && p->flushes == c->tlb_flushes)
        return p;
    if (s->il || arm_mmu_walk(c, va, ISA_FETCH, bank, false, &x, &fault) || x.no_tlb)
        return NULL;
    *p = (struct arm_guard_page){ .tag = tag,
                                  .space = s->space,
                                  .flushes = c->tlb_flushes,
                                  .gpa = x.gpa >> PAGE_SHIFT << PAGE_SHIFT,
                                  .guarded = (x.attr & ARM_ATTR_GUARDED) != 0 };
    return p;
}

static bool insn_at(struct vcpu *c, gpa_t gpa, u32 *w)
{
    u64 word;

    if (c->env->phys_load(c, gpa, INSN_BYTES, &word))
        return false;
    *w = (u32)word;
    return true;
}

/* Is what BTYPE says of no effect at the target? Not known: no. */
static bool is_harmless(struct vcpu *c, gva_t to, unsigned btype)
{
    const struct arm_state *s = arm_state(c);
    const struct arm_guard_page *p;
    u32 w;

    if (s->steps || s->has_points || to % INSN_BYTES || !(p = page_of(c, to)))
        return false;
    if (!insn_at(c, p->gpa | bits_get(to, 0, PAGE_SHIFT), &w) || is_break(w))
        return false;
    return !p->guarded || is_landing_pad(s, w, btype);
}

static unsigned btype_of(struct vcpu *c, u32 raw, gva_t pc)
{
    unsigned rn = (unsigned)bits_get(raw, 5, 5);
    const struct arm_guard_page *p;

    if (raw >> 21 & 1) /* BLR */
        return BY_CALL;
    if (rn == 16 || rn == 17)
        return BY_TAIL_CALL;
    p = page_of(c, pc);
    return p && !p->guarded ? BY_TAIL_CALL : BY_JUMP;
}

u64 arm_do_branch(struct vcpu *c, u64 to, u64 pc, u64 raw)
{
    unsigned btype = btype_of(c, (u32)raw, pc);

    if (!is_harmless(c, to, btype)) {
        arm_state(c)->btype = (u8)btype;
        vcpu_kick(c); /* fetches go by another bank */
    }
    return 0;
}

bool arm_guard_translated(struct vcpu *c, gva_t va, enum isa_access access,
                          const struct isa_xlate *x, struct isa_fault *fault)
{
    struct arm_state *s = arm_state(c);
    struct arm_guard *g = arm_guard(c);
    bool guarded = x->attr & ARM_ATTR_GUARDED;
    u32 w;

    if (guarded && !g->on) {
        g->on = true;
        vcpu_kick(c);
        if (access == ISA_FETCH) {
            *fault = (struct isa_fault){ .pending = true, .cause = ARM_FETCH_AGAIN };
            return true;
        }
    }
    if (access != ISA_FETCH || !s->btype || va % INSN_BYTES || !insn_at(c, x->gpa, &w))
        return false;
    if (guarded && !is_landing_pad(s, w, s->btype)) {
        *fault = (struct isa_fault){ .pending = true,
                                     .cause = ARM_EC_BRANCH_TARGET,
                                     .value2 = s->btype };
        return true;
    }
    if (!is_break(w)) {
        s->btype = 0;
        vcpu_kick(c);
    }
    return false;
}
