/*
 * traffic_virtio.c - see traffic_virtio.h.
 */
#include "traffic_virtio.h"
#include "base/bits.h"
#include "dev/pci/pci.h"
#include "dev/virtio/virtio.h"
#include "dev/virtio/virtio_net.h"

enum {
    RINGS = 0x1000,
    RING_STEP = 0x1000,
    DRIVER = 0x400,
    DEVICE = 0x600,
    NOTES = 0x800,
    BUFFERS = 0x8000,
    CONTROL = 0xd000, /* a card's control request */
    SIZE = 16,
    QUEUES = 2 /* and one for control */
};

static bool is_net(const struct device *d)
{
    return strncmp(d->cls->name, "virtio-net-", 11) == 0;
}

static bool is_vsock(const struct device *d)
{
    return strncmp(d->cls->name, "virtio-vsock-", 13) == 0;
}

/* Several pairs or one: the control queue is another. */
static unsigned control_queue(const struct fake_host *h)
{
    return h->ram->host[RINGS + QUEUES * RING_STEP + NOTES] & 2 ? 2 * TRAFFIC_NET_PAIRS : 2;
}

bool traffic_virtio_is(const struct dev_class *cls)
{
    return strncmp(cls->name, "virtio-", 7) == 0;
}

struct reg {
    u16 mmio, pci;
    u8 pci_size;
};

/* The registers are region 0's over MMIO, and the common structure is at its start over PCI. */
static void set(struct device *d, struct reg r, u64 v)
{
    if (d->cls->pci)
        dev_write(d, 0, r.pci, v, r.pci_size);
    else
        dev_write(d, 0, r.mmio, v, 4);
}

static void queue_up(struct device *d, unsigned n, gpa_t at)
{
    static const struct reg address[] = { { 0x80, 32, 4 }, { 0x84, 36, 4 }, { 0x90, 40, 4 },
                                          { 0x94, 44, 4 }, { 0xa0, 48, 4 }, { 0xa4, 52, 4 } };
    const gpa_t place[] = { at, at + DRIVER, at + DEVICE };

    set(d, (struct reg){ 0x30, 22, 2 }, n);
    set(d, (struct reg){ 0x38, 24, 2 }, SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(address); i++)
        set(d, address[i], place[i / 2] >> 32 * (i % 2));
    set(d, (struct reg){ 0x44, 28, 2 }, 1);
}

/* Three vectors with addresses of their own, one of them perhaps masked; MSI-X on. */
static void msix_up(struct fake_host *h, struct device *d, unsigned masked)
{
    u64 config = (u64)d->requester << 12, cap = dev_read(h->pci, 0, config + PCI_CAPABILITIES, 1);

    for (u64 n = 0; n < 3; n++) {
        const u32 entry[] = { 0x28000000 + 0x1000 * (u32)n, 0, 0x100 + (u32)n, n == masked };

        for (unsigned i = 0; i < 4; i++)
            dev_write(d, 0, 0x4000 + 16 * n + 4 * i, entry[i], 4);
        if (n == 0) {
            dev_write(d, 0, 16, 0, 2);
            continue;
        }
        dev_write(d, 0, 22, n - 1, 2);
        dev_write(d, 0, 26, n, 2);
    }
    while (cap && dev_read(h->pci, 0, config + cap, 1) != PCI_CAP_MSIX)
        cap = dev_read(h->pci, 0, config + cap + 1, 1);
    dev_write(h->pci, 0, config + cap + 2, 0x8000, 2);
}

