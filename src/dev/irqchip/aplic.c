/*
 * aplic.c - RISC-V advanced platform-level interrupt controller (AIA 1.0, chapter "APLIC"):
 * a machine-level root domain and its supervisor-level child, direct and MSI delivery.
 *
 * Region 0 controls the machine domain, region 1 the supervisor domain; hart index is hart
 * number in both. A source is active in one of them at most. With machine=off the
 * supervisor domain has all sources from the start, for a board whose firmware is built in.
 *
 * Choices where the specification leaves one: little-endian only; 8 bits of priority; a new
 * source mode makes a level source pending if its input is high; reset sets unspecified
 * registers to zero; targets return to hart 0 when the delivery mode changes.
 */
#include "dev/irqchip/aplic.h"
#include <errno.h>

enum {
    DOMAINCFG = 0x0000,
    SOURCECFG = 0x0000 /* + 4i */,
    MMSIADDRCFG = 0x1bc0,
    MMSIADDRCFGH = 0x1bc4,
    SMSIADDRCFG = 0x1bc8,
    SMSIADDRCFGH = 0x1bcc,
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIE = 0x1e00,
    SETIENUM = 0x1edc,
    CLRIE = 0x1f00,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    GENMSI = 0x3000,
    TARGET = 0x3000 /* + 4i */,
    IDC = 0x4000,
    IDC_STEP = 32,
    APLIC_SIZE = 0x8000,
};
enum { IDELIVERY = 0x00, IFORCE = 0x04, ITHRESHOLD = 0x08, TOPI = 0x18, CLAIMI = 0x1c };
/* Bits of domaincfg, mmsiaddrcfgh and smsiaddrcfgh. */
#define DOMAINCFG_FIXED    0x80000000u
#define MSIADDRCFGH_LOCK   0x80000000u
#define MMSIADDRCFGH_KEPT  0x9f77ffffu
#define SMSIADDRCFGH_KEPT  0x00700fffu

static struct aplic *self(struct device *d)
{
    return container_of(d, struct aplic, dev);
}

/* --- registers in rows of bits, and the same by number --- */

static void bits_write(struct aplic *a, unsigned which, u64 reg, unsigned w, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];

    for (; w < APLIC_WORDS && v; v &= v - 1) {
        unsigned n = w * 32 + (unsigned)__builtin_ctz(v);

        if (reg == SETIP || reg == IN_CLRIP)
            aplic_pending_put(a, dom, n, reg == SETIP);
        else if (aplic_is_source(a, n) && aplic_mode(dom, n) != INACTIVE)
            aplic_bit_put(dom->enabled, n, reg == SETIE);
    }
    aplic_deliver(a, which);
}

static void number_write(struct aplic *a, unsigned which, u64 reg, u32 n)
{
    if (aplic_is_source(a, n))
        bits_write(a, which, reg, n / 32, 1u << n % 32);
}

static u32 inputs(struct aplic *a, const struct aplic_domain_state *dom, unsigned w)
{
    u32 v = 0;

    for (unsigned n = w * 32; n < w * 32 + 32; n++)
        v |= (u32)(aplic_is_source(a, n) && aplic_input(a, dom, n)) << n % 32;
    return v;
}

static u32 bits_read(struct aplic *a, unsigned which, u64 reg, unsigned w)
{
    const struct aplic_domain_state *dom = &a->s.domain[which];

    if (w >= APLIC_WORDS)
        return 0;
    switch (reg) {
    case SETIP: return dom->pending[w];
    case IN_CLRIP: return inputs(a, dom, w);
    case SETIE: return dom->enabled[w];
    default: return 0;
    }
}

/* --- message addresses --- */

static u32 *msiaddr(struct aplic *a, u64 off)
{
    switch (off) {
    case MMSIADDRCFG: return &a->s.mmsiaddrcfg;
    case MMSIADDRCFGH: return &a->s.mmsiaddrcfgh;
    case SMSIADDRCFG: return &a->s.smsiaddrcfg;
    case SMSIADDRCFGH: return &a->s.smsiaddrcfgh;
    default: return NULL;
    }
}

