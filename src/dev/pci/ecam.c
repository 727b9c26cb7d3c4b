/*
 * ecam.c - the generic PCI host bridge: configuration space by memory accesses (PCI Express
 * 4.0, 7.2.2), one bus, windows for BARs, four interrupt lines.
 *
 * A guest may put BARs anywhere. Which of them are mapped follows from their registers
 * alone, so that a loaded machine is like the saved one: those that lie in a window and do
 * not touch one of a lower function or number that is mapped. The others are not there.
 */
#include "base/bug.h"
#include "base/checked.h"
#include "dev/pci/internal.h"
#include <errno.h>

#define PCI_HOST_STATE(F, A, N)                                                                    \
    A(flag, input, PCI_FUNCS, KEEP, "INTA of each function as driven")
STATE_STRUCT(pci_host, PCI_HOST_STATE);

struct pci_window {
    struct mem_map *map; /* borrows (outlives) */
    gpa_t base;
    u64 size;
};

struct pci_host {
    struct device dev;
    struct pci_host_state s;
    struct pci_func *func[PCI_FUNCS]; /* borrows: each takes itself out when freed */
    struct pci_window window[PCI_WINDOWS];
    unsigned window_count;
};

static struct pci_host *self(struct device *d)
{
    return container_of(d, struct pci_host, dev);
}

/* --- BARs --- */

static const struct pci_window *window_of(const struct pci_host *host, gpa_t at, u64 size)
{
    for (unsigned i = 0; i < host->window_count; i++) {
        const struct pci_window *w = &host->window[i];

        if (at >= w->base && checked_range(at - w->base, size, w->size))
            return w;
    }
    return NULL;
}

/* The BARs in the order of function and number. */
static struct pci_bar *bar_of(const struct pci_host *host, unsigned n)
{
    struct pci_func *f = host->func[n / PCI_BARS];

    return f && f->bar[n % PCI_BARS].size ? &f->bar[n % PCI_BARS] : NULL;
}

/* Both are within windows, so ends do not wrap round. */
static bool overlap(gpa_t a, u64 a_size, gpa_t b, u64 b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* Of the BARs before n, granted[] says where they are to be. */
static gpa_t grant(const struct pci_host *host, unsigned n, const gpa_t *granted)
{
    const struct pci_bar *bar = bar_of(host, n);

    if (!bar || !window_of(host, bar->wanted, bar->size))
        return PCI_UNMAPPED;
    for (unsigned i = 0; i < n; i++)
        if (granted[i] != PCI_UNMAPPED &&
            overlap(granted[i], bar_of(host, i)->size, bar->wanted, bar->size))
            return PCI_UNMAPPED;
    return bar->wanted;
}

static void bar_unmap(struct pci_host *host, struct pci_bar *bar)
{
    if (bar->mapped != PCI_UNMAPPED)
        mem_map_remove(window_of(host, bar->mapped, bar->size)->map, bar->mapped);
    bar->mapped = PCI_UNMAPPED;
}

/* A window that something else already lies in is the board's affair: the BAR is not there. */
static void bar_map(struct pci_host *host, unsigned n, gpa_t at)
{
    struct pci_func *f = host->func[n / PCI_BARS];
    struct pci_bar *bar = &f->bar[n % PCI_BARS];
    struct err err = { 0 };

    if (dev_map(&f->dev, bar->region, window_of(host, at, bar->size)->map, at, &err))
        log_guest("%s: %s", f->dev.id, err.text);
    else
        bar->mapped = at;
}

/* All that leave their place do so before any takes a new one. */
void pci_host_remap(struct pci_host *host)
{
    gpa_t granted[PCI_FUNCS * PCI_BARS];

    for (unsigned n = 0; n < ARRAY_SIZE(granted); n++) {
        struct pci_bar *bar = bar_of(host, n);

        granted[n] = grant(host, n, granted);
        if (bar && bar->mapped != granted[n])
            bar_unmap(host, bar);
    }
    for (unsigned n = 0; n < ARRAY_SIZE(granted); n++)
        if (granted[n] != PCI_UNMAPPED && bar_of(host, n)->mapped == PCI_UNMAPPED)
            bar_map(host, n, granted[n]);
}

/* --- configuration space --- */

/* Nobody answers for a function that is not there: all ones. */
static u64 ecam_read(struct device *d, u64 off, unsigned size)
{
    struct pci_func *f = self(d)->func[off >> 12];

    return f ? pci_config_read(f, off & 0xfff, size) : bits_mask(8 * size);
}

static void ecam_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct pci_func *f = self(d)->func[off >> 12];

    if (f)
        pci_config_write(f, off & 0xfff, (u32)v, size);
}

