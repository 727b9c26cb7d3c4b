/*
 * virtio_blk.c - virtio block device (virtio 1.2, 5.2).
 *
 * A request is { u32 type, u32 reserved, u64 sector }, data, and a status byte that the
 * device writes last. Data goes between the host's file and guest memory directly; a
 * request that the host fails ends in an I/O error of the guest's.
 */
#include "backend/block/block.h"
#include "base/bits.h"
#include "dev/virtio/virtio.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Feature bits (5.2.3). */
enum {
    F_SEG_MAX = 2,
    F_RO = 5,
    F_BLK_SIZE = 6,
    F_FLUSH = 9,
    F_MQ = 12,
    F_DISCARD = 13,
    F_WRITE_ZEROES = 14
};
/* Places in the configuration space (5.2.4). */
enum {
    CAPACITY = 0,
    SEG_MAX = 12,
    BLK_SIZE = 20,
    NUM_QUEUES = 34,
    MAX_DISCARD_SECTORS = 36,
    MAX_DISCARD_SEG = 40,
    DISCARD_ALIGNMENT = 44,
    MAX_ZEROES_SECTORS = 48,
    MAX_ZEROES_SEG = 52,
    ZEROES_MAY_UNMAP = 56,
    CONFIG_SIZE = 60
};
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER_SIZE = 16, RANGE_SIZE = 16, ID_SIZE = 20, RANGE_UNMAP = 1 };
enum { QUEUES_MAX = 16, QUEUE_SIZE = 256, RANGE_MAX = 1 << 22 /* sectors in a discard: 2 GiB */ };

struct virtio_blk {
    struct virtio v;
    struct blk_image *image; /* borrows (outlives) */
    const char *serial;
    u64 queues;
    unsigned in_flight;
    bool told; /* the person at the shell knows that the host failed */
};

/* A request that the host works at. Ends with its segments, and the iovec of them. */
struct request {
    struct blk_request io;
    struct virtio_blk *blk;
    struct virtq_ticket ticket;
    struct virtq_seg status; /* one byte */
    u32 written;             /* bytes of data that the guest gets when all goes well */
    unsigned count;
    struct virtq_seg seg[];
};

static struct virtio_blk *self(struct virtio *v)
{
    return container_of(v, struct virtio_blk, v);
}

/* --- completion --- */

static void finish(struct virtio_blk *blk, const struct virtq_ticket *ticket,
                   const struct virtq_seg *status, u8 code, u32 written)
{
    *status->host = code;
    dma_written(blk->v.dev, status->at, 1);
    virtio_done(&blk->v, ticket, written + 1);
}

/* The host failed, not the guest: a full file system, a broken disk. Said once a disk, since a
 * guest may repeat what fails without end. */
static void tell(struct virtio_blk *blk, int result)
{
    if (!blk->told)
        log_error("%s: the host fails a disk request: %s; the guest is told of an I/O error",
                  blk->v.dev->id, strerror(-result));
    blk->told = true;
}

/* From the event loop; or from a drain, when the ticket is void and the memory may be the
 * driver's again only after it. */
static void done(struct blk_request *io, int result)
{
    struct request *r = container_of(io, struct request, io);
    struct virtio_blk *blk = r->blk;

    if (result)
        tell(blk, result);
    for (unsigned i = 0; r->io.op == BLK_READ && i < r->count; i++)
        dma_written(blk->v.dev, r->seg[i].at, r->seg[i].len);
    if (r->ticket.generation == blk->v.queue[r->ticket.queue].generation) {
        finish(blk, &r->ticket, &r->status, result ? S_IOERR : S_OK, r->written);
        virtio_signal(&blk->v, r->ticket.queue);
    }
    blk->in_flight--;
    free(r);
}

/* --- requests --- */

/* A request for the back end with the segments [off, off + len); NULL: no memory, or not
 * so many bytes there. */
static struct request *request_new(struct virtio_blk *blk, enum blk_op op,
                                   const struct virtq_seg *segs, unsigned count, u64 off, u64 len)
{
    const struct virtq_chain *c = &blk->v.chain;
    size_t room = sizeof(struct virtq_seg) + sizeof(struct iovec);
    struct request *r = calloc(1, sizeof *r + count * room);
    struct iovec *iov;

    if (!r)
        return NULL;
    *r = (struct request){ .blk = blk, .ticket = c->ticket };
    r->count = virtq_segs_slice(segs, count, off, len, r->seg);
    iov = (struct iovec *)(r->seg + count);
    for (unsigned i = 0; i < r->count; i++)
        iov[i] = (struct iovec){ r->seg[i].host, (size_t)r->seg[i].len };
    r->io = (struct blk_request){ .op = op, .iov = iov, .iov_count = r->count, .done = done };
    return r;
}

