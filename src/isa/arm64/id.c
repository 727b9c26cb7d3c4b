/*
 * id.c - what this CPU says of itself: its model, and what it shares with all.
 */
#include "isa/arm64/model.h"
#include "isa/arm64/sysreg.h"

#define FIELD(at, v) ((u64)(v) << (at))

enum { PFR0_EL2 = 8, PFR0_GIC = 24 };
/* Where there is EL2: 16-bit VMIDs, VHE, XNX. */
#define MMFR1_EL2 (FIELD(4, 2) | FIELD(8, 1) | FIELD(28, 1))

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
static u64 midr(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);

    return s->has_el2 && s->el == 1 ? s->vpidr_el2 : arm_model(c)->midr;
}

static u64 mpidr(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);

    return s->has_el2 && s->el == 1 ? s->vmpidr_el2 : FIELD(31, 1) | arm_affinity(c->index);
}

u64 arm_id_get(struct vcpu *c, unsigned number)
{
    const struct arm_model *m = arm_model(c);
    bool el2 = arm_state(c)->has_el2;

    switch (number) {
    case ARM_SYS(3, 0, 0, 0, 0): return midr(c);
    case ARM_SYS(3, 0, 0, 0, 5): return mpidr(c);
    case ARM_SYS(3, 0, 0, 4, 0):
        return m->pfr0 | FIELD(PFR0_EL2, el2) | FIELD(PFR0_GIC, has_gic(c));
    case ARM_SYS(3, 0, 0, 4, 1): return m->pfr1;
    case ARM_SYS(3, 0, 0, 5, 0): return m->dfr0;
    case ARM_SYS(3, 0, 0, 6, 0): return m->isar0;
    case ARM_SYS(3, 0, 0, 6, 1): return m->isar1;
    case ARM_SYS(3, 0, 0, 6, 2): return m->isar2;
    case ARM_SYS(3, 0, 0, 7, 0): return m->mmfr0;
    case ARM_SYS(3, 0, 0, 7, 1): return m->mmfr1 | (el2 ? MMFR1_EL2 : 0);
    case ARM_SYS(3, 0, 0, 7, 2): return m->mmfr2;
    case ARM_SYS(3, 1, 0, 0, 0): return cache_size(arm_state(c));
    case ARM_SYS(3, 1, 0, 0, 1): return CLIDR;
    case ARM_SYS(3, 3, 0, 0, 1): return ARM_CTR_EL0;
    case ARM_SYS(3, 3, 0, 0, 7): return ARM_DCZID_EL0;
    default: return 0;
    }
}
