/*
 * packed.c - the packed virtqueue (virtio 1.2, 2.8).
 *
 *     desc     size × { u64 address, u32 length, u16 id, u16 flags }
 *     driver, device   each { u16 offset and wrap, u16 flags }: event suppression
 *
 * Of a descriptor's a and b, a is the buffer id and b the flags. Both sides go round the
 * one ring; each has a wrap counter, which the flags AVAIL and USED are compared with.
 */
#include "base/bits.h"
#include "dev/virtio/ring.h"

static void advance(const struct virtq *q, u16 *position, flag *wrap, unsigned count)
{
    unsigned next = *position + count;

    if (next >= q->s->size) {
        next -= q->s->size;
        *wrap = !*wrap;
    }
    *position = (u16)next;
}

void packed_unpop(struct virtq *q, unsigned count)
{
    if (q->s->avail < count) {
        q->s->avail = (u16)(q->s->avail + q->s->size);
        q->s->avail_wrap = !q->s->avail_wrap;
    }
    q->s->avail = (u16)(q->s->avail - count);
}

static gpa_t desc_at(const struct virtq *q, u16 position)
{
    return q->s->desc + 16ull * position;
}

/* 2.8.1: available when AVAIL is the driver's wrap counter and USED is not. */
static bool available(struct virtq *q)
{
    bool wrap = q->s->avail_wrap;
    u16 flags;

    return ring_load(q, desc_at(q, q->s->avail) + 14, &flags) && !(flags & DESC_AVAIL) == !wrap &&
           !(flags & DESC_USED) == wrap;
}

/* 2.8.7: the entries of an indirect table follow each other, and only WRITE counts in them. */
static bool table_walk(struct virtq *q, struct virtq_chain *chain, const struct ring_desc *at)
{
    unsigned count = ring_table_read(q, at);

    for (unsigned i = 0; i < count; i++) {
        struct ring_desc d = { q->v->table[i].addr, q->v->table[i].len, q->v->table[i].a,
                               q->v->table[i].b };

        if (!ring_chain_add(q, chain, &d, d.b & DESC_WRITE))
            return false;
    }
    return count != 0;
}

/* Returns the number of descriptors, 0: the device is broken. */
static unsigned walk(struct virtq *q, struct virtq_chain *chain, u16 *id)
{
    u16 at = q->s->avail;
    flag wrap = false;

    for (unsigned count = 1; count <= q->s->size; count++, advance(q, &at, &wrap, 1)) {
        struct ring_desc d;

        if (!ring_desc_read(q, desc_at(q, at), &d))
            return 0;
        if (d.b & DESC_INDIRECT && d.b & DESC_NEXT)
            return ring_error(q, "an indirect descriptor has a next one");
        if (!(d.b & DESC_INDIRECT ? table_walk(q, chain, &d)
                                  : ring_chain_add(q, chain, &d, d.b & DESC_WRITE)))
            return 0;
        *id = d.a;
        if (!(d.b & DESC_NEXT))
            return count;
    }
    return ring_error(q, "a chain is longer than the ring");
}

bool packed_pop(struct virtq *q, struct virtq_chain *chain)
{
    unsigned count;

    if (!available(q))
        return false;
    count = walk(q, chain, &chain->ticket.id);
    if (count == 0)
        return false;
    if (q->inflight + count > q->s->size)
        return ring_error(q, "more descriptors than the ring has");
    chain->ticket.count = (u16)count;
    advance(q, &q->s->avail, &q->s->avail_wrap, count);
    q->inflight = (u16)(q->inflight + count);
    return true;
}

/* 2.8.10: with event index, notify of the descriptor at our position. */
bool packed_wait(struct virtq *q)
{
    struct virtq_state *s = q->s;

    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        if (!ring_store(q, s->device + EVENT_OFF_WRAP, (u16)(s->avail | s->avail_wrap << 15)) ||
            !ring_store(q, s->device + EVENT_FLAGS, EVENT_DESC))
            return false;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return available(q);
}

/* A used descriptor has length and id first and its flags last; of several that are to be
 * seen together the first one's flags come at the end, in packed_publish(). */
void packed_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written)
{
    struct virtq_state *s = q->s;
    u16 at = s->used;
    u16 flags = (u16)((s->used_wrap ? DESC_AVAIL | DESC_USED : 0) | (written ? DESC_WRITE : 0));
    u8 body[6];

    le32_put(body, written);
    le16_put(body + 4, ticket->id);
    if (!dma_write(q->v->dev, desc_at(q, at) + 8, body, sizeof body)) {
        ring_error(q, "the ring is not in RAM");
        return;
    }
    if (q->filled == 0) {
        q->first = at;
        q->first_flags = flags;
    } else if (!ring_store(q, desc_at(q, at) + 14, flags)) {
        return;
    }
    advance(q, &s->used, &s->used_wrap, ticket->count);
    q->inflight = (u16)(q->inflight - ticket->count);
    q->fresh = (u16)(q->fresh + ticket->count);
    q->filled++;
}

void packed_publish(struct virtq *q)
{
    q->filled = 0;
    (void)!ring_store(q, desc_at(q, q->first) + 14, q->first_flags);
}

bool packed_signal_wanted(struct virtq *q)
{
    struct virtq_state *s = q->s;
    u16 flags, event, fresh = q->fresh;
    int at;

    q->fresh = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!ring_load(q, s->driver + EVENT_FLAGS, &flags) ||
        !ring_load(q, s->driver + EVENT_OFF_WRAP, &event))
        return false;
    if (flags != EVENT_DESC || !virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    at = event & 0x7fff;
    if (event >> 15 != s->used_wrap)
        at -= s->size;
    return (u16)(s->used - at - 1) < fresh;
}
