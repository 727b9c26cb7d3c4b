/*
 * el2.c - HCR_EL2 as it takes effect, registers that are others at EL2, traps to it.
 */
#include "isa/arm64/el2.h"

#include "base/bits.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"

/* What the description of each field of HCR_EL2 says of TGE, and of TGE with E2H. */
#define WITHOUT_TGE                                                                                \
    (HCR_PTW | HCR_VF | HCR_VI | HCR_VSE | HCR_FB | HCR_TID1 | HCR_TID3 | HCR_TSC | HCR_TACR |     \
     HCR_TSW | HCR_TTLB | HCR_TVM | HCR_HCD | HCR_TRVM)
#define WITHOUT_TGE_E2H                                                                            \
    (HCR_VM | HCR_FMO | HCR_IMO | HCR_AMO | HCR_BSU | HCR_DC | HCR_TWI | HCR_TWE | HCR_TID0 |      \
     HCR_TID2 | HCR_TPC | HCR_TPU | HCR_TDZ | HCR_CD | HCR_ID)

u64 arm_hcr(const struct arm_state *s)
{
    u64 hcr = s->hcr_el2;

    if (!s->has_el2)
        return 0;
    if (hcr & HCR_TGE) {
        hcr &= ~WITHOUT_TGE;
        if (hcr & HCR_E2H)
            hcr &= ~WITHOUT_TGE_E2H;
        else
            hcr |= HCR_FMO | HCR_IMO | HCR_AMO;
    }
    return hcr;
}

static bool host_mode(u64 hcr)
{
    return (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
}

bool arm_in_host(const struct arm_state *s)
{
    return s->el == 2 ? (s->hcr_el2 & HCR_E2H) != 0 : s->el == 0 && host_mode(arm_hcr(s));
}

u64 arm_sctlr(const struct arm_state *s)
{
    return s->el == 2 || arm_in_host(s) ? s->sctlr_el2 : s->sctlr_el1;
}

/* AArch64.CheckFPAdvSIMDEnabled() */
u32 arm_fp_trap(const struct arm_state *s)
{
    u64 hcr = arm_hcr(s);
    bool host = host_mode(hcr);

    if (s->el < 2 && !host &&
        (!(s->cpacr_el1 & CPACR_FPEN1) || (s->el == 0 && !(s->cpacr_el1 & CPACR_FPEN0))))
        return s->el == 0 && hcr & HCR_TGE ? (u32)ARM_EC_UNKNOWN | ARM_TO_EL2 : ARM_EC_FP;
    if (!s->has_el2)
        return 0;
    if (hcr & HCR_E2H
            ? !(s->cptr_el2 & CPTR_FPEN1) || (s->el == 0 && host && !(s->cptr_el2 & CPTR_FPEN0))
            : (s->cptr_el2 & CPTR_TFP) != 0)
        return (u32)ARM_EC_FP | ARM_TO_EL2;
    return 0;
}

bool arm_el2_traps_pauth(const struct arm_state *s)
{
    u64 hcr = arm_hcr(s);

    return s->has_el2 && !(hcr & HCR_API) && (s->el == 1 || (s->el == 0 && !host_mode(hcr)));
}

/* --- registers that are others --- */

/* Op1 of a register's number: EL1's have 0, EL2's 4, and 5 names EL1's at EL2. */
#define OP1(n)         ((n) << 11)
#define OP1_MASK       OP1(7u)
#define EL1_TO_EL2(n)  ((n) | OP1(4u))
#define EL12_TO_EL1(n) ((n) & ~OP1_MASK)

/* Those that TVM and TRVM trap are marked. */
static const struct {
    u16 el1, el2;
    bool vm;
} twins[] = {
    { ARM_SYS(3, 0, 1, 0, 0), ARM_SYS(3, 4, 1, 0, 0), true },    /* SCTLR */
    { ARM_SYS(3, 0, 1, 0, 2), ARM_SYS(3, 4, 1, 1, 2), false },   /* CPACR: CPTR */
    { ARM_SYS(3, 0, 2, 0, 0), ARM_SYS(3, 4, 2, 0, 0), true },    /* TTBR0 */
    { ARM_SYS(3, 0, 2, 0, 1), ARM_SYS(3, 4, 2, 0, 1), true },    /* TTBR1 */
    { ARM_SYS(3, 0, 2, 0, 2), ARM_SYS(3, 4, 2, 0, 2), true },    /* TCR */
    { ARM_SYS(3, 0, 4, 0, 0), ARM_SYS(3, 4, 4, 0, 0), false },   /* SPSR */
    { ARM_SYS(3, 0, 4, 0, 1), ARM_SYS(3, 4, 4, 0, 1), false },   /* ELR */
    { ARM_SYS(3, 0, 5, 1, 0), ARM_SYS(3, 4, 5, 1, 0), true },    /* AFSR0 */
    { ARM_SYS(3, 0, 5, 1, 1), ARM_SYS(3, 4, 5, 1, 1), true },    /* AFSR1 */
    { ARM_SYS(3, 0, 5, 2, 0), ARM_SYS(3, 4, 5, 2, 0), true },    /* ESR */
    { ARM_SYS(3, 0, 6, 0, 0), ARM_SYS(3, 4, 6, 0, 0), true },    /* FAR */
    { ARM_SYS(3, 0, 10, 2, 0), ARM_SYS(3, 4, 10, 2, 0), true },  /* MAIR */
    { ARM_SYS(3, 0, 10, 3, 0), ARM_SYS(3, 4, 10, 3, 0), true },  /* AMAIR */
    { ARM_SYS(3, 0, 12, 0, 0), ARM_SYS(3, 4, 12, 0, 0), false }, /* VBAR */
    { ARM_SYS(3, 0, 13, 0, 1), ARM_SYS(3, 4, 13, 0, 1), true },  /* CONTEXTIDR */
    { ARM_SYS(3, 0, 14, 1, 0), ARM_SYS(3, 4, 14, 1, 0), false }, /* CNTKCTL: CNTHCTL */
};

static int twin_of(unsigned number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(twins); i++)
        if (twins[i].el1 == number)
            return (int)i;
    return -1;
}

