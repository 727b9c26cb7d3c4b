/*
 * tree.c - writes the decoder: nested switches over the bits that tell lines apart.
 *
 * A node knows which lines are still possible and which bits have been looked at.
 * It switches over a run of bits that all of them fix, or else that most of them
 * do; a line that leaves these bits open goes into every branch. A leaf tries what
 * is left in order of priority.
 */
#include "decodegen.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RUN = 7 };

struct set {
    const struct line *lines[MAX_LINES];
    unsigned count;
};

static void indent(FILE *out, unsigned depth)
{
    fprintf(out, "%*s", (int)depth * 4, "");
}

/* --- leaves --- */

static void emit_condition(FILE *out, const struct line *l, u32 known)
{
    const char *and = "";

    fprintf(out, "if (");
    if (l->mask & ~known) {
        fprintf(out, "(w & 0x%xu) == 0x%xu", l->mask & ~known, l->match & ~known);
        and = " && ";
    }
    for (unsigned i = 0; i < l->cond_count; i++, and = " && ")
        fprintf(out, "%sfield_%s(w) != %lld", and, guest.fields[l->conds[i].field].name,
                (long long)l->conds[i].value);
    for (unsigned i = 0; i < l->variant_count; i++) {
        const struct variant *v = &l->variants[i];
        u64 allowed = 0;

        for (unsigned k = 0; v->bits.n && k < v->count; k++)
            allowed |= 1ull << strtoul(v->values[k], NULL, 0);
        if (v->bits.n && allowed != (1ull << (1u << v->bits.n)) - 1) {
            fprintf(out, "%s(0x%llxu >> (w >> %u & %u) & 1)", and, (unsigned long long)allowed,
                    v->bits.lo, (1u << v->bits.n) - 1);
            and = " && ";
        }
    }
    fprintf(out, "%s) ", *and? "" : "1");
}

/* The row as an expression: first + index of each chosen value. */
static void emit_row(FILE *out, const struct line *l)
{
    unsigned stride = l->row_count;

    fprintf(out, "%u", l->first_row);
    for (unsigned i = 0; i < l->variant_count; i++) {
        const struct variant *v = &l->variants[i];

        stride /= v->count;
        if (v->by_key)
            fprintf(out, " + (unsigned)(key >> %u & 1) * %u", v->key_bit, stride);
        if (!v->bits.n)
            continue;
        fprintf(out, " + (const u8[]){ ");
        for (u32 bits = 0; bits < 1u << v->bits.n; bits++) {
            unsigned index = 0;

            for (unsigned k = 0; k < v->count; k++)
                if (strtoul(v->values[k], NULL, 0) == bits)
                    index = k;
            fprintf(out, "%u, ", index * stride);
        }
        fprintf(out, "}[w >> %u & %u]", v->bits.lo, (1u << v->bits.n) - 1);
    }
}

static bool always(const struct line *l, u32 known)
{
    if ((l->mask & ~known) || l->cond_count)
        return false;
    for (unsigned i = 0; i < l->variant_count; i++)
        if (l->variants[i].bits.n && l->variants[i].count != 1u << l->variants[i].bits.n)
            return false;
    return true;
}

static void emit_leaf(FILE *out, const struct set *s, u32 known, unsigned depth)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct line *l = s->lines[i];
        bool sure = always(l, known);

        indent(out, depth);
        if (!sure)
            emit_condition(out, l, known);
        fprintf(out, "{ /* %s */\n", l->id);
        indent(out, depth + 1);
        fprintf(out, "take_%s(w, in);\n", guest.formats[l->format].name);
        indent(out, depth + 1);
        fprintf(out, "in->op = (u16)(");
        emit_row(out, l);
        fprintf(out, ");\n");
        if (l->ends || l->alone) {
            indent(out, depth + 1);
            fprintf(out, "in->flags = 0%s%s%s%s;\n", l->ends ? " | ISA_INSN_ENDS" : "",
                    l->leads ? " | ISA_INSN_" : "", l->leads ? l->leads : "",
                    l->alone ? " | ISA_INSN_ALONE" : "");
        }
        indent(out, depth + 1);
        fprintf(out, "return;\n");
        indent(out, depth);
        fprintf(out, "}\n");
        if (sure)
            return;
    }
    indent(out, depth);
    fprintf(out, "break;\n");
}

/* --- nodes --- */

static unsigned fixers(const struct set *s, unsigned bit)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->count; i++)
        n += s->lines[i]->mask >> bit & 1;
    return n;
}

