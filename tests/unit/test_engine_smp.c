/* test_engine_smp.c - several vCPUs: atomics, calls, wake-ups, pauses, code that others change. */
#include "toy_isa.h"

#include "base/bits.h"
#include "engine/core/cpu.h"
#include "host/clock.h"
#include "test.h"
#include <unistd.h>

enum { CODE = 0x1000, CPUS = 4, PT = 0x100000 };
static const struct engine_config four_cpus = { .cpus = CPUS, .tier = ENGINE_INTERP };

static struct toy_state *state(struct toy_machine *m, unsigned cpu)
{
    return toy_state(engine_cpu(m->engine, cpu));
}

static void reset_all(struct toy_machine *m, u64 pc)
{
    for (unsigned i = 0; i < CPUS; i++)
        toy_reset(m, i, pc);
}

/* Counts arrivals at `at`; the last one stops the machine, the others wait. Uses r13..r15. */
static void meet_and_stop(struct toy_asm *a, u64 at)
{
    u8 *skip;

    toy_li(a, 15, at);
    toy_li(a, 14, 1);
    toy_put(a, TOY_AMOADD, 13, 15, 14);
    toy_li(a, 14, CPUS - 1);
    skip = a->at;
    toy_put(a, TOY_BNE, 13, 14, 0);
    toy_stop(a);
    toy_branch_fix(skip, a->at);
    toy_put(a, TOY_WFI, 0, 0, 0);
    toy_branch(a, TOY_JAL, 13, 0, a->at - 4);
}

TEST(ll_sc_contention)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;

    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, 200000);
    toy_li(&a, 8, 1);
    top = a.at;
    toy_put(&a, TOY_LL, 5, 2, 0);
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_put(&a, TOY_SC, 6, 2, 5);
    toy_branch(&a, TOY_BNE, 6, 8, top);
    toy_put(&a, TOY_ADDI, 7, 2, 64);
    toy_put(&a, TOY_AMOADD, 9, 7, 8);
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    toy_run(m);
    CHECK_EQ(*toy_word(m, 0x40000), 200000 * CPUS);
    CHECK_EQ(*toy_word(m, 0x40040), 200000 * CPUS);
    toy_machine_free(m);
}

/* 16-byte compare-and-swap: the halves always agree. */
TEST(cas16_contention)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;

    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, 50000);
    top = a.at;
    toy_put(&a, TOY_LD, 6, 2, 0);
    toy_put(&a, TOY_XOR, 7, 7, 7);
    toy_put(&a, TOY_SUB, 7, 7, 6); /* the second half is minus the first */
    toy_put(&a, TOY_ADDI, 8, 6, 1);
    toy_put(&a, TOY_XOR, 9, 9, 9);
    toy_put(&a, TOY_SUB, 9, 9, 8);
    toy_put(&a, TOY_ADDI, 10, 6, 0);
    toy_put(&a, TOY_CAS16, 6, 2, 8);
    toy_branch(&a, TOY_BNE, 6, 10, top);
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    toy_run(m);
    CHECK_EQ(*toy_word(m, 0x40000), 50000 * CPUS);
    CHECK_EQ(*toy_word(m, 0x40008), 0 - 50000ull * CPUS);
    toy_machine_free(m);
}

/* All wait for all, each with a reservation, which outlives the waits. Returns how often they gave
 * their host CPU away. */
static u64 wait_for_all(struct engine_config cfg, enum isa_relax how)
{
    struct toy_machine *m = toy_machine_new(cfg);
    struct toy_asm a = toy_code(m, CODE);
    struct engine_stats s;
    u8 *top;

    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, CPUS);
    toy_li(&a, 8, 1);
    toy_put(&a, TOY_AMOADD, 9, 2, 8);
    top = a.at;
    toy_put(&a, TOY_LL, 5, 2, 0);
    toy_put(&a, TOY_RELAX, 0, 0, (int)how);
    toy_branch(&a, TOY_BNE, 5, 3, top);
    toy_put(&a, TOY_SC, 6, 2, 5);
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    toy_run(m);
    for (unsigned i = 0; i < CPUS; i++)
        CHECK_EQ(state(m, i)->r[6], 1);
    engine_stats_get(m->engine, &s);
    toy_machine_free(m);
    return s.yields;
}

