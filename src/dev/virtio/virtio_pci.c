/*
 * virtio_pci.c - virtio over PCI (virtio 1.2, 4.1).
 *
 * One 64-bit BAR holds everything; vendor capabilities say where:
 *
 *     0x0000  common configuration          0x3000  notifications, 4 bytes a queue
 *     0x1000  interrupt status              0x4000  MSI-X table
 *     0x2000  the type's configuration      0x5000  MSI-X pending bits
 *
 * Interrupts are MSI-X messages when the driver has enabled these, else INTA.
 */
#include "dev/virtio/virtio_pci.h"
#include "base/bits.h"
#include "base/checked.h"

enum {
    COMMON = 0x0000,
    ISR = 0x1000,
    CONFIG = 0x2000,
    NOTIFY = 0x3000,
    MSIX_TABLE = 0x4000,
    MSIX_PENDING = 0x5000,
    BAR_SIZE = 0x8000,
    NOTIFY_STEP = 4
};
/* Common configuration structure (4.1.4.3). */
enum {
    DEVICE_FEATURES_SEL = 0,
    DEVICE_FEATURES = 4,
    DRIVER_FEATURES_SEL = 8,
    DRIVER_FEATURES = 12,
    CONFIG_VECTOR = 16,
    NUM_QUEUES = 18,
    STATUS = 20,
    GENERATION = 21,
    QUEUE_SEL = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFF = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    COMMON_SIZE = 56
};
/* struct virtio_pci_cap (4.1.4): its kind, and places in it. */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_CONFIG = 4, CAP_ACCESS = 5 };
enum {
    CAP_LEN = 2,
    CAP_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_LENGTH = 12,
    CAP_EXTRA = 16,
    CAP_SIZE = 16
};

static struct virtio_pci *self(struct device *d)
{
    return (struct virtio_pci *)d;
}

/* --- interrupts --- */

static void interrupt(struct virtio *v, int n)
{
    struct virtio_pci *p = self(v->dev);

    if (pci_msix_enabled(&p->pci)) {
        pci_msix_send(&p->pci, p->vector[n + 1]);
        return;
    }
    v->s->isr |= n < 0 ? VIRTIO_ISR_CONFIG : VIRTIO_ISR_QUEUE;
    pci_func_interrupt(&p->pci, true);
    pci_func_update(&p->pci);
}

static void deferred(struct device *d)
{
    virtio_serve_kicked(self(d)->v);
    virtio_pci_update(d);
}

static const struct virtio_transport transport = { interrupt, deferred };

/* 4.1.5.1.2: a vector that cannot be had reads back as none. */
static u16 vector_checked(struct virtio *v, u64 vector)
{
    return vector < self(v->dev)->pci.msix_vectors ? (u16)vector : VIRTIO_PCI_NO_VECTOR;
}

/* --- common configuration --- */

static u64 queue_read(struct virtio *v, u64 off)
{
    const struct virtq *q = virtio_queue_selected(v);

    if (!q)
        return off == QUEUE_VECTOR ? VIRTIO_PCI_NO_VECTOR : 0;
    switch (off) {
    case QUEUE_SIZE: return q->s->size;
    case QUEUE_VECTOR: return self(v->dev)->vector[q->index + 1];
    case QUEUE_ENABLE: return q->s->ready;
    case QUEUE_NOTIFY_OFF: return q->index;
    case QUEUE_DESC: return q->s->desc;
    case QUEUE_DRIVER: return q->s->driver;
    default: return q->s->device;
    }
}

/* The field that off lies in. */
static u64 field_read(struct virtio *v, u64 off)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: return v->s->device_features_sel;
    case DEVICE_FEATURES: return virtio_device_features(v);
    case DRIVER_FEATURES_SEL: return v->s->driver_features_sel;
    case DRIVER_FEATURES: return virtio_driver_features(v);
    case CONFIG_VECTOR: return *self(v->dev)->vector;
    case NUM_QUEUES: return v->queue_count;
    case STATUS: return v->s->status;
    case GENERATION: return v->s->config_generation;
    case QUEUE_SEL: return v->s->queue_sel;
    default: return queue_read(v, off);
    }
}

static const struct {
    u8 off, size;
} fields[] = {
    { DEVICE_FEATURES_SEL, 4 },
    { DEVICE_FEATURES, 4 },
    { DRIVER_FEATURES_SEL, 4 },
    { DRIVER_FEATURES, 4 },
    { CONFIG_VECTOR, 2 },
    { NUM_QUEUES, 2 },
    { STATUS, 1 },
    { GENERATION, 1 },
    { QUEUE_SEL, 2 },
    { QUEUE_SIZE, 2 },
    { QUEUE_VECTOR, 2 },
    { QUEUE_ENABLE, 2 },
    { QUEUE_NOTIFY_OFF, 2 },
    { QUEUE_DESC, 8 },
    { QUEUE_DRIVER, 8 },
    { QUEUE_DEVICE, 8 },
};

