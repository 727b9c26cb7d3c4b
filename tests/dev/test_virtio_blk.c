/*
 * test_virtio_blk.c - the disk, through both rings on both transports: data, errors,
 * suppression, reset and save with requests in flight.
 */
#include "base/bits.h"
#include "base/log.h"
#include "test.h"
#include "virtio_driver.h"

#include <errno.h>
#include <string.h>

enum { T_IN, T_OUT, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_ZEROES = 13 };
enum { S_OK, S_IOERR, S_UNSUPP, S_NONE = 0xff };
enum { HEADER, DATA, STATUS };
#define EVENT_IDX (1ull << VIRTIO_F_EVENT_IDX)
#define INDIRECT  (1ull << VIRTIO_F_INDIRECT_DESC)

static struct fake_host h;
static struct vdrv v;

/* --- the driver's view of a disk --- */

struct request {
    struct vdrv_buf buf[3];
    unsigned count;
    u16 id;
};

/* Header, data (when there is any) and status, in memory of their own. */
static struct request request(u32 type, u64 sector, u32 len)
{
    struct request r = { .count = 0 };
    gpa_t at = vdrv_alloc(&v, 16);

    le32_put(vdrv_host(&v, at), type);
    le64_put((u8 *)vdrv_host(&v, at) + 8, sector);
    r.buf[r.count++] = (struct vdrv_buf){ at, 16, false };
    if (len)
        r.buf[r.count++] =
            (struct vdrv_buf){ vdrv_alloc(&v, len), len, type == T_IN || type == T_GET_ID };
    r.buf[r.count++] = (struct vdrv_buf){ vdrv_alloc(&v, 1), 1, true };
    *(u8 *)vdrv_host(&v, r.buf[r.count - 1].at) = S_NONE;
    return r;
}

static void *data(const struct request *r)
{
    return vdrv_host(&v, r->buf[DATA].at);
}

static u8 status(const struct request *r)
{
    return *(u8 *)vdrv_host(&v, r->buf[r->count - 1].at);
}

static u8 run(struct request *r, bool indirect, u32 *len)
{
    if (!vdrv_request(&v, 0, r->buf, r->count, indirect, len))
        return 0xee;
    return status(r);
}

static u8 run_new(u32 type, u64 sector, u32 len)
{
    struct request r = request(type, sector, len);

    return run(&r, false, NULL);
}

static void fill(void *p, size_t len, u8 seed)
{
    for (size_t i = 0; i < len; i++)
        ((u8 *)p)[i] = (u8)(i * 7 + seed);
}

static bool filled(const void *p, size_t len, u8 seed)
{
    for (size_t i = 0; i < len; i++)
        if (((const u8 *)p)[i] != (u8)(i * 7 + seed))
            return false;
    return true;
}

/* --- every case in all four ways --- */

