/*
 * test_slirp.c - user-mode networking, spoken to frame by frame as a guest would.
 *
 * A few lines of ARP, DHCP and TCP stand in for the guest's stack; the other side
 * is real sockets on the host's loopback.
 */
#include "backend/net/slirp.h"
#include "backend/net/slirp_poll.h"
#include "base/bits.h"
#include "host/clock.h"
#include "test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <slirp/libslirp.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUEST_IP 0x0a00020fu /* 10.0.2.15 */
#define HOST_IP  0x0a000202u

static const u8 guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static u8 host_mac[6];
static struct loop *loop;
static struct net_backend *net;
static struct err err;

/* Frames that came, by the filter of the step that waits. */
static u8 frame[2000];
static size_t frame_len;
static const struct net_header plain; /* no offloads */
static bool (*wanted)(const u8 *f, size_t len);
static bool inside_send;
static unsigned frames_inside_send, frames_unready;
static bool ready_now;

static void answer_arp(const u8 *f);

static void on_frame(void *arg, unsigned queue, const struct net_header *h, const u8 *f, size_t len)
{
    frames_inside_send += inside_send;
    frames_unready += !ready_now;
    if (len >= 42 && f[12] == 8 && f[13] == 6 && f[21] == 1)
        answer_arp(f);
    if (wanted && len <= sizeof frame && wanted(f, len)) {
        memcpy(frame, f, len);
        frame_len = len;
        wanted = NULL;
    }
}

static ns_t clock_now(void *arg)
{
    return host_clock_monotonic();
}

static int start(const char *const *hostfwd, unsigned count)
{
    struct slirp_options options = { .hostfwd = hostfwd,
                                     .hostfwd_count = count,
                                     .clock = clock_now };
    int ret;

    memset(&err, 0, sizeof err);
    net = NULL;
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    ret = slirp_backend_new(&options, loop, &net, &err);
    if (ret)
        return ret;
    net_backend_set_card(net, on_frame, NULL, NULL);
    net_backend_set_ready(net, 0, true);
    ready_now = true;
    return 0;
}

static void stop(void)
{
    net_backend_free(net);
    loop_free(loop);
}

static bool send_frame(const void *data, size_t len)
{
    struct iovec iov[2] = { { (void *)(uintptr_t)data, 10 },
                            { (u8 *)(uintptr_t)data + 10, len - 10 } };
    bool ok;

    inside_send = true;
    ok = net_backend_send(net, 0, &plain, iov, 2) == NET_SENT;
    inside_send = false;
    return ok;
}

/* Runs the loop until a frame that `want` likes has come; at most ten seconds. */
static bool wait_for(bool (*want)(const u8 *f, size_t len))
{
    ns_t end = host_clock_monotonic() + 10 * NS_PER_SEC;

    wanted = want;
    while (wanted && host_clock_monotonic() < end)
        loop_run_once(loop, 100 * NS_PER_MS);
    return CHECK(!wanted);
}

static void put_be16(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}

