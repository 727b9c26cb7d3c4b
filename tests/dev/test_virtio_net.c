/*
 * test_virtio_net.c - the network card's offloads, control queue and several queues, on both
 * rings and both transports. Plain frames: test_virtio_io.c.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_net.h"
#include "test.h"
#include "virtio_driver.h"

enum { RX, TX, CONTROL, HEADER = NET_HEADER_SIZE, PAIRS = 4 };
enum { CLASS_RX = 0, CLASS_MAC = 1, CLASS_MQ = 4, CLASS_OFFLOADS = 5 };

#define BIT(n) (1ull << NET_F_##n)
#define CONTROLLED                                                                                 \
    (BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_MAC_ADDR) |                       \
     BIT(CTRL_GUEST_OFFLOADS))

static struct fake_host h;
static struct vdrv v;
static unsigned control_queue;

static void each_way(unsigned pairs, u64 features, void (*body)(void))
{
    char number[16];
    struct dev_setting queues = { "queues", number, NULL };

    snprintf(number, sizeof number, "%u", pairs);
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "net", vdrv_ways[i], &queues, 1);
        control_queue = features >> NET_F_MQ & 1 ? 2 * pairs : 2;
        CHECK(vdrv_up(&v, features, control_queue + 1, 16));
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

static gpa_t receive_buffer(unsigned queue, u32 len)
{
    struct vdrv_buf b = buffer(len, true);

    vdrv_add(&v, queue, &b, 1, false);
    vdrv_kick(&v, queue);
    return b.at;
}

static bool deliver(unsigned queue, const struct net_header *header, const u8 *frame, size_t len)
{
    bool done;

    dev_domain_lock(h.domain);
    done = fake_net_deliver_on(&h.net, queue, header, frame, len);
    dev_domain_unlock(h.domain);
    return done;
}

/* Sends 60 bytes with this header on a queue; was it sent on? */
static bool sends(unsigned queue, u8 flags, u8 gso_type)
{
    struct vdrv_buf b = buffer(HEADER + 60, false);
    u8 *p = vdrv_host(&v, b.at);
    unsigned before = h.net.sent;

    p[0] = flags;
    p[1] = gso_type;
    le16_put(p + 2, 54);
    le16_put(p + 4, 1460);
    le16_put(p + 6, 34);
    le16_put(p + 8, 16);
    p[HEADER] = 0x52;
    CHECK(vdrv_request(&v, queue, &b, 1, false, NULL));
    return h.net.sent == before + 1;
}

/* The card's answer to a command; 0xee: none. */
static u8 command(u8 class, u8 number, const void *data, u32 len)
{
    struct vdrv_buf b[3] = { buffer(2, false), buffer(len ? len : 1, false), buffer(1, true) };
    u8 *head = vdrv_host(&v, b[0].at), *answer = vdrv_host(&v, b[2].at);
    u32 written;

    head[0] = class;
    head[1] = number;
    if (len)
        memcpy(vdrv_host(&v, b[1].at), data, len);
    *answer = 0xee;
    if (!len)
        b[1] = b[2];
    CHECK(vdrv_request(&v, control_queue, b, len ? 3 : 2, false, &written));
    CHECK_EQ(written, 1);
    return *answer;
}

static bool takes(u8 class, u8 number, const void *data, u32 len)
{
    u8 answer = command(class, number, data, len);

    CHECK(answer <= 1);
    return answer == 0;
}

/* --- offloads --- */

