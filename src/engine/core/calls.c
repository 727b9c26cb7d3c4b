/*
 * calls.c - runs a function on other vCPUs at their next safe point and waits for it.
 *
 * A call lives in its caller's frame and hangs in engine.calls until all vCPUs meant have
 * taken it. A caller that is a vCPU's thread serves calls to itself while it waits, so
 * that two may call each other; one that waits, is stopped or paused serves them too.
 */
#include "engine/core/cpu_private.h"

void cpu_calls_serve(struct cpu *c)
{
    struct engine *e = c->e.engine;
    unsigned i = c->e.v.index;

    __atomic_fetch_and(&c->requests, (u32)~REQ_CALL, __ATOMIC_SEQ_CST);
    host_mutex_lock(&e->lock);
    for (struct call *k = e->calls; k;) {
        if (!(k->todo[i / 64] >> i % 64 & 1)) {
            k = k->next;
            continue;
        }
        k->todo[i / 64] &= ~(1ull << i % 64);
        host_mutex_unlock(&e->lock);
        k->fn(&c->e.v, k->arg);
        host_mutex_lock(&e->lock);
        if (--k->left == 0)
            host_cond_broadcast(k->done);
        k = e->calls; /* k is its caller's again */
    }
    host_mutex_unlock(&e->lock);
}

/* Serves what others ask of this worker's vCPUs. Lock held, released meanwhile. */
static bool serve_own(struct worker *w)
{
    struct engine *e = w->e;
    bool any = false;

    for (unsigned i = 0; i < w->count; i++) {
        struct cpu *c = e->cpus[w->first + i];

        if (!(__atomic_load_n(&c->requests, __ATOMIC_SEQ_CST) & REQ_CALL))
            continue;
        host_mutex_unlock(&e->lock);
        cpu_calls_serve(c);
        host_mutex_lock(&e->lock);
        any = true;
    }
    return any;
}

/* The engine is being freed: who has not begun will not. Lock held. */
static void call_withdraw(struct call *k)
{
    for (unsigned i = 0; i < ARRAY_SIZE(k->todo); i++) {
        k->left -= (unsigned)__builtin_popcountll(k->todo[i]);
        k->todo[i] = 0;
    }
}

/* Waits until all have done it; two workers that call each other serve each other. */
static void call_wait(struct engine *e, struct worker *self, struct call *k)
{
    while (k->left > 0) {
        if (e->quit) {
            call_withdraw(k);
            if (k->left == 0)
                return;
        }
        if (!self) {
            host_cond_wait(&e->outside, &e->lock);
            continue;
        }
        worker_sleeping(self, true);
        if (!serve_own(self) && k->left > 0)
            host_cond_wait(&self->cond, &e->lock);
        worker_sleeping(self, false);
    }
}

static void call_add(struct engine *e, struct call *k)
{
    struct call **link = &e->calls;

    while (*link)
        link = &(*link)->next;
    *link = k;
}

static void call_remove(struct engine *e, struct call *k)
{
    struct call **link = &e->calls;

    while (*link != k)
        link = &(*link)->next;
    *link = k->next;
}

void engine_cpu_call(struct engine *e, const u64 *cpu_mask, void (*fn)(struct vcpu *c, void *arg),
                     void *arg)
{
    struct worker *self = worker_self(e);
    struct call k = { .fn = fn, .arg = arg, .done = self ? &self->cond : &e->outside };
    bool direct = !__atomic_load_n(&e->started, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < e->cfg.cpus; i++) {
        if (!(cpu_mask[i / 64] >> i % 64 & 1))
            continue;
        if (direct || e->cpus[i]->worker == self) {
            fn(&e->cpus[i]->e.v, arg);
            continue;
        }
        k.todo[i / 64] |= 1ull << i % 64;
        k.left++;
    }
    if (k.left == 0)
        return;
    host_mutex_lock(&e->lock);
    call_add(e, &k);
    for (unsigned i = 0; i < e->cfg.cpus; i++)
        if (k.todo[i / 64] >> i % 64 & 1) {
            __atomic_fetch_or(&e->cpus[i]->requests, REQ_CALL, __ATOMIC_SEQ_CST);
            cpu_kick_locked(e->cpus[i]);
        }
    call_wait(e, self, &k);
    call_remove(e, &k);
    host_mutex_unlock(&e->lock);
}
