/*
 * vm.c - the life of a virtual machine, as include/vm/vm.h promises it.
 */
#include "vm/vm_private.h"

#include "base/log.h"
#include "host/signal.h"
#include "vm/control.h"
#include "vm/credentials.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

VM_API const char *vm_version(void)
{
    return VM_VERSION;
}

/* A name that a host may have too: RFC 1123. */
static const char *host_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

    return name && name[strspn(name, letters)] == 0 && strlen(name) < 64 ? name : NULL;
}

/* --user-data: one more disk. */
static int add_seed(struct vm *vm, struct err *err)
{
    struct machine_config *m = &vm->cfg->m;
    int rc;

    if (!vm->cfg->user_data)
        return 0;
    if (m->disk_count == MACHINE_MAX_DISKS)
        return err_set(err, E2BIG, "--user-data takes a disk's place, and a machine has %d",
                       MACHINE_MAX_DISKS);
    rc = seed_make(vm->cfg->user_data, m->net_count ? m->nets[0].mac : NULL,
                   host_name(vm->cfg->name), &vm->seed, err);
    if (rc == 0)
        m->disks[m->disk_count++] =
            (struct machine_disk){ .path = vm->seed.path, .format = "raw", .read_only = true };
    return rc;
}

VM_API int vm_new(const struct vm_config *cfg, struct vm **ret_vm, struct vm_err *err)
{
    struct err e = { 0 };
    struct vm *vm = calloc(1, sizeof *vm);
    int rc = 0;

    if (vm)
        vm->cfg = config_copy(cfg);
    if (!vm || !vm->cfg)
        rc = err_set_errno(&e, ENOMEM, "making the machine");
    if (rc == 0)
        rc = boot_disk_check(vm->cfg, &e);
    if (rc == 0)
        rc = add_seed(vm, &e);
    for (unsigned i = 0; rc == 0 && i < vm->cfg->credential_count; i++)
        rc = credential_add(&vm->cfg->m, vm->cfg->credentials[i], &e);
    if (rc == 0 && !(vm->guest_text = config_guest_text(vm->cfg)))
        rc = err_set_errno(&e, ENOMEM, "making the machine");
    if (rc == 0)
        rc = machine_new(&vm->cfg->m, &vm->machine, &e);
    if (rc == 0 && vm->cfg->control)
        rc = control_start(vm, vm->cfg->control, &vm->control, &e);
    if (rc < 0) {
        vm_free(vm);
        return err_to_public(&e, err);
    }
    *ret_vm = vm;
    return 0;
}

VM_API struct vm *vm_free(struct vm *vm)
{
    if (!vm)
        return NULL;
    if (vm->signals)
        host_signal_stop();
    control_free(vm->control);
    machine_free(vm->machine);
    if (vm->cfg)
        credentials_fini(&vm->cfg->m);
    vm_config_free(vm->cfg);
    boot_disk_fini(&vm->disk);
    seed_fini(&vm->seed);
    free(vm->guest_text);
    free(vm);
    return NULL;
}

static enum vm_stop public_stop(int why)
{
    switch (why) {
    case MACHINE_STOP_PANIC: return VM_STOP_CRASHED;
    case MACHINE_STOP_POWEROFF: return VM_STOP_SHUTDOWN;
    case MACHINE_STOP_RESET: return VM_STOP_RESET;
    case MACHINE_STOP_QUIT: return VM_STOP_QUIT;
    case MACHINE_STOP_POINT: return VM_STOP_POINT;
    default: return VM_STOP_PAUSED;
    }
}

/* The control socket's `stop` has taken effect, until `cont`, which may have come already. */
static void hold(struct vm *vm)
{
    if (!vm->stopped) {
        vm->stopped = true;
        control_tell(vm->control, CONTROL_STOP, NULL);
    }
    if (vm->stopped && !vm->held) {
        vm->stopped = false;
        control_tell(vm->control, CONTROL_RESUME, NULL);
    }
    machine_hold(vm->machine, &vm->held);
}

