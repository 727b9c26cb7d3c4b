/*
 * test_arm64_pmu.c - the performance monitors (D13): what counts when, chains of counters, overflow
 * interrupts and when they are looked for; what EL2 keeps for itself.
 */
#include "test.h"

#include "arm64_cpu.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/trap.h"

enum { INST_RETIRED = 8, CPU_CYCLES = 0x11, CHAIN = 0x1e, SW_INCR = 0 };
enum { E = 1, P = 2, C = 4 };
#define PMCR          ARM_SYS(3, 3, 9, 12, 0)
#define PMCNTENSET    ARM_SYS(3, 3, 9, 12, 1)
#define PMCNTENCLR    ARM_SYS(3, 3, 9, 12, 2)
#define PMOVSCLR      ARM_SYS(3, 3, 9, 12, 3)
#define PMSWINC       ARM_SYS(3, 3, 9, 12, 4)
#define PMCCNTR       ARM_SYS(3, 3, 9, 13, 0)
#define PMOVSSET      ARM_SYS(3, 3, 9, 14, 3)
#define PMINTENSET    ARM_SYS(3, 0, 9, 14, 1)
#define PMEVCNTR(n)   ARM_SYS(3, 3, 14, 8, n)
#define PMEVTYPER(n)  ARM_SYS(3, 3, 14, 12, n)
#define CYCLE_COUNTER (1ull << 31)

static void start(void)
{
    cpu_reset();
    state()->vbar_el1 = 0x800;
    write_register(PMCR, E);
}

/* At EL0 from now on, or back at EL1 by an exception. */
static void to_el0(void)
{
    write_register(ARM_SYS(3, 0, 4, 0, 0), 0x3c0); /* SPSR_EL1 */
    arm_do_eret(&cpu.v, 0, 0, 0);
    CHECK_EQ(state()->el, 0);
}

static void to_el1(void)
{
    vcpu_raise(&cpu.v, ARM_EC_SVC, 0);
    arm_trap_exception(&cpu.v);
    CHECK_EQ(state()->el, 1);
}

static void run(u64 insns, u64 ns)
{
    retired += insns;
    now += ns;
}

TEST(events_and_cycles)
{
    start();
    write_register(PMEVTYPER(1), INST_RETIRED);
    write_register(PMEVTYPER(2), CPU_CYCLES);
    write_register(PMCNTENSET, 6 | CYCLE_COUNTER);
    run(1000, 5000);
    CHECK_EQ(read_register(PMEVCNTR(1)), 1000);
    CHECK_EQ(read_register(PMEVCNTR(2)), 5000);
    CHECK_EQ(read_register(PMCCNTR), 5000);
    write_register(PMCNTENCLR, 2);
    run(10, 70);
    CHECK_EQ(read_register(PMEVCNTR(1)), 1000);
    CHECK_EQ(read_register(PMCCNTR), 5070);
    write_register(PMCR, 0);
    run(10, 70);
    CHECK_EQ(read_register(PMCCNTR), 5070);
    write_register(PMCR, E | P);
    CHECK_EQ(read_register(PMEVCNTR(1)), 0);
    CHECK_EQ(read_register(PMCCNTR), 5070);
    write_register(PMCR, E | C);
    CHECK_EQ(read_register(PMCCNTR), 0);
    CHECK_EQ(read_register(PMCR), E | 1 << 6 | 6 << 11); /* LC, N */
}

/* P and U: not at EL1, not at EL0. */
TEST(filters)
{
    start();
    write_register(PMEVTYPER(0), INST_RETIRED | 1ull << 31);
    write_register(PMEVTYPER(1), INST_RETIRED | 1ull << 30);
    write_register(PMEVTYPER(2), INST_RETIRED);
    write_register(PMCNTENSET, 7);
    run(100, 0);
    to_el0();
    run(20, 0);
    to_el1();
    run(3, 0);
    CHECK_EQ(read_register(PMEVCNTR(0)), 20);
    CHECK_EQ(read_register(PMEVCNTR(1)), 103);
    CHECK_EQ(read_register(PMEVCNTR(2)), 123);
}

/* An even counter that overflows counts in the odd one behind it. */
TEST(chains)
{
    start();
    write_register(PMEVTYPER(2), INST_RETIRED);
    write_register(PMEVTYPER(3), CHAIN);
    write_register(PMEVCNTR(2), 0xfffffff0);
    write_register(PMEVCNTR(3), 0xffffffff);
    write_register(PMCNTENSET, 4);
    run(0x20, 0);
    CHECK_EQ(read_register(PMEVCNTR(2)), 0x10);
    CHECK_EQ(read_register(PMEVCNTR(3)), 0xffffffff); /* it is not enabled */
    CHECK_EQ(read_register(PMOVSSET), 4);
    write_register(PMOVSCLR, 4);
    write_register(PMCNTENSET, 8);
    write_register(PMEVCNTR(2), 0xffffffff);
    run(1, 0);
    CHECK_EQ(read_register(PMEVCNTR(3)), 0);
    CHECK_EQ(read_register(PMOVSSET), 12);
    /* one that software counts; and none in front of an even one */
    write_register(PMEVTYPER(1), SW_INCR);
    write_register(PMEVTYPER(2), CHAIN);
    write_register(PMEVCNTR(1), 0xffffffff);
    write_register(PMEVCNTR(2), 7);
    write_register(PMCNTENSET, 2);
    write_register(PMSWINC, 63);
    CHECK_EQ(read_register(PMEVCNTR(1)), 0);
    CHECK_EQ(read_register(PMEVCNTR(2)), 7);
}

