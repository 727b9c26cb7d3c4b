/*
 * test_gicv3_its.c - the ITS and LPIs of a GICv3: from a device's message to a CPU, commands,
 * tables that a guest moves, breaks or forgets.
 */
#include "base/bits.h"
#include "gicv3_driver.h"
#include "its_driver.h"

enum { DEVICE = 3, EVENT = 5, LPI = ITS_LPI + EVENT };
#define ITS_AT 0x8080000ull

static void its_begin(void)
{
    struct dev_setting s = { "its", "on", NULL };
    struct err err = { 0 };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("gicv3"), &s, 1);
    gicv3_open(d);
    CHECK_EQ(dev_map(d, GICV3_ITS, h.map, ITS_AT, &err), 0);
}

static void its_end(void)
{
    mem_map_remove(h.map, ITS_AT);
    end();
}

static void command(enum its_command c, u32 device, u32 event, u32 icid_or_cpu)
{
    its_do(&h, d, c, device, event, icid_or_cpu);
}

/* DEVICE's EVENT is LPI, enabled at priority 0x80, for collection 1 at CPU 1. */
static void ready_its(void)
{
    its_begin();
    its_start(&h, d);
    its_config(&h, LPI, 0x81);
    command(ITS_MAPC, 0, 0, 1);
    command(ITS_MAPD, DEVICE, 0, 0);
    command(ITS_MAPTI, DEVICE, EVENT, 1);
    CHECK_EQ(d->guest_errors, 0);
}

static bool message(u32 device, u32 event)
{
    return dev_msi_input(d, device, ITS_AT + GICV3_TRANSLATER, event);
}

TEST(a_kernel_finds_it)
{
    u64 typer;

    its_begin();
    CHECK_EQ(dist_get(TYPER) >> 17 & 1, 1);
    CHECK_EQ(dist_get(TYPER) >> 19 & 31, 13);
    CHECK_EQ(redist_get(2, 8) & 1, 1);
    typer = its_get(d, GITS_TYPER);
    CHECK_EQ(typer & 1, 1);
    CHECK_EQ((typer >> 4 & 15) + 1, 8);
    CHECK_EQ((typer >> 13 & 31) + 1, 16);
    CHECK_EQ(dev_read(d, GICV3_ITS, 0xffe8, 4) >> 4, 3);
    CHECK_EQ(its_get(d, GITS_CTLR), 0x80000000);
    CHECK_EQ(its_get(d, GITS_BASER_DEVICES), 0x0107ull << 48 | 2 << 8); /* 64 KiB */
    CHECK_EQ(its_get(d, GITS_BASER_COLLECTIONS), 0x0407ull << 48 | 2 << 8);
    CHECK_EQ(its_get(d, 0x110), 0);
    its_set(d, GITS_BASER_DEVICES, ~0ull);
    CHECK_EQ(its_get(d, GITS_BASER_DEVICES), 0xf9e7ffffffffffff);
    CHECK_EQ(d->guest_errors, 0);
    its_end();
    begin(); /* without property its */
    CHECK_EQ(dist_get(TYPER) >> 17 & 1, 0);
    CHECK_EQ(redist_get(2, 8) & 1, 0);
    its_set(d, GITS_CTLR, 1);
    CHECK_EQ(its_get(d, GITS_CTLR), 0);
    CHECK(d->guest_errors != 0);
    end();
}

