/*
 * psci.h - the built-in power state coordination interface of arm64 machines.
 *
 * Arm Power State Coordination Interface (DEN 0022), version 1.1, by the calling convention of
 * SMCCC 1.1 (DEN 0028). An HVC or SMC from EL1, or where CPUs have EL2 an SMC that it does not
 * trap, comes straight here, on the calling CPU's thread.
 */
#ifndef MACHINE_FIRMWARE_PSCI_H
#define MACHINE_FIRMWARE_PSCI_H

#include "dev/core/device.h"
#include "machine/firmware/cpu_power.h"

/* What firmware asks of its machine. [any thread] */
struct psci_host {
    void *arg;
    void (*request)(void *arg, enum dev_request what);
};

struct psci {
    struct psci_host host;
    struct cpu_power power;
};

void psci_init(struct psci *psci, const struct psci_host *host, struct engine *engine,
               struct mem_map *map, unsigned cpus);

/* While paused: CPU 0 is to start at `entry` with X0 = x0, the others wait for CPU_ON. */
void psci_reset(struct psci *psci, gpa_t entry, u64 x0);

/* While paused, after the vCPUs' state was loaded. */
void psci_loaded(struct psci *psci);

/* engine_host.firmware_call. */
bool psci_call(struct psci *psci, struct vcpu *c);

#endif
