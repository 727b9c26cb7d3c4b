/*
 * serial.h - a serial port on the fake host, for one test program: CLASS names the device, WIDTH is
 * that of its registers in bytes, DATA the one that takes and gives bytes; all defined before.
 */
#ifndef TEST_DEV_SERIAL_H
#define TEST_DEV_SERIAL_H

#include "fake_host.h"

static struct fake_host h;
static struct device *d;

static void begin(void)
{
    struct dev_setting s = { "chardev", NULL, NULL };

    fake_host_init(&h);
    s.ptr = &h.chardev.cd;
    d = fake_device(&h, dev_class_find(CLASS), &s, 1);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u64 get(u64 reg)
{
    return dev_read(d, 0, reg, WIDTH);
}

static void set(u64 reg, u64 v)
{
    dev_write(d, 0, reg, v, WIDTH);
}

static void send(const char *text)
{
    while (*text)
        set(DATA, (u8)*text++);
}

static const char *sent(void)
{
    h.chardev.out[h.chardev.out_len] = 0;
    return (const char *)h.chardev.out;
}

#endif
