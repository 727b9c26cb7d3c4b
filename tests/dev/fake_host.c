/*
 * fake_host.c - see fake_host.h.
 */
#include "fake_host.h"
#include "base/bug.h"
#include "dev/pci/pci.h"
#include <stdlib.h>
#include <string.h>

/* --- randomness: splitmix64, the same on every run --- */

u64 fake_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* --- the board's interrupt inputs --- */

#define BOARD_STATE(F, A, N) A(flag, level, FAKE_IRQS, KEEP, "inputs")
STATE_STRUCT(board, BOARD_STATE);
#define STATE_ROW_T struct board_state
STATE_LIST(board, BOARD_STATE, 1);
#undef STATE_ROW_T

struct board {
    struct device dev;
    struct board_state s;
    unsigned edges[FAKE_IRQS];
};

static void board_irq_in(struct device *d, unsigned input, bool level)
{
    struct board *b = (struct board *)d;

    b->s.level[input] = level;
    b->edges[input]++;
}

static const struct dev_class board_class = {
    .name = "board",
    .doc = "records interrupt lines",
    .size = sizeof(struct board),
    .state_offset = offsetof(struct board, s),
    .state = &board_state_list,
    .irq_in = board_irq_in,
};

bool fake_irq(const struct fake_host *h, unsigned n)
{
    return ((struct board *)h->board)->s.level[n];
}

unsigned fake_irq_edges(const struct fake_host *h, unsigned n)
{
    return ((struct board *)h->board)->edges[n];
}

/* --- dev_host --- */

static ns_t host_clock(void *arg)
{
    return ((struct fake_host *)arg)->now;
}

static ns_t host_realtime(void *arg)
{
    struct fake_host *h = arg;

    return h->realtime_base + h->now;
}

static u64 host_random(void *arg)
{
    return fake_random(&((struct fake_host *)arg)->seed);
}

/* The times are in the devices; here it is only remembered which devices there are. */
static void host_timer_set(void *arg, struct device *d, unsigned n, ns_t at)
{
    struct fake_host *h = arg;

    (void)n, (void)at;
    for (unsigned i = 0; i < FAKE_DEVICES; i++)
        if (h->devices[i] == d)
            return;
    for (unsigned i = 0; i < FAKE_DEVICES; i++)
        if (!h->devices[i]) {
            h->devices[i] = d;
            return;
        }
    BUG("too many devices for the fake host");
}

static void host_cpu_irq(void *arg, unsigned cpu, unsigned line, bool level)
{
    struct fake_host *h = arg;

    BUG_ON(cpu >= FAKE_CPUS || line >= FAKE_CPU_LINES);
    h->cpu_line[cpu][line] = level;
    h->cpu_irq_calls++;
}

static unsigned fake_cpu_count(void *arg)
{
    (void)arg;
    return FAKE_CPUS;
}

static void host_defer(void *arg, struct device *d, void (*fn)(struct device *d))
{
    struct fake_host *h = arg;

    BUG_ON(h->deferred_count == FAKE_LOG);
    h->deferred[h->deferred_count].d = d;
    h->deferred[h->deferred_count++].fn = fn;
}

static void host_request(void *arg, struct device *d, unsigned what)
{
    (void)d;
    BUG_ON(what > DEV_REQUEST_PANIC);
    ((struct fake_host *)arg)->requests[what]++;
}

static bool host_msi(void *arg, u32 requester, gpa_t addr, u32 data)
{
    struct fake_host *h = arg;

    for (unsigned i = 0; i < ARRAY_SIZE(h->msi_controllers); i++)
        if (h->msi_controllers[i] && dev_msi_input(h->msi_controllers[i], requester, addr, data))
            return true;
    if (h->msi_count < FAKE_LOG)
        h->msi[h->msi_count] = (struct fake_msi){ requester, data, addr };
    h->msi_count++;
    return true;
}

/* --- the serial line --- */

static size_t chardev_take(struct chardev *cd, const u8 *data, size_t len)
{
    struct fake_chardev *f = container_of(cd, struct fake_chardev, cd);
    size_t room = f->out_len < f->out_limit ? f->out_limit - f->out_len : 0;

    if (len > room)
        len = room;
    memcpy(f->out + f->out_len, data, len);
    f->out_len += len;
    return len;
}

static void chardev_room(struct chardev *cd)
{
    (void)cd; /* input is delivered by fake_settle(), as from a loop */
}

static void chardev_freed(struct chardev *cd)
{
    (void)cd;
}

static const struct chardev_ops chardev_ops = { "fake", chardev_take, chardev_room, chardev_freed };

