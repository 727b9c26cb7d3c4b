/*
 * parse.c - reads *.decode text into struct guest.
 */
#include "decodegen.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct guest guest;

static const char *cur_file;
static unsigned cur_line;
static const char *cur_ext = "";

void fail(const char *file, unsigned line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

#define FAIL(...) fail(cur_file, cur_line, __VA_ARGS__)

static void *must(void *p)
{
    if (!p)
        FAIL("out of memory");
    return p;
}

/* Fails when a table is full; otherwise counts one more and returns its index. */
static unsigned grow(unsigned *count, unsigned max, const char *what)
{
    if (*count >= max)
        FAIL("more than %u %s", max, what);
    return (*count)++;
}

/* --- words --- */

/* The next blank-separated word, or a "quoted text" without its quotes; NULL at the end. */
static char *word(char **p)
{
    char *s = *p + strspn(*p, " \t");
    char *end;

    if (!*s || *s == '#')
        return NULL;
    if (*s == '"') {
        end = strchr(++s, '"');
        if (!end)
            FAIL("text without closing quote");
    } else {
        end = s + strcspn(s, " \t");
    }
    *p = *end ? end + 1 : end;
    *end = '\0';
    return s;
}

static char *need(char **p, const char *what)
{
    char *w = word(p);

    if (!w)
        FAIL("%s is missing", what);
    return w;
}

static const char *keep(const char *s)
{
    return must(strdup(s));
}

static s64 number(const char *s)
{
    char *end;
    s64 v;

    errno = 0;
    v = strtoll(s, &end, 0);
    if (end == s || *end || errno)
        FAIL("\"%s\" is not a number", s);
    return v;
}

/* "14:12" or "7". */
static struct slice slice(const char *s)
{
    unsigned hi, lo;
    char rest;

    if (sscanf(s, "%u:%u%c", &hi, &lo, &rest) != 2) {
        if (sscanf(s, "%u%c", &hi, &rest) != 1)
            FAIL("\"%s\" is not a bit range", s);
        lo = hi;
    }
    if (hi < lo || hi > 31)
        FAIL("\"%s\" is not a bit range of 32 bits", s);
    return (struct slice){ lo, hi - lo + 1 };
}

#define FINDER(noun, table, count)                                                                 \
    static int noun##_find(const char *name)                                                       \
    {                                                                                              \
        for (unsigned i = 0; i < guest.count; i++)                                                 \
            if (strcmp(guest.table[i].name, name) == 0)                                            \
                return (int)i;                                                                     \
        return -1;                                                                                 \
    }                                                                                              \
    static int noun##_need(const char *name)                                                       \
    {                                                                                              \
        int i = noun##_find(name);                                                                 \
                                                                                                   \
        if (i < 0)                                                                                 \
            FAIL("there is no " #noun " \"%s\"", name);                                            \
        return i;                                                                                  \
    }

FINDER(field, fields, field_count)
FINDER(regs, regs, regs_count)
FINDER(names, namesets, nameset_count)
FINDER(format, formats, format_count)

/* --- directives --- */

/* guest NAME prefix=P state=STRUCT pc=MEMBER fp_env=MEMBER [length=FUNC] */
static void parse_guest(char *p)
{
    char *w;

    guest.name = keep(need(&p, "the guest's name"));
    while ((w = word(&p))) {
        char *value = strchr(w, '=');

        if (!value)
            FAIL("\"%s\" is not key=value", w);
        *value++ = '\0';
        if (!strcmp(w, "prefix"))
            guest.prefix = keep(value);
        else if (!strcmp(w, "state"))
            guest.state = keep(value);
        else if (!strcmp(w, "pc"))
            guest.pc = keep(value);
        else if (!strcmp(w, "fp_env"))
            guest.fp_env = keep(value);
        else if (!strcmp(w, "length"))
            guest.length = keep(value);
        else
            FAIL("a guest has no \"%s\"", w);
    }
}

/* names NAME value=text ... ; a word without "=" takes the next number */
static void parse_names(char *p)
{
    const char *name = need(&p, "a name");
    int i = names_find(name);
    struct nameset *n;
    s64 next = 0;
    char *w;

    if (i < 0) {
        i = (int)grow(&guest.nameset_count, MAX_NAMESETS, "name lists");
        guest.namesets[i].name = keep(name);
    }
    n = &guest.namesets[i];
    while ((w = word(&p))) {
        char *text = strchr(w, '=');
        unsigned k = grow(&n->count, MAX_NAMES, "names in one list");

        if (text) {
            *text++ = '\0';
            next = number(w);
        } else {
            text = w;
        }
        n->names[k].value = next++;
        n->names[k].text = keep(text);
    }
}

/* regs NAME "C expression of n" [NAMES] */
static void parse_regs(char *p)
{
    struct regs *r = &guest.regs[grow(&guest.regs_count, MAX_REGS, "register kinds")];
    char *names;

    r->name = keep(need(&p, "a register kind's name"));
    r->expr = keep(need(&p, "a C expression in quotes"));
    names = word(&p);
    r->names = names ? names_need(names) : -1;
}

static bool parse_show(struct field *f, const char *w)
{
    if (!strcmp(w, "hex"))
        f->show = SHOW_HEX;
    else if (!strcmp(w, "hex20"))
        f->show = SHOW_HEX20;
    else if (!strcmp(w, "pc"))
        f->show = SHOW_PC;
    else if (names_find(w) >= 0)
        f->show = SHOW_NAMES, f->names = names_need(w);
    else
        return false;
    return true;
}

/* field NAME [s] slice ... [*scale] [+add] [hex|hex20|pc|NAMES] */
static void parse_field(char *p)
{
    struct field f = { .name = keep(need(&p, "a field's name")), .scale = 1, .names = -1 };
    char *w;

    if (field_find(f.name) >= 0)
        FAIL("field \"%s\" is there already", f.name);
    while ((w = word(&p))) {
        if (!strcmp(w, "s"))
            f.is_signed = true;
        else if (*w == '*')
            f.scale = number(w + 1);
        else if (*w == '+')
            f.add = number(w + 1);
        else if (isdigit((unsigned char)*w))
            f.slices[grow(&f.slice_count, MAX_SLICES, "slices")] = slice(w);
        else if (!parse_show(&f, w))
            FAIL("a field has no \"%s\"", w);
    }
    if (!f.slice_count)
        FAIL("field \"%s\" has no bits", f.name);
    guest.fields[grow(&guest.field_count, MAX_FIELDS, "fields")] = f;
}

/* name=kind(field) name=kind#number: a register; name=field name=#number name=@func: an immediate */
static struct bind parse_bind(char *name, char *value)
{
    struct bind b = { .name = keep(name), .regs = -1, .field = -1 };
    char *open = strchr(value, '('), *hash = strchr(value, '#');

    if (open) {
        char *close = strchr(open, ')');

        if (!close || close[1])
            FAIL("\"%s\" should be kind(field)", value);
        *open = *close = '\0';
        b.regs = regs_need(value);
        b.field = field_need(open + 1);
    } else if (hash) {
        *hash = '\0';
        b.regs = hash == value ? -1 : regs_need(value);
        b.value = number(hash + 1);
    } else if (*value == '@') {
        b.func = keep(value + 1);
    } else {
        b.field = field_need(value);
    }
    return b;
}

/* format NAME bind ... "text" */
static void parse_format(char *p)
{
    struct format *f = &guest.formats[grow(&guest.format_count, MAX_FORMATS, "formats")];
    const char *name = need(&p, "a format's name");
    unsigned regs = 0, imms = 0;
    char *w;

    f->text = "";
    f->name = "";
    if (format_find(name) >= 0)
        FAIL("format \"%s\" is there already", name);
    f->name = keep(name);
    for (;;) {
        bool quoted = p[strspn(p, " \t")] == '"';
        char *value;

        w = word(&p);
        if (!w)
            break;
        if (quoted) {
            f->text = keep(w);
            continue;
        }
        value = strchr(w, '=');
        if (!value)
            FAIL("\"%s\" is not argument=source", w);
        *value++ = '\0';
        struct bind b = parse_bind(w, value);
        if (b.regs >= 0 ? ++regs > 8 : ++imms > 2)
            FAIL("format \"%s\" has more than 8 registers or 2 immediates", name);
        f->binds[grow(&f->bind_count, MAX_BINDS, "arguments")] = b;
    }
}

/* --- lines --- */

static bool is_picture(const char *w)
{
    return w && *w && w[strspn(w, "01.")] == '\0';
}

static void parse_picture(struct line *l, char **p)
{
    for (;;) {
        char *at = *p;
        char save[64];
        size_t n;

        at += strspn(at, " \t");
        n = strcspn(at, " \t");
        if (n >= sizeof save)
            break;
        memcpy(save, at, n);
        save[n] = '\0';
        if (!is_picture(save))
            break;
        for (size_t i = 0; i < n; i++, l->bits++) {
            l->mask = l->mask << 1 | (save[i] != '.');
            l->match = l->match << 1 | (save[i] == '1');
        }
        *p = at + n;
    }
    if (l->bits != 16 && l->bits != 32)
        FAIL("the picture of \"%s\" has %u bits, not 16 or 32", l->id, l->bits);
}

static int sem_get(const char *name, int line)
{
    for (unsigned i = 0; i < guest.sem_count; i++)
        if (strcmp(guest.sems[i].name, name) == 0)
            return (int)i;
    unsigned i = grow(&guest.sem_count, MAX_SEMS, "semantics");
    guest.sems[i] = (struct sem){ keep(name), line };
    return (int)i;
}

/* name=value, or name=v,v,v@bits */
static void parse_variant(struct line *l, char *name, char *value)
{
    struct variant *v = &l->variants[grow(&l->variant_count, MAX_VARIANTS, "variant fields")];
    char *at = strchr(value, '@');

    v->name = keep(name);
    if (at) {
        *at = '\0';
        v->bits = slice(at + 1);
        for (char *t = strtok(value, ","); t; t = strtok(NULL, ","))
            v->values[grow(&v->count, MAX_VALUES, "values")] = keep(t);
        for (unsigned i = 0; i < v->count; i++)
            if (number(v->values[i]) >> v->bits.n)
                FAIL("%s does not fit into the bits of \"%s\"", v->values[i], name);
    } else {
        v->values[0] = keep(value);
        v->count = 1;
    }
}

static void parse_option(struct line *l, char *w, char **p)
{
    char *ne = strstr(w, "!="), *eq = strchr(w, '=');

    if (ne) {
        *ne = '\0';
        l->conds[grow(&l->cond_count, MAX_CONDS, "conditions")] =
            (struct cond){ field_need(w), number(ne + 2) };
    } else if (eq) {
        *eq = '\0';
        parse_variant(l, w, eq + 1);
    } else if (!strcmp(w, "over")) {
        l->over[grow(&l->over_count, MAX_OVER, "names after over")] =
            keep(need(p, "the name of a line"));
    } else if (!strcmp(w, "ends")) {
        l->ends = true;
    } else if (!strcmp(w, "alone")) {
        l->alone = true;
    } else {
        FAIL("a line has no \"%s\"", w);
    }
}

/* id picture semantics(FORMAT) [variant=value] [field!=value] [over id] [ends] [alone] */
static void parse_line(const char *id, char *p)
{
    unsigned index = grow(&guest.line_count, MAX_LINES, "lines");
    struct line *l = &guest.lines[index];
    char *slash, *sem, *open, *close, *w;

    *l = (struct line){ .file = cur_file, .file_line = cur_line, .id = keep(id), .ext = cur_ext };
    l->mnemonic = keep(id);
    slash = strchr(l->mnemonic, '/');
    if (slash)
        *slash = '\0';
    parse_picture(l, &p);
    sem = need(&p, "semantics(FORMAT)");
    open = strchr(sem, '(');
    close = open ? strchr(open, ')') : NULL;
    if (!close || close[1])
        FAIL("\"%s\" should be semantics(FORMAT)", sem);
    *open = *close = '\0';
    l->sem = sem_get(sem, (int)index);
    l->format = format_need(open + 1);
    while ((w = word(&p)))
        parse_option(l, w, &p);
}

static void parse_statement(char *text)
{
    char *p = text, *w;

    w = word(&p);
    if (!w)
        return;
    if (*w == '[') {
        w[strcspn(w, "]")] = '\0';
        cur_ext = keep(w + 1);
    } else if (!strcmp(w, "guest")) {
        parse_guest(p);
    } else if (!strcmp(w, "include")) {
        guest.includes[grow(&guest.include_count, MAX_INCLUDES, "includes")] =
            keep(need(&p, "a header's name"));
    } else if (!strcmp(w, "names")) {
        parse_names(p);
    } else if (!strcmp(w, "regs")) {
        parse_regs(p);
    } else if (!strcmp(w, "field")) {
        parse_field(p);
    } else if (!strcmp(w, "format")) {
        parse_format(p);
    } else if (!strcmp(w, "undefined")) {
        guest.undefined_sem = keep(need(&p, "semantics"));
        guest.undefined_format = keep(need(&p, "a format"));
    } else {
        parse_line(w, p);
    }
}

/* Lines ending in a backslash go on. */
void parse_file(const char *path)
{
    static char text[65536], one[4096];
    FILE *in = fopen(path, "r");
    size_t n = 0;

    cur_file = path;
    cur_line = 0;
    cur_ext = "";
    if (!in)
        FAIL("cannot be opened: %s", strerror(errno));
    while (fgets(one, sizeof one, in)) {
        size_t len = strcspn(one, "\n");

        cur_line++;
        if (one[len] != '\n' && !feof(in))
            FAIL("the line is too long");
        one[len] = '\0';
        if (n + len + 2 > sizeof text)
            FAIL("the statement is too long");
        memcpy(text + n, one, len + 1);
        n += len;
        if (n && text[n - 1] == '\\') {
            text[n - 1] = ' ';
            continue;
        }
        parse_statement(text);
        n = 0;
        text[0] = '\0';
    }
    fclose(in);
}
