/*
 * machine_stop.c - ends, pauses and resumes the process of a named machine.
 */
#include "vm/machines_private.h"

#include "host/clock.h"
#include "vm/control.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20, CONTROL_S = 10, TERM_MS = 3000, KILL_MS = 30000, GONE_MS = 5000 };

static void sleep_ms(int ms)
{
    const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

    nanosleep(&pause, NULL);
}

/* Looks until the stage is none of those in `stages` (bits). */
static int wait_while(struct vm_machine *m, unsigned stages, int timeout_ms, struct err *err)
{
    ns_t end = host_clock_monotonic() + (ns_t)timeout_ms * NS_PER_MS;

    for (;;) {
        int rc = machine_look(m, false, err);

        if (rc < 0 || !(stages >> m->state.stage & 1))
            return rc;
        if (host_clock_monotonic() >= end)
            return -ETIMEDOUT;
        sleep_ms(LOOK_MS);
    }
}

int machine_wait_end(struct vm_machine *m, int timeout_ms, struct err *err)
{
    return wait_while(m, 1u << LIFE_IS_RUNNING | 1u << LIFE_IS_PAUSED, timeout_ms, err);
}

/* What a command of the control socket did not do. */
static int control(struct vm_machine *m, const char *command, struct err *err)
{
    int rc = control_call(m->paths.control, command, NULL, CONTROL_S * NS_PER_SEC, NULL, err);

    return rc < 0 ? err_wrap(err, "machine %s", m->name) : 0;
}

static int check(struct vm_machine *m, enum life_verb verb, struct err *err)
{
    int rc = machine_look(m, false, err);

    return rc == 0 ? life_check(&m->state, verb, err) : rc;
}

static int command(struct vm_machine *m, enum life_verb verb, const char *cause, struct err *err)
{
    const struct life_command cmd = { .verb = verb, .cause = cause };
    int rc = machine_look(m, false, err);

    return rc < 0 ? rc : machine_do(m, &cmd, err);
}

/* --- stop --- */

static int too_late(const struct vm_machine *m, int timeout_ms, struct err *err)
{
    char *words = machine_last_words(m, 2, " | ");
    int rc = err_set(err, ETIMEDOUT,
                     "machine %s has not powered off %d s after it was asked to: vm-cli kill %s "
                     "ends it; %s",
                     m->name, timeout_ms / 1000, m->name, words ? words : "");

    free(words);
    return rc;
}

/* A guest may power off by itself while it is asked to: then its process takes no command, but
 * ends, and that is what was wanted. */
static int ask_powerdown(struct vm_machine *m, struct err *err)
{
    struct err ignored = { 0 };
    int rc = control(m, "system_powerdown", err);

    return rc < 0 && rc != -ETIMEDOUT && machine_wait_end(m, GONE_MS, &ignored) == 0 ? 0 : rc;
}

static int stop(struct vm_machine *m, int timeout_ms, const char *cause, struct err *err)
{
    int rc = command(m, LIFE_ASK_POWERDOWN, cause, err);

    if (rc == 0)
        rc = ask_powerdown(m, err);
    if (rc < 0 || timeout_ms == 0)
        return rc;
    rc = machine_wait_end(m, timeout_ms, err);
    return rc == -ETIMEDOUT ? too_late(m, timeout_ms, err) : rc;
}

VM_API int vm_machine_stop(struct vm_machine *m, int timeout_ms, const char *cause,
                           struct vm_err *err)
{
    struct err e = { 0 };

    return stop(m, timeout_ms, cause, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- kill --- */

/* A descriptor of the machine's process, which is not another one with its number; -1. */
static int open_process(const struct vm_machine *m)
{
    pid_t pid = (pid_t)settings_get_number(&m->state.run, "pid");
    u64 began = (u64)settings_get_number(&m->state.run, "began");
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;

    if (fd >= 0 && machine_process_began(pid) != began) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Politely, so that its disks are closed well; then not. */
static int kill_process(struct vm_machine *m, struct err *err)
{
    int fd = open_process(m), rc = -ETIMEDOUT;

    if (fd >= 0 && pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0)
        rc = machine_wait_end(m, TERM_MS, err);
    if (rc == -ETIMEDOUT && fd >= 0)
        pidfd_send_signal(fd, SIGKILL, NULL, 0);
    if (rc == -ETIMEDOUT)
        rc = machine_wait_end(m, KILL_MS, err);
    if (fd >= 0)
        close(fd);
    if (rc == -ETIMEDOUT)
        return err_set(err, ETIMEDOUT, "process %lld of machine %s does not end: the host keeps it",
                       (long long)settings_get_number(&m->state.run, "pid"), m->name);
    return rc;
}

VM_API int vm_machine_kill(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    struct err e = { 0 };
    int rc = command(m, LIFE_ASK_KILL, cause, &e);

    if (rc == 0)
        rc = kill_process(m, &e);
    return rc < 0 ? err_to_public(&e, err) : 0;
}

/* --- pause and resume: the machine's process writes the event down when it has done so --- */

static int turn(struct vm_machine *m, enum life_verb verb, const char *request,
                enum life_stage from, const char *cause, struct err *err)
{
    int rc = check(m, verb, err);

    if (rc == 0)
        rc = control(m, request, err);
    if (rc == 0)
        rc = wait_while(m, 1u << from, CONTROL_S * 1000, err);
    return rc == -ETIMEDOUT
               ? err_set(err, ETIMEDOUT,
                         "machine %s took the request to %s, but has "
                         "not done it %d s later",
                         m->name, from == LIFE_IS_RUNNING ? "pause" : "resume", CONTROL_S)
               : rc;
}

VM_API int vm_machine_pause(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    struct err e = { 0 };
    int rc = turn(m, LIFE_PAUSE, "stop", LIFE_IS_RUNNING, cause, &e);

    return rc < 0 ? err_to_public(&e, err) : 0;
}

VM_API int vm_machine_resume(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    struct err e = { 0 };
    int rc = turn(m, LIFE_RESUME, "cont", LIFE_IS_PAUSED, cause, &e);

    return rc < 0 ? err_to_public(&e, err) : 0;
}
