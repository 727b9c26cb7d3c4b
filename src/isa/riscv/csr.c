/*
 * csr.c - control and status registers: one table, and the rules of the odd ones.
 *
 * A plain CSR is a member of the state with a mask of writable bits. The others have
 * a reader and a writer. Privileged Architecture 20240411, chapters 2, 3 and 12;
 * Sstc, Sscofpmf, AIA chapter 2.
 */
#include "isa/riscv/csr.h"
#include "isa/riscv/helpers.h"

#include "base/bits.h"
#include "ir/fp.h"
#include "isa/riscv/helpers.h"
#include "isa/riscv/mmu.h"
#include "isa/riscv/priv.h"
#include "isa/riscv/sysreg.h"

struct csr {
    const char *name;
    u16 offset; /* of the member in the state, when there is no reader or no writer */
    u64 mask;   /* bits a write changes */
    u64 (*get)(struct vcpu *c, unsigned csr);
    void (*set)(struct vcpu *c, unsigned csr, u64 v);
};

enum { CSR_PRIV_SHIFT = 8, CSR_READ_ONLY = 3 << 10 };

#define ALL (~0ull)
/* Causes that can be delegated: all we raise but ECALL from M. */
#define MEDELEG_MASK 0xb3ffull
/* Bits of mhpmevent that Sscofpmf defines, and a selector. */
#define HPMEVENT_MASK 0xfc000000000000ffull

static u64 *member(struct vcpu *c, u32 offset)
{
    return (u64 *)((char *)vcpu_state(c) + offset);
}

/* --- floating point --- */

static u64 get_fflags(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->fflags & 31;
}

static u64 get_frm(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->frm;
}

static u64 get_fcsr(struct vcpu *c, unsigned csr)
{
    return get_frm(c, csr) << 5 | get_fflags(c, csr);
}

static void set_fcsr_parts(struct vcpu *c, u64 fflags, u64 frm)
{
    struct rv_state *s = rv_state(c);

    s->fflags = fflags & 31;
    s->frm = frm & 7;
    s->fs = 3;
}

static void set_fflags(struct vcpu *c, unsigned csr, u64 v)
{
    set_fcsr_parts(c, v, rv_state(c)->frm);
}

static void set_frm(struct vcpu *c, unsigned csr, u64 v)
{
    set_fcsr_parts(c, rv_state(c)->fflags, v);
}

static void set_fcsr(struct vcpu *c, unsigned csr, u64 v)
{
    set_fcsr_parts(c, v, v >> 5);
}

/* --- status --- */

u64 rv_mstatus_get(const struct rv_state *s)
{
    return s->mstatus | (u64)s->fs << MSTATUS_FS_SHIFT | MSTATUS_XL64 |
           (s->fs == 3 ? MSTATUS_SD : 0);
}

