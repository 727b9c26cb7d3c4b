/*
 * mmu.c - VMSAv8-64 stage 1 walks: 4, 16 and 64 KiB granules, 48-bit addresses.
 *
 * DDI 0487, chapter D8. A walk answers what the bank's regime may do now; a permission that
 * still needs the dirty state is left out, so that the first store walks again and sets it.
 */
#include "isa/arm64/mmu.h"

#include "base/bits.h"
#include "isa/arm64/sysreg.h"

#define DESC_VALID     (1ull << 0)
#define DESC_TABLE     (1ull << 1) /* or page, at level 3 */
#define DESC_AP_EL0    (1ull << 6)
#define DESC_AP_RO     (1ull << 7)
#define DESC_AF        (1ull << 10)
#define DESC_NG        (1ull << 11)
#define DESC_DBM       (1ull << 51)
#define DESC_CONTIG    (1ull << 52)
#define DESC_PXN       (1ull << 53)
#define DESC_UXN       (1ull << 54)
#define DESC_PXN_TABLE (1ull << 59)
#define DESC_UXN_TABLE (1ull << 60)
#define DESC_AP_TABLE0 (1ull << 61)
#define DESC_AP_TABLE1 (1ull << 62)
enum { DESC_SIZE = 8, OA_BITS = 48, ATTR_INDEX = 2, SH = 8, LAST_LEVEL = 3 };
enum { ASID_SHIFT = 48, ASID_BITS = 16, TOP_BYTE = 56, SELECT_BIT = 55, IA_BITS_MAX = 48 };

/* What one walk carries along. */
struct walk {
    struct vcpu *c;
    const struct arm_state *s;
    gva_t va;
    enum isa_access access;
    bool el0, pan, upper; /* upper: the half of TTBR1_EL1 */
    unsigned grain, ia_bits, level;
    u64 ttbr;
    gpa_t desc_at;
    u64 desc;
    u64 tables; /* DESC_*_TABLE of all that was passed */
};

/* A fault status code, or this. */
enum { WALK_OK = -1 };

static int fault_set(struct isa_fault *fault, enum isa_access access, gva_t va, unsigned fsc)
{
    *fault =
        (struct isa_fault){ .pending = true,
                            .cause = access == ISA_FETCH ? ARM_EC_FETCH_ABORT : ARM_EC_DATA_ABORT,
                            .value = va,
                            .value2 = fsc | (access == ISA_WRITE ? ARM_ISS_WNR : 0) };
    return -1;
}

/* --- banks and address spaces --- */

unsigned arm_mmu_fetch_bank(const struct vcpu *c)
{
    const struct arm_state *s = vcpu_state((struct vcpu *)(uintptr_t)c);

    return s->il ? ARM_BANK_ILLEGAL : s->el ? ARM_BANK_EL1_PAN : ARM_BANK_EL0;
}

/* Unprivileged loads and stores are EL0's, unless PSTATE.UAO makes plain ones of them. */
void arm_mmu_rebind(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);
    unsigned data = !s->el ? ARM_BANK_EL0 : s->pan ? ARM_BANK_EL1_PAN : ARM_BANK_EL1;

    c->env->mmu_bind(c, IR_MMU_DATA, data);
    c->env->mmu_bind(c, IR_MMU_UNPRIV, s->uao ? data : ARM_BANK_EL0);
    c->env->mmu_bind(c, IR_MMU_SYSTEM, data);
}

static u64 asid(const struct arm_state *s)
{
    u64 ttbr = s->tcr_el1 & TCR_A1 ? s->ttbr1_el1 : s->ttbr0_el1;

    return bits_get(ttbr, ASID_SHIFT, s->tcr_el1 & TCR_AS ? ASID_BITS : 8);
}

void arm_mmu_flush(struct vcpu *c)
{
    c->env->mmu_context(c, asid(arm_state(c)));
    c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, ARM_ALL_BANKS);
}

/* Another table under the same ASID changes nothing that is held: software has to say so. */
void arm_mmu_ttbr_changed(struct vcpu *c)
{
    c->env->mmu_context(c, asid(arm_state(c)));
    c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, ARM_ALL_BANKS & ~ARM_CONTEXT_BANKS);
}

/* --- the walk --- */

/* log2 of the granule; TG0 and TG1 count differently, and what is reserved is as 4 KiB. */
static unsigned granule(const struct walk *w)
{
    static const u8 grain[2][4] = { { 12, 16, 14, 12 }, { 12, 14, 12, 16 } };

    return grain[w->upper][bits_get(w->s->tcr_el1, w->upper ? TCR_TG1 : TCR_TG0, 2)];
}

static bool tcr_bit(const struct walk *w, unsigned bit0, unsigned bit1)
{
    return w->s->tcr_el1 >> (w->upper ? bit1 : bit0) & 1;
}

gva_t arm_mmu_untagged(const struct arm_state *s, gva_t va)
{
    unsigned bit = va >> SELECT_BIT & 1 ? TCR_TBI1 : TCR_TBI0;

    return s->tcr_el1 >> bit & 1 ? (gva_t)bits_sext(va, TOP_BYTE) : va;
}

