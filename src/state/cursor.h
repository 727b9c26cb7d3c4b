/*
 * cursor.h - walking a state file that nobody vouches for; shared by open.c and read.c.
 */
#ifndef STATE_CURSOR_H
#define STATE_CURSOR_H

#include "state/format.h"
#include <string.h>

/* Unread bytes; a read past the end sets `bad` and yields zeros. */
struct cursor {
    const u8 *at, *end;
    bool bad;
};

struct name {
    const char *at; /* borrows from the file; no 0 at its end */
    u32 len;
};

struct file_section {
    struct name instance;
    enum state_section_kind kind;
    struct cursor body; /* after the instance */
};

struct state_reader {
    u8 *file; /* owns */
    size_t size;
    struct file_section *sections; /* owns; sorted by instance */
    u32 count;
};

static inline u64 left(const struct cursor *c)
{
    return (u64)(c->end - c->at);
}

static inline const u8 *take(struct cursor *c, u64 len)
{
    const u8 *at = c->at;

    if (c->bad || len > left(c)) {
        c->bad = true;
        return NULL;
    }
    c->at += len;
    return at;
}

static inline u64 take_le(struct cursor *c, unsigned len)
{
    const u8 *at = take(c, len);
    u64 v = 0;

    if (at)
        memcpy(&v, at, len);
    return v;
}

/* Names are printed in errors and compared: visible ASCII only. */
static inline struct name take_name(struct cursor *c)
{
    struct name n = { "", (u32)take_le(c, 1) };
    const u8 *at = take(c, n.len);

    if (!at || n.len == 0 || n.len > STATE_MAX_NAME) {
        c->bad = true;
        return (struct name){ "", 0 };
    }
    for (u32 i = 0; i < n.len; i++)
        if (at[i] <= ' ' || at[i] >= 0x7f)
            c->bad = true;
    n.at = (const char *)at;
    return n;
}

static inline bool name_is(struct name n, const char *text)
{
    return strlen(text) == n.len && memcmp(n.at, text, n.len) == 0;
}

static inline int name_compare(struct name a, struct name b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* One member's head; a nested member's list follows. */
struct member {
    struct name name;
    unsigned type;
    u32 count;
};

static inline struct member take_member(struct cursor *c)
{
    struct member m = { .name = take_name(c) };

    m.type = (unsigned)take_le(c, 1);
    m.count = (u32)take_le(c, 4);
    if (m.type > ST_nested || m.count == 0)
        c->bad = true;
    return m;
}

/* Passes a list's schema; returns the bytes its data takes. */
u64 state_schema_measure(struct cursor *c, unsigned depth);

/* Takes a run's head and returns how many bytes follow, checked against the section's
 * size; 0 = damaged. */
u64 state_run_take(struct cursor *c, u64 size, u64 *first);

#endif
