/*
 * guard.h - branch target identification: guarded pages, and what may be branched to in them
 * (D8.5.6, FEAT_BTI).
 *
 * Until a walk has met a guarded page, nothing of this is done. From then on blocks are made under
 * another key, whose indirect branches look at where they lead (arm_do_branch). What may be there
 * goes on as ever; else PSTATE.BTYPE is set, and the fetch through ARM_BANK_ONCE looks again, where
 * the exception is raised. So BTYPE is 0 where it has no effect any more: SPSR.BTYPE after an
 * interrupt before a landing pad may be, where a CPU of hardware had the branch's.
 */
#ifndef ISA_ARM64_GUARD_H
#define ISA_ARM64_GUARD_H

#include "isa/arm64/state.h"

enum { ARM_GUARD_PAGES = 256 };

/* A page that was looked at, good until the TLB is flushed. */
struct arm_guard_page {
    u64 tag;   /* address | 1 + bank; 0: none */
    u64 space; /* arm_state.space */
    u64 flushes;
    gpa_t gpa;
    bool guarded;
};

/* In the isa's scratch room. */
struct arm_guard {
    bool on; /* this CPU has met a guarded page */
    struct arm_guard_page page[ARM_GUARD_PAGES];
};

static inline struct arm_guard *arm_guard(const struct vcpu *c)
{
    return isa_scratch((struct vcpu *)(uintptr_t)c);
}

/* A translation, to *x. True: *fault is what it ends with instead: that the block's key is another
 * now, or that this must not be branched to. */
bool arm_guard_translated(struct vcpu *c, gva_t va, enum isa_access access,
                          const struct isa_xlate *x, struct isa_fault *fault);

#endif
