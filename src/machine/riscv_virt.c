/*
 * riscv_virt.c - the riscv-virt board: devices, interrupt routing, reset, more state.
 */
#include "machine/riscv_virt.h"

#include "base/bits.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/state.h"
#include <errno.h>
#include <string.h>

enum { REG_A2 = 12 };
enum { MACHINE, SUPERVISOR }; /* regions of an APLIC and of the IMSICs */

#define BOARD_STATE(F, A, N)                                                                       \
    A(u64, insns, SBI_MAX_HARTS, ZERO, "instructions that the hart has retired")                   \
    N(sbi, sbi, 1, "the built-in firmware")
STATE_STRUCT(riscv_virt, BOARD_STATE);
extern const struct state_list riscv_virt_state_list;
#define STATE_ROW_T struct riscv_virt_state
STATE_LIST(riscv_virt, BOARD_STATE, 1);
#undef STATE_ROW_T

#define PCI_HIGH_SIZE (16 * GIB)

static const struct virt_layout layout = {
    .ram = RISCV_VIRT_RAM,
    .virtio = RISCV_VIRT_VIRTIO,
    .virtio_stride = 0x1000,
    .virtio_slots = 8,
    .ecam = RISCV_VIRT_ECAM,
    .pci_mmio = RISCV_VIRT_PCI_MMIO,
    .pci_mmio_size = 1 * GIB,
    .pci_high_size = PCI_HIGH_SIZE,
    .fw_cfg = RISCV_VIRT_FW_CFG,
    .pvpanic = RISCV_VIRT_PVPANIC,
    .irq_virtio = RISCV_VIRT_IRQ_VIRTIO,
    .irq_pci = RISCV_VIRT_IRQ_PCI,
    .pci_button = true,
    .console = "/soc/serial@10000000",
};

/* --- devices --- */

static int add_plic(struct riscv_virt *v, struct err *err)
{
    const struct dev_setting sources = { .name = "sources", .text = "95" };

    return machine_add_device(&v->virt.m, "plic", v->virt.m.irqchip, RISCV_VIRT_PLIC, &sources, 1,
                              &v->virt.irq_to, err);
}

/* One IMSIC for each hart and an APLIC that turns wires into messages. The built-in SBI
 * has nothing at machine level to configure: then there is only the supervisor's half. */
static int add_aia(struct riscv_virt *v, struct err *err)
{
    const struct dev_setting imsic[] = { { .name = "ids", .text = "255" } };
    const struct dev_setting aplic[] = { { .name = "sources", .text = "95" },
                                         { .name = "machine", .text = v->firmware ? "on" : "off" },
                                         { .name = "imsic-s", .text = "0x28000000" },
                                         { .name = "imsic-m", .text = "0x24000000" } };
    struct machine *m = &v->virt.m;
    int rc = machine_make_device(m, "imsic", m->irqchip, RISCV_VIRT_IMSIC_S, imsic,
                                 ARRAY_SIZE(imsic), &v->imsic, err);

    if (rc == 0)
        rc = dev_map(v->imsic, SUPERVISOR, m->map, RISCV_VIRT_IMSIC_S, err);
    if (rc == 0 && v->firmware)
        rc = dev_map(v->imsic, MACHINE, m->map, RISCV_VIRT_IMSIC_M, err);
    if (rc == 0)
        rc = machine_make_device(m, "aplic", m->irqchip, RISCV_VIRT_APLIC_S, aplic,
                                 ARRAY_SIZE(aplic), &v->virt.irq_to, err);
    if (rc == 0)
        rc = dev_map(v->virt.irq_to, SUPERVISOR, m->map, RISCV_VIRT_APLIC_S, err);
    if (rc == 0 && v->firmware)
        rc = dev_map(v->virt.irq_to, MACHINE, m->map, RISCV_VIRT_APLIC_M, err);
    return rc;
}

static int add_uart(struct riscv_virt *v, struct err *err)
{
    const struct dev_setting chardev = { .name = "chardev", .ptr = v->virt.m.console };
    struct device *d;
    int rc = machine_add_device(&v->virt.m, "uart-16550", v->virt.m.io, RISCV_VIRT_UART, &chardev,
                                1, &d, err);

    if (rc == 0)
        dev_irq_connect(d, 0, v->virt.irq_to, RISCV_VIRT_IRQ_UART);
    return rc;
}

static int add_rtc(struct riscv_virt *v, struct err *err)
{
    struct device *d;
    int rc = machine_add_device(&v->virt.m, "rtc-goldfish", v->virt.m.io, RISCV_VIRT_RTC, NULL, 0,
                                &d, err);

    if (rc == 0)
        dev_irq_connect(d, 0, v->virt.irq_to, RISCV_VIRT_IRQ_RTC);
    return rc;
}

