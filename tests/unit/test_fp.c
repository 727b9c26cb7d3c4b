/*
 * test_fp.c - the soft-float against the definition of rounding (every format,
 * rule set and mode) and against this machine's FPU.
 *
 * FP_CASES=n in the environment sets how many random cases each of the two
 * random tests makes (soak: 100000000), FP_SEED=n where they begin. FP_BENCH=1
 * prints nanoseconds an operation.
 */
#include "test.h"
#include "test_fp.h"
#include <time.h>

static const char *const op_names[OP_COUNT] = {
    "add",     "sub",      "mul",    "div",     "sqrt", "fma", "mulx",  "round_int",
    "convert", "from_int", "to_int", "compare", "min",  "max", "class",
};
static const char *const fmt_names[] = { "f16", "bf16", "f32",     "f64",
                                         "f80", "f128", "f80_p53", "f80_p24" };
static const u8 widths[] = { 16, 16, 32, 64, 80, 128, 80, 80 };
static const u8 fracs[] = { 10, 7, 23, 52, 63, 112, 63, 63 }; /* F80: below its integer bit */
static const u8 exps[] = { 5, 8, 8, 11, 15, 15, 15, 15 };

enum { FMT_COUNT = ARRAY_SIZE(fmt_names) };

static u64 rng_state;

static u64 rnd(void)
{
    rng_state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    u64 z = rng_state;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 32) * n >> 32);
}

static u64 env_number(const char *name, u64 otherwise)
{
    const char *v = getenv(name);

    return v ? strtoull(v, NULL, 0) : otherwise;
}

static bool is_x87(enum fp_format f)
{
    return f == FP_F80 || f == FP_F80_P53 || f == FP_F80_P24;
}

static fp_bits make(enum fp_format f, bool sign, u64 field, bool integer, u128 frac)
{
    u128 v = frac & (((u128)1 << fracs[f]) - 1);

    if (is_x87(f))
        v |= (u128)integer << 63 | (u128)field << 64;
    else
        v |= (u128)field << fracs[f];
    v |= (u128)sign << (widths[f] - 1);
    return (fp_bits){ (u64)v, (u64)(v >> 64) };
}

enum { FRACTIONS = 10 };

static u128 special_fraction(enum fp_format f, unsigned i)
{
    u128 top = (u128)1 << (fracs[f] - 1), all = 2 * top - 1;
    const u128 list[FRACTIONS] = { 0, 1, 2, 3, all, all - 1, top, top - 1, top + 1, top >> 1 };

    return list[i];
}

/* Zeros, denormals, the least and greatest, small integers, the edges of the
 * integer types, infinities and NaNs: all of them times ten fractions. */
static fp_bits special(enum fp_format f, unsigned i)
{
    unsigned all = (1u << exps[f]) - 1, bias = all >> 1;
    const unsigned fields[] = { 0,         0,         1,         2,
                                all,       all,       all - 1,   bias,
                                bias,      bias + 1,  bias - 1,  bias + fracs[f],
                                bias + 15, bias + 31, bias + 32, bias + 63 };
    unsigned field = fields[i / (2 * FRACTIONS) % ARRAY_SIZE(fields)];
    bool odd_x87 = i % 16 == 3; /* an integer bit that contradicts the exponent */

    if (field > all)
        field = all - 1;
    return make(f, i % 2, field, (field != 0) != odd_x87, special_fraction(f, i / 2 % FRACTIONS));
}

enum { SPECIALS = 2 * FRACTIONS * 16 };

static u128 random_fraction(void)
{
    u128 v = (u128)rnd() << 64 | rnd();

    switch (below(6)) {
    case 0: return v & ~(u128)0 << below(113);        /* low zeros */
    case 1: return v | (((u128)1 << below(113)) - 1); /* low ones */
    case 2: return (u128)1 << below(113);
    case 3: return ((u128)1 << below(113)) - ((u128)1 << below(113));
    default: return v;
    }
}

static fp_bits random_operand(enum fp_format f, fp_bits other)
{
    unsigned all = (1u << exps[f]) - 1, field;
    u128 near = (((u128)other.hi << 64 | other.lo) >> (fracs[f] + is_x87(f))) & all;

    switch (below(8)) {
    case 0: return special(f, below(SPECIALS));
    case 1: field = below(4); break;
    case 2: field = all - below(4); break;
    case 3: field = (all >> 1) + below(2u * fracs[f] + 8) - fracs[f] - 4; break;
    case 4:
    case 5: field = (unsigned)near + below(2u * fracs[f] + 8) - fracs[f] - 4; break;
    case 6: field = all - (unsigned)near + below(5) - 3; break; /* products near 1 or the ends */
    default: field = below(all + 1); break;
    }
    field &= all;
    return make(f, rnd() & 1, field, field != 0, random_fraction());
}

