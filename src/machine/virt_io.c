/*
 * virt_io.c - disks, networks, the source of randomness, the power button, the balloon, the
 * vsock and the second console of a board of virtio devices.
 *
 * They take slots in the order of the configuration: on PCIe from device 1 on, over MMIO
 * from the first window on. So the same options give the same machine.
 */
#include "machine/virt.h"

#include "dev/pci/pci.h"
#include "dev/soc/fw_cfg.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DISK_QUEUES_MAX = 16 };

static int add_mmio(struct virt *v, const char *type, const struct dev_setting *settings,
                    unsigned count, struct err *err)
{
    const struct virt_layout *at = v->layout;
    unsigned slot = v->mmio_count;
    char name[32];
    struct device *d;
    int rc;

    if (slot == at->virtio_slots)
        return err_set(err, E2BIG,
                       "machine %s takes %u devices on bus mmio: give the "
                       "others bus=pcie",
                       v->m.cls->name, at->virtio_slots);
    snprintf(name, sizeof name, "virtio-%s-mmio", type);
    rc = machine_add_device(&v->m, name, v->m.io, at->virtio + slot * (gpa_t)at->virtio_stride,
                            settings, count, &d, err);
    if (rc < 0)
        return rc;
    dev_irq_connect(d, 0, v->irq_to, at->irq_virtio + slot);
    v->mmio_count++;
    return 0;
}

static int add_pci(struct virt *v, const char *type, const struct dev_setting *settings,
                   unsigned count, struct device **ret, struct err *err)
{
    unsigned slot = ++v->pci_count;
    char name[32];
    int rc;

    snprintf(name, sizeof name, "virtio-%s-pci", type);
    rc = machine_make_device(&v->m, name, v->m.io, slot, settings, count, ret, err);
    return rc < 0 ? rc : pci_host_plug(v->pci, PCI_DEVFN(slot, 0), *ret, err);
}

/* bus NULL: PCIe. */
static int add_virtio(struct virt *v, const char *type, const char *bus,
                      const struct dev_setting *settings, unsigned count, struct err *err)
{
    struct device *d;

    return bus && strcmp(bus, "mmio") == 0 ? add_mmio(v, type, settings, count, err)
                                           : add_pci(v, type, settings, count, &d, err);
}

/* The bridge, with BARs below 4 GiB and above all RAM. */
static int add_bridge(struct virt *v, struct err *err)
{
    const struct virt_layout *at = v->layout;
    int rc = machine_add_device(&v->m, "pci-host-ecam", v->m.io, at->ecam, NULL, 0, &v->pci, err);

    if (rc == 0 && at->pci_io)
        rc = dev_map(v->pci, PCI_HOST_IO, v->m.map, at->pci_io, err);
    if (rc < 0)
        return rc;
    pci_host_window_add(v->pci, v->m.map, at->pci_mmio, at->pci_mmio_size);
    pci_host_window_add(v->pci, v->m.map, v->pci_high, at->pci_high_size);
    for (unsigned n = 0; n < PCI_LINES; n++)
        dev_irq_connect(v->pci, n, v->irq_to, at->irq_pci + n);
    return 0;
}

/* A queue for each CPU, so that none waits for another's requests. */
static int add_disk(struct virt *v, const struct machine_disk *disk, struct err *err)
{
    unsigned cpus = v->m.cfg->cpus;
    struct blk_image *image;
    char queues[16];
    int rc = machine_open_disk(&v->m, disk, &image, err);
    const struct dev_setting settings[] = { { .name = "drive", .ptr = image },
                                            { .name = "queues", .text = queues } };

    if (rc < 0)
        return rc;
    snprintf(queues, sizeof queues, "%u", cpus < DISK_QUEUES_MAX ? cpus : DISK_QUEUES_MAX);
    return add_virtio(v, "blk", disk->bus, settings, ARRAY_SIZE(settings), err);
}

/* Cards without an address of their own count on from the first one's. */
static int add_net(struct virt *v, const struct machine_net *net, struct err *err)
{
    struct net_backend *backend;
    char queues[16], mac[18];
    int rc = machine_open_net(&v->m, net, &backend, err);
    const struct dev_setting settings[] = { { .name = "netdev", .ptr = backend },
                                            { .name = "queues", .text = queues },
                                            { .name = "mac", .text = net->mac ? net->mac : mac } };

    if (rc < 0)
        return rc;
    snprintf(mac, sizeof mac, "52:54:00:12:34:%02x", 0x56 + v->m.net_count - 1);
    snprintf(queues, sizeof queues, "%u", net->queues ? net->queues : 1);
    return add_virtio(v, "net", net->bus, settings, ARRAY_SIZE(settings), err);
}

static int add_vsock(struct virt *v, const struct machine_vsock *vsock, struct err *err)
{
    struct vsock_backend *backend;
    char cid[16];
    int rc = machine_open_vsock(&v->m, &backend, err);
    const struct dev_setting settings[] = { { .name = "vsock", .ptr = backend },
                                            { .name = "cid", .text = cid } };

    if (rc < 0)
        return rc;
    snprintf(cid, sizeof cid, "%u", vsock->cid);
    return add_virtio(v, "vsock", vsock->bus, settings, ARRAY_SIZE(settings), err);
}

static int add_console(struct virt *v, struct err *err)
{
    const struct dev_setting chardev = { .name = "chardev", .ptr = v->m.virtio_console };

    return add_virtio(v, "console", v->m.cfg->virtio_console_bus, &chardev, 1, err);
}

/* Only where somebody looks into it. */
static int add_files(struct virt *v, struct err *err)
{
    const struct machine_config *cfg = v->m.cfg;
    int rc = 0;

    if (cfg->file_count || v->flash_boots)
        rc = machine_add_device(&v->m, "fw-cfg", v->m.io, v->layout->fw_cfg, NULL, 0, &v->fw_cfg,
                                err);
    for (unsigned i = 0; rc == 0 && i < cfg->file_count; i++) {
        rc = fw_cfg_add(v->fw_cfg, cfg->files[i].name, cfg->files[i].data, cfg->files[i].size);
        if (rc < 0)
            err_set_errno(err, -rc, "the file %s for the guest", cfg->files[i].name);
    }
    return rc;
}

int virt_add_io(struct virt *v, struct err *err)
{
    const struct machine_config *cfg = v->m.cfg;
    int rc = machine_add_device(&v->m, "pvpanic", v->m.io, v->layout->pvpanic, NULL, 0, NULL, err);

    if (rc == 0)
        rc = add_bridge(v, err);
    for (unsigned i = 0; rc == 0 && i < cfg->disk_count; i++)
        rc = add_disk(v, &cfg->disks[i], err);
    for (unsigned i = 0; rc == 0 && i < cfg->net_count; i++)
        rc = add_net(v, &cfg->nets[i], err);
    if (rc == 0)
        rc = add_files(v, err);
    if (rc == 0)
        rc = add_virtio(v, "rng", NULL, NULL, 0, err);
    if (rc == 0 && v->layout->pci_button)
        rc = add_pci(v, "input", NULL, 0, &v->button, err);
    if (rc == 0)
        rc = add_virtio(v, "balloon", NULL, NULL, 0, err);
    if (rc == 0 && cfg->vsock.socket)
        rc = add_vsock(v, &cfg->vsock, err);
    return rc < 0 || !v->m.virtio_console ? rc : add_console(v, err);
}

void virt_powerdown(struct machine *m)
{
    struct virt *v = container_of(m, struct virt, m);

    dev_irq_input(v->button, 0, true);
    dev_irq_input(v->button, 0, false);
}
