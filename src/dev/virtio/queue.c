/*
 * queue.c - what split and packed virtqueues have in common.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "dev/virtio/ring.h"

static bool packed(const struct virtq *q)
{
    return virtio_has(q->v, VIRTIO_F_RING_PACKED);
}

/* --- guest memory --- */

bool ring_error(struct virtq *q, const char *why)
{
    virtio_error(q->v, why);
    return false;
}

bool ring_load(struct virtq *q, gpa_t at, u16 *out)
{
    u16 *p = dma_map(q->v->dev, at, 2, false);

    if (!p)
        return ring_error(q, "the ring is not in RAM");
    *out = __atomic_load_n(p, __ATOMIC_ACQUIRE);
    return true;
}

bool ring_store(struct virtq *q, gpa_t at, u16 v)
{
    u16 *p = dma_map(q->v->dev, at, 2, true);

    if (!p)
        return ring_error(q, "the ring is not in RAM");
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
    dma_written(q->v->dev, at, 2);
    return true;
}

bool ring_desc_read(struct virtq *q, gpa_t at, struct ring_desc *out)
{
    _Static_assert(sizeof *out == 16, "a descriptor is 16 bytes");
    return dma_read(q->v->dev, at, out, sizeof *out) ||
           ring_error(q, "the descriptors are not in RAM");
}

bool ring_chain_add(struct virtq *q, struct virtq_chain *chain, const struct ring_desc *d, bool in)
{
    const char *why;

    return virtq_chain_add(q->v->dev, chain, d->addr, d->len, in, &why) || ring_error(q, why);
}

/* The bound is ours: the specification's is the queue size, which Linux exceeds. */
unsigned ring_table_read(struct virtq *q, const struct ring_desc *d)
{
    _Static_assert(sizeof q->v->table[0] == 16, "a descriptor is 16 bytes");
    if (!virtio_has(q->v, VIRTIO_F_INDIRECT_DESC))
        return ring_error(q, "an indirect descriptor was not negotiated");
    if (d->len == 0 || d->len % 16 || d->len > sizeof q->v->table)
        return ring_error(q, "an indirect table has a bad length");
    if (!dma_read(q->v->dev, d->addr, q->v->table, d->len))
        return ring_error(q, "an indirect table is not in RAM");
    return d->len / 16;
}

/* --- life --- */

void virtq_reset(struct virtq *q)
{
    *q->s = (struct virtq_state){ .size = q->size_max };
    q->inflight = q->filled = q->fresh = 0;
    q->generation++;
}

/* [at, at + len) is aligned and does not wrap round. */
static bool place_valid(gpa_t at, u64 len, u64 align)
{
    u64 end;

    return at % align == 0 && checked_add(at, len, &end);
}

bool virtq_layout_valid(const struct virtq *q)
{
    const struct virtq_state *s = q->s;

    if (s->size == 0 || s->size > q->size_max || !place_valid(s->desc, 16ull * s->size, 16))
        return false;
    if (packed(q))
        return place_valid(s->driver, 4, 4) && place_valid(s->device, 4, 4);
    return bits_is_pow2(s->size) && place_valid(s->driver, 6 + 2ull * s->size, 2) &&
           place_valid(s->device, 6 + 8ull * s->size, 4);
}

void virtq_start(struct virtq *q)
{
    q->s->avail = q->s->used = 0;
    q->s->avail_wrap = q->s->used_wrap = packed(q);
    q->s->note = 0;
    q->inflight = q->filled = q->fresh = 0;
    q->generation++;
}

/* --- requests --- */

bool virtq_pop(struct virtq *q, struct virtq_chain *chain)
{
    chain->ticket = (struct virtq_ticket){ q->generation, q->index, 0, 0 };
    chain->out_count = chain->in_count = 0;
    chain->out_len = chain->in_len = 0;
    return packed(q) ? packed_pop(q, chain) : split_pop(q, chain);
}

void virtq_unpop(struct virtq *q, const struct virtq_ticket *ticket)
{
    if (ticket->generation != q->generation)
        return;
    BUG_ON(q->inflight < ticket->count);
    q->inflight = (u16)(q->inflight - ticket->count);
    if (packed(q))
        packed_unpop(q, ticket->count);
    else
        q->s->avail--;
}

bool virtq_wait(struct virtq *q)
{
    return packed(q) ? packed_wait(q) : split_wait(q);
}

void virtq_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written)
{
    if (ticket->generation != q->generation || !virtio_queue_active(q->v, q->index))
        return;
    BUG_ON(q->inflight < ticket->count);
    log_trace(virtio, "%s: queue %u gives back %u, %u bytes written", q->v->dev->id, q->index,
              ticket->id, written);
    if (packed(q))
        packed_push(q, ticket, written);
    else
        split_push(q, ticket, written);
}

void virtq_publish(struct virtq *q)
{
    if (q->filled == 0)
        return;
    if (packed(q))
        packed_publish(q);
    else
        split_publish(q);
}

bool virtq_signal_wanted(struct virtq *q)
{
    if (q->fresh == 0)
        return false;
    return packed(q) ? packed_signal_wanted(q) : split_signal_wanted(q);
}

#define STATE_ROW_T struct virtq_state
STATE_LIST(virtq, VIRTQ_STATE, 1);
#undef STATE_ROW_T
