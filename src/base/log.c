/*
 * log.c - finished lines to standard error or to one sink.
 *
 * Each line is put together on the stack and handed over in one piece, so lines
 * of different threads do not mix and no lock is needed.
 */
#include "base/log.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 2048

_Static_assert(TRACE_COUNT <= 64, "log_trace_mask has a bit for each event");

static const char *const trace_names[] = {
#define TRACE(name, doc) #name,
#include "base/trace.def"
#undef TRACE
};

/* The process-wide switches of rule 5; apps/ set them before threads start. */
u64 log_trace_mask;
static enum log_level log_level = LOG_NOTE;
static void (*log_sink)(void *arg, enum log_level level, const char *text);
static void *log_sink_arg;

void log_set_level(enum log_level level)
{
    log_level = level;
}

void log_set_sink(void (*line)(void *arg, enum log_level level, const char *text), void *arg)
{
    log_sink = line;
    log_sink_arg = arg;
}

/* What a guest made us say must not steer the terminal or forge a line. */
static void flatten(char *text)
{
    for (; *text; text++)
        if (((u8)*text < ' ' && *text != '\t') || *text == 0x7f)
            *text = '?';
}

static void emit(enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s", prefix);
    char *text = line + len;
    size_t room = sizeof line - (size_t)len;

    if (vsnprintf(text, room, fmt, ap) < 0)
        *text = 0;
    flatten(line);
    if (log_sink)
        log_sink(log_sink_arg, level, line);
    else
        fprintf(stderr, "%s\n", line);
}

void log_print(enum log_level level, const char *fmt, ...)
{
    static const char *const prefixes[] = {
        [LOG_ERROR] = "error: ", [LOG_WARN] = "warning: ", [LOG_NOTE] = "", [LOG_INFO] = ""
    };
    va_list ap;

    if (level > log_level)
        return;
    va_start(ap, fmt);
    emit(level, prefixes[level], fmt, ap);
    va_end(ap);
}

void log_trace_print(enum trace_event event, const char *fmt, ...)
{
    char prefix[64];
    va_list ap;

    snprintf(prefix, sizeof prefix, "trace %s: ", trace_names[event]);
    va_start(ap, fmt);
    emit(LOG_INFO, prefix, fmt, ap);
    va_end(ap);
}

/* The bits that one name stands for; 0: unknown. */
static u64 trace_bits(const char *name, size_t len)
{
    if (len == 3 && memcmp(name, "all", 3) == 0)
        return TRACE_COUNT == 64 ? ~0ull : (1ull << TRACE_COUNT) - 1;
    for (unsigned i = 0; i < TRACE_COUNT; i++)
        if (strlen(trace_names[i]) == len && memcmp(trace_names[i], name, len) == 0)
            return 1ull << i;
    return 0;
}

int log_trace_enable(const char *list, char *bad, size_t bad_size)
{
    u64 mask = 0;

    for (;;) {
        size_t len = strcspn(list, ",");
        u64 bits = trace_bits(list, len);

        if (!bits) {
            snprintf(bad, bad_size, "%.*s", (int)(len < 256 ? len : 256), list);
            return -EINVAL; /* and nothing is turned on */
        }
        mask |= bits;
        if (!list[len])
            break;
        list += len + 1;
    }
    log_trace_mask |= mask;
    return 0;
}
