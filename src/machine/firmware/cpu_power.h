/*
 * cpu_power.h - starting and stopping CPUs, as firmware does it for its guest.
 *
 * What SBI's HSM and PSCI have in common: each CPU is on, off, or on its way, and one that is off
 * is started by another at an address with arguments in its first registers.
 */
#ifndef MACHINE_FIRMWARE_CPU_POWER_H
#define MACHINE_FIRMWARE_CPU_POWER_H

#include "engine/core/engine.h"

enum { CPU_POWER_MAX = 64, CPU_POWER_ARGS = 3 };

/* Both specifications number these alike. */
enum cpu_power_status { CPU_POWER_ON = 0, CPU_POWER_OFF = 1, CPU_POWER_ON_PENDING = 2 };

/* Where a CPU starts, and what isa.reset() puts into its first registers. */
struct cpu_power_start {
    gva_t entry;
    u64 args[CPU_POWER_ARGS];
    unsigned arg_count;
};

struct cpu_power {
    struct engine *engine; /* borrows (outlives) */
    struct mem_map *map;   /* borrows (outlives) */
    unsigned cpus;         /* 1..CPU_POWER_MAX */
    struct cpu_power_cpu {
        u32 status;                   /* atomic: enum cpu_power_status */
        struct cpu_power_start start; /* under way */
    } cpu[CPU_POWER_MAX];
};

void cpu_power_init(struct cpu_power *p, struct engine *engine, struct mem_map *map, unsigned cpus);

/* While paused: CPU 0 is to start so, the others wait. */
void cpu_power_reset(struct cpu_power *p, const struct cpu_power_start *first);

/* While paused, after the vCPUs' state was loaded. */
void cpu_power_loaded(struct cpu_power *p);

enum cpu_power_status cpu_power_status(const struct cpu_power *p, unsigned cpu);

/* 0, -EFAULT when there is no RAM at the entry, -EALREADY when that CPU is on, -EINPROGRESS when
 * it is being started. */
int cpu_power_on(struct cpu_power *p, unsigned cpu, const struct cpu_power_start *start);

/* The calling CPU's: it runs no further. */
void cpu_power_off(struct cpu_power *p, struct vcpu *c);

/* The calling CPU's: waits as by WFI. */
void cpu_power_standby(struct vcpu *c);

#endif
