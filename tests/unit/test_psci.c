/*
 * test_psci.c - the built-in PSCI on arm64 CPUs without an engine: another CPU's thread is a wake
 * that waits until the test lets it happen. Numbers are those of DEN 0022 and DEN 0028.
 */
#include "test.h"

#include "machine/firmware/psci.h"

#include "isa/arm64_cpu.h"

enum { CPUS = 18, RAM = 0x40000000 };

static union {
    struct vcpu v;
    u64 room[(VCPU_STATE_OFF + sizeof(struct arm_state)) / 8 + 64];
} cpus[CPUS];
static struct {
    unsigned cpu;
    void (*prepare)(struct vcpu *c, void *arg);
    void *arg;
} woken;
static struct psci psci;
static struct mem_map *map;
static struct mem_ram *ram;
static int requested;

struct vcpu *engine_cpu(struct engine *e, unsigned index)
{
    return &cpus[index].v;
}

void engine_cpu_wake(struct engine *e, unsigned index, void (*prepare)(struct vcpu *c, void *arg),
                     void *arg)
{
    CHECK(!woken.prepare);
    woken.cpu = index;
    woken.prepare = prepare;
    woken.arg = arg;
}

static void wake_up(void)
{
    woken.prepare(&cpus[woken.cpu].v, woken.arg);
    woken.prepare = NULL;
}

static void request(void *arg, enum dev_request what)
{
    requested = (int)what;
}

static void start(void)
{
    const struct psci_host host = { NULL, request };
    struct err err = { 0 };

    memset(cpus, 0, sizeof cpus);
    requested = -1;
    for (unsigned i = 0; i < CPUS; i++) {
        cpus[i].v.isa = &arm64_isa;
        cpus[i].v.env = &cpu_env;
        cpus[i].v.index = i;
    }
    map = mem_map_new("test");
    CHECK_EQ(mem_ram_new("ram", MIB, &ram, &err), 0);
    CHECK_EQ(mem_map_add_ram(map, RAM, ram, 0, MIB, false, &err), 0);
    psci_init(&psci, &host, NULL, map, CPUS);
    psci_reset(&psci, RAM + 0x80000, 0x1234);
}

static void stop(void)
{
    mem_map_free(map);
    mem_ram_free(ram);
}

static u64 *x(unsigned n)
{
    return arm_state(&cpus[n].v)->x;
}

/* From this CPU: the result as a caller of 64-bit code sees it. */
static s64 call_from(unsigned n, u64 id, u64 a, u64 b, u64 d)
{
    x(n)[0] = id;
    x(n)[1] = a;
    x(n)[2] = b;
    x(n)[3] = d;
    CHECK(psci_call(&psci, &cpus[n].v));
    CHECK_EQ(x(n)[1], a); /* SMCCC 1.1: they are kept */
    CHECK_EQ(x(n)[2], b);
    CHECK_EQ(x(n)[3], d);
    return (s64)x(n)[0];
}

static s64 call(u64 id, u64 a, u64 b, u64 d)
{
    return call_from(0, id, a, b, d);
}

enum { SUCCESS = 0, NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, ALREADY_ON = -4 };
enum { INVALID_ADDRESS = -9 };
#define VERSION       0x84000000u
#define CPU_SUSPEND   0xc4000001u
#define CPU_OFF       0x84000002u
#define CPU_ON        0xc4000003u
#define AFFINITY_INFO 0xc4000004u
#define FEATURES      0x8400000au

TEST(first_cpu_alone_runs)
{
    start();
    CHECK_EQ(cpus[0].v.stopped, 0);
    CHECK_EQ(arm_state(&cpus[0].v)->pc, RAM + 0x80000);
    CHECK_EQ(x(0)[0], 0x1234);
    CHECK_EQ(arm_state(&cpus[0].v)->el, 1);
    CHECK_EQ(arm_state(&cpus[0].v)->daif, ARM_DAIF_ALL);
    for (unsigned i = 1; i < CPUS; i++)
        CHECK_EQ(cpus[i].v.stopped, 1);
    stop();
}

