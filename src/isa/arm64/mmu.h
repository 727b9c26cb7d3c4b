/*
 * mmu.h - translation: TLB banks, walks, maintenance (D8).
 */
#ifndef ISA_ARM64_MMU_H
#define ISA_ARM64_MMU_H

#include "isa/arm64/state.h"

/* One bank for each way the same address can be seen. EL1's fetches, which PAN is nothing to,
 * go by the one that a kernel is in mostly. */
enum arm_bank {
    ARM_BANK_EL0,
    ARM_BANK_EL1,      /* PAN is clear */
    ARM_BANK_EL1_PAN,  /* PAN is set, and fetches */
    ARM_BANK_ILLEGAL,  /* PSTATE.IL: every fetch faults */
    ARM_BANK_HOST_EL0, /* EL0 under EL2 (E2H and TGE) */
    ARM_BANK_EL2,      /* without E2H, or PAN is clear */
    ARM_BANK_EL2_PAN,  /* E2H and PAN, and fetches under E2H */
    ARM_BANK_ONCE,     /* fetches of what is stepped, or BTYPE is set for: holds nothing */
    ARM_BANK_COUNT,
};

/* What belongs to an address space: banks through which a kernel that uses PAN sees pages of
 * its own alone, global ones, are shared. */
#define ARM_CONTEXT_BANKS                                                                          \
    (1u << ARM_BANK_EL0 | 1u << ARM_BANK_EL1 | 1u << ARM_BANK_HOST_EL0 | 1u << ARM_BANK_EL2)
#define ARM_ALL_BANKS     ((1u << ARM_BANK_COUNT) - 1)

/* Binds regimes to the banks that PSTATE calls for. */
void arm_mmu_rebind(struct vcpu *c);

/* Drops all translations of this CPU, and names its address space anew. */
void arm_mmu_flush(struct vcpu *c);

/* A TTBR or TCR_EL1.A1 was written: the address space may be another. */
void arm_mmu_ttbr_changed(struct vcpu *c);

/* The address space that an ASID names in a TLBI of this CPU, and dropping what is not global of
 * it.
 */
u64 arm_mmu_asid_space(const struct arm_state *s, u64 asid);
void arm_mmu_flush_asid(struct vcpu *c, u64 space);

/* arm_mmu_translate() for data, or stage 1 of it alone, which a stage 2 only finds tables for. */
int arm_mmu_walk(struct vcpu *c, gva_t va, enum isa_access access, unsigned bank, bool stage1_only,
                 struct isa_xlate *out, struct isa_fault *fault);

/* The bank of fetches, but for software step. */
unsigned arm_mmu_plain_fetch_bank(const struct arm_state *s);

/* isa.fetch_bank, isa.translate, isa.memory_fault */
unsigned arm_mmu_fetch_bank(const struct vcpu *c);
int arm_mmu_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access,
                      unsigned bank, struct isa_xlate *out, struct isa_fault *fault);
void arm_mmu_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                          struct isa_fault *fault);
/* isa.atomic_fault */
void arm_mmu_atomic_fault(struct vcpu *c, gva_t va, unsigned size, unsigned bank,
                          struct isa_fault *fault);

/* In isa_xlate.attr, beside MAIR's attribute and, from bit 8, the shareability. */
enum { ARM_ATTR_GUARDED = 1 << 16 };

/* Types of memory that only allow aligned accesses; an attribute of MAIR_EL1. */
static inline bool arm_mmu_is_device(u32 attr)
{
    return (attr & 0xf0) == 0;
}

/* The address without a tag, where its top byte is ignored. */
gva_t arm_mmu_untagged(const struct arm_state *s, gva_t va);

/* Syndromes of aborts: ISS of ESR_ELx (D24.2.45). */
enum {
    ARM_FSC_ADDRESS_SIZE = 0x00, /* plus the level, as the next three */
    ARM_FSC_TRANSLATION = 0x04,
    ARM_FSC_ACCESS_FLAG = 0x08,
    ARM_FSC_PERMISSION = 0x0c,
    ARM_FSC_EXTERNAL = 0x10,
    ARM_FSC_WALK_EXTERNAL = 0x14, /* plus the level, which may be -1 */
    ARM_FSC_ALIGNMENT = 0x21,
    ARM_FSC_ADDRESS_SIZE_M1 = 0x29, /* of level -1 */
    ARM_FSC_TRANSLATION_M1 = 0x2b,
    ARM_FSC_MASK = 0x3f,
    ARM_ISS_WNR = 1 << 6,
    ARM_ISS_S1PTW = 1 << 7,
    ARM_ISS_CM = 1 << 8,
    ARM_ISS_MASK = (1 << 25) - 1,
    /* Bits of isa_fault.value2 above the syndrome: of what stage 2 faults, the page it was for. */
    ARM_FAULT_IPA = 24,
};

/* A SYS instruction, op0 = 1: TLBI, AT, DC, IC. number: as a system register's. False: there is no
 * such one at this exception level. tlbi.c */
bool arm_sys(struct vcpu *c, unsigned number, u64 x);

#endif
