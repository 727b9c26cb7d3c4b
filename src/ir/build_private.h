/*
 * build_private.h - what build.c offers to build_ops.c.
 */
#ifndef IR_BUILD_PRIVATE_H
#define IR_BUILD_PRIVATE_H

#include "ir/build.h"

/* An operation without operands. */
struct ir_op build_op(enum ir_opcode op, enum ir_type t);

/* Checks op and puts it at the block's end. */
ir_val build_append(struct ir_builder *s, struct ir_op op);

/* The same, or a simpler value when op is pure and folds. */
ir_val build_emit(struct ir_builder *s, struct ir_op op);

/* build_emit with operands; IR_NOVAL for those that are absent. */
ir_val build_abc(struct ir_builder *s, enum ir_opcode opcode, enum ir_type t, ir_val a, ir_val b,
                 ir_val c);

/* build_append of an operation without result. */
void build_plain(struct ir_builder *s, enum ir_opcode opcode, ir_val a, u64 imm);

#endif
