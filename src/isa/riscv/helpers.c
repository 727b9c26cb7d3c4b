/*
 * helpers.c - the rows of priv.h: which function, with what effects.
 */
#include "isa/riscv/helpers.h"

#include "isa/riscv/priv.h"

IR_HELPER(rv_helper_csr, rv_do_csr,
          IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS);
IR_HELPER(rv_helper_fcsr, rv_do_fcsr, IRH_READS | IRH_WRITES);
IR_HELPER(rv_helper_ecall, rv_do_ecall,
          IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS);
IR_HELPER(rv_helper_mret, rv_do_mret, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_ENDS | IRH_SETS_PC);
IR_HELPER(rv_helper_sret, rv_do_sret, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_ENDS | IRH_SETS_PC);
IR_HELPER(rv_helper_wfi, rv_do_wfi, IRH_RAISES | IRH_READS | IRH_COUNT | IRH_ENDS);
IR_HELPER(rv_helper_sfence_vma, rv_do_sfence_vma, IRH_RAISES | IRH_READS | IRH_MEM | IRH_ENDS);
IR_HELPER(rv_helper_sfence_inval, rv_do_sfence_inval, IRH_RAISES | IRH_READS);
IR_HELPER(rv_helper_fence_i, rv_do_fence_i, IRH_MEM | IRH_ENDS);
IR_HELPER(rv_helper_cbo_check, rv_do_cbo_check, IRH_RAISES | IRH_READS);
IR_HELPER(rv_helper_cbo_probe, rv_do_cbo_probe, IRH_RAISES | IRH_READS | IRH_MEM);
IR_HELPER(rv_helper_wrs, rv_do_wrs, 0);