/* --- I/O space: no function here has ports --- */

static u64 io_read(struct device *d, u64 off, unsigned size)
{
    return bits_mask(8 * size);
}

static void io_write(struct device *d, u64 off, u64 v, unsigned size)
{
}

bool pci_host_multifunction(const struct pci_host *host, unsigned devfn)
{
    for (unsigned i = 1; i < 8; i++)
        if (host->func[(devfn & ~7u) + i])
            return true;
    return false;
}

/* --- interrupts --- */

/* The usual swizzle: pin A of slot s is line s % 4. */
static void host_update(struct device *d)
{
    bool level[PCI_LINES] = { false };

    for (unsigned i = 0; i < PCI_FUNCS; i++)
        level[i >> 3 & 3] |= self(d)->s.input[i];
    for (unsigned n = 0; n < PCI_LINES; n++)
        dev_irq_set(d, n, level[n]);
}

static void host_irq_in(struct device *d, unsigned input, bool level)
{
    if (input >= PCI_FUNCS)
        return;
    self(d)->s.input[input] = level;
    host_update(d);
}

/* --- life --- */

void pci_host_window_add(struct device *host, struct mem_map *map, gpa_t base, u64 size)
{
    struct pci_host *h = self(host);
    u64 end;

    BUG_ON(h->window_count == PCI_WINDOWS || size == 0 || !checked_add(base, size, &end));
    h->window[h->window_count++] = (struct pci_window){ map, base, size };
}

int pci_host_plug(struct device *host, unsigned devfn, struct device *func, struct err *err)
{
    struct pci_func *f = (struct pci_func *)func;
    struct pci_host *h = self(host);

    if (!func->cls->pci || devfn >= PCI_FUNCS)
        return err_set(err, EINVAL, "device '%s' (%s) is not one for slot %u of a PCI bus",
                       func->id, func->cls->name, devfn >> 3);
    if (h->func[devfn])
        return err_set(err, EBUSY,
                       "slot %u of the PCI bus has '%s' already, and cannot take '%s'; "
                       "give another slot",
                       devfn >> 3, h->func[devfn]->dev.id, func->id);
    BUG_ON(f->host || host->domain != func->domain);
    dev_irq_connect(func, 0, host, devfn);
    dev_domain_lock(host->domain);
    f->host = h;
    f->devfn = devfn;
    func->requester = devfn;
    h->func[devfn] = f;
    pci_host_remap(h);
    dev_domain_unlock(host->domain);
    return 0;
}

void pci_host_unplug(struct pci_host *host, struct pci_func *f)
{
    for (unsigned i = 0; i < PCI_BARS; i++)
        if (f->bar[i].size)
            bar_unmap(host, &f->bar[i]);
    host->func[f->devfn] = NULL;
    f->host = NULL;
    dev_irq_set(&f->dev, 0, false);
    f->dev.irqs[0].to = NULL;
    pci_host_remap(host);
}

static void host_fini(struct device *d)
{
    for (unsigned i = 0; i < PCI_FUNCS; i++)
        if (self(d)->func[i])
            pci_host_unplug(self(d), self(d)->func[i]);
}

#define STATE_ROW_T struct pci_host_state
STATE_LIST(pci_host, PCI_HOST_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region host_regions[] = {
    [PCI_HOST_ECAM] = { "ecam", PCI_ECAM_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, ecam_read,
                        ecam_write },
    [PCI_HOST_IO] = { "io", PCI_IO_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, io_read, io_write },
};

const struct dev_class pci_host_ecam_class = {
    .name = "pci-host-ecam",
    .doc = "PCI host bridge with memory-mapped configuration space",
    .size = sizeof(struct pci_host),
    .state_offset = offsetof(struct pci_host, s),
    .state = &pci_host_state_list,
    .regions = host_regions,
    .region_count = ARRAY_SIZE(host_regions),
    .irq_count = PCI_LINES,
    .fini = host_fini,
    .update = host_update,
    .irq_in = host_irq_in,
    .fdt_compatible = "pci-host-ecam-generic",
};
