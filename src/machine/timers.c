/*
 * timers.c - the timers of all devices of a machine, in guest time.
 */
#include "machine/timers.h"

#include "base/bug.h"

/* Takes one due timer out, or tells when the next is due. With the lock held. */
static bool take_due(struct machine_timers *t, ns_t now, struct machine_timer *out, ns_t *next)
{
    struct machine_timer *first = NULL;

    for (unsigned i = 0; i < t->count; i++)
        if (t->timer[i].at != DEV_TIMER_OFF && (!first || t->timer[i].at < first->at))
            first = &t->timer[i];
    *next = first ? first->at : UINT64_MAX;
    if (!first || first->at > now)
        return false;
    *out = *first;
    first->at = DEV_TIMER_OFF;
    return true;
}

static void deliver(const struct machine_timer *timer)
{
    if (timer->dev)
        dev_timer_expired(timer->dev, timer->n);
    else
        timer->fn(timer->arg);
}

ns_t timers_run(struct machine_timers *t, ns_t now)
{
    struct machine_timer due;
    ns_t next;

    for (;;) {
        bool got;

        host_mutex_lock(&t->lock);
        got = take_due(t, now, &due, &next);
        host_mutex_unlock(&t->lock);
        if (!got)
            return next;
        deliver(&due);
    }
}

static void wait_for_change(struct machine_timers *t, ns_t next)
{
    ns_t deadline = next == UINT64_MAX ? next : clock_host_deadline(t->clock, next);

    if (deadline == UINT64_MAX)
        host_cond_wait(&t->changed, &t->lock);
    else
        host_cond_wait_until(&t->changed, &t->lock, deadline);
}

static void timer_thread(void *arg)
{
    struct machine_timers *t = arg;
    struct machine_timer due;

    host_mutex_lock(&t->lock);
    while (!t->quit) {
        ns_t next = UINT64_MAX;

        if (clock_is_frozen(t->clock) || !take_due(t, clock_now(t->clock), &due, &next)) {
            wait_for_change(t, next);
            continue;
        }
        host_mutex_unlock(&t->lock);
        deliver(&due);
        host_mutex_lock(&t->lock);
    }
    host_mutex_unlock(&t->lock);
}

int timers_init(struct machine_timers *t, struct machine_clock *clock, bool threaded,
                struct err *err)
{
    int rc = 0;

    *t = (struct machine_timers){ .clock = clock };
    host_mutex_init(&t->lock);
    host_cond_init(&t->changed);
    if (threaded)
        rc = host_thread_start(&t->thread, "timers", timer_thread, t, err);
    t->threaded = threaded && rc == 0;
    return rc;
}

void timers_stop(struct machine_timers *t)
{
    if (!t->threaded)
        return;
    host_mutex_lock(&t->lock);
    t->quit = true;
    host_cond_broadcast(&t->changed);
    host_mutex_unlock(&t->lock);
    host_thread_join(&t->thread);
    t->threaded = false;
}

void timers_fini(struct machine_timers *t)
{
    if (!t->clock)
        return;
    timers_stop(t);
    host_cond_fini(&t->changed);
    host_mutex_fini(&t->lock);
}

static struct machine_timer *slot(struct machine_timers *t, struct device *d, unsigned n,
                                  void (*fn)(void *arg))
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->timer[i].dev == d && t->timer[i].n == n && t->timer[i].fn == fn)
            return &t->timer[i];
    BUG_ON(t->count == TIMERS_MAX);
    t->timer[t->count] = (struct machine_timer){ .dev = d, .n = n, .fn = fn, .at = DEV_TIMER_OFF };
    return &t->timer[t->count++];
}

static void set(struct machine_timers *t, struct device *d, unsigned n, void (*fn)(void *arg),
                void *arg, ns_t at)
{
    struct machine_timer *timer;

    host_mutex_lock(&t->lock);
    timer = slot(t, d, n, fn);
    timer->arg = arg;
    timer->at = at;
    host_cond_signal(&t->changed);
    host_mutex_unlock(&t->lock);
}

void timers_set(struct machine_timers *t, struct device *d, unsigned n, ns_t at)
{
    set(t, d, n, NULL, NULL, at);
}

void timers_set_fn(struct machine_timers *t, void (*fn)(void *arg), void *arg, ns_t at)
{
    set(t, NULL, 0, fn, arg, at);
}

void timers_clock_changed(struct machine_timers *t)
{
    host_mutex_lock(&t->lock);
    host_cond_signal(&t->changed);
    host_mutex_unlock(&t->lock);
}
