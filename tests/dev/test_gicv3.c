/*
 * test_gicv3.c - GICv3: each rule of the architecture (IHI 0069) that a kernel leans on.
 * test_gicv3_model.c compares the whole with a slow model.
 */
#include "gicv3_driver.h"
#include <errno.h>

TEST(a_kernel_finds_what_it_looks_for)
{
    begin();
    CHECK_EQ(dist_get(PIDR2) >> 4 & 15, 3);
    CHECK_EQ(dist_get(TYPER) & 31, 7); /* 256 interrupts */
    CHECK_EQ(dist_get(TYPER) >> 19 & 31, 9);
    CHECK_EQ(dist_get(CTLR), 0x50); /* DS, ARE */
    dist_set(CTLR, 0xffffffff);
    CHECK_EQ(dist_get(CTLR), 0x53); /* nothing is ever in progress */
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        u64 typer = dev_read(d, GICV3_REDIST, cpu * (u64)GICV3_REDIST_STEP + 8, 8);

        CHECK_EQ(redist_get(cpu, PIDR2) >> 4 & 15, 3);
        CHECK_EQ(typer >> 32, cpu);
        CHECK_EQ(typer >> 4 & 1, cpu == FAKE_CPUS - 1);
        CHECK_EQ(typer >> 8 & 0xffff, cpu);
        CHECK_EQ(redist_get(cpu, WAKER), 0); /* EDK2 never wakes it */
        redist_set(cpu, WAKER, 2);
        CHECK_EQ(redist_get(cpu, WAKER), 6);
        redist_set(cpu, WAKER, 0);
    }
    CHECK_EQ(icc_get(0, 0), 1);
    CHECK_EQ(icc_get(0, ICC_SRE), 7);
    icc_set(0, ICC_SRE, 0);
    CHECK_EQ(icc_get(0, ICC_SRE), 7);
    CHECK_EQ(icc_get(0, ICC_CTLR) >> 8 & 7, 4); /* 5 bits of priority */
    CHECK_EQ(d->guest_errors, 0);
    end();
}

TEST(a_level_interrupt_lasts_as_long_as_its_line)
{
    ready();
    listen(0, 40, 0xa0);
    spi(40, true);
    CHECK(irq(0) && !fiq(0) && !irq(1));
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 40);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    CHECK(!irq(0)); /* active and pending: not again before its end */
    CHECK(bit_get(0, ISACTIVER, 40) && bit_get(0, ISPENDR, 40));
    CHECK_EQ(icc_get(0, ICC_IAR1), SPURIOUS);
    icc_set(0, ICC_EOIR1, 40);
    CHECK(irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    spi(40, false);
    icc_set(0, ICC_EOIR1, 40);
    CHECK(!irq(0) && !bit_get(0, ISPENDR, 40) && !bit_get(0, ISACTIVER, 40));
    spi(40, true);
    spi(40, false);
    CHECK(!irq(0));
    end();
}

TEST(an_edge_is_remembered)
{
    ready();
    edge_set(0, 40, true);
    listen(0, 40, 0xa0);
    spi(40, true);
    spi(40, false);
    CHECK(irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    CHECK(!bit_get(0, ISPENDR, 40));
    spi(40, true); /* while active: pending again */
    CHECK(!irq(0) && bit_get(0, ISPENDR, 40));
    icc_set(0, ICC_EOIR1, 40);
    CHECK(irq(0));
    bit_set(0, ICPENDR, 40);
    CHECK(!irq(0)); /* though the line is high */
    end();
}

TEST(software_sets_and_clears_pending)
{
    ready();
    listen(0, 50, 0x80);
    bit_set(0, ISPENDR, 50);
    CHECK(irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), 50);
    icc_set(0, ICC_EOIR1, 50);
    CHECK(!irq(0)); /* taking it was enough, though it is level-sensitive */
    spi(50, true);
    bit_set(0, ICPENDR, 50);
    CHECK(irq(0)); /* the line still asks */
    bit_set(0, ISACTIVER, 50);
    CHECK(!irq(0));
    bit_set(0, ICACTIVER, 50);
    CHECK(irq(0));
    bit_set(0, ICENABLER, 50);
    CHECK(!irq(0) && bit_get(0, ISPENDR, 50));
    end();
}

