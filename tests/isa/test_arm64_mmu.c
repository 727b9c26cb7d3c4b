/*
 * test_arm64_mmu.c - stage 1 walks by the manual's tables: rights (D8.4), granules, levels and
 * block sizes (D8.2), addresses of 52 bits (FEAT_LPA2), access flag and dirty state (D8.5), the
 * ways to fail.
 */
#include "test.h"

#include "arm64_cpu.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/model.h"

#define TCR_BASE (16ull | 16ull << 16 | 2ull << 30 | 5ull << 32) /* 48 bits, 4 KiB, 48 bits out */
enum { VALID = 1, PAGE = 3, AP_EL0 = 1 << 6, AP_RO = 1 << 7, AF = 1 << 10, NG = 1 << 11 };
#define DBM    (1ull << 51)
#define CONTIG (1ull << 52)
#define PXN    (1ull << 53)
#define UXN    (1ull << 54)
enum { ROOT = 0x10000, NEXT = 0x10000, TARGET = 0x8000000 };

static struct isa_xlate x;
static struct isa_fault fault;

static int go(gva_t va, enum isa_access access, unsigned bank)
{
    x = (struct isa_xlate){ 0 };
    return arm64_isa.translate(&cpu.v, va, 1, access, bank, &x, &fault);
}

static u64 *entry(unsigned table, unsigned index)
{
    return (u64 *)(void *)(memory + ROOT + table * NEXT + 8 * index);
}

/* Translation on with these settings; tables that lead address 0 to entry 0 of the last one, of
 * `levels`. */
static void tables(u64 tcr, unsigned levels)
{
    cpu_reset();
    state()->sctlr_el1 |= SCTLR_M;
    state()->tcr_el1 = tcr;
    state()->ttbr0_el1 = state()->ttbr1_el1 = ROOT;
    for (unsigned i = 0; i + 1 < levels; i++)
        *entry(i, 0) = (ROOT + (i + 1) * NEXT) | PAGE;
}

/* Who may do what to a page: D8.4.1. R, W and X of EL0, of EL1, and of EL1 under PAN. */
static const struct {
    u64 bits;
    const char *el0, *el1, *pan;
} rights[] = {
    { 0, "X", "RWX", "RWX" },
    { UXN, "", "RWX", "RWX" },
    { PXN, "X", "RW", "RW" },
    { AP_EL0, "RWX", "RW", "" }, /* what EL0 writes EL1 does not execute */
    { AP_EL0 | UXN, "RW", "RW", "" },
    { AP_RO, "X", "RX", "RX" },
    { AP_RO | PXN | UXN, "", "R", "R" },
    { AP_EL0 | AP_RO, "RX", "RX", "X" },
    { AP_EL0 | AP_RO | PXN, "RX", "R", "" },
    { AP_EL0 | AP_RO | UXN, "R", "RX", "X" },
};

static bool says(const char *letters, unsigned access)
{
    return strchr(letters, "RWX"[access]) != NULL;
}

TEST(rights_of_a_page)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rights); i++) {
        const char *by_bank[] = { rights[i].el0, rights[i].el1, rights[i].pan };

        tables(TCR_BASE, 4);
        *entry(3, 0) = TARGET | PAGE | AF | rights[i].bits;
        for (unsigned bank = 0; bank < 3; bank++)
            for (unsigned access = 0; access < ISA_ACCESS_COUNT; access++) {
                bool may = go(0, access, bank) == 0;

                CHECK_EQ(may, says(by_bank[bank], access));
                if (!may)
                    CHECK_EQ(fault.value2, (u64)(0xf | (access == ISA_WRITE ? 0x40 : 0)));
            }
    }
}

