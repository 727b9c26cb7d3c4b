/*
 * test_passt.c - the stream of frames to and from a passt, whose part the test plays.
 */
#include "backend/net/passt.h"
#include "host/loop.h"
#include "host/socket.h"
#include "test.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct err err;
static struct loop *loop;
static struct net_backend *net;
static int peer = -1;
static char folder[] = "/tmp/test-passt-XXXXXX", path[64];
static struct {
    unsigned count;
    size_t len;
    u8 data[NET_FRAME_MAX];
} got;
static unsigned rooms;   /* calls */
static u8 all[32 << 20]; /* what the peer has read */
static size_t have;
static const struct net_header plain;

static void on_frame(void *arg, unsigned queue, const struct net_header *h, const u8 *f, size_t len)
{
    got.count++;
    got.len = len;
    memcpy(got.data, f, len);
}

static void on_room(void *arg, unsigned queue)
{
    CHECK_EQ(queue, 0);
    rooms++;
}

static void start(void)
{
    const struct passt_options options = { .path = path };
    int listener;

    memset(&got, 0, sizeof got);
    rooms = 0;
    have = 0;
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    CHECK_EQ(host_unix_listen(path, 0600, &listener, &err), 0);
    CHECK_EQ(passt_backend_new(&options, loop, &net, &err), 0);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    close(listener);
    unlink(path);
    net_backend_set_card(net, on_frame, on_room, NULL);
    net_backend_set_ready(net, 0, true);
}

static void stop(void)
{
    net_backend_free(net);
    loop_free(loop);
    close(peer);
}

static void settle(void)
{
    for (unsigned i = 0; i < 20; i++)
        loop_run_once(loop, 0);
}

/* A frame of `len` bytes of one value, with its length before it, in the stream. */
static size_t put(u8 *to, size_t len, u8 value)
{
    to[0] = to[1] = 0;
    to[2] = (u8)(len >> 8);
    to[3] = (u8)len;
    memset(to + 4, value, len);
    return len + 4;
}

static enum net_sent send_frame(size_t len, u8 value)
{
    static u8 frame[NET_FRAME_MAX];
    struct iovec iov = { frame, len };

    memset(frame, value, len);
    return net_backend_send(net, 0, &plain, &iov, 1);
}

TEST(frames_come_out_of_the_stream_however_it_is_cut)
{
    u8 stream[3000];
    size_t len = 0;

    start();
    len += put(stream, 60, 1);
    len += put(stream + len, 1514, 2);
    len += put(stream + len, 14, 3);
    for (size_t i = 0; i < len; i++) { /* byte by byte */
        CHECK_EQ(write(peer, stream + i, 1), 1);
        loop_run_once(loop, 0);
    }
    settle();
    CHECK_EQ(got.count, 3);
    CHECK_EQ(got.len, 14);
    CHECK_EQ(got.data[13], 3);
    CHECK_EQ(write(peer, stream, len), (ssize_t)len); /* and at once */
    settle();
    CHECK_EQ(got.count, 6);
    stop();
}

TEST(frames_wait_until_the_guest_is_ready)
{
    u8 stream[100];
    size_t len = put(stream, 60, 1);

    start();
    net_backend_set_ready(net, 0, false);
    CHECK_EQ(write(peer, stream, len), (ssize_t)len);
    settle();
    CHECK_EQ(got.count, 0);
    net_backend_set_ready(net, 0, true);
    CHECK_EQ(got.count, 0); /* not inside the call */
    settle();
    CHECK_EQ(got.count, 1);
    stop();
}

/* A guest that takes nothing: the other side has to wait, and nothing is lost. */
TEST(a_flood_waits_in_the_socket)
{
    static u8 stream[70000];
    size_t len = put(stream, 65535, 1), sent = 0, at = 0;
    unsigned whole = 0;

    start();
    net_backend_set_ready(net, 0, false);
    for (unsigned i = 0; i < 100000; i++) {
        ssize_t n = send(peer, stream + at, len - at, MSG_DONTWAIT);

        if (n < 0 && i > 2000)
            break;
        if (n < 0) {
            loop_run_once(loop, 0);
            continue;
        }
        at += (size_t)n;
        sent += (size_t)n;
        if (at == len) {
            at = 0;
            whole++;
        }
    }
    CHECK(sent < 200 * MIB); /* bounded */
    settle();
    CHECK(!loop_run_once(loop, 0)); /* and sleeps, too */
    net_backend_set_ready(net, 0, true);
    for (unsigned i = 0; i < 5000; i++)
        loop_run_once(loop, 0);
    CHECK_EQ(got.count, whole);
    stop();
}

static enum net_sent send_numbered(unsigned n)
{
    return send_frame(60000 + n, (u8)n);
}

static void peer_reads(size_t len)
{
    ssize_t n =
        recv(peer, all + have, len < sizeof all - have ? len : sizeof all - have, MSG_DONTWAIT);

    have += n > 0 ? (size_t)n : 0;
    loop_run_once(loop, 0);
}

/* The length of the frame at *at of what the peer has read, which moves behind it; 0: none. */
static size_t frame_at(size_t *at)
{
    size_t len = (size_t)all[*at + 2] << 8 | all[*at + 3];

    if (*at == have || !CHECK(*at + 4 + len <= have && all[*at] == 0 && all[*at + 1] == 0))
        return 0;
    *at += 4 + len;
    return len;
}