TEST(a_device_s_message_interrupts_its_cpu)
{
    ready_its();
    CHECK_EQ(its_get(d, GITS_CREADR), its_get(d, GITS_CWRITER));
    CHECK(message(DEVICE, EVENT));
    CHECK(irq(1) && !irq(0));
    CHECK_EQ(icc_get(1, ICC_HPPIR1), LPI);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI);
    CHECK_EQ(icc_get(1, ICC_RPR), 0x80);
    CHECK(!irq(1));
    CHECK(message(DEVICE, EVENT)); /* no active state: pending again at once */
    CHECK_EQ(icc_get(1, ICC_HPPIR1), LPI);
    icc_set(1, ICC_EOIR1, LPI);
    CHECK_EQ(icc_get(1, ICC_RPR), 0xff);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI);
    icc_set(1, ICC_EOIR1, LPI);
    CHECK_EQ(d->guest_errors, 0);
    CHECK(message(DEVICE, EVENT + 1) && message(DEVICE + 1, EVENT) && message(0x12345, EVENT) &&
          message(DEVICE, 256) && message(DEVICE, ~0u));
    CHECK_EQ(d->guest_errors, 5);
    CHECK(!irq(1));
    CHECK(!dev_msi_input(d, DEVICE, ITS_AT + GICV3_TRANSLATER + 4, EVENT));
    its_set(d, GITS_CTLR, 0);
    message(DEVICE, EVENT);
    CHECK_EQ(icc_get(1, ICC_HPPIR1), SPURIOUS);
    dev_write(d, GICV3_ITS, GICV3_TRANSLATER, EVENT, 4); /* a CPU is no device */
    CHECK_EQ(d->guest_errors, 7);
    its_end();
}

TEST(an_lpi_s_configuration_counts_when_it_is_said_to_have_changed)
{
    ready_its();
    message(DEVICE, EVENT);
    its_config(&h, LPI, 0x80);
    CHECK(irq(1));
    command(ITS_INV, DEVICE, EVENT, 0);
    CHECK(!irq(1));
    its_config(&h, LPI, 0x43);
    command(ITS_INVALL, 0, 0, 1);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI);
    CHECK_EQ(icc_get(1, ICC_RPR), 0x40);
    its_end();
}

TEST(lpis_take_their_turn_by_priority)
{
    ready_its();
    its_config(&h, LPI + 1, 0x81);
    its_config(&h, LPI + 2, 0x41);
    command(ITS_MAPTI, DEVICE, EVENT + 1, 1);
    command(ITS_MAPTI, DEVICE, EVENT + 2, 1);
    message(DEVICE, EVENT + 1);
    message(DEVICE, EVENT);
    CHECK_EQ(icc_get(1, ICC_HPPIR1), LPI);
    message(DEVICE, EVENT + 2);
    CHECK_EQ(icc_get(1, ICC_HPPIR1), LPI + 2);
    listen(1, 40, 0x80);
    route_set(40, 1);
    spi(40, true);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI + 2);
    icc_set(1, ICC_EOIR1, LPI + 2);
    CHECK_EQ(icc_get(1, ICC_IAR1), 40); /* the lower INTID */
    icc_set(1, ICC_EOIR1, 40);
    spi(40, false);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI);
    icc_set(1, ICC_EOIR1, LPI);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI + 1);
    CHECK_EQ(icc_get(1, ICC_HPPIR1), SPURIOUS);
    its_end();
}

TEST(commands_do_what_they_are_called)
{
    ready_its();
    command(ITS_MAPC, 0, 0, 2);
    command(ITS_INT, DEVICE, EVENT, 0);
    CHECK(irq(1));
    command(ITS_MOVI, DEVICE, EVENT, 2); /* pending goes along */
    CHECK(!irq(1) && irq(2));
    command(ITS_CLEAR, DEVICE, EVENT, 0);
    CHECK(!irq(2));
    message(DEVICE, EVENT);
    CHECK(irq(2));
    command(ITS_MOVALL, 0, 2, 3); /* what is pending, and nothing else */
    CHECK(!irq(2) && irq(3));
    message(DEVICE, EVENT);
    CHECK(irq(2) && irq(3));
    command(ITS_DISCARD, DEVICE, EVENT, 0);
    CHECK(!irq(2));
    CHECK_EQ(d->guest_errors, 0);
    message(DEVICE, EVENT);
    CHECK_EQ(d->guest_errors, 1);
    its_config(&h, ITS_LPI, 0x81);
    command(ITS_MAPI, DEVICE, ITS_LPI, 2); /* 8 bits of EventID: none is an LPI's number */
    CHECK_EQ(d->guest_errors, 2);
    its_put(&h, d, ITS_MAPD | (u64)DEVICE << 32, 13, ITS_VALID | ITS_ITT_AT(0), 0);
    command(ITS_MAPI, DEVICE, ITS_LPI, 2);
    command(ITS_INT, DEVICE, ITS_LPI, 0);
    command(ITS_SYNC, 0, 0, 2);
    CHECK_EQ(d->guest_errors, 2);
    CHECK_EQ(icc_get(2, ICC_IAR1), ITS_LPI);
    its_put(&h, d, ITS_MAPC, 0, 2, 0); /* not valid any more */
    message(DEVICE, ITS_LPI);
    its_put(&h, d, ITS_MAPD | (u64)DEVICE << 32, 13, 0, 0);
    message(DEVICE, ITS_LPI);
    CHECK_EQ(d->guest_errors, 4);
    its_end();
}

