/*
 * psci.c - the built-in PSCI 1.1: one table of functions, for the 32- and the 64-bit callers.
 */
#include "machine/firmware/psci.h"

#include "base/bug.h"
#include "base/log.h"
#include "isa/arm64/sysreg.h"
#include <errno.h>

/* DEN 0022, 5.2.2; SMCCC's NOT_SUPPORTED is the same number. */
enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_ALREADY_ON = -4,
    PSCI_INVALID_ADDRESS = -9,
};

/* A function's number (DEN 0028, 2.5): a fast call, of 64 bits, of this service, by this index. */
enum {
    FAST = 1u << 31,
    WIDE = 1 << 30,
    STANDARD_SERVICE = 4 << 24, /* PSCI: indices up to 0x1f */
    ARCH_SERVICE = 0 << 24,
};

enum {
    SMCCC_VERSION_1_1 = 1 << 16 | 1,
    PSCI_VERSION_1_1 = 1 << 16 | 1,
    NO_TRUSTED_OS = 2, /* MIGRATE_INFO_TYPE */
};

/* Of CPU_SUSPEND's power_state, in its original format (5.4.2): the bit that says no standby, and
 * those that are reserved. */
#define POWER_STATE_REFUSED 0xfcff0000u

struct call {
    u64 a[3]; /* X1 to X3 */
};

/* The index of a CPU by the affinity fields that MPIDR_EL1 has; the number of CPUs: none has. */
static unsigned cpu_by_affinity(const struct psci *psci, u64 affinity)
{
    unsigned i = 0;

    while (i < psci->power.cpus && arm_affinity(i) != affinity)
        i++;
    return i;
}

static s64 version(struct psci *psci, struct vcpu *c, const struct call *call)
{
    return PSCI_VERSION_1_1;
}

/* Without power-down states all that is left is to wait, with everything kept (5.4). */
static s64 cpu_suspend(struct psci *psci, struct vcpu *c, const struct call *call)
{
    if (call->a[0] & POWER_STATE_REFUSED)
        return PSCI_INVALID_PARAMETERS;
    cpu_power_standby(c);
    return PSCI_SUCCESS;
}

static s64 cpu_off(struct psci *psci, struct vcpu *c, const struct call *call)
{
    cpu_power_off(&psci->power, c);
    return PSCI_SUCCESS;
}

/* A CPU that was asked to start is on from then on, as KVM's are, though its thread may take a
 * while: nothing can keep it from starting, and callers need not know of a third state. */
static s64 cpu_on(struct psci *psci, struct vcpu *c, const struct call *call)
{
    const struct cpu_power_start start = { call->a[1], { call->a[2] }, 1 };
    unsigned cpu = cpu_by_affinity(psci, call->a[0]);

    if (cpu == psci->power.cpus)
        return PSCI_INVALID_PARAMETERS;
    switch (cpu_power_on(&psci->power, cpu, &start)) {
    case 0: return PSCI_SUCCESS;
    case -EFAULT: return PSCI_INVALID_ADDRESS;
    default: return PSCI_ALREADY_ON;
    }
}

/* Of CPUs alone: from 1.0 on clusters need not be known (5.7). */
static s64 affinity_info(struct psci *psci, struct vcpu *c, const struct call *call)
{
    unsigned cpu = cpu_by_affinity(psci, call->a[0]);

    if (cpu == psci->power.cpus || call->a[1] != 0)
        return PSCI_INVALID_PARAMETERS;
    return cpu_power_status(&psci->power, cpu) == CPU_POWER_OFF ? CPU_POWER_OFF : CPU_POWER_ON;
}

static s64 migrate_info_type(struct psci *psci, struct vcpu *c, const struct call *call)
{
    return NO_TRUSTED_OS;
}

/* The CPU does not run on while the machine stops. */
static s64 machine_ends(struct psci *psci, struct vcpu *c, enum dev_request what)
{
    c->stopped = true;
    psci->host.request(psci->host.arg, what);
    return PSCI_SUCCESS;
}

static s64 system_off(struct psci *psci, struct vcpu *c, const struct call *call)
{
    return machine_ends(psci, c, DEV_REQUEST_POWEROFF);
}

static s64 system_reset(struct psci *psci, struct vcpu *c, const struct call *call)
{
    return machine_ends(psci, c, DEV_REQUEST_RESET);
}

