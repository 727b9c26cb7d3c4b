/*
 * simd.h - how semantics of V registers are written: the meaning of one element, which is then
 * done for all of them.
 *
 * A function of an element reads operands with arm_elem() and returns the result's element. Around
 * it goes arm_each() where results are no wider than what is read at the same place, so that
 * registers may be the same; arm_collect() where elements change places or widths.
 */
#ifndef ISA_ARM64_SIMD_H
#define ISA_ARM64_SIMD_H

#include "isa/arm64/sem.h"
#include "isa/arm64/simd_fields.h"

/* An instruction that raises where CPACR_EL1 does not allow it. */
#define ARM_FP_SEM(name)                                                                           \
    static void fp_##name(struct ir_builder *s, const struct arm_args_##name *a);                  \
    ARM_SEM(name)                                                                                  \
    {                                                                                              \
        arm_need_fp(s);                                                                            \
        fp_##name(s, a);                                                                           \
    }                                                                                              \
    static void fp_##name(struct ir_builder *s, const struct arm_args_##name *a)

enum { ARM_D_BYTES = 8, ARM_V_BYTES = 16 };

/* What a vector has: variant q. */
static inline unsigned arm_bytes(int q)
{
    return q == ARM_128 ? ARM_V_BYTES : ARM_D_BYTES;
}

void arm_need_fp(struct ir_builder *s);

struct arm_vec {
    struct ir_builder *s;
    const void *args; /* borrows: the instruction's */
    int q;            /* ARM_64 and so on: how many elements the result has */
    int size;         /* of an element of the result: 1 << size bytes */
    bool saturates;   /* results are clipped, which FPSR.QC remembers */
    ir_var qc;
    ir_val i; /* number of the element */
};

typedef ir_val arm_element(const struct arm_vec *v);

/* Element i of 1 << size bytes, of those that begin `from` bytes into the register. */
ir_val arm_elem(const struct arm_vec *v, int size, sem_reg r, unsigned from);
/* Element number n, any value of at most `most`. */
ir_val arm_elem_at(const struct arm_vec *v, int size, sem_reg r, ir_val n);

/* Elements 2i and 2i + 1 of the operands one behind the other. */
struct arm_couple {
    ir_val x, y;
};
struct arm_couple arm_pair(const struct arm_vec *v, sem_reg rn, sem_reg rm);

void arm_each(struct arm_vec *v, sem_reg rd, arm_element *fn);
void arm_collect(struct arm_vec *v, sem_reg rd, arm_element *fn);
/* Elements that make 64 bits become the lower half, or the upper one and leave the lower. A scalar
 * one becomes all of the register. */
void arm_collect_half(struct arm_vec *v, sem_reg rd, arm_element *fn);

/* A value becomes the lower part of a register and zeros the rest. */
void arm_set_v(struct ir_builder *s, sem_reg rd, ir_val v);
/* Both halves; i64. */
void arm_set_halves(struct ir_builder *s, sem_reg rd, ir_val low, ir_val high);

/* Every element becomes x. */
void arm_set_all(struct ir_builder *s, int q, int size, sem_reg rd, ir_val x);

/* Remembers in FPSR.QC that a result was clipped. */
void arm_saturated(const struct arm_vec *v, ir_val clipped);
/* A sum or a difference in the elements' own type, clipped. */
ir_val arm_sat_addsub(const struct arm_vec *v, bool sub, bool is_signed, ir_val x, ir_val y);
/* x, signed, clipped to the narrower type, which may be unsigned. */
ir_val arm_clip(const struct arm_vec *v, ir_val x, bool is_signed, enum ir_type t, bool to_signed);

/* x >> (less1 + 1), rounded where asked for; less1 is below the width. */
ir_val arm_shift_right(struct ir_builder *s, ir_val x, ir_val less1, bool is_signed, bool round);

#endif
