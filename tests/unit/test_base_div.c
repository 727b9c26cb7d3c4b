/*
 * test_base_div.c - random divisions as guests describe them, with what they define for a divisor
 * of 0 and for the quotient that does not fit, and some that only look like it: base tier against
 * evaluator.
 */
#include "base_harness.h"

#include "test.h"

/* Operands that make a difference are likely. */
static u64 operand(void)
{
    static const u64 likely[] = { 0, 1, ~0ull, 1ull << 63, 1ull << 31, 0xffffffff, 1ull << 32, 7 };

    return rnd() % 2 ? likely[rnd() % 8] : rnd_value();
}

struct division {
    enum ir_type t;
    bool sign, rem;
    ir_val n, d, zero;
};

static ir_val overflow(struct ir_builder *s, const struct division *v)
{
    ir_val lowest = ir_const(s, v->t, 1ull << (ir_type_bits(v->t) - 1));
    ir_val minus1 = ir_const(s, v->t, ~0ull);
    ir_val is_lowest = ir_eq(s, v->n, lowest);
    ir_val is_minus1 = ir_eq(s, v->d, minus1);
    ir_val both = ir_and(s, is_lowest, is_minus1);

    return ir_or(s, v->zero, both);
}

static ir_val divide(struct ir_builder *s, const struct division *v, ir_val by)
{
    if (v->rem)
        return v->sign ? ir_rems(s, v->n, by) : ir_remu(s, v->n, by);
    return v->sign ? ir_divs(s, v->n, by) : ir_divu(s, v->n, by);
}

static ir_val read(struct ir_builder *s, enum ir_type t)
{
    ir_val x = ir_get(s, IR_I64, slot_reg((unsigned)(rnd() % 6)));

    return t == IR_I64 ? x : ir_trunc(s, t, x);
}

static void gen_division(struct ir_builder *s)
{
    struct division v = { rnd() % 2 ? IR_I64 : IR_I32, rnd() % 2, rnd() % 2, { 0 }, { 0 }, { 0 } };
    bool other = rnd() % 8 == 0; /* 2 in place of 1: not what it looks like */
    ir_val none, instead, safe, r;

    v.n = read(s, v.t);
    v.d = read(s, v.t);
    none = ir_const(s, v.t, 0);
    v.zero = ir_eq(s, v.d, none);
    instead = ir_const(s, v.t, other ? 2 : 1);
    safe = v.sign ? overflow(s, &v) : v.zero;
    safe = ir_select(s, safe, instead, v.d);
    r = divide(s, &v, safe);
    switch (rnd() % 4) {
    case 0: r = ir_select(s, v.zero, v.n, r); break;
    case 1: r = ir_select(s, v.zero, v.d, r); break;
    default: r = ir_select(s, v.zero, ir_const(s, v.t, rnd_value()), r);
    }
    if (rnd() % 4 == 0) /* the condition has a third use */
        ir_set(s, slot_reg(7), ir_zext(s, IR_I64, v.zero));
    ir_set(s, slot_reg((unsigned)(rnd() % 7)), v.t == IR_I64 ? r : ir_sext(s, IR_I64, r));
}

static unsigned gen_block(struct ir_builder *s, struct ir_block *b, u64 *state)
{
    unsigned n = 1 + (unsigned)(rnd() % 6);

    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = operand();
    ir_builder_begin(s, b);
    for (unsigned i = 0; i < n; i++) {
        ir_builder_insn(s, (s32)i * INSN_LEN, INSN_LEN);
        gen_division(s);
        ir_builder_insn_end(s);
    }
    return n;
}

TEST(guarded_divisions)
{
    CHECK(harness_run(gen_block, 20000));
}

TEST_MAIN(TEST_CASE(guarded_divisions))
