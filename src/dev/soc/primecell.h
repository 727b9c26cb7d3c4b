/*
 * primecell.h - the identity at the end of an Arm PrimeCell's 4 KiB of registers, by which the
 * AMBA bus of a guest finds its driver: part number, designer (Arm) and revision, and the cell's
 * own number, a byte in each word.
 */
#ifndef DEV_SOC_PRIMECELL_H
#define DEV_SOC_PRIMECELL_H

#include "base/types.h"

enum { PRIMECELL_ID = 0xfe0, PRIMECELL_SIZE = 0x1000 };

static inline u32 primecell_id(unsigned part, unsigned revision, u64 off)
{
    const u8 id[] = { (u8)part, 0x10, (u8)(revision << 4 | 4), 0, 0x0d, 0xf0, 0x05, 0xb1 };

    return id[(off - PRIMECELL_ID) / 4 % ARRAY_SIZE(id)];
}

#endif
