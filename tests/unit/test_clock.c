/*
 * test_clock.c - a machine's time over pauses and stops, with a host's clock that the test moves.
 */
#include "host/clock.h"
#include "machine/clock.h"
#include "test.h"
#include <string.h>

static ns_t host_now, host_slept;

ns_t host_clock_monotonic(void)
{
    return host_now;
}

ns_t host_clock_boottime(void)
{
    return host_now + host_slept;
}

ns_t host_clock_realtime(void)
{
    return host_now + host_slept;
}

void host_random(void *buf, size_t len)
{
    memset(buf, 1, len);
}

static struct machine_clock k;

/* A machine that has run for a second. */
static void start(void)
{
    host_now = 1000 * NS_PER_SEC;
    host_slept = 0;
    clock_init(&k, NULL, false);
    clock_thaw(&k);
    host_now += NS_PER_SEC;
    CHECK_EQ(clock_now(&k), NS_PER_SEC);
}

/* Time in which somebody looks at the clock now and then, until the host's is `at`. */
static void run_until(ns_t at)
{
    while (at - host_now > NS_PER_SEC) {
        host_now += NS_PER_SEC;
        clock_now(&k);
    }
    host_now = at;
}

static void pause_for(ns_t t)
{
    ns_t before = clock_now(&k);

    clock_freeze(&k);
    host_now += t;
    CHECK_EQ(clock_now(&k), before);
    clock_thaw(&k);
}

TEST(a_short_pause_is_made_up_for_at_once)
{
    start();
    pause_for(9 * NS_PER_SEC);
    CHECK_EQ(clock_now(&k), 10 * NS_PER_SEC);
    CHECK_EQ(clock_host_deadline(&k, 12 * NS_PER_SEC), host_now + 2 * NS_PER_SEC);
    CHECK_EQ(clock_host_deadline(&k, 3), host_now);
    clock_fini(&k);
}

/* A guest that sees its clock jump by more than 20 s believes that its CPUs were stuck. In 5 s the
 * clock comes to `end`, in steps of a millisecond. */
static void catches_up(ns_t end)
{
    ns_t last = clock_now(&k), step = NS_PER_MS, most = (end - last) / 3000 + step;

    for (unsigned ms = 1; ms <= 5000; ms++) {
        host_now += step;
        CHECK(clock_now(&k) >= last + step && clock_now(&k) <= last + most);
        last = clock_now(&k);
    }
    CHECK_EQ(last, end);
}

TEST(after_a_long_one_it_catches_up_without_a_jump)
{
    start();
    pause_for(60 * NS_PER_SEC);
    CHECK_EQ(clock_now(&k), NS_PER_SEC);
    catches_up(66 * NS_PER_SEC);
    clock_fini(&k);
}

TEST(deadlines_come_when_the_clock_says_so)
{
    static const ns_t after[] = {
        1, 1000, NS_PER_SEC, 62 * NS_PER_SEC, 64 * NS_PER_SEC, 900 * NS_PER_SEC
    };

    for (unsigned i = 0; i < ARRAY_SIZE(after); i++) {
        ns_t at = NS_PER_SEC + after[i], host;

        start();
        pause_for(60 * NS_PER_SEC);
        host = clock_host_deadline(&k, at);
        CHECK(host >= host_now);
        run_until(host - (host > host_now));
        CHECK(clock_now(&k) <= at);
        host_now = host + 1;
        CHECK(clock_now(&k) >= at);
        clock_fini(&k);
    }
    CHECK_EQ(clock_host_deadline(&k, UINT64_MAX), UINT64_MAX);
}

TEST(a_pause_while_it_catches_up)
{
    start();
    pause_for(60 * NS_PER_SEC);
    host_now += NS_PER_SEC;
    CHECK_EQ(clock_now(&k), 22 * NS_PER_SEC);
    pause_for(NS_PER_SEC);
    CHECK_EQ(clock_now(&k), 22 * NS_PER_SEC);
    host_now += 3 * NS_PER_SEC;
    CHECK_EQ(clock_now(&k), 66 * NS_PER_SEC);
    clock_fini(&k);
}

/* What was loaded or reset goes on from where it is: nothing is to be caught up. */
TEST(a_set_clock_goes_on_from_there)
{
    start();
    clock_freeze(&k);
    clock_set(&k, 7);
    host_now += 60 * NS_PER_SEC;
    clock_thaw(&k);
    CHECK_EQ(clock_now(&k), 7);
    host_now += NS_PER_SEC;
    CHECK_EQ(clock_now(&k), NS_PER_SEC + 7);
    clock_fini(&k);
}

/* Nobody was told of these: the clock was not looked at for long. */
TEST(after_the_host_s_sleep_it_catches_up)
{
    start();
    host_slept = 3600 * NS_PER_SEC;
    CHECK_EQ(clock_now(&k), NS_PER_SEC + CLOCK_LOOK_NS);
    catches_up(3606 * NS_PER_SEC);
    clock_fini(&k);
}

TEST(after_this_program_was_stopped_it_catches_up)
{
    start();
    host_now += 60 * NS_PER_SEC;
    CHECK_EQ(clock_now(&k), NS_PER_SEC + CLOCK_LOOK_NS);
    host_now += NS_PER_SEC;
    clock_now(&k);
    host_now += 30 * NS_PER_SEC; /* again, while it catches up */
    CHECK(clock_now(&k) < 25 * NS_PER_SEC);
    catches_up(97 * NS_PER_SEC);
    clock_fini(&k);
}

TEST(an_idle_guest_whose_clock_is_looked_at_is_on_time)
{
    start();
    run_until(host_now + 3600 * NS_PER_SEC);
    CHECK_EQ(clock_now(&k), 3601 * NS_PER_SEC);
    host_now += 9 * NS_PER_SEC;
    CHECK_EQ(clock_now(&k), 3610 * NS_PER_SEC);
    clock_fini(&k);
}

static const struct test_case cases[] = {
    TEST_CASE(a_short_pause_is_made_up_for_at_once),
    TEST_CASE(after_a_long_one_it_catches_up_without_a_jump),
    TEST_CASE(deadlines_come_when_the_clock_says_so),
    TEST_CASE(a_pause_while_it_catches_up),
    TEST_CASE(a_set_clock_goes_on_from_there),
    TEST_CASE(after_the_host_s_sleep_it_catches_up),
    TEST_CASE(after_this_program_was_stopped_it_catches_up),
    TEST_CASE(an_idle_guest_whose_clock_is_looked_at_is_on_time),
};

int main(int argc, char **argv)
{
    return test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
}
