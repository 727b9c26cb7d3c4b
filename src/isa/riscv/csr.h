/*
 * csr.h - CSR fields by the specification's names, and the rules behind them.
 */
#ifndef ISA_RISCV_CSR_H
#define ISA_RISCV_CSR_H

#include "isa/riscv/state.h"

/* mstatus */
#define MSTATUS_SIE  (1ull << 1)
#define MSTATUS_MIE  (1ull << 3)
#define MSTATUS_SPIE (1ull << 5)
#define MSTATUS_MPIE (1ull << 7)
#define MSTATUS_SPP  (1ull << 8)
#define MSTATUS_MPP  (3ull << 11)
#define MSTATUS_FS   (3ull << 13)
#define MSTATUS_MPRV (1ull << 17)
#define MSTATUS_SUM  (1ull << 18)
#define MSTATUS_MXR  (1ull << 19)
#define MSTATUS_TVM  (1ull << 20)
#define MSTATUS_TW   (1ull << 21)
#define MSTATUS_TSR  (1ull << 22)
#define MSTATUS_UXL  (3ull << 32)
#define MSTATUS_SXL  (3ull << 34)
#define MSTATUS_SD   (1ull << 63)
#define MSTATUS_XL64 (2ull << 32 | 2ull << 34)
enum { MSTATUS_MPP_SHIFT = 11, MSTATUS_FS_SHIFT = 13, MSTATUS_SPP_SHIFT = 8 };

/* mip, mie */
#define MIP_SSIP   (1ull << RV_IRQ_SSI)
#define MIP_MSIP   (1ull << RV_IRQ_MSI)
#define MIP_STIP   (1ull << RV_IRQ_STI)
#define MIP_MTIP   (1ull << RV_IRQ_MTI)
#define MIP_SEIP   (1ull << RV_IRQ_SEI)
#define MIP_MEIP   (1ull << RV_IRQ_MEI)
#define MIP_LCOFIP (1ull << RV_IRQ_LCOF)
#define MIP_S_ALL  (MIP_SSIP | MIP_STIP | MIP_SEIP | MIP_LCOFIP)
#define MIP_ALL    (MIP_S_ALL | MIP_MSIP | MIP_MTIP | MIP_MEIP)

/* menvcfg, senvcfg */
#define ENVCFG_FIOM  (1ull << 0)
#define ENVCFG_CBIE  (3ull << 4)
#define ENVCFG_CBCFE (1ull << 6)
#define ENVCFG_CBZE  (1ull << 7)
#define ENVCFG_ADUE  (1ull << 61)
#define ENVCFG_PBMTE (1ull << 62)
#define ENVCFG_STCE  (1ull << 63)

/* satp */
enum { SATP_BARE = 0, SATP_SV39 = 8, SATP_SV48 = 9, SATP_SV57 = 10, SATP_MODE_SHIFT = 60 };

/* The `time` CSR and mtime tick at 10 MHz: 100 ns of guest time each. */
enum { RV_NS_PER_TICK = 100 };

/* All pending interrupts: software bits and the lines from outside. */
u64 rv_mip(const struct vcpu *c);

u64 rv_mstatus_get(const struct rv_state *s);
void rv_mstatus_set(struct vcpu *c, u64 v);

/* Arms the hart's timer for stimecmp and sets or clears STIP (Sstc). */
void rv_timer_update(struct vcpu *c);

/* The most urgent interrupt of `set` by the default order, or 0. */
unsigned rv_irq_first(u64 set);

/* Reads or writes a CSR with the hart's own rights. False: it does not exist, or its
 * privilege, counter enables or mode bits forbid it: illegal instruction. */
bool rv_csr_read(struct vcpu *c, unsigned csr, u64 *out);
bool rv_csr_write(struct vcpu *c, unsigned csr, u64 v);
bool rv_csr_allowed(const struct vcpu *c, unsigned csr, bool write);

/* NULL for a number that is no CSR of ours. */
const char *rv_csr_name(unsigned csr);

#endif
