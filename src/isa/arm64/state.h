/*
 * state.h - the guest-visible state of an A64 processing element, declared once.
 *
 * Arm Architecture Reference Manual (DDI 0487), chapters B1, D1 and D24; fields live in their
 * register unless a comment says where.
 */
#ifndef ISA_ARM64_STATE_H
#define ISA_ARM64_STATE_H

#include "ir/fp.h"
#include "isa/isa.h"
#include "state/state.h"

enum { ARM_PMU_COUNTERS = 6 }; /* of events */

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
    F(u8, round, ZERO, "FPCR.RMode as enum fp_round; the first of the struct fp_env")             \
    F(u8, flags, ZERO, "FPSR's cumulative bits as FP_*")                                           \
    F(u8, rules, ZERO, "derived: what FPCR.DN and FZ ask for, enum fp_rules; it and")              \
    F(u8, rules16, ZERO, "FZ16's are the rest of the struct fp_env")                               \
    F(u8, qc, ZERO, "FPSR.QC")                                                                     \
    F(u8, dit, ZERO, "PSTATE.DIT")                                                                 \
    F(u8, ssbs, ZERO, "PSTATE.SSBS")                                                               \
    F(u8, el, ZERO, "PSTATE.EL: 0 to 2")                                                           \
    F(u8, spsel, ZERO, "PSTATE.SP: 0 says SP_EL0 at every level")                                  \
    F(u8, daif, ZERO, "PSTATE.D, A, I, F, from bit 3 down")                                        \
    F(u8, pan, ZERO, "PSTATE.PAN")                                                                 \
    F(u8, uao, ZERO, "PSTATE.UAO")                                                                 \
    F(u8, btype, ZERO, "PSTATE.BTYPE, or 0 where it has no effect any more")                       \
    F(u8, ss, ZERO, "PSTATE.SS, or 1 still when the stepped instruction was executed")             \
    F(u8, steps, ZERO, "derived: software step is enabled here")                                   \
    F(u8, has_points, ZERO, "derived: breakpoints and watchpoints are enabled")                    \
    F(u64, step_from, ZERO, "number of the stepped instruction, when it was fetched")              \
    F(u8, il, ZERO, "PSTATE.IL")                                                                   \
    F(u8, zva_traps, ZERO, "derived: DC ZVA is not for EL0 now")                                   \
    F(u8, fp_traps, ZERO, "derived: floating point is trapped at this level")                      \
    F(u8, has_el2, ZERO, "1: this CPU has EL2, as its board says")                                 \
    F(u8, timer_lines, ZERO, "what the timers drive: bit by enum arm_timer")                       \
    F(u32, fpcr, ZERO, "FPCR without RMode")                                                       \
    F(u64, tpidr_el0, ZERO, "")                                                                    \
    F(u64, tpidrro_el0, ZERO, "")                                                                  \
    F(u64, tpidr_el1, ZERO, "")                                                                    \
    F(u64, sp_el0, ZERO, "while another is selected")                                              \
    F(u64, sp_el1, ZERO, "while another is selected")                                              \
    F(u64, elr_el1, ZERO, "")                                                                      \
    F(u64, spsr_el1, ZERO, "")                                                                     \
    F(u64, esr_el1, ZERO, "")                                                                      \
    F(u64, far_el1, ZERO, "")                                                                      \
    F(u64, vbar_el1, ZERO, "")                                                                     \
    F(u64, sctlr_el1, ZERO, "")                                                                    \
    F(u64, cpacr_el1, ZERO, "")                                                                    \
    F(u64, ttbr0_el1, ZERO, "")                                                                    \
    F(u64, ttbr1_el1, ZERO, "")                                                                    \
    F(u64, tcr_el1, ZERO, "")                                                                      \
    F(u64, mair_el1, ZERO, "")                                                                     \
    F(u64, par_el1, ZERO, "")                                                                      \
    F(u64, contextidr_el1, ZERO, "")                                                               \
    F(u64, csselr_el1, ZERO, "")                                                                   \
    F(u64, cntkctl_el1, ZERO, "")                                                                  \
    F(u64, cntfrq_el0, ZERO, "")                                                                   \
    A(u64, timer_ctl, 2, ZERO, "CNTV_CTL_EL0, CNTP_CTL_EL0 without ISTATUS")                       \
    A(u64, timer_cval, 2, ZERO, "CNTV_CVAL_EL0, CNTP_CVAL_EL0")                                    \
    F(u64, wait_until, ZERO, "physical count at which WFIT goes on; 0: none waits")                \
    F(u64, mdscr_el1, ZERO, "")                                                                    \
    F(u64, mdccint_el1, ZERO, "")                                                                  \
    F(u64, osdlr_el1, ZERO, "")                                                                    \
    F(u64, oslock, ZERO, "OSLSR_EL1.OSLK")                                                         \
    A(u64, dbgbvr, 2, ZERO, "breakpoints")                                                         \
    A(u64, dbgbcr, 2, ZERO, "")                                                                    \
    A(u64, dbgwvr, 2, ZERO, "watchpoints")                                                         \
    A(u64, dbgwcr, 2, ZERO, "")                                                                    \
    F(u64, space, ZERO, "derived: the address space that the TLB is bound to")                     \
    F(u64, shared_space, ZERO, "derived: whose translations bank ARM_BANK_EL1_PAN holds")          \
    F(u64, hcr_el2, ZERO, "")                                                                      \
    F(u64, mdcr_el2, ZERO, "")                                                                     \
    F(u64, cptr_el2, ZERO, "")                                                                     \
    F(u64, hstr_el2, ZERO, "holds what is written")                                                \
    F(u64, sctlr_el2, ZERO, "")                                                                    \
    F(u64, tcr_el2, ZERO, "")                                                                      \
    F(u64, ttbr0_el2, ZERO, "")                                                                    \
    F(u64, ttbr1_el2, ZERO, "")                                                                    \
    F(u64, mair_el2, ZERO, "")                                                                     \
    F(u64, vbar_el2, ZERO, "")                                                                     \
    F(u64, elr_el2, ZERO, "")                                                                      \
    F(u64, spsr_el2, ZERO, "")                                                                     \
    F(u64, esr_el2, ZERO, "")                                                                      \
    F(u64, far_el2, ZERO, "")                                                                      \
    F(u64, hpfar_el2, ZERO, "")                                                                    \
    F(u64, sp_el2, ZERO, "while another is selected")                                              \
    F(u64, tpidr_el2, ZERO, "")                                                                    \
    F(u64, contextidr_el2, ZERO, "")                                                               \
    F(u64, vttbr_el2, ZERO, "")                                                                    \
    F(u64, vtcr_el2, ZERO, "")                                                                     \
    F(u64, vpidr_el2, ZERO, "")                                                                    \
    F(u64, vmpidr_el2, ZERO, "")                                                                   \
    F(u64, cnthctl_el2, ZERO, "")                                                                  \
    F(u64, cntvoff_el2, ZERO, "")                                                                  \
    A(u64, htimer_ctl, 2, ZERO, "CNTHP_CTL_EL2, CNTHV_CTL_EL2 without ISTATUS")                    \
    A(u64, htimer_cval, 2, ZERO, "CNTHP_CVAL_EL2, CNTHV_CVAL_EL2")                                 \
    F(u64, pmcr, ZERO, "PMCR_EL0's bits that are kept")                                            \
    F(u64, pmcnten, ZERO, "PMCNTENSET_EL0")                                                        \
    F(u64, pminten, ZERO, "PMINTENSET_EL1")                                                        \
    F(u64, pmovs, ZERO, "PMOVSSET_EL0")                                                            \
    F(u64, pmselr, ZERO, "PMSELR_EL0")                                                             \
    F(u64, pmuserenr, ZERO, "PMUSERENR_EL0")                                                       \
    F(u64, pmccntr, ZERO, "PMCCNTR_EL0, as of pm_time")                                            \
    F(u64, pmccfiltr, ZERO, "PMCCFILTR_EL0")                                                       \
    A(u64, pmevcntr, ARM_PMU_COUNTERS, ZERO, "PMEVCNTR<n>_EL0, as of pm_time and pm_insns")         \
    A(u64, pmevtyper, ARM_PMU_COUNTERS, ZERO, "PMEVTYPER<n>_EL0")                                  \
    F(u64, pm_time, ZERO, "guest time when counters were brought up to date")                      \
    F(u64, pm_insns, ZERO, "instructions retired then")                                            \
    F(u64, pm_counting, ZERO, "derived: the counters that count at this level")                    \
    F(u8, pmu_line, ZERO, "level of the overflow interrupt")                                       \
    A(u64, pauth_key, 10, ZERO, "keys IA, IB, DA, DB, GA of pointer authentication: Lo, Hi")       \
    F(u8, pauth, ZERO, "derived: how code authenticates pointers at this level, ARM_PAUTH_*")      \
    F(u8, pauth_regime, ZERO, "derived: whose TCR the next is, and what follows is derived from")  \
    F(u64, pauth_tcr, ZERO, "derived")                                                             \
    F(u64, pauth_sign, ZERO, "derived: bits that are alike in a code pointer of the lower half")   \
    F(u64, pauth_other, ZERO, "derived: which of those are others in the upper half")              \
    F(u64, pauth_shift, ZERO, "derived: by which the bit that says the half, signing, is on top")  \
    A(u64, q, 64, ZERO, "V0 to V31, two words each, the lower first")                              \
    A(u64, scratch, 8, ZERO, "elements on their way; what an instruction leaves is not read")      \
    F(u64, cntpoff_el2, ZERO, "")                                                                  \
    F(u64, timer_due, ZERO, "derived: physical count at which something of the timers is due next")

