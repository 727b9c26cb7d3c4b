/*
 * base_harness.c - runs blocks of IR by the base tier and by the evaluator, and compares.
 */
#include "base_harness.h"

#include "engine/base/host_fp.h"
#include "engine/base/host_thunks.h"
#include "engine/core/block.h"
#include "ir/eval.h"
#include "base/bits.h"
#include "host/thread.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, BUDGET = 1000 };
#define SLOW_VA  (FAST_VA + PAGE)
#define LAST_VA  (-(u64)PAGE)
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
    u8 fast[PAGE], last[PAGE], slow[PAGE]; /* not side by side as the guest has them */
    const u8 *reserved; /* where, of the evaluator's copy; NULL: no reservation */
    u64 reserved_value;
    unsigned reserved_size;
};

static u8 *memory_at(struct memory *m, u64 va, unsigned size)
{
    if (va - FAST_VA <= PAGE - size) /* at the end of the address space, too */
        return m->fast + (va - FAST_VA);
    if (va - SLOW_VA <= PAGE - size)
        return m->slow + (va - SLOW_VA);
    if (va - LAST_VA <= PAGE - size)
        return m->last + (va - LAST_VA);
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

static int eval_probe(void *arg, u64 va, unsigned size, struct ir_mem how)
{
    return memory_at(arg, va, size) ? 0 : -1;
}

/* --- atomic accesses: aligned, of at most 8 bytes --- */

static int atomic_at(struct memory *m, u64 va, unsigned size, u8 **p)
{
    *p = va % size ? NULL : memory_at(m, va, size);
    return *p ? 0 : -1;
}

/* expected NULL: stores in any case. */
static int memory_cas(struct memory *m, u64 va, const void *expected, const void *want, void *old,
                      unsigned size)
{
    u8 *p;

    if (atomic_at(m, va, size, &p))
        return -1;
    memcpy(old, p, size);
    if (!expected || !memcmp(old, expected, size))
        memcpy(p, want, size);
    return 0;
}

static int eval_cas(void *arg, u64 va, const void *expected, const void *want, void *old,
                    unsigned size, struct ir_mem how)
{
    return memory_cas(arg, va, expected, want, old, size);
}

static int eval_ll(void *arg, u64 va, void *v, unsigned size, struct ir_mem how)
{
    struct memory *m = arg;
    u8 *p;

    m->reserved = NULL;
    if (atomic_at(m, va, size, &p))
        return -1;
    memcpy(v, p, size);
    m->reserved = p;
    m->reserved_value = 0;
    memcpy(&m->reserved_value, p, size);
    m->reserved_size = size;
    return 0;
}

static int eval_sc(void *arg, u64 va, const void *v, unsigned size, struct ir_mem how, bool *done)
{
    struct memory *m = arg;
    u8 *p;

    if (atomic_at(m, va, size, &p))
        return -1;
    *done = m->reserved == p && m->reserved_size == size && !memcmp(p, &m->reserved_value, size);
    if (*done)
        memcpy(p, v, size);
    m->reserved = NULL;
    return 0;
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

int cpu_probe(struct vcpu *c, const struct isa_insn *in, gva_t va, u64 len, struct ir_mem how)
{
    if (memory_at(&jit_memory, va, (unsigned)len))
        return 0;
    vcpu_raise(c, 77, va);
    return -1;
}

/* What core/atomic.c does, for the page that only the slow path reaches. */
static int slow_raise(struct vcpu *c, const struct isa_insn *in, gva_t va)
{
    vcpu_raise(c, 77, va);
    return -1;
}

int cpu_rmw(struct vcpu *c, const struct isa_insn *in, gva_t va, enum ir_rmw f, const void *v,
            void *old, unsigned size, struct ir_mem how)
{
    u8 *p;
    u64 now = 0, b = 0;
    s64 a, x;
    unsigned up = 64 - 8 * size;

    if (atomic_at(&jit_memory, va, size, &p))
        return slow_raise(c, in, va);
    memcpy(&now, p, size);
    memcpy(&b, v, size);
    memcpy(old, p, size);
    a = (s64)(now << up) >> up;
    x = (s64)(b << up) >> up;
    switch (f) {
    case IR_RMW_XCHG: now = b; break;
    case IR_RMW_ADD: now += b; break;
    case IR_RMW_AND: now &= b; break;
    case IR_RMW_OR: now |= b; break;
    case IR_RMW_XOR: now ^= b; break;
    case IR_RMW_MINU: now = now < b ? now : b; break;
    case IR_RMW_MAXU: now = now > b ? now : b; break;
    case IR_RMW_MINS: now = a < x ? now : b; break;
    case IR_RMW_MAXS: now = a > x ? now : b; break;
    }
    memcpy(p, &now, size);
    return 0;
}

int cpu_cas(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *expected,
            const void *want, void *old, unsigned size, struct ir_mem how)
{
    return memory_cas(&jit_memory, va, expected, want, old, size) ? slow_raise(c, in, va) : 0;
}

int cpu_ll(struct vcpu *v, const struct isa_insn *in, gva_t va, void *out, unsigned size,
           struct ir_mem how)
{
    struct ecpu *c = ecpu_of(v);
    u8 *p;

    c->reserve_addr = 0;
    if (atomic_at(&jit_memory, va, size, &p))
        return slow_raise(v, in, va);
    memcpy(out, p, size);
    c->reserve_addr = (uintptr_t)p + 1;
    c->reserve_lo = 0;
    memcpy(&c->reserve_lo, p, size);
    c->reserve_size = size;
    return 0;
}

int cpu_sc(struct vcpu *v, const struct isa_insn *in, gva_t va, const void *value, unsigned size,
           struct ir_mem how, bool *done)
{
    struct ecpu *c = ecpu_of(v);
    u8 *p;

    if (atomic_at(&jit_memory, va, size, &p))
        return slow_raise(v, in, va);
    *done = c->reserve_addr == (uintptr_t)p + 1 && c->reserve_size == size &&
            !memcmp(p, &c->reserve_lo, size);
    if (*done)
        memcpy(p, value, size);
    c->reserve_addr = 0;
    return 0;
}

/* --- running --- */

static const struct isa test_isa = { .name = "test",
                                     .pc_offset = 8 * PC_SLOT,
                                     .fp_env_offset = 8 * ENV_SLOT,
                                     .dynamic_rules = true,
                                     .insn_align = 2 };
static struct host_code_map map;
static struct thunks thunks;
static struct lower_room room;
static struct tlb_bank bank, user_bank;
static struct jump_cache jumps = { .entry[0] = { .pc = 2 } };
static struct jump_far far[JUMP_FAR_ENTRIES];
static union test_cpu {
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
    block.b.insn_count = (u8)count;
    block.b.host = (const u8 *)(uintptr_t)BLOCK_VA; /* its place within a page is all that counts */
    block.b.insns = &decoded.s;
    block.b.len = lens;
    for (unsigned i = 0; i <= count; i++) {
        block.b.offset[i] = (s16)(i * INSN_LEN);
        decoded.s.at[i].in =
            (struct isa_insn){ .offset = (s16)(i * INSN_LEN), .len = INSN_LEN, .index = (u8)i };
    }
}

static struct tlb_entry *tlb_slot(struct tlb_bank *of, u64 va, enum isa_access a)
{
    return &of->entry[a][va >> TLB_PAGE_SHIFT & (TLB_ENTRIES - 1)];
}

/* Unprivileged stores find nothing, and loads one page alone. */
static void tlb_prepare(void)
{
    const struct tlb_entry fast = { FAST_VA, (uintptr_t)jit_memory.fast - FAST_VA };
    const struct tlb_entry last = { LAST_VA, (uintptr_t)jit_memory.last - LAST_VA };

    if (tlb_slot(&bank, FAST_VA, ISA_READ)->tag == FAST_VA)
        return;
    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++)
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            bank.entry[a][i].tag = user_bank.entry[a][i].tag = TLB_EMPTY;
    for (unsigned a = ISA_READ; a <= ISA_WRITE; a++) {
        *tlb_slot(&bank, FAST_VA, a) = fast;
        *tlb_slot(&bank, LAST_VA, a) = last;
    }
    *tlb_slot(&user_bank, FAST_VA, ISA_READ) = fast;
}

static void cpu_prepare(const u64 *state)
{
    memset(&cpu, 0, sizeof cpu);
    tlb_prepare();
    cpu.e.bind[IR_MMU_DATA] = &bank;
    cpu.e.bind[IR_MMU_UNPRIV] = &user_bank;
    cpu.e.jumps = &jumps;
    cpu.e.far = far;
    cpu.e.far_when = FAR_NOTHING;
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
    if (memcmp(m->fast, jit_memory.fast, PAGE) || memcmp(m->last, jit_memory.last, PAGE) ||
        memcmp(m->slow, jit_memory.slow, PAGE))
        return "memory";
    if ((m->reserved != NULL) != (cpu.e.reserve_addr != 0))
        return "the reservation";
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

/* NO_OPT in the environment: without those that do not leave instructions to handlers, of which
 * there are none here. */
static u32 opts_off(void)
{
    return getenv("NO_OPT") ? 1u << ENGINE_OPT_CHAINING | 1u << ENGINE_OPT_JUMP_CACHE |
                                  1u << ENGINE_OPT_GROUPS | 1u << ENGINE_OPT_FP_LOOPS |
                                  1u << ENGINE_OPT_INT_LOOPS | 1u << ENGINE_OPT_SIGNED_LOADS |
                                  1u << ENGINE_OPT_STREAMS | 1u << ENGINE_OPT_FLAGS
                            : 0;
}

static struct lower_job describe_job(const struct ir_block *ir)
{
    return (struct lower_job){ .ir = ir,
                               .isa = &test_isa,
                               .block = &block.b,
                               .insn = decoded.s.at,
                               .thunks = &thunks.shared,
                               .room = &room,
                               .has_bit_counts = true,
                               .has_fma = true,
                               .has_round = true,
                               .opts_off = opts_off() };
}

static const char *run_one(struct ir_builder *s, struct ir_block *ir, harness_gen *gen)
{
    static struct memory m;
    u64 state[STATE_WORDS] = { 0 };
    unsigned insns = gen(s, ir, state);
    struct lower_job job = describe_job(ir);
    struct ir_eval_mem mem = { .arg = &m,
                               .load = eval_load,
                               .store = eval_store,
                               .probe = eval_probe,
                               .cas = eval_cas,
                               .ll = eval_ll,
                               .sc = eval_sc };
    struct ir_eval_result want;
    int code;

    for (unsigned i = 0; i < 2 * PAGE; i += sizeof(u64)) {
        u64 v = rnd();

        memcpy((i < PAGE ? m.fast : m.slow) + i % PAGE, &v, sizeof v);
    }
    m.reserved = NULL;
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

static bool make_map(void)
{
    struct err err = { 0 };

    if (!host_code_map_init(&map, 1 << 20, HOST_CODE_AUTO, &err) &&
        thunks_make(&thunks, &map, &test_isa))
        return true;
    printf("# no memory for host code: %s\n", err.text);
    return false;
}

struct contender {
    union test_cpu cpu;
    u64 rounds;
    struct host_thread thread;
};

static unsigned contenders_ready; /* atomic */

static void contend(void *arg)
{
    struct contender *k = arg;

    __atomic_fetch_add(&contenders_ready, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 1000000; i++) /* not for ever: one may not have started */
        if (__atomic_load_n(&contenders_ready, __ATOMIC_SEQ_CST) == CONTENDERS)
            break;
    for (u64 i = 0; i < k->rounds; i++) {
        k->cpu.e.budget = BUDGET;
        ((u64 *)vcpu_state(&k->cpu.e.v))[PC_SLOT] = BLOCK_VA;
        thunks.enter(&k->cpu.e.v, map.rx + thunks.size);
    }
}

/* The block's code is placed, its state prepared. */
static bool contend_all(u64 rounds, u64 *state)
{
    static struct contender k[CONTENDERS];
    struct err err = { 0 };
    unsigned n = 0;

    contenders_ready = 0;

    for (; n < CONTENDERS; n++) {
        k[n].cpu = cpu;
        k[n].rounds = rounds;
        if (host_thread_start(&k[n].thread, "contender", contend, &k[n], &err))
            break;
    }
    memset(state, 0, 8 * STATE_WORDS);
    for (unsigned i = 0; i < n; i++) {
        host_thread_join(&k[i].thread);
        for (unsigned w = 0; w < STATE_WORDS; w++)
            state[w] += ((u64 *)vcpu_state(&k[i].cpu.e.v))[w];
    }
    return n == CONTENDERS;
}

bool harness_translates(harness_gen *gen)
{
    struct ir_builder *s = ir_builder_new(false);
    u64 state[STATE_WORDS] = { 0 };
    struct lower_job job;
    struct ir_block ir;
    bool made;

    ir_block_init(&ir);
    block_describe(gen(s, &ir, state));
    job = describe_job(&ir);
    made = lower_block(&job);
    ir_block_fini(&ir);
    ir_builder_free(s);
    return made;
}

bool harness_contend(harness_gen *gen, u64 rounds, u64 *state, u64 *word)
{
    struct ir_builder *s = ir_builder_new(false);
    struct lower_job job;
    struct ir_block ir;
    bool ok;

    ir_block_init(&ir);
    memset(&jit_memory, 0, sizeof jit_memory);
    block_describe(gen(s, &ir, state));
    cpu_prepare(state);
    job = describe_job(&ir);
    ok = make_map() && lower_block(&job) && !job.called;
    if (ok) {
        lower_place(&job, map.rw + thunks.size, map.rx + thunks.size);
        ok = contend_all(rounds, state);
    }
    memcpy(word, jit_memory.fast, sizeof *word);
    ir_block_fini(&ir);
    ir_builder_free(s);
    host_code_map_fini(&map);
    return ok;
}

bool harness_run(harness_gen *gen, u64 blocks)
{
    struct ir_builder *s = ir_builder_new(false);
    struct ir_block ir;
    static char text[200000];
    bool ok = true;

    ir_block_init(&ir);
    if (!make_map())
        return false;
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
