/*
 * code_pages.c - guest pages with code in them: who stores there, and what it hits.
 *
 * A page with blocks has MEM_PAGE_CODE; fast paths have no write entry for it, so that
 * stores come to code_written(), which looks at a bit for each 64 bytes and drops the
 * blocks that were really hit. When a page gets the flag, other vCPUs may still hold a
 * write entry, until they look at REQ_CODE: until then the page is *unsettled*. Nobody
 * waits for it: a guest whose other CPU wrote code must run its own instruction barrier
 * before it may rely on the new bytes, and that barrier (code_revalidate) compares the bytes
 * of blocks on unsettled pages. A guest architecture with coherent instruction fetch will
 * need the translator to wait until the page is settled instead.
 * docs/design/0003-code-cache.md.
 */
#include "engine/core/cache_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"
#include <stdlib.h>

enum { GRANULE_SHIFT = 6 };

/* --- RAMs and pages --- */

struct code_ram *code_ram_of(struct code_cache *cache, const void *host)
{
    for (unsigned i = 0; i < CODE_MAX_RAMS; i++) {
        struct code_ram *cr = __atomic_load_n(&cache->rams[i], __ATOMIC_ACQUIRE);

        if (!cr)
            return NULL;
        if ((u64)((const u8 *)host - cr->ram->host) < cr->ram->size)
            return cr;
    }
    return NULL;
}

static void code_written(void *arg, struct mem_ram *ram, u64 offset, u64 len);

static struct code_ram *code_ram_new(struct code_cache *cache, struct mem_ram *ram)
{
    struct code_ram *cr = calloc(1, sizeof *cr);
    struct err err = { 0 };

    if (!cr)
        return NULL;
    if (host_map_ram(&cr->map, (ram->size >> MEM_PAGE_SHIFT) * sizeof cr->pages[0], &err) < 0) {
        log_error("%s", err.text);
        free(cr);
        return NULL;
    }
    cr->cache = cache;
    cr->ram = ram;
    cr->pages = (struct code_page **)(void *)cr->map.at;
    return cr;
}

bool code_ram_add(struct code_cache *cache, struct mem_ram *ram)
{
    bool known = false;

    host_mutex_lock(&cache->lock);
    for (unsigned i = 0; i < CODE_MAX_RAMS && !known; i++) {
        struct code_ram *cr = cache->rams[i];

        if (!cr) {
            cr = code_ram_new(cache, ram);
            if (!cr)
                break;
            ram->code_arg = cr;
            ram->code_written = code_written;
            __atomic_store_n(&cache->rams[i], cr, __ATOMIC_RELEASE);
        }
        known = cr->ram == ram;
    }
    host_mutex_unlock(&cache->lock);
    return known;
}

/* Lock held. */
static struct code_page *page_of(struct code_cache *cache, const u8 *host)
{
    struct code_ram *cr = code_ram_of(cache, host);
    u64 index = (u64)(host - cr->ram->host) >> MEM_PAGE_SHIFT;
    struct code_page *p = cr->pages[index];

    if (p)
        return p;
    p = calloc(1, sizeof *p);
    BUG_ON(!p);
    p->flags = &cr->ram->page_flags[index];
    p->all_next = cr->all;
    cr->all = p;
    __atomic_store_n(&cr->pages[index], p, __ATOMIC_RELEASE);
    return p;
}

/* Granules of [host, host + len), which lies in one page. */
static u64 granule_mask(const u8 *host, u64 len)
{
    u64 at = (uintptr_t)host & (MEM_PAGE_SIZE - 1);
    unsigned first = (unsigned)(at >> GRANULE_SHIFT);
    unsigned last = (unsigned)((at + len - 1) >> GRANULE_SHIFT);

    return bits_mask(last - first + 1) << first;
}

/* Some of b's bytes that stand together in memory, in one page. */
struct stretch {
    const u8 *host, *bytes; /* where they are, and the copy */
    unsigned len;
    unsigned insn; /* that follows */
};

