/*
 * cache.c - all blocks of an engine: found by the host address of their bytes, dropped
 * when those change or when there are too many.
 *
 * Readers take no lock (code_hash.h), and a block that was unlinked is freed only after the
 * translator has done with the one it is at, and each vCPU has passed a safe point (cpu.quiescent
 * has reached the epoch that was begun after the unlinking) where it also emptied its jump caches.
 * What happens when bytes change: code_pages.c.
 */
#include "engine/core/cache_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define GARBAGE_LIMIT (4 * MIB) /* or a quarter of the budget */

/* --- look-up --- */

/* The second page of the instruction at the pc slot as mapped now; NULL: fault pending. */
static const u8 *second_page(struct cpu *c)
{
    gva_t next = (*c->pc | (MEM_PAGE_SIZE - 1)) + 1;
    struct mem_ref ref;

    if (mmu_resolve(c, next, c->e.v.isa->insn_align, ISA_FETCH, c->mode->place, &ref))
        return NULL;
    return ref.host;
}

struct eblock *code_lookup(struct cpu *c, const u8 *host, u64 key, u32 flags)
{
    struct eblock *b = code_hash_chain(&c->e.engine->code.hash, host, key);
    const u8 *host2 = NULL;

    for (; b; b = __atomic_load_n(&b->hash_next, __ATOMIC_ACQUIRE)) {
        if (b->host != host || b->key != key || (b->flags & EBLOCK_SINGLE) != flags ||
            eblock_dead(b))
            continue;
        if (b->flags & EBLOCK_TWO_PAGES) {
            if (!host2)
                host2 = second_page(c);
            if (!host2)
                return NULL;
            if (host2 != b->host2)
                continue;
        }
        break;
    }
    return b;
}

/* --- reclaiming --- */

static void block_free(struct code_cache *cache, struct eblock *b)
{
    struct engine *e = cache->e;

    if (b->tier)
        e->tier->release(e->tier_self, b);
    insns_give(&cache->insns, b->insns);
    free(b);
}

static void list_free(struct code_cache *cache, struct eblock *list)
{
    while (list) {
        struct eblock *next = list->age_next;

        block_free(cache, list);
        list = next;
    }
}

static void insns_free(struct code_cache *cache, struct einsns *list)
{
    while (list) {
        struct einsns *next = list->next;

        insns_give(&cache->insns, list);
        list = next;
    }
}

static bool all_passed(const struct engine *e, u64 epoch)
{
    u64 q;

    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        q = __atomic_load_n(&e->cpus[i]->quiescent, __ATOMIC_SEQ_CST);

        if (q != 0 && q < epoch)
            return false;
    }
    q = __atomic_load_n(&e->translator.quiescent, __ATOMIC_SEQ_CST);
    return q == 0 || q >= epoch;
}

