/*
 * seed.h - what cloud-init in a guest finds: a small read-only disk labelled "cidata" with the
 * files user-data and meta-data (cloud-init's data source NoCloud).
 */
#ifndef VM_SEED_H
#define VM_SEED_H

#include "base/err.h"
#include "base/types.h"

enum { SEED_USER_DATA_MAX = 16 << 20 /* bytes */ };

/* A file in memory with the disk's bytes. */
struct seed {
    int fd;        /* owns, when path is not empty */
    char path[32]; /* to open it by, in this process; empty at first */
};

/* user_data: a file of the host. mac: of the first network card, or NULL; the guest's identity
 * (instance-id) is made of it, or else of what user_data holds. host_name: NULL: the guest keeps
 * its own. */
int seed_make(const char *user_data, const char *mac, const char *host_name, struct seed *ret,
              struct err *err) MUST_CHECK;
void seed_fini(struct seed *s);

#endif
