/*
 * test_base_tier.c - random blocks of IR: the base tier's host code against the evaluator.
 *
 * Memory is one page whose TLB entry is there, one that only the slow path reaches, and
 * nothing else. Usage: test_base_tier [blocks [seed [instructions]]].
 */
#include "base/bits.h"
#include "engine/base/host_thunks.h"
#include "engine/core/block.h"
#include "host/cpu.h"
#include "ir/build.h"
#include "ir/eval.h"
#include "test.h"

enum { SLOTS = 24, PC_SLOT = SLOTS, STATE_WORDS = SLOTS + 2, PAGE = 4096, INSN_LEN = 4 };
#define FAST_VA  0x7000000000ull
#define SLOW_VA  0x7000001000ull
#define BLOCK_VA 0x10000f00ull

static u64 rng_state = 88172645463325252ull;

static u64 rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

static u64 rnd_value(void)
{
    static const u64 edge[] = { 0,          1,          ~0ull, 1ull << 63, INT64_MAX,
                                0x80000000, 0x7fffffff, 0xff,  0x80 };

    return rnd() % 3 ? rnd() >> rnd() % 64 : edge[rnd() % ARRAY_SIZE(edge)];
}

/* --- memory: one copy for each engine --- */

struct memory {
    u8 fast[PAGE], slow[PAGE];
};

static u8 *memory_at(struct memory *m, u64 va, unsigned size)
{
    if (va >= FAST_VA && va + size <= FAST_VA + PAGE)
        return m->fast + (va - FAST_VA);
    if (va >= SLOW_VA && va + size <= SLOW_VA + PAGE)
        return m->slow + (va - SLOW_VA);
    return NULL;
}

static bool straddles(u64 va, unsigned size)
{
    return va >= FAST_VA && va < SLOW_VA && va + size > SLOW_VA && va + size <= SLOW_VA + PAGE;
}

/* Byte by byte, so that both pages take part in a crossing access. */
static int memory_copy(struct memory *m, u64 va, void *v, unsigned size, bool store)
{
    if (!memory_at(m, va, size) && !straddles(va, size))
        return -1;
    for (unsigned i = 0; i < size; i++) {
        u8 *p = memory_at(m, va + i, 1);

        if (store)
            *p = ((u8 *)v)[i];
        else
            ((u8 *)v)[i] = *p;
    }
    return 0;
}

static int eval_load(void *arg, u64 va, void *v, unsigned size, struct ir_mem how)
{
    return memory_copy(arg, va, v, size, false);
}

static int eval_store(void *arg, u64 va, const void *v, unsigned size, struct ir_mem how)
{
    return memory_copy(arg, va, (void *)v, size, true);
}

static struct memory jit_memory;

int cpu_load_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, void *v, unsigned size,
                  struct ir_mem how)
{
    if (!memory_copy(&jit_memory, va, v, size, false))
        return 0;
    c->insn_index = in->index;
    vcpu_raise(c, 77, va);
    return -1;
}

int cpu_store_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v,
                   unsigned size, struct ir_mem how)
{
    if (!memory_copy(&jit_memory, va, (void *)v, size, true))
        return 0;
    c->insn_index = in->index;
    vcpu_raise(c, 77, va);
    return -1;
}

/* --- random blocks --- */

static unsigned block_size = 24; /* instructions at most */

enum { POOL = 64 };
struct gen {
    struct ir_builder *s;
    ir_val v[POOL];
    unsigned count;
};

static sem_reg slot_reg(unsigned i)
{
    return (sem_reg){ -1, (u16)(8 * i) };
}

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

static unsigned gen_block(struct ir_builder *s, struct ir_block *b)
{
    struct gen g = { .s = s };
    unsigned n = 1 + (unsigned)(rnd() % block_size);

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

/* --- running --- */

static const struct isa test_isa = { .name = "test", .pc_offset = 8 * PC_SLOT, .insn_align = 2 };
static struct host_code_map map;
static struct thunks thunks;
static struct lower_room room;
static struct tlb_bank bank;
static struct jump_cache jumps = { .entry[0] = { .pc = 2 } };
static union {
    struct ecpu e;
    u8 bytes[VCPU_STATE_OFF + 8 * STATE_WORDS];
} cpu;
static union {
    struct eblock b;
    u8 bytes[sizeof(struct eblock) + 65 * sizeof(struct einsn)];
} block;

static void block_describe(unsigned insns)
{
    memset(&block, 0, sizeof block);
    block.b.insn_count = (u16)insns;
    block.b.host = (const u8 *)(uintptr_t)BLOCK_VA; /* its place within a page is all that counts */
    for (unsigned i = 0; i < insns; i++)
        block.b.insn[i].in =
            (struct isa_insn){ .offset = (s16)(i * INSN_LEN), .len = INSN_LEN, .index = (u8)i };
}

static struct tlb_entry *tlb_slot(u64 va, enum isa_access a)
{
    return &bank.entry[a][va >> TLB_PAGE_SHIFT & (TLB_ENTRIES - 1)];
}

static void cpu_prepare(const u64 *state)
{
    memset(&cpu, 0, sizeof cpu);
    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++)
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            bank.entry[a][i].tag = TLB_EMPTY;
    for (unsigned a = ISA_READ; a <= ISA_WRITE; a++)
        *tlb_slot(FAST_VA, a) = (struct tlb_entry){ FAST_VA, (uintptr_t)jit_memory.fast - FAST_VA };
    cpu.e.bind[IR_MMU_DATA] = &bank;
    cpu.e.jumps = &jumps;
    cpu.e.budget = 1000;
    memcpy(vcpu_state(&cpu.e.v), state, 8 * STATE_WORDS);
    ((u64 *)vcpu_state(&cpu.e.v))[PC_SLOT] = BLOCK_VA;
}

