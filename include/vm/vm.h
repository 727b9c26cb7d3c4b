/*
 * vm.h - create, run and snapshot a virtual machine. Public API of libvm.
 *
 * Calls that can fail return 0 or a negative errno and fill *err, which must not be NULL;
 * on failure nothing else is changed unless said. Calls marked [any thread] may be made
 * from any thread, all others from the thread that called vm_new(), while the machine is
 * not running.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include <stdint.h>
#include <vm/config.h>
#include <vm/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;

/* Why a machine is not executing guest code. */
enum vm_stop {
    VM_STOP_PAUSED,   /* vm_request_pause() */
    VM_STOP_SHUTDOWN, /* the guest powered off */
    VM_STOP_RESET,    /* the guest reset, with on-reset=exit */
    VM_STOP_CRASHED,  /* the guest reported a panic */
    VM_STOP_QUIT,     /* the console's escape key, or a signal */
    VM_STOP_POINT     /* a stop point was reached */
};

typedef void vm_stop_fn(struct vm *vm, enum vm_stop why, void *arg);

/* "0.1.0". [any thread] */
VM_API const char *vm_version(void);

/* Builds the machine *cfg describes, paused at reset. The caller owns *ret_vm and frees it
 * with vm_free(); cfg is not kept. Opens disks and the console, not yet the kernel. */
VM_API int vm_new(const struct vm_config *cfg, struct vm **ret_vm, struct vm_err *err);

/* Frees a machine that does not run. NULL is allowed. Returns NULL. */
VM_API struct vm *vm_free(struct vm *vm);

/* Runs guest code until there is a reason to stop, which goes to *ret_why; loads the
 * kernel before the first instruction. May be called again after VM_STOP_PAUSED,
 * VM_STOP_POINT and VM_STOP_QUIT (goes on), and after the others (starts afresh). */
VM_API int vm_run(struct vm *vm, enum vm_stop *ret_why, struct vm_err *err);

/* Asks for a pause and returns; the machine stops soon after. [any thread] */
VM_API void vm_request_pause(struct vm *vm);

/* Calls fn on the thread in vm_run() at every stop. At most one; NULL removes it. */
VM_API void vm_on_stop(struct vm *vm, vm_stop_fn *fn, void *arg);

/* One-shot stop points. Of each kind there is one; a new one replaces it.
 * console: after `text` (1 to 255 bytes) was written to the console; NULL: none.
 * insns: CPU 0 has retired that many instructions in this process; exactly in
 * deterministic mode, at the next branch otherwise; UINT64_MAX: none.
 * seconds: guest time since the machine's start. */
VM_API int vm_stop_at_console(struct vm *vm, const char *text, struct vm_err *err);
VM_API int vm_stop_at_insns(struct vm *vm, uint64_t insns, struct vm_err *err);
VM_API int vm_stop_at_seconds(struct vm *vm, double seconds, struct vm_err *err);

/* Writes the machine's whole state to path, whole or not at all. */
VM_API int vm_save(struct vm *vm, const char *path, struct vm_err *err);

/* Takes the state from a file that a machine with the same configuration saved. After a
 * failure the machine is as if reset: vm_run() starts it afresh. */
VM_API int vm_load(struct vm *vm, const char *path, struct vm_err *err);

/* From now on SIGINT, SIGTERM and SIGHUP stop this machine with VM_STOP_QUIT. One machine
 * in a process; vm_free() ends it. Call before other threads exist. */
VM_API int vm_catch_signals(struct vm *vm, struct vm_err *err);

/* --- what a machine has done --- */

struct vm_stat {
    const char *name; /* "insns"; static */
    const char *doc;  /* static */
    uint64_t value;
};

/* Fills at most `max` rows and returns how many there are. */
VM_API unsigned vm_stats(struct vm *vm, struct vm_stat *rows, unsigned max);

/* --- a machine that another process runs --- */

/* Sends one command to the machine whose control socket (key "control") is at `path`, and
 * waits for the answer, at most `seconds`. The protocol is QMP; the user guide lists the
 * commands, query-qmp-schema describes them. arguments: a JSON object as text; NULL: none.
 * *ret_reply, when ret_reply is not NULL, gets the answer as JSON text, which the caller
 * frees with free(). Fails with -ENOENT or -ECONNREFUSED when nobody listens there,
 * -ETIMEDOUT, -EREMOTEIO when the machine refused (its sentence is in *err), -ENOSYS when
 * it has no such command. [any thread] */
VM_API int vm_control_call(const char *path, const char *command, const char *arguments,
                           double seconds, char **ret_reply, struct vm_err *err);

/* --- of the whole process --- */

/* Says on standard error also what helps only whoever looks for a cause. Call before other
 * threads exist. */
VM_API void vm_verbose_enable(void);

/* Prints events of the comma-separated kinds ("all" for every one) on standard error. */
VM_API int vm_trace_enable(const char *kinds, struct vm_err *err);

/* Row n of the kinds, or 0 after the last. */
VM_API int vm_trace_kind(unsigned n, const char **ret_name, const char **ret_doc);

#ifdef __cplusplus
}
#endif

#endif
