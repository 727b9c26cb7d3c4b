/*
 * test_gicv3_model.c - GICv3 against a slow model under random traffic.
 *
 * The model keeps a record for each interrupt and, for each CPU, the interrupts it has taken as a
 * stack; it looks at everything after every step and shares no idea with the device: no words of
 * bits, no active priority registers. Guests that write these, or end what they did not
 * take last, leave the stack's world; test_gicv3.c has such cases.
 */
#include "base/bits.h"
#include "gicv3_driver.h"

enum { CPUS = FAKE_CPUS, SPIS = 12, FIRST_SPI = 60, STEPS = 60000, SEEDS = 6 };

/* Interrupts the traffic is about: 32 for each CPU, and SPIs around a bank's border. */
struct interrupt {
    unsigned intid;
    bool group, enabled, latched, line, asserted, active, edge;
    unsigned priority;
    bool any;     /* SPI: for any CPU */
    unsigned cpu; /* SPI: which; CPUS: one that does not exist */
};

struct taken {
    unsigned group, priority; /* of its group, by the binary point of then */
};

struct cpu {
    bool awake, on[2], deny[2], common, split;
    unsigned mask, point[2], depth;
    struct taken stack[64];
};

static struct {
    struct interrupt local[CPUS][32], spi[SPIS];
    struct cpu cpu[CPUS];
    bool on[2];
} m;

static u64 seed;

static unsigned chance(unsigned n)
{
    return (unsigned)(fake_random(&seed) % n);
}

static unsigned intid_of(unsigned i)
{
    return i < 32 ? i : FIRST_SPI + i - 32;
}

/* Interrupt i, 0 … 32 + SPIS - 1, as the CPU sees it. */
static struct interrupt *interrupt(unsigned cpu, unsigned i)
{
    return i < 32 ? &m.local[cpu][i] : &m.spi[i - 32];
}

/* --- the rules --- */

static bool pending(const struct interrupt *i)
{
    return i->latched || (!i->edge && (i->line || i->asserted));
}

/* Only the upper bits take part in preemption: those above the binary point. */
static unsigned group_priority(const struct cpu *c, unsigned priority, unsigned group)
{
    unsigned low = group && !c->common ? c->point[1] : c->point[0] + 1;

    for (unsigned bit = 0; bit < low; bit++)
        priority &= ~(1u << bit);
    return priority;
}

static bool takes_part(const struct cpu *c, unsigned group)
{
    return c->awake && c->on[group] && !c->deny[group];
}

static unsigned any_cpu(unsigned group)
{
    for (unsigned c = 0; c < CPUS; c++)
        if (takes_part(&m.cpu[c], group) && m.cpu[c].depth == 0)
            return c;
    for (unsigned c = 0; c < CPUS; c++)
        if (takes_part(&m.cpu[c], group))
            return c;
    return CPUS;
}

static bool is_for(const struct interrupt *i, unsigned cpu)
{
    if (i->intid < 32)
        return true;
    return (i->any ? any_cpu(i->group) : i->cpu) == cpu;
}

/* What the CPU would take next if priorities allow; NULL. */
static struct interrupt *best(unsigned cpu)
{
    struct interrupt *found = NULL;

    for (unsigned n = 0; n < 32 + SPIS; n++) {
        struct interrupt *i = interrupt(cpu, n);

        if (!m.cpu[cpu].awake || !m.on[i->group] || !m.cpu[cpu].on[i->group] || !i->enabled ||
            i->active || !pending(i) || !is_for(i, cpu))
            continue;
        if (!found || i->priority < found->priority)
            found = i;
    }
    return found;
}

static bool signalled(unsigned cpu)
{
    struct cpu *c = &m.cpu[cpu];
    struct interrupt *i = best(cpu);

    if (!i || i->priority >= c->mask)
        return false;
    return c->depth == 0 || group_priority(c, i->priority, i->group) <
                                group_priority(c, c->stack[c->depth - 1].priority, i->group);
}

/* --- comparing --- */

static unsigned step;

static void same(u64 got, u64 want, const char *what, unsigned where)
{
    if (got == want)
        return;
    test_failed_checks++;
    printf("# step %u: %s (%u) is %#llx, expected %#llx\n", step, what, where,
           (unsigned long long)got, (unsigned long long)want);
}

static void compare_lines(void)
{
    for (unsigned c = 0; c < CPUS; c++) {
        struct interrupt *i = signalled(c) ? best(c) : NULL;

        same(irq(c), i && i->group, "IRQ", c);
        same(fiq(c), i && !i->group, "FIQ", c);
    }
}

