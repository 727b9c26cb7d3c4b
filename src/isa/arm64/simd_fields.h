/*
 * simd_fields.h - what the *.decode files of V registers say in C: derived immediates, texts,
 * the values of variant fields.
 */
#ifndef ISA_ARM64_SIMD_FIELDS_H
#define ISA_ARM64_SIMD_FIELDS_H

#include "base/bits.h"
#include "isa/arm64/state.h"

/* Variant `q`: 64 or 128 bits of a register, or one element of it. */
enum { ARM_64, ARM_128, ARM_SCALAR };

/* Variant `op` of operations on elements. */
enum {
    ARM_V_ADD,
    ARM_V_SUB,
    ARM_V_MUL,
    ARM_V_PMUL,
    ARM_V_MLA,
    ARM_V_MLS,
    ARM_V_CMGT,
    ARM_V_CMGE,
    ARM_V_CMHI,
    ARM_V_CMHS,
    ARM_V_CMEQ,
    ARM_V_CMLT,
    ARM_V_CMLE,
    ARM_V_CMTST,
    ARM_V_SMAX,
    ARM_V_SMIN,
    ARM_V_UMAX,
    ARM_V_UMIN,
    ARM_V_SABD,
    ARM_V_UABD,
    ARM_V_SABA,
    ARM_V_UABA,
    ARM_V_SHADD,
    ARM_V_UHADD,
    ARM_V_SRHADD,
    ARM_V_URHADD,
    ARM_V_SHSUB,
    ARM_V_UHSUB,
    /* these saturate */
    ARM_V_SQADD,
    ARM_V_UQADD,
    ARM_V_SQSUB,
    ARM_V_UQSUB,
    ARM_V_SUQADD,
    ARM_V_USQADD,
    ARM_V_SQDMULH,
    ARM_V_SQRDMULH,
    ARM_V_SQRDMLAH,
    ARM_V_SQRDMLSH,
    ARM_V_SQABS,
    ARM_V_SQNEG,
    ARM_V_SATURATING = ARM_V_SQADD,
    /* of one operand */
    ARM_V_CLS = ARM_V_SQNEG + 1,
    ARM_V_CLZ,
    ARM_V_CNT,
    ARM_V_NOT,
    ARM_V_RBIT,
    ARM_V_ABS,
    ARM_V_NEG,
};

/* Variant `op` of floating point: of two operands, */
enum {
    ARM_F_ADD,
    ARM_F_SUB,
    ARM_F_MUL,
    ARM_F_DIV,
    ARM_F_MAX,
    ARM_F_MIN,
    ARM_F_MAXNM,
    ARM_F_MINNM,
    ARM_F_NMUL,
    ARM_F_MULX,
    ARM_F_ABD,
    ARM_F_RECPS,
    ARM_F_RSQRTS,
    ARM_F_MLA, /* with the destination as the third */
    ARM_F_MLS,
    ARM_F_CMEQ,
    ARM_F_CMGE,
    ARM_F_CMGT,
    ARM_F_CMLE, /* with zero alone, */
    ARM_F_CMLT,
    ARM_F_ACGE,
    ARM_F_ACGT,
    /* of one: FRINT rounds by `round`, an enum fp_round or IR_ROUND_DYNAMIC, */
    ARM_F_MOV,
    ARM_F_ABS,
    ARM_F_NEG,
    ARM_F_SQRT,
    ARM_F_RINT,
    ARM_F_RINTX,  /* raising "inexact" */
    ARM_F_RINT32, /* to what an int32 holds */
    ARM_F_RINT64,
    ARM_F_RECPE,
    ARM_F_RSQRTE,
    ARM_F_RECPX,
    ARM_F_TO_S, /* to integers as wide, signed and unsigned, */
    ARM_F_TO_U,
    ARM_F_FROM_S,
    ARM_F_FROM_U,
};

/* Variant `op` of logic: with the destination as the third operand from BSL on. */
enum { ARM_L_AND, ARM_L_BIC, ARM_L_ORR, ARM_L_ORN, ARM_L_EOR, ARM_L_BSL, ARM_L_BIT, ARM_L_BIF };

