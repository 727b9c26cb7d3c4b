/*
 * run.c - the loop of one vCPU: find a block, run it, see why it ended.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

#include "base/bug.h"
#include "base/log.h"
#include "engine/interp/interp.h"
#include "host/clock.h"
#include <inttypes.h>

void cpu_budget_set(struct cpu *c, u64 insns)
{
    u64 retired = c->e.icount_base - (u64)c->e.budget;

    /* Readers on other threads see a count that is gone, never one that is wrong. */
    __atomic_store_n(&c->e.icount_base, UINT64_MAX, __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->e.budget, (s64)insns, __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->e.icount_base, retired + insns, __ATOMIC_SEQ_CST);
}

bool cpu_idle(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    if (v->waiting && v->isa->wakes(v))
        v->waiting = false;
    return v->waiting || v->stopped;
}

static void take_interrupt(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    if (!v->isa->take_interrupt(v))
        return;
    STAT_ADD(c->exits_irq, 1);
    cpu_mode_update(c);
}

static void take_fault(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    STAT_ADD(c->exits_fault, 1);
    v->insn_index = 0;
    v->isa->take_exception(v);
    BUG_ON(v->fault.pending);
    cpu_mode_update(c);
}

/* Is b among those that the tier is to translate? Numbers are given when that is asked, so that up
 * to a block they do not depend on whether later ones are translated. */
static bool tier_may_translate(struct cpu *c, const struct eblock *b)
{
    struct engine *e = c->e.engine;
    u64 number = __atomic_fetch_add(&e->code.block_number, 1, __ATOMIC_RELAXED);
    bool may = e->cfg.blocks_count == 0 || number - e->cfg.blocks_first < e->cfg.blocks_count;

    log_trace(block, "%" PRIu64 " at %#" PRIx64 ": %u instructions, %s", number, *c->pc,
              b->insn_count, may ? "translated" : "left to the interpreter");
    return may;
}

/* b has run often enough: what to run from now on, with host code when the tier has made any. */
static struct eblock *tier_translate(struct cpu *c, struct eblock *b)
{
    struct engine *e = c->e.engine;

    if (eblock_queued(b))
        return b;
    if (!(e->cfg.opts_off >> ENGINE_OPT_LONG_BLOCKS & 1))
        b = code_lengthen(c, b);
    if (eblock_host_entry(b))
        return b;
    if (!tier_may_translate(c, b))
        __atomic_store_n(&b->runs, EBLOCK_DECLINED, __ATOMIC_RELAXED);
    else if (!translator_take(e, b, *c->pc))
        block_translate(e, b, *c->pc, &c->made);
    return b;
}

/* The block to run instead of b: b itself, or what the tier was given in its place. */
static struct eblock *tier_block(struct cpu *c, struct eblock *b)
{
    u32 runs = __atomic_load_n(&b->runs, __ATOMIC_RELAXED);

    if (runs == EBLOCK_DECLINED)
        return b;
    if (eblock_host_entry(b) || runs >= c->e.engine->tier_threshold) {
        if (!eblock_host_entry(b))
            b = tier_translate(c, b);
        cpu_jumps_put(c, b); /* from now on without coming here */
        return b;
    }
    /* The interpreter counts only those it goes on to. */
    __atomic_store_n(&b->runs, runs + 1, __ATOMIC_RELAXED);
    return b;
}

/* The block before left through an exit that its tier wants patched. */
static void tier_link(struct cpu *c, struct eblock *to)
{
    struct engine *e = c->e.engine;
    void *site = c->e.link;

    c->e.link = NULL;
    if (to->flags & (EBLOCK_TWO_PAGES | EBLOCK_SINGLE))
        return;
    host_mutex_lock(&e->code.lock);
    if (!eblock_dead(to))
        e->tier->link(e->tier_self, site, to);
    host_mutex_unlock(&e->code.lock);
}

static int cpu_enter(struct cpu *c, struct eblock *b)
{
    struct engine *e = c->e.engine;

    if (unlikely(c->check)) {
        if (e->tier && e->cfg.check_interp)
            b = tier_block(c, b);
        c->e.link = NULL;
        return check_run(c, b);
    }
    if (e->tier && c->e.budget >= b->insn_count) {
        b = tier_block(c, b);
        if (eblock_host_entry(b) && c->e.budget >= b->insn_count) {
            if (c->e.link)
                tier_link(c, b);
            return e->tier->run(&c->e, b);
        }
    }
    c->e.link = NULL;
    eblock_insns(&c->e, b);
    return interp_run(&c->e, b, e->tier_threshold);
}

static void safe_point(struct cpu *c)
{
    u64 epoch = __atomic_load_n(&c->e.engine->code.epoch, __ATOMIC_ACQUIRE);

    if (unlikely(epoch != c->emptied))
        cpu_safe_point_slow(c, epoch);
}

void cpu_run(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    cpu_mode_update(c);
    take_interrupt(c);
    while (!__atomic_load_n(&v->exit_request, __ATOMIC_ACQUIRE) && c->e.budget > 0) {
        struct eblock *b;
        int r;

        safe_point(c);
        b = code_find(c);
        if (!b) {
            if (v->fault.pending)
                take_fault(c);
            continue;
        }
        r = cpu_enter(c, b);
        if (r == RUN_JUMP) {
            STAT_ADD(c->exits_jump, 1);
            v->insn_index = 0;
            continue;
        }
        if (r == RUN_FAULT) {
            *c->pc = c->e.block_pc + c->e.block->offset[v->insn_index];
            take_fault(c);
        } else {
            v->insn_index = 0;
            cpu_mode_update(c);
        }
        if (v->waiting || v->stopped)
            return;
        take_interrupt(c);
    }
    STAT_ADD(c->exits_request, 1);
}

void cpu_run_timed(struct cpu *c)
{
    ns_t start = host_clock_monotonic();

    cpu_go_online(c);
    cpu_run(c);
    cpu_go_offline(c);
    STAT_ADD(c->run_ns, host_clock_monotonic() - start);
}