/* What our functions answer; f32 and f64 both ways, which must agree. */
static fp_bits run_generic(const struct fp_case *c, u8 *fl)
{
    switch (c->op) {
    case OP_ADD: return fp_add(c->fmt, c->rules, c->round, c->a, c->b, fl);
    case OP_SUB: return fp_sub(c->fmt, c->rules, c->round, c->a, c->b, fl);
    case OP_MUL: return fp_mul(c->fmt, c->rules, c->round, c->a, c->b, fl);
    case OP_DIV: return fp_div(c->fmt, c->rules, c->round, c->a, c->b, fl);
    case OP_SQRT: return fp_sqrt(c->fmt, c->rules, c->round, c->a, fl);
    case OP_FMA: return fp_fma(c->fmt, c->rules, c->round, c->a, c->b, c->c, fl);
    case OP_MULX: return fp_mulx(c->fmt, c->rules, c->round, c->a, c->b, fl);
    case OP_ROUND_INT: return fp_round_int(c->fmt, c->rules, c->round, c->a, c->extra, fl);
    case OP_CONVERT: return fp_convert(c->fmt, c->to, c->rules, c->round, c->a, fl);
    case OP_FROM_INT:
        return fp_from_int(c->fmt, c->round, c->a.lo, c->a.hi, c->is_signed, c->bits, fl);
    case OP_TO_INT:
        return fp_bits_u64(fp_to_int(c->fmt, c->rules, c->round, c->a, c->is_signed, c->bits,
                                     (enum fp_toint)c->how, fl));
    case OP_COMPARE: return fp_bits_u64(fp_compare(c->fmt, c->rules, c->a, c->b, c->extra, fl));
    case OP_MIN: return fp_min(c->fmt, c->rules, c->a, c->b, (enum fp_minmax)c->how, fl);
    case OP_MAX: return fp_max(c->fmt, c->rules, c->a, c->b, (enum fp_minmax)c->how, fl);
    case OP_CLASS: return fp_bits_u64(fp_class(c->fmt, c->a));
    case OP_COUNT: break;
    }
    return c->a;
}

typedef u64 (*fast_two)(u8 *, unsigned, unsigned, u64, u64);

static bool run_fast(const struct fp_case *c, struct fp_answer *out)
{
    static const fast_two two32[] = { fp32_add, fp32_sub, fp32_mul, fp32_div };
    static const fast_two two64[] = { fp64_add, fp64_sub, fp64_mul, fp64_div };
    bool f32 = c->fmt == FP_F32;
    u64 junk = f32 ? 0xdeadbeefull << 32 : 0; /* the upper half is not part of an f32 */
    u64 a = c->a.lo | junk, b = c->b.lo | junk, z = c->c.lo | junk, v;

    out->flags = 0;
    if (!f32 && c->fmt != FP_F64)
        return false;
    if (c->op <= OP_DIV)
        v = (f32 ? two32 : two64)[c->op](&out->flags, c->rules, c->round, a, b);
    else if (c->op == OP_SQRT)
        v = (f32 ? fp32_sqrt : fp64_sqrt)(&out->flags, c->rules, c->round, a);
    else if (c->op == OP_FMA)
        v = (f32 ? fp32_fma : fp64_fma)(&out->flags, c->rules, c->round, a, b, z);
    else
        return false;
    out->v = fp_bits_u64(v);
    return true;
}

static unsigned said; /* differences printed so far in this test */

