/*
 * arm_virt.h - the arm-virt board: what its files share.
 *
 * Addresses and interrupt numbers are those of QEMU's `virt` machine, so that guests and firmware
 * built for that one run here.
 */
#ifndef MACHINE_ARM_VIRT_H
#define MACHINE_ARM_VIRT_H

#include "machine/firmware/psci.h"
#include "machine/virt.h"

#define ARM_VIRT_ECAM     0x4010000000ull
#define ARM_VIRT_PCI_HIGH 0x8000000000ull
enum {
    ARM_VIRT_FLASH = 0, /* two of them, one behind the other */
    ARM_VIRT_FLASH_SIZE = 0x04000000,
    ARM_VIRT_GIC_DIST = 0x08000000,
    ARM_VIRT_GIC_CPU = 0x08010000, /* GICv2 */
    ARM_VIRT_GIC_V2M = 0x08020000,
    ARM_VIRT_GIC_ITS = 0x08080000,
    ARM_VIRT_GIC_REDIST = 0x080a0000,
    ARM_VIRT_UART = 0x09000000,
    ARM_VIRT_RTC = 0x09010000,
    ARM_VIRT_FW_CFG = 0x09020000,
    ARM_VIRT_GPIO = 0x09030000,
    ARM_VIRT_VIRTIO = 0x0a000000,
    ARM_VIRT_PVPANIC = 0x0c000000, /* of QEMU's room for devices that a user adds */
    ARM_VIRT_PCI_MMIO = 0x10000000,
    ARM_VIRT_PCI_MMIO_SIZE = 0x2eff0000,
    ARM_VIRT_PCI_IO = 0x3eff0000,
    ARM_VIRT_RAM = 0x40000000,
};

/* Shared interrupts, by number from the first one. */
enum {
    ARM_VIRT_IRQ_UART = 1,
    ARM_VIRT_IRQ_RTC = 2,
    ARM_VIRT_IRQ_PCI = 3,
    ARM_VIRT_IRQ_GPIO = 7,
    ARM_VIRT_IRQ_VIRTIO = 16,
    ARM_VIRT_IRQ_V2M = 48, /* messages of a GICv2m */
    ARM_VIRT_IRQ_V2M_COUNT = 64,
    ARM_VIRT_IRQ_COUNT = 256
};
enum { ARM_VIRT_APB_CLOCK = 24000000, ARM_VIRT_GPIO_POWER = 3 };

struct arm_virt {
    struct virt virt; /* first; irq_to: the GIC */
    struct psci psci;
    bool gicv2;           /* irqchip=gicv2 */
    struct device *flash; /* borrows: that with the firmware; NULL: none */
};

static inline struct arm_virt *arm_virt_of(struct machine *m)
{
    return container_of(m, struct arm_virt, virt.m);
}

/* virt_fdt_fn */
int arm_virt_fdt(struct virt *v, u8 **ret_blob, u32 *ret_size, struct err *err) MUST_CHECK;

/* What UEFI hands on: ACPI tables and SMBIOS, by fw_cfg. All devices are there. */
int arm_virt_acpi(struct arm_virt *a, struct err *err) MUST_CHECK;

/* machine_class.boot */
int arm_virt_boot(struct machine *m, struct err *err) MUST_CHECK;

#endif