STATE_STRUCT(arm, ARM_STATE);
extern const struct state_list arm_state_list;

static inline struct arm_state *arm_state(struct vcpu *c)
{
    return vcpu_state(c);
}

/* Exception classes, ESR_ELx.EC, as taken from a lower level: the cause of what is raised. Its
 * value is the immediate of SVC and BRK, the encoding of an instruction that is trapped, the
 * syndrome of a pointer that is not authentic, and the address of an abort, whose second value is
 * the syndrome. */
enum arm_ec {
    ARM_EC_UNKNOWN = 0x00,
    ARM_EC_WFX = 0x01,
    ARM_EC_FP = 0x07,
    ARM_EC_PAC = 0x09,
    ARM_EC_BRANCH_TARGET = 0x0d,
    ARM_EC_ILLEGAL_STATE = 0x0e,
    ARM_EC_SVC = 0x15,
    ARM_EC_HVC = 0x16,
    ARM_EC_SMC = 0x17,
    ARM_EC_SYSREG = 0x18,
    ARM_EC_PAC_FAIL = 0x1c,
    ARM_EC_FETCH_ABORT = 0x20,
    ARM_EC_PC_ALIGN = 0x22,
    ARM_EC_DATA_ABORT = 0x24,
    ARM_EC_SP_ALIGN = 0x26,
    ARM_EC_SERROR = 0x2f,
    ARM_EC_BREAKPOINT = 0x30,
    ARM_EC_STEP = 0x32,
    ARM_EC_WATCHPOINT = 0x34,
    ARM_EC_BRK = 0x3c,
    /* No exception: a tag that a branch has left in pc goes, and the fetch is tried again. */
    ARM_FETCH_AGAIN = 0x100,
    /* DC ZVA that is trapped: by the kernel of EL0, or by EL2. */
    ARM_EC_ZVA = 0x101,
    /* Beside a class: it is EL2 that traps this, wherever else it would go. */
    ARM_TO_EL2 = 0x200,
};

