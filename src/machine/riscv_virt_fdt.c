/*
 * riscv_virt_fdt.c - the device tree of a riscv-virt machine.
 *
 * Bindings: Linux Documentation/devicetree/bindings. With the built-in SBI the tree shows
 * what S-mode may use; with a firmware file, M-level parts too.
 */
#include "machine/riscv_virt.h"

#include "isa/riscv/state.h"
#include <stdio.h>

/* What CPU model rv64 offers, in the order of a riscv,isa string. */
static const char *const extensions[] = {
    "i",        "m",      "a",      "f",       "d",        "c",           "zicbom", "zicbop",
    "zicboz",   "zicntr", "zicond", "zicsr",   "zifencei", "zihintpause", "zihpm",  "zimop",
    "zaamo",    "zabha",  "zacas",  "zalrsc",  "zawrs",    "zfa",         "zfhmin", "zca",
    "zcb",      "zcd",    "zcmop",  "zba",     "zbb",      "zbc",         "zbkb",   "zbs",
    "sscofpmf", "sstc",   "svadu",  "svinval", "svnapot",  "svpbmt",      "svvptc", NULL
};
static const char *const aia_extensions[] = { "smaia", "ssaia", NULL };

enum { CBO_BLOCK = 64, EXTENSIONS_MAX = 64 };

struct tree {
    struct virt_tree t; /* irq_to, msi_to: the PLIC or the S-level APLIC; the S-level IMSICs */
    struct riscv_virt *v;
    unsigned cpus;
    u32 intc[SBI_MAX_HARTS]; /* phandles */
    u32 syscon;
};

static unsigned extension_list(const struct riscv_virt *v, const char **out)
{
    unsigned n = 0;

    for (unsigned i = 0; extensions[i]; i++)
        out[n++] = extensions[i];
    for (unsigned i = 0; v->aia && aia_extensions[i]; i++)
        out[n++] = aia_extensions[i];
    out[n] = NULL;
    return n;
}

/* "rv64imafdc_zicbom_…": single letters run together. */
static void isa_string(const char *const *list, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "rv64");

    for (unsigned i = 0; list[i] && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", list[i][1] ? "_" : "", list[i]);
}

static void cpu_node(struct tree *t, unsigned n, const char *const *list, const char *isa)
{
    struct fdt_writer *f = &t->t.f;

    t->intc[n] = fdt_phandle_new(f);
    fdt_node(f, "cpu@%x", n);
    fdt_prop_str(f, "device_type", "cpu");
    fdt_cells(f, "reg", n);
    fdt_prop_str(f, "status", "okay");
    fdt_prop_str(f, "compatible", "riscv");
    fdt_prop_str(f, "riscv,isa", isa);
    fdt_prop_str(f, "riscv,isa-base", "rv64i");
    fdt_prop_strs(f, "riscv,isa-extensions", list);
    fdt_prop_str(f, "mmu-type", "riscv,sv57");
    fdt_cells(f, "riscv,cbom-block-size", CBO_BLOCK);
    fdt_cells(f, "riscv,cbop-block-size", CBO_BLOCK);
    fdt_cells(f, "riscv,cboz-block-size", CBO_BLOCK);
    fdt_node(f, "interrupt-controller");
    fdt_cells(f, "#address-cells", 0);
    fdt_cells(f, "#interrupt-cells", 1);
    fdt_prop_empty(f, "interrupt-controller");
    fdt_prop_str(f, "compatible", "riscv,cpu-intc");
    fdt_cells(f, "phandle", t->intc[n]);
    fdt_end(f);
    fdt_end(f);
}

static void cpu_nodes(struct tree *t)
{
    const char *list[EXTENSIONS_MAX];
    char isa[512];

    extension_list(t->v, list);
    isa_string(list, isa, sizeof isa);
    fdt_node(&t->t.f, "cpus");
    fdt_cells(&t->t.f, "#address-cells", 1);
    fdt_cells(&t->t.f, "#size-cells", 0);
    fdt_cells(&t->t.f, "timebase-frequency", RISCV_VIRT_TIMEBASE);
    for (unsigned i = 0; i < t->cpus; i++)
        cpu_node(t, i, list, isa);
    fdt_end(&t->t.f);
}

