/*
 * test_virtio_balloon.c - memory that the guest gives back, through both rings on both
 * transports.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_balloon.h"
#include "host/map.h"
#include "test.h"
#include "virtio_driver.h"
#include <sys/mman.h>

enum { INFLATE, DEFLATE, REPORTING, PAGE = 4096 };

static struct fake_host h;
static struct vdrv v;

static void each_way(void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        struct dev_setting target = { "target", "1048576", NULL };
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "balloon", vdrv_ways[i], &target, 1);
        CHECK(vdrv_offered(&v) & 1ull << 2);
        CHECK(vdrv_offered(&v) & 1ull << 5);
        CHECK(vdrv_up(&v, 1ull << 2 | 1ull << 5, 3, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

/* Guest memory away from the rings, filled. */
static gpa_t pages(unsigned count)
{
    gpa_t at = FAKE_RAM_AT + FAKE_RAM_SIZE - 64 * PAGE;

    memset(vdrv_host(&v, at), 0xaa, (size_t)count * PAGE);
    return at;
}

static bool all(gpa_t at, u8 value, size_t len)
{
    const u8 *p = vdrv_host(&v, at);

    return p[0] == value && memcmp(p, p + 1, len - 1) == 0;
}

static bool resident(gpa_t at)
{
    unsigned char here = 0;

    return mincore(vdrv_host(&v, at), PAGE, &here) == 0 && here & 1;
}

static bool send_numbers(unsigned queue, const u32 *numbers, unsigned count)
{
    struct vdrv_buf buf = { vdrv_alloc(&v, 4 * count), 4 * count, false };

    for (unsigned i = 0; i < count; i++)
        le32_put((u8 *)vdrv_host(&v, buf.at) + 4 * i, numbers[i]);
    return vdrv_request(&v, queue, &buf, 1, false, NULL);
}

static void inflate(void)
{
    gpa_t at = pages(8);
    u32 first = (u32)(at / PAGE), numbers[] = { first, first + 1, first + 4 };
    u32 outside[] = { first + 6, 5, first + 7 };

    CHECK(send_numbers(INFLATE, numbers, 3));
    CHECK(all(at, 0, 2 * PAGE));
    CHECK(all(at + 2 * PAGE, 0xaa, 2 * PAGE));
    CHECK(all(at + 4 * PAGE, 0, PAGE));
    CHECK(all(at + 5 * PAGE, 0xaa, PAGE));
    CHECK(send_numbers(DEFLATE, numbers, 3));
    CHECK_EQ(v.d->guest_errors, 0);
    CHECK(send_numbers(INFLATE, outside, 3)); /* page 5 is no RAM */
    CHECK_EQ(v.d->guest_errors, 1);
    CHECK(all(at + 6 * PAGE, 0, PAGE));
    CHECK(all(at + 7 * PAGE, 0xaa, PAGE));
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

TEST(inflated_pages_go_back_to_the_host)
{
    each_way(inflate);
}

static void report(void)
{
    gpa_t at = pages(16);
    struct vdrv_buf bufs[] = { { at, 4 * PAGE, true }, { at + 8 * PAGE + 100, 3 * PAGE, true } };

    CHECK(vdrv_request(&v, REPORTING, bufs, 2, false, NULL));
    if (host_page_size() == PAGE) {
        CHECK(!resident(at));
        CHECK(!resident(at + 9 * PAGE));
    }
    CHECK(all(at, 0, 4 * PAGE));
    CHECK(all(at + 4 * PAGE, 0xaa, 5 * PAGE)); /* of a page in part nothing goes */
    CHECK(all(at + 9 * PAGE, 0, 2 * PAGE));
    CHECK(all(at + 11 * PAGE, 0xaa, PAGE));
    memset(vdrv_host(&v, at), 1, PAGE); /* used again without a word */
    CHECK(all(at, 1, PAGE));
}

TEST(reported_pages_go_back_to_the_host)
{
    each_way(report);
}

/* The state as it is now is loaded again after the driver has written `other`. */
static void save_write_load(u32 other)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    u8 *bytes = NULL;
    size_t size = 0;

    dev_save(v.d, w);
    CHECK_EQ(state_writer_memory(w, &bytes, &size, &err), 0);
    vdrv_config_set(&v, 4, other, 4);
    CHECK_EQ(state_reader_open_memory(bytes, size, &r, &err), 0);
    CHECK_EQ(dev_load(v.d, r, &err), 0);
    state_reader_free(r);
    state_writer_free(w);
    free(bytes);
}

static void configuration(void)
{
    CHECK_EQ(vdrv_config(&v, 0, 4), MIB / PAGE);
    CHECK_EQ(vdrv_config(&v, 4, 4), 0);
    vdrv_config_set(&v, 4, 77, 4);
    CHECK_EQ(vdrv_config(&v, 4, 4), 77);
    save_write_load(78);
    CHECK_EQ(vdrv_config(&v, 4, 4), 77);
    vdrv_config_set(&v, 0, 1, 4); /* the target is the host's */
    CHECK_EQ(vdrv_config(&v, 0, 4), MIB / PAGE);
    CHECK_EQ(v.d->guest_errors, 1);
}

TEST(the_configuration_space_has_target_and_state)
{
    each_way(configuration);
}

static void ask(u64 bytes)
{
    dev_domain_lock(v.d->domain);
    virtio_balloon_ask(v.d, bytes);
    dev_domain_unlock(v.d->domain);
}

/* The driver hears of it by an interrupt of the configuration, and answers there. */
static void asked(void)
{
    u64 before = vdrv_generation(&v);
    u8 isr = 0;

    ask(3 * MIB + 5);
    CHECK(vdrv_interrupted(&v, &isr));
    CHECK(isr & VIRTIO_ISR_CONFIG);
    CHECK(vdrv_generation(&v) != before);
    CHECK_EQ(vdrv_config(&v, 0, 4), 3 * MIB / PAGE);
    CHECK_EQ(virtio_balloon_given(v.d), 0);
    vdrv_config_set(&v, 4, 700, 4);
    CHECK_EQ(virtio_balloon_given(v.d), 700 * PAGE);
    ask(0);
    CHECK_EQ(vdrv_config(&v, 0, 4), 0);
}

TEST(the_target_changes_while_the_guest_runs)
{
    each_way(asked);
}

TEST_MAIN(TEST_CASE(inflated_pages_go_back_to_the_host),
          TEST_CASE(reported_pages_go_back_to_the_host),
          TEST_CASE(the_configuration_space_has_target_and_state),
          TEST_CASE(the_target_changes_while_the_guest_runs))
