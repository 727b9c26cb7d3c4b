/*
 * test_arm64_pauth.c - pointers to code that are signed and checked in place get the codes, and the
 * faults, of the helpers (D8.10).
 */
#include "test.h"

#include "arm64_cpu.h"
#include "ir/build.h"
#include "ir/eval.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pauth.h"
#include "random.h"

enum {
    CASES = 20000,
    PACIA = 0xdac10041,
    AUTIA = 0xdac11041,
    KEY_B = 1 << 10,
    KEY_DATA = 1 << 11
}; /* x1, x2 */
#define ENABLES (SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB)

static struct ir_block block;
static struct ir_builder *builder;
static u64 rng = 7;

static bool pending(struct vcpu *c)
{
    return c->fault.pending;
}

/* Runs one instruction as it is translated at present. */
static struct ir_eval_result run(u32 w)
{
    struct isa_insn in;
    u8 bytes[4];

    if (!builder) {
        ir_block_init(&block);
        builder = ir_builder_new(false);
    }
    le32_put(bytes, w);
    arm64_isa.decode(bytes, 4, arm64_isa.block_key(&cpu.v), &in);
    ir_builder_begin(builder, &block);
    ir_builder_insn(builder, 0, in.len);
    isa_build(&arm64_isa, builder, &in);
    ir_builder_insn_end(builder);
    return ir_eval(&block, state(), arm64_isa.fp_env_offset, 0x1000, NULL, &cpu.v, pending);
}

static unsigned calls(void)
{
    unsigned n = 0;

    for (u32 i = 0; i < block.op_count; i++)
        n += block.ops[i].op == IR_CALL;
    return n;
}

/* Tables of any size and granule, either half's top byte ignored or not, EL0 or EL1. */
static void any_setting(u64 enables)
{
    u64 tcr = random_u64(&rng);

    cpu_reset();
    for (unsigned i = 0; i < 4; i++)
        state()->pauth_key[i] = random_u64(&rng);
    arm_stack_select(state(), random_below(&rng, 2), 1);
    state()->tcr_el1 = (tcr & 0xc03fc03f) | (tcr & 1ull << 37) | (tcr & 1ull << 38) |
                       (tcr & 1ull << TCR_DS) | (tcr & 3ull << 51 & arm_model(&cpu.v)->tcr);
    state()->sctlr_el1 |= enables;
    arm_mode_changed(&cpu.v);
    state()->x[2] = random_u64(&rng);
}

static u64 any_pointer(void)
{
    u64 low = random_u64(&rng);

    switch (random_below(&rng, 4)) {
    case 0: return low;
    case 1: return low & bits_mask(40);
    case 2: return low | ~bits_mask(40);
    default: return low & ~(0x7full << 48);
    }
}

TEST(in_place_as_by_helper)
{
    unsigned faults = 0;

    for (unsigned n = 0; n < CASES; n++) {
        u64 b = random_below(&rng, 2), pointer = any_pointer(), is;
        struct ir_eval_result r;

        any_setting(ENABLES);
        CHECK_EQ(state()->pauth, ARM_PAUTH_IN_PLACE);
        state()->x[1] = pointer;
        CHECK_EQ(run((u32)(PACIA | b * KEY_B)).end, IR_EVAL_NEXT);
        CHECK_EQ(calls(), 0);
        is = arm_do_pauth_sign(&cpu.v, pointer, state()->x[2], b);
        CHECK_EQ(state()->x[1], is);

        if (random_below(&rng, 3) == 0)
            is ^= 1ull << random_below(&rng, 64);
        state()->x[1] = is;
        r = run((u32)(AUTIA | b * KEY_B));
        pointer = arm_do_pauth_check(&cpu.v, is, state()->x[2], b);
        CHECK_EQ(r.end, cpu.v.fault.pending ? IR_EVAL_RAISED : IR_EVAL_NEXT);
        if (cpu.v.fault.pending) {
            faults++;
            CHECK_EQ(r.cause, cpu.v.fault.cause);
            CHECK_EQ(r.value, cpu.v.fault.value);
        } else {
            CHECK_EQ(state()->x[1], pointer);
        }
    }
    CHECK(faults > CASES / 20 && faults < CASES);
}

TEST(without_keys_there_is_nothing_to_do)
{
    any_setting(0);
    CHECK_EQ(state()->pauth, ARM_PAUTH_OFF);
    state()->x[1] = 5;
    run(PACIA);
    CHECK_EQ(state()->x[1], 5);
    CHECK_EQ(calls(), 0);
}

/* By that key a pointer is signed, by the others it stays what it is. */
static void check_one_key(u64 enable, unsigned pauth, unsigned helpers)
{
    bool b = enable == SCTLR_ENIB;

    any_setting(enable);
    CHECK_EQ(state()->pauth, pauth);
    state()->x[1] = 0x1000;
    run(PACIA | (b ? KEY_B : 0));
    CHECK_EQ(calls(), helpers);
    CHECK_EQ(state()->x[1],
             arm_do_pauth_sign(&cpu.v, 0x1000, state()->x[2], b ? ARM_KEY_IB : ARM_KEY_IA));
    state()->x[1] = 0x1000;
    run(PACIA | (b ? 0 : KEY_B));
    CHECK_EQ(state()->x[1], 0x1000);
    run(PACIA | KEY_DATA);
    CHECK_EQ(state()->x[1], 0x1000);
}

TEST(one_key_of_four)
{
    check_one_key(SCTLR_ENIA, ARM_PAUTH_ONLY_IA, 0);
    check_one_key(SCTLR_ENIB, ARM_PAUTH_BY_HELPER, 1);
}

/* What is derived from TCR_EL1 is right after it was written. */
TEST(the_next_pointer_goes_by_a_new_tcr)
{
    any_setting(ENABLES);
    arm_stack_select(state(), 1, 1);
    for (unsigned t0sz = 16; t0sz < 40; t0sz++) {
        write_register(ARM_SYS(3, 0, 2, 0, 2), t0sz);
        state()->x[1] = 0x1234;
        run(PACIA);
        CHECK_EQ(state()->x[1], arm_do_pauth_sign(&cpu.v, 0x1234, state()->x[2], ARM_KEY_IA));
    }
}

/* A code begins where addresses end, which may have 52 bits with DS, and with granules of 64 KiB.
 */
TEST(large_addresses_leave_less_for_codes)
{
    const u64 pointer = 5ull << 48 | 5ull << 56;

    any_setting(ENABLES);
    state()->tcr_el1 = 12;
    CHECK_EQ(arm_do_pauth_strip(&cpu.v, pointer, 1, 0), 0);
    state()->tcr_el1 = 12 | 1ull << TCR_DS;
    CHECK_EQ(arm_do_pauth_strip(&cpu.v, pointer, 1, 0), 5ull << 48);
    state()->tcr_el1 = 12 | 1ull << TCR_TG0;
    CHECK_EQ(arm_do_pauth_strip(&cpu.v, pointer, 1, 0), 5ull << 48);
}

TEST_MAIN(TEST_CASE(in_place_as_by_helper), TEST_CASE(without_keys_there_is_nothing_to_do),
          TEST_CASE(one_key_of_four), TEST_CASE(the_next_pointer_goes_by_a_new_tcr),
          TEST_CASE(large_addresses_leave_less_for_codes))
