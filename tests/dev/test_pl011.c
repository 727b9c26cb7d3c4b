/*
 * test_pl011.c - PL011: bytes both ways, interrupts by level and by time, back pressure, identity.
 */
#include "fake_host.h"
#include "test.h"

enum { DR = 0, RSR = 4, FR = 0x18, IBRD = 0x24, LCR = 0x2c, CR = 0x30, IFLS = 0x34 };
enum { IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44 };
enum { FEN = 0x10, RX = 0x10, TX = 0x20, RT = 0x40, OE = 0x400, IDLE = 0x97, ENABLED = 0x301 };

#define CLASS "pl011"
#define WIDTH 4
#define DATA  DR
#include "serial.h"

TEST(what_is_written_comes_out)
{
    begin();
    CHECK_EQ(get(FR), IDLE);
    send("hello");
    dev_write(d, 0, DR, '!', 1);
    CHECK_STR(sent(), "hello!");
    CHECK_EQ(get(FR), IDLE);
    CHECK(!fake_irq(&h, 0));
    end();
}

TEST(drivers_find_it)
{
    static const u8 id[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++)
        CHECK_EQ(get(0xfe0 + 4 * i), id[i]);
    end();
}

/* Not before anything was sent; then until it is cleared. */
TEST(the_transmit_interrupt_comes_when_the_fifo_falls)
{
    begin();
    set(IMSC, TX);
    CHECK(!fake_irq(&h, 0));
    send("a");
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(MIS), TX);
    set(ICR, TX);
    CHECK(!fake_irq(&h, 0));
    set(LCR, FEN);
    fake_chardev_limit(&h, 3);
    send("0123456789abcdefghijklmnopqrstuvwxyz"); /* 2 go, 32 wait, 2 are lost */
    CHECK_EQ(get(FR) & 0xa8, 0x28);               /* full and busy */
    CHECK_EQ(get(RIS) & TX, 0);
    fake_chardev_limit(&h, 18);
    CHECK_EQ(get(RIS) & TX, 0); /* 17 wait: over a half */
    fake_chardev_limit(&h, 19);
    CHECK_EQ(get(RIS) & TX, TX);
    fake_chardev_limit(&h, 100);
    CHECK_STR(sent(), "a0123456789abcdefghijklmnopqrstuvwx");
    CHECK_EQ(get(FR), IDLE);
    end();
}

TEST(input_waits_until_there_is_room)
{
    begin();
    set(IMSC, RX);
    fake_type(&h, "abc", 3);
    CHECK_EQ(h.chardev.in_len, 2); /* without FIFO one byte fits */
    CHECK(fake_irq(&h, 0));
    CHECK_EQ(get(FR), 0xc7);
    CHECK_EQ(get(DR), 'a');
    CHECK(!fake_irq(&h, 0));
    fake_settle(&h);
    CHECK_EQ(get(DR), 'b');
    fake_settle(&h);
    CHECK_EQ(get(DR), 'c');
    CHECK_EQ(get(FR), IDLE);
    CHECK_EQ(get(DR), 0);
    set(CR, ENABLED & ~0x200); /* the receiver is off */
    fake_type(&h, "d", 1);
    CHECK_EQ(get(FR), IDLE);
    set(CR, ENABLED);
    fake_settle(&h);
    CHECK_EQ(get(DR), 'd');
    end();
}

TEST(the_fifo_interrupts_at_its_level_or_after_a_while)
{
    begin();
    set(LCR, FEN);
    set(IFLS, 0); /* an eighth: 4 bytes */
    set(IBRD, 13);
    set(IMSC, RX | RT);
    fake_type(&h, "012", 3);
    CHECK(!fake_irq(&h, 0));
    fake_type(&h, "3", 1);
    CHECK_EQ(get(MIS), RX);
    CHECK_EQ(get(DR), '0');
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 200000);
    CHECK(!fake_irq(&h, 0));
    fake_run(&h, 100000); /* 32 bits of 8.7 us */
    CHECK_EQ(get(MIS), RT);
    for (const char *c = "123"; *c; c++)
        CHECK_EQ(get(DR), *c);
    CHECK(!fake_irq(&h, 0));
    end();
}

TEST(loopback_and_overrun)
{
    begin();
    set(CR, ENABLED | 0x80);
    send("xy"); /* no FIFO: y has no room */
    CHECK_STR(sent(), "");
    CHECK_EQ(get(RIS) & (RX | OE), RX | OE);
    CHECK_EQ(get(RSR), 8);
    CHECK_EQ(get(DR), 'x');
    set(RSR, 0);
    CHECK_EQ(get(RSR), 0);
    end();
}

TEST(a_transmitter_that_is_off_keeps_its_bytes)
{
    begin();
    set(LCR, FEN);
    set(CR, 0);
    send("ab");
    CHECK_STR(sent(), "");
    set(CR, ENABLED);
    CHECK_STR(sent(), "ab");
    end();
}

TEST_MAIN(TEST_CASE(what_is_written_comes_out), TEST_CASE(drivers_find_it),
          TEST_CASE(the_transmit_interrupt_comes_when_the_fifo_falls),
          TEST_CASE(input_waits_until_there_is_room),
          TEST_CASE(the_fifo_interrupts_at_its_level_or_after_a_while),
          TEST_CASE(loopback_and_overrun), TEST_CASE(a_transmitter_that_is_off_keeps_its_bytes))
