/*
 * test_vsock.c - vsock streams as unix sockets: the test is the programs and the device.
 */
#include "backend/vsock/vsock.h"
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
static struct vsock_backend *b;
static char folder[] = "/tmp/test-vsock-XXXXXX", path[64], path_7[64];
static u8 mass[VSOCK_BUFFER];

/* --- the device --- */

static struct {
    bool refuses;
    unsigned requests, readies;
    u32 port;
    struct vsock_stream *stream;
} device;

static bool requested(void *arg, struct vsock_stream *s, u32 port)
{
    device.requests++;
    device.port = port;
    device.stream = s;
    return !device.refuses;
}

static void ready(void *arg, struct vsock_stream *s)
{
    device.readies++;
}

static const struct vsock_client client = { requested, ready };

/* Bytes that the program has written. */
static ssize_t get(char *to, size_t size)
{
    struct iovec iov[2] = { { to, size / 2 }, { to + size / 2, size - size / 2 } };

    return vsock_read(device.stream, iov, 2);
}

static bool put(const void *data, size_t len)
{
    struct iovec iov[2] = { { (void *)data, len / 2 }, { (u8 *)data + len / 2, len - len / 2 } };

    return vsock_write(device.stream, iov, 2);
}

/* --- life --- */

static void start(void)
{
    memset(&device, 0, sizeof device);
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    CHECK_EQ(vsock_unix_new(path, loop, &b, &err), 0);
    vsock_set_client(b, &client, NULL);
}

static void stop(void)
{
    vsock_backend_free(b);
    loop_free(loop);
    CHECK(access(path, F_OK) != 0);
}

static void settle(void)
{
    for (unsigned i = 0; i < 20; i++)
        loop_run_once(loop, 0);
}

/* --- programs --- */

static int program(const char *words)
{
    int fd;

    CHECK_EQ(host_unix_connect(path, &fd, &err), 0);
    if (words)
        CHECK_EQ(send(fd, words, strlen(words), 0), strlen(words));
    settle();
    return fd;
}

/* What a program reads without waiting, as text; NULL: the end. */
static const char *heard(int fd)
{
    static char text[128];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN))
        return NULL;
    text[n < 0 ? 0 : n] = 0;
    return text;
}

/* The device asks for port 7, where a program waits; the program's end. */
static int waiting_program(void)
{
    int listener, fd;

    CHECK_EQ(host_unix_listen(path_7, 0600, &listener, &err), 0);
    device.stream = vsock_connect(b, 7);
    CHECK(device.stream);
    fd = accept(listener, NULL, NULL);
    close(listener);
    unlink(path_7);
    return fd;
}

TEST(a_program_asks_and_is_told_when_it_has_the_guest)
{
    char text[32] = "";
    int fd;

    start();
    fd = program("CONNECT 22\nbehind");
    CHECK_EQ(device.requests, 1);
    CHECK_EQ(device.port, 22);
    CHECK_STR(heard(fd), "");
    vsock_accept(device.stream, 1073741824);
    CHECK_STR(heard(fd), "OK 1073741824\n");
    CHECK_EQ(get(text, sizeof text), 6);
    CHECK_STR(text, "behind");
    CHECK_EQ(get(text, sizeof text), -EAGAIN);
    CHECK_EQ(device.readies, 0);
    CHECK_EQ(send(fd, "more", 4, 0), 4);
    settle();
    CHECK_EQ(device.readies, 1); /* once, until a read finds nothing */
    CHECK_EQ(get(text, sizeof text), 4);
    CHECK(put("an answer", 9));
    CHECK_STR(heard(fd), "an answer");
    CHECK_EQ(device.stream->taken, 9);
    vsock_close(device.stream);
    CHECK(!heard(fd));
    close(fd);
    stop();
}

TEST(a_line_may_come_in_pieces)
{
    int fd;

    start();
    fd = program("CONN");
    CHECK_EQ(send(fd, "ECT 4294967295", 14, 0), 14);
    settle();
    CHECK_EQ(device.requests, 0);
    CHECK_EQ(send(fd, "\n", 1, 0), 1);
    settle();
    CHECK_EQ(device.requests, 1);
    CHECK_EQ(device.port, UINT32_MAX);
    close(fd);
    stop();
}

TEST(who_asks_wrongly_or_for_nothing_sees_the_end)
{
    static const char *const bad[] = {
        "CONNECT\n",
        "CONNECT \n",
        "connect 22\n",
        "CONNECT -1\n",
        "CONNECT 22 \n",
        "CONNECT 2x2\n",
        "CONNECT 4294967296\n",
        "CONNECT  0000000000000000000000000000000000022\n",
    };
    int fd;

    start();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        fd = program(bad[i]);
        CHECK(!heard(fd));
        close(fd);
    }
    CHECK_EQ(device.requests, 0);
    fd = program("CONN"); /* and goes */
    close(fd);
    settle();
    device.refuses = true;
    fd = program("CONNECT 22\n");
    CHECK_EQ(device.requests, 1);
    CHECK(!heard(fd));
    close(fd);
    vsock_set_client(b, NULL, NULL);
    fd = program("CONNECT 22\n");
    CHECK(!heard(fd));
    close(fd);
    stop();
}

