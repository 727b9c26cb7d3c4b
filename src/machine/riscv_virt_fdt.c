/*
 * riscv_virt_fdt.c - the device tree of a riscv-virt machine.
 *
 * Bindings: Linux Documentation/devicetree/bindings. With the built-in SBI the tree shows
 * what S-mode may use; with a firmware file, M-level parts too.
 */
#include "machine/fdt/fdt.h"
#include "machine/riscv_virt.h"

#include "dev/pci/pci.h"
#include "host/file.h"
#include "isa/riscv/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
enum { IRQ_TYPE_LEVEL_HIGH = 4 };

struct tree {
    struct fdt_writer f;
    struct riscv_virt *v;
    unsigned cpus;
    u32 intc[SBI_MAX_HARTS]; /* phandles */
    u32 irq_to;              /* of the PLIC or the S-level APLIC */
    u32 msi_to;              /* of the S-level IMSICs; 0: none */
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
    struct fdt_writer *f = &t->f;

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
    fdt_node(&t->f, "cpus");
    fdt_cells(&t->f, "#address-cells", 1);
    fdt_cells(&t->f, "#size-cells", 0);
    fdt_cells(&t->f, "timebase-frequency", RISCV_VIRT_TIMEBASE);
    for (unsigned i = 0; i < t->cpus; i++)
        cpu_node(t, i, list, isa);
    fdt_end(&t->f);
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
    fdt_prop_cells(&t->f, "interrupts-extended", cells, n);
}

static void plic_node(struct tree *t)
{
    struct fdt_writer *f = &t->f;

    t->irq_to = fdt_phandle_new(f);
    fdt_node(f, "plic@%x", RISCV_VIRT_PLIC);
    fdt_prop_strs(f, "compatible", (const char *[]){ "sifive,plic-1.0.0", "riscv,plic0", NULL });
    fdt_prop_reg(f, RISCV_VIRT_PLIC, 0x600000);
    fdt_cells(f, "#address-cells", 0);
    fdt_cells(f, "#interrupt-cells", 1);
    fdt_prop_empty(f, "interrupt-controller");
    hart_lines(t, RV_IRQ_MEI, RV_IRQ_SEI);
    fdt_cells(f, "riscv,ndev", RISCV_VIRT_IRQ_COUNT - 1);
    fdt_cells(f, "phandle", t->irq_to);
    fdt_end(f);
}

static u32 imsic_node(struct tree *t, u32 at, u32 line)
{
    struct fdt_writer *f = &t->f;
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
    struct fdt_writer *f = &t->f;

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

    t->irq_to = fdt_phandle_new(&t->f);
    if (t->v->firmware)
        imsic_m = imsic_node(t, RISCV_VIRT_IMSIC_M, RV_IRQ_MEI);
    t->msi_to = imsic_node(t, RISCV_VIRT_IMSIC_S, RV_IRQ_SEI);
    if (t->v->firmware)
        aplic_node(t, RISCV_VIRT_APLIC_M, imsic_m, fdt_phandle_new(&t->f), t->irq_to);
    aplic_node(t, RISCV_VIRT_APLIC_S, t->msi_to, t->irq_to, 0);
}

static void aclint_node(struct tree *t)
{
    fdt_node(&t->f, "clint@%x", RISCV_VIRT_ACLINT);
    fdt_prop_strs(&t->f, "compatible", (const char *[]){ "sifive,clint0", "riscv,clint0", NULL });
    fdt_prop_reg(&t->f, RISCV_VIRT_ACLINT, 0x10000);
    hart_lines(t, RV_IRQ_MSI, RV_IRQ_MTI);
    fdt_end(&t->f);
}

/* An interrupt of the board: the APLIC wants a type with the number. */
static void irq_props(struct tree *t, u32 irq)
{
    fdt_cells(&t->f, "interrupt-parent", t->irq_to);
    if (t->v->aia)
        fdt_cells(&t->f, "interrupts", irq, IRQ_TYPE_LEVEL_HIGH);
    else
        fdt_cells(&t->f, "interrupts", irq);
}

static void uart_node(struct tree *t)
{
    fdt_node(&t->f, "serial@%x", RISCV_VIRT_UART);
    fdt_prop_str(&t->f, "compatible", "ns16550a");
    fdt_prop_reg(&t->f, RISCV_VIRT_UART, 0x100);
    fdt_cells(&t->f, "clock-frequency", RISCV_VIRT_UART_CLOCK);
    irq_props(t, RISCV_VIRT_IRQ_UART);
    fdt_end(&t->f);
}

