/*
 * every_handler.h - that each handler of a guest builds IR that the verifier accepts, and leaves
 * the block exactly when its decode line says so.
 */
#ifndef TESTS_ISA_EVERY_HANDLER_H
#define TESTS_ISA_EVERY_HANDLER_H

#include "base/bits.h"
#include "ir/build.h"
#include "isa/lines.h"
#include "random.h"
#include "test.h"

enum { KEY_BITS = 0xff }; /* of a block key: those that may choose a handler */

static struct ir_block block;
static struct ir_builder *builder;

static inline void build_one(const struct isa *isa, const struct isa_insn *in)
{
    char why[256], text[4096];
    const char *wrong;

    ir_builder_begin(builder, &block);
    ir_builder_insn(builder, 0, in->len);
    isa_build(isa, builder, in);
    ir_builder_insn_end(builder);
    wrong = ir_verify(&block, why, sizeof why);
    if (wrong) {
        ir_print(&block, text, sizeof text);
        (void)TEST_FAIL_("%s (%08x): %s\n%s", isa->ops[in->op].name, in->raw, wrong, text);
    }
    if (ir_builder_left(builder) != !!(in->flags & ISA_INSN_ENDS))
        (void)TEST_FAIL_("%s (%08x): %s its block, its decode line says otherwise",
                         isa->ops[in->op].name, in->raw,
                         ir_builder_left(builder) ? "leaves" : "does not leave");
}

static inline void build_every_handler(const struct isa *isa, const struct isa_lines *lines)
{
    static bool seen[65536];
    u64 rng = 1;
    unsigned built = 0;

    ir_block_init(&block);
    builder = ir_builder_new(false);
    for (unsigned line = 0; line < lines->line_count; line++)
        for (unsigned n = 0; n < 600; n++) {
            struct isa_insn in;
            u8 bytes[4];
            u32 w;

            if (!isa_line_encode(lines, line, (u32)random_u64(&rng), &w))
                continue;
            le32_put(bytes, w);
            isa->decode(bytes, 4, random_u64(&rng) & KEY_BITS, &in);
            built += !seen[in.op];
            seen[in.op] = true;
            build_one(isa, &in);
        }
    for (unsigned op = 0; op + 1 < isa->op_count; op++)
        if (!seen[op])
            (void)TEST_FAIL_("op %u, %s, was never chosen", op, isa->ops[op].name);
    printf("# %u handlers\n", built);
    ir_builder_free(builder);
    ir_block_fini(&block);
}

/* The kind of the jump that one instruction makes; -1: it makes none. Between
 * jump_kinds_begin() and jump_kinds_end(). */
static inline int jump_kind(const struct isa *isa, u32 w)
{
    struct isa_insn in;
    u8 bytes[4];

    le32_put(bytes, w);
    isa->decode(bytes, 4, 0, &in);
    ir_builder_begin(builder, &block);
    ir_builder_insn(builder, 0, in.len);
    isa_build(isa, builder, &in);
    ir_builder_insn_end(builder);
    for (u32 i = 0; i < block.op_count; i++)
        if (block.ops[i].op == IR_JUMP)
            return (int)block.ops[i].imm;
    return -1;
}

static inline void jump_kinds_begin(void)
{
    ir_block_init(&block);
    builder = ir_builder_new(false);
}

static inline void jump_kinds_end(void)
{
    ir_builder_free(builder);
    ir_block_fini(&block);
}

#endif
