/*
 * test_chardev.c - character devices against real terminals, pipes and sockets.
 */
#include "backend/chardev/chardev.h"
#include "base/log.h"
#include "host/signal.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct loop *loop;
static struct chardev *cd;
static struct err err;

/* The front end. */
static u8 got[256 * KIB];
static size_t got_len, writable_count, room_after;
static int connects, disconnects;

static void on_receive(void *arg, const u8 *data, size_t len)
{
    memcpy(got + got_len, data, len);
    got_len += len;
    if (room_after)
        chardev_set_room(cd, room_after);
}

static void on_writable(void *arg)
{
    writable_count++;
}

static void on_connected(void *arg, bool on)
{
    connects += on;
    disconnects += !on;
}

static const struct chardev_client client = { on_receive, on_writable, on_connected };

static void begin(void)
{
    memset(&err, 0, sizeof err);
    memset(got, 0, sizeof got);
    got_len = writable_count = room_after = 0;
    connects = disconnects = 0;
    cd = NULL;
    CHECK_EQ(loop_new(NULL, &loop, &err), 0);
}

static void use(void)
{
    if (!cd) {
        printf("# %s\n", err.text);
        exit(1);
    }
    chardev_set_client(cd, &client, NULL);
}

static void end(void)
{
    chardev_free(cd);
    loop_free(loop);
}

static void rounds(int n)
{
    while (n-- > 0)
        loop_run_once(loop, 5 * NS_PER_MS);
}

static size_t put(const char *text)
{
    return chardev_write(cd, (const u8 *)text, strlen(text));
}

TEST(buffer_captures_and_feeds_by_room)
{
    begin();
    CHECK_EQ(chardev_buffer_new(loop, &cd, &err), 0);
    use();
    CHECK_STR(chardev_buffer_text(cd, NULL), "");
    CHECK_EQ(put("hello "), 6);
    CHECK_EQ(put("world"), 5);
    CHECK_STR(chardev_buffer_text(cd, NULL), "hello world");
    CHECK_EQ(chardev_buffer_feed(cd, "abcdef", 6), 0);
    rounds(2);
    CHECK_EQ(got_len, 0);
    chardev_set_room(cd, 2);
    CHECK_EQ(got_len, 0); /* never inside the call */
    rounds(2);
    CHECK_STR((char *)got, "ab");
    room_after = 1;
    chardev_set_room(cd, 1);
    rounds(2);
    CHECK_STR((char *)got, "abcdef");
    chardev_buffer_set_limit(cd, 13);
    CHECK_EQ(put("12345"), 2);
    CHECK_EQ(writable_count, 0);
    chardev_buffer_set_limit(cd, 20);
    rounds(1);
    CHECK_EQ(writable_count, 1);
    end();
}

TEST(null_takes_all)
{
    begin();
    CHECK_EQ(chardev_null_new(&cd, &err), 0);
    use();
    chardev_set_room(cd, 10);
    CHECK_EQ(put("x"), 1);
    end();
}

TEST(file_holds_the_output)
{
    char path[] = "/tmp/unit-chardev-XXXXXX", text[32] = "";
    int fd = mkstemp(path);

    begin();
    CHECK_EQ(write(fd, "old", 3), 3);
    CHECK_EQ(chardev_file_new(loop, path, &cd, &err), 0);
    use();
    CHECK_EQ(put("boot\n"), 5);
    CHECK_EQ(pread(fd, text, sizeof text, 0), 5);
    CHECK_STR(text, "boot\n");
    chardev_free(cd);
    cd = NULL;
    CHECK_EQ(chardev_file_new(loop, "/nonexistent/x", &cd, &err), -ENOENT);
    CHECK_HAS(err.text, "cannot open \"/nonexistent/x\" for the console's output");
    close(fd);
    unlink(path);
    end();
}

static unsigned said;

static void count_line(void *arg, enum log_level level, const char *text)
{
    said++;
    CHECK_HAS(text, "No space left on device");
}