/* interrupts-extended: for each hart its lines a and b (0: only a). */
static void hart_lines(struct tree *t, u32 a, u32 b)
{
    u32 cells[SBI_MAX_HARTS * 4];
    unsigned n = 0;

    for (unsigned i = 0; i < t->cpus; i++) {
        cells[n++] = t->intc[i];
        cells[n++] = a;
        if (b) {
            cells[n++] = t->intc[i];
            cells[n++] = b;
        }
    }
    fdt_prop_cells(&t->t.f, "interrupts-extended", cells, n);
}

static void plic_node(struct tree *t)
{
    struct fdt_writer *f = &t->t.f;

    t->t.irq_to = fdt_phandle_new(f);
    fdt_node(f, "plic@%x", RISCV_VIRT_PLIC);
    fdt_prop_strs(f, "compatible", (const char *[]){ "sifive,plic-1.0.0", "riscv,plic0", NULL });
    fdt_prop_reg(f, RISCV_VIRT_PLIC, 0x600000);
    fdt_cells(f, "#address-cells", 0);
    fdt_cells(f, "#interrupt-cells", 1);
    fdt_prop_empty(f, "interrupt-controller");
    hart_lines(t, RV_IRQ_MEI, RV_IRQ_SEI);
    fdt_cells(f, "riscv,ndev", RISCV_VIRT_IRQ_COUNT - 1);
    fdt_cells(f, "phandle", t->t.irq_to);
    fdt_end(f);
}

static u32 imsic_node(struct tree *t, u32 at, u32 line)
{
    struct fdt_writer *f = &t->t.f;
    u32 phandle = fdt_phandle_new(f);

    fdt_node(f, "imsics@%x", at);
    fdt_prop_str(f, "compatible", "riscv,imsics");
    fdt_prop_reg(f, at, t->cpus * 0x1000ull);
    fdt_prop_empty(f, "interrupt-controller");
    fdt_cells(f, "#interrupt-cells", 0);
    fdt_prop_empty(f, "msi-controller");
    fdt_cells(f, "#msi-cells", 0);
    hart_lines(t, line, 0);
    fdt_cells(f, "riscv,num-ids", RISCV_VIRT_IMSIC_IDS);
    fdt_cells(f, "phandle", phandle);
    fdt_end(f);
    return phandle;
}

/* child: the domain that gets all sources; 0: this one keeps them. */
static void aplic_node(struct tree *t, u32 at, u32 imsic, u32 phandle, u32 child)
{
    struct fdt_writer *f = &t->t.f;

    fdt_node(f, "aplic@%x", at);
    fdt_prop_str(f, "compatible", "riscv,aplic");
    fdt_prop_reg(f, at, 0x8000);
    fdt_prop_empty(f, "interrupt-controller");
    fdt_cells(f, "#interrupt-cells", 2);
    fdt_cells(f, "#address-cells", 0);
    fdt_cells(f, "msi-parent", imsic);
    fdt_cells(f, "riscv,num-sources", RISCV_VIRT_IRQ_COUNT - 1);
    if (child) {
        fdt_cells(f, "riscv,children", child);
        fdt_cells(f, "riscv,delegation", child, 1, RISCV_VIRT_IRQ_COUNT - 1);
    }
    fdt_cells(f, "phandle", phandle);
    fdt_end(f);
}

static void aia_nodes(struct tree *t)
{
    u32 imsic_m = 0;

    t->t.irq_to = fdt_phandle_new(&t->t.f);
    if (t->v->firmware)
        imsic_m = imsic_node(t, RISCV_VIRT_IMSIC_M, RV_IRQ_MEI);
    t->t.msi_to = imsic_node(t, RISCV_VIRT_IMSIC_S, RV_IRQ_SEI);
    if (t->v->firmware)
        aplic_node(t, RISCV_VIRT_APLIC_M, imsic_m, fdt_phandle_new(&t->t.f), t->t.irq_to);
    aplic_node(t, RISCV_VIRT_APLIC_S, t->t.msi_to, t->t.irq_to, 0);
}

static void aclint_node(struct tree *t)
{
    fdt_node(&t->t.f, "clint@%x", RISCV_VIRT_ACLINT);
    fdt_prop_strs(&t->t.f, "compatible", (const char *[]){ "sifive,clint0", "riscv,clint0", NULL });
    fdt_prop_reg(&t->t.f, RISCV_VIRT_ACLINT, 0x10000);
    hart_lines(t, RV_IRQ_MSI, RV_IRQ_MTI);
    fdt_end(&t->t.f);
}

