/*
 * func.c - a PCI function: configuration space, BARs, INTA (PCI 3.0, chapter 6).
 */
#include "base/bug.h"
#include "dev/pci/internal.h"
#include <errno.h>

/* --- set-up --- */

static void writable16(struct pci_func *f, unsigned off, u16 mask)
{
    le16_put(f->writable + off, mask);
}

void pci_func_init(struct pci_func *f, struct pci_func_state *s, const struct pci_facts *facts)
{
    u8 *c = f->initial;

    f->s = s;
    f->dma = f->dev.dma;
    le16_put(c + PCI_VENDOR, facts->vendor);
    le16_put(c + PCI_DEVICE, facts->device);
    le32_put(c + PCI_REVISION, facts->class << 8 | facts->revision);
    le16_put(c + PCI_SUBSYSTEM_VENDOR, facts->subsystem_vendor);
    le16_put(c + PCI_SUBSYSTEM, facts->subsystem);
    c[PCI_INTERRUPT_PIN] = 1;
    writable16(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    f->writable[PCI_INTERRUPT_LINE] = 0xff;
    f->cap_free = PCI_HEADER_END;
    for (unsigned i = 0; i < PCI_BARS; i++)
        f->bar[i].mapped = f->bar[i].wanted = PCI_UNMAPPED;
}

void pci_func_bar(struct pci_func *f, unsigned bar, unsigned region, bool wide)
{
    u64 size = f->dev.regions[region].size;
    u8 *mask = f->writable + PCI_BAR0 + 4 * bar;

    BUG_ON(bar + wide >= PCI_BARS || !bits_is_pow2(size) || size < 16 || (!wide && size >> 32));
    f->bar[bar].size = size;
    f->bar[bar].region = region;
    f->bar[bar].wide = wide;
    le32_put(mask, (u32) ~(size - 1));
    if (!wide)
        return;
    f->initial[PCI_BAR0 + 4 * bar] = PCI_BAR_WIDE;
    le32_put(mask + 4, (u32)(~(size - 1) >> 32));
}

unsigned pci_func_cap(struct pci_func *f, u8 id, unsigned len)
{
    unsigned at = f->cap_free;

    BUG_ON(len < 2 || at + len > PCI_CONFIG_SIZE - 4u);
    f->initial[f->cap_last ? f->cap_last + 1 : PCI_CAPABILITIES] = (u8)at;
    f->initial[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    f->initial[at] = id;
    f->cap_last = (u8)at;
    f->cap_free = (u8)bits_align_up(at + len, 4);
    return at;
}

/* --- the class's callbacks --- */

void pci_func_fini(struct pci_func *f)
{
    if (f->host)
        pci_host_unplug(f->host, f);
}

void pci_func_reset(struct pci_func *f)
{
    memcpy(f->s->config, f->initial, sizeof f->initial);
    for (unsigned i = 0; i < PCI_MSIX_MAX; i++) {
        f->s->msix_address[i] = f->s->msix_data[i] = 0;
        f->s->msix_masked[i] = true;
    }
    f->s->msix_pending = 0;
}

/* Where a BAR decodes; the host decides whether it may. */
static gpa_t wanted(const struct pci_func *f, unsigned bar)
{
    const u8 *at = f->s->config + PCI_BAR0 + 4 * bar;
    u64 value = f->bar[bar].wide ? le64_get(at) : le32_get(at);

    if (f->bar[bar].size == 0 || !(pci_command(f) & PCI_COMMAND_MEMORY))
        return PCI_UNMAPPED;
    return value & ~(f->bar[bar].size - 1);
}

void pci_func_update(struct pci_func *f)
{
    u16 command = pci_command(f);
    bool moved = false;

    f->dev.dma = command & PCI_COMMAND_MASTER ? f->dma : NULL;
    dev_irq_set(&f->dev, 0, f->interrupt && !(command & PCI_COMMAND_NO_INTX));
    for (unsigned i = 0; i < PCI_BARS; i++) {
        gpa_t at = wanted(f, i);

        moved |= at != f->bar[i].wanted;
        f->bar[i].wanted = at;
    }
    if (moved && f->host)
        pci_host_remap(f->host);
}

/* What the guest cannot write is what this program made. */
int pci_func_check(struct pci_func *f, struct err *err)
{
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++)
        if ((f->s->config[i] ^ f->initial[i]) & ~f->writable[i])
            return err_set(err, EINVAL,
                           "byte %#x of its configuration space is %#x, and "
                           "another device's",
                           i, f->s->config[i]);
    if (f->s->msix_pending & ~bits_mask(f->msix_vectors))
        return err_set(err, EINVAL, "an interrupt vector over %u is pending", f->msix_vectors);
    return 0;
}

/* --- accesses --- */

u32 pci_config_read(struct pci_func *f, unsigned off, unsigned size)
{
    u8 bytes[4];

    if (off >= PCI_CONFIG_SIZE)
        return 0; /* no PCI Express capability, so no extended space */
    if (f->config_read)
        f->config_read(f, off, size);
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = f->s->config[off + i];
        if (off + i == PCI_STATUS && f->interrupt)
            bytes[i] |= PCI_STATUS_INTERRUPT;
        if (off + i == PCI_HEADER_TYPE && f->host && pci_host_multifunction(f->host, f->devfn))
            bytes[i] |= PCI_MULTIFUNCTION;
    }
    return size == 4 ? le32_get(bytes) : size == 2 ? le16_get(bytes) : bytes[0];
}

/* Counts BARs that the guest put where they cannot be. */
static void misplaced(struct pci_func *f)
{
    for (unsigned i = 0; f->host && i < PCI_BARS; i++)
        if (f->bar[i].wanted != f->bar[i].mapped) {
            f->dev.guest_errors++;
            log_guest("%s: BAR %u at %#llx is in no window or over another one", f->dev.id, i,
                      (unsigned long long)f->bar[i].wanted);
        }
}

void pci_config_write(struct pci_func *f, unsigned off, u32 v, unsigned size)
{
    if (off >= PCI_CONFIG_SIZE) {
        dev_bad_access(&f->dev, off, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        u8 mask = f->writable[off + i];
        u8 *at = &f->s->config[off + i];

        *at = (u8)((*at & ~mask) | (v >> 8 * i & mask));
    }
    if (f->config_written)
        f->config_written(f, off, size);
    f->dev.cls->update(&f->dev);
    pci_msix_flush(f);
    if (off < PCI_BAR0 + 4 * PCI_BARS)
        misplaced(f);
}

#define STATE_ROW_T struct pci_func_state
STATE_LIST(pci_func, PCI_FUNC_STATE, 1);
#undef STATE_ROW_T
