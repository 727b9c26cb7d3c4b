/*
 * err.c - sentences about failures, built without heap.
 */
#include "base/err.h"
#include "base/bug.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CUT "..."

/* Marks a text that did not fit, on a UTF-8 character's boundary. */
static void mark_cut(char *text, size_t size)
{
    size_t at = size - sizeof CUT;

    while (at > 0 && ((u8)text[at] & 0xc0) == 0x80)
        at--;
    memcpy(text + at, CUT, sizeof CUT);
}

/* One line, whatever a path or a guest put into it. */
static void flatten(char *text)
{
    for (; *text; text++)
        if ((u8)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void format(char *text, size_t size, const char *fmt, va_list ap)
{
    int len = vsnprintf(text, size, fmt, ap);

    if (len < 0)
        text[0] = 0;
    else if ((size_t)len >= size)
        mark_cut(text, size);
    flatten(text);
}

static void append(struct err *err, const char *more)
{
    size_t len = strlen(err->text);
    size_t left = sizeof err->text - len;

    if ((size_t)snprintf(err->text + len, left, ": %s", more) >= left)
        mark_cut(err->text, sizeof err->text);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;

    BUG_ON(code <= 0);
    err->code = code;
    va_start(ap, fmt);
    format(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -code;
}

int err_set_errno(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;

    BUG_ON(code <= 0);
    err->code = code;
    va_start(ap, fmt);
    format(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    append(err, strerror(code));
    return -code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[sizeof err->text];
    va_list ap;

    BUG_ON(err->code <= 0);
    memcpy(inner, err->text, sizeof inner);
    va_start(ap, fmt);
    format(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    append(err, inner);
    return -err->code;
}
