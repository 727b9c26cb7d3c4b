/*
 * syscon_test.c - one register that ends the machine: SiFive's test finisher, which device
 * trees also name as the syscon of syscon-poweroff (0x5555) and syscon-reboot (0x7777).
 *
 * It reads as zero: drivers read it, and write only what differs from what they read.
 */
#include "dev/core/device.h"

/* Bits 0 to 15 of what is written; a failure carries a code in bits 16 to 31. */
enum { FAIL = 0x3333, PASS = 0x5555, RESET = 0x7777 };

#define SYSCON_STATE(F, A, N) F(u32, last, ZERO, "what was written last")
STATE_STRUCT(syscon_test, SYSCON_STATE);

struct syscon {
    struct device dev;
    struct syscon_test_state s;
};

static u64 syscon_read(struct device *d, u64 off, unsigned size)
{
    return off == 0 ? 0 : dev_bad_access(d, off, size);
}

static void syscon_write(struct device *d, u64 off, u64 v, unsigned size)
{
    if (off != 0) {
        dev_bad_access(d, off, size);
        return;
    }
    container_of(d, struct syscon, dev)->s.last = (u32)v;
    switch (v & 0xffff) {
    case PASS: dev_request(d, DEV_REQUEST_POWEROFF); break;
    case RESET: dev_request(d, DEV_REQUEST_RESET); break;
    case FAIL: dev_request(d, DEV_REQUEST_PANIC); break;
    default: dev_bad_access(d, off, size); break;
    }
}

#define STATE_ROW_T struct syscon_test_state
STATE_LIST(syscon_test, SYSCON_STATE, 1);
#undef STATE_ROW_T

static const struct dev_region syscon_regions[] = {
    { "registers", 0x1000, MEM_IO_2 | MEM_IO_4, syscon_read, syscon_write },
};

const struct dev_class syscon_test_class = {
    .name = "syscon-test",
    .doc = "Power off and reset register (SiFive test finisher)",
    .size = sizeof(struct syscon),
    .state_offset = offsetof(struct syscon, s),
    .state = &syscon_test_state_list,
    .regions = syscon_regions,
    .region_count = ARRAY_SIZE(syscon_regions),
    .fdt_compatible = "sifive,test1",
};
