/*
 * arm_virt_acpi.c - the ACPI tables of an arm-virt machine with UEFI (ACPI 6.5; Arm's Base Boot
 * Requirements, DEN0044, say which; IORT: DEN0049; MCFG: PCI Firmware Specification; SPCR:
 * Microsoft's). They tell what the device tree does.
 *
 * GSIV n is the GIC's INTID n.
 */
#include "machine/acpi/tables.h"
#include "machine/arm_virt.h"

#include "dev/irqchip/gicv2.h"
#include "dev/irqchip/gicv3.h"
#include "dev/pci/pci.h"
#include "isa/arm64/sysreg.h"
#include <stdio.h>

enum { SPI = 32 };
enum { FW_CFG_SIZE = 0x18, PVPANIC_SIZE = 2, VIRTIO_SIZE = 0x200, PRIMECELL = 0x1000 };

/* --- DSDT --- */

/* What most devices have; gsiv 0: no interrupt. */
static void resources(struct acpi_bytes *b, u32 at, u32 size, u32 gsiv)
{
    u32 mark = aml_resources(b, "_CRS");

    aml_memory(b, at, size);
    if (gsiv)
        aml_interrupt(b, gsiv);
    aml_resources_end(b, mark);
}

static void put_cpus(struct acpi_bytes *b, const struct virt *v)
{
    for (unsigned i = 0; i < v->m.cfg->cpus; i++) {
        char name[16];

        snprintf(name, sizeof name, "C%03X", i);
        aml_end(b, aml_device(b, name, "ACPI0007", i));
    }
}

static void put_virtio(struct acpi_bytes *b, const struct virt *v)
{
    const struct virt_layout *l = v->layout;

    for (unsigned i = 0; i < v->mmio_count; i++) {
        char name[16];
        u32 mark;

        snprintf(name, sizeof name, "VR%02X", i);
        mark = aml_device(b, name, "LNRO0005", i);
        aml_name_int(b, "_CCA", 1);
        resources(b, (u32)l->virtio + i * l->virtio_stride, VIRTIO_SIZE, SPI + l->irq_virtio + i);
        aml_end(b, mark);
    }
}

/* The controller tells by an event of its pin that the button was pressed. */
static void put_button(struct acpi_bytes *b)
{
    u32 mark = aml_device(b, "GPO0", "ARMH0061", 0), part;
    char method[16];

    resources(b, ARM_VIRT_GPIO, PRIMECELL, SPI + ARM_VIRT_IRQ_GPIO);
    part = aml_resources(b, "_AEI");
    aml_pin_interrupt(b, ARM_VIRT_GPIO_POWER, "GPO0");
    aml_resources_end(b, part);
    snprintf(method, sizeof method, "_E%02X", ARM_VIRT_GPIO_POWER);
    part = aml_method(b, method, 0);
    aml_notify(b, "\\_SB.PWRB", 0x80);
    aml_end(b, part);
    aml_end(b, mark);
    aml_end(b, aml_device(b, "PWRB", "PNP0C0C", 0));
}

static void put_platform(struct acpi_bytes *b, const struct virt *v)
{
    u32 mark = aml_device(b, "COM0", "ARMH0011", 0);

    resources(b, ARM_VIRT_UART, PRIMECELL, SPI + ARM_VIRT_IRQ_UART);
    aml_end(b, mark);
    mark = aml_device(b, "FWCF", "QEMU0002", 0);
    aml_name_int(b, "_STA", 0xb); /* there, and not for the user's eyes */
    aml_name_int(b, "_CCA", 1);
    resources(b, ARM_VIRT_FW_CFG, FW_CFG_SIZE, 0);
    aml_end(b, mark);
    mark = aml_device(b, "PEVT", "QEMU0001", 0);
    aml_name_int(b, "_STA", 0xf);
    resources(b, ARM_VIRT_PVPANIC, PVPANIC_SIZE, 0);
    aml_end(b, mark);
}

/* Of each slot's pins, as in the device tree: to which input of the GIC. */
static void put_routes(struct acpi_bytes *b, u32 irq)
{
    enum { SLOTS = PCI_FUNCS / 8 };
    u32 mark, row;

    aml_name(b, "_PRT");
    mark = aml_package(b, SLOTS * PCI_LINES);
    for (u32 slot = 0; slot < SLOTS; slot++)
        for (u32 pin = 0; pin < PCI_LINES; pin++) {
            row = aml_package(b, 4);
            aml_int(b, slot << 16 | 0xffff);
            aml_int(b, pin);
            aml_int(b, 0);
            aml_int(b, SPI + irq + (slot + pin) % PCI_LINES);
            aml_end(b, row);
        }
    aml_end(b, mark);
}

