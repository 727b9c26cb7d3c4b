/*
 * state.h - the guest-visible state of an A64 processing element, declared once.
 *
 * What a program at EL0 sees; exception levels come with their own members. Arm Architecture
 * Reference Manual (DDI 0487), chapter B1 and D24.
 */
#ifndef ISA_ARM64_STATE_H
#define ISA_ARM64_STATE_H

#include "ir/fp.h"
#include "isa/isa.h"
#include "state/state.h"

#define ARM_STATE(F, A, N)                                                                         \
    A(u64, x, 31, ZERO, "general registers X0 to X30")                                             \
    F(u64, zero, ZERO, "what XZR reads as; never written")                                         \
    F(u64, pc, ZERO, "program counter")                                                            \
    F(u64, sp, ZERO, "the stack pointer that PSTATE.EL and SPSel select")                          \
    F(u64, sink, ZERO, "where writes to XZR go")                                                   \
    F(u8, n, ZERO, "PSTATE.N; it and the next three hold 0 or 1")                                  \
    F(u8, z, ZERO, "PSTATE.Z")                                                                     \
    F(u8, c, ZERO, "PSTATE.C")                                                                     \
    F(u8, v, ZERO, "PSTATE.V")                                                                     \
    F(u8, round, ZERO, "FPCR.RMode as enum fp_round; it and flags are the struct fp_env")          \
    F(u8, flags, ZERO, "FPSR's cumulative bits as FP_*")                                           \
    F(u8, qc, ZERO, "FPSR.QC")                                                                     \
    F(u8, dit, ZERO, "PSTATE.DIT")                                                                 \
    F(u8, ssbs, ZERO, "PSTATE.SSBS")                                                               \
    F(u32, fpcr, ZERO, "FPCR without RMode")                                                       \
    F(u64, tpidr_el0, ZERO, "")                                                                    \
    F(u64, tpidrro_el0, ZERO, "")                                                                  \
    A(u64, q, 64, ZERO, "V0 to V31, two words each, the lower first")

STATE_STRUCT(arm, ARM_STATE);
extern const struct state_list arm_state_list;

static inline struct arm_state *arm_state(struct vcpu *c)
{
    return vcpu_state(c);
}

/* Exception classes, ESR_ELx.EC: the cause of what is raised. Its value is the immediate of
 * SVC and BRK, and the faulting address of an abort. */
enum arm_ec {
    ARM_EC_UNKNOWN = 0x00,
    ARM_EC_SVC = 0x15,
    ARM_EC_SYSREG = 0x18,
    ARM_EC_DATA_ABORT = 0x24,
    ARM_EC_BRK = 0x3c,
};

/* FPCR and FPSR where a program may set them (D24.2.29, D24.2.30). */
enum {
    ARM_FPCR_RMODE_SHIFT = 22,
    ARM_FPCR_FZ16 = 1 << 19,
    ARM_FPCR_FZ = 1 << 24,
    ARM_FPCR_DN = 1 << 25,
    ARM_FPCR_AHP = 1 << 26,
    ARM_FPCR_MODES = ARM_FPCR_FZ16 | ARM_FPCR_FZ | ARM_FPCR_DN | ARM_FPCR_AHP,
    ARM_FPSR_QC_SHIFT = 27,
};

/* What is the same on every CPU described here: caches of 64-byte lines that need no
 * maintenance for coherence with instruction fetches (IDC, DIC), DC ZVA of 64 bytes, a
 * counter of 1 GHz (B2.9, D12.1). */
enum { ARM_LINE_BYTES = 64 };
#define ARM_CTR_EL0    0xb444c004ull
#define ARM_DCZID_EL0  4ull
#define ARM_CNTFRQ_EL0 1000000000ull

#endif
