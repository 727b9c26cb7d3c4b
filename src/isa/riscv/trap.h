/*
 * trap.h - exceptions and interrupts of a RISC-V hart: the isa table's entries.
 */
#ifndef ISA_RISCV_TRAP_H
#define ISA_RISCV_TRAP_H

#include "isa/riscv/priv.h"

void rv_trap_exception(struct vcpu *c); /* isa.take_exception */
bool rv_trap_interrupt(struct vcpu *c); /* isa.take_interrupt */
bool rv_trap_wakes(struct vcpu *c);     /* isa.wakes */

#endif
