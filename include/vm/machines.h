/*
 * machines.h - machines that have a name and live on. Public API of libvm.
 *
 * A machine is a folder, $XDG_DATA_HOME/vm/machines/NAME:
 *
 *   store.db     its events (SQLite), of which its state and settings are the fold
 *   console.log  what the guest wrote on its serial console, all starts after each other
 *   vm.log       what the process that runs it said
 *   run.lock     locked while a process runs it
 *   ssh/         its own key (id_ed25519), and the guest's pinned host keys (known_hosts)
 *   and the disk images that belong to it
 *
 * Sockets of a running machine are in $XDG_RUNTIME_DIR/vm/NAME. Every call may come from any
 * process at any time: two that contradict each other are decided by the machine's store, and
 * what a killed one left behind is put right by the next that looks.
 *
 * A call that can fail returns 0 or a negative errno and fills *err, which must not be NULL.
 * Each struct belongs to one thread at a time.
 */
#ifndef VM_MACHINES_H
#define VM_MACHINES_H

#include <stdint.h>
#include <vm/config.h>
#include <vm/err.h>
#include <vm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm_machine; /* one machine's folder, opened */

enum { VM_MACHINE_NAME_MAX = 64 }; /* bytes, without the 0 */

/* --- settings --- */

/* The keys of a machine's settings are those of vm_config_keys() and of vm_machine_keys(). */

/* Keys that only machines have: "ssh-user", "ssh-port", … [any thread] */
VM_API const struct vm_config_key *vm_machine_keys(unsigned *ret_count);

/* --- which machines there are --- */

/* The names, sorted, as a NULL-ended array in one piece of memory: free() it. */
VM_API int vm_machines_list(char ***ret_names, struct vm_err *err);

/* -EINVAL and a sentence for what is no name of a machine: 1 to VM_MACHINE_NAME_MAX letters,
 * digits, '-', '_' and '.', the first a letter or digit. */
VM_API int vm_machine_name_check(const char *name, struct vm_err *err);

/* Removes what killed commands left behind: half-made and half-deleted folders, sockets
 * without a process. say (may be NULL) hears one sentence for each. */
VM_API int vm_machines_prune(void (*say)(void *arg, const char *sentence), void *arg,
                             struct vm_err *err);

/* --- life --- */

enum {
    VM_CREATE_INSTALLING = 1 << 0, /* it cannot be started until vm_machine_installed() */
};

/* Makes a machine: whole or not at all. File names in settings that do not begin with '/' are
 * taken from the present directory; those inside the machine's folder follow it when it is
 * renamed. cause: who wants it, for the history ("vm-cli create"). -EEXIST: the name is in
 * use. The caller owns *ret. */
VM_API int vm_machine_create(const char *name, const struct vm_setting *settings, unsigned count,
                             unsigned flags, const char *cause, struct vm_machine **ret,
                             struct vm_err *err);

/* Opens a machine, and notes in its history when the process that ran it has died. -ENOENT:
 * there is none of this name. */
VM_API int vm_machine_open(const char *name, struct vm_machine **ret, struct vm_err *err);
VM_API struct vm_machine *vm_machine_free(struct vm_machine *m); /* closes it; NULL is fine */

/* Changes settings, from the next start on: each key in `settings` replaces all rows of that
 * key; a value NULL goes back to the default. -EBUSY while it is being installed. */
VM_API int vm_machine_set(struct vm_machine *m, const struct vm_setting *settings, unsigned count,
                          const char *cause, struct vm_err *err);

/* The installation that VM_CREATE_INSTALLING announced is complete. */
VM_API int vm_machine_installed(struct vm_machine *m, const char *cause, struct vm_err *err);

/* Starts the machine in a process of its own, without terminal, and returns when it executes
 * guest code. The calling process must have one thread only: the new process is its copy.
 * -EBUSY: it runs already. */
VM_API int vm_machine_start(struct vm_machine *m, const char *cause, struct vm_err *err);

/* The same as a child of this process, with the console on the descriptors in and out (-1:
 * none), as vm_machine_console() has it but that Ctrl-A x ends the machine; returns when it has
 * ended, and SIGTERM, SIGINT and SIGHUP end it. */
VM_API int vm_machine_run(struct vm_machine *m, int in, int out, const char *cause,
                          struct vm_err *err);

/* Asks the guest to power down, and waits at most timeout_ms for it (0: does not wait).
 * -ETIMEDOUT: the sentence says what the guest last did. -ESRCH: it does not run. */
VM_API int vm_machine_stop(struct vm_machine *m, int timeout_ms, const char *cause,
                           struct vm_err *err);

/* Ends the process at once. -ESRCH: it does not run. */
VM_API int vm_machine_kill(struct vm_machine *m, const char *cause, struct vm_err *err);