static void up(struct fake_host *h, struct device *d, u8 how)
{
    static const u8 status[] = { 0, 1, 3 };
    u64 features = 1ull << VIRTIO_F_VERSION_1 | (u64)(how >> 3 & 1) << VIRTIO_F_EVENT_IDX |
                   (u64)(how >> 4 & 1) << VIRTIO_F_INDIRECT_DESC |
                   (u64)(how >> 5 & 1) << 15 /* mergeable buffers */ |
                   (u64)(how >> 6 & 1) << VIRTIO_F_RING_PACKED;

    if (is_net(d))
        features |= (u64)(how >> 2 & 1) << NET_F_MQ | 1 << NET_F_CSUM | 1 << NET_F_GUEST_CSUM |
                    1 << NET_F_GUEST_TSO4 | 1 << NET_F_GUEST_TSO6 | 1 << NET_F_CTRL_VQ |
                    1 << NET_F_CTRL_GUEST_OFFLOADS | 1 << NET_F_CTRL_RX | 1 << NET_F_CTRL_RX_EXTRA |
                    1 << NET_F_CTRL_MAC_ADDR;
    if (d->cls->pci)
        fake_pci_enable(h, d);
    memset(h->ram->host + RINGS, 0, (QUEUES + 1) * RING_STEP);
    h->ram->host[RINGS + QUEUES * RING_STEP + NOTES] = (u8)(how >> 6 & 1) | (how >> 1 & 2);
    for (unsigned i = 0; i < ARRAY_SIZE(status); i++)
        set(d, (struct reg){ 0x70, 20, 1 }, status[i]);
    for (unsigned sel = 0; sel < 2; sel++) {
        set(d, (struct reg){ 0x24, 8, 4 }, sel);
        set(d, (struct reg){ 0x20, 12, 4 }, (u32)(features >> 32 * sel));
    }
    set(d, (struct reg){ 0x70, 20, 1 }, 11);
    if (d->cls->pci && (how & 0x84) == 0x84)
        msix_up(h, d, how >> 3 & 3);
    for (unsigned n = 0; n < QUEUES; n++)
        queue_up(d, n, FAKE_RAM_AT + RINGS + n * RING_STEP);
    if (is_net(d))
        queue_up(d, control_queue(h), FAKE_RAM_AT + RINGS + QUEUES * RING_STEP);
    set(d, (struct reg){ 0x70, 20, 1 }, 15);
}

static void notify(struct device *d, unsigned n)
{
    if (d->cls->pci)
        dev_write(d, 0, 0x3000 + 4 * n, n, 2);
    else
        dev_write(d, 0, 0x50, n, 4);
}

static u64 next(u64 *random)
{
    return *random = *random * 6364136223846793005 + 1442695040888963407;
}

/* A packet of the guest to the host, mostly: addresses, ports, length, type and operation. */
static void packet(u8 *at, u64 r)
{
    memset(at, 0, 44);
    le64_put(at, r & 15 ? 3 : r);
    le64_put(at + 8, r >> 4 & 15 ? 2 : r);
    le32_put(at + 16, r >> 8 & 1);
    le32_put(at + 20, (r & 0x800 ? 0x40000000 : 0) | (r >> 12 & 1));
    le32_put(at + 24, r & 0x4000 ? r >> 15 & 0xff : 0);
    le16_put(at + 28, r >> 25 & 7 ? 1 : 2);
    le16_put(at + 30, r >> 28 & 7);
    le32_put(at + 32, r >> 31 & 3);
    le32_put(at + 36, r >> 33 & 0xff);
}

/* Three descriptors: mostly of sound buffers, sometimes of anything. next: split rings'. */
static void request(const struct device *d, u8 *ring, u8 *ram, unsigned first, bool packed,
                    unsigned wrap, u64 *random)
{
    for (unsigned i = 0; i < 3; i++) {
        u8 *desc = ring + 16 * ((first + i) % SIZE);
        u64 r = next(random) >> 8;
        u16 flags = (u16)((r >> 30 & 31 ? 0 : r >> 35 & 7) | (i < 2) | (i > 0 ? 2 : 0));

        if (packed && first + i == SIZE)
            wrap ^= 1;
        le64_put(desc, r % 61 == 0 ? r : FAKE_RAM_AT + BUFFERS + r % 0x4000);
        le32_put(desc + 8, i == 0 && r & 1 ? 16 : 1 + (u32)(r >> 16 & 0x3ff));
        le16_put(desc + 12, packed ? (u16)first : flags);
        le16_put(desc + 14,
                 packed ? (u16)(flags | (wrap ? 1 << 7 : 1 << 15)) : (u16)((first + i + 1) % SIZE));
        if (i == 0 && r % 61 && is_vsock(d)) {
            packet(ram + BUFFERS + r % 0x4000, next(random) >> 16);
            le32_put(desc + 8, (u32)(44 + (r & 1 ? r >> 16 & 0x3ff : 0)));
        } else if (i == 0 && r % 61) /* a disk request's header */
            le64_put(ram + BUFFERS + r % 0x4000, r >> 40 & 15);
    }
}

