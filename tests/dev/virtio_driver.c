/*
 * virtio_driver.c - see virtio_driver.h.
 */
#include "virtio_driver.h"
#include "base/bits.h"
#include "base/bug.h"
#include "virtio_driver_pci.h"
#include <stdlib.h>
#include <string.h>

const struct vdrv_way vdrv_ways[4] = {
    { "mmio, split", false, false },
    { "mmio, packed", false, true },
    { "pci, split", true, false },
    { "pci, packed", true, true },
};

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 1 << 7, USED = 1 << 15 };

/* --- registers --- */

/* One register on both transports: offset and width over MMIO, and in the common structure. */
struct reg {
    u16 mmio, pci;
    u8 pci_size;
};
static const struct reg DEVICE_FEATURES_SEL = { 0x14, 0, 4 }, DEVICE_FEATURES = { 0x10, 4, 4 },
                        DRIVER_FEATURES_SEL = { 0x24, 8, 4 }, DRIVER_FEATURES = { 0x20, 12, 4 },
                        STATUS = { 0x70, 20, 1 }, QUEUE_SEL = { 0x30, 22, 2 },
                        QUEUE_SIZE = { 0x38, 24, 2 }, QUEUE_READY = { 0x44, 28, 2 },
                        DESC_LOW = { 0x80, 32, 4 }, DESC_HIGH = { 0x84, 36, 4 },
                        DRIVER_LOW = { 0x90, 40, 4 }, DRIVER_HIGH = { 0x94, 44, 4 },
                        DEVICE_LOW = { 0xa0, 48, 4 }, DEVICE_HIGH = { 0xa4, 52, 4 };

static u64 get(struct vdrv *v, struct reg r)
{
    u64 x = 0;

    if (!v->way.pci)
        return dev_read(v->d, 0, r.mmio, 4);
    BUG_ON(!mem_map_io_read(v->h->map, v->common + r.pci, r.pci_size, &x));
    return x;
}

static void set(struct vdrv *v, struct reg r, u64 x)
{
    if (!v->way.pci)
        dev_write(v->d, 0, r.mmio, x, 4);
    else
        BUG_ON(!mem_map_io_write(v->h->map, v->common + r.pci, r.pci_size, x));
}

u8 vdrv_status(struct vdrv *v)
{
    return (u8)get(v, STATUS);
}

void vdrv_status_set(struct vdrv *v, u8 status)
{
    set(v, STATUS, status);
}

u64 vdrv_offered(struct vdrv *v)
{
    u64 low;

    set(v, DEVICE_FEATURES_SEL, 0);
    low = get(v, DEVICE_FEATURES);
    set(v, DEVICE_FEATURES_SEL, 1);
    return low | get(v, DEVICE_FEATURES) << 32;
}

u64 vdrv_generation(struct vdrv *v)
{
    u64 x = 0;

    if (!v->way.pci)
        return dev_read(v->d, 0, 0xfc, 4);
    BUG_ON(!mem_map_io_read(v->h->map, v->common + 0x15, 1, &x));
    return x;
}

u64 vdrv_config(struct vdrv *v, u64 off, unsigned size)
{
    u64 x = 0;

    if (!v->way.pci)
        return dev_read(v->d, 0, 0x100 + off, size);
    BUG_ON(!mem_map_io_read(v->h->map, v->config + off, size, &x));
    return x;
}

void vdrv_config_set(struct vdrv *v, u64 off, u64 value, unsigned size)
{
    if (!v->way.pci)
        dev_write(v->d, 0, 0x100 + off, value, size);
    else
        BUG_ON(!mem_map_io_write(v->h->map, v->config + off, size, value));
}

bool vdrv_interrupted(struct vdrv *v, u8 *isr)
{
    bool line = fake_irq(v->h, 0) || fake_irq(v->h, 1) || fake_irq(v->h, 2) || fake_irq(v->h, 3);
    u64 x = 0;

    if (v->way.pci) {
        BUG_ON(!mem_map_io_read(v->h->map, v->isr, 1, &x));
    } else {
        x = dev_read(v->d, 0, 0x60, 4);
        dev_write(v->d, 0, 0x64, x, 4);
    }
    if (isr)
        *isr = (u8)x;
    return line;
}

