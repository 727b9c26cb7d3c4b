/*
 * base.c - the baseline tier: translates blocks one by one, and chains them.
 *
 * One code map an engine: shared thunks, then blocks in 64-byte units. A block that dies
 * has its incoming jumps pointed back at their stubs at once; its memory is given back
 * when nobody can run in it any more. How the engine calls us: engine/core/block.h.
 */
#include "engine/base/block_ir.h"
#include "engine/base/code_space.h"
#include "engine/base/host_thunks.h"
#include "engine/base/maker.h"
#include "base/bits.h"
#include "host/perf.h"
#include "host/thread.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT = 64 };
#define CODE_BYTES (256 * MIB) /* of address space; what is not used takes no memory */

struct record;

/* A patchable exit. Linked into its target's list while it points there. */
struct edge {
    struct record *from; /* borrows: holds this */
    struct lower_edge at;
    struct edge *next; /* another edge into the same target */
    struct record *to; /* borrows; NULL while unlinked */
};

/* What eblock.tier points to. */
struct record {
    struct eblock *block; /* borrows: owns this */
    u32 first, units;     /* in the code map */
    unsigned edge_count;
    struct edge *incoming;
    struct edge edges[];
};

struct base {
    struct engine *engine; /* borrows (outlives) */
    struct makers makers;
    const struct isa *isa;
    struct thunks thunks;
    struct lower_job host;  /* what lower_ask_host() said */
    struct host_mutex lock; /* everything below, and code that is being written; after a maker's */
    struct host_code_map map; /* owns */
    struct code_space space;  /* of the map */
    struct host_perf *perf;   /* owns; NULL: nobody profiles */
};

static int base_start_map(struct base *t, enum engine_perf perf, struct err *err)
{
    /* perf looks into its map for addresses in anonymous memory only. */
    enum host_code_mode mode = perf == ENGINE_PERF_MAP ? HOST_CODE_RWX : HOST_CODE_AUTO;
    int r = host_code_map_init(&t->map, CODE_BYTES, mode, err);

    if (r)
        return r;
    r = code_space_init(&t->space, (u32)(t->map.size / UNIT), err);
    if (r)
        return r;
    if (!thunks_make(&t->thunks, &t->map, t->isa))
        return err_set(err, 12, "no room for the translator's own code");
    code_space_take(&t->space, (u32)(t->thunks.size / UNIT)); /* they stand first */
    return 0;
}

static void base_stop(void *self)
{
    struct base *t = self;

    if (!t)
        return;
    host_perf_free(t->perf);
    host_code_map_fini(&t->map);
    makers_fini(&t->makers);
    host_mutex_fini(&t->lock);
    code_space_fini(&t->space);
    free(t);
}

/* Needs the map, and tells of the thunks in it. */
static int base_start_perf(struct base *t, enum engine_perf perf, struct err *err)
{
    char name[64];
    int r;

    if (perf == ENGINE_PERF_NONE)
        return 0;
    r = host_perf_new(perf == ENGINE_PERF_MAP ? HOST_PERF_MAP : HOST_PERF_JITDUMP, &t->perf, err);
    if (r)
        return err_wrap(err, "--perf");
    snprintf(name, sizeof name, "%s:thunks", t->isa->name);
    host_perf_code(t->perf, name, t->map.rw, t->thunks.size, t->map.rx);
    return 0;
}

static int base_start(struct engine *e, const struct engine_config *cfg, void **self,
                      struct err *err)
{
    struct base *t = calloc(1, sizeof *t);
    int r;

    if (!t)
        return err_set_errno(err, 12, "no memory for the translator");
    t->engine = e;
    t->isa = cfg->isa;
    lower_ask_host(&t->host);
    t->host.opts_off = cfg->opts_off;
    host_mutex_init(&t->lock);
    r = makers_init(&t->makers) ? base_start_map(t, cfg->perf, err)
                                : err_set_errno(err, 12, "no memory for the translator");
    if (!r)
        r = base_start_perf(t, cfg->perf, err);
    if (r) {
        base_stop(t);
        return r;
    }
    *self = t;
    return 0;
}

