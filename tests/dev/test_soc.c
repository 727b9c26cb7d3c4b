/*
 * test_soc.c - the small ones: power and reset register, panic notifier, firmware
 * configuration.
 */
#include "base/bits.h"
#include "dev/soc/fw_cfg.h"
#include "fake_host.h"
#include "test.h"

static struct fake_host h;

static unsigned requests(void)
{
    return h.requests[DEV_REQUEST_POWEROFF] * 100 + h.requests[DEV_REQUEST_RESET] * 10 +
           h.requests[DEV_REQUEST_PANIC];
}

TEST(the_finisher_powers_off_resets_and_fails)
{
    struct device *d;

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("syscon-test"), NULL, 0);
    CHECK_EQ(dev_read(d, 0, 0, 4), 0);
    dev_write(d, 0, 4, 0x5555, 4);
    dev_write(d, 0, 0, 0x1234, 4);
    CHECK_EQ(requests(), 0);
    CHECK_EQ(d->guest_errors, 2);
    dev_write(d, 0, 0, 0x5555, 4);
    CHECK_EQ(requests(), 100);
    dev_write(d, 0, 0, 0x7777, 2);
    CHECK_EQ(requests(), 110);
    dev_write(d, 0, 0, 0x10003333, 4);
    CHECK_EQ(requests(), 111);
    CHECK_EQ(dev_read(d, 0, 0, 4), 0);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST(pvpanic_hears_what_it_offers)
{
    struct dev_setting both = { "events", "3", NULL };
    struct device *d;

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("pvpanic"), NULL, 0);
    CHECK_EQ(dev_read(d, 0, 0, 1), 1);
    dev_write(d, 0, 0, 2, 1);
    dev_write(d, 0, 1, 1, 1);
    dev_write(d, 0, 0, 0, 1);
    CHECK_EQ(requests(), 0);
    dev_write(d, 0, 0, 1, 1);
    CHECK_EQ(requests(), 1);
    fake_device_free(&h, d);
    d = fake_device(&h, dev_class_find("pvpanic"), &both, 1);
    CHECK_EQ(dev_read(d, 0, 0, 1), 3);
    dev_write(d, 0, 0, 2, 1);
    CHECK_EQ(requests(), 2);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

/* len bytes of item `key`, read in units of `size`. */
static void item_read(struct device *d, u16 key, u8 *out, unsigned len, unsigned size)
{
    dev_write(d, 0, 8, __builtin_bswap16(key), 2);
    for (unsigned at = 0; at < len; at += size) {
        u64 v = dev_read(d, 0, 0, size);

        memcpy(out + at, &v, size);
    }
}

TEST(fw_cfg_has_files_by_name)
{
    struct device *d;
    u8 got[4 + 64 * 64];
    char name[8];

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("fw-cfg"), NULL, 0);
    item_read(d, 0, got, 4, 1);
    CHECK(memcmp(got, "QEMU", 4) == 0);
    item_read(d, 1, got, 4, 4);
    CHECK_EQ(le32_get(got), 3);
    item_read(d, 0x19, got, 8, 4);
    CHECK_EQ(be32_get(got), 0);
    CHECK_EQ(fw_cfg_add(d, "opt/one", "first", 5), 0);
    CHECK_EQ(fw_cfg_add(d, "opt/two", "", 0), 0);
    CHECK_EQ(fw_cfg_add(d, "opt/three", "12345678second", 14), 0);
    item_read(d, 0x19, got, 4 + 3 * 64, 1);
    CHECK_EQ(be32_get(got), 3);
    for (unsigned i = 0; i < 3; i++) {
        const u8 *entry = got + 4 + i * 64;

        CHECK_EQ(be32_get(entry), i == 0 ? 5 : i == 1 ? 0 : 14);
        CHECK_EQ(be16_get(entry + 4), 0x20 + i);
        CHECK_STR((const char *)entry + 8, i == 0 ? "opt/one" : i == 1 ? "opt/two" : "opt/three");
    }
    item_read(d, 0x22, got, 16, 8);
    CHECK(memcmp(got, "12345678second\0", 16) == 0);
    item_read(d, 0x20, got, 6, 2);
    CHECK(memcmp(got, "first", 6) == 0);
    item_read(d, 0x21, got, 1, 1);
    CHECK_EQ(got[0], 0);
    CHECK_EQ(d->guest_errors, 0);
    item_read(d, 0x23, got, 4, 4);
    CHECK_EQ(le32_get(got), 0);
    dev_write(d, 0, 0, 1, 1);
    dev_write(d, 0, 8, 1, 4);
    dev_read(d, 0, 8, 2);
    CHECK_EQ(d->guest_errors, 3);
    for (unsigned i = 3; i < FW_CFG_FILES_MAX; i++) {
        snprintf(name, sizeof name, "opt/%u", i);
        CHECK_EQ(fw_cfg_add(d, name, name, 8), 0);
    }
    CHECK(fw_cfg_add(d, "opt/more", "", 0) < 0);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u32 dma(struct device *d, u32 control, u32 len, gpa_t to)
{
    u8 *command = h.ram->host;

    be32_put(command, control);
    be32_put(command + 4, len);
    be64_put(command + 8, to);
    dev_write(d, 0, 0x10, __builtin_bswap32(FAKE_RAM_AT >> 32), 4);
    dev_write(d, 0, 0x14, __builtin_bswap32((u32)FAKE_RAM_AT), 4);
    return be32_get(command);
}