static int init(struct machine *m, struct err *err)
{
    struct riscv_virt *v = riscv_virt_of(m);
    int rc;

    if (m->cfg->firmware_vars)
        return err_set(err, ENOTSUP,
                       "machine riscv-virt has no flash where firmware keeps anything: leave out "
                       "--firmware-vars %s",
                       m->cfg->firmware_vars);
    v->virt.layout = &layout;
    v->virt.pci_high = bits_align_up(RISCV_VIRT_RAM + m->cfg->memory, PCI_HIGH_SIZE);
    v->firmware = m->cfg->firmware != NULL;
    v->aia = m->cfg->irqchip && strcmp(m->cfg->irqchip, "aia") == 0;
    sbi_init(&v->sbi, &(struct sbi_host){ m, machine_console_write, machine_request }, m->engine,
             m->map, m->cfg->cpus);
    if ((rc = v->aia ? add_aia(v, err) : add_plic(v, err)) < 0 ||
        (rc = machine_add_device(m, "aclint", m->irqchip, RISCV_VIRT_ACLINT, NULL, 0, NULL, err)) <
            0 ||
        (rc = add_uart(v, err)) < 0 || (rc = add_rtc(v, err)) < 0)
        return rc;
    rc = machine_add_device(m, "syscon-test", m->io, RISCV_VIRT_SYSCON, NULL, 0, NULL, err);
    return rc < 0 ? rc : virt_add_io(&v->virt, err);
}

/* --- CPUs --- */

static bool firmware_call(struct machine *m, struct vcpu *c)
{
    struct riscv_virt *v = riscv_virt_of(m);

    return !v->firmware && sbi_call(&v->sbi, c);
}

static int sysreg_read(struct machine *m, struct vcpu *c, unsigned space, unsigned number, u64 *out)
{
    struct riscv_virt *v = riscv_virt_of(m);

    return v->imsic ? dev_sysreg_read(v->imsic, c->index, space, number, out) : -ENOENT;
}

static int sysreg_write(struct machine *m, struct vcpu *c, unsigned space, unsigned number, u64 to)
{
    struct riscv_virt *v = riscv_virt_of(m);

    return v->imsic ? dev_sysreg_write(v->imsic, c->index, space, number, to) : -ENOENT;
}

static bool msi(struct machine *m, u32 requester, gpa_t addr, u32 data)
{
    struct riscv_virt *v = riscv_virt_of(m);

    return v->imsic && dev_msi_input(v->imsic, requester, addr, data);
}

/* With a firmware file all harts start at once in M-mode: a0 hart, a1 device tree, a2 where
 * OpenSBI's fw_dynamic finds what comes next. */
static void reset(struct machine *m)
{
    struct riscv_virt *v = riscv_virt_of(m);

    if (!v->firmware) {
        sbi_reset(&v->sbi, v->virt.entry, v->virt.dtb_at);
        return;
    }
    for (unsigned i = 0; i < m->cfg->cpus; i++) {
        struct vcpu *c = engine_cpu(m->engine, i);

        c->isa->reset(c, v->virt.entry, (const u64[]){ i, v->virt.dtb_at }, 2);
        rv_state(c)->x[REG_A2] = v->info_at;
    }
}

/* --- state --- */

static void save(struct machine *m, struct state_writer *w)
{
    struct riscv_virt_state s = { .sbi = { riscv_virt_of(m)->sbi.s } };

    for (unsigned i = 0; i < m->cfg->cpus; i++)
        s.insns[i] = engine_insns(m->engine, i);
    state_write(w, "riscv-virt", &riscv_virt_state_list, &s);
}

/* The engine counts from 0 in a new process; what the guest reads goes on. */
static int load(struct machine *m, struct state_reader *r, struct err *err)
{
    struct riscv_virt *v = riscv_virt_of(m);
    struct riscv_virt_state s;
    int rc;

    state_reset(&riscv_virt_state_list, &s);
    rc = state_read(r, "riscv-virt", &riscv_virt_state_list, &s, err);
    if (rc < 0)
        return rc;
    v->sbi.s = s.sbi[0];
    sbi_loaded(&v->sbi);
    for (unsigned i = 0; i < m->cfg->cpus; i++) {
        struct vcpu *c = engine_cpu(m->engine, i);
        u64 gap = s.insns[i] - engine_insns(m->engine, i);

        rv_state(c)->mcycle_offset += gap;
        rv_state(c)->minstret_offset += gap;
    }
    return 0;
}

static const char *const irqchips[] = { "plic", "aia", NULL };
static const char *const cpus[] = { "rv64", NULL };

const struct machine_class riscv_virt_class = {
    .name = "riscv-virt",
    .doc = "RISC-V board of virtio devices, with the addresses of QEMU's virt",
    .isa = &riscv_isa,
    .handlers = riscv_interp_handlers,
    .ram_base = RISCV_VIRT_RAM,
    .ram_min = 32 * MIB,
    .ram_max = 256 * GIB,
    .max_cpus = SBI_MAX_HARTS,
    .irqchips = irqchips,
    .cpus = cpus,
    .size = sizeof(struct riscv_virt),
    .init = init,
    .boot = riscv_virt_boot,
    .reset = reset,
    .save = save,
    .load = load,
    .firmware_call = firmware_call,
    .sysreg_read = sysreg_read,
    .sysreg_write = sysreg_write,
    .msi = msi,
    .powerdown = virt_powerdown,
};
