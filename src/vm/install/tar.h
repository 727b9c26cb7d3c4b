/*
 * tar.h - reads a tar stream as dpkg-deb writes it (ustar, GNU long names, pax paths).
 */
#ifndef VM_INSTALL_TAR_H
#define VM_INSTALL_TAR_H

#include "base/err.h"
#include "base/types.h"

enum { TAR_PATH_MAX = 4096 };

enum tar_kind { TAR_FILE, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_OTHER };

struct tar_entry {
    enum tar_kind kind;
    char path[TAR_PATH_MAX];   /* "/usr/bin/x": absolute, without "." or a slash at its end; "/" */
    char target[TAR_PATH_MAX]; /* of a link; of a hard link like path */
    u32 mode, uid, gid;        /* mode: the permission bits */
    s64 mtime;                 /* seconds since 1970 */
    u8 *data;                  /* of a file: until the next entry */
    u64 size;
};

struct tar; /* caller frees by tar_free() */

struct tar *tar_new(int fd); /* borrows fd; NULL: no memory */
void tar_free(struct tar *t);

/* The next entry: 1; the end: 0; -errno with a sentence that says what is wrong with it. */
int tar_next(struct tar *t, struct tar_entry *e, struct err *err) MUST_CHECK;

#endif
