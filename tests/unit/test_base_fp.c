/*
 * test_base_fp.c - random blocks of floating point for the base tier: results, flags, rounding
 * modes and NaN-boxing against the soft-float.
 *
 * Usage: test_base_fp [operations [seed]].
 */
#include "base_harness.h"
#include "engine/base/host_fp.h"
#include "ir/fp.h"
#include "test.h"
#include <stdlib.h>

enum { FRAC_32 = 23, EXP_32 = 8, FRAC_64 = 52, EXP_64 = 11, INSNS = 24 };

/* --- numbers: many at the edges, many close to one another --- */

static u64 rnd_float(unsigned fraction, unsigned exponent)
{
    u64 v = rnd(), f = v & ((1ull << fraction) - 1), e = rnd(), top = (1ull << exponent) - 1;
    u64 sign = v >> 63 << (fraction + exponent);
    unsigned near = fraction / 2 + 2;

    switch (v >> 56 & 31) {
    case 0: return sign;
    case 1: return sign | f;                   /* denormal */
    case 2: return sign | top << fraction;     /* infinity */
    case 3: return sign | top << fraction | f; /* some NaN */
    case 4: return sign | top << fraction | 1ull << (fraction - 1) | f;
    case 5: return sign | (top - 1 - (e & 3)) << fraction | f;      /* huge */
    case 6: return sign | (1 + (e & 3)) << fraction | f;            /* tiny */
    case 7: return sign | (top / 2 + (e & 63)) << fraction;         /* few bits */
    case 8: return sign | (top / 2 + 28 + (e & 7)) << fraction | f; /* around 2^32 */
    case 9: return sign | (top / 2 + 60 + (e & 7)) << fraction | f; /* around 2^64 */
    case 10: return sign | 1ull << fraction | (e & 3);              /* smallest normal */
    case 11: return sign | (top / 2 + 31) << fraction | (e & 1 ? (1ull << fraction) - 1 : 0);
    case 12: return sign | (top / 2 - 60 + (e & 127)) << fraction | f;
    case 14: /* a limit of integers, or next to it */
        e = (top / 2 + (e & 4 ? 30 : 62) + (e & 3)) << fraction;
        return sign | (e + (v & 3) - (v >> 2 & 1) * 2);
    case 13: return sign | (top / 2 + (e & 3)) << fraction | (f & ~0ull << (fraction - 3));
    /* A little more and a little less than the square root of the smallest normal number: their
     * product is tiny, and that number when it is rounded. */
    case 15: return sign | (top / 4 + 1) << fraction | 1ull << (fraction - near);
    case 16: return sign | (((top / 4 + 1) << fraction) - (1ull << (fraction + 1 - near)));
    default: return sign | (top / 2 - 8 + (e & 15)) << fraction | f;
    }
}

static u64 rnd_word(void)
{
    u64 single = rnd_float(FRAC_32, EXP_32) | ~0ull << 32;

    switch (rnd() % 8) {
    case 0: return rnd_value();
    case 1:
    case 2:
    case 3: return single;
    case 4: return rnd() % 4 ? single : single & (rnd() | UINT32_MAX); /* not boxed */
    default: return rnd_float(FRAC_64, EXP_64);
    }
}

/* --- operations --- */

struct gen {
    struct ir_builder *s;
    u64 ops;    /* floating-point operations so far */
    u64 offset; /* of the instruction */
};

static sem_reg env_reg(unsigned member)
{
    return (sem_reg){ -1, (u16)(8 * ENV_SLOT + member) };
}

static sem_reg any_slot(void)
{
    return slot_reg((unsigned)(rnd() % SLOTS));
}

static ir_val get_f(struct gen *g, enum fp_format f)
{
    ir_val x = ir_get(g->s, IR_I64, any_slot());

    if (f == FP_F64)
        return x;
    ir_val width = ir_const(g->s, IR_I64, 32);
    ir_val ones = ir_const(g->s, IR_I64, UINT32_MAX);
    ir_val upper = ir_shr(g->s, x, width);
    ir_val boxed = ir_eq(g->s, upper, ones);
    ir_val low = ir_trunc(g->s, IR_I32, x);
    ir_val nan = ir_const(g->s, IR_I32, 0x7fc00000);

    return ir_select(g->s, boxed, low, nan);
}

static void set_f(struct gen *g, ir_val v)
{
    if (ir_type_of(g->s, v) == IR_I32) {
        ir_val wide = ir_zext(g->s, IR_I64, v);
        ir_val box = ir_const(g->s, IR_I64, ~0ull << 32);

        v = ir_or(g->s, wide, box);
    }
    ir_set(g->s, any_slot(), v);
}

static struct ir_fp how(enum fp_format f)
{
    return (struct ir_fp){ .format = (u8)f,
                           .from = (u8)f,
                           .rules = rnd() % 2 ? IR_RULES_DYNAMIC : FP_RULES_CANONICAL,
                           .round = rnd() % 4 ? IR_ROUND_DYNAMIC : (u8)(rnd() % 4) };
}