/* CNTP_* and CNTV_* (without op1 and op2). */
static bool is_timer(unsigned number)
{
    unsigned what = number & ~(OP1_MASK | 7u);

    return what == ARM_SYS(3, 0, 14, 2, 0) || what == ARM_SYS(3, 0, 14, 3, 0);
}

unsigned arm_el2_register(const struct arm_state *s, unsigned number)
{
    unsigned op1 = number & OP1_MASK;
    int i;

    if (!s->has_el2 || !arm_in_host(s))
        return number;
    if (op1 == OP1(3u) && is_timer(number))
        return (number & ~OP1_MASK) | OP1(4u);
    if (s->el != 2 || number >> 14 != 3)
        return number;
    if (op1 == OP1(5u) && is_timer(number))
        return (number & ~OP1_MASK) | OP1(3u);
    if (op1 == OP1(5u)) {
        number = EL12_TO_EL1(number);
        return twin_of(number) < 0 ? 0 : number;
    }
    if (op1)
        return number;
    i = twin_of(number);
    return i < 0 ? number : twins[i].el2;
}

/* --- traps --- */

/* Op0, CRn, CRm of a number. */
static unsigned op0(unsigned n)
{
    return n >> 14;
}
static unsigned op1(unsigned n)
{
    return n >> 11 & 7;
}
static unsigned crn(unsigned n)
{
    return n >> 7 & 15;
}
static unsigned crm(unsigned n)
{
    return n >> 3 & 15;
}
static unsigned op2(unsigned n)
{
    return n & 7;
}

