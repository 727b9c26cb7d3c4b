/*
 * test_rtc_goldfish.c - Goldfish RTC: the time in two halves, setting it, the alarm.
 */
#include "fake_host.h"
#include "test.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_IRQ = 0x1c
};

static struct fake_host h;
static struct device *d;

static void begin(void)
{
    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("rtc-goldfish"), NULL, 0);
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

static u64 now(void)
{
    u64 low = get(TIME_LOW);

    return get(TIME_HIGH) << 32 | low;
}

static void alarm_set(u64 at)
{
    set(ALARM_HIGH, at >> 32);
    set(ALARM_LOW, (u32)at);
}

TEST(it_shows_the_world_s_time)
{
    begin();
    CHECK_EQ(now(), 1700000000ull * NS_PER_SEC);
    fake_run(&h, 5 * NS_PER_SEC);
    CHECK_EQ(now(), 1700000005ull * NS_PER_SEC);
    end();
}

TEST(the_high_half_belongs_to_the_low_half_read_before)
{
    u64 low;

    begin();
    h.realtime_base = 0x1234fffffff0;
    low = get(TIME_LOW);
    fake_run(&h, 100); /* carries into the high half */
    CHECK_EQ(get(TIME_HIGH) << 32 | low, 0x1234fffffff0);
    CHECK_EQ(now(), 0x123500000054);
    end();
}

TEST(the_guest_s_setting_survives_a_reset)
{
    begin();
    set(TIME_HIGH, 0x11223344);
    set(TIME_LOW, 0x55667788);
    CHECK_EQ(now(), 0x1122334455667788);
    fake_run(&h, 1000);
    dev_reset(d);
    CHECK_EQ(now(), 0x1122334455667788 + 1000);
    end();
}

TEST(the_alarm_interrupts_at_its_time)
{
    begin();
    set(IRQ_ENABLED, 1);
    alarm_set(now() + 2000);
    CHECK_EQ(get(ALARM_STATUS), 1);
    fake_run(&h, 1999);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 1);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(ALARM_STATUS), 0);
    fake_run(&h, NS_PER_SEC);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(fake_irq_edges(&h, 0), 1);
    set(CLEAR_IRQ, 1);
    CHECK(!fake_irq(&h, 0));
    end();
}

TEST(enabling_decides_only_the_line)
{
    begin();
    alarm_set(now() + 10);
    fake_run(&h, 10);
    CHECK(!fake_irq(&h, 0));
    set(IRQ_ENABLED, 1);
    CHECK(fake_irq(&h, 0));
    set(IRQ_ENABLED, 0);
    CHECK(!fake_irq(&h, 0));
    end();
}

TEST(an_alarm_in_the_past_goes_off_at_once)
{
    begin();
    set(IRQ_ENABLED, 1);
    alarm_set(now() - 1);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(ALARM_STATUS), 0);
    end();
}

TEST(a_cleared_alarm_does_not_come)
{
    begin();
    set(IRQ_ENABLED, 1);
    alarm_set(now() + 1000);
    CHECK_EQ(get(ALARM_LOW), (u32)(now() + 1000));
    set(CLEAR_ALARM, 1);
    CHECK_EQ(get(ALARM_STATUS), 0);
    fake_run(&h, 5000);
    CHECK(!fake_irq(&h, 0));
    CHECK_EQ(d->timer_at[0], DEV_TIMER_OFF);
    end();
}

TEST(setting_the_time_moves_the_alarm)
{
    begin();
    set(IRQ_ENABLED, 1);
    alarm_set(now() + NS_PER_SEC);
    set(TIME_LOW, (u32)(now() + NS_PER_SEC - 100));
    fake_run(&h, 100);
    CHECK(fake_irq(&h, 0));
    set(CLEAR_IRQ, 1);
    alarm_set(now() + 500);
    set(TIME_LOW, (u32)(now() + 600)); /* past it */
    CHECK(fake_irq(&h, 0));
    end();
}

/* Somebody sets the host's clock back: the alarm waits for its time, not for a duration. */
TEST(a_step_of_the_host_s_clock_is_noticed)
{
    begin();
    set(IRQ_ENABLED, 1);
    alarm_set(now() + 1000);
    h.realtime_base -= 500;
    fake_run(&h, 1000);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 500);
    CHECK(fake_irq(&h, 0));
    end();
}

TEST_MAIN(TEST_CASE(it_shows_the_world_s_time),
          TEST_CASE(the_high_half_belongs_to_the_low_half_read_before),
          TEST_CASE(the_guest_s_setting_survives_a_reset),
          TEST_CASE(the_alarm_interrupts_at_its_time), TEST_CASE(enabling_decides_only_the_line),
          TEST_CASE(an_alarm_in_the_past_goes_off_at_once),
          TEST_CASE(a_cleared_alarm_does_not_come), TEST_CASE(setting_the_time_moves_the_alarm),
          TEST_CASE(a_step_of_the_host_s_clock_is_noticed))