TEST(ppis_belong_to_their_cpu)
{
    u64 v = 1;

    ready();
    listen(2, 27, 0xa0);
    ppi(1, 27, true);
    CHECK(!irq(1) && !irq(2));
    CHECK(bit_get(1, ISPENDR, 27) && !bit_get(2, ISPENDR, 27));
    ppi(2, 27, true);
    CHECK(irq(2));
    ppi(2, 27, false);
    CHECK(!irq(2));
    CHECK_EQ(dist_get(ISPENDR), 0); /* the distributor has no bank for them */
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_PPI, 15, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_PPI, 32, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, FAKE_CPUS, GICV3_SPACE_PPI, 27, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, 0, GICV3_SPACE_PPI, 27, &v), -ENOENT);
    end();
}

TEST(sgis_reach_their_list)
{
    ready();
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
        listen(cpu, 5, 0x80);
    icc_set(0, ICC_SGI1R, 5 << 24 | 0xa);
    CHECK(!irq(0) && irq(1) && !irq(2) && irq(3));
    CHECK_EQ(icc_get(1, ICC_IAR1), 5);
    CHECK(!irq(1) && irq(3));
    CHECK_EQ(icc_get(3, ICC_IAR1), 5);
    icc_set(3, ICC_EOIR1, 5);
    icc_set(1, ICC_EOIR1, 5);
    icc_set(2, ICC_SGI1R, 1ull << 40 | 5 << 24); /* all but itself */
    CHECK(irq(0) && irq(1) && !irq(2) && irq(3));
    icc_set(0, ICC_SGI1R, 1 << 16 | 5 << 24 | 0xf); /* another cluster */
    icc_set(0, ICC_SGI0R, 5 << 24 | 4);             /* a group 1 SGI as group 0 */
    CHECK(!irq(2));
    group_set(2, 5, false);
    icc_set(0, ICC_SGI1R, 5 << 24 | 4);
    CHECK(!bit_get(2, ISPENDR, 5));
    icc_set(0, ICC_SGI0R, 5 << 24 | 4);
    icc_set(2, ICC_IGRPEN0, 1);
    CHECK(fiq(2) && !irq(2));
    edge_set(2, 5, false); /* SGIs stay edge-triggered */
    CHECK_EQ(redist_get(2, SGIS + ICFGR), 0xaaaaaaaa);
    end();
}

TEST(groups_have_lines_and_registers_of_their_own)
{
    ready();
    listen(0, 40, 0x80);
    listen(0, 41, 0xa0);
    group_set(0, 40, false);
    spi(40, true);
    spi(41, true);
    CHECK(irq(0) && !fiq(0)); /* group 0 is off at the CPU: it does not stand in the way */
    icc_set(0, ICC_IGRPEN0, 1);
    CHECK(fiq(0) && !irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), SPURIOUS);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), SPURIOUS);
    CHECK_EQ(icc_get(0, ICC_HPPIR0), 40);
    CHECK_EQ(icc_get(0, ICC_IAR0), 40);
    CHECK(!fiq(0) && !irq(0)); /* 0xa0 does not preempt 0x80 */
    icc_set(0, ICC_EOIR1, 40); /* of the wrong group */
    CHECK_EQ(icc_get(0, ICC_RPR), 0x80);
    spi(40, false);
    icc_set(0, ICC_EOIR0, 40);
    CHECK(irq(0));
    dist_set(CTLR, 1);
    CHECK(!irq(0));
    CHECK_EQ(icc_get(0, ICC_HPPIR1), SPURIOUS);
    end();
}

TEST(priority_decides_and_then_the_number)
{
    ready();
    for (unsigned n = 60; n < 64; n++) {
        listen(0, n, n == 62 ? 0x40 : 0x80);
        spi(n, true);
    }
    listen(0, 20, 0x80);
    ppi(0, 20, true);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 62);
    spi(62, false);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 20);
    ppi(0, 20, false);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 60);
    priority_set(0, 61, 0x7f); /* 5 bits are kept */
    CHECK_EQ(dev_read(d, GICV3_DIST, IPRIORITYR + 61, 1), 0x78);
    CHECK_EQ(dist_get(IPRIORITYR + 60), 0x80407880);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 61);
    end();
}

TEST(the_mask_lets_only_higher_priorities_through)
{
    ready();
    listen(0, 40, 0x80);
    spi(40, true);
    icc_set(0, ICC_PMR, 0x80);
    CHECK(!irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), SPURIOUS);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 40); /* is pending all the same */
    icc_set(0, ICC_PMR, 0x8f);
    CHECK_EQ(icc_get(0, ICC_PMR), 0x88);
    CHECK(irq(0));
    end();
}

