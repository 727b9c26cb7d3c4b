/*
 * disk.c - disk images without a machine; see vm/disk.h.
 */
#include <vm/disk.h>

#include "backend/block/node.h"
#include "backend/block/qcow2_api.h"
#include "base/bits.h"
#include "vm/parse.h"
#include "vm/vm_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 /* bytes copied at once */, ZERO_GRAIN = 4096 };

static const char *format_of(const char *path, const char *format)
{
    return format ? format : blk_name_is_qcow2(path) ? "qcow2" : "raw";
}

/* A raw image by its name that begins like a qcow2 one is a mistake, or a guest's trap. */
static int open_node(const char *path, const char *format, unsigned flags, struct blk_node **ret,
                     struct err *err)
{
    int rc = blk_node_open(path, format_of(path, format), flags, 0, ret, err);

    if (rc || format || blk_is_qcow2(*ret) || !blk_file_is_qcow2((*ret)->file))
        return rc;
    blk_node_free(*ret);
    return err_set(err, EINVAL,
                   "disk image \"%s\" is raw by its name but begins as a qcow2 image does: say "
                   "which it is",
                   path);
}

/* The node is gone; what its last flush said counts when nothing failed before. */
static int close_node(struct blk_node *n, int rc, struct err *err)
{
    int end = blk_node_free(n);

    return rc || end == 0 ? rc : err_set_errno(err, -end, "the disk image could not be flushed");
}

static int finish(int rc, const struct err *e, struct vm_err *err)
{
    return rc < 0 ? err_to_public(e, err) : 0;
}

/* --- creating --- */

static int check_backing(const struct vm_disk_options *o, struct err *err)
{
    if (o->backing && !o->backing_format && !blk_name_is_qcow2(o->backing))
        return err_set(err, EINVAL,
                       "the format of the backing image \"%s\" is not given: raw or "
                       "qcow2",
                       o->backing);
    return 0;
}

static int create_qcow2(const char *path, const struct vm_disk_options *o, struct blk_file *file,
                        struct blk_node **ret, struct err *err)
{
    const struct blk_qcow2_options q = {
        .size = bits_align_up(o->size, 512),
        .cluster_size = o->cluster_size,
        .zstd = o->compression && strcmp(o->compression, "zstd") == 0,
        .backing = o->backing,
        .backing_format = o->backing_format ? o->backing_format : "qcow2",
    };

    if (o->compression && !q.zstd && strcmp(o->compression, "zlib") != 0) {
        blk_file_free(file);
        return err_set(err, EINVAL, "compression \"%s\" is not known: zlib or zstd",
                       o->compression);
    }
    return blk_qcow2_create(file, path, &q, ret, err);
}

static int create_raw(const char *path, const struct vm_disk_options *o, struct blk_file *file,
                      struct blk_node **ret, struct err *err)
{
    int rc;

    if (o->backing || o->compression || o->cluster_size) {
        blk_file_free(file);
        return err_set(err, EINVAL,
                       "a raw image has no clusters, compression or backing image: say qcow2");
    }
    rc = blk_raw_open(file, path, 0, ret, err);
    if (rc == 0)
        rc = (*ret)->format->resize(*ret, bits_align_up(o->size, 512), err);
    if (rc)
        blk_node_free(*ret);
    return rc;
}

static int create_in(const char *path, const struct vm_disk_options *o, bool qcow2,
                     struct blk_node **ret, struct err *err)
{
    struct blk_file *file;
    int rc = check_backing(o, err);

    if (rc == 0 && o->size == 0 && !o->backing)
        rc = err_set(err, EINVAL, "disk image \"%s\": a size is needed", path);
    if (rc == 0 && o->size > INT64_MAX - 512)
        rc = err_set(err, EFBIG, "disk image \"%s\": the size is too large", path);
    if (rc == 0)
        rc = blk_file_create(path, &file, err);
    if (rc)
        return rc;
    rc = (qcow2 ? create_qcow2 : create_raw)(path, o, file, ret, err);
    if (rc)
        unlink(path);
    return rc;
}

