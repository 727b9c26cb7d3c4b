/*
 * msix.c - message-signalled interrupts, MSI-X (PCI 3.0, 6.8.2).
 */
#include "base/bug.h"
#include "dev/pci/internal.h"

enum { CONTROL = 2, TABLE = 4, PENDING = 8, CAP_SIZE = 12 };
enum { CONTROL_MASK = 1 << 14, CONTROL_ENABLE = 1 << 15 };
enum { ENTRY_ADDRESS = 0, ENTRY_HIGH = 4, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_SIZE = 16 };

void pci_func_msix(struct pci_func *f, unsigned vectors, unsigned bar, u32 table, u32 pending)
{
    unsigned cap = pci_func_cap(f, PCI_CAP_MSIX, CAP_SIZE);

    BUG_ON(vectors == 0 || vectors > PCI_MSIX_MAX || (table | pending) % 8);
    f->msix_cap = (u8)cap;
    f->msix_vectors = vectors;
    le16_put(f->initial + cap + CONTROL, (u16)(vectors - 1));
    le32_put(f->initial + cap + TABLE, table | bar);
    le32_put(f->initial + cap + PENDING, pending | bar);
    le16_put(f->writable + cap + CONTROL, CONTROL_MASK | CONTROL_ENABLE);
}

static u16 control(const struct pci_func *f)
{
    return f->msix_cap ? le16_get(f->s->config + f->msix_cap + CONTROL) : 0;
}

bool pci_msix_enabled(const struct pci_func *f)
{
    return control(f) & CONTROL_ENABLE;
}

/* A message is a write to memory: it needs bus mastering, too. */
static bool may_send(const struct pci_func *f, unsigned vector)
{
    return (control(f) & (CONTROL_ENABLE | CONTROL_MASK)) == CONTROL_ENABLE &&
           !f->s->msix_masked[vector] && pci_command(f) & PCI_COMMAND_MASTER;
}

void pci_msix_flush(struct pci_func *f)
{
    for (unsigned n = 0; n < f->msix_vectors; n++)
        if (f->s->msix_pending >> n & 1 && may_send(f, n)) {
            f->s->msix_pending &= ~(1u << n);
            irq_msi_send(&f->dev, f->s->msix_address[n], f->s->msix_data[n]);
        }
}

/* A vector that is not there is not sent: 0xffff is virtio's name for none. */
void pci_msix_send(struct pci_func *f, unsigned vector)
{
    if (vector >= f->msix_vectors)
        return;
    f->s->msix_pending |= 1u << vector;
    pci_msix_flush(f);
}

/* --- the structures in a BAR --- */

static u32 word_read(const struct pci_func *f, unsigned n, u64 off)
{
    switch (off) {
    case ENTRY_ADDRESS: return (u32)f->s->msix_address[n];
    case ENTRY_HIGH: return (u32)(f->s->msix_address[n] >> 32);
    case ENTRY_DATA: return f->s->msix_data[n];
    default: return f->s->msix_masked[n];
    }
}

u64 pci_msix_table_read(struct pci_func *f, u64 off, unsigned size)
{
    if (off / ENTRY_SIZE >= f->msix_vectors)
        return dev_bad_access(&f->dev, off, size);
    return word_read(f, (unsigned)(off / ENTRY_SIZE), off % ENTRY_SIZE & ~3ull) >> 8 * (off % 4);
}

/* 6.8.2: software writes whole words. Messages go to addresses of whole words. */
void pci_msix_table_write(struct pci_func *f, u64 off, u64 v, unsigned size)
{
    unsigned n = (unsigned)(off / ENTRY_SIZE);
    u64 *address;

    if (n >= f->msix_vectors || size != 4) {
        dev_bad_access(&f->dev, off, size);
        return;
    }
    address = &f->s->msix_address[n];
    switch (off % ENTRY_SIZE) {
    case ENTRY_ADDRESS: *address = bits_put(*address, 0, 32, v & ~3ull); break;
    case ENTRY_HIGH: *address = bits_put(*address, 32, 32, v); break;
    case ENTRY_DATA: f->s->msix_data[n] = (u32)v; break;
    default: f->s->msix_masked[n] = v & 1; break;
    }
    pci_msix_flush(f);
}

u64 pci_msix_pending_read(struct pci_func *f, u64 off, unsigned size)
{
    return off < 8 ? (u64)f->s->msix_pending >> 8 * off : dev_bad_access(&f->dev, off, size);
}