TEST(commands_out_of_order_are_passed_over)
{
    static const u64 bad[][4] = {
        { 0 },
        { 2 },
        { 0xff },
        { ITS_SYNC, 0, FAKE_CPUS << 16 },
        { ITS_MAPC, 0, ITS_VALID | (u64)FAKE_CPUS << 16 },
        { ITS_MAPC, 0, ITS_VALID | 256 },
        { ITS_MAPC, 0, ITS_VALID | 1ull << 50 },
        { ITS_MAPD | 1ull << 48, 7, ITS_VALID },
        { ITS_MAPD | (u64)ITS_DEVICES << 32, 7, ITS_VALID }, /* the table ends before */
        { ITS_MAPD, 16, ITS_VALID },
        { ITS_MAPTI | 4ull << 32, 0x200000000000 },
        { ITS_MAPTI | 3ull << 32, EVENT, 1 }, /* INTID 0 */
        { ITS_MAPTI | 3ull << 32, EVENT | (u64)(2 * ITS_LPI) << 32, 1 },
        { ITS_MAPTI | 3ull << 32, EVENT | (u64)LPI << 32, 256 },
        { ITS_MAPTI | 3ull << 32, 256 | (u64)LPI << 32, 1 },
        { ITS_INV | 3ull << 32, EVENT + 1 },
        { ITS_MOVI | 3ull << 32, EVENT, 7 },
        { ITS_INVALL, 0, 7 },
        { ITS_MOVALL, 0, 1 << 16, FAKE_CPUS << 16 },
    };

    ready_its();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        its_put(&h, d, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        CHECK_EQ(d->guest_errors, i + 1);
        CHECK_EQ(its_get(d, GITS_CREADR), its_get(d, GITS_CWRITER));
    }
    message(DEVICE, EVENT); /* works on */
    CHECK(irq(1));
    its_end();
}

TEST(a_full_queue_is_worked_off_in_pieces)
{
    u64 *queue;

    ready_its();
    queue = (u64 *)(h.ram->host + 0xc0000);
    its_set(d, GITS_CTLR, 0);
    its_set(d, GITS_CBASER, ITS_VALID | (FAKE_RAM_AT + 0xc0000) | 15);
    CHECK_EQ(its_get(d, GITS_CREADR), 0);
    CHECK_EQ(its_get(d, GITS_CWRITER), 0);
    for (unsigned i = 0; i < 0x10000 / 32; i++) {
        queue[4 * i] = ITS_INVALL;
        queue[4 * i + 2] = 1;
    }
    queue[0x10000 / 8 - 8] = ITS_INT | (u64)DEVICE << 32;
    queue[0x10000 / 8 - 7] = EVENT;
    its_set(d, GITS_CTLR, 1);
    its_set(d, GITS_CWRITER, 0x10000 - 32);
    CHECK(its_get(d, GITS_CREADR) < 0x1000); /* not all at once: others wait meanwhile */
    CHECK(!dev_idle(d) && !irq(1));
    CHECK_EQ(its_get(d, GITS_CTLR), 1); /* not quiescent */
    fake_settle(&h);
    CHECK_EQ(its_get(d, GITS_CREADR), 0x10000 - 32);
    CHECK(dev_idle(d) && irq(1));
    its_set(d, GITS_CWRITER, 32); /* around the end */
    fake_settle(&h);
    CHECK_EQ(its_get(d, GITS_CREADR), 32);
    CHECK_EQ(d->guest_errors, 0);
    its_set(d, GITS_CWRITER, 0x10000); /* outside */
    CHECK_EQ(its_get(d, GITS_CWRITER), 32);
    its_set(d, GITS_CBASER, 0); /* not while it works */
    CHECK_EQ(its_get(d, GITS_CBASER) & 15, 15);
    CHECK_EQ(d->guest_errors, 3);
    its_end();
}

