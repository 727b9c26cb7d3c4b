/*
 * perf.h - tells Linux's profiler what code made at run time is.
 *
 * Two ways, both described in the kernel's sources under tools/perf/Documentation:
 *   MAP      /tmp/perf-PID.map (jit-interface.txt): address, size and name of each piece; `perf
 *            report` reads it. It knows the last owner of an address only: lines are added while
 *            code is made, and those of former owners leave when the file is ended.
 *   JITDUMP  jit-PID.dump in the working directory (jitdump-specification.txt): the code too,
 *            and when it was made; `perf inject --jit` makes it part of a recording that used
 *            the monotonic clock (`perf record -k mono`).
 * The files are named after the process and stay when it ends: the profiler reads them then.
 */
#ifndef HOST_PERF_H
#define HOST_PERF_H

#include "base/err.h"
#include "base/types.h"

#include <stddef.h>

enum host_perf_kind { HOST_PERF_MAP, HOST_PERF_JITDUMP };

struct host_perf;

/* Begins the file, over one that an earlier process of this number left. -EBUSY when it is
 * being written by another owner in this process. */
int host_perf_new(enum host_perf_kind kind, struct host_perf **ret, struct err *err) MUST_CHECK;

/* `size` bytes of code, readable at `code`, will run at `address` from now on. What was said of
 * these addresses before holds no longer. One call at a time. A file that cannot be written
 * (a full disk) is said once, and then given up. */
void host_perf_code(struct host_perf *p, const char *name, const void *code, size_t size,
                    const void *address);

/* Ends the file. NULL is fine. */
struct host_perf *host_perf_free(struct host_perf *p);

#endif
