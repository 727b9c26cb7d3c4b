/*
 * test_soc.c - the small ones: power and reset register, panic notifier.
 */
#include "fake_host.h"
#include "test.h"

static struct fake_host h;

static unsigned requests(void)
{
    return h.requests[DEV_REQUEST_POWEROFF] * 100 + h.requests[DEV_REQUEST_RESET] * 10 +
           h.requests[DEV_REQUEST_PANIC];
}

TEST(the_finisher_powers_off_resets_and_fails)
{
    struct device *d;

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("syscon-test"), NULL, 0);
    CHECK_EQ(dev_read(d, 0, 0, 4), 0);
    dev_write(d, 0, 4, 0x5555, 4);
    dev_write(d, 0, 0, 0x1234, 4);
    CHECK_EQ(requests(), 0);
    CHECK_EQ(d->guest_errors, 2);
    dev_write(d, 0, 0, 0x5555, 4);
    CHECK_EQ(requests(), 100);
    dev_write(d, 0, 0, 0x7777, 2);
    CHECK_EQ(requests(), 110);
    dev_write(d, 0, 0, 0x10003333, 4);
    CHECK_EQ(requests(), 111);
    CHECK_EQ(dev_read(d, 0, 0, 4), 0);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST(pvpanic_hears_what_it_offers)
{
    struct dev_setting both = { "events", "3", NULL };
    struct device *d;

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("pvpanic"), NULL, 0);
    CHECK_EQ(dev_read(d, 0, 0, 1), 1);
    dev_write(d, 0, 0, 2, 1);
    dev_write(d, 0, 1, 1, 1);
    dev_write(d, 0, 0, 0, 1);
    CHECK_EQ(requests(), 0);
    dev_write(d, 0, 0, 1, 1);
    CHECK_EQ(requests(), 1);
    fake_device_free(&h, d);
    d = fake_device(&h, dev_class_find("pvpanic"), &both, 1);
    CHECK_EQ(dev_read(d, 0, 0, 1), 3);
    dev_write(d, 0, 0, 2, 1);
    CHECK_EQ(requests(), 2);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST_MAIN(TEST_CASE(the_finisher_powers_off_resets_and_fails),
          TEST_CASE(pvpanic_hears_what_it_offers))
