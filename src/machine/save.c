/*
 * save.c - a stopped machine's whole state, to a file and back.
 *
 * Sections: the configuration's text, the clock, RAM, each device, the board, and for each
 * CPU its architecture's list and its port: what lies between a CPU and the outside.
 */
#include "machine/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_STATE(F, A, N)                                                                        \
    F(u64, irq_lines, ZERO, "interrupt lines as driven from outside")                              \
    F(u64, irq_edges, ZERO, "edges not looked at yet")                                             \
    F(flag, waiting, ZERO, "stopped until an interrupt")                                           \
    F(flag, stopped, ZERO, "off until started by firmware")
STATE_STRUCT(port, PORT_STATE);
extern const struct state_list port_state_list;
#define STATE_ROW_T struct port_state
STATE_LIST(port, PORT_STATE, 1);
#undef STATE_ROW_T

/* --- save --- */

static int refuse_unsaveable(struct machine *m, struct err *err)
{
    for (unsigned i = 0; i < m->device_count; i++)
        if (!m->devices[i]->cls->state)
            return err_set(err, ENOTSUP, "the machine's state cannot be saved: %s: %s",
                           m->devices[i]->id, m->devices[i]->cls->unsaveable);
    return 0;
}

/* Guest time to go on from: in deterministic mode CPUs are at different points of their turns. */
static void save_clock(struct machine *m, struct state_writer *w)
{
    struct clock_state *s = &m->clock.s;
    struct engine_moment moment = engine_moment(m->engine);

    s->now_ns = clock_now(&m->clock);
    if (m->cfg->deterministic) {
        s->now_ns = moment.now;
        s->quantum_start = moment.start;
        s->quantum_end = moment.end;
        s->turn = moment.turn;
    }
    state_write(w, "clock", &clock_state_list, s);
}

static void save_cpu(struct machine *m, unsigned i, struct state_writer *w)
{
    struct vcpu *c = engine_cpu(m->engine, i);
    struct port_state port = { .irq_lines = c->irq_lines,
                               .irq_edges = c->irq_edges,
                               .waiting = c->waiting,
                               .stopped = c->stopped };
    char name[32];

    snprintf(name, sizeof name, "cpu%u", i);
    state_write(w, name, m->cls->isa->state, vcpu_state(c));
    snprintf(name, sizeof name, "cpu%u.port", i);
    state_write(w, name, &port_state_list, &port);
}

int machine_save(struct machine *m, const char *config, const char *path, struct err *err)
{
    struct state_writer *w;
    int rc = refuse_unsaveable(m, err);

    if (rc < 0)
        return rc;
    w = state_writer_new();
    if (!w)
        return err_set_errno(err, ENOMEM, "saving the machine");
    state_write_bytes(w, "config", config, strlen(config));
    save_clock(m, w);
    state_write_bytes(w, "ram", m->ram->host, m->ram->size);
    for (unsigned i = 0; i < m->device_count; i++)
        dev_save(m->devices[i], w);
    if (m->cls->save)
        m->cls->save(m, w);
    for (unsigned i = 0; i < m->cfg->cpus; i++)
        save_cpu(m, i, w);
    rc = state_writer_save(w, path, err);
    state_writer_free(w);
    return rc < 0 ? err_wrap(err, "the machine's state cannot be saved") : 0;
}

/* --- load --- */

/* Names the first line in which two configurations differ. */
static int config_differs(const char *saved, const char *ours, const char *path, struct err *err)
{
    while (*saved && *saved == *ours) {
        const char *a = strchrnul(saved, '\n'), *b = strchrnul(ours, '\n');

        if (a - saved != b - ours || memcmp(saved, ours, (size_t)(a - saved)) != 0)
            break;
        saved = *a ? a + 1 : a;
        ours = *b ? b + 1 : b;
    }
    return err_set(err, EINVAL,
                   "%s was saved on another machine: it had '%.*s', this one has "
                   "'%.*s'; give the same options as for the one that was saved",
                   path, (int)strcspn(saved, "\n"), saved, (int)strcspn(ours, "\n"), ours);
}

static int check_config(struct state_reader *r, const char *config, const char *path,
                        struct err *err)
{
    s64 size = state_bytes_size(r, "config");
    char *saved;
    int rc;