TEST(a_table_of_tables)
{
    u64 *top;

    its_begin();
    its_start(&h, d);
    top = (u64 *)(h.ram->host + 0xc0000);
    its_set(d, GITS_CTLR, 0);
    its_set(d, GITS_BASER_DEVICES, 3ull << 62 | (FAKE_RAM_AT + 0xc0000));
    its_set(d, GITS_CTLR, 1);
    its_config(&h, LPI, 0x81);
    top[0x1234 / 512] = ITS_VALID | (FAKE_RAM_AT + 0xd0000);
    command(ITS_MAPC, 0, 0, 1);
    command(ITS_MAPD, 0x1234, 0, 0);
    command(ITS_MAPTI, 0x1234, EVENT, 1);
    CHECK_EQ(d->guest_errors, 0);
    CHECK_EQ(le64_get(h.ram->host + 0xd0000 + 0x1234 % 512 * 8),
             ITS_VALID | ITS_ITT_AT(0x1234) | 7);
    message(0x1234, EVENT);
    CHECK(irq(1));
    command(ITS_MAPD, 0x2234, 0, 0); /* its page is not there */
    CHECK_EQ(d->guest_errors, 1);
    top[0x1234 / 512] = ITS_VALID | 0xdead0000; /* nor is that RAM */
    message(0x1234, EVENT);
    CHECK(d->guest_errors > 1);
    its_end();
}

/* The tables are the ITS's own, and in the guest's hands. */
TEST(a_guest_that_writes_into_the_tables)
{
    static const u64 events[] = { 0,
                                  (u64)LPI << 16 | 1,
                                  ITS_VALID | 27 << 16 | 1,
                                  ITS_VALID | (u64)(2 * ITS_LPI) << 16 | 1,
                                  ITS_VALID | 0xffffffffull << 16 | 1,
                                  ITS_VALID | (u64)LPI << 16 | 0xffff };
    u64 *event, *collection, good;
    u64 errors = 0;

    ready_its();
    event = (u64 *)(h.ram->host + (ITS_ITT_AT(DEVICE) - FAKE_RAM_AT)) + EVENT;
    collection = (u64 *)(h.ram->host + (ITS_COLLECTIONS_AT - FAKE_RAM_AT)) + 1;
    good = *event;
    for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
        *event = events[i];
        message(DEVICE, EVENT);
        command(ITS_MOVI, DEVICE, EVENT, 1);
        errors += 2;
        CHECK_EQ(d->guest_errors, errors);
    }
    *event = good;
    for (u64 cpu = FAKE_CPUS; cpu < 0x10000; cpu = cpu * 4 + 3) {
        *collection = ITS_VALID | cpu;
        message(DEVICE, EVENT);
        CHECK_EQ(d->guest_errors, ++errors);
    }
    *collection = ITS_VALID | 1;
    CHECK(!irq(1));
    message(DEVICE, EVENT);
    CHECK(irq(1));
    its_set(d, GITS_CTLR, 0);
    its_set(d, GITS_BASER_DEVICES, ITS_DEVICES_AT); /* not valid */
    its_set(d, GITS_CTLR, 1);
    message(DEVICE, EVENT);
    CHECK_EQ(d->guest_errors, errors + 1);
    its_end();
}

