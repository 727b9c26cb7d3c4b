/*
 * random_hard.sem.c - instructions that mean nothing: random, well-typed semantics.
 *
 * Each is a pure function of its number, so that the builder makes the same operations
 * with symbolic operands, for semgen, and with decoded ones, for engines. They come in
 * three phases: what may fault; structure; buffered sets and the exit.
 */
#include "hard_sem.h"

#define RND(member) SEM_SLOT(struct random_hard, member)

enum { POOL = 96 };

struct random_sem {
    struct ir_builder *s;
    const struct hard_args *a;
    u64 seed;
    ir_val pool[POOL]; /* values in scope */
    unsigned count;
};

static u64 rnd(struct random_sem *r, u64 n)
{
    u64 z = (r->seed += 0x9e3779b97f4a7c15ull);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (z ^ z >> 31) % n;
}

static void add(struct random_sem *r, ir_val v)
{
    r->pool[r->count < POOL ? r->count++ : rnd(r, POOL)] = v;
}

static enum ir_type wide_type(struct random_sem *r)
{
    return (enum ir_type)(IR_I8 + rnd(r, 5));
}

/* A value of type t, converted when there is none. */
static ir_val pick(struct random_sem *r, enum ir_type t)
{
    ir_val v = r->pool[rnd(r, r->count)];

    for (unsigned i = 0; i < 8 && ir_type_of(r->s, v) != t; i++)
        v = r->pool[rnd(r, r->count)];
    if (ir_type_of(r->s, v) > t)
        return ir_trunc(r->s, t, v);
    return rnd(r, 2) ? ir_sext(r->s, t, v) : ir_zext(r->s, t, v);
}

/* --- pure operations --- */

#define UNARY(name, op)   ir_##name,
typedef ir_val unary_fn(struct ir_builder *s, ir_val a);
typedef ir_val binary_fn(struct ir_builder *s, ir_val a, ir_val b);
typedef ir_val ternary_fn(struct ir_builder *s, ir_val a, ir_val b, ir_val c);
typedef ir_val carry_fn(struct ir_builder *s, ir_val a, ir_val b, ir_val c);
static unary_fn *const unary[] = { IR_UNARY(UNARY) };
static binary_fn *const binary[] = { IR_BINARY(UNARY) };
static ternary_fn *const ternary[] = { IR_TERNARY(UNARY) };
static binary_fn *const compare[] = { IR_COMPARE(UNARY) };
static carry_fn *const carries[] = { IR_CARRIES(UNARY) };

/* Divisors are odd and positive, so that quotients exist. */
static ir_val divisor(struct random_sem *r, enum ir_type t)
{
    ir_val v = pick(r, t);
    ir_val one = ir_const(r->s, t, 1);
    ir_val half = ir_shr(r->s, v, one);

    return ir_or(r->s, half, one);
}

static ir_val random_binary(struct random_sem *r)
{
    binary_fn *f = binary[rnd(r, ARRAY_SIZE(binary))];
    enum ir_type t = wide_type(r);
    ir_val x, y;

    if (f == ir_clmul || f == ir_clmulh || f == ir_pext || f == ir_pdep)
        t = IR_I64;
    if (f == ir_sha256s0)
        t = IR_I128;
    if ((f == ir_mulhu || f == ir_mulhs || f == ir_mulhsu) && t == IR_I128)
        t = IR_I32;
    if ((f == ir_and || f == ir_or || f == ir_xor || f == ir_andn) && rnd(r, 4) == 0)
        t = IR_I1;
    x = pick(r, t);
    y = f == ir_divu || f == ir_divs || f == ir_remu || f == ir_rems ? divisor(r, t) : pick(r, t);
    return f(r->s, x, y);
}

/* All of them are of i128. */
static ir_val random_ternary(struct random_sem *r)
{
    ir_val x = pick(r, IR_I128);
    ir_val y = pick(r, IR_I128);
    ir_val z = pick(r, IR_I128);

    return ternary[rnd(r, ARRAY_SIZE(ternary))](r->s, x, y, z);
}

