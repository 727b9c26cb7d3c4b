/*
 * fields.h - what riscv's *.decode files say in C: lengths, derived immediates, and
 * the values of variant fields.
 */
#ifndef ISA_RISCV_FIELDS_H
#define ISA_RISCV_FIELDS_H

#include "base/bits.h"
#include "isa/riscv/priv.h"

/* Bytes of the instruction whose first 16 bits are given. Longer ones than 32 bits are
 * reserved and decode as 32 undefined bits. */
static inline unsigned rv_insn_bytes(u32 first)
{
    return (first & 3) == 3 ? 4 : 2;
}

/* The encoding itself, for stval. */
static inline s64 rv_raw(u32 w)
{
    return (s64)w;
}

/* Argument 0 of rv_helper_csr. CSRRW with rd = x0 does not read; CSRRS and CSRRC with
 * rs1 = x0, or an immediate of 0, do not write (Zicsr, table "Conditions"). */
static inline s64 rv_csr_operand(u32 w)
{
    unsigned kind = w >> 12 & 3; /* 1 write, 2 set, 3 clear */
    bool source = w >> 15 & 31, destination = w >> 7 & 31;
    u64 access = kind == 1 ? RV_CSR_WRITE | (destination ? RV_CSR_READ : 0)
                           : RV_CSR_READ | (source ? (kind == 2 ? RV_CSR_SET : RV_CSR_CLEAR) : 0);

    return (s64)(w >> 20 | access << 12 | (u64)w << 16);
}

/* Argument 2 of rv_helper_sfence_vma: which registers are named besides x0. */
static inline s64 rv_sfence_operand(u32 w)
{
    bool has_va = w >> 15 & 31, has_asid = w >> 20 & 31;

    return (s64)((u64)w | (u64)has_va << 32 | (u64)has_asid << 33);
}

/* FLI's constants (Zfa, table "Immediate values loaded by fli"), already NaN-boxed. */
s64 rv_fli_s(u32 w);
s64 rv_fli_d(u32 w);

/* Variant `cond` of branches. */
enum { RV_EQ, RV_NE, RV_LT, RV_GE, RV_LTU, RV_GEU };
/* Variant `how` of FSGNJ. */
enum { RV_FFLAGS = 1, RV_FRM, RV_FCSR };
enum { RV_SGNJ, RV_SGNJN, RV_SGNJX };

#endif