static void leaving(void)
{
    CHECK(sends(TX, NET_NEEDS_CSUM, NET_GSO_TCPV4));
    CHECK_EQ(h.net.frame[0].len, 60);
    CHECK_EQ(h.net.frame[0].data[0], 0x52);
    CHECK_EQ(h.net.frame[0].h.flags, NET_NEEDS_CSUM);
    CHECK_EQ(h.net.frame[0].h.gso_type, NET_GSO_TCPV4);
    CHECK_EQ(h.net.frame[0].h.hdr_len, 54);
    CHECK_EQ(h.net.frame[0].h.gso_size, 1460);
    CHECK_EQ(h.net.frame[0].h.csum_start, 34);
    CHECK_EQ(h.net.frame[0].h.csum_offset, 16);
    CHECK(!sends(TX, NET_NEEDS_CSUM, NET_GSO_TCPV6)); /* not negotiated */
    CHECK(!sends(TX, NET_NEEDS_CSUM, NET_GSO_TCPV4 | NET_GSO_ECN));
    CHECK(!sends(TX, NET_NEEDS_CSUM, 3));
    CHECK(!sends(TX, 0, 0xff));
    CHECK(sends(TX, 0xfe, 0)); /* what we do not know is no reason (5.1.6.2.2) */
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

static void leaving_plain(void)
{
    CHECK(sends(TX, 0, 0));
    CHECK(!sends(TX, NET_NEEDS_CSUM, 0));
    CHECK(!sends(TX, NET_NEEDS_CSUM, NET_GSO_TCPV4));
}

TEST(a_frame_leaves_with_the_offloads_that_were_negotiated)
{
    each_way(1, BIT(CSUM) | BIT(HOST_TSO4), leaving);
    each_way(1, 0, leaving_plain);
}

static const struct net_header partial = { NET_NEEDS_CSUM, NET_GSO_TCPV4, 54, 1000, 34, 16 };

static void arriving(void)
{
    static u8 frame[9000];
    u8 got[9000 + HEADER];
    gpa_t at[10];
    u32 len, all = 0;
    u16 id;

    for (unsigned i = 1; i < sizeof frame; i++)
        frame[i] = (u8)(i * 3);
    for (unsigned i = 0; i < 10; i++)
        at[i] = receive_buffer(RX, 1000);
    CHECK_EQ(h.net.offloads, NET_TAKES_CSUM | NET_TAKES_TSO4);
    CHECK(deliver(0, &partial, frame, sizeof frame));
    for (unsigned i = 0; vdrv_get(&v, RX, &id, &len); i++, all += len)
        memcpy(got + all, vdrv_host(&v, at[i]), len < 1000 ? len : 1000);
    CHECK_EQ(all, HEADER + sizeof frame);
    CHECK_EQ(got[0], NET_NEEDS_CSUM);
    CHECK_EQ(got[1], NET_GSO_TCPV4);
    CHECK_EQ(le16_get(got + 2), 54);
    CHECK_EQ(le16_get(got + 4), 1000);
    CHECK_EQ(le16_get(got + 6), 34);
    CHECK_EQ(le16_get(got + 8), 16);
    CHECK_EQ(le16_get(got + 10), 10);
    CHECK(memcmp(got + HEADER, frame, sizeof frame) == 0);
}

/* Frames made for another driver are not given to this one. */
static void arriving_plain(void)
{
    static const u8 frame[60];
    struct net_header valid = { .flags = NET_DATA_VALID };
    gpa_t at = receive_buffer(RX, 100);
    u32 len;
    u16 id;

    CHECK_EQ(h.net.offloads, 0);
    deliver(0, &partial, frame, sizeof frame);
    CHECK(!vdrv_get(&v, RX, &id, &len));
    deliver(0, &valid, frame, sizeof frame);
    CHECK(vdrv_get(&v, RX, &id, &len));
    CHECK_EQ(*(u8 *)vdrv_host(&v, at), 0); /* 5.1.6.4.1: GUEST_CSUM was not negotiated */
}

TEST(a_frame_arrives_with_the_offloads_that_were_negotiated)
{
    each_way(1, BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(MRG_RXBUF), arriving);
    each_way(1, BIT(GUEST_TSO4), arriving_plain); /* worth nothing without GUEST_CSUM */
}

static void switching(void)
{
    u8 want[8];

    le64_put(want, BIT(GUEST_CSUM));
    CHECK(takes(CLASS_OFFLOADS, 0, want, 8));
    CHECK_EQ(h.net.offloads, NET_TAKES_CSUM);
    le64_put(want, BIT(GUEST_CSUM) | BIT(GUEST_TSO6)); /* was not negotiated */
    CHECK(!takes(CLASS_OFFLOADS, 0, want, 8));
    CHECK_EQ(h.net.offloads, NET_TAKES_CSUM);
    le64_put(want, BIT(GUEST_CSUM) | BIT(GUEST_TSO4));
    CHECK(!takes(CLASS_OFFLOADS, 1, want, 8));
    CHECK(!takes(CLASS_OFFLOADS, 0, want, 7));
    CHECK(takes(CLASS_OFFLOADS, 0, want, 8));
    CHECK_EQ(h.net.offloads, NET_TAKES_CSUM | NET_TAKES_TSO4);
}

TEST(receive_offloads_are_switched_off_and_on)
{
    each_way(1, CONTROLLED | BIT(GUEST_CSUM) | BIT(GUEST_TSO4), switching);
}

/* --- which frames --- */

static const u8 own[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 }, other[6] = { 0x52, 1, 2, 3, 4, 5 },
                group[6] = { 0x33, 0x33, 0, 0, 0, 1 }, all[6] = { 255, 255, 255, 255, 255, 255 };

static bool arrives(const u8 *to)
{
    static const struct net_header plain;
    u8 frame[60] = { 0 };
    u32 len;
    u16 id;

    memcpy(frame, to, 6);
    v.free = FAKE_RAM_AT + 0x40000;
    receive_buffer(RX, 100);
    CHECK(deliver(0, &plain, frame, sizeof frame));
    return vdrv_get(&v, RX, &id, &len);
}

static void mode(u8 number, u8 on, bool ok)
{
    CHECK_EQ(takes(CLASS_RX, number, &on, 1), ok);
}

static void filtering(void)
{
    u8 table[4 + 6 + 4 + 6] = { 1 };

    CHECK(arrives(own) && arrives(other) && arrives(group) && arrives(all));
    mode(0, 0, true); /* not promiscuous */
    CHECK(arrives(own) && arrives(all) && !arrives(other) && !arrives(group));
    memcpy(table + 4, other, 6);
    table[10] = 1;
    memcpy(table + 14, group, 6);
    CHECK(takes(CLASS_MAC, 0, table, sizeof table));
    CHECK(arrives(other) && arrives(group));
    table[0] = 2; /* more than there is: nothing changes */
    CHECK(!takes(CLASS_MAC, 0, table, sizeof table));
    CHECK(arrives(other) && arrives(group));
    memset(table, 0, sizeof table);
    CHECK(takes(CLASS_MAC, 0, table, 8));
    CHECK(!arrives(other) && !arrives(group));
    mode(1, 1, true); /* all multicast */
    CHECK(!arrives(other) && arrives(group));
    mode(2, 1, true); /* all unicast */
    CHECK(arrives(other));
    for (u8 n = 3; n <= 5; n++)
        mode(n, 1, true); /* nothing at all */
    CHECK(!arrives(own) && !arrives(group) && !arrives(all));
    mode(6, 1, false);
    mode(0, 1, true);
    CHECK(arrives(own) && arrives(other) && arrives(group) && arrives(all));
}

static void too_many(void)
{
    u8 table[4 + 6 * 100 + 4] = { 100 };

    mode(0, 0, true);
    CHECK(takes(CLASS_MAC, 0, table, sizeof table)); /* more than the card has room for */
    CHECK(arrives(other) && !arrives(group));
    le32_put(table, 0x40000001); /* times six is 6 in 32 bits */
    CHECK(!takes(CLASS_MAC, 0, table, sizeof table));
}

static void readdressing(void)
{
    mode(0, 0, true);
    CHECK(!takes(CLASS_MAC, 1, group, 6)); /* an address of several hosts */
    CHECK(!takes(CLASS_MAC, 1, other, 5));
    CHECK_EQ(vdrv_config(&v, 0, 4), le32_get(own));
    CHECK(takes(CLASS_MAC, 1, other, 6));
    CHECK_EQ(vdrv_config(&v, 0, 4), le32_get(other));
    CHECK(arrives(other) && !arrives(own));
    vdrv_status_set(&v, 0);
    CHECK_EQ(vdrv_config(&v, 0, 4), le32_get(own)); /* its own again */
}

TEST(the_card_takes_frames_by_their_address)
{
    each_way(1, CONTROLLED, filtering);
    each_way(1, CONTROLLED, too_many);
    each_way(1, CONTROLLED, readdressing);
}

static void refusing(void)
{
    CHECK(!takes(CLASS_RX, 0, "", 1));
    CHECK(!takes(CLASS_MAC, 1, other, 6));
    CHECK(!takes(CLASS_MQ, 0, "\1", 2));
    CHECK(!takes(CLASS_OFFLOADS, 0, other, 6));
    CHECK(!takes(77, 0, NULL, 0));
}

static void answerless(void)
{
    struct vdrv_buf b = buffer(3, false);

    CHECK(!vdrv_request(&v, control_queue, &b, 1, false, NULL));
    CHECK(vdrv_status(&v) & VIRTIO_NEEDS_RESET);
    CHECK(vdrv_up(&v, CONTROLLED, 3, 16));
    CHECK(takes(CLASS_RX, 0, "", 1));
}

TEST(control_requests_out_of_order_do_no_harm)
{
    each_way(1, BIT(CTRL_VQ), refusing);
    each_way(1, CONTROLLED, answerless);
}

/* --- several queues --- */

static void pairs(unsigned count, bool ok)
{
    u8 raw[2];

    le16_put(raw, (u16)count);
    CHECK_EQ(takes(CLASS_MQ, 0, raw, 2), ok);
}

static void several(void)
{
    static const struct net_header plain;
    static const u8 frame[60];
    u32 len;
    u16 id;

    CHECK_EQ(vdrv_config(&v, 8, 2), PAIRS);
    for (unsigned i = 0; i < PAIRS; i++)
        receive_buffer(2 * i, 200);
    CHECK(h.net.ready[0] && !h.net.ready[1]); /* one pair until the driver says more */
    CHECK_EQ(h.net.active, 1);
    pairs(0, false);
    pairs(PAIRS + 1, false);
    pairs(PAIRS, true);
    CHECK_EQ(h.net.active, PAIRS);
    for (unsigned i = 0; i < PAIRS; i++) {
        CHECK(sends(2 * i + 1, 0, 0));
        CHECK_EQ(h.net.frame[h.net.sent - 1].queue, i);
        CHECK(deliver(i, &plain, frame, sizeof frame));
        CHECK(vdrv_get(&v, 2 * i, &id, &len));
        CHECK_EQ(len, HEADER + sizeof frame);
        receive_buffer(2 * i, 200);
    }
    pairs(2, true);
    CHECK(h.net.ready[1] && !h.net.ready[2] && !h.net.ready[3]);
    CHECK_EQ(h.net.active, 2);
}

/* Without MQ the control queue is the third, and there is one pair. */
static void only_one(void)
{
    CHECK(takes(CLASS_RX, 0, "", 1));
    pairs(2, false);
    CHECK(sends(TX, 0, 0));
    CHECK_EQ(h.net.active, 1);
}

TEST(each_pair_of_queues_goes_its_own_way)
{
    each_way(PAIRS, CONTROLLED | BIT(MQ), several);
    each_way(PAIRS, CONTROLLED, only_one);
}

TEST(a_card_has_no_more_queues_than_its_network)
{
    struct dev_setting s[DEV_MAX_PROPS];
    struct device *d = NULL;
    struct err err = { 0 };
    const struct dev_class *cls = virtio_class_find("net", false);
    unsigned count;

    fake_host_init(&h);
    h.net.net.queues = 2;
    count = fake_settings(&h, cls, s);
    s[count++] = (struct dev_setting){ "queues", "3", NULL };
    CHECK_EQ(dev_new(cls, "net", &h.host, h.domain, h.map, s, count, &d, &err), -22);
    CHECK_HAS(err.text, "kind fake");
    fake_host_fini(&h);
}

TEST_MAIN(TEST_CASE(a_frame_leaves_with_the_offloads_that_were_negotiated),
          TEST_CASE(a_frame_arrives_with_the_offloads_that_were_negotiated),
          TEST_CASE(receive_offloads_are_switched_off_and_on),
          TEST_CASE(the_card_takes_frames_by_their_address),
          TEST_CASE(control_requests_out_of_order_do_no_harm),
          TEST_CASE(each_pair_of_queues_goes_its_own_way),
          TEST_CASE(a_card_has_no_more_queues_than_its_network))
