/*
 * arm_virt.c - the arm-virt board: devices, interrupt routing, boot, reset.
 */
#include "machine/arm_virt.h"

#include "dev/irqchip/gicv2.h"
#include "dev/irqchip/gicv3.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/sysreg.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The controllers number spaces and lines as the CPUs do. */
_Static_assert((unsigned)GICV3_SPACE_CPU == ARM_SPACE_GIC &&
                   (unsigned)GICV3_SPACE_PPI == ARM_SPACE_PPI &&
                   (unsigned)GICV3_SPACE_VIRTUAL == ARM_SPACE_GIC_VIRTUAL &&
                   (unsigned)GICV3_LINE_VIRQ == ARM_LINE_VIRQ &&
                   (unsigned)GICV3_LINE_VFIQ == ARM_LINE_VFIQ &&
                   (unsigned)GICV3_LINE_IRQ == ARM_LINE_IRQ &&
                   (unsigned)GICV3_LINE_FIQ == ARM_LINE_FIQ,
               "what the GIC and the CPUs are told of each other");
_Static_assert((unsigned)GICV2_SPACE_PPI == ARM_SPACE_PPI &&
                   (unsigned)GICV2_LINE_IRQ == ARM_LINE_IRQ &&
                   (unsigned)GICV2_LINE_FIQ == ARM_LINE_FIQ,
               "what the GICv2 and the CPUs are told of each other");
_Static_assert((int)GICV3_MAX_CPUS >= (int)CPU_POWER_MAX, "the board's number of CPUs");

static const struct virt_layout layout = {
    .ram = ARM_VIRT_RAM,
    .virtio = ARM_VIRT_VIRTIO,
    .virtio_stride = 0x200,
    .virtio_slots = 32,
    .ecam = ARM_VIRT_ECAM,
    .pci_io = ARM_VIRT_PCI_IO,
    .pci_mmio = ARM_VIRT_PCI_MMIO,
    .pci_mmio_size = ARM_VIRT_PCI_MMIO_SIZE,
    .pci_high_size = 512 * GIB,
    .fw_cfg = ARM_VIRT_FW_CFG,
    .pvpanic = ARM_VIRT_PVPANIC,
    .irq_virtio = ARM_VIRT_IRQ_VIRTIO,
    .irq_pci = ARM_VIRT_IRQ_PCI,
    .kaslr_seed = true,
    .console = "/pl011@9000000",
};

/* --- devices --- */

/* The CPUs then have no system registers of a GIC, and their ID registers say so. */
static int add_gicv2(struct virt *v, struct err *err)
{
    char spis[16], first[16], count[16];
    const struct dev_setting settings[] = { { .name = "spis", .text = spis },
                                            { .name = "msi-first", .text = first },
                                            { .name = "msi-count", .text = count } };
    int rc;

    if (v->m.cfg->virtualization)
        return err_set(err, EINVAL,
                       "virtualization=on needs irqchip=gicv3, whose virtual CPU "
                       "interface guests of guests use");
    snprintf(spis, sizeof spis, "%d", ARM_VIRT_IRQ_COUNT);
    snprintf(first, sizeof first, "%d", ARM_VIRT_IRQ_V2M);
    snprintf(count, sizeof count, "%d", ARM_VIRT_IRQ_V2M_COUNT);
    rc = machine_add_device(&v->m, "gicv2", v->m.irqchip, ARM_VIRT_GIC_DIST, settings,
                            ARRAY_SIZE(settings), &v->irq_to, err);
    if (rc == 0)
        rc = dev_map(v->irq_to, GICV2_CPU, v->m.map, ARM_VIRT_GIC_CPU, err);
    return rc < 0 ? rc : dev_map(v->irq_to, GICV2_MSI, v->m.map, ARM_VIRT_GIC_V2M, err);
}