/* 4.1.3.1: a driver reads and writes fields by their width, 64-bit ones in halves. */
static u64 common_read(struct virtio *v, u64 off, unsigned size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        if (checked_range(off - fields[i].off, size, fields[i].size))
            return field_read(v, fields[i].off) >> 8 * (off - fields[i].off);
    return dev_bad_access(v->dev, off, size);
}

static void address_write(struct virtio *v, u64 off, u32 word)
{
    struct virtq *q = virtio_queue_selected(v);
    u64 *at = NULL;

    if (q && off >= QUEUE_DEVICE)
        at = &q->s->device;
    else if (q)
        at = off >= QUEUE_DRIVER ? &q->s->driver : &q->s->desc;
    virtio_queue_address_set(v, at, off / 4 % 2, word);
}

static void queue_vector_write(struct virtio *v, u64 vector)
{
    struct virtq *q = virtio_queue_selected(v);

    if (q)
        self(v->dev)->vector[q->index + 1] = vector_checked(v, vector);
}

/* 4.1.4.3.1: a reset forgets the vectors, too. */
static void vectors_reset(struct virtio *v)
{
    for (unsigned n = 0; n <= v->queue_room; n++)
        self(v->dev)->vector[n] = VIRTIO_PCI_NO_VECTOR;
}

static void status_write(struct virtio *v, u8 status)
{
    virtio_status_set(v, status);
    if (status == 0)
        vectors_reset(v);
}

static void common_write(struct virtio *v, u64 off, u64 value, unsigned size)
{
    u32 w = (u32)value;

    switch (off << 4 | size) {
    case DEVICE_FEATURES_SEL << 4 | 4: v->s->device_features_sel = w; break;
    case DRIVER_FEATURES_SEL << 4 | 4: v->s->driver_features_sel = w; break;
    case DRIVER_FEATURES << 4 | 4: virtio_driver_features_set(v, w); break;
    case CONFIG_VECTOR << 4 | 2: *self(v->dev)->vector = vector_checked(v, w); break;
    case STATUS << 4 | 1: status_write(v, (u8)w); break;
    case QUEUE_SEL << 4 | 2: v->s->queue_sel = w; break;
    case QUEUE_SIZE << 4 | 2: virtio_queue_size_set(v, w); break;
    case QUEUE_VECTOR << 4 | 2: queue_vector_write(v, w); break;
    case QUEUE_ENABLE << 4 | 2: /* 4.1.4.3.2: 0 is not written */
        if (w == 1)
            virtio_queue_ready_set(v, true);
        break;
    case QUEUE_DESC << 4 | 4:
    case (QUEUE_DESC + 4) << 4 | 4:
    case QUEUE_DRIVER << 4 | 4:
    case (QUEUE_DRIVER + 4) << 4 | 4:
    case QUEUE_DEVICE << 4 | 4:
    case (QUEUE_DEVICE + 4) << 4 | 4: address_write(v, off, w); break;
    default: dev_bad_access(v->dev, off, size); break;
    }
}

/* --- the BAR --- */

/* Reading says what there was and takes INTA back (4.1.4.5). */
static u64 isr_read(struct virtio *v)
{
    u8 isr = v->s->isr;

    v->s->isr = 0;
    virtio_pci_update(v->dev);
    return isr;
}

static u64 bar_read(struct device *d, u64 off, unsigned size)
{
    struct virtio *v = self(d)->v;

    if (off < ISR)
        return common_read(v, off, size);
    if (off < CONFIG)
        return off == ISR ? isr_read(v) : dev_bad_access(d, off, size);
    if (off < NOTIFY)
        return virtio_config_read(v, off - CONFIG, size);
    if (off < MSIX_TABLE)
        return 0;
    if (off < MSIX_PENDING)
        return pci_msix_table_read(&self(d)->pci, off - MSIX_TABLE, size);
    return pci_msix_pending_read(&self(d)->pci, off - MSIX_PENDING, size);
}

static void bar_write(struct device *d, u64 off, u64 value, unsigned size)
{
    struct virtio *v = self(d)->v;

    if (off < ISR)
        common_write(v, off, value, size);
    else if (off >= CONFIG && off < NOTIFY)
        virtio_config_write(v, off - CONFIG, value, size);
    else if (off >= NOTIFY && off < MSIX_TABLE)
        virtio_kick(v, (off - NOTIFY) / NOTIFY_STEP);
    else if (off >= MSIX_TABLE && off < MSIX_PENDING)
        pci_msix_table_write(&self(d)->pci, off - MSIX_TABLE, value, size);
    else
        dev_bad_access(d, off, size);
    virtio_pci_update(d);
}

const struct dev_region virtio_pci_regions[1] = {
    { "registers", BAR_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, bar_read, bar_write },
};

/* --- the BAR through the configuration space (4.1.4.9) --- */

