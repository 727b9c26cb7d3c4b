/*
 * emit.c - writes what semantics and engines see: argument structs, the isa_op table
 * with its build functions, a table row for each row of a line, and semgen's rows.
 */
#include "decodegen.h"

#include <ctype.h>
#include <string.h>

static const struct line *line_of_sem(const struct sem *s)
{
    return &guest.lines[s->line];
}

void emit_includes(FILE *out)
{
    fprintf(out, "/* Written by decodegen. */\n");
    for (unsigned i = 0; i < guest.include_count; i++)
        fprintf(out, "#include \"%s\"\n", guest.includes[i]);
}

/* --- the header of the semantics files --- */

static void emit_args(FILE *out, const struct sem *s)
{
    const struct line *l = line_of_sem(s);
    const struct format *f = &guest.formats[l->format];

    fprintf(out, "struct %s_args_%s {\n", guest.prefix, s->name);
    for (unsigned i = 0; i < f->bind_count; i++)
        fprintf(out, "    %s %s;\n", f->binds[i].regs >= 0 ? "sem_reg" : "sem_imm",
                f->binds[i].name);
    for (unsigned i = 0; i < l->variant_count; i++)
        fprintf(out, "    int %s;\n", l->variants[i].name);
    if (!f->bind_count && !l->variant_count)
        fprintf(out, "    int none;\n");
    fprintf(out, "};\nvoid %s_sem_%s(struct ir_builder *s, const struct %s_args_%s *a);\n\n",
            guest.prefix, s->name, guest.prefix, s->name);
}

void emit_header(FILE *out)
{
    fprintf(out,
            "/* Written by decodegen: the arguments of every semantics function. */\n"
            "#ifndef %s_SEM_ARGS_H\n#define %s_SEM_ARGS_H\n\n#include \"ir/build.h\"\n\n",
            guest.prefix, guest.prefix);
    for (unsigned i = 0; i < guest.sem_count; i++)
        emit_args(out, &guest.sems[i]);
    fprintf(out, "#endif\n");
}

/* --- semantics functions called, and the rows that give them their variant values --- */

/* static void NAME_SEM(...): calls s with operands of an instruction, or symbolic ones. */
static void emit_call(FILE *out, const char *name, const struct sem *s, bool symbolic)
{
    const struct line *l = line_of_sem(s);
    const struct format *f = &guest.formats[l->format];
    unsigned reg = 0, imm = 0;

    fprintf(out, "static void %s_%s(struct ir_builder *s, %sconst int *v%s)\n{\n", name, s->name,
            symbolic        ? ""
            : f->bind_count ? "const struct isa_insn *in, "
                            : "const struct isa_insn *in UNUSED, ",
            l->variant_count ? "" : " UNUSED");
    fprintf(out, "    const struct %s_args_%s a = {\n", guest.prefix, s->name);
    for (unsigned i = 0; i < f->bind_count; i++) {
        bool is_reg = f->binds[i].regs >= 0;
        unsigned k = is_reg ? reg++ : imm++;

        fprintf(out, "        .%s = ", f->binds[i].name);
        if (symbolic)
            fprintf(out, "{ %u, 0 },\n", k);
        else if (is_reg)
            fprintf(out, "{ -1, in->reg[%u] },\n", k);
        else
            fprintf(out, "{ -1, in->%s },\n", k ? "imm2" : "imm");
    }
    for (unsigned i = 0; i < l->variant_count; i++)
        fprintf(out, "        .%s = v[%u],\n", l->variants[i].name, i);
    if (!f->bind_count && !l->variant_count)
        fprintf(out, "        .none = 0,\n");
    fprintf(out, "    };\n\n    %s_sem_%s(s, &a);\n}\n\n", guest.prefix, s->name);
}

static void emit_calls(FILE *out, const char *name, bool symbolic)
{
    for (unsigned i = 0; i < guest.sem_count; i++)
        emit_call(out, name, &guest.sems[i], symbolic);
}

/* The end of a row: its function and values. */
static void emit_with(FILE *out, const char *name, const struct line *l, unsigned row)
{
    fprintf(out, "%s_%s, ", name, guest.sems[l->sem].name);
    if (!l->variant_count)
        fprintf(out, "NULL },\n");
    for (unsigned i = 0; i < l->variant_count; i++)
        fprintf(out, "%s%s%s", i ? ", " : "(const int[]){ ",
                l->variants[i].values[row_value(l, row, i)],
                i + 1 < l->variant_count ? "" : " } },\n");
}

#define FOR_ROWS(l, row)                                                                           \
    for (struct line *l = guest.lines; l < guest.lines + guest.line_count; l++)                    \
        for (unsigned row = 0; row < l->row_count; row++)

void emit_ops(FILE *out)
{
    emit_includes(out);
    fprintf(out, "#include \"%s_args.gen.h\"\n#include \"isa/isa.h\"\n\n", guest.name);
    emit_calls(out, "build", false);
    fprintf(out, "const struct isa_op %s_ops[] = {\n", guest.name);
    FOR_ROWS(l, row)
    {
        fprintf(out, "    { \"%s\", \"%s\", ", l->mnemonic, l->ext);
        emit_with(out, "build", l, row);
    }
    fprintf(out, "};\n");
}

static void upper(char *to, const char *from)
{
    while (*from)
        *to++ = (char)toupper((unsigned char)*from++);
    *to = '\0';
}

/* What constant expressions need to know of the table. */
void emit_count(FILE *out)
{
    char name[64];

    if (strlen(guest.name) >= sizeof name)
        fail("decode", 0, "the guest's name is too long");
    upper(name, guest.name);
    fprintf(out,
            "/* Written by decodegen. */\n#ifndef %s_OP_COUNT\n#define %s_OP_COUNT %u\n"
            "#endif\n",
            name, name, guest.row_count);
}

void emit_semgen(FILE *out)
{
    emit_includes(out);
    fprintf(out,
            "#include \"%s_args.gen.h\"\n#include \"tools/semgen/semgen.h\"\n"
            "#include <stddef.h>\n\n",
            guest.name);
    emit_calls(out, "emit", true);
    fprintf(out, "const struct semgen_row semgen_rows[] = {\n");
    FOR_ROWS(l, row)
    {
        fprintf(out, "    { \"%s\", ", row_name(l, row));
        emit_with(out, "emit", l, row);
    }
    fprintf(out, "};\nconst unsigned semgen_row_count = %u;\n", guest.row_count);
    fprintf(out, "const char *const semgen_prefix = \"%s\";\n", guest.name);
    fprintf(out, "const u32 semgen_pc_offset = offsetof(struct %s, %s);\n", guest.state, guest.pc);
    fprintf(out, "const u32 semgen_fp_env_offset = offsetof(struct %s, %s);\n", guest.state,
            guest.fp_env);
}
