/*
 * worker.c - the threads that run vCPUs: requests from others, sleep, pause, calls.
 *
 * A request is a bit in cpu.requests, set before vcpu.exit_request; the vCPU takes
 * exit_request back before it takes the bits, so none is lost: it has read the last kick.
 * A worker that sleeps says so (worker.sleeping) before it looks at exit_request a last time;
 * who kicks sets exit_request before it looks at `sleeping`: a fence between on each side.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "host/clock.h"
#include <stdio.h>

/* --- from outside --- */

void cpu_kick_locked(struct cpu *c)
{
    vcpu_kick(&c->e.v);
    if (__atomic_load_n(&c->worker->sleeping, __ATOMIC_RELAXED)) /* set with the lock held */
        host_cond_broadcast(&c->worker->cond);
}

void cpu_kick(struct cpu *c)
{
    struct engine *e = c->e.engine;

    vcpu_kick(&c->e.v);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&c->worker->sleeping, __ATOMIC_RELAXED))
        return;
    host_mutex_lock(&e->lock);
    host_cond_broadcast(&c->worker->cond);
    host_mutex_unlock(&e->lock);
}

void cpu_request(struct cpu *c, u32 bits)
{
    __atomic_fetch_or(&c->requests, bits, __ATOMIC_SEQ_CST);
    cpu_kick(c);
}

static void kick_all_locked(struct engine *e)
{
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        cpu_kick_locked(e->cpus[i]);
}

struct worker *worker_self(struct engine *e)
{
    if (!__atomic_load_n(&e->started, __ATOMIC_ACQUIRE))
        return NULL;
    for (unsigned i = 0; i < e->worker_count; i++)
        if (host_thread_is_self(&e->workers[i].thread))
            return &e->workers[i];
    return NULL;
}

void engine_cpu_wake(struct engine *e, unsigned cpu, void (*prepare)(struct vcpu *c, void *arg),
                     void *arg)
{
    struct cpu *c = cpu_of(engine_cpu(e, cpu));

    host_mutex_lock(&e->lock);
    c->wake_prepare = prepare;
    c->wake_arg = arg;
    __atomic_fetch_or(&c->requests, REQ_WAKE, __ATOMIC_SEQ_CST);
    cpu_kick_locked(c);
    host_mutex_unlock(&e->lock);
}

/* --- on the vCPU's thread --- */

static void wake_take(struct cpu *c)
{
    struct engine *e = c->e.engine;
    void (*prepare)(struct vcpu *v, void *arg);
    void *arg;

    host_mutex_lock(&e->lock);
    prepare = c->wake_prepare;
    arg = c->wake_arg;
    host_mutex_unlock(&e->lock);
    if (!c->e.v.stopped)
        return;
    if (prepare)
        prepare(&c->e.v, arg);
    c->e.v.stopped = false;
}

static void timer_check(struct cpu *c)
{
    struct vcpu *v = &c->e.v;

    if (c->deadline == NS_NEVER)
        return;
    if (v->env->clock(v) < c->deadline) {
        if (__atomic_load_n(&c->timer_fired, __ATOMIC_RELAXED))
            timer_set(c, c->deadline); /* the thread was early */
        return;
    }
    timer_set(c, NS_NEVER);
    v->isa->timer_expired(v);
}

void cpu_requests(struct cpu *c)
{
    u32 bits;

    __atomic_exchange_n(&c->e.v.exit_request, 0, __ATOMIC_SEQ_CST);
    bits = __atomic_exchange_n(&c->requests, 0, __ATOMIC_SEQ_CST);
    if (bits & REQ_TLB) {
        c->span = (struct mem_span){ .kind = MEM_NOTHING };
        mmu_flush(c, ISA_FLUSH_ALL, 0, UINT32_MAX);
    }
    if (bits & REQ_CODE)
        code_marks_take(c);
    if (bits & REQ_CALL)
        cpu_calls_serve(c);
    if (bits & REQ_WAKE)
        wake_take(c);
    timer_check(c);
}

/* Is there anything to wake up for? Lock held. */
static bool worker_called(const struct worker *w)
{
    for (unsigned i = 0; i < w->count; i++)
        if (__atomic_load_n(&w->e->cpus[w->first + i]->e.v.exit_request, __ATOMIC_SEQ_CST))
            return true;
    return __atomic_load_n(&w->e->quit, __ATOMIC_SEQ_CST);
}