/* Chooses the table; false: no table is for this address. */
static bool walk_begin(struct walk *w)
{
    unsigned size, least;
    gva_t va;

    w->upper = w->va >> SELECT_BIT & 1;
    w->grain = granule(w);
    size = (unsigned)bits_get(w->s->tcr_el1, w->upper ? TCR_T1SZ : TCR_T0SZ, 6);
    least = 64 - IA_BITS_MAX;
    w->ia_bits = 64 - (size < least ? least : size > 39 ? 39 : size);
    w->ttbr = w->upper ? w->s->ttbr1_el1 : w->s->ttbr0_el1;
    va = arm_mmu_untagged(w->s, w->va);
    if (size > 39 || (u64)(w->upper ? ~va : va) >> w->ia_bits)
        return false;
    return !tcr_bit(w, TCR_EPD0, TCR_EPD1) && !(w->el0 && tcr_bit(w, TCR_E0PD0, TCR_E0PD1));
}

/* Bits of an output address that TCR_EL1.IPS allows. */
static unsigned output_bits(const struct arm_state *s)
{
    static const u8 bits[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };

    return bits[bits_get(s->tcr_el1, TCR_IPS, 3)];
}

static bool output_too_large(const struct walk *w, gpa_t at)
{
    return at >> output_bits(w->s) != 0;
}

static unsigned level_shift(const struct walk *w, unsigned level)
{
    return w->grain + (w->grain - 3) * (LAST_LEVEL - level);
}

/* Blocks: of 1 GiB and 2 MiB with 4 KiB granules, 32 MiB with 16, 512 MiB with 64. */
static bool block_exists(const struct walk *w)
{
    return w->level == 2 || (w->level == 1 && w->grain == 12);
}

/* Follows tables down to a leaf. */
static int walk_down(struct walk *w)
{
    unsigned stride = w->grain - 3;
    unsigned levels = (w->ia_bits - w->grain + stride - 1) / stride;
    gpa_t table = bits_get(w->ttbr, 0, OA_BITS) & ~1ull;
    unsigned bits;

    w->level = LAST_LEVEL + 1 - levels;
    bits = w->ia_bits - level_shift(w, w->level);
    if (output_too_large(w, table))
        return ARM_FSC_ADDRESS_SIZE;
    table = bits_align_down(table, (u64)DESC_SIZE << bits);
    for (;; w->level++, bits = stride) {
        w->desc_at = table + DESC_SIZE * bits_get(w->va, level_shift(w, w->level), bits);
        if (w->c->env->phys_load(w->c, w->desc_at, DESC_SIZE, &w->desc))
            return ARM_FSC_WALK_EXTERNAL + (int)w->level;
        if (!(w->desc & DESC_VALID) ||
            (!(w->desc & DESC_TABLE) && (w->level == LAST_LEVEL || !block_exists(w))))
            return ARM_FSC_TRANSLATION + (int)w->level;
        table = bits_get(w->desc, 0, OA_BITS) & ~bits_mask(w->grain);
        if (output_too_large(w, table))
            return ARM_FSC_ADDRESS_SIZE + (int)w->level;
        if (w->level == LAST_LEVEL || !(w->desc & DESC_TABLE))
            return WALK_OK;
        if (!tcr_bit(w, TCR_HPD0, TCR_HPD1))
            w->tables |= w->desc;
    }
}

/* May be written, apart from the dirty state? dbm: a store makes it so. */
static bool writable(const struct walk *w, bool dbm)
{
    bool read_only =
        w->desc & DESC_AP_RO &&
        !(dbm && w->desc & DESC_DBM && (w->s->tcr_el1 & (TCR_HA | TCR_HD)) == (TCR_HA | TCR_HD));

    return !read_only && !(w->tables & DESC_AP_TABLE1);
}

/* What the regime may do (D8.4.1). dbm: with dirty state that hardware manages. */
static u8 leaf_perm(const struct walk *w, bool dbm)
{
    bool user = w->desc & DESC_AP_EL0 && !(w->tables & DESC_AP_TABLE0);
    bool write = writable(w, dbm);
    bool data = w->el0 ? user : !(w->pan && user);
    bool fetch = w->el0 ? !(w->desc & DESC_UXN) && !(w->tables & DESC_UXN_TABLE)
                        : !(w->desc & DESC_PXN) && !(w->tables & DESC_PXN_TABLE) &&
                              !(user && writable(w, true));

    if (w->s->sctlr_el1 & SCTLR_WXN && writable(w, true) && (!w->el0 || user))
        fetch = false;
    return (u8)((data ? 1 << ISA_READ : 0) | (data && write ? 1 << ISA_WRITE : 0) |
                (fetch ? 1 << ISA_FETCH : 0));
}

/* Sets the access flag and, for a store, dirty state, or faults when software is to do it
 * (D8.5). *again: the entry changed under us. */