static s64 features(struct psci *psci, struct vcpu *c, const struct call *call);
static s64 smccc_version(struct psci *psci, struct vcpu *c, const struct call *call);
static s64 arch_features(struct psci *psci, struct vcpu *c, const struct call *call);

static const struct function {
    u32 id;    /* without WIDE */
    bool wide; /* also there with it: its arguments have 64 bits */
    const char *name;
    s64 (*call)(struct psci *psci, struct vcpu *c, const struct call *call);
} functions[] = {
    { FAST | STANDARD_SERVICE | 0x00, false, "PSCI_VERSION", version },
    { FAST | STANDARD_SERVICE | 0x01, true, "CPU_SUSPEND", cpu_suspend },
    { FAST | STANDARD_SERVICE | 0x02, false, "CPU_OFF", cpu_off },
    { FAST | STANDARD_SERVICE | 0x03, true, "CPU_ON", cpu_on },
    { FAST | STANDARD_SERVICE | 0x04, true, "AFFINITY_INFO", affinity_info },
    { FAST | STANDARD_SERVICE | 0x06, false, "MIGRATE_INFO_TYPE", migrate_info_type },
    { FAST | STANDARD_SERVICE | 0x08, false, "SYSTEM_OFF", system_off },
    { FAST | STANDARD_SERVICE | 0x09, false, "SYSTEM_RESET", system_reset },
    { FAST | STANDARD_SERVICE | 0x0a, false, "PSCI_FEATURES", features },
    { FAST | ARCH_SERVICE | 0x00, false, "SMCCC_VERSION", smccc_version },
    { FAST | ARCH_SERVICE | 0x01, false, "SMCCC_ARCH_FEATURES", arch_features },
};

/* NULL: there is no such function. */
static const struct function *function_find(u32 id)
{
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        if (functions[i].id == (id & ~(u32)WIDE) && (functions[i].wide || !(id & WIDE)))
            return &functions[i];
    return NULL;
}

/* No function has a feature to tell of; CPU_SUSPEND takes the original format (5.15.2). */
static s64 features(struct psci *psci, struct vcpu *c, const struct call *call)
{
    const struct function *f = function_find((u32)call->a[0]);
    bool known = f && (f->id & STANDARD_SERVICE || f->call == smccc_version);

    return known ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

static s64 smccc_version(struct psci *psci, struct vcpu *c, const struct call *call)
{
    return SMCCC_VERSION_1_1;
}

/* Of the functions of Arm's architecture service; mitigations are not among them: what CPUs need
 * of these is told by ID registers (DEN 0028, 7.3). */
static s64 arch_features(struct psci *psci, struct vcpu *c, const struct call *call)
{
    const struct function *f = function_find((u32)call->a[0]);

    return f && !(f->id & STANDARD_SERVICE) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

static u64 get(struct vcpu *c, unsigned reg)
{
    u64 v = 0;

    BUG_ON(c->isa->reg_get(c, reg, &v) < 0);
    return v;
}

/* Registers but X0 keep what they hold (DEN 0028, 2.6). */
bool psci_call(struct psci *psci, struct vcpu *c)
{
    u32 id = (u32)get(c, 0);
    const struct function *f = function_find(id);
    struct call call;
    s64 result = PSCI_NOT_SUPPORTED;

    for (unsigned i = 0; i < ARRAY_SIZE(call.a); i++)
        call.a[i] = id & WIDE ? get(c, 1 + i) : (u32)get(c, 1 + i);
    if (f)
        result = f->call(psci, c, &call);
    log_trace(psci, "cpu %u: %s (%#x): %lld", c->index, f ? f->name : "unknown", id,
              (long long)result);
    BUG_ON(c->isa->reg_set(c, 0, (u64)result) < 0);
    return true;
}

void psci_init(struct psci *psci, const struct psci_host *host, struct engine *engine,
               struct mem_map *map, unsigned cpus)
{
    *psci = (struct psci){ .host = *host };
    cpu_power_init(&psci->power, engine, map, cpus);
}

void psci_reset(struct psci *psci, gpa_t entry, u64 x0)
{
    cpu_power_reset(&psci->power, &(struct cpu_power_start){ entry, { x0 }, 1 });
}

void psci_loaded(struct psci *psci)
{
    cpu_power_loaded(&psci->power);
}
