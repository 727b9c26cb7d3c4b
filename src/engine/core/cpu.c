/*
 * cpu.c - a vCPU's one allocation: engine part, guest state, TLB banks, jump caches.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"

enum { CPU_ALIGN = 64 };

static size_t align_up(size_t n)
{
    return (n + CPU_ALIGN - 1) & ~(size_t)(CPU_ALIGN - 1);
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
    size_t written_at = far_at + JUMP_FAR_ENTRIES * sizeof(struct jump_far);
    size_t size = written_at + TLB_WRITTEN_BITS / 8;
    struct host_map map;
    struct err err = { 0 };
    struct cpu *c;
    u8 *p;

    if (host_map_ram(&map, size, &err) < 0) {
        log_error("%s", err.text);
        return NULL;
    }
    host_map_sparse(&map, 0, map.size); /* most of it is never touched */
    p = map.at;
    c = (struct cpu *)(void *)p;
    c->map = map;
    c->e.v.isa = isa;
    c->e.v.env = &engine_cpu_env;
    c->e.v.index = index;
    c->e.v.model = e->cfg.model;
    c->e.engine = e;
    c->e.banks = (struct tlb_bank *)(void *)(p + banks_at);
    c->e.jump_shift = (u32)__builtin_ctz(isa->insn_align);
    c->modes = (struct jump_mode *)(void *)(p + modes_at);
    c->mode = c->modes;
    c->e.jumps = &c->mode->cache;
    c->e.far = (struct jump_far *)(void *)(p + far_at);
    c->side = (struct tlb_side *)(void *)(p + side_at);
    c->written = (u64 *)(void *)(p + written_at);
    c->pc = (u64 *)(void *)(p + VCPU_STATE_OFF + isa->pc_offset);
    c->deadline = NS_NEVER;
    c->stop_at = UINT64_MAX;
    for (unsigned i = 0; i < JUMP_MODES; i++)
        jump_cache_init(&c->modes[i].cache, c->e.jump_shift);
    context_init(c);
    if (e->cfg.check_interp || e->cfg.check_eval) {
        c->check = check_new(c);
        if (!c->check)
            return cpu_free(c);
    }
    return c;
}

struct cpu *cpu_free(struct cpu *c)
{
    struct host_map map;

    if (!c)
        return NULL;
    check_free(c->check);
    map = c->map; /* it lies in it */
    host_map_fini(&map);
    return NULL;
}
