/*
 * test_gicv3_virt.c - the virtual CPU interface of a GICv3 (IHI 0069, chapter 6): list registers,
 * what a guest sees of them, physical interrupts behind them, the maintenance interrupt.
 */
#include "gicv3_driver.h"
#include <errno.h>

enum { EN = 1, UIE = 2, LRENPIE = 4, NPIE = 8, PENDING = 1, ACTIVE = 2, MAINTENANCE = 25 };
#define HW     (1ull << 61)
#define EOI    (1ull << 41)
#define GROUP1 (1ull << 60)

static u64 lr(unsigned state, u8 priority, unsigned intid)
{
    return (u64)state << 62 | GROUP1 | (u64)priority << 48 | intid;
}

static u64 icv_get(unsigned number)
{
    u64 v = 0x5a5a;

    CHECK_EQ(dev_sysreg_read(d, 0, GICV3_SPACE_VIRTUAL, number, &v), 0);
    return v;
}

static void icv_set(unsigned number, u64 v)
{
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_VIRTUAL, number, v), 0);
}

static bool virq(void)
{
    return h.cpu_line[0][GICV3_LINE_VIRQ];
}

static bool called(void)
{
    return redist_get(0, SGIS + ISPENDR) >> MAINTENANCE & 1;
}

/* A guest that takes group 1, and a hypervisor whose interface is on. */
static void enter(void)
{
    struct dev_setting s = { "virtualization", "on", NULL };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("gicv3"), &s, 1);
    icc_set(0, ICH_HCR, EN);
    icv_set(ICC_PMR, 0xf0);
    icv_set(ICC_IGRPEN1, 1);
}

TEST(without_the_property_there_is_none)
{
    u64 v;

    begin();
    CHECK_EQ(dev_sysreg_read(d, 0, GICV3_SPACE_CPU, ICH_VTR, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_VIRTUAL, ICC_PMR, 0), -ENOENT);
    end();
}

TEST(a_guest_takes_what_is_listed)
{
    enter();
    CHECK_EQ(icc_get(0, ICH_VTR) & 31, GICV3_LIST_REGISTERS - 1);
    CHECK_EQ(icc_get(0, ICH_ELRSR), 15);
    icc_set(0, ICH_LR0, lr(PENDING, 0xa0, 27));
    icc_set(0, ICH_LR0 + 2, lr(PENDING, 0x80, 40));
    CHECK(virq() && !h.cpu_line[0][GICV3_LINE_VFIQ] && !irq(0));
    CHECK_EQ(icc_get(0, ICH_ELRSR), 10);
    CHECK_EQ(icv_get(ICC_IAR0), SPURIOUS);
    CHECK_EQ(icv_get(ICC_HPPIR1), 40);
    CHECK_EQ(icv_get(ICC_IAR1), 40); /* the higher priority */
    CHECK_EQ(icc_get(0, ICH_LR0 + 2), lr(ACTIVE, 0x80, 40));
    CHECK_EQ(icv_get(ICC_RPR), 0x80);
    CHECK(!virq()); /* 27 does not preempt */
    icv_set(ICC_EOIR1, 40);
    CHECK_EQ(icc_get(0, ICH_LR0 + 2) >> 62, 0);
    CHECK_EQ(icv_get(ICC_RPR), 0xff);
    CHECK(virq());
    icv_set(ICC_PMR, 0xa0); /* no higher than the mask */
    CHECK(!virq());
    icv_set(ICC_PMR, 0xf0);
    icc_set(0, ICH_HCR, 0);
    CHECK(!virq());
    end();
}

