/*
 * model.c - the CPU models, as far as they are described: Arm's Cortex-A57 and Neoverse N1 without
 * AArch32 and what is above EL1, and `max`, which has everything.
 *
 * Fields are named and placed as in D24.2. A feature's field moves in the commit that brings
 * the feature.
 */
#include "isa/arm64/model.h"

#include "base/bits.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"
#include <string.h>

#define FIELD(at, v) ((u64)(v) << (at))

const char *const arm64_models[] = { [ARM_MODEL_MAX] = "max",
                                     [ARM_MODEL_NEOVERSE_N1] = "neoverse-n1",
                                     [ARM_MODEL_CORTEX_A57] = "cortex-a57",
                                     [ARM_MODEL_MAX_BTI] = "max,bti=on",
                                     [ARM_MODEL_COUNT] = NULL };

static const char *const lacks_nothing[] = { NULL };
static const char *const lacks_bti[] = { "bti", NULL };
static const char *const n1_lacks[] = { "sha512", "sha3",   "sm3",     "sm4",  "fhm",
                                        "fcma",   "jscvt",  "bf16",    "i8mm", "flagm",
                                        "flagm2", "lrcpc2", "frintts", "sb",   "dit",
                                        "pauth",  "bti",    "wfxt",    NULL };
static const char *const a57_lacks[] = { "sha512", "sha3",    "sm3",  "sm4",     "fhm",    "fcma",
                                         "jscvt",  "bf16",    "i8mm", "flagm",   "flagm2", "lrcpc",
                                         "lrcpc2", "frintts", "sb",   "dit",     "pauth",  "bti",
                                         "wfxt",   "lse",     "rdm",  "dotprod", "pan",    "uao",
                                         "ssbs",   "dpb",     NULL };

/* EL0 and EL1 of AArch64, floating point and Advanced SIMD; no EL2, no EL3. */
#define PFR0 (FIELD(0, 1) | FIELD(4, 1))
/* with half precision */
#define PFR0_HALF (PFR0 | FIELD(16, 1) | FIELD(20, 1))
/* What a mispredicted path has read tells nothing across contexts (CSV2), and nothing that it may
 * not read at all (CSV3): guest code is translated to code that does not speculate more than the
 * host does. */
#define PFR0_CSV (FIELD(56, 1) | FIELD(60, 1))
#define PFR0_DIT FIELD(48, 1)

#define PFR1_BTI  FIELD(0, 1)
#define PFR1_SSBS FIELD(4, 2) /* with MRS and MSR */

/* Debug of ARMv8.0 with two breakpoints and two watchpoints, the least there is. */
#define DFR0(pmu) (FIELD(0, 6) | FIELD(ARM_DFR0_PMUVER, pmu) | FIELD(12, 1) | FIELD(20, 1))

/* AES with PMULL, SHA1, SHA2, CRC32 */
#define ISAR0_8_0 (FIELD(4, 2) | FIELD(8, 1) | FIELD(12, 1) | FIELD(16, 1))
#define ISAR0_8_2 (ISAR0_8_0 | FIELD(20, 2) | FIELD(28, 1) | FIELD(44, 1)) /* LSE, RDM, DotProd */
/* and SHA512, SHA3, SM3, SM4, FHM, FlagM2 */
#define ISAR0_MAX                                                                                  \
    ((ISAR0_8_2 & ~FIELD(12, 15)) | FIELD(12, 2) | FIELD(32, 1) | FIELD(36, 1) | FIELD(40, 1) |    \
     FIELD(48, 1) | FIELD(52, 2))

#define ISAR1_8_2 (FIELD(0, 1) | FIELD(20, 1)) /* DPB, LRCPC */
/* DPB, PAuth2 with FPACCOMBINE by a function of our own, that of PACGA too; JSCVT, FCMA, LRCPC2,
 * FRINTTS, SB, BF16, I8MM */
#define ISAR1_MAX                                                                                  \
    (FIELD(0, 1) | FIELD(8, 5) | FIELD(12, 1) | FIELD(16, 1) | FIELD(20, 2) | FIELD(28, 1) |       \
     FIELD(32, 1) | FIELD(36, 1) | FIELD(44, 1) | FIELD(52, 1))

