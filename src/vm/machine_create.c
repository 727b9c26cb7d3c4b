/*
 * machine_create.c - makes, copies, renames and deletes the folders of named machines.
 *
 * A folder that is being made or deleted has a name that begins with a dot and is no
 * machine's; it becomes one, or stops being one, by one rename. Whoever works on it holds its
 * lock, so vm-cli prune can tell what was left behind.
 */
#include "vm/machine_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- folders in the making --- */

/* A machine in a new folder of its own, with its lock and an empty folder else. */
static int new_folder(const char *name, struct vm_machine **ret, int *ret_lock, struct err *err)
{
    struct vm_machine *m = NULL;
    char hidden[VM_MACHINE_NAME_MAX + 32];
    int rc;

    *ret_lock = -1;
    snprintf(hidden, sizeof hidden, ".%s.new-%d", name, getpid());
    rc = machine_new_handle(hidden, &m, err);
    if (rc == 0 && mkdir(m->paths.folder, 0700))
        rc = err_set_errno(err, errno, "cannot make the folder %s", m->paths.folder);
    if (rc == 0) {
        rc = folder_lock(m->paths.lock, ret_lock, err);
        if (rc == -EBUSY)
            rc = err_set(err, EBUSY, "cannot lock %s", m->paths.lock);
    }
    if (rc < 0)
        m = vm_machine_free(m);
    *ret = m;
    return rc;
}

/* Renames and makes sure that it lasts. Never over anything. */
static int move(const char *root, const char *from, const char *to, struct err *err)
{
    int fd;

    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return err_set_errno(err, errno, "cannot rename %s to %s", from, to);
    fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    return 0;
}

static int exists(const char *name, struct err *err)
{
    return err_set(err, EEXIST, "there is a machine %s already: give another name", name);
}

/* The new folder becomes the machine `name`, which *m is then a handle on. */
static int publish(struct vm_machine **m, const char *name, struct err *err)
{
    struct vm_machine *done = NULL;
    int rc = machine_new_handle(name, &done, err);

    (*m)->store = store_close((*m)->store);
    if (rc == 0) {
        rc = move((*m)->root, (*m)->paths.folder, done->paths.folder, err);
        if (rc == -EEXIST || rc == -ENOTEMPTY)
            rc = exists(name, err);
    }
    if (rc == 0)
        rc = machine_refresh(done, err);
    if (rc < 0) {
        vm_machine_free(done);
        return rc;
    }
    vm_machine_free(*m);
    *m = done;
    return 0;
}

/* What is left of one that did not become a machine goes. */
static int finish(struct vm_machine *m, int lock, int rc, struct vm_machine **ret)
{
    struct err ignored = { 0 };

    if (rc < 0 && m && m->name[0] == '.') {
        m->store = store_close(m->store);
        if (folder_remove(m->paths.folder, &ignored) < 0)
            ignored.code = 0; /* prune will */
    }
    if (lock >= 0)
        close(lock);
    if (rc < 0)
        m = vm_machine_free(m);
    *ret = m;
    return rc;
}

static int check_new_name(const char *name, struct err *err)
{
    struct vm_machine *m = NULL;
    int rc = folder_name_check(name, err);

    if (rc == 0)
        rc = machine_new_handle(name, &m, err);
    if (rc == 0 && access(m->paths.folder, F_OK) == 0)
        rc = exists(name, err);
    vm_machine_free(m);
    return rc;
}

/* --- create --- */

/* Settings as they are stored; `folder` is the machine's later. */
static int take_settings(const char *folder, const struct vm_setting *in, unsigned count,
                         struct settings *out, struct err *err)
{
    char mac[18];
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < count; i++) {
        char *value = machine_value_store(folder, in[i].key, in[i].value ? in[i].value : "on");

        rc = value ? settings_add(out, in[i].key, value) : -ENOMEM;
        free(value);
    }
    if (rc == 0 && !settings_get(out, "mac")) {
        machine_mac_make(mac);
        rc = settings_add(out, "mac", mac);
    }
    return rc < 0 ? err_set_errno(err, ENOMEM, "taking settings") : 0;
}

