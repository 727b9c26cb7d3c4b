/*
 * fake_host.h - a machine for devices without a CPU: time that a test moves, RAM,
 * recorded interrupt lines, messages and requests, and a serial line.
 *
 * Everything that a device can do to the outside is recorded, so that two runs can be
 * compared; nothing depends on the host.
 */
#ifndef TESTS_DEV_FAKE_HOST_H
#define TESTS_DEV_FAKE_HOST_H

#include "backend/chardev/chardev.h"
#include "dev/core/device.h"
#include "fake_backend.h"

enum {
    FAKE_RAM_SIZE = 1 << 20,
    FAKE_CPUS = 4,
    FAKE_CPU_LINES = 16,
    FAKE_IRQS = 1024,
    FAKE_DEVICES = 16,
    FAKE_LOG = 64,
    FAKE_WINDOW_SIZE = 1 << 24,
};
#define FAKE_RAM_AT    0x80000000ull
#define FAKE_ECAM_AT   0x30000000ull
#define FAKE_WINDOW_AT 0x40000000ull /* where BARs may be; FAKE_WINDOW_SIZE bytes */

/* A chardev whose other side is the test. */
struct fake_chardev {
    struct chardev cd;
    u8 in[4096]; /* waits for the client's room */
    size_t in_len;
    u8 out[1 << 16]; /* what the client has written; the last ones when it is full */
    size_t out_len;
    size_t out_limit; /* write() takes nothing at or over this many bytes */
};

struct fake_msi {
    u32 requester, data;
    gpa_t addr;
};

struct fake_host {
    struct dev_host host;
    ns_t now;           /* the guest's clock */
    ns_t realtime_base; /* realtime() is this plus now */
    u64 seed;
    struct dev_domain *domain;     /* of devices */
    struct dev_domain *irq_domain; /* of controllers and of the board */
    struct mem_map *map;
    struct mem_ram *ram; /* FAKE_RAM_SIZE at FAKE_RAM_AT */
    struct fake_chardev chardev;
    struct blk_image disk;
    bool disk_held; /* fake_settle() completes no disk requests */
    struct fake_net net;
    struct fake_vsock vsock;
    bool cpu_line[FAKE_CPUS][FAKE_CPU_LINES];
    unsigned cpu_irq_calls;
    struct fake_msi msi[FAKE_LOG];
    unsigned msi_count;                /* all of them; the first FAKE_LOG are kept */
    struct device *msi_controllers[4]; /* asked before a message is recorded */
    unsigned requests[DEV_REQUEST_PANIC + 1];
    struct device *pci;                   /* host bridge; NULL until a function needs it */
    struct device *board;                 /* controller whose inputs are recorded */
    struct device *devices[FAKE_DEVICES]; /* those with timers or deferred calls */
    struct {
        struct device *d;
        void (*fn)(struct device *d);
    } deferred[FAKE_LOG];
    unsigned deferred_count;
};

void fake_host_init(struct fake_host *h);
void fake_host_fini(struct fake_host *h);

/* Settings that connect a class's block, network, character and vsock properties to the fake's
 * own; returns how many. */
unsigned fake_settings(struct fake_host *h, const struct dev_class *cls,
                       struct dev_setting out[DEV_MAX_PROPS]);

/* Makes a device or ends the program; outputs go to the board's inputs 0, 1, …; a PCI
 * function goes into the first free slot from 1 on, as firmware leaves it: with BAR 0
 * placed, decoding and bus mastering. The bridge's outputs are inputs 0 … 3. */
struct device *fake_device(struct fake_host *h, const struct dev_class *cls,
                           const struct dev_setting *settings, unsigned count);
struct device *fake_device_free(struct fake_host *h, struct device *d);

/* What the firmware does to a PCI function, again. */
void fake_pci_enable(struct fake_host *h, struct device *d);
/* Makes the bridge if there is none. */
struct device *fake_pci(struct fake_host *h);

/* Interrupt output n of the devices made by fake_device(). */
bool fake_irq(const struct fake_host *h, unsigned n);
unsigned fake_irq_edges(const struct fake_host *h, unsigned n);

/* Moves the clock, calling timers in their order and at their times, and deferred calls. */
void fake_run(struct fake_host *h, ns_t for_ns);
/* Deferred calls and timers that are due, until none is left. */
void fake_settle(struct fake_host *h);
/* Until the device has nothing in flight. */
void fake_drain(struct fake_host *h, struct device *d);

/* The serial line's other side sends; returns what fitted. */
size_t fake_type(struct fake_host *h, const void *data, size_t len);
/* Changes how much output fits, telling the client when there is room again. */
void fake_chardev_limit(struct fake_host *h, size_t limit);

u64 fake_random(u64 *seed);

#endif
