/*
 * base_harness.c - runs blocks of IR by the base tier and by the evaluator, and compares.
 */
#include "base_harness.h"

#include "engine/base/host_fp.h"
#include "engine/base/host_thunks.h"
#include "engine/core/block.h"
#include "ir/eval.h"
#include "base/bits.h"
#include <stdio.h>
#include <string.h>

enum { PAGE = 4096, BUDGET = 1000 };
#define SLOW_VA  (FAST_VA + PAGE)
#define BLOCK_VA 0x10000f00ull

u64 rng_state = 88172645463325252ull;

u64 rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

u64 rnd_value(void)
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
    vcpu_raise(c, 77, va);
    return -1;
}

/* Now and then the fast page, when its entry was not looked for where it is. */
u64 cpu_page(struct vcpu *c, gva_t va, enum isa_access access)
{
    return va - FAST_VA < PAGE && rnd() % 2 ? (uintptr_t)jit_memory.fast - FAST_VA : 0;
}

int cpu_store_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v,
                   unsigned size, struct ir_mem how)
{
    if (!memory_copy(&jit_memory, va, (void *)v, size, true))
        return 0;
    vcpu_raise(c, 77, va);
    return -1;
}

/* --- running --- */

static const struct isa test_isa = {
    .name = "test", .pc_offset = 8 * PC_SLOT, .fp_env_offset = 8 * ENV_SLOT, .insn_align = 2
};
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
    u8 bytes[sizeof(struct eblock) + 65 * sizeof(s16)];
} block;
static union {
    struct einsns s;
    u8 bytes[sizeof(struct einsns) + 65 * sizeof(struct einsn)];
} decoded;
static const u8 lens[64] = { [0 ... 63] = INSN_LEN };

const struct einsn *eblock_insns(struct ecpu *c, struct eblock *b)
{
    return decoded.s.at;
}

static void block_describe(unsigned count)
{
    memset(&block, 0, sizeof block);
    block.b.insn_count = (u16)count;
    block.b.host = (const u8 *)(uintptr_t)BLOCK_VA; /* its place within a page is all that counts */
    block.b.insns = &decoded.s;
    block.b.len = lens;
    for (unsigned i = 0; i <= count; i++) {
        block.b.offset[i] = (s16)(i * INSN_LEN);
        decoded.s.at[i].in =
            (struct isa_insn){ .offset = (s16)(i * INSN_LEN), .len = INSN_LEN, .index = (u8)i };
    }
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
    cpu.e.v.isa = &test_isa;
    cpu.e.budget = BUDGET;
    memcpy(vcpu_state(&cpu.e.v), state, 8 * STATE_WORDS);
    ((u64 *)vcpu_state(&cpu.e.v))[PC_SLOT] = BLOCK_VA;
}

static u32 mxcsr;

static u32 host_mxcsr(void)
{
    return __builtin_ia32_stmxcsr() & ~(u32)MXCSR_FLAGS;
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
    if (got[ENV_SLOT] != state[ENV_SLOT]) {
        snprintf(text, sizeof text, "rounding mode and flags: %#llx, expected %#llx",
                 (unsigned long long)got[ENV_SLOT], (unsigned long long)state[ENV_SLOT]);
        return text;
    }
    if (cpu.e.fp_live || host_mxcsr() != mxcsr)
        return "MXCSR is not the host's";
    if (memcmp(m, &jit_memory, sizeof *m))
        return "memory";
    if (cpu.e.budget != BUDGET - (s64)want->retired)
        return "the count of retired instructions";
    if (faulted)
        return cpu.e.v.insn_index != want->retired % insns || !cpu.e.v.fault.pending ||
                       cpu.e.block != &block.b || cpu.e.block_pc != BLOCK_VA ||
                       (want->end == IR_EVAL_RAISED &&
                        (cpu.e.v.fault.cause != want->cause || cpu.e.v.fault.value != want->value))
                   ? "the fault"
                   : NULL;
    return got[PC_SLOT] != want->pc ? "pc" : NULL;
}

/* Runs the block, and again while it jumps to itself and there are `budget` instructions. */
static struct ir_eval_result evaluate(const struct ir_block *ir, u64 *state,
                                      const struct ir_eval_mem *mem, u64 budget)
{
    u64 done = 0;

    for (;;) {
        struct ir_eval_result r =
            ir_eval(ir, state, 8 * ENV_SLOT, BLOCK_VA, mem, NULL, fault_pending);
        bool again = r.end == IR_EVAL_JUMP && r.pc == BLOCK_VA && r.retired == ir->insn_count;

        r.retired += (u32)done;
        if (!again || r.retired + ir->insn_count > budget)
            return r;
        done = r.retired;
    }
}

static const char *run_one(struct ir_builder *s, struct ir_block *ir, harness_gen *gen)
{
    static struct memory m;
    u64 state[STATE_WORDS] = { 0 };
    unsigned insns = gen(s, ir, state);
    struct lower_job job = { .ir = ir,
                             .isa = &test_isa,
                             .block = &block.b,
                             .thunks = &thunks.shared,
                             .room = &room,
                             .has_bit_counts = true,
                             .has_fma = true,
                             .has_round = true };
    struct ir_eval_mem mem = { .arg = &m, .load = eval_load, .store = eval_store };
    struct ir_eval_result want;
    int code;

    for (unsigned i = 0; i < sizeof m; i += sizeof(u64)) {
        u64 v = rnd();

        memcpy((u8 *)&m + i, &v, sizeof v);
    }
    jit_memory = m;
    block_describe(insns);
    cpu_prepare(state);
    if (!lower_block(&job))
        return "not translated";
    lower_place(&job, map.rw + thunks.size, map.rx + thunks.size);
    if (job.called)
        return "an operation of the list is not native";
    mxcsr = host_mxcsr();
    want = evaluate(ir, state, &mem, job.loops ? BUDGET : 0);
    if (want.end != IR_EVAL_RAISED && want.end != IR_EVAL_FAULTED)
        state[PC_SLOT] = want.pc;
    code = thunks.enter(&cpu.e.v, map.rx + thunks.size);
    return compare(&want, state, &m, code, insns);
}

bool harness_run(harness_gen *gen, u64 blocks)
{
    struct err err = { 0 };
    struct ir_builder *s = ir_builder_new(false);
    struct ir_block ir;
    static char text[200000];
    bool ok = true;

    ir_block_init(&ir);
    if (host_code_map_init(&map, 1 << 20, HOST_CODE_AUTO, &err) ||
        !thunks_make(&thunks, &map, &test_isa)) {
        printf("# no memory for host code: %s\n", err.text);
        return false;
    }
    for (u64 i = 0; i < blocks && ok; i++) {
        u64 seed = rng_state;
        const char *why = run_one(s, &ir, gen);

        if (why) {
            ir_print(&ir, text, sizeof text);
            printf("# block %llu (seed %llu): %s\n%s", (unsigned long long)i,
                   (unsigned long long)seed, why, text);
            ok = false;
        }
    }
    ir_block_fini(&ir);
    ir_builder_free(s);
    host_code_map_fini(&map);
    return ok;
}