static bool same(const struct fp_case *c, const char *who, const struct fp_answer *got,
                 const struct fp_answer *want, u8 mask)
{
    if (got->v.lo == want->v.lo && got->v.hi == want->v.hi &&
        ((got->flags ^ want->flags) & mask) == 0)
        return true;
    test_failed_checks++;
    if (said++ < 12)
        printf("# %s %s%s%s rules %d round %d bits %u%s how %u extra %d\n"
               "#   a %04" PRIx64 "_%016" PRIx64 " b %04" PRIx64 "_%016" PRIx64 " c %04" PRIx64
               "_%016" PRIx64 "\n"
               "#   ours %04" PRIx64 "_%016" PRIx64 " flags %02x, %s says %04" PRIx64 "_%016" PRIx64
               " flags %02x\n",
               op_names[c->op], fmt_names[c->fmt], c->op == OP_CONVERT ? " to " : "",
               c->op == OP_CONVERT ? fmt_names[c->to] : "", c->rules, c->round, c->bits,
               c->is_signed ? " signed" : "", c->how, c->extra, c->a.hi, c->a.lo, c->b.hi, c->b.lo,
               c->c.hi, c->c.lo, got->v.hi, got->v.lo, got->flags & mask, who, want->v.hi,
               want->v.lo, want->flags & mask);
    return false;
}

static u64 asked_exact[FMT_COUNT][OP_COUNT], asked_host[FMT_COUNT][OP_COUNT];

static void check(const struct fp_case *c, bool ask_exact)
{
    struct fp_answer ours = { .flags = 0 }, other;
    u8 mask = 0xff;

    ours.v = run_generic(c, &ours.flags);
    if (run_fast(c, &other))
        same(c, "the fast path", &ours, &other, (u8)~FP_ROUNDED_UP);
    if (host_run(c, &other, &mask)) {
        asked_host[c->fmt][c->op]++;
        same(c, host_name, &ours, &other, mask);
    }
    if (ask_exact && exact_run(c, &other, &mask)) {
        asked_exact[c->fmt][c->op]++;
        same(c, "the definition", &ours, &other, mask);
    }
}

static void random_integer(struct fp_case *c)
{
    static const u8 sizes[] = { 32, 64, 32, 64, 16, 8, 128 };

    c->bits = sizes[below(c->op == OP_FROM_INT ? 7 : 6)];
    c->is_signed = rnd() & 1;
    if (c->op == OP_FROM_INT) {
        u128 v = random_fraction() >> below(128);

        if (rnd() & 1)
            v = -v;
        c->a = (fp_bits){ (u64)v, (u64)(v >> 64) };
    }
}

static void random_rest(struct fp_case *c)
{
    c->a = random_operand(c->fmt, (fp_bits){ 0 });
    c->b = random_operand(c->fmt, c->a);
    c->c = random_operand(c->fmt, rnd() & 1 ? c->a : c->b);
    c->to = (enum fp_format)below(FP_F128 + 1);
    c->extra = rnd() & 1;
    c->how = below(4);
    if (c->op == OP_TO_INT || c->op == OP_FROM_INT)
        random_integer(c);
}

/* Every format, rule set and mode: mostly narrow formats, which are cheap. */
static void random_exact_case(struct fp_case *c)
{
    static const enum fp_format often[] = {
        FP_F16, FP_F16, FP_BF16, FP_BF16, FP_F32, FP_F32, FP_F64
    };

    *c = (struct fp_case){ .op = (enum case_op)below(OP_TO_INT + 1) };
    c->fmt = below(32) ? often[below(ARRAY_SIZE(often))] : (enum fp_format)below(FMT_COUNT);
    c->rules = (enum fp_rules)below(FP_RULES_COUNT);
    c->round = (enum fp_round)below(FP_RTO + 1);
    random_rest(c);
    if (c->to >= FP_F80 && below(16))
        c->to = FP_F32;
}

/* What the FPU can answer, in the modes and rules it has. */
static void random_host_case(struct fp_case *c)
{
    static const enum fp_format sse[] = { FP_F32, FP_F64, FP_F16 };
    static const enum fp_format x87[] = { FP_F80, FP_F80, FP_F80_P53, FP_F80_P24, FP_F32, FP_F64 };

    *c = (struct fp_case){ .op = (enum case_op)below(OP_CLASS + 1) };
    c->rules = host_rules[below(host_rule_count)];
    if (c->rules == FP_RULES_LARGER)
        c->fmt = x87[below(c->op == OP_CONVERT ? 6 : 4)];
    else
        c->fmt = sse[below(c->op == OP_CONVERT ? 3 : 2)];
    c->round = (enum fp_round)below(FP_RTO + 1);
    random_rest(c);
    if (c->op == OP_CONVERT && c->rules == FP_RULES_LARGER)
        c->to = c->fmt == FP_F80 ? below(2) ? FP_F32 : FP_F64 : FP_F80;
    else if (c->op == OP_CONVERT)
        c->to = sse[below(3)];
    if (c->op == OP_TO_INT)
        c->how = host_toint;
}

