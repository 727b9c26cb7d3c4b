/*
 * test_virtio_net_full.c - frames of the guest wait in its queue while the network is full, and
 * long ones until the loop sends them, on both rings and both transports.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_net.h"
#include "test.h"
#include "virtio_driver.h"

enum { RX, TX, HEADER = NET_HEADER_SIZE, FRAME = 60, LONG = 1000, PAIRS = 4 };

static struct fake_host h;
static struct vdrv v;

static void each_way(u64 features, unsigned pairs, void (*body)(void))
{
    struct dev_setting queues = { "queues", "4", NULL };

    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "net", vdrv_ways[i], &queues, pairs > 1);
        CHECK(vdrv_up(&v, features, 2 * pairs + 1, 16));
        body();
        if (v.d)
            vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

/* The guest puts a frame that begins with this byte into a queue. True: it was to say so. */
static bool add(unsigned queue, u8 first, u32 len)
{
    struct vdrv_buf b = { vdrv_alloc(&v, HEADER + len), HEADER + len, false };

    ((u8 *)vdrv_host(&v, b.at))[HEADER] = first;
    vdrv_add(&v, queue, &b, 1, false);
    if (!vdrv_kick_wanted(&v, queue))
        return false;
    vdrv_kick(&v, queue);
    return true;
}

/* It says so in any case, and the loop runs. */
static void put(unsigned queue, u8 first)
{
    if (!add(queue, first, FRAME))
        vdrv_kick(&v, queue);
    fake_settle(&h);
}

static void room(void)
{
    dev_domain_lock(h.domain);
    fake_net_room(&h.net);
    dev_domain_unlock(h.domain);
    fake_settle(&h);
}

static unsigned given_back(unsigned queue)
{
    unsigned count = 0;
    u32 len;
    u16 id;

    while (vdrv_get(&v, queue, &id, &len))
        count++;
    return count;
}

/* --- waiting --- */

static void waiting(void)
{
    put(TX, 1);
    CHECK_EQ(given_back(TX), 1);
    vdrv_interrupted(&v, NULL);
    if (v.features >> VIRTIO_F_EVENT_IDX & 1)
        vdrv_interrupt_after(&v, TX, 9);
    h.net.full = true;
    for (u8 i = 2; i < 12; i++)
        put(TX, i);
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(given_back(TX), 0); /* the guest keeps them */
    CHECK(!vdrv_interrupted(&v, NULL));
    room();
    CHECK_EQ(h.net.sent, 11);
    for (u8 i = 0; i < 11; i++)
        CHECK_EQ(h.net.frame[i].data[0], i + 1); /* each once, in their order */
    CHECK_EQ(given_back(TX), 10);
    CHECK(vdrv_interrupted(&v, NULL));
    put(TX, 12);
    CHECK_EQ(h.net.sent, 12);
}

/* A whole ring: the guest has nothing left to notify of. */
static void waiting_full_ring(void)
{
    h.net.full = true;
    for (u8 i = 0; i < 16; i++)
        put(TX, i);
    room();
    CHECK_EQ(h.net.sent, 16);
    CHECK_EQ(given_back(TX), 16);
    put(TX, 16);
    CHECK_EQ(h.net.sent, 17);
}

TEST(frames_wait_in_the_queue_while_the_network_is_full)
{
    each_way(0, 1, waiting);
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, waiting);
    each_way(0, 1, waiting_full_ring);
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, waiting_full_ring);
}

static void receiving(void)
{
    struct vdrv_buf b = { vdrv_alloc(&v, 200), 200, true };
    static const u8 frame[FRAME];

    h.net.full = true;
    put(TX, 1);
    vdrv_add(&v, RX, &b, 1, false);
    vdrv_kick(&v, RX);
    dev_domain_lock(h.domain);
    CHECK(fake_net_deliver(&h.net, frame, sizeof frame));
    dev_domain_unlock(h.domain);
    CHECK_EQ(given_back(RX), 1);
    CHECK_EQ(h.net.sent, 0);
}

TEST(frames_arrive_meanwhile)
{
    each_way(0, 1, receiving);
}

static void each_queue(void)
{
    h.net.full = true;
    put(2 * 3 + 1, 3);
    put(TX, 0);
    room();
    CHECK_EQ(h.net.sent, 2);
    CHECK_EQ(h.net.frame[0].queue, 0);
    CHECK_EQ(h.net.frame[1].queue, 3);
    CHECK_EQ(h.net.frame[1].data[0], 3);
}

TEST(each_queue_goes_on_by_itself)
{
    each_way(1ull << NET_F_MQ | 1ull << NET_F_CTRL_VQ, PAIRS, each_queue);
}

/* --- what may happen meanwhile --- */

