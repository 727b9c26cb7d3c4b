/*
 * parse.h - values as people write them: sizes, switches, comma-separated options.
 */
#ifndef VM_PARSE_H
#define VM_PARSE_H

#include "base/types.h"

/* Decimal or 0x hexadecimal, nothing before or after. */
bool parse_number(const char *text, u64 *out) MUST_CHECK;

/* A number with an optional K, M, G or T (powers of 1024; small letters too). */
bool parse_size(const char *text, u64 *out) MUST_CHECK;

/* on, off. */
bool parse_bool(const char *text, bool *out) MUST_CHECK;

/* Cuts the next comma-separated field off *rest (two commas stand for one comma in it);
 * NULL when *rest is NULL, which it becomes after the last. */
char *parse_field(char **rest);

/* "name=value" → value when the name is `name`, else NULL. */
const char *parse_option(const char *option, const char *name);

#endif