static bool chardev_deliver(struct fake_host *h)
{
    struct fake_chardev *f = &h->chardev;
    u8 bytes[sizeof f->in];
    size_t len = f->in_len < f->cd.room ? f->in_len : f->cd.room;

    if (len == 0 || !f->cd.client || !f->cd.client->receive)
        return false;
    memcpy(bytes, f->in, len);
    f->in_len -= len;
    f->cd.room -= len;
    memmove(f->in, f->in + len, f->in_len);
    dev_domain_lock(h->domain);
    f->cd.client->receive(f->cd.client_arg, bytes, len);
    dev_domain_unlock(h->domain);
    return true;
}

size_t fake_type(struct fake_host *h, const void *data, size_t len)
{
    struct fake_chardev *f = &h->chardev;

    if (len > sizeof f->in - f->in_len)
        len = sizeof f->in - f->in_len;
    memcpy(f->in + f->in_len, data, len);
    f->in_len += len;
    fake_settle(h);
    return len;
}

void fake_chardev_limit(struct fake_host *h, size_t limit)
{
    struct fake_chardev *f = &h->chardev;

    BUG_ON(limit > sizeof f->out);
    f->out_limit = limit;
    if (f->out_len < limit && f->cd.client && f->cd.client->writable) {
        dev_domain_lock(h->domain);
        f->cd.client->writable(f->cd.client_arg);
        dev_domain_unlock(h->domain);
    }
}

/* --- time --- */

/* The device and timer that are due first, at or before `until`. */
static struct device *timer_first(struct fake_host *h, ns_t until, unsigned *ret_n)
{
    struct device *first = NULL;

    for (unsigned i = 0; i < FAKE_DEVICES; i++)
        for (unsigned n = 0; h->devices[i] && n < DEV_MAX_TIMERS; n++) {
            ns_t at = h->devices[i]->timer_at[n];

            if (at == DEV_TIMER_OFF || at > until)
                continue;
            until = at;
            if (first && first->timer_at[*ret_n] <= at)
                continue;
            first = h->devices[i];
            *ret_n = n;
        }
    return first;
}

static bool deferred_run(struct fake_host *h)
{
    unsigned count = h->deferred_count;

    for (unsigned i = 0; i < count; i++) {
        struct device *d = h->deferred[i].d;

        if (!d)
            continue;
        dev_domain_lock(d->domain);
        h->deferred[i].fn(d);
        dev_domain_unlock(d->domain);
    }
    h->deferred_count -= count;
    memmove(h->deferred, h->deferred + count, h->deferred_count * sizeof h->deferred[0]);
    return count != 0;
}

static bool disk_run(struct fake_host *h)
{
    bool any;

    if (h->disk_held)
        return false;
    dev_domain_lock(h->domain);
    any = fake_block_run(&h->disk, false);
    dev_domain_unlock(h->domain);
    return any;
}

/* A device that re-arms itself in the past would keep this busy for ever. */
enum { SETTLE_ROUNDS = 10000 };

void fake_settle(struct fake_host *h)
{
    struct device *d;
    unsigned n, rounds = 0;

    do {
        while ((d = timer_first(h, h->now, &n)) != NULL) {
            dev_timer_expired(d, n);
            BUG_ON(++rounds > SETTLE_ROUNDS);
        }
        BUG_ON(++rounds > SETTLE_ROUNDS);
    } while (deferred_run(h) || chardev_deliver(h) || disk_run(h));
}

void fake_run(struct fake_host *h, ns_t for_ns)
{
    ns_t end = h->now + for_ns;
    unsigned n, rounds = 0;
    struct device *d;

    fake_settle(h);
    while ((d = timer_first(h, end, &n)) != NULL) {
        h->now = d->timer_at[n];
        fake_settle(h);
        BUG_ON(++rounds > SETTLE_ROUNDS);
    }
    h->now = end;
}

void fake_drain(struct fake_host *h, struct device *d)
{
    unsigned rounds = 0;

    fake_settle(h);
    while (!dev_idle(d)) {
        fake_run(h, NS_PER_MS);
        BUG_ON(++rounds > SETTLE_ROUNDS);
    }
}

/* --- life --- */

static void *fake_resource(struct fake_host *h, enum dev_prop_type type)
{
    switch (type) {
    case DEV_PROP_BLOCK: return &h->disk;
    case DEV_PROP_CHARDEV: return &h->chardev.cd;
    case DEV_PROP_NET: return &h->net.net;
    case DEV_PROP_VSOCK: return &h->vsock.vsock;
    default: return NULL;
    }
}

unsigned fake_settings(struct fake_host *h, const struct dev_class *cls,
                       struct dev_setting out[DEV_MAX_PROPS])
{
    unsigned count = 0;

