/*
 * machine_show.c - vm-cli list, show, explain and history.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option json_only[] = { OPTION_JSON, { 0 } };

/* --- list --- */

static const char *setting(const struct vm_machine_info *info, const char *key)
{
    unsigned count;
    const struct vm_config_key *keys = vm_config_keys(&count);

    for (unsigned i = info->setting_count; i-- > 0;)
        if (strcmp(info->settings[i].key, key) == 0)
            return info->settings[i].value;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(keys[i].name, key) == 0)
            return keys[i].initial;
    return "";
}

static void list_row(const struct vm_machine_info *info)
{
    char port[16] = "-", since[32] = "-";

    if (info->ssh_port)
        snprintf(port, sizeof port, "%u", info->ssh_port);
    if (info->pid)
        time_text(info->started_ms, since);
    else if (info->stopped_ms)
        time_text(info->stopped_ms, since);
    printf("%-20s %-10s %4s %7s %6s  %s\n", info->name, vm_machine_state_name(info->state),
           setting(info, "cpus"), setting(info, "memory"), port, since);
}

/* One that cannot be looked at is shown, too: a damaged store, or deleted meanwhile. */
static int list_one(const char *name, json_t *all)
{
    struct vm_machine_info info;
    struct vm_machine *m = NULL;
    struct vm_err err;
    int status = STATUS_OK;

    if (vm_machine_open(name, &m, &err) < 0 || vm_machine_info(m, &info, &err) < 0)
        status = failed(&err);
    else if (all)
        json_array_append_new(all, machine_json(&info));
    else
        list_row(&info);
    vm_machine_free(m);
    return status;
}

static int list(const struct command_line *line)
{
    bool names_only = line_has(line, "names");
    json_t *all = line_has(line, "json") ? json_array() : NULL;
    struct vm_err err;
    int status = STATUS_OK;
    char **names;

    if (vm_machines_list(&names, &err) < 0) {
        json_decref(all);
        return machine_failed(line, &err);
    }
    if (!all && !names_only && names[0])
        printf("%-20s %-10s %4s %7s %6s  %s\n", "NAME", "STATE", "CPUS", "MEMORY", "SSH", "SINCE");
    for (char **name = names; *name; name++) {
        if (names_only && !all)
            puts(*name);
        else if (names_only)
            json_array_append_new(all, json_string(*name));
        else if (list_one(*name, all) != STATUS_OK)
            status = STATUS_FAILED;
    }
    free(names);
    if (all && print_json(all) != STATUS_OK)
        status = STATUS_FAILED;
    return status;
}

static const struct option list_options[] = {
    { .name = "names", .doc = "Prints the names alone, one a line." },
    OPTION_JSON,
    { 0 },
};

const struct command cmd_list = {
    .name = "list",
    .doc = "Lists all machines.",
    .options = list_options,
    .run = list,
};

/* --- show --- */

static void show_time(const char *what, int64_t ms)
{
    char text[32];

    if (ms)
        printf("%-16s %s\n", what, time_text(ms, text));
}

static void show_running(const struct vm_machine_info *info)
{
    printf("%-16s %lld\n", "process", (long long)info->pid);
    printf("%-16s %s\n", "guest", info->ready ? "was seen up" : "not seen up yet");
    if (info->ssh_port)
        printf("%-16s %s@127.0.0.1 port %u\n", "ssh", info->ssh_user, info->ssh_port);
    printf("%-16s %s\n", "console socket", info->console);
    printf("%-16s %s\n", "control socket", info->control);
    if (info->vsock)
        printf("%-16s %s\n", "vsock", info->vsock);
}

static void show_text(const struct vm_machine_info *info)
{
    printf("%-16s %s\n", "name", info->name);
    printf("%-16s %s\n", "state", vm_machine_state_name(info->state));
    if (info->pid)
        show_running(info);
    show_time("created", info->created_ms);
    show_time("last started", info->started_ms);
    show_time("last stopped", info->stopped_ms);
    if (info->last_stop)
        printf("%-16s %s\n", "because", info->last_stop);
    printf("%-16s %s\n", "folder", info->folder);
    printf("%-16s %s\n", "console log", info->console_log);
    for (unsigned i = 0; i < info->setting_count; i++)
        printf("--%-14s %s\n", info->settings[i].key, info->settings[i].value);
}

static int show(const struct command_line *line)
{
    struct vm_machine_info info;
    struct vm_machine *m;
    struct vm_err err;
    int status = machine_open(line, &m);

    if (status != STATUS_OK || line_has(line, "json"))
        return status == STATUS_OK ? machine_done(line, m, 0, &err) : status;
    if (vm_machine_info(m, &info, &err) < 0)
        status = failed(&err);
    else
        show_text(&info);
    vm_machine_free(m);
    return status;
}

const struct command cmd_show = {
    .name = "show",
    .operands = "NAME",
    .doc = "Shows what is known of a machine.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = show,
};

/* --- explain --- */

static int explain(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    char *text = NULL;
    int status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    if (vm_machine_explain(m, &text, &err) < 0)
        status = machine_failed(line, &err);
    else if (line_has(line, "json"))
        status = print_json(json_pack("{s:s, s:s}", "name", line->operands[0], "text", text));
    else
        fputs(text, stdout);
    free(text);
    vm_machine_free(m);
    return status;
}

const struct command cmd_explain = {
    .name = "explain",
    .operands = "NAME",
    .doc = "Says in sentences what state a machine is in, why, and what to do.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = explain,
};

/* --- history --- */

static int event_text(void *arg, const struct vm_machine_event *event)
{
    char when[32];

    printf("%s  %-16s %s", time_text(event->time_ms, when), event->kind, event->cause);
    for (unsigned i = 0; i < event->field_count; i++)
        printf("%s%s=%s", i ? " " : "  [", event->fields[i].key, event->fields[i].value);
    puts(event->field_count ? "]" : "");
    return 0;
}

static int event_json(void *arg, const struct vm_machine_event *event)
{
    json_t *one =
        json_pack("{s:I, s:o, s:s, s:s, s:o}", "number", (json_int_t)event->number, "time",
                  time_json(event->time_ms), "kind", event->kind, "cause", event->cause, "fields",
                  settings_json(event->fields, event->field_count));

    json_array_append_new(arg, one);
    return 0;
}

static int history(const struct command_line *line)
{
    json_t *all = line_has(line, "json") ? json_array() : NULL;
    struct vm_machine *m;
    struct vm_err err;
    int rc, status = machine_open(line, &m);

    if (status == STATUS_OK) {
        rc = vm_machine_history(m, all ? event_json : event_text, all, &err);
        status = rc < 0 ? machine_failed(line, &err) : STATUS_OK;
        vm_machine_free(m);
    }
    if (status == STATUS_OK && all)
        return print_json(all);
    json_decref(all);
    return status;
}

const struct command cmd_history = {
    .name = "history",
    .operands = "NAME",
    .doc = "Shows everything that has happened to a machine, and why.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .list_title = "Kinds of events",
    .list = vm_machine_event_kind,
    .run = history,
};
