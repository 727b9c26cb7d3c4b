/*
 * code_space.c - first fit from where the last search ended, within what is in use already:
 * memory that was never touched costs nothing, and a search in what is nearly full is long.
 */
#include "engine/base/code_space.h"

#include <errno.h>
#include <stdlib.h>

enum { STEP = 16384 }; /* units by which the reach grows */

int code_space_init(struct code_space *s, u32 units, struct err *err)
{
    *s = (struct code_space){ .units = units };
    s->used = calloc(units / 64, sizeof *s->used);
    return s->used ? 0 : err_set_errno(err, ENOMEM, "no memory for the list of translated code");
}

void code_space_fini(struct code_space *s)
{
    free(s->used);
}

static bool is_used(const struct code_space *s, u32 unit)
{
    return s->used[unit / 64] >> unit % 64 & 1;
}

static void mark(struct code_space *s, u32 first, u32 count, bool used)
{
    for (u32 i = first; i < first + count; i++) {
        if (used)
            s->used[i / 64] |= 1ull << i % 64;
        else
            s->used[i / 64] &= ~(1ull << i % 64);
    }
}

/* Within the reach. */
static u32 first_fit(struct code_space *s, u32 count)
{
    u32 run = 0;

    for (u32 tried = 0, at = s->rover; tried < s->reach + count; tried++, at++) {
        if (at == s->reach) {
            at = 0;
            run = 0;
        }
        run = is_used(s, at) ? 0 : run + 1;
        if (run == count) {
            s->rover = at + 1 == s->reach ? 0 : at + 1;
            return at + 1 - count;
        }
    }
    return CODE_SPACE_FULL;
}

u32 code_space_take(struct code_space *s, u32 count)
{
    for (;;) {
        bool all = s->reach == s->units;
        bool crowded = s->taken + count > s->reach / 4 * 3;
        u32 first = crowded && !all ? CODE_SPACE_FULL : first_fit(s, count);

        if (first != CODE_SPACE_FULL) {
            mark(s, first, count, true);
            s->taken += count;
            return first;
        }
        if (all)
            return CODE_SPACE_FULL;
        s->rover = s->reach;
        s->reach = s->units - s->reach < STEP ? s->units : s->reach + STEP;
    }
}

void code_space_give(struct code_space *s, u32 first, u32 count)
{
    mark(s, first, count, false);
    s->taken -= count;
}

bool code_space_free_run(const struct code_space *s, u32 *first, u32 *count)
{
    u32 at = *first;

    while (at < s->reach && is_used(s, at))
        at++;
    *first = at;
    while (at < s->reach && !is_used(s, at))
        at++;
    *count = at - *first;
    return *count != 0;
}
