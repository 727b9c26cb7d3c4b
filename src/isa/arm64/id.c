/*
 * id.c - what this CPU says of itself: as much as is described, and no more.
 *
 * Fields are named and placed as in D24.2. A feature's field moves in the commit that brings
 * the feature.
 */
#include "isa/arm64/sysreg.h"

#define FIELD(at, v) ((u64)(v) << (at))

/* Implementer 0 is for software; the architecture is told by the other registers. */
#define MIDR (FIELD(16, 0xf) | FIELD(4, 1))

/* Floating point and Advanced SIMD with half precision. No EL3, no AArch32. What a
 * mispredicted path has read tells nothing across contexts (CSV2), and nothing that it may not read
 * at all (CSV3): guest code is translated to code that does not speculate more than the host does.
 */
#define PFR0                                                                                       \
    (FIELD(0, 1) | FIELD(4, 1) | FIELD(16, 1) | FIELD(20, 1) | FIELD(48, 1) | FIELD(56, 1) |   \
     FIELD(60, 1))
enum { PFR0_EL2 = 8, PFR0_GIC = 24 };

#define PFR1 FIELD(4, 2) /* SSBS, with MRS and MSR */

/* ARMv8 debug with two breakpoints and two watchpoints, the least there is; no PMU. */
#define DFR0 (FIELD(0, 6) | FIELD(12, 1) | FIELD(20, 1))

/* AES with PMULL, SHA1, SHA2 with SHA512, CRC32, LSE, RDM, SHA3, SM3, SM4, DotProd, FHM, FlagM2 */
#define ISAR0                                                                                      \
    (FIELD(4, 2) | FIELD(8, 1) | FIELD(12, 2) | FIELD(16, 1) | FIELD(20, 2) | FIELD(28, 1) |       \
     FIELD(32, 1) | FIELD(36, 1) | FIELD(40, 1) | FIELD(44, 1) | FIELD(48, 1) | FIELD(52, 2))
/* JSCVT, FCMA, LRCPC2, FRINTTS, SB, BF16, I8MM */
#define ISAR1                                                                                      \
    (FIELD(12, 1) | FIELD(16, 1) | FIELD(20, 2) | FIELD(32, 1) | FIELD(36, 1) | FIELD(44, 1) |     \
     FIELD(52, 1))

/* 48 bits, 16-bit ASIDs, granules of 16, 64 and 4 KiB; little-endian alone. */
#define MMFR0 (FIELD(0, 5) | FIELD(4, 2) | FIELD(20, 1))
/* access flag and dirty state, HPDS, PAN2 */
#define MMFR1 (FIELD(0, 2) | FIELD(12, 1) | FIELD(20, 2))
/* Where there is EL2: 16-bit VMIDs, VHE. */
#define MMFR1_EL2 (FIELD(4, 2) | FIELD(8, 1))
/* CnP, UAO, E0PD; not LSE2, as pairs are two accesses */
#define MMFR2 (FIELD(0, 1) | FIELD(4, 1) | FIELD(60, 1))

/* Caches for those who size their loops by them: 32 KiB twice, 1 MiB of both. None needs
 * maintenance to be coherent: levels of unification are 0. */
#define CLIDR (FIELD(0, 3) | FIELD(3, 4) | FIELD(24, 2))

/* bytes a line 64: log2 of words less 2 */
static u64 ccsidr(unsigned ways, unsigned sets)
{
    return 2 | FIELD(3, ways - 1) | FIELD(13, sets - 1);
}

static u64 cache_size(const struct arm_state *s)
{
    return s->csselr_el1 >> 1 == 0 ? ccsidr(8, 64) : s->csselr_el1 == 2 ? ccsidr(16, 1024) : 0;
}

static bool has_gic(struct vcpu *c)
{
    u64 v;

    return c->env->sysreg_read(c, ARM_SPACE_GIC, 0, &v) == 0;
}

/* What EL1 sees is for EL2 to say. */
static u64 midr(const struct arm_state *s)
{
    return s->has_el2 && s->el == 1 ? s->vpidr_el2 : MIDR;
}

static u64 mpidr(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);

    return s->has_el2 && s->el == 1 ? s->vmpidr_el2 : FIELD(31, 1) | arm_affinity(c->index);
}

u64 arm_id_get(struct vcpu *c, unsigned number)
{
    bool el2 = arm_state(c)->has_el2;

    switch (number) {
    case ARM_SYS(3, 0, 0, 0, 0): return midr(arm_state(c));
    case ARM_SYS(3, 0, 0, 0, 5): return mpidr(c);
    case ARM_SYS(3, 0, 0, 4, 0): return PFR0 | FIELD(PFR0_EL2, el2) | FIELD(PFR0_GIC, has_gic(c));
    case ARM_SYS(3, 0, 0, 4, 1): return PFR1;
    case ARM_SYS(3, 0, 0, 5, 0): return DFR0;
    case ARM_SYS(3, 0, 0, 6, 0): return ISAR0;
    case ARM_SYS(3, 0, 0, 6, 1): return ISAR1;
    case ARM_SYS(3, 0, 0, 7, 0): return MMFR0;
    case ARM_SYS(3, 0, 0, 7, 1): return MMFR1 | (el2 ? MMFR1_EL2 : 0);
    case ARM_SYS(3, 0, 0, 7, 2): return MMFR2;
    case ARM_SYS(3, 1, 0, 0, 0): return cache_size(arm_state(c));
    case ARM_SYS(3, 1, 0, 0, 1): return CLIDR;
    case ARM_SYS(3, 3, 0, 0, 1): return ARM_CTR_EL0;
    case ARM_SYS(3, 3, 0, 0, 7): return ARM_DCZID_EL0;
    default: return 0;
    }
}
