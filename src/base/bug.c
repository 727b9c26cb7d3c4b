/*
 * bug.c - the end of the process when one of our own promises is broken.
 */
#include "base/bug.h"
#include "base/types.h"
#include <stdio.h>
#include <stdlib.h>

#define DUMPS_MAX 4

struct dump {
    void (*fn)(void *arg);
    void *arg;
};

static _Thread_local struct dump dumps[DUMPS_MAX];
static _Thread_local unsigned dump_count;

void bug_add_dump(void (*dump)(void *arg), void *arg)
{
    BUG_ON(dump_count == DUMPS_MAX);
    dumps[dump_count++] = (struct dump){ dump, arg };
}

void bug_remove_dump(void)
{
    BUG_ON(dump_count == 0);
    dump_count--;
}

_Noreturn void bug_at(const char *file, int line, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "bug: %s:%d: %s\n", file, line, what);
    /* Taken off first, so that a dump which is broken itself ends the list, not us. */
    while (dump_count > 0) {
        struct dump d = dumps[--dump_count];

        d.fn(d.arg);
    }
    fflush(stderr);
    abort();
}