TEST(an_end_of_a_listed_one_ends_the_physical_one)
{
    enter();
    dist_set(CTLR, 2);
    redist_set(0, WAKER, 0);
    icc_set(0, ICC_PMR, 0xf0);
    icc_set(0, ICC_IGRPEN1, 1);
    group_set(0, 27, true);
    bit_set(0, ISENABLER, 27);
    ppi(0, 27, true);
    CHECK_EQ(icc_get(0, ICC_IAR1), 27);
    icc_set(0, ICC_CTLR, 2); /* the priority is dropped, the interrupt stays active */
    icc_set(0, ICC_EOIR1, 27);
    CHECK(bit_get(0, ISACTIVER, 27) && !irq(0));
    icc_set(0, ICH_LR0, lr(PENDING, 0xa0, 30) | HW | 27ull << 32);
    CHECK_EQ(icv_get(ICC_IAR1), 30);
    CHECK(bit_get(0, ISACTIVER, 27));
    icv_set(ICC_EOIR1, 30);
    CHECK(!bit_get(0, ISACTIVER, 27));
    CHECK(irq(0)); /* its level is still high */
    end();
}

/* EOImode: a drop and a deactivation. */
TEST(two_steps)
{
    enter();
    icv_set(ICC_CTLR, 2);
    icc_set(0, ICH_LR0, lr(PENDING, 0xa0, 30));
    CHECK_EQ(icv_get(ICC_IAR1), 30);
    icv_set(ICC_EOIR1, 30);
    CHECK_EQ(icc_get(0, ICH_LR0), lr(ACTIVE, 0xa0, 30));
    CHECK_EQ(icv_get(ICC_RPR), 0xff);
    icv_set(ICC_DIR, 30);
    CHECK_EQ(icc_get(0, ICH_LR0) >> 62, 0);
    end();
}

TEST(the_hypervisor_is_called)
{
    enter();
    CHECK(!called());
    icc_set(0, ICH_HCR, EN | NPIE);
    CHECK(called());
    icc_set(0, ICH_LR0, lr(PENDING, 0xa0, 30) | EOI);
    CHECK(!called());
    icc_set(0, ICH_HCR, EN | UIE);
    CHECK(called()); /* fewer than two are in use */
    icc_set(0, ICH_HCR, EN);
    CHECK(!called());
    CHECK_EQ(icv_get(ICC_IAR1), 30);
    icv_set(ICC_EOIR1, 30);
    CHECK(called()); /* an end that it wants to hear of */
    CHECK_EQ(icc_get(0, ICH_EISR), 1);
    CHECK_EQ(icc_get(0, ICH_MISR), 1);
    CHECK_EQ(icc_get(0, ICH_ELRSR), 14);
    icc_set(0, ICH_LR0, 0);
    CHECK(!called());
    icc_set(0, ICH_HCR, EN | LRENPIE);
    icc_set(0, ICH_AP1R0, 1 << 20); /* one that is running and in no list register */
    icv_set(ICC_EOIR1, 77);
    CHECK(called());
    CHECK_EQ(icc_get(0, ICH_HCR) >> 27, 1);
    end();
}

/* ICH_VMCR_EL2 and the guest's registers are the same thing. */
TEST(vmcr)
{
    enter();
    CHECK_EQ(icc_get(0, ICH_VMCR), 0xf04c000a);
    icc_set(0, ICH_VMCR, 0x88900211);
    CHECK_EQ(icv_get(ICC_PMR), 0x88);
    CHECK_EQ(icv_get(ICC_IGRPEN0), 1);
    CHECK_EQ(icv_get(ICC_IGRPEN1), 0);
    CHECK_EQ(icv_get(ICC_CTLR) & 3, 3);
    CHECK_EQ(icv_get(ICC_BPR0), 4);
    CHECK_EQ(icv_get(ICC_BPR1), 5); /* CBPR */
    end();
}

TEST_MAIN(TEST_CASE(without_the_property_there_is_none), TEST_CASE(a_guest_takes_what_is_listed),
          TEST_CASE(an_end_of_a_listed_one_ends_the_physical_one), TEST_CASE(two_steps),
          TEST_CASE(the_hypervisor_is_called), TEST_CASE(vmcr))
