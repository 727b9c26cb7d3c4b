/*
 * slow.c - memory operations as handlers and translated code call them when their fast
 * path will not do. In lock step every access comes through here and is kept or repeated.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

static struct cpu *enter(struct vcpu *v, const struct isa_insn *in)
{
    struct cpu *c = cpu_of(v);

    if (in)
        v->insn_index = in->index;
    STAT_ADD(c->e.slow_accesses, 1);
    return c;
}

int cpu_load_slow(struct vcpu *v, const struct isa_insn *in, gva_t va, void *out, unsigned size,
                  struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_load(c, va, out, size, how);
    return mmu_load(c, va, out, size, how);
}

int cpu_store_slow(struct vcpu *v, const struct isa_insn *in, gva_t va, const void *value,
                   unsigned size, struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_store(c, va, value, size, how);
    return mmu_store(c, va, value, size, how);
}

int cpu_probe(struct vcpu *v, const struct isa_insn *in, gva_t va, u64 len, struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_probe(c, va, len, how);
    return mmu_probe(c, va, len, how);
}

int cpu_rmw(struct vcpu *v, const struct isa_insn *in, gva_t va, enum ir_rmw f, const void *operand,
            void *out, unsigned size, struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_rmw(c, va, f, operand, out, size, how);
    return mmu_rmw(c, va, f, operand, out, size, how);
}

int cpu_cas(struct vcpu *v, const struct isa_insn *in, gva_t va, const void *expected,
            const void *want, void *out, unsigned size, struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_cas(c, va, expected, want, out, size, how);
    return mmu_cas(c, va, expected, want, out, size, how);
}

int cpu_ll(struct vcpu *v, const struct isa_insn *in, gva_t va, void *out, unsigned size,
           struct ir_mem how)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_ll(c, va, out, size, how);
    return mmu_ll(c, va, out, size, how);
}

int cpu_sc(struct vcpu *v, const struct isa_insn *in, gva_t va, const void *value, unsigned size,
           struct ir_mem how, bool *done)
{
    struct cpu *c = enter(v, in);

    if (unlikely(c->check))
        return check_sc(c, va, value, size, how, done);
    return mmu_sc(c, va, value, size, how, done);
}

void cpu_clrex(struct vcpu *v)
{
    struct cpu *c = cpu_of(v);

    if (unlikely(c->check))
        check_clrex(c);
    else
        mmu_clrex(c);
}

u64 cpu_page(struct vcpu *v, gva_t va, enum isa_access access)
{
    struct cpu *c = cpu_of(v);
    const struct tlb_entry *e =
        &c->e.bind[IR_MMU_DATA]->entry[access][va >> TLB_PAGE_SHIFT & (TLB_ENTRIES - 1)];
    struct mem_ref ref;

    if (mmu_resolve(c, va, 1, access, mmu_bank(c, IR_MMU_DATA), &ref)) {
        v->fault.pending = false; /* the access itself will say so */
        return 0;
    }
    return e->tag == (va & ~(gva_t)(MEM_PAGE_SIZE - 1)) ? e->addend : 0;
}
