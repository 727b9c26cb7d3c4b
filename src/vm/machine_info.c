/*
 * machine_info.c - what is known of a named machine.
 */
#include "vm/machines_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum vm_machine_state public_state(enum life_stage stage)
{
    switch (stage) {
    case LIFE_IS_INSTALLING: return VM_MACHINE_INSTALLING;
    case LIFE_IS_RUNNING: return VM_MACHINE_RUNNING;
    case LIFE_IS_PAUSED: return VM_MACHINE_PAUSED;
    case LIFE_IS_STOPPED: return VM_MACHINE_STOPPED;
    case LIFE_NONE:
    case LIFE_IS_DELETED:
    case LIFE_STAGES: break;
    }
    return VM_MACHINE_DELETED;
}

VM_API const char *vm_machine_state_name(enum vm_machine_state state)
{
    static const char *const names[] = { "installing", "stopped", "running", "paused", "deleted" };

    return names[state];
}

static void fill(const struct vm_machine *m, struct vm_machine_info *out)
{
    const char *user = settings_get(&m->shown, "ssh-user");
    bool runs = machine_runs(m);

    *out = (struct vm_machine_info){
        .name = m->name,
        .folder = m->paths.folder,
        .state = public_state(m->state.stage),
        .ready = m->state.ready,
        .powerdown_asked = m->state.powerdown_asked,
        .pid = runs ? settings_get_number(&m->state.run, "pid") : 0,
        .created_ms = m->state.created_ms,
        .started_ms = m->state.started_ms,
        .stopped_ms = m->state.stopped_ms,
        .last_stop = m->state.last_stop,
        .last_stop_failed = m->state.last_stop_failed,
        .ssh_port = runs ? (unsigned)settings_get_number(&m->state.run, "ssh-port") : 0,
        .ssh_user = user ? user : "root",
        .ssh_key = m->paths.ssh_key,
        .known_hosts = m->paths.known_hosts,
        .control = m->paths.control,
        .vsock = access(m->paths.vsock, F_OK) == 0 ? m->paths.vsock : NULL,
        .console = m->paths.console,
        .console_log = m->paths.console_log,
        .vm_log = m->paths.vm_log,
        .settings = m->shown.rows,
        .setting_count = m->shown.count,
    };
}

VM_API int vm_machine_info(struct vm_machine *m, struct vm_machine_info *ret, struct vm_err *err)
{
    struct err e = { 0 };
    int rc = machine_look(m, false, &e);

    settings_fini(&m->shown);
    if (rc == 0 && machine_settings_show(m, &m->shown) < 0)
        rc = err_set_errno(&e, ENOMEM, "machine %s", m->name);
    if (rc < 0)
        return err_to_public(&e, err);
    fill(m, ret);
    return 0;
}

/* --- history --- */

struct reader {
    int (*fn)(void *arg, const struct vm_machine_event *event);
    void *arg;
};

static int tell(void *arg, const struct life_event *e, struct err *err)
{
    const struct reader *r = arg;
    const struct vm_machine_event event = { .number = e->number,
                                            .time_ms = e->time_ms,
                                            .kind = life_kind_text(e->kind),
                                            .doc = life_kind_doc(e->kind),
                                            .cause = e->cause,
                                            .fields = e->fields.rows,
                                            .field_count = e->fields.count };

    return r->fn(r->arg, &event) ? 1 : 0;
}

VM_API int vm_machine_history(struct vm_machine *m,
                              int (*fn)(void *arg, const struct vm_machine_event *event), void *arg,
                              struct vm_err *err)
{
    struct reader r = { fn, arg };
    struct err e = { 0 };
    int rc = machine_look(m, false, &e);

    if (rc == 0)
        rc = store_each(m->store, 0, tell, &r, &e);
    return rc < 0 ? err_to_public(&e, err) : 0;
}

VM_API int vm_machine_event_kind(unsigned n, const char **ret_kind, const char **ret_doc)
{
    if (n >= LIFE_KINDS)
        return 0;
    *ret_kind = life_kind_text(n);
    *ret_doc = life_kind_doc(n);
    return 1;
}

/* --- explain --- */