static void put_pci(struct acpi_bytes *b, const struct virt *v)
{
    enum { PCIE_CAPABILITY = 1 << 4 };
    const struct virt_layout *l = v->layout;
    u32 mark = aml_device(b, "PCI0", "PNP0A08", 0), part;

    aml_compatible(b, "PNP0A03"); /* Linux's driver is that of a PCI host bridge */
    aml_name_int(b, "_SEG", 0);
    aml_name_int(b, "_BBN", 0);
    aml_name_int(b, "_CCA", 1);
    put_routes(b, l->irq_pci);
    part = aml_resources(b, "_CRS");
    aml_bus_range(b, 0, 0);
    aml_window(b, l->pci_mmio, l->pci_mmio_size);
    aml_window(b, v->pci_high, l->pci_high_size);
    aml_resources_end(b, part);
    aml_pci_osc(b, PCIE_CAPABILITY);
    aml_end(b, mark);
    mark = aml_device(b, "RES0", "PNP0C02", 0);
    part = aml_resources(b, "_CRS");
    aml_window(b, l->ecam, PCI_ECAM_SIZE);
    aml_resources_end(b, part);
    aml_end(b, mark);
}

static u32 put_dsdt(struct acpi_tables *t, const struct virt *v)
{
    u32 at = acpi_table_begin(t, "DSDT", 2), scope = aml_scope(&t->bytes, "\\_SB");

    put_cpus(&t->bytes, v);
    put_platform(&t->bytes, v);
    put_button(&t->bytes);
    put_virtio(&t->bytes, v);
    put_pci(&t->bytes, v);
    aml_end(&t->bytes, scope);
    acpi_table_end(t, false);
    return at;
}

/* --- the other tables --- */

/* 5.2.9. Nothing of a PC's fixed hardware. */
static void put_fadt(struct acpi_tables *t, u32 dsdt)
{
    enum { SIZE = 276, FLAGS = 112, ARM_FLAGS = 129, MINOR = 131, X_DSDT = 140 };
    enum { HW_REDUCED = 1 << 20, PSCI = 1, PSCI_BY_HVC = 2 };
    u32 at = acpi_table_begin(t, "FACP", 6);

    acpi_put_zeroes(&t->bytes, SIZE - (t->bytes.len - at));
    acpi_patch(&t->bytes, at + FLAGS, HW_REDUCED, 4);
    acpi_patch(&t->bytes, at + ARM_FLAGS, PSCI | PSCI_BY_HVC, 2);
    acpi_patch(&t->bytes, at + MINOR, 0, 1);
    acpi_table_pointer(t, at + X_DSDT, dsdt);
    acpi_table_end(t, true);
}

/* 5.2.12.14 to 18. */
static void put_madt(struct acpi_tables *t, const struct arm_virt *a)
{
    enum { GICC = 11, GICD, MSI_FRAME, GICR, ITS, ENABLED = 1 };
    struct acpi_bytes *b = &t->bytes;
    unsigned cpus = a->virt.m.cfg->cpus;

    acpi_table_begin(t, "APIC", 4);
    acpi_put_zeroes(b, 8);
    for (unsigned i = 0; i < cpus; i++) {
        acpi_ints(b, 1, GICC, 80, 0, 0);
        acpi_ints(b, 4, i, i, ENABLED, 0, ARM_PPI_PMU);
        acpi_ints(b, 8, 0, a->gicv2 ? ARM_VIRT_GIC_CPU : 0, 0, 0);
        acpi_put_int(b, 0, 4);
        acpi_ints(b, 8, 0, arm_affinity(i));
        acpi_put_int(b, 0, 4);
    }
    acpi_ints(b, 1, GICD, 24, 0, 0);
    acpi_put_int(b, 0, 4);
    acpi_put_int(b, ARM_VIRT_GIC_DIST, 8);
    acpi_put_int(b, 0, 4);
    acpi_ints(b, 1, a->gicv2 ? 2 : 3, 0, 0, 0);
    if (a->gicv2) {
        acpi_ints(b, 1, MSI_FRAME, 24, 0, 0);
        acpi_put_int(b, 0, 4);
        acpi_put_int(b, ARM_VIRT_GIC_V2M, 8);
        acpi_put_int(b, 1, 4); /* the numbers that follow count */
        acpi_ints(b, 2, ARM_VIRT_IRQ_V2M_COUNT, SPI + ARM_VIRT_IRQ_V2M);
    } else {
        acpi_ints(b, 1, GICR, 16, 0, 0);
        acpi_put_int(b, ARM_VIRT_GIC_REDIST, 8);
        acpi_put_int(b, cpus * (u64)GICV3_REDIST_STEP, 4);
        acpi_ints(b, 1, ITS, 20, 0, 0);
        acpi_put_int(b, 0, 4);
        acpi_put_int(b, ARM_VIRT_GIC_ITS, 8);
        acpi_put_int(b, 0, 4);
    }
    acpi_table_end(t, true);
}

