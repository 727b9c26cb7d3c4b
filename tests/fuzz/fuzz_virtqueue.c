/*
 * fuzz_virtqueue.c - live virtqueues whose rings, tables and buffers hold arbitrary bytes.
 *
 * First byte: device type and way (ring, transport). Second: features. Then operations, the
 * first byte of each saying which: bytes written over ring memory, indices moved on, a
 * notification, a frame or typed bytes from outside, the host held back, a fresh start.
 * Whatever comes, nothing is left in flight in the end and a reset heals the device.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_net.h"
#include "dev/virtio_driver.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    RING_SIZE = 8,
    QUEUES = 3,   /* a card's third is for control; others have none */
    AREA = 0x1000 /* of rings and buffers, from the driver's start */
};

struct run {
    struct fake_host h;
    struct vdrv v;
    gpa_t area;
    const u8 *at, *end;
};

static u8 take(struct run *r)
{
    return r->at < r->end ? *r->at++ : 0;
}

static void start(struct run *r, u8 features)
{
    r->v.free = r->area;
    vdrv_up(&r->v,
            (u64)(features & 1) << VIRTIO_F_EVENT_IDX |
                (u64)(features >> 1 & 1) << VIRTIO_F_INDIRECT_DESC |
                (u64)(features >> 2 & 1) << NET_F_MRG_RXBUF |
                (features & 8
                     ? 1ull << NET_F_CTRL_VQ | 1 << NET_F_CTRL_RX | 1 << NET_F_CTRL_RX_EXTRA |
                           1 << NET_F_CTRL_MAC_ADDR | 1 << NET_F_CTRL_GUEST_OFFLOADS
                     : 0) |
                (features & 16 ? 1ull << NET_F_CSUM | 1 << NET_F_HOST_TSO4 | 1 << NET_F_GUEST_CSUM |
                                     1 << NET_F_GUEST_TSO4
                               : 0),
            QUEUES, RING_SIZE);
}

/* Bytes go anywhere in the area; a descriptor's address is helped to be one in RAM. */
static void scribble(struct run *r)
{
    unsigned off = take(r) | (unsigned)(take(r) & 15) << 8, len = take(r) % 64;
    u8 *area = vdrv_host(&r->v, r->area);

    for (unsigned i = 0; i < len && off + i < AREA; i++)
        area[off + i] = take(r);
}

static void descriptor(struct run *r)
{
    struct vdrv_ring *ring = &r->v.ring[take(r) % QUEUES];
    u8 *d = vdrv_host(&r->v, ring->desc + 16ull * (take(r) % RING_SIZE));
    u16 place = (u16)(take(r) | take(r) << 8);

    le64_put(d, place == 0xffff ? take(r) * 0x0123456789abcdefull
                                : FAKE_RAM_AT + (place & 0xfff) + (place & 0x1000 ? AREA : 0));
    le32_put(d + 8, take(r) | (u32)take(r) << 8);
    le16_put(d + 12, take(r));
    le16_put(d + 14, (u16)(take(r) | take(r) << 8));
}

/* Split: the available index; packed: flags of all descriptors made available. */
static void advance(struct run *r)
{
    struct vdrv_ring *ring = &r->v.ring[take(r) % QUEUES];
    u8 *index = (u8 *)vdrv_host(&r->v, ring->driver) + 2, by = take(r) % (RING_SIZE + 2);

    if (!r->v.way.packed) {
        le16_put(index, (u16)(le16_get(index) + by));
        return;
    }
    for (unsigned i = 0; i < RING_SIZE; i++) {
        u8 *flags = (u8 *)vdrv_host(&r->v, ring->desc + 16 * i) + 14;

        le16_put(flags, (u16)((le16_get(flags) & 0x7f7f) | (by & 1 ? 1 << 7 : 1 << 15)));
    }
}

static void outside(struct run *r)
{
    static const u8 bytes[300] = { 1, 2, 3 };
    size_t len = 14 + take(r);
    const struct net_header h = { .flags = len & 1, .gso_type = len >> 1 & 1 };

    fake_type(&r->h, bytes, len % 32);
    dev_domain_lock(r->h.domain);
    fake_net_deliver_on(&r->h.net, 0, &h, bytes, len);
    dev_domain_unlock(r->h.domain);
    r->h.chardev.out_len = 0;
    r->h.net.sent = 0;
    r->h.msi_count = 0;
}

static void step(struct run *r, u8 features)
{
    switch (take(r) % 8) {
    case 0: scribble(r); break;
    case 1:
    case 2: descriptor(r); break;
    case 3: advance(r); break;
    case 4:
    case 5:
        vdrv_kick(&r->v, take(r) % QUEUES);
        fake_settle(&r->h);
        break;
    case 6: outside(r); break;
    default:
        if (take(r) < 0x20)
            start(r, features);
        else
            r->h.disk_held = take(r) & 1;
        break;
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const char *const types[] = { "blk", "console", "net", "rng" };
    struct run *r = calloc(1, sizeof *r);
    u8 how, features;

    if (!r)
        abort();
    r->at = data;
    r->end = data + size;
    how = take(r);
    features = take(r);
    fake_host_init(&r->h);
    vdrv_open(&r->v, &r->h, types[how & 3], vdrv_ways[how >> 2 & 3], NULL, 0);
    r->area = FAKE_RAM_AT;
    start(r, features);
    while (r->at < r->end)
        step(r, features);
    r->h.disk_held = false;
    fake_drain(&r->h, r->v.d);
    vdrv_status_set(&r->v, 0);
    if (!dev_idle(r->v.d) || vdrv_status(&r->v) != 0)
        abort();
    vdrv_close(&r->v);
    fake_host_fini(&r->h);
    free(r);
    return 0;
}
