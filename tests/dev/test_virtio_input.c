/*
 * test_virtio_input.c - the power button, through both rings on both transports.
 */
#include "base/bits.h"
#include "test.h"
#include "virtio_driver.h"

enum { EVENTS, STATUS };
enum { SELECT = 0, SUBSEL = 1, SIZE = 2, PAYLOAD = 8 };

static struct fake_host h;
static struct vdrv v;

static void each_way(void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "input", vdrv_ways[i], NULL, 0);
        CHECK(vdrv_up(&v, 0, 2, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

static gpa_t event_buffer(u32 len)
{
    struct vdrv_buf b = { vdrv_alloc(&v, len), len, true };

    vdrv_add(&v, EVENTS, &b, 1, false);
    vdrv_kick(&v, EVENTS);
    return b.at;
}

static void press(void)
{
    dev_irq_input(v.d, 0, true);
    dev_irq_input(v.d, 0, false);
}

/* The next used buffer holds type, code and value as one word. */
static u64 event(gpa_t at)
{
    u16 id;
    u32 len;

    if (!vdrv_get(&v, EVENTS, &id, &len) || len != 8)
        return UINT64_MAX;
    return le64_get(vdrv_host(&v, at));
}

static void pressing(void)
{
    static const u64 expected[4] = { 0x100740001, 0, 0x00740001, 0 };
    gpa_t at[8];
    u16 id;
    u32 len;

    for (unsigned i = 0; i < 3; i++)
        at[i] = event_buffer(8);
    press();
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(event(at[i]), expected[i]);
    CHECK(vdrv_interrupted(&v, NULL));
    CHECK(!vdrv_get(&v, EVENTS, &id, &len)); /* the last one waits for a buffer */
    at[3] = event_buffer(16);
    CHECK_EQ(event(at[3]), expected[3]);
    press(); /* twice without a buffer, more often than it remembers */
    for (unsigned i = 0; i < 100; i++)
        press();
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(event(event_buffer(8)), expected[i % 4]);
    event_buffer(8);
    CHECK(!vdrv_get(&v, EVENTS, &id, &len));
}

TEST(a_press_is_four_events)
{
    each_way(pressing);
}

static void short_buffer(void)
{
    event_buffer(7);
    press();
    CHECK(vdrv_status(&v) & VIRTIO_NEEDS_RESET);
    vdrv_status_set(&v, 0);
    press(); /* nobody drives it */
    CHECK(vdrv_up(&v, 0, 2, 0));
    CHECK_EQ(event(event_buffer(8)), UINT64_MAX);
}

TEST(a_short_buffer_breaks_the_device_until_reset)
{
    each_way(short_buffer);
}

static u64 shown(u8 select, u8 subsel)
{
    vdrv_config_set(&v, SELECT, select, 1);
    vdrv_config_set(&v, SUBSEL, subsel, 1);
    return vdrv_config(&v, SIZE, 1);
}

static void telling(void)
{
    static const char name[] = "Power Button";

    CHECK_EQ(shown(1, 0), 12);
    for (unsigned i = 0; i < 12; i++)
        CHECK_EQ(vdrv_config(&v, PAYLOAD + i, 1), (u8)name[i]);
    CHECK_EQ(shown(1, 1), 0);
    CHECK_EQ(shown(0x11, 1), 15);
    CHECK_EQ(vdrv_config(&v, PAYLOAD + 14, 1), 0x10); /* bit 116 */
    CHECK_EQ(vdrv_config(&v, PAYLOAD + 13, 1), 0);
    CHECK_EQ(shown(0x11, 2), 0); /* it has no wheels */
    CHECK_EQ(shown(3, 0), 8);
    CHECK_EQ(vdrv_config(&v, PAYLOAD, 2), 6);
    CHECK_EQ(shown(0x77, 9), 0);
    CHECK_EQ(vdrv_config(&v, SELECT, 1), 0x77);
    CHECK_EQ(vdrv_config(&v, SUBSEL, 1), 9);
    vdrv_config_set(&v, SIZE, 1, 1); /* not the driver's */
    CHECK_EQ(v.d->guest_errors, 1);
    CHECK_EQ(vdrv_config(&v, SIZE, 1), 0);
}

TEST(the_configuration_shows_one_key)
{
    each_way(telling);
}

static void lamps(void)
{
    struct vdrv_buf b = { vdrv_alloc(&v, 8), 8, false };

    CHECK(vdrv_request(&v, STATUS, &b, 1, false, NULL));
}

TEST(status_events_are_taken)
{
    each_way(lamps);
}

TEST_MAIN(TEST_CASE(a_press_is_four_events),
          TEST_CASE(a_short_buffer_breaks_the_device_until_reset),
          TEST_CASE(the_configuration_shows_one_key), TEST_CASE(status_events_are_taken))