TEST(pending_lpis_survive_in_memory_while_they_are_off)
{
    ready_its();
    message(DEVICE, EVENT);
    CHECK_EQ(redist_get(1, GICR_CTLR), 3);
    redist_set(1, GICR_CTLR, 0);
    CHECK(!irq(1));
    CHECK_EQ(h.ram->host[ITS_PENDING_AT(1) - FAKE_RAM_AT + LPI / 8], 1 << LPI % 8);
    message(DEVICE, EVENT); /* nobody takes it */
    CHECK(!irq(1));
    redist_set(1, GICR_CTLR, 1);
    CHECK_EQ(icc_get(1, ICC_IAR1), LPI);
    icc_set(1, ICC_EOIR1, LPI);
    redist_set(1, GICR_CTLR, 0);
    h.ram->host[ITS_PENDING_AT(1) - FAKE_RAM_AT + LPI / 8] = 1 << LPI % 8;
    redist_set(1, GICR_PENDBASER + 4, 1 << 30); /* the table is all zero, says the guest */
    CHECK_EQ(redist_get(1, GICR_PENDBASER + 4), 0);
    redist_set(1, GICR_CTLR, 1);
    CHECK_EQ(icc_get(1, ICC_HPPIR1), SPURIOUS);
    CHECK_EQ(d->guest_errors, 0);
    redist_set(1, GICR_CTLR, 0);
    redist_set(1, GICR_PROPBASER, (u32)ITS_CONFIG_AT | 12); /* too few bits for any LPI */
    redist_set(1, GICR_CTLR, 1);
    message(DEVICE, EVENT);
    CHECK(!irq(1));
    redist_set(1, GICR_CTLR, 0);
    redist_set(1, GICR_PROPBASER, (u32)ITS_CONFIG_AT | 13);
    redist_set(1, GICR_CTLR, 1);
    CHECK(irq(1));
    CHECK_EQ(d->guest_errors, 0);
    redist_set(1, GICR_PROPBASER, 0); /* not while they are on */
    CHECK_EQ(d->guest_errors, 1);
    CHECK_EQ(redist_get(1, GICR_PROPBASER), (u32)ITS_CONFIG_AT | 13);
    its_end();
}

TEST(tables_outside_ram_hold_nothing)
{
    ready_its();
    redist_set(1, GICR_CTLR, 0);
    redist_set(1, GICR_PROPBASER, 0x10000 | 13);
    redist_set(1, GICR_PENDBASER, 0);
    redist_set(1, GICR_CTLR, 1);
    message(DEVICE, EVENT);
    CHECK(!irq(1));
    redist_set(1, GICR_CTLR, 0);
    its_set(d, GITS_CTLR, 0);
    its_set(d, GITS_BASER_DEVICES, ITS_VALID | 0x1000);
    its_set(d, GITS_CTLR, 1);
    message(DEVICE, EVENT);
    command(ITS_MAPD, DEVICE, 0, 0);
    its_set(d, GITS_CTLR, 0);
    its_set(d, GITS_CBASER, ITS_VALID | 0x1000);
    its_set(d, GITS_CTLR, 1);
    its_set(d, GITS_CWRITER, 64);
    CHECK_EQ(its_get(d, GITS_CREADR), 64);
    CHECK(d->guest_errors > 4);
    its_end();
}

TEST_MAIN(TEST_CASE(a_kernel_finds_it), TEST_CASE(a_device_s_message_interrupts_its_cpu),
          TEST_CASE(an_lpi_s_configuration_counts_when_it_is_said_to_have_changed),
          TEST_CASE(lpis_take_their_turn_by_priority), TEST_CASE(commands_do_what_they_are_called),
          TEST_CASE(commands_out_of_order_are_passed_over),
          TEST_CASE(a_full_queue_is_worked_off_in_pieces), TEST_CASE(a_table_of_tables),
          TEST_CASE(a_guest_that_writes_into_the_tables),
          TEST_CASE(pending_lpis_survive_in_memory_while_they_are_off),
          TEST_CASE(tables_outside_ram_hold_nothing))