TEST(a_higher_group_priority_preempts)
{
    ready();
    listen(0, 40, 0x80);
    listen(0, 41, 0x78);
    listen(0, 42, 0x40);
    spi(40, true);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    icc_set(0, ICC_BPR1, 5); /* group priority is bits [7:5] */
    spi(41, true);
    CHECK(irq(0)); /* 0x60 before 0x80 */
    CHECK_EQ(icc_get(0, ICC_IAR1), 41);
    CHECK_EQ(icc_get(0, ICC_RPR), 0x60);
    icc_set(0, ICC_BPR1, 7); /* bit [7] alone: 0 against 0 */
    spi(42, true);
    CHECK(!irq(0));
    icc_set(0, ICC_BPR1, 3);
    CHECK(irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), 42);
    CHECK_EQ(icc_get(0, ICC_RPR), 0x40);
    CHECK_EQ(icc_get(0, ICC_AP1R0), 1u << 16 | 1u << 12 | 1u << 8);
    icc_set(0, ICC_EOIR1, 42);
    CHECK_EQ(icc_get(0, ICC_RPR), 0x60);
    icc_set(0, ICC_EOIR1, 41);
    icc_set(0, ICC_EOIR1, 40);
    CHECK_EQ(icc_get(0, ICC_RPR), 0xff);
    end();
}

TEST(binary_points_have_their_least_values)
{
    ready();
    CHECK_EQ(icc_get(0, ICC_BPR0), 2);
    CHECK_EQ(icc_get(0, ICC_BPR1), 3);
    icc_set(0, ICC_BPR0, 0);
    icc_set(0, ICC_BPR1, 0);
    CHECK_EQ(icc_get(0, ICC_BPR0), 2);
    CHECK_EQ(icc_get(0, ICC_BPR1), 3);
    icc_set(0, ICC_BPR0, 6);
    icc_set(0, ICC_CTLR, 1); /* one binary point for both */
    CHECK_EQ(icc_get(0, ICC_BPR1), 7);
    icc_set(0, ICC_BPR1, 4);
    icc_set(0, ICC_BPR0, 7);
    CHECK_EQ(icc_get(0, ICC_BPR1), 7);
    listen(0, 40, 0xf0);
    listen(0, 41, 0x00);
    spi(40, true);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    spi(41, true);
    CHECK(!irq(0)); /* no bit of group priority is left */
    icc_set(0, ICC_CTLR, 0);
    CHECK_EQ(icc_get(0, ICC_BPR1), 3);
    CHECK_EQ(icc_get(0, ICC_RPR), 0); /* it became active at the group priority of then */
    CHECK(!irq(0));
    icc_set(0, ICC_EOIR1, 40);
    CHECK_EQ(icc_get(0, ICC_IAR1), 41);
    end();
}

TEST(end_and_deactivation_can_be_apart)
{
    ready();
    listen(0, 40, 0x80);
    listen(0, 41, 0xa0);
    icc_set(0, ICC_CTLR, 2);
    spi(40, true);
    spi(41, true);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    icc_set(0, ICC_EOIR1, 40);
    CHECK_EQ(icc_get(0, ICC_RPR), 0xff);
    CHECK(bit_get(0, ISACTIVER, 40));
    CHECK_EQ(icc_get(0, ICC_IAR1), 41); /* 40 waits for its deactivation */
    icc_set(0, ICC_EOIR1, 41);
    CHECK(!irq(0));
    icc_set(1, ICC_DIR, 41); /* CPU 1 deactivates with EOIR: no effect */
    CHECK(bit_get(0, ISACTIVER, 41));
    icc_set(1, ICC_CTLR, 2);
    icc_set(1, ICC_DIR, 41); /* an SPI's active state is one for all */
    CHECK(irq(0));
    icc_set(0, ICC_DIR, 40);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    end();
}

TEST(an_end_that_fits_nothing_does_nothing)
{
    ready();
    listen(0, 40, 0x80);
    spi(40, true);
    icc_set(0, ICC_EOIR1, 40);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    icc_set(0, ICC_EOIR1, 1023);
    icc_set(0, ICC_EOIR1, 256);
    icc_set(0, ICC_EOIR1, 0xffffff);
    CHECK_EQ(icc_get(0, ICC_RPR), 0x80);
    icc_set(0, ICC_EOIR1, 0xffffffff00000000 | 40); /* 24 bits count */
    CHECK_EQ(icc_get(0, ICC_RPR), 0xff);
    end();
}

