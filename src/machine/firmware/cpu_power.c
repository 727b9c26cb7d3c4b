/*
 * cpu_power.c - starting and stopping CPUs, as firmware does it for its guest.
 */
#include "machine/firmware/cpu_power.h"

#include "base/bug.h"
#include "mem/map.h"
#include <errno.h>

void cpu_power_init(struct cpu_power *p, struct engine *engine, struct mem_map *map, unsigned cpus)
{
    BUG_ON(cpus == 0 || cpus > CPU_POWER_MAX);
    *p = (struct cpu_power){ .engine = engine, .map = map, .cpus = cpus };
}

static void status_set(struct cpu_power_cpu *cpu, u32 status)
{
    __atomic_store_n(&cpu->status, status, __ATOMIC_RELEASE);
}

enum cpu_power_status cpu_power_status(const struct cpu_power *p, unsigned cpu)
{
    return __atomic_load_n(&p->cpu[cpu].status, __ATOMIC_ACQUIRE);
}

void cpu_power_reset(struct cpu_power *p, const struct cpu_power_start *first)
{
    for (unsigned i = 0; i < p->cpus; i++) {
        struct vcpu *c = engine_cpu(p->engine, i);

        c->isa->reset(c, first->entry, first->args, first->arg_count);
        c->stopped = i != 0;
        p->cpu[i].status = i == 0 ? CPU_POWER_ON : CPU_POWER_OFF;
    }
}

void cpu_power_loaded(struct cpu_power *p)
{
    for (unsigned i = 0; i < p->cpus; i++)
        p->cpu[i].status = engine_cpu(p->engine, i)->stopped ? CPU_POWER_OFF : CPU_POWER_ON;
}

/* On the starting CPU's thread. */
static void start_here(struct vcpu *c, void *arg)
{
    struct cpu_power_cpu *cpu = arg;

    c->isa->reset(c, cpu->start.entry, cpu->start.args, cpu->start.arg_count);
    c->stopped = false;
    c->waiting = false;
    status_set(cpu, CPU_POWER_ON);
}

int cpu_power_on(struct cpu_power *p, unsigned cpu, const struct cpu_power_start *start)
{
    u32 was = CPU_POWER_OFF;
    struct mem_span span;

    if (!mem_map_find(p->map, start->entry, &span) || span.kind != MEM_RAM)
        return -EFAULT;
    if (!__atomic_compare_exchange_n(&p->cpu[cpu].status, &was, CPU_POWER_ON_PENDING, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return was == CPU_POWER_ON ? -EALREADY : -EINPROGRESS;
    p->cpu[cpu].start = *start;
    engine_cpu_wake(p->engine, cpu, start_here, &p->cpu[cpu]);
    return 0;
}

void cpu_power_off(struct cpu_power *p, struct vcpu *c)
{
    c->stopped = true;
    status_set(&p->cpu[c->index], CPU_POWER_OFF);
}

void cpu_power_standby(struct vcpu *c)
{
    c->waiting = !c->isa->wakes(c);
}
