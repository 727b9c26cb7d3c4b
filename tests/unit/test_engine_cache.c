/* test_engine_cache.c - what the code cache promises its own callers, at times that no guest
 * can be made to choose. */
#include "toy_isa.h"

#include "base/bug.h"
#include "engine/core/cpu_private.h"
#include "test.h"
#include <sched.h>
#include <stdlib.h>

enum { CODE = 0x1000, ROUNDS = 30000, PATIENCE = 200 };

/* The block that was run at CODE. */
static struct eblock *block_there(struct toy_machine *m)
{
    struct cpu *c = m->engine->cpus[0];

    return code_lookup(c, m->ram->host + CODE, m->engine->isa->block_key(&c->e.v), 0);
}

struct dropper {
    struct cpu *c;
    struct eblock *b;
    bool enough; /* atomic */
};

static void drop_often(void *arg)
{
    struct dropper *d = arg;
    unsigned vain = 0;

    while (!__atomic_load_n(&d->enough, __ATOMIC_ACQUIRE)) {
        if (!eblock_decoded(d->b) && ++vain % PATIENCE == 0)
            sched_yield();
        cpu_go_online(d->c);
        code_translated(d->c->e.engine, d->b, 0);
        cpu_go_offline(d->c);
    }
}

/* One vCPU asks for decoded instructions which another gives back: what it was told stays good
 * until it passes a safe point. */
TEST(insns_asked_for_and_dropped)
{
    struct engine_config cfg = { .cpus = 2, .tier = ENGINE_INTERP };
    struct toy_machine *m = toy_machine_new(cfg);
    struct toy_asm a = toy_code(m, CODE);
    struct cpu *c = m->engine->cpus[0];
    struct dropper d = { .c = m->engine->cpus[1] };
    struct host_thread other;
    struct err err = { 0 };
    unsigned wrong = 0, vain = 0;

    toy_put(&a, TOY_INC, 2, 0, 0);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    d.b = block_there(m);
    CHECK(d.b != NULL);
    CHECK_EQ(host_thread_start(&other, "dropper", drop_often, &d, &err), 0);
    while (c->decoded_again < ROUNDS) {
        const struct einsn *insn;
        u64 before = c->decoded_again;

        cpu_go_online(c);
        insn = eblock_insns(&c->e, d.b);
        wrong += (uintptr_t)insn < 4096 || insn->run != toy_handlers[TOY_INC];
        cpu_go_offline(c);
        if (c->decoded_again == before && ++vain % PATIENCE == 0)
            sched_yield(); /* nothing is being dropped */
    }
    __atomic_store_n(&d.enough, true, __ATOMIC_RELEASE);
    host_thread_join(&other);
    CHECK_EQ(wrong, 0);
    toy_machine_free(m);
}

/* Pieces of all sizes come and go in any order: none overlaps another, and when the last one
 * has been given back nothing is kept. */
TEST(insns_memory)
{
    enum { HELD = 2000 };
    static struct einsns *held[HELD];
    static unsigned count[HELD];
    struct insns_heap h;
    unsigned wrong = 0;
    u64 r = 1;

    insns_heap_init(&h);
    for (unsigned round = 0; round < 20 * HELD; round++) {
        unsigned i;

        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;
        i = (unsigned)(r % HELD);
        for (unsigned k = 0; held[i] && k <= count[i]; k++)
            wrong += held[i]->at[k].in.imm != (s64)i;
        insns_give(&h, held[i]);
        count[i] = 1 + (unsigned)(r >> 32) % EBLOCK_MAX_INSNS;
        held[i] = insns_take(&h, count[i]);
        CHECK(held[i] != NULL && h.slabs > 0);
        for (unsigned k = 0; k <= count[i]; k++)
            held[i]->at[k].in.imm = i;
    }
    CHECK_EQ(wrong, 0);
    for (unsigned i = 0; i < HELD; i++)
        insns_give(&h, held[i]);
    CHECK_EQ(h.slabs, 0);
    insns_heap_fini(&h);
}

/* --- the table of blocks --- */

enum { BLOCKS = 300000 };

static const struct eblock *found(const struct code_hash *h, const u8 *host, u64 key)
{
    const struct eblock *b = code_hash_chain(h, host, key);

    while (b && (b->host != host || b->key != key))
        b = __atomic_load_n(&b->hash_next, __ATOMIC_ACQUIRE);
    return b;
}

struct looker {
    const struct code_hash *h;
    const struct eblock *b;
    u64 hits;    /* atomic */
    bool enough; /* atomic */
};

