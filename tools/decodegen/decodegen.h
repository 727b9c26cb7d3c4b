/*
 * decodegen.h - what decodegen knows of a guest after reading its *.decode files.
 *
 * The language is described in docs/design/0002-decode.md. parse.c reads it,
 * check.c proves that no two lines claim one encoding, tree.c writes the decoder,
 * emit.c and lines.c the tables. Everything is static storage: the program
 * runs once, in the build.
 */
#ifndef TOOLS_DECODEGEN_H
#define TOOLS_DECODEGEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

enum {
    KEY_BITS = 64, /* of a block key */
    MAX_FIELDS = 256,
    MAX_SLICES = 9,
    MAX_REGS = 32,
    MAX_NAMESETS = 32,
    MAX_NAMES = 512,
    MAX_FORMATS = 512,
    MAX_BINDS = 10,
    MAX_LINES = 2048,
    MAX_VARIANTS = 6,
    MAX_VALUES = 16,
    MAX_CONDS = 8,
    MAX_OVER = 4,
    MAX_SEMS = 1024,
    MAX_INCLUDES = 8,
};

/* Bits [lo, lo + n) of the encoding. */
struct slice {
    unsigned lo, n;
};

/* Value to text. */
struct nameset {
    const char *name;
    unsigned count;
    struct {
        s64 value;
        const char *text;
    } names[MAX_NAMES];
};

enum show { SHOW_DEC, SHOW_HEX, SHOW_HEX20, SHOW_PC, SHOW_NAMES, SHOW_TEXT };

/* A number spread over the encoding: slices from the most significant down. */
struct field {
    const char *name;
    struct slice slices[MAX_SLICES];
    unsigned slice_count;
    bool is_signed;
    s64 scale, add;
    enum show show;
    int names; /* index of a nameset, SHOW_NAMES */
};

/* How a register number becomes an offset into guest state. */
struct regs {
    const char *name, *expr; /* C expression of n */
    int names;               /* nameset, or -1 */
};

/* One argument of a semantics function. */
struct bind {
    const char *name;
    int regs;         /* index; -1: an immediate */
    int field;        /* index; -1: constant or function */
    s64 value;        /* constant */
    const char *func; /* C function of the encoding, or NULL */
};

struct format {
    const char *name, *text;
    struct bind binds[MAX_BINDS];
    unsigned bind_count;
    bool used;
};

/* A variant field of a line: C expressions, chosen by encoding bits, or by a bit of the block key.
 */
struct variant {
    const char *name;
    struct slice bits; /* n = 0: fixed, or by the key */
    bool by_key;
    unsigned key_bit;
    const char *values[MAX_VALUES];
    unsigned count;
};

struct cond {
    int field;
    s64 value; /* the field must differ from it */
};

struct line {
    const char *file;
    unsigned file_line;
    const char *id, *mnemonic, *ext;
    unsigned bits;
    u32 mask, match;
    int sem, format;
    struct variant variants[MAX_VARIANTS];
    unsigned variant_count;
    struct cond conds[MAX_CONDS];
    unsigned cond_count;
    const char *over[MAX_OVER];
    unsigned over_count;
    bool ends, alone;
    const char *leads; /* "BRANCH", "JUMP": to imm bytes from the instruction; NULL: elsewhere */
    unsigned first_row, row_count;
};

/* A semantics function; its arguments are those of its first line. */
struct sem {
    const char *name;
    int line;
};

struct guest {
    const char *name, *prefix;                /* "riscv", "rv" */
    const char *state, *pc, *fp_env, *length; /* C names; length may be NULL */
    const char *includes[MAX_INCLUDES];
    unsigned include_count;
    const char *undefined_sem, *undefined_format;
    struct field fields[MAX_FIELDS];
    struct regs regs[MAX_REGS];
    struct nameset namesets[MAX_NAMESETS];
    struct format formats[MAX_FORMATS];
    struct line lines[MAX_LINES];
    struct sem sems[MAX_SEMS];
    unsigned field_count, regs_count, nameset_count, format_count, line_count, sem_count;
    unsigned row_count;
};

extern struct guest guest;

/* Prints file:line: message and exits 1. */
void fail(const char *file, unsigned line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

void parse_file(const char *path);
/* Adds the undefined line, numbers rows, proves lines disjoint. */
void check_guest(void);

s64 field_eval(const struct field *f, u32 w);
u32 field_mask(const struct field *f);
bool line_is_over(const struct line *a, const struct line *b);
bool lines_meet(const struct line *a, const struct line *b);
/* Index of the variant's value in row `row` of the line. */
unsigned row_value(const struct line *l, unsigned row, unsigned variant);
/* "c.addi" as a C identifier, with the row's variant values appended when they vary. */
const char *row_name(const struct line *l, unsigned row);

void emit_decoder(FILE *out);
void emit_header(FILE *out);
void emit_ops(FILE *out);
void emit_count(FILE *out);
void emit_semgen(FILE *out);
void emit_lines(FILE *out);
void emit_includes(FILE *out);

#endif
