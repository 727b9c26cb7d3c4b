/*
 * check.h - lock step: the interpreter, the host-code tier and the evaluator on one block.
 *
 * The interpreter runs each block for real while every memory access is kept in a list.
 * Then state is put back and the others run the same block; each access of theirs must
 * be the next of the list and gets the result that is written there, so that nothing
 * happens twice. What they leave behind is compared. Instructions whose meaning is a
 * helper in C (CSRs, traps, fences) are blocks of their own and run once.
 */
#ifndef ENGINE_CORE_CHECK_H
#define ENGINE_CORE_CHECK_H

#include "engine/core/cpu_private.h"

/* NULL when memory is out. */
struct check *check_new(struct cpu *c);
struct check *check_free(struct check *k);

/* Flags that an instruction needs on top of its own so that it can be checked. */
u8 check_insn_flags(struct check *k, const struct isa_insn *in);

/* Runs one block in every engine asked for. Returns an enum run_code as a tier's run(). */
int check_run(struct cpu *c, struct eblock *b);

int check_load(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how);
int check_store(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how);
int check_probe(struct cpu *c, gva_t va, u64 len, struct ir_mem how);
int check_rmw(struct cpu *c, gva_t va, enum ir_rmw f, const void *operand, void *out, unsigned size,
              struct ir_mem how);
int check_cas(struct cpu *c, gva_t va, const void *expected, const void *want, void *out,
              unsigned size, struct ir_mem how);
int check_ll(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how);
int check_sc(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how, bool *done);
void check_clrex(struct cpu *c);

#endif
