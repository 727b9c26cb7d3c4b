/*
 * lines.c - writes the table behind the disassembler, the encoder, the random
 * instructions and the coverage test: struct isa_lines of src/isa/lines.h.
 */
#include "decodegen.h"

#include <stdlib.h>
#include <string.h>

/* --- shows: how one {operand} of a text is printed, each different one once --- */

enum { MAX_SHOWS = 512 };

static struct {
    int field;
    enum show show;
    int names;
    const char *text; /* the C function of SHOW_TEXT, or NULL */
} shows[MAX_SHOWS];
static unsigned show_count;

static unsigned show_add(int field, enum show show, int names, const char *text)
{
    if (show_count == MAX_SHOWS)
        fail("decode", 0, "more than %d ways to show an operand", MAX_SHOWS);
    shows[show_count].field = field;
    shows[show_count].show = show;
    shows[show_count].names = names;
    shows[show_count].text = text;
    return show_count++;
}

static unsigned show_get(int field, enum show show, int names)
{
    for (unsigned i = 0; i < show_count; i++)
        if (shows[i].field == field && shows[i].show == show && shows[i].names == names)
            return i;
    return show_add(field, show, names, NULL);
}

static unsigned show_text(const char *function)
{
    for (unsigned i = 0; i < show_count; i++)
        if (shows[i].text && !strcmp(shows[i].text, function))
            return i;
    return show_add(-1, SHOW_TEXT, -1, strdup(function));
}

/* {name}: an argument of the format, else a field. {@function}: C. */
static unsigned show_of(const struct line *l, const char *name)
{
    const struct format *f = &guest.formats[l->format];

    if (*name == '@')
        return show_text(name + 1);
    for (unsigned i = 0; i < f->bind_count; i++) {
        const struct bind *b = &f->binds[i];

        if (strcmp(b->name, name) || b->field < 0)
            continue;
        if (b->regs >= 0 && guest.regs[b->regs].names >= 0)
            return show_get(b->field, SHOW_NAMES, guest.regs[b->regs].names);
        return show_get(b->field, guest.fields[b->field].show, guest.fields[b->field].names);
    }
    for (unsigned i = 0; i < guest.field_count; i++)
        if (!strcmp(guest.fields[i].name, name))
            return show_get((int)i, guest.fields[i].show, guest.fields[i].names);
    fail(l->file, l->file_line, "the text of \"%s\" names {%s}, which it has not", l->id, name);
}

/* Mnemonic and text, with every {name} as {number of a show}. A text that begins with "+" is
 * glued to the mnemonic. */
static void emit_text(FILE *out, const struct line *l)
{
    const char *s = guest.formats[l->format].text;

    fprintf(out, "\"%s", l->mnemonic);
    if (*s == '+')
        s++;
    else if (*s)
        fputc(' ', out);
    while (*s) {
        char name[64];
        size_t n;

        if (*s != '{') {
            fputc(*s++, out);
            continue;
        }
        n = strcspn(++s, "}");
        if (n >= sizeof name || !s[n])
            fail(l->file, l->file_line, "the text of \"%s\" has no closing brace", l->id);
        memcpy(name, s, n);
        name[n] = '\0';
        fprintf(out, "{%u}", show_of(l, name));
        s += n + 1;
    }
    fprintf(out, "\"");
}

/* --- tables --- */

static bool names_shown(unsigned names)
{
    for (unsigned i = 0; i < show_count; i++)
        if (shows[i].show == SHOW_NAMES && shows[i].names == (int)names)
            return true;
    return false;
}

static void emit_names(FILE *out)
{
    for (unsigned i = 0; i < guest.nameset_count; i++) {
        if (!names_shown(i))
            continue;
        fprintf(out, "static const struct isa_name names_%s[] = {\n", guest.namesets[i].name);
        for (unsigned k = 0; k < guest.namesets[i].count; k++)
            fprintf(out, "    { %lld, \"%s\" },\n", (long long)guest.namesets[i].names[k].value,
                    guest.namesets[i].names[k].text);
        fprintf(out, "};\n");
    }
}