static void compare_registers(void)
{
    unsigned cpu = chance(CPUS), n = chance(32 + SPIS), group = chance(2);
    struct interrupt *i = interrupt(cpu, n), *next = best(cpu);
    struct cpu *c = &m.cpu[cpu];

    same(bit_get(cpu, n & 1 ? ISPENDR : ICPENDR, i->intid), pending(i), "pending", i->intid);
    same(bit_get(cpu, n & 1 ? ISACTIVER : ICACTIVER, i->intid), i->active, "active", i->intid);
    same(bit_get(cpu, n & 1 ? ISENABLER : ICENABLER, i->intid), i->enabled, "enabled", i->intid);
    same(icc_get(cpu, group ? ICC_HPPIR1 : ICC_HPPIR0),
         next && next->group == group ? next->intid : SPURIOUS, "HPPIR", cpu);
    same(icc_get(cpu, ICC_RPR), c->depth ? c->stack[c->depth - 1].priority : 0xff, "RPR", cpu);
    same(icc_get(cpu, ICC_PMR), c->mask, "PMR", cpu);
}

/* --- steps: the same to the device and to the model --- */

static void step_line(unsigned cpu, unsigned n, struct interrupt *i)
{
    bool level = chance(2);

    if (i->edge && level && !i->line)
        i->latched = true;
    i->line = level;
    if (n < 32)
        ppi(cpu, i->intid, level);
    else
        spi(i->intid, level);
}

static void step_bits(unsigned cpu, struct interrupt *i)
{
    switch (chance(7)) {
    case 0:
    case 1: i->enabled = true, bit_set(cpu, ISENABLER, i->intid); break;
    case 2: i->enabled = false, bit_set(cpu, ICENABLER, i->intid); break;
    case 3: i->latched = true, bit_set(cpu, ISPENDR, i->intid); break;
    case 4: i->latched = false, bit_set(cpu, ICPENDR, i->intid); break;
    case 5: i->active = true, bit_set(cpu, ISACTIVER, i->intid); break;
    default: i->active = false, bit_set(cpu, ICACTIVER, i->intid); break;
    }
}

static void step_shape(unsigned cpu, struct interrupt *i)
{
    switch (chance(3)) {
    case 0:
        i->group = chance(4) != 0;
        group_set(cpu, i->intid, i->group);
        break;
    case 1:
        i->priority = chance(256);
        priority_set(cpu, i->intid, (u8)i->priority);
        i->priority -= i->priority % 8;
        break;
    default:
        i->edge = chance(2) || i->intid < 16;
        edge_set(cpu, i->intid, i->edge);
        break;
    }
}

static void step_route(struct interrupt *i)
{
    static const u64 nowhere[] = { CPUS, 0x100, 0x10001, 1ull << 32, 16 };

    if (i->intid < 32)
        return;
    i->any = chance(4) == 0;
    i->cpu = chance(CPUS + 1);
    route_set(i->intid, (i->any ? ROUTE_ANY : 0) |
                            (i->cpu < CPUS ? i->cpu : nowhere[chance(ARRAY_SIZE(nowhere))]));
}

static void step_message(struct interrupt *i)
{
    bool on = chance(2);

    if (i->intid < 32)
        return;
    dist_set(on ? SETSPI : CLRSPI, i->intid);
    *(i->edge ? &i->latched : &i->asserted) = on;
}

static void step_sgi(unsigned cpu)
{
    static const unsigned regs[] = { ICC_SGI1R, ICC_SGI1R, ICC_ASGI1R, ICC_SGI0R };
    unsigned reg = regs[chance(4)], n = chance(16), list = chance(16);
    bool others = chance(4) == 0, elsewhere = chance(8) == 0;

    icc_set(cpu, reg, (u64)others << 40 | n << 24 | (u64)elsewhere << 16 | list);
    for (unsigned c = 0; c < CPUS; c++)
        if (others ? c != cpu : !elsewhere && (list >> c & 1))
            if (m.local[c][n].group == (reg != ICC_SGI0R))
                m.local[c][n].latched = true;
}

static void step_take(unsigned cpu)
{
    unsigned group = chance(4) != 0;
    u64 got = icc_get(cpu, group ? ICC_IAR1 : ICC_IAR0);
    struct interrupt *i = signalled(cpu) ? best(cpu) : NULL;
    struct cpu *c = &m.cpu[cpu];

    if (i && i->group != group)
        i = NULL;
    same(got, i ? i->intid : SPURIOUS, "IAR", cpu);
    if (!i)
        return;
    c->stack[c->depth++] = (struct taken){ group, group_priority(c, i->priority, group) };
    i->active = true;
    i->latched = false;
}

/* Mostly of the group that was taken last; of any interrupt, as registers do not remember which. */
static void step_end(unsigned cpu, struct interrupt *i)
{
    struct cpu *c = &m.cpu[cpu];
    unsigned group = c->depth && chance(8) ? c->stack[c->depth - 1].group : chance(2);
    bool none = chance(16) == 0;

    icc_set(cpu, group ? ICC_EOIR1 : ICC_EOIR0, none ? 1020 + chance(4) : i->intid);
    if (none || !c->depth || c->stack[c->depth - 1].group != group)
        return;
    c->depth--;
    if (!c->split)
        i->active = false;
}

