/*
 * test_flash_cfi.c - NOR flash as its drivers in firmware and kernels use it: query, erase, program
 * by word and by buffer, and what the drive then holds.
 */
#include "base/bits.h"
#include "fake_host.h"
#include "test.h"

enum { AT = 0x1000000 };

static struct fake_host h;
static struct device *d;

static void start(bool drive)
{
    const struct dev_setting settings[] = { { "size", "256k", NULL }, { "drive", NULL, &h.disk } };
    struct err err = { 0 };

    d = fake_device(&h, dev_class_find("flash-cfi"), settings, drive ? 2 : 1);
    CHECK_EQ(dev_map(d, 0, h.map, AT, &err), 0);
}

static void stop(void)
{
    mem_map_remove(h.map, AT);
    fake_device_free(&h, d);
}

/* Both chips. */
static void put(u64 off, u16 v)
{
    dev_write(d, 0, off, (u32)v << 16 | v, 4);
}

static u32 get(u64 off)
{
    return (u32)dev_read(d, 0, off, 4);
}

/* As a CPU finds it; ~0: no memory is there. */
static u32 array(u64 off)
{
    u8 bytes[4];

    return mem_map_read(h.map, AT + off, bytes, 4) ? le32_get(bytes) : ~0u;
}

static void erase(u64 off)
{
    put(off, 0x20);
    put(off, 0xd0);
    CHECK_EQ(get(off), 0x00800080);
    put(off, 0xff);
}

TEST(query_tells_geometry)
{
    fake_host_init(&h);
    start(false);
    put(0x55 * 4, 0x98);
    CHECK_EQ(array(0), ~0u);
    CHECK_EQ(get(0x10 * 4), 'Q' << 16 | 'Q');
    CHECK_EQ(get(0x11 * 4), 'R' << 16 | 'R');
    CHECK_EQ(get(0x12 * 4), 'Y' << 16 | 'Y');
    CHECK_EQ(dev_read(d, 0, 0x12 * 4, 1), 'Y');
    CHECK_EQ(get(0x13 * 4), 0x10001);
    CHECK_EQ(get(0x15 * 4), 0x310031);
    CHECK_EQ(get(0x27 * 4), 17 << 16 | 17); /* 128 KiB a chip */
    CHECK_EQ(get(0x2c * 4), 0x10001);
    CHECK_EQ(get(0x2d * 4), 0x30003); /* 4 blocks */
    CHECK_EQ(get(0x30 * 4), 0);
    CHECK_EQ(get(0x2f * 4), 0x800080); /* of 32 KiB a chip, in units of 256 bytes */
    CHECK_EQ(get(0x31 * 4), 'P' << 16 | 'P');
    put(0, 0x90);
    CHECK_EQ(get(0), 0x890089);
    CHECK_EQ(get(0x10000 + 8), 0); /* the block is not locked */
    put(0, 0xff);
    CHECK_EQ(array(0), 0);
    CHECK_EQ(d->guest_errors, 0);
    put(0, 0x33);
    CHECK_EQ(d->guest_errors, 1);
    stop();
    fake_host_fini(&h);
}

TEST(bits_are_programmed_to_zero)
{
    fake_host_init(&h);
    start(false);
    erase(0x10004);
    CHECK_EQ(array(0x10000), ~0u);
    CHECK_EQ(array(0x1fffc), ~0u);
    CHECK_EQ(array(0xfffc) | array(0x20000), 0);
    put(0, 0x40);
    dev_write(d, 0, 0x10008, 0x12345678, 4);
    CHECK_EQ(get(0), 0x00800080);
    put(0, 0x40);
    dev_write(d, 0, 0x10008, 0xff00ffff, 4);
    put(0, 0xff);
    CHECK_EQ(array(0x10008), 0x12005678);
    CHECK_EQ(get(0x10008), 0x12005678);
    CHECK_EQ(dev_read(d, 0, 0x1000a, 2), 0x1200);
    stop();
    fake_host_fini(&h);
}

