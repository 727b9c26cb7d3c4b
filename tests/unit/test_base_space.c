/* test_base_space.c - which host code memory the base tier takes. */
#include "engine/base/code_space.h"
#include "test.h"

enum { UNITS = 1 << 22 }; /* 256 MiB of them, as the tier has */

struct piece {
    u32 first, count;
};

static u32 size_of(unsigned i)
{
    return 1 + i * 2654435761u % 97;
}

/* Blocks come and go: what is touched follows what is held, not all that ever was. */
TEST(memory_is_used_again)
{
    enum { HELD = 4096 };
    static struct piece held[HELD];
    struct code_space s;
    struct err err = { 0 };

    CHECK_EQ(code_space_init(&s, UNITS, &err), 0);
    for (unsigned i = 0; i < 100 * HELD; i++) {
        struct piece *p = &held[i % HELD];

        if (p->count)
            code_space_give(&s, p->first, p->count);
        *p = (struct piece){ .count = size_of(i) };
        p->first = code_space_take(&s, p->count);
        CHECK(p->first != CODE_SPACE_FULL);
    }
    CHECK(s.taken <= HELD * 97);
    CHECK(s.reach <= 2 * s.taken); /* 200,000 of them, while 20 million were asked for */
    code_space_fini(&s);
}

/* All of it can be taken, each unit once; what is given back can be taken again. */
TEST(every_unit)
{
    enum { FEW = 1 << 16 };
    static u8 owner[FEW];
    struct code_space s;
    struct err err = { 0 };
    u32 first, count;

    CHECK_EQ(code_space_init(&s, FEW, &err), 0);
    for (unsigned i = 0; count = size_of(i), (first = code_space_take(&s, count)) + 1 != 0; i++)
        for (u32 at = first; at < first + count; at++)
            CHECK_EQ(owner[at]++, 0);
    while ((first = code_space_take(&s, 1)) != CODE_SPACE_FULL)
        CHECK_EQ(owner[first]++, 0);
    CHECK_EQ(s.taken, FEW);
    code_space_give(&s, 1000, 50);
    CHECK_EQ(code_space_take(&s, 51), CODE_SPACE_FULL);
    first = 0;
    CHECK(code_space_free_run(&s, &first, &count));
    CHECK_EQ(first, 1000);
    CHECK_EQ(count, 50);
    first += count;
    CHECK(!code_space_free_run(&s, &first, &count));
    CHECK_EQ(code_space_take(&s, 50), 1000);
    code_space_fini(&s);
}

TEST_MAIN(TEST_CASE(memory_is_used_again), TEST_CASE(every_unit))
