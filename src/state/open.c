/*
 * open.c - opens a state file (format.h).
 *
 * The file is untrusted. Opening checks everything: lengths, checksums, names, and that
 * each section's schema and data fit each other exactly; the only memory taken is the
 * file itself and one index row a section. Reads (read.c) walk what was checked here.
 */
#include "base/bits.h"
#include "base/checked.h"
#include "host/file.h"
#include "state/crc32.h"
#include "state/cursor.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

u64 state_schema_measure(struct cursor *c, unsigned depth)
{
    u64 total = 0;
    u32 members;

    take_name(c);
    take_le(c, 4);
    members = (u32)take_le(c, 2);
    if (depth >= STATE_MAX_DEPTH || members == 0 || members > STATE_MAX_MEMBERS)
        c->bad = true;
    for (u32 i = 0; i < members && !c->bad; i++) {
        struct member m = take_member(c);
        u64 size = m.type == ST_nested && !c->bad ? state_schema_measure(c, depth + 1)
                                                  : state_type_size(m.type);

        if (!checked_mul(size, m.count, &size) || !checked_add(total, size, &total))
            c->bad = true;
    }
    return total;
}

u64 state_run_take(struct cursor *c, u64 size, u64 *first)
{
    u64 pages = size / STATE_FILE_PAGE + (size % STATE_FILE_PAGE != 0);
    u64 count, at;

    *first = take_le(c, 8);
    count = take_le(c, 8);
    if (c->bad || count == 0 || !checked_range(*first, count, pages))
        return 0;
    at = *first * STATE_FILE_PAGE;
    return *first + count == pages ? size - at : count * STATE_FILE_PAGE;
}

static bool runs_valid(struct cursor c)
{
    u64 size = take_le(&c, 8);
    u64 next = 0; /* the first page that a run may have */

    /* Page numbers times 4096 must not wrap. */
    if (c.bad || size > UINT64_MAX - STATE_FILE_PAGE)
        return false;
    while (left(&c)) {
        u64 first, len = state_run_take(&c, size, &first);

        if (len == 0 || first < next || !take(&c, len))
            return false;
        next = first + len / STATE_FILE_PAGE + (len % STATE_FILE_PAGE != 0);
    }
    return true;
}

static bool section_valid(const struct file_section *s)
{
    struct cursor c = s->body;
    u64 size;

    if (s->kind == STATE_SECTION_BYTES)
        return runs_valid(c);
    size = state_schema_measure(&c, 0);
    return s->kind == STATE_SECTION_LIST && !c.bad && size == left(&c);
}

static int damaged(struct err *err, const char *what, u32 index)
{
    return err_set(err, EINVAL, "the state file is damaged: %s (part %u)", what, index + 1);
}

/* Takes the next section; its checksum covers its length too. */
static int section_take(struct cursor *c, const struct crc32 *crc, u32 index,
                        struct file_section *out, struct err *err)
{
    const u8 *start = c->at;
    u64 len = take_le(c, 8);
    const u8 *body;
    u32 sum;

    if (c->bad || len > left(c) || left(c) - len < 4)
        return damaged(err, "it ends too early", index);
    body = take(c, len);
    sum = (u32)take_le(c, 4);
    if (crc32_update(crc, 0, start, 8 + len) != sum)
        return damaged(err, "a checksum is wrong", index);
    out->body = (struct cursor){ body, body + len, false };
    out->kind = (enum state_section_kind)take_le(&out->body, 1);
    out->instance = take_name(&out->body);
    if (out->body.bad || !section_valid(out))
        return damaged(err, "its content contradicts itself", index);
    return 0;
}

static int header_check(const u8 *data, size_t size, const struct crc32 *crc, u32 *sections,
                        struct err *err)
{
    /* The smallest section: length, kind, one-letter name, empty bytes, checksum. */
    const u64 smallest = 8 + 1 + 2 + 8 + 4;