TEST(full_disk_is_said_once)
{
    begin();
    CHECK_EQ(chardev_file_new(loop, "/dev/full", &cd, &err), 0);
    use();
    said = 0;
    log_set_sink(count_line, NULL);
    CHECK_EQ(put("x"), 1);
    CHECK_EQ(put("y"), 1);
    log_set_sink(NULL, NULL);
    CHECK_EQ(said, 1);
    end();
}

static char socket_path[64];

static int dial(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, socket_path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void begin_socket(void)
{
    begin();
    snprintf(socket_path, sizeof socket_path, "/tmp/unit-chardev-%d", (int)getpid());
    CHECK_EQ(chardev_unix_new(loop, socket_path, &cd, &err), 0);
    use();
}

static void check_read(int fd, const char *want)
{
    char text[256] = "";
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    CHECK_EQ(n, (ssize_t)strlen(want));
    CHECK_STR(text, want);
}

TEST(socket_serves_one_client_after_the_other)
{
    int a, b;

    begin_socket();
    CHECK_EQ(put("nobody hears"), 12);
    a = dial();
    b = dial();
    rounds(3);
    CHECK_EQ(connects, 1);
    CHECK_EQ(put("one"), 3);
    check_read(a, "one");
    CHECK_EQ(write(b, "from b", 6), 6);
    CHECK_EQ(write(a, "from a", 6), 6);
    rounds(2);
    CHECK_EQ(got_len, 0); /* no room yet */
    chardev_set_room(cd, 100);
    rounds(2);
    CHECK_STR((char *)got, "from a");
    close(a);
    rounds(4);
    CHECK_EQ(disconnects, 1);
    CHECK_EQ(connects, 2);
    CHECK_STR((char *)got, "from afrom b");
    CHECK_EQ(put("two"), 3);
    check_read(b, "two");
    close(b);
    rounds(3);
    CHECK_EQ(disconnects, 2);
    CHECK_EQ(put("gone"), 4);
    end();
    CHECK_EQ(access(socket_path, F_OK), -1);
}

/* What a client sent before it left arrives even if the guest has no room yet, and
 * the loop does not spin meanwhile. */
TEST(last_words_wait_for_room)
{
    int a, spins = 0;

    begin_socket();
    a = dial();
    rounds(2);
    CHECK_EQ(write(a, "0123456789", 10), 10);
    close(a);
    rounds(2);
    for (int i = 0; i < 10; i++)
        spins += loop_run_once(loop, NS_PER_MS);
    CHECK(spins <= 1);
    CHECK_EQ(disconnects, 0);
    room_after = 3;
    chardev_set_room(cd, 3);
    rounds(8);
    CHECK_STR((char *)got, "0123456789");
    CHECK_EQ(disconnects, 1);
    end();
}

TEST(slow_reader_makes_short_writes_not_waits)
{
    static u8 block[8 * KIB];
    static u8 back[8 * MIB];
    size_t sent = 0, n, received = 0;
    ssize_t r;
    int a;

    begin_socket();
    a = dial();
    rounds(2);
    do {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (u8)((sent + i) * 31 >> 3);
        n = chardev_write(cd, block, sizeof block);
        sent += n;
    } while (n == sizeof block && sent < 4 * MIB);
    CHECK(n < sizeof block); /* bounded */
    CHECK_EQ(chardev_write(cd, block, 1), 0);
    rounds(2);
    CHECK_EQ(writable_count, 0);
    for (int i = 0; i < 1000 && received < sent; i++) {
        while ((r = recv(a, back + received, sizeof back - received, MSG_DONTWAIT)) > 0)
            received += (size_t)r;
        rounds(1);
    }
    CHECK_EQ(received, sent);
    for (size_t i = 0; i < received; i++)
        if (back[i] != (u8)(i * 31 >> 3)) {
            CHECK_EQ(i, received);
            break;
        }
    CHECK_EQ(writable_count, 1);
    close(a);
    end();
}

TEST(socket_paths_taken_stale_or_too_long)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char path[200];
    struct chardev *second = NULL;
    int fd;

    begin_socket();
    CHECK_EQ(chardev_unix_new(loop, socket_path, &second, &err), -EADDRINUSE);
    CHECK_HAS(err.text, "is taken");
    CHECK_EQ(access(socket_path, F_OK), 0); /* the first one's file is still there */
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    CHECK_EQ(chardev_unix_new(loop, path, &second, &err), -ENAMETOOLONG);
    CHECK_HAS(err.text, "at most 107 bytes");
    end();
    begin();
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, socket_path);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* the file stays, nobody listens */
    CHECK_EQ(chardev_unix_new(loop, socket_path, &cd, &err), 0);
    chardev_free(cd);
    cd = NULL;
    fd = open(socket_path, O_CREAT | O_WRONLY, 0600); /* somebody's file, not a socket */
    close(fd);
    CHECK_EQ(chardev_unix_new(loop, socket_path, &cd, &err), -EADDRINUSE);
    CHECK_EQ(access(socket_path, F_OK), 0);
    unlink(socket_path);
    end();
}

