/*
 * translator.c - host code is made beside the vCPUs, by a thread that takes blocks from a queue
 * while the host has a processor to spare; the interpreter runs them until it is there. A vCPU
 * that finds the queue full, or the host busy, makes it itself.
 *
 * Queue: first come, first served. A block that dies is taken out of it; the one that the thread
 * has taken keeps what died since from being freed, as a vCPU between two safe points does
 * (translator.quiescent). Lock order: the cache's lock before the queue's.
 */
#include "engine/core/cpu_private.h"

#include "host/clock.h"

enum { LINGER = 50 * 1000 }; /* ns: it looks for more before it sleeps; to wake it costs as much */

/* --- making host code, on whatever thread --- */

void block_translate(struct engine *e, struct eblock *b, gva_t pc, struct translations *count)
{
    ns_t start = host_clock_monotonic();
    u32 bytes = e->tier->translate(e->tier_self, b, pc);

    STAT_ADD(count->ns, host_clock_monotonic() - start);
    if (bytes) {
        STAT_ADD(count->insns, b->insn_count);
        STAT_ADD(count->blocks, 1);
    }
    if (bytes || __atomic_load_n(&b->tier, __ATOMIC_ACQUIRE))
        code_translated(e, b, bytes);
    else
        __atomic_store_n(&b->runs, EBLOCK_DECLINED, __ATOMIC_RELAXED);
}

/* --- the queue --- */

static struct queued *queue_at(struct translator *t, unsigned i)
{
    return &t->queue[(t->first + i) % TRANSLATOR_QUEUE];
}

static void queue_size_set(struct translator *t, unsigned size)
{
    __atomic_store_n(&t->size, size, __ATOMIC_RELEASE);
}

static bool host_is_busy(const struct engine *e)
{
    return __atomic_load_n(&e->awake, __ATOMIC_RELAXED) >= e->host_cpus;
}

/* Lock held. Who kills b either finds it in the queue, or we see that it is dead. */
static void queue_push(struct translator *t, struct eblock *b, gva_t pc)
{
    __atomic_store_n(&b->queued, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (eblock_dead(b))
        return;
    *queue_at(t, t->size) = (struct queued){ b, pc };
    queue_size_set(t, t->size + 1);
    if (t->sleeping)
        host_cond_signal(&t->cond);
}

bool translator_take(struct engine *e, struct eblock *b, gva_t pc)
{
    struct translator *t = &e->translator;
    bool room;

    if (!t->running || host_is_busy(e))
        return false;
    host_mutex_lock(&t->lock);
    room = t->size < TRANSLATOR_QUEUE;
    if (room && !eblock_queued(b))
        queue_push(t, b, pc);
    host_mutex_unlock(&t->lock);
    return room;
}

void translator_drop(struct engine *e, const struct eblock *b)
{
    struct translator *t = &e->translator;
    unsigned kept = 0;

    if (!t->running)
        return;
    host_mutex_lock(&t->lock);
    for (unsigned i = 0; i < t->size; i++)
        if (queue_at(t, i)->block != b)
            *queue_at(t, kept++) = *queue_at(t, i);
    queue_size_set(t, kept);
    host_mutex_unlock(&t->lock);
}

void translator_settle(struct engine *e)
{
    struct translator *t = &e->translator;

    if (!t->running)
        return;
    host_mutex_lock(&t->lock);
    while (t->size || !t->sleeping)
        host_cond_wait(&t->settled, &t->lock);
    host_mutex_unlock(&t->lock);
}

/* --- the thread --- */

/* Waits a little for the queue to be not empty. */
static void linger(struct translator *t)
{
    ns_t until = host_clock_monotonic() + LINGER;

    while (!__atomic_load_n(&t->size, __ATOMIC_ACQUIRE) && host_clock_monotonic() < until)
        for (unsigned i = 0; i < 16; i++)
            host_thread_spin();
}

/* Lock held, released meanwhile. False: no more will come. */
static bool wait_for_work(struct engine *e, struct translator *t)
{
    if (!t->size && !host_is_busy(e)) {
        host_mutex_unlock(&t->lock);
        linger(t);
        host_mutex_lock(&t->lock);
    }
    while (!t->size && !t->quit) {
        t->sleeping = true;
        host_cond_broadcast(&t->settled);
        host_cond_wait(&t->cond, &t->lock);
        t->sleeping = false;
    }
    return !t->quit;
}

/* What is in the queue is alive. Who kills a block from here on begins a later epoch than this
 * before it is freed. Lock held. */
static struct queued queue_pop(struct engine *e, struct translator *t)
{
    struct queued q = *queue_at(t, 0);

    t->first = (t->first + 1) % TRANSLATOR_QUEUE;
    queue_size_set(t, t->size - 1);
    __atomic_store_n(&t->quiescent, __atomic_load_n(&e->code.epoch, __ATOMIC_SEQ_CST),
                     __ATOMIC_SEQ_CST);
    return q;
}

static void translator_main(void *arg)
{
    struct engine *e = arg;
    struct translator *t = &e->translator;

    host_mutex_lock(&t->lock);
    while (wait_for_work(e, t)) {
        struct queued q = queue_pop(e, t);

        host_mutex_unlock(&t->lock);
        block_translate(e, q.block, q.pc, &t->made);
        __atomic_store_n(&q.block->queued, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&t->quiescent, 0, __ATOMIC_SEQ_CST);
        host_mutex_lock(&t->lock);
    }
    host_mutex_unlock(&t->lock);
}

/* Is it of use? Not where all is to be translated before it runs, or in an order that repeats. */
static bool wanted(const struct engine *e)
{
    return e->tier && e->tier_threshold > 0 && !e->cfg.deterministic && !engine_checks(e) &&
           !e->cfg.blocks_count && e->host_cpus > 1 &&
           !(e->cfg.opts_off >> ENGINE_OPT_BACKGROUND & 1);
}

void translator_init(struct engine *e)
{
    host_mutex_init(&e->translator.lock);
    host_cond_init(&e->translator.cond);
    host_cond_init(&e->translator.settled);
}

int translator_start(struct engine *e, struct err *err)
{
    struct translator *t = &e->translator;
    int rc = wanted(e) ? host_thread_start(&t->thread, "translator", translator_main, e, err) : 0;

    t->running = wanted(e) && rc == 0;
    return rc;
}

void translator_stop(struct engine *e)
{
    struct translator *t = &e->translator;

    host_mutex_lock(&t->lock);
    t->quit = true;
    host_cond_signal(&t->cond);
    host_mutex_unlock(&t->lock);
    if (t->running)
        host_thread_join(&t->thread);
    t->running = false;
    host_cond_fini(&t->settled);
    host_cond_fini(&t->cond);
    host_mutex_fini(&t->lock);
}