TEST(versions_and_features)
{
    static const u32 there[] = { VERSION,    CPU_SUSPEND,   0x84000001, CPU_OFF,    CPU_ON,
                                 0x84000003, AFFINITY_INFO, 0x84000004, 0x84000006, 0x84000008,
                                 0x84000009, FEATURES,      0x80000000 };
    /* MIGRATE, SYSTEM_SUSPEND, PSCI_VERSION of 64 bits, SMCCC_ARCH_FEATURES, what is no call */
    static const u32 missing[] = { 0x84000005, 0x8400000e, 0xc4000000, 0x80000001, 0x04000000, 0 };

    start();
    CHECK_EQ(call(VERSION, 0, 0, 0), 0x10001);
    CHECK_EQ(call(0x80000000, 0, 0, 0), 0x10001);
    for (unsigned i = 0; i < ARRAY_SIZE(there); i++)
        CHECK_EQ(call(FEATURES, there[i], 0, 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        CHECK_EQ(call(FEATURES, missing[i], 0, 0), (u64)NOT_SUPPORTED);
    CHECK_EQ(call(0x80000001, 0x80000000, 0, 0), 0);
    CHECK_EQ(call(0x80000001, 0x80008000, 0, 0), (u64)NOT_SUPPORTED); /* a mitigation */
    CHECK_EQ(call(0x84000006, 0, 0, 0), 2);                           /* nothing to migrate */
    CHECK_EQ(call(0x8400000e, 0, 0, 0), (u64)NOT_SUPPORTED);
    CHECK_EQ(call(0xc4000000, 0, 0, 0), (u64)NOT_SUPPORTED);
    CHECK_EQ(call(0, 0, 0, 0), (u64)NOT_SUPPORTED);
    CHECK_EQ(call(0xffffffff84000000, 0, 0, 0), 0x10001); /* W0 is the number */
    stop();
}

TEST(cpu_is_started)
{
    start();
    CHECK_EQ(call(AFFINITY_INFO, 1, 0, 0), 1);
    CHECK_EQ(call(CPU_ON, 1, 0x1000, 5), (u64)INVALID_ADDRESS);
    CHECK_EQ(call(CPU_ON, 16, RAM, 5), (u64)INVALID_PARAMETERS);
    CHECK_EQ(call(CPU_ON, 0x102, RAM, 5), (u64)INVALID_PARAMETERS);
    CHECK_EQ(call(CPU_ON, 1, RAM + 64, 0x123456789abcdef0), SUCCESS);
    CHECK_EQ(cpus[1].v.stopped, 1);
    CHECK_EQ(call(AFFINITY_INFO, 1, 0, 0), 0); /* from now on */
    CHECK_EQ(call(CPU_ON, 1, RAM, 0), (u64)ALREADY_ON);
    arm_state(&cpus[1].v)->sctlr_el1 |= SCTLR_M;
    wake_up();
    CHECK_EQ(cpus[1].v.stopped, 0);
    CHECK_EQ(arm_state(&cpus[1].v)->pc, RAM + 64);
    CHECK_EQ(arm_state(&cpus[1].v)->el, 1);
    CHECK_EQ(arm_state(&cpus[1].v)->daif, ARM_DAIF_ALL);
    CHECK_EQ(arm_state(&cpus[1].v)->sctlr_el1 & SCTLR_M, 0);
    CHECK_EQ(x(1)[0], 0x123456789abcdef0);
    CHECK_EQ(call(AFFINITY_INFO, 1, 0, 0), 0);
    CHECK_EQ(call(CPU_ON, 1, RAM, 0), (u64)ALREADY_ON);
    stop();
}

/* CPU 17 is number 1 of cluster 1, as its MPIDR_EL1 and the GIC have it. */
TEST(cpu_of_another_cluster)
{
    start();
    CHECK_EQ(arm_do_mrs(&cpus[17].v, mrs(ARM_SYS(3, 0, 0, 0, 5), 0), 0, 0), 0x80000101);
    CHECK_EQ(call(CPU_ON, 0x101, RAM, 7), SUCCESS);
    CHECK_EQ(woken.cpu, 17);
    wake_up();
    CHECK_EQ(x(17)[0], 7);
    CHECK_EQ(call(AFFINITY_INFO, 0x101, 0, 0), 0);
    CHECK_EQ(call(AFFINITY_INFO, 0x100, 1, 0), (u64)INVALID_PARAMETERS); /* a whole cluster */
    stop();
}

/* Callers of 32-bit functions leave anything in the upper halves. */
TEST(narrow_arguments)
{
    start();
    CHECK_EQ(call(0x84000003, 0xdead00000002, 0xdead00000000 | RAM, 0xdead00000003), SUCCESS);
    wake_up();
    CHECK_EQ(arm_state(&cpus[2].v)->pc, RAM);
    CHECK_EQ(x(2)[0], 3);
    CHECK_EQ(call(0x84000004, 0xdead00000002, 0xdead00000000, 0), 0);
    CHECK_EQ(call(CPU_ON, 0xdead00000003, RAM, 0), (u64)INVALID_PARAMETERS);
    stop();
}

TEST(cpu_stops_itself)
{
    start();
    CHECK_EQ(call(CPU_ON, 1, RAM, 0), SUCCESS);
    wake_up();
    call_from(1, CPU_OFF, 0, 0, 0);
    CHECK_EQ(cpus[1].v.stopped, 1);
    CHECK_EQ(call(AFFINITY_INFO, 1, 0, 0), 1);
    CHECK_EQ(call(CPU_ON, 1, RAM + 8, 9), SUCCESS);
    wake_up();
    CHECK_EQ(cpus[1].v.stopped, 0);
    CHECK_EQ(x(1)[0], 9);
    stop();
}

TEST(standby)
{
    start();
    CHECK_EQ(call(CPU_SUSPEND, 1 << 16, RAM, 0), (u64)INVALID_PARAMETERS); /* power-down */
    CHECK_EQ(call(CPU_SUSPEND, 1 << 26, 0, 0), (u64)INVALID_PARAMETERS);
    CHECK_EQ(cpus[0].v.waiting, 0);
    CHECK_EQ(call(CPU_SUSPEND, 0, 0, 0), SUCCESS);
    CHECK_EQ(cpus[0].v.waiting, 1);
    cpus[0].v.waiting = false;
    cpus[0].v.irq_lines = 1; /* one that is pending is no wait */
    CHECK_EQ(call(CPU_SUSPEND, 0, 0, 0), SUCCESS);
    CHECK_EQ(cpus[0].v.waiting, 0);
    stop();
}

TEST(machine_ends)
{
    start();
    call(0x84000008, 0, 0, 0);
    CHECK_EQ(requested, DEV_REQUEST_POWEROFF);
    CHECK_EQ(cpus[0].v.stopped, 1);
    stop();
    start();
    call(0x84000009, 0, 0, 0);
    CHECK_EQ(requested, DEV_REQUEST_RESET);
    CHECK_EQ(cpus[0].v.stopped, 1);
    stop();
}

TEST(loaded_state_counts)
{
    start();
    cpus[3].v.stopped = false;
    psci_loaded(&psci);
    CHECK_EQ(call(AFFINITY_INFO, 3, 0, 0), 0);
    CHECK_EQ(call(AFFINITY_INFO, 4, 0, 0), 1);
    stop();
}

TEST_MAIN(TEST_CASE(first_cpu_alone_runs), TEST_CASE(versions_and_features),
          TEST_CASE(cpu_is_started), TEST_CASE(cpu_of_another_cluster), TEST_CASE(narrow_arguments),
          TEST_CASE(cpu_stops_itself), TEST_CASE(standby), TEST_CASE(machine_ends),
          TEST_CASE(loaded_state_counts))
