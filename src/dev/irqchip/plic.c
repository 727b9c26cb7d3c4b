/*
 * plic.c - RISC-V platform-level interrupt controller (PLIC 1.0.0), SiFive's layout.
 *
 *     0x000000 + 4n           priority of source n; 0: never
 *     0x001000 + 4w           pending bits, word w
 *     0x002000 + 0x80c + 4w   enable bits of context c
 *     0x200000 + 0x1000c      priority threshold of context c
 *     0x200004 + 0x1000c      read: claim; write: completion
 *
 * Context 2h is hart h in machine mode (line MEI), 2h + 1 in supervisor mode (SEI).
 * Gateways are for levels: a source that is high asks once, and again after completion
 * if it is still high. A request that was made stays although its line falls.
 */
#include "base/bits.h"
#include "dev/core/device.h"
#include "dev/irqchip/riscv_lines.h"
#include <errno.h>

enum { PRIORITY = 0, PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000, PLIC_SIZE = 0x4000000 };
enum { ENABLE_STEP = 0x80, CONTEXT_STEP = 0x1000, THRESHOLD = 0, CLAIM = 4 };
enum { PLIC_SOURCES = 128, PLIC_WORDS = PLIC_SOURCES / 32, PLIC_MAX_HARTS = 256, PRIORITY_MAX = 7 };

#define PLIC_CONTEXT_STATE(F, A, N)                                                                \
    A(u32, enable, PLIC_WORDS, ZERO, "enabled sources")                                            \
    F(u8, threshold, ZERO, "only sources of a higher priority interrupt")
STATE_STRUCT(plic_context, PLIC_CONTEXT_STATE);

#define PLIC_STATE(F, A, N)                                                                        \
    A(u32, level, PLIC_WORDS, KEEP, "input lines as driven")                                       \
    A(u32, pending, PLIC_WORDS, KEEP, "requests; after reset those of lines that are high")        \
    A(u32, claimed, PLIC_WORDS, ZERO, "claimed and not completed: the gateway is shut")            \
    A(u8, priority, PLIC_SOURCES, ZERO, "0: never, 1 … 7")                                         \
    N(plic_context, context, 2 * PLIC_MAX_HARTS, "what each hart's mode listens to")
STATE_STRUCT(plic, PLIC_STATE);

struct plic {
    struct device dev;
    struct plic_state s;
    u64 sources; /* the highest source number */
    unsigned contexts;
};

static struct plic *self(struct device *d)
{
    return container_of(d, struct plic, dev);
}

static bool bit(const u32 *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}

static void bit_put(u32 *words, unsigned n, bool on)
{
    words[n / 32] = (words[n / 32] & ~(1u << n % 32)) | (u32)on << n % 32;
}

/* The enabled request of the highest priority over `above`, of several the lowest number;
 * 0: none. */
static unsigned best(const struct plic *p, unsigned context, unsigned above)
{
    const struct plic_context_state *c = &p->s.context[context];
    unsigned found = 0;

    for (unsigned w = 0; w < PLIC_WORDS; w++)
        for (u32 left = p->s.pending[w] & c->enable[w]; left; left &= left - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(left);

            if (p->s.priority[n] > above) {
                above = p->s.priority[n];
                found = n;
            }
        }
    return found;
}

static void update_context(struct plic *p, unsigned c)
{
    dev_cpu_irq(&p->dev, c / 2, c % 2 ? RISCV_LINE_SEI : RISCV_LINE_MEI,
                best(p, c, p->s.context[c].threshold) != 0);
}

static void plic_update(struct device *d)
{
    for (unsigned c = 0; c < self(d)->contexts; c++)
        update_context(self(d), c);
}

/* A request is news for those who listen to it. */
static void update_source(struct plic *p, unsigned n)
{
    for (unsigned c = 0; c < p->contexts; c++)
        if (bit(p->s.context[c].enable, n))
            update_context(p, c);
}

static void plic_irq_in(struct device *d, unsigned n, bool level)
{
    struct plic *p = self(d);

    if (n == 0 || n > p->sources)
        return;
    bit_put(p->s.level, n, level);
    if (!level || bit(p->s.claimed, n) || bit(p->s.pending, n))
        return;
    bit_put(p->s.pending, n, true);
    update_source(p, n);
}

/* The threshold does not hold a claim back (PLIC 1.0.0, "Interrupt Claims"). */
static u32 claim(struct plic *p, unsigned context)
{
    unsigned n = best(p, context, 0);

    if (n == 0)
        return 0;
    bit_put(p->s.pending, n, false);
    bit_put(p->s.claimed, n, true);
    update_source(p, n);
    return n;
}

/* Completion of a source that the context has not enabled is ignored. */
static void complete(struct plic *p, unsigned context, u64 n)
{
    unsigned source = (unsigned)n;

    if (n == 0 || n > p->sources || !bit(p->s.context[context].enable, source) ||
        !bit(p->s.claimed, source))
        return;
    bit_put(p->s.claimed, source, false);
    if (bit(p->s.level, source)) {
        bit_put(p->s.pending, source, true);
        update_source(p, source);
    }
}

