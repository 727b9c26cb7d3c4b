/*
 * private.h - what the files of the machine core share.
 */
#ifndef MACHINE_PRIVATE_H
#define MACHINE_PRIVATE_H

#include "machine/machine.h"

/* engine_host's and the console's callbacks, in run.c. */
ns_t machine_quantum_end(void *arg, ns_t now, ns_t until);
void machine_engine_paused(void *arg);
void machine_escape(void *arg, int key);
/* Closes disks, networks and vsock, after their devices. */
void machine_close_backends(struct machine *m);
void machine_console_tap(void *arg, const u8 *data, size_t len);

/* trim.c. start: looks at the guest from now on, in the loop. The last one while CPUs are paused
 * and devices drained. */
int machine_trim_init(struct machine *m, struct err *err) MUST_CHECK;
void machine_trim_start(struct machine *m);
void machine_trim(struct machine *m);

#endif
