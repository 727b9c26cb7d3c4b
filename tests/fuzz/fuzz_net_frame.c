/*
 * fuzz_net_frame.c - a frame of arbitrary bytes under an arbitrary header, cut or completed in
 * software; what comes of it waits to be merged again and is handed over.
 *
 * First the header's members, then a byte of offloads, then the frame. A frame that was made is
 * never longer than it may be.
 */
#include "backend/net/inbox.h"
#include "backend/net/offload.h"
#include "base/bits.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { HEADER = 10, LONGEST = NET_ETHER_SIZE + 65535 };

struct run {
    struct net_inbox inbox;
    struct net_backend net;
    unsigned takes;
    u8 frame[NET_FRAME_MAX];
};

static void cut(void *arg, u8 *frame, size_t len)
{
    struct run *r = arg;

    if (len < NET_ETHER_SIZE || len > LONGEST)
        abort();
    net_inbox_put(&r->inbox, frame, len, r->takes);
}

static void merged(void *arg, unsigned queue, const struct net_header *h, const u8 *frame,
                   size_t len)
{
    if (len < NET_ETHER_SIZE || len > LONGEST || (h->gso_type && h->gso_size == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct run *r;
    struct net_header h;
    size_t len;

    if (size < HEADER + 1 + NET_ETHER_SIZE)
        return 0;
    r = calloc(1, sizeof *r);
    if (!r)
        abort();
    h = (struct net_header){
        data[0],           data[1], le16_get(data + 2), le16_get(data + 4), le16_get(data + 6),
        le16_get(data + 8)
    };
    r->takes = data[HEADER];
    r->net.receive = merged;
    len = size - HEADER - 1 < LONGEST ? size - HEADER - 1 : LONGEST;
    memcpy(r->frame, data + HEADER + 1, len);
    (void)!net_offload_undo(r->frame, len, &h, r->takes >> 4, LONGEST, cut, r);
    r->inbox.ready = true;
    net_inbox_give(&r->inbox, &r->net);
    net_inbox_fini(&r->inbox);
    free(r);
    return 0;
}