static int create(const char *name, const struct vm_setting *settings, unsigned count,
                  unsigned flags, const char *cause, struct vm_machine **ret, struct err *err)
{
    struct life_command cmd = { .verb = flags & VM_CREATE_INSTALLING ? LIFE_INSTALL : LIFE_CREATE,
                                .cause = cause,
                                .name = name };
    struct settings stored = { 0 };
    struct vm_machine *m = NULL;
    struct folder_paths later = { 0 };
    int lock = -1, rc = check_new_name(name, err);

    if (rc == 0)
        rc = new_folder(name, &m, &lock, err);
    if (rc == 0)
        rc = folder_paths_init(&later, m->root, name, err);
    if (rc == 0)
        rc = take_settings(later.folder, settings, count, &stored, err);
    if (rc == 0)
        rc = store_open(m->paths.store, true, &m->store, err);
    cmd.fields = stored.rows;
    cmd.field_count = stored.count;
    if (rc == 0)
        rc = machine_do(m, &cmd, err);
    if (rc == 0)
        rc = publish(&m, name, err);
    folder_paths_fini(&later);
    settings_fini(&stored);
    return finish(m, lock, rc, ret);
}

VM_API int vm_machine_create(const char *name, const struct vm_setting *settings, unsigned count,
                             unsigned flags, const char *cause, struct vm_machine **ret,
                             struct vm_err *err)
{
    struct err e = { 0 };

    if (create(name, settings, count, flags, cause, ret, &e) == 0)
        return 0;
    return err_to_public(&e, err);
}