    for (unsigned i = 0; i < cls->prop_count; i++) {
        void *ptr = fake_resource(h, cls->props[i].type);

        if (ptr)
            out[count++] = (struct dev_setting){ cls->props[i].name, NULL, ptr };
    }
    return count;
}

struct device *fake_pci(struct fake_host *h)
{
    struct err err = { 0 };

    if (h->pci)
        return h->pci;
    h->pci = fake_device(h, dev_class_find("pci-host-ecam"), NULL, 0);
    pci_host_window_add(h->pci, h->map, FAKE_WINDOW_AT, FAKE_WINDOW_SIZE);
    BUG_ON(dev_map(h->pci, 0, h->map, FAKE_ECAM_AT, &err));
    return h->pci;
}

void fake_pci_enable(struct fake_host *h, struct device *d)
{
    gpa_t config = FAKE_ECAM_AT + ((u64)d->requester << 12);

    BUG_ON(
        !mem_map_io_write(h->map, config + PCI_BAR0, 4, FAKE_WINDOW_AT + d->requester * 0x10000));
    BUG_ON(!mem_map_io_write(h->map, config + PCI_BAR0 + 4, 4, 0));
    BUG_ON(!mem_map_io_write(h->map, config + PCI_COMMAND, 2,
                             PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
}

static void pci_plug(struct fake_host *h, struct device *d)
{
    struct device *bus = fake_pci(h);
    struct err err = { 0 };
    unsigned slot = 1;

    while (pci_host_plug(bus, PCI_DEVFN(slot, 0), d, &err))
        BUG_ON(++slot == 32);
    fake_pci_enable(h, d);
}

struct device *fake_device(struct fake_host *h, const struct dev_class *cls,
                           const struct dev_setting *settings, unsigned count)
{
    bool controller = (cls->irq_in || cls->msi_in) && cls->irq_count == 0;
    struct dev_domain *dom = controller ? h->irq_domain : h->domain;
    struct device *d = NULL;
    struct err err = { 0 };

    if (dev_new(cls, cls->name, &h->host, dom, h->map, settings, count, &d, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (unsigned n = 0; !cls->pci && n < cls->irq_count; n++)
        dev_irq_connect(d, n, h->board, n);
    if (cls->pci)
        pci_plug(h, d);
    return d;
}

/* The lines it drove fall: what comes next starts like a new machine. */
struct device *fake_device_free(struct fake_host *h, struct device *d)
{
    struct board *b = (struct board *)h->board;

    dev_free(d);
    for (unsigned i = 0; i < FAKE_DEVICES; i++)
        if (h->devices[i] == d)
            h->devices[i] = NULL;
    for (unsigned i = 0; i < h->deferred_count; i++)
        if (h->deferred[i].d == d)
            h->deferred[i].d = NULL;
    memset(b->s.level, 0, sizeof b->s.level);
    memset(h->cpu_line, 0, sizeof h->cpu_line);
    return NULL;
}

static void ram_make(struct fake_host *h)
{
    struct err err = { 0 };

    if (mem_ram_new("ram", FAKE_RAM_SIZE, &h->ram, &err) ||
        mem_map_add_ram(h->map, FAKE_RAM_AT, h->ram, 0, FAKE_RAM_SIZE, false, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

void fake_host_init(struct fake_host *h)
{
    struct err err = { 0 };

    memset(h, 0, sizeof *h);
    h->host = (struct dev_host){ h,
                                 host_clock,
                                 host_realtime,
                                 host_random,
                                 host_timer_set,
                                 host_cpu_irq,
                                 fake_cpu_count,
                                 host_defer,
                                 host_request };
    h->realtime_base = 1700000000ull * NS_PER_SEC;
    h->seed = 1;
    h->domain = dev_domain_new();
    h->irq_domain = dev_domain_new();
    h->map = mem_map_new("fake");
    BUG_ON(!h->domain || !h->irq_domain || !h->map);
    dev_domain_msi_route(h->domain, host_msi, h);
    dev_domain_msi_route(h->irq_domain, host_msi, h);
    ram_make(h);
    h->chardev.cd.ops = &chardev_ops;
    h->chardev.out_limit = sizeof h->chardev.out;
    fake_net_init(&h->net);
    fake_vsock_init(&h->vsock);
    BUG_ON(dev_new(&board_class, "board", &h->host, h->irq_domain, NULL, NULL, 0, &h->board, &err));
}

void fake_host_fini(struct fake_host *h)
{
    fake_vsock_fini(&h->vsock);
    dev_free(h->pci);
    dev_free(h->board);
    mem_map_free(h->map);
    mem_ram_free(h->ram);
    dev_domain_free(h->irq_domain);
    dev_domain_free(h->domain);
}
