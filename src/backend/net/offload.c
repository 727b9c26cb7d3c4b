/*
 * offload.c - checksums and TCP segmentation in software (virtio 1.3, 5.1.6.2; RFC 1071).
 */
#include "backend/net/offload.h"
#include "backend/net/packet.h"
#include <string.h>

size_t net_frame_gather(const struct iovec *iov, unsigned iov_count, u8 *out)
{
    size_t len = 0;

    for (unsigned i = 0; i < iov_count; i++) {
        if (iov[i].iov_len > NET_FRAME_MAX - len)
            return 0;
        memcpy(out + len, iov[i].iov_base, iov[i].iov_len);
        len += iov[i].iov_len;
    }
    return len < NET_ETHER_SIZE ? 0 : len;
}

bool net_checksum_fill(u8 *frame, size_t len, const struct net_header *h)
{
    size_t at = (size_t)h->csum_start + h->csum_offset;

    if (h->csum_start >= len || len - h->csum_start < 2 || at > len - 2)
        return false;
    /* The field holds the sum of the pseudo header, and so is summed with the rest. A sum of
     * 0 is sent as its other form: for UDP 0 means that there is none. */
    packet_checksum_put(frame + at, packet_sum(frame + h->csum_start, len - h->csum_start, 0));
    return true;
}

/* Of a segment's payload. A guest that asks for 65,000 segments of a byte each would keep its
 * back end busy for long; no TCP sends so little when it has more to send. */
enum { STEP_MIN = 32 };

/* A TCP frame that is to be cut. */
struct cut {
    const u8 *frame;
    size_t l4, data; /* where the TCP header and the payload begin */
    bool v6;
};

/* The header says TCP over IP: does the frame, too? */
static bool cut_valid(struct cut *c, size_t len, const struct net_header *h)
{
    unsigned type = h->gso_type & ~(unsigned)NET_GSO_ECN;

    c->v6 = type == NET_GSO_TCPV6;
    c->l4 = h->csum_start;
    if ((!c->v6 && type != NET_GSO_TCPV4) || !(h->flags & NET_NEEDS_CSUM) ||
        h->gso_size < STEP_MIN || c->l4 > len || len - c->l4 < PACKET_TCP_SIZE)
        return false;
    c->data = c->l4 + packet_tcp_size(c->frame + c->l4);
    if (c->data < c->l4 + PACKET_TCP_SIZE || c->data > len)
        return false;
    return c->v6 ? packet_is_ipv6(c->frame) && c->l4 >= PACKET_L3 + PACKET_IPV6_SIZE
                 : packet_is_ipv4(c->frame) && packet_ipv4_end(c->frame) == c->l4 &&
                       c->l4 >= PACKET_L3 + PACKET_IPV4_SIZE;
}

/* Headers of one segment, which begins `off` bytes into the payload and is the n-th. */
static void head_put(const struct cut *c, u8 *to, u32 off, size_t len, u16 n, bool last)
{
    u8 *tcp = to + c->l4;

    packet_tcp_seq_put(tcp, packet_tcp_seq(tcp) + off);
    if (!last)
        tcp[PACKET_TCP_FLAGS] &= (u8) ~(PACKET_FIN | PACKET_PSH);
    if (n > 0)
        tcp[PACKET_TCP_FLAGS] &= (u8)~PACKET_CWR; /* RFC 3168, 6.1.2: once */
    packet_lengths_put(to, c->v6, len, n);
    packet_tcp_checksum_put(to, c->l4, len, c->v6);
}

/* In place: a segment's headers are written over the end of the one before, which has left. */
bool net_offload_undo(u8 *frame, size_t len, const struct net_header *h, unsigned whole,
                      size_t frame_max, void (*emit)(void *arg, u8 *frame, size_t len), void *arg)
{
    struct cut c = { .frame = frame };
    u8 head[PACKET_HEAD_MAX];
    size_t step, total;
    u16 n = 0;

    if (h->gso_type == NET_GSO_NONE) {
        if (h->flags & NET_NEEDS_CSUM && !net_checksum_fill(frame, len, h))
            return false;
        emit(arg, frame, len);
        return true;
    }
    if (!cut_valid(&c, len, h) || c.data > sizeof head || c.data >= frame_max)
        return false;
    step = whole & (c.v6 ? NET_TAKES_TSO6 : NET_TAKES_TSO4) ? frame_max - c.data : h->gso_size;
    if (step > frame_max - c.data)
        return false;
    memcpy(head, frame, c.data);
    total = len - c.data;
    for (size_t off = 0; off < total || n == 0; off += step, n++) {
        size_t part = total - off < step ? total - off : step;
        u8 *to = frame + off;

        memcpy(to, head, c.data);
        head_put(&c, to, (u32)off, c.data + part, n, off + part == total);
        emit(arg, to, c.data + part);
    }
    return true;
}
