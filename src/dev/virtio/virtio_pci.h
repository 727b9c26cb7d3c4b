/*
 * virtio_pci.h - virtio as a PCI function, modern drivers only (virtio 1.2, 4.1).
 */
#ifndef DEV_VIRTIO_VIRTIO_PCI_H
#define DEV_VIRTIO_VIRTIO_PCI_H

#include "dev/pci/pci.h"
#include "dev/virtio/virtio.h"

/* The beginning of each device struct on this transport. */
struct virtio_pci {
    struct pci_func pci;
    struct virtio *v;    /* borrows: a part of the same struct; NULL before init */
    u16 *vector;         /* borrows, in the state: of the configuration, then of each queue */
    unsigned access_cap; /* where the configuration access capability is */
};

enum { VIRTIO_PCI_NO_VECTOR = 0xffff };

extern const struct dev_region virtio_pci_regions[1];

/* Callbacks of the classes. */
int virtio_pci_init(struct device *d, struct virtio *v, const struct virtio_type *type,
                    const struct virtio_parts *parts, struct pci_func_state *pci, u16 *vector,
                    struct err *err) MUST_CHECK;
void virtio_pci_fini(struct device *d);
void virtio_pci_reset(struct device *d);
void virtio_pci_update(struct device *d);
void virtio_pci_loaded(struct device *d);
int virtio_pci_check(struct device *d, struct err *err);
bool virtio_pci_idle(struct device *d);
/* dev_class.irq_in of types with lines. */
void virtio_pci_line(struct device *d, unsigned input, bool level);

#endif
