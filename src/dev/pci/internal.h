/*
 * internal.h - what the files of dev/pci share with each other only.
 */
#ifndef DEV_PCI_INTERNAL_H
#define DEV_PCI_INTERNAL_H

#include "base/bits.h"
#include "dev/pci/pci.h"

static inline u16 pci_command(const struct pci_func *f)
{
    return le16_get(f->s->config + PCI_COMMAND);
}

/* Accesses of the guest to the configuration space; size 1, 2 or 4, off aligned to it. */
u32 pci_config_read(struct pci_func *f, unsigned off, unsigned size);
void pci_config_write(struct pci_func *f, unsigned off, u32 v, unsigned size);

/* Maps every BAR of every function where it belongs: see ecam.c. */
void pci_host_remap(struct pci_host *host);
void pci_host_unplug(struct pci_host *host, struct pci_func *f);
/* Is there a function 1 … 7 in that slot? */
bool pci_host_multifunction(const struct pci_host *host, unsigned devfn);
/* Sends pending vectors that may go now. */
void pci_msix_flush(struct pci_func *f);

#endif
