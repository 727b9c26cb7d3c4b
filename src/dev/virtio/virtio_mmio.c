/*
 * virtio_mmio.c - virtio over MMIO, version 2 (virtio 1.2, 4.2.2).
 *
 * Registers are 32 bits wide; the configuration space after them takes any width. There is
 * one interrupt line, high while a cause is set and not acknowledged.
 */
#include "dev/virtio/virtio_mmio.h"
#include "base/bits.h"

enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC = 0x080,
    QUEUE_DRIVER = 0x090,
    QUEUE_DEVICE = 0x0a0,
    SHM_SEL = 0x0ac,
    SHM_LEN = 0x0b0,
    SHM_BASE = 0x0b8,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
    MMIO_SIZE = 0x200,
};
enum { MAGIC_VALUE = 0x74726976, VENDOR_VALUE = 0x554d4551 };

static struct virtio *self(struct device *d)
{
    return ((struct virtio_mmio *)d)->v;
}

/* --- interrupts --- */

static void interrupt(struct virtio *v, int n)
{
    v->s->isr |= n < 0 ? VIRTIO_ISR_CONFIG : VIRTIO_ISR_QUEUE;
    dev_irq_set(v->dev, 0, true);
}

static void deferred(struct device *d)
{
    virtio_serve_kicked(self(d));
    virtio_mmio_update(d);
}

static const struct virtio_transport transport = { interrupt, deferred };

/* --- registers --- */

static u64 queue_read(struct virtio *v, u64 off)
{
    const struct virtq *q = virtio_queue_selected(v);

    if (!q)
        return 0;
    return off == QUEUE_SIZE_MAX ? q->size_max : q->s->ready;
}

static u64 register_read(struct virtio *v, u64 off)
{
    switch (off) {
    case MAGIC: return MAGIC_VALUE;
    case VERSION: return 2;
    case DEVICE_ID: return v->type->id;
    case VENDOR_ID: return VENDOR_VALUE;
    case DEVICE_FEATURES: return virtio_device_features(v);
    case QUEUE_SIZE_MAX:
    case QUEUE_READY: return queue_read(v, off);
    case INTERRUPT_STATUS: return v->s->isr;
    case STATUS: return v->s->status;
    case SHM_LEN: /* no shared memory region: its length is all ones */
    case SHM_LEN + 4:
    case SHM_BASE:
    case SHM_BASE + 4: return 0xffffffff;
    case CONFIG_GENERATION: return v->s->config_generation;
    }
    return dev_bad_access(v->dev, off, 4);
}

static u64 mmio_read(struct device *d, u64 off, unsigned size)
{
    if (off >= CONFIG)
        return virtio_config_read(self(d), off - CONFIG, size);
    if (size != 4)
        return dev_bad_access(d, off, size);
    return register_read(self(d), off);
}

/* The three addresses of a queue, each in two halves. */
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

static void register_write(struct virtio *v, u64 off, u32 w)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: v->s->device_features_sel = w; break;
    case DRIVER_FEATURES_SEL: v->s->driver_features_sel = w; break;
    case DRIVER_FEATURES: virtio_driver_features_set(v, w); break;
    case QUEUE_SEL: v->s->queue_sel = w; break;
    case QUEUE_SIZE: virtio_queue_size_set(v, w); break;
    case QUEUE_READY: virtio_queue_ready_set(v, w & 1); break;
    case QUEUE_NOTIFY: virtio_kick(v, w); break;
    case INTERRUPT_ACK: v->s->isr &= (u8)~w; break;
    case STATUS: virtio_status_set(v, (u8)w); break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4: address_write(v, off, w); break;
    case SHM_SEL: break; /* there is none to select */
    default: dev_bad_access(v->dev, off, 4); break;
    }
}

static void mmio_write(struct device *d, u64 off, u64 value, unsigned size)
{
    if (off >= CONFIG)
        virtio_config_write(self(d), off - CONFIG, value, size);
    else if (size == 4)
        register_write(self(d), off, (u32)value);
    else
        dev_bad_access(d, off, size);
    virtio_mmio_update(d);
}

const struct dev_region virtio_mmio_regions[1] = {
    { "registers", MMIO_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, mmio_read, mmio_write },
};

/* --- the classes' callbacks --- */

int virtio_mmio_init(struct device *d, struct virtio *v, const struct virtio_type *type,
                     const struct virtio_parts *parts, struct err *err)
{
    ((struct virtio_mmio *)d)->v = v;
    return virtio_init(v, d, type, &transport, parts, err);
}

void virtio_mmio_fini(struct device *d)
{
    if (self(d))
        virtio_fini(self(d));
}

void virtio_mmio_reset(struct device *d)
{
    virtio_reset(self(d));
}

void virtio_mmio_update(struct device *d)
{
    dev_irq_set(d, 0, self(d)->s->isr != 0);
    virtio_update(self(d));
}

void virtio_mmio_loaded(struct device *d)
{
    virtio_loaded(self(d));
}

int virtio_mmio_check(struct device *d, struct err *err)
{
    return virtio_check(self(d), err);
}

bool virtio_mmio_idle(struct device *d)
{
    return virtio_idle(self(d));
}

void virtio_mmio_line(struct device *d, unsigned input, bool level)
{
    self(d)->type->line(self(d), input, level);
}
