/*
 * offload.h - checksums and TCP segmentation in software, and their reverse, for back ends
 * whose other side knows no offloads; only for backend/net.
 */
#ifndef BACKEND_NET_OFFLOAD_H
#define BACKEND_NET_OFFLOAD_H

#include "backend/net/net.h"

enum { NET_ETHER_SIZE = 14 };

/* Copies a frame into one buffer of NET_FRAME_MAX bytes; its length, or 0 when it is shorter
 * than an Ethernet header or longer than the buffer. */
size_t net_frame_gather(const struct iovec *iov, unsigned iov_count, u8 *out);

/* Completes the checksum that the header asks for; false when its place is not in the frame. */
bool net_checksum_fill(u8 *frame, size_t len, const struct net_header *h) MUST_CHECK;

/* Calls emit(arg, frame, len) with frames that want nothing of anybody, made of one that may:
 * checksums filled in, TCP cut into segments. `frame` is used for the work. `whole`: NET_TAKES_TSO4
 * and _TSO6 for what may go as a single, long TCP segment of up to frame_max bytes with its
 * Ethernet header. False when the header does not fit the frame: nothing was emitted. */
bool net_offload_undo(u8 *frame, size_t len, const struct net_header *h, unsigned whole,
                      size_t frame_max, void (*emit)(void *arg, u8 *frame, size_t len),
                      void *arg) MUST_CHECK;

/* A frame of TCP that others of its stream may be put behind. */
struct net_merge {
    struct net_header h;
    bool open;   /* more may follow */
    u8 l4, data; /* where the TCP header and the payload begin */
};

/* Looks at a frame that is complete and known to be sound: may it begin a merged one for a
 * guest that takes these offloads (NET_TAKES_*)? Fills in *m. */
void net_merge_begin(struct net_merge *m, const u8 *frame, size_t len, unsigned offloads);
/* Puts `next` behind the *len bytes of `frame`, which has room for NET_FRAME_MAX, when it is
 * the stream's next segment; false: it is not, or there is no room. */
bool net_merge_add(struct net_merge *m, u8 *frame, size_t *len, const u8 *next, size_t next_len);
/* Before the frame goes to the guest: lengths and checksums for all of it, and m->h. */
void net_merge_end(struct net_merge *m, u8 *frame, size_t len);

#endif
