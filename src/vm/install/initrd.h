/*
 * initrd.h - the initramfs in which the second stage of an installation begins: busybox, the
 * disk's drivers, and guest/init.sh. Its parts come out of the packages as they are unpacked.
 */
#ifndef VM_INSTALL_INITRD_H
#define VM_INSTALL_INITRD_H

#include "base/err.h"
#include "base/types.h"
#include <stdio.h>

struct initrd_file {
    char *path; /* owns */
    u8 *data;   /* owns */
    u64 size;
};

/* Zeroed at first. */
struct initrd_parts {
    struct initrd_file kernel;   /* boot/vmlinu? */
    struct initrd_file busybox;  /* of busybox-static */
    struct initrd_file *modules; /* owns; those that may be needed, as packed */
    unsigned module_count;
};

/* Keeps a file when it is one of the parts. (struct deb_unpack's `file`) */
int initrd_keep(void *parts, const char *path, const void *data, u64 size,
                struct err *err) MUST_CHECK;
void initrd_parts_fini(struct initrd_parts *p);

/* Writes kernel and initramfs to these files. scratch: a file that is used and removed. */
int initrd_write(const struct initrd_parts *p, const char *kernel, const char *initrd,
                 const char *scratch, const char *log, struct err *err) MUST_CHECK;

/* One entry of a cpio archive ("newc"); mode with the file type. Its end: path "TRAILER!!!". */
void initrd_cpio_put(FILE *out, const char *path, u32 mode, const void *data, u64 size);

#endif