/* Tables take rights away: APTable, UXNTable, PXNTable; not with TCR_EL1.HPD0. */
TEST(rights_of_tables)
{
    tables(TCR_BASE, 4);
    *entry(3, 0) = TARGET | PAGE | AF | AP_EL0;
    *entry(1, 0) |= 1ull << 62; /* read-only */
    CHECK_EQ(go(0, ISA_WRITE, ARM_BANK_EL0), -1);
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL0), 0);
    *entry(1, 0) |= 1ull << 61; /* not for EL0 */
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL0), -1);
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1_PAN), 0);
    *entry(1, 0) |= 1ull << 60 | 1ull << 59;
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL0), -1);
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL1), -1);
    state()->tcr_el1 |= 1ull << TCR_HPD0;
    CHECK_EQ(go(0, ISA_WRITE, ARM_BANK_EL0), 0);
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL0), 0);
}

TEST(writable_is_not_executable)
{
    tables(TCR_BASE, 4);
    *entry(3, 0) = TARGET | PAGE | AF;
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL1), 0);
    state()->sctlr_el1 |= SCTLR_WXN;
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL1), -1);
    *entry(3, 0) |= AP_RO;
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL1), 0);
}

/* Granules by TG0: levels of a 48-bit address, what a page, a block and 16 neighbours are. */
TEST(granules)
{
    static const struct {
        unsigned tg0, levels, page, block, contiguous, contiguous_block;
    } g[] = { { 0, 4, 12, 21, 16, 25 }, { 2, 4, 14, 25, 21, 30 }, { 1, 3, 16, 29, 21, 34 } };

    for (unsigned i = 0; i < ARRAY_SIZE(g); i++) {
        tables(TCR_BASE | (u64)g[i].tg0 << TCR_TG0, g[i].levels);
        *entry(g[i].levels - 1, 1) = 0x40000000 | PAGE | AF;
        *entry(g[i].levels - 1, 2) = 0x40000000 | PAGE | AF | CONTIG;
        CHECK_EQ(go((1ull << g[i].page) + 5, ISA_READ, ARM_BANK_EL1), 0);
        CHECK_EQ(x.page_size, 1ull << g[i].page);
        CHECK_EQ(x.gpa, 0x40000005);
        CHECK_EQ(go(2ull << g[i].page, ISA_READ, ARM_BANK_EL1), 0);
        CHECK_EQ(x.page_size, 1ull << g[i].contiguous);
        *entry(g[i].levels - 2, 1) = 1ull << 36 | VALID | AF;
        *entry(g[i].levels - 2, 2) = 1ull << 36 | VALID | AF | CONTIG;
        CHECK_EQ(go((1ull << g[i].block) + 0x123, ISA_READ, ARM_BANK_EL1), 0);
        CHECK_EQ(x.page_size, 1ull << g[i].block);
        CHECK_EQ(x.gpa, (1ull << 36) + 0x123);
        CHECK_EQ(go(2ull << g[i].block, ISA_READ, ARM_BANK_EL1), 0);
        CHECK_EQ(x.page_size, 1ull << g[i].contiguous_block);
    }
    tables(TCR_BASE, 4); /* 1 GiB blocks are of 4 KiB granules alone */
    *entry(1, 1) = 1ull << 36 | VALID | AF;
    CHECK_EQ(go(1 << 30, ISA_READ, ARM_BANK_EL1), 0);
    CHECK_EQ(x.page_size, 1ull << 30);
    tables(TCR_BASE | 2ull << TCR_TG0, 4);
    *entry(1, 1) = 1ull << 36 | VALID | AF;
    CHECK_EQ(go(1ull << 36, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION + 1);
}

/* Where a walk ends is told by its level; D24.2.45, DFSC. */
TEST(levels_of_faults)
{
    for (unsigned level = 0; level < 4; level++) {
        tables(TCR_BASE, 4);
        *entry(level, 0) = 0;
        CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL0), -1);
        CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION + level);
        *entry(level, 0) = 1ull << 40 | PAGE; /* no memory there */
        CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL1), -1);
        CHECK_EQ(fault.cause, ARM_EC_FETCH_ABORT);
        CHECK_EQ(fault.value2,
                 level < 3 ? (u64)ARM_FSC_WALK_EXTERNAL + level + 1 : (u64)ARM_FSC_ACCESS_FLAG + 3);
        state()->tcr_el1 &= ~(7ull << TCR_IPS); /* 4 GiB */
        CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
        CHECK_EQ(fault.value2, (u64)ARM_FSC_ADDRESS_SIZE + level);
    }
    tables(TCR_BASE, 4);
    state()->ttbr0_el1 |= 1ull << 45;
    state()->tcr_el1 &= ~(7ull << TCR_IPS);
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_ADDRESS_SIZE);
}