/* 16-bit ASIDs, granules of 64 and 4 KiB; little-endian alone; bits of addresses by number */
#define MMFR0(pa)    ((pa) | FIELD(4, 2))
#define MMFR0_16     FIELD(20, 1)          /* granules of 16 KiB */
#define MMFR0_NOT_16 0ull
#define MMFR0_LPA2   (FIELD(20, 2) | FIELD(28, 1) | FIELD(32, 3) | FIELD(40, 3)) /* of both stages */
#define MMFR0_ECV    FIELD(60, 2) /* with CNTPOFF_EL2 */
/* access flag and dirty state, HPDS, PAN2 */
#define MMFR1_8_2 (FIELD(0, 2) | FIELD(12, 1) | FIELD(20, 2))
#define MMFR2_8_2 (FIELD(0, 1) | FIELD(4, 1)) /* CnP, UAO */
/* LVA, E0PD; not LSE2, as pairs are two accesses */
#define MMFR2_MAX (MMFR2_8_2 | FIELD(16, 1) | FIELD(60, 1))

#define SCTLR_8_0                                                                                  \
    (SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_SA | SCTLR_SA0 | SCTLR_UMA | SCTLR_I | SCTLR_DZE |        \
     SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_WXN | SCTLR_UCI)
#define SCTLR_8_2 (SCTLR_8_0 | SCTLR_SPAN | SCTLR_DSSBS)

#define SCTLR_MAX                                                                                  \
    (SCTLR_8_2 | SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB | SCTLR_BT0 | SCTLR_BT1)

#define TCR_BIT(n) (1ull << (n))
#define TCR_8_2                                                                                     \
    (~(TCR_BIT(TCR_E0PD0) | TCR_BIT(TCR_E0PD1) | TCR_BIT(TCR_TBID0) | TCR_BIT(TCR_TBID1) |         \
       TCR_BIT(TCR_DS)))
#define TCR_8_0    (TCR_8_2 & ~(TCR_HA | TCR_HD | TCR_BIT(TCR_HPD0) | TCR_BIT(TCR_HPD1)))

#define SPSR_BIT(n) (1ull << (n))
#define SPSR_N1     (~(SPSR_BIT(SPSR_DIT) | 3ull << SPSR_BTYPE))
#define SPSR_8_0    (SPSR_N1 & ~(SPSR_BIT(SPSR_PAN) | SPSR_BIT(SPSR_UAO) | SPSR_BIT(SPSR_SSBS)))

/* What max has with guarded pages and without. */
#define MAX_BUT_BTI \
    .midr = FIELD(16, 0xf) | FIELD(4, 1), \
    .pfr0 = PFR0_HALF | PFR0_CSV | PFR0_DIT, \
    .dfr0 = DFR0(ARM_PMU_V3P1), \
    .isar0 = ISAR0_MAX, \
    .isar1 = ISAR1_MAX, \
    .isar2 = FIELD(0, 2), \
    .mmfr0 = MMFR0(6) | MMFR0_LPA2 | MMFR0_ECV, \
    .mmfr1 = MMFR1_8_2, \
    .mmfr2 = MMFR2_MAX, \
    .tcr = ~0ull, \
    .pa_bits = 52, \
    .has_half = true, \
    .has_pauth = true, \
    .has_ecv = true

const struct arm_model arm_models[] = {
    /* Implementer 0 is for software. */
    [ARM_MODEL_MAX] = {
        MAX_BUT_BTI,
        .pfr1 = PFR1_SSBS,
        .sctlr = SCTLR_MAX & ~(SCTLR_BT0 | SCTLR_BT1),
        .spsr = ~(3ull << SPSR_BTYPE),
        .lacks = lacks_bti,
    },
    /* Once a guarded page was met, each indirect branch calls a helper: not for who did not ask. */
    [ARM_MODEL_MAX_BTI] = {
        MAX_BUT_BTI,
        .pfr1 = PFR1_BTI | PFR1_SSBS,
        .sctlr = SCTLR_MAX,
        .spsr = ~0ull,
        .has_bti = true,
        .lacks = lacks_nothing,
    },
    [ARM_MODEL_NEOVERSE_N1] = {
        .midr = 0x414fd0c1, /* r4p1 */
        .pfr0 = PFR0_HALF | PFR0_CSV,
        .pfr1 = PFR1_SSBS,
        .dfr0 = DFR0(ARM_PMU_V3P1),
        .isar0 = ISAR0_8_2,
        .isar1 = ISAR1_8_2,
        .mmfr0 = MMFR0(5) | MMFR0_16,
        .mmfr1 = MMFR1_8_2,
        .mmfr2 = MMFR2_8_2,
        .sctlr = SCTLR_8_2,
        .tcr = TCR_8_2,
        .spsr = SPSR_N1,
        .strict = ISA_STRICT_16,
        .pa_bits = 48,
        .has_half = true,
        .lacks = n1_lacks,
    },
    [ARM_MODEL_CORTEX_A57] = {
        .midr = 0x411fd070, /* r1p0 */
        .pfr0 = PFR0,
        .dfr0 = DFR0(ARM_PMU_V3),
        .isar0 = ISAR0_8_0,
        .mmfr0 = MMFR0(4) | MMFR0_NOT_16,
        .sctlr = SCTLR_8_0,
        .tcr = TCR_8_0,
        .spsr = SPSR_8_0,
        .strict = ISA_STRICT_16,
        .pa_bits = 44,
        .lacks = a57_lacks,
    },
};

