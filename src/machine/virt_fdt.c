/*
 * virt_fdt.c - nodes of the device tree that boards of virtio devices have alike.
 *
 * Bindings: Linux Documentation/devicetree/bindings.
 */
#include "machine/virt.h"

#include "dev/pci/pci.h"
#include "host/file.h"
#include <stdlib.h>
#include <string.h>

enum { VIRTIO_SIZE = 0x200 }; /* of a window */

void virt_irq_props(struct virt_tree *t, u32 irq)
{
    u32 cells[VIRT_IRQ_CELLS];
    unsigned n = t->irq_cells(t, irq, cells);

    fdt_cells(&t->f, "interrupt-parent", t->irq_to);
    fdt_prop_cells(&t->f, "interrupts", cells, n);
}

void virt_virtio_nodes(struct virt_tree *t)
{
    const struct virt_layout *at = t->v->layout;

    for (unsigned i = 0; i < t->v->mmio_count; i++) {
        gpa_t window = at->virtio + i * (gpa_t)at->virtio_stride;

        fdt_node(&t->f, "virtio_mmio@%llx", (unsigned long long)window);
        fdt_prop_str(&t->f, "compatible", "virtio,mmio");
        fdt_prop_reg(&t->f, window, VIRTIO_SIZE);
        fdt_prop_empty(&t->f, "dma-coherent");
        virt_irq_props(t, at->irq_virtio + i);
        fdt_end(&t->f);
    }
}

/* One row of an interrupt-map: a pin of a slot, and where it goes. */
static unsigned interrupt_row(struct virt_tree *t, u32 slot, u32 pin, u32 *row)
{
    const u32 head[] = { PCI_DEVFN(slot, 0) << 8, 0, 0, pin + 1, t->irq_to };
    unsigned n = ARRAY_SIZE(head);

    memcpy(row, head, sizeof head);
    for (unsigned i = 0; i < t->irq_address_cells; i++)
        row[n++] = 0;
    return n + t->irq_cells(t, t->v->layout->irq_pci + (slot + pin) % PCI_LINES, row + n);
}

/* INTx: line (slot + pin) % 4 of the board, as everywhere. */
static void pci_interrupts(struct virt_tree *t)
{
    u32 cells[PCI_LINES * PCI_LINES * (7 + VIRT_IRQ_CELLS)];
    unsigned n = 0;

    for (u32 slot = 0; slot < PCI_LINES; slot++)
        for (u32 pin = 0; pin < PCI_LINES; pin++)
            n += interrupt_row(t, slot, pin, cells + n);
    fdt_cells(&t->f, "interrupt-map-mask", PCI_DEVFN(PCI_LINES - 1, 0) << 8, 0, 0, 7);
    fdt_prop_cells(&t->f, "interrupt-map", cells, n);
}

/* I/O space, where there is one, and the two windows of BARs. */
static void pci_ranges(struct virt_tree *t)
{
    const struct virt_layout *at = t->v->layout;
    u64 high = t->v->pci_high;
    const u32 cells[] = { 0x01000000,
                          0,
                          0,
                          0,
                          (u32)at->pci_io,
                          0,
                          PCI_IO_SIZE,
                          0x02000000,
                          0,
                          (u32)at->pci_mmio,
                          0,
                          (u32)at->pci_mmio,
                          0,
                          (u32)at->pci_mmio_size,
                          0x03000000,
                          (u32)(high >> 32),
                          (u32)high,
                          (u32)(high >> 32),
                          (u32)high,
                          (u32)(at->pci_high_size >> 32),
                          (u32)at->pci_high_size };
    unsigned first = at->pci_io ? 0 : 7;

    fdt_prop_cells(&t->f, "ranges", cells + first, ARRAY_SIZE(cells) - first);
}

