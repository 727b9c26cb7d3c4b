/*
 * arm_virt_fdt.c - the device tree of an arm-virt machine.
 *
 * Bindings: Linux Documentation/devicetree/bindings.
 */
#include "machine/arm_virt.h"

#include "base/bits.h"
#include "dev/irqchip/gicv2.h"
#include "dev/irqchip/gicv3.h"
#include "isa/arm64/sysreg.h"
#include <stdio.h>

/* interrupt-controller/arm,gic-v3.yaml: kinds of interrupts, and the first number of the private
 * ones. */
enum { GIC_SPI = 0, GIC_PPI = 1, PPI_FIRST = 16 };
enum { KEY_POWER = 116 }; /* Linux, input-event-codes.h */

struct tree {
    struct virt_tree t; /* irq_to, msi_to: the GIC and its ITS */
    u32 clock, gpio;    /* phandles */
};

static unsigned irq_cells(const struct virt_tree *t, u32 irq, u32 cells[VIRT_IRQ_CELLS])
{
    cells[0] = GIC_SPI;
    cells[1] = irq;
    cells[2] = IRQ_TYPE_LEVEL_HIGH;
    return 3;
}

static void cpu_nodes(struct virt_tree *t)
{
    struct fdt_writer *f = &t->f;

    fdt_node(f, "cpus");
    fdt_cells(f, "#address-cells", 1);
    fdt_cells(f, "#size-cells", 0);
    for (unsigned i = 0; i < t->v->m.cfg->cpus; i++) {
        u32 affinity = (u32)arm_affinity(i);

        fdt_node(f, "cpu@%x", affinity);
        fdt_prop_str(f, "device_type", "cpu");
        fdt_prop_str(f, "compatible", "arm,armv8");
        fdt_cells(f, "reg", affinity);
        fdt_prop_str(f, "enable-method", "psci");
        fdt_end(f);
    }
    fdt_end(f);
}

static void psci_node(struct virt_tree *t)
{
    fdt_node(&t->f, "psci");
    fdt_prop_strs(&t->f, "compatible", (const char *[]){ "arm,psci-1.0", "arm,psci-0.2", NULL });
    /* HVC is a call to EL2 where there is one */
    fdt_prop_str(&t->f, "method", t->v->m.cfg->virtualization ? "smc" : "hvc");
    fdt_end(&t->f);
}

static u32 ppi_flags(const struct virt_tree *t)
{
    bool gicv2 = arm_virt_of(&t->v->m)->gicv2;

    return IRQ_TYPE_LEVEL_HIGH | (gicv2 ? (u32)bits_mask(t->v->m.cfg->cpus) << 8 : 0);
}

static void pmu_node(struct virt_tree *t)
{
    fdt_node(&t->f, "pmu");
    fdt_prop_str(&t->f, "compatible", "arm,armv8-pmuv3");
    fdt_cells(&t->f, "interrupt-parent", t->irq_to);
    fdt_cells(&t->f, "interrupts", GIC_PPI, ARM_PPI_PMU - PPI_FIRST, ppi_flags(t));
    fdt_end(&t->f);
}

/* The binding goes by place: secure, physical, virtual, hypervisor, hypervisor's virtual. CPUs
 * without EL2 have two of them. A GICv2's binding also names the CPUs. */
static void timer_node(struct virt_tree *t)
{
    enum { SECURE = 29 };
    static const u32 intids[] = { SECURE, ARM_PPI_TIMER_PHYSICAL, ARM_PPI_TIMER_VIRTUAL,
                                  ARM_PPI_TIMER_HYP_PHYSICAL, ARM_PPI_TIMER_HYP_VIRTUAL };
    unsigned count = t->v->m.cfg->virtualization ? ARRAY_SIZE(intids) : ARRAY_SIZE(intids) - 1;
    u32 flags = ppi_flags(t);
    u32 cells[3 * ARRAY_SIZE(intids)];

    for (unsigned i = 0; i < count; i++) {
        cells[3 * i] = GIC_PPI;
        cells[3 * i + 1] = intids[i] - PPI_FIRST;
        cells[3 * i + 2] = flags;
    }
    fdt_node(&t->f, "timer");
    fdt_prop_str(&t->f, "compatible", "arm,armv8-timer");
    fdt_cells(&t->f, "interrupt-parent", t->irq_to);
    fdt_prop_cells(&t->f, "interrupts", cells, 3 * count);
    fdt_prop_empty(&t->f, "always-on");
    fdt_end(&t->f);
}