static void rtc_node(struct tree *t)
{
    fdt_node(&t->f, "rtc@%x", RISCV_VIRT_RTC);
    fdt_prop_str(&t->f, "compatible", "google,goldfish-rtc");
    fdt_prop_reg(&t->f, RISCV_VIRT_RTC, 0x1000);
    irq_props(t, RISCV_VIRT_IRQ_RTC);
    fdt_end(&t->f);
}

static void virtio_nodes(struct tree *t)
{
    for (unsigned i = 0; i < t->v->mmio_count; i++) {
        u32 at = RISCV_VIRT_VIRTIO + i * RISCV_VIRT_VIRTIO_STRIDE;

        fdt_node(&t->f, "virtio_mmio@%x", at);
        fdt_prop_str(&t->f, "compatible", "virtio,mmio");
        fdt_prop_reg(&t->f, at, RISCV_VIRT_VIRTIO_STRIDE);
        irq_props(t, RISCV_VIRT_IRQ_VIRTIO + i);
        fdt_end(&t->f);
    }
}

/* INTx: line (slot + pin) % 4 of the board, as everywhere. */
static void pci_interrupts(struct tree *t)
{
    u32 cells[PCI_LINES * PCI_LINES * 7];
    unsigned n = 0;

    for (u32 slot = 0; slot < PCI_LINES; slot++)
        for (u32 pin = 0; pin < PCI_LINES; pin++) {
            const u32 row[] = { PCI_DEVFN(slot, 0) << 8,
                                0,
                                0,
                                pin + 1,
                                t->irq_to,
                                RISCV_VIRT_IRQ_PCI + (slot + pin) % PCI_LINES,
                                IRQ_TYPE_LEVEL_HIGH };
            unsigned len = t->v->aia ? 7 : 6; /* a PLIC's interrupts have no type */

            memcpy(cells + n, row, len * sizeof *row);
            n += len;
        }
    fdt_cells(&t->f, "interrupt-map-mask", PCI_DEVFN(PCI_LINES - 1, 0) << 8, 0, 0, 7);
    fdt_prop_cells(&t->f, "interrupt-map", cells, n);
}

static void pci_node(struct tree *t)
{
    struct fdt_writer *f = &t->f;
    u64 high = t->v->pci_high;

    fdt_node(f, "pci@%x", RISCV_VIRT_ECAM);
    fdt_prop_str(f, "compatible", "pci-host-ecam-generic");
    fdt_prop_str(f, "device_type", "pci");
    fdt_cells(f, "#address-cells", 3);
    fdt_cells(f, "#size-cells", 2);
    fdt_cells(f, "#interrupt-cells", 1);
    fdt_cells(f, "linux,pci-domain", 0);
    fdt_cells(f, "bus-range", 0, 0);
    fdt_prop_empty(f, "dma-coherent");
    fdt_prop_reg(f, RISCV_VIRT_ECAM, PCI_ECAM_SIZE);
    fdt_cells(f, "ranges", 0x02000000, 0, RISCV_VIRT_PCI_MMIO, 0, RISCV_VIRT_PCI_MMIO, 0,
              (u32)RISCV_VIRT_PCI_MMIO_SIZE, 0x03000000, (u32)(high >> 32), (u32)high,
              (u32)(high >> 32), (u32)high, (u32)(RISCV_VIRT_PCI_HIGH_SIZE >> 32),
              (u32)RISCV_VIRT_PCI_HIGH_SIZE);
    if (t->msi_to)
        fdt_cells(f, "msi-parent", t->msi_to);
    pci_interrupts(t);
    fdt_end(f);
}

static void pvpanic_node(struct tree *t)
{
    fdt_node(&t->f, "pvpanic@%x", RISCV_VIRT_PVPANIC);
    fdt_prop_str(&t->f, "compatible", "qemu,pvpanic-mmio");
    fdt_prop_reg(&t->f, RISCV_VIRT_PVPANIC, 2);
    fdt_end(&t->f);
}

static void syscon_node(struct tree *t)
{
    t->syscon = fdt_phandle_new(&t->f);
    fdt_node(&t->f, "test@%x", RISCV_VIRT_SYSCON);
    fdt_prop_strs(&t->f, "compatible",
                  (const char *[]){ "sifive,test1", "sifive,test0", "syscon", NULL });
    fdt_prop_reg(&t->f, RISCV_VIRT_SYSCON, 0x1000);
    fdt_cells(&t->f, "phandle", t->syscon);
    fdt_end(&t->f);
}

