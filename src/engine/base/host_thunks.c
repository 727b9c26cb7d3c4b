/*
 * host_thunks.c - entering and leaving translated code, and its way into the slow paths.
 */
#include "engine/base/host_thunks.h"

#include "engine/base/host_fp.h"
#include "engine/core/block.h"
#include <string.h>

static const u8 callee_saved[] = { RBP, RBX, R12, R13, R14, R15 };
static const u8 caller_saved[] = { RSI, RDI, R8, R9, R10, R11 };
enum { XMM_FIRST = XMM2, XMM_LAST = XMM15 }; /* all are the caller's to save */

#define CPU_AT(member) cpu_at((s32)offsetof(struct ecpu, member))

/* --- what the memory thunks call --- */

typedef int slow_fn(struct vcpu *c, u64 site, gva_t va, u32 how);

static struct ir_mem unpack(u32 how)
{
    struct ir_mem m;

    memcpy(&m, &how, sizeof m);
    return m;
}

/* The running instruction's block, as slow paths and faults want it. */
static void enter_insn(struct ecpu *c, u64 site)
{
    c->block = lower_site_block(site);
    c->v.insn_index = lower_site_index(site);
}

/* A fault is pending: the block ends in front of the instruction. */
static int fault_at(struct ecpu *c)
{
    __atomic_store_n(&c->budget, c->budget - c->v.insn_index, __ATOMIC_RELAXED);
    return 1;
}

static int slow_raise(struct vcpu *c, u64 site, gva_t value, u32 cause)
{
    vcpu_raise(c, cause, value);
    enter_insn(ecpu_of(c), site);
    return fault_at(ecpu_of(c));
}

#define SLOW(n)                                                                                    \
    static int slow_load_##n(struct vcpu *v, u64 site, gva_t va, u32 how)                          \
    {                                                                                              \
        struct ecpu *c = ecpu_of(v);                                                               \
                                                                                                   \
        enter_insn(c, site);                                                                       \
        c->tier_value = 0;                                                                         \
        return cpu_load_slow(v, NULL, va, &c->tier_value, n, unpack(how)) ? fault_at(c) : 0;       \
    }                                                                                              \
    static int slow_store_##n(struct vcpu *v, u64 site, gva_t va, u32 how)                         \
    {                                                                                              \
        struct ecpu *c = ecpu_of(v);                                                               \
                                                                                                   \
        enter_insn(c, site);                                                                       \
        return cpu_store_slow(v, NULL, va, &c->tier_value, n, unpack(how)) ? fault_at(c) : 0;      \
    }
SLOW(1)
SLOW(2)
SLOW(4)
SLOW(8)

static int slow_atomic(struct vcpu *v, u64 site, gva_t va, u32 how)
{
    struct ecpu *c = ecpu_of(v);
    struct ir_mem m = unpack(how);
    unsigned size = 1u << (m.access >> ATOMIC_SIZE), what = m.access % (1u << ATOMIC_SIZE);
    u64 b = c->tier_value, old = 0;
    bool done = false;
    int bad;

    m.access = 0;
    enter_insn(c, site);
    switch (what) {
    case ATOMIC_PROBE:
        m.access = (u8)__builtin_ctz(size);
        bad = cpu_probe(v, NULL, va, 1, m);
        break;
    case ATOMIC_CAS: bad = cpu_cas(v, NULL, va, &c->tier_expect, &b, &old, size, m); break;
    case ATOMIC_LL: bad = cpu_ll(v, NULL, va, &old, size, m); break;
    case ATOMIC_SC:
        bad = cpu_sc(v, NULL, va, &b, size, m, &done);
        old = done;
        break;
    default: bad = cpu_rmw(v, NULL, va, (enum ir_rmw)what, &b, &old, size, m);
    }
    c->tier_value = old;
    return bad ? fault_at(c) : 0;
}

static int slow_fp(struct vcpu *c, u64 word, gva_t va, u32 how)
{
    return host_fp_slow(c, word); /* the same registers hold something else here */
}

static int slow_fp_vector(struct vcpu *c, u64 word, gva_t va, u32 how)
{
    return host_fp_slow_vector(c, word); /* likewise */
}

