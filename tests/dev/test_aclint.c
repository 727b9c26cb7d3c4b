/*
 * test_aclint.c - ACLINT: software interrupts, the timer and its moments.
 */
#include "fake_host.h"
#include "test.h"

enum { MSI = 3, MTI = 7, MTIMECMP = 0x4000, MTIME = 0xbff8 };

static struct fake_host h;
static struct device *d;

static void begin(const char *timebase)
{
    struct dev_setting s = { "timebase", timebase, NULL };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("aclint"), &s, timebase ? 1 : 0);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST(msip_raises_the_line_of_its_hart)
{
    begin(NULL);
    dev_write(d, 0, 8, 0xffffffff, 4);
    CHECK_EQ(dev_read(d, 0, 8, 4), 1);
    CHECK(h.cpu_line[2][MSI]);
    CHECK(!h.cpu_line[0][MSI] && !h.cpu_line[1][MSI] && !h.cpu_line[3][MSI]);
    dev_write(d, 0, 8, 0xfffffffe, 4);
    CHECK(!h.cpu_line[2][MSI]);
    dev_write(d, 0, 0, 1ull << 32, 8); /* harts 0 and 1 at once */
    CHECK(!h.cpu_line[0][MSI] && h.cpu_line[1][MSI]);
    CHECK_EQ(dev_read(d, 0, 0, 8), 1ull << 32);
    dev_write(d, 0, 4 * 100, 1, 4); /* no such hart */
    CHECK_EQ(dev_read(d, 0, 4 * 100, 4), 0);
    end();
}

TEST(mtime_counts_the_clock)
{
    begin(NULL);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 0);
    fake_run(&h, 1999);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 19);
    fake_run(&h, 430 * NS_PER_SEC);
    CHECK_EQ(dev_read(d, 0, MTIME + 4, 4), 1);
    CHECK_EQ(dev_read(d, 0, MTIME, 4), (430 * NS_PER_SEC + 1999) / 100 - (1ull << 32));
    end();
}

TEST(the_timer_line_rises_at_its_tick_and_not_before)
{
    begin("3000000"); /* 333.3 ns a tick */
    CHECK(!h.cpu_line[1][MTI]);
    dev_write(d, 0, MTIMECMP + 8, 10, 8);
    CHECK_EQ(dev_read(d, 0, MTIMECMP + 8, 8), 10);
    CHECK(!h.cpu_line[1][MTI]);
    fake_run(&h, 3333);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 9);
    CHECK(!h.cpu_line[1][MTI]);
    fake_run(&h, 1);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 10);
    CHECK(h.cpu_line[1][MTI]);
    CHECK(!h.cpu_line[0][MTI] && !h.cpu_line[2][MTI]);
    dev_write(d, 0, MTIMECMP + 8, 11, 8);
    CHECK(!h.cpu_line[1][MTI]);
    dev_write(d, 0, MTIMECMP + 8, 0, 8);
    CHECK(h.cpu_line[1][MTI]);
    end();
}

TEST(each_hart_has_its_moment)
{
    begin(NULL);
    dev_write(d, 0, MTIMECMP + 24, 30, 8);
    dev_write(d, 0, MTIMECMP + 0, 10, 8);
    dev_write(d, 0, MTIMECMP + 8, 20, 8);
    fake_run(&h, 1000);
    CHECK(h.cpu_line[0][MTI] && !h.cpu_line[1][MTI] && !h.cpu_line[3][MTI]);
    fake_run(&h, 1000);
    CHECK(h.cpu_line[1][MTI] && !h.cpu_line[3][MTI]);
    fake_run(&h, 1000);
    CHECK(h.cpu_line[3][MTI] && !h.cpu_line[2][MTI]);
    end();
}

/* A 32-bit guest writes -1 to the low half, then high, then low (Privileged Architecture). */
TEST(halves_are_written_alone)
{
    begin(NULL);
    fake_run(&h, 1000);
    dev_write(d, 0, MTIMECMP, 0xffffffff, 4);
    dev_write(d, 0, MTIMECMP + 4, 0, 4);
    dev_write(d, 0, MTIMECMP, 20, 4);
    CHECK_EQ(dev_read(d, 0, MTIMECMP, 8), 20);
    CHECK(!h.cpu_line[0][MTI]);
    fake_run(&h, 1000);
    CHECK(h.cpu_line[0][MTI]);
    end();
}

TEST(mtime_can_be_set_and_a_reset_undoes_it)
{
    begin(NULL);
    dev_write(d, 0, MTIMECMP, 1000, 8);
    fake_run(&h, 500);
    dev_write(d, 0, MTIME, 990, 8);
    fake_run(&h, 900);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 999);
    CHECK(!h.cpu_line[0][MTI]);
    fake_run(&h, 100);
    CHECK(h.cpu_line[0][MTI]);
    dev_write(d, 0, 0, 1, 4);
    dev_reset(d);
    CHECK(!h.cpu_line[0][MTI] && !h.cpu_line[0][MSI]);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 15);
    CHECK_EQ(dev_read(d, 0, MTIMECMP, 8), UINT64_MAX);
    end();
}

TEST(the_line_falls_when_mtime_wraps)
{
    begin(NULL);
    dev_write(d, 0, MTIMECMP, 5, 8);
    dev_write(d, 0, MTIME, UINT64_MAX, 8);
    CHECK(h.cpu_line[0][MTI]);
    fake_run(&h, 100);
    CHECK_EQ(dev_read(d, 0, MTIME, 8), 0);
    CHECK(!h.cpu_line[0][MTI]);
    fake_run(&h, 500);
    CHECK(h.cpu_line[0][MTI]);
    end();
}

TEST(times_beyond_the_clock_never_come)
{
    begin("1000");
    dev_write(d, 0, MTIMECMP, UINT64_MAX - 1, 8);
    CHECK_EQ(d->timer_at[0], DEV_TIMER_OFF);
    dev_write(d, 0, MTIME, UINT64_MAX - 2, 8); /* one tick before it */
    CHECK_EQ(d->timer_at[0], 1000000);
    fake_run(&h, NS_PER_SEC);
    dev_write(d, 0, MTIME, 0, 8); /* so far off that the clock's own ticks would wrap */
    CHECK_EQ(d->timer_at[0], DEV_TIMER_OFF);
    end();
}

TEST_MAIN(TEST_CASE(msip_raises_the_line_of_its_hart), TEST_CASE(mtime_counts_the_clock),
          TEST_CASE(the_timer_line_rises_at_its_tick_and_not_before),
          TEST_CASE(each_hart_has_its_moment), TEST_CASE(halves_are_written_alone),
          TEST_CASE(mtime_can_be_set_and_a_reset_undoes_it),
          TEST_CASE(the_line_falls_when_mtime_wraps), TEST_CASE(times_beyond_the_clock_never_come))
