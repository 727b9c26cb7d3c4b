/*
 * riscv_engine.c - cases in the engine: interpreter or base tier.
 *
 * The machine is RAM for code and data and one hart in U-mode without paging. Each case ends
 * in an exception, which comes here instead of to the guest: the state is the case's result,
 * and the next case's state takes its place; as riscv_runner.c does it with signals.
 */
#include "base/bits.h"
#include "engine/core/engine.h"
#include "host/thread.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/state.h"
#include "riscv_cases.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
    struct isa isa; /* riscv's, but for its exceptions */
    struct mem_map *map;
    struct mem_ram *code, *data;
    struct engine *engine;
    struct host_mutex lock;
    struct host_cond cond;
    bool paused;
    struct riscv_case *cases; /* of the running batch; borrows */
    unsigned count, running;
    bool begun; /* the exception that starts a batch has been taken */
};

static struct machine *now; /* whose exception it is: struct isa has no argument for it */

static u32 signal_of(u32 cause)
{
    switch (cause) {
    case RV_BREAKPOINT: return 5;
    case RV_ILLEGAL: return 4;
    case RV_LOAD_MISALIGNED:
    case RV_STORE_MISALIGNED: return 7;
    default: return 11;
    }
}

static void save(struct riscv_case *c, const struct rv_state *s, u32 cause)
{
    memcpy(c->x + 1, s->x + 1, sizeof s->x - 8);
    memcpy(c->f, s->f, sizeof s->f);
    memcpy(c->mem, now->data->host + CASE_PAGE_SIZE - CASE_MEM_SIZE, CASE_MEM_SIZE);
    c->fcsr = (u32)(s->frm << 5 | s->fflags);
    c->pc = s->pc;
    c->signal = signal_of(cause);
}

static void load(const struct riscv_case *c, struct rv_state *s, unsigned slot)
{
    memcpy(s->x + 1, c->x + 1, sizeof s->x - 8);
    memcpy(s->f, c->f, sizeof s->f);
    memcpy(now->data->host + CASE_PAGE_SIZE - CASE_MEM_SIZE, c->mem, CASE_MEM_SIZE);
    mem_ram_written(now->data, CASE_PAGE_SIZE - CASE_MEM_SIZE, CASE_MEM_SIZE);
    s->frm = c->fcsr >> 5 & 7;
    s->fflags = c->fcsr & 31;
    s->fs = 1;
    s->pc = CASE_CODE + (u64)slot * CASE_SLOT;
}

static void on_exception(struct vcpu *c)
{
    struct rv_state *s = rv_state(c);

    c->fault.pending = false;
    if (now->begun && now->running < now->count)
        save(&now->cases[now->running++], s, c->fault.cause);
    now->begun = true;
    if (now->running < now->count)
        load(&now->cases[now->running], s, now->running);
    else
        engine_pause_request(now->engine);
}

/* --- the machine --- */

static void on_paused(void *arg)
{
    struct machine *m = arg;

    host_mutex_lock(&m->lock);
    m->paused = true;
    host_cond_broadcast(&m->cond);
    host_mutex_unlock(&m->lock);
}

static ns_t no_clock(void *arg)
{
    return 0;
}

static bool no_firmware(void *arg, struct vcpu *c)
{
    return false;
}

static void must(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    printf("Bail out! %s\n", err->text);
    exit(1);
}

static struct mem_ram *add_ram(struct machine *m, const char *name, gpa_t at, u64 size)
{
    struct mem_ram *ram;
    struct err err = { 0 };

    must(mem_ram_new(name, size, &ram, &err), &err);
    must(mem_map_add_ram(m->map, at, ram, 0, size, false, &err), &err);
    return ram;
}

/* U-mode may do anything; the first instruction is a c.ebreak. */
static void reset_hart(struct machine *m)
{
    struct vcpu *c = engine_cpu(m->engine, 0);
    struct rv_state *s = rv_state(c);

    m->isa.reset(c, CASE_CODE + CASE_CODE_MAX, NULL, 0);
    s->pmpcfg[0] = 0x1f; /* NAPOT, R W X */
    s->pmpaddr[0] = ~0ull >> 10;
    s->menvcfg = s->senvcfg = ~0ull;
    s->priv = RV_U;
    m->isa.state_changed(c);
}

struct machine *riscv_engine_new(unsigned tier, unsigned slots, u32 opts_off)
{
    struct machine *m = calloc(1, sizeof *m);
    struct engine_host host = {
        .arg = m, .clock = no_clock, .firmware_call = no_firmware, .paused = on_paused
    };
    struct err err = { 0 };

    if (!m)
        exit(1);
    host_mutex_init(&m->lock);
    host_cond_init(&m->cond);
    m->isa = riscv_isa;
    m->isa.take_exception = on_exception;
    m->map = mem_map_new("cases");
    m->code = add_ram(m, "code", CASE_CODE, bits_align_up((u64)slots * CASE_SLOT, MEM_PAGE_SIZE));
    m->data = add_ram(m, "data", CASE_PAGE, CASE_PAGE_SIZE);
    struct engine_config cfg = { .isa = &m->isa,
                                 .handlers = riscv_interp_handlers,
                                 .map = m->map,
                                 .cpus = 1,
                                 .tier = (enum engine_tier)tier,
                                 .opts_off = opts_off };
    if (engine_new(&cfg, &host, &m->engine, &err))
        return riscv_engine_free(m); /* this host has no such tier */
    reset_hart(m);
    must(engine_start(m->engine, &err), &err);
    return m;
}

struct machine *riscv_engine_free(struct machine *m)
{
    if (!m)
        return NULL;
    engine_free(m->engine);
    mem_map_free(m->map);
    mem_ram_free(m->code);
    mem_ram_free(m->data);
    host_cond_fini(&m->cond);
    host_mutex_fini(&m->lock);
    free(m);
    return NULL;
}

void riscv_engine_set_ops(struct machine *m, const struct isa_op *ops)
{
    m->isa.ops = ops;
}

void riscv_engine_run(struct machine *m, struct riscv_case *cases, unsigned n)
{
    for (u64 i = 0; i < m->code->size; i += 2)
        le16_put(m->code->host + i, 0x9002); /* c.ebreak */
    for (unsigned i = 0; i < n; i++)
        memcpy(m->code->host + (u64)i * CASE_SLOT, cases[i].code, cases[i].code_size);
    mem_ram_written(m->code, 0, m->code->size);
    m->cases = cases;
    m->count = n;
    m->running = 0;
    m->begun = false;
    m->paused = false;
    now = m;
    rv_state(engine_cpu(m->engine, 0))->pc = CASE_CODE + CASE_CODE_MAX;
    engine_resume(m->engine);
    host_mutex_lock(&m->lock);
    while (!m->paused)
        host_cond_wait(&m->cond, &m->lock);
    host_mutex_unlock(&m->lock);
    engine_pause_wait(m->engine);
}
