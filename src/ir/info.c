/*
 * info.c - the list of operations as a table.
 */
#include "ir/ir.h"

const struct ir_op_info ir_op_infos[IR_OP_COUNT] = {
#define IR_OP(name, shape, effects, text, doc) { #name, shape, effects, text, doc },
#include "ir/ops.def"
#undef IR_OP
};
