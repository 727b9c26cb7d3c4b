/*
 * engine.c - makes and frees an engine; what boards ask of it between times.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>

enum { DEFAULT_QUANTUM = 100000 };
static const u64 budget_unlimited = 1ull << 62;

/* The memory map changed: nobody may go on by old translations. */
static void map_changed(void *arg)
{
    struct engine *e = arg;
    struct worker *self = worker_self(e);

    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        struct cpu *c = e->cpus[i];

        if (self && c->worker == self) {
            c->span = (struct mem_span){ .kind = MEM_NOTHING };
            mmu_flush(c, ISA_FLUSH_ALL, 0, UINT32_MAX);
        } else {
            cpu_request(c, REQ_TLB);
        }
    }
}

/* Is anything asked for that only a tier can do? */
static bool wants_tier(const struct engine_config *cfg)
{
    return cfg->perf != ENGINE_PERF_NONE || cfg->opts_off || cfg->blocks_count;
}

static int config_check(const struct engine_config *cfg, const struct engine_host *host,
                        struct err *err)
{
    BUG_ON(!cfg->isa || !cfg->handlers || !cfg->map);
    BUG_ON(!cfg->deterministic && !host->clock);
    BUG_ON(cfg->isa->mmu_banks == 0 || cfg->isa->mmu_banks > 16 ||
           context_places(cfg->isa) > MMU_PLACES);
    BUG_ON(!bits_is_pow2(cfg->isa->insn_align));
    BUG_ON(cfg->code_cache_bytes && cfg->code_cache_bytes < ENGINE_CODE_CACHE_MIN);
    if (cfg->cpus == 0 || cfg->cpus > 256)
        return err_set(err, EINVAL, "%u CPUs asked for; an engine runs 1 to 256", cfg->cpus);
    if (cfg->tier == ENGINE_BASE && !tier_base())
        return err_set(err, ENOTSUP,
                       "this build has no code generator for this host; "
                       "use --engine=interp");
    if (cfg->check_interp && (!tier_base() || cfg->tier == ENGINE_INTERP))
        return err_set(err, ENOTSUP,
                       "lock-step checking compares translated code with the "
                       "interpreter, and this machine runs the interpreter alone");
    if (wants_tier(cfg) && (!tier_base() || cfg->tier == ENGINE_INTERP))
        return err_set(err, ENOTSUP,
                       "--perf, --no-opt and --base-blocks are about translated code, and this "
                       "machine runs the interpreter alone");
    return 0;
}

static int tier_init(struct engine *e, struct err *err)
{
    const struct tier *t = e->cfg.tier == ENGINE_INTERP ? NULL : tier_base();
    int rc;

    e->tier_threshold = UINT32_MAX;
    if (!t)
        return 0;
    rc = t->start(e, &e->cfg, &e->tier_self, err);
    if (rc < 0)
        return err_wrap(err, "code generator \"%s\"", t->name);
    e->tier = t;
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        e->cpus[i]->e.tier_self = e->tier_self;
    if (t->miss)
        e->tier_miss = t->miss(e->tier_self);
    e->tier_threshold = e->cfg.tier == ENGINE_BASE || e->cfg.check_interp ? 0 : t->threshold;
    return 0;
}

static int cpus_init(struct engine *e, struct err *err)
{
    unsigned n = e->cfg.cpus;

    e->worker_count = e->cfg.deterministic ? 1 : n;
    e->awake = e->worker_count;
    e->host_cpus = e->cfg.host_cpus ? e->cfg.host_cpus : host_cpu_count();
    e->cpus = calloc(n, sizeof e->cpus[0]);
    e->workers = calloc(e->worker_count, sizeof e->workers[0]);
    if (!e->cpus || !e->workers)
        return err_set(err, ENOMEM, "no memory for %u CPUs", n);
    for (unsigned i = 0; i < n; i++) {
        e->cpus[i] = cpu_new(e, i);
        if (!e->cpus[i])
            return err_set(err, ENOMEM, "no memory for CPU %u of %u", i, n);
        e->cpus[i]->worker = &e->workers[e->cfg.deterministic ? 0 : i];
        cpu_budget_set(e->cpus[i], budget_unlimited);
    }
    for (unsigned i = 0; i < e->worker_count; i++) {
        struct worker *w = &e->workers[i];

        w->e = e;
        w->first = i;
        w->count = e->cfg.deterministic ? n : 1;
        host_cond_init(&w->cond);
    }
    return 0;
}

int engine_new(const struct engine_config *cfg, const struct engine_host *host, struct engine **ret,
               struct err *err)
{
    struct engine *e;
    u64 budget = cfg->code_cache_bytes ? cfg->code_cache_bytes : ENGINE_CODE_CACHE_DEFAULT;
    int rc = config_check(cfg, host, err);

    if (rc < 0)
        return rc;
    e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, ENOMEM, "no memory for an engine");
    e->cfg = *cfg;
    e->host = *host;
    e->isa = cfg->isa;
    if (e->cfg.quantum == 0)
        e->cfg.quantum = DEFAULT_QUANTUM;
    e->pause_wanted = e->pause_told = e->paused = true;
    host_mutex_init(&e->lock);
    host_cond_init(&e->outside);
    host_cond_init(&e->timer_cond);
    translator_init(e);
    rc = code_init(&e->code, e, budget, err);
    if (rc == 0)
        rc = cpus_init(e, err);
    if (rc == 0)
        rc = tier_init(e, err);
    if (rc == 0)
        rc = mem_map_on_change(cfg->map, map_changed, e, err);
    if (rc < 0) {
        engine_free(e);
        return rc;
    }
    *ret = e;
    return 0;
}

