/*
 * timer.c - CPU timers: one thread an engine waits for the earliest deadline of the CPUs
 * that run; one that idles waits for its own.
 *
 * Deadlines are guest time, which stands still while paused: then the thread waits for
 * nothing. It only kicks; the vCPU compares the clock itself and calls isa.timer_expired.
 */
#include "engine/core/cpu_private.h"

#include "host/clock.h"

ns_t timer_host_deadline(struct engine *e, ns_t guest_deadline)
{
    ns_t now, host_now = host_clock_monotonic();

    if (guest_deadline == NS_NEVER)
        return NS_NEVER;
    if (e->host.deadline)
        return e->host.deadline(e->host.arg, guest_deadline);
    now = e->host.clock(e->host.arg);
    if (guest_deadline <= now)
        return host_now;
    return guest_deadline - now > NS_NEVER - 1 - host_now ? NS_NEVER
                                                          : host_now + (guest_deadline - now);
}

static bool timer_pending(const struct cpu *c)
{
    return c->deadline != NS_NEVER && !c->self_timed &&
           !__atomic_load_n(&c->timer_fired, __ATOMIC_RELAXED);
}

/* Makes the thread look again when it would come too late. Lock held. */
static void timer_poke(struct cpu *c)
{
    struct engine *e = c->e.engine;

    if (timer_pending(c) && c->deadline < e->timer_target)
        host_cond_signal(&e->timer_cond);
}

void timer_set(struct cpu *c, ns_t deadline)
{
    struct engine *e = c->e.engine;

    if (e->cfg.deterministic) {
        c->deadline = deadline;
        vcpu_kick(&c->e.v); /* the budget depends on it */
        return;
    }
    if (deadline == c->deadline && !__atomic_load_n(&c->timer_fired, __ATOMIC_RELAXED))
        return;
    host_mutex_lock(&e->lock);
    c->deadline = deadline;
    __atomic_store_n(&c->timer_fired, false, __ATOMIC_RELAXED);
    timer_poke(c);
    host_mutex_unlock(&e->lock);
}

void timer_self(struct cpu *c, bool on)
{
    struct engine *e = c->e.engine;

    host_mutex_lock(&e->lock);
    c->self_timed = on;
    timer_poke(c);
    host_mutex_unlock(&e->lock);
}

static ns_t earliest(const struct engine *e)
{
    ns_t min = NS_NEVER;

    if (e->pause_wanted)
        return NS_NEVER;
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        if (timer_pending(e->cpus[i]) && e->cpus[i]->deadline < min)
            min = e->cpus[i]->deadline;
    return min;
}

static void fire(struct engine *e)
{
    ns_t now = e->host.clock(e->host.arg);

    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        struct cpu *c = e->cpus[i];

        if (!timer_pending(c) || c->deadline > now)
            continue;
        __atomic_store_n(&c->timer_fired, true, __ATOMIC_RELAXED); /* the kick orders it */
        cpu_kick_locked(c);
    }
}

static void timer_main(void *arg)
{
    struct engine *e = arg;

    host_mutex_lock(&e->lock);
    while (!e->quit) {
        ns_t target = earliest(e);

        e->timer_target = target;
        if (target == NS_NEVER)
            host_cond_wait(&e->timer_cond, &e->lock);
        else if (!host_cond_wait_until(&e->timer_cond, &e->lock, timer_host_deadline(e, target)))
            fire(e);
    }
    host_mutex_unlock(&e->lock);
}

int timer_start(struct engine *e, struct err *err)
{
    int rc = host_thread_start(&e->timer_thread, "cpu-timer", timer_main, e, err);

    e->timer_started = rc == 0;
    return rc;
}

void timer_stop(struct engine *e)
{
    host_mutex_lock(&e->lock);
    __atomic_store_n(&e->quit, true, __ATOMIC_SEQ_CST);
    host_cond_broadcast(&e->timer_cond);
    host_mutex_unlock(&e->lock);
    if (e->timer_started)
        host_thread_join(&e->timer_thread);
}
