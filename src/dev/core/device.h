/*
 * device.h - what a device model is: one class, one file.
 *
 * A device's file holds its register numbers, its state list, its callbacks, and at
 * the end one `const struct dev_class` with every fact about it; src/dev/classes.def
 * has one sorted line with its name. The command line, save and load, reset, device
 * tree, documentation, generic tests and fuzzing read the class.
 *
 * Threads: a device belongs to a domain (one lock). Every callback runs with the
 * domain's lock held; devices take no locks and start no threads. Interrupt
 * controllers have a domain of their own: lock order is device → controller → vCPU.
 */
#ifndef DEV_CORE_DEVICE_H
#define DEV_CORE_DEVICE_H

#include "base/err.h"
#include "base/log.h"
#include "mem/map.h"
#include "state/state.h"

struct device;
struct dev_domain;
struct host_mutex;

#define DEV_TIMER_OFF UINT64_MAX
#define DEV_NOWHERE   UINT64_MAX
enum { DEV_MAX_REGIONS = 8, DEV_MAX_TIMERS = 4, DEV_MAX_PROPS = 32 };

/* --- configuration --- */

enum dev_prop_type {
    DEV_PROP_U64,  /* number, with k/m/g suffixes; min..max */
    DEV_PROP_BOOL, /* on, off */
    DEV_PROP_STRING,
    DEV_PROP_BLOCK,   /* a struct blk_image the machine opened; by pointer */
    DEV_PROP_NET,     /* a struct net_backend */
    DEV_PROP_CHARDEV, /* a struct chardev */
    DEV_PROP_VSOCK,   /* a struct vsock_backend */
};

/* A property: a member of the device struct that configuration sets before init. */
struct dev_prop {
    const char *name, *doc;
    enum dev_prop_type type;
    u32 offset; /* of the member in the device struct: u64, bool, const char *, pointer */
    u64 min, max, initial; /* U64, BOOL */
    bool required;
};

/* --- the class --- */

struct dev_region {
    const char *name;
    u64 size;  /* bytes; 0: the device's init sets it by dev_region_size_set */
    u8 widths; /* MEM_IO_* */
    u64 (*read)(struct device *d, u64 off, unsigned size);
    void (*write)(struct device *d, u64 off, u64 v, unsigned size);
};

/* How much of the host a device needs; the sandbox reads it. */
enum { DEV_NEEDS_FILE = 1, DEV_NEEDS_NET = 2, DEV_NEEDS_TTY = 4 };

struct dev_class {
    const char *name, *doc;         /* "rtc-goldfish", one line */
    u32 size;                       /* sizeof the device struct; begins with struct device */
    u32 state_offset;               /* of its state struct */
    const struct state_list *state; /* NULL together with unsaveable */
    const char *unsaveable;         /* why it has no state list: one sentence for the user */
    const struct dev_prop *props;   /* prop_count rows */
    unsigned prop_count;
    const struct dev_region *regions; /* MMIO regions, region_count rows */
    unsigned region_count;
    unsigned irq_count; /* interrupt outputs */
    unsigned needs;     /* DEV_NEEDS_* */

    /* All optional but update where there are outputs. */
    int (*init)(struct device *d, struct err *err); /* after properties; host resources */
    void (*fini)(struct device *d);                 /* also after an init that failed half way */
    void (*reset)(struct device *d);  /* after the list's ZERO members were zeroed: other values */
    void (*update)(struct device *d); /* sets every output from state alone */
    void (*loaded)(struct device *d); /* after state was loaded, before update: derived values */
    /* Checks loaded state; an inconsistent one is an error of the file. */
    int (*check)(struct device *d, struct err *err);
    void (*expired)(struct device *d, unsigned timer);
    bool (*idle)(struct device *d); /* false while host requests are in flight (drain polls) */

    /* Interrupt controllers. */
    void (*irq_in)(struct device *d, unsigned input, bool level);
    /* A message interrupt that this controller answers: false = not an address of it. */
    bool (*msi_in)(struct device *d, u32 requester, gpa_t addr, u32 data);
    /* System registers of CPU `cpu`; -ENOENT = not one of it. */
    int (*sysreg_read)(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out);
    int (*sysreg_write)(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v);

