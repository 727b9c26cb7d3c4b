/*
 * hard_machine.c - the vCPU that hard instructions run on, and its slow paths.
 */
#include "base/bug.h"
#include "hard.h"
#include <string.h>

enum { CAUSE_MEMORY = 0x10000, CAUSE_ALIGNMENT };

static struct hard_machine *machine_of(struct vcpu *c)
{
    return (struct hard_machine *)c; /* the first member's first member */
}

/* --- records in and out --- */

static void map_page(struct hard_machine *m, u64 page, bool writable)
{
    unsigned index = page >> TLB_PAGE_SHIFT & (TLB_ENTRIES - 1);
    u64 addend = (u64)(uintptr_t)m->memory - HARD_PAGE_A;

    m->bank.entry[ISA_READ][index] = (struct tlb_entry){ page, addend };
    if (writable)
        m->bank.entry[ISA_WRITE][index] = (struct tlb_entry){ page, addend };
}

static void fill_tlb(struct hard_machine *m, bool fast)
{
    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++)
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            m->bank.entry[a][i].tag = TLB_EMPTY;
    if (!fast)
        return;
    map_page(m, HARD_PAGE_A, true);
    if (m->page_b != HARD_B_ABSENT)
        map_page(m, HARD_PAGE_B, m->page_b == HARD_B_WRITE);
}

static int env_load(struct vcpu *c, gva_t va, unsigned size, enum ir_mmu mmu, u64 *out);

void hard_machine_load(struct hard_machine *m, const struct hard_record *r, bool fast)
{
    _Static_assert(sizeof(struct ecpu) <= VCPU_STATE_OFF, "the state follows the engine's part");

    memset(m->room, 0, sizeof m->room);
    m->env = (struct cpu_env){ .load = env_load };
    m->cpu.v.env = &m->env;
    m->cpu.block_pc = HARD_CODE;
    for (unsigned i = 0; i < IR_MMU_COUNT; i++)
        m->cpu.bind[i] = &m->bank;
    m->page_b = r->page_b;
    m->cpu.reserve_addr = 0;
    memset(m->memory, 0xa5, sizeof m->memory);
    memcpy(m->memory + (HARD_BASE - HARD_PAGE_A), r->memory, HARD_WINDOW);
    memcpy(vcpu_state(hard_vcpu(m)), r->state, HARD_STATE_BYTES);
    fill_tlb(m, fast);
}

void hard_machine_store(struct hard_machine *m, struct hard_record *r)
{
    const struct isa_fault *f = &m->cpu.v.fault;

    r->end = !f->pending                   ? HARD_DONE
             : f->cause == CAUSE_MEMORY    ? HARD_MEMORY
             : f->cause == CAUSE_ALIGNMENT ? HARD_ALIGNMENT
                                           : HARD_EXCEPTION;
    r->cause = r->end == HARD_EXCEPTION ? f->cause : 0;
    r->value = r->end == HARD_EXCEPTION || r->end == HARD_MEMORY ? f->value : 0;
    memcpy(r->memory, m->memory + (HARD_BASE - HARD_PAGE_A), HARD_WINDOW);
    memcpy(r->state, vcpu_state(hard_vcpu(m)), HARD_STATE_BYTES);
    /* Nothing wrote outside the window. */
    for (unsigned i = 0; i < HARD_BASE - HARD_PAGE_A; i++)
        BUG_ON(m->memory[i] != 0xa5 || m->memory[sizeof m->memory - 1 - i] != 0xa5);
}

/* --- memory --- */

static bool allowed(const struct hard_machine *m, u64 addr, bool write)
{
    if (addr >= HARD_PAGE_A && addr < HARD_PAGE_B)
        return true;
    return addr >= HARD_PAGE_B && addr < HARD_PAGE_B + HARD_PAGE &&
           m->page_b >= (write ? HARD_B_WRITE : HARD_B_READ);
}

/* 0, or nonzero after raising. */
static int check(struct vcpu *c, u64 va, u64 len, struct ir_mem how, bool write)
{
    struct hard_machine *m = machine_of(c);

    if ((how.align == IR_ALIGN_NATURAL && va % len) ||
        (how.align == IR_ALIGN_16 && va % 16 + len > 16)) {
        vcpu_raise(c, CAUSE_ALIGNMENT, va);
        return 1;
    }
    for (u64 i = 0; i < len; i++)
        if (!allowed(m, va + i, write)) {
            vcpu_raise(c, CAUSE_MEMORY, va + i);
            return 1;
        }
    return 0;
}

static u8 *host_of(struct vcpu *c, u64 va)
{
    return machine_of(c)->memory + (va - HARD_PAGE_A);
}

int cpu_load_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, void *v, unsigned size,
                  struct ir_mem how)
{
    if (in)
        c->insn_index = in->index;
    if (check(c, va, size, how, false))
        return 1;
    memcpy(v, host_of(c, va), size);
    return 0;
}

/* The first of several accesses goes the slow way, and so do the others. */
u64 cpu_page(struct vcpu *c, gva_t va, enum isa_access access)
{
    return 0;
}

