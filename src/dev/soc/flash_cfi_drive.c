/*
 * flash_cfi_drive.c - the file that holds a flash's array: read at the start, written behind the
 * guest's back, one request at a time.
 */
#include "dev/soc/flash_cfi_private.h"

#include "base/bits.h"
#include <errno.h>
#include <string.h>

static void drive_go_on(struct flash_cfi *f);

static void drive_done(struct blk_request *io, int result)
{
    struct flash_cfi *f = container_of(io, struct flash_cfi, io);

    if (result && !f->told) {
        log_error("%s: the host does not keep what the guest wrote: %s", f->dev.id,
                  strerror(-result));
        f->told = true;
    }
    f->in_flight = false;
    drive_go_on(f);
}

/* One request at a time: what is written meanwhile comes with the next; then all is flushed. */
static void drive_go_on(struct flash_cfi *f)
{
    u64 from = bits_align_down(f->dirty_from, BLK_SECTOR);
    u64 to = bits_align_up(f->dirty_to, BLK_SECTOR);

    if (f->in_flight || (from == to && !f->to_flush))
        return;
    f->iov = (struct iovec){ f->array->host + from, (size_t)(to - from) };
    f->io = (struct blk_request){ .op = from == to ? BLK_FLUSH : BLK_WRITE,
                                  .sector = from / BLK_SECTOR,
                                  .iov = &f->iov,
                                  .iov_count = from == to ? 0 : 1,
                                  .done = drive_done };
    f->to_flush = from != to;
    f->dirty_from = f->dirty_to = 0;
    f->in_flight = true;
    if (blk_submit(f->image, &f->io))
        drive_done(&f->io, -EIO);
}

void flash_written(struct flash_cfi *f, u64 at, u64 len)
{
    mem_ram_written(f->array, at, len);
    if (!f->image)
        return;
    if (f->dirty_from == f->dirty_to)
        f->dirty_from = at;
    f->dirty_from = at < f->dirty_from ? at : f->dirty_from;
    f->dirty_to = at + len > f->dirty_to ? at + len : f->dirty_to;
    drive_go_on(f);
}

static void read_done(struct blk_request *io, int result)
{
    *(int *)io->arg = result;
}

/* Zeroes cost no memory. */
int flash_drive_read(struct flash_cfi *f, struct err *err)
{
    struct iovec iov = { f->array->host, 0 };
    int result = 0, rc;
    struct blk_request io = {
        .op = BLK_READ, .iov = &iov, .iov_count = 1, .done = read_done, .arg = &result
    };
    u64 size = blk_image_sectors(f->image) * BLK_SECTOR;

    if (size > f->size)
        return err_set(err, EINVAL, "its file has %llu KiB and the flash %llu KiB: give another",
                       (unsigned long long)(size / KIB), (unsigned long long)(f->size / KIB));
    iov.iov_len = (size_t)size;
    f->limit = f->read_only || blk_image_read_only(f->image) ? 0 : size;
    rc = blk_submit(f->image, &io);
    if (rc == 0)
        blk_drain(f->image);
    if (rc < 0 || result < 0)
        return err_set_errno(err, rc < 0 ? -rc : -result, "reading its file");
    mem_ram_release_zeroes(f->array);
    return 0;
}
