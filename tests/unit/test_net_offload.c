/*
 * test_net_offload.c - checksums and TCP segments made in software, and merged again, against a
 * checksum written down as RFC 1071 says it.
 */
#include "backend/net/inbox.h"
#include "backend/net/offload.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { IPV4_TCP = 34, IPV6_TCP = 54, MSS = 1460, FLAGS = 13, MADE_MAX = 64 };
enum { FIN = 1, PSH = 8, ACK = 16, CWR = 128 };

static u8 frame[NET_FRAME_MAX];
static struct {
    size_t len;
    u8 data[NET_FRAME_MAX];
} made[MADE_MAX];
static unsigned made_count;

static void keep(void *arg, u8 *f, size_t len)
{
    if (made_count < MADE_MAX) {
        made[made_count].len = len;
        memcpy(made[made_count].data, f, len);
    }
    made_count++;
}

/* --- the reference --- */

static u32 sum_words(const u8 *p, size_t len, u32 sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += (u32)(i & 1 ? p[i] : p[i] << 8);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* 0xffff: what was summed includes a right checksum. */
static u32 tcp_sum(const u8 *f, size_t len, bool v6)
{
    size_t l4 = v6 ? IPV6_TCP : IPV4_TCP;
    u8 pseudo[4] = { 0, 6, (u8)((len - l4) >> 8), (u8)(len - l4) };
    u32 sum = sum_words(pseudo, 4, sum_words(f + (v6 ? 22 : 26), v6 ? 32 : 8, 0));

    return sum_words(f + l4, len - l4, sum);
}

static u32 get32(const u8 *p)
{
    return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/* --- frames --- */

/* An unfinished TCP frame as a guest leaves it to the card; returns its length. */
static size_t tcp_frame(struct net_header *h, bool v6, size_t payload, unsigned flags)
{
    u8 *tcp = frame + (v6 ? IPV6_TCP : IPV4_TCP);
    size_t len = (size_t)(tcp - frame) + 20 + payload;

    memset(frame, 0, sizeof frame);
    memset(frame, 0x52, 12);
    frame[12] = v6 ? 0x86 : 0x08;
    frame[13] = v6 ? 0xdd : 0;
    frame[14] = v6 ? 0x60 : 0x45;
    if (v6) {
        frame[20] = 6;
        frame[21] = 64;
        memset(frame + 22, 0xfe, 32);
    } else {
        frame[18] = 0xff; /* identification: carries in the second segment */
        frame[19] = 0xff;
        frame[22] = 64;
        frame[23] = 6;
        memset(frame + 26, 10, 8);
    }
    tcp[0] = 0x30;
    tcp[3] = 22;
    memset(tcp + 4, 0xff, 3); /* the sequence number wraps */
    tcp[11] = 9;
    tcp[12] = 5 << 4;
    tcp[FLAGS] = (u8)flags;
    tcp[14] = 0xf0;
    for (size_t i = 0; i < payload; i++)
        tcp[20 + i] = (u8)(i * 7 + i / 251);
    *h = (struct net_header){ .flags = NET_NEEDS_CSUM,
                              .gso_type = v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4,
                              .gso_size = MSS,
                              .csum_start = (u16)(tcp - frame),
                              .csum_offset = 16 };
    return len;
}

static bool undo(size_t len, const struct net_header *h, unsigned whole)
{
    made_count = 0;
    return net_offload_undo(frame, len, h, whole, 14 + 65535, keep, NULL);
}

/* Every frame made is sound, and in all the payload is there in its order. */
static void check_made(bool v6, size_t payload)
{
    size_t l4 = v6 ? IPV6_TCP : IPV4_TCP, seen = 0;

    for (unsigned i = 0; i < made_count && i < MADE_MAX; i++) {
        const u8 *f = made[i].data, *tcp = f + l4;
        size_t len = made[i].len;

        if (v6)
            CHECK_EQ(get32(f + 16) & 0xffff, len - IPV6_TCP);
        else
            CHECK_EQ(get32(f + 14) & 0xffff, len - 14);
        if (!v6) {
            CHECK_EQ(sum_words(f + 14, 20, 0), 0xffff);
            CHECK_EQ(get32(f + 18) >> 16, (0xffff + i) & 0xffff);
        }
        CHECK_EQ(tcp_sum(f, len, v6), 0xffff);
        CHECK_EQ(get32(tcp + 4), (u32)(0xffffff00 + seen));
        for (size_t k = l4 + 20; k < len; k++, seen++)
            if (f[k] != (u8)(seen * 7 + seen / 251)) {
                CHECK_EQ(f[k], (u8)(seen * 7 + seen / 251));
                return;
            }
    }
    CHECK_EQ(seen, payload);
}

TEST(a_long_segment_is_cut_into_sound_ones)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct net_header h;
        size_t len = tcp_frame(&h, v6, 3 * MSS + 11, ACK | PSH | FIN | CWR);
        size_t l4 = h.csum_start;

        CHECK(undo(len, &h, 0));
        CHECK_EQ(made_count, 4);
        check_made(v6, 3 * MSS + 11);
        CHECK_EQ(made[0].len, l4 + 20 + MSS);
        CHECK_EQ(made[0].data[l4 + FLAGS], ACK | CWR);
        CHECK_EQ(made[1].data[l4 + FLAGS], ACK);
        CHECK_EQ(made[3].data[l4 + FLAGS], ACK | PSH | FIN);
    }
}

