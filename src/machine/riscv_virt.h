/*
 * riscv_virt.h - the riscv-virt board: what its files share.
 *
 * Addresses and interrupt numbers are those of QEMU's `virt` machine, so that firmware
 * built for that one runs here.
 */
#ifndef MACHINE_RISCV_VIRT_H
#define MACHINE_RISCV_VIRT_H

#include "machine/firmware/sbi.h"
#include "machine/virt.h"

#define RISCV_VIRT_RAM 0x80000000ull
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
    struct virt virt; /* first; irq_to: the PLIC or the S-level (without firmware: only) APLIC */
    struct sbi sbi;
    bool aia;             /* irqchip=aia */
    bool firmware;        /* an M-mode firmware file runs, not the built-in SBI */
    struct device *imsic; /* borrows: NULL without AIA */
    gpa_t info_at;        /* of the boot plan; 0: none */
};

static inline struct riscv_virt *riscv_virt_of(struct machine *m)
{
    return container_of(m, struct riscv_virt, virt.m);
}

/* virt_fdt_fn */
int riscv_virt_fdt(struct virt *v, u8 **ret_blob, u32 *ret_size, struct err *err) MUST_CHECK;

/* machine_class.boot */
int riscv_virt_boot(struct machine *m, struct err *err) MUST_CHECK;

#endif
