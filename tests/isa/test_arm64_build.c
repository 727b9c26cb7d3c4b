/*
 * Every arm64 handler builds IR that the verifier accepts, and leaves the block exactly when
 * its decode line says so.
 */
#include "every_handler.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"

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

TEST_MAIN(TEST_CASE(calls_and_returns_are_told_apart), TEST_CASE(every_handler_builds_valid_ir))
