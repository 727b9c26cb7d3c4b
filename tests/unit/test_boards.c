/*
 * test_boards.c - each board as machine_new() makes it: its device tree says where its devices and
 * their interrupts are, and its first CPU starts where the boot files say.
 */
#include "test.h"

#include "base/bits.h"
#include "dev/pci/pci.h"
#include "isa/arm64/state.h"
#include "machine/arm_virt.h"
#include <libfdt.h>
#include <unistd.h>

static const u64 seed = 1;

/* A board with a kernel of a few bytes, and its tree as it lies in RAM after a reset. */
struct board {
    struct machine_config cfg;
    struct machine *m;
    struct virt *v;
    u8 *tree; /* owns */
    char kernel[32], disk[32];
};

static void file_make(char *path, const void *data, size_t size)
{
    int fd;

    strcpy(path, "/tmp/test_boards.XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

/* The header of an Image, without a program. */
static void kernel_make(struct board *b, const struct boot_image_kind *kind)
{
    u8 image[4096] = { 0 };

    le64_put(image + 8, 2 * MIB);
    le64_put(image + 16, 4 * MIB);
    memcpy(image + 56, kind->magic, 4);
    file_make(b->kernel, image, sizeof image);
}

static void board_start(struct board *b, const char *name, const char *irqchip, unsigned cpus,
                        bool firmware)
{
    static const u8 sectors[MIB];
    const struct machine_class *cls = machine_class_find(name);
    struct err err = { 0 };

    *b = (struct board){ .cfg = { .cls = cls,
                                  .irqchip = irqchip,
                                  .memory = 64 * MIB,
                                  .cpus = cpus,
                                  .console = "none",
                                  .append = "words",
                                  .rng_seed = &seed } };
    kernel_make(b, strcmp(name, "arm-virt") == 0 ? &boot_arm64_image : &boot_riscv_image);
    file_make(b->disk, sectors, sizeof sectors);
    b->cfg.kernel = b->cfg.initrd = b->kernel;
    b->cfg.firmware = firmware ? b->kernel : NULL;
    for (unsigned i = 0; i < 3; i++)
        b->cfg.disks[b->cfg.disk_count++] =
            (struct machine_disk){ .path = b->disk, .bus = i ? "mmio" : "pcie", .read_only = true };
    b->cfg.files[0] = (struct machine_file){ "opt/test", (const u8 *)"x", 1 };
    b->cfg.file_count = 1;
    if (!CHECK_EQ(machine_new(&b->cfg, &b->m, &err), 0) ||
        !CHECK_EQ(machine_reset(b->m, &err), 0)) {
        printf("# %s\n", err.text);
        exit(1);
    }
    b->v = container_of(b->m, struct virt, m);
    b->tree = malloc(FDT_BUFFER_SIZE);
    CHECK(mem_map_read(b->m->map, b->v->dtb_at, b->tree, FDT_BUFFER_SIZE));
    CHECK_EQ(fdt_check_full(b->tree, FDT_BUFFER_SIZE), 0);
}

static void board_stop(struct board *b)
{
    free(b->tree);
    machine_free(b->m);
    unlink(b->kernel);
    unlink(b->disk);
}

/* --- reading the tree --- */

static u32 cell(const void *prop, unsigned n)
{
    return fdt32_ld((const fdt32_t *)prop + n);
}

static u64 cells2(const void *prop, unsigned n)
{
    return (u64)cell(prop, n) << 32 | cell(prop, n + 1);
}

/* The devices' nodes stand in the root, or in nodes whose addresses are the root's. */
static bool of_a_device(const void *tree, int node)
{
    int parent = fdt_parent_offset(tree, node);

    return fdt_getprop(tree, node, "reg", NULL) &&
           (parent == 0 || fdt_getprop(tree, parent, "ranges", &(int){ 0 })) &&
           fdt_getprop(tree, parent, "#address-cells", NULL);
}

static int node_at(const void *tree, gpa_t at)
{
    for (int n = fdt_next_node(tree, 0, NULL); n >= 0; n = fdt_next_node(tree, n, NULL))
        if (of_a_device(tree, n) && cells2(fdt_getprop(tree, n, "reg", NULL), 0) == at)
            return n;
    return -1;
}

/* --- what holds of every board --- */

/* Whatever the tree says lies somewhere, lies there, from its first to its last byte. */
static void check_places(struct board *b)
{
    unsigned seen = 0;

    for (int n = fdt_next_node(b->tree, 0, NULL); n >= 0; n = fdt_next_node(b->tree, n, NULL)) {
        int len = 0;
        const void *reg = of_a_device(b->tree, n) ? fdt_getprop(b->tree, n, "reg", &len) : NULL;

        for (unsigned i = 0; i < (unsigned)len / 4; i += 4, seen++) {
            u64 at = cells2(reg, i), size = cells2(reg, i + 2);
            bool ram = at == b->m->cls->ram_base;
            struct mem_span first, last;

            CHECK(mem_map_find(b->m->map, at, &first));
            CHECK(mem_map_find(b->m->map, at + size - 1, &last));
            if (!CHECK_EQ(first.kind == MEM_RAM, ram) || !CHECK_EQ(first.start, at) ||
                !CHECK_EQ(last.start, first.start))
                printf("# %s\n", fdt_get_name(b->tree, n, NULL));
        }
    }
    CHECK(seen >= 8);
}

/* The controller's input in the cells of an interrupt: a GIC's have their kind before it. */
static unsigned input_of(const void *prop, int len)
{
    return cell(prop, len == 12 ? 1 : 0);
}

/* A device with registers and a line has a node, which names the line's other end. */
static void check_interrupts(struct board *b)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < b->m->device_count; i++) {
        const struct device *d = b->m->devices[i];
        const void *prop;
        int node, len = 0;

        if (!d->cls->irq_count || d->irqs[0].to != b->v->irq_to ||
            d->regions[0].at == DEV_NOWHERE || d == b->v->pci)
            continue;
        node = node_at(b->tree, d->regions[0].at);
        prop = node < 0 ? NULL : fdt_getprop(b->tree, node, "interrupts", &len);
        if (!CHECK(prop))
            printf("# %s has no node with interrupts\n", d->id);
        else
            CHECK_EQ(input_of(prop, len), d->irqs[0].input);
        seen++;
    }
    CHECK(seen >= 4); /* serial port, clock, two disks */
}

