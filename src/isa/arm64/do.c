/*
 * do.c - what arm64's helpers do.
 */
#include "isa/arm64/helpers.h"

enum { CRC_BITS = 8 };

/* One byte a round; reflected polynomials, as the instructions have them (C6.2.84, C6.2.85). */
static u32 crc(u32 polynomial, u32 checksum, u64 value, unsigned bytes)
{
    for (; bytes--; value >>= CRC_BITS) {
        checksum ^= (u8)value;
        for (unsigned i = 0; i < CRC_BITS; i++)
            checksum = checksum >> 1 ^ (polynomial & (0 - (checksum & 1)));
    }
    return checksum;
}

u64 arm_do_crc32(struct vcpu *c, u64 a, u64 b, u64 d)
{
    return crc(0xedb88320, (u32)a, b, (unsigned)d);
}

u64 arm_do_crc32c(struct vcpu *c, u64 a, u64 b, u64 d)
{
    return crc(0x82f63b78, (u32)a, b, (unsigned)d);
}

u64 arm_do_icache_sync(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->icache_sync(c);
    return 0;
}
