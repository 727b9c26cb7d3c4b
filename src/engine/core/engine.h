/*
 * engine.h - runs the vCPUs of one machine: what boards and tools see of it.
 *
 * One engine a machine: shared code cache, one TLB a vCPU, one host thread a vCPU
 * (deterministic mode: one thread for all, in turns of a fixed quantum). Below
 * it are the tiers: interp/ and base/. It knows the guest only as a struct isa.
 */
#ifndef ENGINE_CORE_ENGINE_H
#define ENGINE_CORE_ENGINE_H

#include "base/err.h"
#include "isa/isa.h"
#include "mem/map.h"

struct engine;

/* Of decoded blocks, in bytes; host code has a room of its own. */
#define ENGINE_CODE_CACHE_MIN     (256 * KIB)
#define ENGINE_CODE_CACHE_DEFAULT (512 * MIB) /* reached by compilers alone */
#define ENGINE_CODE_CACHE_MAX     (16 * GIB)

enum engine_tier { ENGINE_AUTO, ENGINE_INTERP, ENGINE_BASE };

/* Files that tell Linux's profiler where translated code is: host/perf.h. */
enum engine_perf { ENGINE_PERF_NONE, ENGINE_PERF_MAP, ENGINE_PERF_JITDUMP };

/* What the base tier does to be fast and could leave out; for finding out which of them is
 * wrong, or worth its while. The order is that of the bits. */
#define ENGINE_OPTS(X)                                                                             \
    X(LONG_BLOCKS, "long-blocks") /* blocks go on behind branches and along jumps */               \
    X(CHAINING, "chaining")       /* jumps from block to block are patched */                      \
    X(JUMP_CACHE, "jump-cache")   /* other jumps are looked up in place */                         \
    X(MEMORY, "memory")           /* loads and stores in place */                                  \
    X(GROUPS, "groups")           /* accesses through one pointer share one check */               \
    X(ATOMICS, "atomics")         /* atomic accesses in place */                                   \
    X(HOST_FPU, "host-fpu")       /* floating point on the host's unit */                          \
    X(FP_LOOPS, "fp-loops")       /* a loop keeps floating point in registers */                   \
    X(INT_LOOPS, "int-loops")     /* a loop keeps integers, and its count, in registers */         \
    X(SIGNED_LOADS, "signed-loads") /* a load extends the sign itself */                           \
    X(STREAMS, "streams")           /* addresses that grow in a loop are compared with a bound */  \
    X(VECTORS, "vectors")           /* vector instructions by the host's */                       \
    X(FLAGS, "flags")             /* condition flags are the host's, made where they are seen */  \
    X(BACKGROUND, "background")   /* a thread beside the CPUs translates */
enum engine_opt {
#define X(id, name) ENGINE_OPT_##id,
    ENGINE_OPTS(X)
#undef X
        ENGINE_OPT_COUNT
};
#define ENGINE_OPTS_ALL ((1u << ENGINE_OPT_COUNT) - 1)

struct engine_config {
    const struct isa *isa;        /* borrows (static) */
    isa_handler *const *handlers; /* the isa's generated interpreter, by op number */
    struct mem_map *map;          /* borrows (outlives the engine) */
    unsigned cpus;                /* 1..256 */
    unsigned model;               /* of the CPUs, by the isa's number */
    enum engine_tier tier;
    bool deterministic; /* guest time is a function of the instruction count */
    u64 quantum;        /* instructions a turn in deterministic mode; 0: 100,000 */
    /* Lock step, see check.h: every block runs in the interpreter and again, against the same
     * memory accesses, in these. The first difference stops. */
    bool check_interp;    /* the host-code tier */
    bool check_eval;      /* the evaluator of the IR */
    u64 code_cache_bytes; /* ENGINE_CODE_CACHE_MIN.._MAX; 0: default */
    enum engine_perf perf;
    u32 opts_off; /* 1 << enum engine_opt: what the base tier leaves out */
    /* Of the blocks that would be translated, numbered from 0 in the order in which they come to
     * that, only these are; for finding the one that is wrong. count 0: all. */
    u64 blocks_first, blocks_count;
    unsigned host_cpus; /* processors for the vCPUs to share; 0: those of this process */
};