TEST(the_guest_asks_for_who_listens_behind_a_port)
{
    char text[32] = "";
    int fd;

    start();
    CHECK(!vsock_connect(b, 7));
    fd = waiting_program();
    CHECK(put("from the guest", 14));
    CHECK_STR(heard(fd), "from the guest");
    CHECK_EQ(send(fd, "hello", 5, 0), 5);
    settle();
    CHECK(device.readies);
    CHECK_EQ(get(text, sizeof text), 5);
    CHECK_STR(text, "hello");
    close(fd);
    stop();
}

TEST(each_direction_ends_on_its_own)
{
    char text[8];
    int fd;

    start();
    fd = waiting_program();
    CHECK_EQ(get(text, sizeof text), -EAGAIN);
    shutdown(fd, SHUT_WR);
    settle();
    CHECK_EQ(get(text, sizeof text), 0);
    CHECK_EQ(device.stream->over, VSOCK_NO_SEND);
    CHECK(put("still", 5));
    CHECK_STR(heard(fd), "still");
    vsock_shut(device.stream, VSOCK_NO_SEND);
    CHECK(!heard(fd));
    close(fd);
    settle();
    CHECK_EQ(device.stream->over, VSOCK_NO_SEND | VSOCK_NO_RECEIVE);
    vsock_close(device.stream);
    fd = waiting_program();
    vsock_shut(device.stream, VSOCK_NO_RECEIVE);
    CHECK_EQ(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    CHECK(put("but this way", 12));
    CHECK_STR(heard(fd), "but this way");
    close(fd);
    stop();
}

TEST(last_words_of_a_program_that_went_are_read)
{
    char text[32] = "";
    int fd;

    start();
    fd = waiting_program();
    CHECK_EQ(send(fd, "bye", 3, 0), 3);
    close(fd);
    settle();
    CHECK(device.readies);
    CHECK_EQ(device.stream->over, VSOCK_NO_RECEIVE);
    CHECK(put("unheard", 7));
    CHECK_EQ(device.stream->taken, 7);
    CHECK_EQ(get(text, sizeof text), 3);
    CHECK_EQ(get(text, sizeof text), 0);
    settle();
    stop();
}

TEST(what_a_slow_program_does_not_read_is_kept_up_to_the_credit)
{
    static u8 got[2 * VSOCK_BUFFER];
    u32 sent = 0;
    size_t len = 0;
    ssize_t n;
    int fd;

    start();
    fd = waiting_program();
    for (u32 i = 0; i < sizeof mass; i++)
        mass[i] = (u8)(i * 7 + i / 251);
    while (sent - device.stream->taken <= VSOCK_BUFFER - 1000) { /* by the guest's credit */
        if (!CHECK(put(mass + sent % 100000, 1000)))
            break;
        sent += 1000;
    }
    CHECK(sent - device.stream->taken > VSOCK_BUFFER - 1000);
    CHECK(!put(mass, VSOCK_BUFFER)); /* beyond it */
    vsock_shut(device.stream, VSOCK_NO_SEND);
    while ((n = recv(fd, got, sizeof got, MSG_DONTWAIT)) != 0) {
        for (ssize_t i = 0; i < n; i++, len++)
            if (len < sent && got[i] != mass[len % 100000]) {
                CHECK_EQ(got[i], mass[len % 100000]);
                len = sent;
            }
        settle();
    }
    CHECK(len >= sent); /* all, and then the end */
    close(fd);
    stop();
}

TEST(more_programs_than_there_are_streams_are_hung_up_on)
{
    int fd[VSOCK_STREAMS_MAX + 1];

    start();
    for (unsigned i = 0; i <= VSOCK_STREAMS_MAX; i++)
        fd[i] = program(NULL);
    CHECK_STR(heard(fd[VSOCK_STREAMS_MAX - 1]), "");
    CHECK(!heard(fd[VSOCK_STREAMS_MAX]));
    for (unsigned i = 0; i <= VSOCK_STREAMS_MAX; i++)
        close(fd[i]);
    settle();
    close(program("CONNECT 1\n"));
    CHECK_EQ(device.requests, 1);
    stop();
}

static void make_folder(void)
{
    if (!mkdtemp(folder))
        exit(1);
    snprintf(path, sizeof path, "%s/v", folder);
    snprintf(path_7, sizeof path_7, "%s/v_7", folder);
}

static void remove_folder(void)
{
    rmdir(folder);
}

static const struct test_case cases[] = {
    TEST_CASE(a_program_asks_and_is_told_when_it_has_the_guest),
    TEST_CASE(a_line_may_come_in_pieces),
    TEST_CASE(who_asks_wrongly_or_for_nothing_sees_the_end),
    TEST_CASE(the_guest_asks_for_who_listens_behind_a_port),
    TEST_CASE(each_direction_ends_on_its_own),
    TEST_CASE(last_words_of_a_program_that_went_are_read),
    TEST_CASE(what_a_slow_program_does_not_read_is_kept_up_to_the_credit),
    TEST_CASE(more_programs_than_there_are_streams_are_hung_up_on),
};

int main(int argc, char **argv)
{
    make_folder();
    atexit(remove_folder);
    return test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
}
