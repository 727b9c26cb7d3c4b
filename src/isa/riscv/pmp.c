/*
 * pmp.c - physical memory protection: 16 entries, 4-byte granularity.
 *
 * Privileged Architecture 20240411, section 3.7.
 */
#include "isa/riscv/mmu.h"

#include "base/bits.h"

enum {
    PMP_R = 1,
    PMP_W = 2,
    PMP_X = 4,
    PMP_ALL = 7,
    PMP_A_SHIFT = 3,
    PMP_A_MASK = 3,
    PMP_LOCK = 0x80
};
enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

/* pmpaddr holds bits 55:2 of an address. */
#define PMP_ADDR_BITS 54

static unsigned pmp_mode(u8 cfg)
{
    return cfg >> PMP_A_SHIFT & PMP_A_MASK;
}

/* The bytes that entry i covers: [*from, *to); empty for OFF. */
static void pmp_range(const struct rv_state *s, unsigned i, u64 *from, u64 *to)
{
    u64 addr = s->pmpaddr[i];
    u64 low_ones;

    *from = *to = 0;
    switch (pmp_mode(s->pmpcfg[i])) {
    case PMP_TOR:
        *from = i ? s->pmpaddr[i - 1] << 2 : 0;
        *to = addr << 2;
        break;
    case PMP_NA4:
        *from = addr << 2;
        *to = *from + 4;
        break;
    case PMP_NAPOT:
        low_ones = addr ^ (addr + 1); /* the trailing ones and the zero above them */
        *from = (addr & ~low_ones) << 2;
        *to = *from + ((low_ones + 1) << 2);
        break;
    }
}

/* What an entry that matches lets priv do. */
static u8 pmp_grants(u8 cfg, enum rv_priv priv)
{
    _Static_assert(1 << ISA_READ == PMP_R && 1 << ISA_WRITE == PMP_W && 1 << ISA_FETCH == PMP_X,
                   "the same bits");
    return priv == RV_M && !(cfg & PMP_LOCK) ? PMP_ALL : cfg & PMP_ALL;
}

u8 rv_pmp_perm(const struct rv_state *s, gpa_t gpa, u64 size, enum rv_priv priv, bool *uniform)
{
    gpa_t page = bits_align_down(gpa, 4096);

    *uniform = true;
    for (unsigned i = 0; i < RV_PMP_COUNT; i++) {
        u64 from, to;

        pmp_range(s, i, &from, &to);
        if (from >= to)
            continue;
        if (from < page + 4096 && to > page && !(from <= page && to >= page + 4096))
            *uniform = false;
        if (gpa >= to || gpa + size <= from)
            continue;
        if (gpa < from || gpa + size > to)
            return 0; /* partly matched by the deciding entry */
        return pmp_grants(s->pmpcfg[i], priv);
    }
    return priv == RV_M ? PMP_ALL : 0;
}

u8 rv_pmp_cfg_legal(const struct rv_state *s, unsigned i, u8 wanted)
{
    if (s->pmpcfg[i] & PMP_LOCK)
        return s->pmpcfg[i];
    wanted &= PMP_LOCK | PMP_A_MASK << PMP_A_SHIFT | PMP_R | PMP_W | PMP_X;
    if ((wanted & (PMP_R | PMP_W)) == PMP_W) /* reserved */
        wanted &= (u8)~PMP_W;
    return wanted;
}

bool rv_pmp_addr_locked(const struct rv_state *s, unsigned i)
{
    if (s->pmpcfg[i] & PMP_LOCK)
        return true;
    return i + 1 < RV_PMP_COUNT && (s->pmpcfg[i + 1] & PMP_LOCK) &&
           pmp_mode(s->pmpcfg[i + 1]) == PMP_TOR;
}
