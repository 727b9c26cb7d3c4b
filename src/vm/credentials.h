/*
 * credentials.h - systemd credentials: small secrets and settings that a guest's systemd hands
 * to its services (systemd.system-credentials(7)), as files of the firmware configuration.
 */
#ifndef VM_CREDENTIALS_H
#define VM_CREDENTIALS_H

#include "machine/machine.h"

/* Bytes: what the interface has room for in a name, and systemd for a credential. */
enum { CREDENTIAL_NAME_MAX = 28, CREDENTIAL_SIZE_MAX = 1 << 20 };

/* NAME=VALUE or NAME=@FILE: is the name one? */
int credential_check(const char *text, struct err *err) MUST_CHECK;

/* The file's name in such a text, or NULL. */
const char *credential_file(const char *text);

/* Adds one to the machine's files; what it allocates is freed by credentials_fini(). Files are
 * read now. */
int credential_add(struct machine_config *m, const char *text, struct err *err) MUST_CHECK;
void credentials_fini(struct machine_config *m);

#endif
