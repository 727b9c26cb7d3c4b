/*
 * buffer.c - a character device in memory, for tests.
 */
#include "backend/chardev/chardev.h"
#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    u8 *at; /* owns; a 0 follows the bytes */
    size_t len;
};

struct buffer {
    struct chardev cd;
    struct loop_timer *kick; /* owns: delivery in the loop */
    struct bytes out, in;
    size_t limit;
    bool was_short;
};

static bool bytes_add(struct bytes *b, const void *data, size_t len)
{
    u8 *at = realloc(b->at, b->len + len + 1);

    if (!at)
        return false;
    memcpy(at + b->len, data, len);
    b->at = at;
    b->len += len;
    at[b->len] = 0;
    return true;
}

static size_t buffer_write(struct chardev *cd, const u8 *data, size_t len)
{
    struct buffer *b = container_of(cd, struct buffer, cd);
    size_t room = b->limit > b->out.len ? b->limit - b->out.len : 0;
    size_t take = len < room ? len : room;

    if (take && !bytes_add(&b->out, data, take))
        take = 0;
    b->was_short |= take < len;
    return take;
}

static void on_kick(void *arg)
{
    struct buffer *b = arg;
    const struct chardev_client *client = b->cd.client;

    while (b->in.len && b->cd.room) {
        size_t len = b->in.len < b->cd.room ? b->in.len : b->cd.room;
        u8 data[256];

        len = len < sizeof data ? len : sizeof data;
        memcpy(data, b->in.at, len);
        b->in.len -= len;
        memmove(b->in.at, b->in.at + len, b->in.len);
        b->cd.room -= len;
        if (client && client->receive)
            client->receive(b->cd.client_arg, data, len);
    }
    if (b->was_short && b->out.len < b->limit) {
        b->was_short = false;
        if (client && client->writable)
            client->writable(b->cd.client_arg);
    }
}

static void buffer_set_room(struct chardev *cd)
{
    loop_timer_set(container_of(cd, struct buffer, cd)->kick, 0);
}

static void buffer_free(struct chardev *cd)
{
    struct buffer *b = container_of(cd, struct buffer, cd);

    loop_timer_free(b->kick);
    free(b->in.at);
    free(b->out.at);
    free(b);
}

static const struct chardev_ops buffer_ops = {
    .name = "buffer",
    .write = buffer_write,
    .set_room = buffer_set_room,
    .free = buffer_free,
};

int chardev_buffer_new(struct loop *loop, struct chardev **ret_cd, struct err *err)
{
    struct buffer *b = calloc(1, sizeof *b);
    int ret;

    if (!b)
        return err_set(err, ENOMEM, "no memory for a character device");
    b->cd.ops = &buffer_ops;
    b->limit = SIZE_MAX;
    ret = loop_timer_new(loop, on_kick, b, &b->kick, err);
    if (ret) {
        free(b);
        return ret;
    }
    *ret_cd = &b->cd;
    return 0;
}

static struct buffer *to_buffer(const struct chardev *cd)
{
    BUG_ON(cd->ops != &buffer_ops);
    return container_of(cd, struct buffer, cd);
}

const char *chardev_buffer_text(const struct chardev *cd, size_t *ret_len)
{
    struct buffer *b = to_buffer(cd);

    if (ret_len)
        *ret_len = b->out.len;
    return b->out.at ? (const char *)b->out.at : "";
}

int chardev_buffer_feed(struct chardev *cd, const void *data, size_t len)
{
    struct buffer *b = to_buffer(cd);

    if (!bytes_add(&b->in, data, len))
        return -ENOMEM;
    loop_timer_set(b->kick, 0);
    return 0;
}

void chardev_buffer_set_limit(struct chardev *cd, size_t limit)
{
    struct buffer *b = to_buffer(cd);

    b->limit = limit;
    if (b->was_short)
        loop_timer_set(b->kick, 0);
}
