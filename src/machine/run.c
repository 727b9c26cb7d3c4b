/*
 * run.c - runs a machine until it has a reason to stop, and the stop points.
 *
 * The controlling thread serves the devices' event loop while the CPUs run on theirs. In
 * deterministic mode devices run at quantum ends on the engine's one thread, and the
 * controlling thread only waits.
 */
#include "machine/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- asking for a stop --- */

void machine_stop_request(struct machine *m, enum machine_stop why)
{
    __atomic_fetch_or(&m->stop, why, __ATOMIC_ACQ_REL);
    engine_pause_request(m->engine);
    loop_stop(m->loop);
}

/* On a vCPU thread: asked for, or an instruction count was reached. */
void machine_engine_paused(void *arg)
{
    struct machine *m = arg;

    if (m->stop_insns_on && __atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) == 0)
        __atomic_fetch_or(&m->stop, MACHINE_STOP_POINT, __ATOMIC_ACQ_REL);
    host_mutex_lock(&m->stop_lock);
    m->engine_paused = true;
    host_cond_broadcast(&m->stopped_cond);
    host_mutex_unlock(&m->stop_lock);
    loop_stop(m->loop);
}

void machine_escape(void *arg, int key)
{
    if (key == 'x')
        machine_stop_request(arg, MACHINE_STOP_QUIT);
}

/* --- stop points --- */

/* The io domain's lock is held. Knuth-Morris-Pratt without the table: texts are short,
 * and what is kept is the tail of the output. */
void machine_console_tap(void *arg, const u8 *data, size_t len)
{
    struct machine *m = arg;
    size_t want = m->stop_text_len;

    for (size_t i = 0; m->stop_text && i < len; i++) {
        memmove(m->stop_tail, m->stop_tail + 1, want - 1);
        m->stop_tail[want - 1] = (char)data[i];
        if (memcmp(m->stop_tail, m->stop_text, want) != 0)
            continue;
        free(m->stop_text);
        m->stop_text = NULL;
        machine_stop_request(m, MACHINE_STOP_POINT);
    }
}

int machine_stop_at_console(struct machine *m, const char *text, struct err *err)
{
    size_t len = text ? strlen(text) : 0;

    if (text && (len == 0 || len >= sizeof m->stop_tail))
        return err_set(err, EINVAL, "console text of %zu bytes: give 1 to %zu", len,
                       sizeof m->stop_tail - 1);
    free(m->stop_text);
    m->stop_text = NULL;
    if (!text)
        return 0;
    m->stop_text = strdup(text);
    if (!m->stop_text)
        return err_set_errno(err, ENOMEM, "setting a stop point");
    m->stop_text_len = len;
    memset(m->stop_tail, 0, sizeof m->stop_tail);
    return 0;
}

void machine_stop_at_insns(struct machine *m, u64 insns)
{
    m->stop_insns_on = insns != UINT64_MAX;
    engine_stop_at(m->engine, insns);
}

static void time_reached(void *arg)
{
    machine_stop_request(arg, MACHINE_STOP_POINT);
}

void machine_stop_at_time(struct machine *m, ns_t guest_time)
{
    timers_set_fn(&m->timers, time_reached, m, guest_time);
}

/* --- running --- */

/* Deterministic mode, on the engine's thread between two turns. When all CPUs wait and
 * nothing is due, only the outside can wake them. */
ns_t machine_quantum_end(void *arg, ns_t now, ns_t until)
{
    struct machine *m = arg;
    ns_t next = timers_run(&m->timers, now);
    bool idle = until == UINT64_MAX && next == UINT64_MAX; /* no CPU runs, nothing is due */

    if (__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) == 0)
        loop_run_once(m->loop, idle ? NS_PER_MS : 0);
    return timers_run(&m->timers, now);
}

static void wait_engine_paused(struct machine *m)
{
    host_mutex_lock(&m->stop_lock);
    while (!m->engine_paused)
        host_cond_wait(&m->stopped_cond, &m->stop_lock);
    host_mutex_unlock(&m->stop_lock);
}

/* Requests to the host that are in flight end before the caller looks at any state. */
static void drain(struct machine *m)
{
    for (unsigned i = 0; i < m->device_count; i++)
        while (!dev_idle(m->devices[i]))
            loop_run_once(m->loop, NS_PER_MS);
}

/* A stop asked for meanwhile finds the CPUs paused, and pauses them again. An instruction count to
 * stop at would take the pause for its own. */
static void trim(struct machine *m)
{
    m->trim.due = false;
    if (m->stop_insns_on)
        return;
    engine_pause_request(m->engine);
    engine_pause_wait(m->engine);
    drain(m);
    machine_trim(m);
    engine_resume(m->engine);
}

static void serve(struct machine *m)
{
    if (m->cfg->deterministic) {
        wait_engine_paused(m);
        return;
    }
    while (__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) == 0) {
        loop_run(m->loop);
        if (m->trim.due)
            trim(m);
    }
    engine_pause_request(m->engine);
    engine_pause_wait(m->engine);
}

void machine_hold(struct machine *m, const bool *held)
{
    while (__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) == 0 && *held)
        loop_run(m->loop);
}

static enum machine_stop take_stop(struct machine *m)
{
    u32 all = __atomic_load_n(&m->stop, __ATOMIC_ACQUIRE);
    u32 first = all & -all;

    __atomic_fetch_and(&m->stop, ~first, __ATOMIC_ACQ_REL);
    return first;
}

int machine_run(struct machine *m, struct err *err)
{
    int rc = m->ready ? 0 : machine_reset(m, err);

    if (rc == 0 && !m->engine_started)
        rc = engine_start(m->engine, err);
    if (rc < 0)
        return rc;
    m->engine_started = true;
    if (__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) == 0) {
        m->engine_paused = false;
        clock_thaw(&m->clock);
        timers_clock_changed(&m->timers);
        engine_resume(m->engine);
        machine_trim_start(m);
        serve(m);
        clock_freeze(&m->clock);
        drain(m);
    }
    return (int)take_stop(m);
}
