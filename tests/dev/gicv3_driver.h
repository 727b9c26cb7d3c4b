/*
 * gicv3_driver.h - a GICv3 on the fake host for one test program, driven as a kernel does.
 */
#ifndef TEST_DEV_GICV3_DRIVER_H
#define TEST_DEV_GICV3_DRIVER_H

#include "dev/irqchip/gicv3.h"
#include "fake_host.h"
#include "its_driver.h"
#include "test.h"

/* Registers of the distributor; those up to ICFGR also at SGIS in a redistributor. */
enum { CTLR = 0, TYPER = 4, SETSPI = 0x40, CLRSPI = 0x48, IGROUPR = 0x80, ISENABLER = 0x100 };
enum { ICENABLER = 0x180, ISPENDR = 0x200, ICPENDR = 0x280, ISACTIVER = 0x300, ICACTIVER = 0x380 };
enum { IPRIORITYR = 0x400, ICFGR = 0xc00, IROUTER = 0x6000, PIDR2 = 0xffe8 };
enum { WAKER = 0x14, SGIS = 0x10000, SPURIOUS = 1023 };
#define ROUTE_ANY (1u << 31)

static struct fake_host h;
static struct device *d;

static inline void begin(void)
{
    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("gicv3"), NULL, 0);
}

static inline void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static inline u64 dist_get(u64 off)
{
    return dev_read(d, GICV3_DIST, off, 4);
}

static inline void dist_set(u64 off, u64 v)
{
    dev_write(d, GICV3_DIST, off, v, 4);
}

static inline u64 redist_get(unsigned cpu, u64 off)
{
    return dev_read(d, GICV3_REDIST, cpu * (u64)GICV3_REDIST_STEP + off, 4);
}

static inline void redist_set(unsigned cpu, u64 off, u64 v)
{
    dev_write(d, GICV3_REDIST, cpu * (u64)GICV3_REDIST_STEP + off, v, 4);
}

static inline u64 icc_get(unsigned cpu, unsigned number)
{
    u64 v = 0x5a5a;

    CHECK_EQ(dev_sysreg_read(d, cpu, GICV3_SPACE_CPU, number, &v), 0);
    return v;
}

static inline void icc_set(unsigned cpu, unsigned number, u64 v)
{
    CHECK_EQ(dev_sysreg_write(d, cpu, GICV3_SPACE_CPU, number, v), 0);
}

static inline void ppi(unsigned cpu, unsigned intid, bool level)
{
    CHECK_EQ(dev_sysreg_write(d, cpu, GICV3_SPACE_PPI, intid, level), 0);
}

static inline void spi(unsigned intid, bool level)
{
    dev_irq_input(d, intid - GICV3_SPI, level);
}

/* The bit of an interrupt in a register of bits, as the CPU sees it. */
static inline bool bit_get(unsigned cpu, u64 reg, unsigned intid)
{
    u64 v = intid < 32 ? redist_get(cpu, SGIS + reg) : dist_get(reg + intid / 32 * 4);

    return v >> intid % 32 & 1;
}

static inline void word_set(unsigned cpu, u64 reg, unsigned intid, u64 v)
{
    if (intid < 32)
        redist_set(cpu, SGIS + reg, v);
    else
        dist_set(reg + intid / 32 * 4, v);
}

/* For registers that set or clear by ones. */
static inline void bit_set(unsigned cpu, u64 reg, unsigned intid)
{
    word_set(cpu, reg, intid, 1u << intid % 32);
}

static inline void group_set(unsigned cpu, unsigned intid, bool group)
{
    u64 v = intid < 32 ? redist_get(cpu, SGIS + IGROUPR) : dist_get(IGROUPR + intid / 32 * 4);
    u64 bit = 1u << intid % 32;

    word_set(cpu, IGROUPR, intid, group ? v | bit : v & ~bit);
}

static inline void priority_set(unsigned cpu, unsigned intid, u8 v)
{
    if (intid < 32)
        dev_write(d, GICV3_REDIST, cpu * (u64)GICV3_REDIST_STEP + SGIS + IPRIORITYR + intid, v, 1);
    else
        dev_write(d, GICV3_DIST, IPRIORITYR + intid, v, 1);
}

static inline void edge_set(unsigned cpu, unsigned intid, bool edge)
{
    u64 reg = ICFGR + intid / 16 * 4, bit = 2u << intid % 16 * 2;
    u64 v = intid < 32 ? redist_get(cpu, SGIS + reg) : dist_get(reg);

    v = edge ? v | bit : v & ~bit;
    if (intid < 32)
        redist_set(cpu, SGIS + reg, v);
    else
        dist_set(reg, v);
}

static inline void route_set(unsigned intid, u64 v)
{
    dev_write(d, GICV3_DIST, IROUTER + 8 * intid, v, 8);
}

static inline bool irq(unsigned cpu)
{
    return h.cpu_line[cpu][GICV3_LINE_IRQ];
}

static inline bool fiq(unsigned cpu)
{
    return h.cpu_line[cpu][GICV3_LINE_FIQ];
}

static inline void ready(void)
{
    begin();
    gicv3_open(d);
}

/* An enabled interrupt of group 1. */
static inline void listen(unsigned cpu, unsigned intid, u8 priority)
{
    group_set(cpu, intid, true);
    priority_set(cpu, intid, priority);
    bit_set(cpu, ISENABLER, intid);
}

#endif