/* Of EL1 alone: registers that it has for itself. */
static u64 hcr_bits_el1(unsigned n, bool write)
{
    int twin = twin_of(n);

    if (twin >= 0 && twins[twin].vm)
        return write ? HCR_TVM : HCR_TRVM;
    if (n >> 7 == ARM_SYS(3, 0, 0, 0, 0) >> 7 && crm(n) >= 1 && crm(n) <= 7)
        return HCR_TID3;
    switch (n) {
    case ARM_SYS(3, 0, 1, 0, 1): return HCR_TACR;
    case ARM_SYS(3, 0, 0, 0, 6):
    case ARM_SYS(3, 1, 0, 0, 7): return HCR_TID1;
    case ARM_SYS(3, 1, 0, 0, 0):
    case ARM_SYS(3, 1, 0, 0, 1):
    case ARM_SYS(3, 2, 0, 0, 0): return HCR_TID2;
    case ARM_SYS(1, 0, 7, 6, 2):
    case ARM_SYS(1, 0, 7, 10, 2):
    case ARM_SYS(1, 0, 7, 14, 2): return HCR_TSW;
    case ARM_SYS(1, 0, 7, 6, 1): return HCR_TPC;
    case ARM_SYS(1, 0, 7, 1, 0):
    case ARM_SYS(1, 0, 7, 5, 0): return HCR_TPU;
    }
    if (op0(n) == 1 && op1(n) == 0 && crn(n) == 8)
        return HCR_TTLB;
    if (crn(n) == 11 || crn(n) == 15)
        return op0(n) & 1 ? HCR_TIDCP : 0; /* 1 and 3: implementation defined */
    return 0;
}

static bool is_pauth_key(unsigned n)
{
    return n >= ARM_SYS(3, 0, 2, 1, 0) && n <= ARM_SYS(3, 0, 2, 3, 1);
}

/* Of EL0 and EL1. */
static u64 hcr_bits(unsigned n)
{
    switch (n) {
    case ARM_SYS(3, 3, 0, 0, 1): return HCR_TID2; /* CTR_EL0 */
    case ARM_SYS(1, 3, 7, 4, 1): return HCR_TDZ;
    case ARM_SYS(1, 3, 7, 10, 1):
    case ARM_SYS(1, 3, 7, 12, 1):
    case ARM_SYS(1, 3, 7, 14, 1): return HCR_TPC;
    case ARM_SYS(1, 3, 7, 5, 1):
    case ARM_SYS(1, 3, 7, 11, 1): return HCR_TPU;
    default: return 0;
    }
}

/* CNTHCTL_EL2's; counters and timers of EL0 under E2H and TGE are looked at as EL1's CNTKCTL is. */
static bool timer_traps(const struct arm_state *s, u64 hcr, unsigned n)
{
    u64 allowed = s->cnthctl_el2 >> (hcr & HCR_E2H ? CNTHCTL_E2H_SHIFT : 0);

    if (host_mode(hcr))
        return false;
    if (n == ARM_CNTPCT || n == ARM_CNTPCTSS)
        return !(allowed & CNTHCTL_EL1PCTEN);
    if (n == ARM_CNTVCT || n == ARM_CNTVCTSS)
        return s->cnthctl_el2 & CNTHCTL_EL1TVCT;
    if (n >> 3 == ARM_SYS(3, 3, 14, 3, 0) >> 3)
        return s->cnthctl_el2 & CNTHCTL_EL1TVT;
    return n >> 3 == ARM_SYS(3, 3, 14, 2, 0) >> 3 && !(allowed & CNTHCTL_EL1PCEN);
}