/* TCR_EL1 for addresses of 52 bits with granules of less than 64 KiB; 4 KiB have level -1 then. */
#define TCR_LARGE(tg0) (12ull | 12ull << 16 | (tg0) << TCR_TG0 | 2ull << 30 | 6ull << TCR_IPS | 1ull << TCR_DS)

/* What there is of FEAT_LPA2 alone: the largest blocks, which have no contiguous neighbours. */
TEST(large_blocks)
{
    static const struct {
        u64 tg0;
        unsigned table, shift;
    } g[] = { { 0, 1, 39 }, { 2, 1, 36 } };

    for (unsigned i = 0; i < ARRAY_SIZE(g); i++) {
        gva_t at = (1ull << g[i].shift) + 0x123;

        tables(TCR_LARGE(g[i].tg0), 5);
        *entry(g[i].table, 1) = 1ull << 49 | 2 << 8 | VALID | AF | CONTIG;
        CHECK_EQ(go(at, ISA_READ, ARM_BANK_EL1), 0);
        CHECK_EQ(x.gpa, 1ull << 51 | 1ull << 49 | 0x123);
        CHECK_EQ(x.page_size, 1ull << g[i].shift);
    }
    tables(TCR_BASE, 4); /* level 0 without DS */
    *entry(0, 1) = VALID | AF;
    CHECK_EQ(go(1ull << 39, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION);
}

/* Level -1 has codes of its own; bits 51:48 count whatever the size of output addresses is, a
 * table's at level 0. */
TEST(faults_of_level_minus_1)
{
    static const unsigned high[] = { 8, 9, 48, 49 };

    tables(TCR_LARGE(0), 5);
    *entry(4, 0) = TARGET | PAGE | AF;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), 0);
    CHECK_EQ(go(1ull << 51, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION_M1);
    *entry(0, 8) = VALID | AF; /* no block is so large */
    CHECK_EQ(go(1ull << 51, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION_M1);
    state()->tcr_el1 ^= 3ull << TCR_IPS; /* 48 bits */
    for (unsigned i = 0; i < ARRAY_SIZE(high); i++) {
        *entry(0, 0) ^= 1ull << high[i];
        CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
        CHECK_EQ(fault.value2, (u64)ARM_FSC_ADDRESS_SIZE_M1);
        *entry(0, 0) ^= 1ull << high[i];
    }
    state()->ttbr0_el1 |= 1 << 2;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_ADDRESS_SIZE);
    state()->tcr_el1 |= 6ull << TCR_IPS; /* there is no memory */
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_WALK_EXTERNAL - 1);
}

/* With the descriptor's bits in use the shareability is SH0's, or SH1's. */
TEST(shareability_of_large_tables)
{
    tables(TCR_LARGE(0) | 3ull << TCR_SH0 | 2ull << TCR_SH1, 5);
    state()->mair_el1 = 0xff;
    *entry(4, 0) = TARGET | PAGE | AF | 1 << 8;
    *entry(0, 0) = (ROOT + NEXT) | PAGE;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), 0);
    CHECK_EQ(x.gpa, TARGET | 1ull << 50);
    CHECK_EQ(x.attr >> 8, 3);
    CHECK_EQ(go(0xfff0000000000000, ISA_READ, ARM_BANK_EL1), 0);
    CHECK_EQ(x.attr >> 8, 2);
}

