/*
 * virtio.c - see virtio.h.
 */
#include "dev/virtio/virtio.h"
#include "base/bits.h"
#include "base/bug.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Requests served in one callback: a bound on how long a notification holds a vCPU. */
enum { BUDGET = 256 };

const struct dev_class *virtio_class_find(const char *type, bool pci)
{
    char name[64];

    snprintf(name, sizeof name, "virtio-%s-%s", type, pci ? "pci" : "mmio");
    return dev_class_find(name);
}

/* --- requests --- */

bool virtio_queue_active(const struct virtio *v, unsigned n)
{
    return v->queue[n].s->ready && v->s->status & VIRTIO_DRIVER_OK &&
           !(v->s->status & VIRTIO_NEEDS_RESET);
}

struct virtq_chain *virtio_take(struct virtio *v, unsigned n)
{
    while (virtio_queue_active(v, n)) {
        if (virtq_pop(&v->queue[n], &v->chain))
            return &v->chain;
        if (!virtio_queue_active(v, n) || !virtq_wait(&v->queue[n]))
            break;
    }
    return NULL;
}

static void defer(struct virtio *v)
{
    if (!v->deferred)
        dev_defer(v->dev, v->transport->deferred);
    v->deferred = true;
}

struct virtq_chain *virtio_next(struct virtio *v, unsigned n)
{
    struct virtq *q = &v->queue[n];

    if (!virtio_queue_active(v, n))
        return NULL;
    if (q->budget == 0) {
        q->s->kicked = true;
        defer(v);
        return NULL;
    }
    q->budget--;
    return virtio_take(v, n);
}

struct virtq_chain *virtio_peek(struct virtio *v, unsigned n)
{
    struct virtq_chain *c = virtio_take(v, n);

    if (c)
        virtq_unpop(&v->queue[n], &c->ticket);
    return c;
}

void virtio_done(struct virtio *v, const struct virtq_ticket *ticket, u32 written)
{
    struct virtq *q = &v->queue[ticket->queue];

    virtq_push(q, ticket, written);
    virtq_publish(q);
}

void virtio_postpone(struct virtio *v, const struct virtq_ticket *ticket)
{
    virtq_unpop(&v->queue[ticket->queue], ticket);
    v->queue[ticket->queue].s->kicked = true;
}

void virtio_signal(struct virtio *v, unsigned n)
{
    if (virtio_queue_active(v, n) && virtq_signal_wanted(&v->queue[n]))
        v->transport->interrupt(v, (int)n);
}

void virtio_serve(struct virtio *v, unsigned n)
{
    if (!virtio_queue_active(v, n))
        return;
    v->queue[n].s->kicked = false;
    v->queue[n].budget = BUDGET;
    v->type->notify(v, n);
    virtio_signal(v, n);
}

void virtio_serve_kicked(struct virtio *v)
{
    v->deferred = false;
    for (unsigned n = 0; n < v->queue_count; n++)
        if (v->queue[n].s->kicked)
            virtio_serve(v, n);
}

/* A notification before DRIVER_OK is remembered (3.1.1: nothing is consumed before). */
void virtio_kick(struct virtio *v, u64 n)
{
    if (n >= v->queue_count) {
        dev_bad_access(v->dev, n, 4);
        return;
    }
    log_trace(virtio, "%s: queue %" PRIu64 " notified", v->dev->id, n);
    v->queue[n].s->kicked = true;
    if (v->type->later && virtio_queue_active(v, (unsigned)n) && v->type->later(v, (unsigned)n))
        defer(v);
    else
        virtio_serve(v, (unsigned)n);
}

/* --- events --- */

void virtio_error(struct virtio *v, const char *why)
{
    v->dev->guest_errors++;
    log_guest("%s: %s; the device needs a reset", v->dev->id, why);
    if (v->s->status & VIRTIO_NEEDS_RESET)
        return;
    v->s->status |= VIRTIO_NEEDS_RESET;
    if (v->s->status & VIRTIO_DRIVER_OK)
        v->transport->interrupt(v, -1);
}

void virtio_config_changed(struct virtio *v)
{
    v->s->config_generation++;
    if (v->s->status & VIRTIO_DRIVER_OK)
        v->transport->interrupt(v, -1);
}

