/*
 * rtc_goldfish.c - Goldfish real-time clock.
 *
 * The guest reads nanoseconds since 1970 in two halves, may set them, and may set one
 * alarm. Reading the low half latches the high half; writing the alarm's low half arms it,
 * so both are used in that order: low first to read, high first to write.
 *
 * Its time is the world's plus what the guest changed: after a pause or a load it is right
 * again. The alarm waits on the guest's clock and looks again at the world's when it expires.
 */
#include "base/bits.h"
#include "dev/core/device.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_IRQ = 0x1c
};

#define RTC_STATE(F, A, N)                                                                         \
    F(s64, offset_ns, KEEP, "guest's time minus the world's (battery-backed)")                     \
    F(u64, alarm_ns, ZERO, "alarm time")                                                           \
    F(u32, time_high, ZERO, "TIME_HIGH, latched by the last TIME_LOW read")                        \
    F(flag, armed, ZERO, "alarm set and not yet reached")                                          \
    F(flag, pending, ZERO, "alarm reached and not yet acknowledged")                               \
    F(flag, irq_on, ZERO, "IRQ_ENABLED")
STATE_STRUCT(rtc_goldfish, RTC_STATE);

struct rtc {
    struct device dev;
    struct rtc_goldfish_state s;
};

static struct rtc *self(struct device *d)
{
    return container_of(d, struct rtc, dev);
}

static u64 now_ns(struct rtc *r)
{
    return r->dev.host->realtime(r->dev.host->arg) + (u64)r->s.offset_ns;
}

/* The moment of the alarm on the guest's clock. */
static ns_t alarm_at(struct rtc *r)
{
    u64 now = now_ns(r), clock = dev_clock_ns(&r->dev);
    u64 wait = r->s.alarm_ns > now ? r->s.alarm_ns - now : 0;

    return wait < DEV_TIMER_OFF - clock ? clock + wait : DEV_TIMER_OFF;
}

static void rtc_update(struct device *d)
{
    struct rtc *r = self(d);

    dev_irq_set(d, 0, r->s.pending && r->s.irq_on);
    dev_timer_set(d, 0, r->s.armed ? alarm_at(r) : DEV_TIMER_OFF);
}

/* An alarm whose time has come, or is set for the past, goes off. */
static void alarm_check(struct rtc *r)
{
    if (!r->s.armed || now_ns(r) < r->s.alarm_ns)
        return;
    r->s.armed = false;
    r->s.pending = true;
}

static void rtc_expired(struct device *d, unsigned timer)
{
    alarm_check(self(d));
    rtc_update(d);
}

static u64 rtc_read(struct device *d, u64 off, unsigned size)
{
    struct rtc *r = self(d);
    u64 now = now_ns(r);

    switch (off) {
    case TIME_LOW: r->s.time_high = (u32)(now >> 32); return (u32)now;
    case TIME_HIGH: return r->s.time_high;
    case ALARM_LOW: return (u32)r->s.alarm_ns;
    case ALARM_HIGH: return r->s.alarm_ns >> 32;
    case IRQ_ENABLED: return r->s.irq_on;
    case ALARM_STATUS: return r->s.armed;
    }
    return dev_bad_access(d, off, size);
}

static void time_set(struct rtc *r, unsigned at, u64 v)
{
    u64 now = now_ns(r);

    r->s.offset_ns = (s64)((u64)r->s.offset_ns + bits_put(now, at, 32, v) - now);
}

static void rtc_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct rtc *r = self(d);

    switch (off) {
    case TIME_LOW: time_set(r, 0, v); break;
    case TIME_HIGH: time_set(r, 32, v); break;
    case ALARM_HIGH: r->s.alarm_ns = bits_put(r->s.alarm_ns, 32, 32, v); break;
    case ALARM_LOW:
        r->s.alarm_ns = bits_put(r->s.alarm_ns, 0, 32, v);
        r->s.armed = true;
        break;
    case IRQ_ENABLED: r->s.irq_on = v & 1; break;
    case CLEAR_ALARM: r->s.armed = false; break;
    case CLEAR_IRQ: r->s.pending = false; break;
    default: dev_bad_access(d, off, size); return;
    }
    alarm_check(r);
    rtc_update(d);
}

#define STATE_ROW_T struct rtc_goldfish_state
STATE_LIST(rtc_goldfish, RTC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region rtc_regions[] = {
    { "registers", 0x1000, MEM_IO_4, rtc_read, rtc_write },
};

const struct dev_class rtc_goldfish_class = {
    .name = "rtc-goldfish",
    .doc = "Goldfish real-time clock",
    .size = sizeof(struct rtc),
    .state_offset = offsetof(struct rtc, s),
    .state = &rtc_goldfish_state_list,
    .regions = rtc_regions,
    .region_count = ARRAY_SIZE(rtc_regions),
    .irq_count = 1,
    .update = rtc_update,
    .expired = rtc_expired,
    .fdt_compatible = "google,goldfish-rtc",
};
