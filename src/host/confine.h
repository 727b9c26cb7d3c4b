/*
 * confine.h - a child process gives up everything but reading and writing what it holds open.
 */
#ifndef HOST_CONFINE_H
#define HOST_CONFINE_H

#include "base/types.h"

/* Closes every descriptor but the `count` in keep (which is sorted), drops root's identity, limits
 * processor time, memory (beyond what is mapped already) and the size of files, and allows no
 * system calls but those that read, write and seek in open files, manage memory and end the
 * process; others fail with EPERM. For a child that is about to read what a stranger made. 0 or
 * -errno; after a failure the caller must end. */
int host_confine(int *keep, unsigned count, unsigned seconds, u64 memory) MUST_CHECK;

#endif