/* What FP16 has added to the encodings of floating point and Advanced SIMD (C4.1.95, C4.1.96). All
 * but FCVT, FCVTL and FCVTN, which ARMv8.0 has. */
static bool is_half(u32 w)
{
    static const struct {
        u32 mask, value,
            opcodes; /* a bit for each value of bits 15:11 or 16:12 that is meant; 0: any */
        u8 at;
    } vectors[] = {
        { 0x9f60c400, 0x0e400400, 0, 0 },                                  /* three the same */
        { 0xdf60c400, 0x5e400400, 0, 0 },                                  /* scalar */
        { 0x9f7e0c00, 0x0e780800, 0, 0 },                                  /* two registers */
        { 0xdf7e0c00, 0x5e780800, 0, 0 },                                  /* scalar */
        { 0xbf3e0c00, 0x0e300800, 1u << 0xc | 1u << 0xf, 12 },             /* across lanes */
        { 0xff3e0c00, 0x5e300800, 1u << 0xc | 1u << 0xd | 1u << 0xf, 12 }, /* pairwise */
        { 0x9ff8fc00, 0x0f00fc00, 0, 0 },                                  /* FMOV immediate */
        { 0x9fc00400, 0x0f000000, 0xc0cu | 0xc0000, 11 },                  /* by element: 1, 5, 9 */
        { 0xdfc00400, 0x5f000000, 0xc0cu | 0xc0000, 11 },                  /* scalar */
        { 0x9ff00400, 0x0f100400, 1u << 0x1c | 1u << 0x1f, 11 },           /* fixed point */
        { 0xdff00400, 0x5f100400, 1u << 0x1c | 1u << 0x1f, 11 },           /* scalar */
    };
    bool is_fcvt = (w & 0xff3e7c00) == 0x1e224000;

    if ((w & 0x7f000000) == 0x1e000000 || (w & 0xff000000) == 0x1f000000)
        return bits_get(w, 22, 2) == 3 && !is_fcvt;
    for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
        if ((w & vectors[i].mask) == vectors[i].value &&
            (!vectors[i].opcodes || vectors[i].opcodes >> bits_get(w, vectors[i].at, 5) & 1))
            return true;
    return false;
}

bool arm_model_has(unsigned model, const char *ext, u32 raw)
{
    const struct arm_model *m = &arm_models[model];

    if (strcmp(ext, "base") == 0)
        return true;
    for (unsigned i = 0; m->lacks[i]; i++)
        if (strcmp(m->lacks[i], ext) == 0)
            return false;
    return m->has_half || !is_half(raw);
}

/* A register is there with the bit of SPSR that it holds. */
bool arm_model_has_sysreg(const struct arm_model *m, unsigned number)
{
    if (number >= ARM_SYS(3, 0, 2, 1, 0) && number <= ARM_SYS(3, 0, 2, 3, 1))
        return m->has_pauth;
    switch (number) {
    case ARM_CNTPOFF:
    case ARM_CNTPCTSS:
    case ARM_CNTVCTSS: return m->has_ecv;
    case ARM_SYS(3, 0, 4, 2, 3): return m->spsr >> SPSR_PAN & 1;
    case ARM_SYS(3, 0, 4, 2, 4): return m->spsr >> SPSR_UAO & 1;
    case ARM_SYS(1, 0, 7, 9, 0): /* AT S1E1RP, S1E1WP */
    case ARM_SYS(1, 0, 7, 9, 1): return m->spsr >> SPSR_PAN & 1;
    default: return true;
    }
}
