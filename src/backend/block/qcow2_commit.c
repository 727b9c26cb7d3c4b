/*
 * qcow2_commit.c - from memory to disk in an order that a crash cannot hurt; see qcow2.h.
 */
#include "backend/block/qcow2.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4 /* L2 tables that a step may need */, FREED_MAX = 4096 };

/* A dirty part of an L2 table as it was when the commit began. */
struct piece {
    struct qcow2_table *table;
    u32 from, to;
    u8 *data; /* owns */
};

struct job {
    struct piece *piece; /* owns */
    unsigned count;
    u64 l1_from, l1_to;
    u8 *l1;                   /* owns */
    struct qcow2_free *freed; /* owns */
    unsigned freed_count;
};

static bool is_dirty(const struct qcow2_table *t)
{
    return t->dirty_from != t->dirty_to;
}

bool qcow2_is_clean(const struct qcow2 *q)
{
    for (unsigned i = 0; i < q->l2.max; i++)
        if (is_dirty(&q->l2.slot[i]))
            return false;
    for (unsigned i = 0; i < q->blocks.max; i++)
        if (is_dirty(&q->blocks.slot[i]))
            return false;
    return q->l1_dirty_from == q->l1_dirty_to && q->freed_count == 0;
}

/* --- begin: with the lock --- */

static int write_blocks(struct qcow2 *q)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < q->blocks.max; i++)
        rc = qcow2_table_write(q, &q->blocks.slot[i]);
    return rc;
}

static int copy_tables(struct qcow2 *q, struct job *job)
{
    job->piece = calloc(q->l2.max, sizeof *job->piece);
    if (!job->piece)
        return -ENOMEM;
    for (unsigned i = 0; i < q->l2.max; i++) {
        struct qcow2_table *t = &q->l2.slot[i];
        struct piece *p = &job->piece[job->count];

        if (!is_dirty(t))
            continue;
        *p = (struct piece){ t, t->dirty_from, t->dirty_to, malloc(t->dirty_to - t->dirty_from) };
        if (!p->data)
            return -ENOMEM;
        memcpy(p->data, t->data + p->from, p->to - p->from);
        job->count++;
    }
    return 0;
}

static int copy_l1(struct qcow2 *q, struct job *job)
{
    u64 count = q->l1_dirty_to - q->l1_dirty_from;

    job->l1_from = q->l1_dirty_from;
    job->l1_to = q->l1_dirty_to;
    job->l1 = malloc(8 * count + 1);
    for (u64 i = 0; job->l1 && i < count; i++)
        be64_put(job->l1 + 8 * i, q->l1[job->l1_from + i]);
    return job->l1 ? 0 : -ENOMEM;
}

static void job_fini(struct job *job)
{
    for (unsigned i = 0; i < job->count; i++)
        free(job->piece[i].data);
    free(job->piece);
    free(job->l1);
    free(job->freed);
}

int qcow2_blocks_sync(struct qcow2 *q)
{
    int rc = write_blocks(q);

    return rc ? rc : q->node.file->ops->sync(q->node.file);
}

/* Everything is copied, or nothing is changed. */
static int job_begin(struct qcow2 *q, struct job *job)
{
    int rc = write_blocks(q);

    if (rc == 0)
        rc = copy_tables(q, job);
    if (rc == 0)
        rc = copy_l1(q, job);
    if (rc)
        return rc;
    for (unsigned i = 0; i < job->count; i++) {
        struct qcow2_table *t = job->piece[i].table;

        t->dirty_from = t->dirty_to = 0;
        t->writing = true;
        qcow2_will_write(q, t->at + q->cluster_size);
    }
    q->l1_dirty_from = q->l1_dirty_to = 0;
    job->freed = q->freed;
    job->freed_count = q->freed_count;
    q->freed = NULL;
    q->freed_count = q->freed_room = 0;
    return 0;
}

/* --- the disk: without the lock --- */

static int job_write(struct qcow2 *q, const struct job *job)
{
    struct blk_file *f = q->node.file;
    int rc = f->ops->sync(f); /* counts, and the data */

    for (unsigned i = 0; rc == 0 && i < job->count; i++) {
        const struct piece *p = &job->piece[i];

        rc = blk_file_write(f, p->table->at + p->from, p->data, p->to - p->from);
    }
    if (rc == 0 && job->count)
        rc = f->ops->sync(f);
    if (rc || job->l1_from == job->l1_to)
        return rc;
    rc = blk_file_write(f, q->l1_at + 8 * job->l1_from, job->l1, 8 * (job->l1_to - job->l1_from));
    return rc ? rc : f->ops->sync(f);
}

/* --- end: with the lock --- */

/* It did not get there: it is as before the commit, plus what came since. */
static void job_undo(struct qcow2 *q, const struct job *job)
{
    for (unsigned i = 0; i < job->count; i++)
        qcow2_table_dirty(job->piece[i].table, job->piece[i].from, job->piece[i].to);
    if (job->l1_from != job->l1_to) {
        if (q->l1_dirty_from == q->l1_dirty_to || job->l1_from < q->l1_dirty_from)
            q->l1_dirty_from = job->l1_from;
        if (job->l1_to > q->l1_dirty_to)
            q->l1_dirty_to = job->l1_to;
    }
    /* Without memory to remember them the clusters are lost to the image, no more. */
    for (unsigned i = 0; i < job->freed_count; i++)
        (void)qcow2_free_later(q, job->freed[i].first, job->freed[i].count, job->freed[i].punch);
}

static void job_end(struct qcow2 *q, const struct job *job, int rc)
{
    for (unsigned i = 0; i < job->count; i++)
        job->piece[i].table->writing = false;
    if (rc)
        job_undo(q, job);
    else
        qcow2_freed_apply(q, job->freed, job->freed_count);
}

/* Returns 1 when what was written before the call is durable now, 0 when a sync is left. */
int qcow2_commit(struct qcow2 *q)
{
    struct job job = { 0 };
    int rc;

    while (q->committing)
        host_cond_wait(&q->committed, &q->lock);
    if (qcow2_is_clean(q))
        return 0;
    rc = job_begin(q, &job);
    if (rc == 0) {
        q->committing = true;
        host_mutex_unlock(&q->lock);
        rc = job_write(q, &job);
        host_mutex_lock(&q->lock);
        job_end(q, &job, rc);
        q->committing = false;
        host_cond_broadcast(&q->committed);
    }
    job_fini(&job);
    return rc ? rc : 1;
}

int qcow2_make_room(struct qcow2 *q)
{
    for (;;) {
        unsigned taken = 0;
        int rc;

        for (unsigned i = 0; i < q->l2.max; i++)
            taken += q->l2.slot[i].writing || is_dirty(&q->l2.slot[i]);
        if (taken + ROOM <= q->l2.max && q->freed_count < FREED_MAX)
            return 0;
        rc = qcow2_commit(q);
        if (rc < 0)
            return rc;
    }
}