/* 5.2.25: the secure, physical, virtual and hypervisor's timers, by level; no memory-mapped ones.
 */
static void put_gtdt(struct acpi_tables *t)
{
    enum { SECURE = 29, HYPERVISOR = 26, ALWAYS_ON = 4 };
    struct acpi_bytes *b = &t->bytes;

    acpi_table_begin(t, "GTDT", 2);
    acpi_put_int(b, ~0ull, 8);
    acpi_ints(b, 4, 0, SECURE, ALWAYS_ON, ARM_PPI_TIMER_PHYSICAL, ALWAYS_ON, ARM_PPI_TIMER_VIRTUAL,
              ALWAYS_ON, HYPERVISOR, ALWAYS_ON);
    acpi_put_int(b, ~0ull, 8);
    acpi_ints(b, 4, 0, 0);
    acpi_table_end(t, true);
}

static void put_mcfg(struct acpi_tables *t, const struct virt *v)
{
    acpi_table_begin(t, "MCFG", 1);
    acpi_put_zeroes(&t->bytes, 8);
    acpi_put_int(&t->bytes, v->layout->ecam, 8);
    acpi_put_zeroes(&t->bytes, 8); /* segment 0, buses 0 to 0 */
    acpi_table_end(t, true);
}

static void put_spcr(struct acpi_tables *t)
{
    enum { PL011 = 3, BY_GIC = 8, BAUD_115200 = 7, ONE_STOP_BIT = 1, VT100 = 0, NO_PCI = 0xffff };
    struct acpi_bytes *b = &t->bytes;

    acpi_table_begin(t, "SPCR", 2);
    acpi_ints(b, 1, PL011, 0, 0, 0);
    acpi_ints(b, 1, 0, 32, 0, 3); /* memory, registers of 32 bits */
    acpi_put_int(b, ARM_VIRT_UART, 8);
    acpi_ints(b, 1, BY_GIC, 0);
    acpi_put_int(b, SPI + ARM_VIRT_IRQ_UART, 4);
    acpi_ints(b, 1, BAUD_115200, 0, ONE_STOP_BIT, 0, VT100, 0);
    acpi_ints(b, 2, NO_PCI, NO_PCI);
    acpi_put_zeroes(b, 12);
    acpi_table_end(t, true);
}

/* Messages of the PCI bridge's functions go to the ITS, by their requester's id. */
static void put_iort(struct acpi_tables *t)
{
    enum { HEAD = 48, ITS_SIZE = 24, ROOT_SIZE = 36, MAP_SIZE = 20, COHERENT = 1, CPM_DACS = 3 };
    struct acpi_bytes *b = &t->bytes;

    acpi_table_begin(t, "IORT", 3);
    acpi_ints(b, 4, 2, HEAD, 0);
    acpi_ints(b, 1, 0, ITS_SIZE, 0, 1);
    acpi_ints(b, 4, 0, 0, 0, 1, 0); /* no mappings; one ITS, of id 0 */
    acpi_ints(b, 1, 2, ROOT_SIZE + MAP_SIZE, 0, 3);
    acpi_ints(b, 4, 1, 1, ROOT_SIZE, COHERENT);
    acpi_ints(b, 1, 0, 0, 0, CPM_DACS);
    acpi_ints(b, 4, 0, 0);
    acpi_ints(b, 1, 64, 0, 0, 0); /* bits of address that devices reach */
    acpi_ints(b, 4, 0, 0xffff, 0, HEAD, 0);
    acpi_table_end(t, true);
}

int arm_virt_acpi(struct arm_virt *a, struct err *err)
{
    const struct virt *v = &a->virt;
    const struct smbios_facts facts = { "arm-virt", v->m.cfg->cpus, v->m.cfg->memory,
                                        ARM_VIRT_RAM };
    struct acpi_tables t = { 0 };
    u32 dsdt = put_dsdt(&t, v);
    int rc;

    put_fadt(&t, dsdt);
    put_madt(&t, a);
    put_gtdt(&t);
    put_mcfg(&t, v);
    put_spcr(&t);
    if (!a->gicv2)
        put_iort(&t);
    rc = acpi_tables_finish(&t, v->fw_cfg, err);
    return rc < 0 ? rc : smbios_give(&facts, v->fw_cfg, err);
}