/* Bits of word w that are sources: not source 0, none over the last. */
static u32 source_mask(const struct plic *p, u64 w)
{
    u64 upto = p->sources + 1;
    u32 mask = w * 32 >= upto ? 0 : (u32)bits_mask((unsigned)(upto - w * 32));

    return w == 0 ? mask & ~1u : mask;
}

static u64 context_read(struct plic *p, u64 off)
{
    unsigned c = (unsigned)(off / CONTEXT_STEP);

    if (c < p->contexts && off % CONTEXT_STEP == THRESHOLD)
        return p->s.context[c].threshold;
    if (c < p->contexts && off % CONTEXT_STEP == CLAIM)
        return claim(p, c);
    return dev_bad_access(&p->dev, CONTEXT + off, 4);
}

static u64 plic_read(struct device *d, u64 off, unsigned size)
{
    struct plic *p = self(d);
    u64 c = (off - ENABLE) / ENABLE_STEP, w = off % ENABLE_STEP / 4;

    if (off >= CONTEXT)
        return context_read(p, off - CONTEXT);
    if (off >= ENABLE)
        return c < p->contexts && w < PLIC_WORDS ? p->s.context[c].enable[w] : 0;
    if (off >= PENDING)
        return (off - PENDING) / 4 < PLIC_WORDS ? p->s.pending[(off - PENDING) / 4] : 0;
    return off / 4 < PLIC_SOURCES ? p->s.priority[off / 4] : 0;
}

static void context_write(struct plic *p, u64 off, u64 v)
{
    unsigned c = (unsigned)(off / CONTEXT_STEP);

    if (c < p->contexts && off % CONTEXT_STEP == THRESHOLD) {
        p->s.context[c].threshold = v & PRIORITY_MAX;
        update_context(p, c);
    } else if (c < p->contexts && off % CONTEXT_STEP == CLAIM) {
        complete(p, c, v);
    } else {
        dev_bad_access(&p->dev, CONTEXT + off, 4);
    }
}

static void enable_write(struct plic *p, u64 off, u64 v)
{
    u64 c = off / ENABLE_STEP, w = off % ENABLE_STEP / 4;

    if (c >= p->contexts || w >= PLIC_WORDS)
        return;
    p->s.context[c].enable[w] = (u32)v & source_mask(p, w);
    update_context(p, (unsigned)c);
}

static void plic_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct plic *p = self(d);

    if (off >= CONTEXT) {
        context_write(p, off - CONTEXT, v);
    } else if (off >= ENABLE) {
        enable_write(p, off - ENABLE, v);
    } else if (off >= PENDING) {
        dev_bad_access(d, off, size); /* pending bits are read-only */
    } else if (off / 4 >= 1 && off / 4 <= p->sources) {
        p->s.priority[off / 4] = v & PRIORITY_MAX;
        update_source(p, (unsigned)(off / 4));
    }
}

static void plic_reset(struct device *d)
{
    memcpy(self(d)->s.pending, self(d)->s.level, sizeof self(d)->s.pending);
}

static int plic_init(struct device *d, struct err *err)
{
    unsigned harts = d->host->cpu_count(d->host->arg);

    if (harts > PLIC_MAX_HARTS)
        return err_set(err, EINVAL, "a PLIC serves at most %u harts, not %u", PLIC_MAX_HARTS,
                       harts);
    self(d)->contexts = 2 * harts;
    return 0;
}

/* Bits of sources that this machine has not would never go away. */
static int plic_check(struct device *d, struct err *err)
{
    struct plic *p = self(d);

    for (unsigned w = 0; w < PLIC_WORDS; w++)
        if ((p->s.level[w] | p->s.pending[w] | p->s.claimed[w]) & ~source_mask(p, w))
            return err_set(err, EINVAL, "it has requests of sources over %u", (unsigned)p->sources);
    return 0;
}

#define STATE_ROW_T struct plic_context_state
STATE_LIST(plic_context, PLIC_CONTEXT_STATE, 1);
#undef STATE_ROW_T
#define STATE_ROW_T struct plic_state
STATE_LIST(plic, PLIC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop plic_props[] = {
    { "sources", "number of interrupt sources", DEV_PROP_U64, offsetof(struct plic, sources),
      .min = 1, .max = PLIC_SOURCES - 1, .initial = PLIC_SOURCES - 1 },
};

static const struct dev_region plic_regions[] = {
    { "registers", PLIC_SIZE, MEM_IO_4, plic_read, plic_write },
};

const struct dev_class plic_class = {
    .name = "plic",
    .doc = "RISC-V platform-level interrupt controller (SiFive PLIC 1.0.0)",
    .size = sizeof(struct plic),
    .state_offset = offsetof(struct plic, s),
    .state = &plic_state_list,
    .props = plic_props,
    .prop_count = ARRAY_SIZE(plic_props),
    .regions = plic_regions,
    .region_count = ARRAY_SIZE(plic_regions),
    .init = plic_init,
    .reset = plic_reset,
    .update = plic_update,
    .check = plic_check,
    .irq_in = plic_irq_in,
    .fdt_compatible = "sifive,plic-1.0.0",
};
