/*
 * test_rtc_pl031.c - PL031: the counter of seconds, setting it, the match interrupt.
 */
#include "fake_host.h"
#include "test.h"

enum { DR = 0x00, MR = 0x04, LR = 0x08, CR = 0x0c };
enum { IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
#define NOW 1700000000u

static struct fake_host h;
static struct device *d;

static void begin(void)
{
    fake_host_init(&h);
    h.realtime_base += 300 * NS_PER_MS; /* the world's seconds change 0.7 s from now */
    d = fake_device(&h, dev_class_find("rtc-pl031"), NULL, 0);
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

TEST(a_driver_finds_it_running)
{
    static const u8 id[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++)
        CHECK_EQ(get(0xfe0 + 4 * i), id[i]);
    CHECK_EQ(dev_read(d, 0, 0xff0, 1), 0x0d); /* as EDK2 does */
    CHECK_EQ(dev_read(d, 0, DR + 1, 1), NOW >> 8 & 0xff);
    CHECK_EQ(get(CR), 1);
    set(CR, 0);
    CHECK_EQ(get(CR), 1);
    CHECK_EQ(get(DR), NOW);
    fake_run(&h, 699 * NS_PER_MS);
    CHECK_EQ(get(DR), NOW);
    fake_run(&h, NS_PER_MS);
    CHECK_EQ(get(DR), NOW + 1);
    CHECK_EQ(d->guest_errors, 0);
    set(DR, 5);
    get(ICR);
    dev_write(d, 0, LR, 5, 1);
    CHECK_EQ(get(DR), NOW + 1);
    CHECK_EQ(d->guest_errors, 3);
    end();
}

TEST(the_guest_s_setting_survives_a_reset)
{
    begin();
    set(LR, 1000);
    CHECK_EQ(get(LR), 1000);
    CHECK_EQ(get(DR), 1000);
    fake_run(&h, 5 * NS_PER_SEC);
    dev_reset(d);
    CHECK_EQ(get(DR), 1005);
    h.realtime_base += 60 * NS_PER_SEC; /* the guest was paused */
    CHECK_EQ(get(DR), 1065);
    end();
}

TEST(the_match_interrupts_at_its_second)
{
    begin();
    set(IMSC, 1);
    set(MR, NOW + 2);
    CHECK_EQ(get(MR), NOW + 2);
    fake_run(&h, 1699 * NS_PER_MS);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, NS_PER_MS);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(DR), NOW + 2);
    set(ICR, 0);
    CHECK(fake_irq(&h, 0));
    set(ICR, 1);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 10 * NS_PER_SEC);
    CHECK(!fake_irq(&h, 0)); /* once */
    end();
}

TEST(the_mask_decides_only_on_the_line)
{
    begin();
    set(MR, NOW); /* is the counter's value now */
    CHECK_EQ(get(RIS), 1);
    CHECK_EQ(get(MIS), 0);
    CHECK(!fake_irq(&h, 0));
    set(IMSC, 1);
    CHECK_EQ(get(MIS), 1);
    CHECK(fake_irq(&h, 0));
    set(IMSC, 0);
    CHECK(!fake_irq(&h, 0));
    end();
}

/* The counter has to get there: 136 years. */
TEST(a_match_of_the_past_waits_for_the_counter_to_turn_over)
{
    begin();
    set(IMSC, 1);
    set(MR, NOW - 1);
    fake_run(&h, 3600 * NS_PER_SEC);
    CHECK(!fake_irq(&h, 0));
    set(LR, 0xfffffffe);
    set(MR, 1);
    fake_run(&h, 2 * NS_PER_SEC);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, NS_PER_SEC);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(DR), 1);
    end();
}

TEST(setting_the_counter_moves_the_match)
{
    begin();
    set(IMSC, 1);
    set(MR, NOW + 100);
    set(LR, NOW + 90);
    fake_run(&h, 9 * NS_PER_SEC);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, NS_PER_SEC);
    CHECK(fake_irq(&h, 0));
    end();
}

/* Somebody sets the host's clock: the match waits for its time, not for a duration. */
TEST(a_step_of_the_host_s_clock_is_noticed)
{
    begin();
    set(IMSC, 1);
    set(MR, NOW + 10);
    h.realtime_base -= 5 * NS_PER_SEC;
    fake_run(&h, 10 * NS_PER_SEC);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 5 * NS_PER_SEC);
    CHECK(fake_irq(&h, 0));
    set(ICR, 1);
    set(MR, NOW + 20);
    h.realtime_base += 3600 * NS_PER_SEC; /* beyond it */
    fake_run(&h, 10 * NS_PER_SEC);
    CHECK(fake_irq(&h, 0));
    end();
}

TEST_MAIN(TEST_CASE(a_driver_finds_it_running), TEST_CASE(the_guest_s_setting_survives_a_reset),
          TEST_CASE(the_match_interrupts_at_its_second),
          TEST_CASE(the_mask_decides_only_on_the_line),
          TEST_CASE(a_match_of_the_past_waits_for_the_counter_to_turn_over),
          TEST_CASE(setting_the_counter_moves_the_match),
          TEST_CASE(a_step_of_the_host_s_clock_is_noticed))
