/*
 * props.c - properties: what a user writes becomes members of the device struct.
 */
#include "base/bug.h"
#include "base/checked.h"
#include "dev/core/internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *member(struct device *d, const struct dev_prop *p)
{
    return (u8 *)d + p->offset;
}

static const struct dev_prop *prop_find(const struct dev_class *cls, const char *name)
{
    for (unsigned i = 0; i < cls->prop_count; i++)
        if (strcmp(cls->props[i].name, name) == 0)
            return &cls->props[i];
    return NULL;
}

static int unknown(struct device *d, const char *name, struct err *err)
{
    const struct dev_class *cls = d->cls;
    char list[512] = "";
    size_t len = 0;

    for (unsigned i = 0; i < cls->prop_count && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "",
                                cls->props[i].name);
    return err_set(err, EINVAL, "device '%s' (%s) has no property '%s'; it has %s", d->id,
                   cls->name, name, list[0] ? list : "none");
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* "4096", "0x1000", "4k", "64M", "2g"; false when it is anything else or over 64 bits. */
static bool number(const char *text, u64 *out)
{
    const char *p = text;
    u64 base = 10, v = 0;
    unsigned shift = 0;

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    }
    if (digit(*p) >= (int)base)
        return false;
    for (; digit(*p) < (int)base; p++)
        if (!checked_mul(v, base, &v) || !checked_add(v, (u64)digit(*p), &v))
            return false;
    switch (*p) {
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    case 't':
    case 'T': shift = 40; break;
    }
    if (p[shift != 0] != 0)
        return false;
    return checked_mul(v, 1ull << shift, out);
}

static int set_u64(struct device *d, const struct dev_prop *p, const char *text, struct err *err)
{
    u64 v;

    if (!number(text, &v))
        return err_set(err, EINVAL,
                       "property '%s' of '%s' is '%s', which is not a number "
                       "such as 10, 0x1000 or 64k",
                       p->name, d->id, text);
    if (v < p->min || v > p->max)
        return err_set(err, EINVAL,
                       "property '%s' of '%s' is %s, and must be %" PRIu64 " to %" PRIu64, p->name,
                       d->id, text, p->min, p->max);
    *(u64 *)member(d, p) = v;
    return 0;
}

static int set_bool(struct device *d, const struct dev_prop *p, const char *text, struct err *err)
{
    bool on = strcmp(text, "on") == 0;

    if (!on && strcmp(text, "off") != 0)
        return err_set(err, EINVAL, "property '%s' of '%s' is '%s', and must be on or off", p->name,
                       d->id, text);
    *(bool *)member(d, p) = on;
    return 0;
}

static int set_string(struct device *d, const struct dev_prop *p, const char *text, struct err *err)
{
    char **at = member(d, p);
    char *copy = strdup(text);

    if (!copy)
        return err_set(err, ENOMEM, "there is not enough memory for property '%s' of '%s'", p->name,
                       d->id);
    free(*at);
    *at = copy;
    return 0;
}

static bool is_pointer(const struct dev_prop *p)
{
    return p->type == DEV_PROP_BLOCK || p->type == DEV_PROP_NET || p->type == DEV_PROP_CHARDEV ||
           p->type == DEV_PROP_VSOCK;
}

static int set_one(struct device *d, const struct dev_setting *s, struct err *err)
{
    const struct dev_prop *p = prop_find(d->cls, s->name);

    if (!p)
        return unknown(d, s->name, err);
    if (is_pointer(p)) {
        if (!s->ptr)
            return err_set(err, EINVAL,
                           "property '%s' of '%s' is a part of the host, and '%s' "
                           "names none",
                           p->name, d->id, s->text ? s->text : "");
        *(void **)member(d, p) = s->ptr;
        return 0;
    }
    BUG_ON(!s->text);
    switch (p->type) {
    case DEV_PROP_U64: return set_u64(d, p, s->text, err);
    case DEV_PROP_BOOL: return set_bool(d, p, s->text, err);
    default: return set_string(d, p, s->text, err);
    }
}

static bool is_set(const struct dev_prop *p, const struct dev_setting *settings, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(settings[i].name, p->name) == 0)
            return true;
    return false;
}

int dev_props_set(struct device *d, const struct dev_setting *settings, unsigned count,
                  struct err *err)
{
    const struct dev_class *cls = d->cls;

    BUG_ON(cls->prop_count > DEV_MAX_PROPS);
    for (unsigned i = 0; i < cls->prop_count; i++) {
        const struct dev_prop *p = &cls->props[i];

        if (p->type == DEV_PROP_U64)
            *(u64 *)member(d, p) = p->initial;
        else if (p->type == DEV_PROP_BOOL)
            *(bool *)member(d, p) = p->initial != 0;
        if (p->required && !is_set(p, settings, count))
            return err_set(err, EINVAL, "device '%s' (%s) needs its property '%s': %s", d->id,
                           cls->name, p->name, p->doc);
    }
    for (unsigned i = 0; i < count; i++) {
        int rc = set_one(d, &settings[i], err);

        if (rc)
            return rc;
    }
    return 0;
}

void dev_props_fini(struct device *d)
{
    for (unsigned i = 0; i < d->cls->prop_count; i++)
        if (d->cls->props[i].type == DEV_PROP_STRING)
            free(*(char **)member(d, &d->cls->props[i]));
}
