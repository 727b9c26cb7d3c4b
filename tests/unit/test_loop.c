/*
 * test_loop.c - the event loop: descriptors, timers, posts, hooks, other threads;
 * and the signal dispatcher.
 */
#include "host/clock.h"
#include "host/loop.h"
#include "host/signal.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct loop *make_loop(struct host_mutex *lock)
{
    struct loop *loop = NULL;
    struct err err = { 0 };

    if (!CHECK_EQ(loop_new(lock, &loop, &err), 0))
        exit(1);
    return loop;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

struct pipe_watch {
    int fds[2];
    struct loop_fd *watch;
    unsigned calls, events;
    bool free_in_callback;
};

static void pipe_ready(void *arg, unsigned events)
{
    struct pipe_watch *p = arg;
    char c;

    p->calls++;
    p->events |= events;
    if (p->free_in_callback) {
        loop_fd_free(p->watch);
        p->watch = NULL;
    } else if (events & LOOP_IN) {
        CHECK_EQ(read(p->fds[0], &c, 1), 1);
    }
}

TEST(descriptors_are_level_triggered)
{
    struct loop *loop = make_loop(NULL);
    struct pipe_watch p = { 0 };
    struct err err = { 0 };

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, p.fds), 0);
    CHECK_EQ(loop_fd_new(loop, p.fds[0], LOOP_IN, pipe_ready, &p, &p.watch, &err), 0);
    CHECK(!loop_run_once(loop, 0));
    CHECK_EQ(write(p.fds[1], "ab", 2), 2);
    CHECK(loop_run_once(loop, 0));
    CHECK(loop_run_once(loop, 0));
    CHECK(!loop_run_once(loop, 0));
    CHECK_EQ(p.calls, 2);
    loop_fd_set_events(p.watch, 0);
    CHECK_EQ(write(p.fds[1], "c", 1), 1);
    CHECK(!loop_run_once(loop, 0));
    loop_fd_set_events(p.watch, LOOP_OUT);
    p.events = 0;
    CHECK(loop_run_once(loop, 0));
    CHECK_EQ(p.events, LOOP_OUT);
    loop_fd_set_events(p.watch, 0);
    close(p.fds[1]);
    p.events = 0;
    p.free_in_callback = true;
    CHECK(loop_run_once(loop, 0));
    CHECK(p.events & LOOP_HUP);
    CHECK(!loop_run_once(loop, 0));
    close(p.fds[0]);
    loop_free(loop);
}

struct pair {
    struct pipe_watch *a, *b;
};

static void frees_the_other(void *arg, unsigned events)
{
    struct pipe_watch **other = arg;

    loop_fd_free((*other)->watch);
    (*other)->watch = NULL;
    (*other)->calls++;
}

/* Both are ready in one batch; whichever comes first frees the second. */
TEST(watch_freed_in_its_own_batch_is_not_called)
{
    struct loop *loop = make_loop(NULL);
    struct pipe_watch a = { 0 }, b = { 0 }, *to_a = &a, *to_b = &b;
    struct err err = { 0 };

    CHECK_EQ(pipe(a.fds), 0);
    CHECK_EQ(pipe(b.fds), 0);
    CHECK_EQ(loop_fd_new(loop, a.fds[0], LOOP_IN, frees_the_other, &to_b, &a.watch, &err), 0);
    CHECK_EQ(loop_fd_new(loop, b.fds[0], LOOP_IN, frees_the_other, &to_a, &b.watch, &err), 0);
    CHECK_EQ(write(a.fds[1], "x", 1), 1);
    CHECK_EQ(write(b.fds[1], "x", 1), 1);
    loop_run_once(loop, 0);
    CHECK_EQ(a.calls + b.calls, 1);
    loop_free(loop); /* frees the watch that is left */
    for (int i = 0; i < 2; i++) {
        close(a.fds[i]);
        close(b.fds[i]);
    }
}