/* 1: qcow2, 0: raw. */
static int which_format(const char *path, const char *format, struct err *err)
{
    format = format_of(path, format);
    if (strcmp(format, "qcow2") == 0)
        return 1;
    if (strcmp(format, "raw") == 0)
        return 0;
    return err_set(err, EINVAL, "disk format \"%s\" is not known (known: raw, qcow2)", format);
}

VM_API int vm_disk_create(const char *path, const struct vm_disk_options *options,
                          struct vm_err *err)
{
    struct err e = { 0 };
    struct blk_node *n;
    int rc = which_format(path, options->format, &e);

    if (rc >= 0)
        rc = create_in(path, options, rc, &n, &e);
    if (rc == 0) {
        rc = close_node(n, 0, &e);
        if (rc)
            unlink(path);
    }
    return finish(rc, &e, err);
}

/* --- copying --- */

struct copy {
    struct blk_node *from, *to;
    u64 step;           /* bytes at once; packing: a cluster */
    bool pack, overlay; /* overlay: only what is in `from` itself, zeroes too */
    vm_disk_progress_fn *progress;
    void *arg;
    u8 *buf; /* owns: step bytes */
};

/* What [at, at + *len) is, looking through to the images behind. */
static int status_through(struct blk_node *n, u64 at, u64 len, u64 *ret_len)
{
    for (;;) {
        int rc = n->format->status(n, at, len, ret_len);

        if (rc != BLK_STATUS_NONE)
            return rc;
        n = n->backing;
        len = *ret_len;
        if (at >= n->size)
            return BLK_STATUS_ZERO;
        len = len < n->size - at ? len : n->size - at;
    }
}