VM_API int vm_machine_pause(struct vm_machine *m, const char *cause, struct vm_err *err);
VM_API int vm_machine_resume(struct vm_machine *m, const char *cause, struct vm_err *err);

/* Waits until the guest is up: its systemd says so, its ssh server answers or, where it has no
 * forward for ssh or the setting ready-text is there, that text (default "login:") was on its
 * console; the first of these counts. -ETIMEDOUT, and
 * -ECHILD when it ended meanwhile: the sentence says what the guest last did. */
VM_API int vm_machine_wait_ready(struct vm_machine *m, int timeout_ms, struct vm_err *err);

/* Connects descriptors to the console of a running machine: what the guest wrote lately comes
 * first. Returns when the machine has ended or the person at the terminal `in` typed Ctrl-A x
 * (*ret_left is then nonzero); a terminal is in raw mode meanwhile. The end of `in` ends only
 * the input; -1: none. -ESRCH: it does not run. */
VM_API int vm_machine_console(struct vm_machine *m, int in, int out, int *ret_left,
                              struct vm_err *err);

/* Not while it runs. A clone has copies of all disks that can be written (sharing blocks where
 * the file system can), the same settings and keys, and another network address. */
VM_API int vm_machine_rename(struct vm_machine *m, const char *name, const char *cause,
                             struct vm_err *err);
VM_API int vm_machine_clone(struct vm_machine *m, const char *name, const char *cause,
                            struct vm_machine **ret, struct vm_err *err);
/* Deletes the folder and all in it; images elsewhere stay. Then only vm_machine_free(). */
VM_API int vm_machine_delete(struct vm_machine *m, const char *cause, struct vm_err *err);

/* --- what is known of one --- */

enum vm_machine_state {
    VM_MACHINE_INSTALLING,
    VM_MACHINE_STOPPED,
    VM_MACHINE_RUNNING,
    VM_MACHINE_PAUSED,
    VM_MACHINE_DELETED
};

/* "running"; static. */
VM_API const char *vm_machine_state_name(enum vm_machine_state state);

/* Strings belong to the machine and last until its next call. Times: milliseconds since 1970,
 * 0 when it never happened. */
struct vm_machine_info {
    const char *name, *folder;
    enum vm_machine_state state;
    int ready;           /* nonzero: the guest was seen up since the last start */
    int powerdown_asked; /* nonzero: and it still runs */
    int64_t pid;         /* of the process that runs it; 0: none */
    int64_t created_ms, started_ms, stopped_ms;
    const char *last_stop;         /* why it last stopped, one sentence; NULL: it never ran */
    int last_stop_failed;          /* nonzero: it did not end as the guest or a person wanted */
    unsigned ssh_port;             /* forwarded to the guest's port 22 on 127.0.0.1; 0: none */
    const char *ssh_user;          /* to log in as */
    const char *ssh_key;           /* file of the private key, whether made or not */
    const char *known_hosts;       /* file of the guest's host keys, whether made or not */
    const char *control, *console; /* unix sockets while it runs */
    const char
        *vsock; /* likewise, where programs ask for ports of the guest; NULL: there is none */
    const char *console_log, *vm_log;
    const struct vm_setting *settings; /* file names absolute */
    unsigned setting_count;
};

VM_API int vm_machine_info(struct vm_machine *m, struct vm_machine_info *ret, struct vm_err *err);

/* Makes the machine's ssh key when there is none yet; its public half is info.ssh_key with
 * ".pub" after it. Needs ssh-keygen. */
VM_API int vm_machine_ssh_key(struct vm_machine *m, struct vm_err *err);

/* One event. Strings last until fn returns. */
struct vm_machine_event {
    int64_t number; /* from 1 */
    int64_t time_ms;
    const char *kind;  /* "started" */
    const char *doc;   /* what the kind means, static */
    const char *cause; /* who or what; may be "" */
    const struct vm_setting *fields;
    unsigned field_count;
};

/* Row n of the kinds of events, or 0 after the last. [any thread] */
VM_API int vm_machine_event_kind(unsigned n, const char **ret_kind, const char **ret_doc);

/* Calls fn for every event, oldest first, until it returns nonzero. */
VM_API int vm_machine_history(struct vm_machine *m,
                              int (*fn)(void *arg, const struct vm_machine_event *event), void *arg,
                              struct vm_err *err);

/* In sentences, separated by newlines: what state it is in, why it last stopped, what the guest
 * last said, what is needed to go on. free() it. */
VM_API int vm_machine_explain(struct vm_machine *m, char **ret_text, struct vm_err *err);

#ifdef __cplusplus
}
#endif

#endif
