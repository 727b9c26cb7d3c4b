/*
 * machine_files.h - the files in a machine's folder: copied for a clone, removed.
 */
#ifndef VM_MACHINE_FILES_H
#define VM_MACHINE_FILES_H

#include "vm/machines_private.h"

/* Copies the files and folders of a machine but for its store, logs and lock. Blocks are
 * shared where the file system can; holes stay holes. */
int machine_files_copy(const char *from, const char *to, struct err *err) MUST_CHECK;

/* Copies disks that lie elsewhere and can be written into `folder`; when there are any, *change
 * gets rows for all disks. */
int machine_disks_copy(const struct vm_machine *m, const char *folder, struct settings *change,
                       struct err *err) MUST_CHECK;

/* The event "deleted" is written: removes the folder. The lock is held. */
int machine_take_away(struct vm_machine *m, struct err *err) MUST_CHECK;

#endif
