/*
 * words.c - the words that *.decode text is made of, and looking names up.
 */
#include "parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *parse_path;
unsigned parse_number;

void fail(const char *file, unsigned line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

static void *must(void *p)
{
    if (!p)
        FAIL("out of memory");
    return p;
}

unsigned grow(unsigned *count, unsigned max, const char *what)
{
    if (*count >= max)
        FAIL("more than %u %s", max, what);
    return (*count)++;
}

char *word(char **p)
{
    char *s = *p + strspn(*p, " \t");
    char *end;

    if (!*s || *s == '#')
        return NULL;
    if (*s == '"') {
        end = strchr(++s, '"');
        if (!end)
            FAIL("text without closing quote");
    } else {
        end = s + strcspn(s, " \t");
    }
    *p = *end ? end + 1 : end;
    *end = '\0';
    return s;
}

char *need(char **p, const char *what)
{
    char *w = word(p);

    if (!w)
        FAIL("%s is missing", what);
    return w;
}

const char *keep(const char *s)
{
    return must(strdup(s));
}

s64 number(const char *s)
{
    char *end;
    s64 v;

    errno = 0;
    v = strtoll(s, &end, 0);
    if (end == s || *end || errno)
        FAIL("\"%s\" is not a number", s);
    return v;
}

struct slice slice(const char *s)
{
    unsigned hi, lo;
    char rest;

    if (sscanf(s, "%u:%u%c", &hi, &lo, &rest) != 2) {
        if (sscanf(s, "%u%c", &hi, &rest) != 1)
            FAIL("\"%s\" is not a bit range", s);
        lo = hi;
    }
    if (hi < lo || hi > 31)
        FAIL("\"%s\" is not a bit range of 32 bits", s);
    return (struct slice){ lo, hi - lo + 1 };
}

#define FINDER(noun, table, count)                                                                 \
    int noun##_find(const char *name)                                                       \
    {                                                                                              \
        for (unsigned i = 0; i < guest.count; i++)                                                 \
            if (strcmp(guest.table[i].name, name) == 0)                                            \
                return (int)i;                                                                     \
        return -1;                                                                                 \
    }                                                                                              \
    int noun##_need(const char *name)                                                       \
    {                                                                                              \
        int i = noun##_find(name);                                                                 \
                                                                                                   \
        if (i < 0)                                                                                 \
            FAIL("there is no " #noun " \"%s\"", name);                                            \
        return i;                                                                                  \
    }

FINDER(field, fields, field_count)
FINDER(regs, regs, regs_count)
FINDER(names, namesets, nameset_count)
FINDER(format, formats, format_count)
