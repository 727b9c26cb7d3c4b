/*
 * pvpanic.c - a guest kernel reports its panic (the pvpanic interface, memory-mapped).
 *
 * One byte: reading tells which events are heard, writing reports them. "Crash loaded" is a
 * panic whose dump kernel takes over; it is offered only when asked for, since ending the
 * machine then would lose the dump.
 */
#include "dev/core/device.h"

enum { PANICKED = 1, CRASH_LOADED = 2 };

#define PVPANIC_STATE(F, A, N) F(u8, seen, ZERO, "events reported since the reset")
STATE_STRUCT(pvpanic, PVPANIC_STATE);

struct pvpanic {
    struct device dev;
    struct pvpanic_state s;
    u64 events; /* offered */
};

static struct pvpanic *self(struct device *d)
{
    return container_of(d, struct pvpanic, dev);
}

static u64 pvpanic_read(struct device *d, u64 off, unsigned size)
{
    return off == 0 ? self(d)->events : 0;
}

static void pvpanic_write(struct device *d, u64 off, u64 v, unsigned size)
{
    u8 heard = (u8)(v & self(d)->events);

    if (off != 0 || v & ~self(d)->events)
        dev_bad_access(d, off, size);
    if (off != 0 || !heard)
        return;
    self(d)->s.seen |= heard;
    dev_request(d, DEV_REQUEST_PANIC);
}

#define STATE_ROW_T struct pvpanic_state
STATE_LIST(pvpanic, PVPANIC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop pvpanic_props[] = {
    { "events", "events offered: 1 panicked, 2 crash loaded, 3 both", DEV_PROP_U64,
      offsetof(struct pvpanic, events), .min = PANICKED, .max = PANICKED | CRASH_LOADED,
      .initial = PANICKED },
};

static const struct dev_region pvpanic_regions[] = {
    { "registers", 2, MEM_IO_1, pvpanic_read, pvpanic_write },
};

const struct dev_class pvpanic_class = {
    .name = "pvpanic",
    .doc = "Panic notifier",
    .size = sizeof(struct pvpanic),
    .state_offset = offsetof(struct pvpanic, s),
    .state = &pvpanic_state_list,
    .props = pvpanic_props,
    .prop_count = ARRAY_SIZE(pvpanic_props),
    .regions = pvpanic_regions,
    .region_count = ARRAY_SIZE(pvpanic_regions),
    .fdt_compatible = "qemu,pvpanic-mmio",
};