/* Do two lines that fix the bit differ in it? */
static bool splits(const struct set *s, unsigned bit)
{
    u32 ones = 0, zeros = 0;

    for (unsigned i = 0; i < s->count; i++)
        if (s->lines[i]->mask >> bit & 1)
            *(s->lines[i]->match >> bit & 1 ? &ones : &zeros) = 1;
    return ones && zeros;
}

/* The longest run of unknown bits that the most lines fix and that splits; n = 0: none. */
static struct slice best_run(const struct set *s, u32 known)
{
    struct slice best = { 0, 0 };
    unsigned most = 0, score[33] = { 0 };

    for (unsigned b = 0; b < 32; b++) {
        score[b] = known >> b & 1 || !splits(s, b) ? 0 : fixers(s, b);
        if (score[b] > most)
            most = score[b];
    }
    for (unsigned b = 0; most && b < 32; b++) {
        unsigned n = 0;

        while (n < MAX_RUN && b + n < 32 && score[b + n] == most)
            n++;
        if (n > best.n)
            best = (struct slice){ b, n };
    }
    return best;
}

static void filter(const struct set *s, struct slice run, u32 value, struct set *out)
{
    u32 mask = ((1u << run.n) - 1) << run.lo;

    out->count = 0;
    for (unsigned i = 0; i < s->count; i++)
        if (!((s->lines[i]->match ^ value << run.lo) & s->lines[i]->mask & mask))
            out->lines[out->count++] = s->lines[i];
}

static bool same_set(const struct set *a, const struct set *b)
{
    return a->count == b->count && !memcmp(a->lines, b->lines, a->count * sizeof a->lines[0]);
}

static void emit_node(FILE *out, const struct set *s, u32 known, unsigned depth);

/* One case for all values, from `value` on, that leave the same lines. */
static void emit_case(FILE *out, const struct set *s, struct slice run, u32 value, u32 known,
                      unsigned depth, bool *done)
{
    struct set *part = malloc(sizeof *part), *other = malloc(sizeof *other);

    if (!part || !other)
        fail("decode", 0, "out of memory");
    filter(s, run, value, part);
    for (u32 v = value; part->count && v < 1u << run.n; v++) {
        filter(s, run, v, other);
        if (done[v] || !same_set(part, other))
            continue;
        done[v] = true;
        indent(out, depth);
        fprintf(out, "case 0x%x:\n", v);
    }
    if (part->count)
        emit_node(out, part, known | ((1u << run.n) - 1) << run.lo, depth + 1);
    free(other);
    free(part);
}

static void emit_node(FILE *out, const struct set *s, u32 known, unsigned depth)
{
    struct slice run = best_run(s, known);
    bool done[1 << MAX_RUN] = { false };

    if (s->count == 1 || !run.n) {
        /* bits of a shared run are known only where every line fixed them */
        emit_leaf(out, s, known, depth);
        return;
    }
    indent(out, depth);
    fprintf(out, "switch (w >> %u & 0x%x) {\n", run.lo, (1u << run.n) - 1);
    for (u32 v = 0; v < 1u << run.n; v++)
        if (!done[v])
            emit_case(out, s, run, v, known, depth, done);
    indent(out, depth);
    fprintf(out, "}\n");
    indent(out, depth);
    fprintf(out, "break;\n");
}

/* --- the functions around it --- */

static void emit_field(FILE *out, const struct field *f)
{
    unsigned bits = 0, at = 0;

    for (unsigned i = 0; i < f->slice_count; i++)
        bits += f->slices[i].n;
    fprintf(out, "UNUSED static inline s64 field_%s(u32 w)\n{\n    u64 v = ", f->name);
    at = bits;
    for (unsigned i = 0; i < f->slice_count; i++) {
        at -= f->slices[i].n;
        fprintf(out, "%s(u64)(w >> %u & 0x%llx) << %u", i ? " | " : "", f->slices[i].lo,
                (1ull << f->slices[i].n) - 1, at);
    }
    fprintf(out, ";\n\n    return ");
    if (f->is_signed)
        fprintf(out, "((s64)(v << %u) >> %u)", 64 - bits, 64 - bits);
    else
        fprintf(out, "(s64)v");
    fprintf(out, " * %lld + %lld;\n}\n\n", (long long)f->scale, (long long)f->add);
}