    if (size < 0 || size > 1 << 20)
        return err_set(err, EINVAL, "%s holds no machine: it has no configuration", path);
    saved = calloc(1, (size_t)size + 1);
    if (!saved)
        return err_set_errno(err, ENOMEM, "loading %s", path);
    rc = state_read_bytes(r, "config", saved, (u64)size, err);
    if (rc == 0 && strcmp(saved, config) != 0)
        rc = config_differs(saved, config, path, err);
    free(saved);
    return rc;
}

/* Where the CPUs stand in their turns. */
static int load_moment(struct machine *m, const struct clock_state *s, struct err *err)
{
    struct engine_moment moment = { s->now_ns, s->now_ns, s->now_ns, 0 };

    if (s->quantum_end > s->quantum_start)
        moment = (struct engine_moment){ s->now_ns, s->quantum_start, s->quantum_end, s->turn };
    if (moment.now < moment.start || moment.now > moment.end || moment.end > UINT64_MAX / 2 ||
        moment.turn >= m->cfg->cpus)
        return err_set(err, EINVAL,
                       "guest time %llu is not CPU %u's, in a quantum from %llu to %llu",
                       (unsigned long long)moment.now, moment.turn,
                       (unsigned long long)moment.start, (unsigned long long)moment.end);
    engine_moment_set(m->engine, moment);
    return 0;
}

static int load_clock(struct machine *m, struct state_reader *r, struct err *err)
{
    struct clock_state s = m->clock.s;
    int rc = state_read(r, "clock", &clock_state_list, &s, err);

    if (rc == 0 && !(s.random[0] | s.random[1] | s.random[2] | s.random[3]))
        rc = err_set(err, EINVAL, "the random source's state is all zero");
    if (rc == 0 && s.now_ns > UINT64_MAX / 2)
        rc = err_set(err, EINVAL, "guest time %llu is impossible", (unsigned long long)s.now_ns);
    if (rc < 0)
        return rc;
    if (m->cfg->deterministic && load_moment(m, &s, err) < 0)
        return -err->code;
    m->clock.s = s;
    clock_set(&m->clock, s.now_ns);
    return 0;
}

static int load_ram(struct machine *m, struct state_reader *r, struct err *err)
{
    int rc;

    memset(m->ram->host, 0, m->ready ? m->ram->size : 0); /* fresh memory is zero already */
    rc = state_read_bytes(r, "ram", m->ram->host, m->ram->size, err);
    mem_ram_written(m->ram, 0, m->ram->size);
    return rc;
}

static int load_cpu(struct machine *m, unsigned i, struct state_reader *r, struct err *err)
{
    struct vcpu *c = engine_cpu(m->engine, i);
    struct port_state port = { 0 };
    char name[32];
    int rc;

    snprintf(name, sizeof name, "cpu%u.port", i);
    rc = state_read(r, name, &port_state_list, &port, err);
    snprintf(name, sizeof name, "cpu%u", i);
    if (rc == 0)
        rc = state_read(r, name, m->cls->isa->state, vcpu_state(c), err);
    if (rc < 0)
        return rc;
    c->irq_lines = port.irq_lines;
    c->irq_edges = port.irq_edges;
    c->waiting = port.waiting;
    c->stopped = port.stopped;
    c->fault.pending = false;
    return 0;
}

static int load_all(struct machine *m, struct state_reader *r, struct err *err)
{
    int rc = load_clock(m, r, err);

    if (rc == 0)
        rc = load_ram(m, r, err);
    /* Controllers were added first: last here, so that what devices drive meanwhile does
     * not count. */
    for (unsigned i = m->device_count; rc == 0 && i-- > 0;)
        rc = dev_load(m->devices[i], r, err);
    for (unsigned i = 0; rc == 0 && i < m->cfg->cpus; i++)
        rc = load_cpu(m, i, r, err);
    if (rc == 0 && m->cls->load)
        rc = m->cls->load(m, r, err);
    for (unsigned i = 0; rc == 0 && i < m->cfg->cpus; i++) {
        struct vcpu *c = engine_cpu(m->engine, i);

        c->isa->state_changed(c);
    }
    return rc;
}

int machine_load(struct machine *m, const char *config, const char *path, struct err *err)
{
    struct state_reader *r;
    int rc = state_reader_open(path, &r, err);

    if (rc < 0)
        return rc;
    rc = check_config(r, config, path, err);
    if (rc == 0) {
        rc = load_all(m, r, err);
        m->ready = rc == 0;
        if (rc < 0)
            err_wrap(err, "%s cannot be loaded", path);
    }
    state_reader_free(r);
    return rc;
}
