/*
 * gpio_pl061.c - Arm PrimeCell general-purpose I/O (PL061): 8 pins; DDI 0190B.
 *
 * Inputs (dev_irq_input) are the levels that the board puts on the pins; output 0 is the
 * interrupt GPIOINTR, output 1 + n the level of pin n where the guest drives it. Pins that the
 * guest drives do not interrupt. There is no hardware control mode: AFSEL is kept without effect.
 */
#include "base/bits.h"
#include "dev/core/device.h"
#include "dev/soc/primecell.h"

enum {
    DATA = 0x000, /* … 0x3fc: bits [9:2] of the address say which pins */
    DIR = 0x400,
    IS = 0x404,
    IBE = 0x408,
    IEV = 0x40c,
    IE = 0x410,
    RIS = 0x414,
    MIS = 0x418,
    IC = 0x41c,
    AFSEL = 0x420,
};
enum { PART = 0x61, PINS = 8 };

#define GPIO_STATE(F, A, N)                                                                        \
    F(u8, in, KEEP, "levels that come from outside")                                               \
    F(u8, out, ZERO, "levels that the guest writes")                                               \
    F(u8, dir, ZERO, "1: the guest drives the pin")                                                \
    F(u8, is, ZERO, "1: interrupt by level; 0: by edge")                                           \
    F(u8, ibe, ZERO, "by edge: 1: by both edges")                                                  \
    F(u8, iev, ZERO, "1: high level or rising edge; 0: low or falling")                            \
    F(u8, ie, ZERO, "interrupts that are let through")                                             \
    F(u8, edges, ZERO, "edges seen and not cleared")                                               \
    F(u8, afsel, ZERO, "AFSEL: kept, without effect")
STATE_STRUCT(gpio_pl061, GPIO_STATE);

struct gpio {
    struct device dev;
    struct gpio_pl061_state s;
};

static struct gpio *self(struct device *d)
{
    return container_of(d, struct gpio, dev);
}

static u8 pins(const struct gpio_pl061_state *s)
{
    return (u8)((s->out & s->dir) | (s->in & ~s->dir));
}

static u8 raw(const struct gpio_pl061_state *s)
{
    u8 levels = (u8)(~(s->in ^ s->iev) & ~s->dir & s->is);

    return levels | (s->edges & (u8)~s->is);
}

static void gpio_update(struct device *d)
{
    const struct gpio_pl061_state *s = &self(d)->s;

    dev_irq_set(d, 0, raw(s) & s->ie);
    for (unsigned n = 0; n < PINS; n++)
        dev_irq_set(d, 1 + n, s->out & s->dir & 1u << n);
}

static void gpio_irq_in(struct device *d, unsigned input, bool level)
{
    struct gpio_pl061_state *s = &self(d)->s;
    u8 bit = (u8)(1u << input % PINS);

    if (input >= PINS || level == !!(s->in & bit))
        return;
    s->in ^= bit;
    if (!(s->dir & bit) && (s->ibe & bit || level == !!(s->iev & bit)))
        s->edges |= bit & (u8)~s->is;
    gpio_update(d);
}

/* A register that is a plain member; NULL. */
static u8 *member(struct gpio_pl061_state *s, u64 off)
{
    switch (off) {
    case DIR: return &s->dir;
    case IS: return &s->is;
    case IBE: return &s->ibe;
    case IEV: return &s->iev;
    case IE: return &s->ie;
    case AFSEL: return &s->afsel;
    default: return NULL;
    }
}

static u64 gpio_read(struct device *d, u64 off, unsigned size)
{
    struct gpio_pl061_state *s = &self(d)->s;

    if (off < DIR)
        return pins(s) & off >> 2;
    if (member(s, off))
        return *member(s, off);
    if (off == RIS || off == MIS)
        return raw(s) & (off == MIS ? s->ie : 0xff);
    return off >= PRIMECELL_ID ? primecell_id(PART, 0, off) : dev_bad_access(d, off, size);
}

static void gpio_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gpio_pl061_state *s = &self(d)->s;

    if (off < DIR)
        s->out = (u8)((s->out & ~(off >> 2)) | (v & off >> 2));
    else if (member(s, off))
        *member(s, off) = (u8)v;
    else if (off == IC)
        s->edges &= (u8)~v;
    else
        dev_bad_access(d, off, size);
    gpio_update(d);
}

#define STATE_ROW_T struct gpio_pl061_state
STATE_LIST(gpio_pl061, GPIO_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region gpio_regions[] = {
    { "registers", PRIMECELL_SIZE, MEM_IO_1 | MEM_IO_4, gpio_read, gpio_write },
};

const struct dev_class gpio_pl061_class = {
    .name = "gpio-pl061",
    .doc = "Arm PrimeCell general-purpose I/O (PL061)",
    .size = sizeof(struct gpio),
    .state_offset = offsetof(struct gpio, s),
    .state = &gpio_pl061_state_list,
    .regions = gpio_regions,
    .region_count = ARRAY_SIZE(gpio_regions),
    .irq_count = 1 + PINS,
    .update = gpio_update,
    .irq_in = gpio_irq_in,
    .fdt_compatible = "arm,pl061",
};
