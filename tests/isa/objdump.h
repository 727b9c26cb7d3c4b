/*
 * objdump.h - reading what objdump -d prints.
 */
#ifndef TESTS_ISA_OBJDUMP_H
#define TESTS_ISA_OBJDUMP_H

#include "base/types.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What follows address and raw number on one of its lines: "name\toperands"; NULL: no such
 * line. */
static inline char *objdump_after_encoding(char *text, u64 *at)
{
    char *p = strchr(text, ':');

    if (!p || sscanf(text, "%" SCNx64, at) != 1)
        return NULL;
    p = strchr(p + 2, '\t');
    return p ? p + 1 : NULL;
}

/* "name\toperands  COMMENT" as "name operands", without "0x", which it leaves out of targets.
 * comment: what begins one, of several characters. */
static inline void objdump_normalise(char *s, const char *comment)
{
    char *end = strpbrk(s, "<\n");

    if (end)
        *end = '\0';
    end = strstr(s, comment);
    if (end)
        *end = '\0';
    for (char *p = s; *p; p++) {
        if (*p == '\t')
            *p = ' ';
        if (p[0] == '0' && p[1] == 'x')
            memmove(p, p + 2, strlen(p + 2) + 1);
    }
    for (size_t n = strlen(s); n && s[n - 1] == ' ';)
        s[--n] = '\0';
}

#endif