/* The access that the capability describes; false: a driver's mistake. */
static bool access_of(const struct pci_func *f, u64 *off, u32 *size)
{
    const u8 *cap = f->s->config + ((const struct virtio_pci *)f)->access_cap;

    *off = le32_get(cap + CAP_OFFSET);
    *size = le32_get(cap + CAP_LENGTH);
    return cap[CAP_BAR] == 0 && (*size == 1 || *size == 2 || *size == 4) && *off % *size == 0 &&
           checked_range(*off, *size, BAR_SIZE);
}

static bool touches_data(const struct pci_func *f, unsigned off, unsigned size)
{
    unsigned data = ((const struct virtio_pci *)f)->access_cap + CAP_EXTRA;

    return off < data + 4 && data < off + size;
}

static void access_read(struct pci_func *f, unsigned off, unsigned size)
{
    u8 *data = f->s->config + ((struct virtio_pci *)f)->access_cap + CAP_EXTRA;
    u64 at;
    u32 len;

    if (touches_data(f, off, size) && access_of(f, &at, &len))
        le32_put(data, (u32)bar_read(&f->dev, at, len) & (u32)bits_mask(8 * len));
}

static void access_written(struct pci_func *f, unsigned off, unsigned size)
{
    const u8 *data = f->s->config + ((struct virtio_pci *)f)->access_cap + CAP_EXTRA;
    u64 at;
    u32 len;

    if (touches_data(f, off, size) && access_of(f, &at, &len))
        bar_write(&f->dev, at, le32_get(data) & bits_mask(8 * len), len);
}

/* --- the classes' callbacks --- */

static unsigned cap_add(struct pci_func *f, u8 type, u32 off, u32 length, u8 extra)
{
    unsigned at = pci_func_cap(f, PCI_CAP_VENDOR, CAP_SIZE + extra);
    u8 *cap = f->initial + at;

    cap[CAP_LEN] = (u8)(CAP_SIZE + extra);
    cap[CAP_TYPE] = type;
    le32_put(cap + CAP_OFFSET, off);
    le32_put(cap + CAP_LENGTH, length);
    return at;
}

static void caps_make(struct virtio_pci *p)
{
    struct pci_func *f = &p->pci;
    unsigned at;

    cap_add(f, CAP_COMMON, COMMON, COMMON_SIZE, 0);
    cap_add(f, CAP_ISR, ISR, 1, 0);
    if (p->v->type->config_size)
        cap_add(f, CAP_CONFIG, CONFIG, p->v->type->config_size, 0);
    at = cap_add(f, CAP_NOTIFY, NOTIFY, NOTIFY_STEP * p->v->queue_count, 4);
    le32_put(f->initial + at + CAP_EXTRA, NOTIFY_STEP);
    p->access_cap = cap_add(f, CAP_ACCESS, 0, 0, 4);
    f->writable[p->access_cap + CAP_BAR] = 0xff;
    memset(f->writable + p->access_cap + CAP_OFFSET, 0xff, 12); /* offset, length, data */
    f->config_read = access_read;
    f->config_written = access_written;
}

int virtio_pci_init(struct device *d, struct virtio *v, const struct virtio_type *type,
                    const struct virtio_parts *parts, struct pci_func_state *pci, u16 *vector,
                    struct err *err)
{
    struct virtio_pci *p = self(d);
    const struct pci_facts facts = { 0x1af4, (u16)(0x1040 + type->id),
                                     0x1af4, (u16)(0x1040 + type->id),
                                     1,      type->pci_class };
    int rc;

    p->v = v;
    p->vector = vector;
    rc = virtio_init(v, d, type, &transport, parts, err);
    if (rc)
        return rc;
    pci_func_init(&p->pci, pci, &facts);
    pci_func_bar(&p->pci, 0, 0, true);
    caps_make(p);
    pci_func_msix(&p->pci, v->queue_count + 1, 0, MSIX_TABLE, MSIX_PENDING);
    return 0;
}

void virtio_pci_fini(struct device *d)
{
    if (self(d)->v)
        virtio_fini(self(d)->v);
    pci_func_fini(&self(d)->pci);
}

void virtio_pci_reset(struct device *d)
{
    pci_func_reset(&self(d)->pci);
    virtio_reset(self(d)->v);
    vectors_reset(self(d)->v);
}

void virtio_pci_update(struct device *d)
{
    pci_func_interrupt(&self(d)->pci, self(d)->v->s->isr != 0);
    pci_func_update(&self(d)->pci);
    virtio_update(self(d)->v);
}

void virtio_pci_loaded(struct device *d)
{
    virtio_loaded(self(d)->v);
}

int virtio_pci_check(struct device *d, struct err *err)
{
    int rc = pci_func_check(&self(d)->pci, err);

    return rc ? rc : virtio_check(self(d)->v, err);
}

bool virtio_pci_idle(struct device *d)
{
    return virtio_idle(self(d)->v);
}

void virtio_pci_line(struct device *d, unsigned input, bool level)
{
    self(d)->v->type->line(self(d)->v, input, level);
}
