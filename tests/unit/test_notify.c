/*
 * test_notify.c - systemd's notifications: which of a guest's words count.
 */
#include "host/socket.h"
#include "test.h"
#include "vm/notify.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct err err;
static struct loop *loop;
static struct notify *notify;
static char folder[] = "/tmp/test-notify-XXXXXX", path[64], port[64];
static unsigned ready;
static char status[5000];

static void on_message(void *arg, bool is_ready, const char *text)
{
    ready += is_ready;
    if (text)
        snprintf(status, sizeof status, "%s", text);
}

static void start(void)
{
    ready = 0;
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
    CHECK_EQ(notify_new(path, loop, on_message, NULL, &notify, &err), 0);
}

static void stop(void)
{
    notify_free(notify);
    loop_free(loop);
    CHECK(access(port, F_OK) != 0);
}

static void settle(void)
{
    for (unsigned i = 0; i < 20; i++)
        loop_run_once(loop, 0);
}

static int sender(void)
{
    int fd;

    CHECK_EQ(host_unix_connect(port, &fd, &err), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    send(fd, text, strlen(text), MSG_NOSIGNAL);
    settle();
}

static unsigned heard(const char *text)
{
    int fd = sender();

    ready = 0;
    say(fd, text);
    close(fd);
    settle();
    return ready;
}

TEST(a_line_that_says_ready_counts_and_no_other)
{
    start();
    CHECK_EQ(heard("READY=1"), 1);
    CHECK_EQ(heard("READY=1\n"), 1);
    CHECK_EQ(heard("STATUS=up\nREADY=1\nX_SYSTEMD_SHUTDOWN=no\n"), 1);
    CHECK_EQ(heard("X_SYSTEMD_UNIT_ACTIVE=ssh-access.target\n"), 0);
    CHECK_EQ(heard("READY=0"), 0);
    CHECK_EQ(heard("READY=11"), 0);
    CHECK_EQ(heard("STATUS=READY=1"), 0);
    CHECK_EQ(heard("NOTREADY=1"), 0);
    CHECK_EQ(heard(""), 0);
    stop();
}

TEST(status_is_told)
{
    static char much[1 << 16] = "STATUS=";

    start();
    CHECK_EQ(heard("STATUS=User job a.service/start running\n"), 0);
    CHECK_STR(status, "User job a.service/start running");
    CHECK_EQ(heard("READY=1\nSTATUS=Startup finished"), 1);
    CHECK_STR(status, "Startup finished");
    CHECK_EQ(heard("STATUS="), 0);
    CHECK_STR(status, "");
    CHECK_EQ(heard("XSTATUS=no\nSTATUS\n\n"), 0);
    CHECK_STR(status, "");
    memset(much + 7, 'x', sizeof much - 8);
    CHECK_EQ(heard(much), 0);
    CHECK_EQ(strlen(status), 4096 - 7);
    stop();
}

TEST(a_message_may_come_in_pieces)
{
    int fd;

    start();
    fd = sender();
    say(fd, "STATUS=x\nREA");
    say(fd, "DY=1");
    CHECK_EQ(ready, 0);
    close(fd);
    settle();
    CHECK_EQ(ready, 1);
    stop();
}

TEST(what_a_guest_may_make_it_keep_is_bounded)
{
    static char much[1 << 16];
    int fd[40];

    start();
    memset(much, 'x', sizeof much - 1);
    CHECK_EQ(heard(much), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(fd); i++) {
        fd[i] = sender();
        settle();
    }
    CHECK_EQ(recv(fd[39], much, 1, MSG_DONTWAIT), 0); /* too many at once: hung up on */
    for (unsigned i = 0; i < ARRAY_SIZE(fd); i++)
        close(fd[i]);
    settle();
    CHECK_EQ(heard("READY=1"), 1);
    stop();
}

static const struct test_case cases[] = { TEST_CASE(a_line_that_says_ready_counts_and_no_other),
                                          TEST_CASE(status_is_told),
                                          TEST_CASE(a_message_may_come_in_pieces),
                                          TEST_CASE(what_a_guest_may_make_it_keep_is_bounded) };

int main(int argc, char **argv)
{
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/v", folder);
    snprintf(port, sizeof port, "%s/v_1", folder);
    failed = test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
    rmdir(folder);
    return failed;
}
