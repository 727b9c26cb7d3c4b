/*
 * pauth.h - pointer authentication codes: what the helpers that make them (do_pauth.c) and the code
 * that makes them in place (arm_pauth.sem.c) have in common (D8.10).
 */
#ifndef ISA_ARM64_PAUTH_H
#define ISA_ARM64_PAUTH_H

#include "isa/arm64/state.h"

/* arm_state.pauth: by helpers; pointers to code in place, which needs all keys enabled and no trap
 * to EL2; not at all, as no key is enabled; or IA is the one that is, and in place, as Linux has it
 * while it boots. The bits are those of block keys. */
enum {
    ARM_PAUTH_BY_HELPER,
    ARM_PAUTH_IN_PLACE,
    ARM_PAUTH_OFF,
    ARM_PAUTH_ONLY_IA = ARM_PAUTH_IN_PLACE | ARM_PAUTH_OFF
};

/* Two products of 128 bits, each folded to 64:
 * code = (fold((pointer ^ Lo) * (FIRST ^ Hi)) ^ modifier ^ Hi) * (SECOND ^ Lo), folded. */
#define ARM_PAUTH_FIRST  0x9e3779b97f4a7c15ull
#define ARM_PAUTH_SECOND 0xc2b2ae3d27d4eb4full

/* Which half of the address space a pointer is of, this bit says; it holds no code. */
enum { ARM_PAUTH_HALF_BIT = 55 };

/* The syndrome of a pointer that is not authentic: bit 1 by a key of data, bit 0 by a B key. */
static inline u64 arm_pauth_syndrome(unsigned key)
{
    _Static_assert(ARM_KEY_IA == 0 && ARM_KEY_IB == 1 && ARM_KEY_DA == 2 && ARM_KEY_DB == 3,
                   "the keys are numbered as the syndrome has them");
    return key;
}

/* Derives arm_state.pauth* after a change of level, SCTLR_ELx, TCR_ELx or HCR_EL2. */
void arm_pauth_update(struct vcpu *c);

#endif