/* --- translation --- */

static void place(struct base *t, struct eblock *b, struct record *r, const struct lower_job *job)
{
    size_t at = (size_t)r->first * UNIT;
    const u8 *rx = t->map.rx + at;

    lower_place(job, t->map.rw + at, rx);
    host_code_flush(&t->map, at, job->hot_size + job->cold_size);
    r->edge_count = job->edge_count;
    for (unsigned i = 0; i < job->edge_count; i++)
        r->edges[i] = (struct edge){ .from = r, .at = job->edges[i] };
    r->block = b;
    eblock_code_set(b, r, (void *)(uintptr_t)rx);
}

static u32 units_of(const struct lower_job *job)
{
    return (job->hot_size + job->cold_size + UNIT - 1) / UNIT;
}

/* pc: b's address when it was translated; other mappings may lead to it, too. */
static void tell_perf(struct base *t, u32 first, gva_t pc, u32 size)
{
    size_t at = (size_t)first * UNIT;
    char name[96];

    if (!t->perf)
        return;
    snprintf(name, sizeof name, "%s:%#" PRIx64, t->isa->name, pc);
    host_perf_code(t->perf, name, t->map.rw + at, size, t->map.rx + at);
}

/* Gives b the code that `job` made, which begins with unit `first`; false: no memory. */
static bool keep(struct base *t, struct eblock *b, const struct lower_job *job, u32 first)
{
    struct record *r = calloc(1, sizeof *r + job->edge_count * sizeof r->edges[0]);

    if (!r)
        return false;
    r->first = first;
    r->units = units_of(job);
    place(t, b, r, job);
    return true;
}

/* The same, wherever there is room. Returns the units taken, 0: none, since another thread was
 * first or there is no memory, or CODE_SPACE_FULL. pc: of b. */
static u32 keep_first(struct base *t, struct eblock *b, const struct lower_job *job, gva_t pc)
{
    u32 units = units_of(job), first;

    if (b->tier)
        return 0;
    first = code_space_take(&t->space, units);
    if (first == CODE_SPACE_FULL)
        return first;
    if (!keep(t, b, job, first)) {
        code_space_give(&t->space, first, units);
        return 0;
    }
    tell_perf(t, first, pc, job->hot_size + job->cold_size);
    return units;
}

static u32 translate(struct base *t, struct maker *m, struct eblock *b, gva_t pc)
{
    const struct einsn *insn = eblock_decoded(b);
    struct lower_job job = t->host;
    u32 units;

    /* Instructions go after the record has come: in this order there are some, for this vCPU or
     * the translator until its next safe point. */
    if (__atomic_load_n(&b->tier, __ATOMIC_ACQUIRE))
        return 0;
    job.ir = &m->ir;
    job.isa = t->isa;
    job.block = b;
    job.insn = insn;
    job.thunks = &t->thunks.shared;
    job.room = m->room;
    block_ir_build(m->builder, &m->ir, t->isa, b, insn);
    if (!lower_block(&job)) /* the block stays with the interpreter */
        return 0;
    host_mutex_lock(&t->lock);
    units = keep_first(t, b, &job, pc);
    host_mutex_unlock(&t->lock);
    return units;
}

static u32 base_translate(void *self, struct eblock *b, gva_t pc)
{
    struct base *t = self;
    struct maker *m;
    u32 units;

    if (b->flags & (EBLOCK_TWO_PAGES | EBLOCK_SINGLE))
        return 0;
    m = makers_take(&t->makers);
    units = translate(t, m, b, pc);
    maker_give(m);
    if (units == CODE_SPACE_FULL) {
        code_evict(t->engine);
        return 0;
    }
    return units * UNIT;
}

/* --- chaining --- */

static void edge_point(struct base *t, const struct edge *e, const u8 *target)
{
    size_t where = (size_t)e->from->first * UNIT + e->at.where;
    s32 rel = (s32)(target - (t->map.rx + where + 4));

    __atomic_store_n((s32 *)(void *)(t->map.rw + where), rel, __ATOMIC_RELEASE);
}