static int walk_mark(struct walk *w, bool *again)
{
    u64 want = w->desc | DESC_AF;
    bool done;

    *again = false;
    if (w->access == ISA_WRITE && !writable(w, false))
        want &= ~DESC_AP_RO;
    if (want == w->desc)
        return WALK_OK;
    if (w->c->env->phys_cas(w->c, w->desc_at, DESC_SIZE, w->desc, want, &done))
        return ARM_FSC_WALK_EXTERNAL + (int)w->level;
    *again = !done;
    w->desc = want;
    return WALK_OK;
}

/* log2 of a leaf's bytes: 16 neighbours of a 4 KiB granule may be one, 128 or 32 of others. */
static unsigned leaf_bits(const struct walk *w)
{
    unsigned shift = level_shift(w, w->level);

    if (!(w->desc & DESC_CONTIG))
        return shift;
    if (w->grain == 12)
        return shift + 4;
    if (w->grain == 14)
        return shift + (w->level == LAST_LEVEL ? 7 : 5);
    return shift + 5;
}

static void walk_result(const struct walk *w, struct isa_xlate *out)
{
    unsigned shift = level_shift(w, w->level);
    u64 base = bits_get(w->desc, 0, OA_BITS) & ~bits_mask(shift);

    out->gpa = base | bits_get(w->va, 0, shift);
    out->page_size = 1ull << leaf_bits(w);
    out->perm = leaf_perm(w, false);
    out->global = !(w->desc & DESC_NG);
    out->no_tlb =
        arm_mmu_untagged(w->s, w->va) != w->va; /* maintenance names addresses without their tags */
    out->attr = (u32)(bits_get(w->s->mair_el1, 8 * (unsigned)bits_get(w->desc, ATTR_INDEX, 3), 8) |
                      bits_get(w->desc, SH, 2) << 8);
}

static int walk(struct walk *w, struct isa_xlate *out)
{
    bool again;
    int end;

    if (!walk_begin(w))
        return ARM_FSC_TRANSLATION;
    do {
        w->tables = 0;
        end = walk_down(w);
        if (end != WALK_OK)
            return end;
        if (!(w->desc & DESC_AF) && !(w->s->tcr_el1 & TCR_HA))
            return ARM_FSC_ACCESS_FLAG + (int)w->level;
        if (!(leaf_perm(w, true) & 1 << w->access))
            return ARM_FSC_PERMISSION + (int)w->level;
        end = walk_mark(w, &again);
        if (end != WALK_OK)
            return end;
    } while (again);
    walk_result(w, out);
    return WALK_OK;
}

/* Without translation, addresses are what they are, up to the size of physical ones (D8.2.10). */
static int flat(const struct walk *w, struct isa_xlate *out)
{
    gva_t va = arm_mmu_untagged(w->s, w->va);

    if (va >> OA_BITS)
        return ARM_FSC_ADDRESS_SIZE;
    *out = (struct isa_xlate){ .gpa = va, .page_size = 4096, .perm = 7 };
    out->no_tlb = va != w->va;
    return WALK_OK;
}

/* A tag that is ignored never gets into pc (AArch64.BranchAddr()). Most branches have none: it is
 * taken out when the fetch, for which no TLB has an entry, comes here. */
static bool fetch_is_tagged(struct vcpu *c, gva_t va, struct isa_fault *fault)
{
    if (arm_mmu_untagged(arm_state(c), va) == va)
        return false;
    *fault = (struct isa_fault){ .pending = true, .cause = ARM_PC_TAGGED };
    return true;
}

void arm_mmu_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                          struct isa_fault *fault)
{
    if (access == ISA_FETCH && fetch_is_tagged(c, va, fault))
        return;
    fault_set(fault, access, va, kind == ISA_FAULT_BUS ? ARM_FSC_EXTERNAL : ARM_FSC_ALIGNMENT);
    if (kind == ISA_FAULT_ALIGN && access == ISA_FETCH)
        *fault = (struct isa_fault){ .pending = true, .cause = ARM_EC_PC_ALIGN, .value = va };
}

int arm_mmu_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access,
                      unsigned bank, struct isa_xlate *out, struct isa_fault *fault)
{
    struct walk w = { .c = c,
                      .s = arm_state(c),
                      .va = va,
                      .access = access,
                      .el0 = bank == ARM_BANK_EL0,
                      .pan = bank == ARM_BANK_EL1_PAN,
                      .upper = va >> SELECT_BIT & 1 };
    int end;

    if (access == ISA_FETCH && fetch_is_tagged(c, va, fault))
        return -1;
    if (bank == ARM_BANK_ILLEGAL) {
        *fault = (struct isa_fault){ .pending = true, .cause = ARM_EC_ILLEGAL_STATE };
        return -1;
    }
    *out = (struct isa_xlate){ 0 };
    end = w.s->sctlr_el1 & SCTLR_M ? walk(&w, out) : flat(&w, out);
    return end == WALK_OK ? 0 : fault_set(fault, access, va, (unsigned)end);
}