TEST(spis_go_where_they_are_routed)
{
    ready();
    listen(0, 40, 0x80);
    spi(40, true);
    CHECK(irq(0));
    route_set(40, 3);
    CHECK(!irq(0) && irq(3));
    CHECK_EQ(dev_read(d, GICV3_DIST, IROUTER + 8 * 40, 8), 3);
    route_set(40, 4); /* no CPU */
    route_set(40, 1ull << 32 | 3);
    CHECK_EQ(dist_get(IROUTER + 8 * 40 + 4), 1);
    CHECK(!irq(3) && !irq(0));
    dist_set(IROUTER + 8 * 40 + 4, 0);
    CHECK(irq(3));
    CHECK_EQ(icc_get(3, ICC_IAR1), 40);
    route_set(40, 1); /* active at 3, and there it ends */
    CHECK(!irq(1));
    icc_set(3, ICC_EOIR1, 40);
    CHECK(irq(1) && !irq(3));
    end();
}

TEST(an_spi_for_any_cpu_finds_a_free_one)
{
    ready();
    listen(0, 40, 0x80);
    listen(0, 41, 0x80);
    listen(0, 16, 0xa0);
    route_set(40, ROUTE_ANY);
    route_set(41, ROUTE_ANY);
    CHECK_EQ(dist_get(IROUTER + 8 * 40), ROUTE_ANY);
    spi(40, true);
    CHECK(irq(0) && !irq(1));
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    spi(41, true);
    CHECK(!irq(0) && irq(1)); /* 0 is busy */
    icc_set(1, ICC_IGRPEN1, 0);
    CHECK(!irq(1) && irq(2));
    redist_set(2, 0, 1 << 25); /* CPU 2 takes none of group 1 that is for any */
    CHECK(!irq(2) && irq(3));
    redist_set(3, WAKER, 2);
    CHECK(!irq(3) && !irq(0)); /* 0 must have it, and is at the same priority */
    spi(40, false);
    icc_set(0, ICC_EOIR1, 40);
    CHECK(irq(0));
    end();
}

TEST(a_sleeping_cpu_is_left_alone)
{
    ready();
    listen(0, 40, 0x80);
    redist_set(0, WAKER, 2);
    CHECK_EQ(redist_get(0, WAKER), 6);
    spi(40, true);
    CHECK(!irq(0));
    CHECK_EQ(icc_get(0, ICC_IAR1), SPURIOUS);
    redist_set(0, WAKER, 0);
    CHECK(irq(0));
    end();
}

/* Saves the device, and loads that into one with `spis` SPIs, which takes its place if it may. */
static int resume(const char *spis, struct err *err)
{
    struct dev_setting s = { "spis", spis, NULL };
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct device *other = fake_device(&h, d->cls, &s, 1), *gone = other;
    u8 *data = NULL;
    size_t size = 0;
    int rc;

    dev_save(d, w);
    CHECK_EQ(state_writer_memory(w, &data, &size, err), 0);
    CHECK_EQ(state_reader_open_memory(data, size, &r, err), 0);
    rc = dev_load(other, r, err);
    if (rc == 0) {
        gone = d;
        d = other;
    }
    fake_device_free(&h, gone);
    state_reader_free(r);
    state_writer_free(w);
    free(data);
    return rc;
}

TEST(messages_are_spis_too)
{
    struct err err = { 0 };

    ready();
    edge_set(0, 70, true);
    listen(0, 70, 0x80);
    listen(0, 71, 0x80);
    CHECK(!dev_msi_input(d, 0, 0x8000040, 70)); /* not mapped yet */
    CHECK_EQ(dev_map(d, GICV3_DIST, h.map, 0x8000000, &err), 0);
    CHECK(dev_msi_input(d, 0, 0x8000040, 70));
    CHECK(!dev_msi_input(d, 0, 0x8000048, 70));
    CHECK_EQ(icc_get(0, ICC_IAR1), 70);
    icc_set(0, ICC_EOIR1, 70);
    CHECK(!irq(0));
    dist_set(SETSPI, 71); /* level-sensitive: until CLRSPI */
    CHECK_EQ(icc_get(0, ICC_IAR1), 71);
    icc_set(0, ICC_EOIR1, 71);
    CHECK(irq(0));
    CHECK_EQ(d->guest_errors, 0);
    mem_map_remove(h.map, 0x8000000);
    CHECK_EQ(resume("224", &err), 0);
    CHECK_EQ(icc_get(0, ICC_IAR1), 71);
    icc_set(0, ICC_EOIR1, 71);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), 71);
    dist_set(CLRSPI, 71);
    CHECK_EQ(icc_get(0, ICC_HPPIR1), SPURIOUS);
    CHECK_EQ(dev_map(d, GICV3_DIST, h.map, 0x8000000, &err), 0);
    dist_set(SETSPI, 27); /* no SPI */
    CHECK(dev_msi_input(d, 0, 0x8000040, 256));
    CHECK_EQ(d->guest_errors, 2);
    mem_map_remove(h.map, 0x8000000);
    end();
}

