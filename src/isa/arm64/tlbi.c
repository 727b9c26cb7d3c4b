/*
 * tlbi.c - SYS instructions: maintenance of TLBs and caches, translation by hand (C5.3 to C5.5).
 *
 * What is for the inner shareable domain is done on every CPU before the instruction ends, sooner
 * than the DSB that a program has to wait with.
 */
#include "isa/arm64/mmu.h"

#include "base/bits.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/sysreg.h"

enum kind {
    TLB_ALL,
    TLB_PAGE, /* whatever the ASID: more than asked for where one is given, and never less */
    TLB_ASID,
    AT,
    NOTHING, /* memory is coherent */
    FETCHES,
    LINE, /* that must be writable */
};

/* op0 = 1, op1 = 0: EL1's. What EL0 may have is described in arm_system.decode. */
static const struct {
    u16 number;
    u8 kind, arg; /* of AT: bank << 1 | is a write; of others: broadcast */
} ops[] = {
#define TLBI(crm, all)                                                                             \
    { ARM_SYS(1, 0, 8, crm, 0), TLB_ALL, all }, { ARM_SYS(1, 0, 8, crm, 1), TLB_PAGE, all },       \
        { ARM_SYS(1, 0, 8, crm, 2), TLB_ASID, all }, { ARM_SYS(1, 0, 8, crm, 3), TLB_PAGE, all },  \
        { ARM_SYS(1, 0, 8, crm, 5), TLB_PAGE, all }, { ARM_SYS(1, 0, 8, crm, 7), TLB_PAGE, all }
    TLBI(3, 1), /* inner shareable */
    TLBI(7, 0),
#undef TLBI
    { ARM_SYS(1, 0, 7, 1, 0), FETCHES, 1 },  /* IC IALLUIS */
    { ARM_SYS(1, 0, 7, 5, 0), FETCHES, 0 },  /* IC IALLU */
    { ARM_SYS(1, 0, 7, 6, 1), LINE, 0 },     /* DC IVAC */
    { ARM_SYS(1, 0, 7, 6, 2), NOTHING, 0 },  /* DC ISW */
    { ARM_SYS(1, 0, 7, 10, 2), NOTHING, 0 }, /* DC CSW */
    { ARM_SYS(1, 0, 7, 14, 2), NOTHING, 0 }, /* DC CISW */
    { ARM_SYS(1, 0, 7, 8, 0), AT, ARM_BANK_EL1 << 1 },
    { ARM_SYS(1, 0, 7, 8, 1), AT, ARM_BANK_EL1 << 1 | 1 },
    { ARM_SYS(1, 0, 7, 8, 2), AT, ARM_BANK_EL0 << 1 },
    { ARM_SYS(1, 0, 7, 8, 3), AT, ARM_BANK_EL0 << 1 | 1 },
    { ARM_SYS(1, 0, 7, 9, 0), AT, ARM_BANK_EL1_PAN << 1 }, /* S1E1RP, S1E1WP */
    { ARM_SYS(1, 0, 7, 9, 1), AT, ARM_BANK_EL1_PAN << 1 | 1 },
};

/* --- AT --- */

#define PAR_F    (1ull << 0)
#define PAR_RES1 (1ull << 11)
enum { PAR_FST = 1, PAR_SH = 7, PAR_ATTR = 56, SH_OUTER = 2, NORMAL_NC = 0x44 };

/* Device and non-cacheable memory is outer shareable whatever the descriptor says. */
static u64 par_shareability(u32 attr)
{
    bool device = (attr & 0xf0) == 0 || (attr & 0xff) == NORMAL_NC;

    return device ? SH_OUTER : bits_get(attr, 8, 2);
}

static void address_translate(struct vcpu *c, gva_t va, unsigned arg)
{
    struct arm_state *s = arm_state(c);
    unsigned bank = arg >> 1;
    struct isa_xlate x;
    struct isa_fault fault;

    if (bank == ARM_BANK_EL1_PAN && !s->pan)
        bank = ARM_BANK_EL1;
    if (arm_mmu_translate(c, va, 1, arg & 1 ? ISA_WRITE : ISA_READ, bank, &x, &fault))
        s->par_el1 = PAR_F | PAR_RES1 | (fault.value2 & ARM_FSC_MASK) << PAR_FST;
    else
        s->par_el1 = (x.gpa & ~0xfffull) | PAR_RES1 | par_shareability(x.attr) << PAR_SH |
                     (u64)(x.attr & 0xff) << PAR_ATTR;
}

/* --- TLBI --- */

static void flush_asid(struct vcpu *c, u64 x)
{
    c->env->tlb_flush_context(c, x >> 48, ISA_FLUSH_NON_GLOBAL, 0);
    c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, ARM_ALL_BANKS & ~ARM_CONTEXT_BANKS);
}

/* Bits 43:0 are VA[55:12]. */
static void flush_page(struct vcpu *c, u64 x)
{
    c->env->tlb_flush(c, ISA_FLUSH_PAGE, (gva_t)bits_sext(x << 12, 56), ARM_ALL_BANKS);
}

/* One of the table on one CPU. */
struct asked {
    u8 kind, arg;
    u64 x;
};

static void run(struct vcpu *c, void *arg)
{
    const struct asked *a = arg;

    switch ((enum kind)a->kind) {
    case TLB_ALL: c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, ARM_ALL_BANKS); break;
    case TLB_PAGE: flush_page(c, a->x); break;
    case TLB_ASID: flush_asid(c, a->x); break;
    case AT: address_translate(c, a->x, a->arg); break;
    case FETCHES: c->env->icache_sync(c); break;
    case LINE:
        if (c->env->probe(c, a->x, 1, ISA_WRITE, IR_MMU_DATA))
            c->fault.value2 |= ARM_ISS_CM;
        break;
    case NOTHING: break;
    }
}

bool arm_sys(struct vcpu *c, unsigned number, u64 x)
{
    struct asked a = { .x = x };
    unsigned i = 0;

    while (i < ARRAY_SIZE(ops) && ops[i].number != number)
        i++;
    if (i == ARRAY_SIZE(ops) || arm_state(c)->el == 0)
        return false;
    a.kind = ops[i].kind;
    a.arg = ops[i].arg;
    if (a.kind != AT && a.arg)
        c->env->everywhere(c, run, &a);
    else
        run(c, &a);
    return true;
}
