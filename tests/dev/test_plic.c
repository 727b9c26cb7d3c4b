/*
 * test_plic.c - PLIC: who is told of which source, and the way of a request through
 * claim and completion.
 */
#include "fake_host.h"
#include "test.h"
#include <errno.h>

enum { SEI = 9, MEI = 11, PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000 };

static struct fake_host h;
static struct device *d;

static void begin(void)
{
    struct dev_setting s = { "sources", "95", NULL };

    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("plic"), &s, 1);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u64 get(u64 off)
{
    return dev_read(d, 0, off, 4);
}

static void set(u64 off, u64 v)
{
    dev_write(d, 0, off, v, 4);
}

static void priority(unsigned source, u64 v)
{
    set(4 * source, v);
}

static void enable(unsigned context, unsigned source)
{
    u64 at = ENABLE + 0x80 * context + source / 32 * 4;

    set(at, get(at) | 1u << source % 32);
}

static u64 claim(unsigned context)
{
    return get(CONTEXT + 0x1000 * context + 4);
}

static void complete(unsigned context, u64 source)
{
    set(CONTEXT + 0x1000 * context + 4, source);
}

TEST(a_request_goes_to_the_context_that_enabled_it)
{
    begin();
    priority(40, 1);
    enable(5, 40); /* hart 2, supervisor */
    dev_irq_input(d, 40, true);
    CHECK_EQ(get(PENDING + 4), 1u << 8);
    CHECK(h.cpu_line[2][SEI]);
    CHECK(!h.cpu_line[2][MEI] && !h.cpu_line[1][SEI] && !h.cpu_line[0][MEI]);
    CHECK_EQ(claim(4), 0);
    CHECK_EQ(claim(5), 40);
    CHECK_EQ(get(PENDING + 4), 0);
    CHECK(!h.cpu_line[2][SEI]);
    CHECK_EQ(claim(5), 0);
    enable(0, 40); /* hart 0, machine */
    dev_irq_input(d, 40, false);
    complete(5, 40);
    dev_irq_input(d, 40, true);
    CHECK(h.cpu_line[0][MEI] && h.cpu_line[2][SEI]);
    CHECK_EQ(claim(0), 40); /* the first to claim has it */
    CHECK(!h.cpu_line[0][MEI] && !h.cpu_line[2][SEI]);
    end();
}

TEST(a_high_line_asks_again_only_after_completion)
{
    begin();
    priority(1, 7);
    enable(0, 1);
    dev_irq_input(d, 1, true);
    CHECK_EQ(claim(0), 1);
    dev_irq_input(d, 1, false);
    dev_irq_input(d, 1, true);
    CHECK_EQ(get(PENDING), 0);
    complete(1, 1); /* not enabled there: ignored */
    CHECK(!h.cpu_line[0][MEI]);
    complete(0, 2);
    CHECK(!h.cpu_line[0][MEI]);
    complete(0, 1);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(claim(0), 1);
    dev_irq_input(d, 1, false);
    complete(0, 1);
    CHECK(!h.cpu_line[0][MEI]);
    end();
}

/* PLIC 1.0.0, "Interrupt Gateways": a request stays although its source falls silent. */
TEST(a_request_outlives_its_line)
{
    begin();
    priority(1, 1);
    enable(0, 1);
    dev_irq_input(d, 1, true);
    dev_irq_input(d, 1, false);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(claim(0), 1);
    complete(0, 1);
    CHECK(!h.cpu_line[0][MEI]);
    end();
}

TEST(priority_then_number_decides)
{
    begin();
    for (unsigned n = 1; n <= 95; n++) {
        enable(1, n);
        dev_irq_input(d, n, true);
    }
    CHECK(!h.cpu_line[0][SEI]); /* priority 0: never */
    CHECK_EQ(claim(1), 0);
    priority(90, 3);
    priority(70, 3);
    priority(12, 2);
    CHECK(h.cpu_line[0][SEI]);
    CHECK_EQ(claim(1), 70);
    CHECK_EQ(claim(1), 90);
    CHECK_EQ(claim(1), 12);
    CHECK_EQ(claim(1), 0);
    CHECK(!h.cpu_line[0][SEI]);
    end();
}