static ir_val random_parts(struct random_sem *r)
{
    enum ir_type t = wide_type(r);
    unsigned bits = ir_type_bits(t), at = (unsigned)rnd(r, bits);
    ir_val x = pick(r, t), y;

    switch (rnd(r, 4)) {
    case 0: y = pick(r, t); return ir_deposit(r->s, x, y, at, 1 + (unsigned)rnd(r, bits - at));
    case 1:
        x = pick(r, IR_I64);
        y = pick(r, IR_I64);
        return ir_concat64(r->s, x, y);
    case 2: x = pick(r, IR_I128); return ir_high64(r->s, x);
    default: return ir_parity(r->s, x);
    }
}

static ir_val random_pure(struct random_sem *r)
{
    enum ir_type t = wide_type(r);
    ir_val x = pick(r, t), y = pick(r, t), c;

    switch (rnd(r, 9)) {
    case 0: return unary[rnd(r, ARRAY_SIZE(unary))](r->s, x);
    case 1: return compare[rnd(r, ARRAY_SIZE(compare))](r->s, x, y);
    case 2: c = pick(r, IR_I1); return carries[rnd(r, ARRAY_SIZE(carries))](r->s, x, y, c);
    case 3: c = pick(r, IR_I1); return ir_select(r->s, c, x, y);
    case 4: return random_parts(r);
    case 5: return ir_const(r->s, t, rnd(r, 2) ? rnd(r, 256) : rnd(r, ~0ull));
    case 6: return random_ternary(r);
    default: return random_binary(r);
    }
}

/* --- floating point --- */

static ir_val random_fp(struct random_sem *r)
{
    static const enum fp_format formats[] = { FP_F16, FP_F32, FP_F64, FP_F64, FP_F80, FP_F128 };
    static const enum ir_type types[] = { IR_I16, IR_I32, IR_I64, IR_I64, IR_I128, IR_I128 };
    unsigned k = (unsigned)rnd(r, ARRAY_SIZE(formats)),
             from = (unsigned)rnd(r, ARRAY_SIZE(formats));
    unsigned kind = (unsigned)rnd(r, 4), mask = (unsigned)rnd(r, 15) + 1,
             mode = (unsigned)rnd(r, 12);
    bool flag = rnd(r, 2);
    enum ir_type t = types[k];
    ir_val x = pick(r, t), y = pick(r, t), z;
    const struct ir_ftoi to = { .is_signed = flag, .bits = mask & 1 ? 32 : 64, .mode = (u8)kind };
    struct ir_fp how = { .format = (u8)formats[k],
                         .from = (u8)formats[from],
                         .round = (u8)(mode < 6 ? mode : IR_ROUND_DYNAMIC) };

    how.rules = (u8)rnd(r, FP_RULES_COUNT + 4);
    if (how.rules >= FP_RULES_COUNT)
        how.rules = IR_RULES_DYNAMIC;
    how.env = (u8)rnd(r, 2);
    switch (rnd(r, 12)) {
    case 0: return ir_fadd(r->s, x, y, how);
    case 1: return ir_fsub(r->s, x, y, how);
    case 2: return ir_fmul(r->s, x, y, how);
    case 3: return ir_fdiv(r->s, x, y, how);
    case 4: return ir_fsqrt(r->s, x, how);
    case 5: z = pick(r, t); return ir_fma(r->s, x, y, z, how);
    case 6: return ir_fmin(r->s, x, y, (enum fp_minmax)kind, how);
    case 7: return ir_fmax(r->s, x, y, (enum fp_minmax)kind, how);
    case 8: return ir_fcmp(r->s, x, y, mask, flag, how);
    case 9:
        x = pick(r, types[from]);
        return from == k ? ir_fround(r->s, x, flag, how) : ir_fcvt(r->s, x, how);
    case 10: return ir_ftoi(r->s, IR_I64, x, to, how);
    default: x = pick(r, wide_type(r)); return ir_itof(r->s, x, flag, how);
    }
}

