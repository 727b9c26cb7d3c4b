/* test_mem.c - RAM, the guest-physical map, device accesses of every shape. */
#include "mem/map.h"

#include "host/map.h"
#include "host/thread.h"
#include "test.h"
#include <errno.h>

/* A device that remembers what was asked of it. */
struct probe_dev {
    char log[256];
};

static u64 probe_read(void *dev, u64 off, unsigned size, unsigned cpu)
{
    struct probe_dev *d = dev;
    size_t n = strlen(d->log);

    snprintf(d->log + n, sizeof d->log - n, "r%u@%" PRIx64 " ", size, off);
    return 0x8877665544332211ull >> 8 * (off % 8);
}

static void probe_write(void *dev, u64 off, u64 v, unsigned size, unsigned cpu)
{
    struct probe_dev *d = dev;
    size_t n = strlen(d->log);

    snprintf(d->log + n, sizeof d->log - n, "w%u@%" PRIx64 "=%" PRIx64 " ", size, off, v);
}

static const struct mem_io_ops io_all = { probe_read, probe_write, MEM_IO_ALL };
static const struct mem_io_ops io_4 = { probe_read, probe_write, MEM_IO_4 };

static struct mem_ram *ram_make(u64 size)
{
    struct mem_ram *ram = NULL;
    struct err err = { 0 };

    if (mem_ram_new("test", size, &ram, &err) < 0) {
        printf("# %s\n", err.text);
        exit(1);
    }
    return ram;
}

TEST(ram_sizes)
{
    static const u64 bad[] = { 0, 1, 4095, 4097, (1ull << 50) + 4096, ~0ull, 1ull << 63 };
    struct mem_ram *ram = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = { 0 };

        CHECK_EQ(mem_ram_new("test", bad[i], &ram, &err), -EINVAL);
        CHECK_HAS(err.text, "test");
    }
    CHECK(!ram);
    ram = ram_make(64 * GIB); /* reserves address space only */
    CHECK_EQ(ram->host[64 * GIB - 1], 0);
    ram->host[32 * GIB] = 5;
    CHECK_EQ(ram->host[32 * GIB], 5);
    CHECK(!mem_ram_free(ram));
    CHECK(!mem_ram_free(NULL));
}

TEST(find_and_overlap)
{
    struct mem_map *map = mem_map_new("sys");
    struct mem_ram *ram = ram_make(16 * MEM_PAGE_SIZE);
    struct probe_dev dev = { "" };
    struct mem_span s;
    struct err err = { 0 };

    CHECK_EQ(mem_map_add_ram(map, 0x80000000, ram, 0, 0x8000, false, &err), 0);
    CHECK_EQ(mem_map_add_ram(map, 0x1000, ram, 0x8000, 0x1000, true, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 0x10000, 0x10, "uart", &io_all, &dev, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 0xfffffffffffff000, 0x1000, "top", &io_all, &dev, &err), 0);

    CHECK(mem_map_find(map, 0x80007fff, &s) && s.kind == MEM_RAM);
    CHECK_EQ(s.start, 0x80000000u);
    CHECK(mem_map_find(map, 0x1000, &s) && s.kind == MEM_ROM);
    CHECK_EQ(s.ram_offset, 0x8000u);
    CHECK(mem_map_find(map, 0x1000f, &s) && s.kind == MEM_IO);
    CHECK(mem_map_find(map, ~0ull, &s) && s.start == 0xfffffffffffff000);
    CHECK(!mem_map_find(map, 0, &s) && s.kind == MEM_NOTHING);
    CHECK(!mem_map_find(map, 0x10010, &s));
    CHECK(!mem_map_find(map, 0x80008000, &s));
    CHECK(!mem_map_find(map, 0xffffffffffffefff, &s));

    /* first byte, last byte, around, inside */
    CHECK_EQ(mem_map_add_io(map, 0x80000000, 1, "a", &io_all, &dev, &err), -EEXIST);
    CHECK_HAS(err.text, "\"a\"");
    CHECK_HAS(err.text, "\"test\"");
    CHECK_EQ(mem_map_add_io(map, 0x7fffffff, 2, "a", &io_all, &dev, &err), -EEXIST);
    CHECK_EQ(mem_map_add_io(map, 0x80007fff, 1, "a", &io_all, &dev, &err), -EEXIST);
    CHECK_EQ(mem_map_add_io(map, 0x0, 0x100000000, "a", &io_all, &dev, &err), -EEXIST);
    CHECK_EQ(mem_map_add_io(map, 0x10004, 4, "a", &io_all, &dev, &err), -EEXIST);
    CHECK_EQ(mem_map_add_io(map, ~0ull, 1, "a", &io_all, &dev, &err), -EEXIST);
    /* does not exist, wraps, leaves the RAM, not whole pages */
    CHECK_EQ(mem_map_add_io(map, 0x50000, 0, "a", &io_all, &dev, &err), -EINVAL);
    CHECK_EQ(mem_map_add_io(map, ~0ull, 2, "a", &io_all, &dev, &err), -EINVAL);
    CHECK_EQ(mem_map_add_io(map, 0x1000000, ~0ull, "a", &io_all, &dev, &err), -EINVAL);
    CHECK_EQ(mem_map_add_ram(map, 0x200000, ram, 0xf000, 0x2000, false, &err), -EINVAL);
    CHECK_EQ(mem_map_add_ram(map, 0x200000, ram, 0x1000, ~0xfffull, false, &err), -EINVAL);
    CHECK_EQ(mem_map_add_ram(map, 0x200800, ram, 0, 0x1000, false, &err), -EINVAL);
    /* next to others is fine */
    CHECK_EQ(mem_map_add_io(map, 0x10010, 1, "b", &io_all, &dev, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 0xffff, 1, "c", &io_all, &dev, &err), 0);

    CHECK(!mem_map_remove(map, 0x10001));
    CHECK(mem_map_remove(map, 0x10000));
    CHECK(!mem_map_find(map, 0x10008, &s));
    CHECK(mem_map_find(map, 0xffff, &s) && mem_map_find(map, 0x10010, &s));
    mem_map_free(map);
    mem_ram_free(ram);
}