/* Variant `op` of instructions whose result is wider than operands. */
enum { ARM_W_ADD, ARM_W_SUB, ARM_W_ABD, ARM_W_ABA, ARM_W_MUL, ARM_W_MLA, ARM_W_MLS };
/* Variant `op` of permutations, with their second half in `part`. */
enum { ARM_P_UZP, ARM_P_TRN, ARM_P_ZIP };
/* Variant `op` of a modified immediate. */
enum { ARM_I_MOVE, ARM_I_ORR, ARM_I_BIC };
/* Variant `into` of shifts by an immediate: what happens to the destination. */
enum { ARM_S_SET, ARM_S_ADD, ARM_S_SRI, ARM_S_SLI };
/* Variant `from` and `to` of narrowing: how they are read, and clipped to. */
enum { ARM_N_CUT, ARM_N_SIGNED, ARM_N_UNSIGNED };

/* Variant `op` of ciphers and hashes; of AES the helper's last argument, which makes the lower
 * half, or the upper one. */
enum { ARM_AES_E, ARM_AES_D, ARM_AES_MC, ARM_AES_IMC, ARM_AES_UPPER };
enum { ARM_SHA1_C, ARM_SHA1_P, ARM_SHA1_M };
enum { ARM_SM3_TT1A, ARM_SM3_TT1B, ARM_SM3_TT2A, ARM_SM3_TT2B };

/* Variant `post` of structures: the base grows by what was accessed, or by a register. */
enum { ARM_POST_NONE, ARM_POST_BYTES, ARM_POST_REG };

/* The number that an immediate of 8 bits stands for, in a format of 16, 32 or 64. */
u64 arm_fp_immediate(unsigned imm8, unsigned bits);

/* Immediates. */
s64 arm_imm_offset_q(u32 w);  /* imm12, by 16 bytes */
s64 arm_imm_pair_v(u32 w);    /* imm7 of LDP and STP, by 4 << opc bytes */
s64 arm_imm_index_v(u32 w);   /* how far an index is shifted, of 1 << size bytes */
s64 arm_imm_index_q(u32 w);   /* of 16 bytes */
s64 arm_imm_copy_to(u32 w);   /* DUP, INS and so on: the place of the element in bytes: imm5 */
s64 arm_imm_copy_from(u32 w); /* imm4 of INS (element), in bytes */
s64 arm_imm_modified(u32 w);  /* AdvSIMDExpandImm() */
s64 arm_imm_shift_left(u32 w);
s64 arm_imm_shll(u32 w);
s64 arm_imm_shift_right1(u32 w); /* less one */
s64 arm_imm_fp(u32 w);           /* FMOV (scalar, immediate) */
s64 arm_imm_fbits(u32 w);        /* bits behind the point */
s64 arm_imm_lane(u32 w);         /* of LD1 and so on, in bytes */
s64 arm_imm_by_elem(u32 w);      /* the place of an operand's element in bytes: H, L, M */
s64 arm_imm_dot(u32 w);          /* of an operand's 32 bits in bytes: H, L */
s64 arm_imm_half_elem(u32 w);    /* of its half: H, L, M */
s64 arm_imm_complex(u32 w);      /* of its complex number */
s64 arm_imm_sm3(u32 w);          /* of its word, of SM3TT1A and so on */
s64 arm_imm_ext(u32 w);          /* the byte where EXT begins */

