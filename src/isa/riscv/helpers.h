/*
 * helpers.h - the C functions behind priv.h's rows; generated handlers call them by name.
 *
 * All have the shape of ir_helper.fn; priv.h says what the arguments are.
 */
#ifndef ISA_RISCV_HELPERS_H
#define ISA_RISCV_HELPERS_H

#include "base/types.h"

struct vcpu;

u64 rv_do_csr(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_fcsr(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_ecall(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_mret(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_sret(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_wfi(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_sfence_vma(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_sfence_inval(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_fence_i(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_cbo_check(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_cbo_probe(struct vcpu *c, u64 a, u64 b, u64 d);
u64 rv_do_wrs(struct vcpu *c, u64 a, u64 b, u64 d);

#endif
