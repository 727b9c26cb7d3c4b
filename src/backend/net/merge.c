/*
 * merge.c - consecutive TCP segments for the guest become one, which the guest takes at the
 * price of one (receive side of the TCP offload, virtio 1.3, 5.1.6.4).
 *
 * A transfer of 64 MiB from libslirp is 46,000 frames without this and some 1,000 with it, each
 * an interrupt or a walk through the guest's network stack.
 */
#include "backend/net/offload.h"
#include "backend/net/packet.h"
#include <string.h>

/* IP packets say their length in 16 bits. */
enum { FRAME_LIMIT = PACKET_L3 + 65535 };

static bool find_tcp(struct net_merge *m, const u8 *f, size_t len, unsigned offloads)
{
    if (len < PACKET_L3 + PACKET_IPV4_SIZE + PACKET_TCP_SIZE || !(offloads & NET_TAKES_CSUM))
        return false;
    if (packet_is_ipv4(f)) { /* no options, no fragment, nothing behind the packet */
        m->l4 = PACKET_L3 + PACKET_IPV4_SIZE;
        return offloads & NET_TAKES_TSO4 && packet_ipv4_end(f) == (size_t)m->l4 &&
               f[PACKET_L3 + 9] == PACKET_PROTO_TCP &&
               !(packet_get16(f + PACKET_L3 + 6) & 0x3fff) &&
               packet_get16(f + PACKET_L3 + 2) == len - PACKET_L3;
    }
    m->l4 = PACKET_L3 + PACKET_IPV6_SIZE;
    return offloads & NET_TAKES_TSO6 && packet_is_ipv6(f) &&
           len >= (size_t)m->l4 + PACKET_TCP_SIZE && f[PACKET_L3 + 6] == PACKET_PROTO_TCP &&
           packet_get16(f + PACKET_L3 + 4) == len - m->l4;
}

void net_merge_begin(struct net_merge *m, const u8 *f, size_t len, unsigned offloads)
{
    *m = (struct net_merge){ .h.flags = offloads & NET_TAKES_CSUM ? NET_DATA_VALID : 0 };
    if (!find_tcp(m, f, len, offloads))
        return;
    m->data = (u8)(m->l4 + packet_tcp_size(f + m->l4));
    m->open = m->data >= m->l4 + PACKET_TCP_SIZE && m->data < len &&
              f[m->l4 + PACKET_TCP_FLAGS] == PACKET_ACK;
    m->h.gso_size = m->open ? (u16)(len - m->data) : 0;
}

/* Everything but lengths, checksums, identification, sequence number and PSH is the same. */
static bool same_stream(const struct net_merge *m, const u8 *a, const u8 *b)
{
    const u8 *t = a + m->l4, *u = b + m->l4;
    unsigned addresses = m->l4 == PACKET_L3 + PACKET_IPV4_SIZE ? 12 : 8;

    return memcmp(a, b, PACKET_L3 + 2) == 0 &&
           memcmp(a + PACKET_L3 + addresses, b + PACKET_L3 + addresses,
                  m->l4 - PACKET_L3 - addresses) == 0 &&
           memcmp(a + PACKET_L3 + 6, b + PACKET_L3 + 6, 4) == 0 && memcmp(t, u, 4) == 0 &&
           memcmp(t + PACKET_TCP_ACK, u + PACKET_TCP_ACK, 5) == 0 &&
           (u[PACKET_TCP_FLAGS] & ~PACKET_PSH) == PACKET_ACK &&
           memcmp(t + PACKET_TCP_WINDOW, u + PACKET_TCP_WINDOW, 2) == 0 &&
           memcmp(t + 18, u + 18, m->data - m->l4 - 18u) == 0;
}

bool net_merge_add(struct net_merge *m, u8 *frame, size_t *len, const u8 *next, size_t next_len)
{
    struct net_merge other;
    size_t more;

    if (!m->open)
        return false;
    if (!find_tcp(&other, next, next_len, NET_TAKES_CSUM | NET_TAKES_TSO4 | NET_TAKES_TSO6) ||
        other.l4 != m->l4 || next_len <= m->data || !same_stream(m, frame, next))
        return false;
    more = next_len - m->data;
    if (more > m->h.gso_size || more > FRAME_LIMIT - *len ||
        packet_tcp_seq(next + m->l4) != packet_tcp_seq(frame + m->l4) + (u32)(*len - m->data))
        return false;
    memcpy(frame + *len, next + m->data, more);
    *len += more;
    frame[m->l4 + PACKET_TCP_FLAGS] |= next[m->l4 + PACKET_TCP_FLAGS];
    /* A short one is the last: the guest, too, cuts segments of one size. */
    m->open = more == m->h.gso_size && !(next[m->l4 + PACKET_TCP_FLAGS] & PACKET_PSH);
    return true;
}

/* 5.1.6.4.1: with segments to be cut goes a partial checksum. A frame that nothing was put
 * behind stays as it came. */
void net_merge_end(struct net_merge *m, u8 *frame, size_t len)
{
    bool v6 = m->l4 == PACKET_L3 + PACKET_IPV6_SIZE;

    if (m->h.gso_size == 0 || len == (size_t)m->data + m->h.gso_size) {
        m->h.gso_size = 0;
        return;
    }
    m->h.flags = NET_NEEDS_CSUM;
    m->h.gso_type = v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
    m->h.hdr_len = m->data;
    m->h.csum_start = m->l4;
    m->h.csum_offset = PACKET_TCP_CHECKSUM;
    packet_lengths_put(frame, v6, len, 0);
    packet_sum_put(frame + m->l4 + PACKET_TCP_CHECKSUM, packet_tcp_pseudo(frame, m->l4, len, v6));
}
