/*
 * block_ir.c - see block_ir.h.
 */
#include "engine/base/block_ir.h"

#include "base/bug.h"
#include <stdio.h>
#include <stdlib.h>

/* After the sentence, since a bad block may be more than the printer can take. */
static void print(void *arg)
{
    const struct ir_block *ir = arg;
    size_t size = ir_print(ir, NULL, 0) + 1;
    char *text = malloc(size);

    if (text) {
        ir_print(ir, text, size);
        fputs(text, stderr);
    }
    free(text);
}

/* A bad block is no guest's doing, but ours. */
static void verify(struct ir_block *ir)
{
    char buf[256];
    const char *why = ir_verify(ir, buf, sizeof buf);

    if (!why)
        return;
    bug_add_dump(print, ir);
    BUG(why);
}

void block_ir_build(struct ir_builder *s, struct ir_block *ir, const struct isa *isa,
                    const struct eblock *b, const struct einsn *insn)
{
    ir_builder_begin(s, ir);
    for (unsigned i = 0; i < b->insn_count; i++) {
        const struct isa_insn *in = &insn[i].in;

        ir_builder_insn(s, in->offset, in->len);
        isa_build(isa, s, in);
        if (eblock_follows(b, insn, i))
            ir_builder_follow(s);
        ir_builder_insn_end(s);
    }
    if (VERIFY_IR)
        verify(ir);
}
