/*
 * virtio_driver_pci.c - see virtio_driver_pci.h.
 */
#include "virtio_driver_pci.h"
#include "base/bug.h"
#include "dev/pci/pci.h"

u64 vdrv_pci_config(struct vdrv *v, unsigned off, unsigned size)
{
    u64 x = 0;

    BUG_ON(
        !mem_map_io_read(v->h->map, FAKE_ECAM_AT + ((u64)v->d->requester << 12) + off, size, &x));
    return x;
}

void vdrv_pci_config_set(struct vdrv *v, unsigned off, u64 x, unsigned size)
{
    BUG_ON(
        !mem_map_io_write(v->h->map, FAKE_ECAM_AT + ((u64)v->d->requester << 12) + off, size, x));
}

unsigned vdrv_pci_cap(struct vdrv *v, u8 id, u8 type)
{
    unsigned at = (unsigned)vdrv_pci_config(v, PCI_CAPABILITIES, 1);

    while (at && (vdrv_pci_config(v, at, 1) != id ||
                  (id == PCI_CAP_VENDOR && vdrv_pci_config(v, at + 3, 1) != type)))
        at = (unsigned)vdrv_pci_config(v, at + 1, 1);
    return at;
}

/* The address of the virtio structure of a type; 0: there is none. */
static gpa_t structure(struct vdrv *v, u8 type)
{
    unsigned cap = vdrv_pci_cap(v, PCI_CAP_VENDOR, type);
    gpa_t bar = vdrv_pci_config(v, PCI_BAR0, 4) & ~15ull;

    bar |= vdrv_pci_config(v, PCI_BAR0 + 4, 4) << 32;
    return cap ? bar + vdrv_pci_config(v, cap + 8, 4) : 0;
}

void vdrv_pci_find(struct vdrv *v)
{
    BUG_ON(vdrv_pci_config(v, PCI_VENDOR, 2) != 0x1af4);
    v->common = structure(v, 1);
    v->notify = structure(v, 2);
    v->isr = structure(v, 3);
    v->config = structure(v, 4);
    BUG_ON(!v->common || !v->notify || !v->isr);
    BUG_ON(vdrv_pci_config(v, vdrv_pci_cap(v, PCI_CAP_VENDOR, 2) + 16, 4) != 4);
}
