/*
 * device.c - the life of a device: new, reset, save, load, free; its timers and lines.
 *
 * update() runs last in new, reset and load, so outputs follow from state alone there.
 */
#include "base/bug.h"
#include "dev/core/internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- life --- */

static void call_reset(struct device *d)
{
    if (d->cls->state)
        state_reset(d->cls->state, dev_state(d));
    if (d->cls->reset)
        d->cls->reset(d);
}

static void call_update(struct device *d)
{
    if (d->cls->update)
        d->cls->update(d);
}

/* The head and its allocations; properties and init come after it. */
static struct device *device_alloc(const struct dev_class *cls, const char *id)
{
    struct device *d = calloc(1, cls->size);

    BUG_ON(cls->size < sizeof *d || cls->region_count > DEV_MAX_REGIONS);
    BUG_ON(!cls->state == !cls->unsaveable);
    if (!d)
        return NULL;
    d->cls = cls;
    d->accessor = MEM_NO_CPU;
    d->id = strdup(id);
    d->irqs = calloc(cls->irq_count + 1ull, sizeof *d->irqs);
    for (unsigned n = 0; n < cls->region_count; n++)
        d->regions[n] = (struct dev_region_handle){
            .self = d, .index = n, .size = cls->regions[n].size, .at = DEV_NOWHERE
        };
    for (unsigned n = 0; n < DEV_MAX_TIMERS; n++)
        d->timer_at[n] = DEV_TIMER_OFF;
    return d;
}

static void device_release(struct device *d)
{
    dev_props_fini(d);
    free(d->irqs);
    free(d->id);
    free(d);
}

/* Properties are set, the lock is held. */
static int device_start(struct device *d, struct err *err)
{
    int rc = d->cls->init ? d->cls->init(d, err) : 0;

    if (rc)
        return err_wrap(err, "cannot make device '%s'", d->id);
    for (unsigned n = 0; n < d->cls->region_count; n++)
        BUG_ON(d->regions[n].size == 0);
    call_reset(d);
    call_update(d);
    return 0;
}

int dev_new(const struct dev_class *cls, const char *id, const struct dev_host *host,
            struct dev_domain *domain, struct mem_map *dma, const struct dev_setting *settings,
            unsigned setting_count, struct device **ret, struct err *err)
{
    struct device *d = device_alloc(cls, id);
    bool entered;
    int rc;

    if (!d || !d->id || !d->irqs) {
        if (d)
            device_release(d);
        return err_set(err, ENOMEM, "there is not enough memory for device '%s'", id);
    }
    d->host = host;
    d->domain = domain;
    d->dma = dma;
    rc = dev_props_set(d, settings, setting_count, err);
    if (rc) {
        device_release(d);
        return rc;
    }
    entered = dev_domain_enter(domain);
    rc = device_start(d, err);
    dev_domain_leave(domain, entered);
    if (rc) {
        dev_free(d);
        return rc;
    }
    *ret = d;
    return 0;
}

struct device *dev_free(struct device *d)
{
    bool entered;

    if (!d)
        return NULL;
    entered = dev_domain_enter(d->domain);
    for (unsigned n = 0; n < DEV_MAX_TIMERS; n++)
        dev_timer_set(d, n, DEV_TIMER_OFF);
    if (d->cls->fini)
        d->cls->fini(d);
    dev_domain_leave(d->domain, entered);
    device_release(d);
    return NULL;
}

void dev_reset(struct device *d)
{
    bool entered = dev_domain_enter(d->domain);

    call_reset(d);
    call_update(d);
    dev_domain_leave(d->domain, entered);
}

bool dev_idle(struct device *d)
{
    bool entered = dev_domain_enter(d->domain);
    bool idle = !d->cls->idle || d->cls->idle(d);

    dev_domain_leave(d->domain, entered);
    return idle;
}

/* --- save and load --- */

static struct mem_ram *bulk_of(struct device *d, char *name, size_t size)
{
    snprintf(name, size, "%s.bytes", d->id);
    return d->cls->bulk ? d->cls->bulk(d) : NULL;
}

void dev_save(struct device *d, struct state_writer *w)
{
    bool entered = dev_domain_enter(d->domain);
    char name[80];
    struct mem_ram *bulk = bulk_of(d, name, sizeof name);

    BUG_ON(!d->cls->state); /* the machine asked unsaveable first */
    state_write(w, d->id, d->cls->state, dev_state(d));
    if (bulk)
        state_write_bytes(w, name, bulk->host, bulk->size);
    dev_domain_leave(d->domain, entered);
}

