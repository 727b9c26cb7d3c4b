/*
 * machines.c - opening named machines, and commands on them.
 */
#include "vm/machines_private.h"

#include "host/clock.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- handles --- */

int machine_new_handle(const char *name, struct vm_machine **ret, struct err *err)
{
    struct vm_machine *m = calloc(1, sizeof *m);
    int rc = m ? folder_root(&m->root, err) : err_set_errno(err, ENOMEM, "machine %s", name);

    if (rc == 0) {
        m->name = strdup(name);
        rc = m->name ? folder_paths_init(&m->paths, m->root, name, err)
                     : err_set_errno(err, ENOMEM, "machine %s", name);
    }
    if (rc < 0) {
        vm_machine_free(m);
        return rc;
    }
    *ret = m;
    return 0;
}

VM_API struct vm_machine *vm_machine_free(struct vm_machine *m)
{
    if (!m)
        return NULL;
    store_close(m->store);
    life_state_fini(&m->state);
    settings_fini(&m->shown);
    folder_paths_fini(&m->paths);
    free(m->name);
    free(m->root);
    free(m);
    return NULL;
}

VM_API int vm_machine_name_check(const char *name, struct vm_err *err)
{
    struct err e = { 0 };

    return folder_name_check(name, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- looking --- */

s64 machine_now_ms(void)
{
    return (s64)(host_clock_realtime() / NS_PER_MS);
}

/* Field 22 of /proc/PID/stat; the second, a name, may have anything in it. */
u64 machine_process_began(int pid)
{
    char path[64], line[1024], *at = NULL;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    in = fopen(path, "r");
    if (in && fgets(line, sizeof line, in))
        at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (in)
        fclose(in);
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

s64 machine_file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

bool machine_runs(const struct vm_machine *m)
{
    return m->state.stage == LIFE_IS_RUNNING || m->state.stage == LIFE_IS_PAUSED;
}

static int fold(void *arg, const struct life_event *e, struct err *err)
{
    struct vm_machine *m = arg;

    return life_apply(&m->state, e) < 0 ? err_set_errno(err, ENOMEM, "machine %s", m->name) : 0;
}

int machine_refresh(struct vm_machine *m, struct err *err)
{
    int rc = m->store ? 0 : store_open(m->paths.store, false, &m->store, err);

    if (rc == 0)
        rc = store_each(m->store, m->state.last_number, fold, m, err);
    return rc < 0 ? err_wrap(err, "machine %s", m->name) : 0;
}

/* The state from all events again: what was applied may have been undone. */
static int refold(struct vm_machine *m, struct err *err)
{
    life_state_fini(&m->state);
    return machine_refresh(m, err);
}

/* --- commands --- */

static int append(struct vm_machine *m, struct life_events *events, struct err *err)
{
    s64 now = machine_now_ms();
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < events->count; i++) {
        events->v[i].time_ms = now;
        rc = store_append(m->store, &events->v[i], err);
    }
    return rc == 0 ? machine_refresh(m, err) : rc;
}

/* Settings must make a machine before they are kept. */
static int check_settings(const struct vm_machine *m, const struct life_command *cmd,
                          struct err *err)
{
    struct vm_config *cfg = NULL;
    int rc;

    if (cmd->verb != LIFE_CREATE && cmd->verb != LIFE_INSTALL && cmd->verb != LIFE_SET &&
        cmd->verb != LIFE_BE_CLONE)
        return 0;
    rc = machine_config(m, 0, &cfg, err);
    vm_config_free(cfg);
    return rc;
}

static int begun(struct vm_machine *m, const struct life_command *cmd, struct err *err)
{
    struct life_events events = { .count = 0 };
    int rc = machine_refresh(m, err);

    if (rc == 0)
        rc = life_decide(&m->state, cmd, &events, err);
    if (rc == 0)
        rc = append(m, &events, err);
    life_events_fini(&events);
    return rc == 0 ? check_settings(m, cmd, err) : rc;
}

int machine_do(struct vm_machine *m, const struct life_command *cmd, struct err *err)
{
    struct err ignored = { 0 };
    int rc = m->store ? 0 : store_open(m->paths.store, false, &m->store, err);

    if (rc == 0)
        rc = store_begin(m->store, err);
    if (rc < 0)
        return err_wrap(err, "machine %s", m->name);
    rc = begun(m, cmd, err);
    if (rc == 0)
        rc = store_commit(m->store, err);
    else
        store_rollback(m->store);
    if (rc < 0 && refold(m, &ignored) < 0)
        return rc;
    return rc;
}

/* --- a process that has gone --- */

void machine_boot_id(char *out, size_t size)
{
    FILE *in = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (!in || !fgets(out, (int)size, in))
        out[0] = 0;
    out[strcspn(out, "\n")] = 0;
    if (in)
        fclose(in);
}

static int note_gone(struct vm_machine *m, struct err *err)
{
    struct life_command cmd = { .verb = LIFE_FAIL };
    const char *boot = settings_get(&m->state.run, "boot");
    char now[64], cause[160];

    machine_boot_id(now, sizeof now);
    if (boot && *boot && strcmp(boot, now) != 0)
        snprintf(cause, sizeof cause, "the host went down while it ran");
    else
        snprintf(cause, sizeof cause,
                 "its process %lld and the one that watches it have vanished: they were killed",
                 (long long)settings_get_number(&m->state.run, "pid"));
    cmd.cause = cause;
    return machine_do(m, &cmd, err);
}

int machine_look(struct vm_machine *m, bool own_lock, struct err *err)
{
    int rc = machine_refresh(m, err), fd = -1;

    if (rc < 0 || !machine_runs(m))
        return rc;
    if (own_lock)
        return note_gone(m, err);
    if (folder_is_locked(m->paths.lock))
        return 0;
    /* Holding the lock, so that nobody starts it meanwhile; whoever does, notes it, too. */
    rc = folder_lock(m->paths.lock, &fd, err);
    if (rc == -EBUSY)
        return machine_refresh(m, err);
    if (rc == 0)
        rc = machine_refresh(m, err);
    if (rc == 0 && machine_runs(m))
        rc = note_gone(m, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Another command holds the lock for a moment only. */
int machine_lock(struct vm_machine *m, int *ret_fd, struct err *err)
{
    const struct timespec pause = { .tv_nsec = 20 * 1000000 };
    int rc;

    for (int tries = 0;; tries++) {
        rc = folder_lock(m->paths.lock, ret_fd, err);
        if (rc == -EBUSY && machine_refresh(m, err) < 0)
            return -err->code;
        if (rc != -EBUSY || machine_runs(m) || tries == 100)
            break;
        nanosleep(&pause, NULL);
    }
    if (rc != -EBUSY)
        return rc;
    if (machine_runs(m))
        return err_set(err, EBUSY, "machine %s is running, as process %lld", m->name,
                       (long long)settings_get_number(&m->state.run, "pid"));
    return err_set(err, EBUSY, "machine %s is in use by another command", m->name);
}

/* --- which there are --- */

/* A rename that was interrupted, or a folder that a person renamed. */
static int take_name(struct vm_machine *m, struct err *err)
{
    const struct life_command cmd = { .verb = LIFE_RENAME,
                                      .cause = "its folder was found under this name",
                                      .name = m->name };

    if (m->state.stage != LIFE_IS_STOPPED || strcmp(m->state.name, m->name) == 0)
        return 0;
    return machine_do(m, &cmd, err);
}

VM_API int vm_machine_open(const char *name, struct vm_machine **ret, struct vm_err *err)
{
    struct vm_machine *m = NULL;
    struct err e = { 0 };
    int rc = folder_name_check(name, &e);

    if (rc == 0)
        rc = machine_new_handle(name, &m, &e);
    if (rc == 0 && access(m->paths.store, F_OK))
        rc = err_set(&e, ENOENT, "there is no machine %s: vm-cli list shows all", name);
    if (rc == 0)
        rc = machine_look(m, false, &e);
    if (rc == 0)
        rc = take_name(m, &e);
    if (rc == 0 && m->state.stage == LIFE_IS_DELETED)
        rc = err_set(&e, ENOENT, "machine %s has been deleted: vm-cli prune takes its rest away",
                     name);
    if (rc < 0) {
        vm_machine_free(m);
        return err_to_public(&e, err);
    }
    *ret = m;
    return 0;
}

/* A machine's folder has a store; names with a dot first are work in progress. */
static bool is_machine(const char *root, const char *name)
{
    struct err ignored = { 0 };
    char *path = NULL;
    bool is = folder_name_check(name, &ignored) == 0 &&
              asprintf(&path, "%s/%s/store.db", root, name) >= 0 && access(path, F_OK) == 0;

    free(path);
    return is;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One piece of memory: the array, then the texts it points to. */
static char **pack(const struct settings *names)
{
    size_t size = (names->count + 1) * sizeof(char *);
    char **out, *at;

    for (unsigned i = 0; i < names->count; i++)
        size += strlen(names->rows[i].key) + 1;
    out = malloc(size);
    if (!out)
        return NULL;
    at = (char *)(out + names->count + 1);
    for (unsigned i = 0; i < names->count; i++) {
        out[i] = strcpy(at, names->rows[i].key);
        at += strlen(at) + 1;
    }
    out[names->count] = NULL;
    qsort(out, names->count, sizeof *out, by_name);
    return out;
}

static int scan(const char *root, struct settings *names, struct err *err)
{
    DIR *dir = opendir(root);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return err_set_errno(err, errno, "cannot read the folder %s", root);
    while (rc == 0 && (entry = readdir(dir)))
        if (is_machine(root, entry->d_name) && settings_add(names, entry->d_name, "") < 0)
            rc = err_set_errno(err, ENOMEM, "listing machines");
    closedir(dir);
    return rc;
}

VM_API int vm_machines_list(char ***ret_names, struct vm_err *err)
{
    struct settings names = { 0 };
    struct err e = { 0 };
    char *root = NULL;
    int rc = folder_root(&root, &e);

    if (rc == 0)
        rc = scan(root, &names, &e);
    if (rc == 0) {
        *ret_names = pack(&names);
        if (!*ret_names)
            rc = err_set_errno(&e, ENOMEM, "listing machines");
    }
    settings_fini(&names);
    free(root);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