/* The same registers hold something else here. */
static int slow_page(struct vcpu *v, u64 span, gva_t va, u32 access)
{
    bool one_page = (va ^ (va + span - 1)) >> TLB_PAGE_SHIFT == 0;

    ecpu_of(v)->tier_value = one_page ? cpu_page(v, va, (enum isa_access)access) : 0;
    return 0;
}

static slow_fn *const slow_loads[] = { slow_load_1, slow_load_2, slow_load_4, slow_load_8 };
static slow_fn *const slow_stores[] = { slow_store_1, slow_store_2, slow_store_4, slow_store_8 };

/* --- making them --- */

struct maker {
    struct x86_out o;
    const struct host_code_map *map;
    const struct isa *isa;
    struct lower_thunks *thunks; /* being made */
};

/* Where the next byte will be executed. */
static const u8 *here(const struct maker *m)
{
    return m->map->rx + (m->o.at - m->map->rw);
}

static void jump_to(struct maker *m, const u8 *rx)
{
    u8 *where = x86_jmp(&m->o);

    x86_point(where, m->map->rw + (rx - m->map->rx));
}

static struct x86_mem pc_slot(const struct maker *m)
{
    return cpu_at(VCPU_STATE_OFF + (s32)m->isa->pc_offset);
}

static void make_enter(struct maker *m)
{
    for (unsigned i = 0; i < sizeof callee_saved; i++)
        x86_push(&m->o, callee_saved[i]);
    x86_alu_ri(&m->o, ALU_SUB, 8, RSP, 8); /* aligned to 16 for calls */
    x86_lea(&m->o, 8, REG_CPU, x86_at(RDI, CPU_BIAS));
    x86_load_zx(&m->o, 8, REG_TLB, CPU_AT(bind[IR_MMU_DATA]));
    x86_load_zx(&m->o, 8, REG_PC, pc_slot(m));
    x86_load_zx(&m->o, 8, REG_BUDGET, CPU_AT(budget));
    x86_jmp_r(&m->o, RSI);
}

/* Jumps when MXCSR is the host's. */
static u8 *if_no_fp(struct maker *m)
{
    x86_alu_mi(&m->o, ALU_CMP, 1, CPU_AT(fp_live), 0);
    return x86_jcc(&m->o, CC_E);
}

static void call_here(struct maker *m, const u8 *rx)
{
    x86_point(x86_call(&m->o), m->map->rw + (rx - m->map->rx));
}

static void make_leave(struct maker *m, const u8 *drop)
{
    u8 *clean;

    x86_mov_mr(&m->o, 8, CPU_AT(budget), REG_BUDGET);
    clean = if_no_fp(m);
    x86_mov_rr(&m->o, 8, RDX, RAX);
    call_here(m, drop);
    x86_mov_rr(&m->o, 8, RAX, RDX);
    x86_point(clean, m->o.at);
    x86_alu_ri(&m->o, ALU_ADD, 8, RSP, 8);
    for (unsigned i = sizeof callee_saved; i-- > 0;)
        x86_pop(&m->o, callee_saved[i]);
    x86_ret(&m->o);
}

/* On to what ecpu.far has for the address in REG_PC. */
static void make_miss(struct maker *m, const u8 *out)
{
    u8 *other, *old;

    _Static_assert(sizeof(struct jump_far) == 1 << 5, "index is scaled by a shift of 5");
    x86_mov_rr(&m->o, 4, RDX, REG_PC);
    x86_shift_ri(&m->o, SH_SHR, 4, RDX, m->thunks->jump_shift);
    x86_mov_rr(&m->o, 4, RCX, RDX);
    x86_shift_ri(&m->o, SH_SHR, 4, RCX, JUMP_CACHE_BITS);
    x86_alu_rr(&m->o, ALU_XOR, 4, RDX, RCX);
    x86_alu_ri(&m->o, ALU_AND, 4, RDX, JUMP_FAR_ENTRIES - 1);
    x86_shift_ri(&m->o, SH_SHL, 4, RDX, 5);
    x86_alu_rm(&m->o, ALU_ADD, 8, RDX, CPU_AT(far));
    x86_alu_rm(&m->o, ALU_CMP, 8, REG_PC, x86_at(RDX, offsetof(struct jump_far, pc)));
    other = x86_jcc(&m->o, CC_NE);
    x86_load_zx(&m->o, 8, RCX, CPU_AT(far_when));
    x86_alu_rm(&m->o, ALU_CMP, 8, RCX, x86_at(RDX, offsetof(struct jump_far, when)));
    old = x86_jcc(&m->o, CC_NE);
    x86_jmp_m(&m->o, x86_at(RDX, offsetof(struct jump_far, code)));
    x86_point(other, m->o.at);
    x86_point(old, m->o.at);
    jump_to(m, out);
}