void rv_mstatus_set(struct vcpu *c, u64 v)
{
    struct rv_state *s = rv_state(c);
    u64 mask = MSTATUS_SIE | MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_MPIE | MSTATUS_SPP |
               MSTATUS_MPRV | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR;

    if ((v & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT != 2) /* a mode that exists */
        mask |= MSTATUS_MPP;
    s->mstatus = (s->mstatus & ~mask) | (v & mask);
    s->fs = bits_get(v, MSTATUS_FS_SHIFT, 2) & 3;
    rv_mmu_rebind(c);
}

static u64 get_mstatus(struct vcpu *c, unsigned csr)
{
    return rv_mstatus_get(rv_state(c));
}

static void set_mstatus(struct vcpu *c, unsigned csr, u64 v)
{
    rv_mstatus_set(c, v);
}

#define SSTATUS_WRITE (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)

static u64 get_sstatus(struct vcpu *c, unsigned csr)
{
    return rv_mstatus_get(rv_state(c)) & (SSTATUS_WRITE | MSTATUS_UXL | MSTATUS_SD);
}

static void set_sstatus(struct vcpu *c, unsigned csr, u64 v)
{
    u64 old = rv_mstatus_get(rv_state(c));

    rv_mstatus_set(c, (old & ~SSTATUS_WRITE) | (v & SSTATUS_WRITE));
}

static u64 get_misa(struct vcpu *c, unsigned csr)
{
    u64 v = 2ull << 62;

    for (const char *p = "acdfimsu"; *p; p++)
        v |= 1ull << (*p - 'a');
    return v;
}

static u64 get_mhartid(struct vcpu *c, unsigned csr)
{
    return c->index;
}

static u64 get_zero(struct vcpu *c, unsigned csr)
{
    return 0;
}

static void set_nothing(struct vcpu *c, unsigned csr, u64 v)
{
}

/* --- interrupts --- */

u64 rv_mip(const struct vcpu *c)
{
    const struct rv_state *s = vcpu_state((struct vcpu *)c);

    return s->mip | (__atomic_load_n(&c->irq_lines, __ATOMIC_ACQUIRE) & MIP_ALL);
}

static bool timer_is_sstc(const struct rv_state *s)
{
    return s->menvcfg & ENVCFG_STCE;
}

static u64 get_mip(struct vcpu *c, unsigned csr)
{
    return rv_mip(c);
}

static void set_mip(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);
    u64 mask = timer_is_sstc(s) ? MIP_S_ALL & ~MIP_STIP : MIP_S_ALL;

    s->mip = (s->mip & ~mask) | (v & mask);
}

static u64 get_sip(struct vcpu *c, unsigned csr)
{
    return rv_mip(c) & rv_state(c)->mideleg;
}

static void set_sip(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);
    u64 mask = (MIP_SSIP | MIP_LCOFIP) & s->mideleg;

    s->mip = (s->mip & ~mask) | (v & mask);
}

static u64 get_sie(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->mie & rv_state(c)->mideleg;
}

static void set_sie(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);

    s->mie = (s->mie & ~s->mideleg) | (v & s->mideleg);
}

/* AIA 2.3: the identity and priority of the most urgent interrupt; priorities all 1. */
static u64 top(u64 set)
{
    unsigned first = rv_irq_first(set);

    return first ? (u64)first << 16 | 1 : 0;
}

static u64 get_mtopi(struct vcpu *c, unsigned csr)
{
    return top(rv_mip(c) & rv_state(c)->mie & ~rv_state(c)->mideleg);
}

static u64 get_stopi(struct vcpu *c, unsigned csr)
{
    return top(rv_mip(c) & rv_state(c)->mie & rv_state(c)->mideleg);
}

/* --- addresses of handlers, address translation --- */

static void set_tvec(struct vcpu *c, unsigned csr, u64 v)
{
    u64 *tvec = csr == 0x305 ? &rv_state(c)->mtvec : &rv_state(c)->stvec;

    if ((v & 3) < 2)
        *tvec = v;
}

static void set_satp(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);
    unsigned mode = (unsigned)(v >> SATP_MODE_SHIFT);
    u64 old = s->satp;

    if (mode != SATP_BARE && (mode < SATP_SV39 || mode > SATP_SV57))
        return; /* WARL: the whole write is ignored */
    if (old == v)
        return;
    s->satp = v;
    rv_mmu_satp_changed(c, old);
}

static void set_menvcfg(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);
    u64 mask = ENVCFG_FIOM | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE | ENVCFG_ADUE | ENVCFG_PBMTE |
               ENVCFG_STCE;
    u64 changed;

    if ((v & ENVCFG_CBIE) == 2ull << 4) /* reserved */
        v &= ~ENVCFG_CBIE;
    changed = (s->menvcfg ^ v) & mask;
    s->menvcfg = v & mask;
    if (changed & (ENVCFG_ADUE | ENVCFG_PBMTE))
        rv_mmu_flush(c);
    if (changed & ENVCFG_STCE)
        rv_timer_update(c);
}

static void set_senvcfg(struct vcpu *c, unsigned csr, u64 v)
{
    if ((v & ENVCFG_CBIE) == 2ull << 4)
        v &= ~ENVCFG_CBIE;
    rv_state(c)->senvcfg = v & (ENVCFG_FIOM | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE);
}

