/*
 * read.c - fills declared state and memory from a state file that open.c has checked.
 */
#include "base/bug.h"
#include "state/cursor.h"
#include <errno.h>
#include <inttypes.h>

static const struct file_section *section_find(const struct state_reader *r, const char *instance,
                                               enum state_section_kind kind)
{
    u32 low = 0, high = r->count;
    struct name want = { instance, (u32)strlen(instance) };

    while (low < high) {
        u32 mid = low + (high - low) / 2;
        int order = name_compare(r->sections[mid].instance, want);

        if (order == 0)
            return r->sections[mid].kind == kind ? &r->sections[mid] : NULL;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool is_zero(const u8 *data, u64 len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* One load: where it reads data, and what it says when it fails. */
struct load {
    const char *instance;
    struct cursor data;
    struct err *err;
};

static u32 field_find(const struct state_list *list, struct name n)
{
    u32 i = 0;

    while (i < list->field_count && !name_is(n, list->fields[i].name))
        i++;
    return i;
}

/* A member that this program does not know. A file of an older version may have what was
 * since removed on purpose; otherwise dropping content would resume something else. */
static int unknown_skip(struct load *l, struct cursor *schema, const struct member *m, bool older,
                        unsigned depth)
{
    u64 size =
        m->type == ST_nested ? state_schema_measure(schema, depth + 1) : state_type_size(m->type);
    u64 len = size * m->count;
    const u8 *at = take(&l->data, len);

    BUG_ON(!at);
    if (older || is_zero(at, len))
        return 0;
    return err_set(l->err, EINVAL,
                   "'%s' has a member '%.*s' that this program does not know: "
                   "the state was saved by a newer one",
                   l->instance, (int)m->name.len, m->name.at);
}

/* dst NULL: only checks. */
static int scalar_load(struct load *l, const struct state_field *f, u8 *dst)
{
    u64 len = (u64)f->count * state_type_size(f->type);
    const u8 *at = take(&l->data, len);

    BUG_ON(!at);
    for (u32 i = 0; f->type == ST_flag && i < f->count; i++)
        if (at[i] > 1)
            return err_set(l->err, EINVAL,
                           "the state file is damaged: '%s' of '%s' is %u, "
                           "which is neither on nor off",
                           f->name, l->instance, at[i]);
    if (dst)
        memcpy(dst + f->offset, at, len);
    return 0;
}

static int list_load(struct load *l, struct cursor *schema, const struct state_list *list, u8 *dst,
                     unsigned depth);

static int member_load(struct load *l, struct cursor *schema, const struct member *m,
                       const struct state_field *f, u8 *dst, unsigned depth)
{
    struct cursor start = *schema;

    if (m->type != f->type || m->count != f->count)
        return err_set(l->err, EINVAL,
                       "'%s' cannot be loaded: its member '%s' has another type "
                       "or length in the state file",
                       l->instance, f->name);
    if (f->type != ST_nested)
        return scalar_load(l, f, dst);
    for (u32 n = 0; n < f->count; n++) {
        u8 *row = dst ? dst + f->offset + (size_t)n * f->nested->size : NULL;
        int rc;

        *schema = start;
        rc = list_load(l, schema, f->nested, row, depth + 1);
        if (rc)
            return rc;
    }
    return 0;
}

/* Passes one list's schema and one row of its data. */
static int list_load(struct load *l, struct cursor *schema, const struct state_list *list, u8 *dst,
                     unsigned depth)
{
    struct name name = take_name(schema);
    u32 version = (u32)take_le(schema, 4);
    u32 members = (u32)take_le(schema, 2);
    u8 seen[STATE_MAX_MEMBERS / 8] = { 0 };

    if (!name_is(name, list->name))
        return err_set(l->err, EINVAL, "'%s' is a %.*s in the state file and a %s here",
                       l->instance, (int)name.len, name.at, list->name);
    if (version > list->version)
        return err_set(l->err, EINVAL,
                       "'%s' was saved by a newer program: version %u of its "
                       "state, and this one knows version %u",
                       l->instance, version, list->version);
    for (u32 i = 0; i < members; i++) {
        struct member m = take_member(schema);
        u32 n = field_find(list, m.name);
        int rc;

        if (n == list->field_count) {
            rc = unknown_skip(l, schema, &m, version < list->version, depth);
        } else if (seen[n / 8] & 1u << n % 8) {
            rc = err_set(l->err, EINVAL, "the state file is damaged: '%s' has '%s' twice",
                         l->instance, list->fields[n].name);
        } else {
            seen[n / 8] |= (u8)(1u << n % 8);
            rc = member_load(l, schema, &m, &list->fields[n], dst, depth);
        }
        if (rc)
            return rc;
    }
    return 0;
}

int state_read(struct state_reader *r, const char *instance, const struct state_list *list,
               void *state, struct err *err)
{
    const struct file_section *s = section_find(r, instance, STATE_SECTION_LIST);
    struct cursor schema;
    struct load l = { .instance = instance, .err = err };

    if (!s)
        return err_set(err, ENOENT,
                       "the state file has nothing about '%s': it was saved from "
                       "another machine",
                       instance);
    schema = s->body;
    state_schema_measure(&schema, 0);
    /* First only checks, so that a refused state changes nothing; then the same with copying. */
    for (int pass = 0; pass < 2; pass++) {
        struct cursor c = s->body;
        int rc;

        l.data = (struct cursor){ schema.at, s->body.end, false };
        rc = list_load(&l, &c, list, pass ? state : NULL, 0);
        if (rc)
            return rc;
    }
    return 0;
}

s64 state_bytes_size(struct state_reader *r, const char *instance)
{
    const struct file_section *s = section_find(r, instance, STATE_SECTION_BYTES);
    struct cursor c;
    u64 size;

    if (!s)
        return -ENOENT;
    c = s->body;
    size = take_le(&c, 8);
    return size > INT64_MAX ? INT64_MAX : (s64)size;
}

int state_read_bytes(struct state_reader *r, const char *instance, void *data, u64 size,
                     struct err *err)
{
    const struct file_section *s = section_find(r, instance, STATE_SECTION_BYTES);
    struct cursor c;
    u64 have;

    if (!s)
        return err_set(err, ENOENT, "the state file has no '%s': it was saved from another machine",
                       instance);
    c = s->body;
    have = take_le(&c, 8);
    if (have != size)
        return err_set(err, EINVAL,
                       "'%s' has %" PRIu64 " bytes in the state file and %" PRIu64 " here",
                       instance, have, size);
    while (left(&c)) {
        u64 first, len = state_run_take(&c, size, &first);
        const u8 *at = take(&c, len);

        BUG_ON(!at);
        memcpy((u8 *)data + first * STATE_FILE_PAGE, at, len);
    }
    return 0;
}
