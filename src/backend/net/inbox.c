/*
 * inbox.c - see inbox.h.
 */
#include "backend/net/inbox.h"
#include "backend/net/offload.h"
#include <stdlib.h>
#include <string.h>

struct net_waiting {
    struct net_waiting *next;
    struct net_merge merge;
    size_t len;
    u8 data[];
};

/* Room for the longest frame costs address space only: what is not written to is not there. */
bool net_inbox_put(struct net_inbox *in, const u8 *frame, size_t len, unsigned offloads)
{
    struct net_waiting *w = in->last;
    struct net_merge merge;

    if (w && net_merge_add(&w->merge, w->data, &w->len, frame, len))
        return true;
    if (in->count == NET_INBOX_MAX || len > NET_FRAME_MAX)
        return false;
    net_merge_begin(&merge, frame, len, offloads);
    w = malloc(sizeof *w + (merge.open ? NET_FRAME_MAX : len));
    if (!w)
        return false;
    w->next = NULL;
    w->merge = merge;
    w->len = len;
    memcpy(w->data, frame, len);
    if (in->last)
        in->last->next = w;
    else
        in->first = w;
    in->last = w;
    in->count++;
    return true;
}

static struct net_waiting *take(struct net_inbox *in)
{
    struct net_waiting *w = in->first;

    in->first = w->next;
    if (!w->next)
        in->last = NULL;
    in->count--;
    return w;
}

void net_inbox_give(struct net_inbox *in, struct net_backend *net)
{
    while (net_inbox_due(in)) {
        struct net_waiting *w = take(in);

        net_merge_end(&w->merge, w->data, w->len);
        if (net->receive)
            net->receive(net->arg, 0, &w->merge.h, w->data, w->len);
        free(w);
    }
}

void net_inbox_fini(struct net_inbox *in)
{
    while (in->first)
        free(take(in));
}
