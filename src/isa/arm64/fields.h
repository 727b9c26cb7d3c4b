/*
 * fields.h - what arm64's *.decode files say in C: derived immediates, texts that several
 * fields make together, and the values of variant fields.
 */
#ifndef ISA_ARM64_FIELDS_H
#define ISA_ARM64_FIELDS_H

#include "base/bits.h"
#include "isa/arm64/state.h"

/* Immediates. Loads and stores: the offset in bytes, or how far an index is shifted. */
s64 arm_imm_addsub(u32 w);  /* imm12, shifted by 12 where sh says so */
s64 arm_imm_logical(u32 w); /* bit mask of N:immr:imms (DecodeBitMasks) */
s64 arm_imm_movz(u32 w);
s64 arm_imm_movn(u32 w);
s64 arm_imm_offset12(u32 w);
s64 arm_imm_offset7(u32 w);
s64 arm_imm_index(u32 w);

/* Loads and stores: bits that the base must have clear, when SP is aligned. */
enum { ARM_SP_MASK = 15 };
static inline s64 arm_sp_mask(u32 w)
{
    return bits_get(w, 5, 5) == 31 ? ARM_SP_MASK : 0;
}

/* SBFM and UBFM move the field to the top and from there to its place: how far left, how far
 * right. BFM keeps the destination outside a mask. */
s64 arm_imm_field_left(u32 w);
s64 arm_imm_field_right(u32 w);
s64 arm_imm_field_mask(u32 w);

/* 63 or 31 less the EXTR's lsb. */
s64 arm_imm_extr_left(u32 w);

/* Texts; see isa_show.text. */
int arm_text_addsub(u32 w, gva_t pc, char *buf, size_t size);   /* "#0x5, lsl #12" */
int arm_text_shift(u32 w, gva_t pc, char *buf, size_t size);    /* ", lsl #3" or "" */
int arm_text_extend(u32 w, gva_t pc, char *buf, size_t size);   /* "w2, uxtw #2" */
int arm_text_logical(u32 w, gva_t pc, char *buf, size_t size);  /* "#0xff" */
int arm_text_movwide(u32 w, gva_t pc, char *buf, size_t size);  /* "#0x5, lsl #16" */
int arm_text_adrp(u32 w, gva_t pc, char *buf, size_t size);     /* "0x4000" */
int arm_text_offset12(u32 w, gva_t pc, char *buf, size_t size); /* ", #8" or "" */
int arm_text_offset9(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_offset10(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_offset7(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_scaled7(u32 w, gva_t pc, char *buf, size_t size); /* "8" */
int arm_text_index(u32 w, gva_t pc, char *buf, size_t size);   /* "x2, lsl #3" */
int arm_text_casp_rs(u32 w, gva_t pc, char *buf, size_t size); /* the odd halves: "x3" */
int arm_text_casp_rt(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_prefetch(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_sysreg(u32 w, gva_t pc, char *buf, size_t size);  /* "ttbr0_el1", "s3_0_c1_c2_3" */
int arm_text_sys(u32 w, gva_t pc, char *buf, size_t size);     /* ", x2" or "" for XZR */
int arm_text_crm(u32 w, gva_t pc, char *buf, size_t size);     /* " #0x4" or "" for 15 */
int arm_text_barrier(u32 w, gva_t pc, char *buf, size_t size); /* "ish" or "#0x00" */

/* Variant `shift` of shifted registers, `option` of extended ones: as encoded. */
enum { ARM_LSL, ARM_LSR, ARM_ASR, ARM_ROR };
enum { ARM_UXTB, ARM_UXTH, ARM_UXTW, ARM_UXTX, ARM_SXTB, ARM_SXTH, ARM_SXTW, ARM_SXTX };
/* Variant `flags`: not set, set as well, or set and the result is for XZR. */
enum { ARM_FLAGS_NOT, ARM_FLAGS_TOO, ARM_FLAGS_ALONE };
/* Variant `op` of logical and of one-source instructions, `what` of CSEL and its like. */
enum { ARM_AND, ARM_ORR, ARM_EOR };
enum { ARM_RBIT, ARM_REV16, ARM_REV32, ARM_REV64, ARM_CLZ, ARM_CLS };
enum { ARM_CSEL, ARM_CSINC, ARM_CSINV, ARM_CSNEG };
/* Variant `mode` of loads and stores. */
enum { ARM_OFFSET, ARM_POST, ARM_PRE, ARM_UNPRIV };
/* Variant `f` of atomics where it is not an enum ir_rmw: the complement is ANDed. */
enum { ARM_RMW_CLR = 100 };
/* Variant `reg` of system registers. */
enum {
    ARM_TPIDR_EL0,
    ARM_TPIDRRO_EL0,
    ARM_DCZID,
    ARM_DIT,
    ARM_SSBS,
    ARM_TPIDR_EL1,
    ARM_TPIDR_EL2,
    ARM_SP_EL0,
};

/* The encoding itself. */
static inline s64 arm_raw(u32 w)
{
    return (s64)w;
}

#endif
