/*
 * one_cpu.h - what the tests of one vCPU share: paging with a table at PT, and a trap handler.
 */
#ifndef TESTS_UNIT_ONE_CPU_H
#define TESTS_UNIT_ONE_CPU_H

#include "toy_isa.h"
#include "toy_tier.h"

enum { PT = 0x100000, CODE = 0x1000 };
static const struct engine_config one_cpu = { .cpus = 1, .tier = ENGINE_INTERP };

static inline struct toy_state *state(struct toy_machine *m, unsigned cpu)
{
    return toy_state(engine_cpu(m->engine, cpu));
}

static inline struct engine_stats stats(struct toy_machine *m)
{
    struct engine_stats s;

    engine_stats_get(m->engine, &s);
    return s;
}

/* va..va + 4096 * n to pa.., with paging's table at PT. */
static inline void map_pages(struct toy_machine *m, u64 va, u64 pa, unsigned n, u64 flags)
{
    for (unsigned i = 0; i < n; i++)
        *toy_word(m, PT + 8 * ((va >> 12) + i)) = (pa + 4096ull * i) | flags;
}

static inline void set_sys(struct toy_asm *a, enum toy_sys n, u64 v)
{
    toy_li(a, 13, v);
    toy_put(a, TOY_SETS, 0, 13, n);
}

/* Paging on: the first MiB and the device as they are, the rest unmapped. */
static inline void paging_on(struct toy_machine *m, struct toy_asm *a)
{
    map_pages(m, 0, 0, 256, TOY_PTE_ALL);
    map_pages(m, TOY_DEV - 0x8000000, TOY_DEV, 1, TOY_PTE_ALL);
    map_pages(m, 0x8000000, TOY_DEV, 1, TOY_PTE_ALL);
    set_sys(a, TOY_SYS_PTBASE, PT);
    set_sys(a, TOY_SYS_PAGING, 1);
}

/* Stops from paged code: the device is at 0x8000000 there. */
static inline void stop_paged(struct toy_asm *a)
{
    toy_li(a, 14, 0x8000000);
    toy_put(a, TOY_ST, 14, 14, TOY_DEV_STOP);
    toy_put(a, TOY_WFI, 0, 0, 0);
}

/* A handler that notes cause, value and epc in out[] and goes on after the instruction.
 * Returns how many instructions it has. */
static inline u64 trap_handler(struct toy_machine *m, u64 at, u64 dev)
{
    struct toy_asm a = toy_code(m, at);

    toy_li(&a, 15, dev);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_CAUSE);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_TVAL);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_EPC);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_ADDI, 14, 14, 4);
    toy_put(&a, TOY_SETS, 0, 14, TOY_SYS_EPC);
    toy_put(&a, TOY_ERET, 0, 0, 0);
    return (u64)(a.at - (a.start + at)) / 4;
}

#endif
