/*
 * mmu.c - Sv39, Sv48 and Sv57 page walks with Svadu, Svpbmt and Svnapot.
 *
 * Privileged Architecture 20240411, sections 12.3 to 12.6. A walk answers what the
 * bank's regime may do now; a permission that still needs the dirty bit is left out,
 * so that the first store walks again and sets it.
 */
#include "isa/riscv/mmu.h"

#include "base/bits.h"
#include "isa/riscv/csr.h"

#define PTE_V     (1ull << 0)
#define PTE_R     (1ull << 1)
#define PTE_W     (1ull << 2)
#define PTE_X     (1ull << 3)
#define PTE_U     (1ull << 4)
#define PTE_G     (1ull << 5)
#define PTE_A     (1ull << 6)
#define PTE_D     (1ull << 7)
#define PTE_PBMT  (3ull << 61)
#define PTE_N     (1ull << 63)
#define PTE_RSVD  (0x7full << 54)
enum { PTE_PPN_SHIFT = 10, PTE_PPN_BITS = 44, PAGE_SHIFT = 12, VPN_BITS = 9, PTE_SIZE = 8 };
enum { NAPOT_PPN_BITS = 4, NAPOT_64K = 8 };

/* What one walk carries along. */
struct walk {
    struct vcpu *c;
    const struct rv_state *s;
    gva_t va;
    enum isa_access access;
    enum rv_priv priv;
    bool sum, mxr;
    gpa_t pte_addr;
    u64 pte;
    unsigned level;
    bool global;
};

enum walk_end { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT };

static int fault_set(struct isa_fault *fault, bool page, enum isa_access access, gva_t va)
{
    static const u8 cause[2][ISA_ACCESS_COUNT] = {
        { [ISA_READ] = RV_LOAD_ACCESS,
          [ISA_WRITE] = RV_STORE_ACCESS,
          [ISA_FETCH] = RV_INSN_ACCESS },
        { [ISA_READ] = RV_LOAD_PAGE, [ISA_WRITE] = RV_STORE_PAGE, [ISA_FETCH] = RV_INSN_PAGE },
    };

    *fault = (struct isa_fault){ .pending = true, .cause = cause[page][access], .value = va };
    return -1;
}

void rv_mmu_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                         struct isa_fault *fault)
{
    static const u8 misaligned[ISA_ACCESS_COUNT] = { [ISA_READ] = RV_LOAD_MISALIGNED,
                                                     [ISA_WRITE] = RV_STORE_MISALIGNED,
                                                     [ISA_FETCH] = RV_INSN_MISALIGNED };

    fault_set(fault, false, access, va);
    if (kind == ISA_FAULT_ALIGN)
        fault->cause = misaligned[access];
}

static unsigned bank_for(const struct rv_state *s, unsigned priv)
{
    unsigned bank;

    if (priv == RV_M)
        return RV_BANK_M;
    bank = priv == RV_U ? RV_BANK_U : s->mstatus & MSTATUS_SUM ? RV_BANK_S_SUM : RV_BANK_S;
    return bank + (s->mstatus & MSTATUS_MXR ? RV_BANK_MXR : 0);
}

void rv_mmu_rebind(struct vcpu *c)
{
    const struct rv_state *s = rv_state(c);
    unsigned priv = s->priv;

    if (priv == RV_M && (s->mstatus & MSTATUS_MPRV))
        priv = (unsigned)bits_get(s->mstatus, MSTATUS_MPP_SHIFT, 2);
    c->env->mmu_bind(c, IR_MMU_DATA, bank_for(s, priv));
}

enum { ASID_SHIFT = 44, ASID_BITS = 16 };
#define ALL_BANKS ((1u << RV_BANK_COUNT) - 1)

/* Address spaces as the engine tells them apart: by ASID, and one more without translation. */
static u64 context_id(u64 satp)
{
    return satp >> SATP_MODE_SHIFT == SATP_BARE ? 1ull << ASID_BITS
                                                : bits_get(satp, ASID_SHIFT, ASID_BITS);
}

void rv_mmu_flush(struct vcpu *c)
{
    c->env->mmu_context(c, context_id(rv_state(c)->satp));
    c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, ALL_BANKS);
}

/* Banks that all address spaces share keep what is global in every one. The same ASID with
 * another root needs no flush by the letter; software that forgets it is let off. */
void rv_mmu_satp_changed(struct vcpu *c, u64 old)
{
    u64 now = rv_state(c)->satp;

    if (old >> SATP_MODE_SHIFT != now >> SATP_MODE_SHIFT) {
        rv_mmu_flush(c);
        return;
    }
    c->env->mmu_context(c, context_id(now));
    if (context_id(old) == context_id(now))
        c->env->tlb_flush_context(c, context_id(now), ISA_FLUSH_ALL, 0);
    c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, ALL_BANKS & ~RV_CONTEXT_BANKS);
}