static void resetting(void)
{
    h.net.full = true;
    put(TX, 1);
    vdrv_status_set(&v, 0);
    room();
    CHECK_EQ(h.net.sent, 0); /* the driver has taken it back */
    CHECK(vdrv_up(&v, 0, 2, 16));
    h.net.full = true;
    put(TX, 2);
    vdrv_status_set(&v, 0);
    CHECK(vdrv_up(&v, 0, 2, 16));
    room();
    CHECK_EQ(h.net.sent, 0);
    put(TX, 3);
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(h.net.frame[0].data[0], 3);
}

TEST(a_reset_forgets_what_waits)
{
    each_way(0, 1, resetting);
}

/* The loaded card has another back end, which knows of nobody that waits. */
static void saving(void)
{
    h.net.full = true;
    for (u8 i = 0; i < 5; i++)
        put(TX, i);
    CHECK(dev_idle(v.d));
    h.net.full = h.net.waits[0] = false;
    vdrv_reload(&v);
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 5);
    CHECK_EQ(h.net.frame[4].data[0], 4);
    CHECK_EQ(given_back(TX), 5);
}

static void saving_to_full(void)
{
    h.net.full = true;
    put(TX, 7);
    vdrv_reload(&v);
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 0);
    vdrv_reload(&v); /* of the state as it was loaded */
    fake_settle(&h);
    room();
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(given_back(TX), 1);
}

TEST(a_saved_card_goes_on_where_it_waited)
{
    each_way(0, 1, saving);
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, saving);
    each_way(0, 1, saving_to_full);
}

static void leaving(void)
{
    h.net.full = true;
    put(TX, 1);
    vdrv_close(&v);
    v.d = NULL;
    room();
    CHECK_EQ(h.net.sent, 0);
}

TEST(a_card_that_is_gone_waits_for_nothing)
{
    each_way(0, 1, leaving);
}

/* --- waiting for the loop --- */

static void short_ones(void)
{
    add(TX, 1, FRAME);
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(given_back(TX), 1);
    add(TX, 2, LONG);
    add(TX, 3, FRAME); /* not before the one that waits */
    CHECK_EQ(h.net.sent, 1);
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 3);
    CHECK_EQ(h.net.frame[1].data[0], 2);
    CHECK_EQ(h.net.frame[2].data[0], 3);
}

TEST(short_frames_leave_at_once)
{
    each_way(0, 1, short_ones);
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, short_ones);
}

static void long_ones(void)
{
    put(TX, 0); /* the card has said of which it wants to hear */
    CHECK_EQ(given_back(TX), 1);
    CHECK(vdrv_interrupted(&v, NULL));
    vdrv_interrupt_after(&v, TX, 0);
    CHECK(add(TX, 1, LONG));
    for (u8 i = 2; i < 10; i++)
        CHECK(!add(TX, i, LONG));
    CHECK_EQ(h.net.sent, 1);
    CHECK(!vdrv_interrupted(&v, NULL));
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 10);
    for (u8 i = 0; i < 10; i++)
        CHECK_EQ(h.net.frame[i].data[0], i);
    CHECK(vdrv_interrupted(&v, NULL));
    CHECK_EQ(given_back(TX), 9);
    CHECK(add(TX, 10, LONG));
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 11);
}

TEST(long_frames_are_sent_by_the_loop_which_needs_one_notification)
{
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, long_ones);
}

static void saving_long(void)
{
    add(TX, 7, LONG);
    CHECK(dev_idle(v.d));
    vdrv_reload(&v);
    CHECK_EQ(h.net.sent, 0);
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(given_back(TX), 1);
}

static void resetting_long(void)
{
    add(TX, 7, LONG);
    vdrv_status_set(&v, 0);
    CHECK(vdrv_up(&v, 0, 2, 16));
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 0);
    add(TX, 8, LONG);
    fake_settle(&h);
    CHECK_EQ(h.net.sent, 1);
    CHECK_EQ(h.net.frame[0].data[0], 8);
}

TEST(a_frame_that_waits_for_the_loop_is_saved_and_forgotten)
{
    each_way(0, 1, saving_long);
    each_way(1ull << VIRTIO_F_EVENT_IDX, 1, saving_long);
    each_way(0, 1, resetting_long);
}

TEST_MAIN(TEST_CASE(frames_wait_in_the_queue_while_the_network_is_full),
          TEST_CASE(frames_arrive_meanwhile), TEST_CASE(each_queue_goes_on_by_itself),
          TEST_CASE(a_reset_forgets_what_waits), TEST_CASE(a_saved_card_goes_on_where_it_waited),
          TEST_CASE(a_card_that_is_gone_waits_for_nothing), TEST_CASE(short_frames_leave_at_once),
          TEST_CASE(long_frames_are_sent_by_the_loop_which_needs_one_notification),
          TEST_CASE(a_frame_that_waits_for_the_loop_is_saved_and_forgotten))
