/*
 * helpers.h - the C functions behind the helpers of priv.h, and what they may do.
 */
#ifndef ISA_RISCV_HELPERS_H
#define ISA_RISCV_HELPERS_H

#include "isa/riscv/priv.h"

/* H(name, effects): rv_helper_NAME is rv_do_NAME() */
#define RV_HELPERS(H)                                                                              \
    H(csr, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                   \
    H(fcsr, IRH_READS | IRH_WRITES)                                                                \
    H(ecall, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                 \
    H(mret, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_ENDS | IRH_SETS_PC)                          \
    H(sret, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_ENDS | IRH_SETS_PC)                          \
    H(wfi, IRH_RAISES | IRH_READS | IRH_COUNT | IRH_ENDS)                                          \
    H(sfence_vma, IRH_RAISES | IRH_READS | IRH_MEM | IRH_ENDS)                                     \
    H(sfence_inval, IRH_RAISES | IRH_READS)                                                        \
    H(fence_i, IRH_MEM | IRH_ENDS)                                                                 \
    H(cbo_check, IRH_RAISES | IRH_READS)                                                           \
    H(cbo_probe, IRH_RAISES | IRH_READS | IRH_MEM)                                                 \
    H(pause, 0)                                                                                    \
    H(wrs, IRH_READS)

#define H(name, effects) u64 rv_do_##name(struct vcpu *c, u64 a, u64 b, u64 d);
RV_HELPERS(H)
#undef H

#endif