static u64 get_pmpcfg(struct vcpu *c, unsigned csr)
{
    return le64_get(&rv_state(c)->pmpcfg[(csr - 0x3a0) * 4]);
}

static void set_pmpcfg(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);
    unsigned first = (csr - 0x3a0) * 4;

    for (unsigned i = 0; i < 8; i++)
        s->pmpcfg[first + i] = rv_pmp_cfg_legal(s, first + i, (u8)(v >> 8 * i));
    rv_mmu_flush(c);
}

static u64 get_pmpaddr(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->pmpaddr[csr - 0x3b0];
}

static void set_pmpaddr(struct vcpu *c, unsigned csr, u64 v)
{
    struct rv_state *s = rv_state(c);

    if (rv_pmp_addr_locked(s, csr - 0x3b0))
        return;
    s->pmpaddr[csr - 0x3b0] = bits_get(v, 0, 54);
    rv_mmu_flush(c);
}

/* --- time and counters --- */

static u64 time_ticks(struct vcpu *c)
{
    return c->env->clock(c) / RV_NS_PER_TICK;
}

void rv_timer_update(struct vcpu *c)
{
    struct rv_state *s = rv_state(c);
    u64 ns;

    if (!timer_is_sstc(s)) {
        c->env->timer_set(c, UINT64_MAX);
        return;
    }
    if (time_ticks(c) >= s->stimecmp) {
        s->mip |= MIP_STIP;
        c->env->timer_set(c, UINT64_MAX);
        return;
    }
    s->mip &= ~MIP_STIP;
    if (__builtin_mul_overflow(s->stimecmp, (u64)RV_NS_PER_TICK, &ns))
        ns = UINT64_MAX;
    c->env->timer_set(c, ns);
}

static u64 get_time(struct vcpu *c, unsigned csr)
{
    return time_ticks(c);
}

static void set_stimecmp(struct vcpu *c, unsigned csr, u64 v)
{
    rv_state(c)->stimecmp = v;
    rv_timer_update(c);
}

static u64 get_cycle(struct vcpu *c, unsigned csr)
{
    return c->env->insn_count(c) + rv_state(c)->mcycle_offset;
}

static void set_cycle(struct vcpu *c, unsigned csr, u64 v)
{
    rv_state(c)->mcycle_offset = v - c->env->insn_count(c) - 1;
}

static u64 get_instret(struct vcpu *c, unsigned csr)
{
    return c->env->insn_count(c) + rv_state(c)->minstret_offset;
}

/* The writing instruction itself does not count on top of what it wrote. */
static void set_instret(struct vcpu *c, unsigned csr, u64 v)
{
    rv_state(c)->minstret_offset = v - c->env->insn_count(c) - 1;
}

static u64 get_hpmcounter(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->mhpmcounter[(csr & 31) - 3];
}

static void set_hpmcounter(struct vcpu *c, unsigned csr, u64 v)
{
    rv_state(c)->mhpmcounter[(csr & 31) - 3] = v;
}

static u64 get_hpmevent(struct vcpu *c, unsigned csr)
{
    return rv_state(c)->mhpmevent[(csr & 31) - 3];
}

static void set_hpmevent(struct vcpu *c, unsigned csr, u64 v)
{
    rv_state(c)->mhpmevent[(csr & 31) - 3] = v & HPMEVENT_MASK;
}

/* Overflow bits of the counters that M lets S see (Sscofpmf). */
static u64 get_scountovf(struct vcpu *c, unsigned csr)
{
    const struct rv_state *s = rv_state(c);
    u64 v = 0;

    for (unsigned i = 0; i < RV_HPM_COUNT; i++)
        v |= s->mhpmevent[i] >> 63 << (i + 3);
    return s->priv == RV_M ? v : v & s->mcounteren;
}

/* --- AIA: registers of the interrupt files behind a window --- */

static u64 window_get(struct vcpu *c, unsigned space, u64 number)
{
    u64 v = 0;

    return c->env->sysreg_read(c, space, (unsigned)number, &v) ? 0 : v;
}

