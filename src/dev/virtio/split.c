/*
 * split.c - the split virtqueue (virtio 1.2, 2.7).
 *
 *     desc     size × { u64 address, u32 length, u16 flags, u16 next }
 *     driver   u16 flags, u16 index, size × u16 head, u16 used_event
 *     device   u16 flags, u16 index, size × { u32 id, u32 length }, u16 avail_event
 *
 * Of a descriptor's a and b, a is the flags and b the next one.
 */
#include "base/bits.h"
#include "dev/virtio/ring.h"

enum { AVAIL_FLAGS = 0, AVAIL_INDEX = 2, AVAIL_RING = 4, AVAIL_NO_INTERRUPT = 1 };
enum { USED_INDEX = 2, USED_RING = 4 };

/* 2.7.5.3.1: an indirect table holds no further one, and is linked by next like the ring.
 * More steps than entries: a loop. */
static bool table_walk(struct virtq *q, struct virtq_chain *chain, const struct ring_desc *at)
{
    unsigned count = ring_table_read(q, at), i = 0;

    for (unsigned steps = 0; steps < count; steps++) {
        struct ring_desc d = { q->v->table[i].addr, q->v->table[i].len, q->v->table[i].a,
                               q->v->table[i].b };

        if (d.a & DESC_INDIRECT)
            return ring_error(q, "an indirect table names a further one");
        if (!ring_chain_add(q, chain, &d, d.a & DESC_WRITE))
            return false;
        if (!(d.a & DESC_NEXT))
            return true;
        i = d.b;
        if (i >= count)
            return ring_error(q, "an indirect descriptor's next is outside its table");
    }
    return count && ring_error(q, "an indirect chain is a loop");
}

static bool walk(struct virtq *q, struct virtq_chain *chain, u16 i)
{
    for (unsigned steps = 0; steps < q->s->size; steps++) {
        struct ring_desc d;

        if (i >= q->s->size)
            return ring_error(q, "a descriptor's number is outside the ring");
        if (!ring_desc_read(q, q->s->desc + 16ull * i, &d))
            return false;
        if (d.a & DESC_INDIRECT) {
            if (d.a & DESC_NEXT)
                return ring_error(q, "an indirect descriptor has a next one");
            return table_walk(q, chain, &d);
        }
        if (!ring_chain_add(q, chain, &d, d.a & DESC_WRITE))
            return false;
        if (!(d.a & DESC_NEXT))
            return true;
        i = d.b;
    }
    return ring_error(q, "a chain is a loop");
}

bool split_pop(struct virtq *q, struct virtq_chain *chain)
{
    struct virtq_state *s = q->s;
    u16 index, head;

    if (!ring_load(q, s->driver + AVAIL_INDEX, &index) || index == s->avail)
        return false;
    if ((u16)(index - s->avail) > s->size || q->inflight >= s->size)
        return ring_error(q, "more requests than descriptors");
    if (!ring_load(q, s->driver + AVAIL_RING + 2ull * (s->avail % s->size), &head) ||
        !walk(q, chain, head))
        return false;
    chain->ticket.id = head;
    chain->ticket.count = 1;
    s->avail++;
    q->inflight++;
    return true;
}

/* 2.7.7.1: notify when the available index passes avail_event. The driver may have added
 * one between our last look and this: the fence orders the store before the second look. */
bool split_wait(struct virtq *q)
{
    struct virtq_state *s = q->s;
    u16 index;

    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        if (!ring_store(q, s->device + USED_RING + 8ull * s->size, s->avail))
            return false;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return ring_load(q, s->driver + AVAIL_INDEX, &index) && index != s->avail;
}

void split_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written)
{
    struct virtq_state *s = q->s;
    u16 slot = (u16)(s->used + q->filled) % s->size;
    u8 element[8];

    le32_put(element, ticket->id);
    le32_put(element + 4, written);
    if (!dma_write(q->v->dev, s->device + USED_RING + 8ull * slot, element, sizeof element)) {
        ring_error(q, "the used ring is not in RAM");
        return;
    }
    q->inflight--;
    q->filled++;
}

void split_publish(struct virtq *q)
{
    q->s->used = (u16)(q->s->used + q->filled);
    q->fresh = (u16)(q->fresh + q->filled);
    q->filled = 0;
    (void)!ring_store(q, q->s->device + USED_INDEX, q->s->used);
}

/* 2.7.7.2 and 2.7.10: with event index, when used_event was passed since the last time. */
bool split_signal_wanted(struct virtq *q)
{
    struct virtq_state *s = q->s;
    u16 v, fresh = q->fresh;

    q->fresh = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return ring_load(q, s->driver + AVAIL_RING + 2ull * s->size, &v) &&
               (u16)(s->used - v - 1) < fresh;
    return ring_load(q, s->driver + AVAIL_FLAGS, &v) && !(v & AVAIL_NO_INTERRUPT);
}