TEST(registers_that_are_not_there)
{
    u64 v = 7;

    begin();
    CHECK_EQ(dev_sysreg_read(d, 0, GICV3_SPACE_CPU, ICC_EOIR1, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, 0, GICV3_SPACE_CPU, ICC_SGI1R, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_CPU, ICC_IAR1, 0), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_CPU, ICC_RPR, 0), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, GICV3_SPACE_CPU, ICC_AP1R0 + 1, 0), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, 0, 2, ICC_PMR, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, FAKE_CPUS, GICV3_SPACE_CPU, ICC_PMR, &v), -ENOENT);
    CHECK_EQ(v, 7);
    dist_set(ISENABLER + 4 * 7, ~0u);
    dist_set(ISENABLER + 4 * 8, ~0u); /* 256 interrupts end here */
    dist_set(ISENABLER, ~0u);
    CHECK_EQ(dist_get(ISENABLER + 4 * 7), ~0u);
    CHECK_EQ(dist_get(ISENABLER + 4 * 8) | dist_get(ISENABLER), 0);
    CHECK_EQ(d->guest_errors, 0);
    dev_write(d, GICV3_DIST, ISENABLER, 1, 1);
    dist_set(IROUTER, 0);
    dist_set(IROUTER + 8 * 256, 0);
    dist_get(0x5000);
    CHECK_EQ(d->guest_errors, 4);
    spi(256, true); /* an input that is not there */
    end();
}

TEST(reset_forgets_all_but_the_lines)
{
    ready();
    listen(0, 40, 0x80);
    spi(40, true);
    CHECK_EQ(icc_get(0, ICC_IAR1), 40);
    icc_set(0, ICC_BPR1, 7);
    dev_reset(d);
    CHECK(!irq(0));
    CHECK_EQ(dist_get(CTLR), 0x50);
    CHECK_EQ(icc_get(0, ICC_RPR), 0xff);
    CHECK_EQ(icc_get(0, ICC_BPR1), 3);
    CHECK_EQ(redist_get(0, WAKER), 0);
    CHECK(bit_get(0, ISPENDR, 40) && !bit_get(0, ISACTIVER, 40));
    end();
}

TEST(a_state_that_cannot_be_is_refused)
{
    struct dev_setting s = { "spis", "40", NULL };
    struct device *none = NULL;
    struct err err = { 0 };

    begin();
    CHECK_EQ(dev_new(d->cls, "x", &h.host, h.irq_domain, NULL, &s, 1, &none, &err), -EINVAL);
    CHECK_STR(err.text, "cannot make device 'x': property 'spis' is 40, and must be a multiple "
                        "of 32");
    spi(70, true);
    CHECK_EQ(resume("32", &err), -EINVAL);
    CHECK_STR(err.text, "the state of 'gicv3' contradicts itself: it has interrupts over 63");
    end();
}

TEST_MAIN(TEST_CASE(a_kernel_finds_what_it_looks_for),
          TEST_CASE(a_level_interrupt_lasts_as_long_as_its_line), TEST_CASE(an_edge_is_remembered),
          TEST_CASE(software_sets_and_clears_pending), TEST_CASE(ppis_belong_to_their_cpu),
          TEST_CASE(sgis_reach_their_list), TEST_CASE(groups_have_lines_and_registers_of_their_own),
          TEST_CASE(priority_decides_and_then_the_number),
          TEST_CASE(the_mask_lets_only_higher_priorities_through),
          TEST_CASE(a_higher_group_priority_preempts),
          TEST_CASE(binary_points_have_their_least_values),
          TEST_CASE(end_and_deactivation_can_be_apart),
          TEST_CASE(an_end_that_fits_nothing_does_nothing),
          TEST_CASE(spis_go_where_they_are_routed), TEST_CASE(an_spi_for_any_cpu_finds_a_free_one),
          TEST_CASE(a_sleeping_cpu_is_left_alone), TEST_CASE(messages_are_spis_too),
          TEST_CASE(registers_that_are_not_there), TEST_CASE(reset_forgets_all_but_the_lines),
          TEST_CASE(a_state_that_cannot_be_is_refused))
