/*
 * machine.c - puts a machine together, resets it, takes it apart.
 */
#include "machine/private.h"

#include "base/bug.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct machine_class *machine_class_find(const char *name)
{
    for (unsigned i = 0; machine_classes[i]; i++)
        if (strcmp(machine_classes[i]->name, name) == 0)
            return machine_classes[i];
    return NULL;
}

/* --- what devices ask for --- */

static ns_t host_clock_now(void *arg)
{
    return clock_now(&((struct machine *)arg)->clock);
}

static ns_t host_deadline(void *arg, ns_t at)
{
    return clock_host_deadline(&((struct machine *)arg)->clock, at);
}

static ns_t host_realtime(void *arg)
{
    return clock_realtime(&((struct machine *)arg)->clock);
}

static u64 host_random_word(void *arg)
{
    return clock_random(&((struct machine *)arg)->clock);
}

static void host_timer_set(void *arg, struct device *d, unsigned n, ns_t at)
{
    timers_set(&((struct machine *)arg)->timers, d, n, at);
}

static void host_cpu_irq(void *arg, unsigned cpu, unsigned line, bool level)
{
    engine_irq_set(((struct machine *)arg)->engine, cpu, line, level);
}

static unsigned host_cpu_count_get(void *arg)
{
    return ((struct machine *)arg)->cfg->cpus;
}

struct deferred {
    struct device *dev;
    void (*fn)(struct device *d);
};

/* In the loop, with the io domain's lock held; controllers have another. */
static void run_deferred(void *arg)
{
    struct deferred *note = arg;
    struct dev_domain *dom = note->dev->domain;
    struct machine *m = note->dev->host->arg;

    if (dom != m->io)
        dev_domain_lock(dom);
    note->fn(note->dev);
    if (dom != m->io)
        dev_domain_unlock(dom);
    free(note);
}

static void host_defer(void *arg, struct device *d, void (*fn)(struct device *d))
{
    struct machine *m = arg;
    struct deferred *note = malloc(sizeof *note);

    if (note) {
        *note = (struct deferred){ d, fn };
        if (loop_post(m->loop, run_deferred, note) == 0)
            return;
    }
    free(note);
    log_error("%s: out of memory, the machine stops", d->id);
    machine_stop_request(m, MACHINE_STOP_FAILED);
}

void machine_request(void *arg, enum dev_request what)
{
    static const enum machine_stop why[] = { [DEV_REQUEST_POWEROFF] = MACHINE_STOP_POWEROFF,
                                             [DEV_REQUEST_RESET] = MACHINE_STOP_RESET,
                                             [DEV_REQUEST_PANIC] = MACHINE_STOP_PANIC };

    machine_stop_request(arg, why[what]);
}

static void host_request(void *arg, struct device *d, unsigned what)
{
    machine_request(arg, what);
}

/* --- what CPUs ask for --- */

static bool cpu_firmware_call(void *arg, struct vcpu *c)
{
    struct machine *m = arg;

    return m->cls->firmware_call && m->cls->firmware_call(m, c);
}

static void cpu_check_failed(void *arg)
{
    machine_stop_request(arg, MACHINE_STOP_FAILED);
}

static int cpu_sysreg_read(void *arg, struct vcpu *c, unsigned space, unsigned number, u64 *out)
{
    struct machine *m = arg;

    return m->cls->sysreg_read ? m->cls->sysreg_read(m, c, space, number, out) : -ENOENT;
}

static int cpu_sysreg_write(void *arg, struct vcpu *c, unsigned space, unsigned number, u64 v)
{
    struct machine *m = arg;

    return m->cls->sysreg_write ? m->cls->sysreg_write(m, c, space, number, v) : -ENOENT;
}

static bool msi_send(void *arg, u32 requester, gpa_t addr, u32 data)
{
    struct machine *m = arg;

    return m->cls->msi && m->cls->msi(m, requester, addr, data);
}

/* Deterministic mode: guest time is the engine's; every device access is on its thread. */
static ns_t count_ns(void *arg)
{
    return engine_clock(((struct machine *)arg)->engine);
}

size_t machine_console_write(void *arg, const u8 *data, size_t len)
{
    struct machine *m = arg;
    size_t taken;

    dev_domain_lock(m->io);
    taken = chardev_write(m->console, data, len);
    dev_domain_unlock(m->io);
    return taken;
}

void machine_random_fill(struct machine *m, void *buf, size_t len)
{
    u8 *out = buf;

    for (size_t i = 0; i < len; i += 8) {
        u64 word = clock_random(&m->clock);

        memcpy(out + i, &word, len - i < 8 ? len - i : 8);
    }
}

/* --- building --- */

