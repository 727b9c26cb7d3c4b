/*
 * walk.c - VMSAv8-64 stage 1 walks, of addresses of up to 52 bits.
 *
 * DDI 0487, chapter D8. A walk answers what the bank's regime may do now; a permission that
 * still needs the dirty state is left out, so that the first store walks again and sets it. Where
 * there is a stage 2, tables are found through it, too.
 */
#include "isa/arm64/walk.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/model.h"
#include "isa/arm64/sysreg.h"

#define DESC_AP_EL0    (1ull << 6)
#define DESC_AP_RO     (1ull << 7)
#define DESC_NG        (1ull << 11)
#define DESC_GP        (1ull << 50)
#define DESC_PXN       (1ull << 53)
#define DESC_UXN       (1ull << 54)
#define DESC_PXN_TABLE (1ull << 59)
#define DESC_UXN_TABLE (1ull << 60)
#define DESC_AP_TABLE0 (1ull << 61)
#define DESC_AP_TABLE1 (1ull << 62)
enum { ATTR_INDEX = 2, SH = 8, TOP_BYTE = 56, SELECT_BIT = 55, ADDRESS_BITS = 56, TSZ_MAX = 39 };
enum { ATTR_DEVICE = 0, ATTR_WRITE_BACK = 0xff };

/* What one walk of stage 1 carries along. */
struct walk {
    struct arm_walk *w;
    const struct arm_regime *r;
    gva_t va;
    bool upper; /* the half of TTBR1 */
    struct arm_format f;
    unsigned ia_bits;
    int level;
    u64 ttbr;
    gpa_t desc_at; /* by stage 2 */
    u64 desc;
    u64 tables; /* DESC_*_TABLE of all that was passed */
};

/* TG0 and TG1 count differently, and what is reserved is as 4 KiB. */
void arm_regime_format(struct arm_format *f, const struct vcpu *c, const struct arm_regime *r,
                       bool upper)
{
    static const u8 grain[2][4] = {
        { ARM_GRAIN_4K, ARM_GRAIN_64K, ARM_GRAIN_16K, ARM_GRAIN_4K },
        { ARM_GRAIN_4K, ARM_GRAIN_16K, ARM_GRAIN_4K, ARM_GRAIN_64K },
    };
    u8 own = grain[upper][bits_get(r->tcr, upper ? TCR_TG1 : TCR_TG0, 2)];

    arm_format_get(f, c, own, r->tcr >> TCR_DS & 1, r->tcr >> TCR_IPS);
}

static bool tcr_bit(const struct walk *w, unsigned bit0, unsigned bit1)
{
    return w->r->tcr >> (w->upper ? bit1 : bit0) & 1;
}

bool arm_regime_is_upper(const struct arm_regime *r, gva_t va)
{
    return !r->single && va >> SELECT_BIT & 1;
}

bool arm_regime_ignores_top(const struct arm_regime *r, bool upper, bool data)
{
    return r->tcr >> (upper ? TCR_TBI1 : TCR_TBI0) & 1 &&
           (data || !(r->tcr >> (upper ? TCR_TBID1 : TCR_TBID0) & 1));
}

/* A single range has no upper half to extend into. */
gva_t arm_regime_untagged(const struct arm_regime *r, gva_t va)
{
    if (!arm_regime_ignores_top(r, arm_regime_is_upper(r, va), true))
        return va;
    return r->single ? bits_get(va, 0, ADDRESS_BITS) : (gva_t)bits_sext(va, TOP_BYTE);
}

/* Without its tag; a fetch has none (mmu.c). */
static gva_t plain_address(const struct walk *w)
{
    return w->w->access == ISA_FETCH ? w->va : arm_regime_untagged(w->r, w->va);
}

/* Chooses the table; false: no table is for this address. What TxSZ leaves outside of what there is
 * may be a fault, and has to where addresses can be large (AArch64.S1TxSZFaults()). */
static bool walk_begin(struct walk *w)
{
    gva_t va = plain_address(w);
    unsigned size;

    w->upper = arm_regime_is_upper(w->r, w->va);
    arm_regime_format(&w->f, w->w->c, w->r, w->upper);
    size = (unsigned)bits_get(w->r->tcr, w->upper ? TCR_T1SZ : TCR_T0SZ, 6);
    w->ia_bits = 64 - size;
    w->ttbr = w->r->ttbr[w->upper];
    if (size > TSZ_MAX || w->ia_bits > w->f.address_bits ||
        (u64)(w->upper ? ~va : va) >> w->ia_bits)
        return false;
    return !tcr_bit(w, TCR_EPD0, TCR_EPD1) && !(w->r->el0 && tcr_bit(w, TCR_E0PD0, TCR_E0PD1));
}