TEST(regular_files_and_bad_descriptors_are_refused)
{
    struct loop *loop = make_loop(NULL);
    struct loop_fd *watch;
    struct err err = { 0 };
    int fd = open("/proc/self/exe", O_RDONLY);

    CHECK_EQ(loop_fd_new(loop, fd, LOOP_IN, pipe_ready, NULL, &watch, &err), -EPERM);
    CHECK_HAS(err.text, "cannot watch descriptor");
    close(fd);
    CHECK_EQ(loop_fd_new(loop, fd, LOOP_IN, pipe_ready, NULL, &watch, &err), -EBADF);
    loop_free(loop);
}

#define TIMERS 200
struct timed {
    struct loop *loop;
    struct loop_timer *timer;
    ns_t want, got;
    unsigned *order, place;
};

static void timed_out(void *arg)
{
    struct timed *t = arg;

    t->got = host_clock_monotonic();
    t->place = (*t->order)++;
    if (t->place == TIMERS / 2 - 1)
        loop_stop(t->loop);
}

static int compare_ns(const void *a, const void *b)
{
    const ns_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Half of 200 timers are turned off again; the rest run in order, none early.
 * How late is printed; only a second, a lost timer, is judged: a busy machine may be late. */
TEST(timers_run_in_order_and_on_time)
{
    struct loop *loop = make_loop(NULL);
    static struct timed t[TIMERS];
    ns_t late[TIMERS / 2], start = host_clock_monotonic() + 5 * NS_PER_MS;
    struct err err = { 0 };
    unsigned order = 0, n = 0;

    for (unsigned i = 0; i < TIMERS; i++) {
        t[i] = (struct timed){ .loop = loop, .order = &order, .place = UINT32_MAX };
        t[i].want = start + (i * 7919 % TIMERS) * 200000ull;
        CHECK_EQ(loop_timer_new(loop, timed_out, &t[i], &t[i].timer, &err), 0);
        loop_timer_set(t[i].timer, t[i].want);
    }
    for (unsigned i = 0; i < TIMERS; i += 2)
        loop_timer_set(t[i].timer, LOOP_TIMER_OFF);
    loop_run(loop);
    for (unsigned i = 0; i < TIMERS; i++) {
        CHECK_EQ(t[i].place == UINT32_MAX, i % 2 == 0);
        if (i % 2 == 0)
            continue;
        CHECK(t[i].got >= t[i].want);
        late[n++] = t[i].got - t[i].want;
        for (unsigned k = 1; k < TIMERS; k += 2)
            if (t[k].want < t[i].want && t[k].place > t[i].place)
                CHECK_EQ(k, i);
    }
    qsort(late, n, sizeof late[0], compare_ns);
    printf("# median lateness %llu us\n", (unsigned long long)(late[n / 2] / 1000));
    CHECK(late[n / 2] < NS_PER_SEC); /* catches a timer that was lost, on any machine */
    loop_free(loop);
}

static void set_again(void *arg)
{
    struct timed *t = arg;

    if (++t->place == 5)
        loop_stop(t->loop);
    loop_timer_set(t->timer, 0);
}

static void free_itself(void *arg)
{
    struct timed *t = arg;

    t->place++;
    loop_timer_free(t->timer);
}

/* A timer always in the past gives one call a round and lets others run. */
TEST(timer_in_the_past_does_not_hold_the_loop)
{
    struct loop *loop = make_loop(NULL);
    struct timed a = { .loop = loop }, b = { .loop = loop };
    struct err err = { 0 };

    CHECK_EQ(loop_timer_new(loop, set_again, &a, &a.timer, &err), 0);
    CHECK_EQ(loop_timer_new(loop, free_itself, &b, &b.timer, &err), 0);
    loop_timer_set(a.timer, 0);
    loop_timer_set(b.timer, 1);
    CHECK(loop_run_once(loop, 0));
    CHECK_EQ(a.place, 1);
    CHECK_EQ(b.place, 1);
    loop_run(loop);
    CHECK_EQ(a.place, 5);
    loop_free(loop);
}

/* A cancelled timer must not leave the loop spinning. */
TEST(cancelled_timer_leaves_the_loop_idle)
{
    struct loop *loop = make_loop(NULL);
    struct timed a = { .loop = loop };
    struct err err = { 0 };
    ns_t start;
    unsigned rounds = 0;

    CHECK_EQ(loop_timer_new(loop, free_itself, &a, &a.timer, &err), 0);
    loop_timer_set(a.timer, host_clock_monotonic() + NS_PER_MS);
    loop_timer_set(a.timer, LOOP_TIMER_OFF);
    start = host_clock_monotonic();
    while (host_clock_monotonic() < start + 20 * NS_PER_MS) {
        loop_run_once(loop, 20 * NS_PER_MS);
        rounds++;
    }
    CHECK(rounds <= 3);
    CHECK_EQ(a.place, 0);
    loop_free(loop);
}

struct other_thread {
    struct loop *loop;
    struct host_mutex lock;
    struct host_thread thread;
    struct loop_timer *timer;
    unsigned next, wrong, unlocked, seen;
};

static void in_order(void *arg)
{
    unsigned **slot = arg;

    **slot += 1;
}

static struct other_thread other;
static unsigned post_numbers[1000];

static void posted(void *arg)
{
    unsigned *number = arg;

    if (*number != other.next++)
        other.wrong++;
    if (host_mutex_trylock(&other.lock)) {
        other.unlocked++;
        host_mutex_unlock(&other.lock);
    }
    if (!loop_is_self(other.loop))
        other.wrong++;
}

static void post_many(void *arg)
{
    for (unsigned i = 0; i < ARRAY_SIZE(post_numbers); i++) {
        post_numbers[i] = i;
        if (loop_post(other.loop, posted, &post_numbers[i]))
            other.wrong++;
    }
    if (loop_is_self(other.loop) || loop_post(other.loop, stop, other.loop))
        other.wrong++;
}

TEST(posts_run_in_order_in_the_loop_with_the_lock)
{
    struct err err = { 0 };

    memset(&other, 0, sizeof other);
    host_mutex_init(&other.lock);
    other.loop = make_loop(&other.lock);
    CHECK_EQ(host_thread_start(&other.thread, "poster", post_many, NULL, &err), 0);
    loop_run(other.loop);
    host_thread_join(&other.thread);
    CHECK_EQ(other.next, ARRAY_SIZE(post_numbers));
    CHECK_EQ(other.wrong, 0);
    CHECK_EQ(other.unlocked, 0);
    loop_free(other.loop);
    host_mutex_fini(&other.lock);
}

static void count_one(void *arg)
{
    __atomic_fetch_add(&other.seen, 1, __ATOMIC_RELEASE);
}

/* Each when the one before has run: the loop falls asleep just then. */
static void post_one_by_one(void *arg)
{
    for (unsigned i = 0; i < 20000; i++) {
        if (loop_post(other.loop, count_one, NULL))
            other.wrong++;
        while (__atomic_load_n(&other.seen, __ATOMIC_ACQUIRE) <= i)
            if (i % 2) /* sooner and later */
                host_thread_yield();
    }
    loop_stop(other.loop);
}

TEST(no_wake_up_is_lost_as_the_loop_falls_asleep)
{
    struct err err = { 0 };

    memset(&other, 0, sizeof other);
    other.loop = make_loop(NULL);
    CHECK_EQ(host_thread_start(&other.thread, "poster", post_one_by_one, NULL, &err), 0);
    loop_run(other.loop);
    host_thread_join(&other.thread);
    CHECK_EQ(other.seen, 20000);
    CHECK_EQ(other.wrong, 0);
    loop_free(other.loop);
}

static void timer_seen(void *arg)
{
    other.seen++;
    loop_stop(other.loop);
}

/* What a vCPU thread does: takes the domain's lock, sets a timer, watches, frees. */
static void like_a_vcpu(void *arg)
{
    struct err err = { 0 };
    int fds[2];

    if (pipe(fds) || write(fds[1], "x", 1) != 1)
        return;
    for (int i = 0; i < 500; i++) {
        struct loop_fd *watch;
        unsigned n = 0, *np = &n;

        host_mutex_lock(&other.lock);
        if (loop_fd_new(other.loop, fds[0], LOOP_IN, NULL, &np, &watch, &err))
            other.wrong++;
        else {
            loop_fd_set_events(watch, 0);
            loop_fd_free(watch);
        }
        host_mutex_unlock(&other.lock);
    }
    host_mutex_lock(&other.lock);
    loop_timer_set(other.timer, host_clock_monotonic() + 2 * NS_PER_MS);
    host_mutex_unlock(&other.lock);
    close(fds[0]);
    close(fds[1]);
}

TEST(another_thread_with_the_lock_sets_timers_and_watches)
{
    struct err err = { 0 };

    memset(&other, 0, sizeof other);
    host_mutex_init(&other.lock);
    other.loop = make_loop(&other.lock);
    CHECK_EQ(loop_timer_new(other.loop, timer_seen, NULL, &other.timer, &err), 0);
    CHECK_EQ(host_thread_start(&other.thread, "vcpu", like_a_vcpu, NULL, &err), 0);
    loop_run(other.loop); /* waits for ever without the timer */
    host_thread_join(&other.thread);
    CHECK_EQ(other.seen, 1);
    CHECK_EQ(other.wrong, 0);
    loop_free(other.loop);
    host_mutex_fini(&other.lock);
}

struct hooked {
    struct loop_hook *hook;
    unsigned before, after;
};

static void hook_before(void *arg, ns_t *timeout)
{
    struct hooked *h = arg;

    h->before++;
    if (*timeout > 3 * NS_PER_MS)
        *timeout = 3 * NS_PER_MS;
}

static void hook_after(void *arg)
{
    struct hooked *h = arg;

    h->after++;
    if (h->after == 2)
        loop_hook_free(h->hook);
}

TEST(hooks_bound_the_wait)
{
    struct loop *loop = make_loop(NULL);
    struct hooked h = { 0 };
    struct err err = { 0 };
    ns_t start;

    CHECK_EQ(loop_hook_new(loop, hook_before, hook_after, &h, &h.hook, &err), 0);
    loop_run_once(loop, 0); /* takes the wake-up of the new hook */
    start = host_clock_monotonic();
    loop_run_once(loop, LOOP_TIMER_OFF); /* would never return without the hook */
    CHECK(host_clock_monotonic() - start >= 2 * NS_PER_MS);
    loop_run_once(loop, 0);
    CHECK_EQ(h.before, 2);
    CHECK_EQ(h.after, 2);
    loop_free(loop);
}

TEST(stop_asked_for_early_is_honoured)
{
    struct loop *loop = make_loop(NULL);
    unsigned n = 0, *slot = &n;

    CHECK_EQ(loop_post(loop, in_order, &slot), 0);
    loop_stop(loop);
    loop_run(loop);
    CHECK_EQ(n, 1);
    CHECK_EQ(loop_post(loop, in_order, &slot), 0); /* dropped by the free */
    loop_free(loop);
    CHECK_EQ(n, 1);
    loop_free(NULL);
}

struct caught {
    struct loop *loop;
    unsigned count;
    int last;
};

static void on_signal(void *arg, int sig)
{
    struct caught *c = arg;

    c->count++;
    c->last = sig;
    loop_stop(c->loop);
}

TEST(signals_arrive_in_the_loop)
{
    struct caught c = { .loop = make_loop(NULL) };
    struct err err = { 0 };
    int fds[2];

    CHECK_EQ(host_signal_start(c.loop, on_signal, &c, &err), 0);
    CHECK_EQ(host_signal_start(c.loop, on_signal, &c, &err), -EBUSY);
    raise(SIGTERM);
    loop_run(c.loop);
    CHECK_EQ(c.last, SIGTERM);
    raise(SIGINT);
    loop_run(c.loop);
    CHECK_EQ(c.last, SIGINT);
    CHECK_EQ(c.count, 2);
    CHECK_EQ(pipe(fds), 0);
    close(fds[0]);
    CHECK_EQ(write(fds[1], "x", 1), -1); /* and no SIGPIPE */
    CHECK_EQ(errno, EPIPE);
    close(fds[1]);
    host_signal_stop();
    host_signal_stop();
    loop_free(c.loop);
}

/* In a child: two SIGTERM without the loop running end the process. */
TEST(second_signal_ends_a_stuck_process)
{
    int status;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        struct caught c = { .loop = make_loop(NULL) };
        struct err err = { 0 };

        if (host_signal_start(c.loop, on_signal, &c, &err))
            _exit(1);
        raise(SIGTERM);
        raise(SIGTERM);
        _exit(2);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
}

enum ending { BY_EXIT, BY_SIGABRT, BY_RESTORE };

static void end_child(int fd, enum ending ending)
{
    struct termios now;
    struct err err = { 0 };

    if (host_term_raw(fd, &err) || tcgetattr(fd, &now) || (now.c_lflag & (ECHO | ICANON | ISIG)))
        _exit(9);
    if (host_term_raw(fd, &err) != -EBUSY)
        _exit(8);
    if (ending == BY_SIGABRT)
        raise(SIGABRT);
    if (ending == BY_EXIT)
        exit(0);
    host_term_restore();
    _exit(0);
}

TEST(terminal_mode_comes_back)
{
    for (enum ending ending = BY_EXIT; ending <= BY_RESTORE; ending++) {
        int master = posix_openpt(O_RDWR | O_NOCTTY), slave, status;
        struct termios before, after;
        pid_t child;

        CHECK_EQ(grantpt(master) | unlockpt(master), 0);
        slave = open(ptsname(master), O_RDWR | O_NOCTTY);
        CHECK_EQ(tcgetattr(slave, &before), 0);
        fflush(stdout);
        child = fork();
        if (child == 0) {
            freopen("/dev/null", "w", stdout);
            end_child(slave, ending);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        if (ending == BY_SIGABRT)
            CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        else
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK_EQ(tcgetattr(slave, &after), 0);
        CHECK_EQ(after.c_lflag, before.c_lflag);
        CHECK_EQ(after.c_iflag, before.c_iflag);
        close(slave);
        close(master);
    }
}

TEST(raw_mode_needs_a_terminal)
{
    struct err err = { 0 };
    int fd = open("/dev/null", O_RDONLY);

    CHECK_EQ(host_term_raw(fd, &err), -ENOTTY);
    CHECK_HAS(err.text, "cannot read the terminal's mode");
    host_term_restore();
    close(fd);
}

TEST_MAIN(TEST_CASE(descriptors_are_level_triggered),
          TEST_CASE(watch_freed_in_its_own_batch_is_not_called),
          TEST_CASE(regular_files_and_bad_descriptors_are_refused),
          TEST_CASE(timers_run_in_order_and_on_time),
          TEST_CASE(timer_in_the_past_does_not_hold_the_loop),
          TEST_CASE(cancelled_timer_leaves_the_loop_idle),
          TEST_CASE(posts_run_in_order_in_the_loop_with_the_lock),
          TEST_CASE(no_wake_up_is_lost_as_the_loop_falls_asleep),
          TEST_CASE(another_thread_with_the_lock_sets_timers_and_watches),
          TEST_CASE(hooks_bound_the_wait), TEST_CASE(stop_asked_for_early_is_honoured),
          TEST_CASE(signals_arrive_in_the_loop), TEST_CASE(second_signal_ends_a_stuck_process),
          TEST_CASE(terminal_mode_comes_back), TEST_CASE(raw_mode_needs_a_terminal))