static int load_bulk(struct device *d, struct state_reader *r, struct err *err)
{
    char name[80];
    struct mem_ram *bulk = bulk_of(d, name, sizeof name);
    int rc;

    if (!bulk)
        return 0;
    mem_ram_discard(bulk, 0, bulk->size);
    rc = state_read_bytes(r, name, bulk->host, bulk->size, err);
    mem_ram_written(bulk, 0, bulk->size);
    return rc;
}

static int load_state(struct device *d, struct state_reader *r, struct err *err)
{
    int rc = state_read(r, d->id, d->cls->state, dev_state(d), err);

    if (rc == 0 && d->cls->check) {
        rc = d->cls->check(d, err);
        if (rc)
            err_wrap(err, "the state of '%s' contradicts itself", d->id);
    }
    return rc == 0 ? load_bulk(d, r, err) : rc;
}

/* A refused state leaves the device as it was. */
int dev_load(struct device *d, struct state_reader *r, struct err *err)
{
    void *old = malloc(d->cls->state ? d->cls->state->size : 1);
    bool entered;
    int rc;

    BUG_ON(!d->cls->state);
    if (!old)
        return err_set(err, ENOMEM, "there is not enough memory to load '%s'", d->id);
    entered = dev_domain_enter(d->domain);
    memcpy(old, dev_state(d), d->cls->state->size);
    call_reset(d);
    rc = load_state(d, r, err);
    if (rc)
        memcpy(dev_state(d), old, d->cls->state->size);
    if (d->cls->loaded)
        d->cls->loaded(d);
    call_update(d);
    dev_domain_leave(d->domain, entered);
    free(old);
    return rc;
}

/* --- timers --- */

void dev_timer_set(struct device *d, unsigned n, ns_t at)
{
    BUG_ON(n >= DEV_MAX_TIMERS);
    if (d->timer_at[n] == at)
        return;
    d->timer_at[n] = at;
    d->host->timer_set(d->host->arg, d, n, at);
}

/* A host timer may come early, or after the device has changed its mind. */
void dev_timer_expired(struct device *d, unsigned timer)
{
    bool entered = dev_domain_enter(d->domain);
    ns_t at = d->timer_at[timer];

    if (at != DEV_TIMER_OFF && at > dev_clock_ns(d)) {
        d->host->timer_set(d->host->arg, d, timer, at);
    } else if (at != DEV_TIMER_OFF) {
        d->timer_at[timer] = DEV_TIMER_OFF;
        d->cls->expired(d, timer);
    }
    dev_domain_leave(d->domain, entered);
}

/* --- interrupts --- */

static void controller_drive(struct device *controller, unsigned input, bool level)
{
    bool entered = dev_domain_enter(controller->domain);

    controller->cls->irq_in(controller, input, level);
    dev_domain_leave(controller->domain, entered);
}

void dev_irq_set(struct device *d, unsigned n, bool level)
{
    struct dev_irq_link *link = &d->irqs[n];

    BUG_ON(n >= d->cls->irq_count);
    if (link->level == level)
        return;
    link->level = level;
    log_trace(irq, "%s: output %u %s", d->id, n, level ? "up" : "down");
    if (link->to)
        controller_drive(link->to, link->input, level);
}

void dev_irq_connect(struct device *d, unsigned n, struct device *controller, unsigned input)
{
    struct dev_irq_link *link = &d->irqs[n];
    bool entered = dev_domain_enter(d->domain);

    BUG_ON(n >= d->cls->irq_count || !controller->cls->irq_in);
    link->to = controller;
    link->input = input;
    if (link->level)
        controller_drive(controller, input, true);
    dev_domain_leave(d->domain, entered);
}

void dev_irq_input(struct device *controller, unsigned input, bool level)
{
    controller_drive(controller, input, level);
}

bool dev_msi_input(struct device *controller, u32 requester, gpa_t addr, u32 data)
{
    bool entered = dev_domain_enter(controller->domain);
    bool answered =
        controller->cls->msi_in && controller->cls->msi_in(controller, requester, addr, data);

    dev_domain_leave(controller->domain, entered);
    return answered;
}

/* --- system registers --- */

int dev_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 *out)
{
    bool entered = dev_domain_enter(d->domain);
    int rc = d->cls->sysreg_read ? d->cls->sysreg_read(d, cpu, space, number, out) : -ENOENT;

    dev_domain_leave(d->domain, entered);
    return rc;
}

int dev_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number, u64 v)
{
    bool entered = dev_domain_enter(d->domain);
    int rc = d->cls->sysreg_write ? d->cls->sysreg_write(d, cpu, space, number, v) : -ENOENT;

    dev_domain_leave(d->domain, entered);
    return rc;
}
