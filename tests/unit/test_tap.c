/*
 * test_tap.c - a TAP interface in a network namespace of this program's own: behind it a bridge,
 * and a link that is slower than the guest. In the end it is deleted.
 */
#include "backend/net/tap.h"
#include "host/clock.h"
#include "host/loop.h"
#include "test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_SIZE = 1000 };

static struct err err;
static const struct net_header plain;
static unsigned rooms;
static bool has_network;

static void on_frame(void *arg, unsigned queue, const struct net_header *h, const u8 *f, size_t len)
{
}

static void on_room(void *arg, unsigned queue)
{
    CHECK_EQ(queue, 0);
    rooms++;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Also without privileges, where the host has user namespaces. */
static bool own_network(void)
{
    char map[32];

    snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_file("/proc/self/uid_map", map) &&
           system("PATH=$PATH:/usr/sbin:/sbin; exec 2>/dev/null; set -e;"
                  "ip tuntap add dev tap0 mode tap multi_queue;"
                  "ip link add far type veth peer name end; ip link add br0 type bridge;"
                  "ip link set tap0 master br0; ip link set far master br0;"
                  "for i in tap0 far end br0; do ip link set $i up; done;"
                  "tc qdisc add dev far root tbf rate 1mbit burst 2000 limit 10000000") == 0;
}

/* The same interface as another program has it, which sets something there. */
static int also_open(unsigned long what, int value)
{
    struct ifreq request = { .ifr_name = "tap0",
                             .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    CHECK(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, what, &value) == 0);
    return fd;
}

/* To a host that nobody knows: the bridge sends it on, and keeps no copy. */
static u8 frame[FRAME_SIZE] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

static enum net_sent send_frame(struct net_backend *net)
{
    struct iovec iov = { frame, sizeof frame };

    return net_backend_send(net, 0, &plain, &iov, 1);
}

TEST(a_network)
{
    has_network = own_network();
    if (!has_network)
        TEST_SKIP("no network namespace with a slow link");
}

/* What the interface was set to by whoever had it before, as QEMU does, says nothing to us. */
TEST(frames_leave_whole_whatever_the_interface_was_set_to)
{
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
    struct net_backend *net;
    struct loop *loop;
    u8 got[2000];
    ssize_t n = -1;
    ns_t end;
    int wire;

    if (!has_network)
        TEST_SKIP("no network namespace with a slow link");
    close(also_open(TUNSETVNETHDRSZ, 12));
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    if (!CHECK_EQ(tap_backend_new("tap0", 1, loop, &net, &err), 0))
        return;
    wire = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    at.sll_ifindex = (int)if_nametoindex("end");
    CHECK_EQ(bind(wire, (struct sockaddr *)&at, sizeof at), 0);
    /* At first the bridge drops everything: its ports come up when they like. */
    for (end = host_clock_monotonic() + 60 * NS_PER_SEC; n < 0 && host_clock_monotonic() < end;) {
        CHECK(send_frame(net) == NET_SENT);
        loop_run_once(loop, 10 * NS_PER_MS);
        n = recv(wire, got, sizeof got, 0);
    }
    CHECK_EQ(n, FRAME_SIZE);
    CHECK(memcmp(got, frame, FRAME_SIZE) == 0);
    close(wire);
    net_backend_free(net);
    loop_free(loop);
}

TEST(a_full_interface_makes_the_guest_wait)
{
    struct loop *loop;
    struct net_backend *net;
    unsigned refused = 0;
    ns_t end;
    int fd;

    if (!has_network)
        TEST_SKIP("no network namespace with a slow link");
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    if (!CHECK_EQ(tap_backend_new("tap0", 1, loop, &net, &err), 0))
        return;
    fd = also_open(TUNSETSNDBUF, 20000); /* bytes of frames that are on their way */
    net_backend_set_card(net, on_frame, on_room, NULL);
    for (end = host_clock_monotonic() + 60 * NS_PER_SEC; /* the bridge may be late, too */
         rooms < 4 && host_clock_monotonic() < end;) {
        enum net_sent what = rooms == refused ? send_frame(net) : NET_FULL;

        CHECK(what != NET_DROPPED);
        if (what == NET_SENT)
            continue;
        CHECK(rooms + 1 >= refused && rooms <= refused); /* told once each, in the loop */
        refused += rooms == refused;
        loop_run_once(loop, NS_PER_SEC);
    }
    CHECK_EQ(rooms, 4);
    CHECK_EQ(refused, 4);
    CHECK(!loop_run_once(loop, 0)); /* all is quiet */
    net_backend_free(net);
    loop_free(loop);
    close(fd);
}

/* What is written to stderr while fn() runs, NUL-terminated. */
static void said(void (*fn)(void *arg), void *arg, char *out, size_t size)
{
    FILE *f = tmpfile();
    int before = dup(STDERR_FILENO);
    size_t len;

    dup2(fileno(f), STDERR_FILENO);
    fn(arg);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(f);
    len = fread(out, 1, size - 1, f);
    out[len] = 0;
    fclose(f);
}

/* Until nothing happens any more. */
static void run_to_rest(void *loop)
{
    for (unsigned i = 0; i < 100 && loop_run_once(loop, NS_PER_SEC); i++)
        ;
}

/* The kernel then reports an error for each queue, for ever. */
TEST(a_deleted_interface_is_told_of_once)
{
    struct loop *loop;
    struct net_backend *net;
    char text[1000];
    unsigned before = rooms;
    ns_t end;
    int fd;

    if (!has_network)
        TEST_SKIP("no network namespace with a slow link");
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    if (!CHECK_EQ(tap_backend_new("tap0", 2, loop, &net, &err), 0))
        return;
    fd = also_open(TUNSETSNDBUF, 20000);
    net_backend_set_card(net, on_frame, on_room, NULL);
    net_backend_set_active(net, 2);
    net_backend_set_ready(net, 0, true);
    end = host_clock_monotonic() + 60 * NS_PER_SEC; /* as above */
    while (send_frame(net) != NET_FULL && host_clock_monotonic() < end)
        ;
    CHECK_EQ(system("PATH=$PATH:/usr/sbin:/sbin; exec ip link del tap0"), 0);
    said(run_to_rest, loop, text, sizeof text);
    CHECK_HAS(text, "'tap0' was deleted");
    CHECK(strchr(text, '\n') == text + strlen(text) - 1);
    CHECK(!loop_run_once(loop, 0)); /* nothing keeps it awake */
    CHECK_EQ(rooms, before + 1);    /* who waited goes on, and what it sends is lost */
    CHECK(send_frame(net) == NET_DROPPED);
    net_backend_set_ready(net, 1, true);
    net_backend_set_offloads(net, NET_TAKES_CSUM);
    net_backend_set_active(net, 1);
    CHECK(!loop_run_once(loop, 0));
    net_backend_free(net);
    loop_free(loop);
    close(fd);
}

TEST_MAIN(TEST_CASE(a_network), TEST_CASE(frames_leave_whole_whatever_the_interface_was_set_to),
          TEST_CASE(a_full_interface_makes_the_guest_wait),
          TEST_CASE(a_deleted_interface_is_told_of_once))