int cpu_store_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v,
                   unsigned size, struct ir_mem how)
{
    if (in)
        c->insn_index = in->index;
    if (check(c, va, size, how, true))
        return 1;
    memcpy(host_of(c, va), v, size);
    return 0;
}

int cpu_probe(struct vcpu *c, const struct isa_insn *in, gva_t va, u64 len, struct ir_mem how)
{
    if (in)
        c->insn_index = in->index;
    return check(c, va, len, how, how.access == ISA_WRITE);
}

int cpu_cas(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *expected,
            const void *want, void *old, unsigned size, struct ir_mem how)
{
    if (in)
        c->insn_index = in->index;
    if (check(c, va, size, how, true))
        return 1;
    memcpy(old, host_of(c, va), size);
    if (!expected || memcmp(old, expected, size) == 0)
        memcpy(host_of(c, va), want, size);
    return 0;
}

static u128 rmw(enum ir_rmw f, u128 was, u128 v, unsigned bits)
{
    s128 x = (s128)(was << (128 - bits)), y = (s128)(v << (128 - bits));

    switch (f) {
    case IR_RMW_XCHG: return v;
    case IR_RMW_ADD: return was + v;
    case IR_RMW_AND: return was & v;
    case IR_RMW_OR: return was | v;
    case IR_RMW_XOR: return was ^ v;
    case IR_RMW_MINU: return was < v ? was : v;
    case IR_RMW_MAXU: return was > v ? was : v;
    case IR_RMW_MINS: return x < y ? was : v;
    case IR_RMW_MAXS: return x > y ? was : v;
    }
    BUG("unknown atomic function");
}

int cpu_rmw(struct vcpu *c, const struct isa_insn *in, gva_t va, enum ir_rmw f, const void *v,
            void *old, unsigned size, struct ir_mem how)
{
    u128 now, operand = 0, was = 0;

    if (in)
        c->insn_index = in->index;
    if (check(c, va, size, how, true))
        return 1;
    memcpy(&was, host_of(c, va), size);
    memcpy(&operand, v, size);
    now = rmw(f, was, operand, size * 8);
    memcpy(old, &was, size);
    memcpy(host_of(c, va), &now, size);
    return 0;
}

int cpu_ll(struct vcpu *c, const struct isa_insn *in, gva_t va, void *v, unsigned size,
           struct ir_mem how)
{
    struct ecpu *e = &machine_of(c)->cpu;
    u64 value[2] = { 0 };

    if (cpu_load_slow(c, in, va, v, size, how))
        return 1;
    memcpy(value, v, size);
    e->reserve_addr = (uintptr_t)host_of(c, va) + 1;
    e->reserve_lo = value[0];
    e->reserve_hi = value[1];
    e->reserve_size = size;
    return 0;
}

int cpu_sc(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v, unsigned size,
           struct ir_mem how, bool *done)
{
    struct ecpu *e = &machine_of(c)->cpu;
    bool held = e->reserve_size == size && e->reserve_addr == (uintptr_t)host_of(c, va) + 1;
    u64 value[2] = { e->reserve_lo, e->reserve_hi };

    if (in)
        c->insn_index = in->index;
    *done = false;
    e->reserve_addr = 0;
    if (!held)
        return 0;
    if (check(c, va, size, how, true))
        return 1;
    *done = memcmp(host_of(c, va), value, size) == 0;
    if (*done)
        memcpy(host_of(c, va), v, size);
    return 0;
}

void cpu_clrex(struct vcpu *c)
{
    machine_of(c)->cpu.reserve_addr = 0;
}

static int env_load(struct vcpu *c, gva_t va, unsigned size, enum ir_mmu mmu, u64 *out)
{
    *out = 0;
    if (check(c, va, size, HARD_PLAIN, false))
        return 1;
    memcpy(out, host_of(c, va), size);
    return 0;
}

/* --- helpers --- */

enum { X86_USER_CS = 0x33, X86_GP = 13 };

u64 hard_far_return(struct vcpu *c, u64 rip, u64 cs, u64 unused);
u64 hard_vle64ff(struct vcpu *c, u64 base, u64 vd, u64 unused);

/* The one selector that a 64-bit Linux process may return to. */
u64 hard_far_return(struct vcpu *c, u64 rip, u64 cs, u64 unused)
{
    struct x86_hard *s = vcpu_state(c);

    if ((u16)cs != X86_USER_CS)
        vcpu_raise(c, X86_GP, cs & 0xfffc);
    else
        s->h.pc = rip;
    return 0;
}

u64 hard_vle64ff(struct vcpu *c, u64 base, u64 vd, u64 unused)
{
    struct riscv_hard *s = vcpu_state(c);

    for (u64 i = s->vstart; i < s->vl; i++) {
        u64 v;

        if (c->env->load(c, base + 8 * i, 8, IR_MMU_DATA, &v)) {
            if (i == 0)
                return 0;
            c->fault.pending = false;
            s->vl = i;
            break;
        }
        memcpy((u8 *)s + vd + 8 * i, &v, 8);
    }
    return 0;
}
