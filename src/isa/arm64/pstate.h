/*
 * pstate.h - the process state as SPSR has it, and what hangs on it (D1.4).
 */
#ifndef ISA_ARM64_PSTATE_H
#define ISA_ARM64_PSTATE_H

#include "isa/arm64/state.h"

enum {
    SPSR_SP = 0,
    SPSR_EL = 2,
    SPSR_NRW = 4, /* AArch32, which is not there */
    SPSR_DAIF = 6,
    SPSR_BTYPE = 10, /* two bits */
    SPSR_SSBS = 12,
    SPSR_IL = 20,
    SPSR_SS = 21,
    SPSR_PAN = 22,
    SPSR_UAO = 23,
    SPSR_DIT = 24,
    SPSR_V = 28,
    SPSR_C = 29,
    SPSR_Z = 30,
    SPSR_N = 31,
};

/* PSTATE.DAIF as arm_state.daif has it. */
enum { ARM_DAIF_F = 1, ARM_DAIF_I = 2, ARM_DAIF_A = 4, ARM_DAIF_D = 8, ARM_DAIF_ALL = 15 };

u64 arm_pstate_get(const struct arm_state *s);

/* All of it but IL; the level and the stack pointer must be ones that exist. */
void arm_pstate_set(struct arm_state *s, u64 v);

/* Selects the stack pointer of a level. */
void arm_stack_select(struct arm_state *s, unsigned el, unsigned spsel);

/* state.fpcr has changed: derives the rules of floating point. */
void arm_fpcr_changed(struct arm_state *s);

/* FPCR and FPSR as MRS reads and MSR writes them. */
u64 arm_fpcr_get(const struct arm_state *s);
void arm_fpcr_set(struct arm_state *s, u64 v);
u64 arm_fpsr_get(const struct arm_state *s);
void arm_fpsr_set(struct arm_state *s, u64 v);

/* PSTATE, SCTLR, CPACR_EL1 or a control of EL2 has changed: binds the TLB's banks and derives what
 * else hangs on them. */
void arm_mode_changed(struct vcpu *c);

#endif
