/*
 * relax.c - a vCPU that waits for another one by looking again and again.
 *
 * The one that is waited for may have no host CPU: because there are more vCPUs awake than host
 * CPUs, or because other programs have them, or because it sleeps and is being woken, which takes
 * the host 50 us. In the first case each look gives our host CPU away, else only once the wait
 * has become long: who has just to be waited for answers sooner than the way into the kernel takes.
 */
#include "engine/core/cpu_private.h"

enum {
    LOOKS_SHORT = 256, /* 5 to 15 us */
    LOOKS_STALL = 32,  /* at one go: dead code's memory and other vCPUs wait for safe points */
    LOOP_INSNS = 128,  /* fewer between two looks: still the same wait */
};

static void look_later(struct cpu *c)
{
    const struct engine *e = c->e.engine;
    bool crowded = __atomic_load_n(&e->awake, __ATOMIC_RELAXED) > e->host_cpus;

    if (crowded || (e->worker_count > 1 && ++c->looks > LOOKS_SHORT)) {
        STAT_ADD(c->yields, 1);
        host_thread_yield();
    } else {
        host_thread_spin();
    }
}

static bool stall_ends(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    return __atomic_load_n(&v->exit_request, __ATOMIC_RELAXED) || !mmu_reserved(c) ||
           v->isa->wakes(v);
}

void cpu_relax(struct vcpu *v, enum isa_relax how)
{
    struct cpu *c = cpu_of(v);
    u64 insns = c->e.icount_base - (u64)c->e.budget; /* to a block */

    if (c->e.engine->cfg.deterministic)
        return;
    if (insns - c->looked_at > LOOP_INSNS)
        c->looks = 0;
    c->looked_at = insns;
    look_later(c);
    if (how == ISA_RELAX_ONCE)
        return;
    for (unsigned i = 1; i < LOOKS_STALL && !stall_ends(c); i++)
        look_later(c);
}
