/*
 * test_gicv2.c - GICv2: what differs from a GICv3 - banks by the CPU that accesses, SGIs by sender,
 * targets, aliased registers - and the message frame.
 */
#include "dev/irqchip/gicv2.h"
#include "fake_host.h"
#include "test.h"
#include <errno.h>

#define DIST_AT  0x8000000ull
#define CPU_AT   0x8010000ull
#define FRAME_AT 0x8020000ull
enum { IGROUPR = 0x80, ISENABLER = 0x100, ISPENDR = 0x200, ICPENDR = 0x280, ISACTIVER = 0x300 };
enum { IPRIORITYR = 0x400, ITARGETSR = 0x800, ICFGR = 0xc00, SGIR = 0xf00, CPENDSGIR = 0xf10 };
enum { SPENDSGIR = 0xf20, SPURIOUS = 1023 };
enum { CTLR = 0, PMR = 4, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, ABPR = 0x1c };
enum { AIAR = 0x20, AEOIR = 0x24, AHPPIR = 0x28, APR = 0xd0, IIDR = 0xfc, DIR = 0x1000 };
enum { ENABLE_0 = 1, ENABLE_1 = 2, ACKCTL = 4, FIQEN = 8, CBPR = 16, EOIMODE = 1 << 9 };

static struct fake_host h;
static struct device *d;

static u64 mem_get(gpa_t at, unsigned cpu)
{
    u64 v = 0x5a5a;

    CHECK(mem_map_cpu_read(h.map, at, 4, &v, cpu));
    return v;
}

static void mem_set(gpa_t at, u64 v, unsigned cpu)
{
    CHECK(mem_map_cpu_write(h.map, at, 4, v, cpu));
}

static u64 dist_get(unsigned cpu, u64 off)
{
    return mem_get(DIST_AT + off, cpu);
}

static void dist_set(unsigned cpu, u64 off, u64 v)
{
    mem_set(DIST_AT + off, v, cpu);
}

static u64 cpu_get(unsigned cpu, u64 off)
{
    return mem_get(CPU_AT + off, cpu);
}

static void cpu_set(unsigned cpu, u64 off, u64 v)
{
    mem_set(CPU_AT + off, v, cpu);
}

static void begin(void)
{
    struct dev_setting s[] = { { "msi-first", "32", NULL }, { "msi-count", "16", NULL } };
    struct err err = { 0 };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("gicv2"), s, ARRAY_SIZE(s));
    CHECK(!dev_msi_input(d, 0, 0x40, 64)); /* not mapped yet */
    CHECK_EQ(dev_map(d, GICV2_DIST, h.map, DIST_AT, &err), 0);
    CHECK_EQ(dev_map(d, GICV2_CPU, h.map, CPU_AT, &err), 0);
    CHECK_EQ(dev_map(d, GICV2_MSI, h.map, FRAME_AT, &err), 0);
    dist_set(0, CTLR, 3);
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        cpu_set(cpu, CTLR, ENABLE_0);
        cpu_set(cpu, PMR, 0xf0);
        dist_set(cpu, ISENABLER, 0xffffffff);
    }
}