/* --- life --- */

int virtio_init(struct virtio *v, struct device *d, const struct virtio_type *type,
                const struct virtio_transport *transport, const struct virtio_parts *parts,
                struct err *err)
{
    v->dev = d;
    v->type = type;
    v->transport = transport;
    v->s = parts->core;
    v->own = parts->own;
    v->own_size = parts->own_size;
    for (unsigned n = 0; n < parts->queue_room; n++)
        v->queue[n] = (struct virtq){ .s = &parts->queues[n], .v = v, .index = (u16)n };
    if (type->init) {
        int rc = type->init(v, err);

        if (rc)
            return rc;
    }
    v->queue_room = parts->queue_room;
    v->queue_count = type->queue_count(v);
    BUG_ON(v->queue_count > parts->queue_room || parts->queue_room > VIRTIO_QUEUES_MAX);
    for (unsigned n = 0; n < v->queue_count; n++)
        v->queue[n].size_max = type->queue_size;
    v->offered = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_INDIRECT_DESC |
                 1ull << VIRTIO_F_EVENT_IDX | (u64)v->packed << VIRTIO_F_RING_PACKED;
    if (type->features)
        v->offered |= type->features(v);
    return 0;
}

void virtio_fini(struct virtio *v)
{
    if (v->type && v->type->fini)
        v->type->fini(v);
}

static void drain(struct virtio *v)
{
    if (v->type->drain)
        v->type->drain(v);
}

/* Requests in flight write to guest memory: a reset is over when they are (2.4.2). Their
 * tickets are of the old generation, so that nothing of them reaches the rings. */
void virtio_reset(struct virtio *v)
{
    for (unsigned n = 0; n < v->queue_room; n++)
        v->queue[n].generation++;
    drain(v);
    if (v->type->reset)
        v->type->reset(v);
    for (unsigned n = 0; n < v->queue_room; n++)
        virtq_reset(&v->queue[n]);
    memset(v->s, 0, sizeof *v->s);
    if (v->own)
        memset(v->own, 0, v->own_size);
}

void virtio_update(struct virtio *v)
{
    if (v->type->update)
        v->type->update(v);
}

bool virtio_idle(struct virtio *v)
{
    return !v->type->idle || v->type->idle(v);
}

static bool queue_state_valid(const struct virtq *q)
{
    const struct virtq_state *s = q->s;
    bool packed = virtio_has(q->v, VIRTIO_F_RING_PACKED);

    if (q->size_max == 0) /* not of this device */
        return !s->ready && !s->kicked;
    if (s->size > VIRTQ_SIZE_MAX || (s->ready && !virtq_layout_valid(q)))
        return false;
    return !s->ready || !packed || (s->avail < s->size && s->used < s->size);
}

int virtio_check(struct virtio *v, struct err *err)
{
    if (v->s->status & VIRTIO_FEATURES_OK && v->s->driver_features & ~v->offered)
        return err_set(err, EINVAL,
                       "its driver uses features %#" PRIx64 " that are not offered "
                       "here",
                       v->s->driver_features & ~v->offered);
    for (unsigned n = 0; n < v->queue_room; n++)
        if (!queue_state_valid(&v->queue[n]))
            return err_set(err, EINVAL, "queue %u has no valid layout", n);
    return v->type->check ? v->type->check(v, err) : 0;
}

/* A refused state was put back: nothing is in flight in either case. */
void virtio_loaded(struct virtio *v)
{
    bool kicked = false;

    for (unsigned n = 0; n < v->queue_count; n++) {
        v->queue[n].inflight = v->queue[n].filled = v->queue[n].fresh = 0;
        v->queue[n].generation++;
        kicked |= v->queue[n].s->kicked && virtio_queue_active(v, n);
    }
    if (kicked)
        defer(v);
}

/* --- negotiation --- */

u32 virtio_device_features(const struct virtio *v)
{
    return v->s->device_features_sel < 2 ? (u32)(v->offered >> 32 * v->s->device_features_sel) : 0;
}

