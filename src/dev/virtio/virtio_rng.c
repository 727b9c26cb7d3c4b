/*
 * virtio_rng.c - virtio entropy device (virtio 1.2, 5.4): fills buffers from the machine's
 * source of randomness.
 */
#include "dev/virtio/virtio.h"

/* Bytes given for one request at most; the driver asks again (5.4.6.2). */
enum { REQUEST_MAX = 1024, QUEUE_SIZE = 64 };

struct virtio_rng {
    struct virtio v;
};

static void rng_notify(struct virtio *v, unsigned n)
{
    struct device *d = v->dev;
    struct virtq_chain *c;

    while ((c = virtio_next(v, n)) != NULL) {
        u64 words[REQUEST_MAX / 8];
        u64 len = c->in_len < REQUEST_MAX ? c->in_len : REQUEST_MAX;

        for (unsigned i = 0; i < (len + 7) / 8; i++)
            words[i] = d->host->random(d->host->arg);
        virtq_chain_write(d, c, 0, words, len);
        virtio_done(v, &c->ticket, (u32)len);
    }
}

static unsigned rng_queue_count(const struct virtio *v)
{
    return 1;
}

static const struct virtio_type virtio_rng_type = {
    .id = VIRTIO_ID_RNG,
    .pci_class = 0x00ff00,
    .queue_size = QUEUE_SIZE,
    .queue_count = rng_queue_count,
    .notify = rng_notify,
};

#define VIRTIO_NAME   virtio_rng
#define VIRTIO_CLASS  "virtio-rng"
#define VIRTIO_DOC    "source of randomness"
#define VIRTIO_QUEUES 1
#define VIRTIO_NEEDS  0
#define VIRTIO_PROPS(AT)
#include "dev/virtio/class.inc"
