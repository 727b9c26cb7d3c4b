/*
 * write.c - makes a state file (format.h) out of declared state and bytes.
 *
 * Each section is one block of memory; running out of memory is remembered and
 * reported once, by state_writer_save(), so that devices need not care.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "host/file.h"
#include "state/crc32.h"
#include "state/format.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct section {
    char *instance; /* owns */
    u8 *data;       /* owns: length, body and CRC */
    u64 size, room;
};

struct state_writer {
    struct section *sections; /* owns */
    u32 count, room;
    bool failed; /* out of memory: nothing can be saved */
    struct crc32 crc;
};

struct state_writer *state_writer_new(void)
{
    struct state_writer *w = calloc(1, sizeof *w);

    if (w)
        crc32_init(&w->crc);
    return w;
}

struct state_writer *state_writer_free(struct state_writer *w)
{
    if (!w)
        return NULL;
    for (u32 i = 0; i < w->count; i++) {
        free(w->sections[i].instance);
        free(w->sections[i].data);
    }
    free(w->sections);
    free(w);
    return NULL;
}

/* --- building one section --- */

/* Room for len more bytes, counted as used; NULL when there is no memory. */
static u8 *put(struct section *s, u64 len)
{
    u8 *at;

    if (len > s->room - s->size) {
        u64 room = s->room * 2 > s->size + len ? s->room * 2 : s->size + len;
        u8 *data = realloc(s->data, room);

        if (!data)
            return NULL;
        s->data = data;
        s->room = room;
    }
    at = s->data + s->size;
    s->size += len;
    return at;
}

static bool put_bytes(struct section *s, const void *data, u64 len)
{
    u8 *at = put(s, len);

    if (at && len)
        memcpy(at, data, len);
    return at;
}

static bool put_le(struct section *s, u64 v, u64 len)
{
    return put_bytes(s, &v, len); /* every host is little-endian (base/bits.h) */
}

static bool put_name(struct section *s, const char *name)
{
    size_t len = strlen(name);

    BUG_ON(len == 0 || len > STATE_MAX_NAME);
    return put_le(s, len, 1) && put_bytes(s, name, len);
}

static bool put_schema(struct section *s, const struct state_list *list, unsigned depth)
{
    BUG_ON(depth >= STATE_MAX_DEPTH || list->field_count > STATE_MAX_MEMBERS);
    if (!put_name(s, list->name) || !put_le(s, list->version, 4) ||
        !put_le(s, list->field_count, 2))
        return false;
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];

        if (!put_name(s, f->name) || !put_le(s, f->type, 1) || !put_le(s, f->count, 4))
            return false;
        if (f->type == ST_nested && !put_schema(s, f->nested, depth + 1))
            return false;
    }
    return true;
}

static bool put_data(struct section *s, const struct state_list *list, const u8 *state)
{
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];
        const u8 *at = state + f->offset;

        if (f->type != ST_nested) {
            if (!put_bytes(s, at, (u64)f->count * state_type_size(f->type)))
                return false;
            continue;
        }
        for (u32 n = 0; n < f->count; n++)
            if (!put_data(s, f->nested, at + (size_t)n * f->nested->size))
                return false;
    }
    return true;
}

/* --- pages --- */

static u64 page_len(u64 size, u64 page)
{
    u64 left = size - page * STATE_FILE_PAGE;

    return left < STATE_FILE_PAGE ? left : STATE_FILE_PAGE;
}

static bool page_is_zero(const u8 *data, u64 size, u64 page)
{
    const u8 *p = data + page * STATE_FILE_PAGE;
    u64 len = page_len(size, page);
    u64 i = 0;

    for (; i + 32 <= len; i += 32)
        if (le64_get(p + i) | le64_get(p + i + 8) | le64_get(p + i + 16) | le64_get(p + i + 24))
            return false;
    for (; i < len; i++)
        if (p[i])
            return false;
    return true;
}

/* The next run of pages with content at or after *first; returns its length, 0 at the end. */
static u64 next_run(const u8 *data, u64 size, u64 *first)
{
    u64 pages = size / STATE_FILE_PAGE + (size % STATE_FILE_PAGE != 0);
    u64 end;

    while (*first < pages && page_is_zero(data, size, *first))
        ++*first;
    for (end = *first; end < pages && !page_is_zero(data, size, end);)
        end++;
    return end - *first;
}

/* Writes the runs, or with s NULL only counts the bytes they take. */
static bool put_runs(struct section *s, const u8 *data, u64 size, u64 *total)
{
    u64 first = 0, count;

    for (*total = 0; (count = next_run(data, size, &first)) != 0; first += count) {
        u64 at = first * STATE_FILE_PAGE;
        u64 len = size - at < count * STATE_FILE_PAGE ? size - at : count * STATE_FILE_PAGE;

        *total += 16 + len;
        if (s && (!put_le(s, first, 8) || !put_le(s, count, 8) || !put_bytes(s, data + at, len)))
            return false;
    }
    return true;
}

