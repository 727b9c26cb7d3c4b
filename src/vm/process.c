/*
 * process.c - a named machine's own process.
 */
#include "vm/process.h"

#include "base/log.h"
#include "vm/control.h"
#include "vm/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- what the store hears --- */

static int note(struct vm_machine *m, enum life_verb verb, const char *cause, struct err *err)
{
    const struct life_command cmd = { .verb = verb, .cause = cause };

    return machine_do(m, &cmd, err);
}

static int note_start(struct vm_machine *m, const char *cause, unsigned ssh_port, struct err *err)
{
    struct life_command cmd = { .verb = LIFE_START, .cause = cause };
    struct settings run = { 0 };
    char boot[64];
    int rc;

    machine_boot_id(boot, sizeof boot);
    rc = settings_add_number(&run, "pid", getpid());
    if (rc == 0)
        rc = settings_add_number(&run, "began", (s64)machine_process_began(getpid()));
    if (rc == 0)
        rc = settings_add(&run, "boot", boot);
    if (rc == 0 && ssh_port)
        rc = settings_add_number(&run, "ssh-port", ssh_port);
    if (rc == 0)
        rc = settings_add_number(&run, "console-at", machine_file_size(m->paths.console_log));
    if (rc < 0)
        err_set_errno(err, ENOMEM, "machine %s", m->name);
    cmd.fields = run.rows;
    cmd.field_count = run.count;
    if (rc == 0)
        rc = machine_do(m, &cmd, err);
    settings_fini(&run);
    return rc;
}

static int note_stop(struct vm_machine *m, enum vm_stop why, const char *reason, struct err *err)
{
    switch (why) {
    case VM_STOP_SHUTDOWN:
        return note(m, LIFE_END,
                    m->state.powerdown_asked ? "the guest powered off, as it was asked to"
                                             : "the guest powered off",
                    err);
    case VM_STOP_RESET:
        return note(m, LIFE_END, "the guest reset, and --on-reset exit ends it then", err);
    case VM_STOP_CRASHED: return note(m, LIFE_FAIL, "the guest reported a panic", err);
    case VM_STOP_QUIT:
        return note(m, LIFE_END,
                    reason && strcmp(reason, "host-signal") == 0
                        ? "its process got a signal to end; the guest had not powered off"
                        : "its process was told to quit; the guest had not powered off",
                    err);
    case VM_STOP_PAUSED:
    case VM_STOP_POINT: break;
    }
    return 0;
}

/* What the control socket tells its clients, the store hears first. */
struct ear {
    struct vm_machine *m; /* borrows */
    const char *reason;   /* of the end; static */
};

static void hear(void *arg, enum control_event what, const char *reason)
{
    static const char asked[] = "asked on the control socket";
    struct ear *ear = arg;
    struct err err = { 0 };
    int rc = 0;

    switch (what) {
    case CONTROL_STOP: rc = note(ear->m, LIFE_PAUSE, asked, &err); break;
    case CONTROL_RESUME: rc = note(ear->m, LIFE_RESUME, asked, &err); break;
    case CONTROL_RESET:
        unlink(ear->m->paths.status);
        rc = note(ear->m, LIFE_GUEST_RESET,
                  reason && strcmp(reason, "guest-reset") == 0 ? "the guest reset" : asked, &err);
        break;
    case CONTROL_POWERDOWN: /* vm-cli stop has written it down itself */
        rc = machine_refresh(ear->m, &err);
        if (rc == 0 && !ear->m->state.powerdown_asked)
            rc = note(ear->m, LIFE_ASK_POWERDOWN, asked, &err);
        break;
    case CONTROL_SHUTDOWN: ear->reason = reason; break;
    case CONTROL_GUEST_PANICKED: break;
    }
    if (rc < 0)
        log_error("%s", err.text);
}

/* For the commands that ask what the guest does. It comes several times a second, and changes each
 * second; not to have it costs nobody anything. */
static void keep_status(const struct vm_machine *m, const char *status)
{
    int fd = open(m->paths.status, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char text[FOLDER_STATUS_MAX] = "";

    if (fd < 0)
        return;
    snprintf(text, sizeof text, "%s", status);
    if (pwrite(fd, text, sizeof text, 0) < 0)
        log_info("%s cannot be written: %s", m->paths.status, strerror(errno));
    close(fd);
}

static void hear_systemd(void *arg, bool ready, const char *status)
{
    struct ear *ear = arg;
    struct err err = { 0 };
    int rc = 0;

    if (status)
        keep_status(ear->m, status);
    if (!ready)
        return;
    rc = machine_refresh(ear->m, &err);
    if (rc == 0 && ear->m->state.stage == LIFE_IS_RUNNING)
        rc = note(ear->m, LIFE_SEEN_READY, "its systemd says that it is up", &err);
    if (rc < 0)
        log_error("%s", err.text);
}

/* --- running --- */

static bool has_credential(const struct vm_config *cfg, const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < cfg->credential_count; i++)
        if (strncmp(cfg->credentials[i], name, len) == 0 && cfg->credentials[i][len] == '=')
            return true;
    return false;
}

