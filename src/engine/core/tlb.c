/*
 * tlb.c - from a guest virtual address to memory: look-up, page walk, fill, flush.
 *
 * Each bank has three direct-mapped tables (read, write, fetch) that fast paths probe, and
 * behind them, for this slow path only, four victims a table and a note for each entry: the
 * leaf's size and whether it is global. Entries are always 4 KiB. A flush of one page in
 * a larger leaf drops every entry that came from that leaf: spans tell whether it is
 * worth looking for them.
 *
 * Entries with TLB_NOTIFY or TLB_IO never match in a fast path, but save the walk here.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include <string.h>

static const u64 page_mask = MEM_PAGE_SIZE - 1;

static unsigned tlb_index(gva_t va)
{
    return (unsigned)(va >> TLB_PAGE_SHIFT) & (TLB_ENTRIES - 1);
}

static bool tlb_hit(const struct tlb_entry *e, gva_t page)
{
    return (e->tag & ~(TLB_NOTIFY | TLB_STRICT | TLB_IO)) == page;
}

int mmu_fault(struct cpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access)
{
    struct vcpu *v = &c->e.v;

    v->isa->memory_fault(v, kind, va, access, &v->fault);
    v->fault.pending = true;
    return 1;
}

bool mmu_find(struct cpu *c, gpa_t at, struct mem_span *out)
{
    if (at - c->span.start < c->span.size) {
        *out = c->span;
        return true;
    }
    if (!mem_map_find(c->e.engine->cfg.map, at, out))
        return false;
    if (out->kind == MEM_RAM)
        c->span = *out;
    return true;
}

/* --- pages that write entries lead to --- */

static unsigned written_bit(const u8 *host)
{
    return (unsigned)((uintptr_t)host >> MEM_PAGE_SHIFT) & (TLB_WRITTEN_BITS - 1);
}

static void written_note(struct cpu *c, const u8 *host)
{
    c->written[written_bit(host) / 64] |= 1ull << written_bit(host) % 64;
}

static bool written_maybe(const struct cpu *c, const u8 *host)
{
    return c->written[written_bit(host) / 64] >> written_bit(host) % 64 & 1;
}

/* --- the lines of a table that were filled --- */

struct filled {
    const u64 *word;
    unsigned index; /* of word */
    u64 rest;       /* of it */
    unsigned from;  /* first entry of the present line */
};

static struct filled filled_of(const struct tlb_side *s, enum isa_access access)
{
    return (struct filled){ .word = s->filled[access], .rest = s->filled[access][0] };
}

/* Goes on to the next line; false: that was the last. */
static bool filled_next(struct filled *f)
{
    while (!f->rest) {
        if (++f->index == TLB_LINES / 64)
            return false;
        f->rest = f->word[f->index];
    }
    f->from = (f->index * 64 + (unsigned)__builtin_ctzll(f->rest)) * TLB_LINE;
    f->rest &= f->rest - 1;
    return true;
}

/* --- fill --- */

static void tlb_entry_clear(struct tlb_entry *e)
{
    e->tag = TLB_EMPTY;
}

/* Notes that entries of [first, last] came from one leaf. */
static void span_add(struct tlb_spans *s, gva_t first, gva_t last)
{
    unsigned best = 0;
    u64 best_gap = UINT64_MAX;

    for (unsigned i = 0; i < s->count; i++) {
        gva_t lo = s->at[i].first, hi = s->at[i].last;
        u64 gap = first > hi ? first - hi : lo > last ? lo - last : 0;

        if (gap < best_gap) {
            best_gap = gap;
            best = i;
        }
    }
    if (best_gap > 1 && s->count < TLB_LARGE_SPANS) {
        s->at[s->count].first = first;
        s->at[s->count++].last = last;
        return;
    }
    if (first < s->at[best].first)
        s->at[best].first = first;
    if (last > s->at[best].last)
        s->at[best].last = last;
}

