/*
 * tlbi.c - SYS instructions: maintenance of TLBs and caches, translation by hand (C5.3 to C5.5).
 *
 * What is for the inner shareable domain is done on every CPU before the instruction ends, sooner
 * than the DSB that a program has to wait with.
 */
#include "isa/arm64/walk.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
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

/* Of AT: its bank, whether it writes, and whether stage 2 is part of it. */
#define AT_ARG(bank, write, both) ((bank) << 2 | (both) << 1 | (write))

/* op0 = 1, op1 = 0: EL1's; op1 = 4: EL2's. What EL0 may have is described in arm_system.decode. */
static const struct {
    u16 number;
    u8 kind, arg; /* of AT: AT_ARG; of others: broadcast */
} ops[] = {
#define TLBI(crm, all)                                                                             \
    { ARM_SYS(1, 0, 8, crm, 0), TLB_ALL, all }, { ARM_SYS(1, 0, 8, crm, 1), TLB_PAGE, all },       \
        { ARM_SYS(1, 0, 8, crm, 2), TLB_ASID, all }, { ARM_SYS(1, 0, 8, crm, 3), TLB_PAGE, all },  \
        { ARM_SYS(1, 0, 8, crm, 5), TLB_PAGE, all }, { ARM_SYS(1, 0, 8, crm, 7), TLB_PAGE, all }
    TLBI(3, 1), /* inner shareable */
    TLBI(7, 0),
#undef TLBI
/* EL2's; of what IPAS2 names nobody knows the addresses by stage 1, so that all goes. */
#define TLBI2(crm, ipa, all)                                                                       \
    { ARM_SYS(1, 4, 8, crm, 0), TLB_ALL, all }, { ARM_SYS(1, 4, 8, crm, 1), TLB_PAGE, all },       \
        { ARM_SYS(1, 4, 8, crm, 4), TLB_ALL, all }, { ARM_SYS(1, 4, 8, crm, 5), TLB_PAGE, all },   \
        { ARM_SYS(1, 4, 8, crm, 6), TLB_ALL, all }, { ARM_SYS(1, 4, 8, ipa, 1), TLB_ALL, all },    \
        { ARM_SYS(1, 4, 8, ipa, 5), TLB_ALL, all }
    TLBI2(3, 0, 1),
    TLBI2(7, 4, 0),
#undef TLBI2
    { ARM_SYS(1, 0, 7, 1, 0), FETCHES, 1 },  /* IC IALLUIS */
    { ARM_SYS(1, 0, 7, 5, 0), FETCHES, 0 },  /* IC IALLU */
    { ARM_SYS(1, 0, 7, 6, 1), LINE, 0 },     /* DC IVAC */
    { ARM_SYS(1, 0, 7, 6, 2), NOTHING, 0 },  /* DC ISW */
    { ARM_SYS(1, 0, 7, 10, 2), NOTHING, 0 }, /* DC CSW */
    { ARM_SYS(1, 0, 7, 14, 2), NOTHING, 0 }, /* DC CISW */
    { ARM_SYS(1, 0, 7, 8, 0), AT, AT_ARG(ARM_BANK_EL1, 0, 0) },
    { ARM_SYS(1, 0, 7, 8, 1), AT, AT_ARG(ARM_BANK_EL1, 1, 0) },
    { ARM_SYS(1, 0, 7, 8, 2), AT, AT_ARG(ARM_BANK_EL0, 0, 0) },
    { ARM_SYS(1, 0, 7, 8, 3), AT, AT_ARG(ARM_BANK_EL0, 1, 0) },
    { ARM_SYS(1, 0, 7, 9, 0), AT, AT_ARG(ARM_BANK_EL1_PAN, 0, 0) }, /* S1E1RP, S1E1WP */
    { ARM_SYS(1, 0, 7, 9, 1), AT, AT_ARG(ARM_BANK_EL1_PAN, 1, 0) },
    { ARM_SYS(1, 4, 7, 8, 0), AT, AT_ARG(ARM_BANK_EL2, 0, 0) },
    { ARM_SYS(1, 4, 7, 8, 1), AT, AT_ARG(ARM_BANK_EL2, 1, 0) },
    { ARM_SYS(1, 4, 7, 8, 4), AT, AT_ARG(ARM_BANK_EL1, 0, 1) }, /* S12E1R and on */
    { ARM_SYS(1, 4, 7, 8, 5), AT, AT_ARG(ARM_BANK_EL1, 1, 1) },
    { ARM_SYS(1, 4, 7, 8, 6), AT, AT_ARG(ARM_BANK_EL0, 0, 1) },
    { ARM_SYS(1, 4, 7, 8, 7), AT, AT_ARG(ARM_BANK_EL0, 1, 1) },
};

