/*
 * priv.h - the privileged architecture as helpers that semantics call.
 *
 * Each is an ir_helper: C code with declared effects. Arguments that are not named
 * are ignored.
 */
#ifndef ISA_RISCV_PRIV_H
#define ISA_RISCV_PRIV_H

#include "isa/riscv/state.h"

/* How a CSR instruction accesses: bits of argument 2 of rv_helper_csr. */
enum { RV_CSR_READ = 1, RV_CSR_WRITE = 2, RV_CSR_SET = 4, RV_CSR_CLEAR = 8 };

/* (csr | access << 12 | raw << 16, value, -) → the old value (0 without RV_CSR_READ). WRITE, SET
 * or CLEAR says what is done with value; none of them: only read. raw: the encoding, for stval.
 * Raises illegal-instruction. */
extern const struct ir_helper rv_helper_csr;

/* The same for CSRs that neither raise in any mode where FS is on nor change translation:
 * fflags, frm, fcsr. Sets FS dirty on writes. The caller has checked FS. */
extern const struct ir_helper rv_helper_fcsr;

extern const struct ir_helper rv_helper_ecall; /* raises, or calls the built-in firmware */
extern const struct ir_helper rv_helper_mret;  /* (raw): sets pc */
extern const struct ir_helper rv_helper_sret;  /* (raw): sets pc */
extern const struct ir_helper rv_helper_wfi;   /* (raw) */
/* (va, asid, raw | has_va << 32 | has_asid << 33): SFENCE.VMA, SINVAL.VMA */
extern const struct ir_helper rv_helper_sfence_vma;
extern const struct ir_helper
    rv_helper_sfence_inval; /* (raw): SFENCE.W.INVAL, SFENCE.INVAL.IR: checks */
extern const struct ir_helper rv_helper_fence_i;
/* (kind, raw): checks envcfg for CBO; kind 0 inval, 1 clean/flush, 2 zero. Returns nothing. */
extern const struct ir_helper rv_helper_cbo_check;
/* (va): CBO.INVAL, CLEAN, FLUSH: raises, as a store whatever the cause, unless the address
 * may be read or written */
extern const struct ir_helper rv_helper_cbo_probe;
extern const struct ir_helper rv_helper_pause; /* PAUSE */
extern const struct ir_helper rv_helper_wrs;   /* WRS.NTO, WRS.STO: stalls for a while */

#endif