TEST(what_the_other_side_takes_whole_stays_whole)
{
    struct net_header h;
    size_t len = tcp_frame(&h, false, 60000, ACK);

    CHECK(undo(len, &h, NET_TAKES_TSO4));
    CHECK_EQ(made_count, 1);
    check_made(false, 60000);
    len = tcp_frame(&h, true, 60000, ACK);
    CHECK(undo(len, &h, NET_TAKES_TSO4));
    CHECK_EQ(made_count, (60000 + MSS - 1) / MSS);
    check_made(true, 60000);
    len = tcp_frame(&h, false, NET_FRAME_MAX - IPV4_TCP - 20, ACK); /* more than IP can say */
    CHECK(undo(len, &h, NET_TAKES_TSO4));
    CHECK_EQ(made_count, 2);
    check_made(false, NET_FRAME_MAX - IPV4_TCP - 20);
}

TEST(a_checksum_is_filled_in_where_the_header_says)
{
    struct net_header h;
    size_t len = tcp_frame(&h, false, 101, ACK);

    h.gso_type = NET_GSO_NONE;
    frame[IPV4_TCP + 17] = 6 + 121; /* what a driver leaves: length and protocol, */
    frame[IPV4_TCP + 16] = 0;
    frame[IPV4_TCP + 16] += 4 * 10; /* and the addresses */
    frame[IPV4_TCP + 17] += 4 * 10;
    CHECK(undo(len, &h, 0));
    CHECK_EQ(made_count, 1);
    CHECK_EQ(tcp_sum(made[0].data, made[0].len, false), 0xffff);
    memset(frame + IPV4_TCP, 0, 40);
    memset(frame + IPV4_TCP, 0xff, 2); /* the sum is 0: for UDP that would mean "none" */
    h.csum_offset = 0;
    CHECK(undo(IPV4_TCP + 40, &h, 0));
    CHECK_EQ(get32(made[0].data + IPV4_TCP) >> 16, 0xffff);
}