/* --- AT --- */

#define PAR_F    (1ull << 0)
#define PAR_RES1 (1ull << 11)
#define PAR_PTW  (1ull << 8)
#define PAR_S    (1ull << 9)
enum { PAR_FST = 1, PAR_SH = 7, PAR_ATTR = 56, SH_OUTER = 2, NORMAL_NC = 0x44 };

/* Device and non-cacheable memory is outer shareable whatever the descriptor says. */
static u64 par_shareability(u32 attr)
{
    bool device = arm_mmu_is_device(attr) || (attr & 0xff) == NORMAL_NC;

    return device ? SH_OUTER : bits_get(attr, 8, 2);
}

/* Where EL2 has an EL0, E1 and E0 are about these two at EL2; elsewhere about EL1's. */
static unsigned at_bank(const struct arm_state *s, unsigned bank)
{
    bool host = s->el == 2 && arm_hcr(s) & HCR_E2H && arm_hcr(s) & HCR_TGE;

    if (bank == ARM_BANK_EL1_PAN && !s->pan)
        bank = ARM_BANK_EL1;
    if (!host)
        return bank;
    switch (bank) {
    case ARM_BANK_EL0: return ARM_BANK_HOST_EL0;
    case ARM_BANK_EL1_PAN: return ARM_BANK_EL2_PAN;
    default: return ARM_BANK_EL2;
    }
}

static u64 par_fault(const struct isa_fault *f)
{
    return PAR_F | PAR_RES1 | (f->value2 & ARM_FSC_MASK) << PAR_FST |
           (f->cause & ARM_TO_EL2 ? PAR_S : 0) | (f->value2 & ARM_ISS_S1PTW ? PAR_PTW : 0);
}

/* A table that is in no memory is an abort of its own, whatever asked for it. */
static bool is_walk_external(const struct isa_fault *f)
{
    unsigned fsc = f->value2 & ARM_FSC_MASK;

    return fsc >= ARM_FSC_WALK_EXTERNAL - 1 && fsc <= ARM_FSC_WALK_EXTERNAL + ARM_LAST_LEVEL;
}

/* To EL1, a table of stage 1 that stage 2 does not give is an abort that EL2 takes. */
static void address_translate(struct vcpu *c, gva_t va, unsigned arg)
{
    struct arm_state *s = arm_state(c);
    bool both = arg >> 1 & 1;
    struct isa_xlate x;
    struct isa_fault fault;

    if (!arm_mmu_walk(c, va, arg & 1 ? ISA_WRITE : ISA_READ, at_bank(s, arg >> 2), !both, &x,
                      &fault)) {
        s->par_el1 = (x.gpa & ~0xfffull) | PAR_RES1 | par_shareability(x.attr) << PAR_SH |
                     (u64)(x.attr & 0xff) << PAR_ATTR;
    } else if ((s->el == 1 && fault.cause & ARM_TO_EL2) || is_walk_external(&fault)) {
        c->fault = fault;
        c->fault.value2 |= ARM_ISS_CM | ARM_ISS_WNR;
    } else {
        s->par_el1 = par_fault(&fault);
    }
}

/* --- TLBI --- */

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
    case TLB_ASID: arm_mmu_flush_asid(c, a->x); break;
    case AT: address_translate(c, a->x, a->arg); break;
    case FETCHES: c->env->icache_sync(c); break;
    case LINE:
        if (c->env->probe(c, a->x, 1, ISA_WRITE, IR_MMU_DATA))
            c->fault.value2 |= ARM_ISS_CM | ARM_ISS_WNR;
        break;
    case NOTHING: break;
    }
}

/* EL2 may ask that what EL1 does to its own TLB is done to all. */
static bool is_broadcast(const struct arm_state *s, const struct asked *a)
{
    bool forced = s->el == 1 && arm_hcr(s) & HCR_FB;

    return a->kind != AT && (a->arg || (forced && (a->kind <= TLB_ASID || a->kind == FETCHES)));
}

bool arm_sys(struct vcpu *c, unsigned number, u64 x)
{
    const struct arm_state *s = arm_state(c);
    struct asked a = { .x = x };
    unsigned i = 0;

    while (i < ARRAY_SIZE(ops) && ops[i].number != number)
        i++;
    if (i == ARRAY_SIZE(ops) || s->el == 0 || (number >> 11 & 4 && s->el != 2))
        return false;
    a.kind = ops[i].kind;
    a.arg = ops[i].arg;
    if (a.kind == TLB_ASID)
        a.x = arm_mmu_asid_space(s, x >> 48);
    if (is_broadcast(s, &a))
        c->env->everywhere(c, run, &a);
    else
        run(c, &a);
    return true;
}