/* Out with RUN_JUMP to the address in REG_PC. */
static void make_out(struct maker *m, const u8 *leave)
{
    x86_mov_mr(&m->o, 8, pc_slot(m), REG_PC);
    x86_mov_ri(&m->o, RAX, RUN_JUMP);
    jump_to(m, leave);
}

static void make_link(struct maker *m, const u8 *out)
{
    x86_mov_mr(&m->o, 8, CPU_AT(link), RAX);
    jump_to(m, out);
}

enum { SAVED_XMM = 16 * (XMM_LAST - XMM_FIRST + 1), FRAME = SAVED_XMM + 24 };

static void move_xmm(struct maker *m, bool save)
{
    for (unsigned x = XMM_FIRST; x <= XMM_LAST; x++) {
        struct x86_mem at = x86_at(RSP, 16 * (s32)(x - XMM_FIRST));

        if (save)
            x86_v_store(&m->o, at, x);
        else
            x86_v_load(&m->o, x, at);
    }
}

/* The function whose address is in rax, which may look at the count and change it. */
static void call_c(struct maker *m)
{
    x86_mov_mr(&m->o, 8, CPU_AT(budget), REG_BUDGET);
    x86_call_r(&m->o, RAX);
    x86_load_zx(&m->o, 8, REG_BUDGET, CPU_AT(budget));
}

/* The call itself, under the host's MXCSR. */
static void call_slow(struct maker *m, slow_fn *fn)
{
    struct x86_mem guest = x86_at(RSP, SAVED_XMM);
    u8 *clean = if_no_fp(m);

    x86_stmxcsr(&m->o, guest);
    x86_ldmxcsr(&m->o, CPU_AT(fp_host));
    x86_point(clean, m->o.at);
    x86_mov_mr(&m->o, 8, CPU_AT(block_pc), REG_PC);
    x86_lea(&m->o, 8, RDI, cpu_at(0));
    x86_mov_rr(&m->o, 8, RSI, RDX);
    x86_mov_rr(&m->o, 8, RDX, RCX);
    x86_mov_rr(&m->o, 4, RCX, RAX);
    x86_mov_ri(&m->o, RAX, (uintptr_t)fn);
    call_c(m);
    clean = if_no_fp(m);
    x86_ldmxcsr(&m->o, guest);
    x86_point(clean, m->o.at);
}

/* Blocks come here also for bytes whose page a check of several accesses could not have, as these
 * were in two pages: most of such accesses are in one. Plain ones that the table has end here. */