/* Only the root domain has them; hardwired addresses show as zeros under a lock. */
static u32 msiaddr_read(struct aplic *a, unsigned which, u64 off)
{
    if (which != MACHINE || !a->machine)
        return 0;
    if (aplic_hardwired(a))
        return off == MMSIADDRCFGH ? MSIADDRCFGH_LOCK : 0;
    return *msiaddr(a, off);
}

static void msiaddr_write(struct aplic *a, unsigned which, u64 off, u32 v)
{
    if (which != MACHINE || !a->machine || aplic_hardwired(a) ||
        a->s.mmsiaddrcfgh & MSIADDRCFGH_LOCK)
        return;
    if (off == MMSIADDRCFGH)
        v &= MMSIADDRCFGH_KEPT;
    else if (off == SMSIADDRCFGH)
        v &= SMSIADDRCFGH_KEPT;
    *msiaddr(a, off) = v;
}

/* Sent whether or not the domain is enabled; never busy after. */
static void genmsi_write(struct aplic *a, unsigned which, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];

    if (!aplic_by_msi(dom))
        return;
    dom->genmsi = v & (TARGET_HART | TARGET_EIID);
    irq_msi_send(&a->dev, aplic_msi_address(a, which, v >> 18), v & TARGET_EIID);
}

/* --- interrupt delivery control, a structure a hart --- */

static u32 claimi(struct aplic *a, unsigned which, unsigned hart)
{
    struct aplic_domain_state *dom = &a->s.domain[which];
    u32 top = aplic_topi(a, dom, hart);

    if (top)
        aplic_pending_put(a, dom, top >> 16, false);
    else
        dom->iforce[hart] = false;
    aplic_update_hart(a, which, hart);
    return top;
}

static u32 idc_read(struct aplic *a, unsigned which, u64 off)
{
    const struct aplic_domain_state *dom = &a->s.domain[which];
    unsigned hart = (unsigned)(off / IDC_STEP);

    if (hart >= a->harts)
        return 0;
    switch (off % IDC_STEP) {
    case IDELIVERY: return dom->idelivery[hart];
    case IFORCE: return dom->iforce[hart];
    case ITHRESHOLD: return dom->ithreshold[hart];
    case TOPI: return aplic_topi(a, dom, hart);
    case CLAIMI: return claimi(a, which, hart);
    default: return 0;
    }
}

static void idc_write(struct aplic *a, unsigned which, u64 off, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];
    unsigned hart = (unsigned)(off / IDC_STEP);

    if (hart >= a->harts)
        return;
    switch (off % IDC_STEP) {
    case IDELIVERY: dom->idelivery[hart] = v & 1; break;
    case IFORCE: dom->iforce[hart] = v & 1; break;
    case ITHRESHOLD: dom->ithreshold[hart] = (u8)v; break;
    }
    aplic_update_hart(a, which, hart);
}

/* --- the control region --- */

static bool in_row(u64 off, u64 row)
{
    return off >= row && off < row + 4 * 32;
}

static u32 domain_read(struct aplic *a, unsigned which, u64 off)
{
    const struct aplic_domain_state *dom = &a->s.domain[which];
    unsigned n = (unsigned)(off % 0x1000 / 4);

    if (off >= IDC)
        return idc_read(a, which, off - IDC);
    if (off == DOMAINCFG)
        return DOMAINCFG_FIXED | dom->domaincfg;
    if (off < 0x1000)
        return aplic_is_source(a, n) ? dom->sourcecfg[n] : 0;
    if (off == GENMSI)
        return aplic_by_msi(dom) ? dom->genmsi : 0;
    if (off > TARGET)
        return aplic_is_source(a, n) ? dom->target[n] : 0;
    if (msiaddr(a, off))
        return msiaddr_read(a, which, off);
    for (u64 row = SETIP; row <= SETIE; row += 0x100)
        if (in_row(off, row))
            return bits_read(a, which, row, (unsigned)(off - row) / 4);
    return 0;
}