void virt_pci_node(struct virt_tree *t)
{
    struct fdt_writer *f = &t->f;
    gpa_t ecam = t->v->layout->ecam;

    fdt_node(f, "pci@%llx", (unsigned long long)ecam);
    fdt_prop_str(f, "compatible", "pci-host-ecam-generic");
    fdt_prop_str(f, "device_type", "pci");
    fdt_cells(f, "#address-cells", 3);
    fdt_cells(f, "#size-cells", 2);
    fdt_cells(f, "#interrupt-cells", 1);
    fdt_cells(f, "linux,pci-domain", 0);
    fdt_cells(f, "bus-range", 0, 0);
    fdt_prop_empty(f, "dma-coherent");
    fdt_prop_reg(f, ecam, PCI_ECAM_SIZE);
    pci_ranges(t);
    if (t->msi_to && t->msi_by_id)
        fdt_cells(f, "msi-map", 0, t->msi_to, 0, PCI_FUNCS);
    else if (t->msi_to)
        fdt_cells(f, "msi-parent", t->msi_to);
    pci_interrupts(t);
    fdt_end(f);
}

void virt_pvpanic_node(struct virt_tree *t)
{
    gpa_t at = t->v->layout->pvpanic;

    fdt_node(&t->f, "pvpanic@%llx", (unsigned long long)at);
    fdt_prop_str(&t->f, "compatible", "qemu,pvpanic-mmio");
    fdt_prop_reg(&t->f, at, 2);
    fdt_end(&t->f);
}

static void kaslr_prop(struct virt_tree *t)
{
    u64 seed;

    machine_random_fill(&t->v->m, &seed, sizeof seed);
    fdt_prop_u64(&t->f, "kaslr-seed", seed);
}

void virt_chosen_node(struct virt_tree *t, const struct fdt_chosen *chosen)
{
    struct fdt_writer *f = &t->f;

    fdt_node(f, "chosen");
    fdt_prop_str(f, "stdout-path", t->v->layout->console);
    if (chosen->bootargs)
        fdt_prop_str(f, "bootargs", chosen->bootargs);
    fdt_prop_bytes(f, "rng-seed", chosen->rng_seed, sizeof chosen->rng_seed);
    if (t->v->layout->kaslr_seed)
        kaslr_prop(t);
    if (chosen->initrd_start != chosen->initrd_end) {
        fdt_prop_u64(f, "linux,initrd-start", chosen->initrd_start);
        fdt_prop_u64(f, "linux,initrd-end", chosen->initrd_end);
    }
    fdt_end(f);
}

void virt_memory_node(struct virt_tree *t)
{
    gpa_t ram = t->v->layout->ram;

    fdt_node(&t->f, "memory@%llx", (unsigned long long)ram);
    fdt_prop_str(&t->f, "device_type", "memory");
    fdt_prop_reg(&t->f, ram, t->v->m.cfg->memory);
    fdt_end(&t->f);
}

void virt_fw_cfg_node(struct virt_tree *t)
{
    gpa_t at = t->v->layout->fw_cfg;

    if (!t->v->fw_cfg)
        return;
    fdt_node(&t->f, "fw-cfg@%llx", (unsigned long long)at);
    fdt_prop_str(&t->f, "compatible", "qemu,fw-cfg-mmio");
    fdt_prop_reg(&t->f, at, 0x18);
    fdt_prop_empty(&t->f, "dma-coherent");
    fdt_end(&t->f);
}

static int user_fdt(const char *path, const struct fdt_chosen *chosen, u8 **ret_blob, u32 *ret_size,
                    struct err *err)
{
    u8 *data;
    size_t size;
    int rc = host_file_read(path, FDT_BUFFER_SIZE, &data, &size, err);

    if (rc < 0)
        return err_wrap(err, "the device tree cannot be read");
    rc = fdt_user_tree(data, size, path, chosen, ret_blob, ret_size, err);
    free(data);
    return rc;
}

int virt_fdt(struct virt *v, struct virt_tree *t,
             void (*root)(struct virt_tree *t, const struct fdt_chosen *chosen), u8 **ret_blob,
             u32 *ret_size, struct err *err)
{
    struct fdt_chosen chosen = { .bootargs = v->m.cfg->append,
                                 .initrd_start = v->initrd_at,
                                 .initrd_end = v->initrd_at + v->initrd_size };
    int rc;

    machine_random_fill(&v->m, chosen.rng_seed, sizeof chosen.rng_seed);
    if (v->m.cfg->dtb)
        return user_fdt(v->m.cfg->dtb, &chosen, ret_blob, ret_size, err);
    rc = fdt_writer_init(&t->f, err);
    if (rc < 0)
        return rc;
    t->v = v;
    root(t, &chosen);
    return fdt_writer_finish(&t->f, ret_blob, ret_size, err);
}