/* --- sections --- */

static struct section *section_add(struct state_writer *w)
{
    if (w->count == w->room) {
        u32 room = w->room ? w->room * 2 : 16;
        struct section *sections = realloc(w->sections, room * sizeof *sections);

        if (!sections)
            return NULL;
        w->sections = sections;
        w->room = room;
    }
    w->sections[w->count] = (struct section){ 0 };
    return &w->sections[w->count++];
}

/* Starts a section: length (filled in at its end), kind and instance. */
static struct section *section_begin(struct state_writer *w, const char *instance,
                                     enum state_section_kind kind)
{
    struct section *s;

    for (u32 i = 0; i < w->count; i++)
        BUG_ON(w->sections[i].instance && strcmp(w->sections[i].instance, instance) == 0);
    s = section_add(w);
    if (!s)
        return NULL;
    s->instance = strdup(instance);
    if (!s->instance || !put_le(s, 0, 8) || !put_le(s, kind, 1) || !put_name(s, instance))
        return NULL;
    return s;
}

static bool section_end(struct state_writer *w, struct section *s)
{
    le64_put(s->data, s->size - 8);
    return put_le(s, crc32_update(&w->crc, 0, s->data, s->size), 4);
}

void state_write(struct state_writer *w, const char *instance, const struct state_list *list,
                 const void *state)
{
    struct section *s = section_begin(w, instance, STATE_SECTION_LIST);

    if (!s || !put_schema(s, list, 0) || !put_data(s, list, state) || !section_end(w, s))
        w->failed = true;
}

/* Two passes over the data, so that guest memory is not held twice while a buffer grows. */
void state_write_bytes(struct state_writer *w, const char *instance, const void *data, u64 size)
{
    struct section *s = section_begin(w, instance, STATE_SECTION_BYTES);
    u64 total;

    if (!s) {
        w->failed = true;
        return;
    }
    put_runs(NULL, data, size, &total);
    if (!put(s, total + 8 + 4)) {
        w->failed = true;
        return;
    }
    s->size -= total + 8 + 4;
    if (!put_le(s, size, 8) || !put_runs(s, data, size, &total) || !section_end(w, s))
        w->failed = true;
}

static void header_make(const struct state_writer *w, u8 header[STATE_FILE_HEADER])
{
    u64 size = STATE_FILE_HEADER;

    for (u32 i = 0; i < w->count; i++)
        size += w->sections[i].size;
    memset(header, 0, STATE_FILE_HEADER);
    memcpy(header, STATE_FILE_MAGIC, 8);
    le32_put(header + 8, STATE_FILE_FORMAT);
    le32_put(header + 12, w->count);
    le64_put(header + 16, size);
    le32_put(header + 28, crc32_update(&w->crc, 0, header, 28));
}

int state_writer_save(struct state_writer *w, const char *path, struct err *err)
{
    struct host_file_out *out;
    u8 header[STATE_FILE_HEADER];
    int rc;

    if (w->failed)
        return err_set(err, ENOMEM, "cannot save the state to '%s': there is not enough memory",
                       path);
    rc = host_file_out_new(path, &out, err);
    if (rc)
        return err_wrap(err, "cannot save the state");
    header_make(w, header);
    rc = host_file_out_write(out, header, sizeof header, err);
    for (u32 i = 0; rc == 0 && i < w->count; i++)
        rc = host_file_out_write(out, w->sections[i].data, w->sections[i].size, err);
    if (rc) {
        host_file_out_free(out);
        return err_wrap(err, "cannot save the state");
    }
    rc = host_file_out_commit(out, err);
    return rc ? err_wrap(err, "cannot save the state") : 0;
}

int state_writer_memory(struct state_writer *w, u8 **ret_data, size_t *ret_size, struct err *err)
{
    u8 header[STATE_FILE_HEADER];
    u64 size;
    u8 *data, *at;

    if (w->failed)
        return err_set(err, ENOMEM, "cannot keep the state: there is not enough memory");
    header_make(w, header);
    size = le64_get(header + 16);
    data = malloc(size);
    if (!data)
        return err_set(err, ENOMEM, "cannot keep a state of %llu bytes: there is not enough memory",
                       (unsigned long long)size);
    memcpy(data, header, sizeof header);
    at = data + sizeof header;
    for (u32 i = 0; i < w->count; i++) {
        memcpy(at, w->sections[i].data, w->sections[i].size);
        at += w->sections[i].size;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}
