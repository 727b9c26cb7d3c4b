/*
 * virtio_console.c - virtio console with one port (virtio 1.2, 5.3).
 *
 * Output that the other side does not take stays in the ring: the request's note says how
 * much of it is out. Input is asked for only as far as the next receive buffer reaches,
 * which is that queue's note.
 */
#include "backend/chardev/chardev.h"
#include "base/bits.h"
#include "dev/virtio/virtio.h"

enum { F_EMERG_WRITE = 2 };
enum { MAX_PORTS = 4, EMERG_WRITE = 8, CONFIG_SIZE = 12 };
enum { RX = 0, TX = 1, QUEUE_SIZE = 64 };

struct virtio_console {
    struct virtio v;
    struct chardev *chardev; /* borrows (outlives); NULL: nothing connected */
};

static struct virtio_console *self(struct virtio *v)
{
    return container_of(v, struct virtio_console, v);
}

static void console_update(struct virtio *v)
{
    if (self(v)->chardev)
        chardev_set_room(self(v)->chardev, virtio_queue_active(v, RX) ? v->queue[RX].s->note : 0);
}

/* --- input --- */

static void look_for_room(struct virtio *v)
{
    struct virtq_chain *c = virtio_peek(v, RX);
    u64 room = c ? c->in_len : 0;

    if (c && room == 0)
        virtio_error(v, "a receive buffer has no bytes");
    v->queue[RX].s->note = (u32)(room < UINT32_MAX ? room : UINT32_MAX);
}

/* The driver may have taken the buffer back behind our back: then the bytes are lost. */
static void console_receive(void *arg, const u8 *data, size_t len)
{
    struct virtio *v = arg;
    struct virtq_chain *c = virtio_take(v, RX);

    if (c) {
        u64 n = virtq_chain_write(v->dev, c, 0, data, len);

        virtio_done(v, &c->ticket, (u32)n);
        look_for_room(v);
        virtio_signal(v, RX);
    } else {
        v->queue[RX].s->note = 0;
    }
    console_update(v);
}

/* --- output --- */

/* Hands over what the other side takes; true when that is all of the request. */
static bool put(struct virtio_console *con, const struct virtq_chain *c, u32 *note)
{
    u64 skip = *note;

    for (unsigned i = 0; i < c->out_count; i++) {
        const struct virtq_seg *s = &c->seg[i];
        u64 off = skip < s->len ? skip : s->len, n = s->len - off;

        skip -= off;
        if (n && con->chardev)
            n = chardev_write(con->chardev, s->host + off, (size_t)n);
        *note += (u32)n;
        if (n < s->len - off)
            return false;
    }
    *note = 0;
    return true;
}

/* A request that did not go out waits: kicked, so that a loaded device tries again. */
static void send(struct virtio *v)
{
    struct virtq *q = &v->queue[TX];
    struct virtq_chain *c;

    while ((c = virtio_next(v, TX)) != NULL) {
        if (!put(self(v), c, &q->s->note)) {
            virtq_unpop(q, &c->ticket);
            q->s->kicked = true;
            return;
        }
        virtio_done(v, &c->ticket, 0);
    }
}

static void console_writable(void *arg)
{
    virtio_serve(arg, TX);
    console_update(arg);
}

static void console_notify(struct virtio *v, unsigned n)
{
    if (n == RX)
        look_for_room(v);
    else
        send(v);
}

/* --- configuration space --- */

static u64 console_features(const struct virtio *v)
{
    return 1ull << F_EMERG_WRITE;
}

static void console_config(const struct virtio *v, u8 *out)
{
    le32_put(out + MAX_PORTS, 1);
}

/* 5.3.4: a character for when nothing else works; also before any negotiation. */
static void console_config_write(struct virtio *v, u32 off, u32 value, unsigned size)
{
    u8 byte = (u8)value;

    if (off != EMERG_WRITE)
        dev_bad_access(v->dev, off, size);
    else if (self(v)->chardev)
        (void)!chardev_write(self(v)->chardev, &byte, 1);
}

/* --- life --- */

static unsigned console_queue_count(const struct virtio *v)
{
    return 2;
}

static const struct chardev_client console_client = { .receive = console_receive,
                                                      .writable = console_writable };

static int console_init(struct virtio *v, struct err *err)
{
    if (self(v)->chardev)
        chardev_set_client(self(v)->chardev, &console_client, v);
    return 0;
}

static void console_fini(struct virtio *v)
{
    if (!self(v)->chardev)
        return;
    chardev_set_room(self(v)->chardev, 0);
    chardev_set_client(self(v)->chardev, NULL, NULL);
}

static const struct virtio_type virtio_console_type = {
    .id = VIRTIO_ID_CONSOLE,
    .pci_class = 0x078000,
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = console_queue_count,
    .features = console_features,
    .config = console_config,
    .config_write = console_config_write,
    .init = console_init,
    .fini = console_fini,
    .notify = console_notify,
    .update = console_update,
};

#define VIRTIO_NAME   virtio_console
#define VIRTIO_CLASS  "virtio-console"
#define VIRTIO_DOC    "console"
#define VIRTIO_QUEUES 2
#define VIRTIO_NEEDS  DEV_NEEDS_TTY
#define VIRTIO_PROPS(AT)                                                                           \
    { "chardev", "where the bytes go and come from", DEV_PROP_CHARDEV, AT(chardev) },
#include "dev/virtio/class.inc"
