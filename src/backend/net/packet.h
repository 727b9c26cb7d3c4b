/*
 * packet.h - Ethernet, IPv4 (RFC 791), IPv6 (RFC 8200) and TCP (RFC 9293) headers in a frame
 * without VLAN tags; only for backend/net. Places are offsets in the frame.
 */
#ifndef BACKEND_NET_PACKET_H
#define BACKEND_NET_PACKET_H

#include "base/types.h"

enum {
    PACKET_TYPE = 12, /* of an Ethernet frame */
    PACKET_L3 = 14,
    PACKET_IPV4_SIZE = 20,
    PACKET_IPV6_SIZE = 40,
    PACKET_TCP_SIZE = 20,  /* without options */
    PACKET_HEAD_MAX = 256, /* we cut no frame with longer headers */
    PACKET_PROTO_TCP = 6,
    PACKET_TCP_ACK = 8, /* in a TCP header, and the following */
    PACKET_TCP_FLAGS = 13,
    PACKET_TCP_WINDOW = 14,
    PACKET_TCP_CHECKSUM = 16,
};
enum { PACKET_FIN = 1, PACKET_PSH = 8, PACKET_ACK = 16, PACKET_CWR = 128 };

static inline u32 packet_get16(const u8 *p)
{
    return (u32)(p[0] << 8 | p[1]);
}

static inline void packet_put16(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}

static inline u32 packet_get32(const u8 *p)
{
    return packet_get16(p) << 16 | packet_get16(p + 2);
}

static inline void packet_put32(u8 *p, u32 v)
{
    packet_put16(p, v >> 16);
    packet_put16(p + 2, v & 0xffff);
}

/* The frame has an Ethernet header and one byte after it. */
static inline bool packet_is_ipv4(const u8 *frame)
{
    return packet_get16(frame + PACKET_TYPE) == 0x0800 && frame[PACKET_L3] >> 4 == 4;
}

static inline bool packet_is_ipv6(const u8 *frame)
{
    return packet_get16(frame + PACKET_TYPE) == 0x86dd && frame[PACKET_L3] >> 4 == 6;
}

/* Where an IPv4 header ends, by its own word. */
static inline size_t packet_ipv4_end(const u8 *frame)
{
    return PACKET_L3 + (frame[PACKET_L3] & 15) * 4u;
}

static inline size_t packet_tcp_size(const u8 *tcp)
{
    return (tcp[12] >> 4) * 4u;
}

static inline u32 packet_tcp_seq(const u8 *tcp)
{
    return packet_get32(tcp + 4);
}

static inline void packet_tcp_seq_put(u8 *tcp, u32 seq)
{
    packet_put32(tcp + 4, seq);
}

/* The one's complement sum of len bytes (RFC 1071) on top of `sum`, which is of an even number
 * of bytes; not folded to 16 bits, in no particular byte order. */
u64 packet_sum(const u8 *p, size_t len, u64 sum);
/* The folded sum as 16 bits in memory order, and its complement, never 0, at p. */
void packet_sum_put(u8 *p, u64 sum);
void packet_checksum_put(u8 *p, u64 sum);
/* Sum of the pseudo header of the TCP segment from l4 to the end of a frame of `len` bytes. */
u64 packet_tcp_pseudo(const u8 *frame, size_t l4, size_t len, bool v6);
/* The TCP checksum of a frame of `len` bytes. */
void packet_tcp_checksum_put(u8 *frame, size_t l4, size_t len, bool v6);
/* IP's length for a frame of `len` bytes; IPv4: identification raised by `more`, checksum. */
void packet_lengths_put(u8 *frame, bool v6, size_t len, u16 more);

#endif
