/*
 * test_base.c - errors, log lines, trace switches, checked arithmetic, bits, bugs.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "base/err.h"
#include "base/log.h"
#include "test.h"
#include <errno.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

TEST(err_sentence_and_chain)
{
    struct err err = { 0 };

    CHECK_EQ(err_set(&err, EINVAL, "the size %d is odd", 7), -EINVAL);
    CHECK_STR(err.text, "the size 7 is odd");
    CHECK_EQ(err_wrap(&err, "opening %s", "disk.img"), -EINVAL);
    CHECK_EQ(err_wrap(&err, "starting"), -EINVAL);
    CHECK_STR(err.text, "starting: opening disk.img: the size 7 is odd");
    CHECK_EQ(err.code, EINVAL);
    CHECK_EQ(err_set_errno(&err, ENOENT, "cannot open \"%s\"", "a"), -ENOENT);
    CHECK_STR(err.text, "cannot open \"a\": No such file or directory");
}

TEST(err_long_text_is_cut_and_marked)
{
    struct err err = { 0 };
    char big[4000];

    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    err_set(&err, EIO, "%s", big);
    CHECK_EQ(strlen(err.text), sizeof err.text - 1);
    CHECK_STR(err.text + sizeof err.text - 5, "x...");
    err_wrap(&err, "outer");
    CHECK_EQ(strlen(err.text), sizeof err.text - 1);
    CHECK(strncmp(err.text, "outer: xxx", 10) == 0);
    CHECK_STR(err.text + sizeof err.text - 5, "x...");
    for (int i = 0; i < 20; i++)
        err_wrap(&err, "%s", big);
    CHECK_EQ(strlen(err.text), sizeof err.text - 1);
}

TEST(err_cut_keeps_utf8_whole)
{
    struct err err = { 0 };

    /* Whatever the cut's place, no byte of a split two-byte character stays. */
    for (int lead = 0; lead < 2; lead++) {
        char big[2000];
        size_t n = 0;

        if (lead)
            big[n++] = 'a';
        while (n < sizeof big - 2) {
            big[n++] = (char)0xc3;
            big[n++] = (char)0xa9;
        }
        big[n] = 0;
        err_set(&err, EIO, "%s", big);
        n = strlen(err.text);
        CHECK_STR(err.text + n - 3, "...");
        CHECK_EQ((u8)err.text[n - 4], 0xa9);
    }
}

TEST(err_is_one_line)
{
    struct err err = { 0 };

    err_set(&err, EIO, "cannot open \"a\nb\033[2J\"");
    CHECK_STR(err.text, "cannot open \"a?b?[2J\"");
}

static char log_seen[8][256];
static enum log_level log_seen_level[8];
static unsigned log_count;

static void log_keep(void *arg, enum log_level level, const char *text)
{
    CHECK(arg == &log_count);
    if (log_count < ARRAY_SIZE(log_seen)) {
        snprintf(log_seen[log_count], sizeof log_seen[0], "%s", text);
        log_seen_level[log_count] = level;
    }
    log_count++;
}

TEST(log_sink_and_levels)
{
    log_count = 0;
    log_set_sink(log_keep, &log_count);
    log_set_level(LOG_WARN);
    log_error("bad %d", 1);
    log_warn("odd");
    log_info("unseen");
    log_set_level(LOG_INFO);
    log_info("pty is %s", "/dev/pts/3");
    log_set_level(LOG_WARN);
    log_set_sink(NULL, NULL);
    CHECK_EQ(log_count, 3);
    CHECK_STR(log_seen[0], "error: bad 1");
    CHECK_STR(log_seen[1], "warning: odd");
    CHECK_STR(log_seen[2], "pty is /dev/pts/3");
    CHECK_EQ(log_seen_level[1], LOG_WARN);
}

TEST(log_guest_text_cannot_steer_the_terminal)
{
    char bad[32];

    log_count = 0;
    log_set_sink(log_keep, &log_count);
    log_guest("unseen");
    CHECK_EQ(log_count, 0);
    CHECK_EQ(log_trace_enable("guest", bad, sizeof bad), 0);
    log_guest("name \"%s\"", "x\n\033]0;y");
    log_trace_mask = 0;
    log_set_sink(NULL, NULL);
    CHECK_EQ(log_count, 1);
    CHECK_STR(log_seen[0], "trace guest: name \"x??]0;y\"");
}

