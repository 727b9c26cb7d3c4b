/*
 * cpu.c - a vCPU's one allocation: engine part, guest state, TLB banks, jump caches.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include <stdlib.h>

enum { CPU_ALIGN = 64 };

static size_t align_up(size_t n)
{
    return (n + CPU_ALIGN - 1) & ~(size_t)(CPU_ALIGN - 1);
}

static void places_init(struct cpu *c, unsigned places)
{
    for (unsigned p = 0; p < places; p++) {
        c->side[p].used = true;
        mmu_flush_places(c, ISA_FLUSH_ALL, 0, 1ull << p);
    }
}

struct cpu *cpu_new(struct engine *e, unsigned index)
{
    const struct isa *isa = e->isa;
    unsigned places = context_places(isa);
    size_t scratch_at = VCPU_STATE_OFF + isa_scratch_offset(isa);
    size_t banks_at = align_up(scratch_at + isa->scratch_size);
    size_t modes_at = banks_at + places * sizeof(struct tlb_bank);
    size_t side_at = modes_at + align_up(JUMP_MODES * sizeof(struct jump_mode));
    size_t far_at = side_at + align_up(places * sizeof(struct tlb_side));
    size_t size = far_at + JUMP_FAR_ENTRIES * sizeof(struct jump_far);
    char *p = aligned_alloc(CPU_ALIGN, size);
    struct cpu *c = (struct cpu *)(void *)p;

    if (!c)
        return NULL;
    memset(p, 0, size);
    c->e.v.isa = isa;
    c->e.v.env = &engine_cpu_env;
    c->e.v.index = index;
    c->e.engine = e;
    c->e.banks = (struct tlb_bank *)(void *)(p + banks_at);
    c->e.jump_shift = (u32)__builtin_ctz(isa->insn_align);
    c->modes = (struct jump_mode *)(void *)(p + modes_at);
    c->mode = c->modes;
    c->e.jumps = &c->mode->cache;
    c->e.far = (struct jump_far *)(void *)(p + far_at);
    c->side = (struct tlb_side *)(void *)(p + side_at);
    c->pc = (u64 *)(void *)(p + VCPU_STATE_OFF + isa->pc_offset);
    c->deadline = NS_NEVER;
    c->stop_at = UINT64_MAX;
    for (unsigned i = 0; i < JUMP_MODES; i++)
        jump_cache_clear(&c->modes[i].cache, c->e.jump_shift);
    context_init(c);
    places_init(c, places);
    if (e->cfg.check_interp || e->cfg.check_eval) {
        c->check = check_new(c);
        if (!c->check)
            return cpu_free(c);
    }
    return c;
}

struct cpu *cpu_free(struct cpu *c)
{
    if (c)
        check_free(c->check);
    free(c);
    return NULL;
}
