/*
 * rtc_pl031.c - Arm PrimeCell real-time clock (PL031, revision r1p3); DDI 0224C.
 *
 * A counter of seconds since 1970 that the guest may set, and one match register. The counter
 * is the world's time plus what the guest changed: after a pause or a load it is right again.
 * It comes out of reset enabled, as a board's firmware leaves it, and cannot be stopped.
 *
 * A match waits on the guest's clock and looks again at the world's when it expires, so that a
 * step of the host's clock neither loses nor hastens it.
 */
#include "base/bits.h"
#include "dev/core/device.h"
#include "dev/soc/primecell.h"

enum {
    DR = 0x00,
    MR = 0x04,
    LR = 0x08,
    CR = 0x0c,
    IMSC = 0x10,
    RIS = 0x14,
    MIS = 0x18,
    ICR = 0x1c,
};
enum { PART = 0x31, CR_START = 1 };

#define RTC_STATE(F, A, N)                                                                         \
    F(s64, offset_s, KEEP, "guest's seconds minus the world's (battery-backed)")                   \
    F(u64, alarm_s, ZERO, "guest's seconds when the counter reaches the match register")           \
    F(u32, match, ZERO, "MR")                                                                      \
    F(u32, load, ZERO, "LR: the counter as last set")                                              \
    F(flag, armed, ZERO, "MR was written and not reached since")                                   \
    F(flag, raw, ZERO, "RIS: reached and not cleared")                                             \
    F(flag, on, ZERO, "IMSC: the interrupt is let through")
STATE_STRUCT(rtc_pl031, RTC_STATE);

struct rtc {
    struct device dev;
    struct rtc_pl031_state s;
};

static struct rtc *self(struct device *d)
{
    return container_of(d, struct rtc, dev);
}

static u64 world_ns(struct rtc *r)
{
    return r->dev.host->realtime(r->dev.host->arg);
}

/* The counter is the low half. */
static u64 now_s(struct rtc *r)
{
    return world_ns(r) / NS_PER_SEC + (u64)r->s.offset_s;
}

/* The moment of the match on the guest's clock: when the world's seconds change. */
static ns_t alarm_at(struct rtc *r)
{
    u64 now = now_s(r), clock = dev_clock_ns(&r->dev);
    u64 left = r->s.alarm_s > now ? r->s.alarm_s - now : 0;
    u64 wait = left > UINT32_MAX ? UINT64_MAX : left * NS_PER_SEC;

    if (left)
        wait -= world_ns(r) % NS_PER_SEC;
    return wait < DEV_TIMER_OFF - clock ? clock + wait : DEV_TIMER_OFF;
}

static void rtc_update(struct device *d)
{
    struct rtc *r = self(d);

    dev_irq_set(d, 0, r->s.raw && r->s.on);
    dev_timer_set(d, 0, r->s.armed ? alarm_at(r) : DEV_TIMER_OFF);
}

/* The next time that the counter has the match's value; a value of the past comes only after
 * the counter has turned over. */
static void arm(struct rtc *r)
{
    u64 now = now_s(r);

    r->s.alarm_s = now + (u32)(r->s.match - (u32)now);
    r->s.armed = true;
}

static void match_check(struct rtc *r)
{
    if (!r->s.armed || now_s(r) < r->s.alarm_s)
        return;
    r->s.armed = false;
    r->s.raw = true;
}

static void rtc_expired(struct device *d, unsigned timer)
{
    match_check(self(d));
    rtc_update(d);
}

static u64 word_read(struct device *d, u64 off, unsigned size)
{
    struct rtc *r = self(d);

    switch (off) {
    case DR: return (u32)now_s(r);
    case MR: return r->s.match;
    case LR: return r->s.load;
    case CR: return CR_START;
    case IMSC: return r->s.on;
    case RIS: return r->s.raw;
    case MIS: return r->s.raw && r->s.on;
    }
    return off >= PRIMECELL_ID ? primecell_id(PART, 0, off) : dev_bad_access(d, off, size);
}

/* EDK2 reads bytes of its identity. */
static u64 rtc_read(struct device *d, u64 off, unsigned size)
{
    return word_read(d, bits_align_down(off, 4), size) >> off % 4 * 8;
}

static void counter_set(struct rtc *r, u32 v)
{
    r->s.load = v;
    r->s.offset_s = (s64)(v - world_ns(r) / NS_PER_SEC);
    if (r->s.armed)
        arm(r);
}

static void rtc_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct rtc *r = self(d);

    if (size != 4) {
        dev_bad_access(d, off, size);
        return;
    }
    switch (off) {
    case MR:
        r->s.match = (u32)v;
        arm(r);
        break;
    case LR: counter_set(r, (u32)v); break;
    case CR: break; /* it runs already */
    case IMSC: r->s.on = v & 1; break;
    case ICR: r->s.raw = r->s.raw && !(v & 1); break;
    default: dev_bad_access(d, off, size); return;
    }
    match_check(r);
    rtc_update(d);
}

#define STATE_ROW_T struct rtc_pl031_state
STATE_LIST(rtc_pl031, RTC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region rtc_regions[] = {
    { "registers", PRIMECELL_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, rtc_read, rtc_write },
};

const struct dev_class rtc_pl031_class = {
    .name = "rtc-pl031",
    .doc = "Arm PrimeCell real-time clock (PL031)",
    .size = sizeof(struct rtc),
    .state_offset = offsetof(struct rtc, s),
    .state = &rtc_pl031_state_list,
    .regions = rtc_regions,
    .region_count = ARRAY_SIZE(rtc_regions),
    .irq_count = 1,
    .update = rtc_update,
    .expired = rtc_expired,
    .fdt_compatible = "arm,pl031",
};
