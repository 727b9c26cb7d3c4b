/*
 * list.c - what follows from a state list inside the program: reset, compare, print.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "state/format.h"
#include <inttypes.h>
#include <string.h>

/* Longest path that is printed; lists nest at most STATE_MAX_DEPTH deep. */
enum { PATH_SIZE = 512 };

void state_reset(const struct state_list *list, void *state)
{
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];
        u8 *at = (u8 *)state + f->offset;

        if (f->type == ST_nested)
            for (u32 n = 0; n < f->count; n++)
                state_reset(f->nested, at + (size_t)n * f->nested->size);
        else if (f->reset == ST_RESET_ZERO)
            memset(at, 0, (size_t)f->count * state_type_size(f->type));
    }
}

/* Appends ".name[index]" to the path that is `len` long; returns the new length. */
static size_t path_add(char *path, size_t size, size_t len, const struct state_field *f, u32 index)
{
    int n;

    if (len >= size)
        return len;
    if (f->is_array)
        n = snprintf(path + len, size - len, "%s%s[%u]", len ? "." : "", f->name, index);
    else
        n = snprintf(path + len, size - len, "%s%s", len ? "." : "", f->name);
    return len + (size_t)n;
}

/* True, with the path complete, at the first difference. */
static bool diff_list(const struct state_list *list, const u8 *a, const u8 *b, char *path,
                      size_t size, size_t len)
{
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];
        size_t step = f->type == ST_nested ? f->nested->size : state_type_size(f->type);

        for (u32 n = 0; n < f->count; n++) {
            const u8 *pa = a + f->offset + n * step;
            const u8 *pb = b + f->offset + n * step;
            size_t end;

            if (f->type != ST_nested && memcmp(pa, pb, step) == 0)
                continue;
            end = path_add(path, size, len, f, n);
            if (f->type != ST_nested || diff_list(f->nested, pa, pb, path, size, end))
                return true;
        }
    }
    return false;
}

const char *state_diff(const struct state_list *list, const void *a, const void *b, char *buf,
                       size_t size)
{
    BUG_ON(size == 0);
    buf[0] = 0;
    return diff_list(list, a, b, buf, size, 0) ? buf : NULL;
}

static u64 element_bits(unsigned type, const u8 *at)
{
    switch (type) {
    case ST_u8: return *at;
    case ST_flag: return *(const flag *)at;
    case ST_u16: return le16_get(at);
    case ST_u32: return le32_get(at);
    case ST_s32: return (u64)(s64)(s32)le32_get(at);
    default: return le64_get(at);
    }
}

static void print_element(const struct state_field *f, const u8 *at, bool json, FILE *out)
{
    u64 v = element_bits(f->type, at);

    if (f->type == ST_flag)
        fprintf(out, v ? "true" : "false");
    else if (f->type == ST_s32 || f->type == ST_s64)
        fprintf(out, "%" PRId64, (s64)v);
    else if (json)
        fprintf(out, "%" PRIu64, v);
    else
        fprintf(out, "0x%" PRIx64, v);
}

/* An array on one line; four equal elements and more as "value*count". */
static void print_array(const struct state_field *f, const u8 *at, FILE *out)
{
    size_t step = state_type_size(f->type);

    for (u32 i = 0; i < f->count;) {
        u32 same = 1;

        while (i + same < f->count && memcmp(at + i * step, at + (i + same) * step, step) == 0)
            same++;
        if (same < 4)
            same = 1;
        fputs(i ? " " : "", out);
        print_element(f, at + i * step, false, out);
        if (same > 1)
            fprintf(out, "*%u", same);
        i += same;
    }
}

static void print_list(const struct state_list *list, const u8 *state, char *path, size_t len,
                       FILE *out)
{
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];
        const u8 *at = state + f->offset;

        if (f->type == ST_nested) {
            for (u32 n = 0; n < f->count; n++) {
                size_t end = path_add(path, PATH_SIZE, len, f, n);

                print_list(f->nested, at + (size_t)n * f->nested->size, path, end, out);
            }
            continue;
        }
        fprintf(out, "%.*s%s%s = ", (int)len, path, len ? "." : "", f->name);
        print_array(f, at, out);
        fputc('\n', out);
    }
}

void state_print(const struct state_list *list, const void *state, FILE *out)
{
    char path[PATH_SIZE];

    print_list(list, state, path, 0, out);
}

static void json_field(const struct state_field *f, const u8 *at, FILE *out)
{
    size_t step = f->type == ST_nested ? f->nested->size : state_type_size(f->type);

    fputs(f->is_array ? "[" : "", out);
    for (u32 n = 0; n < f->count; n++) {
        fputs(n ? "," : "", out);
        if (f->type == ST_nested)
            state_print_json(f->nested, at + n * step, out);
        else
            print_element(f, at + n * step, true, out);
    }
    fputs(f->is_array ? "]" : "", out);
}

void state_print_json(const struct state_list *list, const void *state, FILE *out)
{
    fputc('{', out);
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];

        fprintf(out, "%s\"%s\":", i ? "," : "", f->name);
        json_field(f, (const u8 *)state + f->offset, out);
    }
    fputc('}', out);
}