static void emit_fields(FILE *out)
{
    fprintf(out, "static const struct isa_field fields[] = {\n");
    for (unsigned i = 0; i < guest.field_count; i++) {
        const struct field *f = &guest.fields[i];

        fprintf(out, "    { \"%s\", %u, %d, %lld, %lld, {", f->name, f->slice_count, f->is_signed,
                (long long)f->scale, (long long)f->add);
        for (unsigned k = 0; k < f->slice_count; k++)
            fprintf(out, " { %u, %u },", f->slices[k].lo, f->slices[k].n);
        fprintf(out, " } },\n");
    }
    fprintf(out, "};\n");
}

static void emit_shows(FILE *out)
{
    static const char *const how[] = { "ISA_SHOW_DEC", "ISA_SHOW_HEX",   "ISA_SHOW_HEX20",
                                       "ISA_SHOW_PC",  "ISA_SHOW_NAMES", "ISA_SHOW_TEXT" };

    fprintf(out, "static const struct isa_show shows[] = {\n");
    for (unsigned i = 0; i < show_count; i++) {
        fprintf(out, "    { %d, %s, ", shows[i].field, how[shows[i].show]);
        if (shows[i].show == SHOW_TEXT)
            fprintf(out, "NULL, 0, %s },\n", shows[i].text);
        else if (shows[i].show == SHOW_NAMES)
            fprintf(out, "names_%s, %u },\n", guest.namesets[shows[i].names].name,
                    guest.namesets[shows[i].names].count);
        else
            fprintf(out, "NULL, 0 },\n");
    }
    fprintf(out, "};\n");
}

static void emit_choices(FILE *out, const struct line *l)
{
    fprintf(out, " {");
    for (unsigned i = 0; i < l->variant_count; i++) {
        const struct variant *v = &l->variants[i];
        u32 allowed = 0;

        if (!v->bits.n)
            continue;
        for (unsigned k = 0; k < v->count; k++)
            allowed |= 1u << strtoul(v->values[k], NULL, 0);
        fprintf(out, " { %u, %u, 0x%x },", v->bits.lo, v->bits.n, allowed);
    }
    fprintf(out, " },");
}

/* Is another line's encoding carved out of this one? Then its index. */
static void emit_carved(FILE *out, unsigned index)
{
    const struct line *l = &guest.lines[index];

    fprintf(out, " {");
    for (unsigned i = 0; i + 1 < guest.line_count; i++)
        if (line_is_over(&guest.lines[i], l))
            fprintf(out, " %u,", i + 1);
    fprintf(out, " }");
}

static void emit_line(FILE *out, unsigned index)
{
    const struct line *l = &guest.lines[index];

    fprintf(out, "    { \"%s\", \"%s\", \"%s\", ", l->id, l->mnemonic, l->ext);
    emit_text(out, l);
    fprintf(out, ", 0x%x, 0x%x, %u, %u, %u, %u, {", l->mask, l->match, l->bits / 8, l->first_row,
            l->row_count, l->ends);
    for (unsigned i = 0; i < l->cond_count; i++)
        fprintf(out, " { %d, %lld },", l->conds[i].field + 1, (long long)l->conds[i].value);
    fprintf(out, " },");
    emit_choices(out, l);
    emit_carved(out, index);
    fprintf(out, " },\n");
}

void emit_lines(FILE *out)
{
    emit_includes(out);
    fprintf(out, "#include \"isa/lines.h\"\n\n");
    emit_fields(out);
    fprintf(out, "static const struct isa_line lines[] = {\n");
    for (unsigned i = 0; i + 1 < guest.line_count; i++)
        emit_line(out, i);
    fprintf(out, "};\n");
    emit_names(out);
    emit_shows(out);
    fprintf(out, "static const u16 line_of_op[] = {");
    for (unsigned i = 0; i < guest.line_count; i++)
        for (unsigned row = 0; row < guest.lines[i].row_count; row++)
            fprintf(out, "%s%u,", (guest.lines[i].first_row + row) % 16 ? " " : "\n    ", i);
    fprintf(out, "\n};\n\n");
    fprintf(out,
            "const struct isa_lines %s_lines = {\n    lines, %u, fields, %u, shows, %u, "
            "line_of_op, %u,\n};\n",
            guest.name, guest.line_count - 1, guest.field_count, show_count, guest.row_count);
}
