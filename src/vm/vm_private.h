/*
 * vm_private.h - what the files of src/vm share.
 */
#ifndef VM_PRIVATE_H
#define VM_PRIVATE_H

#include "base/err.h"
#include "machine/machine.h"
#include "vm/guest_kernel.h"
#include "vm/seed.h"
#include <vm/vm.h>

struct vm_config {
    struct machine_config m;      /* its strings are in `owned` */
    bool arch_named, board_named; /* --arch and --machine were given: they must fit */
    bool restart_on_reset;
    bool boot_disk;                             /* the kernel comes from the first disk */
    const char *user_data;                      /* file for cloud-init; NULL: none */
    const char *name;                           /* of a named machine; NULL */
    const char *credentials[MACHINE_MAX_FILES]; /* "NAME=VALUE", "NAME=@FILE" */
    unsigned credential_count;
    const char *control; /* path of the control socket; NULL: none */
    u64 rng_seed;
    bool has_rng_seed;
    char **owned; /* owns each and the array */
    unsigned owned_count;
};

/* --boot disk: zeroed at first. */
struct boot_disk {
    struct guest_kernel kernel; /* owns; of the last power-on */
    char *append;               /* owns; the whole command line */
    const char *given;          /* borrows (the configuration): --append; NULL: none */
};

struct vm {
    struct vm_config *cfg;   /* owns */
    struct machine *machine; /* owns */
    struct control *control; /* owns; NULL: none */
    char *guest_text;        /* owns */
    struct boot_disk disk;   /* owns */
    struct seed seed;        /* owns; --user-data */
    vm_stop_fn *on_stop;
    void *on_stop_arg;
    bool signals;

    /* The control socket's; changed in the loop, or while it is not running. */
    bool held;               /* CPUs are to stand still until `cont` */
    bool stopped;            /* they do */
    bool reset_asked;        /* by system_reset, not by the guest */
    const char *quit_reason; /* why VM_STOP_QUIT was asked for; NULL: at the console */
};

/* vm_config_set() for libvm itself. */
int config_set(struct vm_config *cfg, const char *key, const char *value, struct err *err);

/* The configuration is that of a machine with this name, which is copied. */
int config_set_name(struct vm_config *cfg, const char *name, struct err *err);

/* The serial console becomes a server on the socket `console`, which keeps what the guest
 * writes in the file `log`. The strings are copied. */
int config_set_console_server(struct vm_config *cfg, const char *console, const char *log,
                              struct err *err);

/* The guest gets a vsock, of which programs ask at `socket`, and a credential more. The strings are
 * copied. */
int config_set_vsock_server(struct vm_config *cfg, const char *socket, const char *credential,
                            struct err *err);

/* A copy with its own strings; NULL: no memory. */
struct vm_config *config_copy(const struct vm_config *cfg);

/* Keys that others share, and the words of --net and --vsock, which are cut up and kept. */
int config_set_bus(const char *bus, const char *key, const char **out, struct err *err) MUST_CHECK;
/* One word of a list that NULL ends; what: "--console". */
int config_set_choice(const char *const *list, const char *what, const char *value,
                      const char **out, struct err *err) MUST_CHECK;
int config_set_arch(struct vm_config *c, const char *key, char *value, struct err *err) MUST_CHECK;
int config_set_machine(struct vm_config *c, const char *key, char *value,
                       struct err *err) MUST_CHECK;
int config_set_cpu(struct vm_config *c, const char *key, char *value, struct err *err) MUST_CHECK;
int config_set_net(struct vm_config *c, char *value, struct err *err) MUST_CHECK;
int config_set_vsock(struct vm_config *c, char *value, struct err *err) MUST_CHECK;
/* Is there room for a port of the host behind this path? */
bool config_vsock_fits(const char *path);
/* machine_config.net_open. */
int config_net_open(const struct machine_net *net, struct loop *loop, struct machine_clock *clock,
                    struct net_backend **ret, struct err *err);

/* What the guest can see of a configuration, one "key=value" a line: two machines with
 * equal texts can exchange saved state. malloc'ed; NULL: no memory. */
char *config_guest_text(const struct vm_config *cfg);

/* --- boot_disk.c --- */

/* Can a machine of this configuration start from its disk, if it is to? */
int boot_disk_check(const struct vm_config *cfg, struct err *err) MUST_CHECK;

/* With --boot disk: takes the kernel that the disk names now for the next power-on. */
int boot_disk_read(struct vm *vm, struct err *err) MUST_CHECK;
void boot_disk_fini(struct boot_disk *d);

/* Hands an internal error out; returns -err->code. */
int err_to_public(const struct err *err, struct vm_err *out);

#endif