static void domain_write(struct aplic *a, unsigned which, u64 off, u32 v)
{
    unsigned n = (unsigned)(off % 0x1000 / 4);

    for (u64 row = SETIP; row <= CLRIE; row += 0x100)
        if (in_row(off, row)) {
            bits_write(a, which, row, (unsigned)(off - row) / 4, v);
            return;
        }
    switch (off) {
    case DOMAINCFG: aplic_domaincfg_write(a, which, v); return;
    case SETIPNUM:
    case SETIPNUM_LE: number_write(a, which, SETIP, v); return;
    case CLRIPNUM: number_write(a, which, IN_CLRIP, v); return;
    case SETIENUM: number_write(a, which, SETIE, v); return;
    case CLRIENUM: number_write(a, which, CLRIE, v); return;
    case GENMSI: genmsi_write(a, which, v); return;
    }
    if (off >= IDC)
        idc_write(a, which, off - IDC, v);
    else if (off < 0x1000)
        aplic_sourcecfg_write(a, which, n, v);
    else if (off > TARGET)
        aplic_target_write(a, which, n, v);
    else if (msiaddr(a, off))
        msiaddr_write(a, which, off, v);
}

static u64 m_read(struct device *d, u64 off, unsigned size)
{
    return self(d)->machine ? domain_read(self(d), MACHINE, off) : 0;
}

static void m_write(struct device *d, u64 off, u64 v, unsigned size)
{
    if (self(d)->machine)
        domain_write(self(d), MACHINE, off, (u32)v);
}

static u64 s_read(struct device *d, u64 off, unsigned size)
{
    return domain_read(self(d), SUPERVISOR, off);
}

static void s_write(struct device *d, u64 off, u64 v, unsigned size)
{
    domain_write(self(d), SUPERVISOR, off, (u32)v);
}

/* --- life --- */

static int aplic_init(struct device *d, struct err *err)
{
    self(d)->harts = d->host->cpu_count(d->host->arg);
    if (self(d)->harts > APLIC_MAX_HARTS)
        return err_set(err, EINVAL, "an APLIC serves at most %u harts, not %u", APLIC_MAX_HARTS,
                       self(d)->harts);
    return 0;
}

static int aplic_check(struct device *d, struct err *err)
{
    struct aplic *a = self(d);

    for (unsigned which = 0; which < DOMAINS; which++)
        for (unsigned n = 0; n < APLIC_SOURCES; n++)
            if (!aplic_is_source(a, n) &&
                (a->s.domain[which].sourcecfg[n] || aplic_bit(a->s.domain[which].pending, n)))
                return err_set(err, EINVAL, "it has a source %u, and there are %u", n,
                               (unsigned)a->sources);
    return 0;
}

#define STATE_ROW_T struct aplic_domain_state
STATE_LIST(aplic_domain, APLIC_DOMAIN_STATE, 1);
#undef STATE_ROW_T
#define STATE_ROW_T struct aplic_state
STATE_LIST(aplic, APLIC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop aplic_props[] = {
    { "sources", "number of interrupt sources", DEV_PROP_U64, offsetof(struct aplic, sources),
      .min = 1, .max = APLIC_SOURCES - 1, .initial = 95 },
    { "machine", "a machine-level domain that delegates to the supervisor-level one", DEV_PROP_BOOL,
      offsetof(struct aplic, machine), .max = 1, .initial = 1 },
    { "imsic-m", "address of the IMSICs' machine files, 4 KiB a hart; 0: set by software",
      DEV_PROP_U64, offsetof(struct aplic, msi_base[MACHINE]), .max = 1ull << 55 },
    { "imsic-s", "address of the IMSICs' supervisor files, 4 KiB a hart; 0: set by software",
      DEV_PROP_U64, offsetof(struct aplic, msi_base[SUPERVISOR]), .max = 1ull << 55 },
};

static const struct dev_region aplic_regions[] = {
    [MACHINE] = { "machine", APLIC_SIZE, MEM_IO_4, m_read, m_write },
    [SUPERVISOR] = { "supervisor", APLIC_SIZE, MEM_IO_4, s_read, s_write },
};

const struct dev_class aplic_class = {
    .name = "aplic",
    .doc = "RISC-V advanced platform-level interrupt controller (AIA)",
    .size = sizeof(struct aplic),
    .state_offset = offsetof(struct aplic, s),
    .state = &aplic_state_list,
    .props = aplic_props,
    .prop_count = ARRAY_SIZE(aplic_props),
    .regions = aplic_regions,
    .region_count = ARRAY_SIZE(aplic_regions),
    .init = aplic_init,
    .update = aplic_update,
    .check = aplic_check,
    .irq_in = aplic_irq_in,
    .fdt_compatible = "riscv,aplic",
};
