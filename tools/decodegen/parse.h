/*
 * parse.h - what the parts of decodegen's parser share.
 */
#ifndef TOOLS_DECODEGEN_PARSE_H
#define TOOLS_DECODEGEN_PARSE_H

#include "decodegen.h"

/* Where the parser is, for messages. */
extern const char *parse_path;
extern unsigned parse_number;

#define FAIL(...) fail(parse_path, parse_number, __VA_ARGS__)

/* Fails when a table is full; otherwise counts one more and returns its index. */
unsigned grow(unsigned *count, unsigned max, const char *what);

/* The next blank-separated word, or a "quoted text" without its quotes; NULL at the end. */
char *word(char **p);
/* The same; `what` is missing otherwise. */
char *need(char **p, const char *what);

const char *keep(const char *s);
s64 number(const char *s);
struct slice slice(const char *s); /* "14:12" or "7" */

/* Index of what has this name; find: -1, need: fails when there is none. */
int field_find(const char *name);
int field_need(const char *name);
int regs_find(const char *name);
int regs_need(const char *name);
int names_find(const char *name);
int names_need(const char *name);
int format_find(const char *name);
int format_need(const char *name);

/* id picture semantics(FORMAT) [variant=value] [field!=value] [over id] [ends[=branch|=jump]]
 * [alone] */
void parse_line(const char *id, const char *ext, char *p);

#endif
