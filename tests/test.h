/*
 * test.h - the whole test framework: named cases, checks that say what differed.
 *
 *     TEST(ring_wraps) { CHECK_EQ(next, 0u); }
 *     TEST_MAIN(TEST_CASE(ring_wraps), TEST_CASE(...))
 *
 * A program prints one TAP line a case and exits 1 when a check failed; given
 * names as arguments it runs only these. TEST_SKIP names its reason.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include "base/types.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

static int test_failed_checks;
static const char *test_skip_reason;

#define TEST(name)      static void test_##name(void)
#define TEST_CASE(name) { #name, test_##name }

/* Ends the running case as skipped; only as the case's own statement. */
#define TEST_SKIP(reason)                                                                          \
    do {                                                                                           \
        test_skip_reason = (reason);                                                               \
        return;                                                                                    \
    } while (0)

#define TEST_FAIL_(...)                                                                            \
    (test_failed_checks++, printf("# %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__),           \
     printf("\n"), 0)

#define CHECK(cond) ((cond) ? 1 : TEST_FAIL_("not true: %s", #cond))

#define CHECK_EQ(got, want) test_check_eq((u64)(got), (u64)(want), #got, __FILE__, __LINE__)

#define CHECK_STR(got, want) test_check_str((got), (want), #got, __FILE__, __LINE__)

/* True when `got` contains `part`. */
#define CHECK_HAS(got, part)                                                                       \
    (strstr((got), (part)) ? 1 : TEST_FAIL_("%s has no \"%s\": \"%s\"", #got, (part), (got)))

static inline int test_check_eq(u64 got, u64 want, const char *what, const char *file, int line)
{
    if (got == want)
        return 1;
    test_failed_checks++;
    printf("# %s:%d: %s is %#" PRIx64 ", expected %#" PRIx64 "\n", file, line, what, got, want);
    return 0;
}

static inline int test_check_str(const char *got, const char *want, const char *what,
                                 const char *file, int line)
{
    if (got && strcmp(got, want) == 0)
        return 1;
    test_failed_checks++;
    printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, got ? got : "(null)",
           want);
    return 0;
}

static inline bool test_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2;
}

static inline int test_run_all(const struct test_case *cases, size_t count, int argc, char **argv)
{
    int failed_cases = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        const char *name = cases[i].name;

        test_failed_checks = 0;
        test_skip_reason = NULL;
        if (!test_wanted(name, argc, argv)) {
            printf("ok %zu - %s # SKIP not asked for\n", i + 1, name);
            continue;
        }
        cases[i].run();
        printf("%s %zu - %s", test_failed_checks ? "not ok" : "ok", i + 1, name);
        if (test_skip_reason && !test_failed_checks)
            printf(" # SKIP %s", test_skip_reason);
        printf("\n");
        failed_cases += test_failed_checks != 0;
    }
    return failed_cases ? 1 : 0;
}

#define TEST_MAIN(...)                                                                             \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct test_case cases[] = { __VA_ARGS__ };                                   \
        return test_run_all(cases, ARRAY_SIZE(cases), argc, argv);                                 \
    }

#endif
