/*
 * env.c - what an architecture may ask for: the engine's struct cpu_env.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include <errno.h>

static int env_load(struct vcpu *v, gva_t va, unsigned size, enum ir_mmu mmu, u64 *out)
{
    u64 word = 0;
    int rc = mmu_load(cpu_of(v), va, &word, size, (struct ir_mem){ .mmu = (u8)mmu });

    if (rc == 0)
        *out = word;
    return rc;
}

static int env_store(struct vcpu *v, gva_t va, unsigned size, enum ir_mmu mmu, u64 value)
{
    return mmu_store(cpu_of(v), va, &value, size, (struct ir_mem){ .mmu = (u8)mmu });
}

static int env_probe(struct vcpu *v, gva_t va, u64 len, enum isa_access access, enum ir_mmu mmu)
{
    return mmu_probe(cpu_of(v), va, len, (struct ir_mem){ .mmu = (u8)mmu, .access = (u8)access });
}

/* Page-table entries: RAM or ROM, aligned by what the architecture made of them. */
static void *phys_at(struct cpu *c, gpa_t gpa, unsigned size, bool write, struct mem_span *s)
{
    if (!mmu_find(c, gpa, s) || s->kind == MEM_IO || (write && s->kind == MEM_ROM))
        return NULL;
    if (gpa % size != 0)
        return NULL;
    return s->ram->host + s->ram_offset + (gpa - s->start);
}

static int env_phys_load(struct vcpu *v, gpa_t gpa, unsigned size, u64 *out)
{
    struct mem_span s;
    void *p = phys_at(cpu_of(v), gpa, size, false, &s);

    if (!p)
        return -EFAULT;
    *out = size == 8 ? __atomic_load_n((u64 *)p, __ATOMIC_ACQUIRE)
                     : __atomic_load_n((u32 *)p, __ATOMIC_ACQUIRE);
    return 0;
}

static int env_phys_cas(struct vcpu *v, gpa_t gpa, unsigned size, u64 old, u64 want, bool *done)
{
    struct mem_span s;
    void *p = phys_at(cpu_of(v), gpa, size, true, &s);
    u32 old32 = (u32)old;

    if (!p)
        return -EFAULT;
    if (size == 8)
        *done = __atomic_compare_exchange_n((u64 *)p, &old, want, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    else
        *done = __atomic_compare_exchange_n((u32 *)p, &old32, (u32)want, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    if (*done)
        mem_ram_written(s.ram, (u64)((u8 *)p - s.ram->host), size);
    return 0;
}

static void env_mmu_bind(struct vcpu *v, enum ir_mmu mmu, unsigned bank)
{
    context_bind(cpu_of(v), mmu, bank);
}

static void env_mmu_context(struct vcpu *v, u64 id)
{
    context_switch(cpu_of(v), id);
}

static void env_tlb_flush_context(struct vcpu *v, u64 id, enum isa_tlb_flush what, gva_t va)
{
    mmu_flush_context(cpu_of(v), id, what, va);
}

static void env_tlb_flush(struct vcpu *v, enum isa_tlb_flush what, gva_t va, u32 banks)
{
    mmu_flush(cpu_of(v), what, va, banks);
}

static void env_everywhere(struct vcpu *v, void (*fn)(struct vcpu *c, void *arg), void *arg)
{
    static const u64 all[] = { ~0ull, ~0ull, ~0ull, ~0ull };

    engine_cpu_call(cpu_of(v)->e.engine, all, fn, arg);
}

static void env_icache_sync(struct vcpu *v)
{
    code_revalidate(cpu_of(v));
}

static u64 env_insn_count(struct vcpu *v)
{
    return cpu_insns(cpu_of(v));
}

static ns_t env_clock(struct vcpu *v)
{
    struct cpu *c = cpu_of(v);
    struct engine *e = c->e.engine;

    if (e->cfg.deterministic)
        return c->det_time + (cpu_insns(c) - c->det_count);
    return e->host.clock(e->host.arg);
}

static void env_timer_set(struct vcpu *v, ns_t deadline)
{
    timer_set(cpu_of(v), deadline);
}

static bool env_firmware_call(struct vcpu *v)
{
    const struct engine_host *h = &cpu_of(v)->e.engine->host;

    return h->firmware_call && h->firmware_call(h->arg, v);
}

static int env_sysreg_read(struct vcpu *v, unsigned space, unsigned number, u64 *out)
{
    const struct engine_host *h = &cpu_of(v)->e.engine->host;

    return h->sysreg_read ? h->sysreg_read(h->arg, v, space, number, out) : -ENOENT;
}

static int env_sysreg_write(struct vcpu *v, unsigned space, unsigned number, u64 value)
{
    const struct engine_host *h = &cpu_of(v)->e.engine->host;

    return h->sysreg_write ? h->sysreg_write(h->arg, v, space, number, value) : -ENOENT;
}

static u64 env_random(struct vcpu *v)
{
    const struct engine_host *h = &cpu_of(v)->e.engine->host;

    BUG_ON(!h->random);
    return h->random(h->arg);
}

const struct cpu_env engine_cpu_env = {
    .load = env_load,
    .store = env_store,
    .probe = env_probe,
    .phys_load = env_phys_load,
    .phys_cas = env_phys_cas,
    .mmu_bind = env_mmu_bind,
    .mmu_context = env_mmu_context,
    .tlb_flush = env_tlb_flush,
    .tlb_flush_context = env_tlb_flush_context,
    .everywhere = env_everywhere,
    .icache_sync = env_icache_sync,
    .insn_count = env_insn_count,
    .clock = env_clock,
    .timer_set = env_timer_set,
    .relax = cpu_relax,
    .firmware_call = env_firmware_call,
    .sysreg_read = env_sysreg_read,
    .sysreg_write = env_sysreg_write,
    .random = env_random,
};
