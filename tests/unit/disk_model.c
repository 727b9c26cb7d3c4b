/*
 * disk_model.c - see disk_model.h.
 */
#include "disk_model.h"
#include "base/bits.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* splitmix64 */
u64 model_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void model_init(struct disk_model *m, u64 size, u64 seed)
{
    *m = (struct disk_model){ .data = calloc(1, size), .size = size, .seed = seed };
}

void model_fini(struct disk_model *m)
{
    free(m->data);
    m->data = NULL;
}

/* A range of whole sectors, often small, sometimes at the end of the disk. */
static void random_range(struct disk_model *m, u64 max_bytes, u64 *at, u64 *len)
{
    u64 sectors = max_bytes / 512;

    *len = 512 * (1 + model_random(&m->seed) % (model_random(&m->seed) % 4 ? 16 : sectors));
    if (*len > m->size)
        *len = m->size;
    *at = 512 * (model_random(&m->seed) % ((m->size - *len) / 512 + 1));
    if (model_random(&m->seed) % 4 == 0)
        *at = bits_align_down(*at, 4096);
    if (model_random(&m->seed) % 32 == 0)
        *at = m->size - *len;
}

static int random_write(struct disk_model *m, struct blk_node *n, u64 at, u64 len)
{
    u64 cut = 512 + model_random(&m->seed) % len, stamp = model_random(&m->seed);
    struct iovec iov[2];

    cut = cut < len ? cut : len;
    for (u64 i = 0; i < len; i += 8)
        le64_put(m->data + at + i, stamp + i);
    iov[0] = (struct iovec){ m->data + at, cut };
    iov[1] = (struct iovec){ m->data + at + cut, len - cut };
    return n->format->write(n, at, len, iov, cut < len ? 2 : 1);
}

/* What a discard leaves is the format's to say: the model takes it over. */
static int discard(struct disk_model *m, struct blk_node *n, u64 at, u64 len)
{
    int rc = n->format->discard(n, at, len);

    return rc ? rc : blk_node_read(n, at, m->data + at, len);
}

int model_step(struct disk_model *m, struct blk_node *n, u64 max_bytes)
{
    u64 at, len, what = model_random(&m->seed) % 16;

    random_range(m, max_bytes, &at, &len);
    if (what < 10)
        return random_write(m, n, at, len);
    if (what < 13) {
        memset(m->data + at, 0, len);
        return n->format->zero(n, at, len, what == 12);
    }
    if (what < 15 && !m->no_discard)
        return discard(m, n, at, len);
    return what == 15 ? n->format->flush(n) : 0;
}

u64 model_compare(const struct disk_model *m, struct blk_node *n)
{
    u8 buf[64 * KIB];
    u64 bad = 0;

    for (u64 at = 0; at < m->size; at += sizeof buf) {
        u64 len = m->size - at < sizeof buf ? m->size - at : sizeof buf;

        if (blk_node_read(n, at, buf, len))
            return m->size / 512;
        for (u64 i = 0; i < len; i += 512)
            bad += memcmp(buf + i, m->data + at + i, 512) != 0;
    }
    return bad;
}

/* --- a file in memory --- */

struct memory_file {
    struct blk_file f;
    u8 *data; /* owns */
    u64 size, room;
};

static int memory_resize(struct blk_file *f, u64 size)
{
    struct memory_file *m = (struct memory_file *)f;

    if (size > MEMORY_FILE_MAX)
        return -ENOSPC;
    if (size > m->room) {
        u64 room = size + size / 2;
        u8 *data = realloc(m->data, room);

        if (!data)
            return -ENOSPC;
        memset(data + m->room, 0, room - m->room);
        m->data = data;
        m->room = room;
    }
    if (size < m->size)
        memset(m->data + size, 0, m->size - size);
    m->size = size;
    return 0;
}

static int memory_read(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    const struct memory_file *m = (const struct memory_file *)f;

    for (unsigned i = 0; i < count; at += iov[i++].iov_len) {
        u64 there = at >= m->size ? 0 : m->size - at;

        there = there < iov[i].iov_len ? there : iov[i].iov_len;
        if (there)
            memcpy(iov[i].iov_base, m->data + at, there);
        memset((u8 *)iov[i].iov_base + there, 0, iov[i].iov_len - there);
    }
    return 0;
}

static int memory_write(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    struct memory_file *m = (struct memory_file *)f;
    u64 len = blk_iov_bytes(iov, count);
    int rc;

    if (at > MEMORY_FILE_MAX || len > MEMORY_FILE_MAX)
        return -ENOSPC;
    if (len == 0)
        return 0; /* an empty file has no data to point at */
    rc = at + len > m->size ? memory_resize(f, at + len) : 0;
    for (unsigned i = 0; rc == 0 && i < count; at += iov[i++].iov_len)
        memcpy(m->data + at, iov[i].iov_base, iov[i].iov_len);
    return rc;
}

static int memory_sync(struct blk_file *f)
{
    return 0;
}

static int memory_size(struct blk_file *f, u64 *ret)
{
    *ret = ((struct memory_file *)f)->size;
    return 0;
}

static int memory_zero(struct blk_file *f, u64 at, u64 len, bool unmap)
{
    struct memory_file *m = (struct memory_file *)f;

    if (at < m->size)
        memset(m->data + at, 0, m->size - at < len ? m->size - at : len);
    return 0;
}

static void memory_free(struct blk_file *f)
{
    free(((struct memory_file *)f)->data);
    free(f);
}

static const struct blk_file_ops memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .sync = memory_sync,
    .size = memory_size,
    .resize = memory_resize,
    .zero = memory_zero,
    .free = memory_free,
};

struct blk_file *memory_file_new(void)
{
    struct memory_file *m = calloc(1, sizeof *m);

    if (!m)
        exit(1);
    m->f = (struct blk_file){ &memory_ops, -1 };
    return &m->f;
}

u8 *memory_file_data(struct blk_file *f, u64 *ret_size)
{
    struct memory_file *m = (struct memory_file *)f;

    *ret_size = m->size;
    return m->data;
}

void memory_file_set(struct blk_file *f, const u8 *data, u64 size)
{
    struct iovec iov = { (void *)data, size };

    if (memory_resize(f, 0) || memory_write(f, 0, &iov, 1))
        exit(1);
}

/* --- other programs --- */

int run_shell(const char *fmt, ...)
{
    char command[4096];
    va_list ap;
    int n, status;

    va_start(ap, fmt);
    n = vsnprintf(command, sizeof command - 20, fmt, ap);
    va_end(ap);
    strcpy(command + n, " >/dev/null 2>&1");
    fflush(stdout);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool have_qemu_img(void)
{
    return run_shell("command -v qemu-img") == 0;
}
