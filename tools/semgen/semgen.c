/*
 * semgen.c - writes a guest's interpreter: one C function for each row.
 *
 * Each row's semantics runs once against the builder with symbolic operands; the block
 * it makes is checked and printed. Rows with the same text share one function.
 */
#include "semgen.h"
#include "base/bug.h"
#include "ir/build.h"
#include "print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLERS_MAX = 6000, HELPERS_MAX = 512, FILES_MAX = 16 };

static const char *running = "(none)"; /* name of the row whose semantics runs */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "semgen: handler %s of %s: %s\n", running, semgen_prefix, what);
    exit(1);
}

static void on_bug(const char *what)
{
    fail(what);
}

/* The builder's own checks of its callers end here: a tool has no other caller to tell. */
_Noreturn void bug_at(const char *file, int line, const char *what)
{
    fprintf(stderr, "semgen: handler %s of %s: %s:%d: %s\n", running, semgen_prefix, file, line,
            what);
    exit(1);
}

struct generator {
    struct text prototypes, bodies[FILES_MAX];
    unsigned files;
    const struct ir_helper *helpers[HELPERS_MAX];
    unsigned helper_count;
    char **texts;   /* owns both levels: by row, the body */
    unsigned *same; /* owns: by row, the first row with this body */
    u32 *hashes;    /* owns: by row */
    unsigned unique;
};

static void note_helper(struct generator *g, const struct ir_helper *h)
{
    for (unsigned i = 0; i < g->helper_count; i++)
        if (strcmp(g->helpers[i]->name, h->name) == 0)
            return;
    if (g->helper_count == HELPERS_MAX)
        fail("too many helpers: raise HELPERS_MAX");
    g->helpers[g->helper_count++] = h;
    text_put(&g->prototypes, "u64 %s(struct vcpu *c, u64 a, u64 b, u64 d);\n", h->name);
}

static void note_helpers(struct generator *g, const struct ir_block *b)
{
    for (u32 i = 0; i < b->op_count; i++)
        if (b->ops[i].op == IR_CALL)
            note_helper(g, b->ops[i].helper);
}

static u32 hash(const char *text)
{
    u32 h = 2166136261u;

    for (; *text; text++)
        h = (h ^ (u8)*text) * 16777619u;
    return h;
}

/* Gives row its function, or the one of an earlier row with the same text. */
static void add_handler(struct generator *g, unsigned row, const struct ir_block *b)
{
    struct text body = { 0 };

    print_handler(&body, b, "");
    g->texts[row] = body.buf;
    g->hashes[row] = hash(body.buf);
    for (unsigned i = 0; i < row; i++)
        if (g->hashes[i] == g->hashes[row] && strcmp(g->texts[i], g->texts[row]) == 0) {
            g->same[row] = i;
            return;
        }
    g->same[row] = row;
    text_put(&g->prototypes, "isa_handler %s_h_%s;\n", semgen_prefix, semgen_rows[row].name);
    print_handler(&g->bodies[g->unique++ % g->files], b, semgen_rows[row].name);
}

static void build_row(struct ir_builder *s, struct ir_block *b, unsigned row)
{
    running = semgen_rows[row].name;
    ir_builder_begin(s, b);
    ir_builder_insn(s, 0, 0);
    semgen_rows[row].emit(s, semgen_rows[row].values);
    ir_builder_insn_end(s);
}

static void run_row(struct generator *g, struct ir_builder *s, struct ir_block *b, unsigned row)
{
    char buf[256];

    build_row(s, b, row);
    if (ir_verify(b, buf, sizeof buf))
        fail(buf);
    note_helpers(g, b);
    add_handler(g, row, b);
}

static void run_rows(struct generator *g)
{
    struct ir_builder *s = ir_builder_new(true);
    struct ir_block b;

    if (!s)
        fail("out of memory");
    ir_builder_on_bug(s, on_bug);
    ir_block_init(&b);
    for (unsigned row = 0; row < semgen_row_count; row++)
        run_row(g, s, &b, row);
    ir_block_fini(&b);
    ir_builder_free(s);
}