/* A CPU that waits leaves its host CPU to others when there are more of them than host CPUs. */
TEST(waits_give_the_host_away)
{
    struct engine_config cfg = four_cpus;

    cfg.host_cpus = 1;
    CHECK(wait_for_all(cfg, ISA_RELAX_ONCE) >= CPUS - 1);
    CHECK(wait_for_all(cfg, ISA_RELAX_STALL) >= CPUS - 1);
    cfg.deterministic = true;
    CHECK_EQ(wait_for_all(cfg, ISA_RELAX_STALL), 0);
}

/* CPU 0 of `cpus` looks a thousand times, with `work` instructions between; the others are
 * stopped. Returns how often it gave its host CPU away. */
static u64 look_often(unsigned cpus, unsigned work)
{
    struct engine_config cfg = four_cpus;
    struct engine_stats s;
    struct toy_machine *m;
    struct toy_asm a;
    u8 *top;

    cfg.cpus = cpus;
    cfg.host_cpus = cpus;
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    toy_li(&a, 3, 1000);
    top = a.at;
    toy_put(&a, TOY_RELAX, 0, 0, ISA_RELAX_ONCE);
    for (unsigned i = 0; i < work; i++)
        toy_put(&a, TOY_INC, 5, 0, 0);
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    engine_stats_get(m->engine, &s);
    toy_machine_free(m);
    return s.yields;
}

/* With a host CPU for each, only long waits do, and none where there is nobody to wait for. */
TEST(short_waits_keep_the_host)
{
    u64 yields = look_often(CPUS, 0);

    CHECK(yields > 500 && yields < 1000);
    CHECK_EQ(look_often(CPUS, 300), 0);
    CHECK_EQ(look_often(1, 0), 0);
}

/* CPUs that sleep need no host CPU: those awake then have enough. */
TEST(waits_beside_sleepers_keep_the_host)
{
    struct engine_config cfg = four_cpus;
    struct engine_stats before, now;
    struct toy_machine *m;
    struct toy_asm a;
    u8 *top;
    bool kept = false;

    cfg.host_cpus = 1;
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    top = a.at;
    toy_put(&a, TOY_RELAX, 0, 0, ISA_RELAX_ONCE);
    for (unsigned i = 0; i < 300; i++)
        toy_put(&a, TOY_INC, 5, 0, 0);
    toy_branch(&a, TOY_JAL, 2, 0, top);
    toy_reset(m, 0, CODE); /* the others are stopped: asleep in a moment */
    engine_resume(m->engine);
    for (unsigned i = 0; i < 10000 && !kept; i++) {
        engine_stats_get(m->engine, &before);
        usleep(1000);
        engine_stats_get(m->engine, &now);
        kept = now.yields == before.yields && now.insns > before.insns + 1000;
    }
    CHECK(kept);
    toy_machine_free(m);
}

/* All call all, from device callbacks on vCPU threads: nobody waits for ever. */
TEST(calls_cross)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;

    toy_li(&a, 2, TOY_DEV);
    toy_li(&a, 3, 500);
    toy_li(&a, 4, 15);
    top = a.at;
    toy_put(&a, TOY_ST, 4, 2, TOY_DEV_CALL);
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_branch(&a, TOY_BNE, 5, 3, top);
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    toy_run(m);
    CHECK_EQ(m->called, 500 * CPUS * CPUS);
    toy_machine_free(m);
}

static void bump(struct vcpu *c, void *arg)
{
    (void)c;
    __atomic_fetch_add((unsigned *)arg, 1, __ATOMIC_SEQ_CST);
}

static void set_pc(struct vcpu *c, void *arg)
{
    toy_state(c)->pc = (u64)(uintptr_t)arg;
}

