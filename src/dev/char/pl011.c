/*
 * pl011.c - Arm PrimeCell UART (PL011), revision r1p5 with 32-byte FIFOs; DDI 0183G.
 *
 * Bytes leave for the character device at once; what it does not take waits in the transmit FIFO.
 * Input is asked for only as far as the receive FIFO has room. There is no wire: framing, parity
 * and break errors do not occur, modem inputs are those of a ready peer. DMA is not there.
 *
 * It comes out of reset enabled, as a board's firmware leaves it: early consoles of kernels write
 * without having asked.
 */
#include "backend/chardev/chardev.h"
#include "base/bits.h"
#include "dev/core/device.h"
#include <errno.h>

enum {
    DR = 0x00,
    RSR_ECR = 0x04,
    FR = 0x18,
    ILPR = 0x20,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
    DMACR = 0x48,
    PERIPH_ID = 0xfe0,
    PL011_SIZE = 0x1000
};
enum { DR_OVERRUN = 1 << 11, RSR_OVERRUN = 1 << 3 };
enum { FR_READY = 7 /* CTS, DSR, DCD */, FR_RXFE = 0x10, FR_TXFF = 0x20, FR_RXFF = 0x40 };
enum { FR_TXFE = 0x80, FR_BUSY = 0x08 };
enum { LCR_FEN = 0x10, CR_UARTEN = 1, CR_LBE = 0x80, CR_TXE = 0x100, CR_RXE = 0x200 };
enum { CR_RESET = CR_UARTEN | CR_TXE | CR_RXE, IFLS_RESET = 0x12 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_OE = 0x400, INT_ALL = 0x7ff };
enum { PL011_FIFO = 32, TIMEOUT_BITS = 32 };

#define PL011_STATE(F, A, N)                                                                       \
    A(u16, rx, PL011_FIFO, ZERO, "received and not yet read, each with its error bits")            \
    A(u8, tx, PL011_FIFO, ZERO, "written and not yet taken by the other side")                     \
    F(u8, rx_count, ZERO, "bytes in rx")                                                           \
    F(u8, tx_count, ZERO, "bytes in tx")                                                           \
    F(u8, ilpr, ZERO, "IrDA divisor")                                                              \
    F(u8, fbrd, ZERO, "fractional divisor, in 64ths")                                              \
    F(u16, ibrd, ZERO, "divisor of the clock: 16 times the bit rate")                              \
    F(u16, cr, KEEP, "control")                                                                    \
    F(u16, imsc, ZERO, "interrupts that are let through")                                          \
    F(u16, ris, ZERO, "interrupts before the mask")                                                \
    F(u8, lcr, ZERO, "line control")                                                               \
    F(u8, ifls, KEEP, "FIFO levels of interrupts")                                                 \
    F(u8, dmacr, ZERO, "DMA control: kept, without effect")                                        \
    F(flag, overrun, ZERO, "RSR: a byte came without room")                                        \
    F(u64, timeout_at, KEEP, "when bytes have waited for long (guest time); all ones: none wait")
STATE_STRUCT(pl011, PL011_STATE);

struct pl011 {
    struct device dev;
    struct pl011_state s;
    struct chardev *chardev; /* borrows (outlives); NULL: nothing connected */
    u64 clock;
};

static struct pl011 *self(struct device *d)
{
    return container_of(d, struct pl011, dev);
}

static unsigned fifo_size(const struct pl011 *u)
{
    return u->s.lcr & LCR_FEN ? PL011_FIFO : 1;
}

static bool has(const struct pl011 *u, u16 bits)
{
    return (u->s.cr & bits) == bits;
}

/* Bytes by a field of IFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of a FIFO; without FIFO, one. */
static unsigned level(const struct pl011 *u, unsigned field)
{
    static const u8 eighths[8] = { 1, 2, 4, 6, 7, 7, 7, 7 };

    return u->s.lcr & LCR_FEN ? PL011_FIFO / 8 * eighths[field & 7] : 1;
}

static unsigned rx_level(const struct pl011 *u)
{
    return level(u, u->s.ifls >> 3);
}

/* --- outputs --- */

static void pl011_update(struct device *d)
{
    struct pl011 *u = self(d);
    unsigned size = fifo_size(u);
    bool listens = has(u, CR_UARTEN | CR_RXE) && !has(u, CR_LBE);

    dev_irq_set(d, 0, (u->s.ris & u->s.imsc) != 0);
    dev_timer_set(d, 0, u->s.timeout_at);
    if (u->chardev)
        chardev_set_room(u->chardev, !listens || u->s.rx_count >= size ? 0 : size - u->s.rx_count);
}