/* The APLIC wants a type with the number. */
static unsigned irq_cells(const struct virt_tree *virt, u32 irq, u32 cells[VIRT_IRQ_CELLS])
{
    cells[0] = irq;
    cells[1] = IRQ_TYPE_LEVEL_HIGH;
    return container_of(virt, struct tree, t)->v->aia ? 2 : 1;
}

static void uart_node(struct tree *t)
{
    fdt_node(&t->t.f, "serial@%x", RISCV_VIRT_UART);
    fdt_prop_str(&t->t.f, "compatible", "ns16550a");
    fdt_prop_reg(&t->t.f, RISCV_VIRT_UART, 0x100);
    fdt_cells(&t->t.f, "clock-frequency", RISCV_VIRT_UART_CLOCK);
    virt_irq_props(&t->t, RISCV_VIRT_IRQ_UART);
    fdt_end(&t->t.f);
}

static void rtc_node(struct tree *t)
{
    fdt_node(&t->t.f, "rtc@%x", RISCV_VIRT_RTC);
    fdt_prop_str(&t->t.f, "compatible", "google,goldfish-rtc");
    fdt_prop_reg(&t->t.f, RISCV_VIRT_RTC, 0x1000);
    virt_irq_props(&t->t, RISCV_VIRT_IRQ_RTC);
    fdt_end(&t->t.f);
}

static void syscon_node(struct tree *t)
{
    t->syscon = fdt_phandle_new(&t->t.f);
    fdt_node(&t->t.f, "test@%x", RISCV_VIRT_SYSCON);
    fdt_prop_strs(&t->t.f, "compatible",
                  (const char *[]){ "sifive,test1", "sifive,test0", "syscon", NULL });
    fdt_prop_reg(&t->t.f, RISCV_VIRT_SYSCON, 0x1000);
    fdt_cells(&t->t.f, "phandle", t->syscon);
    fdt_end(&t->t.f);
}

static void power_node(struct tree *t, const char *name, u32 value)
{
    char compatible[32];

    snprintf(compatible, sizeof compatible, "syscon-%s", name);
    fdt_node(&t->t.f, "%s", name);
    fdt_prop_str(&t->t.f, "compatible", compatible);
    fdt_cells(&t->t.f, "regmap", t->syscon);
    fdt_cells(&t->t.f, "offset", 0);
    fdt_cells(&t->t.f, "value", value);
    fdt_end(&t->t.f);
}

static void soc_node(struct tree *t)
{
    fdt_node(&t->t.f, "soc");
    fdt_cells(&t->t.f, "#address-cells", 2);
    fdt_cells(&t->t.f, "#size-cells", 2);
    fdt_prop_str(&t->t.f, "compatible", "simple-bus");
    fdt_prop_empty(&t->t.f, "ranges");
    aclint_node(t);
    if (t->v->aia)
        aia_nodes(t);
    else
        plic_node(t);
    syscon_node(t);
    uart_node(t);
    rtc_node(t);
    virt_pvpanic_node(&t->t);
    virt_virtio_nodes(&t->t);
    virt_pci_node(&t->t);
    fdt_end(&t->t.f);
}

static void root_node(struct virt_tree *virt, const struct fdt_chosen *chosen)
{
    struct tree *t = container_of(virt, struct tree, t);

    fdt_node(&t->t.f, "%s", "");
    fdt_cells(&t->t.f, "#address-cells", 2);
    fdt_cells(&t->t.f, "#size-cells", 2);
    fdt_prop_str(&t->t.f, "compatible", "riscv-virtio");
    fdt_prop_str(&t->t.f, "model", "vm,riscv-virt");
    virt_chosen_node(virt, chosen);
    virt_memory_node(virt);
    cpu_nodes(t);
    soc_node(t);
    virt_fw_cfg_node(virt);
    power_node(t, "poweroff", 0x5555);
    power_node(t, "reboot", 0x7777);
    fdt_end(&t->t.f);
}

int riscv_virt_fdt(struct virt *v, u8 **ret_blob, u32 *ret_size, struct err *err)
{
    struct tree t = { .t.irq_cells = irq_cells, .v = riscv_virt_of(&v->m), .cpus = v->m.cfg->cpus };

    return virt_fdt(v, &t.t, root_node, ret_blob, ret_size, err);
}