void vdrv_kick(struct vdrv *v, unsigned n)
{
    v->ring[n].kicked = v->ring[n].added;
    if (v->way.pci)
        BUG_ON(!mem_map_io_write(v->h->map, v->notify + 4 * n, 2, n));
    else
        dev_write(v->d, 0, 0x50, n, 4);
}

/* --- guest memory --- */

gpa_t vdrv_alloc(struct vdrv *v, u64 len)
{
    gpa_t at = v->free;

    v->free += (len + 15) & ~15ull;
    BUG_ON(v->free > FAKE_RAM_AT + FAKE_RAM_SIZE);
    memset(vdrv_host(v, at), 0, len);
    return at;
}

void *vdrv_host(struct vdrv *v, gpa_t at)
{
    BUG_ON(at < FAKE_RAM_AT || at >= FAKE_RAM_AT + FAKE_RAM_SIZE);
    return v->h->ram->host + (at - FAKE_RAM_AT);
}

static u16 load16(struct vdrv *v, gpa_t at)
{
    return le16_get(vdrv_host(v, at));
}

static void store16(struct vdrv *v, gpa_t at, u16 x)
{
    le16_put(vdrv_host(v, at), x);
}

/* --- life --- */

void vdrv_open(struct vdrv *v, struct fake_host *h, const char *type, struct vdrv_way way,
               const struct dev_setting *extra, unsigned extra_count)
{
    const struct dev_class *cls = virtio_class_find(type, way.pci);
    struct dev_setting s[DEV_MAX_PROPS];
    unsigned count;

    memset(v, 0, sizeof *v);
    BUG_ON(!cls);
    count = fake_settings(h, cls, s);
    for (unsigned i = 0; i < extra_count; i++)
        s[count++] = extra[i];
    s[count++] = (struct dev_setting){ "packed", way.packed ? "on" : "off", NULL };
    v->h = h;
    v->way = way;
    v->free = FAKE_RAM_AT + 0x1000;
    v->d = fake_device(h, cls, s, count);
    if (way.pci)
        vdrv_pci_find(v);
}

void vdrv_close(struct vdrv *v)
{
    fake_device_free(v->h, v->d);
}

void vdrv_reload(struct vdrv *v)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    struct dev_setting s[DEV_MAX_PROPS];
    const struct dev_class *cls = v->d->cls;
    unsigned count = fake_settings(v->h, cls, s);
    u8 *bytes = NULL;
    size_t size = 0;

    s[count++] = (struct dev_setting){ "packed", v->way.packed ? "on" : "off", NULL };
    dev_save(v->d, w);
    fake_device_free(v->h, v->d);
    v->d = fake_device(v->h, cls, s, count);
    BUG_ON(state_writer_memory(w, &bytes, &size, &err) ||
           state_reader_open_memory(bytes, size, &r, &err) || dev_load(v->d, r, &err));
    state_reader_free(r);
    state_writer_free(w);
    free(bytes);
}

