/*
 * test_core.c - what dev/core promises every device: properties, locking, bounds, lines,
 * timers, DMA, and a refusal of what comes out of a device's own callback.
 */
#include "fake_host.h"
#include "host/thread.h"
#include "test.h"
#include <errno.h>

#define PROBE_STATE(F, A, N)                                                                       \
    F(u32, count, ZERO, "writes to register 0")                                                    \
    F(u32, level, ZERO, "output")
STATE_STRUCT(probe, PROBE_STATE);
#define STATE_ROW_T struct probe_state
STATE_LIST(probe, PROBE_STATE, 1);
#undef STATE_ROW_T

struct probe {
    struct device dev;
    struct probe_state s;
    u64 number;
    bool flag_on;
    const char *text;
    void *chardev;
    unsigned expired, finished;
    u64 last_off, last_size;
};

static struct fake_host h;
static unsigned finished;

static struct probe *self(struct device *d)
{
    return container_of(d, struct probe, dev);
}

static u64 probe_read(struct device *d, u64 off, unsigned size)
{
    self(d)->last_off = off;
    self(d)->last_size = size;
    return 0x1111111111111111 * (off + 1); /* more than size bytes: cut by the core */
}

/* Register 8 writes to the device's own register 0, as no device should. */
static void probe_write(struct device *d, u64 off, u64 v, unsigned size)
{
    if (off == 0)
        self(d)->s.count++;
    if (off == 8 && !mem_map_io_write(h.map, 0x1000, 4, 1))
        self(d)->last_off = 99;
}

static void probe_update(struct device *d)
{
    dev_irq_set(d, 0, self(d)->s.level);
}

static void probe_expired(struct device *d, unsigned timer)
{
    self(d)->expired += timer + 1;
}

static int probe_init(struct device *d, struct err *err)
{
    if (self(d)->number == 13)
        return err_set(err, EIO, "13 brings bad luck");
    return 0;
}

static void probe_fini(struct device *d)
{
    finished++;
}

static const struct dev_prop probe_props[] = {
    { "number", "a number", DEV_PROP_U64, offsetof(struct probe, number), .min = 1, .max = GIB,
      .initial = 5 },
    { "flag", "a switch", DEV_PROP_BOOL, offsetof(struct probe, flag_on), .max = 1, .initial = 1 },
    { "text", "a text", DEV_PROP_STRING, offsetof(struct probe, text) },
    { "port", "a serial line", DEV_PROP_CHARDEV, offsetof(struct probe, chardev),
      .required = true },
};

static const struct dev_region probe_regions[] = {
    { "registers", 0x100, MEM_IO_2 | MEM_IO_4, probe_read, probe_write },
};

static const struct dev_class probe_class = {
    .name = "probe",
    .doc = "a device to test with",
    .size = sizeof(struct probe),
    .state_offset = offsetof(struct probe, s),
    .state = &probe_state_list,
    .props = probe_props,
    .prop_count = ARRAY_SIZE(probe_props),
    .regions = probe_regions,
    .region_count = ARRAY_SIZE(probe_regions),
    .irq_count = 1,
    .init = probe_init,
    .fini = probe_fini,
    .update = probe_update,
    .expired = probe_expired,
};

/* Makes a probe with one more setting; the error's text, or "" with *ret. */
static const char *make(const char *name, const char *text, struct device **ret)
{
    static struct err err;
    struct dev_setting s[] = { { "port", NULL, &h.chardev.cd }, { name, text, NULL } };
    int rc;

    err = (struct err){ 0 };
    *ret = NULL;
    rc = dev_new(&probe_class, "probe0", &h.host, h.domain, h.map, s, name ? 2 : 1, ret, &err);
    CHECK_EQ(rc, -err.code);
    CHECK_EQ(*ret == NULL, rc != 0);
    return err.text;
}

static void refused(const char *name, const char *text, const char *why)
{
    struct device *d;

    CHECK_STR(make(name, text, &d), why);
    dev_free(d);
}

static u64 number_of(const char *text)
{
    struct device *d;
    u64 v;

    CHECK_STR(make("number", text, &d), "");
    v = d ? self(d)->number : 0;
    dev_free(d);
    return v;
}

TEST(properties_are_read_as_people_write_them)
{
    struct device *d;

    fake_host_init(&h);
    CHECK_EQ(number_of("7"), 7);
    CHECK_EQ(number_of("0x1F"), 31);
    CHECK_EQ(number_of("64k"), 65536);
    CHECK_EQ(number_of("0x10M"), 16 * MIB);
    CHECK_EQ(number_of("1g"), GIB);
    CHECK_STR(make("text", "hello", &d), "");
    CHECK_STR(self(d)->text, "hello");
    CHECK_EQ(self(d)->number, 5);
    CHECK(self(d)->flag_on);
    CHECK(self(d)->chardev == &h.chardev.cd);
    dev_free(d);
    CHECK_STR(make("flag", "off", &d), "");
    CHECK(!self(d)->flag_on);
    dev_free(d);
    fake_host_fini(&h);
}