TEST(pty_can_be_opened_again_and_again)
{
    char text[64];

    begin();
    CHECK_EQ(chardev_pty_new(loop, &cd, &err), 0);
    use();
    chardev_set_room(cd, 1000);
    for (int turn = 1; turn <= 3; turn++) {
        struct termios mode;
        int fd, spins = 0;

        CHECK_EQ(put("nobody hears this"), 17);
        for (int i = 0; i < 5; i++)
            spins += loop_run_once(loop, NS_PER_MS);
        CHECK(spins <= 2);
        fd = open(chardev_pty_path(cd), O_RDWR | O_NOCTTY | O_NONBLOCK);
        CHECK(fd >= 0);
        rounds(2);
        CHECK_EQ(connects, turn);
        CHECK_EQ(tcgetattr(fd, &mode), 0);
        CHECK_EQ(mode.c_lflag & (ECHO | ICANON), 0);
        CHECK_EQ(put("login: \n"), 8);
        rounds(1);
        memset(text, 0, sizeof text);
        CHECK_EQ(read(fd, text, sizeof text - 1), 8);
        CHECK_STR(text, "login: \n");
        CHECK_EQ(write(fd, "root\r\003", 6), 6);
        rounds(2);
        CHECK_EQ(got_len, (size_t)(6 * turn));
        CHECK(memcmp(got + got_len - 6, "root\r\003", 6) == 0);
        close(fd);
        rounds(2);
        CHECK_EQ(disconnects, turn);
    }
    end();
}

/* Standard input and output are replaced in a child, which reports by its status. */
static int keys[8], key_count;

static void on_escape(void *arg, int key)
{
    if (key_count < 8)
        keys[key_count++] = key;
    if (key == 'x')
        loop_stop(loop);
}

/* Copies input to output in capitals until Ctrl-A x; no room for the first part. */
static int terminal_child(void)
{
    begin();
    if (chardev_stdio_new(loop, on_escape, NULL, &cd, &err))
        return 1;
    use();
    room_after = 1;
    chardev_set_room(cd, 1);
    if (put("ready\n") != 6)
        return 2;
    loop_run(loop);
    got[got_len] = 0;
    /* Typed: a Ctrl-C, an escaped Ctrl-A, an unknown escape, "c". */
    if (strcmp((char *)got, "ab\003\001z") != 0)
        return 3;
    if (key_count != 2 || keys[0] != 'c' || keys[1] != 'x')
        return 4;
    end();
    return 0;
}

static void read_until(int fd, const char *want)
{
    char text[1024] = "";
    size_t len = 0;

    while (!strstr(text, want) && len < sizeof text - 1) {
        ssize_t n = read(fd, text + len, sizeof text - 1 - len);

        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = 0;
    }
    CHECK_HAS(text, want);
}

TEST(terminal_is_raw_and_has_an_escape_key)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, status;
    struct termios before, after;
    pid_t child;

    CHECK_EQ(grantpt(master) | unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK_EQ(tcgetattr(slave, &before), 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(slave, 0);
        dup2(slave, 1);
        _exit(terminal_child());
    }
    read_until(master, "ready\r\n"); /* output processing stays on */
    CHECK_EQ(write(master, "ab\003\001\001\001qz\001c\001h", 12), 12);
    read_until(master, "Ctrl-A x");
    CHECK_EQ(write(master, "\001x", 2), 2);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(tcgetattr(slave, &after), 0);
    CHECK_EQ(after.c_lflag, before.c_lflag);
    CHECK_EQ(fcntl(slave, F_GETFL) & O_NONBLOCK, 0); /* the shell's open file is untouched */
    close(master);
    close(slave);
}