/* Calls from outside reach running, waiting, stopped and paused vCPUs; wake starts one. */
TEST(calls_outside_and_wake)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    const u64 all = 15;
    unsigned count = 0;
    ns_t start;

    engine_cpu_call(m->engine, &all, bump, &count); /* paused */
    CHECK_EQ(count, 4);
    toy_branch(&a, TOY_JAL, 2, 0, a.at); /* runs */
    toy_put(&a, TOY_WFI, 0, 0, 0);       /* waits */
    toy_branch(&a, TOY_JAL, 2, 0, a.at - 4);
    a = toy_code(m, 0x2000);
    toy_li(&a, 2, 0x40000);
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_SW, 3, 2, 0);
    toy_branch(&a, TOY_JAL, 2, 0, a.at);
    toy_reset(m, 0, CODE);
    toy_reset(m, 1, CODE + 4);
    engine_resume(m->engine); /* CPUs 2 and 3 are stopped */
    for (unsigned i = 0; i < 200; i++)
        engine_cpu_call(m->engine, &all, bump, &count);
    CHECK_EQ(count, 804);
    engine_cpu(m->engine, 0)->env->everywhere(engine_cpu(m->engine, 0), bump, &count);
    CHECK_EQ(count, 808);
    engine_cpu_wake(m->engine, 2, set_pc, (void *)(uintptr_t)0x2000);
    start = host_clock_monotonic();
    while (!__atomic_load_n((u32 *)(void *)toy_word(m, 0x40000), __ATOMIC_SEQ_CST) &&
           host_clock_monotonic() - start < 10 * NS_PER_SEC)
        ;
    CHECK_EQ(*(u32 *)(void *)toy_word(m, 0x40000), 1);
    engine_pause_request(m->engine);
    engine_pause_wait(m->engine);
    CHECK(engine_cpu(m->engine, 3)->stopped && !engine_cpu(m->engine, 2)->stopped);
    toy_machine_free(m);
}

/* Interrupts sent round in a ring, each waking the next from WFI. */
TEST(irq_ring)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top, *skip;

    toy_li(&a, 2, TOY_DEV);
    toy_li(&a, 3, 500);
    toy_li(&a, 4, 3);
    toy_li(&a, 5, 0x10000);
    top = a.at;
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_put(&a, TOY_ST, 1, 2, TOY_DEV_IRQ); /* own line down: cpu | 0 << 8 */
    toy_put(&a, TOY_ADDI, 6, 1, 1);
    toy_put(&a, TOY_AND, 6, 6, 4);
    toy_put(&a, TOY_ADD, 6, 6, 5);
    toy_put(&a, TOY_ST, 6, 2, TOY_DEV_IRQ); /* the next one's up */
    toy_put(&a, TOY_INC, 7, 0, 0);
    skip = a.at;
    toy_branch(&a, TOY_BNE, 7, 3, top);
    (void)skip;
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    engine_irq_set(m->engine, 0, TOY_IRQ_A, true);
    toy_run(m);
    for (unsigned i = 0; i < CPUS; i++)
        CHECK_EQ(state(m, i)->r[7], 500);
    toy_machine_free(m);
}

TEST(devices_learn_who_asks)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);

    toy_li(&a, 2, TOY_DEV);
    toy_put(&a, TOY_LD, 7, 2, TOY_DEV_WHO);
    toy_put(&a, TOY_ST, 1, 2, TOY_DEV_WHO);
    meet_and_stop(&a, 0x40080);
    reset_all(m, CODE);
    toy_run(m);
    for (unsigned i = 0; i < CPUS; i++) {
        CHECK_EQ(state(m, i)->r[7], i);
        CHECK_EQ(m->who[i], i);
    }
    toy_machine_free(m);
}

TEST(pause_storm)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    struct engine_stats s;
    u64 before[CPUS];
    unsigned moved = 0;

    toy_put(&a, TOY_INC, 2, 0, 0);
    toy_branch(&a, TOY_JAL, 3, 0, a.at - 2);
    a = toy_code(m, 0x2000);
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_branch(&a, TOY_JAL, 3, 0, a.at - 4);
    reset_all(m, CODE);
    toy_reset(m, 3, 0x2000);
    for (unsigned i = 0; i < 300; i++) {
        engine_resume(m->engine);
        if (i % 3 == 0) { /* changes its mind */
            engine_pause_request(m->engine);
            engine_resume(m->engine);
        }
        engine_stats_get(m->engine, &s);
        engine_pause_request(m->engine);
        engine_pause_wait(m->engine);
        for (unsigned c = 0; c < CPUS; c++)
            before[c] = state(m, c)->r[2];
        for (unsigned c = 0; c < CPUS; c++) {
            CHECK_EQ(state(m, c)->r[2], before[c]); /* they hold still */
            CHECK(state(m, c)->pc == CODE || state(m, c)->pc == CODE + 2 ||
                  (c == 3 && state(m, c)->pc - 0x2000 <= 4));
        }
        moved += before[0] > 0;
    }
    /* On a busy host no CPU may have had its turn between two pauses: give them one. */
    for (unsigned i = 0; i < 10000 && moved == 0; i++) {
        engine_resume(m->engine);
        usleep(1000);
        engine_pause_request(m->engine);
        engine_pause_wait(m->engine);
        moved += state(m, 0)->r[2] > 0;
    }
    CHECK(moved > 0); /* it still runs after all that */
    toy_machine_free(m);
}

