/*
 * uart_16550.c - NS16550A serial port with 16-byte FIFOs.
 *
 * Bytes leave for the character device at once; what it does not take waits in the
 * transmit FIFO, so that a slow reader shows to the guest as a busy line (THRE clear) and
 * never stops a vCPU. Input is asked for only as far as the receive FIFO has room.
 *
 * There is no wire: speed and format are stored, modem inputs are those of a ready peer,
 * parity and framing errors do not occur. In loopback (MCR bit 4) the transmitter feeds
 * the receiver and MCR's outputs the modem inputs.
 */
#include "backend/chardev/chardev.h"
#include "base/bits.h"
#include "dev/core/device.h"
#include <errno.h>

/* Registers; the first two are the divisor latch while LCR.DLAB is set. */
enum { DATA = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
enum { IER_RX = 1, IER_TX = 2, IER_LINE = 4, IER_MODEM = 8 };
enum {
    IIR_MODEM = 0x0,
    IIR_NONE = 0x1,
    IIR_TX = 0x2,
    IIR_RX = 0x4,
    IIR_LINE = 0x6,
    IIR_TIMEOUT = 0xc,
    IIR_FIFOS = 0xc0
};
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10, MCR_KEPT = 0x1f };
enum { LSR_DATA = 0x01, LSR_OVERRUN = 0x02, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum {
    MSR_DELTAS = 0x0f,
    MSR_RI_FELL = 0x04,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80
};
enum { UART_FIFO = 16, UART_SIZE = 0x100 };

#define UART_STATE(F, A, N)                                                                        \
    A(u8, rx, UART_FIFO, ZERO, "received and not yet read")                                        \
    A(u8, tx, UART_FIFO, ZERO, "written and not yet taken by the other side")                      \
    F(u8, rx_count, ZERO, "bytes in rx")                                                           \
    F(u8, tx_count, ZERO, "bytes in tx")                                                           \
    F(u8, ier, ZERO, "interrupt enables")                                                          \
    F(u8, fcr, ZERO, "FIFO control: enable and trigger level")                                     \
    F(u8, lcr, ZERO, "line control")                                                               \
    F(u8, mcr, ZERO, "modem control")                                                              \
    F(u8, msr_deltas, ZERO, "modem inputs that changed since MSR was read")                        \
    F(u8, scr, ZERO, "scratch")                                                                    \
    F(u16, divisor, ZERO, "of the clock: 16 times the bit rate")                                   \
    F(flag, overrun, ZERO, "a byte came without room and LSR was not read since")                  \
    F(flag, tx_pending, ZERO, "the transmitter became empty: interrupt not yet taken")             \
    F(flag, rx_timeout, ZERO, "bytes below the trigger level wait for long")                       \
    F(u64, timeout_at, KEEP, "when that will be so (guest time); all ones: not waiting")
STATE_STRUCT(uart, UART_STATE);

struct uart {
    struct device dev;
    struct uart_state s;
    struct chardev *chardev; /* borrows (outlives); NULL: nothing connected */
    u64 clock;
};

static struct uart *self(struct device *d)
{
    return container_of(d, struct uart, dev);
}

static bool fifo_on(const struct uart *u)
{
    return u->s.fcr & FCR_ENABLE;
}

static unsigned fifo_size(const struct uart *u)
{
    return fifo_on(u) ? UART_FIFO : 1;
}

static bool loopback(const struct uart *u)
{
    return u->s.mcr & MCR_LOOP;
}

/* Bytes at which "received data available" is raised; FCR bits 6 and 7. */
static unsigned trigger(const struct uart *u)
{
    static const u8 levels[] = { 1, 4, 8, 14 };

    return fifo_on(u) ? levels[u->s.fcr >> 6] : 1;
}

/* --- outputs --- */

/* The interrupt of the highest priority, as IIR names it. */
static u8 interrupt(const struct uart *u)
{
    const struct uart_state *s = &u->s;

    if (s->ier & IER_LINE && s->overrun)
        return IIR_LINE;
    if (s->ier & IER_RX && s->rx_count >= trigger(u))
        return IIR_RX;
    if (s->ier & IER_RX && s->rx_timeout)
        return IIR_TIMEOUT;
    if (s->ier & IER_TX && s->tx_pending)
        return IIR_TX;
    if (s->ier & IER_MODEM && s->msr_deltas)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update(struct device *d)
{
    struct uart *u = self(d);
    unsigned size = fifo_size(u);

    dev_irq_set(d, 0, interrupt(u) != IIR_NONE);
    dev_timer_set(d, 0, u->s.timeout_at);
    if (u->chardev)
        chardev_set_room(u->chardev,
                         loopback(u) || u->s.rx_count >= size ? 0 : size - u->s.rx_count);
}

/* --- receiving --- */

/* Time of four characters of ten bits; at most 10 ms, also while no speed is set. */
static ns_t four_characters(const struct uart *u)
{
    ns_t ns = 16ull * u->s.divisor * 40 * NS_PER_SEC / u->clock;

    return ns == 0 || ns > 10 * NS_PER_MS ? 10 * NS_PER_MS : ns;
}

/* Each byte that comes or is read restarts the wait. */
static void timeout_restart(struct uart *u)
{
    u->s.rx_timeout = false;
    u->s.timeout_at =
        fifo_on(u) && u->s.rx_count ? dev_clock_ns(&u->dev) + four_characters(u) : DEV_TIMER_OFF;
}

static void rx_push(struct uart *u, u8 byte)
{
    if (u->s.rx_count >= fifo_size(u))
        u->s.overrun = true;
    else
        u->s.rx[u->s.rx_count++] = byte;
    timeout_restart(u);
}

static u8 rx_pop(struct uart *u)
{
    u8 byte = u->s.rx[0];

    if (u->s.rx_count == 0)
        return 0;
    u->s.rx_count--;
    memmove(u->s.rx, u->s.rx + 1, u->s.rx_count);
    timeout_restart(u);
    return byte;
}

static void rx_clear(struct uart *u)
{
    u->s.rx_count = 0;
    timeout_restart(u);
}

static void uart_receive(void *arg, const u8 *data, size_t len)
{
    struct uart *u = arg;

    for (size_t i = 0; i < len; i++)
        rx_push(u, data[i]);
    uart_update(&u->dev);
}

static void uart_expired(struct device *d, unsigned timer)
{
    self(d)->s.timeout_at = DEV_TIMER_OFF;
    self(d)->s.rx_timeout = self(d)->s.rx_count != 0;
    uart_update(d);
}

/* --- sending --- */

/* Hands over what the other side takes; an emptied transmitter asks for an interrupt. */
static void tx_flush(struct uart *u)
{
    size_t n = u->s.tx_count;

    if (n == 0)
        return;
    if (u->chardev)
        n = chardev_write(u->chardev, u->s.tx, n);
    u->s.tx_count = (u8)(u->s.tx_count - n);
    memmove(u->s.tx, u->s.tx + n, u->s.tx_count);
    if (u->s.tx_count == 0)
        u->s.tx_pending = true;
}

static void uart_writable(void *arg)
{
    struct uart *u = arg;

    tx_flush(u);
    uart_update(&u->dev);
}

/* A byte for a full transmitter is lost, as on the chip. */
static void tx_push(struct uart *u, u8 byte)
{
    u->s.tx_pending = false;
    if (loopback(u)) {
        rx_push(u, byte);
        u->s.tx_pending = u->s.tx_count == 0;
        return;
    }
    if (u->s.tx_count < fifo_size(u))
        u->s.tx[u->s.tx_count++] = byte;
    tx_flush(u);
}

/* --- modem lines --- */

static u8 modem_inputs(const struct uart *u)
{
    u8 mcr = u->s.mcr;

    if (!loopback(u))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (u8)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
                (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

/* The ring indicator reports its end only, the others each change. */
static void mcr_write(struct uart *u, u8 v)
{
    u8 before = modem_inputs(u), changed;

    u->s.mcr = v & MCR_KEPT;
    changed = (u8)((before ^ modem_inputs(u)) >> 4);
    if (!(before & MSR_RI))
        changed &= (u8)~MSR_RI_FELL;
    u->s.msr_deltas |= changed & MSR_DELTAS;
}

/* --- registers --- */

static void fcr_write(struct uart *u, u8 v)
{
    bool toggled = (v ^ u->s.fcr) & FCR_ENABLE;

    u->s.fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
    if (toggled || v & FCR_CLEAR_RX)
        rx_clear(u);
    if (toggled || v & FCR_CLEAR_TX) {
        u->s.tx_pending = true;
        u->s.tx_count = 0;
    }
}

/* Enabling the transmit interrupt while the transmitter is empty raises it. */
static void ier_write(struct uart *u, u8 v)
{
    if (v & ~u->s.ier & IER_TX && u->s.tx_count == 0)
        u->s.tx_pending = true;
    u->s.ier = v & (IER_RX | IER_TX | IER_LINE | IER_MODEM);
}

static u8 iir_read(struct uart *u)
{
    u8 iir = interrupt(u);

    if (iir == IIR_TX)
        u->s.tx_pending = false;
    return (u8)(iir | (fifo_on(u) ? IIR_FIFOS : 0));
}

static u8 lsr_read(struct uart *u)
{
    u8 lsr = (u8)((u->s.rx_count ? LSR_DATA : 0) | (u->s.overrun ? LSR_OVERRUN : 0) |
                  (u->s.tx_count == 0 ? LSR_THRE | LSR_TEMT : 0));

    u->s.overrun = false;
    return lsr;
}

static u8 msr_read(struct uart *u)
{
    u8 msr = (u8)(modem_inputs(u) | u->s.msr_deltas);

    u->s.msr_deltas = 0;
    return msr;
}

static u64 reg_read(struct uart *u, u64 off)
{
    bool latch = u->s.lcr & LCR_DLAB;

    switch (off) {
    case DATA: return latch ? u->s.divisor & 0xff : rx_pop(u);
    case IER: return latch ? u->s.divisor >> 8 : u->s.ier;
    case IIR_FCR: return iir_read(u);
    case LCR: return u->s.lcr;
    case MCR: return u->s.mcr;
    case LSR: return lsr_read(u);
    case MSR: return msr_read(u);
    case SCR: return u->s.scr;
    }
    return dev_bad_access(&u->dev, off, 1);
}

static u64 uart_read(struct device *d, u64 off, unsigned size)
{
    u64 v = reg_read(self(d), off);

    uart_update(d);
    return v;
}

static void uart_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct uart *u = self(d);
    bool latch = u->s.lcr & LCR_DLAB;
    u8 byte = (u8)v;

    switch (off) {
    case DATA:
        if (latch)
            u->s.divisor = (u16)bits_put(u->s.divisor, 0, 8, byte);
        else
            tx_push(u, byte);
        break;
    case IER:
        if (latch)
            u->s.divisor = (u16)bits_put(u->s.divisor, 8, 8, byte);
        else
            ier_write(u, byte);
        break;
    case IIR_FCR: fcr_write(u, byte); break;
    case LCR: u->s.lcr = byte; break;
    case MCR: mcr_write(u, byte); break;
    case SCR: u->s.scr = byte; break;
    default: dev_bad_access(d, off, size); return; /* LSR and MSR are read-only */
    }
    uart_update(d);
}

/* --- life --- */

static const struct chardev_client uart_client = { .receive = uart_receive,
                                                   .writable = uart_writable };

static int uart_init(struct device *d, struct err *err)
{
    if (self(d)->chardev)
        chardev_set_client(self(d)->chardev, &uart_client, self(d));
    return 0;
}

static void uart_fini(struct device *d)
{
    if (!self(d)->chardev)
        return;
    chardev_set_room(self(d)->chardev, 0);
    chardev_set_client(self(d)->chardev, NULL, NULL);
}

static void uart_reset(struct device *d)
{
    self(d)->s.timeout_at = DEV_TIMER_OFF;
}

/* The new process's other side may have room for what the old one's did not take. */
static void uart_loaded(struct device *d)
{
    tx_flush(self(d));
}

static int uart_check(struct device *d, struct err *err)
{
    const struct uart_state *s = &self(d)->s;

    if (s->rx_count > UART_FIFO || s->tx_count > UART_FIFO)
        return err_set(err, EINVAL, "%u and %u bytes are in FIFOs of %u", s->rx_count, s->tx_count,
                       UART_FIFO);
    return 0;
}

#define STATE_ROW_T struct uart_state
STATE_LIST(uart, UART_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop uart_props[] = {
    { "chardev", "where the bytes go and come from", DEV_PROP_CHARDEV,
      offsetof(struct uart, chardev) },
    { "clock", "input clock in Hz; only the receive time-out depends on it", DEV_PROP_U64,
      offsetof(struct uart, clock), .min = 1000, .max = 1000000000, .initial = 3686400 },
};

static const struct dev_region uart_regions[] = {
    { "registers", UART_SIZE, MEM_IO_1, uart_read, uart_write },
};

const struct dev_class uart_16550_class = {
    .name = "uart-16550",
    .doc = "NS16550A serial port",
    .size = sizeof(struct uart),
    .state_offset = offsetof(struct uart, s),
    .state = &uart_state_list,
    .props = uart_props,
    .prop_count = ARRAY_SIZE(uart_props),
    .regions = uart_regions,
    .region_count = ARRAY_SIZE(uart_regions),
    .irq_count = 1,
    .needs = DEV_NEEDS_TTY,
    .init = uart_init,
    .fini = uart_fini,
    .reset = uart_reset,
    .update = uart_update,
    .loaded = uart_loaded,
    .expired = uart_expired,
    .check = uart_check,
    .fdt_compatible = "ns16550a",
};
