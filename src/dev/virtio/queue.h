/*
 * queue.h - virtqueues, split and packed (virtio 1.2, 2.7 and 2.8), as a device sees them.
 *
 * The other side is hostile: every descriptor is copied once and then validated, a chain
 * is bounded, and all of it is known to be RAM before a device sees its first byte. What
 * breaks a rule of the ring breaks the device (virtio_error) until the driver resets it.
 *
 * A request's segments are host pointers, valid until the present callback returns or,
 * for a request in flight, until its ticket is given back.
 */
#ifndef DEV_VIRTIO_QUEUE_H
#define DEV_VIRTIO_QUEUE_H

#include "dev/core/device.h"
#include <sys/uio.h>

struct virtio;

enum { VIRTQ_SIZE_MAX = 1024, VIRTQ_CHAIN_MAX = 1024 };

#define VIRTQ_STATE(F, A, N)                                                                       \
    F(u64, desc, ZERO, "guest address of the descriptors")                                         \
    F(u64, driver, ZERO, "of the driver area: available ring or driver event suppression")         \
    F(u64, device, ZERO, "of the device area: used ring or device event suppression")              \
    F(u16, size, ZERO, "descriptors")                                                              \
    F(u16, avail, ZERO, "next to take: free-running index (split) or position (packed)")           \
    F(u16, used, ZERO, "next to give back, likewise")                                              \
    F(flag, avail_wrap, ZERO, "packed: wrap counter at avail")                                     \
    F(flag, used_wrap, ZERO, "packed: wrap counter at used")                                       \
    F(flag, ready, ZERO, "enabled by the driver")                                                  \
    F(flag, kicked, ZERO, "notified and not yet served")                                           \
    F(u32, note, ZERO, "the device type's: what it knows of the next request")
STATE_STRUCT(virtq, VIRTQ_STATE);
extern const struct state_list virtq_state_list;

struct virtq {
    struct virtq_state *s; /* borrows: in the device's state */
    struct virtio *v;      /* borrows (outlives) */
    u16 index, size_max;
    u16 inflight;           /* taken and not given back: requests (split), descriptors (packed) */
    u16 filled;             /* given back and not yet published: requests */
    u16 fresh;              /* published since the driver was last considered for an interrupt */
    u16 first, first_flags; /* packed: where the unpublished begin, and what makes them used */
    u16 budget;             /* requests that this callback may still take */
    u32 generation;         /* of the ring: tickets of an older one are void */
};

/* What is needed to give a request back; a copy may outlive the chain. */
struct virtq_ticket {
    u32 generation;
    u16 queue, id, count;
};

struct virtq_seg {
    u8 *host;
    u64 len; /* not 0 */
    gpa_t at;
};

/* A request: out_count segments for the device to read, then in_count to write. */
struct virtq_chain {
    struct virtq_ticket ticket;
    unsigned out_count, in_count;
    u64 out_len, in_len; /* bytes */
    struct virtq_seg seg[VIRTQ_CHAIN_MAX];
};

/* --- the ring --- */

/* Empty, with the driver's layout forgotten; tickets become void. */
void virtq_reset(struct virtq *q);
/* Are size and addresses what the specification demands? */
bool virtq_layout_valid(const struct virtq *q);
/* Starts an enabled queue at the ring's beginning. */
void virtq_start(struct virtq *q);

/* Takes the next request. False: there is none, or the ring broke the device. */
bool virtq_pop(struct virtq *q, struct virtq_chain *chain);
/* Undoes the last pop. */
void virtq_unpop(struct virtq *q, const struct virtq_ticket *ticket);
/* Asks the driver to notify of the next request; true when one is there already. */
bool virtq_wait(struct virtq *q);
/* Gives a request back with the number of bytes written; the driver sees it (and all
 * others since) after virtq_publish(). Void tickets do nothing. */
void virtq_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written);
void virtq_publish(struct virtq *q);
/* Does the driver want an interrupt for what was published since the last call? */
bool virtq_signal_wanted(struct virtq *q);

/* --- a request's bytes --- */

/* Copies up to len bytes at `off` of the out segments, or to the in segments; returns how many. */
u64 virtq_chain_read(const struct virtq_chain *chain, u64 off, void *buf, u64 len);
u64 virtq_chain_write(struct device *d, const struct virtq_chain *chain, u64 off, const void *buf,
                      u64 len);
/* The stretch [off, off + len) of count segments as segments; returns how many (0: not all
 * there). out has room for `count`. */
unsigned virtq_segs_slice(const struct virtq_seg *segs, unsigned count, u64 off, u64 len,
                          struct virtq_seg *out);
static inline const struct virtq_seg *virtq_chain_in(const struct virtq_chain *chain)
{
    return chain->seg + chain->out_count;
}
/* Adds guest memory to a chain being built; false with a reason when it may not. */
bool virtq_chain_add(struct device *d, struct virtq_chain *chain, gpa_t at, u64 len, bool in,
                     const char **why);

#endif