/* TCR_EL2 has DS elsewhere where it has one range. */
TEST(large_addresses_of_el2)
{
    tables(0, 5);
    *entry(4, 0) = TARGET | PAGE | AF;
    state()->has_el2 = 1;
    state()->el = 2;
    state()->sctlr_el2 |= SCTLR_M;
    state()->ttbr0_el2 = ROOT;
    state()->tcr_el2 = 12 | 6 << 16;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL2), -1);
    state()->tcr_el2 |= 1ull << TCR_EL2_DS;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL2), 0);
    CHECK_EQ(x.gpa, TARGET);
}

/* Only `max` has DS. */
TEST(models_without_large_addresses)
{
    tables(TCR_BASE, 4);
    cpu.v.model = ARM_MODEL_NEOVERSE_N1;
    state()->has_el2 = 1;
    write_register(ARM_SYS(3, 0, 2, 0, 2), TCR_LARGE(0));
    CHECK_EQ(read_register(ARM_SYS(3, 0, 2, 0, 2)), TCR_LARGE(0) & ~(1ull << TCR_DS));
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION);
    state()->el = 2;
    CHECK(arm_sysreg_write(&cpu.v, ARM_SYS(3, 4, 2, 0, 2), 1ull << TCR_EL2_DS));
    CHECK(arm_sysreg_write(&cpu.v, ARM_SYS(3, 4, 2, 1, 2), 1ull << VTCR_DS | 1ull << VTCR_SL2));
    CHECK_EQ(state()->tcr_el2 | state()->vtcr_el2, 0);
}

/* Addresses that no table is for. */
TEST(halves)
{
    tables(TCR_BASE, 4);
    *entry(3, 0) = TARGET | PAGE | AF | AP_EL0;
    CHECK_EQ(go(0xffff000000000000, ISA_READ, ARM_BANK_EL0), 0);
    CHECK_EQ(go(1ull << 48, ISA_READ, ARM_BANK_EL0), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_TRANSLATION);
    CHECK_EQ(go(0xfffe000000000000, ISA_READ, ARM_BANK_EL0), -1);
    CHECK_EQ(go(0x5a00000000000000, ISA_READ, ARM_BANK_EL0), -1);
    state()->tcr_el1 |= 1ull << TCR_TBI0;
    CHECK_EQ(go(0x5a00000000000000, ISA_READ, ARM_BANK_EL0), 0);
    CHECK(x.no_tlb);
    CHECK_EQ(go(0x5a00000000000000, ISA_FETCH, ARM_BANK_EL0), -1);
    CHECK_EQ(fault.cause, ARM_FETCH_AGAIN);
    state()->tcr_el1 |= 1ull << TCR_E0PD1;
    CHECK_EQ(go(0xffff000000000000, ISA_READ, ARM_BANK_EL0), -1);
    CHECK_EQ(go(0xffff000000000000, ISA_READ, ARM_BANK_EL1), 0);
    state()->tcr_el1 |= 1ull << TCR_EPD1;
    CHECK_EQ(go(0xffff000000000000, ISA_READ, ARM_BANK_EL1), -1);
}

TEST(access_flag_and_dirty_state)
{
    tables(TCR_BASE, 4);
    *entry(3, 0) = TARGET | PAGE | DBM | AP_RO | NG;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_ACCESS_FLAG + 3);
    state()->tcr_el1 |= TCR_HA;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), 0);
    CHECK(*entry(3, 0) & AF);
    CHECK(!x.global);
    CHECK_EQ(go(0, ISA_WRITE, ARM_BANK_EL1), -1);
    state()->tcr_el1 |= TCR_HD;
    CHECK_EQ(go(0, ISA_READ, ARM_BANK_EL1), 0);
    CHECK(!(x.perm & 1 << ISA_WRITE)); /* the first store must come here */
    CHECK(*entry(3, 0) & AP_RO);
    CHECK_EQ(go(0, ISA_WRITE, ARM_BANK_EL1), 0);
    CHECK(x.perm & 1 << ISA_WRITE);
    CHECK(!(*entry(3, 0) & AP_RO));
}