static bool span_covers(const struct tlb_spans *s, gva_t va)
{
    for (unsigned i = 0; i < s->count; i++)
        if (va >= s->at[i].first && va <= s->at[i].last)
            return true;
    return false;
}

static void tlb_fill(struct cpu *c, gva_t va, enum isa_access access, unsigned bank,
                     const struct isa_xlate *x, struct tlb_entry new)
{
    struct tlb_side *s = &c->side[bank];
    unsigned i = tlb_index(va);
    struct tlb_entry *e = &c->e.banks[bank].entry[access][i];
    unsigned log2 = (unsigned)__builtin_ctzll(x->page_size);

    if (e->tag != TLB_EMPTY) {
        struct tlb_victim *v = &s->victim[access][s->victim_next[access]++ % TLB_VICTIMS];

        v->e = *e;
        v->note = s->note[access][i];
    }
    *e = new;
    s->filled[access][i / TLB_LINE / 64] |= 1ull << i / TLB_LINE % 64;
    s->note[access][i] = (u8)(log2 | (x->global ? TLB_NOTE_GLOBAL : 0));
    s->used = true;
    s->local |= !x->global;
    if (log2 > TLB_PAGE_SHIFT) {
        gva_t first = bits_align_down(va, x->page_size);

        span_add(&s->large[access], first, first + (x->page_size - 1));
    }
}

static u8 ram_flags(const struct mem_ram *ram, const u8 *host)
{
    return __atomic_load_n(&ram->page_flags[(u64)(host - ram->host) >> MEM_PAGE_SHIFT],
                           __ATOMIC_ACQUIRE);
}

/* Does a device answer? It takes the stores to its ROM. */
static bool is_io(const struct mem_span *s, enum isa_access access)
{
    return s->kind == MEM_IO || (s->kind == MEM_ROM && access == ISA_WRITE && s->io);
}

/* What lies at x->gpa, of an access of so many bytes; fills out and the entry for it. */
static int tlb_refill(struct cpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                      const struct isa_xlate *x, struct mem_ref *out)
{
    bool misaligned = x->strict && access != ISA_FETCH && va & (size - 1);
    gva_t page = va & ~page_mask;
    struct tlb_entry e = { .tag = page };
    struct mem_span s;

    if (!mmu_find(c, x->gpa, &s) || (s.kind == MEM_ROM && access == ISA_WRITE && !s.io) ||
        (s.kind == MEM_IO && access == ISA_FETCH))
        return mmu_fault(c, misaligned ? ISA_FAULT_ALIGN : ISA_FAULT_BUS, va, access);
    *out = (struct mem_ref){ .no_tlb = x->no_tlb, .strict = x->strict };
    if (x->strict && access != ISA_FETCH)
        e.tag |= TLB_STRICT;
    if (is_io(&s, access)) {
        out->gpa = x->gpa;
        e.tag |= TLB_IO;
        e.addend = x->gpa - va;
        /* A region that does not fill its page shares it with others or with nothing. */
        if (s.start > (x->gpa & ~page_mask) || (x->gpa | page_mask) - s.start >= s.size)
            return 0;
    } else {
        out->host = s.ram->host + s.ram_offset + (x->gpa - s.start);
        e.addend = (u64)(uintptr_t)out->host - va;
        /* Stores and code need to find the RAM again from a host address. */
        if (access != ISA_READ && !code_ram_of(&c->e.engine->code, out->host) &&
            !code_ram_add(&c->e.engine->code, s.ram))
            return mmu_fault(c, ISA_FAULT_BUS, va, access);
        if (access == ISA_WRITE && ram_flags(s.ram, out->host)) {
            out->notify = true;
            e.tag |= TLB_NOTIFY;
        } else if (access == ISA_WRITE) {
            written_note(c, out->host);
        }
    }
    if (c->check && access != ISA_FETCH)
        e.tag |= TLB_CHECK;
    if (!x->no_tlb)
        tlb_fill(c, va, access, bank, x, e);
    return 0;
}

