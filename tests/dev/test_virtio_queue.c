/*
 * test_virtio_queue.c - virtqueues against a driver that breaks the rules, through an
 * entropy source on both rings and both transports. Whatever it does, the device asks for a
 * reset or goes on; memory outside the buffers stays as it is, and a reset heals.
 */
#include "base/bits.h"
#include "test.h"
#include "virtio_driver.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 1 << 7 };
#define FEATURES (1ull << VIRTIO_F_EVENT_IDX | 1ull << VIRTIO_F_INDIRECT_DESC)

static struct fake_host h;
static struct vdrv v;

static void each_way(u64 features, void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "rng", vdrv_ways[i], NULL, 0);
        CHECK(vdrv_up(&v, features, 1, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

/* Writes descriptor n of the ring, or of a table at `at`. */
static void desc(gpa_t at, unsigned n, u64 addr, u32 len, u16 flags, u16 next)
{
    u8 *p = vdrv_host(&v, at + 16 * n);

    le64_put(p, addr);
    le32_put(p + 8, len);
    le16_put(p + 12, v.way.packed ? 7 : flags);
    le16_put(p + 14, v.way.packed ? flags : next);
}

static void ring_desc(unsigned n, u64 addr, u32 len, u16 flags, u16 next)
{
    desc(v.ring[0].desc, n, addr, len, (u16)(flags | (v.way.packed ? AVAIL : 0)), next);
}

/* Makes descriptor 0 available and notifies. */
static void offer(void)
{
    if (!v.way.packed)
        le16_put(vdrv_host(&v, v.ring[0].driver + 2), 1);
    vdrv_kick(&v, 0);
    fake_settle(&h);
}

static bool broken(void)
{
    return vdrv_status(&v) & VIRTIO_NEEDS_RESET;
}

/* After a reset the device works again. */
static void heal(void)
{
    struct vdrv_buf b = { 0, 100, true };
    u32 len = 0;

    v.free = FAKE_RAM_AT + 0x1000;
    memset(vdrv_host(&v, v.free), 0, 0x8000);
    CHECK(vdrv_up(&v, FEATURES, 1, 0));
    b.at = vdrv_alloc(&v, 256);
    CHECK(vdrv_request(&v, 0, &b, 1, false, &len));
    CHECK_EQ(len, 100);
    CHECK(le64_get(vdrv_host(&v, b.at)) != 0);
    CHECK_EQ(le64_get((u8 *)vdrv_host(&v, b.at) + 104), 0);
}

static void demand_broken(void)
{
    u8 isr;

    offer();
    CHECK(broken());
    vdrv_interrupted(&v, &isr);
    CHECK(isr & VIRTIO_ISR_CONFIG);
    CHECK(v.d->guest_errors > 0);
    heal();
}

static void loop(void)
{
    for (unsigned n = 0; n < VDRV_SIZE; n++)
        ring_desc(n, FAKE_RAM_AT + 0x9000, 16, WRITE | NEXT, (u16)(n == 5 ? 0 : n + 1));
    demand_broken();
}

static void table_loop(void)
{
    gpa_t t = vdrv_alloc(&v, 64);

    if (v.way.packed)
        return; /* its tables are no lists */
    desc(t, 0, FAKE_RAM_AT + 0x9000, 16, WRITE | NEXT, 1);
    desc(t, 1, FAKE_RAM_AT + 0x9000, 16, WRITE | NEXT, 0);
    ring_desc(0, t, 32, INDIRECT, 0);
    demand_broken();
}

TEST(a_loop_ends)
{
    each_way(0, loop);
    each_way(FEATURES, table_loop);
}

/* Addresses that are not RAM: nothing, a device's registers, the end of the address space. */
static void bad_address(void)
{
    const u64 bad[] = { 0,     FAKE_RAM_AT - 8, FAKE_RAM_AT + FAKE_RAM_SIZE - 8, FAKE_ECAM_AT,
                        ~0ull, ~0ull - 15,      FAKE_WINDOW_AT + 0x80000 };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        gpa_t good = FAKE_RAM_AT + 0x9000;

        memset(vdrv_host(&v, good), 0, 16);
        ring_desc(0, good, 16, WRITE | NEXT, 1);
        ring_desc(1, bad[i], 16, WRITE, 0);
        demand_broken();
        CHECK_EQ(le64_get(vdrv_host(&v, good)), 0); /* the whole chain is checked first */
        v.free = FAKE_RAM_AT + 0x1000;
        CHECK(vdrv_up(&v, 0, 1, 0));
    }
}

TEST(a_buffer_outside_of_ram_is_refused_before_any_is_touched)
{
    each_way(0, bad_address);
}

static void order(void)
{
    ring_desc(0, FAKE_RAM_AT + 0x9000, 16, WRITE | NEXT, 1);
    ring_desc(1, FAKE_RAM_AT + 0x9000, 16, 0, 0);
    demand_broken();
}

static void too_long(void)
{
    for (unsigned n = 0; n < VDRV_SIZE; n++)
        ring_desc(n, FAKE_RAM_AT, 0xffffffff, WRITE | NEXT, (u16)(n + 1));
    demand_broken();
}

TEST(wrong_order_and_too_many_bytes_are_refused)
{
    each_way(0, order);
    each_way(0, too_long);
}

static void indirect_uninvited(void)
{
    ring_desc(0, FAKE_RAM_AT + 0x9000, 16, INDIRECT, 0);
    demand_broken();
}

static void bad_tables(void)
{
    const u32 lengths[] = { 0, 8, 17, 16 * 1025, 0xfffffff0 };
    gpa_t t;

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        ring_desc(0, FAKE_RAM_AT + 0x9000, lengths[i], INDIRECT, 0);
        demand_broken();
        v.free = FAKE_RAM_AT + 0x1000;
        CHECK(vdrv_up(&v, FEATURES, 1, 0));
    }
    ring_desc(0, FAKE_ECAM_AT, 16, INDIRECT, 0);
    demand_broken();
    t = vdrv_alloc(&v, 16);
    if (v.way.packed)
        return;
    CHECK(vdrv_up(&v, FEATURES, 1, 0));
    desc(t, 0, t, 16, INDIRECT, 0); /* names itself */
    ring_desc(0, t, 16, INDIRECT, 0);
    demand_broken();
}