TEST(io_split)
{
    struct mem_map *map = mem_map_new("sys");
    struct probe_dev d = { "" }, d4 = { "" };
    struct err err = { 0 };
    u64 v = 0;

    CHECK_EQ(mem_map_add_io(map, 0x1000, 0x20, "all", &io_all, &d, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 0x1020, 0x20, "four", &io_4, &d4, &err), 0);
    CHECK(mem_map_io_read(map, 0x1000, 8, &v));
    CHECK_EQ(v, 0x8877665544332211ull);
    CHECK(mem_map_io_read(map, 0x1003, 4, &v));
    CHECK_EQ(v, 0x77665544u);
    CHECK(mem_map_io_read(map, 0x1001, 2, &v));
    CHECK_EQ(v, 0x3322u);
    CHECK_STR(d.log, "r8@0 r1@3 r2@4 r1@6 r1@1 r1@2 ");
    d.log[0] = 0;
    CHECK(mem_map_io_write(map, 0x1002, 4, 0xffffffffaabbccdd));
    CHECK_STR(d.log, "w2@2=ccdd w2@4=aabb ");

    CHECK(mem_map_io_write(map, 0x1028, 8, 0x1122334455667788));
    CHECK_STR(d4.log, "w4@8=55667788 w4@c=11223344 ");
    d4.log[0] = 0;
    CHECK(!mem_map_io_read(map, 0x1020, 1, &v)); /* narrower than the device allows */
    CHECK(!mem_map_io_write(map, 0x1022, 4, 0)); /* no aligned piece */
    CHECK(!mem_map_io_write(map, 0x1026, 8, 0)); /* nor the middle alone */
    CHECK_STR(d4.log, "");
    CHECK(!mem_map_io_read(map, 0x101c, 8, &v)); /* leaves its region */
    CHECK(!mem_map_io_read(map, 0x1040, 1, &v));
    CHECK(!mem_map_io_read(map, ~0ull, 8, &v));
    mem_map_free(map);
}

