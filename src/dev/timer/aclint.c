/*
 * aclint.c - RISC-V ACLINT 1.0: machine software interrupts (MSWI) and the machine timer
 * (MTIMER), laid out as SiFive's CLINT.
 *
 *     0x0000 + 4h   msip of hart h         bit 0: raise its software interrupt
 *     0x4000 + 8h   mtimecmp of hart h     timer interrupt while mtime >= mtimecmp
 *     0xbff8        mtime
 *
 * mtime is the guest's clock in ticks plus what the guest added by writing it. A reset
 * takes that offset away instead of making mtime zero: the harts' `time` must agree
 * with it, and keeps running.
 */
#include "base/bits.h"
#include "dev/core/device.h"
#include "dev/irqchip/riscv_lines.h"
#include <errno.h>

enum { MSIP = 0x0000, MTIMECMP = 0x4000, MTIME = 0xbff8, ACLINT_SIZE = 0x10000 };
enum { ACLINT_MAX_HARTS = 256 };

#define ACLINT_STATE(F, A, N)                                                                      \
    F(u64, offset, ZERO, "mtime minus the clock in ticks")                                         \
    A(u64, mtimecmp, ACLINT_MAX_HARTS, KEEP, "timer compare values; all ones after reset")         \
    A(flag, msip, ACLINT_MAX_HARTS, ZERO, "software interrupts")
STATE_STRUCT(aclint, ACLINT_STATE);

struct aclint {
    struct device dev;
    struct aclint_state s;
    u64 timebase; /* ticks a second */
    unsigned harts;
};

static struct aclint *self(struct device *d)
{
    return container_of(d, struct aclint, dev);
}

static u64 ticks(struct aclint *a)
{
    return (u64)((u128)dev_clock_ns(&a->dev) * a->timebase / NS_PER_SEC);
}

/* The first moment at which the clock shows `tick`. */
static ns_t tick_time(struct aclint *a, u64 tick)
{
    u128 ns = ((u128)tick * NS_PER_SEC + a->timebase - 1) / a->timebase;

    return ns < DEV_TIMER_OFF ? (ns_t)ns : DEV_TIMER_OFF;
}

/* Drives the timer lines and waits for the next change: a line rises when mtime reaches
 * its mtimecmp and falls when mtime, which the guest may set, wraps. */
static void update_timers(struct aclint *a)
{
    u64 tick = ticks(a);
    u64 mtime = tick + a->s.offset;
    ns_t next = DEV_TIMER_OFF;

    for (unsigned h = 0; h < a->harts; h++) {
        bool due = mtime >= a->s.mtimecmp[h];
        u64 wait = (due ? 0 : a->s.mtimecmp[h]) - mtime;

        dev_cpu_irq(&a->dev, h, RISCV_LINE_MTI, due);
        if (wait != 0 && wait <= UINT64_MAX - tick && tick_time(a, tick + wait) < next)
            next = tick_time(a, tick + wait);
    }
    dev_timer_set(&a->dev, 0, next);
}

static void aclint_update(struct device *d)
{
    struct aclint *a = self(d);

    for (unsigned h = 0; h < a->harts; h++)
        dev_cpu_irq(d, h, RISCV_LINE_MSI, a->s.msip[h]);
    update_timers(a);
}

static void aclint_expired(struct device *d, unsigned timer)
{
    update_timers(self(d));
}

/* --- registers: each half of a 64-bit one may be accessed alone --- */

static u64 reg_read(struct aclint *a, u64 off)
{
    u64 hart;

    if (off == MTIME)
        return ticks(a) + a->s.offset;
    if (off >= MTIMECMP) {
        hart = (off - MTIMECMP) / 8;
        return hart < a->harts ? a->s.mtimecmp[hart] : 0;
    }
    hart = off / 4;
    return hart < a->harts ? a->s.msip[hart] : 0;
}

static u64 aclint_read(struct device *d, u64 off, unsigned size)
{
    struct aclint *a = self(d);

    if (off >= MTIME + 8)
        return dev_bad_access(d, off, size);
    if (off >= MTIMECMP)
        return reg_read(a, off & ~7ull) >> 8 * (off & 7);
    return reg_read(a, off) | (size == 8 ? reg_read(a, off + 4) << 32 : 0);
}

static void msip_write(struct aclint *a, u64 off, u64 v)
{
    u64 hart = off / 4;

    if (hart >= a->harts)
        return;
    a->s.msip[hart] = v & 1;
    dev_cpu_irq(&a->dev, (unsigned)hart, RISCV_LINE_MSI, a->s.msip[hart]);
}

static void aclint_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct aclint *a = self(d);
    u64 reg = off & ~7ull;

    if (off >= MTIME + 8) {
        dev_bad_access(d, off, size);
    } else if (off >= MTIMECMP) {
        u64 value = bits_put(reg_read(a, reg), 8 * (off & 7), 8 * size, v);

        if (reg == MTIME)
            a->s.offset = value - ticks(a);
        else if ((reg - MTIMECMP) / 8 < a->harts)
            a->s.mtimecmp[(reg - MTIMECMP) / 8] = value;
        update_timers(a);
    } else {
        msip_write(a, off, v);
        if (size == 8)
            msip_write(a, off + 4, v >> 32);
    }
}

static void aclint_reset(struct device *d)
{
    memset(self(d)->s.mtimecmp, 0xff, sizeof self(d)->s.mtimecmp);
}

static int aclint_init(struct device *d, struct err *err)
{
    self(d)->harts = d->host->cpu_count(d->host->arg);
    if (self(d)->harts > ACLINT_MAX_HARTS)
        return err_set(err, EINVAL, "an ACLINT serves at most %u harts, not %u", ACLINT_MAX_HARTS,
                       self(d)->harts);
    return 0;
}

#define STATE_ROW_T struct aclint_state
STATE_LIST(aclint, ACLINT_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop aclint_props[] = {
    { "timebase", "ticks of mtime a second", DEV_PROP_U64, offsetof(struct aclint, timebase),
      .min = 1000, .max = NS_PER_SEC, .initial = 10000000 },
};

static const struct dev_region aclint_regions[] = {
    { "registers", ACLINT_SIZE, MEM_IO_4 | MEM_IO_8, aclint_read, aclint_write },
};

const struct dev_class aclint_class = {
    .name = "aclint",
    .doc = "RISC-V software interrupts and machine timer (ACLINT, SiFive CLINT)",
    .size = sizeof(struct aclint),
    .state_offset = offsetof(struct aclint, s),
    .state = &aclint_state_list,
    .props = aclint_props,
    .prop_count = ARRAY_SIZE(aclint_props),
    .regions = aclint_regions,
    .region_count = ARRAY_SIZE(aclint_regions),
    .init = aclint_init,
    .reset = aclint_reset,
    .update = aclint_update,
    .expired = aclint_expired,
    .fdt_compatible = "sifive,clint0",
};
