/*
 * virtio_input.c - virtio input device with one key (virtio 1.2, 5.8): the power button.
 *
 * Linux makes an input device of it whose KEY_POWER a session manager acts on. A rising
 * edge of the device's input line is one press and release, as events: key down, sync,
 * key up, sync. The event queue's note counts those that wait for buffers, the status
 * queue's note is what the configuration shows: select, and subsel above it.
 */
#include "base/bits.h"
#include "dev/virtio/virtio.h"
#include <string.h>

enum { EVENTS = 0, STATUS = 1, QUEUE_SIZE = 64 };
enum { SELECT = 0, SUBSEL = 1, SIZE = 2, PAYLOAD = 8, CONFIG_SIZE = 136 };
enum { CFG_ID_NAME = 0x01, CFG_ID_DEVIDS = 0x03, CFG_EV_BITS = 0x11 };
enum { EVENT_SIZE = 8 };
/* Linux's input-event-codes.h and input.h, which 5.8 refers to. */
enum { EV_SYN = 0, EV_KEY = 1, KEY_POWER = 116, BUS_VIRTUAL = 6 };
enum { PRESS_EVENTS = 4, WAITING_MAX = 4 * PRESS_EVENTS };

struct virtio_input {
    struct virtio v;
};

/* --- events --- */

static void event_put(u8 out[EVENT_SIZE], u32 left)
{
    u32 step = (PRESS_EVENTS - left % PRESS_EVENTS) % PRESS_EVENTS; /* 0 … 3 of this press */

    memset(out, 0, EVENT_SIZE);
    le16_put(out, step % 2 ? EV_SYN : EV_KEY);
    le16_put(out + 2, step % 2 ? 0 : KEY_POWER);
    le32_put(out + 4, step == 0);
}

static void send_events(struct virtio *v)
{
    u32 *left = &v->queue[EVENTS].s->note;
    struct virtq_chain *c;
    u8 event[EVENT_SIZE];

    while (*left && (c = virtio_take(v, EVENTS)) != NULL) {
        if (c->in_len < EVENT_SIZE) {
            virtio_error(v, "an event buffer is too short");
            return;
        }
        event_put(event, *left);
        virtq_chain_write(v->dev, c, 0, event, EVENT_SIZE);
        virtio_done(v, &c->ticket, EVENT_SIZE);
        --*left;
    }
}

/* Nobody sees a button that has no driver. */
static void input_line(struct virtio *v, unsigned input, bool level)
{
    u32 *left = &v->queue[EVENTS].s->note;

    if (!level || !virtio_queue_active(v, EVENTS))
        return;
    if (*left <= WAITING_MAX - PRESS_EVENTS)
        *left += PRESS_EVENTS;
    send_events(v);
    virtio_signal(v, EVENTS);
}

static void input_notify(struct virtio *v, unsigned n)
{
    struct virtq_chain *c;

    if (n == EVENTS) {
        send_events(v);
        return;
    }
    while ((c = virtio_next(v, n)) != NULL) /* lamps and the like, which it has none of */
        virtio_done(v, &c->ticket, 0);
}

/* --- configuration space (5.8.4) --- */

static u8 payload_put(u8 select, u8 subsel, u8 *out)
{
    static const char name[] = "Power Button";

    switch (select) {
    case CFG_ID_NAME:
        if (subsel)
            return 0;
        memcpy(out, name, sizeof name - 1);
        return sizeof name - 1;
    case CFG_ID_DEVIDS:
        if (subsel)
            return 0;
        le16_put(out, BUS_VIRTUAL);
        le16_put(out + 6, 1); /* version; the vendor and the product have no number */
        return 8;
    case CFG_EV_BITS:
        if (subsel != EV_KEY)
            return 0;
        out[KEY_POWER / 8] = 1 << KEY_POWER % 8;
        return KEY_POWER / 8 + 1;
    default: return 0;
    }
}

static void input_config(const struct virtio *v, u8 *out)
{
    u32 shown = v->queue[STATUS].s->note;

    out[SELECT] = (u8)shown;
    out[SUBSEL] = (u8)(shown >> 8);
    out[SIZE] = payload_put(out[SELECT], out[SUBSEL], out + PAYLOAD);
}

static void input_config_write(struct virtio *v, u32 off, u32 value, unsigned size)
{
    if (off + size > SIZE)
        dev_bad_access(v->dev, off, size);
    else
        v->queue[STATUS].s->note =
            (u32)bits_put(v->queue[STATUS].s->note, 8 * off, 8 * size, value);
}

static unsigned input_queue_count(const struct virtio *v)
{
    return 2;
}

static const struct virtio_type virtio_input_type = {
    .id = VIRTIO_ID_INPUT,
    .pci_class = 0x098000,
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = input_queue_count,
    .config = input_config,
    .config_write = input_config_write,
    .notify = input_notify,
    .line = input_line,
};

#define VIRTIO_NAME   virtio_input
#define VIRTIO_CLASS  "virtio-input"
#define VIRTIO_DOC    "power button"
#define VIRTIO_QUEUES 2
#define VIRTIO_NEEDS  0
#define VIRTIO_LINE   true
#define VIRTIO_PROPS(AT)
#include "dev/virtio/class.inc"