/* Pin p of slot s is line (s + p) % 4 of the bridge. */
static void check_pci(struct board *b)
{
    int len = 0, node = node_at(b->tree, b->v->layout->ecam);
    const void *map = fdt_getprop(b->tree, node, "interrupt-map", &len);
    int parent = fdt_node_offset_by_phandle(b->tree, cell(map, 4));
    unsigned addr = cell(fdt_getprop(b->tree, parent, "#address-cells", NULL), 0);
    unsigned spec = cell(fdt_getprop(b->tree, parent, "#interrupt-cells", NULL), 0);
    unsigned row = 5 + addr + spec;

    CHECK_EQ(len, 16 * 4 * row);
    for (unsigned i = 0; i < 16; i++) {
        unsigned slot = cell(map, i * row) >> 11, pin = cell(map, i * row + 3) - 1;

        CHECK_EQ(slot * 4 + pin, i);
        CHECK_EQ(cell(map, i * row + 5 + addr + (spec == 3 ? 1 : 0)),
                 b->v->pci->irqs[(slot + pin) % PCI_LINES].input);
    }
}

static void check_chosen(struct board *b)
{
    int node = fdt_path_offset(b->tree, "/chosen"), len = 0;
    const void *start = fdt_getprop(b->tree, node, "linux,initrd-start", &len);
    const char *console = fdt_getprop(b->tree, node, "stdout-path", &len);
    u8 initrd[64];

    CHECK_STR(fdt_getprop(b->tree, node, "bootargs", &len), "words");
    CHECK(fdt_path_offset(b->tree, console) > 0);
    CHECK(mem_map_read(b->m->map, cells2(start, 0), initrd, sizeof initrd));
    CHECK_EQ(le64_get(initrd + 8), 2 * MIB); /* the file given as one */
    CHECK(fdt_getprop(b->tree, node, "rng-seed", &len) && len == 32);
}

static void check_board(const char *name, const char *irqchip)
{
    struct board b;

    board_start(&b, name, irqchip, 3, false);
    check_places(&b);
    check_interrupts(&b);
    check_pci(&b);
    check_chosen(&b);
    board_stop(&b);
}

TEST(trees_tell_the_truth)
{
    for (unsigned i = 0; machine_classes[i]; i++)
        for (unsigned k = 0; machine_classes[i]->irqchips[k]; k++)
            check_board(machine_classes[i]->name, machine_classes[i]->irqchips[k]);
}

/* --- arm-virt --- */

/* 17 CPUs: the last is the first of the second cluster, for the tree, PSCI and the GIC alike. */
TEST(arm_cpus)
{
    struct board b;
    int node, len = 0;
    u64 typer = 0;

    board_start(&b, "arm-virt", NULL, 17, false);
    node = fdt_path_offset(b.tree, "/cpus/cpu@100");
    CHECK_EQ(cell(fdt_getprop(b.tree, node, "reg", &len), 0), 0x100);
    CHECK_STR(fdt_getprop(b.tree, node, "enable-method", &len), "psci");
    CHECK_STR(fdt_getprop(b.tree, fdt_path_offset(b.tree, "/psci"), "method", &len), "hvc");
    CHECK(mem_map_io_read(b.m->map, ARM_VIRT_GIC_REDIST + 16 * 0x20000 + 8, 8, &typer));
    CHECK_EQ(typer >> 32, 0x100); /* GICR_TYPER.Affinity_Value */
    CHECK_EQ(typer >> 4 & 1, 1);  /* Last */
    board_stop(&b);
}

