/*
 * tree.h - files put into fresh ext4 file systems of an image: no mount, no privilege.
 *
 * Paths are absolute; what is below /boot goes to the file system of its own. Links in the
 * folders of a path are followed within the image.
 */
#ifndef VM_INSTALL_TREE_H
#define VM_INSTALL_TREE_H

#include "base/err.h"
#include "base/types.h"

struct tree; /* caller frees by tree_close() */

struct tree_meta {
    u32 mode, uid, gid; /* mode: permission bits */
    s64 mtime;          /* seconds since 1970 */
};

/* The two file systems lie at these bytes of fd, which is borrowed. */
struct tree_part {
    u64 start, size;
};
int tree_open(int fd, const struct tree_part *root, const struct tree_part *boot, struct tree **ret,
              struct err *err) MUST_CHECK;

/* Writes what is kept in memory, durably; frees the tree in any case. */
int tree_close(struct tree *t, struct err *err) MUST_CHECK;

/* An existing folder, or a link to one, stays as it is. */
int tree_dir(struct tree *t, const char *path, const struct tree_meta *m,
             struct err *err) MUST_CHECK;
/* -EEXIST: something is there already. */
int tree_file(struct tree *t, const char *path, const struct tree_meta *m, const void *data,
              u64 size, struct err *err) MUST_CHECK;
int tree_symlink(struct tree *t, const char *path, const char *target, struct err *err) MUST_CHECK;
int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err) MUST_CHECK;

/* A text of root's with these permissions; its folders are made as needed. */
int tree_text(struct tree *t, const char *path, u32 mode, const char *text,
              struct err *err) MUST_CHECK;

#endif
