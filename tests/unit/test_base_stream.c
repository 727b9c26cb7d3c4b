/*
 * test_base_stream.c - random loops over memory, whose pointers grow, stay, shrink or jump, from a
 * page with a TLB entry into one without and to where nothing is: base tier against evaluator.
 */
#include "base_harness.h"

#include "test.h"

enum { POINTERS = 3, COUNTER = 8, SUM = 9, LIMIT = 10, OTHER = 11, PAGE_BYTES = 4096 };

static ir_val add(struct ir_builder *s, ir_val v, u64 n)
{
    return ir_add(s, v, ir_const(s, IR_I64, n));
}

static void gen_access(struct ir_builder *s)
{
    static const enum ir_type types[] = { IR_I8, IR_I16, IR_I32, IR_I64 };
    struct ir_mem how = { IR_MMU_DATA, IR_ALIGN_ANY, IR_RELAXED, 0 };
    enum ir_type t = types[rnd() % 4];
    ir_val p = ir_get(s, IR_I64, slot_reg((unsigned)(rnd() % POINTERS)));
    ir_val sum = ir_get(s, IR_I64, slot_reg(SUM)), v;

    if (rnd() % 4)
        p = add(s, p, rnd() % 48 - 16);
    if (rnd() % 3 == 0) {
        ir_store(s, p, t == IR_I64 ? sum : ir_trunc(s, t, sum), how);
        return;
    }
    v = ir_load(s, t, p, how);
    ir_set(s, slot_reg(SUM), ir_add(s, sum, t == IR_I64 ? v : ir_zext(s, IR_I64, v)));
}

static void gen_step(struct ir_builder *s)
{
    static const u64 strides[] = { 1, 4, 8, 16, 64, 200, 1024, 2000, 0, -1ull, -8ull };
    sem_reg p = slot_reg((unsigned)(rnd() % POINTERS));
    ir_val v;

    if (rnd() % 16 == 0) { /* by what the state holds */
        v = ir_and(s, ir_get(s, IR_I64, slot_reg(OTHER)), ir_const(s, IR_I64, 0xff8));
        ir_set(s, p, add(s, v, FAST_VA));
    } else if (rnd() % 16 == 0) { /* its lower half */
        v = ir_get(s, IR_I32, slot_reg(OTHER));
        ir_set(s, p, ir_and(s, v, ir_const(s, IR_I32, 0xff8)));
    } else {
        ir_set(s, p, add(s, ir_get(s, IR_I64, p), strides[rnd() % 11]));
    }
}

static void gen_other(struct ir_builder *s)
{
    ir_val v = ir_get(s, IR_I64, slot_reg(OTHER));

    v = ir_mul(s, v, ir_const(s, IR_I64, 6364136223846793005ull));
    ir_set(s, slot_reg(OTHER), add(s, v, 1442695040888963407ull));
}

static void gen_back(struct ir_builder *s, unsigned offset)
{
    ir_val counter = add(s, ir_get(s, IR_I64, slot_reg(COUNTER)), 1);
    ir_val limit = ir_get(s, IR_I64, slot_reg(LIMIT));
    ir_val here = ir_pc(s);
    ir_val start = ir_sub(s, here, ir_const(s, IR_I64, offset));

    ir_set(s, slot_reg(COUNTER), counter);
    ir_jump_if(s, ir_ne(s, counter, limit), start);
}

static unsigned gen_block(struct ir_builder *s, struct ir_block *b, u64 *state)
{
    unsigned n = 2 + (unsigned)(rnd() % 8);

    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = rnd_value();
    for (unsigned i = 0; i < POINTERS; i++)
        state[i] = FAST_VA + (rnd() % 2 ? PAGE_BYTES - rnd() % 256 : rnd() % PAGE_BYTES);
    if (rnd() % 4 == 0) /* to the end of the address space, and on from its start */
        state[0] = -(rnd() % 256);
    state[COUNTER] = 0;
    state[LIMIT] = 1 + rnd() % 100;
    ir_builder_begin(s, b);
    for (unsigned i = 0; i < n; i++) {
        ir_builder_insn(s, (s32)i * INSN_LEN, INSN_LEN);
        if (i + 1 == n)
            gen_back(s, i * INSN_LEN);
        else if (rnd() % 2)
            gen_access(s);
        else if (rnd() % 8 == 0)
            gen_other(s);
        else
            gen_step(s);
        ir_builder_insn_end(s);
    }
    return n;
}

TEST(loops_over_memory)
{
    CHECK(harness_run(gen_block, 20000));
}

TEST_MAIN(TEST_CASE(loops_over_memory))