/* The next one; begins with NULL. False: there is none. A block of two pages has one in each. */
static bool stretch_next(const struct eblock *b, struct stretch *s)
{
    if (b->flags & EBLOCK_TWO_PAGES) {
        unsigned left = MEM_PAGE_SIZE - (unsigned)((uintptr_t)b->host & (MEM_PAGE_SIZE - 1));
        bool first = !s->host;

        if (s->host == b->host2)
            return false;
        *s = first ? (struct stretch){ b->host, b->bytes, left, 0 }
                   : (struct stretch){ b->host2, b->bytes + left, b->byte_count - left, 0 };
        return true;
    }
    if (s->insn == b->insn_count)
        return false;
    s->bytes = s->host ? s->bytes + s->len : b->bytes;
    s->host = b->host + b->offset[s->insn];
    s->len = 0;
    do
        s->len += b->len[s->insn++];
    while (s->insn < b->insn_count && b->host + b->offset[s->insn] == s->host + s->len);
    return true;
}

/* Which of b's pages is p? */
static unsigned page_side(const struct code_page *p, const struct eblock *b)
{
    return b->page[0] != p;
}

static bool in_page(const struct code_page *p, const struct eblock *b, const u8 *host)
{
    bool second = (((uintptr_t)host ^ (uintptr_t)b->host) >> MEM_PAGE_SHIFT) != 0;

    return b->page[second && b->page[1]] == p;
}

static u64 block_granules(const struct eblock *b, const struct code_page *p)
{
    struct stretch s = { 0 };
    u64 mask = 0;

    while (stretch_next(b, &s))
        if (in_page(p, b, s.host))
            mask |= granule_mask(s.host, s.len);
    return mask;
}

bool code_block_matches(const struct eblock *b)
{
    struct stretch s = { 0 };

    while (stretch_next(b, &s))
        for (unsigned i = 0; i < s.len; i++)
            if (__atomic_load_n(s.host + i, __ATOMIC_RELAXED) != s.bytes[i])
                return false;
    return true;
}

/* --- stores --- */

static void code_written(void *arg, struct mem_ram *ram, u64 offset, u64 len)
{
    struct code_ram *cr = arg;
    struct code_cache *cache = cr->cache;
    struct code_page *p = __atomic_load_n(&cr->pages[offset >> MEM_PAGE_SHIFT], __ATOMIC_ACQUIRE);
    u64 mask = granule_mask(ram->host + offset, len);
    u64 left = 0;
    struct eblock *next;

    if (!p || !(__atomic_load_n(&p->granules, __ATOMIC_SEQ_CST) & mask))
        return;
    host_mutex_lock(&cache->lock);
    for (struct eblock *b = p->blocks; b; b = next) {
        u64 granules = block_granules(b, p);

        next = b->page_next[page_side(p, b)];
        if (granules & mask && !code_block_matches(b)) {
            code_block_kill(cache, b);
            __atomic_fetch_add(&cache->smc, 1, __ATOMIC_RELAXED);
        } else {
            left |= granules;
        }
    }
    __atomic_store_n(&p->granules, left, __ATOMIC_RELEASE);
    code_reclaim(cache);
    host_mutex_unlock(&cache->lock);
}

/* --- pages that become code, and stop being it --- */

/* b is what comes at this place of p's list. */
static void page_put(struct code_page *p, struct eblock **at, struct eblock *b)
{
    *at = b;
    if (b)
        b->page_at[page_side(p, b)] = at;
}

static void page_add(struct code_page *p, struct eblock *b)
{
    unsigned side = page_side(p, b);

    page_put(p, &b->page_next[side], p->blocks);
    page_put(p, &p->blocks, b);
}

/* Granules stay marked until a store finds no block there: see code_written(). */
static void page_remove(struct code_page *p, struct eblock *b)
{
    unsigned side = page_side(p, b);

    page_put(p, b->page_at[side], b->page_next[side]);
    if (p->blocks)
        return;
    __atomic_store_n(&p->granules, 0, __ATOMIC_RELEASE);
    __atomic_fetch_and(p->flags, (u8)~MEM_PAGE_CODE, __ATOMIC_SEQ_CST);
}

/* Drops the blocks whose bytes have changed. Lock held. */
static void page_verify(struct code_cache *cache, struct code_page *p)
{
    struct eblock *next;

    for (struct eblock *b = p->blocks; b; b = next) {
        next = b->page_next[page_side(p, b)];
        if (!code_block_matches(b)) {
            code_block_kill(cache, b);
            cache->smc++;
        }
    }
}

static bool page_settled(const struct engine *e, const struct code_page *p)
{
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        if (__atomic_load_n(&e->cpus[i]->quiescent, __ATOMIC_SEQ_CST) != 0 &&
            __atomic_load_n(&e->cpus[i]->marks_seen, __ATOMIC_ACQUIRE) < p->unsettled)
            return false;
    return true;
}