/* NOTES: what the driver remembers, whether the rings are packed and how many requests were
 * added to this one. */
void traffic_virtio_drive(struct fake_host *h, struct device *d, u8 how, unsigned count, u64 random)
{
    unsigned n = how >> 1 & 1;
    u8 *ram = h->ram->host, *ring = ram + RINGS + n * RING_STEP;
    bool packed;
    u16 index;

    if (!(how & 1)) {
        up(h, d, how);
        for (unsigned i = 0; i < QUEUES; i++)
            ram[RINGS + i * RING_STEP + NOTES] = how >> 6 & 1;
    }
    packed = ring[NOTES] & 1;
    index = le16_get(ring + DRIVER + 2);
    if (packed)
        index = le16_get(ring + NOTES + 2);
    for (unsigned i = 0; i < count; i++, index++) {
        unsigned first = index * 3u % SIZE;

        request(d, ring, ram, first, packed, !(index * 3u / SIZE & 1), &random);
        if (!packed)
            le16_put(ring + DRIVER + 4 + 2 * (index % SIZE), (u16)first);
    }
    le16_put(ring + (packed ? NOTES + 2 : DRIVER + 2), index);
    notify(d, n);
}

/* --- a network card's control queue --- */

/* A table of addresses of one byte each; one of four is of more than a card has room for. */
static u8 *table(u8 *at, u64 r)
{
    u32 count = (r & 3) == 3 ? NET_TABLE_MAX + 1 : r & 3;

    le32_put(at, count);
    for (u32 i = 0; i < count; i++)
        memset(at + 4 + NET_MAC_SIZE * i, (int)(0x20 + (r >> (3 + 2 * i % 61) & 7)), NET_MAC_SIZE);
    return at + 4 + NET_MAC_SIZE * count;
}

/* Writes a command; returns its end. */
static u8 *command(u8 *at, u64 r)
{
    static const u8 classes[] = { 0, 0, 1, 1, 4, 5, 4, 0 };
    unsigned kind = (unsigned)(r % ARRAY_SIZE(classes));

    r /= ARRAY_SIZE(classes);
    at[0] = classes[kind];
    at[1] = 0;
    at += 2;
    switch (kind) {
    case 0: /* a mode; otherwise not promiscuous */
        at[-1] = (u8)(r % 6);
        *at++ = r >> 8 & 1;
        return at;
    case 1:
    case 7: *at++ = 0; return at;
    case 2: return table(table(at, r), r >> 16);
    case 3:
        at[-1] = 1;
        memset(at, (int)(0x20 + (r & 6)), NET_MAC_SIZE);
        return at + NET_MAC_SIZE;
    case 4:
    case 6: le16_put(at, (u16)(r % (TRAFFIC_NET_PAIRS + 1))); return at + 2;
    default: le64_put(at, r & 0x182); return at + 8; /* GUEST_CSUM, _TSO4, _TSO6 */
    }
}

void traffic_virtio_control(struct fake_host *h, struct device *d, u64 random)
{
    u8 *ram = h->ram->host, *ring = ram + RINGS + QUEUES * RING_STEP;
    bool packed = ring[NOTES] & 1;
    u16 index = le16_get(ring + (packed ? NOTES + 2 : DRIVER + 2));
    unsigned first = index * 2u % SIZE, n = control_queue(h);
    u16 state = !(index * 2u / SIZE & 1) ? 1 << 7 : 1 << 15;
    u8 *end;

    if (!is_net(d))
        return;
    end = command(ram + CONTROL, random);
    for (unsigned i = 0; i < 2; i++) {
        u8 *desc = ring + 16 * (first + i);
        u16 flags = i ? 2 : 1;

        le64_put(desc, FAKE_RAM_AT + CONTROL + (i ? 0x800u : 0u));
        le32_put(desc + 8, i ? 1 : (u32)(end - (ram + CONTROL)));
        le16_put(desc + 12, packed ? (u16)first : flags);
        le16_put(desc + 14, packed ? flags | state : (u16)(first + 1));
    }
    if (!packed)
        le16_put(ring + DRIVER + 4 + 2 * (index % SIZE), (u16)first);
    le16_put(ring + (packed ? NOTES + 2 : DRIVER + 2), (u16)(index + 1));
    notify(d, n);
}
