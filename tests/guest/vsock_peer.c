/*
 * vsock_peer.c - the guest's side of vsock.py: vsock sockets for a guest without other tools.
 *
 *     vsock_peer send PORT BYTES [half]
 *         connects to the host, sends numbered bytes; half: ends its direction, and prints what
 *         comes until the other's end
 *     vsock_peer serve PORT COUNT
 *         takes COUNT connections one after the other: prints how many bytes came and their sum,
 *         and sends that back
 *     vsock_peer many PORT COUNT
 *         opens COUNT connections at once, then sends a line on each
 *     vsock_peer say PORT TEXT
 *         connects to the host, sends the text, and ends
 *     vsock_peer hold PORT
 *         connects, says so, and waits until the connection ends
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static unsigned char buffer[1 << 16];

static int fail(const char *what)
{
    printf("vsock_peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The sum that both sides make of the bytes of a stream: Adler-32, which begins with 1. */
static uint32_t sum_of(uint32_t sum, const unsigned char *data, size_t len)
{
    uint32_t a = sum & 0xffff, b = sum >> 16;

    for (size_t i = 0; i < len; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_all(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);

        if (n < 0)
            fail("write");
        done += (size_t)n;
    }
}

static int to_host(unsigned port)
{
    const struct sockaddr_vm at = { .svm_family = AF_VSOCK,
                                    .svm_cid = VMADDR_CID_HOST,
                                    .svm_port = port };
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at))
        fail("connect");
    return fd;
}

static void send_bytes(unsigned port, unsigned long count, int half)
{
    int fd = to_host(port);
    uint32_t sum = 1;
    unsigned long at = 0;
    ssize_t n;

    while (at < count) {
        size_t len = count - at < sizeof buffer ? count - at : sizeof buffer;

        for (size_t i = 0; i < len; i++, at++)
            buffer[i] = (unsigned char)(at * 31 + (at >> 12));
        sum = sum_of(sum, buffer, len);
        put_all(fd, buffer, len);
    }
    printf("sent %lu bytes, sum %08x\n", count, sum);
    if (half && shutdown(fd, SHUT_WR))
        fail("shutdown");
    while (half && (n = read(fd, buffer, sizeof buffer)) > 0)
        printf("the host says: %.*s\n", (int)n, (const char *)buffer);
    close(fd);
}

static void serve_one(int fd)
{
    uint32_t sum = 1;
    unsigned long count = 0;
    char answer[64];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        sum = sum_of(sum, buffer, (size_t)n);
        count += (unsigned long)n;
    }
    if (n < 0)
        fail("read");
    n = snprintf(answer, sizeof answer, "%lu bytes, sum %08x\n", count, sum);
    printf("got %s", answer);
    put_all(fd, answer, (size_t)n);
    close(fd);
}

static void serve(unsigned port, unsigned long count)
{
    const struct sockaddr_vm at = { .svm_family = AF_VSOCK,
                                    .svm_cid = VMADDR_CID_ANY,
                                    .svm_port = port };
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) || listen(fd, 8))
        fail("listen");
    printf("listening at %u\n", port);
    while (count-- > 0) {
        int one = accept(fd, NULL, NULL);

        if (one < 0)
            fail("accept");
        serve_one(one);
    }
}

static void many(unsigned port, unsigned long count)
{
    int fd[512];
    char line[32];

    for (unsigned long i = 0; i < count && i < 512; i++)
        fd[i] = to_host(port);
    for (unsigned long i = 0; i < count && i < 512; i++)
        put_all(fd[i], line, (size_t)snprintf(line, sizeof line, "line %lu\n", i));
    printf("all lines sent\n");
}

static void hold(unsigned port)
{
    int fd = to_host(port);
    ssize_t n;

    printf("connected\n");
    n = read(fd, buffer, sizeof buffer);
    printf("ended with %ld, %s\n", (long)n, n < 0 ? strerror(errno) : "no error");
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    unsigned port = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned long count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(what, "send") == 0)
        send_bytes(port, count, argc > 4);
    else if (strcmp(what, "serve") == 0)
        serve(port, count);
    else if (strcmp(what, "many") == 0)
        many(port, count);
    else if (strcmp(what, "say") == 0 && argc > 3)
        put_all(to_host(port), argv[3], strlen(argv[3]));
    else if (strcmp(what, "hold") == 0)
        hold(port);
    else
        return 2;
    return 0;
}
