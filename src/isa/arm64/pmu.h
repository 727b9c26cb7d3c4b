/*
 * pmu.h - the performance monitors: a cycle counter and six of events (D13, FEAT_PMUv3p1).
 *
 * A cycle is a nanosecond of guest time, which goes on while a CPU waits. Of the events there are
 * SW_INCR, INST_RETIRED, CPU_CYCLES and CHAIN; STALL_FRONTEND and STALL_BACKEND, which never happen
 * here, count nothing.
 */
#ifndef ISA_ARM64_PMU_H
#define ISA_ARM64_PMU_H

#include "isa/arm64/state.h"

/* PMUSERENR_EL0: what EL0 may, besides all by EN. */
enum {
    ARM_PMUSER_EN = 1 << 0,
    ARM_PMUSER_SW = 1 << 1, /* write PMSWINC_EL0 */
    ARM_PMUSER_CR = 1 << 2, /* read the cycle counter */
    ARM_PMUSER_ER = 1 << 3, /* read event counters, and use PMSELR_EL0 */
};

/* Counts what has happened since it was last called. Where the count of instructions is exact. */
void arm_pmu_sync(struct vcpu *c);

/* The level, or what says what counts at which, has changed: others count from here on. */
void arm_pmu_mode_changed(struct vcpu *c);

/* Guest time at which to look for an overflow that interrupts; UINT64_MAX: no need to. */
ns_t arm_pmu_due(struct vcpu *c, ns_t now);

/* Guest state was loaded: the engine's counts are others. */
void arm_pmu_loaded(struct vcpu *c);

/* Writers and readers of the table of system registers. */
u64 arm_pmu_get(struct vcpu *c, unsigned number);
void arm_pmu_set(struct vcpu *c, unsigned number, u64 v);

#endif