static void window_set(struct vcpu *c, unsigned space, u64 number, u64 v)
{
    if (c->env->sysreg_write(c, space, (unsigned)number, v))
        return; /* checked by window_there() before */
}

static u64 get_mireg(struct vcpu *c, unsigned csr)
{
    return window_get(c, RV_SYSREG_M_FILE, rv_state(c)->miselect);
}

static void set_mireg(struct vcpu *c, unsigned csr, u64 v)
{
    window_set(c, RV_SYSREG_M_FILE, rv_state(c)->miselect, v);
}

static u64 get_sireg(struct vcpu *c, unsigned csr)
{
    return window_get(c, RV_SYSREG_S_FILE, rv_state(c)->siselect);
}

static void set_sireg(struct vcpu *c, unsigned csr, u64 v)
{
    window_set(c, RV_SYSREG_S_FILE, rv_state(c)->siselect, v);
}

static u64 get_mtopei(struct vcpu *c, unsigned csr)
{
    return window_get(c, RV_SYSREG_M_FILE, RV_SYSREG_TOPEI);
}

static void set_mtopei(struct vcpu *c, unsigned csr, u64 v)
{
    window_set(c, RV_SYSREG_M_FILE, RV_SYSREG_TOPEI, v);
}

static u64 get_stopei(struct vcpu *c, unsigned csr)
{
    return window_get(c, RV_SYSREG_S_FILE, RV_SYSREG_TOPEI);
}

static void set_stopei(struct vcpu *c, unsigned csr, u64 v)
{
    window_set(c, RV_SYSREG_S_FILE, RV_SYSREG_TOPEI, v);
}

/* Indirect registers 0x30..0x3f are priorities of major interrupts, here constant: any
 * other number is the interrupt file's. */
static bool window_there(struct vcpu *c, unsigned csr)
{
    const struct rv_state *s = rv_state(c);
    bool machine = (csr >> CSR_PRIV_SHIFT & 3) == RV_M;
    u64 select = machine ? s->miselect : s->siselect;
    u64 v;

    if ((csr & 0xff) == 0x51) {
        if (select >= 0x30 && select <= 0x3f)
            return (select & 1) == 0; /* odd ones do not exist with XLEN 64 */
        if (select < 0x70 || select > 0xff || (select >= 0x80 && (select & 1)))
            return false;
    }
    return c->env->sysreg_read(c, machine ? RV_SYSREG_M_FILE : RV_SYSREG_S_FILE, RV_SYSREG_EXISTS,
                               &v) == 0;
}

/* --- the table --- */

#define MEMBER(m, writable)    .offset = offsetof(struct rv_state, m), .mask = writable
#define PLAIN(csr, m, writable) [csr] = { #m, MEMBER(m, writable) }
#define CODE(csr, n, g, s)     [csr] = { n, .get = g, .set = s }
#define RO(csr, n, g)          [csr] = { n, .get = g, .set = set_nothing }
#define X4(M, csr)             M(csr), M(csr + 1), M(csr + 2), M(csr + 3)
#define X16(M, csr)            X4(M, csr), X4(M, csr + 4), X4(M, csr + 8), X4(M, csr + 12)
#define X29(M, csr)            X16(M, csr), X4(M, csr + 16), X4(M, csr + 20), X4(M, csr + 24), M(csr + 28)
#define MHPMCOUNTER(csr)       CODE(csr, "mhpmcounter", get_hpmcounter, set_hpmcounter)
#define MHPMEVENT(csr)         CODE(csr, "mhpmevent", get_hpmevent, set_hpmevent)
#define HPMCOUNTER(csr)        RO(csr, "hpmcounter", get_hpmcounter)
#define PMPADDR(csr)           CODE(csr, "pmpaddr", get_pmpaddr, set_pmpaddr)

