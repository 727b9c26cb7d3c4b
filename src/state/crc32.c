/*
 * crc32.c - CRC-32, eight bytes a step ("slicing by 8"): guest memory goes through it.
 */
#include "state/crc32.h"
#include "base/bits.h"

void crc32_init(struct crc32 *c)
{
    for (u32 i = 0; i < 256; i++) {
        u32 v = i;

        for (int bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
        c->table[0][i] = v;
    }
    for (u32 i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++) {
            u32 v = c->table[k - 1][i];

            c->table[k][i] = v >> 8 ^ c->table[0][v & 0xff];
        }
}

u32 crc32_update(const struct crc32 *c, u32 crc, const void *data, u64 len)
{
    const u8 *p = data;

    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        u64 v = le64_get(p) ^ crc;

        crc = c->table[7][v & 0xff] ^ c->table[6][v >> 8 & 0xff] ^ c->table[5][v >> 16 & 0xff] ^
              c->table[4][v >> 24 & 0xff] ^ c->table[3][v >> 32 & 0xff] ^
              c->table[2][v >> 40 & 0xff] ^ c->table[1][v >> 48 & 0xff] ^ c->table[0][v >> 56];
    }
    for (; len; len--, p++)
        crc = crc >> 8 ^ c->table[0][(crc ^ *p) & 0xff];
    return ~crc;
}
