/*
 * qcow2_tables.c - a bounded number of tables in memory, and the set of metadata clusters.
 */
#include "backend/block/qcow2.h"
#include "base/bug.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16, SLOTS_MAX = 512 };

/* --- tables --- */

int qcow2_cache_init(struct qcow2 *q, struct qcow2_cache *c, u64 bytes)
{
    u64 max = bytes >> q->cluster_bits;

    c->max = max < SLOTS_MIN ? SLOTS_MIN : max > SLOTS_MAX ? SLOTS_MAX : (unsigned)max;
    c->slot = calloc(c->max, sizeof *c->slot);
    return c->slot ? 0 : -ENOMEM;
}

void qcow2_cache_fini(struct qcow2_cache *c)
{
    for (unsigned i = 0; c->slot && i < c->max; i++)
        free(c->slot[i].data);
    free(c->slot);
    c->slot = NULL;
}

struct qcow2_table *qcow2_table_find(struct qcow2_cache *c, u64 at)
{
    if (c->slot[c->last].at != at) {
        unsigned i = 0;

        while (i < c->max && c->slot[i].at != at)
            i++;
        if (i == c->max)
            return NULL;
        c->last = i;
    }
    c->slot[c->last].used = ++c->clock;
    return &c->slot[c->last];
}

void qcow2_table_dirty(struct qcow2_table *t, u64 from, u64 to)
{
    from = bits_align_down(from, 512);
    to = bits_align_up(to, 512);
    if (t->dirty_from == t->dirty_to) {
        t->dirty_from = (u32)from;
        t->dirty_to = (u32)to;
        return;
    }
    if (from < t->dirty_from)
        t->dirty_from = (u32)from;
    if (to > t->dirty_to)
        t->dirty_to = (u32)to;
}

int qcow2_table_write(struct qcow2 *q, struct qcow2_table *t)
{
    int rc;

    if (t->dirty_from == t->dirty_to)
        return 0;
    rc = qcow2_meta_write(q, t->at + t->dirty_from, t->data + t->dirty_from,
                          t->dirty_to - t->dirty_from);
    if (rc == 0)
        t->dirty_from = t->dirty_to = 0;
    return rc;
}

/* The slot to use next: an empty one, else the clean one longest not used. Blocks of
 * reference counts may be written at any time (see qcow2.h: counts are raised before and
 * lowered after what they count); L2 tables only by a commit. */
static int choose_slot(struct qcow2 *q, struct qcow2_cache *c, struct qcow2_table **ret)
{
    struct qcow2_table *best = NULL;

    for (unsigned i = 0; i < c->max; i++) {
        struct qcow2_table *t = &c->slot[i];
        bool dirty = t->dirty_from != t->dirty_to;

        if (t->writing || (dirty && c == &q->l2))
            continue;
        if (!best || t->used < best->used)
            best = t;
    }
    BUG_ON(!best); /* qcow2_make_room() */
    *ret = best;
    return best->at ? qcow2_table_write(q, best) : 0;
}

int qcow2_table_get(struct qcow2 *q, struct qcow2_cache *c, u64 at, bool fresh,
                    struct qcow2_table **ret)
{
    struct qcow2_table *t = qcow2_table_find(c, at);
    int rc;

    if (t) {
        if (fresh) /* counted as free, but a table in use */
            return qcow2_damaged(q, "a table lies in a free cluster", at);
        *ret = t;
        return 0;
    }
    rc = choose_slot(q, c, &t);
    if (rc)
        return rc;
    if (!t->data && !(t->data = malloc(q->cluster_size)))
        return -ENOMEM;
    t->at = 0;
    t->dirty_from = t->dirty_to = 0;
    if (fresh)
        memset(t->data, 0, q->cluster_size);
    else
        rc = blk_file_read(q->node.file, at, t->data, q->cluster_size);
    if (rc)
        return rc;
    t->at = at;
    t->used = ++c->clock;
    if (fresh)
        qcow2_table_dirty(t, 0, q->cluster_size);
    *ret = t;
    return 0;
}

/* --- the set --- */

static u64 *set_slot(const struct qcow2_set *s, u64 cluster)
{
    u64 i = cluster * 0x9e3779b97f4a7c15 >> 20;

    while (s->slot[i & s->mask] && s->slot[i & s->mask] != cluster)
        i++;
    return &s->slot[i & s->mask];
}

static int set_grow(struct qcow2_set *s)
{
    struct qcow2_set more = { .mask = s->mask ? s->mask * 2 + 1 : 255 };

    more.slot = calloc(more.mask + 1, sizeof *more.slot);
    if (!more.slot)
        return -ENOMEM;
    for (u64 i = 0; s->slot && i <= s->mask; i++)
        if (s->slot[i])
            *set_slot(&more, s->slot[i]) = s->slot[i];
    more.count = s->count;
    free(s->slot);
    *s = more;
    return 0;
}

int qcow2_set_add(struct qcow2_set *s, u64 cluster)
{
    int rc = s->slot && s->count * 2 < s->mask ? 0 : set_grow(s);
    u64 *slot;

    if (rc || cluster == 0)
        return rc;
    slot = set_slot(s, cluster);
    s->count += *slot == 0;
    *slot = cluster;
    return 0;
}

bool qcow2_set_has(const struct qcow2_set *s, u64 cluster)
{
    return cluster == 0 || (s->slot && *set_slot(s, cluster) == cluster);
}

/* --- writing --- */

int qcow2_meta_write(struct qcow2 *q, u64 at, const void *data, size_t len)
{
    qcow2_will_write(q, at + len);
    return blk_file_write(q->node.file, at, data, len);
}

int qcow2_damaged(struct qcow2 *q, const char *what, u64 value)
{
    if (!q->complained)
        log_error("disk image \"%s\" is damaged: %s (%#llx); vm-cli disk check tells more",
                  q->node.path, what, (unsigned long long)value);
    q->complained = true;
    return -EIO;
}
