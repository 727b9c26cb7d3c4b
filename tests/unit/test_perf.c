/*
 * What Linux's profiler is told of code memory that is used again. How it reads the files is asked
 * by tests/guest/perf.py.
 */
#include "host/perf.h"
#include "test.h"

#include <unistd.h>

static u8 code[1024];
static char text[1024];

/* The map after p was ended. */
static const char *finish(struct host_perf *p)
{
    char path[64];
    size_t n = 0;
    FILE *in;

    host_perf_free(p);
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    in = fopen(path, "r");
    if (in) {
        n = fread(text, 1, sizeof text - 1, in);
        fclose(in);
    }
    text[n] = '\0';
    unlink(path);
    return text;
}

static struct host_perf *begin(void)
{
    struct host_perf *p = NULL;
    struct err err = { 0 };

    CHECK_EQ(host_perf_new(HOST_PERF_MAP, &p, &err), 0);
    return p;
}

static void piece(struct host_perf *p, const char *name, size_t at, size_t size)
{
    host_perf_code(p, name, code + at, size, (void *)(0x10000 + at));
}

TEST(an_address_has_its_last_owner_alone)
{
    struct host_perf *p = begin();

    piece(p, "first", 0, 0x40);
    piece(p, "whole", 0x80, 0x80);
    piece(p, "stays", 0x100, 0x40);
    piece(p, "second", 0, 0x80);    /* more than what was there */
    piece(p, "within", 0xc0, 0x20); /* less */
    CHECK_STR(finish(p), "10000 80 second\n100c0 20 within\n10100 40 stays\n");
}

TEST(what_spans_two_former_ones_replaces_both)
{
    struct host_perf *p = begin();

    piece(p, "low", 0, 0x40);
    piece(p, "high", 0x40, 0x40);
    piece(p, "over", 0x20, 0x40);
    CHECK_STR(finish(p), "10020 40 over\n");
}

TEST(without_reuse_the_order_is_that_of_making)
{
    struct host_perf *p = begin();

    piece(p, "b", 0x40, 0x40);
    piece(p, "a", 0, 0x40);
    CHECK_STR(finish(p), "10040 40 b\n10000 40 a\n");
}

TEST_MAIN(TEST_CASE(an_address_has_its_last_owner_alone),
          TEST_CASE(what_spans_two_former_ones_replaces_both),
          TEST_CASE(without_reuse_the_order_is_that_of_making))
