/*
 * check.c - proves that a guest's lines are consistent and claim disjoint encodings,
 * and numbers the rows (semantics x variant values).
 */
#include "decodegen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_FAIL(l, ...) fail((l)->file, (l)->file_line, __VA_ARGS__)

static u32 slice_mask(struct slice s)
{
    return (u32)(((1ull << s.n) - 1) << s.lo);
}

static u32 slice_get(struct slice s, u32 w)
{
    return (u32)(w >> s.lo & ((1ull << s.n) - 1));
}

u32 field_mask(const struct field *f)
{
    u32 m = 0;

    for (unsigned i = 0; i < f->slice_count; i++)
        m |= slice_mask(f->slices[i]);
    return m;
}

s64 field_eval(const struct field *f, u32 w)
{
    unsigned bits = 0;
    u64 v = 0;

    for (unsigned i = 0; i < f->slice_count; i++) {
        v = v << f->slices[i].n | slice_get(f->slices[i], w);
        bits += f->slices[i].n;
    }
    s64 value = f->is_signed ? (s64)(v << (64 - bits)) >> (64 - bits) : (s64)v;
    return value * f->scale + f->add;
}

/* --- overlap --- */

/* Does what b fixes break one of a's conditions or variant value lists? */
static bool excluded(const struct line *a, const struct line *b)
{
    for (unsigned i = 0; i < a->cond_count; i++) {
        const struct field *f = &guest.fields[a->conds[i].field];
        u32 m = field_mask(f);

        if ((b->mask & m) == m && field_eval(f, b->match) == a->conds[i].value)
            return true;
    }
    for (unsigned i = 0; i < a->variant_count; i++) {
        const struct variant *v = &a->variants[i];
        bool found = false;

        if (!v->bits.n || (b->mask & slice_mask(v->bits)) != slice_mask(v->bits))
            continue;
        for (unsigned k = 0; k < v->count; k++)
            found |= strtoul(v->values[k], NULL, 0) == slice_get(v->bits, b->match);
        if (!found)
            return true;
    }
    return false;
}

/* Is there an encoding that both claim? */
bool lines_meet(const struct line *a, const struct line *b)
{
    if (a->bits != b->bits || ((a->match ^ b->match) & a->mask & b->mask))
        return false;
    return !excluded(a, b) && !excluded(b, a);
}

bool line_is_over(const struct line *a, const struct line *b)
{
    for (unsigned i = 0; i < a->over_count; i++)
        if (strcmp(a->over[i], b->id) == 0)
            return true;
    return false;
}

static void check_pair(const struct line *a, const struct line *b)
{
    if (strcmp(a->id, b->id) == 0)
        LINE_FAIL(b, "line \"%s\" is there already", b->id);
    if (!lines_meet(a, b))
        return;
    if (line_is_over(a, b) == line_is_over(b, a))
        LINE_FAIL(b, "\"%s\" and \"%s\" claim the same encodings and neither is over the other",
                  a->id, b->id);
}

static void check_over(const struct line *l)
{
    for (unsigned i = 0; i < l->over_count; i++) {
        bool found = false;

        for (unsigned k = 0; k < guest.line_count; k++)
            found |= strcmp(guest.lines[k].id, l->over[i]) == 0 && lines_meet(l, &guest.lines[k]);
        if (!found)
            LINE_FAIL(l, "\"%s\" is over \"%s\", which shares no encoding with it", l->id,
                      l->over[i]);
    }
}

/* --- one semantics function has one list of arguments --- */

