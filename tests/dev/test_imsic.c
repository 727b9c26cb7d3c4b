/*
 * test_imsic.c - IMSIC: messages from stores and devices, the registers of the interrupt
 * files, claims.
 */
#include "fake_host.h"
#include "dev/irqchip/imsic.h"
#include "test.h"
#include <errno.h>

enum { MEI = 11, SEI = 9, M = IMSIC_SPACE_M, S = IMSIC_SPACE_S };

static struct fake_host h;
static struct device *d;

static void begin(const char *ids)
{
    struct dev_setting s = { "ids", ids, NULL };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("imsic"), &s, ids ? 1 : 0);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u64 get(unsigned cpu, unsigned space, unsigned number)
{
    u64 v = 0x5a5a;

    CHECK_EQ(dev_sysreg_read(d, cpu, space, number, &v), 0);
    return v;
}

static void set(unsigned cpu, unsigned space, unsigned number, u64 v)
{
    CHECK_EQ(dev_sysreg_write(d, cpu, space, number, v), 0);
}

TEST(a_store_to_a_hart_s_page_interrupts_it)
{
    begin(NULL);
    CHECK_EQ(d->regions[1].size, FAKE_CPUS * 0x1000);
    set(2, S, IMSIC_EIDELIVERY, 1);
    set(2, S, IMSIC_EIE, 1ull << 40);
    dev_write(d, 1, 0x2000, 40, 4);
    CHECK(h.cpu_line[2][SEI]);
    CHECK(!h.cpu_line[2][MEI] && !h.cpu_line[1][SEI]);
    CHECK_EQ(get(2, S, IMSIC_EIP), 1ull << 40);
    CHECK_EQ(get(2, M, IMSIC_EIP), 0);
    CHECK_EQ(dev_read(d, 1, 0x2000, 4), 0);
    dev_write(d, 0, 0x3000, 255, 4);
    CHECK_EQ(get(3, M, IMSIC_EIP + 6), 1ull << 63);
    set(3, M, IMSIC_EIDELIVERY, 1);
    CHECK(!h.cpu_line[3][MEI]);
    set(3, M, IMSIC_EIE + 6, ~0ull);
    CHECK(h.cpu_line[3][MEI]);
    set(3, M, IMSIC_EIDELIVERY, 0);
    CHECK(!h.cpu_line[3][MEI]);
    end();
}

TEST(a_claim_takes_the_lowest_identity)
{
    begin(NULL);
    set(0, S, IMSIC_EIDELIVERY, 1);
    set(0, S, IMSIC_EIE, ~0ull);
    set(0, S, IMSIC_EIE + 2, ~0ull);
    dev_write(d, 1, 0, 100, 4);
    dev_write(d, 1, 0, 7, 4);
    dev_write(d, 1, 0, 9, 4);
    CHECK_EQ(get(0, S, IMSIC_TOPEI), 7 << 16 | 7);
    set(0, S, IMSIC_TOPEI, 0);
    CHECK_EQ(get(0, S, IMSIC_CLAIM), 9 << 16 | 9);
    CHECK_EQ(get(0, S, IMSIC_TOPEI), 100 << 16 | 100);
    CHECK(h.cpu_line[0][SEI]);
    set(0, S, IMSIC_TOPEI, 0);
    CHECK(!h.cpu_line[0][SEI]);
    CHECK_EQ(get(0, S, IMSIC_CLAIM), 0);
    end();
}

TEST(the_threshold_hides_identities_from_it_on)
{
    begin(NULL);
    set(0, M, IMSIC_EIDELIVERY, 1);
    set(0, M, IMSIC_EIE, ~0ull);
    set(0, M, IMSIC_EIP, 1 << 5);
    set(0, M, IMSIC_EITHRESHOLD, 5);
    CHECK_EQ(get(0, M, IMSIC_TOPEI), 0);
    CHECK(!h.cpu_line[0][MEI]);
    set(0, M, IMSIC_EITHRESHOLD, 6);
    CHECK_EQ(get(0, M, IMSIC_TOPEI), 5 << 16 | 5);
    CHECK(h.cpu_line[0][MEI]);
    set(0, M, IMSIC_EITHRESHOLD, 0x1ff); /* 8 bits hold 255 identities */
    CHECK_EQ(get(0, M, IMSIC_EITHRESHOLD), 0xff);
    end();
}