static void each_way(u64 features, void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        struct dev_setting serial = { "serial", "disk-0123456789", NULL };
        int before = test_failed_checks;

        fake_host_init(&h);
        vdrv_open(&v, &h, "blk", vdrv_ways[i], &serial, 1);
        CHECK(vdrv_up(&v, features, 1, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

static void write_and_read(void)
{
    for (unsigned round = 0; round < 100; round++) {
        u32 len = 512 * (1 + round % 3);
        struct request w = request(T_OUT, round, len), r = request(T_IN, round, len);
        bool indirect = round % 2 && v.features & INDIRECT;
        u32 used;

        fill(data(&w), len, (u8)round);
        CHECK_EQ(run(&w, indirect, &used), S_OK);
        CHECK_EQ(used, 1);
        CHECK(filled(h.disk.data + round * 512, len, (u8)round));
        CHECK_EQ(run(&r, indirect, &used), S_OK);
        CHECK_EQ(used, len + 1);
        CHECK(filled(data(&r), len, (u8)round));
    }
    CHECK(vdrv_interrupted(&v, NULL));
    CHECK(!vdrv_interrupted(&v, NULL));
}

TEST(what_is_written_is_read_while_the_ring_goes_round)
{
    each_way(0, write_and_read);
    each_way(INDIRECT | EVENT_IDX, write_and_read);
}

static void other_requests(void)
{
    struct request id = request(T_GET_ID, 0, 20), range = request(T_ZEROES, 0, 16);
    u32 used;

    CHECK_EQ(run_new(T_FLUSH, 0, 0), S_OK);
    CHECK_EQ(h.disk.flushes, 1);
    CHECK_EQ(run(&id, false, &used), S_OK);
    CHECK_EQ(used, 21);
    CHECK_STR((char *)data(&id), "disk-0123456789");
    memset(h.disk.data, 0xaa, sizeof h.disk.data);
    le64_put(data(&range), 3);
    le32_put((u8 *)data(&range) + 8, 2);
    CHECK_EQ(run(&range, false, NULL), S_OK);
    CHECK_EQ(h.disk.data[3 * 512 - 1], 0xaa);
    CHECK_EQ(h.disk.data[3 * 512], 0);
    CHECK_EQ(h.disk.data[5 * 512 - 1], 0);
    CHECK_EQ(h.disk.data[5 * 512], 0xaa);
    CHECK(!h.disk.unmapped);
    le32_put((u8 *)data(&range) + 12, 1);
    CHECK_EQ(run(&range, false, NULL), S_OK);
    CHECK(h.disk.unmapped);
    range = request(T_DISCARD, 0, 16);
    le32_put((u8 *)data(&range) + 8, 1);
    CHECK_EQ(run(&range, false, NULL), S_OK);
    CHECK_EQ(h.disk.data[0], 0);
    le32_put((u8 *)data(&range) + 12, 1); /* discard has no flags */
    CHECK_EQ(run(&range, false, NULL), S_UNSUPP);
    CHECK_EQ(run_new(99, 0, 512), S_UNSUPP);
}

TEST(flush_identity_discard_and_zeroes)
{
    each_way(0, other_requests);
}

static void errors(void)
{
    CHECK_EQ(run_new(T_IN, FAKE_DISK_SECTORS, 512), S_IOERR);
    CHECK_EQ(run_new(T_IN, ~0ull, 512), S_IOERR);
    CHECK_EQ(run_new(T_OUT, FAKE_DISK_SECTORS - 1, 1024), S_IOERR);
    CHECK_EQ(run_new(T_IN, 0, 100), S_IOERR);
    CHECK_EQ(run_new(T_IN, 0, 0), S_IOERR);
    h.disk.fail = -5;
    CHECK_EQ(run_new(T_IN, 0, 512), S_IOERR);
    CHECK_EQ(run_new(T_FLUSH, 0, 0), S_IOERR);
    h.disk.fail = 0;
    CHECK_EQ(run_new(T_IN, 0, 512), S_OK);
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

TEST(what_the_host_refuses_is_an_error_of_the_request)
{
    each_way(0, errors);
}

static void count_line(void *arg, enum log_level level, const char *text)
{
    CHECK_EQ(level, LOG_ERROR);
    CHECK(strstr(text, strerror(ENOSPC)));
    ++*(unsigned *)arg;
}

/* The person at the shell is told that the host's disk is full: once, not by each request. */
TEST(a_full_host_disk_is_said_once)
{
    unsigned lines = 0;

    fake_host_init(&h);
    vdrv_open(&v, &h, "blk", vdrv_ways[0], NULL, 0);
    CHECK(vdrv_up(&v, 0, 1, 0));
    log_set_sink(count_line, &lines);
    CHECK_EQ(run_new(T_OUT, FAKE_DISK_SECTORS, 512), S_IOERR); /* the guest's own fault */
    CHECK_EQ(lines, 0);
    h.disk.fail = -ENOSPC;
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(run_new(T_OUT, 0, 512), S_IOERR);
    h.disk.fail = 0;
    log_set_sink(NULL, NULL);
    CHECK_EQ(lines, 1);
    vdrv_close(&v);
    fake_host_fini(&h);
}

TEST(a_read_only_disk_refuses_writes)
{
    fake_host_init(&h);
    h.disk.read_only = true;
    vdrv_open(&v, &h, "blk", vdrv_ways[0], NULL, 0);
    CHECK(vdrv_offered(&v) & 1ull << 5);
    CHECK(!(vdrv_offered(&v) & (1ull << 13 | 1ull << 14)));
    CHECK(vdrv_up(&v, 0, 1, 0));
    CHECK_EQ(run_new(T_OUT, 0, 512), S_IOERR);
    CHECK_EQ(run_new(T_IN, 0, 512), S_OK);
    vdrv_close(&v);
    fake_host_fini(&h);
}

static void out_of_order(void)
{
    struct request r[4];
    u16 id;
    u32 len;

    h.disk_held = true;
    for (unsigned i = 0; i < 4; i++) {
        fill(h.disk.data + i * 512, 512, (u8)i);
        r[i] = request(T_IN, i, 512);
        r[i].id = vdrv_add(&v, 0, r[i].buf, r[i].count, false);
    }
    vdrv_kick(&v, 0);
    fake_settle(&h);
    CHECK(!vdrv_get(&v, 0, &id, &len));
    CHECK(!dev_idle(v.d));
    dev_domain_lock(h.domain);
    fake_block_run(&h.disk, true);
    dev_domain_unlock(h.domain);
    CHECK(dev_idle(v.d));
    for (unsigned i = 4; i-- > 0;) {
        CHECK(vdrv_get(&v, 0, &id, &len));
        CHECK_EQ(id, r[i].id);
        CHECK_EQ(status(&r[i]), S_OK);
        CHECK(filled(data(&r[i]), 512, (u8)i));
    }
    h.disk_held = false;
}

TEST(requests_may_end_in_any_order)
{
    each_way(0, out_of_order);
}

/* --- reset and save with requests in flight --- */

static void reset_in_flight(void)
{
    struct request r = request(T_IN, 0, 512), w = request(T_OUT, 1, 512);
    u16 id;
    u32 len;

    h.disk_held = true;
    fill(h.disk.data, 512, 9);
    fill(data(&w), 512, 8);
    vdrv_add(&v, 0, r.buf, r.count, false);
    vdrv_add(&v, 0, w.buf, w.count, false);
    vdrv_kick(&v, 0);
    CHECK_EQ(h.disk.in_flight, 2);
    vdrv_status_set(&v, 0);
    CHECK_EQ(h.disk.in_flight, 0); /* over: nothing writes to guest memory any more */
    CHECK(dev_idle(v.d));
    CHECK_EQ(vdrv_status(&v), 0);
    CHECK(filled(h.disk.data + 512, 512, 8));
    CHECK_EQ(status(&r), S_NONE);
    CHECK(!vdrv_get(&v, 0, &id, &len));
    CHECK(!vdrv_interrupted(&v, NULL));
    h.disk_held = false;
    CHECK(vdrv_up(&v, 0, 1, 0));
    CHECK_EQ(run_new(T_IN, 0, 512), S_OK);
}

TEST(a_reset_waits_for_what_is_in_flight_and_forgets_it)
{
    each_way(0, reset_in_flight);
}

static void saved_in_the_middle(void)
{
    for (unsigned round = 0; round < 40; round++) {
        struct request w = request(T_OUT, round, 512), r = request(T_IN, round, 512);

        fill(data(&w), 512, (u8)round);
        vdrv_add(&v, 0, w.buf, w.count, false);
        vdrv_kick(&v, 0);
        fake_drain(&h, v.d);
        vdrv_reload(&v);
        fake_settle(&h);
        CHECK_EQ(status(&w), S_OK);
        CHECK(vdrv_get(&v, 0, &w.id, &(u32){ 0 }));
        CHECK_EQ(run(&r, false, NULL), S_OK);
        CHECK(filled(data(&r), 512, (u8)round));
    }
}

TEST(a_loaded_disk_goes_on_in_the_middle_of_the_ring)
{
    each_way(EVENT_IDX, saved_in_the_middle);
}

static void interrupt_saved(void)
{
    CHECK_EQ(run_new(T_FLUSH, 0, 0), S_OK);
    vdrv_reload(&v);
    CHECK(vdrv_interrupted(&v, NULL));
    CHECK(!vdrv_interrupted(&v, NULL));
}

TEST(an_interrupt_survives_a_save)
{
    each_way(0, interrupt_saved);
}

/* --- suppression --- */

static void interrupts_suppressed(void)
{
    vdrv_interrupts_off(&v, 0);
    CHECK_EQ(run_new(T_FLUSH, 0, 0), S_OK);
    CHECK(!vdrv_interrupted(&v, NULL));
}

TEST(a_driver_that_wants_no_interrupts_gets_none)
{
    each_way(0, interrupts_suppressed);
}

static void interrupt_by_event(void)
{
    for (unsigned round = 0; round < 60; round++) { /* positions all round the ring */
        struct request r = request(T_FLUSH, 0, 0);
        u16 step = v.way.packed ? (u16)r.count : 1;

        vdrv_interrupted(&v, NULL);
        vdrv_interrupt_after(&v, 0, step); /* not this one, the next */
        CHECK_EQ(run(&r, false, NULL), S_OK);
        CHECK(!vdrv_interrupted(&v, NULL));
        CHECK_EQ(run_new(T_FLUSH, 0, 0), S_OK);
        CHECK(vdrv_interrupted(&v, NULL));
    }
}

TEST(with_event_index_the_interrupt_comes_at_the_event)
{
    each_way(EVENT_IDX, interrupt_by_event);
}

static void kick_by_event(void)
{
    for (unsigned round = 0; round < 60; round++) {
        struct request r = request(T_FLUSH, 0, 0);

        vdrv_add(&v, 0, r.buf, r.count, false);
        CHECK(vdrv_kick_wanted(&v, 0)); /* the device has seen the ring empty */
        vdrv_kick(&v, 0);
        fake_settle(&h);
        CHECK(vdrv_get(&v, 0, &r.id, &(u32){ 0 }));
    }
}

TEST(with_event_index_an_idle_device_wants_to_be_notified)
{
    each_way(EVENT_IDX, kick_by_event);
}

/* --- facts --- */

static void facts(void)
{
    CHECK_EQ(vdrv_config(&v, 0, 4), FAKE_DISK_SECTORS);
    CHECK_EQ(vdrv_config(&v, 4, 4), 0);
    CHECK_EQ(vdrv_config(&v, 20, 4), 512);
    CHECK_EQ(vdrv_config(&v, 34, 2), 1);
    CHECK_EQ(vdrv_config(&v, 0, 1), FAKE_DISK_SECTORS & 0xff);
    CHECK_EQ(vdrv_config(&v, 1, 1), FAKE_DISK_SECTORS >> 8);
}

TEST(the_configuration_space_tells_the_disk)
{
    each_way(0, facts);
}

static void smaller(void)
{
    struct err err = { 0 };
    u8 isr = 0;

    CHECK_EQ(run_new(T_IN, FAKE_DISK_SECTORS - 1, 512), S_OK);
    vdrv_interrupted(&v, NULL);
    dev_domain_lock(h.domain);
    CHECK_EQ(blk_image_resize(&h.disk, 100 * 512, &err), 0);
    dev_domain_unlock(h.domain);
    CHECK(vdrv_interrupted(&v, &isr));
    CHECK_EQ(isr, 2);
    CHECK_EQ(vdrv_config(&v, 0, 4), 100);
    CHECK_EQ(vdrv_generation(&v), 1);
    vdrv_reload(&v);
    CHECK_EQ(vdrv_generation(&v), 1);
    CHECK_EQ(run_new(T_IN, 100, 512), S_IOERR);
    CHECK_EQ(run_new(T_IN, 99, 512), S_OK);
}

TEST(a_resize_is_told_to_the_driver)
{
    each_way(0, smaller);
}

enum { QUEUES = 4 };

/* Requests on all queues at once; each answer comes on its own. */
static void on_all_queues(void)
{
    struct request r[QUEUES];
    u16 id;
    u32 len;

    CHECK_EQ(vdrv_config(&v, 34, 2), QUEUES);
    h.disk_held = true;
    for (unsigned n = 0; n < QUEUES; n++) {
        fill(h.disk.data + 512 * n, 512, (u8)n);
        r[n] = request(T_IN, n, 512);
        r[n].id = vdrv_add(&v, n, r[n].buf, r[n].count, false);
        vdrv_kick(&v, n);
    }
    fake_settle(&h);
    dev_domain_lock(h.domain);
    fake_block_run(&h.disk, true);
    dev_domain_unlock(h.domain);
    for (unsigned n = 0; n < QUEUES; n++) {
        CHECK(vdrv_get(&v, n, &id, &len));
        CHECK_EQ(id, r[n].id);
        CHECK_EQ(status(&r[n]), S_OK);
        CHECK(filled(data(&r[n]), 512, (u8)n));
        CHECK(!vdrv_get(&v, n, &id, &len));
    }
    h.disk_held = false;
}

TEST(queues_work_side_by_side)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        struct dev_setting queues = { "queues", "4", NULL };

        fake_host_init(&h);
        vdrv_open(&v, &h, "blk", vdrv_ways[i], &queues, 1);
        CHECK(vdrv_offered(&v) & 1ull << 12);
        CHECK(vdrv_up(&v, 1ull << 12, QUEUES, 0));
        on_all_queues();
        vdrv_close(&v);
        fake_host_fini(&h);
    }
}

TEST_MAIN(TEST_CASE(what_is_written_is_read_while_the_ring_goes_round),
          TEST_CASE(flush_identity_discard_and_zeroes),
          TEST_CASE(what_the_host_refuses_is_an_error_of_the_request),
          TEST_CASE(a_full_host_disk_is_said_once), TEST_CASE(a_read_only_disk_refuses_writes),
          TEST_CASE(requests_may_end_in_any_order),
          TEST_CASE(a_reset_waits_for_what_is_in_flight_and_forgets_it),
          TEST_CASE(a_loaded_disk_goes_on_in_the_middle_of_the_ring),
          TEST_CASE(an_interrupt_survives_a_save),
          TEST_CASE(a_driver_that_wants_no_interrupts_gets_none),
          TEST_CASE(with_event_index_the_interrupt_comes_at_the_event),
          TEST_CASE(with_event_index_an_idle_device_wants_to_be_notified),
          TEST_CASE(the_configuration_space_tells_the_disk),
          TEST_CASE(a_resize_is_told_to_the_driver), TEST_CASE(queues_work_side_by_side))
