/*
 * test_sbi.c - the built-in SBI on an engine of which only the seams are there.
 */
#include "test.h"

#include "engine/core/cpu.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/state.h"
#include "machine/firmware/sbi_private.h"
#include <errno.h>

enum { HARTS = 3, RAM = 0x80000000 };

/* --- the fake engine: harts as structs, calls done at once --- */

static union {
    struct vcpu v;
    u8 room[VCPU_STATE_OFF + sizeof(struct rv_state)];
} harts[HARTS];
static u64 insns;
static unsigned flushes[HARTS], syncs[HARTS];
static gva_t last_flush;
static char console[64];
static int requested;

static void fake_flush(struct vcpu *c, enum isa_tlb_flush what, gva_t va, u32 banks)
{
    flushes[c->index]++;
    last_flush = what == ISA_FLUSH_ALL ? UINT64_MAX : va;
}

static void fake_sync(struct vcpu *c)
{
    syncs[c->index]++;
}

static u64 fake_insns(struct vcpu *c)
{
    return insns;
}

static const struct cpu_env env = { .tlb_flush = fake_flush,
                                    .icache_sync = fake_sync,
                                    .insn_count = fake_insns };

static int fake_reg_get(struct vcpu *c, unsigned n, u64 *out)
{
    *out = rv_state(c)->x[n];
    return 0;
}

static int fake_reg_set(struct vcpu *c, unsigned n, u64 v)
{
    if (n == 65 + 0x14d)
        rv_state(c)->stimecmp = v;
    else
        rv_state(c)->x[n] = v;
    return 0;
}

static void fake_reset(struct vcpu *c, gva_t entry, const u64 *args, unsigned count)
{
    memset(rv_state(c), 0, sizeof(struct rv_state));
    rv_state(c)->pc = entry;
    rv_state(c)->x[10] = args[0];
    rv_state(c)->x[11] = args[1];
    rv_state(c)->priv = count == 3 && args[2] ? RV_S : RV_M;
}

static bool fake_wakes(struct vcpu *c)
{
    return false;
}

static const struct isa isa = { .mmu_banks = 4,
                                .reg_get = fake_reg_get,
                                .reg_set = fake_reg_set,
                                .reset = fake_reset,
                                .wakes = fake_wakes };

struct vcpu *engine_cpu(struct engine *e, unsigned index)
{
    return &harts[index].v;
}

void engine_cpu_wake(struct engine *e, unsigned cpu, void (*prepare)(struct vcpu *c, void *arg),
                     void *arg)
{
    prepare(&harts[cpu].v, arg);
}

void engine_cpu_call(struct engine *e, const u64 *mask, void (*fn)(struct vcpu *c, void *arg),
                     void *arg)
{
    for (unsigned i = 0; i < HARTS; i++)
        if (*mask >> i & 1)
            fn(&harts[i].v, arg);
}

static size_t console_write(void *arg, const u8 *data, size_t len)
{
    strncat(console, (const char *)data, len < 60 ? len : 60);
    return len;
}

static void request(void *arg, enum dev_request what)
{
    requested = (int)what;
}

/* --- the set-up and one call --- */

static struct sbi sbi;
static struct mem_map *map;
static struct mem_ram *ram;

static void start(void)
{
    const struct sbi_host host = { NULL, console_write, request };
    struct err err = { 0 };

    memset(harts, 0, sizeof harts);
    memset(flushes, 0, sizeof flushes);
    memset(syncs, 0, sizeof syncs);
    console[0] = 0;
    requested = -1;
    for (unsigned i = 0; i < HARTS; i++) {
        harts[i].v.isa = &isa;
        harts[i].v.env = &env;
        harts[i].v.index = i;
    }
    map = mem_map_new("test");
    CHECK_EQ(mem_ram_new("ram", MIB, &ram, &err), 0);
    CHECK_EQ(mem_map_add_ram(map, RAM, ram, 0, MIB, false, &err), 0);
    sbi_init(&sbi, &host, NULL, map, HARTS);
    sbi_reset(&sbi, RAM, 0x1234);
}

static void stop(void)
{
    mem_map_free(map);
    mem_ram_free(ram);
}