static void compute(struct random_sem *r, unsigned n)
{
    while (n-- > 0)
        add(r, rnd(r, 6) ? random_pure(r) : random_fp(r));
}

/* --- phase 1: what reads and may fault --- */

/* index for a file: at most 127, so that 16 bytes more still lie in it */
static ir_val file_index(struct random_sem *r)
{
    ir_val v = pick(r, IR_I64);
    ir_val mask = ir_const(r->s, IR_I64, 127);

    return ir_and(r->s, v, mask);
}

static ir_val address(struct random_sem *r)
{
    ir_val base = ir_get(r->s, IR_I64, rnd(r, 2) ? RND(address[0]) : RND(address[1]));
    ir_val off = ir_const(r->s, IR_I64, rnd(r, 2) ? 0 : rnd(r, 32) - 16);

    return ir_add(r->s, base, off);
}

static void touch_memory(struct random_sem *r)
{
    static const struct ir_mem hows[] = {
        { .align = IR_ALIGN_ANY },
        { .align = IR_ALIGN_NATURAL },
        { .align = IR_ALIGN_16 },
        { .align = IR_ALIGN_ANY, .order = IR_TSO },
        { .align = IR_ALIGN_ANY, .order = IR_SEQ_CST },
    };
    struct ir_mem how = hows[rnd(r, ARRAY_SIZE(hows))];
    enum ir_type t = wide_type(r);
    ir_val at = address(r), x = pick(r, t), y = pick(r, t);

    switch (rnd(r, 8)) {
    case 0: add(r, ir_rmw(r->s, (enum ir_rmw)rnd(r, IR_RMW_MAXS + 1), at, x, how)); break;
    case 1: add(r, ir_cas(r->s, at, x, y, how)); break;
    case 2: ir_store(r->s, at, x, how); break;
    case 3:
        how.access = 1 /* ISA_WRITE */;
        how.align = IR_ALIGN_ANY;
        ir_probe(r->s, at, 1 + (unsigned)rnd(r, 64), how);
        break;
    default: add(r, ir_load(r->s, t, at, how)); break;
    }
}

static void faulting_phase(struct random_sem *r)
{
    ir_val c, v;

    for (unsigned k = 0; k < 4; k++)
        add(r, ir_get(r->s, wide_type(r), r->a->r[k]));
    add(r, ir_imm(r->s, wide_type(r), r->a->imm[0]));
    add(r, ir_imm(r->s, wide_type(r), r->a->imm[1]));
    add(r, ir_get(r->s, IR_I1, RND(flag[rnd(r, 4)])));
    compute(r, 4);
    for (unsigned n = (unsigned)rnd(r, 4); n > 0; n--) {
        touch_memory(r);
        compute(r, 3);
    }
    v = file_index(r);
    add(r, ir_getx(r->s, wide_type(r), RND(file), v, 144));
    if (rnd(r, 3) == 0) {
        c = ir_get(r->s, IR_I1, RND(flag[0]));
        v = pick(r, IR_I64);
        ir_raise_if(r->s, c, 40 + (u32)rnd(r, 8), v);
    }
    add(r, rnd(r, 2) ? ir_pc(r->s) : ir_next_pc(r->s));
}

/* --- phase 2: structure --- */

static void structure(struct random_sem *r, unsigned depth);

