/*
 * machine_start.c - brings a named machine's process into being, in the background or here.
 */
#include "vm/process.h"

#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A copy of a process with threads has locks that nobody will release. */
static int check_one_thread(struct err *err)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    if (count <= 1)
        return 0;
    return err_set(err, EBUSY,
                   "a process with %d threads cannot start a machine: let it run vm-cli start",
                   count);
}

/* --- the two new processes; neither returns from here --- */

/* Nothing of the command that started it stays: no terminal, folder, or file but those named. */
static int leave_all(const struct vm_machine *m, int keep1, int keep2)
{
    int null = open("/dev/null", O_RDONLY);
    int log = open(m->paths.vm_log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    unsigned low = (unsigned)(keep1 < keep2 ? keep1 : keep2);
    unsigned high = (unsigned)(keep1 < keep2 ? keep2 : keep1);

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        return -errno;
    if ((low > 3 && close_range(3, low - 1, 0)) ||
        (high > low + 1 && close_range(low + 1, high - 1, 0)) || close_range(high + 1, ~0u, 0))
        return -errno;
    return chdir("/") ? -errno : 0;
}

static void default_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void be_machine(struct vm_machine *m, const char *cause, int report)
{
    struct err err = { 0 };
    enum vm_stop why;
    int rc;

    prctl(PR_SET_NAME, "vm");
    rc = process_run(m, cause, report, &why, &err);
    if (rc < 0 && !m->foreground) /* else the watcher is the command that says it */
        log_error("%s", err.text);
    vm_machine_free(m);
    exit(rc < 0);
}

static _Noreturn void be_watcher(struct vm_machine *m, const char *cause, int lock, int report)
{
    int status = 0;
    pid_t child;

    setsid();
    default_signals();
    prctl(PR_SET_NAME, "vm-watch");
    if (leave_all(m, lock, report) < 0)
        _exit(1);
    child = fork();
    if (child == 0)
        be_machine(m, cause, report);
    close(report);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0)
        process_note_end(m, status);
    vm_machine_free(m);
    _exit(child < 0);
}

/* --- starting --- */

/* What became of a start that did not report, from the events after `before`. */
static int start_failed(struct vm_machine *m, s64 before, struct err *err)
{
    int rc = machine_wait_end(m, 5000, err);

    if (rc < 0)
        return rc;
    if (m->state.last_number > before && m->state.last_stop && m->state.last_stop_failed)
        return err_set(err, EIO, "machine %s: %s", m->name, m->state.last_stop);
    return err_set(err, EIO, "machine %s could not be started: vm-cli logs %s --vm says more",
                   m->name, m->name);
}

/* The lock is held: what could not be known before is checked now. */
static int check_start(struct vm_machine *m, struct err *err)
{
    unsigned port;
    int rc = machine_look(m, true, err);

    if (rc == 0)
        rc = life_check(&m->state, LIFE_START, err);
    if (rc == 0 && !settings_get(&m->state.settings, "kernel") &&
        !settings_get(&m->state.settings, "firmware") && !settings_get(&m->state.settings, "boot"))
        rc = err_set(err, EINVAL, "machine %s has no kernel: vm-cli set %s --kernel FILE", m->name,
                     m->name);
    return rc < 0 ? rc : machine_ssh_port(m, &port, err);
}

static int start_locked(struct vm_machine *m, const char *cause, int lock, struct err *err)
{
    s64 before = m->state.last_number;
    int report[2], status;
    pid_t child;
    char byte;
    ssize_t n;

    if (pipe2(report, O_CLOEXEC))
        return err_set_errno(err, errno, "starting machine %s", m->name);
    m->store = store_close(m->store);
    child = fork();
    if (child == 0) {
        if (fork() == 0)
            be_watcher(m, cause, lock, report[1]);
        _exit(0);
    }
    close(report[1]);
    close(lock);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    while ((n = read(report[0], &byte, 1)) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (child < 0)
        return err_set_errno(err, EAGAIN, "starting machine %s", m->name);
    return n == 1 ? machine_refresh(m, err) : start_failed(m, before, err);
}

/* Or what is opened takes their place, and the new process gives that to others. */
static int check_standard(struct err *err)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return err_set(err, EBADF,
                           "a machine is not started with descriptor %d closed: use /dev/null", fd);
    fflush(NULL); /* what is still to be written is not the new process's */
    return 0;
}

/* Takes the lock of a machine that can be started. */
static int begin(struct vm_machine *m, int *ret_lock, struct err *err)
{
    int rc = check_one_thread(err);

    if (rc == 0)
        rc = check_standard(err);
    *ret_lock = -1;
    if (rc == 0)
        rc = machine_lock(m, ret_lock, err);
    if (rc == 0)
        rc = check_start(m, err);
    if (rc < 0 && *ret_lock >= 0)
        close(*ret_lock);
    return rc;
}

VM_API int vm_machine_start(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    struct err e = { 0 };
    int lock, rc = begin(m, &lock, &e);

    if (rc == 0)
        rc = start_locked(m, cause, lock, &e);
    return rc < 0 ? err_to_public(&e, err) : 0;
}

/* --- in the foreground: this process is the watcher --- */

/* From the machine's first instruction to its process's end. */
static void watch(struct vm_machine *m, pid_t child, int report, int signals, int in, int out)
{
    struct err err = { 0 };
    bool left = false;
    int status = 0;
    char byte;

    if (read(report, &byte, 1) == 1) {
        if (machine_console_attach(m, in, out, signals, &left, &err) < 0 && err.code != ESRCH)
            log_error("%s", err.text);
        if (left)
            kill(child, SIGTERM);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    process_note_end(m, status);
}

static void foreground_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static int run_locked(struct vm_machine *m, int in, int out, const char *cause, struct err *err)
{
    int report[2], signals;
    sigset_t ours, before;
    pid_t child;

    foreground_signals(&ours);
    signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || pipe2(report, O_CLOEXEC)) {
        int rc = err_set_errno(err, errno, "starting machine %s", m->name);

        if (signals >= 0)
            close(signals);
        return rc;
    }
    m->store = store_close(m->store);
    sigprocmask(SIG_BLOCK, &ours, &before);
    child = fork();
    if (child == 0) {
        default_signals();
        m->foreground = true;
        be_machine(m, cause, report[1]);
    }
    close(report[1]);
    if (child > 0)
        watch(m, child, report[0], signals, in, out);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(report[0]);
    close(signals);
    return child < 0 ? err_set_errno(err, EAGAIN, "starting machine %s", m->name) : 0;
}

VM_API int vm_machine_run(struct vm_machine *m, int in, int out, const char *cause,
                          struct vm_err *err)
{
    struct err e = { 0 };
    int lock, rc = begin(m, &lock, &e);

    if (rc < 0)
        return err_to_public(&e, err);
    rc = run_locked(m, in, out, cause, &e);
    if (rc == 0)
        rc = machine_refresh(m, &e);
    close(lock);
    if (rc == 0 && m->state.last_stop_failed)
        rc = err_set(&e, EIO, "machine %s: %s", m->name, m->state.last_stop);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