struct engine *engine_free(struct engine *e)
{
    if (!e)
        return NULL;
    workers_stop(e);
    timer_stop(e);
    translator_stop(e);
    mem_map_off_change(e->cfg.map, map_changed, e);
    code_fini(&e->code);
    if (e->tier)
        e->tier->stop(e->tier_self);
    for (unsigned i = 0; e->cpus && i < e->cfg.cpus; i++)
        cpu_free(e->cpus[i]);
    for (unsigned i = 0; e->workers && i < e->worker_count; i++)
        host_cond_fini(&e->workers[i].cond);
    free(e->cpus);
    free(e->workers);
    host_cond_fini(&e->timer_cond);
    host_cond_fini(&e->outside);
    host_mutex_fini(&e->lock);
    free(e);
    return NULL;
}

struct vcpu *engine_cpu(struct engine *e, unsigned index)
{
    BUG_ON(index >= e->cfg.cpus);
    return &e->cpus[index]->e.v;
}

int engine_start(struct engine *e, struct err *err)
{
    int rc = e->cfg.deterministic ? 0 : timer_start(e, err);

    if (rc == 0)
        rc = translator_start(e, err);
    return rc < 0 ? rc : workers_start(e, err);
}

void engine_stop_at(struct engine *e, u64 insns)
{
    struct cpu *c = e->cpus[0];
    u64 now = cpu_insns(c);

    c->stop_at = insns;
    if (!e->cfg.deterministic)
        cpu_budget_set(c, insns > now && insns - now < budget_unlimited ? insns - now
                          : insns == UINT64_MAX                         ? budget_unlimited
                                                                        : 0);
}

void engine_irq_set(struct engine *e, unsigned cpu, unsigned line, bool level)
{
    struct vcpu *v = engine_cpu(e, cpu);
    u64 bit = 1ull << line, old;

    BUG_ON(line >= 64);
    if (!level) {
        __atomic_fetch_and(&v->irq_lines, ~bit, __ATOMIC_SEQ_CST);
        return;
    }
    old = __atomic_fetch_or(&v->irq_lines, bit, __ATOMIC_SEQ_CST);
    if (old & bit)
        return;
    __atomic_fetch_or(&v->irq_edges, bit, __ATOMIC_SEQ_CST);
    cpu_kick(cpu_of(v));
}

ns_t engine_clock(struct engine *e)
{
    if (!e->cfg.deterministic)
        return e->host.clock(e->host.arg);
    if (e->det_running && worker_self(e))
        return engine_cpu_env.clock(&e->det_running->e.v);
    return __atomic_load_n(&e->det_now, __ATOMIC_ACQUIRE);
}

/* --- statistics --- */

int engine_cpu_thread(struct engine *e, unsigned cpu)
{
    struct worker *w = cpu_of(engine_cpu(e, cpu))->worker;

    return w ? __atomic_load_n(&w->thread.tid, __ATOMIC_RELAXED) : 0;
}

u64 engine_insns(struct engine *e, unsigned cpu)
{
    struct cpu *c = cpu_of(engine_cpu(e, cpu));
    u64 base, again, left;

    /* A count is being replaced for a moment only. */
    do {
        base = __atomic_load_n(&c->e.icount_base, __ATOMIC_SEQ_CST);
        left = (u64)__atomic_load_n(&c->e.budget, __ATOMIC_SEQ_CST);
        again = __atomic_load_n(&c->e.icount_base, __ATOMIC_SEQ_CST);
    } while (base != again || base == UINT64_MAX);
    return base - left;
}

static u64 peek(const u64 *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void made_add(struct engine_stats *s, const struct translations *made)
{
    s->host_blocks += peek(&made->blocks);
    s->insns_translated += peek(&made->insns);
    s->compile_ns += peek(&made->ns);
}

static void stats_add(struct engine_stats *s, const struct cpu *c)
{
    s->blocks_decoded += peek(&c->blocks);
    s->insns_decoded += peek(&c->insns);
    s->decode_ns += peek(&c->decode_ns);
    made_add(s, &c->made);
    s->run_ns += peek(&c->run_ns);
    s->tlb_refills += peek(&c->e.tlb_refills);
    s->slow_accesses += peek(&c->e.slow_accesses);
    s->io_accesses += peek(&c->e.io_accesses);
    s->exits_jump += peek(&c->exits_jump);
    s->exits_irq += peek(&c->exits_irq);
    s->exits_fault += peek(&c->exits_fault);
    s->exits_request += peek(&c->exits_request);
    s->decoded_again += peek(&c->decoded_again);
    s->yields += peek(&c->yields);
}

void engine_stats_get(struct engine *e, struct engine_stats *out)
{
    *out = (struct engine_stats){ 0 };
    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        stats_add(out, e->cpus[i]);
        out->insns += engine_insns(e, i);
    }
    made_add(out, &e->translator.made);
    host_mutex_lock(&e->code.lock);
    out->evictions = e->code.evictions;
    out->smc_invalidations = e->code.smc;
    out->code_bytes = e->code.bytes;
    out->insns_held = e->code.insns_held;
    host_mutex_unlock(&e->code.lock);
}