static const struct csr csrs[4096] = {
    CODE(0x001, "fflags", get_fflags, set_fflags),
    CODE(0x002, "frm", get_frm, set_frm),
    CODE(0x003, "fcsr", get_fcsr, set_fcsr),
    RO(0xc00, "cycle", get_cycle),
    RO(0xc01, "time", get_time),
    RO(0xc02, "instret", get_instret),
    X29(HPMCOUNTER, 0xc03),

    CODE(0x100, "sstatus", get_sstatus, set_sstatus),
    CODE(0x104, "sie", get_sie, set_sie),
    [0x105] = { "stvec", MEMBER(stvec, 0), .set = set_tvec },
    PLAIN(0x106, scounteren, 0xffffffff),
    [0x10a] = { "senvcfg", MEMBER(senvcfg, 0), .set = set_senvcfg },
    PLAIN(0x140, sscratch, ALL),
    PLAIN(0x141, sepc, ~1ull),
    PLAIN(0x142, scause, ALL),
    PLAIN(0x143, stval, ALL),
    CODE(0x144, "sip", get_sip, set_sip),
    [0x14d] = { "stimecmp", MEMBER(stimecmp, 0), .set = set_stimecmp },
    PLAIN(0x150, siselect, 0xfff),
    CODE(0x151, "sireg", get_sireg, set_sireg),
    CODE(0x15c, "stopei", get_stopei, set_stopei),
    [0x180] = { "satp", MEMBER(satp, 0), .set = set_satp },
    RO(0xda0, "scountovf", get_scountovf),
    RO(0xdb0, "stopi", get_stopi),

    RO(0xf11, "mvendorid", get_zero),
    RO(0xf12, "marchid", get_zero),
    RO(0xf13, "mimpid", get_zero),
    RO(0xf14, "mhartid", get_mhartid),
    RO(0xf15, "mconfigptr", get_zero),
    CODE(0x300, "mstatus", get_mstatus, set_mstatus),
    RO(0x301, "misa", get_misa),
    PLAIN(0x302, medeleg, MEDELEG_MASK),
    PLAIN(0x303, mideleg, MIP_S_ALL),
    PLAIN(0x304, mie, MIP_ALL),
    [0x305] = { "mtvec", MEMBER(mtvec, 0), .set = set_tvec },
    PLAIN(0x306, mcounteren, 0xffffffff),
    RO(0x308, "mvien", get_zero),
    RO(0x309, "mvip", get_zero),
    [0x30a] = { "menvcfg", MEMBER(menvcfg, 0), .set = set_menvcfg },
    RO(0x320, "mcountinhibit", get_zero),
    X29(MHPMEVENT, 0x323),
    PLAIN(0x340, mscratch, ALL),
    PLAIN(0x341, mepc, ~1ull),
    PLAIN(0x342, mcause, ALL),
    PLAIN(0x343, mtval, ALL),
    CODE(0x344, "mip", get_mip, set_mip),
    PLAIN(0x350, miselect, 0xfff),
    CODE(0x351, "mireg", get_mireg, set_mireg),
    CODE(0x35c, "mtopei", get_mtopei, set_mtopei),
    CODE(0x3a0, "pmpcfg0", get_pmpcfg, set_pmpcfg),
    CODE(0x3a2, "pmpcfg2", get_pmpcfg, set_pmpcfg),
    X16(PMPADDR, 0x3b0),
    RO(0x7a0, "tselect", get_zero), /* no triggers: type 0 */
    RO(0x7a1, "tdata1", get_zero),
    RO(0x7a2, "tdata2", get_zero),
    RO(0x7a3, "tdata3", get_zero),
    CODE(0xb00, "mcycle", get_cycle, set_cycle),
    CODE(0xb02, "minstret", get_instret, set_instret),
    X29(MHPMCOUNTER, 0xb03),
    RO(0xfb0, "mtopi", get_mtopi),
};

const char *rv_csr_name(unsigned csr)
{
    return csrs[csr & 0xfff].name;
}

static bool counter_allowed(const struct rv_state *s, unsigned csr)
{
    u64 bit = 1ull << (csr & 31);

    if (s->priv == RV_M)
        return true;
    return (s->mcounteren & bit) && (s->priv == RV_S || (s->scounteren & bit));
}

