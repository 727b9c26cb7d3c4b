/* test_engine_cache.c - what the code cache promises its own callers, at times that no guest
 * can be made to choose. */
#include "toy_isa.h"

#include "engine/core/cpu_private.h"
#include "test.h"
#include <sched.h>

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
        code_translated(d->c, d->b, 0);
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

TEST_MAIN(TEST_CASE(insns_asked_for_and_dropped))