static void make_probe(struct maker *m, enum isa_access access, unsigned size)
{
    s32 table = (s32)(access * sizeof(struct tlb_entry) * TLB_ENTRIES);
    u8 *other, *miss;

    x86_test_rr(&m->o, 4, RAX, RAX); /* a struct ir_mem of zeroes */
    other = x86_jcc(&m->o, CC_NE);
    x86_push(&m->o, RSI);
    x86_mov_rr(&m->o, 4, RAX, RCX);
    x86_lea(&m->o, 8, RSI, x86_at(RCX, (s32)size - 1));
    x86_shift_ri(&m->o, SH_SHR, 4, RAX, TLB_PAGE_SHIFT - TLB_ENTRY_SHIFT);
    x86_alu_ri(&m->o, ALU_AND, 4, RAX, (TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT);
    x86_alu_ri(&m->o, ALU_AND, 8, RSI, -(1 << TLB_PAGE_SHIFT));
    x86_alu_rm(&m->o, ALU_CMP, 8, RSI, x86_at_index(REG_TLB, RAX, table));
    x86_pop(&m->o, RSI);
    miss = x86_jcc(&m->o, CC_NE);
    x86_load_zx(&m->o, 8, RDX, x86_at_index(REG_TLB, RAX, table + 8));
    if (access == ISA_READ) {
        x86_load_zx(&m->o, size, RDX, x86_at_index(RCX, RDX, 0));
    } else {
        x86_load_zx(&m->o, 8, RAX, CPU_AT(tier_value));
        x86_mov_mr(&m->o, size, x86_at_index(RCX, RDX, 0), RAX);
    }
    x86_ret(&m->o);
    x86_point(miss, m->o.at);
    x86_mov_ri(&m->o, RAX, 0);
    x86_point(other, m->o.at);
}

static void make_slow(struct maker *m, slow_fn *fn, bool keep_xmm)
{
    u8 *fault;

    for (unsigned i = 0; i < sizeof caller_saved; i++)
        x86_push(&m->o, caller_saved[i]);
    x86_alu_ri(&m->o, ALU_SUB, 8, RSP, FRAME);
    if (keep_xmm)
        move_xmm(m, true);
    call_slow(m, fn);
    if (keep_xmm)
        move_xmm(m, false);
    x86_alu_ri(&m->o, ALU_ADD, 8, RSP, FRAME);
    for (unsigned i = sizeof caller_saved; i-- > 0;)
        x86_pop(&m->o, caller_saved[i]);
    x86_test_rr(&m->o, 4, RAX, RAX);
    fault = x86_jcc(&m->o, CC_NE);
    x86_load_zx(&m->o, 8, RDX, CPU_AT(tier_value));
    x86_ret(&m->o);
    x86_point(fault, m->o.at);
    x86_alu_ri(&m->o, ALU_ADD, 8, RSP, 8); /* never back to the block */
    x86_mov_ri(&m->o, RAX, RUN_FAULT);
    jump_to(m, m->thunks->leave);
}

static const u8 *make_call(struct maker *m, slow_fn *fn, bool keep_xmm)
{
    const u8 *at = here(m);

    make_slow(m, fn, keep_xmm);
    return at;
}

static const u8 *make_access(struct maker *m, enum isa_access access, unsigned log2, bool keep_xmm)
{
    const u8 *at = here(m);

    make_probe(m, access, 1u << log2);
    make_slow(m, (access == ISA_READ ? slow_loads : slow_stores)[log2], keep_xmm);
    return at;
}

/* Jumped to where a block's rest is left to its handlers. */
static void make_finish(struct maker *m)
{
    x86_lea(&m->o, 8, RDI, cpu_at(0));
    x86_mov_ri(&m->o, RAX, (uintptr_t)host_fp_finish);
    call_c(m);
    jump_to(m, m->thunks->leave);
}

static void make_fp(struct maker *m)
{
    m->thunks->fp_load = here(m);
    host_fp_make_load(&m->o, m->isa);
    m->thunks->fp_drop = here(m);
    host_fp_make_drop(&m->o, m->isa);
}

bool thunks_make(struct thunks *t, const struct host_code_map *map, const struct isa *isa)
{
    struct maker m = {
        .o = { map->rw, map->rw + map->size, false }, .map = map, .isa = isa, .thunks = &t->shared
    };
    const u8 *at = here(&m);

    t->shared.jump_shift = (unsigned)__builtin_ctz(isa->insn_align);
    memcpy(&t->enter, &at, sizeof t->enter); /* data pointer to function pointer */
    make_enter(&m);
    make_fp(&m);
    t->shared.leave = here(&m);
    make_leave(&m, t->shared.fp_drop);
    t->shared.finish = here(&m);
    make_finish(&m);
    t->shared.out = here(&m);
    make_out(&m, t->shared.leave);
    t->shared.miss = here(&m);
    make_miss(&m, t->shared.out);
    t->shared.link = here(&m);
    make_link(&m, t->shared.out);
    t->shared.fp_slow = make_call(&m, slow_fp, true);
    t->shared.fp_vector = make_call(&m, slow_fp_vector, true);
    t->shared.raise = make_call(&m, slow_raise, false);
    t->shared.page[0] = make_call(&m, slow_page, false);
    t->shared.page[1] = make_call(&m, slow_page, true);
    t->shared.atomic[0] = make_call(&m, slow_atomic, false);
    t->shared.atomic[1] = make_call(&m, slow_atomic, true);
    for (unsigned i = 0; i < 8; i++) {
        t->shared.load[i / 4][i % 4] = make_access(&m, ISA_READ, i % 4, i / 4);
        t->shared.store[i / 4][i % 4] = make_access(&m, ISA_WRITE, i % 4, i / 4);
    }
    t->size = ((size_t)(m.o.at - map->rw) + 63) & ~(size_t)63;
    return !m.o.full && t->size <= map->size;
}