TEST(the_threshold_masks_the_line_but_no_claim)
{
    begin();
    priority(9, 4);
    enable(0, 9);
    set(CONTEXT, 4);
    dev_irq_input(d, 9, true);
    CHECK(!h.cpu_line[0][MEI]);
    set(CONTEXT, 3);
    CHECK(h.cpu_line[0][MEI]);
    set(CONTEXT, 7);
    CHECK(!h.cpu_line[0][MEI]);
    CHECK_EQ(claim(0), 9);
    end();
}

TEST(only_real_sources_have_registers)
{
    begin();
    set(0, 7);
    CHECK_EQ(get(0), 0);
    priority(95, 0xff);
    CHECK_EQ(get(4 * 95), 7);
    priority(96, 1);
    CHECK_EQ(get(4 * 96), 0);
    for (unsigned w = 0; w < 4; w++)
        set(ENABLE + 4 * w, 0xffffffff);
    CHECK_EQ(get(ENABLE), 0xfffffffe);
    CHECK_EQ(get(ENABLE + 8), 0xffffffff);
    CHECK_EQ(get(ENABLE + 12), 0);
    dev_irq_input(d, 96, true);
    dev_irq_input(d, 0, true);
    CHECK_EQ(get(PENDING) | get(PENDING + 12), 0);
    complete(0, 0x80000001);
    CHECK_EQ(d->guest_errors, 0);
    set(PENDING, 1);
    get(CONTEXT + 8);
    get(CONTEXT + 0x1000 * 8); /* four harts have contexts 0 to 7 */
    CHECK_EQ(d->guest_errors, 3);
    end();
}

TEST(reset_forgets_all_but_the_lines)
{
    begin();
    priority(3, 1);
    enable(0, 3);
    dev_irq_input(d, 3, true);
    claim(0);
    dev_reset(d);
    CHECK(!h.cpu_line[0][MEI]);
    CHECK_EQ(get(ENABLE) | get(12), 0);
    priority(3, 1);
    enable(0, 3);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(claim(0), 3);
    end();
}

TEST(a_state_with_sources_that_are_not_there_is_refused)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct device *small;
    struct dev_setting s = { "sources", "10", NULL };
    struct err err = { 0 };
    u8 *data = NULL;
    size_t size = 0;

    begin();
    dev_irq_input(d, 20, true);
    dev_save(d, w);
    CHECK_EQ(state_writer_memory(w, &data, &size, &err), 0);
    CHECK_EQ(state_reader_open_memory(data, size, &r, &err), 0);
    small = fake_device(&h, d->cls, &s, 1);
    dev_write(small, 0, 4, 5, 4);
    CHECK_EQ(dev_load(small, r, &err), -EINVAL);
    CHECK_STR(err.text, "the state of 'plic' contradicts itself: it has requests of sources "
                        "over 10");
    CHECK_EQ(dev_read(small, 0, 4, 4), 5); /* as it was */
    fake_device_free(&h, small);
    state_reader_free(r);
    state_writer_free(w);
    free(data);
    end();
}

TEST_MAIN(TEST_CASE(a_request_goes_to_the_context_that_enabled_it),
          TEST_CASE(a_high_line_asks_again_only_after_completion),
          TEST_CASE(a_request_outlives_its_line), TEST_CASE(priority_then_number_decides),
          TEST_CASE(the_threshold_masks_the_line_but_no_claim),
          TEST_CASE(only_real_sources_have_registers), TEST_CASE(reset_forgets_all_but_the_lines),
          TEST_CASE(a_state_with_sources_that_are_not_there_is_refused))