static void end(void)
{
    mem_map_remove(h.map, DIST_AT);
    mem_map_remove(h.map, CPU_AT);
    mem_map_remove(h.map, FRAME_AT);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static void spi(unsigned intid, bool level)
{
    dev_irq_input(d, intid - GICV2_SPI, level);
}

/* Enables an SPI for the CPUs. */
static void listen(unsigned intid, u8 cpus)
{
    dist_set(0, ISENABLER + intid / 32 * 4, 1u << intid % 32);
    dev_write(d, GICV2_DIST, ITARGETSR + intid, cpus, 1);
}

static bool irq(unsigned cpu)
{
    return h.cpu_line[cpu][GICV2_LINE_IRQ];
}

static bool fiq(unsigned cpu)
{
    return h.cpu_line[cpu][GICV2_LINE_FIQ];
}

TEST(a_kernel_finds_it)
{
    begin();
    CHECK_EQ(dist_get(0, 4), 7 | (FAKE_CPUS - 1) << 5);
    CHECK_EQ(dist_get(0, 0xfe8) >> 4, 2);
    CHECK_EQ(cpu_get(0, IIDR) >> 16, 2);
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
        CHECK_EQ(dist_get(cpu, ITARGETSR), 0x01010101u << cpu); /* how a CPU finds its number */
    dist_set(0, ITARGETSR, 0);
    CHECK_EQ(dist_get(0, ITARGETSR), 0x01010101);
    dist_set(0, ITARGETSR + 32, 0xffffffff);
    CHECK_EQ(dist_get(0, ITARGETSR + 32), 0x0f0f0f0f);
    CHECK_EQ(dist_get(0, ITARGETSR + 256), 0);
    cpu_set(0, CTLR, 0xffffffff);
    CHECK_EQ(cpu_get(0, CTLR), 0x3ff);
    CHECK_EQ(d->guest_errors, 0);
    dev_write(d, GICV2_DIST, ISENABLER, 1, 1);
    cpu_set(0, IAR, 0);
    cpu_get(0, EOIR);
    CHECK_EQ(d->guest_errors, 3);
    end();
}

TEST(an_spi_goes_to_its_targets_and_the_first_has_it)
{
    begin();
    listen(40, 0x6);
    spi(40, true);
    CHECK(!irq(0) && irq(1) && irq(2) && !irq(3));
    CHECK_EQ(cpu_get(3, IAR), SPURIOUS);
    CHECK_EQ(cpu_get(2, IAR), 40);
    CHECK(!irq(1) && !irq(2));
    CHECK_EQ(cpu_get(1, IAR), SPURIOUS);
    CHECK_EQ(cpu_get(2, RPR), 0);
    CHECK_EQ(cpu_get(1, RPR), 0xff);
    cpu_set(2, EOIR, 40);
    CHECK(irq(1) && irq(2));
    spi(40, false);
    CHECK(!irq(1) && !irq(2));
    end();
}

TEST(private_interrupts_are_those_of_the_cpu_that_looks)
{
    begin();
    CHECK_EQ(dev_sysreg_write(d, 2, GICV2_SPACE_PPI, 27, 1), 0);
    CHECK(irq(2) && !irq(0));
    CHECK_EQ(dist_get(2, ISPENDR), 1u << 27);
    CHECK_EQ(dist_get(0, ISPENDR), 0);
    dist_set(2, 0x180, 1u << 27); /* ICENABLER */
    CHECK(!irq(2));
    CHECK_EQ(dist_get(1, ISENABLER), 0xffffffff);
    dist_set(3, IPRIORITYR + 24, 0x80604020);
    CHECK_EQ(dist_get(3, IPRIORITYR + 24), 0x80604020);
    CHECK_EQ(dist_get(2, IPRIORITYR + 24), 0);
    CHECK_EQ(dev_sysreg_write(d, 2, GICV2_SPACE_PPI, 15, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, FAKE_CPUS, GICV2_SPACE_PPI, 27, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, 0, 27, 1), -ENOENT);
    end();
}

TEST(sgis_say_who_sent_them)
{
    begin();
    dist_set(1, SGIR, 0x1 << 16 | 5);
    dist_set(3, SGIR, 0x1 << 16 | 5);
    CHECK(irq(0) && !irq(1));
    CHECK_EQ(cpu_get(0, HPPIR), 1 << 10 | 5);
    CHECK_EQ(dist_get(0, SPENDSGIR + 4), 0x0a00);
    CHECK_EQ(cpu_get(0, IAR), 1 << 10 | 5);
    CHECK_EQ(cpu_get(0, IAR), SPURIOUS); /* active, and pending from the other */
    cpu_set(0, EOIR, 1 << 10 | 5);
    CHECK_EQ(cpu_get(0, IAR), 3 << 10 | 5);
    cpu_set(0, EOIR, 3 << 10 | 5);
    CHECK(!irq(0));
    dist_set(2, SGIR, 1 << 24 | 7); /* all others */
    CHECK(irq(0) && irq(1) && !irq(2) && irq(3));
    dist_set(2, SGIR, 2 << 24 | 7); /* itself */
    CHECK(irq(2));
    dist_set(2, SGIR, 3u << 24 | 0xff << 16 | 8);
    dist_set(0, CPENDSGIR + 4, 0x04000000);
    CHECK(!irq(0));
    dist_set(0, ICFGR, 0);
    CHECK_EQ(dist_get(0, ICFGR), 0xaaaaaaaa); /* edge-triggered for ever */
    dist_set(0, ISPENDR, 0xff);               /* not by this one */
    CHECK(!irq(0));
    dist_set(0, SPENDSGIR, 0x80000002); /* from CPU 1; there is no CPU 7 */
    CHECK_EQ(cpu_get(0, IAR), 1 << 10);
    CHECK_EQ(dist_get(0, SPENDSGIR), 0);
    end();
}

TEST(groups_have_aliased_registers)
{
    begin();
    listen(40, 1);
    listen(41, 1);
    dist_set(0, IGROUPR + 4, 1u << 9); /* 41 */
    cpu_set(0, CTLR, ENABLE_0 | ENABLE_1 | FIQEN);
    spi(41, true);
    CHECK(irq(0) && !fiq(0));
    CHECK_EQ(cpu_get(0, HPPIR), 1022);
    CHECK_EQ(cpu_get(0, IAR), 1022);
    CHECK_EQ(cpu_get(0, AHPPIR), 41);
    spi(40, true);
    CHECK(!irq(0) && fiq(0));
    CHECK_EQ(cpu_get(0, AIAR), SPURIOUS);
    CHECK_EQ(cpu_get(0, IAR), 40);
    cpu_set(0, AEOIR, 40);
    CHECK_EQ(cpu_get(0, RPR), 0);
    spi(40, false);
    cpu_set(0, EOIR, 40);
    CHECK_EQ(cpu_get(0, AIAR), 41);
    cpu_set(0, EOIR, 41); /* group 1 ends by the alias, or with AckCtl */
    CHECK_EQ(cpu_get(0, RPR), 0);
    cpu_set(0, CTLR, ENABLE_0 | ENABLE_1 | ACKCTL);
    cpu_set(0, EOIR, 41);
    CHECK_EQ(cpu_get(0, RPR), 0xff);
    CHECK_EQ(cpu_get(0, IAR), 41);
    cpu_set(0, AEOIR, 41);
    spi(40, true);
    CHECK(irq(0) && !fiq(0)); /* without FIQEn */
    end();
}

TEST(end_and_deactivation_can_be_apart)
{
    begin();
    listen(40, 1);
    cpu_set(0, CTLR, ENABLE_0 | EOIMODE);
    cpu_set(1, CTLR, ENABLE_0 | EOIMODE);
    spi(40, true);
    CHECK_EQ(cpu_get(0, IAR), 40);
    CHECK_EQ(cpu_get(0, APR), 1);
    cpu_set(0, EOIR, 1020);
    cpu_set(0, EOIR, 300);
    CHECK_EQ(cpu_get(0, APR), 1);
    cpu_set(0, EOIR, 40);
    CHECK_EQ(cpu_get(0, APR), 0);
    CHECK_EQ(dist_get(0, ISACTIVER + 4), 1u << 8);
    CHECK(!irq(0));
    cpu_set(1, DIR, 40);
    CHECK(irq(0));
    end();
}

TEST(messages_are_pulses_on_their_spis)
{
    begin();
    CHECK_EQ(mem_get(FRAME_AT + 8, 0), 64 << 16 | 16);
    dist_set(0, ICFGR + 16, 2u); /* 64: by edge */
    listen(64, 2);
    CHECK(dev_msi_input(d, 0, FRAME_AT + GICV2_SETSPI, 64));
    CHECK(irq(1));
    CHECK_EQ(cpu_get(1, IAR), 64);
    cpu_set(1, EOIR, 64);
    CHECK(!irq(1));
    mem_set(FRAME_AT + GICV2_SETSPI, 64, 0);
    CHECK(irq(1));
    CHECK_EQ(d->guest_errors, 0);
    mem_set(FRAME_AT + GICV2_SETSPI, 63, 0);
    mem_set(FRAME_AT + GICV2_SETSPI, 80, 0);
    mem_set(FRAME_AT + GICV2_SETSPI, 5, 0);
    CHECK_EQ(d->guest_errors, 3);
    CHECK(!dev_msi_input(d, 0, FRAME_AT, 64));
    end();
}

TEST(what_cannot_be_is_refused)
{
    struct dev_setting s[] = { { "msi-first", "200", NULL }, { "msi-count", "25", NULL } };
    struct device *none = NULL;
    struct err err = { 0 };

    begin();
    CHECK_EQ(dev_new(d->cls, "x", &h.host, h.irq_domain, NULL, s, 2, &none, &err), -EINVAL);
    CHECK_STR(err.text, "cannot make device 'x': its messages want SPIs up to 225, and there "
                        "are 224");
    end();
}

TEST_MAIN(TEST_CASE(a_kernel_finds_it), TEST_CASE(an_spi_goes_to_its_targets_and_the_first_has_it),
          TEST_CASE(private_interrupts_are_those_of_the_cpu_that_looks),
          TEST_CASE(sgis_say_who_sent_them), TEST_CASE(groups_have_aliased_registers),
          TEST_CASE(end_and_deactivation_can_be_apart),
          TEST_CASE(messages_are_pulses_on_their_spis), TEST_CASE(what_cannot_be_is_refused))
