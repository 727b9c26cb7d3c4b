/*
 * block_ir.h - the IR of a block of decoded instructions.
 */
#ifndef ENGINE_BASE_BLOCK_IR_H
#define ENGINE_BASE_BLOCK_IR_H

#include "engine/core/block.h"
#include "ir/build.h"

/* Fills *ir with what b's instructions mean, which insn has decoded. Where the build's option
 * verify_ir is on, what breaks a rule of the IR ends the process with the rule and the block. */
void block_ir_build(struct ir_builder *s, struct ir_block *ir, const struct isa *isa,
                    const struct eblock *b, const struct einsn *insn);

#endif
