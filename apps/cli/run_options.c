/*
 * run_options.c - the options of `vm-cli run` that are not keys of a configuration.
 */
#include "run_options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct vm_err *err, const char *fmt, ...)
{
    va_list ap;

    err->code = EINVAL;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -1;
}

static int parse_at(struct run_options *o, const char *at, struct vm_err *err)
{
    char *end;

    errno = 0;
    if (strncmp(at, "console:", 8) == 0 && at[8]) {
        o->save_at = SAVE_CONSOLE;
        o->save_text = at + 8;
        return 0;
    }
    if (strncmp(at, "insns:", 6) == 0 && at[6] >= '0' && at[6] <= '9') {
        o->save_at = SAVE_INSNS;
        o->save_insns = strtoull(at + 6, &end, 10);
        if (errno == 0 && *end == 0)
            return 0;
    }
    if (strncmp(at, "seconds:", 8) == 0 && at[8] >= '0' && at[8] <= '9') {
        o->save_at = SAVE_SECONDS;
        o->save_seconds = strtod(at + 8, &end);
        if (errno == 0 && *end == 0)
            return 0;
    }
    return fail(err, "--save-state at=%s: give at=console:TEXT, at=insns:N or at=seconds:N", at);
}

static int set_save_state(struct run_options *o, const char *value, struct vm_err *err)
{
    char *at;

    free(o->save_path);
    o->save_path = strdup(value);
    if (!o->save_path)
        return fail(err, "--save-state: out of memory");
    at = strstr(o->save_path, ",at=");
    if (!at || at == o->save_path)
        return fail(err, "--save-state %s: give FILE,at=console:TEXT, at=insns:N or at=seconds:N",
                    value);
    *at = 0;
    return parse_at(o, at + 4, err);
}

static int set_load_state(struct run_options *o, const char *value, struct vm_err *err)
{
    o->load_path = value;
    return *value ? 0 : fail(err, "--load-state: the file name is empty");
}

static int set_stats(struct run_options *o, const char *value, struct vm_err *err)
{
    o->stats = true;
    if (!value)
        return 0;
    if (strncmp(value, "json:", 5) != 0 || !value[5])
        return fail(err, "--stats=%s: give --stats or --stats=json:FILE", value);
    o->stats_path = value + 5;
    return 0;
}

static int set_trace(struct run_options *o, const char *value, struct vm_err *err)
{
    return vm_trace_enable(value, err) < 0 ? -1 : 0;
}

const struct option run_options[] = {
    { .name = "save-state",
      .arg = "FILE,at=console:TEXT|insns:N|seconds:N",
      .values = "@file",
      .doc = "Saves the machine's state once, when TEXT was printed on the console, after N "
             "instructions of CPU 0, or after N seconds of guest time; then goes on." },
    { .name = "load-state",
      .arg = "FILE",
      .values = "@file",
      .doc = "Continues a saved machine; the other options are those it was saved with. The "
             "kernel is needed only if the guest resets." },
    { .name = "stats",
      .arg = "json:FILE",
      .values = "json:",
      .arg_optional = true,
      .doc = "Prints what the engine did at the end, on standard error or as JSON to FILE." },
    { .name = "trace", .arg = "LIST", .doc = "Prints events of these kinds, separated by commas." },
    { 0 },
};

/* Rows of run_options, in its order. */
static int (*const setters[])(struct run_options *o, const char *value, struct vm_err *err) = {
    set_save_state,
    set_load_state,
    set_stats,
    set_trace,
};

static int set(struct run_options *o, const struct given *given, struct vm_err *err)
{
    if (given->key)
        return vm_config_set(o->config, given->name, given->value, err) < 0 ? -1 : 0;
    for (unsigned i = 0; run_options[i].name; i++)
        if (strcmp(run_options[i].name, given->name) == 0)
            return setters[i](o, given->value, err);
    return 0;
}

int run_options_take(struct run_options *o, const struct command_line *line, struct vm_err *err)
{
    *o = (struct run_options){ .config = vm_config_new() };
    if (!o->config)
        return fail(err, "out of memory");
    for (unsigned i = 0; i < line->given_count; i++)
        if (set(o, &line->given[i], err) < 0)
            return -1;
    return 0;
}

void run_options_fini(struct run_options *o)
{
    o->config = vm_config_free(o->config);
    free(o->save_path);
    o->save_path = NULL;
}
