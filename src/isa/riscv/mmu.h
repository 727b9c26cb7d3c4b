/*
 * mmu.h - page tables, physical memory protection and TLB banks of a RISC-V hart.
 */
#ifndef ISA_RISCV_MMU_H
#define ISA_RISCV_MMU_H

#include "isa/riscv/state.h"

/* One bank for each way the same address can be seen: the effective privilege, with
 * S split by mstatus.SUM, and U and S again with MXR set. */
enum rv_bank {
    RV_BANK_U,
    RV_BANK_S,
    RV_BANK_S_SUM,
    RV_BANK_M,
    RV_BANK_MXR = 4, /* added to one of the first three */
    RV_BANK_COUNT = 7,
};

/* The scratch room of a hart: where walks lately found the tables of the last level, by the low
 * bits of the 2 MiB that a table maps. Only those whose entries physical memory protection lets
 * S-mode read; none that is older than the last flush. 64 tables map 128 MiB. */
enum { RV_TABLES = 64 };
struct rv_tables {
    struct {
        u64 satp, flushes; /* when it was found; satp 0: none */
        gva_t va;          /* >> 21 */
        u64 ppn;
        bool global; /* by one of the pointers that lead to it */
    } at[RV_TABLES];
};

/* Binds the data regime to the bank that privilege, MPRV, SUM and MXR call for. To be
 * called after any of them changed. */
void rv_mmu_rebind(struct vcpu *c);

/* What U-mode, or S-mode with SUM, sees belongs to an address space. */
#define RV_CONTEXT_BANKS (1u << RV_BANK_U | 1u << RV_BANK_S_SUM)

/* Drops all translations of this hart, and names its address space anew. */
void rv_mmu_flush(struct vcpu *c);

/* satp was `old` until now. */
void rv_mmu_satp_changed(struct vcpu *c, u64 old);

/* SFENCE.VMA; no va or asid given: all of them. Supervisor-level ISA, section 12.2.1. */
void rv_mmu_fence(struct vcpu *c, bool has_va, gva_t va, bool has_asid, u64 asid);

unsigned rv_mmu_fetch_bank(const struct vcpu *c);

/* isa.translate */
int rv_mmu_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                     struct isa_xlate *out, struct isa_fault *fault);

/* isa.memory_fault */
void rv_mmu_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                         struct isa_fault *fault);

/* What `priv` may do to `size` bytes at gpa: bit = enum isa_access. *uniform: the answer is the
 * same for every byte of its 4 KiB page. Privileged Architecture, "Physical Memory Protection". */
u8 rv_pmp_perm(const struct rv_state *s, gpa_t gpa, u64 size, enum rv_priv priv, bool *uniform);

/* What a write of `wanted` leaves in pmpcfg byte i / pmpaddr i: locks and WARL. */
u8 rv_pmp_cfg_legal(const struct rv_state *s, unsigned i, u8 wanted);
bool rv_pmp_addr_locked(const struct rv_state *s, unsigned i);

#endif
