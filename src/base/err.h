/*
 * err.h - why something failed, in one sentence, with its causes.
 *
 * Three kinds of error are never mixed:
 *  - the host or the user failed: return a negative errno and fill *err, each
 *    caller adding what it was doing (err_wrap); it is printed once, in apps/;
 *  - the guest misbehaved: not an error, see log_guest() in log.h;
 *  - we are wrong: BUG_ON in bug.h.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/types.h"

/* One sentence; 1024 bytes hold a path and a chain of three causes. No heap,
 * so that running out of memory can be reported. Caller's storage, zeroed. */
struct err {
    int code;        /* positive errno, 0 while nothing failed */
    char text[1024]; /* UTF-8, no newline, no trailing full stop */
};

/* Fills *err (errno value `code` > 0 and a sentence) and returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same, with ": " and the C library's text for `code` appended. */
int err_set_errno(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "what: " in front of an error that is already set; returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
