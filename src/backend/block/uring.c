/*
 * uring.c - steps carried out by the kernel's io_uring.
 *
 * Completions are told by an eventfd in the loop. At most DEPTH steps are in the
 * kernel, so that the completion ring cannot overflow; further requests wait.
 */
#include "backend/block/image.h"
#include "base/bug.h"
#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEPTH 128u

struct uring {
    struct io_uring ring;
    int event_fd;
    struct loop_fd *watch; /* owns */
    unsigned in_kernel;
    struct blk_request *waiting, **waiting_end;
};

static void uring_reap(struct blk_image *image);

static void uring_event(void *arg, unsigned events)
{
    struct blk_image *image = arg;
    struct uring *u = image->engine_data;
    u64 count;
    ssize_t n = read(u->event_fd, &count, sizeof count);

    (void)n; /* a drain may have been faster */
    uring_reap(image);
}

static bool uring_has_ops(struct io_uring *ring)
{
    static const int needed[] = { IORING_OP_READ,   IORING_OP_WRITE, IORING_OP_READV,
                                  IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE };
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool all = probe != NULL;

    for (size_t i = 0; all && i < ARRAY_SIZE(needed); i++)
        all = io_uring_opcode_supported(probe, needed[i]);
    if (probe)
        io_uring_free_probe(probe);
    return all;
}

static int uring_watch(struct blk_image *image, struct uring *u, struct err *err)
{
    int ret;

    if (!uring_has_ops(&u->ring))
        return err_set(err, ENOSYS, "the kernel's io_uring is too old");
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->event_fd < 0)
        return err_set_errno(err, errno, "cannot make an eventfd");
    ret = io_uring_register_eventfd(&u->ring, u->event_fd);
    if (ret)
        return err_set_errno(err, -ret, "cannot bind an eventfd to io_uring");
    return loop_fd_new(image->loop, u->event_fd, LOOP_IN, uring_event, image, &u->watch, err);
}

static void uring_free(struct uring *u)
{
    loop_fd_free(u->watch);
    io_uring_queue_exit(&u->ring);
    if (u->event_fd >= 0)
        close(u->event_fd);
    free(u);
}

static int uring_open(struct blk_image *image, struct err *err)
{
    struct uring *u = calloc(1, sizeof *u);
    int ret;

    if (!u)
        return err_set(err, ENOMEM, "no memory for io_uring");
    u->event_fd = -1;
    u->waiting_end = &u->waiting;
    ret = io_uring_queue_init(DEPTH, &u->ring, 0);
    if (ret) {
        free(u);
        return err_set_errno(err, -ret, "the kernel gives no io_uring");
    }
    ret = uring_watch(image, u, err);
    if (ret) {
        uring_free(u);
        return ret;
    }
    image->engine_data = u;
    return 0;
}

static void uring_close(struct blk_image *image)
{
    uring_free(image->engine_data);
}

static void prepare(struct io_uring_sqe *sqe, int fd, const struct blk_step *s)
{
    unsigned len = s->len < GIB ? (unsigned)s->len : (unsigned)GIB;

    switch (s->kind) {
    case BLK_STEP_READ: io_uring_prep_readv(sqe, fd, s->iov, s->iov_count, s->offset); break;
    case BLK_STEP_WRITE:
        if (s->iov)
            io_uring_prep_writev(sqe, fd, s->iov, s->iov_count, s->offset);
        else
            io_uring_prep_write(sqe, fd, s->buf, len, s->offset);
        break;
    case BLK_STEP_SYNC: io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); break;
    case BLK_STEP_ALLOCATE:
        io_uring_prep_fallocate(sqe, fd, s->mode, (off_t)s->offset, (off_t)s->len);
    }
}

static void uring_start(struct blk_image *image, struct blk_request *req)
{
    struct uring *u = image->engine_data;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    struct blk_step step;
    int ret;

    BUG_ON(!sqe); /* DEPTH bounds what is not yet submitted */
    blk_step_next(req, &step);
    prepare(sqe, image->fd, &step);
    io_uring_sqe_set_data(sqe, req);
    u->in_kernel++;
    /* EAGAIN: the kernel is short of memory for a moment. */
    while ((ret = io_uring_submit(&u->ring)) == -EAGAIN || ret == -EINTR)
        sched_yield();
    BUG_ON(ret < 0);
}

static void uring_submit(struct blk_image *image, struct blk_request *req)
{
    struct uring *u = image->engine_data;

    if (u->in_kernel < DEPTH) {
        uring_start(image, req);
        return;
    }
    *u->waiting_end = req;
    u->waiting_end = &req->next;
}

static void start_waiting(struct blk_image *image)
{
    struct uring *u = image->engine_data;

    while (u->waiting && u->in_kernel < DEPTH) {
        struct blk_request *req = u->waiting;

        u->waiting = req->next;
        if (!u->waiting)
            u->waiting_end = &u->waiting;
        uring_start(image, req);
    }
}

/* done() may come back in here by blk_drain(): each completion is taken off the
 * ring before it is told. */
static void uring_reap(struct blk_image *image)
{
    struct uring *u = image->engine_data;
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
        struct blk_request *req = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&u->ring, cqe);
        u->in_kernel--;
        if (!blk_step_done(req, result)) {
            uring_start(image, req);
            continue;
        }
        start_waiting(image);
        blk_image_complete(req);
    }
}

static void uring_wait(struct blk_image *image)
{
    struct uring *u = image->engine_data;
    struct io_uring_cqe *cqe;
    int ret;

    while ((ret = io_uring_wait_cqe(&u->ring, &cqe)) == -EINTR)
        ;
    BUG_ON(ret < 0);
    uring_reap(image);
}

const struct blk_engine_ops blk_engine_uring = {
    .name = "io_uring",
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .wait = uring_wait,
};