TEST(bad_indirect_tables_are_refused)
{
    each_way(0, indirect_uninvited);
    each_way(FEATURES, bad_tables);
}

static void zero_length(void)
{
    u16 id;
    u32 len = 99;

    ring_desc(0, 0, 0, WRITE, 0);
    v.ring[0].count[7] = 1;
    offer();
    CHECK(!broken());
    CHECK(vdrv_get(&v, 0, &id, &len));
    CHECK_EQ(len, 0);
}

TEST(a_request_of_nothing_is_given_back_empty)
{
    each_way(0, zero_length);
}

static void numbers(void)
{
    if (v.way.packed)
        return;
    le16_put(vdrv_host(&v, v.ring[0].driver + 4), VDRV_SIZE); /* a head outside */
    demand_broken();
    v.free = FAKE_RAM_AT + 0x1000;
    CHECK(vdrv_up(&v, 0, 1, 0));
    le16_put(vdrv_host(&v, v.ring[0].driver + 2), VDRV_SIZE + 1); /* more than there are */
    vdrv_kick(&v, 0);
    CHECK(broken());
    v.free = FAKE_RAM_AT + 0x1000;
    CHECK(vdrv_up(&v, 0, 1, 0));
    ring_desc(0, FAKE_RAM_AT + 0x9000, 16, WRITE | NEXT, VDRV_SIZE);
    demand_broken();
}

TEST(numbers_outside_of_the_ring_are_refused)
{
    each_way(0, numbers);
}