static void put_be32(u8 *p, u32 v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

static void ether(u8 *f, const u8 *to, u32 type)
{
    memcpy(f, to, 6);
    memcpy(f + 6, guest_mac, 6);
    put_be16(f + 12, type);
}

/* RFC 826. */
static void arp(u8 *f, u32 op, const u8 *to, u32 target)
{
    ether(f, to, 0x0806);
    memcpy(f + 14, "\0\1\x08\0\6\4", 6);
    put_be16(f + 20, op);
    memcpy(f + 22, guest_mac, 6);
    put_be32(f + 28, GUEST_IP);
    memcpy(f + 32, to, 6);
    put_be32(f + 38, target);
}

static void answer_arp(const u8 *f)
{
    u8 reply[42];

    if (be32_get(f + 38) != GUEST_IP)
        return;
    memcpy(host_mac, f + 6, 6);
    arp(reply, 2, f + 6, be32_get(f + 28));
    send_frame(reply, sizeof reply);
}

static bool is_arp_reply(const u8 *f, size_t len)
{
    return len >= 42 && be16_get(f + 12) == 0x0806 && be16_get(f + 20) == 2 &&
           be32_get(f + 28) == HOST_IP;
}

static void learn_host(void)
{
    static const u8 all[6] = { 255, 255, 255, 255, 255, 255 };
    u8 f[42];

    arp(f, 1, all, HOST_IP);
    CHECK(send_frame(f, sizeof f));
    if (wait_for(is_arp_reply))
        memcpy(host_mac, frame + 22, 6);
}

static u32 sum16(const u8 *p, size_t len, u32 sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (u32)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* An IPv4 header at f + 14 for `len` bytes behind it. */
static void ipv4(u8 *f, u32 protocol, u32 from, u32 to, size_t len)
{
    u8 *ip = f + 14;

    memset(ip, 0, 20);
    ip[0] = 0x45;
    put_be16(ip + 2, (u32)len + 20);
    ip[8] = 64;
    ip[9] = (u8)protocol;
    put_be32(ip + 12, from);
    put_be32(ip + 16, to);
    put_be16(ip + 10, ~sum16(ip, 20, 0));
}

TEST(gateway_answers_arp)
{
    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    CHECK_EQ(host_mac[0], 0x52);
    CHECK_EQ(frames_inside_send, 0);
    stop();
}

static bool is_dhcp_offer(const u8 *f, size_t len)
{
    return len > 282 && be16_get(f + 12) == 0x0800 && f[23] == 17 && be16_get(f + 36) == 68;
}

/* RFC 2131: the first address of the range is offered, with router and DNS. */
TEST(dhcp_offers_the_first_address)
{
    static const u8 all[6] = { 255, 255, 255, 255, 255, 255 };
    u8 f[14 + 20 + 8 + 248] = { 0 }, *udp = f + 34, *boot = f + 42;

    CHECK_EQ(start(NULL, 0), 0);
    ether(f, all, 0x0800);
    ipv4(f, 17, 0, 0xffffffff, sizeof f - 34);
    put_be16(udp, 68);
    put_be16(udp + 2, 67);
    put_be16(udp + 4, sizeof f - 34); /* no UDP checksum */
    memcpy(boot, "\1\1\6", 3);
    put_be32(boot + 4, 0x12345678);
    memcpy(boot + 28, guest_mac, 6);
    memcpy(boot + 236, "\x63\x82\x53\x63\x35\1\1\xff", 8);
    CHECK(send_frame(f, sizeof f));
    if (wait_for(is_dhcp_offer)) {
        CHECK_EQ(be32_get(frame + 42 + 4), 0x12345678);
        CHECK_EQ(be32_get(frame + 42 + 16), GUEST_IP);
        CHECK_EQ(frame[42 + 242], 2); /* option 53: OFFER */
    }
    stop();
}

/* TCP, just enough: no loss, no window. */
static struct {
    u16 own, peer;
    u32 seq, ack;
} tcp;

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static bool is_tcp(const u8 *f, size_t len)
{
    return len >= 54 && be16_get(f + 12) == 0x0800 && f[23] == 6 && be16_get(f + 36) == tcp.own &&
           be32_get(f + 26) == HOST_IP;
}

static u32 tcp_flags(void)
{
    return frame[47];
}

static bool is_tcp_data(const u8 *f, size_t len)
{
    return is_tcp(f, len) && be16_get(f + 16) > 20u + (f[46] >> 4) * 4u;
}

static bool is_tcp_end(const u8 *f, size_t len)
{
    return is_tcp(f, len) && (f[47] & (FIN | RST));
}

static void tcp_send(u32 flags, const char *text)
{
    u8 f[400], *t = f + 34;
    size_t len = strlen(text);
    u8 pseudo[12];

    ether(f, host_mac, 0x0800);
    memset(t, 0, 20);
    put_be16(t, tcp.own);
    put_be16(t + 2, tcp.peer);
    put_be32(t + 4, tcp.seq);
    put_be32(t + 8, tcp.ack);
    t[12] = 5 << 4;
    t[13] = (u8)flags;
    put_be16(t + 14, 60000);
    memcpy(t + 20, text, len);
    put_be32(pseudo, GUEST_IP);
    put_be32(pseudo + 4, HOST_IP);
    pseudo[8] = 0;
    pseudo[9] = 6;
    put_be16(pseudo + 10, (u32)len + 20);
    put_be16(t + 16, ~sum16(t, len + 20, sum16(pseudo, 12, 0)));
    ipv4(f, 6, GUEST_IP, HOST_IP, len + 20);
    CHECK(send_frame(f, 54 + len));
    tcp.seq += (u32)len + ((flags & (SYN | FIN)) != 0);
}

/* The data of the frame that came; moves tcp.ack behind it. */
static const char *tcp_data(void)
{
    static char text[1500];
    size_t head = 34 + (frame[46] >> 4) * 4u, len = be16_get(frame + 16) + 14u - head;

    memcpy(text, frame + head, len);
    text[len] = 0;
    tcp.ack = be32_get(frame + 38) + (u32)len;
    return text;
}

static int listen_on_loopback(u16 *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Waits for input on a socket with the loop running. */
static ssize_t recv_running(int fd, char *text, size_t size)
{
    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(fd, text, size, MSG_DONTWAIT);

        if (n >= 0)
            return n;
        loop_run_once(loop, 50 * NS_PER_MS);
    }
    return -1;
}

TEST(tcp_from_the_guest_reaches_a_server)
{
    char text[100] = "";
    int listener = listen_on_loopback(&tcp.peer), server;

    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    tcp.own = 4000;
    tcp.seq = 1000;
    tcp.ack = 0;
    tcp_send(SYN, "");
    if (!wait_for(is_tcp))
        return;
    CHECK_EQ(tcp_flags(), SYN | ACK);
    CHECK_EQ(be32_get(frame + 42), 1001);
    tcp.ack = be32_get(frame + 38) + 1;
    tcp_send(ACK, "");
    tcp_send(ACK | PSH, "GET / HTTP/1.0\r\n");
    server = accept(listener, NULL, NULL);
    CHECK_EQ(recv_running(server, text, sizeof text), 16);
    CHECK_STR(text, "GET / HTTP/1.0\r\n");
    CHECK_EQ(send(server, "200 OK", 6, 0), 6);
    if (wait_for(is_tcp_data))
        CHECK_STR(tcp_data(), "200 OK");
    tcp_send(ACK, "");
    close(server);
    wait_for(is_tcp_end);
    CHECK_EQ(frames_inside_send, 0);
    close(listener);
    stop();
}

TEST(frames_wait_while_the_guest_is_not_ready)
{
    u8 f[42];
    static const u8 all[6] = { 255, 255, 255, 255, 255, 255 };

    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    net_backend_set_ready(net, 0, false);
    ready_now = false;
    arp(f, 1, all, HOST_IP);
    CHECK(send_frame(f, sizeof f));
    wanted = is_arp_reply;
    for (int i = 0; i < 5; i++)
        loop_run_once(loop, NS_PER_MS);
    CHECK(wanted != NULL);
    ready_now = true;
    net_backend_set_ready(net, 0, true);
    CHECK(wanted != NULL); /* not inside the call */
    wait_for(is_arp_reply);
    CHECK_EQ(frames_unready, 0);
    stop();
}

static u16 free_port(void)
{
    u16 port;

    close(listen_on_loopback(&port));
    return port;
}

static int dial_loopback(u16 port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

TEST(forwarded_port_reaches_the_guest)
{
    char fwd[64], text[32] = "";
    const char *list[] = { fwd };
    u16 port = free_port();
    int client;

    snprintf(fwd, sizeof fwd, "tcp::%u-:22", port);
    CHECK_EQ(start(list, 1), 0);
    learn_host();
    client = dial_loopback(port);
    tcp.own = 22;
    if (!wait_for(is_tcp))
        return;
    CHECK_EQ(tcp_flags(), SYN);
    CHECK_EQ(be32_get(frame + 30), GUEST_IP);
    tcp.peer = be16_get(frame + 34);
    tcp.seq = 5000;
    tcp.ack = be32_get(frame + 38) + 1;
    tcp_send(SYN | ACK, "");
    CHECK(wait_for(is_tcp));
    tcp_send(ACK | PSH, "SSH-2.0-x\r\n");
    CHECK_EQ(recv_running(client, text, sizeof text), 11);
    CHECK_STR(text, "SSH-2.0-x\r\n");
    CHECK_EQ(send(client, "hi", 2, 0), 2);
    if (wait_for(is_tcp_data))
        CHECK_STR(tcp_data(), "hi");
    close(client);
    stop();
}

TEST(taken_port_is_told_with_its_number)
{
    char fwd[64], number[16];
    const char *list[] = { fwd };
    u16 port;
    int listener = listen_on_loopback(&port);

    snprintf(fwd, sizeof fwd, "tcp:127.0.0.1:%u-:22", port);
    snprintf(number, sizeof number, "TCP port %u", port);
    CHECK_EQ(start(list, 1), -EADDRINUSE);
    CHECK_HAS(err.text, number);
    CHECK_HAS(err.text, "is taken; use another");
    close(listener);
    stop();
    CHECK_EQ(start(list, 1), 0); /* and the failed try has left nothing behind */
    stop();
}

TEST(two_networks_in_one_process)
{
    struct loop *first_loop;
    struct net_backend *first;

    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    first_loop = loop;
    first = net;
    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    stop();
    loop = first_loop;
    net = first;
    learn_host();
    stop();
}

static void check_bad(const char *text, const char *why)
{
    struct err e = { 0 };

    CHECK_EQ(slirp_hostfwd_check(text, &e), -EINVAL);
    CHECK_HAS(e.text, text);
    CHECK_HAS(e.text, why);
    CHECK_HAS(e.text, "for example tcp:127.0.0.1:2222-:22");
}

TEST(forwards_are_parsed)
{
    struct err e = { 0 };

    CHECK_EQ(slirp_hostfwd_check("tcp:127.0.0.1:2222-:22", &e), 0);
    CHECK_EQ(slirp_hostfwd_check("udp::53-10.0.2.15:53", &e), 0);
    CHECK_EQ(slirp_hostfwd_check("tcp:0.0.0.0:1-:65535", &e), 0);
    CHECK_EQ(slirp_hostfwd_check("tcp:[::1]:2222-[fec0::15]:22", &e), 0);
    check_bad("", "neither tcp: nor udp:");
    check_bad("sctp::1-:2", "neither tcp: nor udp:");
    check_bad("tcp::22", "guest's side is missing");
    check_bad("tcp::0-:22", "1 to 65535");
    check_bad("tcp::65536-:22", "1 to 65535");
    check_bad("tcp::99999999999-:22", "1 to 65535");
    check_bad("tcp::22x-:22", "1 to 65535");
    check_bad("tcp::-:22", "1 to 65535");
    check_bad("tcp:22-:22", "a port is missing");
    check_bad("tcp:localhost:22-:22", "IPv4, or IPv6 in brackets");
    check_bad("tcp:[::1]:22-:22", "both are IPv6");
    check_bad("tcp:[x]:22-[::1]:22", "no IPv6 address");
    check_bad("tcp:[:22-:22", "IPv4, or IPv6");
}

TEST(bad_frames_are_dropped)
{
    static u8 big[NET_FRAME_MAX + 1];
    u8 junk[1514];

    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    CHECK(!send_frame(big, 13));
    CHECK(!send_frame(big, NET_FRAME_MAX + 1));
    CHECK(send_frame(big, NET_FRAME_MAX));
    srand(1);
    for (int i = 0; i < 2000; i++) {
        size_t len = 14 + (size_t)rand() % 1500;

        for (size_t k = 0; k < len; k++)
            junk[k] = (u8)rand();
        ether(junk, host_mac, i % 3 == 0 ? 0x0806 : i % 3 == 1 ? 0x0800 : 0x86dd);
        if (i & 1) {
            put_be32(junk + 26, GUEST_IP); /* never to an address outside */
            put_be32(junk + 30, HOST_IP);
        } else {
            junk[14] = 0;
        }
        CHECK(send_frame(junk, len));
    }
    learn_host(); /* still there */
    stop();
}

/* A quiet network hardly wakes the loop. */
TEST(idle_network_sleeps)
{
    unsigned rounds = 0;
    ns_t end;

    CHECK_EQ(start(NULL, 0), 0);
    learn_host();
    end = host_clock_monotonic() + 300 * NS_PER_MS;
    while (host_clock_monotonic() < end) {
        loop_run_once(loop, 100 * NS_PER_MS);
        rounds++;
    }
    CHECK(rounds < 30);
    stop();
}

static int poll_round(struct slirp_poll *p, int fd, int events)
{
    int idx = -1;

    slirp_poll_begin(p);
    if (fd >= 0)
        idx = slirp_poll_add(p, fd, events);
    slirp_poll_commit(p);
    loop_run_once(loop, 0);
    slirp_poll_collect(p);
    return slirp_poll_revents(p, idx);
}

/* A descriptor that is not asked for any more does not wake the loop, and one that
 * takes a closed one's number is heard. */
TEST(polled_descriptors_come_and_go)
{
    struct slirp_poll p;
    struct err e = { 0 };
    int a[2], b[2];

    CHECK_EQ(loop_new(NULL, &loop, &e), 0);
    CHECK_EQ(slirp_poll_init(&p, loop, &e), 0);
    CHECK_EQ(pipe(a), 0);
    CHECK_EQ(poll_round(&p, a[0], SLIRP_POLL_IN), 0);
    CHECK_EQ(write(a[1], "x", 1), 1);
    CHECK_EQ(poll_round(&p, a[0], SLIRP_POLL_IN), SLIRP_POLL_IN);
    CHECK_EQ(poll_round(&p, a[0], SLIRP_POLL_IN), SLIRP_POLL_IN);
    CHECK_EQ(poll_round(&p, a[1], SLIRP_POLL_OUT), SLIRP_POLL_OUT);
    poll_round(&p, -1, 0);
    CHECK(!loop_run_once(loop, 0));
    CHECK_EQ(poll_round(&p, a[0], SLIRP_POLL_IN), SLIRP_POLL_IN);
    slirp_poll_forget(&p, a[0]);
    close(a[0]);
    CHECK_EQ(pipe(b), 0);
    CHECK_EQ(b[0], a[0]);
    CHECK_EQ(write(b[1], "y", 1), 1);
    CHECK_EQ(poll_round(&p, b[0], SLIRP_POLL_IN), SLIRP_POLL_IN);
    CHECK_EQ(poll_round(&p, 10000, SLIRP_POLL_IN), 0); /* not open: no harm */
    slirp_poll_fini(&p);
    loop_free(loop);
    close(a[1]);
    close(b[0]);
    close(b[1]);
}

TEST_MAIN(TEST_CASE(polled_descriptors_come_and_go), TEST_CASE(gateway_answers_arp),
          TEST_CASE(dhcp_offers_the_first_address), TEST_CASE(tcp_from_the_guest_reaches_a_server),
          TEST_CASE(frames_wait_while_the_guest_is_not_ready),
          TEST_CASE(forwarded_port_reaches_the_guest),
          TEST_CASE(taken_port_is_told_with_its_number), TEST_CASE(two_networks_in_one_process),
          TEST_CASE(forwards_are_parsed), TEST_CASE(bad_frames_are_dropped),
          TEST_CASE(idle_network_sleeps))
