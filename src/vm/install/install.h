/*
 * install.h - what the stages of an installation share.
 */
#ifndef VM_INSTALL_PRIVATE_H
#define VM_INSTALL_PRIVATE_H

#include "base/err.h"
#include "vm/install/apt.h"
#include <vm/install.h>

/* What an installation must know of an architecture of guests. */
struct install_arch {
    const char *name;      /* Debian's and ours */
    const char *kernel;    /* package */
    const char *root_type; /* of the root's partition */
    const char *console;   /* the serial port as Linux names it */
};

struct install {
    struct vm_install_options o;     /* all filled in */
    const struct install_arch *arch; /* static; o.arch's, once the options are checked */
    u64 disk_size;
    struct apt apt;        /* owns */
    char *authorized_keys; /* owns; text */
    const char *folder;    /* borrows (the machine) */
    char *image, *work;    /* own; the disk, and the folder of what is only needed meanwhile */
    char **debs, **extra;  /* own; files: of the system, and for the second stage alone */
    unsigned deb_count;
    struct vm_install_progress progress;
    void (*say)(void *arg, const struct vm_install_progress *p);
    void *arg;
};

/* What is at work; item may be NULL: as before. */
void install_say(struct install *in, enum vm_install_stage stage, const char *item, double done);

/* A file in the folder `work`: malloc'ed; NULL: no memory. */
char *install_work(const struct install *in, const char *name);

/* Puts the defaults in. */
void install_options_fill(struct vm_install_options *o);

/* -EINVAL with a sentence that names the option. Sets arch and disk_size. */
int install_options_check(struct install *in, struct err *err) MUST_CHECK;

/* What has to be the same when an installation goes on. malloc'ed; NULL: no memory. */
char *install_recipe(const struct install *in);

/* Makes the disk image, whole or not at all, and kernel and initramfs of the second stage. */
int install_image(struct install *in, struct err *err) MUST_CHECK;

/* Runs the second stage in a machine. May be repeated. host_key: "ssh-ed25519 …" of the guest,
 * malloc'ed. */
int install_second(struct install *in, char **ret_host_key, struct err *err) MUST_CHECK;

#endif
