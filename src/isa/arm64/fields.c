/*
 * fields.c - immediates that arm64's decoder derives from more than one field.
 */
#include "isa/arm64/fields.h"

static bool is_64(u32 w)
{
    return w >> 31;
}

s64 arm_imm_addsub(u32 w)
{
    return (s64)bits_get(w, 10, 12) << (bits_get(w, 22, 1) ? 12 : 0);
}

/* DecodeBitMasks() (J1.3): an element of 2 to 64 bits with a rotated run of ones, repeated. */
s64 arm_imm_logical(u32 w)
{
    unsigned imms = (unsigned)bits_get(w, 10, 6), immr = (unsigned)bits_get(w, 16, 6);
    unsigned size = 64;
    u64 ones;

    if (!bits_get(w, 22, 1))
        for (size = 32; size > 2 && (imms & size); size /= 2)
            ;
    imms &= size - 1;
    immr &= size - 1;
    ones = bits_mask(imms + 1);
    if (immr)
        ones = (ones >> immr | ones << (size - immr)) & bits_mask(size);
    for (; size < 64; size *= 2)
        ones |= ones << size;
    return (s64)(is_64(w) ? ones : (u32)ones);
}

s64 arm_imm_movz(u32 w)
{
    return (s64)(bits_get(w, 5, 16) << 16 * bits_get(w, 21, 2));
}

s64 arm_imm_movn(u32 w)
{
    u64 v = ~(u64)arm_imm_movz(w);

    return (s64)(is_64(w) ? v : (u32)v);
}

s64 arm_imm_offset12(u32 w)
{
    return (s64)(bits_get(w, 10, 12) << bits_get(w, 30, 2));
}

/* Words where opc<1> is 0, else doublewords. */
s64 arm_imm_offset7(u32 w)
{
    return bits_sext(bits_get(w, 15, 7), 7) * (is_64(w) ? 8 : 4);
}

s64 arm_imm_index(u32 w)
{
    return bits_get(w, 12, 1) ? (s64)bits_get(w, 30, 2) : 0;
}

s64 arm_imm_field_left(u32 w)
{
    return (is_64(w) ? 63 : 31) - (s64)bits_get(w, 10, 6);
}

s64 arm_imm_field_right(u32 w)
{
    return ((s64)bits_get(w, 16, 6) - (s64)bits_get(w, 10, 6) - 1) & (is_64(w) ? 63 : 31);
}

s64 arm_imm_field_mask(u32 w)
{
    unsigned size = is_64(w) ? 64 : 32;
    unsigned immr = (unsigned)bits_get(w, 16, 6), imms = (unsigned)bits_get(w, 10, 6);

    if (imms >= immr)
        return (s64)bits_mask(imms - immr + 1);
    return (s64)(bits_mask(imms + 1) << (size - immr));
}

s64 arm_imm_extr_left(u32 w)
{
    return (is_64(w) ? 63 : 31) - (s64)bits_get(w, 10, 6);
}