static int mmu_walk(struct cpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                    struct mem_ref *out)
{
    struct vcpu *v = &c->e.v;
    struct isa_xlate x;

    STAT_ADD(c->e.tlb_refills, 1);
    if (v->isa->translate(v, va, size, access, c->context.bank[bank], &x, &v->fault)) {
        v->fault.pending = true;
        return 1;
    }
    return tlb_refill(c, va, size, access, bank, &x, out);
}

/* Swaps a matching victim into the table. */
static bool victim_take(struct cpu *c, gva_t va, enum isa_access access, unsigned bank)
{
    struct tlb_side *s = &c->side[bank];
    unsigned i = tlb_index(va);

    for (unsigned n = 0; n < TLB_VICTIMS; n++) {
        struct tlb_victim *v = &s->victim[access][n];

        if (tlb_hit(&v->e, va & ~page_mask)) {
            struct tlb_victim old = { c->e.banks[bank].entry[access][i], s->note[access][i] };

            c->e.banks[bank].entry[access][i] = v->e;
            s->note[access][i] = v->note;
            *v = old;
            return true;
        }
    }
    return false;
}

int mmu_resolve(struct cpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                struct mem_ref *out)
{
    const struct tlb_entry *e = &c->e.banks[bank].entry[access][tlb_index(va)];

    if (!tlb_hit(e, va & ~page_mask) && !victim_take(c, va, access, bank))
        return mmu_walk(c, va, size, access, bank, out);
    if (e->tag & TLB_IO)
        *out = (struct mem_ref){ .gpa = va + e->addend };
    else
        *out = (struct mem_ref){ .host = (u8 *)(uintptr_t)(va + e->addend),
                                 .notify = (e->tag & TLB_NOTIFY) != 0 };
    out->strict = (e->tag & TLB_STRICT) != 0;
    return 0;
}

/* --- stores to pages with flags --- */

void mmu_stored(struct cpu *c, gva_t va, unsigned bank, const struct mem_ref *ref, unsigned size)
{
    struct code_ram *cr = code_ram_of(&c->e.engine->code, ref->host);
    struct tlb_entry *e = &c->e.banks[bank].entry[ISA_WRITE][tlb_index(va)];

    mem_ram_written(cr->ram, (u64)(ref->host - cr->ram->host), size);
    if (tlb_hit(e, va & ~page_mask) && !ram_flags(cr->ram, ref->host)) {
        e->tag &= ~TLB_NOTIFY;
        written_note(c, ref->host);
    }
}

static void notify_entry(struct cpu *c, struct tlb_entry *e, const u8 *host_page)
{
    const u8 *host = (const u8 *)(uintptr_t)((e->tag & ~page_mask) + e->addend);

    if (e->tag & (TLB_EMPTY | TLB_IO | TLB_NOTIFY))
        return;
    if (!host_page || host == host_page)
        e->tag |= TLB_NOTIFY;
    else
        written_note(c, host);
}

/* Most pages that become code were not stored to since they were last looked for, and looking at
 * every entry takes some 30 us. */
void mmu_notify_page(struct cpu *c, const u8 *host_page)
{
    if (host_page && !written_maybe(c, host_page))
        return;
    memset(c->written, 0, TLB_WRITTEN_BITS / 8);
    for (unsigned b = 0; b < context_places(c->e.v.isa); b++) {
        if (!c->side[b].used)
            continue;
        for (struct filled f = filled_of(&c->side[b], ISA_WRITE); filled_next(&f);)
            for (unsigned i = f.from; i < f.from + TLB_LINE; i++)
                notify_entry(c, &c->e.banks[b].entry[ISA_WRITE][i], host_page);
        for (unsigned i = 0; i < TLB_VICTIMS; i++)
            notify_entry(c, &c->side[b].victim[ISA_WRITE][i].e, host_page);
    }
}

void mmu_notify_all(struct cpu *c)
{
    mmu_notify_page(c, NULL);
}

