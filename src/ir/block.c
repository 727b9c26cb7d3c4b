/*
 * block.c - storage of a block.
 */
#include "ir/ir.h"
#include <stdlib.h>

void ir_block_init(struct ir_block *b)
{
    *b = (struct ir_block){ 0 };
}

void ir_block_fini(struct ir_block *b)
{
    free(b->ops);
    ir_block_init(b);
}

/* Keeps the array: a builder fills thousands of blocks into one. */
void ir_block_clear(struct ir_block *b)
{
    b->op_count = 0;
    b->insn_count = 0;
    b->next = 0;
}