/* Keys of pointer authentication, in state.pauth_key's order; with it, that the instruction does
 * more than authenticate. */
enum {
    ARM_KEY_IA,
    ARM_KEY_IB,
    ARM_KEY_DA,
    ARM_KEY_DB,
    ARM_KEY_GA,
    ARM_KEY_COUNT,
    ARM_KEY_MASK = 7,
    ARM_KEY_COMBINED = 8,
};

/* Lines into a CPU: numbers for engine_irq_set. */
enum { ARM_LINE_IRQ, ARM_LINE_FIQ, ARM_LINE_SERROR, ARM_LINE_VIRQ, ARM_LINE_VFIQ };

/* The generic timers: those of EL1, and of EL2. */
enum arm_timer {
    ARM_TIMER_VIRTUAL,
    ARM_TIMER_PHYSICAL,
    ARM_TIMER_HYP_PHYSICAL,
    ARM_TIMER_HYP_VIRTUAL,
    ARM_TIMER_COUNT
};

/* FPCR and FPSR where a program may set them (D24.2.29, D24.2.30). */
enum {
    ARM_FPCR_RMODE_SHIFT = 22,
    ARM_FPCR_FZ16_SHIFT = 19,
    ARM_FPCR_FZ_SHIFT = 24,
    ARM_FPCR_DN_SHIFT = 25,
    ARM_FPCR_FZ16 = 1 << ARM_FPCR_FZ16_SHIFT,
    ARM_FPCR_FZ = 1 << ARM_FPCR_FZ_SHIFT,
    ARM_FPCR_DN = 1 << ARM_FPCR_DN_SHIFT,
    ARM_FPCR_AHP = 1 << 26,
    ARM_FPCR_MODES = ARM_FPCR_FZ16 | ARM_FPCR_FZ | ARM_FPCR_DN | ARM_FPCR_AHP,
    ARM_FPSR_QC_SHIFT = 27,
};

enum {
    ARM_RULES_DN = FP_RULES_DEFAULT_BEFORE - FP_RULES_SNAN_FIRST,
    ARM_RULES_FZ = FP_RULES_SNAN_FIRST_FZ - FP_RULES_SNAN_FIRST,
};
_Static_assert((int)FP_RULES_SNAN_FIRST + ARM_RULES_DN + ARM_RULES_FZ == FP_RULES_DEFAULT_BEFORE_FZ,
               "each bit of FPCR adds its own");

/* The rules that they ask for: enum fp_rules counts as this sum does. */
static inline unsigned arm_fp_rules(bool dn, bool fz)
{
    return FP_RULES_SNAN_FIRST + (dn ? 0u + ARM_RULES_DN : 0) + (fz ? 0u + ARM_RULES_FZ : 0);
}

/* What is the same on every CPU described here: caches of 64-byte lines that need no
 * maintenance for coherence with instruction fetches (IDC, DIC), DC ZVA of 64 bytes, a
 * counter of 1 GHz (B2.9, D12.1). */
enum { ARM_LINE_BYTES = 64 };
#define ARM_CTR_EL0    0xb444c004ull
#define ARM_DCZID_EL0  4ull
#define ARM_CNTFRQ_EL0 1000000000ull

#endif
