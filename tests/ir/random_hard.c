/*
 * random_hard.c - random semantics as cases: engines are compared with the evaluator only.
 */
#include "hard_cases.h"

static struct random_hard *state_of(struct hard_record *r)
{
    return (struct random_hard *)r->state;
}

static void randomize(struct hard_rng *g, void *state)
{
    struct random_hard *s = state;

    for (unsigned i = 0; i < ARRAY_SIZE(s->reg); i++)
        s->reg[i] = hard_below(g, 3) ? edge_value(g) : edge_float(g, 52, 11);
    for (unsigned i = 0; i < ARRAY_SIZE(s->out); i++)
        s->out[i] = hard_random(g);
    for (unsigned i = 0; i < sizeof s->flag; i++)
        s->flag[i] = (u8)hard_below(g, 2);
    for (unsigned i = 0; i < sizeof s->file; i++)
        s->file[i] = (u8)hard_random(g);
    for (unsigned i = 0; i < 2; i++) {
        s->h.fp[i].round = (u8)hard_below(g, 5);
        s->h.fp[i].flags = (u8)hard_below(g, 64);
        s->h.fp[i].rules = (u8)hard_below(g, FP_RULES_LARGER);
        s->h.fp[i].rules16 = (u8)(FP_RULES_LARGER + 1 + hard_below(g, 5));
    }
    s->h.pc = HARD_CODE;
}

static void addresses(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned i = 0; i < 2; i++) {
        u64 at = HARD_BASE + 80 + hard_below(g, HARD_WINDOW - 256);

        state_of(r)->address[i] = hard_below(g, 2) ? at & ~15ull : at;
    }
}

#define REG(n) (offsetof(struct random_hard, reg) + (n))

/* Operands that are apart, or the same, or overlap. */
#define EVEN(n, next)                                                                              \
    { "random " #n ", " #next, 2,                                                                  \
      { INSN(random_##n, 0, 4, .reg = { REG(0), REG(16), REG(32), REG(48) }, .imm = n * 77 - 900,  \
             .imm2 = -n),                                                                          \
        INSN(random_##next, 4, 2, .reg = { REG(8 * (n % 16)), REG(16), REG(20), REG(n % 100) },    \
             .imm = -1, .imm2 = n) },                                                              \
      addresses, NULL }

static const struct hard_case cases[] = {
    EVEN(0, 1),   EVEN(2, 3),   EVEN(4, 5),   EVEN(6, 7),   EVEN(8, 9),   EVEN(10, 11),
    EVEN(12, 13), EVEN(14, 15), EVEN(16, 17), EVEN(18, 19), EVEN(20, 21), EVEN(22, 23),
    EVEN(24, 25), EVEN(26, 27), EVEN(28, 29), EVEN(30, 31), EVEN(32, 33), EVEN(34, 35),
    EVEN(36, 37), EVEN(38, 39), EVEN(40, 41), EVEN(42, 43), EVEN(44, 45), EVEN(46, 47),
    EVEN(48, 49), EVEN(50, 51), EVEN(52, 53), EVEN(54, 55), EVEN(56, 57), EVEN(58, 59),
    EVEN(60, 61), EVEN(62, 63), EVEN(64, 65), EVEN(66, 67), EVEN(68, 69), EVEN(70, 71),
    EVEN(72, 73), EVEN(74, 75), EVEN(76, 77), EVEN(78, 79), EVEN(80, 81), EVEN(82, 83),
    EVEN(84, 85), EVEN(86, 87), EVEN(88, 89), EVEN(90, 91), EVEN(92, 93), EVEN(94, 95),
};

const struct hard_guest hard_random_guest = {
    .name = "random",
    .state_size = sizeof(struct random_hard),
    .cases = cases,
    .case_count = ARRAY_SIZE(cases),
    .randomize = randomize,
};
