/*
 * parse.c - reads *.decode text into struct guest: statements but lines.
 */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct guest guest;

static const char *cur_ext = "";

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

/* name=kind(field) name=kind#number: a register; name=field name=#number name=@func: an immediate
 */
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
        parse_line(w, cur_ext, p);
    }
}

/* Lines ending in a backslash go on. */
void parse_file(const char *path)
{
    static char text[65536], one[4096];
    FILE *in = fopen(path, "r");
    size_t n = 0;

    parse_path = path;
    parse_number = 0;
    cur_ext = "";
    if (!in)
        FAIL("cannot be opened: %s", strerror(errno));
    while (fgets(one, sizeof one, in)) {
        size_t len = strcspn(one, "\n");

        parse_number++;
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
