/*
 * gic_bank.c - 32 interrupts of a GIC and the registers of a distributor or redistributor
 * that show them (IHI 0069, "The Distributor register map" and "… Redistributor …").
 */
#include "dev/irqchip/gic.h"
#include <errno.h>

static u32 bit(unsigned n)
{
    return 1u << n;
}

/* Edge-triggered interrupts become pending when their line rises; others follow it. */
void gic_bank_input(struct gic_bank_state *b, unsigned n, bool level)
{
    if (level && !(b->level & bit(n)) && b->edge & bit(n))
        b->pending |= bit(n);
    b->level = (b->level & ~bit(n)) | (u32)level << n;
}

void gic_bank_acknowledge(struct gic_bank_state *b, unsigned n)
{
    b->active |= bit(n);
    b->pending &= ~bit(n);
}

u32 gic_bank_candidates(const struct gic_bank_state *b, unsigned groups)
{
    u32 of_groups = (groups & 1 ? ~b->group : 0) | (groups & 2 ? b->group : 0);

    return gic_bank_pending(b) & b->enabled & ~b->active & of_groups;
}

/* --- registers of two bits an interrupt: the upper one says edge --- */

static u32 config_read(u32 edge, unsigned half)
{
    u32 v = 0;

    for (unsigned n = 0; n < 16; n++)
        v |= (edge >> (16 * half + n) & 1) << (2 * n + 1);
    return v;
}

static void config_write(struct gic_bank_state *b, unsigned half, u32 v)
{
    for (unsigned n = 0; n < 16; n++)
        b->edge = (u32)bits_put(b->edge, 16 * half + n, 1, v >> (2 * n + 1));
}

/* --- priorities, a byte each --- */

static u32 priority_read(const struct gic_bank_state *b, unsigned at, unsigned size)
{
    return size == 1 ? b->priority[at] : le32_get(b->priority + at);
}

static void priority_write(struct gic_bank_state *b, unsigned at, u32 v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        b->priority[at + i] = (u8)(v >> 8 * i & GIC_PRIORITY_MASK);
}

/* --- all --- */

u32 gic_bank_read(const struct gic_bank_state *b, u64 off, unsigned size)
{
    if (off >= GIC_ICFGR)
        return config_read(b->edge, off / 4 & 1);
    if (off >= GIC_IPRIORITYR)
        return priority_read(b, off % 32, size);
    switch (off & ~0x7full) {
    case GIC_IGROUPR: return b->group;
    case GIC_ISENABLER:
    case GIC_ICENABLER: return b->enabled;
    case GIC_ISPENDR:
    case GIC_ICPENDR: return gic_bank_pending(b);
    default: return b->active;
    }
}

/* What is pending by its level stays so until the line falls (GICD_ICPENDR). */
void gic_bank_write(struct gic_bank_state *b, u64 off, u32 v, unsigned size)
{
    if (off >= GIC_ICFGR) {
        config_write(b, off / 4 & 1, v);
        return;
    }
    if (off >= GIC_IPRIORITYR) {
        priority_write(b, off % 32, v, size);
        return;
    }
    switch (off & ~0x7full) {
    case GIC_IGROUPR: b->group = v; break;
    case GIC_ISENABLER: b->enabled |= v; break;
    case GIC_ICENABLER: b->enabled &= ~v; break;
    case GIC_ISPENDR: b->pending |= v; break;
    case GIC_ICPENDR: b->pending &= ~v; break;
    case GIC_ISACTIVER: b->active |= v; break;
    default: b->active &= ~v; break;
    }
}

/* --- life --- */

int gic_spis_check(u64 spis, struct err *err)
{
    if (spis % GIC_BANK)
        return err_set(err, EINVAL, "property 'spis' is %u, and must be a multiple of 32",
                       (unsigned)spis);
    return 0;
}

/* What is pending or active and does not exist would never go away. */
int gic_banks_check(const struct gic_bank_state *spi, unsigned count, u64 spis, struct err *err)
{
    for (unsigned w = (unsigned)spis / GIC_BANK; w < count; w++)
        if (gic_bank_pending(&spi[w]) | spi[w].active)
            return err_set(err, EINVAL, "it has interrupts over %u",
                           (unsigned)(GIC_SPI + spis - 1));
    return 0;
}

#define STATE_ROW_T struct gic_bank_state
STATE_LIST(gic_bank, GIC_BANK_STATE, 1);
#undef STATE_ROW_T