TEST(trace_list)
{
    char bad[8];

    log_trace_mask = 0;
    CHECK_EQ(log_trace_enable("irq,trap", bad, sizeof bad), 0);
    CHECK_EQ(log_trace_mask, 1ull << TRACE_irq | 1ull << TRACE_trap);
    CHECK_EQ(log_trace_enable("boot,nonsense", bad, sizeof bad), -EINVAL);
    CHECK_STR(bad, "nonsens");
    CHECK_EQ(log_trace_mask, 1ull << TRACE_irq | 1ull << TRACE_trap);
    CHECK_EQ(log_trace_enable("", bad, sizeof bad), -EINVAL);
    CHECK_EQ(log_trace_enable("irq,", bad, sizeof bad), -EINVAL);
    CHECK_STR(bad, "");
    CHECK_EQ(log_trace_enable("ir", bad, sizeof bad), -EINVAL);
    CHECK_EQ(log_trace_enable("all", bad, sizeof bad), 0);
    CHECK_EQ(log_trace_mask, (1ull << TRACE_COUNT) - 1);
    log_trace_mask = 0;
}

TEST(checked_sizes)
{
    u64 r;

    CHECK(checked_add(1, 2, &r) && r == 3);
    CHECK(!checked_add(UINT64_MAX, 1, &r));
    CHECK(!checked_mul(1ull << 40, 1ull << 24, &r));
    CHECK(checked_range(10, 0, 10));
    CHECK(checked_range(0, 10, 10));
    CHECK(!checked_range(1, 10, 10));
    CHECK(!checked_range(UINT64_MAX, 2, 10));
    CHECK(!checked_range(2, UINT64_MAX, 10));
}

TEST(bit_fields)
{
    CHECK_EQ(bits_mask(0), 0);
    CHECK_EQ(bits_mask(64), ~0ull);
    CHECK_EQ(bits_get(0xabcd, 4, 8), 0xbc);
    CHECK_EQ(bits_put(0xffff, 4, 8, 0x12), 0xf12f);
    CHECK_EQ(bits_sext(0x80, 8), ~0x7full);
    CHECK_EQ(bits_sext(0x7f, 8), 0x7f);
    CHECK_EQ(bits_align_up(0x1001, 0x1000), 0x2000);
    CHECK_EQ(be32_get("\1\2\3\4"), 0x01020304);
    CHECK(bits_is_pow2(64) && !bits_is_pow2(0) && !bits_is_pow2(65));
}

#ifndef _WIN32
static void dump_note(void *arg)
{
    fprintf(stderr, "dump %s\n", (const char *)arg);
}

/* A child process breaks a promise; its words come back through a pipe. */
TEST(bug_names_the_place_and_dumps)
{
    int fds[2], status;
    char text[512] = "";
    size_t got = 0;
    ssize_t n;
    pid_t child;

    CHECK_EQ(pipe(fds), 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(fds[1], 2);
        bug_add_dump(dump_note, (void *)"first");
        bug_add_dump(dump_note, (void *)"second");
        bug_add_dump(dump_note, (void *)"gone");
        bug_remove_dump();
        BUG_ON(1 + 1 == 2);
        _exit(0);
    }
    close(fds[1]);
    while ((n = read(fds[0], text + got, sizeof text - 1 - got)) > 0)
        got += (size_t)n;
    close(fds[0]);
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_HAS(text, "test_base.c:");
    CHECK_HAS(text, ": 1 + 1 == 2\ndump second\ndump first\n");
}
#else
TEST(bug_names_the_place_and_dumps)
{
    TEST_SKIP("needs fork");
}
#endif

TEST_MAIN(TEST_CASE(err_sentence_and_chain), TEST_CASE(err_long_text_is_cut_and_marked),
          TEST_CASE(err_cut_keeps_utf8_whole), TEST_CASE(err_is_one_line),
          TEST_CASE(log_sink_and_levels), TEST_CASE(log_guest_text_cannot_steer_the_terminal),
          TEST_CASE(trace_list), TEST_CASE(checked_sizes), TEST_CASE(bit_fields),
          TEST_CASE(bug_names_the_place_and_dumps))
