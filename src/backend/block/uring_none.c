/*
 * uring_none.c - in place of uring.c where liburing was not there to build with.
 */
#include "backend/block/image.h"
#include "base/bug.h"
#include <errno.h>

static int none_open(struct blk_image *image, struct err *err)
{
    return err_set(err, ENOSYS, "this program was built without io_uring");
}

static void none_close(struct blk_image *image)
{
    BUG("never opened");
}

static void none_submit(struct blk_image *image, struct blk_request *req)
{
    BUG("never opened");
}

static void none_wait(struct blk_image *image)
{
    BUG("never opened");
}

const struct blk_engine_ops blk_engine_uring = {
    .name = "io_uring",
    .open = none_open,
    .close = none_close,
    .submit = none_submit,
    .wait = none_wait,
};
