/*
 * semgen.h - what a guest gives to semgen, the program that prints its interpreter.
 *
 * decodegen writes the rows: one for each handler (semantics x variant values), in
 * the order of isa.ops, with the operands symbolic: sem_reg.operand = k stands for
 * reg[k] of struct isa_insn, sem_imm.operand = 0 or 1 for its imm or imm2.
 *
 * A guest's program is made of semgen_sources (tools/semgen/meson.build), the rows, the
 * .sem.c files and the rows of their helpers (IR_HELPER in ir.h), compiled natively with
 * -DSEMGEN. It is given the names of the C files that it writes, between which it divides the
 * handlers, as one file takes a compiler long: PREFIX_h_NAME() for each row that differs, and in
 * the first isa_handler *const PREFIX_interp_handlers[] in row order, PREFIX_interp_handler_count.
 * `semgen --row NAME` prints one row's operations and handler instead.
 */
#ifndef TOOLS_SEMGEN_SEMGEN_H
#define TOOLS_SEMGEN_SEMGEN_H

#include "base/types.h"

struct ir_builder;

struct semgen_row {
    const char *name; /* a C identifier, unique: the handler becomes PREFIX_h_NAME */
    void (*emit)(struct ir_builder *s, const int *values);
    const int *values; /* of its variant fields, as in struct isa_op */
};

extern const struct semgen_row semgen_rows[];
extern const unsigned semgen_row_count;
extern const char *const semgen_prefix; /* "riscv": the table becomes riscv_interp_handlers */

/* Byte offsets in guest state, as in struct isa. */
extern const u32 semgen_pc_offset;     /* u64 */
extern const u32 semgen_fp_env_offset; /* struct fp_env */

#endif
