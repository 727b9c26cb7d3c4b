/*
 * test_base_tier.c - random blocks of integer IR for the base tier.
 *
 * Usage: test_base_tier [blocks [seed [instructions]]].
 */
#include "base/bits.h"
#include "base_harness.h"
#include "test.h"
#include <stdlib.h>

/* --- random blocks --- */

static unsigned block_size = 24; /* instructions at most */

enum { POOL = 64 };
struct gen {
    struct ir_builder *s;
    ir_val v[POOL];
    unsigned count;
};

static void keep(struct gen *g, ir_val v)
{
    g->v[g->count++ % POOL] = v;
}

static ir_val pick(struct gen *g, enum ir_type t)
{
    unsigned n = g->count < POOL ? g->count : POOL;

    for (unsigned tries = 0; n && tries < 8; tries++) {
        ir_val v = g->v[rnd() % n];

        if (ir_type_of(g->s, v) == t)
            return v;
    }
    if (rnd() % 4 == 0)
        return ir_const(g->s, t, rnd_value() & bits_mask(ir_type_bits(t)));
    if (t == IR_I1) /* state of that type holds 0 or 1 only */
        return ir_trunc(g->s, t, ir_get(g->s, IR_I64, slot_reg((unsigned)(rnd() % SLOTS))));
    return ir_get(g->s, t, slot_reg((unsigned)(rnd() % SLOTS)));
}

static enum ir_type int_type(void)
{
    static const enum ir_type t[] = { IR_I64, IR_I64, IR_I64, IR_I32, IR_I32, IR_I16, IR_I8 };

    return t[rnd() % ARRAY_SIZE(t)];
}

static ir_val gen_binary(struct gen *g)
{
    enum ir_type word = rnd() % 2 ? IR_I64 : IR_I32, t = int_type();
    unsigned what = (unsigned)(rnd() % 24);
    ir_val a = pick(g, what < 5 ? t : word), b = pick(g, what < 5 ? t : word);

    switch (what) {
    case 0: return ir_add(g->s, a, b);
    case 1: return ir_sub(g->s, a, b);
    case 2: return ir_and(g->s, a, b);
    case 3: return ir_or(g->s, a, b);
    case 4: return ir_xor(g->s, a, b);
    case 5: return ir_andn(g->s, a, b);
    case 6: return ir_mul(g->s, a, b);
    case 7: return ir_mulhu(g->s, a, b);
    case 8: return ir_mulhs(g->s, a, b);
    case 9: return ir_shl(g->s, a, b);
    case 10: return ir_shr(g->s, a, b);
    case 11: return ir_sar(g->s, a, b);
    case 12: return ir_rotl(g->s, a, b);
    case 13: return ir_rotr(g->s, a, b);
    case 14: return ir_minu(g->s, a, b);
    case 15: return ir_maxu(g->s, a, b);
    case 16: return ir_mins(g->s, a, b);
    case 17: return ir_maxs(g->s, a, b);
    case 18: return ir_eq(g->s, a, b);
    case 19: return ir_ne(g->s, a, b);
    case 20: return ir_ltu(g->s, a, b);
    case 21: return ir_leu(g->s, a, b);
    case 22: return ir_lts(g->s, a, b);
    default: return ir_les(g->s, a, b);
    }
}

static ir_val gen_unary(struct gen *g)
{
    enum ir_type word = rnd() % 2 ? IR_I64 : IR_I32, t = int_type();

    switch (rnd() % 10) {
    case 0: return ir_neg(g->s, pick(g, t));
    case 1: return ir_not(g->s, pick(g, t));
    case 2: return ir_bswap(g->s, pick(g, word));
    case 3: return ir_clz(g->s, pick(g, word));
    case 4: return ir_ctz(g->s, pick(g, word));
    case 5: return ir_popcnt(g->s, pick(g, word));
    case 6: return ir_sext(g->s, IR_I64, pick(g, t));
    case 7: return ir_zext(g->s, IR_I64, pick(g, rnd() % 4 ? t : IR_I1));
    case 8: return ir_trunc(g->s, int_type(), pick(g, IR_I64));
    default: return ir_trunc(g->s, IR_I1, pick(g, IR_I64));
    }
}

static ir_val gen_divide(struct gen *g)
{
    enum ir_type t = rnd() % 2 ? IR_I64 : IR_I32;
    ir_val a = pick(g, t), b = pick(g, t);
    ir_val mask = ir_const(g->s, t, 0x7ffe), one = ir_const(g->s, t, 1);
    ir_val small = ir_and(g->s, b, mask);
    ir_val d = ir_or(g->s, small, one);

    switch (rnd() % 4) {
    case 0: return ir_divu(g->s, a, d);
    case 1: return ir_remu(g->s, a, d);
    case 2: return ir_rems(g->s, a, d);
    default: return ir_divs(g->s, a, d);
    }
}

