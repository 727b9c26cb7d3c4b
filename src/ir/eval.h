/*
 * eval.h - the slow and obvious reference: runs a block operation by operation.
 *
 * It shares nothing with the engines but the list of operations and fp.h. Memory
 * and helpers go through callbacks, so that tests can run it against anything.
 */
#ifndef IR_EVAL_H
#define IR_EVAL_H

#include "ir/ir.h"

/* Guest memory as the evaluator sees it. Each returns 0, or nonzero when the
 * access raised: then the caller of ir_eval knows what. v holds the value's bytes. */
struct ir_eval_mem {
    void *arg;
    int (*load)(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how);
    int (*store)(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how);
    int (*probe)(void *arg, u64 addr, unsigned size, struct ir_mem how);
    /* Atomic: loads old, and stores *want when old equals *expected (NULL: always). */
    int (*cas)(void *arg, u64 addr, const void *expected, const void *want, void *old,
               unsigned size, struct ir_mem how);
    int (*ll)(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how);
    int (*sc)(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how, bool *done);
    void (*clrex)(void *arg);
};

enum ir_eval_end {
    IR_EVAL_NEXT,     /* fell through the end of the block: pc is set after it */
    IR_EVAL_JUMP,     /* a jump was taken or not taken: pc is set */
    IR_EVAL_ENDBLOCK, /* ENDBLOCK: pc is set after that instruction */
    IR_EVAL_PC_SET,   /* ENDBLOCK after a helper that set the pc slot: it counts, not pc */
    IR_EVAL_RAISED,   /* RAISE: cause and value are set, pc is the instruction's */
    IR_EVAL_FAULTED,  /* a memory callback or helper raised; pc is the instruction's */
};

struct ir_eval_result {
    enum ir_eval_end end;
    u32 cause;
    u64 value, pc;
    u32 retired; /* instructions completed */
};

/* Runs the block. state: guest state; fp_env_off: byte offset of struct fp_env in
 * it; pc: address of the block's start; c is handed to helpers (may be NULL when
 * the block calls none). fault_pending(c) tells whether a helper raised. */
struct ir_eval_result ir_eval(const struct ir_block *b, void *state, u32 fp_env_off, u64 pc,
                              const struct ir_eval_mem *mem, struct vcpu *c,
                              bool (*fault_pending)(struct vcpu *));

#endif