u32 virtio_driver_features(const struct virtio *v)
{
    if (v->s->driver_features_sel >= 2)
        return 0;
    return (u32)(v->s->driver_features >> 32 * v->s->driver_features_sel);
}

/* 2.2.2: no new features once FEATURES_OK is set. Bits that were not offered stay out, and
 * so does FEATURES_OK then: see features_acceptable(). */
void virtio_driver_features_set(struct virtio *v, u32 word)
{
    unsigned sel = v->s->driver_features_sel;

    if (v->s->status & VIRTIO_FEATURES_OK || sel >= 2) {
        if (word)
            dev_bad_access(v->dev, sel, 4);
        return;
    }
    v->s->driver_features = bits_put(v->s->driver_features, 32 * sel, 32, word);
}

static bool features_acceptable(const struct virtio *v)
{
    return !(v->s->driver_features & ~v->offered) && virtio_has(v, VIRTIO_F_VERSION_1);
}

/* 2.1: bits are only added, by writing 0 the device is reset. */
void virtio_status_set(struct virtio *v, u8 status)
{
    u8 before = v->s->status;

    if (status == 0) {
        virtio_reset(v);
        return;
    }
    status = (u8)((status & ~VIRTIO_NEEDS_RESET) | before);
    if (status & ~before & VIRTIO_FEATURES_OK && !features_acceptable(v)) {
        dev_bad_access(v->dev, status, 1);
        status &= (u8)~VIRTIO_FEATURES_OK;
    }
    if (status & ~before & VIRTIO_DRIVER_OK && !(status & VIRTIO_FEATURES_OK)) {
        dev_bad_access(v->dev, status, 1);
        status &= (u8)~VIRTIO_DRIVER_OK;
    }
    v->s->status = status;
    if (status & ~before & VIRTIO_DRIVER_OK)
        virtio_serve_kicked(v);
}

/* --- queue set-up --- */

struct virtq *virtio_queue_selected(struct virtio *v)
{
    return v->s->queue_sel < v->queue_count ? &v->queue[v->s->queue_sel] : NULL;
}

void virtio_queue_size_set(struct virtio *v, u32 size)
{
    struct virtq *q = virtio_queue_selected(v);

    if (!q || q->s->ready || size == 0 || size > q->size_max)
        dev_bad_access(v->dev, size, 2);
    else
        q->s->size = (u16)size;
}

void virtio_queue_address_set(struct virtio *v, u64 *address, unsigned half, u32 word)
{
    struct virtq *q = virtio_queue_selected(v);

    if (!q || q->s->ready)
        dev_bad_access(v->dev, half, 4);
    else
        *address = bits_put(*address, 32 * half, 32, word);
}

/* The features decide what the layout must be, so they come first (3.1.1). */
void virtio_queue_ready_set(struct virtio *v, bool ready)
{
    struct virtq *q = virtio_queue_selected(v);

    if (!q || (ready && !(v->s->status & VIRTIO_FEATURES_OK)) ||
        (ready && !q->s->ready && !virtq_layout_valid(q))) {
        dev_bad_access(v->dev, ready, 4);
        return;
    }
    if (ready && !q->s->ready)
        virtq_start(q);
    q->s->ready = ready;
    if (!ready) {
        q->generation++;
        drain(v);
    }
    if (ready && q->s->kicked)
        virtio_serve(v, q->index);
}

/* --- configuration space --- */

u64 virtio_config_read(struct virtio *v, u64 off, unsigned size)
{
    u8 config[VIRTIO_CONFIG_MAX + 8] = { 0 };

    BUG_ON(v->type->config_size > VIRTIO_CONFIG_MAX);
    if (off >= v->type->config_size)
        return dev_bad_access(v->dev, off, size);
    v->type->config(v, config);
    return le64_get(config + off) & bits_mask(8 * size);
}

void virtio_config_write(struct virtio *v, u64 off, u64 value, unsigned size)
{
    if (v->type->config_write && off + size <= v->type->config_size)
        v->type->config_write(v, (u32)off, (u32)value, size);
    else
        dev_bad_access(v->dev, off, size);
}

#define STATE_ROW_T struct virtio_state
STATE_LIST(virtio, VIRTIO_STATE, 1);
#undef STATE_ROW_T
