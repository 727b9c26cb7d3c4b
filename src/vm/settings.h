/*
 * settings.h - a list of keys and values; a key may have several rows.
 */
#ifndef VM_SETTINGS_H
#define VM_SETTINGS_H

#include "base/types.h"
#include <vm/machines.h>

/* Zeroed: empty. */
struct settings {
    struct vm_setting *rows; /* owns the array and every string */
    unsigned count;
};

void settings_fini(struct settings *s); /* empty afterwards */

/* Adds a row at the end; the strings are copied. -ENOMEM changes nothing. */
int settings_add(struct settings *s, const char *key, const char *value) MUST_CHECK;
int settings_add_number(struct settings *s, const char *key, s64 value) MUST_CHECK;
int settings_add_all(struct settings *s, const struct settings *from) MUST_CHECK;

/* Removes the rows of `key`; value not NULL: only the first with this value. */
void settings_remove(struct settings *s, const char *key, const char *value);

/* The last row's value; NULL: none. */
const char *settings_get(const struct settings *s, const char *key);
/* The same as a number, 0 when it is none. */
s64 settings_get_number(const struct settings *s, const char *key);

/* Is there a row with just this value? */
bool settings_has(const struct settings *s, const char *key, const char *value);

#endif