/* Saved between the words of a buffer; without a drive, the array with it. */
static void save_and_load(void)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    u8 *data = NULL;
    size_t size = 0;

    dev_save(d, w);
    stop();
    start(false);
    CHECK_EQ(state_writer_memory(w, &data, &size, &err), 0);
    CHECK_EQ(state_reader_open_memory(data, size, &r, &err), 0);
    CHECK_EQ(dev_load(d, r, &err), 0);
    state_reader_free(r);
    state_writer_free(w);
    free(data);
}

TEST(buffers)
{
    fake_host_init(&h);
    start(false);
    erase(0);
    put(0x100, 0xe8);
    CHECK_EQ(get(0x100), 0x00800080);
    put(0x100, 2);
    dev_write(d, 0, 0x104, 0x11111111, 4);
    dev_write(d, 0, 0x108, 0x22222222, 4);
    save_and_load();
    dev_write(d, 0, 0x10c, 0x33333333, 4);
    CHECK_EQ(array(0x104), ~0u); /* not memory now */
    put(0x100, 0xd0);
    CHECK_EQ(get(0x100), 0x00800080);
    put(0, 0xff);
    CHECK_EQ(array(0x100), ~0u);
    CHECK_EQ(array(0x104), 0x11111111);
    CHECK_EQ(array(0x108), 0x22222222);
    CHECK_EQ(array(0x10c), 0x33333333);
    CHECK_EQ(array(0x110), ~0u);
    stop();
    fake_host_fini(&h);
}

/* What a driver may get wrong: too many words, words elsewhere, no confirmation. */
TEST(wrong_sequences)
{
    fake_host_init(&h);
    start(false);
    erase(0);
    put(0, 0xe8);
    put(0, 0x80);
    CHECK_EQ(get(0), 0x00b000b0);
    put(0, 0x50);
    CHECK_EQ(get(0), 0x00800080);
    put(0, 0xe8);
    put(0, 1);
    put(0x3fffc, 0);
    put(0, 0);
    put(0, 0xd0);
    CHECK_EQ(get(0), 0x00900090);
    put(0, 0x50);
    put(0, 0x20);
    put(0, 0xff);
    CHECK_EQ(get(0), 0x00b000b0);
    put(0, 0xff);
    CHECK_EQ(array(0), ~0u);
    CHECK_EQ(array(0x3fffc), 0);
    stop();
    fake_host_fini(&h);
}

/* The drive has 128 KiB, the flash 256. */
TEST(the_drive_keeps_it)
{
    fake_host_init(&h);
    memset(h.disk.data, 0x5a, sizeof h.disk.data);
    start(true);
    CHECK_EQ(array(0x1fffc), 0x5a5a5a5a);
    CHECK_EQ(array(0x20000), 0);
    put(0, 0x40);
    dev_write(d, 0, 0x208, 0xffff00ff, 4);
    CHECK(!dev_idle(d));
    put(0, 0x40);
    dev_write(d, 0, 0x10000, 0, 4);
    fake_drain(&h, d);
    CHECK_EQ(le32_get(h.disk.data + 0x208), 0x5a5a005a);
    CHECK_EQ(le32_get(h.disk.data + 0x10000), 0);
    CHECK_EQ(h.disk.data[0x207], 0x5a);
    CHECK(h.disk.flushes > 0);
    put(0x20000, 0x20);
    put(0x20000, 0xd0);
    CHECK_EQ(get(0), 0x00a200a2); /* behind the drive's end: as if locked */
    stop();
    h.disk.read_only = true;
    start(true);
    CHECK_EQ(array(0x208), 0x5a5a005a);
    put(0, 0x40);
    dev_write(d, 0, 0x208, 0, 4);
    CHECK_EQ(get(0), 0x00920092);
    put(0, 0xff);
    CHECK_EQ(array(0x208), 0x5a5a005a);
    stop();
    fake_host_fini(&h);
}

TEST_MAIN(TEST_CASE(query_tells_geometry), TEST_CASE(bits_are_programmed_to_zero),
          TEST_CASE(buffers), TEST_CASE(wrong_sequences), TEST_CASE(the_drive_keeps_it))