    if (size < 8 || memcmp(data, STATE_FILE_MAGIC, 8) != 0)
        return err_set(err, EINVAL, "this is not a state file");
    if (size < STATE_FILE_HEADER)
        return err_set(err, EINVAL, "the state file is damaged: it ends after %zu bytes", size);
    if (crc32_update(crc, 0, data, 28) != le32_get(data + 28))
        return err_set(err, EINVAL, "the state file is damaged: its header's checksum is wrong");
    if (le32_get(data + 8) != STATE_FILE_FORMAT)
        return err_set(err, EINVAL,
                       "the state file has format %u, and this program reads format %u",
                       le32_get(data + 8), STATE_FILE_FORMAT);
    if (le64_get(data + 16) != size)
        return err_set(err, EINVAL, "the state file is damaged: it has %zu of %" PRIu64 " bytes",
                       size, le64_get(data + 16));
    *sections = le32_get(data + 12);
    if (*sections > (size - STATE_FILE_HEADER) / smallest)
        return err_set(err, EINVAL, "the state file is damaged: %u parts do not fit in %zu bytes",
                       *sections, size);
    return 0;
}

static int section_order(const void *a, const void *b)
{
    const struct file_section *x = a, *y = b;

    return name_compare(x->instance, y->instance);
}

static int sections_read(struct state_reader *r, struct err *err)
{
    struct cursor c = { r->file + STATE_FILE_HEADER, r->file + r->size, false };
    struct crc32 *crc = malloc(sizeof *crc);
    u32 count = 0;
    int rc;

    if (!crc)
        return err_set(err, ENOMEM, "there is not enough memory to check the state file");
    crc32_init(crc);
    rc = header_check(r->file, r->size, crc, &count, err);
    if (rc == 0) {
        r->sections = calloc(count + 1ull, sizeof *r->sections);
        if (!r->sections)
            rc = err_set(err, ENOMEM, "there is not enough memory to read the state file");
    }
    for (u32 i = 0; rc == 0 && i < count; i++, r->count++)
        rc = section_take(&c, crc, i, &r->sections[i], err);
    if (rc == 0 && left(&c))
        rc = damaged(err, "more follows its end", count);
    free(crc);
    return rc;
}

static int duplicates_check(struct state_reader *r, struct err *err)
{
    qsort(r->sections, r->count, sizeof *r->sections, section_order);
    for (u32 i = 1; i < r->count; i++) {
        struct name n = r->sections[i].instance;

        if (name_compare(r->sections[i - 1].instance, n) == 0)
            return err_set(err, EINVAL, "the state file is damaged: '%.*s' is in it twice",
                           (int)n.len, n.at);
    }
    return 0;
}

/* Takes over `file`. */
static int reader_new(u8 *file, size_t size, struct state_reader **ret, struct err *err)
{
    struct state_reader *r = calloc(1, sizeof *r);
    int rc;

    if (!r) {
        free(file);
        return err_set(err, ENOMEM, "there is not enough memory to read the state file");
    }
    r->file = file;
    r->size = size;
    rc = sections_read(r, err);
    if (rc == 0)
        rc = duplicates_check(r, err);
    if (rc) {
        state_reader_free(r);
        return rc;
    }
    *ret = r;
    return 0;
}

int state_reader_open(const char *path, struct state_reader **ret, struct err *err)
{
    size_t size;
    u8 *file;
    int rc = host_file_read(path, SIZE_MAX / 2, &file, &size, err);

    if (rc)
        return err_wrap(err, "cannot load the state");
    rc = reader_new(file, size, ret, err);
    return rc ? err_wrap(err, "cannot load the state from '%s'", path) : 0;
}

int state_reader_open_memory(const void *data, size_t size, struct state_reader **ret,
                             struct err *err)
{
    u8 *copy = malloc(size ? size : 1);

    if (!copy)
        return err_set(err, ENOMEM, "there is not enough memory to read the state");
    if (size)
        memcpy(copy, data, size);
    return reader_new(copy, size, ret, err);
}

struct state_reader *state_reader_free(struct state_reader *r)
{
    if (!r)
        return NULL;
    free(r->sections);
    free(r->file);
    free(r);
    return NULL;
}
