/* test_engine_det.c - deterministic mode: runs are equal, events come at exact counts. */
#include "toy_isa.h"

#include "base/bits.h"
#include "engine/core/cpu.h"
#include "host/clock.h"
#include "test.h"

enum { CODE = 0x1000, CPUS = 3 };

static struct toy_state *state(struct toy_machine *m, unsigned cpu)
{
    return toy_state(engine_cpu(m->engine, cpu));
}

static struct toy_machine *machine(unsigned cpus, u64 quantum)
{
    return toy_machine_new((struct engine_config){
        .cpus = cpus, .tier = ENGINE_INTERP, .deterministic = true, .quantum = quantum });
}

static void set_sys(struct toy_asm *a, enum toy_sys n, u64 v)
{
    toy_li(a, 13, v);
    toy_put(a, TOY_SETS, 0, 13, n);
}

/* Time is the count: as code sees it, and as a device sees it. */
TEST(time_is_count)
{
    struct toy_machine *m = machine(1, 1000);
    struct toy_asm a = toy_code(m, CODE);

    toy_li(&a, 2, TOY_DEV);
    for (int i = 0; i < 20; i++)
        toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_GETS, 4, 0, TOY_SYS_COUNT);
    toy_put(&a, TOY_GETS, 5, 0, TOY_SYS_TIME);
    toy_put(&a, TOY_LD, 6, 2, TOY_DEV_CLOCK);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[5], state(m, 0)->r[4] + 1);
    CHECK_EQ(state(m, 0)->r[6], state(m, 0)->r[4] + 2);
    toy_machine_free(m);
}

/* The timer's interrupt is taken after exactly the deadline's count, whatever the blocks. */
TEST(timer_exact)
{
    for (u64 deadline = 200; deadline < 260; deadline++) {
        struct toy_machine *m = machine(1, 1000);
        struct toy_asm a = toy_code(m, CODE);

        set_sys(&a, TOY_SYS_TVEC, 0x800);
        set_sys(&a, TOY_SYS_TIMER, deadline);
        set_sys(&a, TOY_SYS_IE, 1);
        for (int i = 0; i < 300; i++)
            toy_put(&a, TOY_INC, 3, 0, 0);
        a = toy_code(m, 0x800);
        toy_put(&a, TOY_GETS, 4, 0, TOY_SYS_COUNT);
        toy_stop(&a);
        toy_reset(m, 0, CODE);
        toy_run(m);
        if (!CHECK_EQ(state(m, 0)->r[4], deadline))
            deadline = 1000;
        toy_machine_free(m);
    }
}

/* All wait: time jumps to the deadline, and no real time passes. */
TEST(wfi_jumps)
{
    struct toy_machine *m = machine(CPUS, 1000);
    struct toy_asm a = toy_code(m, CODE);
    ns_t start = host_clock_monotonic();

    set_sys(&a, TOY_SYS_TIMER, 3600 * NS_PER_SEC);
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_put(&a, TOY_GETS, 4, 0, TOY_SYS_TIME);
    toy_put(&a, TOY_GETS, 5, 0, TOY_SYS_COUNT);
    toy_stop(&a);
    for (unsigned i = 0; i < CPUS; i++)
        toy_reset(m, i, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 3600 * NS_PER_SEC);
    CHECK(state(m, 0)->r[5] < 100);
    CHECK(host_clock_monotonic() - start < 60 * NS_PER_SEC);
    toy_machine_free(m);
}

static u64 mix(u64 h, u64 v)
{
    return (h ^ v) * 0x9e3779b97f4a7c15ull ^ h >> 29;
}

static u64 machine_hash(struct toy_machine *m, unsigned cpus)
{
    u64 h = 1;

    for (unsigned i = 0; i < cpus; i++) {
        const u64 *s = (const u64 *)(const void *)state(m, i);

        for (unsigned w = 0; w < 33; w++)
            h = mix(h, s[w]);
        h = mix(h, engine_insns(m->engine, i));
    }
    for (u64 at = 0; at < TOY_RAM_SIZE; at += 8)
        h = mix(h, *toy_word(m, at));
    return mix(h, engine_clock(m->engine));
}

