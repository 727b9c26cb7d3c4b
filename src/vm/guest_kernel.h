/*
 * guest_kernel.h - the kernel that a guest itself installed, from its disk.
 *
 * The disk is an image with a GUID partition table; its partition of the type "Extended Boot
 * Loader" is ext4 and holds loader/entries (Boot Loader Specification), which name kernel,
 * initrd and options. All of it is the guest's work and may be meant to hurt: it is read by a
 * child that holds nothing but the image, read-only, and a pipe (host/confine.h). Of a qcow2 image,
 * the header and what is behind it are opened before, as the machine itself does to run.
 */
#ifndef VM_GUEST_KERNEL_H
#define VM_GUEST_KERNEL_H

#include "backend/block/node.h"
#include "vm/boot_entries.h"

enum { GUEST_KERNEL_MAX = 256 << 20 }; /* bytes, of the kernel and of the initrd */

/* Zeroed: none. */
struct guest_kernel {
    int kernel, initrd; /* owns: files in memory; initrd -1: none. Valid when `found` */
    char kernel_path[32], initrd_path[32]; /* names they can be opened by; "" where none */
    char title[BOOT_ENTRY_WORD];           /* the entry's id, for messages */
    char options[BOOT_ENTRY_TEXT];
    bool found;
};

/* Reads them anew, taking no lock on the image, whose user has flushed it. format: "raw" or
 * "qcow2". 0, or one sentence that names the disk. [a process may have threads] */
int guest_kernel_read(const char *disk, const char *format, struct guest_kernel *ret,
                      struct err *err) MUST_CHECK;
void guest_kernel_fini(struct guest_kernel *k);

/* The child's part: reads from `disk` and writes what guest_kernel_read() takes to `out`.
 * For the fuzz target too, which runs it in its own process. */
void guest_kernel_send(struct blk_node *disk, int out);

/* What it writes: this, the kernel's bytes, the initrd's. */
struct guest_kernel_reply {
    u64 kernel_size, initrd_size;  /* 0: none */
    char title[BOOT_ENTRY_WORD];   /* "" when `options` is the sentence of a failure */
    char options[BOOT_ENTRY_TEXT]; /* printable ASCII */
};

#endif
