/*
 * tar.c - reads a tar stream, file contents whole.
 */
#include "vm/install/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512 };
#define FILE_MAX (1 * GIB) /* no package has a larger file */

struct tar {
    int fd;
    u8 *data;        /* owns; of the last entry */
    char *path_next; /* owns; of a long name that precedes its entry */
    char *target_next;
};

struct tar *tar_new(int fd)
{
    struct tar *t = calloc(1, sizeof *t);

    if (t)
        t->fd = fd;
    return t;
}

void tar_free(struct tar *t)
{
    if (!t)
        return;
    free(t->data);
    free(t->path_next);
    free(t->target_next);
    free(t);
}

static int take(struct tar *t, void *data, size_t len, struct err *err)
{
    while (len) {
        ssize_t n = read(t->fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, errno, "it cannot be read");
        if (n == 0)
            return err_set(err, EINVAL, "it ends early");
        data = (u8 *)data + n;
        len -= (size_t)n;
    }
    return 0;
}

/* Octal digits, or GNU's big-endian binary with the first bit set. */
static u64 number(const u8 *at, unsigned len)
{
    u64 v = 0;

    if (*at & 0x80) {
        for (unsigned i = len - 8; i < len; i++)
            v = v << 8 | at[i];
        return v;
    }
    for (unsigned i = 0; i < len && (at[i] == ' ' || (at[i] >= '0' && at[i] <= '7')); i++)
        if (at[i] != ' ')
            v = v << 3 | (u64)(at[i] - '0');
    return v;
}

static bool checksum_ok(const u8 *h)
{
    u64 sum = 0;

    for (unsigned i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : h[i];
    return sum == number(h + 148, 8);
}

/* The entry's content and its padding, with a 0 behind it. */
static int take_data(struct tar *t, u64 size, struct err *err)
{
    u8 padding[BLOCK];
    int rc;

    free(t->data);
    t->data = NULL;
    if (size > FILE_MAX)
        return err_set(err, EFBIG, "it has a file of %llu bytes", (unsigned long long)size);
    t->data = malloc(size + 1);
    if (!t->data)
        return err_set_errno(err, ENOMEM, "reading it");
    t->data[size] = 0;
    rc = take(t, t->data, size, err);
    if (rc == 0 && size % BLOCK)
        rc = take(t, padding, BLOCK - size % BLOCK, err);
    return rc;
}

/* "./usr//bin/" → "/usr/bin". False: it climbs out, or is too long. */
static bool clean_path(const char *in, char *out)
{
    size_t len = 0;

    while (*in) {
        size_t n = strcspn(in, "/");

        if (n == 2 && in[0] == '.' && in[1] == '.')
            return false;
        if (n && !(n == 1 && in[0] == '.')) {
            if (len + n + 2 > TAR_PATH_MAX)
                return false;
            out[len++] = '/';
            memcpy(out + len, in, n);
            len += n;
        }
        in += n + (in[n] == '/');
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = 0;
    return true;
}

static enum tar_kind kind_of(char flag)
{
    switch (flag) {
    case '0':
    case 0: return TAR_FILE;
    case '1': return TAR_HARDLINK;
    case '2': return TAR_SYMLINK;
    case '5': return TAR_DIR;
    default: return TAR_OTHER;
    }
}

/* pax records, "LENGTH KEY=VALUE\n": path and linkpath are what a package may need. */
static void take_pax(struct tar *t, u64 size)
{
    char *at = (char *)t->data, *end = at + size;

    while (at < end) {
        char *key, *value;
        u64 len = strtoull(at, &key, 10);

        if (len == 0 || len > (u64)(end - at) || key >= at + len || *key != ' ')
            return;
        at[len - 1] = 0;
        key++;
        value = strchr(key, '=');
        if (value && strncmp(key, "path=", 5) == 0) {
            free(t->path_next);
            t->path_next = strdup(value + 1);
        }
        if (value && strncmp(key, "linkpath=", 9) == 0) {
            free(t->target_next);
            t->target_next = strdup(value + 1);
        }
        at += len;
    }
}

static int take_long(struct tar *t, char flag, u64 size, struct err *err)
{
    char **into = flag == 'K' ? &t->target_next : &t->path_next;
    int rc = take_data(t, size < 64 * KIB ? size : FILE_MAX + 1, err);

    if (rc < 0)
        return rc;
    if (flag == 'x') {
        take_pax(t, size);
        return 0;
    }
    if (flag == 'g')
        return 0;
    free(*into);
    *into = strdup((char *)t->data);
    return *into ? 0 : err_set_errno(err, ENOMEM, "reading it");
}

static int names(struct tar *t, const u8 *h, struct tar_entry *e, struct err *err)
{
    char path[TAR_PATH_MAX] = "", target[TAR_PATH_MAX] = "";
    bool ok;

    if (t->path_next)
        strncat(path, t->path_next, sizeof path - 1);
    else {
        if (memcmp(h + 257, "ustar\0", 6) == 0 && h[345]) {
            strncat(path, (const char *)h + 345, 155);
            strcat(path, "/");
        }
        strncat(path, (const char *)h, 100);
    }
    if (t->target_next)
        strncat(target, t->target_next, sizeof target - 1);
    else
        strncat(target, (const char *)h + 157, 100);
    free(t->path_next);
    free(t->target_next);
    t->path_next = t->target_next = NULL;
    ok = clean_path(path, e->path);
    if (e->kind == TAR_HARDLINK)
        ok = ok && clean_path(target, e->target);
    else
        strcpy(e->target, target);
    return ok ? 0 : err_set(err, EINVAL, "it has a path that leads out of it: %s", path);
}

int tar_next(struct tar *t, struct tar_entry *e, struct err *err)
{
    u8 h[BLOCK];
    int rc;

    for (;;) {
        rc = take(t, h, sizeof h, err);
        if (rc < 0)
            return rc;
        if (h[0] == 0)
            return 0;
        if (!checksum_ok(h))
            return err_set(err, EINVAL, "it is no tar file, or damaged");
        if (!strchr("LKxg", h[156]) || h[156] == 0)
            break;
        rc = take_long(t, (char)h[156], number(h + 124, 12), err);
        if (rc < 0)
            return rc;
    }
    e->kind = kind_of((char)h[156]);
    e->mode = (u32)number(h + 100, 8) & 07777;
    e->uid = (u32)number(h + 108, 8);
    e->gid = (u32)number(h + 116, 8);
    e->mtime = (s64)number(h + 136, 12);
    e->size = e->kind == TAR_FILE ? number(h + 124, 12) : 0;
    rc = names(t, h, e, err);
    if (rc == 0)
        rc = take_data(t, e->size, err);
    e->data = t->data;
    return rc < 0 ? rc : 1;
}