/* Three CPUs that race for a lock, count under it, take timers and send interrupts. */
static void racing_program(struct toy_machine *m)
{
    struct toy_asm a = toy_code(m, CODE);
    u8 *top, *again;

    set_sys(&a, TOY_SYS_TVEC, 0x800);
    set_sys(&a, TOY_SYS_TIMER, 777);
    set_sys(&a, TOY_SYS_IE, 1);
    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, 0x50000);
    toy_li(&a, 8, 1);
    toy_li(&a, 10, TOY_DEV);
    toy_li(&a, 11, 0x10000);
    top = a.at;
    again = a.at;
    toy_put(&a, TOY_LL, 5, 2, 0);
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_put(&a, TOY_SC, 6, 2, 5);
    toy_branch(&a, TOY_BNE, 6, 8, again);
    toy_put(&a, TOY_SHLI, 6, 5, 50); /* log who was the n-th */
    toy_put(&a, TOY_SHRI, 6, 6, 47);
    toy_put(&a, TOY_ADD, 6, 6, 3);
    toy_put(&a, TOY_ST, 1, 6, 0);
    toy_put(&a, TOY_ST, 11, 10, TOY_DEV_IRQ); /* CPU 0, line A */
    toy_branch(&a, TOY_JAL, 9, 0, top);
    a = toy_code(m, 0x800);
    toy_put(&a, TOY_INC, 7, 0, 0);
    toy_put(&a, TOY_GETS, 12, 0, TOY_SYS_TIME);
    toy_put(&a, TOY_ADD, 15, 15, 12);
    toy_put(&a, TOY_MUL, 15, 15, 12);
    toy_put(&a, TOY_ADDI, 12, 12, 901);
    toy_put(&a, TOY_SETS, 0, 12, TOY_SYS_TIMER);
    toy_put(&a, TOY_XOR, 12, 12, 12);
    toy_put(&a, TOY_ST, 12, 10, TOY_DEV_IRQ); /* line A of CPU 0 down */
    toy_put(&a, TOY_ERET, 0, 0, 0);
    for (unsigned i = 0; i < CPUS; i++)
        toy_reset(m, i, CODE);
}

static u64 racing_run(const u64 *stops, unsigned count)
{
    struct toy_machine *m = machine(CPUS, 1000);
    u64 h;

    racing_program(m);
    for (unsigned i = 0; i < count; i++) {
        engine_stop_at(m->engine, stops[i]);
        toy_run(m);
        CHECK_EQ(engine_insns(m->engine, 0), stops[i]);
    }
    CHECK(state(m, 0)->r[7] > 10);
    h = machine_hash(m, CPUS);
    toy_machine_free(m);
    return h;
}

TEST(runs_are_equal)
{
    static const u64 once[] = { 300017 };
    u64 first = racing_run(once, 1);

    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(racing_run(once, 1), first);
}

/* Another quantum is another interleaving: the test above can see a difference. */
TEST(quantum_matters)
{
    struct toy_machine *m = machine(CPUS, 999);
    static const u64 once[] = { 300017 };

    racing_program(m);
    engine_stop_at(m->engine, once[0]);
    toy_run(m);
    CHECK(machine_hash(m, CPUS) != racing_run(once, 1));
    toy_machine_free(m);
}

/* Pauses and calls from outside, at moments that nobody controls, change nothing. */
static void nothing(struct vcpu *c, void *arg)
{
    (void)c;
    (void)arg;
}

TEST(outside_changes_nothing)
{
    static const u64 once[] = { 2000011 };
    u64 want = racing_run(once, 1);
    struct toy_machine *m = machine(CPUS, 1000);
    const u64 all = 7;

    racing_program(m);
    engine_stop_at(m->engine, once[0]);
    engine_resume(m->engine);
    for (unsigned i = 0; i < 50; i++) {
        engine_pause_request(m->engine);
        engine_pause_wait(m->engine);
        if (engine_insns(m->engine, 0) == once[0])
            break;
        engine_resume(m->engine);
        engine_cpu_call(m->engine, &all, nothing, NULL);
    }
    if (engine_insns(m->engine, 0) < once[0])
        toy_run(m);
    CHECK_EQ(machine_hash(m, CPUS), want);
    toy_machine_free(m);
}

TEST_MAIN(TEST_CASE(time_is_count), TEST_CASE(timer_exact), TEST_CASE(wfi_jumps),
          TEST_CASE(runs_are_equal), TEST_CASE(quantum_matters), TEST_CASE(outside_changes_nothing))
