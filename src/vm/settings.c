/*
 * settings.c - a list of keys and values.
 */
#include "vm/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void row_free(struct vm_setting *row)
{
    free((char *)row->key);
    free((char *)row->value);
}

void settings_fini(struct settings *s)
{
    for (unsigned i = 0; i < s->count; i++)
        row_free(&s->rows[i]);
    free(s->rows);
    *s = (struct settings){ 0 };
}

int settings_add(struct settings *s, const char *key, const char *value)
{
    struct vm_setting *more = reallocarray(s->rows, s->count + 1, sizeof *more);
    struct vm_setting row = { .key = strdup(key), .value = strdup(value) };

    if (more)
        s->rows = more;
    if (!more || !row.key || !row.value) {
        row_free(&row);
        return -ENOMEM;
    }
    s->rows[s->count++] = row;
    return 0;
}

int settings_add_number(struct settings *s, const char *key, s64 value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    return settings_add(s, key, text);
}

int settings_add_all(struct settings *s, const struct settings *from)
{
    for (unsigned i = 0; i < from->count; i++)
        if (settings_add(s, from->rows[i].key, from->rows[i].value) < 0)
            return -ENOMEM;
    return 0;
}

void settings_remove(struct settings *s, const char *key, const char *value)
{
    unsigned kept = 0;
    bool done = false;

    for (unsigned i = 0; i < s->count; i++) {
        if (!done && strcmp(s->rows[i].key, key) == 0 &&
            (!value || strcmp(s->rows[i].value, value) == 0)) {
            row_free(&s->rows[i]);
            done = value != NULL;
        } else {
            s->rows[kept++] = s->rows[i];
        }
    }
    s->count = kept;
}

const char *settings_get(const struct settings *s, const char *key)
{
    for (unsigned i = s->count; i-- > 0;)
        if (strcmp(s->rows[i].key, key) == 0)
            return s->rows[i].value;
    return NULL;
}

s64 settings_get_number(const struct settings *s, const char *key)
{
    const char *text = settings_get(s, key);

    return text ? strtoll(text, NULL, 10) : 0;
}

bool settings_has(const struct settings *s, const char *key, const char *value)
{
    for (unsigned i = 0; i < s->count; i++)
        if (strcmp(s->rows[i].key, key) == 0 && strcmp(s->rows[i].value, value) == 0)
            return true;
    return false;
}
