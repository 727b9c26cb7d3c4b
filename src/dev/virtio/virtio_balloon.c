/*
 * virtio_balloon.c - memory balloon (virtio 1.2, 5.5): what the guest does not need goes back
 * to the host.
 *
 * Free-page reporting needs no target: the guest tells of free stretches by itself, and takes
 * them again without a word; they read as zeroes then. Inflating gives back single pages, up
 * to the target; a guest short of memory deflates by itself (DEFLATE_ON_OOM).
 */
#include "dev/virtio/virtio_balloon.h"

#include "base/bits.h"
#include "dev/virtio/virtio.h"

/* Feature bits (5.5.3). */
enum { F_DEFLATE_ON_OOM = 2, F_PAGE_REPORTING = 5 };
/* Queues that an offered feature brings have no gaps between their numbers. */
enum { Q_INFLATE, Q_DEFLATE, Q_REPORTING, QUEUES };
/* Places in the configuration space (5.5.4). */
enum { NUM_PAGES = 0, ACTUAL = 4, CONFIG_SIZE = 8 };
enum { QUEUE_SIZE = 128, BATCH = 256, PAGE_SHIFT = 12 /* of the protocol, on every host */ };

struct virtio_balloon {
    struct virtio v;
    u64 target; /* bytes that the guest is asked to give back */
};

static const struct virtio_balloon *self(const struct virtio *v)
{
    return (const struct virtio_balloon *)v;
}

/* --- giving back --- */

/* A page may be none of RAM: the driver's fault, and its pages before are given back. */
static void give_pages(struct device *d, const u8 *numbers, u64 count)
{
    for (u64 i = 0, run; i < count; i += run) {
        u64 page = le32_get(numbers + 4 * i);

        run = 1;
        while (i + run < count && le32_get(numbers + 4 * (i + run)) == page + run)
            run++;
        if (!dma_discard(d, page << PAGE_SHIFT, run << PAGE_SHIFT))
            return;
    }
}

/* A list of page numbers (5.5.6). */
static void inflate(struct virtio *v, const struct virtq_chain *c)
{
    u8 numbers[4 * BATCH];
    u64 got;

    for (u64 off = 0; (got = virtq_chain_read(c, off, numbers, sizeof numbers)) >= 4; off += got)
        give_pages(v->dev, numbers, got / 4);
}

/* The segments themselves are free (5.5.6.7). */
static void report(struct virtio *v, const struct virtq_chain *c)
{
    for (unsigned i = 0; i < c->in_count; i++)
        if (!dma_discard(v->dev, virtq_chain_in(c)[i].at, virtq_chain_in(c)[i].len))
            return;
}

static void balloon_notify(struct virtio *v, unsigned n)
{
    struct virtq_chain *c;

    while ((c = virtio_next(v, n)) != NULL) {
        if (n == Q_INFLATE)
            inflate(v, c);
        else if (n == Q_REPORTING)
            report(v, c);
        virtio_done(v, &c->ticket, 0); /* deflating asks nothing of the host */
    }
}

/* --- facts --- */

static unsigned balloon_queue_count(const struct virtio *v)
{
    return QUEUES;
}

static u64 balloon_features(const struct virtio *v)
{
    return 1ull << F_DEFLATE_ON_OOM | 1ull << F_PAGE_REPORTING;
}

/* How much the driver has given is in the inflating queue's note. */
static void balloon_config(const struct virtio *v, u8 *out)
{
    le32_put(out + NUM_PAGES, (u32)(self(v)->target >> PAGE_SHIFT));
    le32_put(out + ACTUAL, v->queue[Q_INFLATE].s->note);
}

static void balloon_config_write(struct virtio *v, u32 off, u32 value, unsigned size)
{
    if (off == ACTUAL && size == 4)
        v->queue[Q_INFLATE].s->note = value;
    else
        dev_bad_access(v->dev, off, size);
}

static const struct virtio_type virtio_balloon_type = {
    .id = VIRTIO_ID_BALLOON,
    .pci_class = 0x00ff00,
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = balloon_queue_count,
    .features = balloon_features,
    .config = balloon_config,
    .config_write = balloon_config_write,
    .notify = balloon_notify,
};

#define VIRTIO_NAME   virtio_balloon
#define VIRTIO_CLASS  "virtio-balloon"
#define VIRTIO_DOC    "memory balloon"
#define VIRTIO_QUEUES QUEUES
#define VIRTIO_NEEDS  0
#define VIRTIO_PROPS(AT)                                                                           \
    { "target", "bytes that the guest is asked to give back", DEV_PROP_U64, AT(target),            \
      .max = 1ull << 43 },
#include "dev/virtio/class.inc"

/* --- for the machine --- */

static struct virtio_balloon *of(struct device *d)
{
    return d->cls->pci ? &((struct virtio_balloon_pci *)d)->own
                       : &((struct virtio_balloon_mmio *)d)->own;
}

void virtio_balloon_ask(struct device *d, u64 bytes)
{
    of(d)->target = bytes;
    virtio_config_changed(&of(d)->v);
}

u64 virtio_balloon_given(struct device *d)
{
    return (u64)of(d)->v.queue[Q_INFLATE].s->note << PAGE_SHIFT;
}