static void check_arguments(const struct line *l)
{
    const struct line *first = &guest.lines[guest.sems[l->sem].line];
    const struct format *a = &guest.formats[first->format], *b = &guest.formats[l->format];
    bool same = a->bind_count == b->bind_count && first->variant_count == l->variant_count;

    for (unsigned i = 0; same && i < a->bind_count; i++)
        same = !strcmp(a->binds[i].name, b->binds[i].name) &&
               (a->binds[i].regs >= 0) == (b->binds[i].regs >= 0);
    for (unsigned i = 0; same && i < l->variant_count; i++)
        same = !strcmp(first->variants[i].name, l->variants[i].name);
    if (!same)
        LINE_FAIL(l, "\"%s\" gives %s other arguments, or in another order, than \"%s\" does",
                  l->id, guest.sems[l->sem].name, first->id);
}

static void check_fields(const struct line *l)
{
    const struct format *f = &guest.formats[l->format];

    for (unsigned i = 0; i < f->bind_count; i++)
        if (f->binds[i].field >= 0 && l->bits == 16 &&
            field_mask(&guest.fields[f->binds[i].field]) >> 16)
            LINE_FAIL(l, "\"%s\" has 16 bits, its field \"%s\" more", l->id,
                      guest.fields[f->binds[i].field].name);
    for (unsigned i = 0; i < l->variant_count; i++)
        if (l->variants[i].bits.n && (l->mask & slice_mask(l->variants[i].bits)))
            LINE_FAIL(l, "\"%s\" fixes bits that choose \"%s\"", l->id, l->variants[i].name);
}

/* --- rows --- */

unsigned row_value(const struct line *l, unsigned row, unsigned variant)
{
    for (unsigned i = l->variant_count; i-- > variant + 1;)
        row /= l->variants[i].count;
    return row % l->variants[variant].count;
}

const char *row_name(const struct line *l, unsigned row)
{
    static char text[256];
    size_t n = 0;

    for (const char *s = l->id; *s; s++)
        text[n++] = isalnum((unsigned char)*s) ? *s : '_';
    for (unsigned i = 0; i < l->variant_count; i++)
        if (l->variants[i].bits.n || l->variants[i].by_key)
            n += (size_t)snprintf(text + n, sizeof text - n, "_%s%s", l->variants[i].name,
                                  l->variants[i].values[row_value(l, row, i)]);
    text[n] = '\0';
    return text;
}

static void add_undefined(void)
{
    unsigned last = guest.line_count++;
    struct line *l = &guest.lines[last];

    if (last >= MAX_LINES || !guest.undefined_sem)
        fail("decode", 0, "there is no \"undefined\", or there are too many lines");
    *l = (struct line){ .file = "undefined",
                        .id = "illegal",
                        .mnemonic = ".insn",
                        .ext = "",
                        .bits = 32,
                        .ends = true };
    for (unsigned i = 0; i < guest.format_count; i++)
        if (!strcmp(guest.formats[i].name, guest.undefined_format))
            l->format = (int)i;
    l->sem = (int)guest.sem_count;
    guest.sems[guest.sem_count++] = (struct sem){ guest.undefined_sem, (int)last };
}

static void number_rows(void)
{
    for (unsigned i = 0; i < guest.line_count; i++) {
        struct line *l = &guest.lines[i];

        l->first_row = guest.row_count;
        l->row_count = 1;
        for (unsigned k = 0; k < l->variant_count; k++)
            l->row_count *= l->variants[k].count;
        guest.row_count += l->row_count;
        guest.formats[l->format].used = true;
    }
    if (guest.row_count > 6000)
        fail("decode", 0, "%u handlers: over 6000 for a guest is a design fault", guest.row_count);
}

void check_guest(void)
{
    if (!guest.name || !guest.prefix || !guest.state || !guest.pc || !guest.fp_env)
        fail("decode", 0, "the guest line is missing or incomplete");
    for (unsigned i = 0; i < guest.line_count; i++) {
        for (unsigned k = 0; k < i; k++)
            check_pair(&guest.lines[k], &guest.lines[i]);
        check_over(&guest.lines[i]);
        check_arguments(&guest.lines[i]);
        check_fields(&guest.lines[i]);
    }
    add_undefined();
    number_rows();
}