/* Takes r. Returns S_OK when the host has it, else what to tell the guest now. */
static u8 submit(struct request *r, const struct virtq_seg *status, u64 sector, u64 sectors)
{
    int rc;

    r->io.sector = sector;
    r->io.count = sectors;
    r->status = *status;
    rc = blk_submit(r->blk->image, &r->io);
    if (rc == 0) {
        r->blk->in_flight++;
        return S_OK;
    }
    log_guest("%s: a request at sector %llu is refused (%d)", r->blk->v.dev->id,
              (unsigned long long)sector, rc);
    free(r);
    return S_IOERR;
}

static u8 transfer(struct virtio_blk *blk, u32 type, u64 sector, const struct virtq_seg *status)
{
    const struct virtq_chain *c = &blk->v.chain;
    bool in = type == T_IN;
    u64 len = in ? c->in_len - 1 : c->out_len - HEADER_SIZE;
    struct request *r;

    if (len == 0 || len % BLK_SECTOR || len > UINT32_MAX - 1)
        return S_IOERR;
    r = in ? request_new(blk, BLK_READ, virtq_chain_in(c), c->in_count, 0, len)
           : request_new(blk, BLK_WRITE, c->seg, c->out_count, HEADER_SIZE, len);
    if (!r)
        return S_IOERR;
    r->written = in ? (u32)len : 0;
    return submit(r, status, sector, 0);
}

/* Discard and write zeroes: { u64 sector, u32 sectors, u32 flags }, one range a request as
 * the configuration space says (5.2.6.1). */
static u8 range(struct virtio_blk *blk, u32 type, const struct virtq_seg *status)
{
    const struct virtq_chain *c = &blk->v.chain;
    u8 range[RANGE_SIZE];
    struct request *r;
    u32 sectors, flags;

    if (c->out_len != HEADER_SIZE + RANGE_SIZE ||
        virtq_chain_read(c, HEADER_SIZE, range, RANGE_SIZE) != RANGE_SIZE)
        return S_IOERR;
    sectors = le32_get(range + 8);
    flags = le32_get(range + 12);
    if (flags & ~(u32)RANGE_UNMAP || (type == T_DISCARD && flags))
        return S_UNSUPP;
    if (sectors == 0 || sectors > RANGE_MAX)
        return S_IOERR;
    r = request_new(blk, type == T_DISCARD ? BLK_DISCARD : BLK_WRITE_ZEROES, NULL, 0, 0, 0);
    if (!r)
        return S_IOERR;
    r->io.unmap = flags & RANGE_UNMAP;
    return submit(r, status, le64_get(range), sectors);
}

static u8 flush(struct virtio_blk *blk, const struct virtq_seg *status)
{
    struct request *r = request_new(blk, BLK_FLUSH, NULL, 0, 0, 0);

    return r ? submit(r, status, 0, 0) : S_IOERR;
}

static u32 get_id(struct virtio_blk *blk)
{
    char id[ID_SIZE] = "";
    const struct virtq_chain *c = &blk->v.chain;

    if (blk->serial) /* 5.2.6: not 0-terminated when it fills the field */
        memcpy(id, blk->serial, strnlen(blk->serial, ID_SIZE));
    return (u32)virtq_chain_write(blk->v.dev, c, 0, id,
                                  c->in_len - 1 < ID_SIZE ? c->in_len - 1 : ID_SIZE);
}

/* Returns the status to give back now, with *written; *later: the host has the request. */
static u8 start(struct virtio_blk *blk, const struct virtq_seg *status, u32 *written, bool *later)
{
    u8 header[HEADER_SIZE], code;
    u32 type;

    *written = 0;
    *later = false;
    if (virtq_chain_read(&blk->v.chain, 0, header, HEADER_SIZE) != HEADER_SIZE)
        return S_IOERR;
    type = le32_get(header);
    switch (type) {
    case T_IN:
    case T_OUT: code = transfer(blk, type, le64_get(header + 8), status); break;
    case T_FLUSH: code = flush(blk, status); break;
    case T_DISCARD:
    case T_WRITE_ZEROES: code = range(blk, type, status); break;
    case T_GET_ID: *written = get_id(blk); return S_OK;
    default: return S_UNSUPP;
    }
    *later = code == S_OK;
    return code;
}

