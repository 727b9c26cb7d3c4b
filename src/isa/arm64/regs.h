/*
 * regs.h - registers as debuggers and firmware see them.
 */
#ifndef ISA_ARM64_REGS_H
#define ISA_ARM64_REGS_H

#include "isa/arm64/state.h"

/* gdb's numbers: of org.gnu.gdb.aarch64.core, where X0 is 0, and of org.gnu.gdb.aarch64.fpu. */
enum {
    ARM_REG_SP = 31,
    ARM_REG_PC,
    ARM_REG_CPSR,
    ARM_REG_V0,
    ARM_REG_FPSR = ARM_REG_V0 + 32,
    ARM_REG_FPCR,
    ARM_REG_COUNT,
};

extern const struct isa_reg arm_regs[]; /* ARM_REG_COUNT, by number */

/* isa.reg_get, isa.reg_set: of V registers the lower half */
int arm_reg_get(struct vcpu *c, unsigned number, u64 *out);
int arm_reg_set(struct vcpu *c, unsigned number, u64 v);

#endif
