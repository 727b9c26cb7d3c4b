/*
 * sbi_pmu.c - the SBI's performance counters: cycles and retired instructions, always on.
 *
 * RISC-V SBI 2.0, chapter 11. Counter n is CSR cycle + n, as the numbers of mhpmcounter go:
 * 0 cycle, 2 instret. No firmware events, no overflow interrupts; the mode filters are
 * hints by the specification and not taken.
 */
#include "machine/firmware/sbi_private.h"

#include "isa/riscv/state.h"

enum { COUNTER_CYCLE = 0, COUNTER_INSTRET = 2, COUNTERS = 3, CSR_CYCLE = 0xc00 };
enum { EVENT_CYCLES = 1, EVENT_INSNS = 2 };
enum { CFG_SKIP_MATCH = 1, CFG_CLEAR_VALUE = 2, CFG_AUTO_START = 4 };
enum { START_SET_VALUE = 1, STOP_RESET = 1 };

static bool counter_exists(u64 n)
{
    return n == COUNTER_CYCLE || n == COUNTER_INSTRET;
}

static void counter_set(struct vcpu *c, unsigned n, u64 v)
{
    struct rv_state *s = rv_state(c);
    u64 *offset = n == COUNTER_CYCLE ? &s->mcycle_offset : &s->minstret_offset;

    *offset = v - c->env->insn_count(c);
}

/* Bits of existing counters in (base, mask); false: it names others. */
static bool counters(u64 base, u64 mask, u32 *out)
{
    *out = 0;
    if (base >= COUNTERS || mask == 0)
        return false;
    for (unsigned i = 0; i < 64; i++)
        if (mask >> i & 1) {
            if (base + i >= COUNTERS)
                return false;
            *out |= counter_exists(base + i) ? 1u << (base + i) : 0;
        }
    return *out != 0;
}

static void get_info(struct sbi_args *args)
{
    if (counter_exists(args->a[0]))
        args->value = (u64)63 << 12 | (CSR_CYCLE + args->a[0]); /* width - 1, CSR */
    else
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
}

/* Chooses the counter of an event; with SKIP_MATCH the caller has chosen. */
static void config_matching(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u64 flags = args->a[2], event = args->a[3];
    unsigned n = event == EVENT_CYCLES ? COUNTER_CYCLE : COUNTER_INSTRET;
    u32 allowed;

    if (!counters(args->a[0], args->a[1], &allowed)) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    if (flags & CFG_SKIP_MATCH)
        n = (unsigned)__builtin_ctz(allowed);
    else if ((event != EVENT_CYCLES && event != EVENT_INSNS) || !(allowed >> n & 1)) {
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
        return;
    }
    if (flags & CFG_CLEAR_VALUE)
        counter_set(c, n, 0);
    if (flags & CFG_AUTO_START)
        sbi->s.pmu_started[c->index] |= 1u << n;
    args->value = n;
}

static void start(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u32 set, *started = &sbi->s.pmu_started[c->index];

    if (!counters(args->a[0], args->a[1], &set)) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    if (set & *started)
        sbi_fail(args, SBI_ERR_ALREADY_STARTED);
    for (unsigned n = 0; n < COUNTERS; n++)
        if ((set & ~*started) >> n & 1 && (args->a[2] & START_SET_VALUE))
            counter_set(c, n, args->a[3]);
    *started |= set;
}

static void stop(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u32 set, *started = &sbi->s.pmu_started[c->index];

    if (!counters(args->a[0], args->a[1], &set)) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    if ((set & *started) != set)
        sbi_fail(args, SBI_ERR_ALREADY_STOPPED);
    *started &= ~set;
}

void sbi_ext_pmu(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    switch (args->fid) {
    case 0: args->value = COUNTERS; break;
    case 1: get_info(args); break;
    case 2: config_matching(sbi, c, args); break;
    case 3: start(sbi, c, args); break;
    case 4: stop(sbi, c, args); break;
    case 5: /* firmware counters: there are none */
    case 6: sbi_fail(args, SBI_ERR_INVALID_PARAM); break;
    default: sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    }
}
