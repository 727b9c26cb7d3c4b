/*
 * disk.h - a small disk with a boot partition, for tests.
 */
#ifndef TESTS_INSTALL_DISK_H
#define TESTS_INSTALL_DISK_H

#include "vm/install/tree.h"

enum {
    DISK_SIZE = 12 << 20,
    DISK_BOOT = 1 << 20,
    DISK_BOOT_SIZE = 4 << 20,
    DISK_ROOT = 5 << 20,
    DISK_ROOT_SIZE = 6 << 20
};

/* Makes the disk in a new file at `path` with empty file systems; its descriptor, or -1 when
 * this host has no mke2fs. features: mke2fs's -O. */
int disk_make(const char *path, const char *features);

/* Opens its file systems for writing; ends the test program when that fails. */
struct tree *disk_tree(int fd);

/* A boot entry of this version, its kernel and its initrd ("kernel VERSION", "initrd …"). */
void disk_put_kernel(struct tree *t, const char *version);

#endif
