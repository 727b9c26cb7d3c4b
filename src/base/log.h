/*
 * log.h - what the program says on standard error, and trace points.
 *
 * Levels: error, warn and note are for the person at the shell; note is what was asked for,
 * such as where a console is. info is for whoever raises the level.
 * log_guest() counts and, with --trace=guest, prints what a guest did against
 * its specification: never a warning, since a hostile guest could flood.
 * The switches are process-wide (rule 5 lists them); setting them is for apps/.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_INFO };

/* One line each in base/trace.def: TRACE(name, "what it shows"). */
enum trace_event {
#define TRACE(name, doc) TRACE_##name,
#include "base/trace.def"
#undef TRACE
    TRACE_COUNT
};

void log_set_level(enum log_level level);

/* Called for each finished line (no newline); NULL restores standard error. */
void log_set_sink(void (*line)(void *arg, enum log_level level, const char *text), void *arg);

void log_print(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_note(...)  log_print(LOG_NOTE, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)

extern u64 log_trace_mask; /* bit per enum trace_event */

/* Turns on the comma-separated trace names in `list` ("all" for every one).
 * Returns 0, or -EINVAL after writing the unknown name to bad[0..bad_size). */
int log_trace_enable(const char *list, char *bad, size_t bad_size) MUST_CHECK;

/* Is this kind of event asked for? */
#define log_trace_on(event) __builtin_expect((int)(log_trace_mask >> TRACE_##event & 1), 0)

void log_trace_print(enum trace_event event, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_trace(event, ...)                                                                      \
    do {                                                                                           \
        if (log_trace_on(event))                                                                   \
            log_trace_print(TRACE_##event, __VA_ARGS__);                                           \
    } while (0)

#define log_guest(...) log_trace(guest, __VA_ARGS__)

#endif
