/*
 * context.c - address spaces: which TLB banks are in use, and whose they are.
 *
 * An isa names its banks from 0; those in isa.context_banks hold translations of one address
 * space, and a vCPU keeps them apart for each of the last MMU_CONTEXTS it ran in, so that
 * a switch between processes costs no refill. A bank's *place* is where it is in ecpu.banks.
 * Measured on Debian's riscv64 kernel: docs/design/0005-address-spaces.md.
 */
#include "engine/core/cpu_private.h"

#include "base/bug.h"

static unsigned bank_places(const struct isa *isa)
{
    return (unsigned)__builtin_popcount(isa->context_banks);
}

unsigned context_places(const struct isa *isa)
{
    return isa->mmu_banks + (MMU_CONTEXTS - 1) * bank_places(isa);
}

/* Where bank b is while context k is present. */
static unsigned place_of(const struct isa *isa, unsigned b, unsigned k)
{
    u32 before = isa->context_banks & ((1u << b) - 1);

    if (!(isa->context_banks >> b & 1) || k == 0)
        return b;
    return isa->mmu_banks + (k - 1) * bank_places(isa) + (unsigned)__builtin_popcount(before);
}

void context_init(struct cpu *c)
{
    const struct isa *isa = c->e.v.isa;

    for (unsigned k = MMU_CONTEXTS; k-- > 0;)
        for (unsigned b = 0; b < isa->mmu_banks; b++) {
            c->context.place[b] = (u8)place_of(isa, b, k);
            c->context.bank[c->context.place[b]] = (u8)b;
        }
    for (unsigned i = 0; i < IR_MMU_COUNT; i++)
        context_bind(c, i, 0);
}

void context_bind(struct cpu *c, unsigned mmu, unsigned bank)
{
    BUG_ON(bank >= c->e.v.isa->mmu_banks);
    c->context.bound[mmu] = (u8)bank;
    mmu_place_use(c, c->context.place[bank]);
    c->e.bind[mmu] = &c->e.banks[c->context.place[bank]];
}

/* The slot that holds `id`, or MMU_CONTEXTS. */
static unsigned context_find(const struct cpu *c, u64 id)
{
    unsigned k = 0;

    while (k < MMU_CONTEXTS && !(c->context.valid[k] && c->context.id[k] == id))
        k++;
    return k;
}

static u64 context_mask(const struct cpu *c, unsigned k, u32 banks)
{
    const struct isa *isa = c->e.v.isa;
    u64 mask = 0;

    for (unsigned b = 0; b < isa->mmu_banks; b++)
        if (banks & isa->context_banks & 1u << b)
            mask |= 1ull << place_of(isa, b, k);
    return mask;
}

/* The slot that was left alone for longest; its translations are dropped. */
static unsigned context_take(struct cpu *c, u64 id)
{
    struct contexts *x = &c->context;
    unsigned k = 0;

    for (unsigned i = 1; i < MMU_CONTEXTS; i++)
        if (x->last_use[i] < x->last_use[k])
            k = i;
    mmu_flush_places(c, ISA_FLUSH_ALL, 0, context_mask(c, k, ~0u));
    x->id[k] = id;
    x->valid[k] = true;
    return k;
}

void context_switch(struct cpu *c, u64 id)
{
    struct contexts *x = &c->context;
    const struct isa *isa = c->e.v.isa;
    unsigned k = context_find(c, id);

    if (k == MMU_CONTEXTS)
        k = context_take(c, id);
    x->last_use[k] = ++x->clock;
    for (unsigned b = 0; b < isa->mmu_banks; b++)
        x->place[b] = (u8)place_of(isa, b, k);
    for (unsigned i = 0; i < IR_MMU_COUNT; i++)
        context_bind(c, i, x->bound[i]);
}

void mmu_flush(struct cpu *c, enum isa_tlb_flush what, gva_t va, u32 banks)
{
    u64 mask = 0;

    c->e.v.tlb_flushes++;
    for (unsigned p = 0; p < context_places(c->e.v.isa); p++)
        if (banks >> c->context.bank[p] & 1)
            mask |= 1ull << p;
    mmu_flush_places(c, what, va, mask);
}

void mmu_flush_context(struct cpu *c, u64 id, enum isa_tlb_flush what, gva_t va)
{
    unsigned k = context_find(c, id);

    c->e.v.tlb_flushes++;
    if (k < MMU_CONTEXTS)
        mmu_flush_places(c, what, va, context_mask(c, k, ~0u));
}
