/*
 * trim.c - a guest that has become idle gives back memory of the host.
 *
 * A boot leaves zeroed RAM that nothing was ever written to (riscv64's kernel clears 32 MiB of
 * tables), and decoded code that ran once. The CPUs are paused and the devices drained
 * meanwhile, so that nobody writes; guest time goes on. It takes some milliseconds, of which an
 * idle guest has enough.
 */
#include "host/clock.h"
#include "host/map.h"
#include "machine/private.h"

static const ns_t every = 2000 * NS_PER_MS;

/* In the time between two looks: an idle guest's clock ticks, and something worth a trim. Looks
 * after which translated code that was not used since that trim goes, too. */
enum { IDLE_INSNS = 20000000, WORK_INSNS = 100000000, DEEP_LOOKS = 15 };

static u64 insns_all(const struct machine *m)
{
    u64 n = 0;

    for (unsigned i = 0; i < m->cfg->cpus; i++)
        n += engine_insns(m->engine, i);
    return n;
}

static void look(void *arg)
{
    struct machine *m = arg;
    struct machine_trim *t = &m->trim;
    u64 now = insns_all(m);
    bool idle = now - t->insns_seen < IDLE_INSNS;

    clock_now(&m->clock); /* an idle guest does not look, and its time has not jumped */
    t->idle_looks = idle ? t->idle_looks + 1 : 0;
    t->deep = false;
    if (idle && now - t->insns_trimmed > WORK_INSNS) {
        t->insns_trimmed = now;
        t->deep_left = t->due = true;
    } else if (t->deep_left && t->idle_looks >= DEEP_LOOKS) {
        t->deep_left = false;
        t->deep = t->due = true;
    }
    if (t->due)
        loop_stop(m->loop);
    t->insns_seen = now;
    loop_timer_set(t->timer, host_clock_monotonic() + every);
}

int machine_trim_init(struct machine *m, struct err *err)
{
    if (m->cfg->deterministic)
        return 0;
    return loop_timer_new(m->loop, look, m, &m->trim.timer, err);
}

void machine_trim_start(struct machine *m)
{
    if (m->trim.timer)
        loop_timer_set(m->trim.timer, host_clock_monotonic() + every);
}

void machine_trim(struct machine *m)
{
    engine_trim(m->engine, m->trim.deep);
    mem_ram_release_zeroes(m->ram);
    host_heap_trim();
}