    /* Guest-visible bytes that are too many for the state list; they are saved with it. NULL: there
     * are none, or they are kept elsewhere. */
    struct mem_ram *(*bulk)(struct device *d);

    bool pci; /* a PCI function: plugged into a host, its struct begins with struct pci_func */
    const char *fdt_compatible; /* for the generic device-tree node; NULL: the board writes it */
};

/* --- what a device may ask of the machine --- */

/* Implemented by the machine, and by the fake bus of the tests. */
struct dev_host {
    void *arg;
    ns_t (*clock)(void *arg);    /* guest time: ns since the machine's start */
    ns_t (*realtime)(void *arg); /* ns since 1970, through the recorder */
    u64 (*random)(void *arg);
    /* Arms timer n of d at guest time `at` (DEV_TIMER_OFF: disarm). Called with the lock of
     * d's domain held; dev_timer_expired() is not to be called from inside it. */
    void (*timer_set)(void *arg, struct device *d, unsigned n, ns_t at);
    /* An interrupt line of a vCPU (controllers only). */
    void (*cpu_irq)(void *arg, unsigned cpu, unsigned line, bool level);
    unsigned (*cpu_count)(void *arg);
    /* Runs fn(d) soon with the domain's lock held, not inside the present callback. */
    void (*defer)(void *arg, struct device *d, void (*fn)(struct device *d));
    /* The guest asked for it: power off, reset, or reports a panic. */
    void (*request)(void *arg, struct device *d, unsigned what /* enum dev_request */);
};
enum dev_request { DEV_REQUEST_POWEROFF, DEV_REQUEST_RESET, DEV_REQUEST_PANIC };

/* --- the object --- */

struct dev_irq_link {
    struct device *to; /* borrows: the controller; NULL: not connected */
    unsigned input;
    bool level; /* last driven */
};

/* Region n of a device, as the memory map keeps it. */
struct dev_region_handle {
    struct device *self;
    unsigned index;
    u64 size;
    gpa_t at;            /* where dev_map() put it last; DEV_NOWHERE before */
    struct mem_map *map; /* borrows: in which map */
    struct mem_ram *rom; /* borrows (the device's own): what loads find there; NULL: the device */
};

struct device {
    const struct dev_class *cls;
    char *id;                    /* owns: "virtio-mmio@10001000", unique in the machine */
    const struct dev_host *host; /* borrows (outlives) */
    struct dev_domain *domain;   /* shared */
    struct mem_map *dma;         /* borrows: what its bus lets it reach */
    u32 requester;               /* its id in message interrupts */
    struct dev_irq_link *irqs;   /* owns: cls->irq_count */
    struct dev_region_handle regions[DEV_MAX_REGIONS];
    ns_t timer_at[DEV_MAX_TIMERS]; /* as last set; DEV_TIMER_OFF */
    unsigned accessor;             /* CPU whose access a region's callback serves; MEM_NO_CPU */
    u64 guest_errors;              /* accesses against the specification */
};

struct dev_setting {
    const char *name;
    const char *text; /* as a user writes it; or NULL and ptr */
    void *ptr;        /* for BLOCK, NET, CHARDEV, VSOCK */
};

/* Looks a class up by name; NULL. */
const struct dev_class *dev_class_find(const char *name);
extern const struct dev_class *const dev_classes[];
extern const unsigned dev_class_count;

/* Devices that share one lock. NULL when there is no memory. */
struct dev_domain *dev_domain_new(void);
struct dev_domain *dev_domain_free(struct dev_domain *dom);
void dev_domain_lock(struct dev_domain *dom);
void dev_domain_unlock(struct dev_domain *dom);
/* The lock itself, for the event loop that serves the domain: loop_new(dev_domain_mutex(dom)). */
struct host_mutex *dev_domain_mutex(struct dev_domain *dom);

/* Makes a device: zeroed state, properties from settings, init, reset, update. */
int dev_new(const struct dev_class *cls, const char *id, const struct dev_host *host,
            struct dev_domain *domain, struct mem_map *dma, const struct dev_setting *settings,
            unsigned setting_count, struct device **ret, struct err *err) MUST_CHECK;
