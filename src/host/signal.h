/*
 * signal.h - the process's one signal dispatcher.
 *
 * Process-wide by nature (rule 5's list names it): apps/ start it once, before
 * any thread. SIGPIPE is ignored from then on.
 */
#ifndef HOST_SIGNAL_H
#define HOST_SIGNAL_H

#include "base/err.h"
#include "host/loop.h"

/* Calls fn(arg, signal number) in the loop for SIGINT, SIGTERM and SIGHUP. A
 * second SIGINT or SIGTERM before the first was handled ends the process at
 * once, the terminal restored. -EBUSY when started already. */
int host_signal_start(struct loop *loop, void (*fn)(void *arg, int sig), void *arg,
                      struct err *err) MUST_CHECK;

/* Back to the default actions (SIGPIPE stays ignored). */
void host_signal_stop(void);

/* Puts the terminal `fd` into raw mode: no echo, no signals from keys, bytes as
 * typed; output is left as it is. The old mode returns by host_term_restore(),
 * at exit(), and when a signal ends the process (SIGKILL cannot be helped). At
 * most one terminal at a time: -EBUSY. */
int host_term_raw(int fd, struct err *err) MUST_CHECK;
void host_term_restore(void);

#endif