static void reclaim(struct code_cache *cache, u64 limit)
{
    struct engine *e = cache->e;

    bool waits = cache->batch || cache->batch_insns;

    if (waits && all_passed(e, cache->batch_epoch)) {
        list_free(cache, cache->batch);
        insns_free(cache, cache->batch_insns);
        cache->batch = NULL;
        cache->batch_insns = NULL;
        waits = false;
    }
    if (waits || cache->garbage_bytes < limit)
        return;
    cache->batch = cache->garbage;
    cache->batch_insns = cache->garbage_insns;
    cache->garbage = NULL;
    cache->garbage_insns = NULL;
    cache->garbage_bytes = 0;
    cache->batch_epoch = __atomic_add_fetch(&cache->epoch, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        if (__atomic_load_n(&e->cpus[i]->quiescent, __ATOMIC_SEQ_CST) != 0)
            vcpu_kick(&e->cpus[i]->e.v);
}

void code_reclaim(struct code_cache *cache)
{
    reclaim(cache, cache->budget / 4 < GARBAGE_LIMIT ? cache->budget / 4 : GARBAGE_LIMIT);
}

/* --- counting --- */

static u64 insns_bytes(const struct eblock *b)
{
    return sizeof(struct einsns) + (b->insn_count + 1u) * sizeof(struct einsn);
}

/* Lock held, in this and the next. */
static void insns_count(struct code_cache *cache, const struct eblock *b, bool more)
{
    cache->bytes += more ? insns_bytes(b) : -insns_bytes(b);
    cache->insns_held += more ? b->insn_count : -(u64)b->insn_count;
}

/* b begins or ends to live. */
static void block_count(struct code_cache *cache, const struct eblock *b, bool more)
{
    u64 bytes = (u64)b->alloc_bytes + b->host_bytes;

    cache->bytes += more ? bytes : -bytes;
    if (b->insns)
        insns_count(cache, b, more);
}

/* --- taking blocks out --- */

/* The list of all live blocks, oldest first. */
static void age_remove(struct code_cache *cache, struct eblock *b)
{
    *(b->age_prev ? &b->age_prev->age_next : &cache->oldest) = b->age_next;
    *(b->age_next ? &b->age_next->age_prev : &cache->newest) = b->age_prev;
}

static void age_append(struct code_cache *cache, struct eblock *b)
{
    b->age_prev = cache->newest;
    b->age_next = NULL;
    *(b->age_prev ? &b->age_prev->age_next : &cache->oldest) = b;
    cache->newest = b;
}

void code_block_kill(struct code_cache *cache, struct eblock *b)
{
    struct engine *e = cache->e;

    __atomic_store_n(&b->dead, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* others: in eblock_code_set(), translator_take() */
    if (eblock_queued(b))
        translator_drop(e, b);
    if (e->tier && __atomic_load_n(&b->tier, __ATOMIC_ACQUIRE))
        e->tier->invalidate(e->tier_self, b);
    __atomic_store_n(&b->host_entry, NULL, __ATOMIC_RELEASE);
    code_hash_remove(&cache->hash, b);
    code_block_unwatch(b);
    age_remove(cache, b);
    block_count(cache, b, false);
    b->age_next = cache->garbage;
    cache->garbage = b;
    cache->garbage_bytes += (u64)b->alloc_bytes + b->host_bytes + (b->insns ? insns_bytes(b) : 0);
}

/* Oldest first; one that was looked up since the last round gets another. Lock held. */
static void evict_down_to(struct code_cache *cache, u64 target)
{
    while (cache->bytes > target && cache->oldest) {
        struct eblock *b = cache->oldest;

        if (__atomic_exchange_n(&b->used, 0, __ATOMIC_RELAXED)) {
            age_remove(cache, b);
            age_append(cache, b);
        } else {
            code_block_kill(cache, b);
            cache->evictions++;
        }
    }
    code_reclaim(cache);
}

/* After anything that makes live blocks larger: nobody sees more than the budget. Lock held. */
static void budget_keep(struct code_cache *cache)
{
    if (cache->bytes > cache->budget)
        evict_down_to(cache, cache->budget - cache->budget / 4);
    else
        code_reclaim(cache);
}

void code_evict(struct engine *e)
{
    host_mutex_lock(&e->code.lock);
    evict_down_to(&e->code, e->code.bytes - e->code.bytes / 4);
    host_mutex_unlock(&e->code.lock);
}

void engine_trim(struct engine *e, bool unused)
{
    struct code_cache *cache = &e->code;
    struct eblock *next;

    translator_settle(e);
    host_mutex_lock(&cache->lock);
    for (struct eblock *b = cache->oldest; b && e->tier; b = next) {
        bool used = __atomic_exchange_n(&b->used, 0, __ATOMIC_RELAXED);

        next = b->age_next;
        if (!b->host_entry || (unused && !used))
            code_block_kill(cache, b);
    }
    reclaim(cache, 1); /* begins a batch, which nobody is in: they are paused */
    reclaim(cache, 1);
    host_mutex_unlock(&cache->lock);
    if (unused && e->tier && e->tier->trim)
        e->tier->trim(e->tier_self);
}

/* --- putting blocks in --- */

/* Lock held. */
static void block_link(struct code_cache *cache, struct eblock *b)
{
    code_block_list(b);
    age_append(cache, b);
    block_count(cache, b, true);
    b->used = 1;
    code_hash_add(&cache->hash, b);
}

/* One like b that another vCPU was first to insert. Lock held. */
static struct eblock *same_block(struct code_cache *cache, const struct eblock *b)
{
    struct eblock *i = code_hash_chain(&cache->hash, b->host, b->key);

    while (i && (i->host != b->host || i->host2 != b->host2 || i->key != b->key ||
                 (i->flags ^ b->flags) & EBLOCK_SINGLE))
        i = i->hash_next;
    return i;
}

/* Does b, just decoded, take the place of the block that is there? Lock held. */
static bool replaces(const struct eblock *b, const struct eblock *there)
{
    return b->flags & EBLOCK_LONG && !(there->flags & EBLOCK_LONG) &&
           b->insn_count > there->insn_count;
}

struct eblock *code_insert(struct cpu *c, struct eblock *b)
{
    struct code_cache *cache = &c->e.engine->code;
    struct eblock *there;

    host_mutex_lock(&cache->lock);
    there = same_block(cache, b);
    if (!there || replaces(b, there)) {
        code_block_watch(c, b);
        if (code_block_matches(b)) {
            block_link(cache, b); /* first: a page that loses its last block is watched no more */
            if (there)
                code_block_kill(cache, there);
            there = b;
            b = NULL;
        }
    }
    if (cache->unsettled)
        code_unsettled_verify(cache, true);
    budget_keep(cache);
    host_mutex_unlock(&cache->lock);
    if (b)
        insns_give(&cache->insns, b->insns);
    free(b);
    return there;
}

/* --- what a block gets and gives back while it lives --- */

const struct einsn *code_insns_put(struct cpu *c, struct eblock *b, struct einsns *n)
{
    struct code_cache *cache = &c->e.engine->code;
    const struct einsns *there;

    host_mutex_lock(&cache->lock);
    if (!b->insns) {
        __atomic_store_n(&b->insns, n, __ATOMIC_RELEASE);
        if (!b->dead)
            insns_count(cache, b, true);
        n = NULL;
    }
    there = b->insns; /* another vCPU may drop them as soon as the lock is open: they last longer */
    budget_keep(cache);
    host_mutex_unlock(&cache->lock);
    insns_give(&cache->insns, n);
    return there->at;
}

/* Lock held. */
static void insns_drop(struct code_cache *cache, struct eblock *b)
{
    if (!b->insns)
        return;
    b->insns->next = cache->garbage_insns;
    cache->garbage_insns = b->insns;
    cache->garbage_bytes += insns_bytes(b);
    insns_count(cache, b, false);
    __atomic_store_n(&b->insns, NULL, __ATOMIC_RELEASE);
}

void code_translated(struct engine *e, struct eblock *b, u32 host_bytes)
{
    struct code_cache *cache = &e->code;

    host_mutex_lock(&cache->lock);
    if (b->dead) {
        cache->garbage_bytes += host_bytes;
    } else {
        b->host_bytes += host_bytes;
        cache->bytes += host_bytes;
        if (!engine_checks(e))
            insns_drop(cache, b);
    }
    budget_keep(cache);
    host_mutex_unlock(&cache->lock);
}

/* --- the cache itself --- */

int code_init(struct code_cache *cache, struct engine *e, u64 budget, struct err *err)
{
    cache->e = e;
    cache->budget = budget;
    cache->epoch = 1;
    host_mutex_init(&cache->lock);
    insns_heap_init(&cache->insns);
    if (!code_hash_init(&cache->hash))
        return err_set(err, ENOMEM, "no memory for the code cache");
    return 0;
}

void code_fini(struct code_cache *cache)
{
    if (!cache->e)
        return;
    while (cache->oldest)
        code_block_kill(cache, cache->oldest);
    list_free(cache, cache->batch);
    list_free(cache, cache->garbage);
    insns_free(cache, cache->batch_insns);
    insns_free(cache, cache->garbage_insns);
    for (unsigned i = 0; i < CODE_MAX_RAMS && cache->rams[i]; i++)
        code_ram_free(cache->rams[i]);
    code_hash_fini(&cache->hash);
    insns_heap_fini(&cache->insns);
    host_mutex_fini(&cache->lock);
}