TEST(bulk)
{
    struct mem_map *map = mem_map_new("sys");
    struct mem_ram *a = ram_make(2 * MEM_PAGE_SIZE), *b = ram_make(MEM_PAGE_SIZE);
    struct mem_span s;
    struct err err = { 0 };
    u8 buf[64], back[64] = { 0 };

    memset(buf, 0xa5, sizeof buf);
    CHECK_EQ(mem_map_add_ram(map, 0x0, a, 0, 0x2000, false, &err), 0);
    CHECK_EQ(mem_map_add_ram(map, 0x2000, b, 0, 0x1000, false, &err), 0);
    CHECK_EQ(mem_map_add_ram(map, 0xfffffffffffff000, b, 0, 0x1000, true, &err), 0);
    CHECK(mem_map_write(map, 0x1fe0, buf, 64)); /* over two RAMs */
    CHECK(mem_map_read(map, 0x1fe0, back, 64));
    CHECK(memcmp(buf, back, 64) == 0);
    CHECK_EQ(a->host[0x1fff], 0xa5);
    CHECK_EQ(b->host[31], 0xa5);
    CHECK_EQ(b->host[32], 0);

    CHECK(!mem_map_write(map, 0x2fe0, buf, 64)); /* runs out: nothing written */
    CHECK_EQ(b->host[0xff0], 0);
    CHECK(!mem_map_write(map, 0xfffffffffffff000, buf, 1)); /* ROM */
    CHECK(mem_map_read(map, 0xfffffffffffff000, back, 1));
    CHECK(!mem_map_read(map, 0xffffffffffffffe0, back, 64)); /* wraps to RAM at 0 */
    CHECK(!mem_map_read(map, 0x10, back, ~0ull));
    CHECK(mem_map_read(map, 0x123456789, back, 0)); /* of no bytes, all are RAM */

    CHECK(mem_map_host(map, 0x1000, 0x1000, true, &s) == a->host + 0x1000);
    CHECK(s.ram == a);
    CHECK(!mem_map_host(map, 0x1000, 0x1001, true, &s)); /* two stretches */
    CHECK(!mem_map_host(map, 0x1000, 0, true, &s));
    CHECK(!mem_map_host(map, 0xfffffffffffff000, 1, true, &s));
    CHECK(!mem_map_host(map, 0x2fff, ~0ull, false, &s));
    mem_map_free(map);
    mem_ram_free(a);
    mem_ram_free(b);
}

static void count_code(void *arg, struct mem_ram *ram, u64 offset, u64 len)
{
    u64 *seen = arg;

    (void)ram;
    seen[0]++;
    seen[1] = offset;
    seen[2] = len;
}

TEST(dirty_and_code)
{
    struct mem_ram *ram = ram_make(20 * MEM_PAGE_SIZE);
    u64 seen[3] = { 0 };
    u8 bits[3];

    ram->code_written = count_code;
    ram->code_arg = seen;
    mem_ram_dirty_start(ram);
    mem_ram_dirty_fetch(ram, bits);
    CHECK_EQ(bits[0] | bits[1] | bits[2], 0);
    mem_ram_written(ram, 0x1fff, 2);
    mem_ram_written(ram, 0x13fff, 1);
    mem_ram_written(ram, 0x5000, 0);
    CHECK_EQ(seen[0], 0);
    mem_ram_dirty_fetch(ram, bits);
    CHECK_EQ(bits[0], 6);
    CHECK_EQ(bits[1], 0);
    CHECK_EQ(bits[2], 8);
    mem_ram_dirty_fetch(ram, bits);
    CHECK_EQ(bits[0] | bits[2], 0);
    mem_ram_dirty_stop(ram);
    CHECK_EQ(ram->page_flags[3], 0);

    ram->page_flags[7] = MEM_PAGE_CODE;
    mem_ram_written(ram, 0x6ff0, 0x40);
    CHECK_EQ(seen[0], 1);
    CHECK_EQ(seen[1], 0x7000);
    CHECK_EQ(seen[2], 0x30);
    mem_ram_free(ram);
}

static void count_change(void *arg)
{
    ++*(unsigned *)arg;
}

/* Loads find memory, stores the device; hidden, the device alone is there. */
TEST(rom_of_a_device)
{
    struct mem_map *map = mem_map_new("sys");
    struct mem_ram *ram = ram_make(4 * MEM_PAGE_SIZE);
    struct probe_dev dev = { "" };
    struct err err = { 0 };
    unsigned changes = 0;
    struct mem_span s;
    u64 v = 0;
    u8 b = 0;

    CHECK_EQ(mem_map_add_rom(map, 0x4000, ram, 0x4000, "flash", &io_all, &dev, &err), 0);
    CHECK_EQ(mem_map_on_change(map, count_change, &changes, &err), 0);
    ram->host[0x123] = 7;
    CHECK(mem_map_find(map, 0x4123, &s) && s.kind == MEM_ROM && s.ram == ram);
    CHECK(mem_map_read(map, 0x4123, &b, 1) && b == 7);
    CHECK(!mem_map_write(map, 0x4123, &b, 1));
    CHECK(mem_map_io_write(map, 0x4123, 1, 9));
    CHECK_STR(dev.log, "w1@123=9 ");
    CHECK_EQ(ram->host[0x123], 7);
    mem_map_rom_show(map, 0x4000, true);
    CHECK_EQ(changes, 0);
    mem_map_rom_show(map, 0x4000, false);
    CHECK_EQ(changes, 1);
    CHECK(mem_map_find(map, 0x4123, &s) && s.kind == MEM_IO);
    CHECK(!mem_map_read(map, 0x4123, &b, 1));
    CHECK(mem_map_io_read(map, 0x4008, 4, &v) && v == 0x44332211);
    mem_map_rom_show(map, 0x4000, true);
    CHECK_EQ(changes, 2);
    CHECK(mem_map_read(map, 0x4123, &b, 1) && b == 7);
    mem_map_free(map);
    mem_ram_free(ram);
}

