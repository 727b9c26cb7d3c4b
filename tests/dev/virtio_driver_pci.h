/*
 * virtio_driver_pci.h - the driver's way to a device behind the fake host's PCI.
 */
#ifndef TESTS_DEV_VIRTIO_DRIVER_PCI_H
#define TESTS_DEV_VIRTIO_DRIVER_PCI_H

#include "virtio_driver.h"

/* Finds the virtio structures in the BAR that the fake's firmware has placed. */
void vdrv_pci_find(struct vdrv *v);
/* Configuration space; and where a capability is in it (of a type, for vendor ones), 0: nowhere. */
u64 vdrv_pci_config(struct vdrv *v, unsigned off, unsigned size);
void vdrv_pci_config_set(struct vdrv *v, unsigned off, u64 x, unsigned size);
unsigned vdrv_pci_cap(struct vdrv *v, u8 id, u8 type);

#endif
