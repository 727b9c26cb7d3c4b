/*
 * deb.h - packages unpacked into an image, with dpkg's database of them: what `dpkg --unpack`
 * leaves behind, but that no script of theirs has run yet.
 */
#ifndef VM_INSTALL_DEB_H
#define VM_INSTALL_DEB_H

#include "vm/install/tree.h"
#include <stdio.h>

struct deb_trigger {
    char *name, *package; /* own */
};

struct deb_unpack {
    struct tree *tree; /* borrows (the caller) */
    const char *log;   /* borrows; what tools say */
    /* Hears of every file of every package; may be NULL. */
    int (*file)(void *arg, const char *path, const void *data, u64 size, struct err *err);
    void *arg;

    FILE *status, *packages; /* own; texts in the making */
    char *status_text, *packages_text;
    size_t status_size, packages_size;
    struct deb_trigger *triggers; /* owns */
    unsigned trigger_count;
};

/* Hands the files of one .deb to fn, and nothing else. */
int deb_each_file(const char *path, const char *log,
                  int (*fn)(void *arg, const char *path, const void *data, u64 size,
                            struct err *err),
                  void *arg, struct err *err) MUST_CHECK;

/* Makes dpkg's empty database. */
int deb_unpack_init(struct deb_unpack *u, struct err *err) MUST_CHECK;
void deb_unpack_fini(struct deb_unpack *u);

/* Unpacks one .deb file. */
int deb_unpack_one(struct deb_unpack *u, const char *path, struct err *err) MUST_CHECK;

/* Writes the rest of the database, and list_path: "NAME VERSION" of each package, as its
 * scripts' files are named. */
int deb_unpack_end(struct deb_unpack *u, const char *list_path, struct err *err) MUST_CHECK;

#endif
