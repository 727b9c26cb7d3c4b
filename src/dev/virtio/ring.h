/*
 * ring.h - what the files of the virtqueue share with each other only.
 */
#ifndef DEV_VIRTIO_RING_H
#define DEV_VIRTIO_RING_H

#include "dev/virtio/virtio.h"

/* Descriptor flags (2.7.5, 2.8.1). */
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_AVAIL = 1 << 7, DESC_USED = 1 << 15 };
/* Driver's and device's event suppression structures of a packed ring (2.8.10). */
enum { EVENT_OFF_WRAP = 0, EVENT_FLAGS = 2 };
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };

/* One descriptor: split {addr, len, flags, next}, packed {addr, len, id, flags}. */
struct ring_desc {
    u64 addr;
    u32 len;
    u16 a, b;
};

/* Index and flag words are read and written whole; false (and the device is broken) when the
 * driver put the ring where no RAM is. `at` is even: layouts were checked. */
bool ring_load(struct virtq *q, gpa_t at, u16 *out) MUST_CHECK;
bool ring_store(struct virtq *q, gpa_t at, u16 v) MUST_CHECK;
bool ring_desc_read(struct virtq *q, gpa_t at, struct ring_desc *out) MUST_CHECK;

/* Breaks the device; returns false. */
bool ring_error(struct virtq *q, const char *why);
/* Adds a descriptor's buffer to the chain; false: the device is broken. */
bool ring_chain_add(struct virtq *q, struct virtq_chain *chain, const struct ring_desc *d,
                    bool in) MUST_CHECK;
/* Copies an indirect table to v->table; its length in descriptors, 0: the device is broken. */
unsigned ring_table_read(struct virtq *q, const struct ring_desc *d) MUST_CHECK;

bool split_pop(struct virtq *q, struct virtq_chain *chain);
bool split_wait(struct virtq *q);
void split_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written);
void split_publish(struct virtq *q);
bool split_signal_wanted(struct virtq *q);

bool packed_pop(struct virtq *q, struct virtq_chain *chain);
void packed_unpop(struct virtq *q, unsigned count);
bool packed_wait(struct virtq *q);
void packed_push(struct virtq *q, const struct virtq_ticket *ticket, u32 written);
void packed_publish(struct virtq *q);
bool packed_signal_wanted(struct virtq *q);

#endif
