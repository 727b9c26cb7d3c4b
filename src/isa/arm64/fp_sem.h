/*
 * fp_sem.h - floating-point operations by their variant, for scalars and for elements of vectors.
 *
 * size is the logarithm of a number's bytes: 1 half, 2 single, 3 double precision.
 */
#ifndef ISA_ARM64_FP_SEM_H
#define ISA_ARM64_FP_SEM_H

#include "isa/arm64/simd.h"

/* Bits 23:22 of scalar instructions. */
static inline int arm_fp_size(int type)
{
    return type == 0 ? 2 : type == 1 ? 3 : 1;
}

enum fp_format arm_fp_format(int size);

/* FPCR's rules; round: enum fp_round or IR_ROUND_DYNAMIC. */
struct ir_fp arm_fp_how(int size, int round);

/* ARM_F_ADD to ARM_F_ACGT; d: the third operand of ARM_F_MLA and MLS. Comparisons give all ones or
 * zeros. */
ir_val arm_fp_two(struct ir_builder *s, int op, int size, ir_val x, ir_val y, ir_val d);
/* ARM_F_MOV to ARM_F_FROM_U. */
ir_val arm_fp_one(struct ir_builder *s, int op, int size, int round, ir_val x);

ir_val arm_fp_negate(struct ir_builder *s, ir_val x);
ir_val arm_fp_fma(struct ir_builder *s, int size, ir_val x, ir_val y, ir_val addend);
/* Between formats; half precision as FPCR.AHP has it. */
ir_val arm_fp_convert(struct ir_builder *s, int from, int to, int round, ir_val x);

/* A helper of up to two values; its last argument is `how`, ARM_HELP_*, of which `scale` is a
 * part known when the instruction is decoded. The result is of 1 << size bytes. */
ir_val arm_fp_help(struct ir_builder *s, const struct ir_helper *h, int size, ir_val x, ir_val y,
                   u32 how);

#endif
