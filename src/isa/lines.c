/*
 * lines.c - encodes, recognises and prints instructions by a guest's table of lines.
 */
#include "isa/lines.h"

#include "base/bits.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned field_bits(const struct isa_field *f)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < f->slice_count; i++)
        bits += f->slices[i].n;
    return bits;
}

s64 isa_field_get(const struct isa_field *f, u32 w)
{
    u64 v = 0;

    for (unsigned i = 0; i < f->slice_count; i++)
        v = v << f->slices[i].n | bits_get(w, f->slices[i].lo, f->slices[i].n);
    if (f->is_signed)
        v = (u64)bits_sext(v, field_bits(f));
    return (s64)v * f->scale + f->add;
}

bool isa_field_put(const struct isa_field *f, u32 *w, s64 value)
{
    u64 v = (u64)((value - f->add) / f->scale);
    u32 out = *w;

    for (unsigned i = f->slice_count; i-- > 0; v >>= f->slices[i].n)
        out = (u32)bits_put(out, f->slices[i].lo, f->slices[i].n, v);
    if (isa_field_get(f, out) != value)
        return false;
    *w = out;
    return true;
}

u32 isa_field_mask(const struct isa_field *f)
{
    u32 m = 0;

    for (unsigned i = 0; i < f->slice_count; i++)
        m |= (u32)(bits_mask(f->slices[i].n) << f->slices[i].lo);
    return m;
}

bool isa_line_matches(const struct isa_lines *t, unsigned line, u32 w)
{
    const struct isa_line *l = &t->lines[line];

    if ((w & l->mask) != l->match || (l->bytes == 2 && w >> 16))
        return false;
    for (unsigned i = 0; i < ISA_LINE_CONDS && l->conds[i].field; i++)
        if (isa_field_get(&t->fields[l->conds[i].field - 1], w) == l->conds[i].value)
            return false;
    for (unsigned i = 0; i < ISA_LINE_CHOICES && l->choices[i].n; i++)
        if (!(l->choices[i].allowed >> bits_get(w, l->choices[i].lo, l->choices[i].n) & 1))
            return false;
    return true;
}

bool isa_line_encode(const struct isa_lines *t, unsigned line, u32 bits, u32 *w)
{
    const struct isa_line *l = &t->lines[line];

    *w = (bits & ~l->mask) | l->match;
    if (l->bytes == 2)
        *w &= 0xffff;
    if (!isa_line_matches(t, line, *w))
        return false;
    for (unsigned i = 0; i < ISA_LINE_CARVED && l->carved[i]; i++)
        if (isa_line_matches(t, l->carved[i] - 1u, *w))
            return false;
    return true;
}

/* --- text --- */

static int show_name(const struct isa_show *s, s64 v, char *buf, size_t size)
{
    for (unsigned i = 0; i < s->name_count; i++)
        if (s->names[i].value == v)
            return snprintf(buf, size, "%s", s->names[i].text);
    return snprintf(buf, size, "0x%" PRIx64, (u64)v);
}

static int show_operand(const struct isa_lines *t, unsigned show, u32 w, gva_t pc, char *buf,
                        size_t size)
{
    const struct isa_show *s = &t->shows[show];
    s64 v;

    if (s->how == ISA_SHOW_TEXT)
        return s->text(w, pc, buf, size);
    v = isa_field_get(&t->fields[s->field], w);

    switch (s->how) {
    case ISA_SHOW_DEC: return snprintf(buf, size, "%" PRId64, v);
    case ISA_SHOW_HEX20: v &= 0xfffff; break;
    case ISA_SHOW_PC: v = (s64)(pc + (u64)v); break;
    case ISA_SHOW_NAMES: return show_name(s, v, buf, size);
    case ISA_SHOW_HEX:
    case ISA_SHOW_TEXT: break;
    }
    return snprintf(buf, size, "0x%" PRIx64, (u64)v);
}

int isa_lines_text(const struct isa_lines *t, const struct isa_insn *in, gva_t pc, char *buf,
                   size_t size)
{
    unsigned line = t->line_of_op[in->op];
    size_t n = 0;

    if (line >= t->line_count)
        return snprintf(buf, size, in->len == 2 ? ".2byte 0x%04x" : ".4byte 0x%08x", in->raw);
    for (const char *s = t->lines[line].text; *s;) {
        char *room = n < size ? buf + n : NULL;
        size_t left = n < size ? size - n : 0;

        if (*s == '{') {
            char *end;
            unsigned show = (unsigned)strtoul(s + 1, &end, 10);

            n += (size_t)show_operand(t, show, in->raw, pc, room, left);
            s = end + 1;
        } else {
            n += (size_t)snprintf(room, left, "%c", *s++);
        }
    }
    return (int)n;
}
