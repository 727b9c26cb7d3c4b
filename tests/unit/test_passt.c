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
static const struct net_header plain;

static void on_frame(void *arg, unsigned queue, const struct net_header *h, const u8 *f, size_t len)
{
    got.count++;
    got.len = len;
    memcpy(got.data, f, len);
}

static void start(void)
{
    const struct passt_options options = { .path = path };
    int listener;

    memset(&got, 0, sizeof got);
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    CHECK_EQ(host_unix_listen(path, 0600, &listener, &err), 0);
    CHECK_EQ(passt_backend_new(&options, loop, &net, &err), 0);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    close(listener);
    unlink(path);
    net_backend_set_receive(net, on_frame, NULL);
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

static bool send_frame(size_t len, u8 value)
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

static bool send_numbered(unsigned n)
{
    return send_frame(60000 + n, (u8)n);
}

/* As much as TCP has under way is no reason to lose frames. */
TEST(frames_wait_for_a_slow_peer)
{
    static u8 sink[1 << 16];
    size_t sent = 0, got_back = 0;

    start();
    for (unsigned i = 0; i < 50; i++) {
        CHECK(send_numbered(i));
        sent += 4 + 60000 + i;
    }
    for (unsigned i = 0; i < 10000 && got_back < sent; i++) {
        ssize_t n = recv(peer, sink, sizeof sink, MSG_DONTWAIT);

        got_back += n > 0 ? (size_t)n : 0;
        loop_run_once(loop, 0);
    }
    CHECK_EQ(got_back, sent);
    CHECK(!loop_run_once(loop, 0)); /* and all is quiet */
    stop();
}

/* What the socket does not take at once follows; the stream stays one of whole frames. */
TEST(a_full_socket_costs_frames_and_never_the_stream)
{
    static u8 all[32 << 20];
    size_t have = 0, at = 0;
    unsigned taken = 0, tried = 0, seen = 0;

    start();
    for (unsigned round = 0; round < 60; round++) { /* full again and again, here and there */
        while (tried < 5000 && send_numbered(tried++ % 199))
            taken++;
        have += (size_t)recv(peer, all + have, 90000 + 777 * round, MSG_DONTWAIT);
        loop_run_once(loop, 0);
    }
    CHECK(taken > 60 && taken < tried);
    for (unsigned i = 0; i < 2000 && have < sizeof all; i++) {
        ssize_t n = recv(peer, all + have, sizeof all - have, MSG_DONTWAIT);

        have += n > 0 ? (size_t)n : 0;
        loop_run_once(loop, 0);
    }
    while (at + 4 <= have) {
        size_t len = (size_t)all[at + 2] << 8 | all[at + 3];

        if (!CHECK(all[at] == 0 && all[at + 1] == 0 && len >= 60000 && at + 4 + len <= have))
            break;
        CHECK_EQ(all[at + 4], (u8)(len - 60000));
        CHECK_EQ(all[at + 3 + len], (u8)(len - 60000));
        at += 4 + len;
        seen++;
    }
    CHECK_EQ(at, have);
    CHECK_EQ(seen, taken);
    CHECK(send_frame(100, 9)); /* there is room again */
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
        CHECK(!send_frame(60, 1));
        stop();
    }
}

TEST(the_guest_goes_on_when_the_other_side_ends)
{
    start();
    close(peer);
    settle();
    CHECK(!send_frame(60, 1));
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
          TEST_CASE(frames_wait_for_a_slow_peer),
          TEST_CASE(a_full_socket_costs_frames_and_never_the_stream),
          TEST_CASE(a_length_that_cannot_be_ends_the_network),
          TEST_CASE(the_guest_goes_on_when_the_other_side_ends),
          TEST_CASE(nobody_at_the_socket_is_told))
