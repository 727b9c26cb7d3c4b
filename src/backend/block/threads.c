/*
 * threads.c - steps carried out by a few threads with ordinary system calls.
 *
 * Slow requests, which a format carries out, are run whole. All go through a queue; ended ones come
 * back through a list, told by an eventfd in the loop.
 */
#include "backend/block/image.h"
#include "base/bug.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 4

struct queue {
    struct blk_request *first, **end;
};

struct blk_pool {
    int fd; /* the image's */
    int event_fd;
    struct loop_fd *watch;  /* owns */
    struct host_mutex lock; /* guards what follows; taken last */
    struct host_cond work, ended_one;
    struct queue todo, ended;
    bool stop;
    unsigned started;
    struct host_thread threads[THREADS];
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_put(struct queue *q, struct blk_request *req)
{
    req->next = NULL;
    *q->end = req;
    q->end = &req->next;
}

static struct blk_request *queue_take(struct queue *q)
{
    struct blk_request *req = q->first;

    if (req) {
        q->first = req->next;
        if (!q->first)
            q->end = &q->first;
    }
    return req;
}

static s64 run_step(int fd, const struct blk_step *s)
{
    ssize_t ret = -1;

    switch (s->kind) {
    case BLK_STEP_READ: ret = preadv(fd, s->iov, (int)s->iov_count, (off_t)s->offset); break;
    case BLK_STEP_WRITE:
        if (s->iov)
            ret = pwritev(fd, s->iov, (int)s->iov_count, (off_t)s->offset);
        else
            ret = pwrite(fd, s->buf, s->len, (off_t)s->offset);
        break;
    case BLK_STEP_SYNC: ret = fdatasync(fd); break;
    case BLK_STEP_ALLOCATE: ret = fallocate(fd, s->mode, (off_t)s->offset, (off_t)s->len);
    }
    return ret < 0 ? -errno : ret;
}

static void run_request(int fd, struct blk_request *req)
{
    struct blk_step step;

    if (req->slow) {
        blk_request_run(req);
        return;
    }
    do
        blk_step_next(req, &step);
    while (!blk_step_done(req, run_step(fd, &step)));
}

static void worker(void *arg)
{
    struct blk_pool *p = arg;
    u64 one = 1;

    host_mutex_lock(&p->lock);
    for (;;) {
        struct blk_request *req = queue_take(&p->todo);
        ssize_t n;

        if (!req) {
            if (p->stop)
                break;
            host_cond_wait(&p->work, &p->lock);
            continue;
        }
        host_mutex_unlock(&p->lock);
        run_request(p->fd, req);
        host_mutex_lock(&p->lock);
        queue_put(&p->ended, req);
        host_cond_signal(&p->ended_one);
        n = write(p->event_fd, &one, sizeof one);
        BUG_ON(n != sizeof one);
    }
    host_mutex_unlock(&p->lock);
}

static void pool_reap(struct blk_pool *p)
{
    for (;;) {
        struct blk_request *req;

        host_mutex_lock(&p->lock);
        req = queue_take(&p->ended);
        host_mutex_unlock(&p->lock);
        if (!req)
            return;
        blk_image_complete(req);
    }
}

static void pool_event(void *arg, unsigned events)
{
    struct blk_pool *p = arg;
    u64 count;
    ssize_t n = read(p->event_fd, &count, sizeof count);

    (void)n; /* a drain may have been faster */
    pool_reap(p);
}

void blk_pool_free(struct blk_pool *p)
{
    if (!p)
        return;
    host_mutex_lock(&p->lock);
    p->stop = true;
    host_cond_broadcast(&p->work);
    host_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++)
        host_thread_join(&p->threads[i]);
    loop_fd_free(p->watch);
    if (p->event_fd >= 0)
        close(p->event_fd);
    host_cond_fini(&p->ended_one);
    host_cond_fini(&p->work);
    host_mutex_fini(&p->lock);
    free(p);
}

static int pool_start(struct blk_image *image, struct blk_pool *p, struct err *err)
{
    int ret;

    p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->event_fd < 0)
        return err_set_errno(err, errno, "cannot make an eventfd");
    ret = loop_fd_new(image->loop, p->event_fd, LOOP_IN, pool_event, p, &p->watch, err);
    for (; ret == 0 && p->started < THREADS; p->started += ret == 0)
        ret = host_thread_start(&p->threads[p->started], "disk", worker, p, err);
    return ret;
}

int blk_pool_new(struct blk_image *image, struct blk_pool **ret, struct err *err)
{
    struct blk_pool *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return err_set(err, ENOMEM, "no memory for disk threads");
    p->fd = image->fd;
    p->event_fd = -1;
    host_mutex_init(&p->lock);
    host_cond_init(&p->work);
    host_cond_init(&p->ended_one);
    queue_init(&p->todo);
    queue_init(&p->ended);
    rc = pool_start(image, p, err);
    if (rc) {
        blk_pool_free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

void blk_pool_submit(struct blk_pool *p, struct blk_request *req)
{
    host_mutex_lock(&p->lock);
    queue_put(&p->todo, req);
    host_cond_signal(&p->work);
    host_mutex_unlock(&p->lock);
}

void blk_pool_wait(struct blk_pool *p)
{
    host_mutex_lock(&p->lock);
    while (!p->ended.first)
        host_cond_wait(&p->ended_one, &p->lock);
    host_mutex_unlock(&p->lock);
    pool_reap(p);
}

/* --- as an engine: the image's pool --- */

static int threads_open(struct blk_image *image, struct err *err)
{
    return blk_pool_new(image, &image->pool, err);
}

static void threads_close(struct blk_image *image)
{
    blk_pool_free(image->pool);
    image->pool = NULL;
}

static void threads_submit(struct blk_image *image, struct blk_request *req)
{
    blk_pool_submit(image->pool, req);
}

static void threads_wait(struct blk_image *image)
{
    blk_pool_wait(image->pool);
}

const struct blk_engine_ops blk_engine_threads = {
    .name = "threads",
    .open = threads_open,
    .close = threads_close,
    .submit = threads_submit,
    .wait = threads_wait,
};
