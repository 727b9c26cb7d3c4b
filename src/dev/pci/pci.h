/*
 * pci.h - PCI: functions, and the host bridge they are plugged into.
 *
 * For a board:
 *
 *     dev_new(dev_class_find("pci-host-ecam"), "pci", host, domain, NULL, NULL, 0, &bus, err);
 *     dev_map(bus, 0, map, 0x30000000, err);                // 1 MiB: bus 0, "bus-range" 0 0
 *     pci_host_window_add(bus, map, 0x40000000, 1 * GIB);   // where BARs may lie: one call
 *     pci_host_window_add(bus, map, 0x400000000, 16 * GIB); // each, 32-bit and 64-bit ones
 *     for (unsigned n = 0; n < 4; n++)
 *         dev_irq_connect(bus, n, plic, 32 + n);            // INTA of slot s is line s % 4
 *
 *     dev_new(virtio_class_find("blk", true), "virtio-blk@1", host, domain, map, …, &disk, err);
 *     pci_host_plug(bus, PCI_DEVFN(1, 0), disk, err);       // instead of dev_map, irq_connect
 *
 * The host and what is plugged into it share a domain, and PCI addresses are the map's. The
 * requester id of functions is their devfn (bus 0). Save and load host and functions as any
 * device, in any order; BARs are mapped again from their configuration space. Region
 * PCI_HOST_IO is I/O space, in which no function has ports: firmware that wants one finds it empty.
 * Both may be freed in any order.
 */
#ifndef DEV_PCI_PCI_H
#define DEV_PCI_PCI_H

#include "dev/core/device.h"

enum {
    PCI_FUNCS = 256,
    PCI_CONFIG_SIZE = 256,
    PCI_BARS = 6,
    PCI_MSIX_MAX = 32,
    PCI_WINDOWS = 4,
    PCI_LINES = 4,
    PCI_ECAM_SIZE = PCI_FUNCS << 12,
    PCI_IO_SIZE = 1 << 16
};
#define PCI_DEVFN(slot, func) ((unsigned)(slot) << 3 | (func))
#define PCI_UNMAPPED          UINT64_MAX

/* --- for boards --- */

enum { PCI_HOST_ECAM, PCI_HOST_IO }; /* regions of the host */

/* BARs may be placed in [base, base + size) of the map. */
void pci_host_window_add(struct device *host, struct mem_map *map, gpa_t base, u64 size);
/* Plugs a function (dev_class.pci) in. -EINVAL when it is none, -EBUSY when devfn is taken.
 * Not from a callback. */
int pci_host_plug(struct device *host, unsigned devfn, struct device *func,
                  struct err *err) MUST_CHECK;

/* --- for functions --- */

/* Configuration space header, type 0 (PCI 3.0, 6.1). */
enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_HEADER_END = 0x40
};
enum {
    PCI_COMMAND_MEMORY = 1 << 1,
    PCI_COMMAND_MASTER = 1 << 2,
    PCI_COMMAND_NO_INTX = 1 << 10,
    PCI_STATUS_INTERRUPT = 1 << 3,
    PCI_STATUS_CAPABILITIES = 1 << 4
};
enum { PCI_MULTIFUNCTION = 0x80 /* of the header type */ };
enum { PCI_BAR_WIDE = 4 /* 64 bits */ };
enum { PCI_CAP_VENDOR = 0x09, PCI_CAP_MSIX = 0x11 };

#define PCI_FUNC_STATE(F, A, N)                                                                    \
    A(u8, config, PCI_CONFIG_SIZE, KEEP, "configuration space")                                    \
    A(u64, msix_address, PCI_MSIX_MAX, ZERO, "MSI-X table: addresses")                             \
    A(u32, msix_data, PCI_MSIX_MAX, ZERO, "MSI-X table: data")                                     \
    A(flag, msix_masked, PCI_MSIX_MAX, KEEP, "MSI-X table: mask bits, set by reset")               \
    F(u32, msix_pending, ZERO, "vectors raised and not yet sent, one bit each")
STATE_STRUCT(pci_func, PCI_FUNC_STATE);
extern const struct state_list pci_func_state_list;

struct pci_facts {
    u16 vendor, device, subsystem_vendor, subsystem;
    u8 revision;
    u32 class; /* 24 bits */
};

struct pci_bar {
    u64 size; /* 0: there is none */
    unsigned region;
    bool wide;
    gpa_t wanted; /* where the guest put it, PCI_UNMAPPED: nowhere */
    gpa_t mapped; /* where it is */
};

struct pci_host;

/* The beginning of each function's device struct. */
struct pci_func {
    struct device dev;
    struct pci_func_state *s; /* borrows: in the device's state; NULL before pci_func_init() */
    struct pci_host *host;    /* borrows; NULL: not plugged in */
    struct mem_map *dma;      /* borrows: where bus mastering reaches */
    unsigned devfn;
    struct pci_bar bar[PCI_BARS];
    u8 initial[PCI_CONFIG_SIZE], writable[PCI_CONFIG_SIZE];
    u8 cap_last, cap_free; /* capability list: its last one, and the space after it */
    u8 msix_cap;           /* 0: none */
    unsigned msix_vectors;
    bool interrupt; /* INTA as the function drives it */
    /* Bytes of the configuration space that are not memory; both may be NULL. They are called
     * before a read, and after a write, of any of them. */
    void (*config_read)(struct pci_func *f, unsigned off, unsigned size);
    void (*config_written)(struct pci_func *f, unsigned off, unsigned size);
};

/* For the class's init: header; then BARs and capabilities in order. */
void pci_func_init(struct pci_func *f, struct pci_func_state *s, const struct pci_facts *facts);
/* Region n of the class (a power of two of bytes, >= 16) becomes a BAR; wide takes two. */
void pci_func_bar(struct pci_func *f, unsigned bar, unsigned region, bool wide);
/* A capability of len bytes, zeroed but for its head; returns where it is. */
unsigned pci_func_cap(struct pci_func *f, u8 id, unsigned len);
void pci_func_msix(struct pci_func *f, unsigned vectors, unsigned bar, u32 table, u32 pending);

/* To be called from the class's callbacks of these names. */
void pci_func_fini(struct pci_func *f);
void pci_func_reset(struct pci_func *f);
void pci_func_update(struct pci_func *f);
int pci_func_check(struct pci_func *f, struct err *err);

/* INTA, as the function wants it now; update() sets the line. */
static inline void pci_func_interrupt(struct pci_func *f, bool level)
{
    f->interrupt = level;
}
bool pci_msix_enabled(const struct pci_func *f);
/* Sends the vector's message, or makes it pending while it may not go. */
void pci_msix_send(struct pci_func *f, unsigned vector);
/* The table and the pending bits in a BAR; off within each. */
u64 pci_msix_table_read(struct pci_func *f, u64 off, unsigned size);
void pci_msix_table_write(struct pci_func *f, u64 off, u64 v, unsigned size);
u64 pci_msix_pending_read(struct pci_func *f, u64 off, unsigned size);

#endif