/* CPU 0 rewrites a routine, fences, and tells the others by a number in memory; they fence
 * and call it. It returns the number it was made for. */
TEST(code_changed_by_another)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    enum { ROUNDS = 100 };
    u8 *top, *wait, *bad;

    /* writer: for i in 1..ROUNDS { routine = addi r2, r9, i; fence; turn = i; wait for done = 2 i }
     */
    toy_li(&a, 3, ROUNDS);
    toy_li(&a, 5, 0x50000); /* routine */
    toy_li(&a, 6, 0x40000); /* turn; done at +64 */
    toy_li(&a, 7, (u64)TOY_ADDI | 0x92 << 8);
    top = a.at;
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_put(&a, TOY_SHLI, 8, 4, 16);
    toy_put(&a, TOY_ADD, 8, 8, 7);
    toy_put(&a, TOY_SW, 8, 5, 0);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_ST, 4, 6, 0);
    toy_put(&a, TOY_ADD, 10, 4, 4);
    wait = a.at;
    toy_put(&a, TOY_LD, 11, 6, 64);
    toy_branch(&a, TOY_BNE, 11, 10, wait);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    toy_stop(&a);
    /* reader */
    a = toy_code(m, 0x2000);
    toy_li(&a, 3, ROUNDS);
    toy_li(&a, 5, 0x50000);
    toy_li(&a, 6, 0x40000);
    toy_li(&a, 7, 0x40040);
    toy_li(&a, 8, 1);
    toy_li(&a, 9, 0);
    top = a.at;
    toy_put(&a, TOY_INC, 4, 0, 0);
    wait = a.at;
    toy_put(&a, TOY_LD, 10, 6, 0);
    toy_branch(&a, TOY_BNE, 10, 4, wait);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_JALR, 12, 5, 0);
    bad = a.at;
    toy_put(&a, TOY_BEQ, 2, 4, 0);
    toy_put(&a, TOY_INC, 13, 0, 0); /* wrong */
    toy_branch_fix(bad, a.at);
    toy_put(&a, TOY_AMOADD, 11, 7, 8);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_branch(&a, TOY_JAL, 12, 0, a.at - 4);
    a = toy_code(m, 0x50000);
    toy_put(&a, TOY_ILLEGAL, 0, 0, 0);
    toy_put(&a, TOY_JALR, 14, 12, 0);
    for (unsigned i = 0; i < 3; i++)
        toy_reset(m, i, i == 0 ? CODE : 0x2000);
    toy_run(m);
    for (unsigned i = 1; i < 3; i++) {
        CHECK_EQ(state(m, i)->r[4], ROUNDS);
        CHECK_EQ(state(m, i)->r[13], 0);
    }
    toy_machine_free(m);
}

/* CPU 0 rewrites a routine as fast as it can, number after number, and counts behind it, all
 * in one block; the others read the count, fence and call: the routine must be as new
 * as that. The page becomes code and data again all the time while CPU 0 has a write
 * entry for it, and the tier translates what is being overwritten. */
