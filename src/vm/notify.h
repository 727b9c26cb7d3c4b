/*
 * notify.h - hears what systemd in the guest says of its boot.
 *
 * With the credential vmm.notify_socket systemd (254 and later) connects to a vsock port of the
 * host and sends lines NAME=VALUE (sd_notify(3)): READY=1 says that the guest is up, STATUS=TEXT,
 * while it waits for longer, for which units. Whatever comes is a guest's: a message may have 4
 * KiB, and 8 may come at once.
 */
#ifndef VM_NOTIFY_H
#define VM_NOTIFY_H

#include "base/err.h"
#include "host/loop.h"

struct notify;

/* The host's port that guests are told, and the credential's name. */
enum { NOTIFY_PORT = 1 };
#define NOTIFY_CREDENTIAL "vmm.notify_socket"

/* What one message says. status: one line, any other bytes; NULL: nothing of it. In the loop. */
typedef void notify_fn(void *arg, bool ready, const char *status);

/* Listens behind the vsock of which programs ask at `vsock`; `heard` is called for each message
 * with one of these lines. *ret is freed with notify_free(), before the loop. */
int notify_new(const char *vsock, struct loop *loop, notify_fn *heard, void *arg,
               struct notify **ret, struct err *err) MUST_CHECK;
void notify_free(struct notify *n);

#endif