/* The guest keeps what the socket does not take, and is told when to go on: nothing is lost, and
 * the stream is one of whole frames. */
TEST(a_full_socket_makes_the_guest_wait)
{
    unsigned sent = 0, refused = 0, seen = 0;
    size_t at = 0, len;

    start();
    for (unsigned round = 0; round < 1000 && sent < 400; round++) {
        while (rooms == refused && sent < 400) {
            enum net_sent what = send_numbered(sent % 199);

            CHECK(what != NET_DROPPED);
            CHECK_EQ(rooms, refused); /* told in the loop, not inside the call */
            sent += what == NET_SENT;
            refused += what == NET_FULL;
        }
        CHECK(rooms == refused || send_numbered(0) == NET_FULL);
        peer_reads(90000 + 777 * (round % 100));         /* full again and again, here and there */
        CHECK(rooms + 1 >= refused && rooms <= refused); /* once each */
    }
    for (unsigned i = 0; i < 2000; i++)
        peer_reads(sizeof all);
    for (; (len = frame_at(&at)) > 0; seen++) {
        CHECK_EQ(len, 60000 + seen % 199);
        CHECK_EQ(all[at - len], (u8)(seen % 199));
        CHECK_EQ(all[at - 1], (u8)(seen % 199));
    }
    CHECK_EQ(sent, 400);
    CHECK_EQ(seen, sent);
    CHECK(refused > 10);
    CHECK(!loop_run_once(loop, 0)); /* and all is quiet */
    stop();
}

/* A segment that is longer than passt takes goes in two frames: both or none. */
TEST(there_is_room_for_both_parts_of_a_long_segment)
{
    static u8 frame[NET_FRAME_MAX];
    struct net_header h = { NET_NEEDS_CSUM, NET_GSO_TCPV4, 54, 1460, 34, 16 };
    struct iovec iov = { frame, sizeof frame };
    unsigned sent = 0, seen = 0;
    size_t at = 0, len;

    frame[12] = 8; /* IPv4, TCP, headers of 20 bytes each */
    frame[14] = 0x45;
    frame[23] = 6;
    frame[46] = 5 << 4;
    start();
    while (sent < 200 && net_backend_send(net, 0, &h, &iov, 1) == NET_SENT)
        sent++;
    CHECK(sent < 200);
    for (unsigned i = 0; i < 2000; i++)
        peer_reads(sizeof all);
    CHECK_EQ(rooms, 1);
    for (; (len = frame_at(&at)) > 0; seen++)
        CHECK_EQ(len, seen % 2 ? 54 + 15 : 65535);
    CHECK_EQ(seen, 2 * sent);
    stop();
}

TEST(a_peer_that_ends_leaves_nobody_waiting)
{
    start();
    while (send_frame(60000, 1) == NET_SENT)
        ;
    CHECK_EQ(rooms, 0);
    close(peer);
    settle();
    CHECK_EQ(rooms, 1);
    CHECK_EQ(send_frame(60, 1), NET_DROPPED);
    peer = -1;
    stop();
}

TEST(a_length_that_cannot_be_ends_the_network)
{
    static const u8 bad[2][4] = { { 0, 0, 0, 13 }, { 0x7f, 0xff, 0xff, 0xff } };
    u8 stream[100];
    size_t len = put(stream, 60, 1);

    for (unsigned i = 0; i < 2; i++) {
        start();
        CHECK_EQ(write(peer, bad[i], 4), 4);
        CHECK_EQ(write(peer, stream, len), (ssize_t)len);
        settle();
        CHECK_EQ(got.count, 0);
        CHECK_EQ(send_frame(60, 1), NET_DROPPED);
        stop();
    }
}

TEST(the_guest_goes_on_when_the_other_side_ends)
{
    start();
    close(peer);
    settle();
    CHECK_EQ(send_frame(60, 1), NET_DROPPED);
    net_backend_set_ready(net, 0, false);
    net_backend_set_ready(net, 0, true);
    settle();
    peer = -1;
    stop();
}

TEST(nobody_at_the_socket_is_told)
{
    const struct passt_options options = { .path = path };

    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    CHECK(passt_backend_new(&options, loop, &net, &err) < 0);
    CHECK_HAS(err.text, path);
    loop_free(loop);
    rmdir(folder);
}

static void make_folder(void)
{
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/socket", folder);
}

TEST(a_folder_for_the_socket)
{
    make_folder();
    CHECK(path[0]);
}

TEST_MAIN(TEST_CASE(a_folder_for_the_socket),
          TEST_CASE(frames_come_out_of_the_stream_however_it_is_cut),
          TEST_CASE(frames_wait_until_the_guest_is_ready), TEST_CASE(a_flood_waits_in_the_socket),
          TEST_CASE(a_full_socket_makes_the_guest_wait),
          TEST_CASE(there_is_room_for_both_parts_of_a_long_segment),
          TEST_CASE(a_peer_that_ends_leaves_nobody_waiting),
          TEST_CASE(a_length_that_cannot_be_ends_the_network),
          TEST_CASE(the_guest_goes_on_when_the_other_side_ends),
          TEST_CASE(nobody_at_the_socket_is_told))