/* From hart 0; *value is a1. */
static s64 call(u64 ext, u64 fid, u64 a0, u64 a1, u64 a2, u64 a3, u64 *value)
{
    u64 *x = rv_state(&harts[0].v)->x;

    x[10] = a0;
    x[11] = a1;
    x[12] = a2;
    x[13] = a3;
    x[16] = fid;
    x[17] = ext;
    CHECK(sbi_call(&sbi, &harts[0].v));
    if (value)
        *value = x[11];
    return (s64)x[10];
}

enum {
    BASE = 0x10,
    TIME = 0x54494d45,
    IPI = 0x735049,
    RFENCE = 0x52464e43,
    HSM = 0x48534d,
    SRST = 0x53525354,
    PMU = 0x504d55,
    DBCN = 0x4442434e
};

TEST(base)
{
    u64 v = 0;

    start();
    CHECK_EQ(harts[0].v.stopped, 0);
    CHECK_EQ(harts[1].v.stopped, 1);
    CHECK_EQ(rv_state(&harts[0].v)->x[11], 0x1234);
    CHECK_EQ(rv_state(&harts[0].v)->priv, RV_S);
    CHECK_EQ(call(BASE, 0, 0, 0, 0, 0, &v), 0);
    CHECK_EQ(v, 2 << 24);
    CHECK_EQ(call(BASE, 3, HSM, 0, 0, 0, &v), 0);
    CHECK_EQ(v, 1);
    CHECK_EQ(call(BASE, 3, 0x4e41434c, 0, 0, 0, &v), 0); /* NACL */
    CHECK_EQ(v, 0);
    CHECK_EQ(call(0x4e41434c, 0, 0, 0, 0, 0, NULL), (u64)SBI_ERR_NOT_SUPPORTED);
    CHECK_EQ(call(BASE, 99, 0, 0, 0, 0, NULL), (u64)SBI_ERR_NOT_SUPPORTED);
    CHECK_EQ(call(TIME, 0, 777, 0, 0, 0, NULL), 0);
    CHECK_EQ(rv_state(&harts[0].v)->stimecmp, 777);
    stop();
}