/* --- receiving --- */

/* 32 bit times; at most 10 ms, also while no speed is set. */
static ns_t timeout(const struct pl011 *u)
{
    u64 sixty_fourths = (u64)u->s.ibrd * 64 + u->s.fbrd;
    ns_t ns = sixty_fourths * 16 / 64 * TIMEOUT_BITS * NS_PER_SEC / u->clock;

    return ns == 0 || ns > 10 * NS_PER_MS ? 10 * NS_PER_MS : ns;
}

/* A byte that comes or is read restarts the wait. */
static void rx_changed(struct pl011 *u)
{
    if (u->s.rx_count < rx_level(u))
        u->s.ris &= (u16)~INT_RX;
    if (u->s.rx_count == 0)
        u->s.ris &= (u16)~INT_RT;
    u->s.timeout_at = u->s.rx_count ? dev_clock_ns(&u->dev) + timeout(u) : DEV_TIMER_OFF;
}

static void rx_push(struct pl011 *u, u8 byte)
{
    if (u->s.rx_count >= fifo_size(u)) {
        u->s.overrun = true;
        u->s.ris |= INT_OE;
        return;
    }
    u->s.rx[u->s.rx_count++] = (u16)(byte | (u->s.overrun ? DR_OVERRUN : 0));
    if (u->s.rx_count == rx_level(u))
        u->s.ris |= INT_RX;
    rx_changed(u);
}

static u16 rx_pop(struct pl011 *u)
{
    u16 entry = u->s.rx[0];

    if (u->s.rx_count == 0)
        return 0;
    u->s.rx_count--;
    memmove(u->s.rx, u->s.rx + 1, u->s.rx_count * sizeof u->s.rx[0]);
    rx_changed(u);
    return entry;
}

static void pl011_receive(void *arg, const u8 *data, size_t len)
{
    struct pl011 *u = arg;

    for (size_t i = 0; i < len; i++)
        rx_push(u, data[i]);
    pl011_update(&u->dev);
}

static void pl011_expired(struct device *d, unsigned timer)
{
    struct pl011 *u = self(d);

    u->s.timeout_at = DEV_TIMER_OFF;
    if (u->s.rx_count)
        u->s.ris |= INT_RT;
    pl011_update(d);
}

/* --- sending --- */

/* Hands over what the other side takes. The interrupt comes when the FIFO falls to its level. */
static void tx_flush(struct pl011 *u)
{
    unsigned before = u->s.tx_count, to = u->s.lcr & LCR_FEN ? level(u, u->s.ifls) : 0;
    size_t n = before;

    if (n == 0 || !has(u, CR_UARTEN | CR_TXE))
        return;
    if (has(u, CR_LBE))
        for (size_t i = 0; i < n; i++)
            rx_push(u, u->s.tx[i]);
    else if (u->chardev)
        n = chardev_write(u->chardev, u->s.tx, n);
    u->s.tx_count = (u8)(before - n);
    memmove(u->s.tx, u->s.tx + n, u->s.tx_count);
    if (n && u->s.tx_count <= to)
        u->s.ris |= INT_TX;
}

/* A byte for a full transmitter is lost. */
static void tx_push(struct pl011 *u, u8 byte)
{
    if (u->s.tx_count < fifo_size(u))
        u->s.tx[u->s.tx_count++] = byte;
    if (u->s.tx_count > (u->s.lcr & LCR_FEN ? level(u, u->s.ifls) : 0))
        u->s.ris &= (u16)~INT_TX;
    tx_flush(u);
}

static void pl011_writable(void *arg)
{
    tx_flush(arg);
    pl011_update(&((struct pl011 *)arg)->dev);
}

/* --- registers --- */

static u64 flags(const struct pl011 *u)
{
    unsigned size = fifo_size(u);

    return FR_READY | (u->s.rx_count == 0 ? FR_RXFE : 0) | (u->s.rx_count >= size ? FR_RXFF : 0) |
           (u->s.tx_count == 0 ? FR_TXFE : FR_BUSY) | (u->s.tx_count >= size ? FR_TXFF : 0);
}