static void print_time(FILE *out, s64 ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    fputs(text, out);
}

static void explain_words(FILE *out, const struct vm_machine *m)
{
    char *words = machine_last_words(m, 6, "\n  ");

    if (words && *words)
        fprintf(out, "The guest: %s\n", words);
    free(words);
}

static void explain_stopped(FILE *out, const struct vm_machine *m)
{
    fprintf(out, "Machine %s is stopped", m->name);
    if (!m->state.last_stop) {
        fprintf(out, "; it has never run.\nvm-cli start %s starts it.\n", m->name);
        return;
    }
    fputs(" since ", out);
    print_time(out, m->state.stopped_ms);
    fprintf(out, "%s: %s.\n", m->state.last_stop_failed ? ", and not as it should" : "",
            m->state.last_stop);
    if (m->state.last_stop_failed)
        explain_words(out, m);
    fprintf(out, "vm-cli start %s starts it again.\n", m->name);
}

static void explain_ssh(FILE *out, const struct vm_machine *m)
{
    s64 port = settings_get_number(&m->state.run, "ssh-port");

    if (port)
        fprintf(out, "Port %lld of 127.0.0.1 leads to its ssh server: vm-cli ssh %s.\n",
                (long long)port, m->name);
}

static void explain_running(FILE *out, const struct vm_machine *m)
{
    bool paused = m->state.stage == LIFE_IS_PAUSED;

    fprintf(out, "Machine %s is %s; process %lld runs it since ", m->name,
            paused ? "paused" : "running", (long long)settings_get_number(&m->state.run, "pid"));
    print_time(out, m->state.started_ms);
    fputs(".\n", out);
    if (paused)
        fprintf(out, "Its CPUs stand still until vm-cli resume %s.\n", m->name);
    if (m->state.powerdown_asked)
        fprintf(out,
                "The guest was asked to power down and has not done so: wait, look at vm-cli "
                "console %s, or end it by vm-cli kill %s.\n",
                m->name, m->name);
    fputs(m->state.ready ? "The guest was seen up.\n"
                         : "Nobody has seen the guest up yet (vm-cli start --wait looks for it).\n",
          out);
    explain_ssh(out, m);
    explain_words(out, m);
}

static void explain_files(FILE *out, const struct settings *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        char path[4096];

        if (!machine_key_is_file(all->rows[i].key))
            continue;
        snprintf(path, sizeof path, "%s", all->rows[i].value);
        if (strcmp(all->rows[i].key, "disk") == 0)
            path[strcspn(path, ",")] = 0;
        if (access(path, R_OK))
            fprintf(out, "Its --%s cannot be read: %s: %s.\n", all->rows[i].key, path,
                    strerror(errno));
    }
}

static void explain(FILE *out, const struct vm_machine *m, const struct settings *all)
{
    switch (m->state.stage) {
    case LIFE_IS_INSTALLING:
        fprintf(out,
                "Machine %s is being installed, or its installation was interrupted: the "
                "command that installs it goes on with it, vm-cli delete %s gives it up.\n",
                m->name, m->name);
        break;
    case LIFE_IS_STOPPED:
        explain_stopped(out, m);
        explain_files(out, all);
        break;
    case LIFE_IS_RUNNING:
    case LIFE_IS_PAUSED: explain_running(out, m); break;
    case LIFE_NONE:
    case LIFE_IS_DELETED:
    case LIFE_STAGES: fprintf(out, "Machine %s has been deleted.\n", m->name); break;
    }
}

VM_API int vm_machine_explain(struct vm_machine *m, char **ret_text, struct vm_err *err)
{
    struct settings all = { 0 };
    struct err e = { 0 };
    size_t size;
    FILE *out = NULL;
    int rc = machine_look(m, false, &e);

    *ret_text = NULL;
    if (rc == 0 && machine_settings_show(m, &all) == 0)
        out = open_memstream(ret_text, &size);
    if (out)
        explain(out, m, &all);
    settings_fini(&all);
    if (rc == 0 && (!out || fclose(out) != 0))
        rc = err_set_errno(&e, ENOMEM, "machine %s", m->name);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
