/*
 * insns.c - slabs: a block's instructions come and go as a whole, and there are 64 sizes.
 */
#include "engine/core/insns.h"

#include "base/bug.h"
#include <stdlib.h>

/* Less than what allocators get from the host apart, with their own header. */
enum { SLAB_BYTES = 32 * 1024 - 32 };

struct slab {
    struct slab *prev, *next; /* of insns_heap.roomy; not in it when full */
    struct einsns *free;      /* pieces given back, by their next */
    u32 count;                /* instructions of a piece */
    u32 used, fresh, pieces;  /* handed out now; never handed out begin here; that there are */
    char memory[];
};
_Static_assert(sizeof(struct slab) % sizeof(void *) == 0, "pieces are aligned as pointers are");

static size_t piece_bytes(unsigned count)
{
    return sizeof(struct einsns) + (count + 1u) * sizeof(struct einsn);
}

/* A memory checker sees each piece come and go. */
static u32 pieces_of(unsigned count)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)count;
    return 1;
#else
    return (u32)((SLAB_BYTES - sizeof(struct slab)) / piece_bytes(count));
#endif
}

void insns_heap_init(struct insns_heap *h)
{
    *h = (struct insns_heap){ 0 };
    host_mutex_init(&h->lock);
}

void insns_heap_fini(struct insns_heap *h)
{
    BUG_ON(h->slabs);
    host_mutex_fini(&h->lock);
}

static void list_add(struct insns_heap *h, struct slab *s)
{
    s->prev = NULL;
    s->next = h->roomy[s->count];
    if (s->next)
        s->next->prev = s;
    h->roomy[s->count] = s;
}

static void list_remove(struct insns_heap *h, struct slab *s)
{
    *(s->prev ? &s->prev->next : &h->roomy[s->count]) = s->next;
    if (s->next)
        s->next->prev = s->prev;
}

static struct slab *slab_new(struct insns_heap *h, unsigned count)
{
    u32 pieces = pieces_of(count);
    struct slab *s = malloc(sizeof *s + pieces * piece_bytes(count));

    if (!s)
        return NULL;
    *s = (struct slab){ .count = count, .pieces = pieces };
    list_add(h, s);
    h->slabs++;
    return s;
}

static struct einsns *piece_take(struct slab *s)
{
    struct einsns *n = s->free;

    if (n)
        s->free = n->next;
    else
        n = (struct einsns *)(void *)(s->memory + s->fresh++ * piece_bytes(s->count));
    *n = (struct einsns){ .slab = s };
    s->used++;
    return n;
}

struct einsns *insns_take(struct insns_heap *h, unsigned count)
{
    struct einsns *n = NULL;
    struct slab *s;

    BUG_ON(count == 0 || count > EBLOCK_MAX_INSNS);
    host_mutex_lock(&h->lock);
    s = h->roomy[count] ? h->roomy[count] : slab_new(h, count);
    if (s) {
        n = piece_take(s);
        if (s->used == s->pieces)
            list_remove(h, s);
    }
    host_mutex_unlock(&h->lock);
    return n;
}

void insns_give(struct insns_heap *h, struct einsns *n)
{
    struct slab *s;

    if (!n)
        return;
    s = n->slab;
    host_mutex_lock(&h->lock);
    if (s->used == s->pieces)
        list_add(h, s);
    n->next = s->free;
    s->free = n;
    if (--s->used == 0) {
        list_remove(h, s);
        free(s);
        h->slabs--;
    }
    host_mutex_unlock(&h->lock);
}