/* UARTPeriphID0 to 3, UARTPCellID0 to 3 */
static u64 identification(u64 off)
{
    static const u8 id[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    return id[(off - PERIPH_ID) / 4];
}

static u64 reg_read(struct pl011 *u, u64 off, unsigned size)
{
    const struct pl011_state *s = &u->s;

    switch (off) {
    case DR: return rx_pop(u);
    case RSR_ECR: return s->overrun ? RSR_OVERRUN : 0;
    case FR: return flags(u);
    case ILPR: return s->ilpr;
    case IBRD: return s->ibrd;
    case FBRD: return s->fbrd;
    case LCR_H: return s->lcr;
    case CR: return s->cr;
    case IFLS: return s->ifls;
    case IMSC: return s->imsc;
    case RIS: return s->ris;
    case MIS: return s->ris & s->imsc;
    case DMACR: return s->dmacr;
    }
    if (off >= PERIPH_ID && off % 4 == 0)
        return identification(off);
    return dev_bad_access(&u->dev, off, size);
}

static u64 pl011_read(struct device *d, u64 off, unsigned size)
{
    u64 v = reg_read(self(d), off, size);

    pl011_update(d);
    return v;
}

/* Turning FIFOs on or off empties them. */
static void lcr_write(struct pl011 *u, u8 v)
{
    if ((v ^ u->s.lcr) & LCR_FEN) {
        u->s.rx_count = u->s.tx_count = 0;
        rx_changed(u);
    }
    u->s.lcr = v;
}

static void pl011_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct pl011 *u = self(d);
    struct pl011_state *s = &u->s;

    switch (off) {
    case DR: tx_push(u, (u8)v); break;
    case RSR_ECR: s->overrun = false; break;
    case ILPR: s->ilpr = (u8)v; break;
    case IBRD: s->ibrd = (u16)v; break;
    case FBRD: s->fbrd = v & 0x3f; break;
    case LCR_H: lcr_write(u, (u8)v); break;
    case CR:
        s->cr = (u16)v;
        tx_flush(u);
        break;
    case IFLS: s->ifls = v & 0x3f; break;
    case IMSC: s->imsc = v & INT_ALL; break;
    case ICR: s->ris &= (u16)~v; break;
    case DMACR: s->dmacr = v & 7; break;
    default: dev_bad_access(d, off, size); return;
    }
    pl011_update(d);
}

/* --- life --- */

static const struct chardev_client pl011_client = { .receive = pl011_receive,
                                                    .writable = pl011_writable };

static int pl011_init(struct device *d, struct err *err)
{
    if (self(d)->chardev)
        chardev_set_client(self(d)->chardev, &pl011_client, self(d));
    return 0;
}

static void pl011_fini(struct device *d)
{
    if (!self(d)->chardev)
        return;
    chardev_set_room(self(d)->chardev, 0);
    chardev_set_client(self(d)->chardev, NULL, NULL);
}

static void pl011_reset(struct device *d)
{
    self(d)->s.cr = CR_RESET;
    self(d)->s.ifls = IFLS_RESET;
    self(d)->s.timeout_at = DEV_TIMER_OFF;
}

/* The new process's other side may have room for what the old one's did not take. */
static void pl011_loaded(struct device *d)
{
    tx_flush(self(d));
}

static int pl011_check(struct device *d, struct err *err)
{
    const struct pl011_state *s = &self(d)->s;

    if (s->rx_count > PL011_FIFO || s->tx_count > PL011_FIFO)
        return err_set(err, EINVAL, "%u and %u bytes are in FIFOs of %u", s->rx_count, s->tx_count,
                       PL011_FIFO);
    return 0;
}

#define STATE_ROW_T struct pl011_state
STATE_LIST(pl011, PL011_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop pl011_props[] = {
    { "chardev", "where the bytes go and come from", DEV_PROP_CHARDEV,
      offsetof(struct pl011, chardev) },
    { "clock", "input clock in Hz; only the receive time-out depends on it", DEV_PROP_U64,
      offsetof(struct pl011, clock), .min = 1000, .max = 1000000000, .initial = 24000000 },
};

static const struct dev_region pl011_regions[] = {
    { "registers", PL011_SIZE, MEM_IO_1 | MEM_IO_2 | MEM_IO_4, pl011_read, pl011_write },
};

const struct dev_class pl011_class = {
    .name = "pl011",
    .doc = "Arm PrimeCell serial port (PL011)",
    .size = sizeof(struct pl011),
    .state_offset = offsetof(struct pl011, s),
    .state = &pl011_state_list,
    .props = pl011_props,
    .prop_count = ARRAY_SIZE(pl011_props),
    .regions = pl011_regions,
    .region_count = ARRAY_SIZE(pl011_regions),
    .irq_count = 1,
    .needs = DEV_NEEDS_TTY,
    .init = pl011_init,
    .fini = pl011_fini,
    .reset = pl011_reset,
    .update = pl011_update,
    .loaded = pl011_loaded,
    .expired = pl011_expired,
    .check = pl011_check,
    .fdt_compatible = "arm,pl011",
};
