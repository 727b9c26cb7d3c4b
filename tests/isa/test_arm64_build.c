/*
 * Every arm64 handler builds IR that the verifier accepts, and leaves the block exactly when
 * its decode line says so.
 */
#include "every_handler.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/state.h"
#include <string.h>

TEST(every_handler_builds_valid_ir)
{
    build_every_handler(&arm64_isa, &arm64_lines);
}

/* What return-address stacks go by (C6.2: BL, BLR, RET, BR). */
TEST(calls_and_returns_are_told_apart)
{
    jump_kinds_begin();
    CHECK_EQ(jump_kind(&arm64_isa, 0x14000002), IR_JUMP_PLAIN);  /* b */
    CHECK_EQ(jump_kind(&arm64_isa, 0x94000002), IR_JUMP_CALL);   /* bl */
    CHECK_EQ(jump_kind(&arm64_isa, 0xd65f03c0), IR_JUMP_RETURN); /* ret */
    CHECK_EQ(jump_kind(&arm64_isa, 0xd65f0020), IR_JUMP_RETURN); /* ret x1 */
    CHECK_EQ(jump_kind(&arm64_isa, 0xd61f0020), IR_JUMP_PLAIN);  /* br x1 */
    CHECK_EQ(jump_kind(&arm64_isa, 0xd63f0020), IR_JUMP_CALL);   /* blr x1 */
    CHECK_EQ((u64)jump_kind(&arm64_isa, 0x91000000), (u64)-1);   /* add */
    jump_kinds_end();
}

/* Does the built instruction raise where CPACR_EL1 says so, before it does anything? */
static bool asks_first(void)
{
    for (u32 i = 0; i < block.op_count; i++) {
        const struct ir_op *op = &block.ops[i];

        if (op->op == IR_RAISEIF)
            return op->imm == ARM_EC_FP && block.ops[op->a].op == IR_GET &&
                   block.ops[op->a].imm == offsetof(struct arm_state, fp_traps);
        if (op->op != IR_INSN && op->op != IR_GET && op->op != IR_CONST && op->op != IR_PC)
            return false;
    }
    return false;
}

static bool is_of_v_registers(const struct isa_line *l)
{
    static const char *const others[] = { "base",  "crc32",  "lse",   "lrcpc", "lrcpc2",
                                          "flagm", "flagm2", "sb",    "dit",   "ssbs",
                                          "pan",   "uao",    "pauth", "dpb",   "wfxt" };

    if (strstr(l->id, "/fpcr") || strstr(l->id, "/fpsr"))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (!strcmp(l->ext, others[i]))
            return false;
    return true;
}

TEST(what_uses_v_registers_asks_for_them)
{
    unsigned asked = 0;
    u64 rng = 5;

    jump_kinds_begin();
    for (unsigned line = 0; line < arm64_lines.line_count; line++) {
        bool should = is_of_v_registers(&arm64_lines.lines[line]);
        struct isa_insn in;
        u8 bytes[4];
        u32 w;

        while (!isa_line_encode(&arm64_lines, line, (u32)random_u64(&rng), &w))
            ;
        le32_put(bytes, w);
        arm64_isa.decode(bytes, 4, 0, &in);
        build_one(&arm64_isa, &in);
        asked += should;
        if (asks_first() != should)
            (void)TEST_FAIL_("%s (%08x) %s", arm64_lines.lines[line].id, w,
                             should ? "does not ask" : "asks");
    }
    CHECK(asked > 800);
    jump_kinds_end();
}

TEST_MAIN(TEST_CASE(what_uses_v_registers_asks_for_them),
          TEST_CASE(calls_and_returns_are_told_apart), TEST_CASE(every_handler_builds_valid_ir))
