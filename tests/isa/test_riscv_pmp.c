/* test_riscv_pmp.c - what physical memory protection lets an access do that it matches in part. */
#include "base/bits.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/mmu.h"
#include "test.h"

enum { R = 1, W = 2, X = 4, RWX = 7, TOR = 1 << 3, NA4 = 2 << 3, NAPOT = 3 << 3, LOCK = 0x80 };
#define BASE 0x80000000ull
#define PAGE 4096ull

/* pmpaddr of `size` bytes at `at`; size a power of two, at least 8. */
#define NAPOT_ADDR(at, size) (((at) | ((size) / 2 - 1)) >> 2)

static union {
    struct vcpu v;
    u64 room[(VCPU_STATE_OFF + sizeof(struct rv_state) + 16 + sizeof(struct rv_tables)) / 8 + 1];
} hart;

static void rules_clear(void)
{
    memset(&hart, 0, sizeof hart);
}

static void rule(unsigned entry, u8 cfg, u64 addr)
{
    struct rv_state *s = rv_state(&hart.v);

    s->pmpcfg[entry] = cfg;
    s->pmpaddr[entry] = addr;
}

/* Does the access succeed? Without address translation, so that va is the physical one. */
static bool may(enum isa_access access, unsigned bank, gva_t va, unsigned size)
{
    struct isa_xlate x;
    struct isa_fault fault;

    if (riscv_isa.translate(&hart.v, va, size, access, bank, &x, &fault))
        return false;
    CHECK(x.perm >> access & 1);
    CHECK_EQ(x.gpa, va);
    return true;
}

/* Do the engine's tables remember the page for all accesses? */
static bool remembered(unsigned bank, gva_t va)
{
    struct isa_xlate x = { .no_tlb = true };
    struct isa_fault fault;

    return !riscv_isa.translate(&hart.v, va, 1, ISA_READ, bank, &x, &fault) && !x.no_tlb;
}

/* An access that the deciding entry matches in part fails, whatever it or another allows. */
TEST(na4_in_part)
{
    rules_clear();
    rule(0, NA4 | RWX, (BASE + 8) >> 2);
    rule(1, NAPOT | RWX, NAPOT_ADDR(BASE, PAGE));
    CHECK(may(ISA_READ, RV_BANK_S, BASE, 8));
    CHECK(may(ISA_READ, RV_BANK_S, BASE + 8, 4));
    CHECK(may(ISA_WRITE, RV_BANK_S, BASE + 10, 2));
    CHECK(!may(ISA_READ, RV_BANK_S, BASE + 8, 8));
    CHECK(!may(ISA_WRITE, RV_BANK_S, BASE + 4, 8));
    CHECK(!may(ISA_WRITE, RV_BANK_S, BASE + 6, 4));
    CHECK(!may(ISA_READ, RV_BANK_S, BASE + 6, 8)); /* all of it, and more */
    CHECK(may(ISA_READ, RV_BANK_S, BASE + 12, 8));
    CHECK(!remembered(RV_BANK_S, BASE));
    CHECK(!remembered(RV_BANK_S, BASE + PAGE - 8));
}

TEST(tor_in_part)
{
    rules_clear();
    rule(0, 0, (BASE + 0x100) >> 2);
    rule(1, TOR | R, (BASE + 0x204) >> 2);
    rule(2, TOR | RWX, (BASE + 2 * PAGE) >> 2);
    CHECK(may(ISA_READ, RV_BANK_U, BASE + 0x100, 8));
    CHECK(may(ISA_READ, RV_BANK_U, BASE + 0x1fc, 8));
    CHECK(!may(ISA_READ, RV_BANK_U, BASE + 0x200, 8));
    CHECK(!may(ISA_WRITE, RV_BANK_U, BASE + 0x200, 4));
    CHECK(may(ISA_WRITE, RV_BANK_U, BASE + 0x204, 8));
    CHECK(!may(ISA_READ, RV_BANK_U, BASE + 0xfc, 4)); /* no entry */
    CHECK(!remembered(RV_BANK_U, BASE + 0x100));
    CHECK(remembered(RV_BANK_U, BASE + PAGE)); /* entry 2 alone */
}

TEST(napot_in_part)
{
    rules_clear();
    rule(3, NAPOT | R | W, NAPOT_ADDR(BASE + 0x40, 16ull));
    rule(4, NAPOT | RWX, NAPOT_ADDR(BASE, 2 * PAGE));
    CHECK(may(ISA_WRITE, RV_BANK_S, BASE + 0x40, 16));
    CHECK(!may(ISA_WRITE, RV_BANK_S, BASE + 0x48, 16));
    CHECK(!may(ISA_FETCH, RV_BANK_S, BASE + 0x44, 2));
    CHECK(may(ISA_FETCH, RV_BANK_S, BASE + 0x50, 4));
    CHECK(!may(ISA_FETCH, RV_BANK_S, BASE + 0x3e, 4));
    CHECK(remembered(RV_BANK_S, BASE + PAGE));
}

/* Machine mode needs no entry, and passes over one that is not locked: but not half of one. */
TEST(machine_mode)
{
    rules_clear();
    rule(0, NA4, (BASE + 8) >> 2);
    rule(1, NA4 | LOCK | R, (BASE + 16) >> 2);
    CHECK(may(ISA_WRITE, RV_BANK_M, BASE, 8));
    CHECK(may(ISA_WRITE, RV_BANK_M, BASE + 8, 4));
    CHECK(!may(ISA_WRITE, RV_BANK_M, BASE + 8, 8));
    CHECK(!may(ISA_READ, RV_BANK_M, BASE + 4, 8));
    CHECK(may(ISA_READ, RV_BANK_M, BASE + 16, 4));
    CHECK(!may(ISA_WRITE, RV_BANK_M, BASE + 16, 4));
    CHECK(!may(ISA_READ, RV_BANK_M, BASE + 16, 8));
    CHECK(remembered(RV_BANK_M, BASE + PAGE));
}

/* An earlier entry that covers the page hides what later ones split. */
TEST(earlier_entry)
{
    rules_clear();
    rule(0, NAPOT | R, NAPOT_ADDR(BASE, PAGE));
    rule(1, NA4 | RWX, (BASE + 8) >> 2);
    CHECK(may(ISA_READ, RV_BANK_S, BASE + 4, 8));
    CHECK(!may(ISA_WRITE, RV_BANK_S, BASE + 8, 4));
    CHECK(remembered(RV_BANK_S, BASE));
}

TEST_MAIN(TEST_CASE(na4_in_part), TEST_CASE(tor_in_part), TEST_CASE(napot_in_part),
          TEST_CASE(machine_mode), TEST_CASE(earlier_entry))
