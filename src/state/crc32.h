/*
 * crc32.h - the checksum of state files: CRC-32 as in IEEE 802.3 (reflected 0xedb88320).
 */
#ifndef STATE_CRC32_H
#define STATE_CRC32_H

#include "base/types.h"

/* Lookup tables for eight bytes at a time; the user's storage, so nothing is global. */
struct crc32 {
    u32 table[8][256];
};

void crc32_init(struct crc32 *c);

/* Continues checksum `crc` (0 at first) over len bytes. */
u32 crc32_update(const struct crc32 *c, u32 crc, const void *data, u64 len);

#endif