/* The machine has reset: again from the start, or (false) out of vm_run(). */
static int restart(struct vm *vm, struct err *err)
{
    bool asked = vm->reset_asked;
    int rc;

    vm->reset_asked = vm->machine->ready = false;
    control_tell(vm->control, CONTROL_RESET, asked ? "host-qmp-system-reset" : "guest-reset");
    if (!asked && !vm->cfg->restart_on_reset)
        return false;
    log_info(asked ? "reset by the control socket: starting again"
                   : "the guest reset: starting again");
    rc = boot_disk_read(vm, err);
    if (rc == 0)
        rc = machine_reset(vm->machine, err);
    return rc < 0 ? err_wrap(err, "resetting the machine") : true;
}

/* Runs through resets when they are to restart, and through the control socket's stops. */
static int run(struct vm *vm, struct err *err)
{
    for (;;) {
        int why, rc;

        if (vm->stopped)
            hold(vm);
        if (!vm->machine->ready && boot_disk_read(vm, err) < 0)
            return -err->code;
        why = machine_run(vm->machine, err);
        if (why == MACHINE_STOP_HOLD)
            hold(vm);
        if (why == MACHINE_STOP_FAILED)
            return err_set(err, EIO, "the machine stopped because of the failure reported above");
        if (why == MACHINE_STOP_POWEROFF || why == MACHINE_STOP_PANIC)
            vm->machine->ready = false;
        if (why != MACHINE_STOP_RESET && why != MACHINE_STOP_HOLD)
            return why;
        rc = why == MACHINE_STOP_RESET ? restart(vm, err) : true;
        if (rc <= 0)
            return rc < 0 ? rc : why;
    }
}

/* Clients hear of the machine's end, not of a pause by the program itself. */
static void tell_end(struct vm *vm, enum vm_stop why)
{
    switch (why) {
    case VM_STOP_CRASHED:
        control_tell(vm->control, CONTROL_GUEST_PANICKED, NULL);
        control_tell(vm->control, CONTROL_SHUTDOWN, "guest-panic");
        break;
    case VM_STOP_SHUTDOWN: control_tell(vm->control, CONTROL_SHUTDOWN, "guest-shutdown"); break;
    case VM_STOP_RESET: control_tell(vm->control, CONTROL_SHUTDOWN, "guest-reset"); break;
    case VM_STOP_QUIT:
        control_tell(vm->control, CONTROL_SHUTDOWN, vm->quit_reason ? vm->quit_reason : "host-ui");
        vm->quit_reason = NULL;
        break;
    case VM_STOP_PAUSED:
    case VM_STOP_POINT: break;
    }
}

VM_API int vm_run(struct vm *vm, enum vm_stop *ret_why, struct vm_err *err)
{
    struct err e = { 0 };
    int why = run(vm, &e);

    if (why < 0)
        return err_to_public(&e, err);
    *ret_why = public_stop(why);
    tell_end(vm, *ret_why);
    if (vm->on_stop)
        vm->on_stop(vm, *ret_why, vm->on_stop_arg);
    return 0;
}

VM_API void vm_request_pause(struct vm *vm)
{
    machine_stop_request(vm->machine, MACHINE_STOP_PAUSE);
}

VM_API void vm_on_stop(struct vm *vm, vm_stop_fn *fn, void *arg)
{
    vm->on_stop = fn;
    vm->on_stop_arg = arg;
}

VM_API int vm_stop_at_console(struct vm *vm, const char *text, struct vm_err *err)
{
    struct err e = { 0 };

    return machine_stop_at_console(vm->machine, text, &e) < 0 ? err_to_public(&e, err) : 0;
}

VM_API int vm_stop_at_insns(struct vm *vm, uint64_t insns, struct vm_err *err)
{
    machine_stop_at_insns(vm->machine, insns);
    return 0;
}

VM_API int vm_stop_at_seconds(struct vm *vm, double seconds, struct vm_err *err)
{
    struct err e = { 0 };

    if (!(seconds >= 0 && seconds < 1e9)) {
        err_set(&e, EINVAL, "%g seconds: give 0 to 1000000000", seconds);
        return err_to_public(&e, err);
    }
    machine_stop_at_time(vm->machine, (ns_t)(seconds * 1e9));
    return 0;
}

VM_API int vm_save(struct vm *vm, const char *path, struct vm_err *err)
{
    struct err e = { 0 };

    return machine_save(vm->machine, vm->guest_text, path, &e) < 0 ? err_to_public(&e, err) : 0;
}

