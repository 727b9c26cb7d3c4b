/*
 * el2.h - what EL2 rules: HCR_EL2 as it takes effect, registers that are others there, traps
 * (D1.3.2, D8.1.2, D24.2.52).
 */
#ifndef ISA_ARM64_EL2_H
#define ISA_ARM64_EL2_H

#include "isa/arm64/state.h"

/* HCR_EL2 (D24.2.52) */
#define HCR_VM    (1ull << 0)
#define HCR_PTW   (1ull << 2)
#define HCR_FMO   (1ull << 3)
#define HCR_IMO   (1ull << 4)
#define HCR_AMO   (1ull << 5)
#define HCR_VF    (1ull << 6)
#define HCR_VI    (1ull << 7)
#define HCR_VSE   (1ull << 8)
#define HCR_FB    (1ull << 9)
#define HCR_BSU   (3ull << 10)
#define HCR_DC    (1ull << 12)
#define HCR_TWI   (1ull << 13)
#define HCR_TWE   (1ull << 14)
#define HCR_TID0  (1ull << 15)
#define HCR_TID1  (1ull << 16)
#define HCR_TID2  (1ull << 17)
#define HCR_TID3  (1ull << 18)
#define HCR_TSC   (1ull << 19)
#define HCR_TIDCP (1ull << 20)
#define HCR_TACR  (1ull << 21)
#define HCR_TSW   (1ull << 22)
#define HCR_TPC   (1ull << 23)
#define HCR_TPU   (1ull << 24)
#define HCR_TTLB  (1ull << 25)
#define HCR_TVM   (1ull << 26)
#define HCR_TGE   (1ull << 27)
#define HCR_TDZ   (1ull << 28)
#define HCR_HCD   (1ull << 29)
#define HCR_TRVM  (1ull << 30)
#define HCR_RW    (1ull << 31)
#define HCR_CD    (1ull << 32)
#define HCR_ID    (1ull << 33)
#define HCR_E2H   (1ull << 34)
#define HCR_APK   (1ull << 40)
#define HCR_API   (1ull << 41)

/* CPTR_EL2 (D24.2.37); where E2H is 0: TFP */
#define CPTR_TFP   (1ull << 10)
#define CPTR_FPEN1 (1ull << 20)
#define CPTR_FPEN0 (1ull << 21)
#define CPTR_TCPAC (1ull << 31)
#define CPTR_MASK  (CPTR_TCPAC | 1ull << 30 | 1ull << 28 | CPTR_FPEN0 | CPTR_FPEN1 | CPTR_TFP)

/* MDCR_EL2 (D24.3.18) */
#define MDCR_HPMN  31ull
#define MDCR_TPMCR (1ull << 5)
#define MDCR_TPM   (1ull << 6)
#define MDCR_HPME  (1ull << 7)
#define MDCR_TDE   (1ull << 8)
#define MDCR_TDA   (1ull << 9)
#define MDCR_TDOSA (1ull << 10)
#define MDCR_TDRA  (1ull << 11)
#define MDCR_HPMD  (1ull << 17)

/* CNTHCTL_EL2 (D24.10.2): EL1 may use the physical counter and timer; 10 bits up where E2H is 1 */
#define CNTHCTL_EL1PCTEN (1ull << 0)
#define CNTHCTL_EL1PCEN  (1ull << 1)
#define CNTHCTL_ECV      (1ull << 12) /* the physical timer's count is CNTPOFF_EL2 behind */
#define CNTHCTL_EL1TVT   (1ull << 13) /* not the virtual timer, nor the virtual counter */
#define CNTHCTL_EL1TVCT  (1ull << 14)
enum { CNTHCTL_E2H_SHIFT = 10 };

/* HCR_EL2 without the bits that E2H and TGE take the effect from; 0 without EL2. */
u64 arm_hcr(const struct arm_state *s);

/* EL2 with E2H, or EL0 under it (IsInHost(), D1.3.2). */
bool arm_in_host(const struct arm_state *s);

/* SCTLR_EL1 or SCTLR_EL2: the one that this level goes by. */
u64 arm_sctlr(const struct arm_state *s);

/* The cause of the exception that floating point is answered with at this level, or 0. */
u32 arm_fp_trap(const struct arm_state *s);

/* Does EL2 trap pointer authentication that is enabled at this level? */
bool arm_el2_traps_pauth(const struct arm_state *s);

/* The register that a number in an instruction means here: under E2H that of EL2, or, by the
 * names ..._EL12 and ..._EL02, that of EL1. 0: none. */
unsigned arm_el2_register(const struct arm_state *s, unsigned number);

/* Does EL2 trap MRS, MSR or SYS of this number from the present level, which may have it? */
bool arm_el2_traps(struct vcpu *c, unsigned number, bool write);

/* Interrupt controller: who answers an ICC_* register, and whether EL1 may have it. */
unsigned arm_el2_gic_space(const struct arm_state *s, unsigned number);

#endif
