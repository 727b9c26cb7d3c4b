/*
 * hard_sem.h - the vocabulary of the *_hard.sem.c files, and the list of their functions.
 */
#ifndef TESTS_IR_HARD_SEM_H
#define TESTS_IR_HARD_SEM_H

#include "hard_state.h"
#include "ir/build.h"

/* Operands, as a decoder would fill them: k-th register and immediate. */
struct hard_args {
    sem_reg r[6];
    sem_imm imm[2];
};

/* SEM(name) for each, in hard_sems.def. */
#define SEM(name) void hard_##name(struct ir_builder *s, const struct hard_args *a);
#include "hard_sems.def"
#undef SEM

#define HARD_SEM(name) void hard_##name(struct ir_builder *s, const struct hard_args *a)

static const struct ir_mem HARD_PLAIN = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };

/* hard_helpers.c */
extern const struct ir_helper hard_helper_far_return; /* (rip, cs): sets pc; raises #GP */
extern const struct ir_helper hard_helper_vle64ff;    /* (address, vd's offset in state) */

#endif
