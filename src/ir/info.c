/*
 * info.c - the list of operations as a table.
 */
#include "ir/fp.h"
#include "ir/ir.h"

const struct ir_op_info ir_op_infos[IR_OP_COUNT] = {
#define IR_OP(name, shape, effects, text, doc) { #name, shape, effects, text, doc },
#include "ir/ops.def"
#undef IR_OP
};

bool ir_fp_rules16(const struct ir_op *op)
{
    return op->op != IR_FCVT && op->fp.format == FP_F16;
}
