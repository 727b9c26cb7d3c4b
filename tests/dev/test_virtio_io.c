/*
 * test_virtio_io.c - network card and console, through both rings on both transports.
 */
#include "base/bits.h"
#include "test.h"
#include "virtio_driver.h"

enum { RX, TX };
enum { HEADER = 12, F_MRG_RXBUF = 15 };

static struct fake_host h;
static struct vdrv v;

static void each_way(const char *type, u64 features, void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, type, vdrv_ways[i], NULL, 0);
        CHECK(vdrv_up(&v, features, 2, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

static struct vdrv_buf buffer(u32 len, bool in)
{
    return (struct vdrv_buf){ vdrv_alloc(&v, len), len, in };
}

static gpa_t receive_buffer(u32 len)
{
    struct vdrv_buf b = buffer(len, true);

    vdrv_add(&v, RX, &b, 1, false);
    vdrv_kick(&v, RX);
    return b.at;
}

static bool deliver(const u8 *frame, size_t len)
{
    bool done;

    dev_domain_lock(h.domain);
    done = fake_net_deliver(&h.net, frame, len);
    dev_domain_unlock(h.domain);
    return done;
}

/* --- network --- */

static void sending(void)
{
    struct vdrv_buf b[2] = { buffer(HEADER + 6, false), buffer(60, false) };

    memset((u8 *)vdrv_host(&v, b[0].at) + HEADER, 0xff, 6);
    memset(vdrv_host(&v, b[1].at), 0x11, 60);
    CHECK(vdrv_request(&v, TX, b, 2, false, NULL));
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(h.net.frame[0].len, 66);
    CHECK_EQ(h.net.frame[0].data[5], 0xff);
    CHECK_EQ(h.net.frame[0].data[6], 0x11);
    b[1].len = 2; /* too short for a frame: given back, not sent */
    b[0].len = HEADER + 2;
    CHECK(vdrv_request(&v, TX, b, 2, false, NULL));
    b[0].len = 5; /* no header even */
    CHECK(vdrv_request(&v, TX, b, 1, false, NULL));
    CHECK_EQ(h.net.sent, 1);
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

static void receiving(void)
{
    u8 frame[200];
    gpa_t at;
    u16 id;
    u32 len;

    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (u8)i;
    CHECK(!h.net.ready[0]);
    CHECK(!deliver(frame, sizeof frame));
    for (unsigned round = 0; round < 100; round++) {
        v.free = FAKE_RAM_AT + 0x8000;
        at = receive_buffer(1600);
        CHECK(h.net.ready[0]);
        CHECK(deliver(frame, sizeof frame));
        CHECK(!h.net.ready[0]); /* that was the only buffer */
        CHECK(vdrv_get(&v, RX, &id, &len));
        CHECK_EQ(len, HEADER + sizeof frame);
        CHECK_EQ(le16_get((u8 *)vdrv_host(&v, at) + 10), 1);
        CHECK(memcmp((u8 *)vdrv_host(&v, at) + HEADER, frame, sizeof frame) == 0);
    }
    CHECK(vdrv_interrupted(&v, NULL));
    vdrv_status_set(&v, 0);
    CHECK(!h.net.ready[0]);
}

TEST(frames_leave_whole_and_bad_ones_are_dropped)
{
    each_way("net", 0, sending);
}

TEST(frames_arrive_while_there_are_buffers)
{
    each_way("net", 0, receiving);
    each_way("net", 1ull << F_MRG_RXBUF | 1ull << VIRTIO_F_EVENT_IDX, receiving);
}

static void merging(void)
{
    u8 frame[250], got[300];
    gpa_t at[3];
    u32 len;
    u16 id;

    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (u8)(i + 1);
    at[0] = receive_buffer(100);
    at[1] = receive_buffer(100);
    CHECK(deliver(frame, sizeof frame)); /* 262 bytes into 200: dropped, nothing used */
    CHECK(!vdrv_get(&v, RX, &id, &len));
    at[2] = receive_buffer(100);
    CHECK(deliver(frame, sizeof frame));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(vdrv_get(&v, RX, &id, &len));
        CHECK_EQ(len, i < 2 ? 100 : 62);
        memcpy(got + 100 * i, vdrv_host(&v, at[i]), 100);
    }
    CHECK_EQ(le16_get(got + 10), 3);
    CHECK(memcmp(got + HEADER, frame, sizeof frame) == 0);
}

static void too_small(void)
{
    static const u8 frame[250];
    u16 id;
    u32 len;

    receive_buffer(100);
    receive_buffer(400);
    CHECK(deliver(frame, sizeof frame));
    CHECK(!vdrv_get(&v, RX, &id, &len));
    CHECK(deliver(frame, 60));
    CHECK(vdrv_get(&v, RX, &id, &len));
    CHECK_EQ(len, HEADER + 60);
}

TEST(a_long_frame_fills_several_buffers_or_none)
{
    each_way("net", 1ull << F_MRG_RXBUF, merging);
    each_way("net", 0, too_small);
}

TEST(the_card_tells_its_address)
{
    struct dev_setting mac = { "mac", "52:54:00:aa:bb:cc", NULL }, bad = { "mac", "1:2:3", NULL };
    struct device *d = NULL;
    struct err err = { 0 };
    struct dev_setting s[DEV_MAX_PROPS];
    unsigned count;

    fake_host_init(&h);
    vdrv_open(&v, &h, "net", vdrv_ways[2], &mac, 1);
    CHECK_EQ(vdrv_config(&v, 0, 4), 0xaa005452);
    CHECK_EQ(vdrv_config(&v, 4, 2), 0xccbb);
    CHECK_EQ(vdrv_config(&v, 6, 2), 1); /* link up */
    count = fake_settings(&h, v.d->cls, s);
    s[count++] = bad;
    CHECK_EQ(dev_new(v.d->cls, "bad", &h.host, h.domain, h.map, s, count, &d, &err), -22);
    CHECK_HAS(err.text, "'1:2:3'");
    vdrv_close(&v);
    fake_host_fini(&h);
}

/* --- console --- */

static struct vdrv_buf text(const char *s)
{
    struct vdrv_buf b = buffer((u32)strlen(s), false);

    memcpy(vdrv_host(&v, b.at), s, strlen(s));
    return b;
}

static const char *sent(void)
{
    h.chardev.out[h.chardev.out_len] = 0;
    return (const char *)h.chardev.out;
}

static void printing(void)
{
    struct vdrv_buf b[2] = { text("hello, "), text("world") };
    u16 id;
    u32 len;

    CHECK(vdrv_request(&v, TX, b, 2, false, NULL));
    CHECK_STR(sent(), "hello, world");
    fake_chardev_limit(&h, 15); /* three more bytes */
    b[0] = text("0123456789");
    CHECK(!vdrv_request(&v, TX, b, 1, false, NULL));
    CHECK_STR(sent(), "hello, world012");
    fake_chardev_limit(&h, 20);
    CHECK(!vdrv_get(&v, TX, &id, &len));
    fake_chardev_limit(&h, 1000);
    fake_settle(&h);
    CHECK_STR(sent(), "hello, world0123456789");
    CHECK(vdrv_get(&v, TX, &id, &len));
    vdrv_config_set(&v, 8, '!', 4); /* emergency write */
    CHECK_STR(sent(), "hello, world0123456789!");
}

static void typing(void)
{
    gpa_t a, b;
    u16 id;
    u32 len;

    fake_type(&h, "early", 5);
    CHECK_EQ(h.chardev.in_len, 5); /* waits: there is no buffer */
    a = receive_buffer(3);
    fake_settle(&h);
    CHECK(vdrv_get(&v, RX, &id, &len));
    CHECK_EQ(len, 3);
    CHECK(memcmp(vdrv_host(&v, a), "ear", 3) == 0);
    CHECK_EQ(h.chardev.in_len, 2);
    b = receive_buffer(100);
    fake_settle(&h);
    CHECK(vdrv_get(&v, RX, &id, &len));
    CHECK_EQ(len, 2);
    CHECK(memcmp(vdrv_host(&v, b), "ly", 2) == 0);
    CHECK(vdrv_interrupted(&v, NULL));
}

TEST(what_the_guest_prints_comes_out_at_the_readers_pace)
{
    each_way("console", 0, printing);
    each_way("console", 1ull << VIRTIO_F_EVENT_IDX, printing);
}

TEST(what_is_typed_waits_for_buffers)
{
    each_way("console", 0, typing);
    each_way("console", 1ull << VIRTIO_F_EVENT_IDX, typing);
}

TEST_MAIN(TEST_CASE(frames_leave_whole_and_bad_ones_are_dropped),
          TEST_CASE(frames_arrive_while_there_are_buffers),
          TEST_CASE(a_long_frame_fills_several_buffers_or_none),
          TEST_CASE(the_card_tells_its_address),
          TEST_CASE(what_the_guest_prints_comes_out_at_the_readers_pace),
          TEST_CASE(what_is_typed_waits_for_buffers))
