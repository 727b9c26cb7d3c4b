/*
 * Every riscv handler builds IR that the verifier accepts, and leaves the block exactly
 * when its decode line says so.
 */
#include "every_handler.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/isa.h"

TEST(every_handler_builds_valid_ir)
{
    build_every_handler(&riscv_isa, &riscv_lines);
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

/* Unprivileged specification, "Unconditional Jumps": what return-address stacks go by. */
TEST(calls_and_returns_are_told_apart)
{
    jump_kinds_begin();
    CHECK_EQ(jump_kind(&riscv_isa, 0x0000006f), IR_JUMP_PLAIN);  /* jal zero */
    CHECK_EQ(jump_kind(&riscv_isa, 0x000000ef), IR_JUMP_CALL);   /* jal ra */
    CHECK_EQ(jump_kind(&riscv_isa, 0x000002ef), IR_JUMP_CALL);   /* jal t0 */
    CHECK_EQ(jump_kind(&riscv_isa, 0x00008067), IR_JUMP_RETURN); /* jalr zero,0(ra) */
    CHECK_EQ(jump_kind(&riscv_isa, 0x00028067), IR_JUMP_RETURN); /* jalr zero,0(t0) */
    CHECK_EQ(jump_kind(&riscv_isa, 0x00050067), IR_JUMP_PLAIN);  /* jalr zero,0(a0) */
    CHECK_EQ(jump_kind(&riscv_isa, 0x000500e7), IR_JUMP_CALL);   /* jalr ra,0(a0) */
    CHECK_EQ(jump_kind(&riscv_isa, 0x8082), IR_JUMP_RETURN);     /* c.jr ra */
    CHECK_EQ(jump_kind(&riscv_isa, 0x8502), IR_JUMP_PLAIN);      /* c.jr a0 */
    CHECK_EQ(jump_kind(&riscv_isa, 0x9502), IR_JUMP_CALL);       /* c.jalr a0 */
    CHECK_EQ((u64)jump_kind(&riscv_isa, 0x00000013), (u64)-1);   /* addi */
    jump_kinds_end();
}

TEST_MAIN(TEST_CASE(calls_and_returns_are_told_apart), TEST_CASE(every_handler_builds_valid_ir),
          TEST_CASE(undefined_is_illegal))