TEST(wrong_properties_are_named)
{
    struct device *d = NULL;
    struct err err = { 0 };

    fake_host_init(&h);
    refused("numbr", "1",
            "device 'probe0' (probe) has no property 'numbr'; it has number, flag, "
            "text, port");
    refused("number", "12x",
            "property 'number' of 'probe0' is '12x', which is not a number such "
            "as 10, 0x1000 or 64k");
    refused("number", "",
            "property 'number' of 'probe0' is '', which is not a number such as 10, "
            "0x1000 or 64k");
    refused("number", "18446744073709551616",
            "property 'number' of 'probe0' is "
            "'18446744073709551616', which is not a number such as 10, 0x1000 or 64k");
    refused("number", "99999999999g",
            "property 'number' of 'probe0' is '99999999999g', which is "
            "not a number such as 10, 0x1000 or 64k");
    refused("number", "2g", "property 'number' of 'probe0' is 2g, and must be 1 to 1073741824");
    refused("number", "0", "property 'number' of 'probe0' is 0, and must be 1 to 1073741824");
    refused("flag", "yes", "property 'flag' of 'probe0' is 'yes', and must be on or off");
    refused("port", "tty",
            "property 'port' of 'probe0' is a part of the host, and 'tty' names "
            "none");
    CHECK_EQ(dev_new(&probe_class, "p", &h.host, h.domain, NULL, NULL, 0, &d, &err), -EINVAL);
    CHECK_STR(err.text, "device 'p' (probe) needs its property 'port': a serial line");
    finished = 0;
    refused("number", "13", "cannot make device 'probe0': 13 brings bad luck");
    CHECK_EQ(finished, 1);
    fake_host_fini(&h);
}

TEST(accesses_are_cut_to_the_device_s_widths)
{
    struct device *d;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    CHECK_EQ(dev_read(d, 0, 4, 2), 0x5555);
    CHECK_EQ(self(d)->last_size, 2);
    CHECK_EQ(dev_read(d, 0, 0, 8), 0x5555555511111111);
    CHECK_EQ(dev_read(d, 0, 2, 4), 0x55553333);
    CHECK_EQ(d->guest_errors, 0);
    CHECK_EQ(dev_read(d, 0, 0, 1), 0);
    CHECK_EQ(dev_read(d, 0, 1, 2), 0);
    CHECK_EQ(dev_read(d, 0, 0xfe, 4), 0);
    CHECK_EQ(dev_read(d, 0, UINT64_MAX, 4), 0);
    dev_write(d, 0, 0xfffffffffffffffe, 1, 2);
    CHECK_EQ(d->guest_errors, 5);
    dev_free(d);
    fake_host_fini(&h);
}

TEST(a_device_is_not_entered_from_its_own_callback)
{
    struct device *d;
    struct err err = { 0 };
    u64 v = 0;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    CHECK_EQ(dev_map(d, 0, h.map, 0x1000, &err), 0);
    CHECK(mem_map_io_read(h.map, 0x1004, 4, &v));
    CHECK_EQ(v, 0x55555555);
    CHECK(mem_map_io_write(h.map, 0x1000, 4, 1));
    CHECK_EQ(self(d)->s.count, 1);
    CHECK(mem_map_io_write(h.map, 0x1008, 4, 1));
    CHECK_EQ(self(d)->s.count, 1);
    CHECK_EQ(d->guest_errors, 1);
    CHECK(dev_map(d, 0, h.map, 0x1080, &err) < 0);
    CHECK_EQ(d->regions[0].at, 0x1000);
    mem_map_remove(h.map, 0x1000);
    dev_free(d);
    fake_host_fini(&h);
}

static void hammer(void *arg)
{
    for (unsigned i = 0; i < 50000; i++)
        dev_write(arg, 0, 0, i, 4);
}

TEST(threads_take_turns)
{
    struct host_thread t;
    struct device *d;
    struct err err = { 0 };

    fake_host_init(&h);
    make(NULL, NULL, &d);
    CHECK_EQ(host_thread_start(&t, "hammer", hammer, d, &err), 0);
    hammer(d);
    host_thread_join(&t);
    CHECK_EQ(self(d)->s.count, 100000);
    dev_free(d);
    fake_host_fini(&h);
}

/* The domain's event loop calls with the lock held, a vCPU thread without. */
TEST(entry_points_work_with_and_without_the_lock)
{
    struct device *d;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    dev_domain_lock(h.domain);
    dev_write(d, 0, 0, 1, 4);
    dev_reset(d);
    dev_write(d, 0, 0, 1, 4);
    dev_domain_unlock(h.domain);
    CHECK_EQ(self(d)->s.count, 1);
    CHECK(host_mutex_trylock(dev_domain_mutex(h.domain)));
    host_mutex_unlock(dev_domain_mutex(h.domain));
    dev_free(d);
    fake_host_fini(&h);
}

