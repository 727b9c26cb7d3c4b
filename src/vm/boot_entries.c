/*
 * boot_entries.c - parses and orders boot loader entries that a guest wrote.
 */
#include "vm/boot_entries.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* --- lines: a key, blanks, a value --- */

struct line {
    const char *key, *value;
    size_t key_len, value_len;
};

/* Takes the next line that is no comment; false at the end. */
static bool line_next(const char **at, const char *end, struct line *ret)
{
    while (*at < end) {
        const char *p = *at, *stop = memchr(p, '\n', (size_t)(end - p));

        stop = stop ? stop : end;
        *at = stop < end ? stop + 1 : end;
        while (p < stop && is_blank(*p))
            p++;
        while (stop > p && is_blank(stop[-1]))
            stop--;
        if (p == stop || *p == '#')
            continue;
        ret->key = p;
        while (p < stop && !is_blank(*p))
            p++;
        ret->key_len = (size_t)(p - ret->key);
        while (p < stop && is_blank(*p))
            p++;
        ret->value = p;
        ret->value_len = (size_t)(stop - p);
        return true;
    }
    return false;
}

static bool line_is(const struct line *l, const char *key)
{
    return strlen(key) == l->key_len && memcmp(key, l->key, l->key_len) == 0;
}

/* Appends the value; only what can be printed. */
static bool add(char *out, size_t max, const struct line *l)
{
    size_t len = strlen(out);

    if (len && len + 1 < max)
        out[len++] = ' ';
    if (l->value_len >= max - len)
        return false;
    for (size_t i = 0; i < l->value_len; i++) {
        if (l->value[i] < ' ' || l->value[i] > '~')
            return false;
        out[len + i] = l->value[i];
    }
    out[len + l->value_len] = 0;
    return true;
}

static bool set(char *out, size_t max, const struct line *l)
{
    out[0] = 0;
    return add(out, max, l);
}

static bool take_line(struct boot_entry *e, const struct line *l)
{
    if (line_is(l, "linux"))
        return set(e->kernel, sizeof e->kernel, l);
    if (line_is(l, "initrd"))
        return e->initrd[0] == 0 && set(e->initrd, sizeof e->initrd, l);
    if (line_is(l, "options"))
        return add(e->options, sizeof e->options, l);
    if (line_is(l, "version"))
        return set(e->version, sizeof e->version, l);
    if (line_is(l, "sort-key"))
        return set(e->sort_key, sizeof e->sort_key, l);
    if (line_is(l, "machine-id"))
        return set(e->machine_id, sizeof e->machine_id, l);
    return true;
}

bool boot_entry_parse(const char *file_name, const char *text, size_t size, struct boot_entry *ret)
{
    size_t len = strlen(file_name);
    const char *at = text, *end = text + size;
    struct line l;

    memset(ret, 0, sizeof *ret);
    if (len < 6 || strcmp(file_name + len - 5, ".conf") != 0 || len - 5 >= sizeof ret->id)
        return false;
    memcpy(ret->id, file_name, len - 5);
    while (line_next(&at, end, &l))
        if (!take_line(ret, &l))
            return false;
    return ret->kernel[0] == '/' && (ret->initrd[0] == 0 || ret->initrd[0] == '/');
}

bool boot_default_parse(const char *text, size_t size, char *pattern, size_t max)
{
    const char *at = text, *end = text + size;
    bool found = false;
    struct line l;

    while (line_next(&at, end, &l))
        if (line_is(&l, "default"))
            found = set(pattern, max, &l);
    return found;
}

bool boot_entry_matches(const struct boot_entry *e, const char *pattern)
{
    char name[BOOT_ENTRY_WORD + 8];

    snprintf(name, sizeof name, "%s.conf", e->id);
    return fnmatch(pattern, e->id, 0) == 0 || fnmatch(pattern, name, 0) == 0;
}

/* --- order --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Characters that separate and mean nothing. */
static const char *skip(const char *s)
{
    while (*s && !is_digit(*s) && !is_letter(*s) && !strchr("~-^.", *s))
        s++;
    return s;
}

static int compare_runs(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* A run of digits, or of letters, from both; 0 moves on. */
static int compare_next(const char **a, const char **b)
{
    bool digits = is_digit(**a) || is_digit(**b);
    size_t n = 0, m = 0;
    int order;

    while (digits && **a == '0')
        ++*a;
    while (digits && **b == '0')
        ++*b;
    while (digits ? is_digit((*a)[n]) : is_letter((*a)[n]))
        n++;
    while (digits ? is_digit((*b)[m]) : is_letter((*b)[m]))
        m++;
    if (digits && n != m)
        return n > m ? 1 : -1;
    order = compare_runs(*a, n, *b, m);
    *a += n;
    *b += m;
    return order;
}

/* Where a character stands: "~" before the end, the end before the other marks. */
static int rank(char c)
{
    static const char marks[] = "~\0-^.";
    const char *at = memchr(marks, c, sizeof marks - 1);

    return at ? (int)(at - marks) : (int)sizeof marks;
}

int boot_version_compare(const char *a, const char *b)
{
    for (;;) {
        int order;

        a = skip(a);
        b = skip(b);
        order = rank(*a) - rank(*b);
        if (order || (*a == 0 && *b == 0))
            return order;
        if (rank(*a) < (int)sizeof "~\0-^.") {
            a++;
            b++;
            continue;
        }
        order = compare_next(&a, &b);
        if (order)
            return order;
    }
}

/* One that has the text comes before one that has not. */
static int compare_words(const char *a, const char *b)
{
    if (!*a || !*b)
        return (*a == 0) - (*b == 0);
    return strcmp(a, b);
}

int boot_entry_compare(const struct boot_entry *a, const struct boot_entry *b)
{
    int order = compare_words(a->sort_key, b->sort_key);

    if (order == 0 && a->sort_key[0])
        order = compare_words(a->machine_id, b->machine_id);
    if (order == 0 && a->sort_key[0])
        order = boot_version_compare(b->version, a->version);
    return order ? order : boot_version_compare(b->id, a->id);
}