/* --- flush --- */

static void flush_all(struct cpu *c, unsigned bank)
{
    struct tlb_side *s = &c->side[bank];

    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++) {
        for (struct filled f = filled_of(s, a); filled_next(&f);)
            for (unsigned i = f.from; i < f.from + TLB_LINE; i++)
                tlb_entry_clear(&c->e.banks[bank].entry[a][i]);
        memset(s->filled[a], 0, sizeof s->filled[a]);
        for (unsigned i = 0; i < TLB_VICTIMS; i++)
            tlb_entry_clear(&s->victim[a][i].e);
        s->large[a].count = 0;
    }
    s->used = s->local = false;
}

void mmu_place_use(struct cpu *c, unsigned place)
{
    if (likely(c->side[place].ready))
        return;
    memset(c->side[place].filled, 0xff, sizeof c->side[place].filled); /* with zeroes */
    flush_all(c, place);
    c->side[place].ready = true;
}

static void flush_non_global(struct cpu *c, unsigned bank)
{
    struct tlb_side *s = &c->side[bank];

    if (!s->local)
        return;
    s->local = false;
    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++) {
        for (struct filled f = filled_of(s, a); filled_next(&f);)
            for (unsigned i = f.from; i < f.from + TLB_LINE; i++)
                if (!(s->note[a][i] & TLB_NOTE_GLOBAL))
                    tlb_entry_clear(&c->e.banks[bank].entry[a][i]);
        for (unsigned i = 0; i < TLB_VICTIMS; i++)
            if (!(s->victim[a][i].note & TLB_NOTE_GLOBAL))
                tlb_entry_clear(&s->victim[a][i].e);
    }
}

/* Is the entry of the leaf that va lies in? */
static bool same_leaf(const struct tlb_entry *e, u8 note, gva_t va)
{
    unsigned log2 = note & 0x7f;

    return !(e->tag & TLB_EMPTY) && ((e->tag ^ va) >> log2) == 0;
}

static void flush_entry(struct cpu *c, gva_t va, unsigned bank, unsigned access, unsigned i)
{
    struct tlb_entry *e = &c->e.banks[bank].entry[access][i];

    if (same_leaf(e, c->side[bank].note[access][i], va))
        tlb_entry_clear(e);
}

static void flush_page(struct cpu *c, gva_t va, unsigned bank)
{
    struct tlb_side *s = &c->side[bank];

    for (unsigned a = 0; a < ISA_ACCESS_COUNT; a++) {
        if (span_covers(&s->large[a], va)) {
            for (struct filled f = filled_of(s, a); filled_next(&f);)
                for (unsigned i = f.from; i < f.from + TLB_LINE; i++)
                    flush_entry(c, va, bank, a, i);
        } else {
            flush_entry(c, va, bank, a, tlb_index(va));
        }
        for (unsigned i = 0; i < TLB_VICTIMS; i++)
            if (same_leaf(&s->victim[a][i].e, s->victim[a][i].note, va))
                tlb_entry_clear(&s->victim[a][i].e);
    }
}

void mmu_flush_places(struct cpu *c, enum isa_tlb_flush what, gva_t va, u64 places)
{
    for (; places; places &= places - 1) {
        unsigned p = (unsigned)__builtin_ctzll(places);
        /* Code in a large leaf may have been found through any of its pages. */
        bool whole = what != ISA_FLUSH_PAGE || span_covers(&c->side[p].large[ISA_FETCH], va);

        if (!c->side[p].used || (what == ISA_FLUSH_NON_GLOBAL && !c->side[p].local))
            continue;
        switch (what) {
        case ISA_FLUSH_ALL: flush_all(c, p); break;
        case ISA_FLUSH_NON_GLOBAL: flush_non_global(c, p); break;
        case ISA_FLUSH_PAGE: flush_page(c, va, p); break;
        }
        cpu_jumps_flush(c, va, p, whole);
    }
}