/* Values made inside are out of scope behind. */
static void inside(struct random_sem *r, unsigned depth, ir_var carry)
{
    unsigned outer = r->count;
    enum ir_type t = IR_I64;
    ir_val v, at;

    compute(r, 1 + (unsigned)rnd(r, 3));
    if (depth < 3 && rnd(r, 2))
        structure(r, depth + 1);
    v = pick(r, t);
    at = file_index(r);
    switch (rnd(r, 3)) {
    case 0: ir_set(r->s, RND(out[rnd(r, 4)]), v); break;
    case 1: ir_setx(r->s, RND(file), at, v, 144); break;
    default: add(r, ir_getx(r->s, t, RND(file), at, 144)); break;
    }
    v = pick(r, t);
    ir_var_set(r->s, carry, v);
    r->count = outer < r->count ? outer : r->count;
}

static ir_val small_count(struct random_sem *r)
{
    ir_val v = pick(r, IR_I64);
    ir_val seven = ir_const(r->s, IR_I64, 7);

    return ir_and(r->s, v, seven);
}

static void random_if(struct random_sem *r, unsigned depth, ir_var carry)
{
    ir_val c = pick(r, IR_I1);

    ir_if(r->s, c);
    inside(r, depth, carry);
    if (rnd(r, 2)) {
        ir_else(r->s);
        inside(r, depth, carry);
    }
    ir_endif(r->s);
}

static void random_loop(struct random_sem *r, unsigned depth, ir_var carry)
{
    ir_val n = small_count(r);
    ir_val zero = ir_const(r->s, IR_I64, 0);
    ir_val one = ir_const(r->s, IR_I64, 1);
    ir_var left = ir_var_new(r->s, n);
    ir_val v, done;

    ir_loop(r->s);
    v = ir_var_get(r->s, left);
    done = ir_eq(r->s, v, zero);
    ir_break_if(r->s, done);
    v = ir_sub(r->s, v, one);
    ir_var_set(r->s, left, v);
    inside(r, depth, carry);
    ir_endloop(r->s);
}

static void random_vloop(struct random_sem *r, unsigned depth, ir_var carry)
{
    unsigned outer = r->count;
    ir_val n = small_count(r);
    ir_val zero = ir_const(r->s, IR_I64, 0);
    ir_val i = ir_vloop(r->s, (struct ir_shape){ .element = 8 }, zero, n);

    add(r, i);
    inside(r, depth, carry);
    ir_endvloop(r->s);
    r->count = outer < r->count ? outer : r->count;
}

static void structure(struct random_sem *r, unsigned depth)
{
    ir_val first = pick(r, IR_I64);
    ir_var carry = ir_var_new(r->s, first);

    switch (rnd(r, 4)) {
    case 0: random_loop(r, depth, carry); break;
    case 1: random_vloop(r, depth, carry); break;
    default: random_if(r, depth, carry); break;
    }
    add(r, ir_var_get(r->s, carry));
}

/* --- phase 3: results --- */

static void result_phase(struct random_sem *r, bool may_jump)
{
    ir_val v, c;

    for (unsigned k = 0; k < 4; k++) {
        v = pick(r, wide_type(r));
        ir_set(r->s, r->a->r[k], v);
    }
    c = pick(r, IR_I1);
    ir_set(r->s, RND(flag[rnd(r, 4)]), c);
    if (!may_jump)
        return;
    v = pick(r, IR_I64);
    switch (rnd(r, 4)) {
    case 0: ir_jump(r->s, v, IR_JUMP_PLAIN); break;
    case 1: ir_jump_if(r->s, c, v); break;
    case 2: ir_end_block(r->s); break;
    default: break;
    }
}

static void random_semantics(struct ir_builder *s, const struct hard_args *a, unsigned number)
{
    struct random_sem r = { .s = s, .a = a, .seed = number * 0x2545f4914f6cdd1dull };

    faulting_phase(&r);
    compute(&r, 4 + (unsigned)rnd(&r, 8));
    if (number % 4)
        structure(&r, 0);
    compute(&r, 2);
    result_phase(&r, number & 1);
}

#define SEM(n)                                                                                     \
    HARD_SEM(random_##n)                                                                           \
    {                                                                                              \
        random_semantics(s, a, n);                                                                 \
    }
#include "random_sems.def"
#undef SEM