static ir_val maybe_negated(struct gen *g, ir_val v, enum fp_format f)
{
    if (rnd() % 2)
        return v;
    return ir_xor(
        g->s, v,
        ir_const(g->s, f == FP_F64 ? IR_I64 : IR_I32, f == FP_F64 ? 1ull << 63 : 1u << 31));
}

static void gen_arithmetic(struct gen *g, enum fp_format f)
{
    ir_val a = get_f(g, f), b = rnd() % 8 ? get_f(g, f) : a, c;

    switch (rnd() % 8) {
    case 0: set_f(g, ir_fadd(g->s, a, b, how(f))); break;
    case 1: set_f(g, ir_fsub(g->s, a, b, how(f))); break;
    case 2: set_f(g, ir_fmul(g->s, a, b, how(f))); break;
    case 3: set_f(g, ir_fdiv(g->s, a, b, how(f))); break;
    case 4: set_f(g, ir_fsqrt(g->s, a, how(f))); break;
    case 5: set_f(g, ir_fmin(g->s, a, b, (enum fp_minmax)(rnd() % 3), how(f))); break;
    case 6: set_f(g, ir_fmax(g->s, a, b, (enum fp_minmax)(rnd() % 3), how(f))); break;
    default:
        c = get_f(g, f);
        a = maybe_negated(g, a, f);
        c = maybe_negated(g, c, f);
        set_f(g, ir_fma(g->s, a, b, c, how(f)));
    }
}

static void gen_compare(struct gen *g, enum fp_format f)
{
    static const u8 masks[] = {
        1 << FP_EQ,       1 << FP_LT, 1 << FP_LT | 1 << FP_EQ, 1 << FP_GT, 1 << FP_GT | 1 << FP_EQ,
        1 << FP_UNORDERED
    };
    ir_val a = get_f(g, f), b = get_f(g, f);
    ir_val r = ir_fcmp(g->s, a, b, masks[rnd() % sizeof masks], rnd() % 2, how(f));

    ir_set(g->s, any_slot(), ir_zext(g->s, IR_I64, r));
}

static void gen_convert(struct gen *g, enum fp_format f)
{
    enum ir_type t = rnd() % 2 ? IR_I64 : IR_I32;
    const struct ir_ftoi to = { rnd() % 2, (u8)ir_type_bits(t),
                                (u8)(rnd() % 2 ? FP_SATURATE_NAN_MAX : rnd() % 4) };
    struct ir_fp h = how(f);
    ir_val v;

    switch (rnd() % 3) {
    case 0:
        v = ir_ftoi(g->s, t, get_f(g, f), to, h);
        ir_set(g->s, any_slot(), t == IR_I64 ? v : ir_sext(g->s, IR_I64, v));
        break;
    case 1: set_f(g, ir_itof(g->s, ir_get(g->s, t, any_slot()), rnd() % 2, h)); break;
    default:
        h.from = f == FP_F64 ? FP_F32 : FP_F64;
        set_f(g, ir_fcvt(g->s, get_f(g, (enum fp_format)h.from), h));
    }
}

/* As RISC-V's sign injection says it: copy, negation, absolute value, and mixtures. */
static void gen_sign(struct gen *g, enum fp_format f)
{
    enum ir_type t = f == FP_F64 ? IR_I64 : IR_I32;
    ir_val mask = ir_const(g->s, t, f == FP_F64 ? 1ull << 63 : 1u << 31);
    ir_val x = get_f(g, f), y = rnd() % 4 ? x : get_f(g, f);
    ir_val body = rnd() % 3 ? ir_andn(g->s, x, mask) : x;
    ir_val source = rnd() % 2 ? ir_not(g->s, y) : y;
    ir_val sign = ir_and(g->s, source, mask);

    set_f(g, ir_xor(g->s, body, sign));
}

static void gen_memory(struct gen *g, enum fp_format f)
{
    struct ir_mem mem = { IR_MMU_DATA, IR_ALIGN_ANY, IR_RELAXED, 0 };
    enum ir_type t = f == FP_F64 ? IR_I64 : IR_I32;
    ir_val off = ir_and(g->s, ir_get(g->s, IR_I64, any_slot()), ir_const(g->s, IR_I64, 0x1fff));
    ir_val addr = ir_add(g->s, off, ir_const(g->s, IR_I64, FAST_VA));

    if (rnd() % 2)
        set_f(g, ir_load(g->s, t, addr, mem));
    else
        ir_store(g->s, addr, ir_get(g->s, t, any_slot()), mem);
}

/* Reads and writes of the flags, and now and then of the rounding mode. */
static void gen_env(struct gen *g)
{
    unsigned flags = offsetof(struct fp_env, flags), round = offsetof(struct fp_env, round);
    ir_val v;

    switch (rnd() % 5) {
    case 0:
        v = ir_get(g->s, IR_I8, env_reg(flags));
        ir_set(g->s, any_slot(), ir_zext(g->s, IR_I64, v));
        break;
    case 1: ir_set(g->s, env_reg(flags), ir_const(g->s, IR_I8, rnd() % 32)); break;
    case 2: ir_set(g->s, env_reg(round), ir_const(g->s, IR_I8, rnd() % 4)); break;
    case 3:
        ir_set(g->s, env_reg(offsetof(struct fp_env, rules)), ir_const(g->s, IR_I8, HOST_FP_RULES));
        break;
    default:
        v = ir_get(g->s, IR_I64, any_slot());
        v = ir_and(g->s, v, ir_const(g->s, IR_I64, 0x1f03));
        ir_set(g->s, env_reg(round), ir_trunc(g->s, IR_I16, v));
    }
}

