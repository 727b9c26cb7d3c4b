/*
 * helpers.h - C functions that arm64's semantics call, and what they may do.
 *
 * Each is an ir_helper: C code with declared effects. Arguments that are not named are
 * ignored.
 */
#ifndef ISA_ARM64_HELPERS_H
#define ISA_ARM64_HELPERS_H

#include "isa/arm64/state.h"

/* H(name, effects): arm_helper_NAME is arm_do_NAME()
 * crc32:       (checksum, value, bytes) → CRC-32 of value's low bytes put into the checksum
 * crc32c:      the same with Castagnoli's polynomial
 * counter:     () → CNTVCT_EL0
 * icache_sync: () what this PE has stored is what it fetches from here on */
#define ARM_HELPERS(H)                                                                             \
    H(crc32, 0)                                                                                    \
    H(crc32c, 0)                                                                                   \
    H(counter, IRH_COUNT)                                                                          \
    H(icache_sync, IRH_MEM | IRH_ENDS)

#define H(name, effects)                                                                           \
    extern const struct ir_helper arm_helper_##name;                                               \
    u64 arm_do_##name(struct vcpu *c, u64 a, u64 b, u64 d);
ARM_HELPERS(H)
#undef H

#endif
