/*
 * riscv_virt.h - the riscv-virt board: what its files share.
 *
 * Addresses and interrupt numbers are those of QEMU's `virt` machine, so that firmware
 * built for that one runs here.
 */
#ifndef MACHINE_RISCV_VIRT_H
#define MACHINE_RISCV_VIRT_H

#include "machine/firmware/sbi.h"
#include "machine/machine.h"

#define RISCV_VIRT_RAM           0x80000000ull
#define RISCV_VIRT_PCI_MMIO_SIZE (1 * GIB)
#define RISCV_VIRT_PCI_HIGH_SIZE (16 * GIB)
enum {
    RISCV_VIRT_SYSCON = 0x00100000,
    RISCV_VIRT_RTC = 0x00101000,
    RISCV_VIRT_PVPANIC = 0x00102000,
    RISCV_VIRT_ACLINT = 0x02000000,
    RISCV_VIRT_PLIC = 0x0c000000,
    RISCV_VIRT_APLIC_M = 0x0c000000,
    RISCV_VIRT_APLIC_S = 0x0d000000,
    RISCV_VIRT_UART = 0x10000000,
    RISCV_VIRT_VIRTIO = 0x10001000,
    RISCV_VIRT_FW_CFG = 0x10100000,
    RISCV_VIRT_IMSIC_M = 0x24000000,
    RISCV_VIRT_IMSIC_S = 0x28000000,
    RISCV_VIRT_ECAM = 0x30000000,
    RISCV_VIRT_PCI_MMIO = 0x40000000,
};
enum { RISCV_VIRT_VIRTIO_SLOTS = 8, RISCV_VIRT_VIRTIO_STRIDE = 0x1000 };
enum {
    RISCV_VIRT_IRQ_VIRTIO = 1,
    RISCV_VIRT_IRQ_UART = 10,
    RISCV_VIRT_IRQ_RTC = 11,
    RISCV_VIRT_IRQ_PCI = 32,
    RISCV_VIRT_IRQ_COUNT = 96 /* sources 1..95 */
};
enum {
    RISCV_VIRT_TIMEBASE = 10000000,
    RISCV_VIRT_UART_CLOCK = 3686400,
    RISCV_VIRT_IMSIC_IDS = 255
};

struct riscv_virt {
    struct machine m; /* first */
    struct sbi sbi;
    bool aia;              /* irqchip=aia */
    bool firmware;         /* an M-mode firmware file runs, not the built-in SBI */
    struct device *irq_to; /* borrows: PLIC or the S-level (without firmware: only) APLIC */
    struct device *pci;    /* borrows: the host bridge */
    gpa_t pci_high;        /* where BARs lie above all RAM */
    unsigned pci_count, mmio_count; /* slots and virtio windows in use */
    struct device *imsic;           /* borrows: NULL without AIA */
    struct device *button;          /* borrows: the power button */
    gpa_t entry, dtb_at, info_at;   /* of the boot plan; info_at 0: none */
    gpa_t initrd_at;
    u64 initrd_size;
};

/* The machine's device tree, or the user's completed, in malloc'ed memory. */
int riscv_virt_fdt(struct riscv_virt *v, u8 **ret_blob, u32 *ret_size, struct err *err) MUST_CHECK;

/* Disks, networks, randomness. */
int riscv_virt_add_io(struct riscv_virt *v, struct err *err) MUST_CHECK;

/* machine_class.boot */
int riscv_virt_boot(struct machine *m, struct err *err) MUST_CHECK;

#endif