/* T(name, format): arm_text_NAME prints the format; its codes are in simd_text.c. */
#define ARM_SIMD_TEXTS(T)                                                                          \
    T(v3, "v%d.%T, v%n.%T, v%m.%T")                                                                \
    T(v3b, "v%d.%B, v%n.%B, v%m.%B")                                                               \
    T(v2, "v%d.%T, v%n.%T")                                                                        \
    T(v2b, "v%d.%B, v%n.%B")                                                                       \
    T(v2zero, "v%d.%T, v%n.%T, #0")                                                                \
    T(s3, "%S%d, %S%n, %S%m")                                                                      \
    T(s2, "%S%d, %S%n")                                                                            \
    T(s2zero, "%S%d, %S%n, #0")                                                                    \
    T(pair_long, "v%d.%L, v%n.%T")                                                                 \
    T(long3, "%2 v%d.%W, v%n.%T, v%m.%T")                                                          \
    T(wide3, "%2 v%d.%W, v%n.%W, v%m.%T")                                                          \
    T(narrow3, "%2 v%d.%T, v%n.%W, v%m.%W")                                                        \
    T(pmull, "%2 v%d.1q, v%n.%T, v%m.%T")                                                          \
    T(slong3, "%Y%d, %S%n, %S%m")                                                                  \
    T(narrow2, "%2 v%d.%T, v%n.%W")                                                                \
    T(snarrow2, "%S%d, %Y%n")                                                                      \
    T(shll, "%2 v%d.%W, v%n.%T, #%E")                                                              \
    T(across, "%S%d, v%n.%T")                                                                      \
    T(across_long, "%Y%d, v%n.%T")                                                                 \
    T(spair, "d%d, v%n.2d")                                                                        \
    T(dup_elem, "v%d.%C, v%n.%c[%i]")                                                              \
    T(dup_scalar, "%c%d, v%n.%c[%i]")                                                              \
    T(dup_gp, "v%d.%C, %g")                                                                      \
    T(mov_gp, "%q, v%n.%c[%i]")                                                                  \
    T(ins_gp, "v%d.%c[%i], %g")                                                                  \
    T(ins_elem, "v%d.%c[%i], v%n.%c[%j]")                                                          \
    T(ext, "v%d.%B, v%n.%B, v%m.%B, #%x")                                                          \
    T(tbl, "v%d.%B, %l, v%m.%B")                                                                 \
    T(vshl, "v%d.%K, v%n.%K, #%u")                                                                 \
    T(vshr, "v%d.%K, v%n.%K, #%r")                                                                 \
    T(sshl, "%k%d, %k%n, #%u")                                                                     \
    T(sshr, "%k%d, %k%n, #%r")                                                                     \
    T(shift_long, "%2 v%d.%M, v%n.%K, #%u")                                                        \
    T(shift_narrow, "%2 v%d.%K, v%n.%M, #%r")                                                      \
    T(shift_snarrow, "%k%d, %y%n, #%r")                                                            \
    T(elem3, "v%d.%T, v%n.%T, v%o.%s[%e]")                                                         \
    T(selem3, "%S%d, %S%n, v%o.%s[%e]")                                                            \
    T(elem_long, "%2 v%d.%W, v%n.%T, v%o.%s[%e]")                                                  \
    T(selem_long, "%Y%d, %S%n, v%o.%s[%e]")                                                        \
    T(helem3, "v%d.%H, v%n.%H, v%o.h[%h]")                                                         \
    T(shelem3, "h%d, h%n, v%o.h[%h]")                                                              \
    T(vf3, "v%d.%F, v%n.%F, v%m.%F")                                                               \
    T(vh3, "v%d.%H, v%n.%H, v%m.%H")                                                               \
    T(sf3, "%f%d, %f%n, %f%m")                                                                     \
    T(sh3, "h%d, h%n, h%m")                                                                        \
    T(vf2, "v%d.%F, v%n.%F")                                                                       \
    T(vh2, "v%d.%H, v%n.%H")                                                                       \
    T(sf2, "%f%d, %f%n")                                                                           \
    T(sh2, "h%d, h%n")                                                                             \
    T(sfpair, "%f%d, v%n.2%f")                                                                     \
    T(shpair, "h%d, v%n.2h")                                                                       \
    T(facross, "s%d, v%n.4s")                                                                      \
    T(hacross, "h%d, v%n.%H")                                                                      \
    T(fcvtl, "%2 v%d.%G, v%n.%J")                                                                  \
    T(fcvtn, "%2 v%d.%J, v%n.%G")                                                                  \
    T(fcvtxn, "s%d, d%n")                                                                          \
    T(f2, "%P%d, %P%n")                                                                            \
    T(f3, "%P%d, %P%n, %P%m")                                                                      \
    T(f4, "%P%d, %P%n, %P%m, %P%a")                                                                \
    T(fcvt, "%Q%d, %P%n")                                                                          \
    T(fcmp, "%P%n, %P%m")                                                                          \
    T(fcmp_zero, "%P%n, #0.0")                                                                     \
    T(fd, "%P%d")                                                                                  \
    T(fn, "%P%n")                                                                                  \
    T(fd_top, "v%d.d[1]")                                                                          \
    T(fn_top, "v%n.d[1]")                                                                          \
    T(fbits, "%b")                                                                                 \
    T(dot, "v%d.%D, v%n.%B, v%m.%B")                                                               \
    T(dot_elem, "v%d.%D, v%n.%B, v%m.4b[%t]")                                                      \
    T(matrix, "v%d.4s, v%n.16b, v%m.16b")                                                          \
    T(bfdot, "v%d.%D, v%n.%H, v%m.%H")                                                             \
    T(bfdot_elem, "v%d.%D, v%n.%H, v%m.2h[%t]")                                                    \
    T(bfmatrix, "v%d.4s, v%n.8h, v%m.8h")                                                          \
    T(bflong_elem, "v%d.4s, v%n.8h, v%O.h[%w]")                                                    \
    T(bfcvt, "h%d, s%n")                                                                           \
    T(bfcvtn, "%2 v%d.%H, v%n.4s")                                                                 \
    T(fcadd, "%R")                                                                                 \
    T(fcmla, "%U")                                                                                 \
    T(fcmla_elem, "v%d.%T, v%n.%T, v%m.%s[%z], #%V")                                               \
    T(fmlal, "v%d.%D, v%n.%X, v%m.%X")                                                             \
    T(fmlal_elem, "v%d.%D, v%n.%X, v%O.h[%w]")                                                     \
    T(aes, "v%d.16b, v%n.16b")                                                                     \
    T(sha1, "q%d, s%n, v%m.4s")                                                                    \
    T(sha1h, "s%d, s%n")                                                                           \
    T(sha256, "q%d, q%n, v%m.4s")                                                                  \
    T(sha512, "q%d, q%n, v%m.2d")                                                                  \
    T(crypto2, "v%d.4s, v%n.4s")                                                                   \
    T(crypto2_2d, "v%d.2d, v%n.2d")                                                                \
    T(crypto3, "v%d.4s, v%n.4s, v%m.4s")                                                           \
    T(crypto3_2d, "v%d.2d, v%n.2d, v%m.2d")                                                        \
    T(sha3, "v%d.16b, v%n.16b, v%m.16b, v%a.16b")                                                  \
    T(sm3ss1, "v%d.4s, v%n.4s, v%m.4s, v%a.4s")                                                    \
    T(sm3tt, "v%d.4s, v%n.4s, v%m.s[%N]")                                                          \
    T(vt, "%v%d")                                                                                  \
    T(pair_v, "%p%d, %p%a")                                                                        \
    T(lit_v, "%p%d")