struct device *dev_free(struct device *d);

/* Puts region n of d at `at` in a map (with locking, width and bounds checks around). */
int dev_map(struct device *d, unsigned n, struct mem_map *map, gpa_t at,
            struct err *err) MUST_CHECK;
/* Connects output n of d to an input of a controller. */
void dev_irq_connect(struct device *d, unsigned n, struct device *controller, unsigned input);

/* The following take the domain's lock themselves, unless the calling thread holds it
 * already (a callback of the domain's event loop does): for machines and tests. */
void dev_reset(struct device *d);
void dev_save(struct device *d, struct state_writer *w);
int dev_load(struct device *d, struct state_reader *r, struct err *err) MUST_CHECK;
void dev_timer_expired(struct device *d, unsigned timer);
u64 dev_read(struct device *d, unsigned region, u64 off, unsigned size);
void dev_write(struct device *d, unsigned region, u64 off, u64 v, unsigned size);
void dev_irq_input(struct device *controller, unsigned input, bool level);
bool dev_msi_input(struct device *controller, u32 requester, gpa_t addr, u32 data);
/* System registers of CPU `cpu`: -ENOENT when the device has none of that number. */
int dev_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out);
int dev_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v);
/* False while requests to the host are in flight: a save waits for it. */
bool dev_idle(struct device *d);

/* --- for device callbacks (lock held) --- */

/* The state struct that the class's list describes. */
static inline void *dev_state(struct device *d)
{
    return (u8 *)d + d->cls->state_offset;
}
/* For init: sizes region n whose class says 0. */
void dev_region_size_set(struct device *d, unsigned n, u64 size);
/* For init: loads from region n, and fetches, find this memory, as long as it is shown; stores
 * always reach the device. The memory is the device's, of whole pages and as large as the region.
 */
void dev_region_rom_set(struct device *d, unsigned n, struct mem_ram *rom);
/* For update, whose output it is. */
void dev_region_rom_show(struct device *d, unsigned n, bool shown);
void dev_irq_set(struct device *d, unsigned n, bool level);
/* Asks for expired(d, n) at guest time `at`; a time that has passed: soon, not at once. */
void dev_timer_set(struct device *d, unsigned n, ns_t at);
static inline void dev_cpu_irq(struct device *d, unsigned cpu, unsigned line, bool level)
{
    d->host->cpu_irq(d->host->arg, cpu, line, level);
}
static inline void dev_defer(struct device *d, void (*fn)(struct device *d))
{
    d->host->defer(d->host->arg, d, fn);
}
static inline void dev_request(struct device *d, enum dev_request what)
{
    d->host->request(d->host->arg, d, what);
}
static inline ns_t dev_clock_ns(struct device *d)
{
    return d->host->clock(d->host->arg);
}
/* Counts and traces an access against the specification; returns 0, what the guest reads. */
u64 dev_bad_access(struct device *d, u64 off, unsigned size);
/* DMA: RAM only; false when any byte is elsewhere (then nothing was written). */
bool dma_read(struct device *d, gpa_t at, void *buf, u64 len) MUST_CHECK;
bool dma_write(struct device *d, gpa_t at, const void *buf, u64 len) MUST_CHECK;
/* Host pointer to [at, at+len) when it is one stretch of RAM, else NULL; after writing
 * through it call dma_written(). Valid until the device's next callback returns and while
 * requests of its are in flight. */
void *dma_map(struct device *d, gpa_t at, u64 len, bool write);
void dma_written(struct device *d, gpa_t at, u64 len);
/* The guest needs the content of [at, at + len) no more: it goes back to the host, and reads
 * as zeroes. False when it is not one stretch of RAM. */
bool dma_discard(struct device *d, gpa_t at, u64 len) MUST_CHECK;
/* Sends a message interrupt; the machine routes it to the controller that answers. */
void irq_msi_send(struct device *d, gpa_t addr, u32 data);
/* The machine's routing for irq_msi_send; set once before any device runs. */
void dev_domain_msi_route(struct dev_domain *dom,
                          bool (*send)(void *arg, u32 requester, gpa_t addr, u32 data), void *arg);

#endif