static void begin(u64 salt)
{
    said = 0;
    rng_state = env_number("FP_SEED", 1) * 0x100000001ull + salt;
}

TEST(random_cases_match_the_definition_of_rounding)
{
    u64 count = env_number("FP_CASES", 400000);
    struct fp_case c;

    begin(1);
    for (u64 i = 0; i < count; i++) {
        random_exact_case(&c);
        check(&c, true);
    }
    for (unsigned f = 0; f < FMT_COUNT; f++)
        for (unsigned op = OP_ADD; op <= OP_TO_INT; op++)
            if (asked_exact[f][op] < count / 200000)
                (void)TEST_FAIL_("only %" PRIu64 " cases of %s %s", asked_exact[f][op],
                                 op_names[op], fmt_names[f]);
}

TEST(random_cases_match_the_processor)
{
    u64 count = env_number("FP_CASES", 1500000);
    struct fp_case c;

    if (!host_rule_count)
        TEST_SKIP("no oracle for this processor");
    begin(2);
    for (u64 i = 0; i < count; i++) {
        random_host_case(&c);
        check(&c, false);
    }
    for (unsigned op = OP_ADD; op <= OP_FMA; op++)
        for (enum fp_format f = FP_F32; f <= FP_F64; f++)
            if (asked_host[f][op] < count / 1000)
                (void)TEST_FAIL_("only %" PRIu64 " cases of %s %s", asked_host[f][op], op_names[op],
                                 fmt_names[f]);
}

/* Each special operand with each other one: f32 and f64 in the FPU's own rules,
 * a rule set and a mode picked at random for every pair and operation. */
TEST(all_pairs_of_special_operands_match_the_processor)
{
    struct fp_case c;
    unsigned step = host_rule_count ? 1 : SPECIALS;

    if (!host_rule_count)
        TEST_SKIP("no oracle for this processor");
    begin(3);
    for (unsigned i = 0; i < SPECIALS; i += step) {
        for (unsigned j = 0; j < SPECIALS; j++) {
            for (unsigned op = OP_ADD; op <= OP_MAX; op++) {
                random_host_case(&c);
                c.op = (enum case_op)op;
                if (op >= OP_MULX && op <= OP_TO_INT)
                    continue;
                c.a = special(c.fmt, i);
                c.b = special(c.fmt, j);
                c.c = special(c.fmt, below(SPECIALS));
                check(&c, false);
            }
        }
    }
}

/* ns an operation on normal f64 operands, results feeding the next one's index. */
static void bench_one(const char *name, enum case_op op, bool fast)
{
    enum { N = 1024, ROUNDS = 400 };
    static fp_bits in[N];
    struct timespec t0, t1;
    struct fp_case c = { .op = op, .fmt = FP_F64, .to = FP_F32, .bits = 64, .is_signed = true };
    struct fp_answer out = { .flags = 0 };
    u64 sink = 0;

    for (unsigned i = 0; i < N; i++)
        in[i] = make(FP_F64, op != OP_SQRT && (rnd() & 1), 1020 + below(8), true, rnd());
    clock_gettime(CLOCK_MONOTONIC, &t0);
    for (unsigned k = 0; k < ROUNDS; k++) {
        for (unsigned i = 0; i < N; i++) {
            c.a = in[i];
            c.b = in[(i + k) % N];
            c.c = in[(i + 2 * k) % N];
            if (fast)
                run_fast(&c, &out);
            else
                out.v = run_generic(&c, &out.flags);
            sink += out.v.lo;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &t1);
    double ns = (double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec);

    printf("# f64 %-9s %-7s %6.1f ns (%x)\n", name, fast ? "fast" : "generic", ns / (N * ROUNDS),
           (unsigned)sink & 15);
}

TEST(speed)
{
    if (!env_number("FP_BENCH", 0))
        TEST_SKIP("only with FP_BENCH=1");
    for (unsigned op = 0; op <= OP_COMPARE; op++) {
        if (op <= OP_FMA)
            bench_one(op_names[op], (enum case_op)op, true);
        bench_one(op_names[op], (enum case_op)op, false);
    }
}

TEST_MAIN(TEST_CASE(random_cases_match_the_definition_of_rounding),
          TEST_CASE(random_cases_match_the_processor),
          TEST_CASE(all_pairs_of_special_operands_match_the_processor), TEST_CASE(speed))