TEST(only_identities_that_exist_can_be_pending)
{
    begin("127");
    set(0, M, IMSIC_EIP, ~0ull);
    set(0, M, IMSIC_EIP + 2, ~0ull);
    set(0, M, IMSIC_EIP + 4, ~0ull);
    set(0, M, IMSIC_EIE + 62, ~0ull);
    CHECK_EQ(get(0, M, IMSIC_EIP), ~1ull);
    CHECK_EQ(get(0, M, IMSIC_EIP + 2), ~0ull);
    CHECK_EQ(get(0, M, IMSIC_EIP + 4), 0);
    CHECK_EQ(get(0, M, IMSIC_EIE + 62), 0);
    dev_write(d, 1, 0, 128, 4);
    dev_write(d, 1, 0, 0, 4);
    dev_write(d, 1, 4, 5, 4); /* big-endian messages are not known */
    dev_write(d, 1, 0, 0x80000001, 4);
    CHECK_EQ(d->guest_errors, 4);
    CHECK_EQ(get(0, S, IMSIC_EIP) | get(0, S, IMSIC_EIP + 4), 0);
    end();
}

TEST(registers_that_do_not_exist_say_so)
{
    u64 v = 7;

    begin(NULL);
    CHECK_EQ(get(0, M, 0x71), 0);
    CHECK_EQ(get(0, M, 0x7f), 0);
    set(0, M, 0x73, 1);
    CHECK_EQ(dev_sysreg_read(d, 0, M, 0x81, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_write(d, 0, M, 0xff, 1), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, 0, M, 0x6f, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, 0, 2, IMSIC_TOPEI, &v), -ENOENT);
    CHECK_EQ(dev_sysreg_read(d, FAKE_CPUS, M, IMSIC_EXISTS, &v), -ENOENT);
    CHECK_EQ(v, 7);
    CHECK_EQ(get(3, S, IMSIC_EXISTS), 1);
    set(0, M, IMSIC_EIDELIVERY, 0x40000000); /* not supported: stays */
    CHECK_EQ(get(0, M, IMSIC_EIDELIVERY), 0);
    end();
}

TEST(devices_messages_find_their_file)
{
    struct err err = { 0 };

    begin(NULL);
    CHECK(!dev_msi_input(d, 0, 0x28001000, 3));
    CHECK_EQ(dev_map(d, 0, h.map, 0x24000000, &err), 0);
    CHECK_EQ(dev_map(d, 1, h.map, 0x28000000, &err), 0);
    CHECK(dev_msi_input(d, 0, 0x28001000, 3));
    CHECK_EQ(get(1, S, IMSIC_EIP), 8);
    CHECK(dev_msi_input(d, 0, 0x24000000, 2));
    CHECK_EQ(get(0, M, IMSIC_EIP), 4);
    CHECK(dev_msi_input(d, 0, 0x24003ffc, 2)); /* of it, but no register */
    CHECK(!dev_msi_input(d, 0, 0x24004000, 2));
    CHECK(!dev_msi_input(d, 0, 0x23fff000, 2));
    CHECK(mem_map_io_write(h.map, 0x28003000, 4, 6));
    CHECK_EQ(get(3, S, IMSIC_EIP), 1 << 6);
    CHECK(!mem_map_io_write(h.map, 0x28003000, 2, 6));
    mem_map_remove(h.map, 0x24000000);
    mem_map_remove(h.map, 0x28000000);
    end();
}

TEST(the_number_of_identities_is_checked)
{
    struct dev_setting s = { "ids", "100", NULL };
    struct device *none = NULL;
    struct err err = { 0 };

    begin(NULL);
    CHECK_EQ(dev_new(d->cls, "x", &h.host, h.irq_domain, NULL, &s, 1, &none, &err), -EINVAL);
    CHECK_STR(err.text, "cannot make device 'x': property 'ids' is 100, and must be one less "
                        "than a multiple of 64");
    end();
}

TEST_MAIN(TEST_CASE(a_store_to_a_hart_s_page_interrupts_it),
          TEST_CASE(a_claim_takes_the_lowest_identity),
          TEST_CASE(the_threshold_hides_identities_from_it_on),
          TEST_CASE(only_identities_that_exist_can_be_pending),
          TEST_CASE(registers_that_do_not_exist_say_so),
          TEST_CASE(devices_messages_find_their_file),
          TEST_CASE(the_number_of_identities_is_checked))
