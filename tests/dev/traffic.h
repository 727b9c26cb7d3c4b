/*
 * traffic.h - a device of any class under traffic that bytes describe: random ones in the
 * generic tests, a fuzzer's in tests/fuzz. The same bytes always do the same.
 */
#ifndef TESTS_DEV_TRAFFIC_H
#define TESTS_DEV_TRAFFIC_H

#include "dev/fake_host.h"

struct traffic {
    struct fake_host h;
    const struct dev_class *cls;
    struct device *d;
    u64 seen; /* hash of all that the device answered and sent */
};

/* What the device drives at this moment; comparable with memcmp. */
struct traffic_outputs {
    bool irq[64];
    bool cpu_line[FAKE_CPUS][FAKE_CPU_LINES];
    ns_t timer_at[DEV_MAX_TIMERS];
    unsigned requests[DEV_REQUEST_PANIC + 1];
    u8 kind[DEV_MAX_REGIONS]; /* what the map has where the regions are, enum mem_kind */
    u64 chardev_room;
    u64 net_ready, net_active, net_offloads;
};

struct traffic *traffic_new(const struct dev_class *cls);
struct traffic *traffic_free(struct traffic *t);

/* Does what the bytes say; each operation takes a few of them. */
void traffic_run(struct traffic *t, const u8 *bytes, size_t len);

/* Replaces the device by a new one that has loaded the old one's saved state. */
void traffic_save_and_load(struct traffic *t);

void traffic_outputs(struct traffic *t, struct traffic_outputs *out);

#endif
