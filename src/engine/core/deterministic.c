/*
 * deterministic.c - all vCPUs on one thread, in turns; guest time is a count.
 *
 * A quantum covers the guest times [T, T + quantum), cut short where a device event is
 * due. In it each vCPU in turn lives from T to its end: an instruction takes one nanosecond,
 * waiting jumps to the vCPU's own deadline. What a vCPU does to another (interrupt, call)
 * is seen in that one's next turn. Devices run between quanta. When all wait, T jumps
 * to the earliest deadline. Nothing here depends on the host's time, but for how often
 * the outside is asked for input while nothing is due.
 */
#include "engine/core/cpu_private.h"

#include "host/clock.h"

static const ns_t outside_poll = 10 * NS_PER_MS;

static ns_t det_local(const struct cpu *c)
{
    return c->det_time + (cpu_insns(c) - c->det_count);
}

static void det_time_set(struct cpu *c, ns_t now)
{
    c->det_time = now;
    c->det_count = cpu_insns(c);
}

/* Requests of one vCPU, a pause of all. False: the engine is being freed. */
static bool det_requests(struct worker *w, struct cpu *c)
{
    struct engine *e = w->e;

    for (;;) {
        cpu_requests(c);
        __atomic_exchange_n(&c->e.v.exit_request, 0, __ATOMIC_SEQ_CST); /* timer_set's own */
        if (__atomic_load_n(&c->requests, __ATOMIC_SEQ_CST))
            continue;
        if (__atomic_load_n(&e->quit, __ATOMIC_SEQ_CST))
            return false;
        if (!__atomic_load_n(&e->pause_wanted, __ATOMIC_SEQ_CST))
            return true;
        worker_pause(w);
    }
}

/* Instructions until the next thing that is due. */
static u64 det_slice(const struct cpu *c, ns_t now, ns_t end)
{
    u64 n = (c->deadline < end ? c->deadline : end) - now;
    u64 to_stop = c->stop_at - cpu_insns(c);

    return to_stop < n ? to_stop : n;
}

/* c lives until `end`. */
static void det_turn(struct worker *w, struct cpu *c, ns_t end)
{
    while (det_local(c) < end && det_requests(w, c) && !w->e->det_moved) {
        ns_t now = det_local(c);

        if (cpu_idle(c)) {
            if (c->e.v.stopped || c->deadline >= end)
                return;
            det_time_set(c, c->deadline);
        } else if (c->stop_at == cpu_insns(c)) {
            c->stop_at = UINT64_MAX;
            engine_pause_request(w->e);
        } else {
            cpu_budget_set(c, det_slice(c, now, end));
            cpu_run_timed(c);
        }
    }
}

/* Timers due at T and requests are handled first. The earliest deadline when all wait, T
 * when some can run. */
static ns_t det_until(struct worker *w, ns_t now)
{
    struct engine *e = w->e;
    ns_t until = NS_NEVER;

    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        struct cpu *c = e->cpus[i];

        det_time_set(c, now);
        if (!det_requests(w, c) || !cpu_idle(c))
            until = now;
        else if (!c->e.v.stopped && c->deadline < until)
            until = c->deadline;
    }
    return until;
}

/* All wait and nothing is due: only the outside can go on. Guest time stands still. */
static void det_wait_outside(struct worker *w)
{
    worker_sleep(w, host_clock_monotonic() + outside_poll);
}

/* The rest of a quantum: all of it, or what a pause and a load left. */
static void det_quantum(struct worker *w)
{
    struct engine *e = w->e;

    for (unsigned i = e->det_turn; i < e->cfg.cpus && !e->det_moved; i++) {
        e->det_turn = i;
        e->det_running = e->cpus[i];
        det_turn(w, e->cpus[i], e->det_end);
    }
    e->det_running = NULL;
}

static bool det_in_quantum(const struct engine *e)
{
    return e->det_end > e->det_now;
}

struct engine_moment engine_moment(const struct engine *e)
{
    struct engine_moment m = { .now = e->det_now, .start = e->det_now, .end = e->det_now };

    if (det_in_quantum(e)) {
        m.end = e->det_end;
        m.turn = e->det_turn;
        m.now = det_local(e->cpus[m.turn]);
    }
    return m;
}

void engine_moment_set(struct engine *e, struct engine_moment m)
{
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        det_time_set(e->cpus[i], i < m.turn ? m.end : i == m.turn ? m.now : m.start);
    __atomic_store_n(&e->det_now, m.start, __ATOMIC_RELEASE);
    e->det_end = m.end;
    e->det_turn = m.turn;
    e->det_moved = true;
}

/* Between two quanta: devices, then the next one, or a jump to where something is due. */
static void det_between(struct worker *w)
{
    struct engine *e = w->e;
    ns_t now = e->det_now, end = now + e->cfg.quantum;
    ns_t until = det_until(w, now), event = NS_NEVER;

    if (!e->det_moved && e->host.quantum_end)
        event = e->host.quantum_end(e->host.arg, now, until);
    if (!e->det_moved)
        until = det_until(w, now); /* devices may have woken some */
    if (e->det_moved)              /* paused and loaded meanwhile: what is above is of the past */
        return;
    if (until == NS_NEVER && event == NS_NEVER) {
        det_wait_outside(w);
        return;
    }
    if (event > now && event < end)
        end = event;
    e->det_turn = 0;
    if (until > now) /* all wait */
        __atomic_store_n(&e->det_now, until < event || event <= now ? until : event,
                         __ATOMIC_RELEASE);
    else
        e->det_end = end;
}

void worker_deterministic(struct worker *w)
{
    struct engine *e = w->e;

    while (!__atomic_load_n(&e->quit, __ATOMIC_ACQUIRE)) {
        e->det_moved = false;
        if (!det_in_quantum(e)) {
            det_between(w);
            continue;
        }
        det_quantum(w);
        if (!e->det_moved)
            __atomic_store_n(&e->det_now, e->det_end, __ATOMIC_RELEASE);
    }
}
