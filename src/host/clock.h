/*
 * clock.h - the host's time and randomness.
 *
 * Time and chance come into a VM by one door: only the VM's clock and random
 * source may call these (and the event loop, to know which timers are due, and
 * tools that measure). Devices and CPUs ask the VM.
 */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

#include "base/types.h"

/* Nanoseconds since an arbitrary moment of this boot; never goes back; the
 * clock of every deadline in src/host. [any thread] */
ns_t host_clock_monotonic(void);

/* The same, but the time that the host slept counts, where the host tells it. [any thread] */
ns_t host_clock_boottime(void);

/* Nanoseconds since 1970-01-01 UTC; jumps when the host's clock is set. [any thread] */
ns_t host_clock_realtime(void);

/* Fills buf with unpredictable bytes; cannot fail. [any thread] */
void host_random(void *buf, size_t len);

#endif