static void edge_unlink(struct base *t, struct edge *e)
{
    struct edge **at = &e->to->incoming;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->to = NULL;
    edge_point(t, e, t->map.rx + (size_t)e->from->first * UNIT + e->at.stub);
}

/* Of what ecpu.link says. NULL: that block has no code any more. */
static struct edge *edge_of(void *site)
{
    struct record *r = lower_site_block((uintptr_t)site)->tier;

    return r ? &r->edges[lower_site_index((uintptr_t)site)] : NULL;
}

/* Where an edge leads must be what comes after it in guest memory too: between the exit
 * and this call the mapping, or the pc itself, may have changed. */
static void base_link(void *self, void *site, struct eblock *to)
{
    struct base *t = self;
    struct edge *e;
    struct record *r;

    host_mutex_lock(&t->lock);
    e = edge_of(site);
    r = to->tier;
    if (r && e && !e->to && !eblock_dead(e->from->block) && to->key == e->from->block->key &&
        to->host == e->from->block->host + e->at.offset) {
        e->to = r;
        e->next = r->incoming;
        r->incoming = e;
        edge_point(t, e, eblock_host_entry(to));
    }
    host_mutex_unlock(&t->lock);
}

/* Makes the block's first instruction a jump to the way out. One aligned store of 8 bytes, of
 * which only those of that instruction change: it has 5 at least. */
static void entry_close(struct base *t, const struct record *r)
{
    size_t at = (size_t)r->first * UNIT;
    s32 rel = (s32)(t->thunks.shared.out - (t->map.rx + at + 5));
    u64 code;

    memcpy(&code, t->map.rw + at, sizeof code);
    code = (code & ~bits_mask(40)) | 0xe9 | (u64)(u32)rel << 8;
    __atomic_store_n((u64 *)(void *)(t->map.rw + at), code, __ATOMIC_RELEASE);
}

static void base_invalidate(void *self, struct eblock *b)
{
    struct base *t = self;
    struct record *r;

    host_mutex_lock(&t->lock);
    r = b->tier;
    while (r && r->incoming)
        edge_unlink(t, r->incoming);
    if (r)
        entry_close(t, r);
    host_mutex_unlock(&t->lock);
}

static void base_release(void *self, struct eblock *b)
{
    struct base *t = self;
    struct record *r;

    host_mutex_lock(&t->lock);
    r = b->tier;
    if (r) {
        for (unsigned i = 0; i < r->edge_count; i++)
            if (r->edges[i].to)
                edge_unlink(t, &r->edges[i]);
        while (r->incoming)
            edge_unlink(t, r->incoming);
        code_space_give(&t->space, r->first, r->units);
        b->tier = NULL;
        free(r);
    }
    host_mutex_unlock(&t->lock);
}

static void base_trim(void *self)
{
    struct base *t = self;
    u64 page = host_page_size();
    u32 first = 0, count;

    host_mutex_lock(&t->lock);
    for (; code_space_free_run(&t->space, &first, &count); first += count) {
        u64 from = bits_align_up((u64)first * UNIT, page);
        u64 to = bits_align_down(((u64)first + count) * UNIT, page);

        if (from < to)
            host_code_discard(&t->map, from, to - from);
    }
    host_mutex_unlock(&t->lock);
}

static int base_run(struct ecpu *c, struct eblock *b)
{
    const struct base *t = c->tier_self;
    void *entry = eblock_host_entry(b);

    if (!entry) /* dead since it was looked up */
        return RUN_JUMP;
    return t->thunks.enter(&c->v, entry);
}

static void *base_miss(void *self)
{
    const struct base *t = self;

    return (void *)(uintptr_t)t->thunks.shared.out;
}

static const struct tier base_tier = {
    .name = "base",
    .threshold = 4,
    .start = base_start,
    .stop = base_stop,
    .translate = base_translate,
    .run = base_run,
    .link = base_link,
    .miss = base_miss,
    .invalidate = base_invalidate,
    .release = base_release,
    .trim = base_trim,
};

const struct tier *tier_base(void)
{
    return &base_tier;
}