/* Without translation an address is what it is, as far as there are physical ones. */
TEST(translation_off)
{
    cpu_reset();
    CHECK_EQ(go(0x123456789abc, ISA_WRITE, ARM_BANK_EL0), 0);
    CHECK_EQ(x.gpa, 0x123456789abc);
    CHECK_EQ(go(1ull << 52, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2, (u64)ARM_FSC_ADDRESS_SIZE);
}

TEST(address_spaces)
{
    tables(TCR_BASE, 4);
    write_register(ARM_SYS(3, 0, 2, 0, 0), ROOT | 0x1234ull << 48);
    CHECK_EQ(context, 0x34); /* eight bits, */
    write_register(ARM_SYS(3, 0, 2, 0, 2), TCR_BASE | TCR_AS);
    CHECK_EQ(context, 0x1234); /* sixteen, */
    write_register(ARM_SYS(3, 0, 2, 0, 2), TCR_BASE | TCR_AS | TCR_A1);
    write_register(ARM_SYS(3, 0, 2, 0, 1), ROOT | 7ull << 48);
    CHECK_EQ(context, 7); /* of the other half */
    CHECK_EQ(flushed.what, ISA_FLUSH_NON_GLOBAL);
    CHECK(!(flushed.banks & ARM_CONTEXT_BANKS));
    /* TLBI VAE1IS: VA[55:12] in bits 43:0, the ASID on top */
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 8, 3, 1), 5ull << 48 | 0xfffff800001));
    CHECK_EQ(flushed.what, ISA_FLUSH_PAGE);
    CHECK_EQ(flushed.va, 0xfffffff800001000);
    CHECK_EQ(flushed.everywhere, 1);
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 8, 7, 0), 0)); /* TLBI VMALLE1: this one's */
    CHECK_EQ(flushed.what, ISA_FLUSH_ALL);
    CHECK_EQ(flushed.everywhere, 1);
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 8, 3, 2), 5ull << 48)); /* TLBI ASIDE1IS */
    CHECK_EQ(flushed.everywhere, 2);
    CHECK(!arm_sys(&cpu.v, ARM_SYS(1, 4, 8, 7, 0), 0)); /* EL2's */
    state()->el = 0;
    CHECK(!arm_sys(&cpu.v, ARM_SYS(1, 0, 8, 7, 0), 0));
}

/* AT: the address, or why not, in PAR_EL1 (D24.2.111). */
TEST(address_translation)
{
    tables(TCR_BASE, 4);
    state()->mair_el1 = 0xff00;
    *entry(3, 0) = TARGET | PAGE | AF | 3 << 8 | 1 << 2; /* inner shareable, attribute 1 */
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 7, 8, 0), 0x123));
    CHECK_EQ(state()->par_el1, 0xff00000000000000ull | TARGET | 1 << 11 | 3 << 7);
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 7, 8, 2), 0x123)); /* as EL0 */
    CHECK_EQ(state()->par_el1, 1u | 1 << 11 | (ARM_FSC_PERMISSION + 3) << 1);
    *entry(3, 0) ^= AP_EL0;
    state()->pan = 1;
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 7, 8, 0), 0x123));
    CHECK(!(state()->par_el1 & 1));
    CHECK(arm_sys(&cpu.v, ARM_SYS(1, 0, 7, 9, 0), 0x123)); /* S1E1RP */
    CHECK(state()->par_el1 & 1);
}

/* Stage 2 of one page at 0 for EL1 and EL0, whose stage 1 is off; it starts at level 1. */
static void stage2(u64 leaf)
{
    cpu_reset();
    state()->has_el2 = 1;
    state()->hcr_el2 = HCR_VM | HCR_RW;
    state()->vtcr_el2 = 24 | 1 << 6 | 2 << 16;
    state()->vttbr_el2 = ROOT;
    *entry(0, 0) = (ROOT + NEXT) | PAGE;
    *entry(1, 0) = (ROOT + 2 * NEXT) | PAGE;
    *entry(2, 0) = TARGET | PAGE | AF | 3 << 6 | leaf;
}