static int add_gicv3(struct virt *v, struct err *err)
{
    char spis[16];
    const struct dev_setting settings[] = { { .name = "spis", .text = spis },
                                            { .name = "its", .text = "on" },
                                            { .name = "virtualization",
                                              .text = v->m.cfg->virtualization ? "on" : "off" } };
    int rc;

    snprintf(spis, sizeof spis, "%d", ARM_VIRT_IRQ_COUNT);
    rc = machine_add_device(&v->m, "gicv3", v->m.irqchip, ARM_VIRT_GIC_DIST, settings,
                            ARRAY_SIZE(settings), &v->irq_to, err);
    if (rc == 0)
        rc = dev_map(v->irq_to, GICV3_REDIST, v->m.map, ARM_VIRT_GIC_REDIST, err);
    return rc < 0 ? rc : dev_map(v->irq_to, GICV3_ITS, v->m.map, ARM_VIRT_GIC_ITS, err);
}

static int add_wired(struct virt *v, const char *name, gpa_t at, unsigned irq,
                     const struct dev_setting *setting, struct device **ret, struct err *err)
{
    int rc = machine_add_device(&v->m, name, v->m.io, at, setting, setting != NULL, ret, err);

    if (rc == 0)
        dev_irq_connect(*ret, 0, v->irq_to, irq);
    return rc;
}

/* The key is a pin of the GPIO. */
static int add_power_button(struct virt *v, struct err *err)
{
    struct device *gpio;
    int rc = add_wired(v, "gpio-pl061", ARM_VIRT_GPIO, ARM_VIRT_IRQ_GPIO, NULL, &gpio, err);

    if (rc == 0)
        rc = machine_make_device(&v->m, "gpio-key", v->m.io, ARM_VIRT_GPIO_POWER, NULL, 0,
                                 &v->button, err);
    if (rc == 0)
        dev_irq_connect(v->button, 0, gpio, ARM_VIRT_GPIO_POWER);
    return rc;
}

static int add_bank(struct virt *v, unsigned n, const struct dev_setting *more, struct device **ret,
                    struct err *err)
{
    char size[16];
    const struct dev_setting settings[] = { { .name = "size", .text = size },
                                            { .name = "block", .text = "256k" },
                                            *more };

    snprintf(size, sizeof size, "%u", ARM_VIRT_FLASH_SIZE);
    return machine_add_device(&v->m, "flash-cfi", v->m.io,
                              ARM_VIRT_FLASH + n * (gpa_t)ARM_VIRT_FLASH_SIZE, settings,
                              ARRAY_SIZE(settings), ret, err);
}

/* The firmware's program, and behind it what it keeps. Only where there is firmware. */
static int add_flash(struct arm_virt *a, struct err *err)
{
    struct virt *v = &a->virt;
    const struct dev_setting readonly = { .name = "readonly", .text = "on" };
    struct dev_setting drive = { .name = "readonly", .text = "off" };
    struct blk_image *vars;
    struct device *d;
    int rc;

    if (!v->m.cfg->firmware && v->m.cfg->firmware_vars)
        return err_set(err, EINVAL,
                       "--firmware-vars %s: there is no --firmware that keeps anything",
                       v->m.cfg->firmware_vars);
    v->flash_boots = v->m.cfg->firmware != NULL;
    if (!v->flash_boots)
        return 0;
    if (v->m.cfg->firmware_vars) {
        rc = machine_open_firmware_vars(&v->m, &vars, err);
        if (rc < 0)
            return rc;
        drive = (struct dev_setting){ .name = "drive", .ptr = vars };
    }
    rc = add_bank(v, 0, &readonly, &a->flash, err);
    return rc < 0 ? rc : add_bank(v, 1, &drive, &d, err);
}

