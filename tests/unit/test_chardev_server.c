/*
 * test_chardev_server.c - the console that several clients come to and go from.
 */
#include "backend/chardev/chardev.h"
#include "host/socket.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/vm-test-cons-XXXXXX";
static char path[64], log_path[64];
static struct loop *loop;
static struct chardev *cd;
static struct err err;

static u8 got[64 * KIB];
static size_t got_len;

static void on_receive(void *arg, const u8 *data, size_t len)
{
    memcpy(got + got_len, data, len);
    got_len += len;
}

static const struct chardev_client client = { .receive = on_receive };

static void begin(void)
{
    memset(&err, 0, sizeof err);
    got_len = 0;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/console", folder);
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    if (!CHECK_EQ(chardev_server_new(loop, path, log_path, &cd, &err), 0))
        exit(1);
    chardev_set_client(cd, &client, NULL);
}

static void end(void)
{
    char old[72];

    chardev_free(cd);
    loop_free(loop);
    CHECK_EQ(access(path, F_OK), -1);
    snprintf(old, sizeof old, "%s.1", log_path);
    unlink(log_path);
    unlink(old);
    CHECK_EQ(rmdir(folder), 0);
}

static void rounds(void)
{
    for (int i = 0; i < 20; i++)
        loop_run_once(loop, NS_PER_MS);
}

static int come(void)
{
    int fd;

    CHECK_EQ(host_unix_connect(path, &fd, &err), 0);
    rounds();
    return fd;
}

static void put(const char *text)
{
    CHECK_EQ(chardev_write(cd, (const u8 *)text, strlen(text)), strlen(text));
}

/* All there is to read, at most size - 1 bytes; -1: hung up with nothing left. */
static ssize_t take(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n = 0;

    while (len + 1 < size && (n = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT)) > 0)
        len += (size_t)n;
    out[len] = 0;
    return len == 0 && n == 0 ? -1 : (ssize_t)len;
}

static void log_is(const char *text)
{
    char data[256] = "";
    int fd = open(log_path, O_RDONLY);

    CHECK(fd >= 0 && read(fd, data, sizeof data - 1) >= 0);
    CHECK_STR(data, text);
    close(fd);
}

TEST(late_comers_see_what_was_written)
{
    char text[256];
    int one, two;

    begin();
    put("early ");
    one = come();
    put("late");
    two = come();
    take(one, text, sizeof text);
    CHECK_STR(text, "early late");
    take(two, text, sizeof text);
    CHECK_STR(text, "early late");
    log_is("early late");
    close(one);
    rounds();
    put("r");
    take(two, text, sizeof text);
    CHECK_STR(text, "r");
    close(two);
    end();
}

TEST(input_of_all_waits_for_room)
{
    int one, two;

    begin();
    one = come();
    two = come();
    CHECK_EQ(write(one, "abc", 3), 3);
    rounds();
    CHECK_EQ(got_len, 0);
    chardev_set_room(cd, 2);
    rounds();
    CHECK(got_len == 2 && memcmp(got, "ab", 2) == 0);
    CHECK_EQ(write(two, "d", 1), 1);
    chardev_set_room(cd, 100);
    rounds();
    CHECK_EQ(got_len, 4);
    close(one);
    close(two);
    end();
}

/* As from a pipe: typed, and gone before the guest reads. */
TEST(last_words_of_one_who_left_arrive)
{
    int one;

    begin();
    one = come();
    CHECK_EQ(write(one, "exit\n", 5), 5);
    close(one);
    rounds();
    CHECK_EQ(got_len, 0);
    chardev_set_room(cd, 64);
    rounds();
    CHECK(got_len == 5 && memcmp(got, "exit\n", 5) == 0);
    end();
}

TEST(one_who_does_not_read_is_hung_up_on)
{
    static char text[1024 * KIB], block[16 * KIB];
    int deaf, other;
    ssize_t n, all = 0;

    begin();
    memset(block, 'x', sizeof block);
    deaf = come();
    other = come();
    for (int i = 0; i < 64; i++) {
        CHECK_EQ(chardev_write(cd, (const u8 *)block, sizeof block), sizeof block);
        rounds();
        n = take(other, text, sizeof text);
        all += n > 0 ? n : 0;
    }
    CHECK_EQ(all, 64 * sizeof block);
    while ((n = take(deaf, text, sizeof text)) > 0)
        rounds();
    CHECK_EQ(n, -1);
    close(deaf);
    close(other);
    end();
}

TEST(scroll_back_is_the_last_64_kib)
{
    static char block[50 * KIB], text[256 * KIB];
    int one;

    begin();
    memset(block, 'a', sizeof block);
    CHECK_EQ(chardev_write(cd, (const u8 *)block, sizeof block), sizeof block);
    memset(block, 'b', sizeof block);
    CHECK_EQ(chardev_write(cd, (const u8 *)block, sizeof block), sizeof block);
    one = come();
    CHECK_EQ(take(one, text, sizeof text), 64 * KIB);
    CHECK_EQ(strspn(text, "a"), 14 * KIB);
    CHECK_EQ(strspn(text + 14 * KIB, "b"), 50 * KIB);
    close(one);
    end();
}

TEST(a_ninth_has_to_wait_for_a_place)
{
    int fd[9];
    char text[64];

    begin();
    put("x");
    for (int i = 0; i < 9; i++)
        fd[i] = come();
    for (int i = 0; i < 8; i++)
        CHECK_EQ(take(fd[i], text, sizeof text), 1);
    CHECK_EQ(take(fd[8], text, sizeof text), -1);
    chardev_set_room(cd, 1);
    close(fd[0]);
    rounds();
    close(fd[8]);
    fd[8] = come();
    CHECK_EQ(take(fd[8], text, sizeof text), 1);
    for (int i = 1; i < 9; i++)
        close(fd[i]);
    end();
}

/* The disk is not the guest's to fill. */
TEST(the_log_is_turned)
{
    static char block[64 * KIB];
    struct stat now, old;
    char old_path[72];

    begin();
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 200; i++)
        CHECK_EQ(chardev_write(cd, (const u8 *)block, sizeof block), sizeof block);
    snprintf(old_path, sizeof old_path, "%s.1", log_path);
    CHECK(stat(log_path, &now) == 0 && stat(old_path, &old) == 0);
    CHECK_EQ(old.st_size, 8 * MIB);
    CHECK_EQ(now.st_size, 200 * sizeof block - 8 * MIB);
    end();
}

TEST_MAIN(TEST_CASE(late_comers_see_what_was_written), TEST_CASE(input_of_all_waits_for_room),
          TEST_CASE(last_words_of_one_who_left_arrive),
          TEST_CASE(one_who_does_not_read_is_hung_up_on), TEST_CASE(scroll_back_is_the_last_64_kib),
          TEST_CASE(a_ninth_has_to_wait_for_a_place), TEST_CASE(the_log_is_turned))