TEST(code_rewritten_under_readers)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top, *bad;

    toy_li(&a, 3, 30000);
    toy_li(&a, 5, 0x50000); /* routine */
    toy_li(&a, 6, 0x40000); /* count: an atomic, so that weakly ordered hosts keep the order */
    toy_li(&a, 7, (u64)TOY_ADDI | 0x92 << 8);
    toy_li(&a, 9, 1);
    top = a.at;
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_put(&a, TOY_SHLI, 8, 4, 16);
    toy_put(&a, TOY_ADD, 8, 8, 7);
    for (int i = 0; i < 50; i++)
        toy_put(&a, TOY_MUL, 10, 10, 10);
    toy_put(&a, TOY_SW, 8, 5, 0);
    toy_put(&a, TOY_AMOADD, 11, 6, 9);
    toy_branch(&a, TOY_BNE, 4, 3, top);
    meet_and_stop(&a, 0x40080);
    a = toy_code(m, 0x2000);
    toy_li(&a, 3, 30000);
    toy_li(&a, 5, 0x50000);
    toy_li(&a, 6, 0x40000);
    toy_li(&a, 9, 0);
    toy_li(&a, 13, 0);
    top = a.at;
    toy_put(&a, TOY_LD, 10, 6, 0);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_JALR, 12, 5, 0);
    bad = a.at;
    toy_put(&a, TOY_BLTU, 2, 10, 0);
    toy_put(&a, TOY_INC, 8, 0, 0);
    toy_branch(&a, TOY_BNE, 10, 3, top);
    meet_and_stop(&a, 0x40080);
    toy_branch_fix(bad, a.at); /* too old: notes both and goes on */
    toy_put(&a, TOY_ADDI, 7, 7, 1);
    toy_branch(&a, TOY_JAL, 11, 0, top);
    a = toy_code(m, 0x50000);
    toy_put(&a, TOY_ADDI, 2, 9, 0);
    toy_put(&a, TOY_JALR, 14, 12, 0);
    for (unsigned i = 0; i < CPUS; i++)
        toy_reset(m, i, i == 0 ? CODE : 0x2000);
    toy_run(m);
    for (unsigned i = 1; i < CPUS; i++)
        CHECK_EQ(state(m, i)->r[7], 0);
    toy_machine_free(m);
}

/* CPU 0 is in the middle of a block, with a write entry for a page, when CPU 1 makes code of
 * that page; then CPU 0 stores there unseen. CPU 1's fence must find it. */
TEST(code_written_unseen)
{
    struct toy_machine *m = toy_machine_new(four_cpus);
    struct toy_asm a = toy_code(m, CODE);

    toy_li(&a, 2, 0x50000); /* routine: returns 1, then 2 */
    toy_li(&a, 3, 0x40000); /* flags */
    toy_li(&a, 4, (u64)TOY_ADDI | 0x92 << 8 | 1 << 16);
    toy_li(&a, 5, (u64)TOY_ADDI | 0x92 << 8 | 2 << 16);
    toy_li(&a, 6, TOY_DEV);
    toy_put(&a, TOY_ADDI, 7, 3, 64);
    toy_put(&a, TOY_ADDI, 9, 3, 8);
    toy_put(&a, TOY_SW, 4, 2, 0);
    toy_put(&a, TOY_ST, 6, 3, 0); /* CPU 1 may run it */
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_ST, 7, 6, TOY_DEV_WAIT); /* it has */
    toy_put(&a, TOY_SW, 5, 2, 0);
    toy_put(&a, TOY_AMOADD, 10, 9, 6); /* CPU 1 may run it again */
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_branch(&a, TOY_JAL, 8, 0, a.at - 4);
    a = toy_code(m, 0x2000);
    toy_li(&a, 3, 0x40000);
    toy_li(&a, 5, 0x50000);
    toy_li(&a, 9, 0);
    toy_put(&a, TOY_LD, 6, 3, 0);
    toy_branch(&a, TOY_BEQ, 6, 9, a.at - 4);
    toy_put(&a, TOY_JALR, 12, 5, 0);
    toy_put(&a, TOY_ADDI, 7, 2, 0);
    toy_put(&a, TOY_ST, 5, 3, 64);
    toy_put(&a, TOY_LD, 6, 3, 8);
    toy_branch(&a, TOY_BEQ, 6, 9, a.at - 4);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_JALR, 12, 5, 0);
    toy_put(&a, TOY_ADDI, 8, 2, 0);
    toy_stop(&a);
    a = toy_code(m, 0x50004);
    toy_put(&a, TOY_JALR, 14, 12, 0);
    toy_reset(m, 0, CODE);
    toy_reset(m, 1, 0x2000);
    toy_run(m);
    CHECK_EQ(state(m, 1)->r[7], 1);
    CHECK_EQ(state(m, 1)->r[8], 2);
    toy_machine_free(m);
}

/* Reads the statistics of a machine that runs. */
struct watcher {
    struct engine *engine;
    u64 most;    /* code_bytes */
    bool enough; /* atomic */
};

static void watch_code_bytes(void *arg)
{
    struct watcher *w = arg;
    struct engine_stats s;

    while (!__atomic_load_n(&w->enough, __ATOMIC_ACQUIRE)) {
        engine_stats_get(w->engine, &s);
        if (s.code_bytes > w->most)
            w->most = s.code_bytes;
        usleep(20);
    }
}

/* Much code, a small cache, four vCPUs that flush at random while they run it. The limit holds
 * whenever somebody looks. */