/* What the machine does for its CPUs. Called on vCPU threads unless said otherwise. */
struct engine_host {
    void *arg;
    /* Guest time, ns since start, not counted while paused. Not called in deterministic
     * mode, where it is a function of the count. [any thread] */
    ns_t (*clock)(void *arg);
    /* When that will be `at`, on the host's monotonic clock; UINT64_MAX: never. NULL: guest time
     * runs as fast as the host's. Likewise. */
    ns_t (*deadline)(void *arg, ns_t at);
    bool (*firmware_call)(void *arg, struct vcpu *c);
    int (*sysreg_read)(void *arg, struct vcpu *c, unsigned space, unsigned number, u64 *out);
    int (*sysreg_write)(void *arg, struct vcpu *c, unsigned space, unsigned number, u64 v);
    u64 (*random)(void *arg);
    /* Deterministic mode: a quantum ended, no vCPU runs, guest time is now. until: while it is
     * more than now all CPUs wait, and it is their earliest deadline (UINT64_MAX: none, only
     * the outside can go on). Devices run here, events due at now included; returns the guest
     * time of the next device event (UINT64_MAX: none). May be called twice with one `now`. */
    ns_t (*quantum_end)(void *arg, ns_t now, ns_t until);
    /* Lock step found a difference, which log_error() has said; the machine must stop. */
    void (*check_failed)(void *arg);
    /* All vCPUs have stopped after engine_pause_request() or engine_stop_at(). */
    void (*paused)(void *arg);
};

int engine_new(const struct engine_config *cfg, const struct engine_host *host, struct engine **ret,
               struct err *err) MUST_CHECK;
struct engine *engine_free(struct engine *e);

struct vcpu *engine_cpu(struct engine *e, unsigned index);

/* Life: new → start (threads exist, paused) → resume ⇄ pause → free. */
int engine_start(struct engine *e, struct err *err) MUST_CHECK;
void engine_resume(struct engine *e);
/* Asks all vCPUs to stop at an instruction boundary; paused() tells when. [any thread] */
void engine_pause_request(struct engine *e);
/* Waits until they have. Not on a vCPU thread. */
void engine_pause_wait(struct engine *e);

/* Only while paused: drops what is decoded and has no host code, so that it is decoded anew where
 * it runs again. For a guest that has become idle. unused: also host code that was not looked
 * for since the call before; its memory goes back to the host. */
void engine_trim(struct engine *e, bool unused);

/* Pauses when CPU 0 has retired exactly `insns` instructions since its start (exact in
 * deterministic mode, at the next block edge otherwise). Only while paused. */
void engine_stop_at(struct engine *e, u64 insns);

/* --- [any thread] --- */
/* Drives an interrupt line of a vCPU. */
void engine_irq_set(struct engine *e, unsigned cpu, unsigned line, bool level);
/* Lets a stopped vCPU (vcpu.stopped) run; prepare(c, arg) is called on its thread first. Does
 * nothing when it is not stopped by then. A second call before the first was taken replaces it. */
void engine_cpu_wake(struct engine *e, unsigned cpu, void (*prepare)(struct vcpu *c, void *arg),
                     void *arg);
/* Runs fn(c, arg) on each vCPU in mask at its next safe point and returns when all have:
 * TLB shoot-down, remote fences. May be called on a vCPU's own thread. */
void engine_cpu_call(struct engine *e, const u64 *cpu_mask, void (*fn)(struct vcpu *c, void *arg),
                     void *arg);

/* Guest time: the host's clock(), or in deterministic mode what the count makes of it, exact when
 * called by a device that a vCPU accesses. One instruction takes one nanosecond there. */
ns_t engine_clock(struct engine *e);
/* Deterministic mode: where a pause found the vCPUs. It may have come within a quantum, whose
 * rest must be lived in the same turns. */
struct engine_moment {
    ns_t now;        /* guest time of the vCPU whose turn it is; between two quanta, of all */
    ns_t start, end; /* of the quantum; equal between two */
    unsigned turn;   /* whose turn it is: those before had theirs, those after are at `start` */
};
/* Both only while paused. Set: because state was loaded; start <= now <= end, turn < cpus. */
struct engine_moment engine_moment(const struct engine *e);
void engine_moment_set(struct engine *e, struct engine_moment moment);

/* --- statistics: a snapshot, roughly consistent while running --- */
struct engine_stats {
    u64 insns, run_ns;
    u64 blocks_decoded, insns_decoded, decode_ns; /* an instruction as often as it was decoded */
    u64 insns_translated, compile_ns; /* in blocks of the base tier; it: IR and host code */
    u64 tlb_refills, slow_accesses, io_accesses;
    u64 exits_jump, exits_irq, exits_fault, exits_request;
    u64 evictions, smc_invalidations;
    u64 code_bytes;    /* of live blocks: what code_cache_bytes limits */
    u64 host_blocks;   /* translated by the base tier */
    u64 insns_held;    /* decoded instructions in memory: of blocks without host code */
    u64 decoded_again; /* blocks with host code whose instructions were asked for */
    u64 yields;        /* times that a waiting vCPU left its host CPU to others */
};
void engine_stats_get(struct engine *e, struct engine_stats *out);
/* Retired by that CPU so far; while it runs: when it last left translated code. */
u64 engine_insns(struct engine *e, unsigned cpu);
/* The operating system's number of the thread that runs a vCPU; 0 before it runs. */
int engine_cpu_thread(struct engine *e, unsigned cpu);

#endif
