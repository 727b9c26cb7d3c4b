/*
 * parse_line.c - reads one encoding: its picture, meaning and options.
 */
#include "parse.h"

#include <string.h>

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

/* Values 0 and 1, by a bit of the block key. */
static void parse_key(struct line *l, struct variant *v, const char *bit)
{
    s64 n = number(bit);

    if (n < 0 || n >= KEY_BITS)
        FAIL("a block key has no bit %s", bit);
    if (v->count != 2 || number(v->values[0]) || number(v->values[1]) != 1)
        FAIL("\"%s\" of \"%s\" is by the key: its values are 0,1", v->name, l->id);
    v->by_key = true;
    v->key_bit = (unsigned)n;
}

/* name=value, name=v,v,v@bits, or name=0,1@keyBIT */
static void parse_variant(struct line *l, char *name, char *value)
{
    struct variant *v = &l->variants[grow(&l->variant_count, MAX_VARIANTS, "variant fields")];
    char *at = strchr(value, '@');

    v->name = keep(name);
    if (at) {
        *at++ = '\0';
        for (char *t = strtok(value, ","); t; t = strtok(NULL, ","))
            v->values[grow(&v->count, MAX_VALUES, "values")] = keep(t);
        if (!strncmp(at, "key", 3)) {
            parse_key(l, v, at + 3);
            return;
        }
        v->bits = slice(at);
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
    } else if (!strcmp(w, "ends=branch") || !strcmp(w, "ends=jump")) {
        l->ends = true;
        l->leads = w[5] == 'b' ? "BRANCH" : "JUMP";
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

void parse_line(const char *id, const char *ext, char *p)
{
    unsigned index = grow(&guest.line_count, MAX_LINES, "lines");
    struct line *l = &guest.lines[index];
    char *slash, *sem, *open, *close, *w;

    *l = (struct line){ .file = parse_path, .file_line = parse_number, .id = keep(id), .ext = ext };
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
