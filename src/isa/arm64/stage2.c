/*
 * stage2.c - VMSAv8-64 stage 2: VTTBR_EL2's tables, concatenated ones too (D8.2.8, D8.4.2).
 */
#include "isa/arm64/walk.h"

#include "base/bits.h"
#include "isa/arm64/sysreg.h"

#define S2_READ  (1ull << 6)
#define S2_WRITE (1ull << 7)
enum { S2_MEM_ATTR = 2, S2_XN = 53, S2_DEVICE_MASK = 0xc };

/* VTCR_EL2 (D24.2.206) */
enum { VTCR_T0SZ = 0, VTCR_SL0 = 6, VTCR_TG0 = 14, VTCR_PS = 16 };
#define VTCR_HA (1ull << 21)
#define VTCR_HD (1ull << 22)
enum { CONCATENATED_BITS = 4, T0SZ_MAX = 39 };

struct stage2 {
    struct vcpu *c;
    u64 vtcr;
    gpa_t ipa;
    enum isa_access access;
    bool el0; /* whose access it is */
    struct arm_format f;
    unsigned ia_bits;
    int level;
    gpa_t desc_at;
    u64 desc;
};

/* Where SL0 and SL2 have the walk start; false: that is reserved. */
static bool start_level(struct stage2 *w)
{
    unsigned sl0 = (unsigned)bits_get(w->vtcr, VTCR_SL0, 2);
    bool small = w->f.grain == ARM_GRAIN_4K;

    if (small && w->f.ds && w->vtcr >> VTCR_SL2 & 1) {
        w->level = -1;
        return sl0 == 0;
    }
    w->level = (small ? 2 : 3) - (int)sl0;
    return sl0 < 3 || (w->f.ds && !small);
}

/* What VTCR_EL2 says; false: it contradicts itself, or the address is outside. */
static bool begin(struct stage2 *w)
{
    static const u8 grains[4] = { ARM_GRAIN_4K, ARM_GRAIN_64K, ARM_GRAIN_16K, ARM_GRAIN_4K };
    unsigned size = (unsigned)bits_get(w->vtcr, VTCR_T0SZ, 6), shift, stride;

    arm_format_get(&w->f, w->c, grains[bits_get(w->vtcr, VTCR_TG0, 2)], w->vtcr >> VTCR_DS & 1,
                   w->vtcr >> VTCR_PS);
    w->ia_bits = 64 - size;
    stride = w->f.grain - 3u;
    if (!start_level(w) || size > T0SZ_MAX || w->ia_bits > w->f.address_bits)
        return false;
    shift = arm_level_shift(w->f.grain, w->level);
    return w->ia_bits > shift && w->ia_bits - shift <= stride + CONCATENATED_BITS &&
           !(w->ipa >> w->ia_bits);
}

/* May be written, once hardware has noted that it is? */
static bool writable(const struct stage2 *w, bool dbm)
{
    return w->desc & S2_WRITE || (dbm && w->desc & ARM_DESC_DBM &&
                                  (w->vtcr & (VTCR_HA | VTCR_HD)) == (VTCR_HA | VTCR_HD));
}

/* XN[1:0] keeps from being executed: nobody, EL1, both, EL0 (D8.4.1.2). */
static bool executable(const struct stage2 *w)
{
    switch (bits_get(w->desc, S2_XN, 2)) {
    case 0: return true;
    case 1: return w->el0;
    case 2: return false;
    default: return !w->el0;
    }
}

static u8 leaf_perm(const struct stage2 *w, bool dbm)
{
    bool read = w->desc & S2_READ, fetch = executable(w);

    return (u8)((read ? 1 << ISA_READ : 0) | (writable(w, dbm) ? 1 << ISA_WRITE : 0) |
                (fetch ? 1 << ISA_FETCH : 0));
}

static int down(struct stage2 *w)
{
    unsigned grain = w->f.grain, bits = w->ia_bits - arm_level_shift(grain, w->level);
    gpa_t table = arm_format_root(&w->f, arm_state(w->c)->vttbr_el2, bits);
    bool block;

    if (table >> w->f.output_bits)
        return ARM_FSC_ADDRESS_SIZE;
    for (;; w->level++, bits = grain - 3) {
        w->desc_at =
            table + ARM_DESC_BYTES * bits_get(w->ipa, arm_level_shift(grain, w->level), bits);
        if (w->c->env->phys_load(w->c, w->desc_at, ARM_DESC_BYTES, &w->desc))
            return arm_level_fault(ARM_FSC_WALK_EXTERNAL, w->level);
        block = !(w->desc & ARM_DESC_TABLE);
        if (!(w->desc & ARM_DESC_VALID) || (block && !arm_block_exists(&w->f, w->level)))
            return arm_level_fault(ARM_FSC_TRANSLATION, w->level);
        table = arm_format_address(&w->f, w->desc);
        if (table >> w->f.output_bits)
            return arm_level_fault(ARM_FSC_ADDRESS_SIZE, w->level);
        if (w->level == ARM_LAST_LEVEL || block)
            return ARM_WALK_OK;
    }
}

/* Access flag and dirty state where hardware is to set them (D8.5). *again: the entry changed. */
static int mark(struct stage2 *w, bool *again)
{
    u64 want = w->desc | ARM_DESC_AF | (w->access == ISA_WRITE ? S2_WRITE : 0);
    bool done;

    *again = false;
    if (want == w->desc)
        return ARM_WALK_OK;
    if (w->c->env->phys_cas(w->c, w->desc_at, ARM_DESC_BYTES, w->desc, want, &done))
        return arm_level_fault(ARM_FSC_WALK_EXTERNAL, w->level);
    *again = !done;
    w->desc = want;
    return ARM_WALK_OK;
}

int arm_stage2(struct vcpu *c, gpa_t ipa, enum isa_access access, bool el0, struct arm_stage2 *out)
{
    struct stage2 w = {
        .c = c, .vtcr = arm_state(c)->vtcr_el2, .ipa = ipa, .access = access, .el0 = el0
    };
    unsigned shift;
    bool again;
    int end;

    do {
        if (!begin(&w))
            return ARM_FSC_TRANSLATION;
        if ((end = down(&w)) != ARM_WALK_OK)
            return end;
        if (!(w.desc & ARM_DESC_AF) && !(w.vtcr & VTCR_HA))
            return ARM_FSC_ACCESS_FLAG + w.level;
        if (!(leaf_perm(&w, true) & 1 << access))
            return ARM_FSC_PERMISSION + w.level;
        if ((end = mark(&w, &again)) != ARM_WALK_OK)
            return end;
    } while (again);
    shift = arm_level_shift(w.f.grain, w.level);
    out->pa = arm_format_address(&w.f, w.desc) & ~bits_mask(shift);
    out->pa |= bits_get(ipa, 0, shift);
    out->perm = leaf_perm(&w, false);
    out->level = (u8)w.level;
    out->attr = (u8)bits_get(w.desc, S2_MEM_ATTR, 4);
    out->device = !(out->attr & S2_DEVICE_MASK);
    return ARM_WALK_OK;
}