/* Where a table's entry is, by stage 2 where there is one. PTW keeps walks out of device memory. */
static int table_at(struct walk *w, gpa_t at, enum isa_access access)
{
    struct vcpu *c = w->w->c;
    struct arm_stage2 s2;
    int end;

    w->desc_at = at;
    if (!w->r->stage2)
        return ARM_WALK_OK;
    end = arm_stage2(c, at, access, false, &s2);
    if (end == ARM_WALK_OK && s2.device && arm_hcr(arm_state(c)) & HCR_PTW)
        end = ARM_FSC_PERMISSION + s2.level;
    if (end == ARM_WALK_OK) {
        w->desc_at = s2.pa;
        return ARM_WALK_OK;
    }
    w->w->by_stage2 = w->w->s1ptw = true;
    w->w->ipa = at;
    return end;
}

/* Follows tables down to a leaf. */
static int walk_down(struct walk *w)
{
    unsigned grain = w->f.grain, stride = grain - 3;
    unsigned levels = (w->ia_bits - grain + stride - 1) / stride, bits;
    struct vcpu *c = w->w->c;
    bool block;
    gpa_t table;
    int end;

    w->level = ARM_LAST_LEVEL + 1 - (int)levels;
    bits = w->ia_bits - arm_level_shift(grain, w->level);
    table = arm_format_root(&w->f, w->ttbr, bits);
    if (table >> w->f.output_bits)
        return ARM_FSC_ADDRESS_SIZE;
    for (;; w->level++, bits = stride) {
        gpa_t at = table + ARM_DESC_BYTES * bits_get(w->va, arm_level_shift(grain, w->level), bits);

        if ((end = table_at(w, at, ISA_READ)) != ARM_WALK_OK)
            return end;
        if (c->env->phys_load(c, w->desc_at, ARM_DESC_BYTES, &w->desc))
            return arm_level_fault(ARM_FSC_WALK_EXTERNAL, w->level);
        block = !(w->desc & ARM_DESC_TABLE);
        if (!(w->desc & ARM_DESC_VALID) || (block && !arm_block_exists(&w->f, w->level)))
            return arm_level_fault(ARM_FSC_TRANSLATION, w->level);
        table = arm_format_address(&w->f, w->desc);
        if (table >> w->f.output_bits)
            return arm_level_fault(ARM_FSC_ADDRESS_SIZE, w->level);
        if (w->level == ARM_LAST_LEVEL || block) {
            w->desc_at = at;
            return ARM_WALK_OK;
        }
        if (!tcr_bit(w, TCR_HPD0, TCR_HPD1))
            w->tables |= w->desc;
    }
}

/* May be written, apart from the dirty state? dbm: a store makes it so. */
static bool writable(const struct walk *w, bool dbm)
{
    bool read_only =
        w->desc & DESC_AP_RO &&
        !(dbm && w->desc & ARM_DESC_DBM && (w->r->tcr & (TCR_HA | TCR_HD)) == (TCR_HA | TCR_HD));

    return !read_only && !(w->tables & DESC_AP_TABLE1);
}

/* Of a regime without EL0: AP[1] is 1 and XN has UXN's place. */
static u8 single_perm(const struct walk *w, bool dbm)
{
    bool fetch = !(w->desc & DESC_UXN) && !(w->tables & DESC_UXN_TABLE) &&
                 !(w->r->sctlr & SCTLR_WXN && writable(w, true));

    return (u8)(1 << ISA_READ | (writable(w, dbm) ? 1 << ISA_WRITE : 0) |
                (fetch ? 1 << ISA_FETCH : 0));
}

/* What the regime may do (D8.4.1). dbm: with dirty state that hardware manages. */
static u8 leaf_perm(const struct walk *w, bool dbm)
{
    bool user = w->desc & DESC_AP_EL0 && !(w->tables & DESC_AP_TABLE0);
    bool write = writable(w, dbm), el0 = w->r->el0;
    bool data = el0 ? user : !(w->r->pan && user);
    bool fetch = el0 ? !(w->desc & DESC_UXN) && !(w->tables & DESC_UXN_TABLE)
                     : !(w->desc & DESC_PXN) && !(w->tables & DESC_PXN_TABLE) &&
                           !(user && writable(w, true));

    if (w->r->single)
        return single_perm(w, dbm);
    if (w->r->sctlr & SCTLR_WXN && writable(w, true) && (!el0 || user))
        fetch = false;
    return (u8)((data ? 1 << ISA_READ : 0) | (data && write ? 1 << ISA_WRITE : 0) |
                (fetch ? 1 << ISA_FETCH : 0));
}

/* Sets the access flag and, for a store, dirty state, or faults when software is to do it
 * (D8.5). *again: the entry changed under us. */
