/*
 * machine.c - what the commands on named machines share.
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* --- results --- */

int print_json(json_t *value)
{
    int rc = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;

    json_decref(value);
    putchar('\n');
    if (rc == 0)
        return STATUS_OK;
    say("out of memory for the result");
    return STATUS_FAILED;
}

const char *time_text(int64_t ms, char out[32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return out;
}

json_t *time_json(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char text[40], all[48];
    struct tm tm;

    if (ms == 0)
        return json_null();
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(all, sizeof all, "%s.%03dZ", text, (int)(ms % 1000));
    return json_string(all);
}

/* Text that may hold any bytes. */
static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);
    char plain[4096];
    size_t len = 0;

    if (value)
        return value;
    for (; text[len] && len + 1 < sizeof plain; len++)
        plain[len] = (signed char)text[len] < 0 ? '?' : text[len];
    plain[len] = 0;
    return json_string(plain);
}

json_t *settings_json(const struct vm_setting *rows, unsigned count)
{
    json_t *all = json_object();

    for (unsigned i = 0; all && i < count; i++) {
        json_t *old = json_object_get(all, rows[i].key);

        if (!old)
            json_object_set_new(all, rows[i].key, text_json(rows[i].value));
        else if (json_is_array(old))
            json_array_append_new(old, text_json(rows[i].value));
        else
            json_object_set_new(all, rows[i].key,
                                json_pack("[O,o]", old, text_json(rows[i].value)));
    }
    return all;
}

json_t *machine_json(const struct vm_machine_info *info)
{
    json_t *ssh = info->ssh_port ? json_pack("{s:s, s:i, s:s, s:s, s:s}", "host", "127.0.0.1",
                                             "port", (int)info->ssh_port, "user", info->ssh_user,
                                             "key", info->ssh_key, "known-hosts", info->known_hosts)
                                 : json_null();
    int runs = info->pid != 0;

    return json_pack("{s:s, s:s, s:b, s:b, s:o, s:s, s:o, s:o, s:o, s:s?, s:b, s:o, s:s?, s:s?, "
                     "s:s?, s:s, s:s, s:o}",
                     "name", info->name, "state", vm_machine_state_name(info->state), "ready",
                     info->ready, "powerdown-asked", info->powerdown_asked, "pid",
                     runs ? json_integer((json_int_t)info->pid) : json_null(), "folder",
                     info->folder, "created", time_json(info->created_ms), "started",
                     time_json(info->started_ms), "stopped", time_json(info->stopped_ms),
                     "last-stop", info->last_stop, "last-stop-failed", info->last_stop_failed,
                     "ssh", ssh, "control", runs ? info->control : NULL, "console",
                     runs ? info->console : NULL, "vsock", runs ? info->vsock : NULL, "console-log",
                     info->console_log, "vm-log", info->vm_log, "settings",
                     settings_json(info->settings, info->setting_count));
}

/* --- commands --- */

int machine_failed(const struct command_line *line, const struct vm_err *err)
{
    if (line_has(line, "json"))
        print_json(json_pack("{s:{s:s, s:i}}", "error", "text", err->text, "errno", err->code));
    return failed(err);
}

int machine_open(const struct command_line *line, struct vm_machine **ret)
{
    struct vm_err err;

    if (vm_machine_open(line->operands[0], ret, &err) == 0)
        return STATUS_OK;
    return machine_failed(line, &err);
}

int machine_done(const struct command_line *line, struct vm_machine *m, int rc, struct vm_err *err)
{
    struct vm_machine_info info;
    int status = STATUS_OK;

    if (rc == 0 && line_has(line, "json"))
        rc = vm_machine_info(m, &info, err);
    if (rc < 0)
        status = machine_failed(line, err);
    else if (line_has(line, "json"))
        status = print_json(machine_json(&info));
    vm_machine_free(m);
    return status;
}