void rv_mmu_fence(struct vcpu *c, bool has_va, gva_t va, bool has_asid, u64 asid)
{
    enum isa_tlb_flush what = has_va     ? ISA_FLUSH_PAGE
                              : has_asid ? ISA_FLUSH_NON_GLOBAL
                                         : ISA_FLUSH_ALL;

    if (!has_asid) {
        c->env->tlb_flush(c, what, va, ALL_BANKS);
        return;
    }
    c->env->tlb_flush_context(c, bits_get(asid, 0, ASID_BITS), what, va);
    c->env->tlb_flush(c, what, va, ALL_BANKS & ~RV_CONTEXT_BANKS);
}

unsigned rv_mmu_fetch_bank(const struct vcpu *c)
{
    const struct rv_state *s = vcpu_state((struct vcpu *)c);

    return s->priv == RV_M ? RV_BANK_M : s->priv == RV_U ? RV_BANK_U : RV_BANK_S;
}

/* Permissions of a leaf for the regime, without regard to A and D. */
static u8 leaf_perm(const struct walk *w)
{
    bool user = w->pte & PTE_U;
    u8 perm = 0;

    if ((w->pte & PTE_R) || (w->mxr && (w->pte & PTE_X)))
        perm |= 1 << ISA_READ;
    if (w->pte & PTE_W)
        perm |= 1 << ISA_WRITE;
    if (w->pte & PTE_X)
        perm |= 1 << ISA_FETCH;
    if (w->priv == RV_U)
        return user ? perm : 0;
    if (user)
        return w->sum ? perm & (u8) ~(1 << ISA_FETCH) : 0;
    return perm;
}

static bool leaf_legal(const struct walk *w)
{
    u64 ppn = bits_get(w->pte, PTE_PPN_SHIFT, PTE_PPN_BITS);
    u64 pbmt = w->pte & PTE_PBMT;

    if (!(w->pte & PTE_R) && (w->pte & PTE_W))
        return false;
    if ((w->pte & PTE_RSVD) || pbmt == PTE_PBMT || (pbmt && !(w->s->menvcfg & ENVCFG_PBMTE)))
        return false;
    if (w->pte & PTE_N)
        return w->level == 0 && bits_get(ppn, 0, NAPOT_PPN_BITS) == NAPOT_64K;
    return bits_get(ppn, 0, VPN_BITS * w->level) == 0; /* a superpage is aligned */
}

/* The table of the last level for w->va, if it is known: *ppn. Tables may be remembered until a
 * fence like their leaves (12.2.1); one for a single address may leave out the tables above
 * the leaf, but here ends them all. */
static bool table_known(struct walk *w, u64 *ppn)
{
    gva_t va = w->va >> (PAGE_SHIFT + VPN_BITS);
    const struct rv_tables *tables = isa_scratch(w->c);
    unsigned i = va % RV_TABLES;

    if (tables->at[i].va != va || tables->at[i].satp != w->s->satp ||
        tables->at[i].flushes != w->c->tlb_flushes)
        return false;
    *ppn = tables->at[i].ppn;
    w->global = tables->at[i].global;
    return true;
}

static void table_keep(const struct walk *w, u64 ppn)
{
    gva_t va = w->va >> (PAGE_SHIFT + VPN_BITS);
    struct rv_tables *tables = isa_scratch(w->c);
    unsigned i = va % RV_TABLES;

    tables->at[i].va = va;
    tables->at[i].satp = w->s->satp;
    tables->at[i].flushes = w->c->tlb_flushes;
    tables->at[i].ppn = ppn;
    tables->at[i].global = w->global;
}

static bool entry_allowed(const struct walk *w, enum isa_access access, bool *uniform)
{
    return rv_pmp_perm(w->s, w->pte_addr, PTE_SIZE, RV_S, uniform) >> access & 1;
}

/* Follows pointers down to a leaf. */
static enum walk_end walk_down(struct walk *w, unsigned levels)
{
    u64 ppn = bits_get(w->s->satp, 0, PTE_PPN_BITS);
    bool known = table_known(w, &ppn), uniform = false;

    for (w->level = known ? 0 : levels - 1;; w->level--) {
        u64 vpn = bits_get(w->va, PAGE_SHIFT + VPN_BITS * w->level, VPN_BITS);

        w->pte_addr = (ppn << PAGE_SHIFT) + vpn * PTE_SIZE;
        if ((!known && !entry_allowed(w, ISA_READ, &uniform)) ||
            w->c->env->phys_load(w->c, w->pte_addr, PTE_SIZE, &w->pte))
            return WALK_ACCESS_FAULT;
        if (w->level == 0 && !known && uniform)
            table_keep(w, ppn);
        if (!(w->pte & PTE_V))
            return WALK_PAGE_FAULT;
        w->global |= (w->pte & PTE_G) != 0;
        if (w->pte & (PTE_R | PTE_W | PTE_X))
            return leaf_legal(w) ? WALK_OK : WALK_PAGE_FAULT;
        if ((w->pte & (PTE_U | PTE_A | PTE_D | PTE_PBMT | PTE_N | PTE_RSVD)) || w->level == 0)
            return WALK_PAGE_FAULT;
        ppn = bits_get(w->pte, PTE_PPN_SHIFT, PTE_PPN_BITS);
    }
}

