/*
 * parse.c - values as people write them.
 */
#include "vm/parse.h"

#include "base/checked.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Digits from text; *end is what follows. */
static bool digits(const char *text, const char **end, u64 *out)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *stop;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &stop, hex ? 16 : 10);
    *end = stop;
    return errno == 0 && stop != text;
}

bool parse_number(const char *text, u64 *out)
{
    const char *end;

    return digits(text, &end, out) && *end == 0;
}

bool parse_size(const char *text, u64 *out)
{
    static const char units[] = "KMGT";
    const char *end, *unit;
    u64 n;

    if (!digits(text, &end, &n))
        return false;
    if (*end == 0) {
        *out = n;
        return true;
    }
    unit = strchr(units, *end & ~0x20);
    return unit && *unit && end[1] == 0 && checked_mul(n, 1ull << 10 * (unit - units + 1), out);
}

bool parse_bool(const char *text, bool *out)
{
    *out = strcmp(text, "on") == 0;
    return *out || strcmp(text, "off") == 0;
}

char *parse_field(char **rest)
{
    char *start = *rest, *out = start, *in = start;

    if (!start)
        return NULL;
    while (*in && (*in != ',' || in[1] == ',')) {
        in += *in == ',';
        *out++ = *in++;
    }
    *rest = *in ? in + 1 : NULL;
    *out = 0;
    return start;
}

const char *parse_option(const char *option, const char *name)
{
    size_t len = strlen(name);

    return strncmp(option, name, len) == 0 && option[len] == '=' ? option + len + 1 : NULL;
}
