/*
 * options.c - this program's own options, and the parser over the whole table.
 */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fail(struct vm_err *err, const char *fmt, ...)
{
    va_list ap;

    err->code = EINVAL;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -1;
}

/* --- the rows of this program --- */

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

static int set_help(struct run_options *o, const char *value, struct vm_err *err)
{
    o->help = true;
    return value ? fail(err, "--help takes no value, not '%s'", value) : 0;
}

static const struct option_row own[] = {
    { .name = "save-state",
      .arg = "FILE,at=console:TEXT|insns:N|seconds:N",
      .values = "@file",
      .doc = "Saves the machine's state once, when TEXT was printed on the console, after N "
             "instructions of CPU 0, or after N seconds of guest time; then goes on.",
      .set = set_save_state },
    { .name = "load-state",
      .arg = "FILE",
      .values = "@file",
      .doc = "Continues a saved machine; the other options are those it was saved with. The "
             "kernel is needed only if the guest resets.",
      .set = set_load_state },
    { .name = "stats",
      .arg = "json:FILE",
      .values = "json:",
      .arg_optional = true,
      .doc = "Prints what the engine did at the end, on standard error or as JSON to FILE.",
      .set = set_stats },
    { .name = "trace",
      .arg = "LIST",
      .doc = "Prints events of these kinds, separated by commas.",
      .set = set_trace },
    { .name = "help", .doc = "Prints this text.", .set = set_help },
};

bool option_row(unsigned n, struct option_row *out)
{
    unsigned count;
    const struct vm_config_key *keys = vm_config_keys(&count);

    if (n >= count + sizeof own / sizeof own[0])
        return false;
    if (n >= count) {
        *out = own[n - count];
        return true;
    }
    *out = (struct option_row){ keys[n].name,    keys[n].arg,          keys[n].doc, keys[n].values,
                                keys[n].initial, keys[n].repeats != 0, false,       NULL };
    return true;
}

/* --- parsing --- */

static bool find(const char *name, size_t len, struct option_row *row)
{
    for (unsigned n = 0; option_row(n, row); n++)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return true;
    return false;
}

/* One option at argv[*at]; *at moves to its last word. */
static int parse_one(struct run_options *o, int argc, char **argv, int *at, struct vm_err *err)
{
    const char *word = argv[*at], *name = word + 2, *value = NULL;
    size_t len = strcspn(name, "=");
    struct option_row row;

    if (strcmp(word, "-h") == 0)
        return set_help(o, NULL, err);
    if (strncmp(word, "--", 2) != 0)
        return fail(err, "'%s' is no option: every argument of run is one, see vm-cli run --help",
                    word);
    if (!find(name, len, &row))
        return fail(err, "%.*s is no option of run: see vm-cli run --help", (int)len + 2, word);
    if (name[len] == '=')
        value = name + len + 1;
    else if (row.arg && !row.arg_optional) {
        if (*at + 1 >= argc)
            return fail(err, "--%s needs a value: %s", row.name, row.arg);
        value = argv[++*at];
    }
    if (row.set)
        return row.set(o, value, err);
    return vm_config_set(o->config, row.name, value, err) < 0 ? -1 : 0;
}

int options_parse(struct run_options *o, int argc, char **argv, struct vm_err *err)
{
    *o = (struct run_options){ .config = vm_config_new() };
    if (!o->config)
        return fail(err, "out of memory");
    for (int i = 0; i < argc && !o->help; i++)
        if (parse_one(o, argc, argv, &i, err) < 0)
            return -1;
    return 0;
}

void options_fini(struct run_options *o)
{
    o->config = vm_config_free(o->config);
    free(o->save_path);
    o->save_path = NULL;
}
