/*
 * control.h - a machine's control socket: QMP, the protocol that QEMU's tools speak.
 *
 * A unix socket with mode 0600 in the machine's process. Each client is greeted, negotiates
 * (qmp_capabilities), sends commands, and gets one answer to each in order, and events.
 * Several clients may be connected at once. The server runs on the machine's event loop
 * and never waits for a client; what a client may make it keep is bounded.
 * query-qmp-schema tells every command, event and type.
 */
#ifndef VM_CONTROL_H
#define VM_CONTROL_H

#include "base/err.h"
#include "base/types.h"

struct vm;
struct control;

/* Listens at `path`, replacing a socket there whose server has gone; clients are served
 * while vm_run() is active. Called by vm_new() for the key "control". The result is freed
 * with control_free(), before the machine. -EADDRINUSE when another process serves the
 * path, -ENAMETOOLONG when it does not fit a socket's address. */
int control_start(struct vm *vm, const char *path, struct control **ret,
                  struct err *err) MUST_CHECK;

/* Sends what clients have not received yet as far as their sockets take it, hangs up and
 * removes the socket. NULL is fine. Returns NULL. */
struct control *control_free(struct control *c);

/* What happens to the machine, as clients hear of it. */
enum control_event {
    CONTROL_GUEST_PANICKED,
    CONTROL_POWERDOWN,
    CONTROL_RESET,
    CONTROL_RESUME,
    CONTROL_SHUTDOWN,
    CONTROL_STOP
};

/* Tells every client. reason: for RESET and SHUTDOWN, one of QEMU's ShutdownCause; else NULL.
 * STOP also answers who asked for it. In a callback of the machine's loop, or while the
 * loop is not running. NULL is fine. */
void control_tell(struct control *c, enum control_event what, const char *reason);

/* Calls fn(arg, …) at each control_tell(), before clients hear of it. At most one. */
void control_listen(struct control *c,
                    void (*fn)(void *arg, enum control_event what, const char *reason), void *arg);

/* One command to the machine that listens at `path`, and its answer: connects, negotiates,
 * sends, waits. arguments: a JSON object as text, or NULL. timeout: ns for all of it.
 * *ret_reply gets the answer's "return" as JSON text, which the caller frees; NULL: not
 * wanted. Any thread, any process. Fails with -ENOENT or -ECONNREFUSED (nobody listens),
 * -ETIMEDOUT, -EREMOTEIO (the machine refused: its own sentence is the text), -ENOSYS (it
 * has no such command), -EINVAL (arguments are no JSON object), -EPROTO (no QMP server). */
int control_call(const char *path, const char *command, const char *arguments, ns_t timeout,
                 char **ret_reply, struct err *err) MUST_CHECK;

#endif
