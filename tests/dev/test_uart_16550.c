/*
 * test_uart_16550.c - NS16550A: bytes both ways, interrupts, back pressure, what drivers probe.
 */
#include "fake_host.h"
#include "test.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = 2 };
enum { THRE_TEMT = 0x60 };

#define CLASS "uart-16550"
#define WIDTH 1
#include "serial.h"

TEST(what_is_written_comes_out)
{
    begin();
    CHECK_EQ(get(LSR), THRE_TEMT);
    send("hello");
    CHECK_STR(sent(), "hello");
    CHECK_EQ(get(LSR), THRE_TEMT);
    CHECK_EQ(get(IIR), 1);
    CHECK(!fake_irq(&h, 0));
    end();
}

TEST(the_transmit_interrupt_comes_when_empty_and_goes_when_seen)
{
    begin();
    set(IER, 2);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 2);
    CHECK(!fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 1);
    send("a");
    CHECK(fake_irq(&h, 0));
    set(IER, 0);
    CHECK(!fake_irq(&h, 0));
    set(IER, 2);
    CHECK_EQ(get(IIR), 2);
    set(IER, 2); /* nothing new */
    CHECK_EQ(get(IIR), 1);
    end();
}

TEST(a_slow_reader_shows_as_a_busy_transmitter)
{
    begin();
    set(FCR, 1);
    fake_chardev_limit(&h, 3);
    set(IER, 2);
    get(IIR);
    send("0123456789abcdefghi"); /* 3 go, 16 wait */
    CHECK_STR(sent(), "012");
    CHECK_EQ(get(LSR), 0);
    CHECK(!fake_irq(&h, 0));
    set(DATA, 'X'); /* lost: the FIFO is full */
    fake_chardev_limit(&h, 10);
    CHECK_STR(sent(), "0123456789");
    CHECK_EQ(get(LSR), 0);
    CHECK(!fake_irq(&h, 0));
    fake_chardev_limit(&h, 100);
    CHECK_STR(sent(), "0123456789abcdefghi");
    CHECK_EQ(get(LSR), THRE_TEMT);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 0xc2);
    end();
}

TEST(input_waits_until_there_is_room)
{
    begin();
    set(IER, 1);
    fake_type(&h, "abc", 3);
    CHECK_EQ(h.chardev.in_len, 2); /* without FIFO one byte fits */
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 4);
    CHECK_EQ(get(LSR), THRE_TEMT | 1);
    CHECK_EQ(get(DATA), 'a');
    CHECK(!fake_irq(&h, 0));
    fake_settle(&h);
    CHECK_EQ(get(DATA), 'b');
    fake_settle(&h);
    CHECK_EQ(get(DATA), 'c');
    CHECK_EQ(get(LSR), THRE_TEMT); /* no overrun */
    CHECK_EQ(get(DATA), 0);
    end();
}

TEST(the_fifo_interrupts_at_its_trigger_level)
{
    begin();
    set(FCR, 0x81); /* 8 bytes */
    set(IER, 1);
    fake_type(&h, "0123456", 7);
    CHECK(!fake_irq(&h, 0));
    fake_type(&h, "7", 1);
    CHECK_EQ(get(IIR), 0xc4);
    CHECK_EQ(get(DATA), '0');
    CHECK(!fake_irq(&h, 0));
    fake_type(&h, "89abcdefgh", 10);
    CHECK_EQ(h.chardev.in_len, 1);
    for (const char *c = "123456789abcdefg"; *c; c++)
        CHECK_EQ(get(DATA), *c);
    fake_settle(&h);
    CHECK_EQ(get(DATA), 'h');
    end();
}

/* 115200 bit/s: four characters of ten bits take 347 microseconds. */
TEST(bytes_below_the_trigger_time_out)
{
    begin();
    set(LCR, 0x83);
    set(DATA, 2);
    CHECK_EQ(get(DATA), 2);
    CHECK_EQ(get(IER), 0);
    set(LCR, 0x03);
    set(FCR, 0xc1);
    set(IER, 1);
    fake_type(&h, "ab", 2);
    fake_run(&h, 347000);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 1000);
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 0xcc);
    CHECK_EQ(get(DATA), 'a');
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 348000);
    CHECK_EQ(get(IIR), 0xcc);
    CHECK_EQ(get(DATA), 'b');
    fake_run(&h, NS_PER_SEC);
    CHECK_EQ(get(IIR), 0xc1);
    end();
}

TEST(fifo_control_clears)
{
    begin();
    set(FCR, 1);
    fake_type(&h, "abc", 3);
    set(FCR, 3);
    CHECK_EQ(get(LSR), THRE_TEMT);
    fake_chardev_limit(&h, 0);
    send("lost");
    CHECK_EQ(get(LSR), 0);
    set(FCR, 5);
    CHECK_EQ(get(LSR), THRE_TEMT);
    fake_chardev_limit(&h, 10);
    CHECK_STR(sent(), "");
    set(FCR, 0xc0); /* without the enable bit the others say nothing */
    CHECK_EQ(get(IIR), 1);
    end();
}

