/*
 * virtio_mmio.h - virtio over a 512-byte window of registers (virtio 1.2, 4.2).
 */
#ifndef DEV_VIRTIO_VIRTIO_MMIO_H
#define DEV_VIRTIO_VIRTIO_MMIO_H

#include "dev/virtio/virtio.h"

/* The beginning of each device struct on this transport. */
struct virtio_mmio {
    struct device dev;
    struct virtio *v; /* borrows: a part of the same struct; NULL before init */
};

extern const struct dev_region virtio_mmio_regions[1];

/* Callbacks of the classes. */
int virtio_mmio_init(struct device *d, struct virtio *v, const struct virtio_type *type,
                     const struct virtio_parts *parts, struct err *err) MUST_CHECK;
void virtio_mmio_fini(struct device *d);
void virtio_mmio_reset(struct device *d);
void virtio_mmio_update(struct device *d);
void virtio_mmio_loaded(struct device *d);
int virtio_mmio_check(struct device *d, struct err *err);
bool virtio_mmio_idle(struct device *d);
/* dev_class.irq_in of types with lines. */
void virtio_mmio_line(struct device *d, unsigned input, bool level);

#endif