static bool fault_pending(struct vcpu *c)
{
    return false;
}

/* Says what the two disagree about; NULL when they agree. */
static const char *compare(const struct ir_eval_result *want, const u64 *state,
                           const struct memory *m, int code, unsigned insns)
{
    static char text[200];
    const u64 *got = vcpu_state(&cpu.e.v);
    bool faulted = want->end == IR_EVAL_RAISED || want->end == IR_EVAL_FAULTED;

    if (faulted != (code == RUN_FAULT))
        return "one raised, the other did not";
    if ((want->end == IR_EVAL_ENDBLOCK) != (code == RUN_LOOKUP))
        return "the way the block was left";
    for (unsigned i = 0; i < SLOTS; i++)
        if (got[i] != state[i]) {
            snprintf(text, sizeof text, "slot %u: %#llx, expected %#llx", i,
                     (unsigned long long)got[i], (unsigned long long)state[i]);
            return text;
        }
    if (memcmp(m, &jit_memory, sizeof *m))
        return "memory";
    if (cpu.e.budget != 1000 - (s64)want->retired)
        return "the count of retired instructions";
    if (faulted)
        return cpu.e.v.insn_index != want->retired || !cpu.e.v.fault.pending ||
                       cpu.e.block != &block.b || cpu.e.block_pc != BLOCK_VA ||
                       (want->end == IR_EVAL_RAISED &&
                        (cpu.e.v.fault.cause != want->cause || cpu.e.v.fault.value != want->value))
                   ? "the fault"
                   : NULL;
    return got[PC_SLOT] != want->pc ? "pc" : NULL;
}

static const char *run_one(struct ir_builder *s, struct ir_block *ir)
{
    static struct memory m;
    u64 state[STATE_WORDS] = { 0 };
    unsigned insns = gen_block(s, ir);
    struct lower_job job = { .ir = ir,
                             .isa = &test_isa,
                             .block = &block.b,
                             .thunks = &thunks.shared,
                             .room = &room,
                             .has_bit_counts = true };
    struct ir_eval_mem mem = { .arg = &m, .load = eval_load, .store = eval_store };
    struct ir_eval_result want;
    int code;

    for (unsigned i = 0; i < SLOTS; i++)
        state[i] = rnd_value();
    for (unsigned i = 0; i < sizeof m; i++)
        ((u8 *)&m)[i] = (u8)rnd();
    jit_memory = m;
    block_describe(insns);
    cpu_prepare(state);
    if (!lower_block(&job))
        return "not translated";
    lower_place(&job, map.rw + thunks.size, map.rx + thunks.size);
    if (job.called)
        return "an operation of the list is not native";
    want = ir_eval(ir, state, 0, BLOCK_VA, &mem, NULL, fault_pending);
    if (want.end != IR_EVAL_RAISED && want.end != IR_EVAL_FAULTED)
        state[PC_SLOT] = want.pc;
    code = thunks.enter(&cpu.e.v, map.rx + thunks.size);
    return compare(&want, state, &m, code, insns);
}

static unsigned block_total = 20000;

TEST(random_blocks)
{
    struct err err = { 0 };
    struct ir_builder *s = ir_builder_new(false);
    struct ir_block ir;
    static char text[200000];

    ir_block_init(&ir);
    if (!CHECK_EQ(host_code_map_init(&map, 1 << 20, HOST_CODE_AUTO, &err), 0))
        return;
    CHECK(thunks_make(&thunks, &map, &test_isa));
    for (unsigned i = 0; i < block_total; i++) {
        u64 seed = rng_state;
        const char *why = run_one(s, &ir);

        if (why) {
            ir_print(&ir, text, sizeof text);
            (void)TEST_FAIL_("block %u (seed %llu): %s\n%s", i, (unsigned long long)seed, why,
                             text);
            break;
        }
    }
    ir_block_fini(&ir);
    ir_builder_free(s);
    host_code_map_fini(&map);
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = { TEST_CASE(random_blocks) };

    if (argc > 1)
        block_total = (unsigned)strtoul(argv[1], NULL, 0);
    if (argc > 2)
        rng_state = strtoull(argv[2], NULL, 0);
    if (argc > 3)
        block_size = (unsigned)strtoul(argv[3], NULL, 0);
    return test_run_all(cases, ARRAY_SIZE(cases), 1, argv);
}