static bool line(void)
{
    return ppi_levels >> ARM_PPI_PMU & 1;
}

/* The interrupt comes when a counter overflows, which is looked for on time, and goes with the
 * cause. */
TEST(interrupts)
{
    start();
    now = 1000;
    write_register(PMCCNTR, UINT64_MAX - 499);
    write_register(PMCNTENSET, CYCLE_COUNTER);
    CHECK_EQ(deadline, UINT64_MAX);
    write_register(PMINTENSET, CYCLE_COUNTER);
    CHECK_EQ(deadline, 1500);
    run(0, 499);
    arm64_isa.timer_expired(&cpu.v);
    CHECK(!line());
    run(0, 1);
    arm64_isa.timer_expired(&cpu.v);
    CHECK(line());
    write_register(PMCR, 0);
    CHECK(!line());
    write_register(PMCR, E);
    CHECK(line());
    write_register(PMOVSCLR, CYCLE_COUNTER);
    CHECK(!line());
    /* Instructions: not later than 10 us after, however fast they go. */
    write_register(PMCNTENCLR, CYCLE_COUNTER);
    CHECK_EQ(deadline, UINT64_MAX);
    write_register(PMEVTYPER(5), INST_RETIRED);
    write_register(PMEVCNTR(5), 0xffffffff - 79999);
    write_register(PMINTENSET, 32);
    write_register(PMCNTENSET, 32);
    CHECK_EQ(deadline, now + 20000);
    run(80000, 20000);
    arm64_isa.timer_expired(&cpu.v);
    CHECK(line());
}

/* A chain's upper half is waited for by its lower one. */
TEST(a_chain_is_awaited)
{
    start();
    write_register(PMEVTYPER(0), CPU_CYCLES);
    write_register(PMEVTYPER(1), CHAIN);
    write_register(PMEVCNTR(0), 0xffffff00);
    write_register(PMEVCNTR(1), 0xffffffff);
    write_register(PMINTENSET, 2);
    write_register(PMCNTENSET, 3);
    CHECK_EQ(deadline, now + 256);
    run(1, 256);
    arm64_isa.timer_expired(&cpu.v);
    CHECK(line());
}

/* MDCR_EL2.HPMN divides the counters; those behind are EL2's, by HPME. */
TEST(el2_keeps_some)
{
    start();
    state()->has_el2 = 1;
    state()->el = 2;
    CHECK_EQ(read_register(PMCR) >> 11 & 31, 6);
    write_register(ARM_SYS(3, 4, 1, 1, 1), 2 | MDCR_HPME);
    for (unsigned n = 0; n < 4; n++)
        write_register(PMEVTYPER(n), INST_RETIRED | 1ull << 27);
    write_register(PMCNTENSET, 15);
    write_register(PMCR, 0);
    run(5, 0);
    CHECK_EQ(read_register(PMEVCNTR(1)), 0);
    CHECK_EQ(read_register(PMEVCNTR(2)), 5);
    write_register(PMCR, E);
    run(5, 0);
    CHECK_EQ(read_register(PMEVCNTR(1)), 5);
    CHECK_EQ(read_register(PMEVCNTR(2)), 10);
    /* HPMD: EL1's do not count here */
    write_register(ARM_SYS(3, 4, 1, 1, 1), 2 | MDCR_HPME | MDCR_HPMD);
    run(5, 0);
    CHECK_EQ(read_register(PMEVCNTR(1)), 5);
    CHECK_EQ(read_register(PMEVCNTR(2)), 15);
    write_register(PMEVTYPER(3), INST_RETIRED); /* without NSH */
    run(5, 0);
    CHECK_EQ(read_register(PMEVCNTR(3)), 15);
    state()->el = 1;
    CHECK_EQ(read_register(PMCR) >> 11 & 31, 2);
    CHECK_EQ(read_register(PMCNTENSET), 3);
    CHECK_EQ(read_register(PMEVCNTR(3)), 0);
    write_register(PMCR, E | P);
    state()->el = 2;
    CHECK_EQ(read_register(PMEVCNTR(1)), 0);
    CHECK_EQ(read_register(PMEVCNTR(3)), 15);
}

/* cortex-a57 is of PMUv3: ten bits of events, and none of them stalls. */
TEST(models)
{
    start();
    write_register(PMEVTYPER(0), ~0ull);
    CHECK_EQ(read_register(PMEVTYPER(0)), 0xc000ffff);
    CHECK_EQ(read_register(ARM_SYS(3, 3, 9, 12, 6)), 1 | 1 << 8 | 1 << 17 | 1 << 30);
    CHECK_EQ(read_register(ARM_SYS(3, 3, 9, 12, 7)), 3 << 3);
    cpu.v.model = 2;
    CHECK_STR(arm64_models[cpu.v.model], "cortex-a57");
    write_register(PMEVTYPER(0), ~0ull);
    CHECK_EQ(read_register(PMEVTYPER(0)), 0xc00003ff);
    CHECK_EQ(read_register(ARM_SYS(3, 3, 9, 12, 7)), 0);
    CHECK_EQ(read_register(ARM_SYS(3, 0, 0, 5, 0)) >> 8 & 15, 1);
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = {
        TEST_CASE(events_and_cycles),
        TEST_CASE(filters),
        TEST_CASE(chains),
        TEST_CASE(interrupts),
        TEST_CASE(a_chain_is_awaited),
        TEST_CASE(el2_keeps_some),
        TEST_CASE(models),
    };

    return test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
}
