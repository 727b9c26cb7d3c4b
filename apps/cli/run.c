/*
 * run.c - `vm-cli run`: one machine from its options to an exit status.
 */
#include "run_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STATS_MAX = 64 };

/* --- statistics --- */

static void stats_text(const struct vm_stat *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fprintf(stderr, "%-22s %20" PRIu64 "  %s\n", rows[i].name, rows[i].value, rows[i].doc);
}

static int stats_json(const struct vm_stat *rows, unsigned count, const char *path)
{
    FILE *out = fopen(path, "w");
    bool ok = out != NULL;

    for (unsigned i = 0; ok && i < count; i++)
        ok = fprintf(out, "%s  \"%s\": %" PRIu64, i ? ",\n" : "{\n", rows[i].name, rows[i].value) >
             0;
    if (ok)
        ok = fputs("\n}\n", out) >= 0;
    if (out && fclose(out) != 0)
        ok = false;
    if (ok)
        return STATUS_OK;
    say("--stats: %s cannot be written: %s", path, strerror(errno));
    return STATUS_FAILED;
}

static int print_stats(const struct run_options *o, struct vm *vm)
{
    struct vm_stat rows[STATS_MAX];
    unsigned count = vm_stats(vm, rows, STATS_MAX);

    if (count > STATS_MAX)
        count = STATS_MAX;
    if (o->stats_path)
        return stats_json(rows, count, o->stats_path);
    stats_text(rows, count);
    return STATUS_OK;
}

/* --- running --- */

static int set_stop_point(const struct run_options *o, struct vm *vm, struct vm_err *err)
{
    switch (o->save_at) {
    case SAVE_CONSOLE: return vm_stop_at_console(vm, o->save_text, err);
    case SAVE_INSNS: return vm_stop_at_insns(vm, o->save_insns, err);
    case SAVE_SECONDS: return vm_stop_at_seconds(vm, o->save_seconds, err);
    case SAVE_NEVER: break;
    }
    return 0;
}

/* Exit status for a stop, or -1 to go on. */
static int after_stop(const struct run_options *o, struct vm *vm, enum vm_stop why,
                      struct vm_err *err)
{
    switch (why) {
    case VM_STOP_SHUTDOWN: return STATUS_OK;
    case VM_STOP_RESET: return STATUS_GUEST;
    case VM_STOP_CRASHED: say("the guest reported a panic"); return STATUS_GUEST;
    case VM_STOP_QUIT:
        say("ended from outside; the guest had not powered off");
        return STATUS_FAILED;
    case VM_STOP_POINT:
        if (vm_save(vm, o->save_path, err) < 0)
            return failed(err);
        fprintf(stderr, "vm-cli: state saved to %s\n", o->save_path);
        return -1;
    case VM_STOP_PAUSED: break;
    }
    return -1;
}

static int run_machine(const struct run_options *o, struct vm *vm)
{
    struct vm_err err;
    enum vm_stop why;
    int status = -1;

    if (vm_catch_signals(vm, &err) < 0 || set_stop_point(o, vm, &err) < 0 ||
        (o->load_path && vm_load(vm, o->load_path, &err) < 0))
        return failed(&err);
    while (status < 0) {
        if (vm_run(vm, &why, &err) < 0)
            return failed(&err);
        status = after_stop(o, vm, why, &err);
    }
    if (o->stats) {
        int rc = print_stats(o, vm);

        status = status == STATUS_OK ? rc : status;
    }
    return status;
}

static int run(const struct command_line *line)
{
    struct run_options o;
    struct vm_err err;
    struct vm *vm = NULL;
    int status;

    if (run_options_take(&o, line, &err) < 0)
        status = misused("%s", err.text);
    else if (vm_new(o.config, &vm, &err) < 0)
        status = failed(&err);
    else
        status = run_machine(&o, vm);
    vm_free(vm);
    run_options_fini(&o);
    return status;
}

const struct command cmd_run = {
    .name = "run",
    .doc = "Runs a virtual machine until its guest powers off.",
    .details = "Its serial console is on standard input and output; Ctrl-A x ends the machine.",
    .options = run_options,
    .keys = KEYS_CONFIG,
    .list_title = "Kinds of --trace",
    .list = vm_trace_kind,
    .run = run,
};