/* So that there are always some to take. */
static void step_inactive(unsigned cpu)
{
    for (unsigned n = 0; n < 32 + SPIS; n++) {
        struct interrupt *i = interrupt(cpu, n);

        if (i->active && chance(2)) {
            i->active = false;
            bit_set(cpu, ICACTIVER, i->intid);
        }
    }
}

static void step_deactivate(unsigned cpu, struct interrupt *i)
{
    icc_set(cpu, ICC_DIR, i->intid);
    if (m.cpu[cpu].split)
        i->active = false;
}

static void step_control(unsigned cpu)
{
    struct cpu *c = &m.cpu[cpu];
    unsigned v = chance(8), group = chance(2);

    switch (chance(4)) {
    case 0:
        c->common = v == 1;
        c->split = v & 2;
        icc_set(cpu, ICC_CTLR, (u64)c->common | (u64)c->split << 1);
        break;
    case 1:
        c->on[group] = chance(8) != 0;
        icc_set(cpu, group ? ICC_IGRPEN1 : ICC_IGRPEN0, c->on[group]);
        break;
    case 2:
        v = chance(2) ? v : 0;
        icc_set(cpu, group ? ICC_BPR1 : ICC_BPR0, v);
        if (!(group && c->common))
            c->point[group] = v > 2 + group ? v : 2 + group;
        break;
    default:
        c->mask = chance(8) ? 0xf8 : chance(32) * 8;
        icc_set(cpu, ICC_PMR, c->mask);
        break;
    }
}

static void step_power(unsigned cpu)
{
    struct cpu *c = &m.cpu[cpu];
    unsigned v = chance(4);

    switch (chance(3)) {
    case 0:
        c->awake = chance(8) != 0;
        redist_set(cpu, WAKER, c->awake ? 0 : 2);
        break;
    case 1:
        c->deny[0] = v & 1;
        c->deny[1] = v & 2;
        redist_set(cpu, 0, v << 24);
        break;
    default:
        m.on[0] = chance(8) != 0;
        m.on[1] = chance(8) != 0;
        dist_set(CTLR, (u64)m.on[0] | (u64)m.on[1] << 1);
        break;
    }
}

static void one_step(void)
{
    unsigned cpu = chance(CPUS), n = chance(32 + SPIS);
    struct interrupt *i = interrupt(cpu, n);

    switch (chance(16)) {
    case 0:
    case 1:
    case 2:
        if (n >= 16)
            step_line(cpu, n, i);
        break;
    case 3:
    case 4: step_bits(cpu, i); break;
    case 5: step_shape(cpu, i); break;
    case 6: step_route(i); break;
    case 7: step_message(i); break;
    case 8: step_sgi(cpu); break;
    case 9:
    case 10:
    case 11: step_take(cpu); break;
    case 12:
        if (chance(3) == 0)
            step_end(cpu, i);
        break;
    case 13: step_inactive(cpu); break;
    case 14: step_deactivate(cpu, i); break;
    default: chance(4) ? step_control(cpu) : step_power(cpu); break;
    }
}

static void model_reset(void)
{
    memset(&m, 0, sizeof m);
    for (unsigned c = 0; c < CPUS; c++) {
        m.cpu[c].point[0] = 2;
        m.cpu[c].point[1] = 3;
        for (unsigned n = 0; n < 32 + SPIS; n++) {
            interrupt(c, n)->intid = intid_of(n);
            interrupt(c, n)->edge = n < 16;
        }
    }
}

/* Most interrupts enabled and most CPUs listening, so that the traffic soon means something. */
static void model_start(void)
{
    for (unsigned c = 0; c < CPUS; c++) {
        m.cpu[c].awake = m.cpu[c].on[0] = m.cpu[c].on[1] = true;
        m.cpu[c].mask = 0xf8;
        redist_set(c, WAKER, 0);
        icc_set(c, ICC_PMR, 0xff);
        icc_set(c, ICC_IGRPEN0, 1);
        icc_set(c, ICC_IGRPEN1, 1);
    }
    m.on[0] = m.on[1] = true;
    dist_set(CTLR, 3);
}

TEST(random_traffic_ends_where_the_model_does)
{
    unsigned taken = 0;

    for (u64 s = 1; s <= SEEDS; s++) {
        seed = s;
        begin();
        model_reset();
        model_start();
        for (step = 0; step < STEPS && test_failed_checks == 0; step++) {
            one_step();
            compare_lines();
            compare_registers();
            for (unsigned c = 0; c < CPUS; c++)
                taken += m.cpu[c].depth > 2;
        }
        end();
    }
    CHECK(taken > 1000); /* it got somewhere: preemption upon preemption */
}

TEST_MAIN(TEST_CASE(random_traffic_ends_where_the_model_does))