/* A guest that reads nothing: the escape key works, more typing than fits is no harm. */
static int deaf_child(void)
{
    begin();
    if (chardev_stdio_new(loop, on_escape, NULL, &cd, &err))
        return 1;
    use();
    put("ready\n");
    loop_run(loop);
    end();
    return got_len == 0 && key_count == 1 ? 0 : 2;
}

TEST(escape_key_works_when_the_guest_is_deaf)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, status;
    char line[1000];
    pid_t child;

    CHECK_EQ(grantpt(master) | unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(slave, 0);
        dup2(slave, 1);
        _exit(deaf_child());
    }
    read_until(master, "ready");
    memset(line, 'k', sizeof line);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(write(master, line, sizeof line), (ssize_t)sizeof line);
    CHECK_EQ(write(master, "\001x", 2), 2);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    close(master);
    close(slave);
}

/* Pipes: every byte passes, Ctrl-A too, and the end of input is no error. */
static int pipe_child(void)
{
    begin();
    if (chardev_stdio_new(loop, on_escape, NULL, &cd, &err))
        return 1;
    use();
    room_after = 2;
    chardev_set_room(cd, 2);
    rounds(20);
    if (got_len != 5 || memcmp(got, "a\001xbc", 5) != 0 || key_count)
        return 2;
    if (put("still here") != 10)
        return 3;
    end();
    return 0;
}

static void check_redirected(int in)
{
    int out[2], status;
    pid_t child;

    CHECK_EQ(pipe(out), 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(in, 0);
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        _exit(pipe_child());
    }
    close(out[1]);
    read_until(out[0], "still here");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    close(out[0]);
}

TEST(redirected_input_passes_unchanged_and_may_end)
{
    int in[2], file;
    char path[] = "/tmp/unit-chardev-XXXXXX";

    CHECK_EQ(pipe(in), 0);
    CHECK_EQ(write(in[1], "a\001xbc", 5), 5);
    close(in[1]);
    check_redirected(in[0]);
    close(in[0]);
    file = mkstemp(path); /* a regular file cannot be watched */
    CHECK_EQ(write(file, "a\001xbc", 5), 5);
    lseek(file, 0, SEEK_SET);
    check_redirected(file);
    close(file);
    unlink(path);
}

/* /dev/null as input: nothing comes, nothing spins. */
static int null_child(void)
{
    int spins = 0;

    begin();
    if (chardev_stdio_new(loop, on_escape, NULL, &cd, &err))
        return 1;
    use();
    chardev_set_room(cd, 10);
    rounds(3);
    for (int i = 0; i < 10; i++)
        spins += loop_run_once(loop, NS_PER_MS);
    end();
    return got_len == 0 && spins == 0 ? 0 : 2;
}

TEST(null_input_is_quiet)
{
    int status;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_RDWR), 0);
        dup2(0, 1);
        _exit(null_child());
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST_MAIN(TEST_CASE(buffer_captures_and_feeds_by_room), TEST_CASE(null_takes_all),
          TEST_CASE(file_holds_the_output), TEST_CASE(full_disk_is_said_once),
          TEST_CASE(socket_serves_one_client_after_the_other), TEST_CASE(last_words_wait_for_room),
          TEST_CASE(slow_reader_makes_short_writes_not_waits),
          TEST_CASE(socket_paths_taken_stale_or_too_long),
          TEST_CASE(pty_can_be_opened_again_and_again),
          TEST_CASE(terminal_is_raw_and_has_an_escape_key),
          TEST_CASE(escape_key_works_when_the_guest_is_deaf),
          TEST_CASE(redirected_input_passes_unchanged_and_may_end), TEST_CASE(null_input_is_quiet))
