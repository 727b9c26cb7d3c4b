/*
 * interp.h - the block runner of the interpreter: calls one generated handler after
 * the other.
 */
#ifndef ENGINE_INTERP_INTERP_H
#define ENGINE_INTERP_INTERP_H

#include "engine/core/block.h"

/* Runs from b on, block after block, while the jump cache knows the next one, nobody
 * asks for an exit, the budget lasts and no tier wants the block. b must be where the pc
 * slot is, and decoded; it is run in any case, unless another vCPU gave it host code. Returns an
 * enum run_code, never RUN_NEXT; the pc slot is set but for RUN_FAULT. When the budget ends inside
 * a block, that many instructions of it are run. threshold: of the tier above; a block that has run
 * as often, or has host code, is left to it; UINT32_MAX: there is none. */
int interp_run(struct ecpu *c, struct eblock *b, u32 threshold);

/* The mark behind a block's last instruction. */
isa_handler interp_block_end;

#endif