/* Misses while the table grows are allowed, strangers are not. */
static void look_often(void *arg)
{
    struct looker *l = arg;

    while (!__atomic_load_n(&l->enough, __ATOMIC_ACQUIRE)) {
        const struct eblock *b = found(l->h, l->b->host, l->b->key);

        BUG_ON(b && b != l->b);
        __atomic_fetch_add(&l->hits, b != NULL, __ATOMIC_RELAXED);
        if (!b)
            sched_yield();
    }
}

/* However many blocks there are, each is found, in a chain that is as short as among few; also by
 * a thread that looks while others are added. */
TEST(many_blocks_are_found)
{
    static u8 memory[4 * BLOCKS];
    struct eblock *blocks = calloc(BLOCKS, sizeof *blocks);
    struct code_hash h;
    struct looker l = { .h = &h, .b = blocks };
    struct host_thread other;
    struct err err = { 0 };
    unsigned wrong = 0;

    CHECK(blocks && code_hash_init(&h));
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i].host = memory + 4 * (i / 2);
        blocks[i].key = i % 2;
    }
    code_hash_add(&h, &blocks[0]);
    CHECK_EQ(host_thread_start(&other, "looker", look_often, &l, &err), 0);
    for (unsigned i = 1; i < BLOCKS; i++)
        code_hash_add(&h, &blocks[i]);
    CHECK_EQ(h.count, BLOCKS);
    CHECK(code_hash_chains(&h) >= BLOCKS);
    while (!__atomic_load_n(&l.hits, __ATOMIC_RELAXED))
        sched_yield();
    __atomic_store_n(&l.enough, true, __ATOMIC_RELEASE);
    host_thread_join(&other);
    for (unsigned i = 0; i < BLOCKS; i++)
        wrong += found(&h, blocks[i].host, blocks[i].key) != &blocks[i];
    for (unsigned i = 0; i < BLOCKS; i += 3)
        code_hash_remove(&h, &blocks[i]);
    for (unsigned i = 0; i < BLOCKS; i++)
        wrong += found(&h, blocks[i].host, blocks[i].key) != (i % 3 ? &blocks[i] : NULL);
    CHECK_EQ(wrong, 0);
    code_hash_fini(&h);
    free(blocks);
}

/* What runs rarely is not kept decoded while the guest is idle. */
TEST(trim_gives_decoded_instructions_back)
{
    struct engine_config cfg = { .cpus = 1, .tier = ENGINE_AUTO };
    struct toy_machine *m = toy_machine_new(cfg);
    struct toy_asm a = toy_code(m, CODE);

    toy_put(&a, TOY_INC, 2, 0, 0);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    if (m->engine->tier)
        engine_trim(m->engine, false);
    CHECK_EQ(m->engine->code.insns.slabs == 0, m->engine->tier != NULL);
    toy_machine_free(m);
}

/* Live ones that begin at [at, at + 4096). */
static unsigned live_blocks(const struct toy_machine *m, u64 at)
{
    unsigned n = 0;

    for (const struct eblock *b = m->engine->code.oldest; b; b = b->age_next)
        n += (u64)(b->host - (m->ram->host + at)) < 4096;
    return n;
}

/* Of two loops that were translated, one runs between two trims: it alone stays. */
TEST(trim_gives_unused_host_code_back)
{
    struct engine_config cfg = { .cpus = 1, .tier = ENGINE_AUTO };
    struct toy_machine *m = toy_machine_new(cfg);
    u64 starts[] = { CODE, CODE + 0x2000 };

    for (unsigned i = 0; i < 2; i++) {
        struct toy_asm a = toy_code(m, starts[i]);
        u8 *top;

        toy_li(&a, 6, 1000);
        toy_li(&a, 5, 0);
        top = a.at;
        toy_put(&a, TOY_INC, 5, 0, 0);
        toy_branch(&a, TOY_BNE, 5, 6, top);
        toy_stop(&a);
    }
    for (unsigned i = 0; i < 2; i++) {
        toy_reset(m, 0, starts[i]);
        toy_run(m);
    }
    if (m->engine->tier) {
        engine_trim(m->engine, false);
        CHECK(live_blocks(m, starts[0]) && live_blocks(m, starts[1]));
        toy_reset(m, 0, starts[0]);
        toy_run(m);
        engine_trim(m->engine, true);
        CHECK(live_blocks(m, starts[0]) && !live_blocks(m, starts[1]));
    }
    toy_reset(m, 0, starts[1]);
    toy_run(m);
    CHECK_EQ(toy_state(engine_cpu(m->engine, 0))->r[5], 1000);
    toy_machine_free(m);
}

TEST_MAIN(TEST_CASE(trim_gives_unused_host_code_back), TEST_CASE(insns_asked_for_and_dropped),
          TEST_CASE(insns_memory), TEST_CASE(many_blocks_are_found),
          TEST_CASE(trim_gives_decoded_instructions_back))