static void emit_format(FILE *out, const struct format *f)
{
    unsigned reg = 0, imm = 0;

    fprintf(out, "static inline void take_%s(u32 w, struct isa_insn *in)\n{\n", f->name);
    for (unsigned i = 0; i < f->bind_count; i++) {
        const struct bind *b = &f->binds[i];
        char source[160];

        if (b->field >= 0)
            snprintf(source, sizeof source, "field_%s(w)", guest.fields[b->field].name);
        else if (b->func)
            snprintf(source, sizeof source, "%s(w)", b->func);
        else
            snprintf(source, sizeof source, "%lld", (long long)b->value);
        if (b->regs >= 0)
            fprintf(out, "    in->reg[%u] = regs_%s((unsigned)%s);\n", reg++,
                    guest.regs[b->regs].name, source);
        else
            fprintf(out, "    in->%s = (%s)%s;\n", imm ? "imm2" : "imm", imm ? "s32" : "s64",
                    source),
                imm++;
    }
    fprintf(out, "}\n\n");
}

static int by_priority(const void *a, const void *b)
{
    const struct line *x = *(const struct line *const *)a, *y = *(const struct line *const *)b;

    return x < y ? -1 : x > y;
}

/* Special lines go before the general ones that they are over. */
static void order(struct set *s)
{
    qsort(s->lines, s->count, sizeof s->lines[0], by_priority);
    for (unsigned i = 0; i < s->count; i++)
        for (unsigned k = i + 1; k < s->count; k++)
            if (line_is_over(s->lines[k], s->lines[i]) && lines_meet(s->lines[i], s->lines[k])) {
                const struct line *special = s->lines[k];

                memmove(&s->lines[i + 1], &s->lines[i], (k - i) * sizeof s->lines[0]);
                s->lines[i] = special;
                k = i;
            }
}

static bool emit_width(FILE *out, unsigned bits)
{
    static struct set s;

    s.count = 0;
    for (unsigned i = 0; i + 1 < guest.line_count; i++)
        if (guest.lines[i].bits == bits)
            s.lines[s.count++] = &guest.lines[i];
    if (!s.count)
        return false;
    order(&s);
    fprintf(out, "static void decode_%u(u32 w, u64 key UNUSED, struct isa_insn *in)\n{\n    do {\n",
            bits);
    emit_node(out, &s, 0, 2);
    fprintf(out, "    } while (0);\n    undefined(w, in);\n}\n\n");
    return true;
}

static void emit_entry(FILE *out, bool short_lines, bool long_lines)
{
    const char *all = guest.length ? "2" : "4";

    fprintf(
        out,
        "enum isa_decode %s_decode(const u8 *bytes, unsigned avail, u64 key, struct isa_insn *in)\n"
        "{\n    unsigned len = %s;\n    u32 w;\n\n"
        "    if (avail < len)\n        return ISA_DECODE_MORE;\n",
        guest.name, all);
    if (guest.length)
        fprintf(out,
                "    w = le16_get(bytes);\n    len = %s(w);\n"
                "    if (avail < len)\n        return ISA_DECODE_MORE;\n"
                "    if (len == 4)\n        w = le32_get(bytes);\n",
                guest.length);
    else
        fprintf(out, "    w = le32_get(bytes);\n");
    fprintf(out, "    *in = (struct isa_insn){ .raw = w, .len = (u8)len };\n");
    if (short_lines && long_lines)
        fprintf(out, "    if (len == 2)\n        decode_16(w, key, in);\n    else\n        "
                     "decode_32(w, key, in);\n");
    else
        fprintf(out, "    decode_%s(w, key, in);\n", short_lines ? "16" : "32");
    fprintf(out, "    return ISA_DECODE_OK;\n}\n");
}

void emit_decoder(FILE *out)
{
    const struct line *undefined = &guest.lines[guest.line_count - 1];
    bool short_lines, long_lines;

    emit_includes(out);
    fprintf(out, "#include \"base/bits.h\"\n#include \"isa/isa.h\"\n\n");
    for (unsigned i = 0; i < guest.regs_count; i++)
        fprintf(out,
                "UNUSED static inline u16 regs_%s(unsigned n)\n{\n    return (u16)(%s);\n}\n\n",
                guest.regs[i].name, guest.regs[i].expr);
    for (unsigned i = 0; i < guest.field_count; i++)
        emit_field(out, &guest.fields[i]);
    for (unsigned i = 0; i < guest.format_count; i++)
        if (guest.formats[i].used)
            emit_format(out, &guest.formats[i]);
    fprintf(out,
            "static void undefined(u32 w, struct isa_insn *in)\n{\n    take_%s(w, in);\n"
            "    in->op = %u;\n    in->flags = ISA_INSN_ENDS;\n}\n\n",
            guest.formats[undefined->format].name, undefined->first_row);
    short_lines = emit_width(out, 16);
    long_lines = emit_width(out, 32);
    emit_entry(out, short_lines, long_lines);
}