TEST(fw_cfg_copies_to_memory)
{
    struct device *d;
    const u8 *to;

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("fw-cfg"), NULL, 0);
    to = h.ram->host + 0x1000;
    CHECK_EQ(__builtin_bswap64(dev_read(d, 0, 0x10, 8)), 0x51454d5520434647); /* QEMU CFG */
    CHECK_EQ(fw_cfg_add(d, "opt/one", "0123456789", 10), 0);
    CHECK_EQ(fw_cfg_set(d, FW_CFG_CMDLINE_DATA, "a", 1), 0);
    CHECK_EQ(fw_cfg_set(d, FW_CFG_CMDLINE_DATA, "words", 6), 0);
    memset(h.ram->host + 0x1000, 0xee, 16);
    CHECK_EQ(dma(d, 0x20u << 16 | 8 | 4, 2, 0), 0);
    CHECK_EQ(dma(d, 2, 4, FAKE_RAM_AT + 0x1000), 0);
    CHECK(memcmp(to, "2345\xee", 5) == 0);
    CHECK_EQ(dma(d, 2, 6, FAKE_RAM_AT + 0x1000), 0);
    CHECK(memcmp(to, "6789\0\0\xee", 7) == 0);
    CHECK_EQ(dma(d, 0x15u << 16 | 8 | 2, 6, FAKE_RAM_AT + 0x1000), 0);
    CHECK_STR((const char *)to, "words");
    item_read(d, 0x15, h.ram->host + 0x2000, 4, 4);
    CHECK(memcmp(h.ram->host + 0x2000, "word", 4) == 0);
    /* Not memory, not for writing, far behind the end; and no command at all. */
    CHECK_EQ(dma(d, 0x20u << 16 | 8 | 2, 4, FAKE_RAM_AT + FAKE_RAM_SIZE - 2), 1);
    CHECK_EQ(dma(d, 0x20u << 16 | 8 | 16, 4, FAKE_RAM_AT + 0x1000), 1);
    CHECK_EQ(dma(d, 0x20u << 16 | 8 | 2, 0xffffffff, FAKE_RAM_AT + 0x1000), 1);
    CHECK_EQ(d->guest_errors, 1); /* the first of them: DMA to where no memory is */
    dev_write(d, 0, 0x10, __builtin_bswap64(0x1000), 8);
    CHECK_EQ(d->guest_errors, 2);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST_MAIN(TEST_CASE(fw_cfg_copies_to_memory), TEST_CASE(the_finisher_powers_off_resets_and_fails),
          TEST_CASE(pvpanic_hears_what_it_offers), TEST_CASE(fw_cfg_has_files_by_name))
