/*
 * syndrome.c - ISS of a data abort by stage 2: what the load or store is, so that a hypervisor
 * can do it for its guest (D24.2.45, ISV).
 */
#include "isa/arm64/trap.h"

#include "base/bits.h"
#include "isa/arm64/mmu.h"

enum { ISV = 24, SAS = 22, SSE = 21, SRT = 16, SF = 15, AR = 14 };

/* The instruction at pc, which has been fetched a moment ago; 0: it is not there any more. */
static u32 insn_at_pc(struct vcpu *c)
{
    gva_t pc = arm_state(c)->pc;
    struct isa_xlate x;
    struct isa_fault fault;
    u64 word;

    if (arm_mmu_walk(c, pc, ISA_FETCH, arm_mmu_plain_fetch_bank(arm_state(c)), false, &x, &fault) ||
        c->env->phys_load(c, x.gpa, 4, &word))
        return 0;
    return (u32)word;
}

static u64 valid(u32 w, bool sign, bool wide, bool acquire)
{
    return 1ull << ISV | bits_get(w, 30, 2) << SAS | (u64)sign << SSE | bits_get(w, 0, 5) << SRT |
           (u64)wide << SF | (u64)acquire << AR;
}

/* LDR, STR and their like of one general register: opc 0 stores, 1 loads, 2 and 3 extend the sign
 * to 64 and to 32 bits; where the size is 8 bytes 2 is PRFM. */
static u64 single(u32 w)
{
    unsigned size = (unsigned)bits_get(w, 30, 2), opc = (unsigned)bits_get(w, 22, 2);

    if (size == 3 && opc > 1)
        return 0;
    return valid(w, opc > 1, opc > 1 ? opc == 2 : size == 3, false);
}

/* Without writeback: with an unsigned offset, an unscaled one or none, by a register, unprivileged;
 * LDAR, STLR and theirs; LDAPR; LDAPUR and STLUR. */
u64 arm_abort_syndrome(struct vcpu *c)
{
    u32 w = insn_at_pc(c);

    if ((w & 0x3f000000) == 0x39000000 || (w & 0x3f200400) == 0x38000000 ||
        (w & 0x3f200c00) == 0x38200800)
        return single(w);
    if ((w & 0x3fa00000) == 0x08800000) /* ordered */
        return valid(w, false, bits_get(w, 30, 2) == 3, true);
    if ((w & 0x3ffffc00) == 0x38bfc000)
        return valid(w, false, bits_get(w, 30, 2) == 3, true);
    if ((w & 0x3f200c00) == 0x19000000)
        return single(w) ? single(w) | 1ull << AR : 0;
    return 0;
}