VM_API int vm_load(struct vm *vm, const char *path, struct vm_err *err)
{
    struct err e = { 0 };

    return machine_load(vm->machine, vm->guest_text, path, &e) < 0 ? err_to_public(&e, err) : 0;
}

static void signalled(void *arg, int sig)
{
    struct vm *vm = arg;

    vm->quit_reason = "host-signal";
    machine_stop_request(vm->machine, MACHINE_STOP_QUIT);
}

VM_API int vm_catch_signals(struct vm *vm, struct vm_err *err)
{
    struct err e = { 0 };

    if (host_signal_start(vm->machine->loop, signalled, vm, &e) < 0)
        return err_to_public(&e, err);
    vm->signals = true;
    return 0;
}

/* Most instructions are decoded and never translated, and their time is not to be blamed on the
 * others: each of the two has a count of its own. */
static u64 ns_per_insn(u64 decode_ns, u64 decoded, u64 compile_ns, u64 translated)
{
    return translated ? decode_ns / decoded + compile_ns / translated : 0;
}

VM_API unsigned vm_stats(struct vm *vm, struct vm_stat *rows, unsigned max)
{
    struct engine_stats s;
    unsigned n = 0;
    u64 translate_ns;

    engine_stats_get(vm->machine->engine, &s);
    translate_ns = s.decode_ns + s.compile_ns;
    const struct vm_stat all[] = {
        { "insns", "guest instructions retired", s.insns },
        { "blocks", "blocks of guest code decoded", s.blocks_decoded },
        { "insns_decoded", "guest instructions decoded into them", s.insns_decoded },
        { "blocks_base", "blocks translated by the baseline JIT", s.host_blocks },
        { "insns_translated", "guest instructions in these", s.insns_translated },
        { "insns_held", "instructions kept decoded: of blocks that were not translated",
          s.insns_held },
        { "blocks_decoded_again", "translated blocks that the interpreter asked for",
          s.decoded_again },
        { "decode_ns", "time spent decoding, ns", s.decode_ns },
        { "translate_ns", "time spent decoding and translating, ns", translate_ns },
        { "ns_per_translated_insn", "time to decode and translate one guest instruction, ns",
          ns_per_insn(s.decode_ns, s.insns_decoded, s.compile_ns, s.insns_translated) },
        { "run_ns", "time CPUs ran, all together, ns", s.run_ns },
        { "translate_permille", "translation in 1/1000 of it, by whichever thread",
          s.run_ns ? (u64)((u128)translate_ns * 1000 / s.run_ns) : 0 },
        { "tlb_refills", "page walks", s.tlb_refills },
        { "slow_accesses", "memory accesses off the fast path", s.slow_accesses },
        { "io_accesses", "device register accesses", s.io_accesses },
        { "exits_jump", "returns to the run loop to find a block", s.exits_jump },
        { "exits_irq", "interrupts taken", s.exits_irq },
        { "exits_fault", "exceptions taken", s.exits_fault },
        { "exits_request", "stops asked for from outside", s.exits_request },
        { "yields", "times a waiting CPU gave the host's away", s.yields },
        { "evictions", "blocks thrown out of the code cache", s.evictions },
        { "code_bytes", "memory of decoded and translated code", s.code_bytes },
        { "smc_invalidations", "blocks dropped because their code was written",
          s.smc_invalidations },
    };

    for (; n < ARRAY_SIZE(all) && n < max; n++)
        rows[n] = all[n];
    return ARRAY_SIZE(all);
}

VM_API void vm_verbose_enable(void)
{
    log_set_level(LOG_INFO);
}

VM_API int vm_trace_enable(const char *kinds, struct vm_err *err)
{
    struct err e = { 0 };
    char bad[64];

    if (log_trace_enable(kinds, bad, sizeof bad) == 0)
        return 0;
    err_set(&e, EINVAL, "--trace: there is no kind '%s'; vm-cli run --help lists them", bad);
    return err_to_public(&e, err);
}

VM_API int vm_trace_kind(unsigned n, const char **ret_name, const char **ret_doc)
{
    static const struct {
        const char *name, *doc;
    } kinds[] = {
#define TRACE(name, doc) { #name, doc },
#include "base/trace.def"
#undef TRACE
    };

    if (n >= ARRAY_SIZE(kinds))
        return 0;
    *ret_name = kinds[n].name;
    *ret_doc = kinds[n].doc;
    return 1;
}