/* Documentation/arch/arm64/booting.rst: X0 = device tree, X1 to X3 = 0, all masked, MMU off. */
TEST(arm_entry)
{
    struct board b;
    const struct arm_state *s;
    struct vcpu *c;

    board_start(&b, "arm-virt", NULL, 2, false);
    c = engine_cpu(b.m->engine, 0);
    s = arm_state(c);
    CHECK_EQ(s->pc, ARM_VIRT_RAM + 2 * MIB);
    CHECK_EQ(s->x[0], b.v->dtb_at);
    CHECK_EQ(s->x[0] % 8, 0);
    CHECK_EQ(s->x[1] | s->x[2] | s->x[3], 0);
    CHECK_EQ(s->el, 1);
    CHECK_EQ(s->daif, 15);
    CHECK_EQ(s->sctlr_el1 & 1, 0);
    CHECK_EQ(c->stopped, 0);
    CHECK_EQ(engine_cpu(b.m->engine, 1)->stopped, 1);
    board_stop(&b);
}

static u32 fw_cfg_word(struct board *b, u16 key)
{
    dev_write(b->v->fw_cfg, 0, 8, __builtin_bswap16(key), 2);
    return (u32)dev_read(b->v->fw_cfg, 0, 0, 4);
}

/* Firmware is in flash at 0, finds the tree at the start of RAM and the kernel by fw_cfg. */
TEST(arm_firmware)
{
    struct board b;
    u8 bytes[64];

    board_start(&b, "arm-virt", "gicv3", 1, true);
    CHECK_EQ(arm_state(engine_cpu(b.m->engine, 0))->pc, 0);
    CHECK_EQ(arm_state(engine_cpu(b.m->engine, 0))->x[0], 0);
    CHECK_EQ(b.v->dtb_at, ARM_VIRT_RAM);
    CHECK(mem_map_read(b.m->map, ARM_VIRT_FLASH, bytes, sizeof bytes));
    CHECK_EQ(le64_get(bytes + 8), 2 * MIB);
    CHECK(!mem_map_write(b.m->map, ARM_VIRT_FLASH, bytes, sizeof bytes));
    CHECK(fdt_path_offset(b.tree, "/flash@0") > 0);
    CHECK_EQ(fw_cfg_word(&b, 8), 4096);
    CHECK_EQ(fw_cfg_word(&b, 0x14), sizeof "words");
    CHECK_EQ(fw_cfg_word(&b, 0x15), le32_get("word"));
    check_places(&b);
    check_interrupts(&b);
    board_stop(&b);
}

static void refused(struct machine_config *cfg, const char *words)
{
    struct machine *m = NULL;
    struct err err = { 0 };
    int rc = machine_new(cfg, &m, &err);

    if (rc == 0)
        rc = machine_reset(m, &err);
    CHECK(rc < 0);
    CHECK_HAS(err.text, words);
    machine_free(m);
}

TEST(refusals)
{
    struct machine_config cfg = { .cls = machine_class_find("arm-virt"),
                                  .memory = 64 * MIB,
                                  .cpus = 1,
                                  .console = "none",
                                  .rng_seed = &seed };

    refused(&cfg, "there is nothing to boot");
    cfg.firmware = "/nowhere/fw.bin";
    refused(&cfg, "the firmware cannot be read");
    cfg.firmware = NULL;
    cfg.firmware_vars = "vars.fd";
    refused(&cfg, "--firmware-vars vars.fd: there is no --firmware");
    cfg.firmware_vars = NULL;
    cfg.irqchip = "gicv2";
    cfg.cpus = 9;
    refused(&cfg, "a GICv2 serves at most 8 CPUs, not 9");
    cfg.irqchip = NULL;
    cfg.cpus = 1;
    cfg.cpu = "rv64";
    refused(&cfg, "machine arm-virt has no CPU model rv64");
    cfg.cpu = NULL;
    cfg.memory = 256 * GIB;
    refused(&cfg, "32 MiB to 255 GiB");
}

TEST_MAIN(TEST_CASE(trees_tell_the_truth), TEST_CASE(arm_cpus), TEST_CASE(arm_entry),
          TEST_CASE(arm_firmware), TEST_CASE(refusals))