/* What Linux's 8250 driver tries: MCR in loopback shows in MSR. */
TEST(loopback_joins_both_directions)
{
    begin();
    CHECK_EQ(get(MSR), 0xb0);
    set(MCR, 0x1a);
    CHECK_EQ(get(MSR) & 0xf0, 0x90);
    send("A");
    CHECK_STR(sent(), "");
    CHECK_EQ(get(LSR), THRE_TEMT | 1);
    CHECK_EQ(get(DATA), 'A');
    send("BC"); /* no FIFO: the second has no room */
    set(IER, 4);
    CHECK_EQ(get(IIR), 6);
    CHECK_EQ(get(LSR), THRE_TEMT | 3);
    CHECK(!fake_irq(&h, 0));
    CHECK_EQ(get(LSR), THRE_TEMT | 1);
    CHECK_EQ(get(DATA), 'B');
    fake_type(&h, "x", 1); /* the line is cut off */
    CHECK_EQ(get(LSR), THRE_TEMT);
    set(MCR, 0);
    fake_settle(&h);
    CHECK_EQ(get(DATA), 'x');
    end();
}

TEST(modem_changes_are_reported_once)
{
    begin();
    set(MCR, 0x1b); /* RTS, DTR, OUT2: as a ready peer */
    get(MSR);
    set(IER, 8);
    CHECK(!fake_irq(&h, 0));
    set(MCR, 0x19); /* CTS falls */
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(IIR), 0);
    CHECK_EQ(get(MSR), 0xa1);
    CHECK(!fake_irq(&h, 0));
    set(MCR, 0x1d); /* the ring indicator rises: not reported */
    CHECK_EQ(get(MSR), 0xe0);
    set(MCR, 0x19);
    CHECK_EQ(get(MSR), 0xa4);
    end();
}

TEST(scratch_and_latch_keep_what_is_written)
{
    begin();
    set(SCR, 0x5a);
    CHECK_EQ(get(SCR), 0x5a);
    set(LCR, 0x80);
    set(DATA, 0x34);
    set(IER, 0x12);
    CHECK_EQ(get(DATA), 0x34);
    CHECK_EQ(get(IER), 0x12);
    CHECK_EQ(get(LCR), 0x80);
    set(LCR, 0);
    CHECK_EQ(get(IER), 0);
    set(IER, 0xff);
    CHECK_EQ(get(IER), 0x0f);
    CHECK_STR(sent(), "");
    end();
}

TEST(without_a_chardev_bytes_vanish)
{
    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("uart-16550"), NULL, 0);
    send("gone");
    CHECK_EQ(get(LSR), THRE_TEMT);
    end();
}

/* What the other side had not taken follows after the load. */
TEST(a_save_carries_what_waits)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct dev_setting s = { "chardev", NULL, &h.chardev.cd };
    struct err err = { 0 };
    u8 *data = NULL;
    size_t size = 0;

    begin();
    set(FCR, 1);
    set(IER, 3);
    fake_chardev_limit(&h, 0);
    send("wait");
    fake_type(&h, "in", 2);
    dev_save(d, w);
    CHECK_EQ(state_writer_memory(w, &data, &size, &err), 0);
    fake_device_free(&h, d);
    d = fake_device(&h, dev_class_find("uart-16550"), &s, 1);
    h.chardev.out_limit = 100;
    CHECK_EQ(state_reader_open_memory(data, size, &r, &err), 0);
    CHECK_EQ(dev_load(d, r, &err), 0);
    CHECK_STR(sent(), "wait");
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(DATA), 'i');
    CHECK_EQ(get(DATA), 'n');
    state_reader_free(r);
    state_writer_free(w);
    free(data);
    end();
}

TEST_MAIN(TEST_CASE(what_is_written_comes_out),
          TEST_CASE(the_transmit_interrupt_comes_when_empty_and_goes_when_seen),
          TEST_CASE(a_slow_reader_shows_as_a_busy_transmitter),
          TEST_CASE(input_waits_until_there_is_room),
          TEST_CASE(the_fifo_interrupts_at_its_trigger_level),
          TEST_CASE(bytes_below_the_trigger_time_out), TEST_CASE(fifo_control_clears),
          TEST_CASE(loopback_joins_both_directions), TEST_CASE(modem_changes_are_reported_once),
          TEST_CASE(scratch_and_latch_keep_what_is_written),
          TEST_CASE(without_a_chardev_bytes_vanish), TEST_CASE(a_save_carries_what_waits))