TEST(hart_state)
{
    u64 v = 0;

    start();
    CHECK_EQ(call(HSM, 2, 1, 0, 0, 0, &v), 0);
    CHECK_EQ(v, CPU_POWER_OFF);
    CHECK_EQ(call(HSM, 0, 1, 0x1000, 5, 0, NULL), (u64)SBI_ERR_INVALID_ADDRESS);
    CHECK_EQ(call(HSM, 0, HARTS, RAM, 5, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(HSM, 0, 1, RAM + 64, 5, 0, NULL), 0);
    CHECK_EQ(rv_state(&harts[1].v)->pc, RAM + 64);
    CHECK_EQ(rv_state(&harts[1].v)->x[10], 1);
    CHECK_EQ(rv_state(&harts[1].v)->x[11], 5);
    CHECK_EQ(harts[1].v.stopped, 0);
    CHECK_EQ(call(HSM, 0, 1, RAM, 0, 0, NULL), (u64)SBI_ERR_ALREADY_AVAILABLE);
    CHECK_EQ(call(HSM, 2, 1, 0, 0, 0, &v), 0);
    CHECK_EQ(v, CPU_POWER_ON);
    CHECK_EQ(call(HSM, 3, 0x80000000, 0, 0, 0, NULL), (u64)SBI_ERR_NOT_SUPPORTED);
    CHECK_EQ(call(HSM, 3, 0, 0, 0, 0, NULL), 0);
    CHECK_EQ(harts[0].v.waiting, 1);
    call(HSM, 1, 0, 0, 0, 0, NULL);
    CHECK_EQ(harts[0].v.stopped, 1);
    CHECK_EQ(cpu_power_status(&sbi.power, 0), CPU_POWER_OFF);
    stop();
}

TEST(other_harts)
{
    start();
    CHECK_EQ(call(HSM, 0, 1, RAM, 0, 0, NULL), 0);
    CHECK_EQ(call(IPI, 0, 7, 0, 0, 0, NULL), 0); /* hart 2 is stopped */
    CHECK_EQ(rv_state(&harts[1].v)->mip, 2);
    CHECK_EQ(rv_state(&harts[2].v)->mip, 0);
    CHECK_EQ(call(IPI, 0, 8, 0, 0, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(IPI, 0, 1, HARTS, 0, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(IPI, 0, 1ull << 63, 1, 0, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(RFENCE, 0, 0, UINT64_MAX, 0, 0, NULL), 0);
    CHECK_EQ(syncs[0] + syncs[1], 2);
    CHECK_EQ(syncs[2], 0);
    CHECK_EQ(call(RFENCE, 1, 2, 0, 0x12800, 0x1000, NULL), 0); /* touches two pages */
    CHECK_EQ(flushes[1], 2);
    CHECK_EQ(last_flush & ~0xfffull, 0x13000);
    CHECK_EQ(call(RFENCE, 2, 2, 0, 0, UINT64_MAX, NULL), 0);
    CHECK_EQ(flushes[1], 3);
    CHECK_EQ(last_flush, UINT64_MAX);
    CHECK_EQ(call(RFENCE, 1, 2, 0, UINT64_MAX - 10, 100, NULL), (u64)SBI_ERR_INVALID_ADDRESS);
    CHECK_EQ(call(RFENCE, 3, 2, 0, 0, 0, NULL), (u64)SBI_ERR_NOT_SUPPORTED);
    stop();
}

TEST(console_and_reset)
{
    u64 v = 0;

    start();
    CHECK(mem_map_write(map, RAM + 16, "hello", 5));
    CHECK_EQ(call(DBCN, 0, 5, RAM + 16, 0, 0, &v), 0);
    CHECK_EQ(v, 5);
    CHECK_EQ(call(DBCN, 2, '!', 0, 0, 0, NULL), 0);
    CHECK_STR(console, "hello!");
    CHECK_EQ(call(DBCN, 0, 5, RAM + MIB - 2, 0, 0, &v), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(DBCN, 0, 5, RAM, 1, 0, &v), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(call(DBCN, 0, 0, RAM, 0, 0, &v), 0);
    CHECK_EQ(call(SRST, 0, 3, 0, 0, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    CHECK_EQ(requested, -1);
    call(SRST, 0, 1, 0, 0, 0, NULL);
    CHECK_EQ(requested, DEV_REQUEST_RESET);
    CHECK_EQ(harts[0].v.stopped, 1);
    call(SRST, 0, 0, 0, 0, 0, NULL);
    CHECK_EQ(requested, DEV_REQUEST_POWEROFF);
    stop();
}

TEST(counters)
{
    u64 v = 0;

    start();
    insns = 1000;
    CHECK_EQ(call(PMU, 0, 0, 0, 0, 0, &v), 0);
    CHECK_EQ(v, 3);
    CHECK_EQ(call(PMU, 1, 2, 0, 0, 0, &v), 0);
    CHECK_EQ(v, 63 << 12 | 0xc02);
    CHECK_EQ(call(PMU, 1, 1, 0, 0, 0, &v), (u64)SBI_ERR_INVALID_PARAM); /* time */
    CHECK_EQ(call(PMU, 2, 0, 5, 2, 2, &v), 0);                          /* instructions, clear */
    CHECK_EQ(v, 2);
    CHECK_EQ(rv_state(&harts[0].v)->minstret_offset, (u64)-1000);
    CHECK_EQ(call(PMU, 2, 0, 5, 0, 3, &v), (u64)SBI_ERR_NOT_SUPPORTED); /* cache references */
    CHECK_EQ(call(PMU, 3, 2, 1, 1, 50, NULL), 0);
    CHECK_EQ(rv_state(&harts[0].v)->minstret_offset + insns, 50);
    CHECK_EQ(call(PMU, 3, 2, 1, 0, 0, NULL), (u64)SBI_ERR_ALREADY_STARTED);
    CHECK_EQ(call(PMU, 4, 2, 1, 0, 0, NULL), 0);
    CHECK_EQ(call(PMU, 4, 2, 1, 0, 0, NULL), (u64)SBI_ERR_ALREADY_STOPPED);
    CHECK_EQ(call(PMU, 3, 5, 1, 0, 0, NULL), (u64)SBI_ERR_INVALID_PARAM);
    stop();
}

TEST_MAIN(TEST_CASE(base), TEST_CASE(hart_state), TEST_CASE(other_harts),
          TEST_CASE(console_and_reset), TEST_CASE(counters))