static void print_table(FILE *out, const struct generator *g)
{
    fprintf(out,
            "\nextern isa_handler *const %s_interp_handlers[];\n"
            "extern const unsigned %s_interp_handler_count;\n\n"
            "isa_handler *const %s_interp_handlers[] = {\n",
            semgen_prefix, semgen_prefix, semgen_prefix);
    for (unsigned row = 0; row < semgen_row_count; row++)
        fprintf(out, "    %s_h_%s,%s%s%s\n", semgen_prefix, semgen_rows[g->same[row]].name,
                g->same[row] == row ? "" : " /* ", g->same[row] == row ? "" : semgen_rows[row].name,
                g->same[row] == row ? "" : " */");
    fprintf(out, "};\nconst unsigned %s_interp_handler_count = %u;\n", semgen_prefix,
            semgen_row_count);
}

static void write_file(const char *path, const struct generator *g, unsigned index)
{
    const struct text *bodies = &g->bodies[index];
    FILE *out = fopen(path, "w");

    running = path;
    if (!out)
        fail("this file cannot be written");
    fprintf(out,
            "/* The interpreter of %s, written by semgen from its semantics. */\n"
            "#include \"engine/interp/runtime.h\"\n\n%s%s",
            semgen_prefix, g->prototypes.buf ? g->prototypes.buf : "",
            bodies->buf ? bodies->buf : "");
    if (index == 0)
        print_table(out, g);
    if (fclose(out))
        fail("this file cannot be written");
}

static void generator_fini(struct generator *g)
{
    for (unsigned row = 0; row < semgen_row_count; row++)
        free(g->texts[row]);
    free(g->texts);
    free(g->same);
    free(g->hashes);
    free(g->prototypes.buf);
    for (unsigned i = 0; i < g->files; i++)
        free(g->bodies[i].buf);
}

static int print_row(const char *name)
{
    static char operations[1 << 20];
    struct ir_builder *s = ir_builder_new(true);
    struct ir_block b;
    struct text text = { 0 };
    char buf[256];
    unsigned row = 0;

    while (row < semgen_row_count && strcmp(semgen_rows[row].name, name) != 0)
        row++;
    running = name;
    if (!s || row == semgen_row_count)
        fail("no such row");
    ir_builder_on_bug(s, on_bug);
    ir_block_init(&b);
    build_row(s, &b, row);
    if (ir_verify(&b, buf, sizeof buf))
        fail(buf);
    ir_print(&b, operations, sizeof operations);
    print_handler(&text, &b, name);
    printf("/*\n%s*/\n%s", operations, text.buf);
    free(text.buf);
    ir_block_fini(&b);
    ir_builder_free(s);
    return 0;
}

int main(int argc, char **argv)
{
    struct generator g = { 0 };

    if (argc == 3 && strcmp(argv[1], "--row") == 0)
        return print_row(argv[2]);
    if (argc < 2 || argc - 1 > FILES_MAX)
        fail("give it the names of 1 to 16 files to write, or --row NAME");
    g.files = (unsigned)argc - 1;
    g.texts = calloc(semgen_row_count + 1, sizeof(char *));
    g.same = calloc(semgen_row_count + 1, sizeof(unsigned));
    g.hashes = calloc(semgen_row_count + 1, sizeof(u32));
    if (!g.texts || !g.same || !g.hashes)
        fail("out of memory");
    if (semgen_row_count == 0 || semgen_row_count > HANDLERS_MAX)
        fprintf(stderr, "semgen: %s has %u handlers, allowed are 1 to %d\n", semgen_prefix,
                semgen_row_count, HANDLERS_MAX);
    if (semgen_row_count == 0 || semgen_row_count > HANDLERS_MAX)
        return 1;
    run_rows(&g);
    for (unsigned i = 0; i < g.files; i++)
        write_file(argv[1 + i], &g, i);
    fprintf(stderr, "semgen: %s: %u handlers, %u different\n", semgen_prefix, semgen_row_count,
            g.unique);
    generator_fini(&g);
    return 0;
}
