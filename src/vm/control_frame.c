/*
 * control_frame.c - cuts a stream of bytes into JSON objects, before any is parsed.
 *
 * QMP's messages need no newline between them, so the end of one is where its brackets
 * balance. Size and depth are bounded here: the parser behind recurses.
 */
#include "vm/control_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int control_frame_add(struct control_frame *f, const char *data, size_t len)
{
    if (f->room - f->len < len) {
        size_t room = 2 * (f->len + len);
        char *more = realloc(f->data, room);

        if (!more)
            return -ENOMEM;
        f->data = more;
        f->room = room;
    }
    memcpy(f->data + f->len, data, len);
    f->len += len;
    return 0;
}

static void drop(struct control_frame *f, size_t n)
{
    f->len -= n;
    memmove(f->data, f->data + n, f->len);
}

/* One byte of an object: true at its end. */
static bool step(struct control_frame *f, char c)
{
    if (f->in_string) {
        if (f->escaped)
            f->escaped = false;
        else if (c == '\\')
            f->escaped = true;
        else if (c == '"')
            f->in_string = false;
        return false;
    }
    if (c == '"')
        f->in_string = true;
    else if (c == '{' || c == '[')
        f->depth++;
    else if (c == '}' || c == ']')
        return --f->depth == 0;
    return false;
}

static enum control_frame_kind give(struct control_frame *f, enum control_frame_kind kind,
                                    size_t len, const char **ret_data, size_t *ret_len)
{
    f->taken = len;
    f->scanned = f->depth = 0;
    f->in_string = f->escaped = false;
    *ret_data = f->data;
    *ret_len = len;
    return kind;
}

/* What is no object goes to the end of its line, or to where an object begins. */
static enum control_frame_kind garbage(struct control_frame *f, const char **ret_data,
                                       size_t *ret_len)
{
    for (; f->scanned < f->len; f->scanned++)
        if (f->data[f->scanned] == '{' || f->data[f->scanned] == '\n')
            return give(f, FRAME_GARBAGE, f->scanned, ret_data, ret_len);
    return f->len > CONTROL_MESSAGE_MAX ? FRAME_BROKEN : FRAME_NONE;
}

enum control_frame_kind control_frame_next(struct control_frame *f, const char **ret_data,
                                           size_t *ret_len)
{
    size_t skip = f->taken;

    f->taken = 0;
    while (f->scanned == 0 && skip < f->len && is_space(f->data[skip]))
        skip++;
    if (skip)
        drop(f, skip);
    if (f->len && f->data[0] != '{')
        return garbage(f, ret_data, ret_len);
    while (f->scanned < f->len) {
        bool end = step(f, f->data[f->scanned++]);

        if (f->depth > CONTROL_DEPTH_MAX || f->scanned > CONTROL_MESSAGE_MAX)
            return FRAME_BROKEN;
        if (end)
            return give(f, FRAME_OBJECT, f->scanned, ret_data, ret_len);
    }
    return FRAME_NONE;
}

void control_frame_fini(struct control_frame *f)
{
    free(f->data);
    *f = (struct control_frame){ 0 };
}