static void its_node(struct virt_tree *t)
{
    fdt_node(&t->f, "msi-controller@%x", ARM_VIRT_GIC_ITS);
    fdt_prop_str(&t->f, "compatible", "arm,gic-v3-its");
    fdt_prop_reg(&t->f, ARM_VIRT_GIC_ITS, GICV3_ITS_SIZE);
    fdt_prop_empty(&t->f, "msi-controller");
    fdt_cells(&t->f, "#msi-cells", 1);
    fdt_cells(&t->f, "phandle", t->msi_to);
    fdt_end(&t->f);
}

static void v2m_node(struct virt_tree *t)
{
    fdt_node(&t->f, "v2m@%x", ARM_VIRT_GIC_V2M);
    fdt_prop_str(&t->f, "compatible", "arm,gic-v2m-frame");
    fdt_prop_reg(&t->f, ARM_VIRT_GIC_V2M, GICV2_MSI_SIZE);
    fdt_prop_empty(&t->f, "msi-controller");
    fdt_cells(&t->f, "phandle", t->msi_to);
    fdt_end(&t->f);
}

static void gic_node(struct virt_tree *t)
{
    struct fdt_writer *f = &t->f;
    bool gicv2 = arm_virt_of(&t->v->m)->gicv2;

    fdt_node(f, "intc@%x", ARM_VIRT_GIC_DIST);
    fdt_prop_str(f, "compatible", gicv2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    if (gicv2)
        fdt_cells(f, "reg", 0, ARM_VIRT_GIC_DIST, 0, GICV2_DIST_SIZE, 0, ARM_VIRT_GIC_CPU, 0,
                  GICV2_CPU_SIZE);
    else
        fdt_cells(f, "reg", 0, ARM_VIRT_GIC_DIST, 0, GICV3_DIST_SIZE, 0, ARM_VIRT_GIC_REDIST, 0,
                  t->v->m.cfg->cpus * (u32)GICV3_REDIST_STEP);
    if (t->v->m.cfg->virtualization)
        fdt_cells(f, "interrupts", GIC_PPI, GICV3_PPI_MAINTENANCE - PPI_FIRST, IRQ_TYPE_LEVEL_HIGH);
    fdt_cells(f, "#interrupt-cells", 3);
    fdt_prop_empty(f, "interrupt-controller");
    fdt_cells(f, "#address-cells", 2);
    fdt_cells(f, "#size-cells", 2);
    fdt_prop_empty(f, "ranges");
    fdt_cells(f, "phandle", t->irq_to);
    if (gicv2)
        v2m_node(t);
    else
        its_node(t);
    fdt_end(f);
}

static void clock_node(struct tree *t)
{
    struct fdt_writer *f = &t->t.f;

    t->clock = fdt_phandle_new(f);
    fdt_node(f, "apb-pclk");
    fdt_prop_str(f, "compatible", "fixed-clock");
    fdt_cells(f, "#clock-cells", 0);
    fdt_cells(f, "clock-frequency", ARM_VIRT_APB_CLOCK);
    fdt_prop_str(f, "clock-output-names", "clk24mhz");
    fdt_cells(f, "phandle", t->clock);
    fdt_end(f);
}

/* The beginning of a PrimeCell's node: its driver asks for the bus's clock. */
static void primecell_node(struct tree *t, const char *name, u32 at, u32 irq)
{
    struct fdt_writer *f = &t->t.f;
    char compatible[16];

    snprintf(compatible, sizeof compatible, "arm,%s", name);
    fdt_node(f, "%s@%x", name, at);
    fdt_prop_strs(f, "compatible", (const char *[]){ compatible, "arm,primecell", NULL });
    fdt_prop_reg(f, at, 0x1000);
    virt_irq_props(&t->t, irq);
}

static void uart_node(struct tree *t)
{
    struct fdt_writer *f = &t->t.f;

    primecell_node(t, "pl011", ARM_VIRT_UART, ARM_VIRT_IRQ_UART);
    fdt_cells(f, "clocks", t->clock, t->clock);
    fdt_prop_strs(f, "clock-names", (const char *[]){ "uartclk", "apb_pclk", NULL });
    fdt_end(f);
}

static void rtc_node(struct tree *t)
{
    primecell_node(t, "pl031", ARM_VIRT_RTC, ARM_VIRT_IRQ_RTC);
    fdt_cells(&t->t.f, "clocks", t->clock);
    fdt_prop_str(&t->t.f, "clock-names", "apb_pclk");
    fdt_end(&t->t.f);
}

static void gpio_node(struct tree *t)
{
    struct fdt_writer *f = &t->t.f;

    t->gpio = fdt_phandle_new(f);
    primecell_node(t, "pl061", ARM_VIRT_GPIO, ARM_VIRT_IRQ_GPIO);
    fdt_cells(f, "clocks", t->clock);
    fdt_prop_str(f, "clock-names", "apb_pclk");
    fdt_cells(f, "#gpio-cells", 2);
    fdt_prop_empty(f, "gpio-controller");
    fdt_cells(f, "#address-cells", 0);
    fdt_cells(f, "#interrupt-cells", 2);
    fdt_prop_empty(f, "interrupt-controller");
    fdt_cells(f, "phandle", t->gpio);
    fdt_end(f);
}

static void button_node(struct tree *t)
{
    struct fdt_writer *f = &t->t.f;

    fdt_node(f, "gpio-keys");
    fdt_prop_str(f, "compatible", "gpio-keys");
    fdt_node(f, "poweroff");
    fdt_prop_str(f, "label", "Power button");
    fdt_cells(f, "linux,code", KEY_POWER);
    fdt_cells(f, "gpios", t->gpio, ARM_VIRT_GPIO_POWER, 0);
    fdt_end(f);
    fdt_end(f);
}

static void flash_node(struct virt_tree *t)
{
    enum { SIZE = ARM_VIRT_FLASH_SIZE };

    if (!arm_virt_of(&t->v->m)->flash)
        return;
    fdt_node(&t->f, "flash@%x", ARM_VIRT_FLASH);
    fdt_prop_str(&t->f, "compatible", "cfi-flash");
    fdt_cells(&t->f, "reg", 0, ARM_VIRT_FLASH, 0, SIZE, 0, ARM_VIRT_FLASH + SIZE, 0, SIZE);
    fdt_cells(&t->f, "bank-width", 4);
    fdt_end(&t->f);
}

static void root_node(struct virt_tree *virt, const struct fdt_chosen *chosen)
{
    struct tree *t = container_of(virt, struct tree, t);
    struct fdt_writer *f = &virt->f;

    virt->irq_to = fdt_phandle_new(f);
    virt->msi_to = fdt_phandle_new(f);
    fdt_node(f, "%s", "");
    fdt_cells(f, "#address-cells", 2);
    fdt_cells(f, "#size-cells", 2);
    fdt_cells(f, "interrupt-parent", virt->irq_to);
    fdt_prop_str(f, "compatible", "linux,dummy-virt");
    fdt_prop_str(f, "model", "vm,arm-virt");
    virt_chosen_node(virt, chosen);
    virt_memory_node(virt);
    cpu_nodes(virt);
    psci_node(virt);
    timer_node(virt);
    pmu_node(virt);
    gic_node(virt);
    clock_node(t);
    uart_node(t);
    rtc_node(t);
    gpio_node(t);
    button_node(t);
    flash_node(virt);
    virt_pvpanic_node(virt);
    virt_virtio_nodes(virt);
    virt_pci_node(virt);
    virt_fw_cfg_node(virt);
    fdt_end(f);
}

int arm_virt_fdt(struct virt *v, u8 **ret_blob, u32 *ret_size, struct err *err)
{
    struct tree t = { .t = { .irq_cells = irq_cells,
                             .irq_address_cells = 2,
                             .msi_by_id = !arm_virt_of(&v->m)->gicv2 } };

    return virt_fdt(v, &t.t, root_node, ret_blob, ret_size, err);
}