enum { STRETCH = 2 << 20 };

/* Zeroes take no memory any more where they are a quarter of a stretch; the rest stays. */
TEST(release_zeroes)
{
    struct mem_ram *ram = ram_make(5 * STRETCH);

    memset(ram->host, 0, 2 * STRETCH);
    memset(ram->host + 2 * STRETCH, 1, STRETCH);
    memset(ram->host + 3 * STRETCH, 0, STRETCH);
    ram->host[4 * STRETCH - 1] = 7;
    memset(ram->host + 4 * STRETCH, 0, STRETCH);
    memset(ram->host + 4 * STRETCH, 2, STRETCH / 4 * 3 + 1); /* too much to be taken apart */
#ifndef _WIN32 /* which does not tell what is resident */
    CHECK_EQ(mem_ram_release_zeroes(ram), 3 * STRETCH - host_page_size());
#endif
    CHECK_EQ(mem_ram_release_zeroes(ram), 0); /* there is nothing left to give */
    CHECK_EQ(ram->host[2 * STRETCH], 1);
    CHECK_EQ(ram->host[3 * STRETCH - 1], 1);
    CHECK_EQ(ram->host[4 * STRETCH - 1], 7);
    CHECK_EQ(ram->host[4 * STRETCH], 2);
    CHECK_EQ(ram->host[STRETCH], 0);
    CHECK_EQ(ram->host[4 * STRETCH - 2], 0);
    mem_ram_free(ram);
}

TEST(listeners)
{
    struct mem_map *map = mem_map_new("sys");
    struct probe_dev d = { "" };
    struct err err = { 0 };
    unsigned a = 0, b = 0;

    CHECK_EQ(mem_map_on_change(map, count_change, &a, &err), 0);
    CHECK_EQ(mem_map_on_change(map, count_change, &b, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 0, 16, "d", &io_all, &d, &err), 0);
    CHECK_EQ(mem_map_add_io(map, 8, 16, "e", &io_all, &d, &err), -EEXIST);
    CHECK_EQ(a, 1);
    mem_map_off_change(map, count_change, &a);
    CHECK(mem_map_remove(map, 0));
    CHECK_EQ(a, 1);
    CHECK_EQ(b, 2);
    mem_map_free(map);
}

/* Look-ups and device accesses while another thread moves a region. */
static void mover(void *arg)
{
    struct probe_dev d = { "" };
    struct err err = { 0 };

    for (int i = 0; i < 3000; i++) {
        if (mem_map_add_io(arg, 0x5000, 16, "moving", &io_all, &d, &err) == 0)
            mem_map_remove(arg, 0x5000);
    }
}

TEST(concurrent)
{
    struct mem_map *map = mem_map_new("sys");
    struct mem_ram *ram = ram_make(MEM_PAGE_SIZE);
    struct host_thread t;
    struct mem_span s;
    struct err err = { 0 };
    unsigned lost = 0;

    CHECK_EQ(mem_map_add_ram(map, 0x6000, ram, 0, 0x1000, false, &err), 0);
    CHECK_EQ(host_thread_start(&t, "mover", mover, map, &err), 0);
    for (int i = 0; i < 30000; i++) {
        lost += !mem_map_find(map, 0x6000 + i % 0x1000, &s) || s.kind != MEM_RAM;
        (void)mem_map_find(map, 0x5008, &s);
    }
    host_thread_join(&t);
    CHECK_EQ(lost, 0);
    mem_map_free(map);
    mem_ram_free(ram);
}

TEST_MAIN(TEST_CASE(ram_sizes), TEST_CASE(find_and_overlap), TEST_CASE(io_split), TEST_CASE(bulk),
          TEST_CASE(dirty_and_code), TEST_CASE(rom_of_a_device), TEST_CASE(release_zeroes),
          TEST_CASE(listeners), TEST_CASE(concurrent))