VM_API int vm_machine_installed(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    const struct life_command cmd = { .verb = LIFE_INSTALL_END, .cause = cause };
    struct err e = { 0 };

    return machine_do(m, &cmd, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- set --- */

static int set(struct vm_machine *m, const struct vm_setting *in, unsigned count, const char *cause,
               struct err *err)
{
    struct life_command cmd = { .verb = LIFE_SET, .cause = cause };
    struct settings stored = { 0 };
    struct vm_setting *rows = calloc(count + 1u, sizeof *rows);
    int rc = rows ? 0 : -ENOMEM;

    for (unsigned i = 0; rc == 0 && i < count; i++) {
        char *value =
            machine_value_store(m->paths.folder, in[i].key, in[i].value ? in[i].value : "");

        rc = value ? settings_add(&stored, in[i].key, value) : -ENOMEM;
        free(value);
    }
    if (rc < 0)
        err_set_errno(err, ENOMEM, "machine %s", m->name);
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rows[i] =
            (struct vm_setting){ stored.rows[i].key, in[i].value ? stored.rows[i].value : NULL };
    cmd.fields = rows;
    cmd.field_count = count;
    if (rc == 0)
        rc = machine_look(m, false, err);
    if (rc == 0)
        rc = machine_do(m, &cmd, err);
    settings_fini(&stored);
    free(rows);
    return rc;
}

VM_API int vm_machine_set(struct vm_machine *m, const struct vm_setting *settings, unsigned count,
                          const char *cause, struct vm_err *err)
{
    struct err e = { 0 };

    return set(m, settings, count, cause, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- clone --- */

static int clone_into(struct vm_machine *m, struct vm_machine *copy, const char *name,
                      const char *cause, struct err *err)
{
    struct life_command cmd = { .verb = LIFE_BE_CLONE, .cause = cause, .name = name };
    struct settings change = { 0 };
    char mac[18];
    int rc = store_copy(m->store, copy->paths.store, err);

    if (rc == 0)
        rc = machine_files_copy(m->paths.folder, copy->paths.folder, err);
    machine_mac_make(mac);
    if (rc == 0 && settings_add(&change, "mac", mac) < 0)
        rc = err_set_errno(err, ENOMEM, "machine %s", m->name);
    if (rc == 0)
        rc = machine_disks_copy(m, copy->paths.folder, &change, err);
    cmd.fields = change.rows;
    cmd.field_count = change.count;
    if (rc == 0)
        rc = machine_do(copy, &cmd, err);
    settings_fini(&change);
    return rc;
}

/* Takes the lock of a machine to which `verb` may be done. */
static int begin_at_rest(struct vm_machine *m, enum life_verb verb, int *ret_lock, struct err *err)
{
    int rc = machine_lock(m, ret_lock, err);

    if (rc == 0)
        rc = machine_look(m, true, err);
    return rc == 0 ? life_check(&m->state, verb, err) : rc;
}

static int clone_to(struct vm_machine *m, const char *name, const char *cause,
                    struct vm_machine **ret, struct err *err)
{
    struct vm_machine *copy = NULL;
    int own = -1, lock = -1, rc = check_new_name(name, err);

    if (rc == 0)
        rc = begin_at_rest(m, LIFE_BE_CLONE, &own, err);
    if (rc == 0)
        rc = new_folder(name, &copy, &lock, err);
    if (rc == 0)
        rc = clone_into(m, copy, name, cause, err);
    if (rc == 0)
        rc = publish(&copy, name, err);
    if (own >= 0)
        close(own);
    return finish(copy, lock, rc, ret);
}

VM_API int vm_machine_clone(struct vm_machine *m, const char *name, const char *cause,
                            struct vm_machine **ret, struct vm_err *err)
{
    struct err e = { 0 };

    return clone_to(m, name, cause, ret, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- rename --- */

/* From now on the handle is on the folder `name`. */
static int follow(struct vm_machine *m, const char *name, struct err *err)
{
    struct vm_machine *to = NULL;
    int rc = machine_new_handle(name, &to, err);

    if (rc < 0)
        return rc;
    folder_paths_fini(&m->paths);
    m->paths = to->paths;
    to->paths = (struct folder_paths){ 0 };
    free(m->name);
    m->name = to->name;
    to->name = NULL;
    vm_machine_free(to);
    return 0;
}

static int rename_to(struct vm_machine *m, const char *name, const char *cause, struct err *err)
{
    struct life_command cmd = { .verb = LIFE_RENAME, .cause = cause, .name = name };
    struct err undo = { 0 };
    char *from = strdup(m->name), *to = NULL;
    int rc = machine_do(m, &cmd, err);

    if (rc == 0 && (!from || asprintf(&to, "%s/%s", m->root, name) < 0))
        rc = err_set_errno(err, ENOMEM, "machine %s", m->name);
    m->store = store_close(m->store);
    if (rc == 0)
        rc = move(m->root, m->paths.folder, to, err);
    if (rc == 0)
        rc = follow(m, name, err);
    else if (from && strcmp(m->state.name, from) != 0) {
        cmd.name = from;
        cmd.cause = "its folder could not be renamed";
        if (machine_do(m, &cmd, &undo) < 0)
            undo.code = 0; /* the next that opens it does */
    }
    free(from);
    free(to);
    return rc;
}

VM_API int vm_machine_rename(struct vm_machine *m, const char *name, const char *cause,
                             struct vm_err *err)
{
    struct err e = { 0 };
    int lock = -1, rc = check_new_name(name, &e);

    if (rc == 0)
        rc = begin_at_rest(m, LIFE_RENAME, &lock, &e);
    if (rc == 0)
        rc = rename_to(m, name, cause, &e);
    if (lock >= 0)
        close(lock);
    return rc < 0 ? err_to_public(&e, err) : 0;
}

/* --- delete --- */

int machine_take_away(struct vm_machine *m, struct err *err)
{
    char *gone = NULL;
    int rc = 0;

    m->store = store_close(m->store);
    if (asprintf(&gone, "%s/.%s.deleted-%d", m->root, m->name, getpid()) < 0)
        return err_set_errno(err, ENOMEM, "machine %s", m->name);
    rc = move(m->root, m->paths.folder, gone, err);
    if (rc == 0)
        rc = folder_remove(gone, err);
    folder_runtime_remove(&m->paths);
    free(gone);
    return rc;
}

VM_API int vm_machine_delete(struct vm_machine *m, const char *cause, struct vm_err *err)
{
    const struct life_command cmd = { .verb = LIFE_DELETE, .cause = cause };
    struct err e = { 0 };
    int lock = -1, rc = begin_at_rest(m, LIFE_DELETE, &lock, &e);

    if (rc == 0)
        rc = machine_do(m, &cmd, &e);
    if (rc == 0)
        rc = machine_take_away(m, &e);
    if (lock >= 0)
        close(lock);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
