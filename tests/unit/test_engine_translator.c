/* test_engine_translator.c - host code made beside the vCPUs: that it is, that it takes no longer
 * than it may, and that a block may die at any time meanwhile. */
#include "one_cpu.h"

#include "engine/core/cpu_private.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 400, ROUNDS = 10 };

static struct engine_config background(void)
{
    struct engine_config cfg = { .cpus = 1, .tier = ENGINE_AUTO, .host_cpus = 16 };

    return cfg;
}

/* Where all is translated before it runs, nothing is left for it. */
static bool has_translator(void)
{
    const char *tier = getenv("TOY_TIER");

    return !tier || strcmp(tier, "base") != 0;
}

/* So many blocks, one after the other, so many times; then the machine stops. */
static void put_blocks(struct toy_machine *m, unsigned blocks, unsigned rounds)
{
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;

    toy_li(&a, 3, 0);
    toy_li(&a, 4, rounds);
    toy_li(&a, 5, 0);
    toy_branch(&a, TOY_JAL, 8, 0, a.start + 0x2000);
    a = toy_code(m, 0x2000);
    top = a.at;
    for (unsigned i = 0; i < blocks; i++) {
        toy_put(&a, TOY_ADDI, 5, 5, 1);
        toy_branch(&a, TOY_BEQ, 3, 4, a.at + 4); /* a block ends here, whichever way it goes */
    }
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    toy_stop(&a);
}

static void run(struct toy_machine *m)
{
    toy_reset(m, 0, CODE);
    toy_run(m);
}

static void hold(bool on)
{
    __atomic_store_n(&toy_tier_hold, on, __ATOMIC_SEQ_CST);
}

static unsigned queued(struct toy_machine *m)
{
    return __atomic_load_n(&m->engine->translator.size, __ATOMIC_ACQUIRE);
}

/* Until the translator has taken the first block, which it is held at. */
static void wait_until_held(struct toy_machine *m)
{
    while (has_translator() && !__atomic_load_n(&m->engine->translator.quiescent, __ATOMIC_SEQ_CST))
        host_thread_yield();
}

/* The vCPU makes none itself, and runs what was made. */
TEST(beside_the_vcpu)
{
    struct toy_machine *m = toy_machine_new(background());
    struct engine *e = m->engine;

    put_blocks(m, 10, 1000);
    run(m);
    translator_settle(e);
    if (has_translator()) {
        CHECK(e->translator.made.blocks > 0);
        CHECK_EQ(e->cpus[0]->made.blocks, 0);
        CHECK_EQ(stats(m).host_blocks, e->translator.made.blocks);
        toy_tier_counts.runs = 0;
        run(m);
        CHECK(toy_tier_counts.runs > 0);
    }
    CHECK_EQ(state(m, 0)->r[5], 10000);
    toy_machine_free(m);
}

/* However long it takes, the guest goes on; and when more is to be made than the queue holds the
 * vCPU helps. */
TEST(full_queue)
{
    struct toy_machine *m = toy_machine_new(background());
    struct engine *e = m->engine;
    unsigned taken;

    put_blocks(m, BLOCKS, ROUNDS);
    hold(true);
    run(m);
    CHECK_EQ(state(m, 0)->r[5], BLOCKS * ROUNDS);
    wait_until_held(m);
    taken = has_translator() ? queued(m) + 1 : 0; /* it may have come late, to a full queue */
    if (has_translator()) {
        CHECK(taken == TRANSLATOR_QUEUE || taken == TRANSLATOR_QUEUE + 1);
        CHECK(e->cpus[0]->made.blocks > 0);
    }
    hold(false);
    translator_settle(e);
    CHECK_EQ(queued(m), 0);
    CHECK_EQ(e->translator.made.blocks, taken);
    run(m);
    CHECK_EQ(state(m, 0)->r[5], BLOCKS * ROUNDS);
    toy_machine_free(m);
}

/* What dies in the queue leaves it, and what dies while host code of it is made is not freed
 * before that is done, though many after it are. */
TEST(dead_in_the_queue)
{
    struct engine_config cfg = background();
    struct toy_machine *m;
    struct engine *e;

    cfg.code_cache_bytes = ENGINE_CODE_CACHE_MIN;
    m = toy_machine_new(cfg);
    e = m->engine;
    put_blocks(m, 100, ROUNDS);
    hold(true);
    for (unsigned i = 0; i < 50; i++) {
        run(m);
        CHECK_EQ(state(m, 0)->r[5], 100 * ROUNDS);
        wait_until_held(m);
        code_evict(e); /* twice: those that were used are spared once */
        while (e->code.oldest)
            code_evict(e);
        CHECK_EQ(queued(m), 0);
    }
    if (has_translator())
        CHECK(e->translator.quiescent > 0 && e->translator.quiescent < e->code.batch_epoch);
    hold(false);
    translator_settle(e);
    run(m);
    CHECK_EQ(state(m, 0)->r[5], 100 * ROUNDS);
    toy_machine_free(m);
}

/* A vCPU may come with a block that has died since it found it. */
TEST(dead_before_the_queue)
{
    struct toy_machine *m = toy_machine_new(background());
    struct engine *e = m->engine;
    struct cpu *c = e->cpus[0];
    struct eblock *b;

    put_blocks(m, 1, 1);
    run(m);
    hold(true);
    cpu_go_online(c);
    b = code_lookup(c, m->ram->host + CODE, e->isa->block_key(&c->e.v), 0);
    CHECK(b != NULL);
    while (e->code.oldest)
        code_evict(e);
    if (has_translator())
        CHECK(translator_take(e, b, CODE));
    CHECK_EQ(queued(m), 0);
    cpu_go_offline(c);
    hold(false);
    toy_machine_free(m);
}

/* Where runs must repeat, or all is to be translated before it runs, or there is no processor for
 * it, or nobody wants it. */
TEST(only_where_it_is_of_use)
{
    struct engine_config cfgs[] = { background(), background(), background(), background(),
                                    background() };

    cfgs[1].deterministic = true;
    cfgs[2].check_eval = true;
    cfgs[3].host_cpus = 1;
    cfgs[4].opts_off = 1u << ENGINE_OPT_BACKGROUND;
    for (unsigned i = 0; i < ARRAY_SIZE(cfgs); i++) {
        struct toy_machine *m = toy_machine_new(cfgs[i]);

        CHECK_EQ(m->engine->translator.running, i == 0 && has_translator());
        toy_machine_free(m);
    }
}

TEST_MAIN(TEST_CASE(beside_the_vcpu), TEST_CASE(full_queue), TEST_CASE(dead_in_the_queue),
          TEST_CASE(dead_before_the_queue), TEST_CASE(only_where_it_is_of_use))
