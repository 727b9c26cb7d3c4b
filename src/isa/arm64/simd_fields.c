/*
 * simd_fields.c - immediates that the decoder derives for instructions of V registers.
 */
#include "isa/arm64/simd_fields.h"

/* --- loads and stores --- */

s64 arm_imm_offset_q(u32 w)
{
    return (s64)bits_get(w, 10, 12) * 16;
}

s64 arm_imm_pair_v(u32 w)
{
    return bits_sext(bits_get(w, 15, 7), 7) * (4 << bits_get(w, 30, 2));
}

s64 arm_imm_index_v(u32 w)
{
    return bits_get(w, 12, 1) ? (s64)bits_get(w, 30, 2) : 0;
}

s64 arm_imm_index_q(u32 w)
{
    return bits_get(w, 12, 1) ? 4 : 0;
}

/* Q:S:size as bytes: what is below an element's size is 0. */
s64 arm_imm_lane(u32 w)
{
    u64 place = bits_get(w, 30, 1) << 3 | bits_get(w, 10, 3);

    switch (bits_get(w, 14, 2)) {
    case 0: return (s64)place;
    case 1: return (s64)(place & ~1ull);
    default: return (s64)(bits_get(w, 10, 1) ? place & 8 : place & 12);
    }
}

/* --- elements --- */

/* imm5: the lowest bit says how wide elements are, the bits above it are the number. */
s64 arm_imm_copy_to(u32 w)
{
    unsigned imm5 = (unsigned)bits_get(w, 16, 5);

    return (s64)(imm5 & (imm5 - 1)) >> 1;
}

s64 arm_imm_copy_from(u32 w)
{
    unsigned imm5 = (unsigned)bits_get(w, 16, 5);

    return (s64)(bits_get(w, 11, 4) & ~((u64)(imm5 & -imm5) - 1));
}

s64 arm_imm_by_elem(u32 w)
{
    unsigned h = (unsigned)bits_get(w, 11, 1), l = (unsigned)bits_get(w, 21, 1);
    unsigned m = (unsigned)bits_get(w, 20, 1), size = (unsigned)bits_get(w, 22, 2);

    return size == 3 ? h * 8 : size == 2 ? h * 8 + l * 4 : h * 8 + l * 4 + m * 2;
}

s64 arm_imm_dot(u32 w)
{
    return (s64)(bits_get(w, 11, 1) * 8 + bits_get(w, 21, 1) * 4);
}

s64 arm_imm_half_elem(u32 w)
{
    return arm_imm_dot(w) + (s64)bits_get(w, 20, 1) * 2;
}

/* Pairs of halves by H and L, of singles by H. */
s64 arm_imm_complex(u32 w)
{
    return bits_get(w, 22, 2) == 1 ? arm_imm_dot(w) : (s64)bits_get(w, 11, 1) * 8;
}

s64 arm_imm_sm3(u32 w)
{
    return (s64)bits_get(w, 12, 2) * 4;
}

s64 arm_imm_ext(u32 w)
{
    return (s64)bits_get(w, 11, 4);
}

/* immh:immb is the width and the amount, or twice the width less the amount. */
static unsigned width(u32 w)
{
    unsigned immh = (unsigned)bits_get(w, 19, 4);

    return immh >= 8 ? 64 : immh >= 4 ? 32 : immh >= 2 ? 16 : 8;
}

s64 arm_imm_shift_left(u32 w)
{
    return (s64)bits_get(w, 16, 7) - width(w);
}

/* SHLL shifts by all of the narrow element. */
s64 arm_imm_shll(u32 w)
{
    return 8 << bits_get(w, 22, 2);
}

s64 arm_imm_shift_right1(u32 w)
{
    return 2 * (s64)width(w) - (s64)bits_get(w, 16, 7) - 1;
}

/* --- immediates --- */

/* VFPExpandImm() (J1.3): sign, an exponent of three bits, four bits of fraction. */
u64 arm_fp_immediate(unsigned imm8, unsigned bits)
{
    unsigned exponent = bits == 16 ? 5 : bits == 32 ? 8 : 11, fraction = bits - exponent - 1;
    u64 sign = imm8 >> 7 & 1, top = imm8 >> 6 & 1;
    u64 e =
        (top ^ 1) << (exponent - 1) | (top ? bits_mask(exponent - 3) << 2 : 0) | (imm8 >> 4 & 3);

    return sign << (bits - 1) | e << fraction | (u64)(imm8 & 15) << (fraction - 4);
}

s64 arm_imm_fp(u32 w)
{
    unsigned type = (unsigned)bits_get(w, 22, 2);

    return (s64)arm_fp_immediate((unsigned)bits_get(w, 13, 8), type == 0   ? 32
                                                               : type == 1 ? 64
                                                                           : 16);
}

s64 arm_imm_fbits(u32 w)
{
    return 64 - (s64)bits_get(w, 10, 6);
}

static u64 repeat(u64 v, unsigned bits)
{
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return v;
}

static unsigned imm8_of(u32 w)
{
    return (unsigned)(bits_get(w, 16, 3) << 5 | bits_get(w, 5, 5));
}

static u64 byte_for_bit(unsigned imm8)
{
    u64 v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= imm8 >> i & 1 ? 0xffull << 8 * i : 0;
    return v;
}

static u64 fp_modified(u32 w)
{
    bool half = bits_get(w, 11, 1), is_double = bits_get(w, 29, 1);
    unsigned bits = half ? 16 : is_double ? 64 : 32;

    return repeat(arm_fp_immediate(imm8_of(w), bits), bits);
}

/* AdvSIMDExpandImm() (J1.3), inverted for MVNI alone. */
s64 arm_imm_modified(u32 w)
{
    unsigned cmode = (unsigned)bits_get(w, 12, 4), imm8 = imm8_of(w);
    bool op = bits_get(w, 29, 1), inverted = op && cmode < 14 && (!(cmode & 1) || cmode >= 12);
    u64 v;

    switch (cmode >> 1) {
    case 4:
    case 5: v = repeat((u64)imm8 << 8 * (cmode >> 1 & 1), 16); break;
    case 6: v = repeat(cmode & 1 ? (u64)imm8 << 16 | 0xffff : (u64)imm8 << 8 | 0xff, 32); break;
    case 7: v = cmode & 1 ? fp_modified(w) : op ? byte_for_bit(imm8) : repeat(imm8, 8); break;
    default: v = repeat((u64)imm8 << 8 * (cmode >> 1), 32); break;
    }
    return (s64)(inverted ? ~v : v);
}