static int init(struct machine *m, struct err *err)
{
    struct arm_virt *a = arm_virt_of(m);
    struct virt *v = &a->virt;
    const struct dev_setting chardev = { .name = "chardev", .ptr = m->console };
    struct device *d;
    int rc;

    if (m->cfg->virtualization && m->cfg->cpu && strcmp(m->cfg->cpu, "cortex-a57") == 0)
        return err_set(err, ENOTSUP,
                       "CPU model cortex-a57 has no EL2 here: give --cpu max or neoverse-n1 with "
                       "virtualization=on");
    v->layout = &layout;
    v->pci_high = ARM_VIRT_PCI_HIGH;
    psci_init(&a->psci, &(struct psci_host){ m, machine_request }, m->engine, m->map, m->cfg->cpus);
    a->gicv2 = m->cfg->irqchip && strcmp(m->cfg->irqchip, "gicv2") == 0;
    if ((rc = a->gicv2 ? add_gicv2(v, err) : add_gicv3(v, err)) < 0 ||
        (rc = add_flash(a, err)) < 0 ||
        (rc = add_wired(v, "pl011", ARM_VIRT_UART, ARM_VIRT_IRQ_UART, &chardev, &d, err)) < 0 ||
        (rc = add_wired(v, "rtc-pl031", ARM_VIRT_RTC, ARM_VIRT_IRQ_RTC, NULL, &d, err)) < 0 ||
        (rc = add_power_button(v, err)) < 0)
        return rc;
    rc = virt_add_io(v, err);
    return rc < 0 || !v->flash_boots ? rc : arm_virt_acpi(a, err);
}

/* --- CPUs --- */

static bool firmware_call(struct machine *m, struct vcpu *c)
{
    return psci_call(&arm_virt_of(m)->psci, c);
}

static int sysreg_read(struct machine *m, struct vcpu *c, unsigned space, unsigned number, u64 *out)
{
    if (space == ARM_SPACE_BOARD) {
        *out = number == ARM_BOARD_EL2 && m->cfg->virtualization;
        return 0;
    }
    return dev_sysreg_read(arm_virt_of(m)->virt.irq_to, c->index, space, number, out);
}

static int sysreg_write(struct machine *m, struct vcpu *c, unsigned space, unsigned number, u64 to)
{
    return dev_sysreg_write(arm_virt_of(m)->virt.irq_to, c->index, space, number, to);
}

static bool msi(struct machine *m, u32 requester, gpa_t addr, u32 data)
{
    return dev_msi_input(arm_virt_of(m)->virt.irq_to, requester, addr, data);
}

/* --- reset --- */

/* The kernel finds the device tree by X0 (Linux, Documentation/arch/arm64/booting.rst), firmware at
 * the start of RAM. */
static void reset(struct machine *m)
{
    struct arm_virt *a = arm_virt_of(m);

    psci_reset(&a->psci, a->virt.entry, a->virt.flash_boots ? 0 : a->virt.dtb_at);
}

/* What else there is of state is the devices' and the CPUs'. */
static int load(struct machine *m, struct state_reader *r, struct err *err)
{
    psci_loaded(&arm_virt_of(m)->psci);
    return 0;
}

static const char *const irqchips[] = { "gicv3", "gicv2", NULL };

const struct machine_class arm_virt_class = {
    .name = "arm-virt",
    .doc = "Arm board of virtio devices, with the addresses of QEMU's virt",
    .isa = &arm64_isa,
    .handlers = arm64_interp_handlers,
    .ram_base = ARM_VIRT_RAM,
    .ram_min = 32 * MIB,
    .ram_max = 255 * GIB, /* what follows is the PCI bridge's */
    .max_cpus = CPU_POWER_MAX,
    .irqchips = irqchips,
    .cpus = arm64_models,
    .virtualization = true,
    .size = sizeof(struct arm_virt),
    .init = init,
    .boot = arm_virt_boot,
    .reset = reset,
    .load = load,
    .firmware_call = firmware_call,
    .sysreg_read = sysreg_read,
    .sysreg_write = sysreg_write,
    .msi = msi,
    .powerdown = virt_powerdown,
};
