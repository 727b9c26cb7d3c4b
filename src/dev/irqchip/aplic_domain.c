/*
 * aplic_domain.c - an APLIC's sources: from wire to pending bit, and on to a hart's line or
 * a message (AIA 1.0, "Precise effects on interrupt-pending bits" and what follows it).
 */
#include "dev/irqchip/aplic.h"
#include "dev/irqchip/riscv_lines.h"

static struct aplic *self(struct device *d)
{
    return container_of(d, struct aplic, dev);
}

/* --- sources --- */

/* Source n is seen by the domain: delegated down to it, or not delegated past it. */
static bool reaches(const struct aplic *a, unsigned which, unsigned n)
{
    return which == MACHINE ? a->machine
                            : !a->machine || a->s.domain[MACHINE].sourcecfg[n] & DELEGATED;
}

static bool is_level(unsigned mode)
{
    return mode == LEVEL1 || mode == LEVEL0;
}

bool aplic_input(const struct aplic *a, const struct aplic_domain_state *dom, unsigned n)
{
    switch (aplic_mode(dom, n)) {
    case EDGE1:
    case LEVEL1: return aplic_bit(a->s.level, n);
    case EDGE0:
    case LEVEL0: return !aplic_bit(a->s.level, n);
    default: return false;
    }
}

/* --- delivery --- */

u32 aplic_topi(const struct aplic *a, const struct aplic_domain_state *dom, unsigned hart)
{
    u32 best = dom->ithreshold[hart] ? dom->ithreshold[hart] : TARGET_PRIORITY + 1;
    u32 found = 0;

    for (unsigned w = 0; w < APLIC_WORDS; w++)
        for (u32 left = dom->pending[w] & dom->enabled[w]; left; left &= left - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(left);
            u32 priority = dom->target[n] & TARGET_PRIORITY;

            if (dom->target[n] >> 18 != hart || priority >= best)
                continue;
            best = priority;
            found = n << 16 | priority;
        }
    return found;
}

/* Where there are IMSICs, the harts' lines are theirs, and direct delivery goes nowhere
 * (AIA 1.0: unless eidelivery is 0x40000000, which ours do not know). */
void aplic_update_hart(struct aplic *a, unsigned which, unsigned hart)
{
    const struct aplic_domain_state *dom = &a->s.domain[which];
    bool on = !aplic_by_msi(dom) && dom->domaincfg & DOMAINCFG_IE && dom->idelivery[hart] &&
              (dom->iforce[hart] || aplic_topi(a, dom, hart));

    if (!aplic_hardwired(a))
        dev_cpu_irq(&a->dev, hart, which == MACHINE ? RISCV_LINE_MEI : RISCV_LINE_SEI, on);
}

static void update_domain(struct aplic *a, unsigned which)
{
    for (unsigned hart = 0; hart < a->harts; hart++)
        aplic_update_hart(a, which, hart);
}

void aplic_update(struct device *d)
{
    for (unsigned which = 0; which < DOMAINS; which++)
        update_domain(self(d), which);
}

gpa_t aplic_msi_address(const struct aplic *a, unsigned which, u64 hart)
{
    u32 low = which == MACHINE ? a->s.mmsiaddrcfg : a->s.smsiaddrcfg;
    u32 high = which == MACHINE ? a->s.mmsiaddrcfgh : a->s.smsiaddrcfgh;
    u32 layout = a->s.mmsiaddrcfgh;
    unsigned lhxw = (unsigned)bits_get(layout, 12, 4), hhxw = (unsigned)bits_get(layout, 16, 3);
    unsigned hhxs = (unsigned)bits_get(layout, 24, 5), lhxs = (unsigned)bits_get(high, 20, 3);
    u64 base = bits_get(high, 0, 12) << 32 | low;
    u64 group = hart >> lhxw & bits_mask(hhxw);

    if (a->msi_base[which])
        return a->msi_base[which] + hart * 0x1000;
    return (base | group << (hhxs + 12) | (hart & bits_mask(lhxw)) << lhxs) << 12;
}

/* Sends what may be sent, which makes it no longer pending. */
static void forward(struct aplic *a, unsigned which)
{
    struct aplic_domain_state *dom = &a->s.domain[which];

    if (!aplic_by_msi(dom) || !(dom->domaincfg & DOMAINCFG_IE))
        return;
    for (unsigned w = 0; w < APLIC_WORDS; w++)
        for (u32 left = dom->pending[w] & dom->enabled[w]; left; left &= left - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(left);

            aplic_bit_put(dom->pending, n, false);
            irq_msi_send(&a->dev, aplic_msi_address(a, which, dom->target[n] >> 18),
                         dom->target[n] & TARGET_EIID);
        }
}

