/*
 * test_parse.c - values as people write them.
 */
#include "test.h"

#include "vm/parse.h"

TEST(numbers)
{
    u64 n = 0;

    CHECK(parse_number("0", &n) && n == 0);
    CHECK(parse_number("0x1f", &n) && n == 31);
    CHECK(parse_number("18446744073709551615", &n) && n == UINT64_MAX);
    CHECK(!parse_number("18446744073709551616", &n));
    CHECK(!parse_number("-1", &n));
    CHECK(!parse_number(" 1", &n));
    CHECK(!parse_number("1x", &n));
    CHECK(!parse_number("", &n));
    CHECK(!parse_number("0x", &n));
}

TEST(sizes)
{
    u64 n = 0;

    CHECK(parse_size("1G", &n) && n == GIB);
    CHECK(parse_size("3m", &n) && n == 3 * MIB);
    CHECK(parse_size("4096", &n) && n == 4096);
    CHECK(parse_size("2T", &n) && n == 2048 * GIB);
    CHECK(!parse_size("1GB", &n));
    CHECK(!parse_size("G", &n));
    CHECK(!parse_size("99999999999T", &n));
    CHECK(!parse_size("1 G", &n));
}

TEST(fields)
{
    char text[] = "a,,b,format=raw,,x,last";
    char *rest = text;

    CHECK_STR(parse_field(&rest), "a,b");
    CHECK_STR(parse_option(parse_field(&rest), "format"), "raw,x");
    CHECK_STR(parse_field(&rest), "last");
    CHECK(parse_field(&rest) == NULL);
    CHECK(parse_option("formats=raw", "format") == NULL);
    CHECK(parse_option("format", "format") == NULL);
}

TEST_MAIN(TEST_CASE(numbers), TEST_CASE(sizes), TEST_CASE(fields))
