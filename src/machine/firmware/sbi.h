/*
 * sbi.h - the built-in supervisor binary interface of riscv machines.
 *
 * RISC-V SBI 2.0: BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, a minimal PMU, and the legacy
 * timer, console and shutdown calls. There is no M-mode code: an ecall from S-mode comes
 * straight here, on the calling hart's thread.
 */
#ifndef MACHINE_FIRMWARE_SBI_H
#define MACHINE_FIRMWARE_SBI_H

#include "dev/core/device.h"
#include "machine/firmware/cpu_power.h"
#include "state/state.h"

enum { SBI_MAX_HARTS = CPU_POWER_MAX };

/* What firmware asks of its machine. [any thread] */
struct sbi_host {
    void *arg;
    /* Takes up to len bytes for the console and returns how many. */
    size_t (*console_write)(void *arg, const u8 *data, size_t len);
    void (*request)(void *arg, enum dev_request what);
};

#define SBI_STATE(F, A, N)                                                                         \
    A(u32, pmu_started, SBI_MAX_HARTS, ZERO, "counters that the hart has started, by number")
STATE_STRUCT(sbi, SBI_STATE);
extern const struct state_list sbi_state_list;

struct sbi {
    struct sbi_host host;
    struct cpu_power power;
    struct sbi_state s;
};

void sbi_init(struct sbi *sbi, const struct sbi_host *host, struct engine *engine,
              struct mem_map *map, unsigned harts);

/* While paused: hart 0 is to start at `entry` in S-mode with a0 = 0 and a1 = opaque, the
 * others wait for hart_start. */
void sbi_reset(struct sbi *sbi, gpa_t entry, u64 opaque);

/* While paused, after the vCPUs' state was loaded. */
void sbi_loaded(struct sbi *sbi);

/* engine_host.firmware_call. */
bool sbi_call(struct sbi *sbi, struct vcpu *c);

#endif
