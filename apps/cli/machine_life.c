/*
 * machine_life.c - vm-cli start, stop, kill, restart, pause and resume.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { STOP_S = 120, WAIT_S = 600, SECONDS_MAX = 1000000 };

static const struct option json_only[] = { OPTION_JSON, { 0 } };

/* --timeout in ms; an exit status. */
static int take_timeout(const struct command_line *line, uint64_t otherwise, int *ret_ms)
{
    uint64_t seconds;

    if (line_number(line, "timeout", 0, SECONDS_MAX, otherwise, &seconds) < 0)
        return STATUS_USAGE;
    *ret_ms = (int)seconds * 1000;
    return STATUS_OK;
}

/* --- start --- */

static int start(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int rc, timeout, status = take_timeout(line, WAIT_S, &timeout);

    if (status == STATUS_OK)
        status = machine_open(line, &m);
    if (status != STATUS_OK)
        return status;
    if (line_has(line, "foreground"))
        return machine_done(
            line, m,
            vm_machine_run(m, STDIN_FILENO, STDOUT_FILENO, "vm-cli start --foreground", &err),
            &err);
    rc = vm_machine_start(m, "vm-cli start", &err);
    if (rc == 0 && line_has(line, "wait"))
        rc = vm_machine_wait_ready(m, timeout, &err);
    return machine_done(line, m, rc, &err);
}

static const struct option start_options[] = {
    { .name = "wait",
      .doc = "Returns when the guest is up: its ssh server answers, or --ready-text is on its "
             "console. When it is not, says what the guest last did." },
    { .name = "timeout", .arg = "SECONDS", .initial = "600", .doc = "How long --wait waits." },
    { .name = "foreground",
      .doc = "Stays, with the machine's console on this terminal, until it ends; Ctrl-A x ends "
             "it." },
    OPTION_JSON,
    { 0 },
};

const struct command cmd_start = {
    .name = "start",
    .operands = "NAME",
    .doc = "Starts a machine in a process of its own.",
    .options = start_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = start,
};

/* --- stop, restart --- */

static int stop(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int timeout, status = take_timeout(line, STOP_S, &timeout);

    if (status == STATUS_OK)
        status = machine_open(line, &m);
    if (status != STATUS_OK)
        return status;
    return machine_done(line, m, vm_machine_stop(m, timeout, "vm-cli stop", &err), &err);
}

static const struct option stop_options[] = {
    { .name = "timeout",
      .arg = "SECONDS",
      .initial = "120",
      .doc = "How long the guest may take; 0: does not wait for it." },
    OPTION_JSON,
    { 0 },
};

const struct command cmd_stop = {
    .name = "stop",
    .operands = "NAME",
    .doc = "Asks the guest to power down, and waits until it has.",
    .options = stop_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = stop,
};

static int restart(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int rc, timeout, status = take_timeout(line, STOP_S, &timeout);

    if (status == STATUS_OK && timeout == 0)
        status = misused("--timeout 0: the guest has to be waited for");
    if (status == STATUS_OK)
        status = machine_open(line, &m);
    if (status != STATUS_OK)
        return status;
    rc = vm_machine_stop(m, timeout, "vm-cli restart", &err);
    if (rc == 0 || err.code == ESRCH)
        rc = vm_machine_start(m, "vm-cli restart", &err);
    return machine_done(line, m, rc, &err);
}

const struct command cmd_restart = {
    .name = "restart",
    .operands = "NAME",
    .doc = "Stops a machine as stop does, and starts it again.",
    .options = stop_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = restart,
};

/* --- kill, pause, resume --- */

static int simple(const struct command_line *line,
                  int (*fn)(struct vm_machine *m, const char *cause, struct vm_err *err))
{
    struct vm_machine *m;
    struct vm_err err;
    char cause[64];
    int status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    snprintf(cause, sizeof cause, "vm-cli %s", line->command->name);
    return machine_done(line, m, fn(m, cause, &err), &err);
}

static int kill_machine(const struct command_line *line)
{
    return simple(line, vm_machine_kill);
}

static int pause_machine(const struct command_line *line)
{
    return simple(line, vm_machine_pause);
}

static int resume(const struct command_line *line)
{
    return simple(line, vm_machine_resume);
}

const struct command cmd_kill = {
    .name = "kill",
    .operands = "NAME",
    .doc = "Ends a machine's process at once; the guest is not asked.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = kill_machine,
};

const struct command cmd_pause = {
    .name = "pause",
    .operands = "NAME",
    .doc = "Stops a machine's CPUs until resume.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = pause_machine,
};

const struct command cmd_resume = {
    .name = "resume",
    .operands = "NAME",
    .doc = "Lets a paused machine go on.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = resume,
};
