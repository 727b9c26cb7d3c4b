/*
 * test_gpio.c - PL061's pins and interrupts, and a key on one of them.
 */
#include "fake_host.h"
#include "test.h"

enum { ALL = 0x3fc, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410 };
enum { RIS = 0x414, MIS = 0x418, IC = 0x41c, AFSEL = 0x420 };

static struct fake_host h;
static struct device *d;

static void begin(void)
{
    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("gpio-pl061"), NULL, 0);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u64 get(u64 off)
{
    return dev_read(d, 0, off, 4);
}

static void set(u64 off, u64 v)
{
    dev_write(d, 0, off, v, 4);
}

TEST(a_driver_finds_it)
{
    static const u8 id[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++)
        CHECK_EQ(get(0xfe0 + 4 * i), id[i]);
    set(AFSEL, 0x1ff);
    CHECK_EQ(get(AFSEL), 0xff);
    CHECK_EQ(d->guest_errors, 0);
    set(RIS, 1);
    get(IC);
    get(0x424);
    CHECK_EQ(d->guest_errors, 3);
    end();
}

TEST(the_address_chooses_the_pins)
{
    begin();
    set(DIR, 0xf0);
    set(ALL, 0xff);
    CHECK_EQ(get(ALL), 0xf0); /* the others are inputs, and low */
    set(0x10 << 2, 0);
    CHECK_EQ(get(ALL), 0xe0);
    CHECK_EQ(get(0x60 << 2), 0x60);
    CHECK_EQ(get(0), 0);
    dev_irq_input(d, 1, true);
    dev_irq_input(d, 7, true); /* the guest drives that one */
    set(0x80 << 2, 0);
    CHECK_EQ(get(ALL), 0x62);
    CHECK_EQ(dev_read(d, 0, ALL, 1), 0x62);
    dev_irq_input(d, 8, true);
    CHECK_EQ(get(ALL), 0x62);
    end();
}

TEST(driven_pins_are_outputs)
{
    begin();
    set(ALL, 0x05);
    CHECK(!fake_irq(&h, 1) && !fake_irq(&h, 3));
    set(DIR, 0x04);
    CHECK(!fake_irq(&h, 1) && fake_irq(&h, 3));
    set(0x04 << 2, 0);
    CHECK(!fake_irq(&h, 3));
    end();
}

TEST(edges_interrupt_until_they_are_cleared)
{
    begin();
    set(IE, 0xff);
    set(IEV, 0x01);
    set(IBE, 0x04);
    dev_irq_input(d, 0, true);
    dev_irq_input(d, 1, true);
    dev_irq_input(d, 2, true);
    CHECK_EQ(get(RIS), 0x05);
    CHECK(fake_irq(&h, 0));
    set(IC, 0x01);
    CHECK(fake_irq(&h, 0));
    set(IC, 0x04);
    CHECK(!fake_irq(&h, 0));
    dev_irq_input(d, 0, false);
    dev_irq_input(d, 1, false);
    dev_irq_input(d, 2, false);
    CHECK_EQ(get(RIS), 0x06);
    set(IE, 0x01);
    CHECK_EQ(get(MIS), 0);
    CHECK(!fake_irq(&h, 0));
    set(IE, 0x02);
    CHECK_EQ(get(MIS), 0x02);
    CHECK(fake_irq(&h, 0));
    end();
}

TEST(levels_interrupt_while_they_last)
{
    begin();
    set(IS, 0x03);
    set(IEV, 0x01);
    CHECK_EQ(get(RIS), 0x02); /* low is what pin 1 asks for */
    set(IE, 0x03);
    CHECK(fake_irq(&h, 0));
    dev_irq_input(d, 1, true);
    CHECK(!fake_irq(&h, 0));
    dev_irq_input(d, 0, true);
    set(IC, 0xff);
    CHECK(fake_irq(&h, 0));
    dev_irq_input(d, 0, false);
    CHECK(!fake_irq(&h, 0));
    set(DIR, 0x02);
    dev_irq_input(d, 1, false); /* the guest drives it: no interrupt */
    CHECK(!fake_irq(&h, 0));
    end();
}

/* As Linux's gpio-keys does: both edges, and a look at the pin 5 ms after the first. */
TEST(a_key_is_down_long_enough)
{
    struct device *key;

    begin();
    key = fake_device(&h, dev_class_find("gpio-key"), NULL, 0);
    dev_irq_connect(key, 0, d, 3);
    set(IBE, 0x08);
    set(IE, 0x08);
    dev_irq_input(key, 0, true);
    dev_irq_input(key, 0, false);
    dev_irq_input(key, 1, true);
    CHECK(fake_irq(&h, 0));
    set(IC, 0x08);
    fake_run(&h, 5 * NS_PER_MS);
    CHECK_EQ(get(0x08 << 2), 0x08);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 94 * NS_PER_MS);
    CHECK_EQ(get(0x08 << 2), 0x08);
    fake_run(&h, NS_PER_MS);
    CHECK_EQ(get(0x08 << 2), 0);
    CHECK(fake_irq(&h, 0));
    fake_device_free(&h, key);
    end();
}

TEST_MAIN(TEST_CASE(a_driver_finds_it), TEST_CASE(the_address_chooses_the_pins),
          TEST_CASE(driven_pins_are_outputs), TEST_CASE(edges_interrupt_until_they_are_cleared),
          TEST_CASE(levels_interrupt_while_they_last), TEST_CASE(a_key_is_down_long_enough))
