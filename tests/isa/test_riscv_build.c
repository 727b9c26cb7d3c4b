/*
 * Every riscv handler builds IR that the verifier accepts, and leaves the block exactly
 * when its decode line says so.
 */
#include "base/bits.h"
#include "ir/build.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/decode.h"
#include "random.h"
#include "test.h"

static struct ir_block block;
static struct ir_builder *builder;

static void build_one(const struct isa_insn *in)
{
    char why[256], text[4096];
    const char *wrong;

    ir_builder_begin(builder, &block);
    ir_builder_insn(builder, 0, in->len);
    riscv_isa.ops[in->op].build(builder, in);
    ir_builder_insn_end(builder);
    wrong = ir_verify(&block, why, sizeof why);
    if (wrong) {
        ir_print(&block, text, sizeof text);
        (void)TEST_FAIL_("%s (%08x): %s\n%s", riscv_isa.ops[in->op].name, in->raw, wrong, text);
    }
    if (ir_builder_left(builder) != !!(in->flags & ISA_INSN_ENDS))
        (void)TEST_FAIL_("%s (%08x): %s its block, its decode line says otherwise",
                         riscv_isa.ops[in->op].name, in->raw,
                         ir_builder_left(builder) ? "leaves" : "does not leave");
}

TEST(every_handler_builds_valid_ir)
{
    static bool seen[65536];
    u64 rng = 1;
    unsigned built = 0;

    ir_block_init(&block);
    builder = ir_builder_new(false);
    for (unsigned line = 0; line < riscv_lines.line_count; line++)
        for (unsigned n = 0; n < 200; n++) {
            struct isa_insn in;
            u8 bytes[4];
            u32 w;

            if (!isa_line_encode(&riscv_lines, line, (u32)random_u64(&rng), &w))
                continue;
            le32_put(bytes, w);
            riscv_isa.decode(bytes, 4, 0, &in);
            built += !seen[in.op];
            seen[in.op] = true;
            build_one(&in);
        }
    for (unsigned op = 0; op + 1 < riscv_isa.op_count; op++)
        if (!seen[op])
            (void)TEST_FAIL_("op %u, %s, was never chosen", op, riscv_isa.ops[op].name);
    printf("# %u handlers\n", built);
    ir_builder_free(builder);
    ir_block_fini(&block);
}

TEST(undefined_is_illegal)
{
    static const u8 zero[4];
    struct isa_insn in;

    CHECK_EQ(riscv_isa.decode(zero, 4, 0, &in), ISA_DECODE_OK);
    CHECK_EQ(in.op, riscv_isa.op_count - 1);
    CHECK_EQ(in.len, 2);
    CHECK_EQ(in.flags & ISA_INSN_ENDS, ISA_INSN_ENDS);
}

/* The kind of the jump that one instruction makes; -1: it makes none. */
static int jump_kind(u32 w)
{
    struct isa_insn in;
    u8 bytes[4];

    le32_put(bytes, w);
    riscv_isa.decode(bytes, 4, 0, &in);
    ir_builder_begin(builder, &block);
    ir_builder_insn(builder, 0, in.len);
    riscv_isa.ops[in.op].build(builder, &in);
    ir_builder_insn_end(builder);
    for (u32 i = 0; i < block.op_count; i++)
        if (block.ops[i].op == IR_JUMP)
            return (int)block.ops[i].imm;
    return -1;
}

/* Unprivileged specification, "Unconditional Jumps": what return-address stacks go by. */
TEST(calls_and_returns_are_told_apart)
{
    ir_block_init(&block);
    builder = ir_builder_new(false);
    CHECK_EQ(jump_kind(0x0000006f), IR_JUMP_PLAIN);  /* jal zero */
    CHECK_EQ(jump_kind(0x000000ef), IR_JUMP_CALL);   /* jal ra */
    CHECK_EQ(jump_kind(0x000002ef), IR_JUMP_CALL);   /* jal t0 */
    CHECK_EQ(jump_kind(0x00008067), IR_JUMP_RETURN); /* jalr zero,0(ra) */
    CHECK_EQ(jump_kind(0x00028067), IR_JUMP_RETURN); /* jalr zero,0(t0) */
    CHECK_EQ(jump_kind(0x00050067), IR_JUMP_PLAIN);  /* jalr zero,0(a0) */
    CHECK_EQ(jump_kind(0x000500e7), IR_JUMP_CALL);   /* jalr ra,0(a0) */
    CHECK_EQ(jump_kind(0x8082), IR_JUMP_RETURN);     /* c.jr ra */
    CHECK_EQ(jump_kind(0x8502), IR_JUMP_PLAIN);      /* c.jr a0 */
    CHECK_EQ(jump_kind(0x9502), IR_JUMP_CALL);       /* c.jalr a0 */
    CHECK_EQ((u64)jump_kind(0x00000013), (u64)-1);   /* addi */
    ir_builder_free(builder);
    ir_block_fini(&block);
}

TEST_MAIN(TEST_CASE(calls_and_returns_are_told_apart), TEST_CASE(every_handler_builds_valid_ir),
          TEST_CASE(undefined_is_illegal))
