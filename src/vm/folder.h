/*
 * folder.h - where named machines live in the file system, and who runs one.
 */
#ifndef VM_FOLDER_H
#define VM_FOLDER_H

#include "base/err.h"
#include "base/types.h"

/* All paths of one machine; each is owned. */
struct folder_paths {
    char *folder, *store, *lock, *console_log, *vm_log;
    char *ssh, *ssh_key, *known_hosts;
    char *runtime, *control, *console, *vsock; /* sockets, and their folder */
    char *status; /* there too: what the guest's systemd said last, padded with zeroes */
};

/* 0, or -EINVAL with a sentence: what a name may be is in include/vm/machines.h. */
int folder_name_check(const char *name, struct err *err) MUST_CHECK;

/* $XDG_DATA_HOME/vm/machines, or as the XDG base directory specification says without it.
 * malloc'ed. Made when it is missing. */
int folder_root(char **ret, struct err *err) MUST_CHECK;

/* Fills *p for the machine in root/name; `name` need not be one of a machine. */
int folder_paths_init(struct folder_paths *p, const char *root, const char *name,
                      struct err *err) MUST_CHECK;
void folder_paths_fini(struct folder_paths *p);

/* Makes the folder for sockets, for this user alone. Without $XDG_RUNTIME_DIR it is in
 * /tmp/vm-UID, which must be this user's own. */
int folder_runtime_make(const struct folder_paths *p, struct err *err) MUST_CHECK;
void folder_runtime_remove(const struct folder_paths *p);

enum { FOLDER_STATUS_MAX = 256 }; /* bytes of the file */

/* Removes a file or a whole tree; what is not there is no error. Links are not followed. */
int folder_remove(const char *path, struct err *err) MUST_CHECK;

/* --- who runs a machine: a lock on its file run.lock, which forked processes share and the
 * kernel releases when the last of them has ended --- */

/* *ret_fd holds the lock until it is closed everywhere. -EBUSY without a sentence: another
 * process has it. */
int folder_lock(const char *path, int *ret_fd, struct err *err) MUST_CHECK;
/* Does some process hold the lock? */
bool folder_is_locked(const char *path);

#endif
