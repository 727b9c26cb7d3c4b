/*
 * trap.h - exceptions and interrupts of an arm64 CPU: the isa table's entries.
 */
#ifndef ISA_ARM64_TRAP_H
#define ISA_ARM64_TRAP_H

#include "isa/arm64/state.h"

void arm_trap_exception(struct vcpu *c); /* isa.take_exception */
bool arm_trap_interrupt(struct vcpu *c); /* isa.take_interrupt */
bool arm_trap_wakes(struct vcpu *c);     /* isa.wakes */
u64 arm_trap_pending(struct vcpu *c);    /* ISR_EL1 */

/* May the present level wait? If not, an exception is pending. iss: which instruction is meant, WFE
 * or WFI by its lowest bit. */
enum { ARM_ISS_WFE = 1 };
bool arm_trap_may_wait(struct vcpu *c, u64 iss);

/* ISV and what goes with it, of the load or store at pc, or 0: syndrome.c */
u64 arm_abort_syndrome(struct vcpu *c);

#endif
