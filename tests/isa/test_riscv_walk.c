/* test_riscv_walk.c - page walks: how many entries one reads, and that none is read too seldom. */
#include "base/bits.h"
#include "isa/riscv/csr.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/mmu.h"
#include "test.h"
#include <errno.h>

enum { V = 1, R = 2, W = 4, X = 8, G = 32, A = 64, D = 128, LEAF = V | R | W | X | A | D };
enum { ROOT, MIDDLE, LAST, OTHER, PAGES };
#define BASE 0x80000000ull
#define PAGE 4096ull

static union {
    struct vcpu v;
    u64 room[(VCPU_STATE_OFF + sizeof(struct rv_state) + 16 + sizeof(struct rv_tables)) / 8 + 1];
} hart;
static u64 memory[PAGES][512];
static unsigned loads;

static int load(struct vcpu *c, gpa_t gpa, unsigned size, u64 *out)
{
    if (gpa - BASE >= sizeof memory || size != 8)
        return -EFAULT;
    *out = memory[(gpa - BASE) / PAGE][gpa % PAGE / 8];
    loads++;
    return 0;
}

static const struct cpu_env env = { .phys_load = load };

static u64 entry(gpa_t to, u64 bits)
{
    return to >> 12 << 10 | bits;
}

static u64 satp(unsigned root)
{
    return 8ull << 60 | (BASE + root * PAGE) >> 12;
}

/* Sv39: two tables of the last level behind one root; the first 2 MiB by LAST, the next by OTHER.
 */
static void tables_make(void)
{
    struct rv_state *s = rv_state(&hart.v);

    memset(&hart, 0, sizeof hart);
    memset(memory, 0, sizeof memory);
    hart.v.isa = &riscv_isa;
    hart.v.env = &env;
    s->satp = satp(ROOT);
    s->pmpcfg[0] = 0x1f;
    s->pmpaddr[0] = bits_mask(54);
    memory[ROOT][0] = entry(BASE + MIDDLE * PAGE, V);
    memory[MIDDLE][0] = entry(BASE + LAST * PAGE, V);
    memory[MIDDLE][1] = entry(BASE + OTHER * PAGE, V | G);
    for (unsigned i = 0; i < 512; i++) {
        memory[LAST][i] = entry((0x1000 + i) * PAGE, LEAF);
        memory[OTHER][i] = entry((0x2000 + i) * PAGE, LEAF);
    }
}

/* The physical page of va for S-mode, or 0 for a fault. */
static u64 page_of(gva_t va, bool *global)
{
    struct isa_xlate x;
    struct isa_fault fault;

    loads = 0;
    if (riscv_isa.translate(&hart.v, va, 1, ISA_READ, RV_BANK_S, &x, &fault))
        return 0;
    if (global)
        *global = x.global;
    return x.gpa / PAGE;
}

/* A second walk near the first reads the leaf alone, and finds what a whole one finds. */
TEST(near_walks_are_short)
{
    bool global = true;

    tables_make();
    CHECK_EQ(page_of(5 * PAGE, &global), 0x1005);
    CHECK_EQ(loads, 3);
    CHECK(!global);
    CHECK_EQ(page_of(6 * PAGE, &global), 0x1006);
    CHECK_EQ(loads, 1);
    CHECK(!global);
    CHECK_EQ(page_of(2 * MIB + PAGE, &global), 0x2001);
    CHECK(global);
    CHECK_EQ(page_of(2 * MIB + 7 * PAGE, &global), 0x2007);
    CHECK_EQ(loads, 1);
    CHECK(global);
    CHECK_EQ(page_of(9 * PAGE, NULL), 0x1009);
}

/* Leaves are never remembered here. */
TEST(leaf_changes)
{
    tables_make();
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x1005);
    memory[LAST][5] = 0;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0);
    memory[LAST][5] = entry(0x3000 * PAGE, LEAF);
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x3000);
}

/* After a fence, of whatever kind, tables are looked for again; in another address space too. */
TEST(table_changes)
{
    tables_make();
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x1005);
    memory[MIDDLE][0] = entry(BASE + OTHER * PAGE, V);
    hart.v.tlb_flushes++;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x2005);
    memory[MIDDLE][0] = 0;
    hart.v.tlb_flushes++;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0);
    memory[ROOT][0] = entry(BASE + OTHER * PAGE, V); /* a leaf of 2 MiB */
    hart.v.tlb_flushes++;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x2005);
    CHECK_EQ(loads, 2);
    tables_make();
    CHECK_EQ(page_of(2 * MIB, NULL), 0x2000);
    rv_state(&hart.v)->satp = satp(MIDDLE);
    CHECK_EQ(page_of(2 * MIB, NULL), 0); /* a leaf of 2 MiB that is not aligned */
    rv_state(&hart.v)->satp = satp(ROOT);
    CHECK_EQ(page_of(2 * MIB, NULL), 0x2000);
}

/* Svvptc: what was made valid is seen without a fence, at every level. */
TEST(made_valid)
{
    tables_make();
    memory[LAST][5] = memory[MIDDLE][1] = 0;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0);
    CHECK_EQ(page_of(2 * MIB, NULL), 0);
    memory[LAST][5] = entry(0x3000 * PAGE, LEAF);
    memory[MIDDLE][1] = entry(BASE + OTHER * PAGE, V);
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x3000);
    CHECK_EQ(page_of(2 * MIB, NULL), 0x2000);
}

/* A table whose page has more than one rule is asked about entry by entry. */
TEST(table_protected_in_part)
{
    struct rv_state *s = rv_state(&hart.v);

    tables_make();
    s->pmpcfg[1] = s->pmpcfg[0];
    s->pmpaddr[1] = s->pmpaddr[0];
    s->pmpcfg[0] = 2 << 3; /* NA4, nothing allowed */
    s->pmpaddr[0] = (BASE + LAST * PAGE + 6 * 8) >> 2;
    CHECK_EQ(page_of(5 * PAGE, NULL), 0x1005);
    CHECK_EQ(page_of(6 * PAGE, NULL), 0);
    CHECK_EQ(page_of(7 * PAGE, NULL), 0x1007);
}

TEST_MAIN(TEST_CASE(near_walks_are_short), TEST_CASE(leaf_changes), TEST_CASE(table_changes),
          TEST_CASE(made_valid), TEST_CASE(table_protected_in_part))