static int walk_mark(struct walk *w, bool *again)
{
    u64 want = w->desc | ARM_DESC_AF;
    bool done;
    int end;

    *again = false;
    if (w->w->access == ISA_WRITE && !writable(w, false))
        want &= ~DESC_AP_RO;
    if (want == w->desc || w->w->look)
        return ARM_WALK_OK;
    if ((end = table_at(w, w->desc_at, ISA_WRITE)) != ARM_WALK_OK)
        return end;
    if (w->w->c->env->phys_cas(w->w->c, w->desc_at, ARM_DESC_BYTES, w->desc, want, &done))
        return arm_level_fault(ARM_FSC_WALK_EXTERNAL, w->level);
    *again = !done;
    w->desc = want;
    return ARM_WALK_OK;
}

/* With the bits that they have else in an address, the TCR has the shareability. */
static u64 shareability(const struct walk *w)
{
    if (w->f.ds)
        return bits_get(w->r->tcr, w->upper ? TCR_SH1 : TCR_SH0, 2);
    return bits_get(w->desc, SH, 2);
}

static void walk_result(const struct walk *w, struct isa_xlate *out)
{
    unsigned shift = arm_level_shift(w->f.grain, w->level);
    gpa_t base = arm_format_address(&w->f, w->desc) & ~bits_mask(shift);

    out->gpa = base | bits_get(w->va, 0, shift);
    out->page_size = 1ull << arm_leaf_bits(w->f.grain, w->level, w->desc);
    out->perm = leaf_perm(w, false);
    out->global = w->r->single || !(w->desc & DESC_NG);
    out->attr = (u32)(bits_get(w->r->mair, 8 * (unsigned)bits_get(w->desc, ATTR_INDEX, 3), 8) |
                      shareability(w) << 8);
    if (w->desc & DESC_GP && arm_model(w->w->c)->has_bti)
        out->attr |= ARM_ATTR_GUARDED;
}

static int stage1(struct walk *w, struct isa_xlate *out)
{
    bool again;
    int end;

    if (!walk_begin(w))
        return ARM_FSC_TRANSLATION;
    do {
        w->tables = 0;
        end = walk_down(w);
        if (end != ARM_WALK_OK)
            return end;
        if (!(w->desc & ARM_DESC_AF) && !(w->r->tcr & TCR_HA))
            return ARM_FSC_ACCESS_FLAG + w->level;
        if (!(leaf_perm(w, true) & 1 << w->w->access))
            return ARM_FSC_PERMISSION + w->level;
        end = walk_mark(w, &again);
        if (end != ARM_WALK_OK)
            return end;
    } while (again);
    walk_result(w, out);
    return ARM_WALK_OK;
}

/* Without translation, addresses are what they are, up to the size of physical ones, and
 * data is in device memory unless HCR_EL2.DC says otherwise (D8.2.10). */
static int flat(const struct walk *w, struct isa_xlate *out)
{
    gva_t va = plain_address(w);

    if (va >> arm_model(w->w->c)->pa_bits)
        return ARM_FSC_ADDRESS_SIZE;
    *out = (struct isa_xlate){ .gpa = va, .page_size = 4096, .perm = 7 };
    out->attr = arm_hcr(arm_state(w->w->c)) & HCR_DC ? ATTR_WRITE_BACK : ATTR_DEVICE;
    return ARM_WALK_OK;
}

/* Memory types (D8.6.3): device memory of either stage is device memory. Others are told as stage 1
 * has them, which is what they are where stage 2 does not restrict them. */
static u32 combined_attr(u32 attr, const struct arm_stage2 *s2)
{
    return s2->device ? attr & ARM_ATTR_GUARDED : attr;
}

/* The page stays as large as stage 1 has it: TLBI by address means all of that. */
static int stage2(struct arm_walk *w, struct isa_xlate *out)
{
    struct arm_stage2 s2;
    int end = arm_stage2(w->c, out->gpa, w->access, w->r.el0, &s2);

    if (end != ARM_WALK_OK) {
        w->by_stage2 = true;
        w->ipa = out->gpa;
        return end;
    }
    out->gpa = s2.pa;
    out->perm &= s2.perm;
    out->attr = combined_attr(out->attr, &s2);
    return ARM_WALK_OK;
}

int arm_walk(struct arm_walk *w, struct isa_xlate *out)
{
    struct walk one = { .w = w, .r = &w->r, .va = w->va };
    int end;

    *out = (struct isa_xlate){ 0 };
    end = w->r.on ? stage1(&one, out) : flat(&one, out);
    if (end == ARM_WALK_OK && w->r.stage2 && !w->stage1_only)
        end = stage2(w, out);
    if (end == ARM_WALK_OK)
        out->strict = arm_mmu_is_device(out->attr) || w->r.sctlr & SCTLR_A;
    /* maintenance names addresses without their tags */
    out->no_tlb = arm_regime_untagged(&w->r, w->va) != w->va;
    return end;
}