static void blk_notify(struct virtio *v, unsigned n)
{
    struct virtio_blk *blk = self(v);
    struct virtq_chain *c;

    while ((c = virtio_next(v, n)) != NULL) {
        struct virtq_ticket ticket = c->ticket;
        struct virtq_seg status[1];
        u32 written;
        bool later;
        u8 code;

        if (c->in_len == 0 || c->out_len < HEADER_SIZE) {
            virtio_error(v, "a disk request has no room for header and status");
            return;
        }
        /* The last byte; the slice has one segment. */
        virtq_segs_slice(virtq_chain_in(c) + c->in_count - 1, 1,
                         virtq_chain_in(c)[c->in_count - 1].len - 1, 1, status);
        code = start(blk, status, &written, &later);
        if (!later)
            finish(blk, &ticket, status, code, written);
    }
}

/* --- facts --- */

static unsigned blk_queue_count(const struct virtio *v)
{
    return (unsigned)((const struct virtio_blk *)v)->queues;
}

static u64 blk_features(const struct virtio *v)
{
    const struct virtio_blk *blk = (const struct virtio_blk *)v;
    u64 f = 1ull << F_SEG_MAX | 1ull << F_BLK_SIZE | 1ull << F_FLUSH | 1ull << F_MQ;

    if (blk_image_read_only(blk->image))
        return f | 1ull << F_RO;
    return f | 1ull << F_DISCARD | 1ull << F_WRITE_ZEROES;
}

static void blk_config(const struct virtio *v, u8 *out)
{
    const struct virtio_blk *blk = (const struct virtio_blk *)v;

    le64_put(out + CAPACITY, blk_image_sectors(blk->image));
    le32_put(out + SEG_MAX, QUEUE_SIZE - 2);
    le32_put(out + BLK_SIZE, BLK_SECTOR);
    le16_put(out + NUM_QUEUES, (u16)blk->queues);
    if (blk_image_read_only(blk->image))
        return;
    le32_put(out + MAX_DISCARD_SECTORS, RANGE_MAX);
    le32_put(out + MAX_DISCARD_SEG, 1);
    le32_put(out + DISCARD_ALIGNMENT, 1);
    le32_put(out + MAX_ZEROES_SECTORS, RANGE_MAX);
    le32_put(out + MAX_ZEROES_SEG, 1);
    out[ZEROES_MAY_UNMAP] = 1;
}

static void blk_drain_requests(struct virtio *v)
{
    if (self(v)->in_flight)
        blk_drain(self(v)->image);
}

/* With the domain's lock held, as all of the image's callbacks. */
static void resized(void *arg)
{
    virtio_config_changed(arg);
}

static int blk_init(struct virtio *v, struct err *err)
{
    blk_image_on_resize(self(v)->image, resized, v);
    return 0;
}

static void blk_fini(struct virtio *v)
{
    if (self(v)->image)
        blk_image_on_resize(self(v)->image, NULL, NULL);
    for (unsigned n = 0; n < QUEUES_MAX; n++)
        v->queue[n].generation++;
    blk_drain_requests(v);
}

static bool blk_idle(struct virtio *v)
{
    return self(v)->in_flight == 0;
}

static const struct virtio_type virtio_blk_type = {
    .id = VIRTIO_ID_BLOCK,
    .pci_class = 0x010000, /* mass storage, SCSI: what Linux and firmware look for nothing in */
    .config_size = CONFIG_SIZE,
    .queue_size = QUEUE_SIZE,
    .queue_count = blk_queue_count,
    .features = blk_features,
    .config = blk_config,
    .init = blk_init,
    .fini = blk_fini,
    .drain = blk_drain_requests,
    .notify = blk_notify,
    .idle = blk_idle,
};

#define VIRTIO_NAME   virtio_blk
#define VIRTIO_CLASS  "virtio-blk"
#define VIRTIO_DOC    "disk"
#define VIRTIO_QUEUES QUEUES_MAX
#define VIRTIO_NEEDS  DEV_NEEDS_FILE
#define VIRTIO_PROPS(AT)                                                                           \
    { "drive", "the disk image", DEV_PROP_BLOCK, AT(image), .required = true },                    \
    { "serial", "up to 20 characters by which a guest can tell its disks apart", DEV_PROP_STRING,  \
      AT(serial) },                                                                                \
    { "queues", "request queues", DEV_PROP_U64, AT(queues), .min = 1, .max = QUEUES_MAX,    \
      .initial = 1 },
#include "dev/virtio/class.inc"
