/*
 * machines_private.h - what the files of named machines share.
 */
#ifndef VM_MACHINES_PRIVATE_H
#define VM_MACHINES_PRIVATE_H

#include "vm/folder.h"
#include "vm/store.h"
#include "vm/vm_private.h"
#include <vm/machines.h>

struct vm_machine {
    char *root;                /* owns; the folder of all machines */
    char *name;                /* owns; of the folder */
    struct folder_paths paths; /* owns */
    struct store *store;       /* owns; NULL: to be opened again */
    struct life_state state;   /* owns; as of the last look */
    struct settings shown;     /* owns; settings as told by vm_machine_info() */
    bool foreground;           /* this process is its own, with a command as its watcher */
};

/* --- machines.c --- */

/* A handle on root/name, whatever is there: nothing is opened. */
int machine_new_handle(const char *name, struct vm_machine **ret, struct err *err) MUST_CHECK;

/* Folds what has happened since the last look. */
int machine_refresh(struct vm_machine *m, struct err *err) MUST_CHECK;

/* The same, and notes when the process that ran it has gone without a word. own_lock: the
 * caller holds run.lock itself. */
int machine_look(struct vm_machine *m, bool own_lock, struct err *err) MUST_CHECK;

/* Checks a command against the present state, and makes its events happen. */
int machine_do(struct vm_machine *m, const struct life_command *cmd, struct err *err) MUST_CHECK;

/* Takes run.lock; refused with a sentence when another process has it. */
int machine_lock(struct vm_machine *m, int *ret_fd, struct err *err) MUST_CHECK;

bool machine_runs(const struct vm_machine *m); /* running or paused, as of the last look */

s64 machine_now_ms(void);                     /* since 1970 */
void machine_boot_id(char *out, size_t size); /* differs after each start of the host */
u64 machine_process_began(int pid);           /* ticks after the host did; 0: it is gone */
s64 machine_file_size(const char *path);      /* 0 when there is none */

/* --- machine_console.c --- */

/* vm_machine_console() on a machine that is known to run; `signals` readable ends it, too. */
int machine_console_attach(const struct vm_machine *m, int in, int out, int signals, bool *ret_left,
                           struct err *err) MUST_CHECK;

/* --- machine_stop.c --- */

/* Looks until the machine does not run any more. -ETIMEDOUT without a sentence. */
int machine_wait_end(struct vm_machine *m, int timeout_ms, struct err *err) MUST_CHECK;

/* --- machine_words.c --- */

/* What the guest did last: what its console looks like, what its systemd waits for when it is not
 * up yet, and the console's last lines, at most `max`, each with `mark` before it. malloc'ed; NULL:
 * no memory. */
char *machine_last_words(const struct vm_machine *m, unsigned max, const char *mark);

/* Does its console say that the guest will not come up, as after a panic? */
bool machine_is_hopeless(const struct vm_machine *m);

/* Is `text` in what the guest has written on its console since it was started? */
bool machine_console_has(const struct vm_machine *m, const char *text);

/* --- machine_keys.c --- */

/* Is the key's value (of a disk: its first field) a file name? */
bool machine_key_is_file(const char *key);

/* A value as it is stored (file names absolute, or below the machine's folder) from one a
 * person gave, and back. malloc'ed; NULL: no memory. */
char *machine_value_store(const char *folder, const char *key, const char *value);
char *machine_value_show(const char *folder, const char *key, const char *value);

/* All settings with file names that can be opened. */
int machine_settings_show(const struct vm_machine *m, struct settings *out) MUST_CHECK;

/* The configuration that the settings describe. ssh_port: forwarded to the guest's port 22
 * of the first network; 0: none. Freed with vm_config_free(). */
int machine_config(const struct vm_machine *m, unsigned ssh_port, struct vm_config **ret,
                   struct err *err) MUST_CHECK;

/* The port that the next start forwards to ssh, free at this moment; 0: none is wanted. */
int machine_ssh_port(const struct vm_machine *m, unsigned *ret, struct err *err) MUST_CHECK;

/* A network card's address, locally administered. */
void machine_mac_make(char out[18]);

#endif
