/*
 * machine_prune.c - takes away what killed commands left behind.
 */
#include "vm/machine_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct prune {
    void (*say)(void *arg, const char *sentence);
    void *arg;
};

static void say(const struct prune *p, const char *what, const char *path)
{
    char *text;

    if (!p->say || asprintf(&text, "removed %s: %s", what, path) < 0)
        return;
    p->say(p->arg, text);
    free(text);
}

/* Folders of which nobody holds the lock. */
static int prune_hidden(const struct prune *p, const char *root, const char *name, struct err *err)
{
    struct folder_paths paths = { 0 };
    int rc = folder_paths_init(&paths, root, name, err);

    if (rc == 0 && !folder_is_locked(paths.lock)) {
        rc = folder_remove(paths.folder, err);
        if (rc == 0)
            say(p, strstr(name, ".new-") ? "a machine that was not finished" : "a deleted machine",
                paths.folder);
    }
    folder_paths_fini(&paths);
    return rc;
}

static int prune_machine(const struct prune *p, const char *name, struct err *err)
{
    struct vm_machine *m = NULL;
    int lock = -1, rc = machine_new_handle(name, &m, err);

    if (rc == 0 && access(m->paths.store, F_OK) == 0 &&
        folder_lock(m->paths.lock, &lock, err) == 0) {
        if (access(m->paths.runtime, F_OK) == 0) {
            folder_runtime_remove(&m->paths);
            say(p, "sockets without a process", m->paths.runtime);
        }
        rc = machine_look(m, true, err);
        if (rc == 0 && m->state.stage == LIFE_IS_DELETED) {
            rc = machine_take_away(m, err);
            if (rc == 0)
                say(p, "a deleted machine", m->paths.folder);
        }
    }
    if (lock >= 0)
        close(lock);
    vm_machine_free(m);
    return rc;
}

static bool is_leftover(const char *name)
{
    return name[0] == '.' && (strstr(name, ".new-") || strstr(name, ".deleted-"));
}

VM_API int vm_machines_prune(void (*say_fn)(void *arg, const char *sentence), void *arg,
                             struct vm_err *err)
{
    const struct prune p = { say_fn, arg };
    struct err e = { 0 }, ignored = { 0 };
    struct dirent *entry;
    char *root = NULL;
    DIR *dir = NULL;
    int rc = folder_root(&root, &e);

    if (rc == 0 && !(dir = opendir(root)))
        rc = err_set_errno(&e, errno, "cannot read the folder %s", root);
    while (rc == 0 && (entry = readdir(dir))) {
        if (is_leftover(entry->d_name))
            rc = prune_hidden(&p, root, entry->d_name, &e);
        else if (folder_name_check(entry->d_name, &ignored) == 0)
            rc = prune_machine(&p, entry->d_name, &e);
    }
    if (dir)
        closedir(dir);
    free(root);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