/* Sets A, and D for a store, or faults when software is to do it (Svade). *again:
 * the entry changed under us. */
static enum walk_end walk_mark(struct walk *w, bool *again)
{
    u64 want = w->pte | PTE_A | (w->access == ISA_WRITE ? PTE_D : 0);
    bool uniform, done;

    *again = false;
    if (want == w->pte)
        return WALK_OK;
    if (!(w->s->menvcfg & ENVCFG_ADUE))
        return WALK_PAGE_FAULT;
    if (!entry_allowed(w, ISA_WRITE, &uniform) ||
        w->c->env->phys_cas(w->c, w->pte_addr, PTE_SIZE, w->pte, want, &done))
        return WALK_ACCESS_FAULT;
    *again = !done;
    w->pte = want;
    return WALK_OK;
}

static void walk_result(const struct walk *w, struct isa_xlate *out)
{
    unsigned shift = PAGE_SHIFT + VPN_BITS * w->level;
    u64 base = bits_get(w->pte, PTE_PPN_SHIFT, PTE_PPN_BITS) << PAGE_SHIFT;

    if (w->pte & PTE_N)
        shift = PAGE_SHIFT + NAPOT_PPN_BITS;
    out->page_size = 1ull << shift;
    out->gpa = bits_align_down(base, out->page_size) | bits_get(w->va, 0, shift);
    out->perm = leaf_perm(w);
    if (!(w->pte & PTE_D))
        out->perm &= (u8) ~(1 << ISA_WRITE);
    out->global = w->global;
    out->attr = (u32)bits_get(w->pte, 61, 2);
}

/* Levels of the page table, 0 for none; *bits: width of a virtual address. */
static unsigned table_levels(const struct rv_state *s, unsigned *bits)
{
    unsigned mode = (unsigned)(s->satp >> SATP_MODE_SHIFT);
    unsigned levels = mode == SATP_BARE ? 0 : mode - SATP_SV39 + 3;

    *bits = PAGE_SHIFT + VPN_BITS * levels;
    return levels;
}

static enum walk_end walk(struct walk *w, struct isa_xlate *out)
{
    unsigned bits;
    unsigned levels = table_levels(w->s, &bits);
    enum walk_end end;
    bool again;

    if ((u64)bits_sext(w->va, bits) != w->va)
        return WALK_PAGE_FAULT;
    do {
        w->global = false;
        end = walk_down(w, levels);
        if (end != WALK_OK)
            return end;
        if (!(leaf_perm(w) & 1 << w->access))
            return WALK_PAGE_FAULT;
        end = walk_mark(w, &again);
        if (end != WALK_OK)
            return end;
    } while (again);
    walk_result(w, out);
    return WALK_OK;
}

/* Cuts what the page allows by physical memory protection. Where its rules are not the same
 * everywhere in the page, out is good for these `size` bytes only. */
static bool protect(const struct rv_state *s, enum rv_priv priv, unsigned size,
                    enum isa_access access, struct isa_xlate *out)
{
    bool uniform;

    u8 perm = rv_pmp_perm(s, out->gpa, size, priv, &uniform);

    out->perm &= perm;
    out->no_tlb = !uniform;
    return perm >> access & 1;
}

int rv_mmu_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                     struct isa_xlate *out, struct isa_fault *fault)
{
    const struct rv_state *s = rv_state(c);
    unsigned view = bank & (RV_BANK_MXR - 1);
    struct walk w = { .c = c,
                      .s = s,
                      .va = va,
                      .access = access,
                      .priv = view == RV_BANK_M   ? RV_M
                              : view == RV_BANK_U ? RV_U
                                                  : RV_S,
                      .sum = view == RV_BANK_S_SUM,
                      .mxr = bank & RV_BANK_MXR };
    unsigned bits;
    enum walk_end end;

    *out = (struct isa_xlate){ .gpa = va, .page_size = 4096, .perm = 7 };
    if (w.priv != RV_M && table_levels(s, &bits)) {
        end = walk(&w, out);
        if (end != WALK_OK)
            return fault_set(fault, end == WALK_PAGE_FAULT, access, va);
    }
    if (!protect(s, w.priv, size, access, out))
        return fault_set(fault, false, access, va);
    return 0;
}