static ir_val gen_select(struct gen *g)
{
    enum ir_type t = int_type();
    ir_val a = pick(g, t), b = pick(g, t);
    ir_val c = rnd() % 2 ? ir_ltu(g->s, a, b) : pick(g, IR_I1);
    ir_val yes = pick(g, t);

    return ir_select(g->s, c, yes, a);
}

/* Mostly good addresses: in both pages, across their border, now and then outside. */
static ir_val gen_address(struct gen *g)
{
    ir_val x = pick(g, IR_I64);
    ir_val mask = ir_const(g->s, IR_I64, rnd() % 4 ? 0xfff : 0x1fff);
    ir_val off = ir_and(g->s, x, mask);
    ir_val base = ir_const(g->s, IR_I64, rnd() % 64 ? FAST_VA : FAST_VA - 64);

    return ir_add(g->s, off, base);
}

static void gen_memory(struct gen *g)
{
    struct ir_mem how = { IR_MMU_DATA, IR_ALIGN_ANY, IR_RELAXED, 0 };
    enum ir_type t = int_type();
    ir_val addr = gen_address(g);

    if (rnd() % 2)
        keep(g, ir_load(g->s, t, addr, how));
    else
        ir_store(g->s, addr, pick(g, t), how);
}

static void gen_raise(struct gen *g)
{
    ir_val a = pick(g, IR_I64);
    ir_val mask = ir_const(g->s, IR_I64, 31);
    ir_val few = ir_and(g->s, a, mask);
    ir_val five = ir_const(g->s, IR_I64, 5);
    ir_val c = ir_eq(g->s, few, five);

    ir_raise_if(g->s, c, 9, a);
}

static void gen_insn(struct gen *g)
{
    unsigned ops = 1 + (unsigned)(rnd() % 6);
    bool memory = false;

    g->count = 0;
    for (unsigned i = 0; i < ops; i++) {
        switch (rnd() % 12) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4: keep(g, gen_binary(g)); break;
        case 5:
        case 6:
        case 7: keep(g, gen_unary(g)); break;
        case 8: keep(g, gen_select(g)); break;
        case 9: keep(g, gen_divide(g)); break;
        case 10:
            if (!memory)
                gen_memory(g);
            memory = true;
            break;
        default:
            if (rnd() % 8 == 0 && !memory)
                gen_raise(g);
            break;
        }
    }
    for (unsigned i = 0; i < 1 + rnd() % 2; i++) {
        static const enum ir_type t[] = { IR_I64, IR_I64, IR_I64, IR_I32, IR_I8, IR_I16, IR_I1 };

        ir_set(g->s, slot_reg((unsigned)(rnd() % SLOTS)), pick(g, t[rnd() % ARRAY_SIZE(t)]));
    }
}

static void gen_branch(struct gen *g)
{
    ir_val target = ir_pc(g->s), c;

    target = ir_sub(g->s, target, ir_const(g->s, IR_I64, rnd() % 0x200));
    if (rnd() % 4 == 0)
        target = pick(g, IR_I64);
    c = gen_binary(g);
    if (ir_type_of(g->s, c) != IR_I1)
        c = pick(g, IR_I1);
    ir_jump_if(g->s, c, target);
}

static void gen_end(struct gen *g)
{
    ir_val target;

    switch (rnd() % 4) {
    case 0: ir_jump(g->s, pick(g, IR_I64), IR_JUMP_PLAIN); break;
    case 1:
        target = ir_pc(g->s);
        target = ir_add(g->s, target, ir_const(g->s, IR_I64, rnd() % 0x200));
        ir_jump(g->s, target, IR_JUMP_PLAIN);
        break;
    case 2: gen_branch(g); break;
    default: ir_end_block(g->s);
    }
}

static unsigned gen_block(struct ir_builder *s, struct ir_block *b, u64 *state)
{
    struct gen g = { .s = s };
    unsigned n = 1 + (unsigned)(rnd() % block_size);

    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = rnd_value();
    ir_builder_begin(s, b);
    for (unsigned i = 0; i < n; i++) {
        ir_builder_insn(s, (s32)i * INSN_LEN, INSN_LEN);
        gen_insn(&g);
        if (i + 1 == n && rnd() % 8)
            gen_end(&g);
        else if (rnd() % 8 == 0)
            gen_branch(&g);
        ir_builder_insn_end(s);
    }
    return n;
}

static u64 block_total = 20000;

TEST(random_blocks)
{
    CHECK(harness_run(gen_block, block_total));
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = { TEST_CASE(random_blocks) };

    if (argc > 1)
        block_total = strtoull(argv[1], NULL, 0);
    if (argc > 2)
        rng_state = strtoull(argv[2], NULL, 0);
    if (argc > 3)
        block_size = (unsigned)strtoul(argv[3], NULL, 0);
    return test_run_all(cases, ARRAY_SIZE(cases), 1, argv);
}