/* XN[1:0] of stage 2: D8.4.1. */
TEST(stage2_execute_never)
{
    static const struct {
        bool el0, el1;
    } may[] = { { true, true }, { true, false }, { false, false }, { false, true } };

    for (u64 xn = 0; xn < ARRAY_SIZE(may); xn++) {
        stage2(xn << 53);
        CHECK_EQ(go(0x123, ISA_FETCH, ARM_BANK_EL0) == 0, may[xn].el0);
        CHECK_EQ(go(0x123, ISA_FETCH, ARM_BANK_EL1_PAN) == 0, may[xn].el1);
        CHECK_EQ(go(0x123, ISA_WRITE, ARM_BANK_EL0), 0);
        CHECK_EQ(x.gpa, TARGET | 0x123);
    }
    CHECK_EQ(go(0, ISA_FETCH, ARM_BANK_EL0), -1);
    CHECK_EQ(fault.value2 & ARM_FSC_MASK, (u64)ARM_FSC_PERMISSION + 3);
    CHECK(fault.cause & ARM_TO_EL2);
}

/* Stage 2 of 52 bits, from level -1: SL2. What it cannot be combined with is a fault. */
TEST(stage2_from_level_minus_1)
{
    u64 vtcr = 12 | 6 << 16 | 1ull << VTCR_DS | 1ull << VTCR_SL2;

    stage2(0);
    for (unsigned i = 0; i < 4; i++)
        *entry(i, 0) = (ROOT + (i + 1) * NEXT) | PAGE;
    *entry(4, 0) = TARGET | PAGE | AF | 3 << 6 | 1 << 8;
    state()->vtcr_el2 = vtcr;
    CHECK_EQ(go(0x123, ISA_READ, ARM_BANK_EL1), 0);
    CHECK_EQ(x.gpa, TARGET | 1ull << 50 | 0x123);
    CHECK_EQ(go(1ull << 50, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2 & ARM_FSC_MASK, (u64)ARM_FSC_TRANSLATION_M1);
    CHECK_EQ(fault.value2 >> ARM_FAULT_IPA, 1ull << 38);
    state()->vtcr_el2 = vtcr | 1 << 6;
    CHECK_EQ(go(0x123, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2 & ARM_FSC_MASK, (u64)ARM_FSC_TRANSLATION);
    state()->vtcr_el2 = vtcr & ~(1ull << VTCR_DS);
    CHECK_EQ(go(0x123, ISA_READ, ARM_BANK_EL1), -1);
    CHECK_EQ(fault.value2 & ARM_FSC_MASK, (u64)ARM_FSC_TRANSLATION);
}

/* HCR_EL2.PTW is of the address space: no translation is dropped when it changes. */
TEST(protected_walks_are_another_address_space)
{
    u64 first;

    stage2(0);
    arm_mode_changed(&cpu.v);
    first = context;
    state()->hcr_el2 |= HCR_PTW;
    arm_mode_changed(&cpu.v);
    CHECK(context != first);
    state()->el = 2;
    flushed.count = 0;
    CHECK(arm_sysreg_write(&cpu.v, ARM_SYS(3, 4, 1, 1, 0), HCR_VM | HCR_RW));
    CHECK_EQ(flushed.count, 0);
}

TEST_MAIN(TEST_CASE(rights_of_a_page), TEST_CASE(rights_of_tables),
          TEST_CASE(writable_is_not_executable), TEST_CASE(granules), TEST_CASE(levels_of_faults),
          TEST_CASE(large_blocks), TEST_CASE(faults_of_level_minus_1),
          TEST_CASE(shareability_of_large_tables), TEST_CASE(large_addresses_of_el2),
          TEST_CASE(models_without_large_addresses), TEST_CASE(halves),
          TEST_CASE(access_flag_and_dirty_state), TEST_CASE(translation_off),
          TEST_CASE(address_spaces), TEST_CASE(address_translation),
          TEST_CASE(stage2_execute_never), TEST_CASE(stage2_from_level_minus_1),
          TEST_CASE(protected_walks_are_another_address_space))