void code_unsettled_verify(struct code_cache *cache, bool only_settled)
{
    struct code_page **link = &cache->unsettled, *p;

    while ((p = *link)) {
        bool settled = page_settled(cache->e, p);

        if (settled || !only_settled)
            page_verify(cache, p);
        if (!settled) {
            link = &p->unsettled_next;
            continue;
        }
        p->unsettled = 0;
        __atomic_store_n(link, p->unsettled_next, __ATOMIC_RELEASE); /* perhaps the list's head */
        if (only_settled)
            return; /* a little at a time */
    }
}

void code_revalidate(struct cpu *c)
{
    struct code_cache *cache = &c->e.engine->code;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&cache->unsettled, __ATOMIC_ACQUIRE))
        return;
    host_mutex_lock(&cache->lock);
    code_unsettled_verify(cache, false);
    host_mutex_unlock(&cache->lock);
}

/* Lock held. */
static void marks_take(struct cpu *c)
{
    struct code_cache *cache = &c->e.engine->code;
    u64 from = c->marks_seen;

    if (cache->mark_count - from > CODE_MARKS)
        mmu_notify_all(c);
    else
        for (; from < cache->mark_count; from++)
            mmu_notify_page(c, cache->marks[from % CODE_MARKS]);
    __atomic_store_n(&c->marks_seen, cache->mark_count, __ATOMIC_RELEASE);
}

void code_marks_take(struct cpu *c)
{
    host_mutex_lock(&c->e.engine->code.lock);
    marks_take(c);
    host_mutex_unlock(&c->e.engine->code.lock);
}

/* A page gets its first code: every write entry for it has to go. Lock held. */
static void page_mark(struct cpu *c, struct code_page *p, const u8 *host)
{
    struct code_cache *cache = &c->e.engine->code;
    struct engine *e = cache->e;

    __atomic_fetch_or(p->flags, MEM_PAGE_CODE, __ATOMIC_SEQ_CST);
    cache->marks[cache->mark_count % CODE_MARKS] =
        (const u8 *)((uintptr_t)host & ~(uintptr_t)(MEM_PAGE_SIZE - 1));
    __atomic_store_n(&cache->mark_count, cache->mark_count + 1, __ATOMIC_SEQ_CST);
    marks_take(c);
    if (e->cfg.cpus == 1)
        return;
    if (!p->unsettled) {
        p->unsettled_next = cache->unsettled;
        __atomic_store_n(&cache->unsettled, p, __ATOMIC_RELEASE);
    }
    p->unsettled = cache->mark_count;
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        if (e->cpus[i] != c) {
            __atomic_fetch_or(&e->cpus[i]->requests, REQ_CODE, __ATOMIC_SEQ_CST);
            vcpu_kick(&e->cpus[i]->e.v); /* no need to wake it when it sleeps */
        }
}

/* Makes stores to b's bytes visible to us from here on. Lock held. */
void code_block_watch(struct cpu *c, struct eblock *b)
{
    const u8 *host[2] = { b->host, b->host2 };

    b->page[0] = page_of(&c->e.engine->code, b->host);
    if (b->host2)
        b->page[1] = page_of(&c->e.engine->code, b->host2);
    if (b->page[1] == b->page[0])
        b->page[1] = NULL;
    for (unsigned i = 0; i < 2; i++) {
        struct code_page *p = b->page[i];

        if (!p)
            continue;
        __atomic_fetch_or(&p->granules, block_granules(b, p), __ATOMIC_SEQ_CST);
        if (!(__atomic_load_n(p->flags, __ATOMIC_RELAXED) & MEM_PAGE_CODE))
            page_mark(c, p, host[i]);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void code_block_list(struct eblock *b)
{
    page_add(b->page[0], b);
    if (b->page[1])
        page_add(b->page[1], b);
}

void code_block_unwatch(struct eblock *b)
{
    page_remove(b->page[0], b);
    if (b->page[1])
        page_remove(b->page[1], b);
}

void code_ram_free(struct code_ram *cr)
{
    while (cr->all) {
        struct code_page *next = cr->all->all_next;

        free(cr->all);
        cr->all = next;
    }
    cr->ram->code_written = NULL;
    cr->ram->code_arg = NULL;
    host_map_fini(&cr->map);
    free(cr);
}
