/*
 * model.h - the CPU models: what each says of itself, and what it lacks.
 */
#ifndef ISA_ARM64_MODEL_H
#define ISA_ARM64_MODEL_H

#include "isa/arm64/state.h"

struct arm_model {
    u64 midr;
    u64 pfr0, pfr1, dfr0, isar0, isar1, isar2, mmfr0, mmfr1, mmfr2;
    u64 sctlr, tcr, spsr; /* the bits that it has */
    u32 strict;           /* ISA_STRICT_* of every access */
    u8 pa_bits;
    bool has_half;  /* arithmetic of half precision (FP16) */
    bool has_pauth; /* pointer authentication */
    bool has_bti;   /* guarded pages */
    bool has_ecv;   /* enhanced counter virtualization */
    /* Extensions of *.decode whose instructions are UNDEFINED, NULL-ended. */
    const char *const *lacks;
};

/* By number: arm64_models has the names. */
extern const struct arm_model arm_models[];
enum {
    ARM_MODEL_MAX,
    ARM_MODEL_NEOVERSE_N1,
    ARM_MODEL_CORTEX_A57,
    ARM_MODEL_MAX_BTI,
    ARM_MODEL_COUNT
};

static inline const struct arm_model *arm_model(const struct vcpu *c)
{
    return &arm_models[c->model < ARM_MODEL_COUNT ? c->model : ARM_MODEL_MAX];
}

/* ID_AA64DFR0_EL1.PMUVer: the performance monitors' version. */
enum { ARM_DFR0_PMUVER = 8, ARM_PMU_V3 = 1, ARM_PMU_V3P1 = 4 };

static inline unsigned arm_model_pmu(const struct vcpu *c)
{
    return arm_model(c)->dfr0 >> ARM_DFR0_PMUVER & 15;
}

/* Bits of isa.block_key(): SP is looked at where it is a base; each instruction is stepped;
 * branches look for guarded pages (key2 in *.decode); code signs and checks pointers to code in
 * place, or has no key to do it by (key3, key4); from MODEL up, the model. */
enum {
    ARM_BLOCK_SP = 1 << 0,
    ARM_BLOCK_STEP = 1 << 1,
    ARM_BLOCK_GUARD = 1 << 2,
    ARM_BLOCK_PAUTH_IN_PLACE = 1 << 3,
    ARM_BLOCK_PAUTH_OFF = 1 << 4,
    ARM_BLOCK_MODEL = 8,
};

/* Is the instruction there, which `ext` describes? raw: its encoding. */
bool arm_model_has(unsigned model, const char *ext, u32 raw);

/* Are a system register and a SYS instruction there, which this architecture describes? */
bool arm_model_has_sysreg(const struct arm_model *m, unsigned number);

#endif