/* Rings in nowhere or in a device break the device; badly aligned ones are not enabled. */
static void ring_places(void)
{
    struct vdrv_ring *r = &v.ring[0];

    for (unsigned i = 0; i < 3; i++) {
        gpa_t place[] = { r->desc, r->driver, r->device };

        CHECK(vdrv_negotiate(&v, 0));
        place[i] = i == 1 ? FAKE_ECAM_AT : 0x1000;
        vdrv_queue_at(&v, 0, VDRV_SIZE, place[0], place[1], place[2]);
        vdrv_status_set(&v, vdrv_status(&v) | VIRTIO_DRIVER_OK);
        ring_desc(0, FAKE_RAM_AT + 0x9000, 16, WRITE, 0);
        offer();
        CHECK(broken() || i == 2); /* packed and split without event index look at it late or not */
    }
    CHECK(vdrv_negotiate(&v, 0));
    CHECK(!vdrv_queue_at(&v, 0, VDRV_SIZE, r->desc + 1, r->driver, r->device));
    CHECK(!vdrv_queue_at(&v, 0, VDRV_SIZE, r->desc, r->driver + 1, r->device));
    CHECK(!vdrv_queue_at(&v, 0, VDRV_SIZE, r->desc, r->driver, r->device + 2));
    CHECK(!vdrv_queue_at(&v, 0, VDRV_SIZE, ~0ull << 4, r->driver, r->device));
    if (!v.way.packed)
        CHECK(!vdrv_queue_at(&v, 0, 3, r->desc, r->driver, r->device));
    heal();
}

TEST(rings_in_bad_places_hurt_nobody)
{
    each_way(0, ring_places);
}

/* --- negotiation --- */

static void early_and_wrong(void)
{
    struct vdrv_buf b = { vdrv_alloc(&v, 16), 16, true };
    u16 id;
    u32 len;

    CHECK(vdrv_negotiate(&v, 0));
    vdrv_queue(&v, 0, 0);
    vdrv_add(&v, 0, &b, 1, false);
    vdrv_kick(&v, 0); /* before DRIVER_OK nothing is consumed, and nothing forgotten */
    fake_settle(&h);
    CHECK(!vdrv_get(&v, 0, &id, &len));
    vdrv_status_set(&v, vdrv_status(&v) | VIRTIO_DRIVER_OK);
    CHECK(vdrv_get(&v, 0, &id, &len));
    vdrv_status_set(&v, 0);
    vdrv_status_set(&v, 15); /* DRIVER_OK without features */
    CHECK(!(vdrv_status(&v) & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK)));
}

TEST(a_device_waits_for_driver_ok_and_insists_on_version_1)
{
    each_way(0, early_and_wrong);
}

/* Many requests at once: one callback does a bounded number, the rest follows. */
static void all_round(void)
{
    for (unsigned round = 0; round < 50; round++) {
        struct vdrv_buf b[2] = { { FAKE_RAM_AT + 0x9000, 3, true },
                                 { FAKE_RAM_AT + 0xa000, 5, true } };
        unsigned many = 1 + round % 30;
        u16 id;
        u32 len;

        for (unsigned i = 0; i < many; i++)
            vdrv_add(&v, 0, b, 2, false);
        vdrv_kick(&v, 0);
        fake_settle(&h);
        for (unsigned i = 0; i < many; i++) {
            CHECK(vdrv_get(&v, 0, &id, &len));
            CHECK_EQ(len, 8);
        }
        CHECK(!vdrv_get(&v, 0, &id, &len));
    }
    CHECK(!broken());
}

TEST(batches_of_every_size_go_round_the_ring)
{
    each_way(0, all_round);
    each_way(FEATURES, all_round);
}

TEST_MAIN(TEST_CASE(a_loop_ends),
          TEST_CASE(a_buffer_outside_of_ram_is_refused_before_any_is_touched),
          TEST_CASE(wrong_order_and_too_many_bytes_are_refused),
          TEST_CASE(bad_indirect_tables_are_refused),
          TEST_CASE(a_request_of_nothing_is_given_back_empty),
          TEST_CASE(numbers_outside_of_the_ring_are_refused),
          TEST_CASE(rings_in_bad_places_hurt_nobody),
          TEST_CASE(a_device_waits_for_driver_ok_and_insists_on_version_1),
          TEST_CASE(batches_of_every_size_go_round_the_ring))
