/*
 * install.h - a Debian made into a named machine. Public API of libvm.
 */
#ifndef VM_INSTALL_H
#define VM_INSTALL_H

#include <vm/machines.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings are borrowed for the call; NULL: the default in brackets. */
struct vm_install_options {
    const char *name;      /* of the machine; must be given */
    const char *arch;      /* [riscv64] */
    const char *release;   /* Debian's code name [trixie] */
    const char *disk_size; /* with K, M, G or T [8G] */
    const char *memory;    /* [1G] */
    const char *cpus;      /* [2] */
    const char *user;      /* of the guest [the caller's own name; "debian" for root] */
    const char *ssh_key;   /* file of a public key that may log in, next to the machine's own */
    const char *user_data; /* file that cloud-init in the guest, then installed, reads [none] */
    const char *mirror;    /* address of a Debian archive [the host's apt knows one] */
    const char *const *packages; /* names of further ones */
    unsigned package_count;
};

enum vm_install_stage {
    VM_INSTALL_PACKAGES,  /* fetched and verified by the host's apt */
    VM_INSTALL_IMAGE,     /* unpacked into the disk image */
    VM_INSTALL_CONFIGURE, /* by the guest itself, in its machine */
    VM_INSTALL_STAGES
};

/* "fetching packages"; static. */
VM_API const char *vm_install_stage_name(enum vm_install_stage stage);

struct vm_install_progress {
    enum vm_install_stage stage;
    const char *item; /* the package at work; may be "" */
    double done;      /* of this stage, 0 to 1 */
};

/* Makes the machine, or goes on with one whose installation was interrupted (same options). It
 * is not started. The calling process must have one thread only. Progress is told on the
 * calling thread; progress may be NULL. -EEXIST: the name is in use. What was fetched stays in
 * $XDG_CACHE_HOME/vm for the next time. The caller owns *ret. */
VM_API int vm_install_debian(const struct vm_install_options *options,
                             void (*progress)(void *arg, const struct vm_install_progress *p),
                             void *arg, struct vm_machine **ret, struct vm_err *err);

#ifdef __cplusplus
}
#endif

#endif
