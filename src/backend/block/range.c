/*
 * range.c - see range.h. The list is short: a request that is being worked at each.
 */
#include "backend/block/range.h"
#include "base/bug.h"

void blk_ranges_init(struct blk_ranges *r)
{
    host_mutex_init(&r->lock);
    host_cond_init(&r->freed);
    r->list = NULL;
}

void blk_ranges_fini(struct blk_ranges *r)
{
    BUG_ON(r->list);
    host_cond_fini(&r->freed);
    host_mutex_fini(&r->lock);
}

static bool conflict(const struct blk_range *a, const struct blk_range *b)
{
    return (a->exclusive || b->exclusive) && a->first <= b->last && b->first <= a->last;
}

/* Newest first: what is behind `range` in the list came before it. */
static bool free_for(const struct blk_range *range, const struct blk_range *older)
{
    for (; older; older = older->next)
        if (conflict(range, older))
            return false;
    return true;
}

void blk_range_lock(struct blk_ranges *r, struct blk_range *range)
{
    host_mutex_lock(&r->lock);
    range->next = r->list;
    r->list = range;
    while (!free_for(range, range->next))
        host_cond_wait(&r->freed, &r->lock);
    host_mutex_unlock(&r->lock);
}

bool blk_range_trylock(struct blk_ranges *r, struct blk_range *range)
{
    bool ok;

    host_mutex_lock(&r->lock);
    ok = free_for(range, r->list);
    if (ok) {
        range->next = r->list;
        r->list = range;
    }
    host_mutex_unlock(&r->lock);
    return ok;
}

void blk_range_unlock(struct blk_ranges *r, struct blk_range *range)
{
    struct blk_range **at = &r->list;

    host_mutex_lock(&r->lock);
    while (*at != range) {
        BUG_ON(!*at);
        at = &(*at)->next;
    }
    *at = range->next;
    host_cond_broadcast(&r->freed);
    host_mutex_unlock(&r->lock);
}
