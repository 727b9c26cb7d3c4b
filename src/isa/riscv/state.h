/*
 * state.h - the guest-visible state of a 64-bit RISC-V hart, declared once.
 *
 * Layout follows use: what compiled code touches comes first. Privileged
 * Architecture 20240411; CSR fields live in their CSR unless a comment says where.
 */
#ifndef ISA_RISCV_STATE_H
#define ISA_RISCV_STATE_H

#include "isa/isa.h"
#include "state/state.h"

enum { RV_PMP_COUNT = 16, RV_HPM_COUNT = 29 };

enum rv_priv { RV_U = 0, RV_S = 1, RV_M = 3 };

#define RV_STATE(F, A, N)                                                                          \
    A(u64, x, 32, ZERO, "integer registers; x[0] is never written")                                \
    F(u64, pc, ZERO, "program counter")                                                            \
    F(u64, sink, ZERO, "where writes to x0 go")                                                    \
    A(u64, f, 32, ZERO, "floating-point registers, NaN-boxed when narrower")                       \
    F(u8, frm, ZERO, "fcsr.frm; must be followed by fflags: the two are the struct fp_env")        \
    F(u8, fflags, ZERO, "fcsr.fflags")                                                             \
    F(u8, fs, ZERO, "mstatus.FS: 0 off, 1 initial, 2 clean, 3 dirty")                              \
    F(u8, priv, ZERO, "privilege: 0 U, 1 S, 3 M")                                                  \
    F(u64, mstatus, ZERO, "mstatus without FS and SD, which are derived")                          \
    F(u64, mie, ZERO, "interrupt enables")                                                         \
    F(u64, mip, ZERO, "software-written pending bits: SSIP, STIP, SEIP, LCOFIP")                   \
    F(u64, mideleg, ZERO, "delegated interrupts")                                                  \
    F(u64, medeleg, ZERO, "delegated exceptions")                                                  \
    F(u64, mtvec, ZERO, "")                                                                        \
    F(u64, mscratch, ZERO, "")                                                                     \
    F(u64, mepc, ZERO, "")                                                                         \
    F(u64, mcause, ZERO, "")                                                                       \
    F(u64, mtval, ZERO, "")                                                                        \
    F(u64, mcounteren, ZERO, "")                                                                   \
    F(u64, menvcfg, ZERO, "")                                                                      \
    F(u64, stvec, ZERO, "")                                                                        \
    F(u64, sscratch, ZERO, "")                                                                     \
    F(u64, sepc, ZERO, "")                                                                         \
    F(u64, scause, ZERO, "")                                                                       \
    F(u64, stval, ZERO, "")                                                                        \
    F(u64, satp, ZERO, "")                                                                         \
    F(u64, scounteren, ZERO, "")                                                                   \
    F(u64, senvcfg, ZERO, "")                                                                      \
    F(u64, stimecmp, ZERO, "Sstc: compared with time")                                             \
    F(u64, mcycle_offset, ZERO, "mcycle minus the count of retired instructions")                  \
    F(u64, minstret_offset, ZERO, "minstret minus the count of retired instructions")              \
    A(u64, mhpmcounter, 29, ZERO, "hpm counters 3..31: hold what is written, count nothing")       \
    A(u64, mhpmevent, 29, ZERO, "their event selectors (Sscofpmf bits kept)")                      \
    A(u8, pmpcfg, 16, ZERO, "PMP entry configurations")                                            \
    A(u64, pmpaddr, 16, ZERO, "PMP addresses, >> 2")                                               \
    F(u64, miselect, ZERO, "AIA: selects what mireg reaches")                                      \
    F(u64, siselect, ZERO, "AIA: selects what sireg reaches")

STATE_STRUCT(rv, RV_STATE);
extern const struct state_list rv_state_list;

static inline struct rv_state *rv_state(struct vcpu *c)
{
    return vcpu_state(c);
}

/* Interrupt lines of a hart: numbers for engine_irq_set, bits of vcpu.irq_lines. They are
 * ORed into mip at the bit of the same number. */
enum {
    RV_IRQ_SSI = 1,
    RV_IRQ_MSI = 3,
    RV_IRQ_STI = 5,
    RV_IRQ_MTI = 7,
    RV_IRQ_SEI = 9,
    RV_IRQ_MEI = 11,
    RV_IRQ_LCOF = 13
};

/* Exception causes (mcause without the interrupt bit). */
enum rv_cause {
    RV_INSN_MISALIGNED = 0,
    RV_INSN_ACCESS = 1,
    RV_ILLEGAL = 2,
    RV_BREAKPOINT = 3,
    RV_LOAD_MISALIGNED = 4,
    RV_LOAD_ACCESS = 5,
    RV_STORE_MISALIGNED = 6,
    RV_STORE_ACCESS = 7,
    RV_ECALL_U = 8,
    RV_ECALL_S = 9,
    RV_ECALL_M = 11,
    RV_INSN_PAGE = 12,
    RV_LOAD_PAGE = 13,
    RV_STORE_PAGE = 15,
};

#endif
