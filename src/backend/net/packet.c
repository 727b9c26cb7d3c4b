/*
 * packet.c - see packet.h.
 */
#include "backend/net/packet.h"
#include <string.h>

/* Words are summed in memory order: the fold is the same in either (RFC 1071, 2 B), and four
 * 16-bit lanes at a time keep carries out of the way. */
u64 packet_sum(const u8 *p, size_t len, u64 sum)
{
    u64 low = 0, high = 0;
    u8 tail[8] = { 0 };

    for (; len >= 8; p += 8, len -= 8) {
        u64 v;

        memcpy(&v, p, 8);
        low += v & 0xffffffff;
        high += v >> 32;
    }
    if (len) {
        u64 v;

        memcpy(tail, p, len);
        memcpy(&v, tail, 8);
        low += v & 0xffffffff;
        high += v >> 32;
    }
    /* Folded a little, so that sums can be added to sums. */
    low = (low & 0xffffffff) + (low >> 32);
    high = (high & 0xffffffff) + (high >> 32);
    return sum + low + high;
}

static u16 fold(u64 sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (u16)sum;
}

void packet_sum_put(u8 *p, u64 sum)
{
    u16 v = fold(sum);

    memcpy(p, &v, 2);
}

void packet_checksum_put(u8 *p, u64 sum)
{
    u16 v = (u16)~fold(sum);

    if (v == 0)
        v = 0xffff;
    memcpy(p, &v, 2);
}

u64 packet_tcp_pseudo(const u8 *frame, size_t l4, size_t len, bool v6)
{
    const u8 *addresses = frame + PACKET_L3 + (v6 ? 8 : 12);
    u8 rest[8] = { 0 };

    packet_put32(rest, (u32)(len - l4));
    rest[7] = PACKET_PROTO_TCP;
    return packet_sum(rest, sizeof rest, packet_sum(addresses, v6 ? 32 : 8, 0));
}

void packet_tcp_checksum_put(u8 *frame, size_t l4, size_t len, bool v6)
{
    u8 *at = frame + l4 + PACKET_TCP_CHECKSUM;

    packet_put16(at, 0);
    packet_checksum_put(at,
                        packet_sum(frame + l4, len - l4, packet_tcp_pseudo(frame, l4, len, v6)));
}

void packet_lengths_put(u8 *frame, bool v6, size_t len, u16 more)
{
    u8 *ip = frame + PACKET_L3;

    if (v6) {
        packet_put16(ip + 4, (u32)(len - PACKET_L3 - PACKET_IPV6_SIZE));
        return;
    }
    packet_put16(ip + 2, (u32)(len - PACKET_L3));
    packet_put16(ip + 4, packet_get16(ip + 4) + more);
    packet_put16(ip + 10, 0);
    packet_checksum_put(ip + 10, packet_sum(ip, packet_ipv4_end(frame) - PACKET_L3, 0));
}