/* A helper's argument: a format and what else is to be known. */
enum {
    ARM_HELP_FORMAT = 0xf, /* enum fp_format */
    ARM_HELP_SIGNED = 0x10,
    ARM_HELP_64 = 0x20,    /* integers: 64 bits; */
    ARM_HELP_16 = 0x40,    /* 16, else 32 */
    ARM_HELP_RSQRT = 0x80, /* of a square root */
    ARM_HELP_EXPONENT = 0x100,
    ARM_HELP_EXACT = 0x200,    /* FRINT32X, FRINT64X: by the mode, not towards zero */
    ARM_HELP_FRACTION = 0x400, /* times this: bits behind the point */
    ARM_HELP_TO = 0x10000,     /* times this: the format of the result */
};

#define T(name, format) int arm_text_##name(u32 w, gva_t pc, char *buf, size_t size);
ARM_SIMD_TEXTS(T)
#undef T

int arm_text_offset_q(u32 w, gva_t pc, char *buf, size_t size);
int arm_text_pair_offset_v(u32 w, gva_t pc, char *buf, size_t size); /* ", #16" or "" */
int arm_text_pair_scaled_v(u32 w, gva_t pc, char *buf, size_t size); /* "16" */
int arm_text_index_v(u32 w, gva_t pc, char *buf, size_t size);       /* "x2, lsl #4" */
int arm_text_modified(u32 w, gva_t pc, char *buf, size_t size);      /* "v0.4s, #0x1, lsl #8" */
int arm_text_fp_imm(u32 w, gva_t pc, char *buf, size_t size);        /* "#1.0e+00" */
int arm_text_structs(u32 w, gva_t pc, char *buf, size_t size);       /* "{v0.8b, v1.8b}" */
int arm_text_struct_lane(u32 w, gva_t pc, char *buf, size_t size);   /* "{v0.b}[3]" */
int arm_text_struct_post(u32 w, gva_t pc, char *buf, size_t size);   /* "#16" or "x2" */

#endif