/* A guest may write anything there. */
TEST(headers_that_do_not_fit_are_refused)
{
    static const struct net_header bad[] = {
        { NET_NEEDS_CSUM, NET_GSO_NONE, 0, 0, 1000, 0 },
        { NET_NEEDS_CSUM, NET_GSO_NONE, 0, 0, 34, 65535 },
        { NET_NEEDS_CSUM, NET_GSO_NONE, 0, 0, 65535, 65535 },
        { NET_NEEDS_CSUM, NET_GSO_NONE, 0, 0, 34, 120 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 0, IPV4_TCP, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 1, IPV4_TCP, 16 }, /* one frame for each byte */
        { 0, NET_GSO_TCPV4, 0, 1460, IPV4_TCP, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 1460, IPV4_TCP - 1, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 1460, 60000, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 1460, 140, 16 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV6, 0, 1460, IPV4_TCP, 16 },
        { NET_NEEDS_CSUM, 3, 0, 1460, IPV4_TCP, 8 },
        { NET_NEEDS_CSUM, NET_GSO_TCPV4, 0, 65535, IPV4_TCP, 16 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct net_header h;
        size_t len = tcp_frame(&h, false, 100, ACK);

        if (!CHECK(!undo(len, &bad[i], 0)) || made_count)
            printf("# that was row %u\n", i);
    }
}

TEST(random_headers_touch_nothing_outside)
{
    u64 seed = 1;

    for (unsigned i = 0; i < 20000; i++) {
        struct net_header h;
        size_t len;

        made_count = 0;
        seed = seed * 6364136223846793005 + 1442695040888963407;
        len = tcp_frame(&h, seed >> 60 & 1, (seed >> 40) % 100, ACK);
        h.gso_size = (u16)(seed >> 32 & 0x3ff);
        if (seed >> 59 & 1)
            h.csum_start = (u16)(seed >> 20 & (seed >> 58 & 1 ? 0xffff : 0x7f));
        h.csum_offset = (u16)(seed >> 10 & 0x7f);
        frame[(seed >> 50) % len] = (u8)(seed >> 24);
        if (seed >> 62)
            len = 14 + (seed >> 33) % (len - 14);
        (void)!net_offload_undo(frame, len, &h, seed >> 61 & NET_TAKES_TSO4, 14 + 65535, keep,
                                NULL);
    }
}

/* --- merging --- */

static struct {
    unsigned count;
    struct net_header h;
    size_t len;
    u8 data[NET_FRAME_MAX];
} got;

static void on_frame(void *arg, unsigned queue, const struct net_header *h, const u8 *f, size_t len)
{
    got.count++;
    got.h = *h;
    got.len = len;
    memcpy(got.data, f, len);
}

static struct net_backend net = { .receive = on_frame };

/* Cuts a frame and lets the pieces wait in *in. */
static void put_cut(struct net_inbox *in, bool v6, size_t payload, unsigned takes)
{
    struct net_header h;

    CHECK(undo(tcp_frame(&h, v6, payload, ACK), &h, 0));
    got.count = 0;
    in->ready = true;
    for (unsigned i = 0; i < made_count; i++)
        CHECK(net_inbox_put(in, made[i].data, made[i].len, takes));
}

TEST(segments_that_wait_become_one)
{
    enum { PAYLOAD = 40 * MSS + 5 };
    const unsigned all = NET_TAKES_CSUM | NET_TAKES_TSO4 | NET_TAKES_TSO6;

    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct net_inbox in = { 0 };

        put_cut(&in, v6, PAYLOAD, all);
        net_inbox_give(&in, &net);
        CHECK_EQ(got.count, 1);
        CHECK_EQ(got.h.gso_type, v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4);
        CHECK_EQ(got.h.gso_size, MSS);
        CHECK_EQ(got.h.flags, NET_NEEDS_CSUM);
        /* What the guest would do to forward it gives the segments back. */
        memcpy(frame, got.data, got.len);
        CHECK(undo(got.len, &got.h, 0));
        CHECK_EQ(made_count, 41);
        check_made(v6, PAYLOAD);
        net_inbox_fini(&in);
    }
}

