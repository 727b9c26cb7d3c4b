/*
 * qcow2_moved.c - an image that was copied to another folder names its backing file in full.
 */
#include "backend/block/qcow2.h"
#include "backend/block/qcow2_api.h"
#include "base/checked.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Puts the name where the old one is: after it is nothing in the header's cluster, or as much
 * as the new one needs is free. */
static int put_name(struct qcow2 *q, const char *name, struct err *err)
{
    size_t len = strlen(name), old = strlen(q->backing_name);
    u8 size[4], *room = calloc(1, q->cluster_size);
    int rc = room ? blk_file_read(q->node.file, 0, room, q->cluster_size) : -ENOMEM;
    u64 at = rc ? 0 : be64_get(room + QCOW2_H_BACKING);
    bool fits = len <= QCOW2_NAME_MAX && checked_range(at, len, q->cluster_size);

    for (u64 i = at + old; fits && rc == 0 && i < at + len; i++)
        fits = room[i] == 0;
    free(room);
    if (rc == 0 && !fits)
        return err_set(err, ENAMETOOLONG,
                       "disk image \"%s\" has no room for the name of its backing file in full, "
                       "\"%s\"",
                       q->node.path, name);
    be32_put(size, (u32)len);
    if (rc == 0)
        rc = blk_file_write(q->node.file, at, name, len);
    if (rc == 0)
        rc = blk_file_write(q->node.file, QCOW2_H_BACKING_SIZE, size, sizeof size);
    if (rc == 0)
        rc = q->node.file->ops->sync(q->node.file);
    return rc ? err_set_errno(err, -rc, "cannot write to disk image \"%s\"", q->node.path) : 0;
}

/* The backing file of an image that was at `from`; malloc'ed. */
static int full_name(const struct qcow2 *q, const char *from, char **ret, struct err *err)
{
    const char *slash = strrchr(from, '/');
    char *near = NULL;

    if (asprintf(&near, "%.*s%s", slash ? (int)(slash - from) + 1 : 0, from, q->backing_name) < 0)
        return err_set_errno(err, ENOMEM, "disk image \"%s\"", from);
    *ret = realpath(near, NULL);
    if (!*ret)
        err_set_errno(err, errno, "what is behind disk image \"%s\", \"%s\"", from, near);
    free(near);
    return *ret ? 0 : -err->code;
}

int blk_qcow2_moved(const char *path, const char *from, struct err *err)
{
    struct qcow2 q = { .node.path = (char *)path };
    char *name = NULL;
    int rc = blk_file_open(path, 0, &q.node.file, err);

    if (rc < 0)
        return rc;
    q.node.read_only = true; /* its features are of no concern here */
    rc = qcow2_header_read(&q, err);
    if (rc == 0 && q.backing_name && q.backing_name[0] != '/' && !strchr(q.backing_name, ':')) {
        rc = full_name(&q, from, &name, err);
        if (rc == 0)
            rc = put_name(&q, name, err);
    }
    free(name);
    free(q.backing_name);
    free(q.backing_format);
    blk_file_free(q.node.file);
    return rc;
}
