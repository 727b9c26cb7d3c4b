/*
 * diff_eval.c - a case in the IR evaluator.
 */
#include "base/bits.h"
#include "diff.h"
#include "ir/build.h"
#include "ir/eval.h"
#include <string.h>

enum { SIG_TRAP = 5, SIG_BUS = 7, SIG_SEGV = 11, STATE_ROOM = 8192 };

struct run {
    u8 page[CASE_PAGE_SIZE];
    u64 slot; /* address of the code */
    u8 code[CASE_SLOT];
    u32 signal; /* of a failed access */
    bool reserved;
    u64 reservation;
};

static int reach(struct run *r, u64 addr, unsigned size, struct ir_mem how)
{
    if ((how.align == IR_ALIGN_NATURAL && addr % size) ||
        (how.align == IR_ALIGN_16 && addr % 16 + size > 16)) {
        r->signal = SIG_BUS;
        return -1;
    }
    if (addr < CASE_PAGE || addr + size > CASE_PAGE + CASE_PAGE_SIZE || addr + size < addr) {
        r->signal = SIG_SEGV;
        return -1;
    }
    return 0;
}

static int on_load(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how)
{
    struct run *r = arg;

    if (addr - r->slot <= CASE_SLOT - size) { /* below it the difference is large */
        memcpy(v, r->code + (addr - r->slot), size);
        return 0;
    }
    if (reach(r, addr, size, how))
        return -1;
    memcpy(v, r->page + (addr - CASE_PAGE), size);
    return 0;
}

static int on_store(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how)
{
    struct run *r = arg;

    if (reach(r, addr, size, how))
        return -1;
    memcpy(r->page + (addr - CASE_PAGE), v, size);
    return 0;
}

static int on_probe(void *arg, u64 addr, unsigned size, struct ir_mem how)
{
    return reach(arg, addr, size, how);
}

static int on_cas(void *arg, u64 addr, const void *expected, const void *want, void *old,
                  unsigned size, struct ir_mem how)
{
    struct run *r = arg;
    u8 *at;

    if (reach(r, addr, size, how))
        return -1;
    at = r->page + (addr - CASE_PAGE);
    memcpy(old, at, size);
    if (!expected || !memcmp(at, expected, size))
        memcpy(at, want, size);
    return 0;
}

static int on_ll(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how)
{
    struct run *r = arg;

    r->reserved = true;
    r->reservation = addr;
    return on_load(arg, addr, v, size, how);
}

static int on_sc(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how, bool *done)
{
    struct run *r = arg;

    *done = r->reserved && r->reservation == addr;
    r->reserved = false;
    return *done ? on_store(arg, addr, v, size, how) : reach(r, addr, size, how);
}

static void on_clrex(void *arg)
{
    ((struct run *)arg)->reserved = false;
}

/* --- what helpers ask for --- */

static int env_probe(struct vcpu *c, gva_t va, u64 len, enum isa_access access, enum ir_mmu mmu)
{
    if (va >= CASE_PAGE && va + len <= CASE_PAGE + CASE_PAGE_SIZE)
        return 0;
    vcpu_raise(c, diff_guest->bad_address, va);
    return -1;
}

static void env_icache_sync(struct vcpu *c)
{
}

static void env_relax(struct vcpu *c, enum isa_relax how)
{
}

static const struct cpu_env env = { .probe = env_probe,
                                    .icache_sync = env_icache_sync,
                                    .relax = env_relax };

static bool pending(struct vcpu *c)
{
    return c->fault.pending;
}

static void build(struct ir_block *block, const struct case_head *c)
{
    static struct ir_builder *builder;
    u32 at = 0;

    if (!builder)
        builder = ir_builder_new(false);
    ir_builder_begin(builder, block);
    while (at < c->code_size) {
        struct isa_insn in;

        diff_guest->isa->decode(c->code + at, c->code_size - at, 0, &in);
        ir_builder_insn(builder, at, in.len);
        isa_build(diff_guest->isa, builder, &in);
        ir_builder_insn_end(builder);
        at += in.len;
    }
}

/* The signal that Linux makes of how the code ended. */
static u32 signal_of(const struct ir_eval_result *end, const struct vcpu *v, const struct run *r)
{
    u32 cause = end->end == IR_EVAL_RAISED ? end->cause : v->fault.cause;

    if (end->end != IR_EVAL_RAISED && end->end != IR_EVAL_FAULTED)
        return SIG_TRAP;
    if (end->end == IR_EVAL_FAULTED && !v->fault.pending)
        return r->signal;
    return diff_guest->signal_of(cause);
}

const void *diff_eval(struct case_head *c, unsigned slot)
{
    static _Alignas(16) u8 cpu[VCPU_STATE_OFF + STATE_ROOM];
    static struct ir_block block;
    static struct run r;
    struct ir_eval_mem mem = { &r, on_load, on_store, on_probe, on_cas, on_ll, on_sc, on_clrex };
    struct vcpu *v = (struct vcpu *)cpu;
    struct ir_eval_result end;

    memset(&r, 0, sizeof r);
    memcpy(r.page + CASE_PAGE_SIZE - CASE_MEM_SIZE, c->mem, CASE_MEM_SIZE);
    r.slot = CASE_CODE + (u64)slot * CASE_SLOT;
    for (unsigned i = 0; i < CASE_SLOT; i += diff_guest->stop_size)
        memcpy(r.code + i, diff_guest->stop, diff_guest->stop_size);
    memcpy(r.code, c->code, c->code_size);
    memset(cpu, 0, sizeof cpu);
    v->isa = diff_guest->isa;
    v->env = &env;
    diff_guest->load(vcpu_state(v), c);
    build(&block, c);
    end = ir_eval(&block, vcpu_state(v), diff_guest->isa->fp_env_offset, r.slot, &mem, v, pending);
    diff_guest->save(c, vcpu_state(v));
    memcpy(c->mem, r.page + CASE_PAGE_SIZE - CASE_MEM_SIZE, CASE_MEM_SIZE);
    c->pc = end.pc;
    c->signal = signal_of(&end, v, &r);
    return vcpu_state(v);
}
