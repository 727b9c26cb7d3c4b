/*
 * step.c - how each operation becomes system calls.
 */
#include "backend/block/image.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Methods of WRITE_ZEROES, each tried when the one before is not supported. */
enum { ZERO_RANGE, ZERO_PUNCH, ZERO_WRITE };

#define ZEROES (256 * KIB)
static const u8 zeroes[ZEROES] __attribute__((aligned(4096)));

static u64 min_u64(u64 a, u64 b)
{
    return a < b ? a : b;
}

static void next_transfer(struct blk_request *req, struct blk_step *step)
{
    step->kind = req->op == BLK_READ ? BLK_STEP_READ : BLK_STEP_WRITE;
    step->iov = req->rest ? req->rest : req->iov;
    step->iov_count = req->rest ? req->rest_count : req->iov_count;
}

static void next_zeroes(struct blk_request *req, struct blk_step *step)
{
    step->kind = BLK_STEP_ALLOCATE;
    if (req->unmap && req->zero_method == ZERO_RANGE)
        req->zero_method = ZERO_PUNCH;
    switch (req->zero_method) {
    case ZERO_RANGE: step->mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE; break;
    case ZERO_PUNCH: step->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE; break;
    default:
        step->kind = BLK_STEP_WRITE;
        step->buf = zeroes;
        step->len = min_u64(step->len, ZEROES);
    }
}

void blk_step_next(struct blk_request *req, struct blk_step *step)
{
    *step = (struct blk_step){ .offset = req->offset + req->progress,
                               .len = req->bytes - req->progress };
    switch (req->op) {
    case BLK_READ:
    case BLK_WRITE: next_transfer(req, step); break;
    case BLK_FLUSH: step->kind = BLK_STEP_SYNC; break;
    case BLK_DISCARD:
        step->kind = BLK_STEP_ALLOCATE;
        step->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        break;
    case BLK_WRITE_ZEROES: next_zeroes(req, step);
    }
}

static bool finish(struct blk_request *req, int result)
{
    free(req->rest);
    req->rest = NULL;
    req->result = result;
    return true;
}

/* Makes req->rest what remains of req->iov from req->progress on. */
static bool make_rest(struct blk_request *req)
{
    u64 skip = req->progress;
    unsigned from = 0;

    while (skip >= req->iov[from].iov_len)
        skip -= req->iov[from++].iov_len;
    if (!req->rest)
        req->rest = malloc((req->iov_count - from) * sizeof *req->rest);
    if (!req->rest)
        return false;
    req->rest_count = req->iov_count - from;
    memcpy(req->rest, req->iov + from, req->rest_count * sizeof *req->rest);
    req->rest[0].iov_base = (u8 *)req->rest[0].iov_base + skip;
    req->rest[0].iov_len -= skip;
    return true;
}

static bool transfer_done(struct blk_request *req, s64 result)
{
    if (result < 0)
        return finish(req, (int)result);
    if (result == 0 && req->mapped && req->op == BLK_READ) { /* in the file's last cluster */
        blk_iov_zero(req->iov, req->iov_count, req->progress, req->bytes - req->progress);
        return finish(req, 0);
    }
    if (result == 0) /* a file that was cut short behind our back */
        return finish(req, -EIO);
    req->progress += (u64)result;
    if (req->progress >= req->bytes)
        return finish(req, 0);
    return make_rest(req) ? false : finish(req, -ENOMEM);
}

static bool zeroes_done(struct blk_request *req, s64 result)
{
    bool unsupported = result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL;

    if (unsupported && req->zero_method != ZERO_WRITE) {
        req->zero_method++;
        return false;
    }
    if (result < 0)
        return finish(req, (int)result);
    if (req->zero_method == ZERO_WRITE) {
        if (result == 0)
            return finish(req, -EIO);
        req->progress += (u64)result;
        return req->progress >= req->bytes ? finish(req, 0) : false;
    }
    return finish(req, 0);
}

bool blk_step_done(struct blk_request *req, s64 result)
{
    /* Cancelled: the thread that submitted to io_uring has ended. */
    if (result == -EINTR || result == -EAGAIN || result == -ECANCELED)
        return false;
    switch (req->op) {
    case BLK_READ:
    case BLK_WRITE: return transfer_done(req, result);
    case BLK_WRITE_ZEROES: return zeroes_done(req, result);
    case BLK_DISCARD: /* a hint: a host that cannot does nothing */
        return finish(req, result == -EOPNOTSUPP || result == -ENOSYS ? 0 : (int)result);
    case BLK_FLUSH: break;
    }
    return finish(req, (int)result);
}