void aplic_deliver(struct aplic *a, unsigned which)
{
    forward(a, which);
    update_domain(a, which);
}

/* --- pending bits ("Precise effects on interrupt-pending bits") --- */

void aplic_pending_put(struct aplic *a, struct aplic_domain_state *dom, u64 source, bool on)
{
    unsigned n = (unsigned)source, mode;

    if (!aplic_is_source(a, source))
        return;
    mode = aplic_mode(dom, n);
    if (mode == INACTIVE ||
        (is_level(mode) && (!aplic_by_msi(dom) || (on && !aplic_input(a, dom, n)))))
        return;
    aplic_bit_put(dom->pending, n, on);
}

/* After a change of wire, mode or delivery a level source is pending while asserted. */
static void follow_level(struct aplic *a, struct aplic_domain_state *dom, unsigned n)
{
    if (is_level(aplic_mode(dom, n)))
        aplic_bit_put(dom->pending, n, aplic_input(a, dom, n));
}

void aplic_irq_in(struct device *d, unsigned n, bool level)
{
    struct aplic *a = self(d);

    if (!aplic_is_source(a, n) || aplic_bit(a->s.level, n) == level)
        return;
    aplic_bit_put(a->s.level, n, level);
    for (unsigned which = 0; which < DOMAINS; which++) {
        struct aplic_domain_state *dom = &a->s.domain[which];
        unsigned mode = aplic_mode(dom, n);

        if (mode == INACTIVE || mode == DETACHED)
            continue;
        if (!is_level(mode) && aplic_input(a, dom, n))
            aplic_bit_put(dom->pending, n, true);
        follow_level(a, dom, n);
        aplic_deliver(a, which);
    }
}

/* --- source configuration --- */

/* All of an inactive source is zero. */
static void source_clear(struct aplic_domain_state *dom, unsigned n)
{
    dom->target[n] = 0;
    aplic_bit_put(dom->pending, n, false);
    aplic_bit_put(dom->enabled, n, false);
}

static void sourcecfg_put(struct aplic *a, unsigned which, unsigned n, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];
    unsigned before = aplic_mode(dom, n);

    if (v & DELEGATED)
        v = which == MACHINE ? DELEGATED : INACTIVE; /* one child, which has none */
    else
        v = (v & 7) == 2 || (v & 7) == 3 ? INACTIVE : v & 7;
    dom->sourcecfg[n] = (u16)v;
    if (aplic_mode(dom, n) == INACTIVE)
        source_clear(dom, n);
    else if (before == INACTIVE)
        dom->target[n] = aplic_by_msi(dom) ? 0 : 1;
    follow_level(a, dom, n);
}

void aplic_sourcecfg_write(struct aplic *a, unsigned which, unsigned n, u32 v)
{
    if (!aplic_is_source(a, n) || !reaches(a, which, n))
        return;
    sourcecfg_put(a, which, n, v);
    if (which == MACHINE && !reaches(a, SUPERVISOR, n)) {
        sourcecfg_put(a, SUPERVISOR, n, INACTIVE);
        aplic_deliver(a, SUPERVISOR);
    }
    aplic_deliver(a, which);
}

void aplic_target_write(struct aplic *a, unsigned which, unsigned n, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];

    if (!aplic_is_source(a, n) || aplic_mode(dom, n) == INACTIVE)
        return;
    if (aplic_by_msi(dom))
        v &= TARGET_HART | TARGET_EIID;
    else
        v = v & TARGET_PRIORITY ? v & (TARGET_HART | TARGET_PRIORITY) : (v & TARGET_HART) | 1;
    dom->target[n] = v;
    aplic_deliver(a, which);
}

void aplic_domaincfg_write(struct aplic *a, unsigned which, u32 v)
{
    struct aplic_domain_state *dom = &a->s.domain[which];
    u32 before = dom->domaincfg;

    dom->domaincfg = v & (DOMAINCFG_IE | DOMAINCFG_DM);
    for (unsigned n = 1; (v ^ before) & DOMAINCFG_DM && n <= a->sources; n++) {
        dom->target[n] = aplic_mode(dom, n) != INACTIVE && !aplic_by_msi(dom);
        follow_level(a, dom, n);
    }
    aplic_deliver(a, which);
}