static int make_ram(struct machine *m, struct err *err)
{
    const struct machine_class *cls = m->cls;
    u64 size = m->cfg->memory;
    int rc;

    if (size < cls->ram_min || size > cls->ram_max || size % MEM_PAGE_SIZE)
        return err_set(err, EINVAL,
                       "memory of %llu KiB does not fit machine %s, which takes %llu "
                       "MiB to %llu GiB: give another --memory",
                       (unsigned long long)(size / KIB), cls->name,
                       (unsigned long long)(cls->ram_min / MIB),
                       (unsigned long long)(cls->ram_max / GIB));
    rc = mem_ram_new("ram", size, &m->ram, err);
    if (rc < 0)
        return err_wrap(err, "guest memory of %llu MiB", (unsigned long long)(size / MIB));
    return mem_map_add_ram(m->map, cls->ram_base, m->ram, 0, size, false, err);
}

/* Boards list an isa's models in its order. */
static unsigned model_number(const struct machine_config *cfg)
{
    unsigned n = 0;

    while (cfg->cpu && cfg->cls->cpus[n] && strcmp(cfg->cls->cpus[n], cfg->cpu) != 0)
        n++;
    return n;
}

static int make_engine(struct machine *m, struct err *err)
{
    struct engine_config cfg = { .isa = m->cls->isa,
                                 .handlers = m->cls->handlers,
                                 .map = m->map,
                                 .cpus = m->cfg->cpus,
                                 .model = model_number(m->cfg),
                                 .tier = m->cfg->tier,
                                 .deterministic = m->cfg->deterministic,
                                 .check_interp = m->cfg->check_interp,
                                 .check_eval = m->cfg->check_eval,
                                 .code_cache_bytes = m->cfg->code_cache,
                                 .perf = m->cfg->perf,
                                 .opts_off = m->cfg->opts_off,
                                 .blocks_first = m->cfg->blocks_first,
                                 .blocks_count = m->cfg->blocks_count };
    struct engine_host host = { .arg = m,
                                .clock = host_clock_now,
                                .deadline = host_deadline,
                                .firmware_call = cpu_firmware_call,
                                .sysreg_read = cpu_sysreg_read,
                                .sysreg_write = cpu_sysreg_write,
                                .random = host_random_word,
                                .quantum_end = machine_quantum_end,
                                .check_failed = cpu_check_failed,
                                .paused = machine_engine_paused };

    if (m->cfg->cpus < 1 || m->cfg->cpus > m->cls->max_cpus)
        return err_set(err, EINVAL,
                       "%u CPUs do not fit machine %s, which takes 1 to %u: give "
                       "another --cpus",
                       m->cfg->cpus, m->cls->name, m->cls->max_cpus);
    return engine_new(&cfg, &host, &m->engine, err);
}

static int check_model(const struct machine_config *cfg, struct err *err)
{
    const char *const *models = cfg->cls->cpus;

    for (unsigned i = 0; models[i]; i++)
        if (!cfg->cpu || strcmp(models[i], cfg->cpu) == 0)
            return 0;
    return err_set(err, EINVAL, "machine %s has no CPU model %s: its own is %s", cfg->cls->name,
                   cfg->cpu, models[0]);
}

static int open_console(struct machine *m, const char *spec, struct chardev **ret, struct err *err)
{
    if (strcmp(spec, "pty") == 0)
        return chardev_pty_new(m->loop, ret, err);
    if (strncmp(spec, "unix:", 5) == 0 && spec[5])
        return chardev_unix_new(m->loop, spec + 5, ret, err);
    return err_set(err, EINVAL, "a console on '%s' is unknown", spec);
}

static int make_consoles(struct machine *m, struct err *err)
{
    const char *spec = m->cfg->console;
    int rc;

    if (m->cfg->console_log)
        rc = chardev_server_new(m->loop, spec, m->cfg->console_log, &m->console, err);
    else if (strcmp(spec, "stdio") == 0)
        rc = chardev_stdio_new(m->loop, machine_escape, m, &m->console, err);
    else if (strcmp(spec, "none") == 0)
        rc = chardev_null_new(&m->console, err);
    else
        rc = open_console(m, spec, &m->console, err);
    if (rc < 0 || !m->cfg->virtio_console)
        return rc;
    return open_console(m, m->cfg->virtio_console, &m->virtio_console, err);
}

static int make_loop(struct machine *m, struct err *err)
{
    int rc;

    m->io = dev_domain_new();
    m->irqchip = dev_domain_new();
    if (!m->io || !m->irqchip)
        return err_set_errno(err, ENOMEM, "making the machine");
    dev_domain_msi_route(m->io, msi_send, m);
    dev_domain_msi_route(m->irqchip, msi_send, m);
    rc = loop_new(dev_domain_mutex(m->io), &m->loop, err);
    return rc < 0 ? rc : machine_trim_init(m, err);
}

static int build(struct machine *m, struct err *err)
{
    int rc;

    m->map = mem_map_new("memory");
    if (!m->map)
        return err_set_errno(err, ENOMEM, "making the machine");
    if ((rc = check_model(m->cfg, err)) < 0 || (rc = make_ram(m, err)) < 0 ||
        (rc = make_loop(m, err)) < 0 || (rc = make_engine(m, err)) < 0 ||
        (rc = make_consoles(m, err)) < 0)
        return rc;
    m->console->tap = machine_console_tap;
    m->console->tap_arg = m;
    rc = timers_init(&m->timers, &m->clock, !m->cfg->deterministic, err);
    return rc < 0 ? rc : m->cls->init(m, err);
}

