/* toy_tier.c - see toy_tier.h. */
#include "toy_tier.h"

#include "engine/core/cpu_private.h"
#include "host/thread.h"
#include <stdlib.h>

struct toy_tier_counts toy_tier_counts;
bool toy_tier_hold;
#define COUNT(what) __atomic_fetch_add(&toy_tier_counts.what, 1, __ATOMIC_RELAXED)

/* What hangs on a block. */
struct code {
    struct eblock *block;
    struct code *to;   /* atomic: the edge; NULL: not patched */
    struct code *next; /* all of them; lock */
};

struct toy_tier {
    struct engine *engine; /* borrows */
    struct host_mutex lock;
    struct code *all;
};

static int toy_start(struct engine *e, const struct engine_config *cfg, void **self,
                     struct err *err)
{
    struct toy_tier *t = calloc(1, sizeof *t);

    (void)cfg;
    (void)err;
    t->engine = e;
    host_mutex_init(&t->lock);
    toy_tier_counts = (struct toy_tier_counts){ 0 };
    *self = t;
    return 0;
}

static void toy_stop_tier(void *self)
{
    struct toy_tier *t = self;

    if (t->all)
        COUNT(wrong); /* every block has been released */
    host_mutex_fini(&t->lock);
    free(t);
}

/* Counters are of all engines together, and each has a lock of its own. */
static void note_bytes(void)
{
    u64 now = TOY_TIER_BYTES * __atomic_load_n(&toy_tier_counts.held, __ATOMIC_RELAXED);
    u64 most = __atomic_load_n(&toy_tier_counts.most_bytes, __ATOMIC_RELAXED);

    while (now > most && !__atomic_compare_exchange_n(&toy_tier_counts.most_bytes, &most, now,
                                                      false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void wait_while_held(const struct toy_tier *t)
{
    const struct translator *x = &t->engine->translator;

    while (__atomic_load_n(&toy_tier_hold, __ATOMIC_SEQ_CST) && host_thread_is_self(&x->thread))
        host_thread_yield();
}

static u32 toy_translate(void *self, struct eblock *b, gva_t pc)
{
    struct toy_tier *t = self;
    struct code *k;
    u32 bytes = 0;

    (void)pc;
    wait_while_held(t);
    if (b->insn_count % 7 == 5) /* some it does not want */
        return 0;
    host_mutex_lock(&t->lock);
    if (!b->tier) {
        k = calloc(1, sizeof *k);
        k->block = b;
        k->next = t->all;
        t->all = k;
        COUNT(translated);
        COUNT(held);
        note_bytes();
        eblock_code_set(b, k, k);
        bytes = TOY_TIER_BYTES;
    }
    host_mutex_unlock(&t->lock);
    return bytes;
}

static u64 *pc_of(struct ecpu *c)
{
    return (u64 *)(void *)((char *)vcpu_state(&c->v) + c->v.isa->pc_offset);
}

/* One block; pc is set unless it faulted. */
static int run_block(struct ecpu *c, struct eblock *b)
{
    const struct einsn *insn = eblock_insns(c, b);
    unsigned n = 0;
    int r;

    c->block = b;
    c->block_pc = *pc_of(c);
    do
        r = insn[n].run(&c->v, &insn[n].in);
    while (r == RUN_NEXT && ++n < b->insn_count);
    if (r == RUN_NEXT) {
        *pc_of(c) = c->block_pc + (u64)(s64)eblock_next(b);
        r = RUN_JUMP;
    } else if (r == RUN_FAULT) {
        c->v.insn_index = n;
    } else {
        n++;
    }
    __atomic_store_n(&c->budget, c->budget - n, __ATOMIC_RELAXED);
    return r;
}

/* By the patched edge, when pc went where it leads; by the jump cache; or not at all. */
static struct code *next_code(struct ecpu *c, struct code *k)
{
    struct code *to = __atomic_load_n(&k->to, __ATOMIC_ACQUIRE);
    unsigned i = jump_index(*pc_of(c), c->jump_shift);
    struct eblock *b = c->jumps->block[i];

    if (to && *pc_of(c) - c->block_pc == (u64)(to->block->host - k->block->host) &&
        ((*pc_of(c) ^ c->block_pc) >> TLB_PAGE_SHIFT) == 0) {
        COUNT(followed);
        return to;
    }
    if (b && c->jumps->entry[i].pc == *pc_of(c) && (to = eblock_host_entry(b))) {
        COUNT(probed);
        return to;
    }
    c->link = k;
    return NULL;
}

static int toy_run_tier(struct ecpu *c, struct eblock *b)
{
    struct code *k = eblock_host_entry(b), *next;

    COUNT(runs);
    if (!k)
        return RUN_JUMP; /* dead since it was looked up */
    for (;;) {
        int r;

        if (__atomic_load_n(&c->v.exit_request, __ATOMIC_RELAXED) ||
            c->budget < k->block->insn_count)
            return RUN_JUMP;
        r = run_block(c, k->block);
        if (r != RUN_JUMP)
            return r;
        next = next_code(c, k);
        if (!next)
            return RUN_JUMP;
        k = next;
    }
}

static void toy_link(void *self, void *site, struct eblock *to)
{
    struct toy_tier *t = self;
    struct code *from = site;

    host_mutex_lock(&t->lock);
    if (!eblock_dead(from->block) && to->tier && from->block->key == to->key &&
        !(((uintptr_t)from->block->host ^ (uintptr_t)to->host) >> TLB_PAGE_SHIFT)) {
        COUNT(linked);
        __atomic_store_n(&from->to, to->tier, __ATOMIC_RELEASE);
    }
    host_mutex_unlock(&t->lock);
}

static void toy_invalidate(void *self, struct eblock *b)
{
    struct toy_tier *t = self;

    COUNT(invalidated);
    host_mutex_lock(&t->lock);
    for (struct code *k = t->all; k; k = k->next)
        if (k->to == b->tier)
            __atomic_store_n(&k->to, NULL, __ATOMIC_RELEASE);
    host_mutex_unlock(&t->lock);
}

static void toy_release(void *self, struct eblock *b)
{
    struct toy_tier *t = self;
    struct code **link = &t->all, *k = b->tier;

    COUNT(released);
    host_mutex_lock(&t->lock);
    while (*link != k)
        link = &(*link)->next;
    *link = k->next;
    __atomic_fetch_sub(&toy_tier_counts.held, 1, __ATOMIC_RELAXED);
    host_mutex_unlock(&t->lock);
    free(k);
}

static const struct tier toy_tier = {
    .name = "toy",
    .threshold = 3,
    .start = toy_start,
    .stop = toy_stop_tier,
    .translate = toy_translate,
    .run = toy_run_tier,
    .link = toy_link,
    .invalidate = toy_invalidate,
    .release = toy_release,
};

const struct tier *tier_base(void)
{
    return &toy_tier;
}
