/*
 * diff_engine.c - cases in the engine: interpreter or base tier.
 *
 * The machine is RAM for code and data and one CPU that runs a user program. Each case ends
 * in an exception, which comes here instead of to the guest: the state is the case's result,
 * and the next case's state takes its place; as the guest's runner does it with signals.
 */
#include "base/bits.h"
#include "diff.h"
#include "engine/core/engine.h"
#include "host/thread.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
    struct isa isa; /* the guest's, but for its exceptions */
    struct mem_map *map;
    struct mem_ram *code, *data;
    struct engine *engine;
    struct host_mutex lock;
    struct host_cond cond;
    bool paused;
    struct case_head *cases; /* of the running batch; borrows */
    unsigned count, running;
    bool begun; /* the exception that starts a batch has been taken */
};

static struct machine *now; /* whose exception it is: struct isa has no argument for it */

static u64 *pc_of(struct vcpu *c)
{
    return (u64 *)((char *)vcpu_state(c) + diff_guest->isa->pc_offset);
}

static void save(struct case_head *k, struct vcpu *c, u32 cause)
{
    diff_guest->save(k, vcpu_state(c));
    memcpy(k->mem, now->data->host + CASE_PAGE_SIZE - CASE_MEM_SIZE, CASE_MEM_SIZE);
    k->pc = *pc_of(c);
    k->signal = diff_guest->signal_of(cause);
}

static void load(const struct case_head *k, struct vcpu *c, unsigned slot)
{
    diff_guest->load(vcpu_state(c), k);
    memcpy(now->data->host + CASE_PAGE_SIZE - CASE_MEM_SIZE, k->mem, CASE_MEM_SIZE);
    mem_ram_written(now->data, CASE_PAGE_SIZE - CASE_MEM_SIZE, CASE_MEM_SIZE);
    *pc_of(c) = CASE_CODE + (u64)slot * CASE_SLOT;
}

static void on_exception(struct vcpu *c)
{
    c->fault.pending = false;
    if (now->begun && now->running < now->count)
        save(diff_case(now->cases, now->running++), c, c->fault.cause);
    now->begun = true;
    if (now->running < now->count)
        load(diff_case(now->cases, now->running), c, now->running);
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

/* The first instruction is a breakpoint. */
static void enter(struct machine *m)
{
    struct vcpu *c = engine_cpu(m->engine, 0);

    diff_guest->enter(c);
    *pc_of(c) = CASE_CODE + CASE_CODE_MAX;
}

struct machine *diff_engine_new(unsigned tier, unsigned slots, u32 opts_off)
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
    m->isa = *diff_guest->isa;
    m->isa.take_exception = on_exception;
    m->map = mem_map_new("cases");
    m->code = add_ram(m, "code", CASE_CODE, bits_align_up((u64)slots * CASE_SLOT, MEM_PAGE_SIZE));
    m->data = add_ram(m, "data", CASE_PAGE, CASE_PAGE_SIZE);
    struct engine_config cfg = { .isa = &m->isa,
                                 .handlers = diff_guest->handlers,
                                 .map = m->map,
                                 .cpus = 1,
                                 .tier = (enum engine_tier)tier,
                                 .opts_off = opts_off };
    if (engine_new(&cfg, &host, &m->engine, &err))
        return diff_engine_free(m); /* this host has no such tier */
    enter(m);
    must(engine_start(m->engine, &err), &err);
    return m;
}

struct machine *diff_engine_free(struct machine *m)
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

void diff_engine_set_ops(struct machine *m, const struct isa_op *ops)
{
    m->isa.ops = ops;
}

void diff_engine_run(struct machine *m, struct case_head *cases, unsigned n)
{
    for (u64 i = 0; i < m->code->size; i += diff_guest->stop_size)
        memcpy(m->code->host + i, diff_guest->stop, diff_guest->stop_size);
    for (unsigned i = 0; i < n; i++) {
        const struct case_head *k = diff_case(cases, i);

        memcpy(m->code->host + (u64)i * CASE_SLOT, k->code, k->code_size);
    }
    mem_ram_written(m->code, 0, m->code->size);
    m->cases = cases;
    m->count = n;
    m->running = 0;
    m->begun = false;
    m->paused = false;
    now = m;
    *pc_of(engine_cpu(m->engine, 0)) = CASE_CODE + CASE_CODE_MAX;
    engine_resume(m->engine);
    host_mutex_lock(&m->lock);
    while (!m->paused)
        host_cond_wait(&m->cond, &m->lock);
    host_mutex_unlock(&m->lock);
    engine_pause_wait(m->engine);
}