/* Whoever kicks from now on takes the lock to do it, or worker_called() sees the kick. */
void worker_sleeping(struct worker *w, bool on)
{
    struct engine *e = w->e;

    __atomic_store_n(&w->sleeping, on, __ATOMIC_RELAXED);
    __atomic_store_n(&e->awake, on ? e->awake - 1 : e->awake + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void worker_sleep(struct worker *w, ns_t host_deadline)
{
    struct engine *e = w->e;

    host_mutex_lock(&e->lock);
    worker_sleeping(w, true);
    while (!worker_called(w)) {
        if (host_deadline == NS_NEVER)
            host_cond_wait(&w->cond, &e->lock);
        else if (!host_cond_wait_until(&w->cond, &e->lock, host_deadline))
            break;
    }
    worker_sleeping(w, false);
    host_mutex_unlock(&e->lock);
}

/* --- pause --- */

/* The last worker to hold still tells the host. Lock held, released meanwhile. */
static void pause_tell(struct engine *e)
{
    e->pause_told = true;
    host_mutex_unlock(&e->lock);
    if (e->host.paused)
        e->host.paused(e->host.arg);
    host_mutex_lock(&e->lock);
    if (e->pause_told) {
        e->paused = true;
        host_cond_broadcast(&e->outside);
    }
}

static void pause_serve(struct worker *w)
{
    struct engine *e = w->e;

    host_mutex_unlock(&e->lock);
    for (unsigned i = 0; i < w->count; i++)
        cpu_requests(e->cpus[w->first + i]);
    host_mutex_lock(&e->lock);
}

void worker_pause(struct worker *w)
{
    struct engine *e = w->e;

    host_mutex_lock(&e->lock);
    e->pausing++;
    while (e->pause_wanted && !e->quit) {
        if (e->pausing == e->worker_count && !e->pause_told) {
            pause_tell(e);
            continue;
        }
        worker_sleeping(w, true);
        if (worker_called(w))
            pause_serve(w);
        else
            host_cond_wait(&w->cond, &e->lock);
        worker_sleeping(w, false);
    }
    e->pausing--;
    host_mutex_unlock(&e->lock);
}

void engine_pause_request(struct engine *e)
{
    host_mutex_lock(&e->lock);
    if (!e->pause_wanted) {
        __atomic_store_n(&e->pause_wanted, true, __ATOMIC_SEQ_CST);
        kick_all_locked(e);
        host_cond_broadcast(&e->timer_cond);
    }
    host_mutex_unlock(&e->lock);
}

void engine_pause_wait(struct engine *e)
{
    host_mutex_lock(&e->lock);
    while (e->started && e->pause_wanted && !e->paused)
        host_cond_wait(&e->outside, &e->lock);
    host_mutex_unlock(&e->lock);
}

void engine_resume(struct engine *e)
{
    host_mutex_lock(&e->lock);
    if (e->pause_wanted) {
        __atomic_store_n(&e->pause_wanted, false, __ATOMIC_SEQ_CST);
        e->pause_told = false;
        e->paused = false;
        for (unsigned i = 0; i < e->worker_count; i++)
            host_cond_broadcast(&e->workers[i].cond);
        host_cond_broadcast(&e->outside);
        host_cond_broadcast(&e->timer_cond);
    }
    host_mutex_unlock(&e->lock);
}

/* --- the threads --- */

static void wait_idle(struct worker *w, struct cpu *c)
{
    timer_self(c, true);
    /* The deadline cannot change meanwhile: only the vCPU's own code sets it. */
    worker_sleep(w, timer_host_deadline(w->e, c->deadline));
    timer_self(c, false);
}

static void worker_threaded(struct worker *w)
{
    struct engine *e = w->e;
    struct cpu *c = e->cpus[w->first];

    while (!__atomic_load_n(&e->quit, __ATOMIC_ACQUIRE)) {
        cpu_requests(c);
        if (__atomic_load_n(&e->pause_wanted, __ATOMIC_ACQUIRE)) {
            worker_pause(w);
        } else if (cpu_idle(c)) {
            wait_idle(w, c);
        } else if (c->e.budget <= 0) {
            engine_stop_at(e, UINT64_MAX);
            engine_pause_request(e);
        } else {
            cpu_run_timed(c);
        }
    }
}

static void worker_main(void *arg)
{
    struct worker *w = arg;

    /* worker_self() compares thread ids that another thread is still writing. */
    host_mutex_lock(&w->e->lock);
    while (!w->e->started && !w->e->quit)
        host_cond_wait(&w->cond, &w->e->lock);
    host_mutex_unlock(&w->e->lock);
    if (w->e->cfg.deterministic)
        worker_deterministic(w);
    else
        worker_threaded(w);
}

int workers_start(struct engine *e, struct err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < e->worker_count && rc == 0; i++) {
        char name[16];

        snprintf(name, sizeof name, e->cfg.deterministic ? "cpus" : "cpu%u", i);
        rc = host_thread_start(&e->workers[i].thread, name, worker_main, &e->workers[i], err);
        e->workers[i].running = rc == 0;
    }
    if (rc < 0)
        return rc;
    host_mutex_lock(&e->lock);
    __atomic_store_n(&e->started, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < e->worker_count; i++)
        host_cond_broadcast(&e->workers[i].cond);
    host_mutex_unlock(&e->lock);
    return 0;
}

void workers_stop(struct engine *e)
{
    host_mutex_lock(&e->lock);
    __atomic_store_n(&e->quit, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; e->workers && i < e->worker_count; i++) {
        struct worker *w = &e->workers[i];

        for (unsigned n = 0; w->running && n < w->count; n++)
            vcpu_kick(&e->cpus[w->first + n]->e.v);
        host_cond_broadcast(&w->cond);
    }
    host_cond_broadcast(&e->outside);
    host_mutex_unlock(&e->lock);
    for (unsigned i = 0; e->workers && i < e->worker_count; i++)
        if (e->workers[i].running)
            host_thread_join(&e->workers[i].thread);
}
