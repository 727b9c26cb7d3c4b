/*
 * debug.h - self-hosted debug: breakpoints, watchpoints, software step (D2).
 */
#ifndef ISA_ARM64_DEBUG_H
#define ISA_ARM64_DEBUG_H

#include "isa/arm64/state.h"

/* PSTATE or a debug register has changed: what of it is for the running code? */
void arm_debug_update(struct vcpu *c);

/* Is an exception due before the instruction that is to be fetched, which is stepped? With *fault
 * filled. */
bool arm_debug_step(struct vcpu *c, struct isa_fault *fault);

/* What was translated, to *x: is there a breakpoint, or a watchpoint that the access meets? With
 * *fault filled. el0: by EL0's rights. */
bool arm_debug_hit(struct vcpu *c, gva_t va, unsigned size, enum isa_access access, bool el0,
                   struct isa_xlate *x, struct isa_fault *fault);

/* What SPSR.SS becomes in an exception, after which PSTATE.SS is 0. done: of an instruction that
 * has been executed. */
u64 arm_debug_enter(struct vcpu *c, bool done);

/* The level that debug exceptions are taken to. */
unsigned arm_debug_target(const struct arm_state *s);

/* PSTATE.SS after a return from what was `from` (arm_debug_enabled() then). */
bool arm_debug_enabled(const struct arm_state *s);
void arm_debug_return(struct vcpu *c, u64 spsr, bool from);

/* Writers of the table of system registers: MDSCR_EL1, OSLAR_EL1, and DBGB and DBGW. */
void arm_debug_set_mdscr(struct vcpu *c, unsigned number, u64 v);
void arm_debug_set_oslar(struct vcpu *c, unsigned number, u64 v);
void arm_debug_set_point(struct vcpu *c, unsigned number, u64 v);

#endif