TEST(lines_carry_their_level_whenever_they_are_connected)
{
    struct device *d;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    self(d)->s.level = 1;
    probe_update(d);
    CHECK(!fake_irq(&h, 3));
    dev_irq_connect(d, 0, h.board, 3);
    CHECK(fake_irq(&h, 3));
    probe_update(d);
    CHECK_EQ(fake_irq_edges(&h, 3), 1);
    dev_reset(d);
    CHECK(!fake_irq(&h, 3));
    dev_free(d);
    fake_host_fini(&h);
}

TEST(timers_come_at_their_time_and_once)
{
    struct device *d;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    dev_timer_set(d, 1, 500);
    dev_timer_set(d, 0, 600);
    dev_timer_expired(d, 1); /* the host was early */
    CHECK_EQ(self(d)->expired, 0);
    fake_run(&h, 500);
    CHECK_EQ(self(d)->expired, 2);
    dev_timer_expired(d, 1); /* and again, after all was done */
    dev_timer_set(d, 0, DEV_TIMER_OFF);
    fake_run(&h, 500);
    CHECK_EQ(self(d)->expired, 2);
    dev_timer_set(d, 3, 10); /* long past: soon */
    CHECK_EQ(self(d)->expired, 2);
    fake_settle(&h);
    CHECK_EQ(self(d)->expired, 6);
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

TEST(dma_reaches_ram_and_nothing_else)
{
    struct device *d;
    struct err err = { 0 };
    u8 bytes[16] = "fifteen letters";
    u8 back[16] = { 0 };
    u64 end = FAKE_RAM_AT + FAKE_RAM_SIZE;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    CHECK_EQ(dev_map(d, 0, h.map, 0x1000, &err), 0);
    CHECK(dma_write(d, FAKE_RAM_AT + 0xff8, bytes, 16));
    CHECK(dma_read(d, FAKE_RAM_AT + 0xff8, back, 16));
    CHECK(memcmp(bytes, back, 16) == 0);
    CHECK(!dma_write(d, end - 8, bytes, 16));
    CHECK_EQ(h.ram->host[FAKE_RAM_SIZE - 8], 0); /* all or nothing */
    CHECK(!dma_write(d, 0x1000, bytes, 4));      /* its own registers */
    CHECK(!dma_read(d, UINT64_MAX - 3, back, 16));
    CHECK_EQ(self(d)->s.count, 0);
    CHECK_EQ(d->guest_errors, 3);
    CHECK(dma_map(d, FAKE_RAM_AT + 64, 64, true) == h.ram->host + 64);
    CHECK(!dma_map(d, end - 8, 16, true));
    CHECK(!dma_map(d, 0x1000, 4, false));
    mem_map_remove(h.map, 0x1000);
    dev_free(d);
    fake_host_fini(&h);
}

TEST(dma_shows_in_the_dirty_log)
{
    struct device *d;
    u8 bits[FAKE_RAM_SIZE / 4096 / 8] = { 0 };
    u8 *at;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    mem_ram_dirty_start(h.ram);
    at = dma_map(d, FAKE_RAM_AT + 5 * 4096, 8, true);
    at[0] = 1;
    dma_written(d, FAKE_RAM_AT + 5 * 4096, 8);
    CHECK(dma_write(d, FAKE_RAM_AT + 9 * 4096 - 1, bits, 2));
    mem_ram_dirty_fetch(h.ram, bits);
    CHECK_EQ(bits[0], 1 << 5);
    CHECK_EQ(bits[1], 1 << 0 | 1 << 1);
    mem_ram_dirty_stop(h.ram);
    dev_free(d);
    fake_host_fini(&h);
}

static bool nobody(void *arg, u32 requester, gpa_t addr, u32 data)
{
    return false;
}

TEST(messages_carry_their_sender)
{
    struct device *d;

    fake_host_init(&h);
    make(NULL, NULL, &d);
    d->requester = 0x1f8;
    irq_msi_send(d, 0x28000000, 7);
    CHECK_EQ(h.msi_count, 1);
    CHECK_EQ(h.msi[0].requester, 0x1f8);
    CHECK_EQ(d->guest_errors, 0);
    dev_domain_msi_route(h.domain, nobody, NULL);
    irq_msi_send(d, 0x28000000, 7);
    CHECK_EQ(d->guest_errors, 1);
    dev_free(d);
    fake_host_fini(&h);
}

TEST_MAIN(TEST_CASE(properties_are_read_as_people_write_them),
          TEST_CASE(wrong_properties_are_named), TEST_CASE(accesses_are_cut_to_the_device_s_widths),
          TEST_CASE(a_device_is_not_entered_from_its_own_callback), TEST_CASE(threads_take_turns),
          TEST_CASE(entry_points_work_with_and_without_the_lock),
          TEST_CASE(lines_carry_their_level_whenever_they_are_connected),
          TEST_CASE(timers_come_at_their_time_and_once),
          TEST_CASE(dma_reaches_ram_and_nothing_else), TEST_CASE(dma_shows_in_the_dirty_log),
          TEST_CASE(messages_carry_their_sender))