TEST(eviction_and_flush_under_load)
{
    struct engine_config cfg = four_cpus;
    struct watcher w = { 0 };
    struct host_thread watching;
    struct engine_stats s;
    struct err err = { 0 };
    struct toy_machine *m;
    struct toy_asm a;
    u8 *top;

    cfg.code_cache_bytes = 256 * KIB;
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    for (unsigned i = 0; i < 1024; i++)
        *toy_word(m, PT + 8 * i) = (u64)i << 12 | TOY_PTE_ALL;
    *toy_word(m, PT + 8 * 0x8000) = TOY_DEV | TOY_PTE_ALL;
    toy_li(&a, 13, PT);
    toy_put(&a, TOY_SETS, 0, 13, TOY_SYS_PTBASE);
    toy_li(&a, 13, 1);
    toy_put(&a, TOY_SETS, 0, 13, TOY_SYS_PAGING);
    toy_li(&a, 3, 0x200000);
    toy_li(&a, 9, 0x1234567);
    toy_li(&a, 6, 20000);
    toy_li(&a, 11, 0x1ffff0);
    top = a.at;
    toy_put(&a, TOY_SHLI, 8, 9, 13); /* xorshift */
    toy_put(&a, TOY_XOR, 9, 9, 8);
    toy_put(&a, TOY_SHRI, 8, 9, 7);
    toy_put(&a, TOY_XOR, 9, 9, 8);
    toy_put(&a, TOY_SHLI, 8, 9, 17);
    toy_put(&a, TOY_XOR, 9, 9, 8);
    toy_put(&a, TOY_AND, 8, 9, 11);
    toy_put(&a, TOY_ADD, 8, 8, 3);
    toy_put(&a, TOY_JALR, 4, 8, 0);
    toy_put(&a, TOY_SETS, 0, 8, TOY_SYS_FLUSH);
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_branch(&a, TOY_BNE, 5, 6, top);
    toy_li(&a, 15, 0x40080);
    toy_li(&a, 14, 1);
    toy_put(&a, TOY_AMOADD, 13, 15, 14);
    toy_li(&a, 14, CPUS - 1);
    toy_put(&a, TOY_BEQ, 13, 14, 6);
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_branch(&a, TOY_JAL, 13, 0, a.at - 4);
    toy_li(&a, 14, 0x8000000);
    toy_put(&a, TOY_ST, 14, 14, TOY_DEV_STOP);
    toy_branch(&a, TOY_JAL, 13, 0, a.at);
    a = toy_code(m, 0x200000);
    for (unsigned i = 0; i < 0x200000 / 16; i++) {
        toy_put(&a, TOY_ADDI, 2, 2, 1);
        toy_put(&a, TOY_ADDI, 2, 2, 1);
        toy_put(&a, TOY_ADDI, 2, 2, 1);
        toy_put(&a, TOY_JALR, 7, 4, 0);
    }
    reset_all(m, CODE);
    for (unsigned i = 0; i < CPUS; i++)
        state(m, i)->r[9] = 0;
    w.engine = m->engine;
    CHECK_EQ(host_thread_start(&watching, "watcher", watch_code_bytes, &w, &err), 0);
    toy_run(m);
    __atomic_store_n(&w.enough, true, __ATOMIC_RELEASE);
    host_thread_join(&watching);
    engine_stats_get(m->engine, &s);
    for (unsigned i = 0; i < CPUS; i++)
        CHECK_EQ(state(m, i)->r[2], 60000);
    CHECK(s.evictions > 1000);
    CHECK(s.code_bytes <= 256 * KIB && w.most <= 256 * KIB);
    toy_machine_free(m);
}

TEST_MAIN(TEST_CASE(ll_sc_contention), TEST_CASE(cas16_contention),
          TEST_CASE(waits_give_the_host_away), TEST_CASE(short_waits_keep_the_host),
          TEST_CASE(waits_beside_sleepers_keep_the_host), TEST_CASE(calls_cross),
          TEST_CASE(calls_outside_and_wake), TEST_CASE(irq_ring), TEST_CASE(devices_learn_who_asks),
          TEST_CASE(pause_storm), TEST_CASE(code_changed_by_another),
          TEST_CASE(code_rewritten_under_readers), TEST_CASE(code_written_unseen),
          TEST_CASE(eviction_and_flush_under_load))