static bool is_zero(const u8 *p, u64 len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* Leaves out what is zeroes, as the new image is already. */
static int write_parts(struct copy *c, u64 at, u64 len)
{
    int rc = 0;

    for (u64 off = 0, part; rc == 0 && off < len; off += part) {
        bool zero = is_zero(c->buf + off, ZERO_GRAIN < len - off ? ZERO_GRAIN : len - off);

        part = 0;
        do
            part += ZERO_GRAIN < len - off - part ? ZERO_GRAIN : len - off - part;
        while (off + part < len &&
               is_zero(c->buf + off + part,
                       ZERO_GRAIN < len - off - part ? ZERO_GRAIN : len - off - part) == zero);
        if (!zero)
            rc = blk_node_write(c->to, at + off, c->buf + off, part);
    }
    return rc;
}

static int copy_data(struct copy *c, u64 at, u64 len)
{
    int rc = blk_node_read(c->from, at, c->buf, len);

    if (rc)
        return rc;
    if (c->overlay)
        return blk_node_write(c->to, at, c->buf, len);
    if (!c->pack)
        return write_parts(c, at, len);
    return is_zero(c->buf, len) ? 0 : blk_qcow2_write_packed(c->to, at, c->buf, len);
}

static int copy_piece(struct copy *c, u64 at, u64 *len)
{
    int status = c->overlay ? c->from->format->status(c->from, at, *len, len)
                            : status_through(c->from, at, *len, len);

    if (status < 0)
        return status;
    if (status == BLK_STATUS_DATA) {
        /* A packed cluster is packed whole: one piece of data makes it all data. */
        if (c->pack)
            *len = c->step < c->from->size - at ? c->step : c->from->size - at;
        *len = *len < c->step ? *len : c->step;
        return copy_data(c, at, *len);
    }
    if (c->pack && at + *len < c->from->size)
        *len = bits_align_down(*len, c->step);
    if (c->pack && *len == 0) {
        *len = c->step < c->from->size - at ? c->step : c->from->size - at;
        return copy_data(c, at, *len);
    }
    return c->overlay && status == BLK_STATUS_ZERO ? c->to->format->zero(c->to, at, *len, true) : 0;
}

static int copy_all(struct copy *c, struct err *err)
{
    u64 size = c->from->size;
    int rc = 0;

    c->buf = malloc(c->step);
    if (!c->buf)
        return err_set(err, ENOMEM, "no memory to copy a disk image");
    for (u64 at = 0, len; rc == 0 && at < size; at += len) {
        len = size - at;
        if (c->progress && c->progress(at, size, c->arg))
            rc = err_set(err, EINTR, "copying was given up");
        else
            rc = copy_piece(c, at, &len);
        if (rc && err->code == 0)
            err_set_errno(err, -rc, "copying disk image \"%s\" to \"%s\" at byte %llu",
                          c->from->path, c->to->path, (unsigned long long)at);
    }
    free(c->buf);
    if (rc == 0 && c->progress)
        (void)c->progress(size, size, c->arg);
    return rc;
}

/* --- converting --- */

static int convert_into(struct blk_node *from, const char *part,
                        const struct vm_disk_options *options, bool qcow2, struct copy *c,
                        struct err *err)
{
    struct vm_disk_options o = *options;
    struct blk_qcow2_info info;
    struct blk_node *to;
    int rc;

    o.size = o.size ? o.size : from->size;
    if (o.backing)
        return err_set(err, EINVAL, "a converted image has no backing image");
    if (o.size < from->size)
        return err_set(err, EINVAL, "the new size is less than that of \"%s\"", from->path);
    rc = create_in(part, &o, qcow2, &to, err);
    if (rc)
        return rc;
    c->from = from;
    c->to = to;
    c->step = STEP;
    if (c->pack) {
        blk_qcow2_info_get(to, &info);
        c->step = info.cluster_size;
    }
    rc = close_node(to, copy_all(c, err), err);
    if (rc)
        unlink(part);
    return rc;
}

/* The folder's entry survives a power cut too. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    int fd, rc;

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 || fsync(fd) ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Takes the name unless somebody took it meanwhile. */
static int take_name(const char *part, const char *to, struct err *err)
{
    int rc = link(part, to) ? -errno : 0;

    if (rc == -EPERM || rc == -EOPNOTSUPP) /* a file system without links */
        rc = rename(part, to) ? -errno : 0;
    unlink(part);
    if (rc == 0)
        rc = sync_folder(to);
    return rc ? err_set_errno(err, -rc, "disk image \"%s\" cannot be made", to) : 0;
}

static int convert(const char *from, const char *from_format, const char *to,
                   const struct vm_disk_options *options, struct copy *c, struct err *err)
{
    int qcow2 = which_format(to, options->format, err), rc;
    struct blk_node *n;
    char part[4096];

    if (qcow2 < 0)
        return qcow2;
    if (c->pack && !qcow2)
        return err_set(err, EINVAL, "a raw image cannot be compressed: say qcow2");
    if (snprintf(part, sizeof part, "%s.part", to) >= (int)sizeof part)
        return err_set(err, ENAMETOOLONG, "the name of the new disk image is too long");
    if (access(to, F_OK) == 0)
        return err_set(err, EEXIST, "disk image \"%s\" exists already", to);
    rc = open_node(from, from_format, BLK_OPEN_READ_ONLY, &n, err);
    if (rc)
        return rc;
    rc = convert_into(n, part, options, qcow2, c, err);
    rc = close_node(n, rc, err);
    return rc ? rc : take_name(part, to, err);
}

VM_API int vm_disk_convert(const char *from, const char *from_format, const char *to,
                           const struct vm_disk_options *options, int compress,
                           vm_disk_progress_fn *progress, void *arg, struct vm_err *err)
{
    struct copy c = { .pack = compress, .progress = progress, .arg = arg };
    struct err e = { 0 };

    return finish(convert(from, from_format, to, options, &c, &e), &e, err);
}

/* --- committing --- */

static int commit(struct blk_node *n, struct copy *c, struct err *err)
{
    struct blk_node *b = n->backing;
    int rc = 0;

    if (!b)
        return err_set(err, EINVAL, "disk image \"%s\" has no backing image to commit to", n->path);
    if (b->size < n->size)
        rc = b->format->resize(b, n->size, err);
    c->from = n;
    c->to = b;
    c->step = STEP;
    c->overlay = true;
    if (rc == 0)
        rc = copy_all(c, err);
    if (rc)
        return rc;
    rc = b->format->flush(b);
    if (rc == 0)
        rc = blk_qcow2_drop(n, 0);
    return rc ? err_set_errno(err, -rc, "disk image \"%s\" cannot be committed", n->path) : 0;
}

VM_API int vm_disk_commit(const char *path, const char *format, vm_disk_progress_fn *progress,
                          void *arg, struct vm_err *err)
{
    struct copy c = { .progress = progress, .arg = arg };
    struct err e = { 0 };
    struct blk_node *n;
    int rc = open_node(path, format, BLK_OPEN_WRITE_BACKING, &n, &e);

    if (rc == 0)
        rc = close_node(n, commit(n, &c, &e), &e);
    return finish(rc, &e, err);
}

/* --- the rest --- */

static int resize(struct blk_node *n, u64 size, bool shrink, struct err *err)
{
    if (size == 0 || size > INT64_MAX - 512)
        return err_set(err, EINVAL, "a disk of %llu bytes is not possible",
                       (unsigned long long)size);
    size = bits_align_up(size, 512);
    if (size < n->size && !shrink)
        return err_set(err, EINVAL,
                       "disk image \"%s\" is larger, with %llu bytes: what is cut off is lost, say "
                       "--shrink",
                       n->path, (unsigned long long)n->size);
    return size == n->size ? 0 : n->format->resize(n, size, err);
}

VM_API int vm_disk_resize(const char *path, const char *format, uint64_t size, int shrink,
                          struct vm_err *err)
{
    struct err e = { 0 };
    struct blk_node *n;
    int rc = open_node(path, format, 0, &n, &e);

    if (rc == 0)
        rc = close_node(n, resize(n, size, shrink, &e), &e);
    return finish(rc, &e, err);
}

static void info_qcow2(struct blk_node *n, struct vm_disk_info *ret)
{
    struct blk_qcow2_info q;

    blk_qcow2_info_get(n, &q);
    ret->cluster_size = q.cluster_size;
    ret->version = q.version;
    ret->refcount_bits = q.refcount_bits;
    ret->snapshots = q.snapshots;
    ret->dirty = q.dirty;
    ret->corrupt = q.corrupt;
    snprintf(ret->compression, sizeof ret->compression, "%s", q.zstd ? "zstd" : "zlib");
    snprintf(ret->backing, sizeof ret->backing, "%s", q.backing ? q.backing : "");
    snprintf(ret->backing_format, sizeof ret->backing_format, "%s",
             q.backing_format ? q.backing_format : "");
}

VM_API int vm_disk_info_get(const char *path, const char *format, struct vm_disk_info *ret,
                            struct vm_err *err)
{
    struct err e = { 0 };
    struct blk_node *n;
    struct stat st;
    int rc = open_node(path, format, BLK_OPEN_READ_ONLY | BLK_OPEN_UNLOCKED, &n, &e);

    if (rc)
        return finish(rc, &e, err);
    memset(ret, 0, sizeof *ret);
    snprintf(ret->format, sizeof ret->format, "%s", n->format->name);
    ret->size = n->size;
    if (fstat(n->file->fd, &st) == 0)
        ret->allocated = (u64)st.st_blocks * 512;
    ret->in_use = blk_is_locked(n->file->fd);
    if (blk_is_qcow2(n))
        info_qcow2(n, ret);
    return finish(close_node(n, 0, &e), &e, err);
}

VM_API int vm_disk_check(const char *path, const char *format, int repair,
                         struct vm_disk_check *ret, struct vm_err *err)
{
    struct blk_qcow2_check c;
    struct err e = { 0 };
    struct blk_node *n;
    int rc = open_node(path, format, repair ? BLK_OPEN_REPAIR : BLK_OPEN_READ_ONLY, &n, &e);

    if (rc)
        return finish(rc, &e, err);
    if (blk_is_qcow2(n))
        rc = blk_qcow2_check(n, repair, &c, &e);
    else
        rc = err_set(&e, ENOTSUP, "disk image \"%s\" is raw: there is nothing to check", path);
    rc = close_node(n, rc, &e);
    if (rc == 0)
        *ret = (struct vm_disk_check){ c.errors,   c.leaks,     c.repaired_errors, c.repaired_leaks,
                                       c.clusters, c.allocated, c.compressed,      c.end };
    return finish(rc, &e, err);
}

VM_API int vm_disk_parse_size(const char *text, uint64_t *ret, struct vm_err *err)
{
    struct err e = { 0 };
    u64 size;

    if (parse_size(text, &size)) {
        *ret = size;
        return 0;
    }
    err_set(&e, EINVAL, "%s is not a size: give a number with K, M, G or T, such as 8G", text);
    return err_to_public(&e, err);
}