bool vdrv_negotiate(struct vdrv *v, u64 want)
{
    want |= 1ull << VIRTIO_F_VERSION_1 | (u64)v->way.packed << VIRTIO_F_RING_PACKED;
    vdrv_status_set(v, 0);
    vdrv_status_set(v, VIRTIO_ACKNOWLEDGE);
    vdrv_status_set(v, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    v->features = vdrv_offered(v) & want;
    set(v, DRIVER_FEATURES_SEL, 0);
    set(v, DRIVER_FEATURES, (u32)v->features);
    set(v, DRIVER_FEATURES_SEL, 1);
    set(v, DRIVER_FEATURES, v->features >> 32);
    vdrv_status_set(v, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    return vdrv_status(v) & VIRTIO_FEATURES_OK;
}

bool vdrv_queue_at(struct vdrv *v, unsigned n, u16 size, gpa_t desc, gpa_t driver, gpa_t device)
{
    set(v, QUEUE_SEL, n);
    set(v, QUEUE_SIZE, size);
    set(v, DESC_LOW, (u32)desc), set(v, DESC_HIGH, desc >> 32);
    set(v, DRIVER_LOW, (u32)driver), set(v, DRIVER_HIGH, driver >> 32);
    set(v, DEVICE_LOW, (u32)device), set(v, DEVICE_HIGH, device >> 32);
    set(v, QUEUE_READY, 1);
    return get(v, QUEUE_READY);
}

void vdrv_queue(struct vdrv *v, unsigned n, u16 size)
{
    struct vdrv_ring *r = &v->ring[n];

    memset(r, 0, sizeof *r);
    r->size = size ? size : VDRV_SIZE;
    BUG_ON(r->size > VDRV_SIZE);
    r->desc = vdrv_alloc(v, 16ull * r->size);
    r->driver = vdrv_alloc(v, 6 + 2ull * r->size);
    r->device = vdrv_alloc(v, 6 + 8ull * r->size);
    r->add_wrap = r->see_wrap = true;
    vdrv_queue_at(v, n, r->size, r->desc, r->driver, r->device);
}

bool vdrv_up(struct vdrv *v, u64 want, unsigned queues, u16 size)
{
    if (!vdrv_negotiate(v, want))
        return false;
    for (unsigned n = 0; n < queues; n++)
        vdrv_queue(v, n, size);
    vdrv_status_set(v, vdrv_status(v) | VIRTIO_DRIVER_OK);
    return !(vdrv_status(v) & VIRTIO_NEEDS_RESET);
}

/* --- adding --- */

static void desc_put(struct vdrv *v, gpa_t at, u64 addr, u32 len, u16 a, u16 b)
{
    u8 *p = vdrv_host(v, at);

    le64_put(p, addr);
    le32_put(p + 8, len);
    le16_put(p + 12, a);
    le16_put(p + 14, b);
}

/* An indirect table of the buffers; returns where. */
static gpa_t table(struct vdrv *v, const struct vdrv_buf *bufs, unsigned count)
{
    gpa_t at = vdrv_alloc(v, 16ull * count);

    for (unsigned i = 0; i < count; i++) {
        u16 flags = bufs[i].in ? WRITE : 0;

        if (v->way.packed)
            desc_put(v, at + 16 * i, bufs[i].at, bufs[i].len, 0, flags);
        else
            desc_put(v, at + 16 * i, bufs[i].at, bufs[i].len,
                     (u16)(flags | (i + 1 < count ? NEXT : 0)), (u16)(i + 1));
    }
    return at;
}

static u16 split_add(struct vdrv *v, struct vdrv_ring *r, const struct vdrv_buf *bufs,
                     unsigned count, u16 extra)
{
    u16 head = r->next_free;

    for (unsigned i = 0; i < count; i++) {
        u16 here = r->next_free, next = (u16)(here + 1) % r->size;
        u16 flags = (u16)((bufs[i].in ? WRITE : 0) | (i + 1 < count ? NEXT : 0) | extra);

        desc_put(v, r->desc + 16ull * here, bufs[i].at, bufs[i].len, flags, next);
        r->next_free = next;
    }
    store16(v, r->driver + 4 + 2ull * (r->added % r->size), head);
    store16(v, r->driver + 2, ++r->added);
    return head;
}

static u16 packed_add(struct vdrv *v, struct vdrv_ring *r, const struct vdrv_buf *bufs,
                      unsigned count, u16 extra)
{
    u16 id = r->next_free, first = r->added, first_flags = 0;

    r->next_free = (u16)(id + 1) % r->size;
    r->count[id] = (u16)count;
    for (unsigned i = 0; i < count; i++) {
        gpa_t at = r->desc + 16ull * r->added;
        u16 flags = (u16)((bufs[i].in ? WRITE : 0) | (i + 1 < count ? NEXT : 0) | extra |
                          (r->add_wrap ? AVAIL : USED));

        desc_put(v, at, bufs[i].at, bufs[i].len, id, i ? flags : load16(v, at + 14));
        if (i == 0)
            first_flags = flags;
        if (++r->added == r->size) {
            r->added = 0;
            r->add_wrap = !r->add_wrap;
        }
    }
    store16(v, r->desc + 16ull * first + 14, first_flags);
    return id;
}

u16 vdrv_add(struct vdrv *v, unsigned n, const struct vdrv_buf *bufs, unsigned count, bool indirect)
{
    struct vdrv_buf one = { 0, 16 * count, false };

    if (indirect) {
        one.at = table(v, bufs, count);
        bufs = &one;
        count = 1;
    }
    return (v->way.packed ? packed_add : split_add)(v, &v->ring[n], bufs, count,
                                                    indirect ? INDIRECT : 0);
}

/* --- used --- */

static bool split_get(struct vdrv *v, struct vdrv_ring *r, u16 *id, u32 *len)
{
    u8 *e = vdrv_host(v, r->device + 4 + 8ull * (r->seen % r->size));

    if (load16(v, r->device + 2) == r->seen)
        return false;
    r->seen++;
    *id = (u16)le32_get(e);
    *len = le32_get(e + 4);
    return true;
}

static bool packed_get(struct vdrv *v, struct vdrv_ring *r, u16 *id, u32 *len)
{
    u8 *e = vdrv_host(v, r->desc + 16ull * r->seen);
    u16 flags = le16_get(e + 14);

    if (!(flags & AVAIL) != !r->see_wrap || !(flags & USED) != !r->see_wrap)
        return false;
    *id = le16_get(e + 12);
    *len = le32_get(e + 8);
    BUG_ON(*id >= r->size);
    r->seen = (u16)(r->seen + r->count[*id]);
    if (r->seen >= r->size) {
        r->seen = (u16)(r->seen - r->size);
        r->see_wrap = !r->see_wrap;
    }
    return true;
}

bool vdrv_get(struct vdrv *v, unsigned n, u16 *id, u32 *len)
{
    return (v->way.packed ? packed_get : split_get)(v, &v->ring[n], id, len);
}

bool vdrv_request(struct vdrv *v, unsigned n, const struct vdrv_buf *bufs, unsigned count,
                  bool indirect, u32 *len)
{
    u16 id = vdrv_add(v, n, bufs, count, indirect), got;
    u32 l;

    vdrv_kick(v, n);
    fake_settle(v->h);
    return vdrv_get(v, n, &got, len ? len : &l) && got == id;
}

/* --- suppression --- */

static bool event_idx(const struct vdrv *v)
{
    return v->features >> VIRTIO_F_EVENT_IDX & 1;
}

bool vdrv_kick_wanted(struct vdrv *v, unsigned n)
{
    struct vdrv_ring *r = &v->ring[n];
    u16 event, flags;

    if (!v->way.packed) {
        if (!event_idx(v))
            return !(load16(v, r->device) & 1);
        event = load16(v, r->device + 4 + 8ull * r->size);
        return (u16)(r->added - event - 1) < (u16)(r->added - r->kicked);
    }
    flags = load16(v, r->device + 2);
    if (flags != 2)
        return flags == 0;
    /* Not a whole round since the last kick: the wrap counter is left out. */
    event = load16(v, r->device) & 0x7fff;
    return (event + r->size - r->kicked) % r->size < (r->added + r->size - r->kicked) % r->size;
}

void vdrv_interrupts_off(struct vdrv *v, unsigned n)
{
    struct vdrv_ring *r = &v->ring[n];

    if (v->way.packed)
        store16(v, r->driver + 2, 1);
    else
        store16(v, r->driver, 1);
}

void vdrv_interrupt_after(struct vdrv *v, unsigned n, u16 more)
{
    struct vdrv_ring *r = &v->ring[n];
    unsigned at = r->seen + more;
    bool wrap = r->see_wrap;

    if (!v->way.packed) {
        store16(v, r->driver + 4 + 2ull * r->size, (u16)at);
        return;
    }
    if (at >= r->size) {
        at -= r->size;
        wrap = !wrap;
    }
    store16(v, r->driver, (u16)(at | (unsigned)wrap << 15));
    store16(v, r->driver + 2, 2);
}
