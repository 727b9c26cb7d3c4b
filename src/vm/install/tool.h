/*
 * tool.h - Debian's own tools, run as child processes.
 */
#ifndef VM_INSTALL_TOOL_H
#define VM_INSTALL_TOOL_H

#include "base/err.h"
#include "base/types.h"
#include <sys/types.h>

/* Is this program there (in $PATH or an sbin folder)? If not, -ENOENT and a sentence that
 * names the Debian package which has it. */
int tool_check(const char *program, const char *package, struct err *err) MUST_CHECK;

/* Starts argv[0], found as by tool_check(); its standard output is *ret_out, which the caller
 * closes, and what it says on standard error is appended to the file `log`. */
int tool_start(const char *const argv[], const char *log, pid_t *ret_pid, int *ret_out,
               struct err *err) MUST_CHECK;

/* Its exit status, or 128 and the number of the signal that ended it. */
int tool_wait(pid_t pid);

/* Runs it to its end and hands over each line of its output without the newline (fn may be
 * NULL). Its exit status, or -errno. */
int tool_run(const char *const argv[], const char *log, void (*fn)(void *arg, char *line),
             void *arg, struct err *err) MUST_CHECK;

/* The first line of `log` that contains one of the NULL-ended words, without newline, cut to
 * size; false: none. */
bool tool_said(const char *log, const char *const words[], char *out, size_t size);

#endif
