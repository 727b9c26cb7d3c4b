/*
 * virt.h - what boards made of virtio devices have in common: slots, device tree, boot files.
 *
 * A board is its layout, the places and interrupt numbers of these parts, and code for what it
 * has alone: CPUs, interrupt controllers, serial port.
 */
#ifndef MACHINE_VIRT_H
#define MACHINE_VIRT_H

#include "machine/fdt/fdt.h"
#include "machine/machine.h"

struct virt_layout {
    gpa_t ram;
    gpa_t virtio; /* windows of virtio over MMIO */
    u32 virtio_stride;
    unsigned virtio_slots;
    gpa_t ecam;     /* configuration space of PCIe, PCI_ECAM_SIZE */
    gpa_t pci_io;   /* I/O space, PCI_IO_SIZE; 0: none */
    gpa_t pci_mmio; /* where BARs lie below 4 GiB; above: virt.pci_high */
    u64 pci_mmio_size, pci_high_size;
    gpa_t fw_cfg, pvpanic;
    u32 irq_virtio;      /* of the first window; the others follow */
    u32 irq_pci;         /* of PCI_LINES lines */
    bool pci_button;     /* the power button is a virtio device */
    bool kaslr_seed;     /* kernels take one for where they put themselves */
    const char *console; /* its path in the device tree */
};

struct virt {
    struct machine m;                 /* first */
    const struct virt_layout *layout; /* borrows (static) */
    struct device *irq_to;            /* borrows: the controller that the devices' lines go to */
    struct device *pci;               /* borrows: the host bridge */
    bool flash_boots;                 /* firmware in flash, which fw_cfg tells what to start */
    struct device *fw_cfg;            /* borrows: NULL: there is none */
    gpa_t pci_high;                   /* where BARs lie above all RAM */
    unsigned pci_count, mmio_count;   /* slots and virtio windows in use */
    struct device *button;            /* borrows: the power button; its input 0 presses it */
    gpa_t entry, dtb_at, initrd_at;   /* of the boot plan */
    u64 initrd_size;
};

/* --- devices: virt_io.c --- */

/* The PCIe bridge, disks, networks, randomness, files and the rest of the configuration, in slots
 * by its order; and the register of panics. layout, irq_to and pci_high are set. */
int virt_add_io(struct virt *v, struct err *err) MUST_CHECK;

/* machine_class.powerdown */
void virt_powerdown(struct machine *m);

/* --- boot files: virt_boot.c --- */

enum { VIRT_BOOT_ALIGN = 2 << 20, VIRT_DTB_SPAN = (2 << 20) - 4096 };
#define VIRT_FILE_MAX (1 * GIB)

struct boot_image_kind;

/* Adds a kernel that was read and is the plan's: an ELF program, or an Image, which lies behind
 * what the plan has. */
int virt_add_kernel(struct virt *v, const struct boot_file *file,
                    const struct boot_image_kind *kind, gpa_t *ret_entry,
                    struct err *err) MUST_CHECK;

/* The board's device tree, or the user's completed, in malloc'ed memory. */
typedef int virt_fdt_fn(struct virt *v, u8 **ret_blob, u32 *ret_size, struct err *err);

/* Places what a kernel is told of: the initrd, if there is one, and the device tree, at the top
 * of the first 2 GiB of RAM. The page behind VIRT_DTB_SPAN is free. With firmware in flash, only
 * the device tree, at the start of RAM; the rest: virt_tell_firmware(). */
int virt_add_parameters(struct virt *v, virt_fdt_fn *fdt, struct err *err) MUST_CHECK;

/* Gives the firmware kernel, initrd and command line by fw_cfg, as they are. */
int virt_tell_firmware(struct virt *v, struct err *err) MUST_CHECK;

/* --- device tree: virt_fdt.c --- */

enum { VIRT_IRQ_CELLS = 3 };
enum { IRQ_TYPE_EDGE_RISING = 1, IRQ_TYPE_LEVEL_HIGH = 4 };

struct virt_tree {
    struct fdt_writer f;
    struct virt *v;
    u32 irq_to;                 /* phandles: of the interrupt controller, */
    u32 msi_to;                 /* and of who takes message interrupts; 0: nobody */
    bool msi_by_id;             /* it tells messages apart by who sends them */
    unsigned irq_address_cells; /* of the interrupt controller */
    /* How the controller is told of its input `irq`; returns the number of cells. */
    unsigned (*irq_cells)(const struct virt_tree *t, u32 irq, u32 cells[VIRT_IRQ_CELLS]);
};

/* Calls root with a tree to fill, or completes the user's. */
int virt_fdt(struct virt *v, struct virt_tree *t,
             void (*root)(struct virt_tree *t, const struct fdt_chosen *chosen), u8 **ret_blob,
             u32 *ret_size, struct err *err) MUST_CHECK;

void virt_irq_props(struct virt_tree *t, u32 irq);
void virt_chosen_node(struct virt_tree *t, const struct fdt_chosen *chosen);
void virt_memory_node(struct virt_tree *t);
void virt_virtio_nodes(struct virt_tree *t);
void virt_pci_node(struct virt_tree *t);
void virt_pvpanic_node(struct virt_tree *t);
/* At the root, as QEMU has it: systemd looks there to know what it runs on. */
void virt_fw_cfg_node(struct virt_tree *t);

#endif