int machine_new(const struct machine_config *cfg, struct machine **ret, struct err *err)
{
    struct machine *m = calloc(1, cfg->cls->size);
    int rc;

    if (!m)
        return err_set_errno(err, ENOMEM, "making the machine");
    m->cls = cfg->cls;
    m->cfg = cfg;
    clock_init(&m->clock, cfg->rng_seed, cfg->deterministic);
    m->clock.count_ns = count_ns;
    m->clock.count_arg = m;
    host_mutex_init(&m->stop_lock);
    host_cond_init(&m->stopped_cond);
    m->dev_host = (struct dev_host){ .arg = m,
                                     .clock = host_clock_now,
                                     .realtime = host_realtime,
                                     .random = host_random_word,
                                     .timer_set = host_timer_set,
                                     .cpu_irq = host_cpu_irq,
                                     .cpu_count = host_cpu_count_get,
                                     .defer = host_defer,
                                     .request = host_request };
    rc = build(m, err);
    if (rc < 0) {
        machine_free(m);
        return rc;
    }
    *ret = m;
    return 0;
}

struct machine *machine_free(struct machine *m)
{
    if (!m)
        return NULL;
    if (m->loop) /* what was deferred runs while the devices exist */
        loop_run_once(m->loop, 0);
    timers_stop(&m->timers);
    m->engine = engine_free(m->engine);
    for (unsigned i = m->device_count; i-- > 0;)
        dev_free(m->devices[i]);
    if (m->cls->fini)
        m->cls->fini(m);
    timers_fini(&m->timers);
    machine_close_backends(m);
    chardev_free(m->virtio_console);
    chardev_free(m->console);
    loop_free(m->loop);
    dev_domain_free(m->irqchip);
    dev_domain_free(m->io);
    mem_map_free(m->map);
    mem_ram_free(m->ram);
    free(m->stop_text);
    host_cond_fini(&m->stopped_cond);
    host_mutex_fini(&m->stop_lock);
    clock_fini(&m->clock);
    free(m);
    return NULL;
}

int machine_make_device(struct machine *m, const char *name, struct dev_domain *dom, gpa_t at,
                        const struct dev_setting *settings, unsigned setting_count,
                        struct device **ret, struct err *err)
{
    const struct dev_class *cls = dev_class_find(name);
    char id[64];
    int rc;

    if (!cls)
        return err_set(err, ENOTSUP, "this build has no device class %s, which machine %s needs",
                       name, m->cls->name);
    BUG_ON(m->device_count == MACHINE_MAX_DEVICES);
    snprintf(id, sizeof id, "%s@%llx", name, (unsigned long long)at);
    rc = dev_new(cls, id, &m->dev_host, dom, m->map, settings, setting_count, ret, err);
    if (rc == 0)
        m->devices[m->device_count++] = *ret;
    return rc;
}

int machine_add_device(struct machine *m, const char *name, struct dev_domain *dom, gpa_t at,
                       const struct dev_setting *settings, unsigned setting_count,
                       struct device **ret, struct err *err)
{
    struct device *d;
    int rc = machine_make_device(m, name, dom, at, settings, setting_count, &d, err);

    if (rc == 0 && ret)
        *ret = d;
    return rc < 0 ? rc : dev_map(d, 0, m->map, at, err);
}

/* --- reset --- */

static void plan_write(struct machine *m)
{
    static const u8 zeroes[MEM_PAGE_SIZE];

    for (unsigned i = 0; i < m->plan.load_count; i++) {
        const struct boot_load *l = &m->plan.loads[i];

        BUG_ON(l->size && !mem_map_write(m->map, l->at, l->data, l->size));
        for (u64 at = l->size; l->zero_rest && at < l->span; at += sizeof zeroes) {
            u64 len = l->span - at < sizeof zeroes ? l->span - at : sizeof zeroes;

            BUG_ON(!mem_map_write(m->map, l->at + at, zeroes, len));
        }
    }
}

/* Files are read anew each time: kept, they would cost as much memory as an idle guest's kernel. */
static int plan_carry_out(struct machine *m, struct err *err)
{
    int rc;

    boot_plan_init(&m->plan, m->cls->ram_base, m->cfg->memory);
    rc = m->cls->boot(m, err);
    if (rc == 0)
        plan_write(m);
    boot_plan_fini(&m->plan);
    return rc;
}

int machine_reset(struct machine *m, struct err *err)
{
    int rc = plan_carry_out(m, err);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < m->device_count; i++)
        dev_reset(m->devices[i]);
    for (unsigned i = 0; i < m->cfg->cpus; i++) {
        struct vcpu *c = engine_cpu(m->engine, i);

        c->waiting = c->stopped = false;
        c->irq_edges = 0;
    }
    m->cls->reset(m);
    __atomic_fetch_and(&m->stop, ~(u32)MACHINE_STOP_RESET, __ATOMIC_ACQ_REL);
    m->ready = true;
    return 0;
}
