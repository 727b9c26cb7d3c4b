/*
 * inbox.h - frames that wait for the guest, in a back end whose other side sends them one by
 * one and without offloads; only for backend/net.
 *
 * TCP segments that follow each other are merged while they wait, if the guest takes that.
 */
#ifndef BACKEND_NET_INBOX_H
#define BACKEND_NET_INBOX_H

#include "backend/net/net.h"

enum { NET_INBOX_MAX = 1024 }; /* frames; TCP repeats what is dropped */

struct net_inbox {
    struct net_waiting *first, *last; /* owns */
    unsigned count;
    bool ready; /* the guest takes frames */
};

/* Copies a frame in; false: there was no room. */
bool net_inbox_put(struct net_inbox *in, const u8 *frame, size_t len, unsigned offloads);
/* Is there something to give that will be taken? */
static inline bool net_inbox_due(const struct net_inbox *in)
{
    return in->ready && in->first;
}
/* Gives frames to net->receive (queue 0) as long as the guest takes them. */
void net_inbox_give(struct net_inbox *in, struct net_backend *net);
void net_inbox_fini(struct net_inbox *in);

#endif