/* The guest's systemd is told where it can say that it is up: not when somebody has told it of
 * another place, or where the path is too long for sockets behind ports. */
static int vsock(const struct vm_machine *m, struct vm_config *cfg, struct err *err)
{
    char *credential;
    int rc;

    if (!config_vsock_fits(m->paths.vsock) || has_credential(cfg, NOTIFY_CREDENTIAL) ||
        cfg->credential_count == ARRAY_SIZE(cfg->credentials))
        return 0;
    if (asprintf(&credential, NOTIFY_CREDENTIAL "=vsock-stream:2:%d", NOTIFY_PORT) < 0)
        return err_set_errno(err, ENOMEM, "machine %s", m->name);
    rc = config_set_vsock_server(cfg, m->paths.vsock, credential, err);
    free(credential);
    return rc;
}

/* The configuration's sockets. */
static int sockets(const struct vm_machine *m, struct vm_config *cfg, struct err *err)
{
    char *control = NULL;
    int rc = folder_runtime_make(&m->paths, err);

    if (rc == 0)
        unlink(m->paths.status); /* of a run that was killed */
    if (rc == 0)
        rc = config_set_console_server(cfg, m->paths.console, m->paths.console_log, err);
    if (rc == 0 && asprintf(&control, "unix:%s", m->paths.control) < 0)
        rc = err_set_errno(err, ENOMEM, "machine %s", m->name);
    if (rc == 0)
        rc = config_set(cfg, "control", control, err);
    if (rc == 0)
        rc = vsock(m, cfg, err);
    free(control);
    return rc;
}

static int make(struct vm_machine *m, unsigned ssh_port, struct vm **ret, struct err *err)
{
    struct vm_err e;
    struct vm_config *cfg = NULL;
    int rc = machine_config(m, ssh_port, &cfg, err);

    if (rc == 0)
        rc = config_set_name(cfg, m->name, err);
    if (rc == 0)
        rc = sockets(m, cfg, err);
    if (rc == 0 && vm_new(cfg, ret, &e) < 0)
        rc = err_set(err, e.code, "%s", e.text);
    vm_config_free(cfg);
    return rc;
}

/* Until the guest or somebody outside ends it. The first instruction is the sign that it was
 * started. */
static int run(struct vm *vm, int report, enum vm_stop *why, struct err *err)
{
    struct vm_err e = { 0 };

    if (vm_catch_signals(vm, &e) < 0 || vm_stop_at_insns(vm, 1, &e) < 0)
        return err_set(err, e.code, "%s", e.text);
    do {
        if (vm_run(vm, why, &e) < 0)
            return err_set(err, e.code, "%s", e.text);
        if (report >= 0 && write(report, "", 1) == 1)
            report = -1;
    } while (*why == VM_STOP_POINT || *why == VM_STOP_PAUSED);
    return 0;
}

int process_run(struct vm_machine *m, const char *cause, int report, enum vm_stop *ret_why,
                struct err *err)
{
    struct ear ear = { .m = m };
    struct err ignored = { 0 };
    unsigned ssh_port;
    struct vm *vm = NULL;
    struct notify *notify = NULL;
    int rc = machine_ssh_port(m, &ssh_port, err);

    if (rc == 0)
        rc = note_start(m, cause, ssh_port, err);
    if (rc < 0)
        return rc;
    rc = make(m, ssh_port, &vm, err);
    if (rc == 0 && vm->cfg->m.vsock.socket)
        rc = notify_new(m->paths.vsock, vm->machine->loop, hear_systemd, &ear, &notify, err);
    if (rc == 0) {
        control_listen(vm->control, hear, &ear);
        rc = run(vm, report, ret_why, err);
    }
    notify_free(notify);
    vm_free(vm); /* what it had to write is on the disks before it counts as stopped */
    folder_runtime_remove(&m->paths);
    if (rc == 0)
        return note_stop(m, *ret_why, ear.reason, err);
    if (note(m, LIFE_FAIL, err->text, &ignored) < 0)
        log_error("%s", ignored.text);
    return rc;
}

/* --- watching --- */

static void describe(char *out, size_t size, int status)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (sig == SIGKILL)
        snprintf(out, size,
                 "its process was killed (signal 9): by somebody, or by the host's kernel "
                 "because memory ran out");
    else if (sig)
        snprintf(out, size, "its process died of signal %d (%s): this is a fault of vm-cli", sig,
                 strsignal(sig));
    else
        snprintf(out, size, "its process ended with status %d without saying why",
                 WEXITSTATUS(status));
}

void process_note_end(struct vm_machine *m, int status)
{
    struct err err = { 0 };
    char cause[160];
    int rc = machine_refresh(m, &err);

    describe(cause, sizeof cause, status);
    if (rc == 0 && machine_runs(m)) {
        folder_runtime_remove(&m->paths);
        rc = note(m, LIFE_FAIL, cause, &err);
    }
    if (rc < 0)
        log_error("machine %s: %s; it cannot be written down: %s", m->name, cause, err.text);
}