TEST(segments_stay_apart_for_a_guest_that_wants_that)
{
    struct net_inbox in = { 0 };

    put_cut(&in, false, 3 * MSS, NET_TAKES_CSUM | NET_TAKES_TSO6);
    net_inbox_give(&in, &net);
    CHECK_EQ(got.count, 3);
    CHECK_EQ(got.h.flags, NET_DATA_VALID);
    CHECK_EQ(got.h.gso_type, NET_GSO_NONE);
    put_cut(&in, true, 3 * MSS, 0);
    net_inbox_give(&in, &net);
    CHECK_EQ(got.count, 3);
    CHECK_EQ(got.h.flags, 0);
    net_inbox_fini(&in);
}

/* Each byte of the headers that a receiver looks at, changed, keeps a segment apart; so does one
 * that is missing between. */
TEST(only_the_streams_next_segment_is_merged)
{
    static const u8 places[] = { 0,  6,  12, 15, 20, 22, 23, 26, 29, 30, 33, 34,
                                 36, 38, 41, 42, 45, 46, 47, 48, 49, 52, 53 };
    struct net_inbox in = { 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        struct net_header h;

        CHECK(undo(tcp_frame(&h, false, 2 * MSS, ACK), &h, 0));
        made[1].data[places[i]] ^= 2;
        in.ready = true;
        got.count = 0;
        for (unsigned k = 0; k < 2; k++)
            CHECK(net_inbox_put(&in, made[k].data, made[k].len, NET_TAKES_CSUM | NET_TAKES_TSO4));
        net_inbox_give(&in, &net);
        if (!CHECK_EQ(got.count, 2))
            printf("# that was byte %u\n", places[i]);
    }
    put_cut(&in, false, 2 * MSS, NET_TAKES_CSUM | NET_TAKES_TSO4);
    net_inbox_give(&in, &net);
    CHECK_EQ(got.count, 1);
}

/* Past what one IP packet can say a second begins; a full inbox takes no more. */
TEST(a_merged_frame_and_the_inbox_have_an_end)
{
    struct net_inbox in = { 0 };
    struct net_header h;
    unsigned put = 0;
    size_t len;

    put_cut(&in, false, NET_FRAME_MAX - IPV4_TCP - 20, NET_TAKES_CSUM | NET_TAKES_TSO4);
    CHECK_EQ(in.count, 2);
    net_inbox_give(&in, &net);
    CHECK_EQ(got.count, 2);
    put_cut(&in, false, 44 * MSS, NET_TAKES_CSUM | NET_TAKES_TSO4);
    CHECK_EQ(in.count, 1);
    CHECK(undo(tcp_frame(&h, false, 65000, ACK), &h, NET_TAKES_TSO4));
    len = made[0].len;
    for (unsigned i = 0; i < 3; i++) /* the same sequence number: never merged */
        CHECK(net_inbox_put(&in, made[0].data, len, NET_TAKES_CSUM | NET_TAKES_TSO4));
    CHECK_EQ(in.count, 4);
    while (net_inbox_put(&in, made[0].data, 60, 0))
        put++;
    CHECK_EQ(put, NET_INBOX_MAX - 4);
    net_inbox_give(&in, &net);
    CHECK_EQ(got.count, NET_INBOX_MAX);
    CHECK_EQ(in.count, 0);
    net_inbox_fini(&in);
}

TEST_MAIN(TEST_CASE(a_long_segment_is_cut_into_sound_ones),
          TEST_CASE(what_the_other_side_takes_whole_stays_whole),
          TEST_CASE(a_checksum_is_filled_in_where_the_header_says),
          TEST_CASE(headers_that_do_not_fit_are_refused),
          TEST_CASE(random_headers_touch_nothing_outside), TEST_CASE(segments_that_wait_become_one),
          TEST_CASE(segments_stay_apart_for_a_guest_that_wants_that),
          TEST_CASE(only_the_streams_next_segment_is_merged),
          TEST_CASE(a_merged_frame_and_the_inbox_have_an_end))