bool rv_csr_allowed(const struct vcpu *c, unsigned csr, bool write)
{
    const struct rv_state *s = vcpu_state((struct vcpu *)c);

    if (csr > 0xfff || !csrs[csr].name || s->priv < (csr >> CSR_PRIV_SHIFT & 3))
        return false;
    if (write && (csr & CSR_READ_ONLY) == CSR_READ_ONLY)
        return false;
    if (csr <= 0x003)
        return s->fs != 0;
    if (csr >= 0xc00 && csr < 0xc20)
        return counter_allowed(s, csr);
    switch (csr) {
    case 0x180: /* satp */ return s->priv == RV_M || !(s->mstatus & MSTATUS_TVM);
    case 0x14d: /* stimecmp */ return s->priv == RV_M || (timer_is_sstc(s) && (s->mcounteren & 2));
    case 0x151:
    case 0x15c:
    case 0x351:
    case 0x35c: return window_there((struct vcpu *)c, csr);
    }
    return true;
}

static u64 csr_get(struct vcpu *c, unsigned csr)
{
    const struct csr *r = &csrs[csr];

    return r->get ? r->get(c, csr) : *member(c, r->offset);
}

static void csr_set(struct vcpu *c, unsigned csr, u64 v)
{
    const struct csr *r = &csrs[csr];
    u64 *m;

    if (r->set) {
        r->set(c, csr, v);
        return;
    }
    m = member(c, r->offset);
    *m = (*m & ~r->mask) | (v & r->mask);
}

bool rv_csr_read(struct vcpu *c, unsigned csr, u64 *out)
{
    if (!rv_csr_allowed(c, csr, false))
        return false;
    *out = csr_get(c, csr);
    return true;
}

bool rv_csr_write(struct vcpu *c, unsigned csr, u64 v)
{
    if (!rv_csr_allowed(c, csr, true))
        return false;
    csr_set(c, csr, v);
    return true;
}

/* --- the instructions --- */

/* What a read-modify-write of mip and sip works on leaves out the lines from outside:
 * SEIP as written by software, section 3.1.9. */
static u64 modify_base(struct vcpu *c, unsigned csr, u64 read)
{
    return csr == 0x344 ? rv_state(c)->mip : read;
}

/* Reading mtopei or stopei while writing it claims what was read: one step, or a message
 * that arrives in between would be claimed instead. AIA 3.10. */
static u64 claim(struct vcpu *c, unsigned csr)
{
    return window_get(c, csr == 0x35c ? RV_SYSREG_M_FILE : RV_SYSREG_S_FILE, RV_SYSREG_CLAIM);
}

static u64 access(struct vcpu *c, unsigned csr, unsigned how, u64 v)
{
    bool write = how & (RV_CSR_WRITE | RV_CSR_SET | RV_CSR_CLEAR);
    u64 old;

    if (write && how & RV_CSR_READ && (csr == 0x15c || csr == 0x35c))
        return claim(c, csr);
    old = how & RV_CSR_READ || !(how & RV_CSR_WRITE) ? csr_get(c, csr) : 0;

    if (how & RV_CSR_WRITE)
        csr_set(c, csr, v);
    else if (how & RV_CSR_SET)
        csr_set(c, csr, modify_base(c, csr, old) | v);
    else if (how & RV_CSR_CLEAR)
        csr_set(c, csr, modify_base(c, csr, old) & ~v);
    return old;
}

u64 rv_do_csr(struct vcpu *c, u64 what, u64 v, u64 d)
{
    unsigned csr = what & 0xfff, how = what >> 12 & 15;
    bool write = how & (RV_CSR_WRITE | RV_CSR_SET | RV_CSR_CLEAR);

    if (!rv_csr_allowed(c, csr, write)) {
        vcpu_raise(c, RV_ILLEGAL, (u32)(what >> 16));
        return 0;
    }
    return access(c, csr, how, v);
}

u64 rv_do_fcsr(struct vcpu *c, u64 what, u64 v, u64 d)
{
    return access(c, what & 3, what >> 12 & 15, v);
}