/* Integers beside, so that values move between the files. */
static void gen_integer(struct gen *g)
{
    ir_val a = ir_get(g->s, IR_I64, any_slot()), b = ir_get(g->s, IR_I64, any_slot());

    switch (rnd() % 4) {
    case 0: ir_set(g->s, any_slot(), a); break;
    case 1: ir_set(g->s, any_slot(), ir_add(g->s, a, b)); break;
    case 2: ir_set(g->s, any_slot(), ir_trunc(g->s, IR_I32, a)); break;
    default: set_f(g, ir_trunc(g->s, IR_I32, a));
    }
}

static void gen_insn(struct gen *g)
{
    enum fp_format f = rnd() % 2 ? FP_F64 : FP_F32;

    switch (rnd() % 16) {
    case 0: gen_sign(g, f); return;
    case 1: gen_memory(g, f); return;
    case 2: gen_integer(g); return;
    case 3:
        if (rnd() % 2)
            gen_env(g);
        return;
    case 4:
    case 5: gen_compare(g, f); break;
    case 6:
    case 7:
    case 8:
    case 9: gen_convert(g, f); break;
    default: gen_arithmetic(g, f);
    }
    g->ops++;
}

static void gen_branch(struct gen *g)
{
    ir_val a = ir_get(g->s, IR_I64, any_slot()), b = ir_get(g->s, IR_I64, any_slot());
    ir_val c = ir_ltu(g->s, a, b);
    ir_val target = ir_add(g->s, ir_pc(g->s), ir_const(g->s, IR_I64, 64));

    ir_jump_if(g->s, c, target);
}

/* Flags read, a comparison, mostly the same flags written: as compilers do it. */
static void gen_kept_flags(struct gen *g, unsigned part)
{
    static sem_reg copy;
    ir_val v;

    switch (part) {
    case 0:
        copy = any_slot();
        v = ir_get(g->s, IR_I8, env_reg(offsetof(struct fp_env, flags)));
        ir_set(g->s, copy, ir_zext(g->s, IR_I64, v));
        break;
    case 1: gen_compare(g, rnd() % 2 ? FP_F64 : FP_F32); break;
    default:
        v = ir_get(g->s, IR_I64, rnd() % 8 ? copy : any_slot());
        v = ir_and(g->s, v, ir_const(g->s, IR_I64, 31));
        ir_set(g->s, env_reg(offsetof(struct fp_env, flags)), ir_trunc(g->s, IR_I8, v));
    }
}

/* Back to the block's start while some value is small enough: mostly. */
static void gen_loop(struct gen *g)
{
    ir_val a = ir_get(g->s, IR_I64, any_slot());
    ir_val zero = ir_const(g->s, IR_I64, 0), one = ir_const(g->s, IR_I64, 1);
    ir_val bit = ir_and(g->s, a, one);
    ir_val c = rnd() % 2 ? ir_eq(g->s, bit, zero) : ir_ne(g->s, a, one);
    ir_val start = ir_sub(g->s, ir_pc(g->s), ir_const(g->s, IR_I64, g->offset));

    ir_jump_if(g->s, c, start);
}

static u64 operations, wanted = 1000000;

static unsigned gen_block(struct ir_builder *s, struct ir_block *b, u64 *state)
{
    struct gen g = { .s = s };
    unsigned n = 1 + (unsigned)(rnd() % INSNS), kept = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = rnd_word();
    state[ENV_SLOT] = rnd() % 4 | (rnd() % 2 ? 0 : rnd() % 32 << 8) | HOST_FP_RULES << 16;
    ir_builder_begin(s, b);
    for (unsigned i = 0; i < n; i++) {
        ir_builder_insn(s, (s32)i * INSN_LEN, INSN_LEN);
        g.offset = i * INSN_LEN;
        if (i + 1 == n && rnd() % 2) {
            gen_loop(&g);
        } else if (kept || rnd() % 16 == 0) {
            gen_kept_flags(&g, kept);
            kept = (kept + 1) % 3;
        } else {
            gen_insn(&g);
            if (rnd() % 16 == 0)
                gen_branch(&g);
        }
        ir_builder_insn_end(s);
    }
    operations += g.ops;
    return n;
}

TEST(random_floating_point)
{
    while (operations < wanted)
        if (!CHECK(harness_run(gen_block, 2000)))
            return;
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = { TEST_CASE(random_floating_point) };

    if (argc > 1)
        wanted = strtoull(argv[1], NULL, 0);
    else if (getenv("VM_SOAK"))
        wanted = 100000000;
    if (argc > 2)
        rng_state = strtoull(argv[2], NULL, 0);
    return test_run_all(cases, ARRAY_SIZE(cases), 1, argv);
}