static void power_node(struct tree *t, const char *name, u32 value)
{
    char compatible[32];

    snprintf(compatible, sizeof compatible, "syscon-%s", name);
    fdt_node(&t->f, "%s", name);
    fdt_prop_str(&t->f, "compatible", compatible);
    fdt_cells(&t->f, "regmap", t->syscon);
    fdt_cells(&t->f, "offset", 0);
    fdt_cells(&t->f, "value", value);
    fdt_end(&t->f);
}

static void chosen_node(struct tree *t, const struct fdt_chosen *chosen)
{
    struct fdt_writer *f = &t->f;
    char console[32];

    snprintf(console, sizeof console, "/soc/serial@%x", RISCV_VIRT_UART);
    fdt_node(f, "chosen");
    fdt_prop_str(f, "stdout-path", console);
    if (chosen->bootargs)
        fdt_prop_str(f, "bootargs", chosen->bootargs);
    fdt_prop_bytes(f, "rng-seed", chosen->rng_seed, sizeof chosen->rng_seed);
    if (chosen->initrd_start != chosen->initrd_end) {
        fdt_prop_u64(f, "linux,initrd-start", chosen->initrd_start);
        fdt_prop_u64(f, "linux,initrd-end", chosen->initrd_end);
    }
    fdt_end(f);
}

static void memory_node(struct tree *t)
{
    fdt_node(&t->f, "memory@%llx", RISCV_VIRT_RAM);
    fdt_prop_str(&t->f, "device_type", "memory");
    fdt_prop_reg(&t->f, RISCV_VIRT_RAM, t->v->m.cfg->memory);
    fdt_end(&t->f);
}

static void soc_node(struct tree *t)
{
    fdt_node(&t->f, "soc");
    fdt_cells(&t->f, "#address-cells", 2);
    fdt_cells(&t->f, "#size-cells", 2);
    fdt_prop_str(&t->f, "compatible", "simple-bus");
    fdt_prop_empty(&t->f, "ranges");
    aclint_node(t);
    if (t->v->aia)
        aia_nodes(t);
    else
        plic_node(t);
    syscon_node(t);
    uart_node(t);
    rtc_node(t);
    pvpanic_node(t);
    virtio_nodes(t);
    pci_node(t);
    fdt_end(&t->f);
}

/* At the root, as QEMU has it: systemd looks there to know what it runs on. */
static void fw_cfg_node(struct tree *t)
{
    if (t->v->m.cfg->file_count == 0)
        return;
    fdt_node(&t->f, "fw-cfg@%x", RISCV_VIRT_FW_CFG);
    fdt_prop_str(&t->f, "compatible", "qemu,fw-cfg-mmio");
    fdt_prop_reg(&t->f, RISCV_VIRT_FW_CFG, 0x10);
    fdt_end(&t->f);
}

static void root_node(struct tree *t, const struct fdt_chosen *chosen)
{
    fdt_node(&t->f, "%s", "");
    fdt_cells(&t->f, "#address-cells", 2);
    fdt_cells(&t->f, "#size-cells", 2);
    fdt_prop_str(&t->f, "compatible", "riscv-virtio");
    fdt_prop_str(&t->f, "model", "vm,riscv-virt");
    chosen_node(t, chosen);
    memory_node(t);
    cpu_nodes(t);
    soc_node(t);
    fw_cfg_node(t);
    power_node(t, "poweroff", 0x5555);
    power_node(t, "reboot", 0x7777);
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

int riscv_virt_fdt(struct riscv_virt *v, u8 **ret_blob, u32 *ret_size, struct err *err)
{
    struct fdt_chosen chosen = { .bootargs = v->m.cfg->append,
                                 .initrd_start = v->initrd_at,
                                 .initrd_end = v->initrd_at + v->initrd_size };
    struct tree t = { .v = v, .cpus = v->m.cfg->cpus };
    int rc;

    machine_random_fill(&v->m, chosen.rng_seed, sizeof chosen.rng_seed);
    if (v->m.cfg->dtb)
        return user_fdt(v->m.cfg->dtb, &chosen, ret_blob, ret_size, err);
    rc = fdt_writer_init(&t.f, err);
    if (rc < 0)
        return rc;
    root_node(&t, &chosen);
    return fdt_writer_finish(&t.f, ret_blob, ret_size, err);
}