/* Debug registers and the performance monitors'. */
static u64 mdcr_bits(unsigned n)
{
    bool pm = (crn(n) == 9 && crm(n) >= 12 && (op1(n) == 3 || (op1(n) == 0 && crm(n) == 14))) ||
              (crn(n) == 14 && op1(n) == 3 && crm(n) >= 8);

    if (op0(n) == 3)
        return n == ARM_SYS(3, 3, 9, 12, 0) ? MDCR_TPMCR | MDCR_TPM : pm ? MDCR_TPM : 0;
    if (op0(n) != 2 || op1(n) != 0 || !arm_sysreg_find(n))
        return 0;
    if (crn(n) == 1 && crm(n) == 0 && op2(n) == 0)
        return MDCR_TDRA;
    return crn(n) == 1 ? MDCR_TDOSA : MDCR_TDA;
}

/* --- the interrupt controller's CPU interface --- */

enum { GIC_GROUP0 = 1, GIC_GROUP1 = 2, GIC_BOTH = 3, GIC_SGI = 4 };

/* The groups that an ICC_* register of EL1 is of. */
static unsigned gic_kind(unsigned n)
{
    if (op0(n) != 3 || op1(n) != 0)
        return 0;
    if (crn(n) == 4 && crm(n) == 6)
        return GIC_BOTH;
    if (crn(n) != 12)
        return 0;
    switch (crm(n)) {
    case 8: return GIC_GROUP0;
    case 9: return GIC_GROUP1;
    case 11: return op2(n) >= 5 ? GIC_SGI : GIC_BOTH;
    case 12:
        return op2(n) == 4 ? GIC_BOTH : op2(n) == 5 ? 0 : op2(n) == 6 ? GIC_GROUP0 : GIC_GROUP1;
    default: return 0;
    }
}

static unsigned gic_virtual(u64 hcr)
{
    return (hcr & HCR_FMO ? GIC_GROUP0 : 0) | (hcr & HCR_IMO ? GIC_GROUP1 : 0);
}

unsigned arm_el2_gic_space(const struct arm_state *s, unsigned number)
{
    bool is_virtual = s->el == 1 && gic_kind(number) & gic_virtual(arm_hcr(s));

    return is_virtual ? ARM_SPACE_GIC_VIRTUAL : ARM_SPACE_GIC;
}

/* ICH_HCR_EL2's: TC, TALL0, TALL1, and TDIR for ICC_DIR_EL1. */
static bool gic_traps(struct vcpu *c, u64 hcr, unsigned n)
{
    enum { TC = 10, TALL0, TALL1, TDIR = 14 };
    unsigned kind = gic_kind(n);
    u64 ich = 0;

    if (!kind)
        return false;
    if (c->env->sysreg_read(c, ARM_SPACE_GIC, ARM_SYS(3, 4, 12, 11, 0), &ich))
        return false;
    if (kind & GIC_SGI)
        return gic_virtual(hcr) != 0;
    if (n == ARM_SYS(3, 0, 12, 11, 1) && ich >> TDIR & 1)
        return true;
    return ich >> (kind == GIC_BOTH ? TC : kind == GIC_GROUP0 ? TALL0 : TALL1) & 1;
}

bool arm_el2_traps(struct vcpu *c, unsigned number, bool write)
{
    const struct arm_state *s = arm_state(c);
    u64 hcr, mdcr, bits;

    if (!s->has_el2 || s->el == 2)
        return false;
    hcr = arm_hcr(s);
    bits = hcr_bits(number) | (s->el == 1 ? hcr_bits_el1(number, write) : 0);
    if (hcr & bits || timer_traps(s, hcr, number))
        return true;
    if (s->el == 1 && is_pauth_key(number) && !(hcr & HCR_APK))
        return true;
    mdcr = s->mdcr_el2;
    if (mdcr & MDCR_TDE || hcr & HCR_TGE)
        mdcr |= MDCR_TDRA | MDCR_TDOSA | MDCR_TDA;
    if (mdcr & mdcr_bits(number))
        return true;
    if (s->el == 1 && number == ARM_SYS(3, 0, 1, 0, 2))
        return (s->cptr_el2 & CPTR_TCPAC) != 0;
    return s->el == 1 && gic_traps(c, hcr, number);
}
