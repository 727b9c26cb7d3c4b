/*
 * format.c - VMSAv8-64 tables as both stages have them: granules of 4, 16 and 64 KiB, descriptors
 * for addresses of 48 bits and of 52 (D8.2, D8.3).
 *
 * 52 bits come in two ways. With granules of 64 KiB bits 51:48 are where the granule leaves room
 * (FEAT_LPA, FEAT_LVA). With the others bits 51:50 are where else the shareability is, which is the
 * TCR's to say then, if the DS bit there asks for it (FEAT_LPA2). A CPU of 52 bits has all of
 * these.
 */
#include "isa/arm64/walk.h"

#include "base/bits.h"
#include "isa/arm64/model.h"

enum { DESC_HIGH_64K = 12, DESC_HIGH_DS = 8, TTBR_HIGH = 2, DS_ADDRESS_BITS = 50 };

static unsigned output_bits(const struct arm_format *f, unsigned pa_bits, u64 ps)
{
    static const u8 bits[8] = { 32, 36, 40, 42, 44, 48, 52, 52 };
    unsigned most = f->address_bits < pa_bits ? f->address_bits : pa_bits;

    return bits[ps & 7] < most ? bits[ps & 7] : most;
}

void arm_format_get(struct arm_format *f, const struct vcpu *c, unsigned grain, bool ds, u64 ps)
{
    unsigned pa_bits = arm_model(c)->pa_bits;
    bool large = pa_bits == ARM_LARGE_BITS;

    f->grain = (u8)grain;
    f->ds = large && ds && grain != ARM_GRAIN_64K;
    f->address_bits =
        f->ds || (large && grain == ARM_GRAIN_64K) ? ARM_LARGE_BITS : ARM_ADDRESS_BITS;
    f->output_bits = (u8)output_bits(f, pa_bits, ps);
}

gpa_t arm_format_address(const struct arm_format *f, u64 desc)
{
    gpa_t at = desc & bits_mask(ARM_ADDRESS_BITS) & ~bits_mask(f->grain);

    if (f->ds)
        return at | (desc & (bits_mask(DS_ADDRESS_BITS) ^ bits_mask(ARM_ADDRESS_BITS))) |
               bits_get(desc, DESC_HIGH_DS, 2) << DS_ADDRESS_BITS;
    if (f->output_bits > ARM_ADDRESS_BITS)
        at |= bits_get(desc, DESC_HIGH_64K, 4) << ARM_ADDRESS_BITS;
    return at;
}

/* Where addresses are large a TTBR has bits 51:48 in 5:2, so that there is no table of less than 64
 * bytes; with DS in all cases, whatever size of output addresses is asked for. */
gpa_t arm_format_root(const struct arm_format *f, u64 ttbr, unsigned bits)
{
    bool large = f->ds || f->output_bits > ARM_ADDRESS_BITS;
    u64 size = (u64)ARM_DESC_BYTES << bits, least = large ? 64 : 1;
    gpa_t at = ttbr & bits_mask(ARM_ADDRESS_BITS);

    if (large)
        at |= bits_get(ttbr, TTBR_HIGH, 4) << ARM_ADDRESS_BITS;
    return bits_align_down(at, size < least ? least : size);
}

/* Of 2 MiB, 1 GiB and, where addresses are large, 512 GiB with granules of 4 KiB; of 32 MiB and 64
 * GiB with 16; of 512 MiB and 4 TiB with 64. */
bool arm_block_exists(const struct arm_format *f, int level)
{
    int largest = f->grain == ARM_GRAIN_4K ? 1 : 2;

    if (f->address_bits == ARM_LARGE_BITS)
        largest--;
    return level >= largest && level < ARM_LAST_LEVEL;
}

unsigned arm_level_shift(unsigned grain, int level)
{
    return grain + (grain - 3) * (unsigned)(ARM_LAST_LEVEL - level);
}

/* 16 neighbours of a 4 KiB granule may be one, 128 or 32 of others. The largest blocks, which are
 * there where addresses are large, have none. */
unsigned arm_leaf_bits(unsigned grain, int level, u64 desc)
{
    unsigned shift = arm_level_shift(grain, level);

    if (!(desc & ARM_DESC_CONTIG) || level < (grain == ARM_GRAIN_4K ? 1 : 2))
        return shift;
    if (grain == ARM_GRAIN_4K)
        return shift + 4;
    if (grain == ARM_GRAIN_16K)
        return shift + (level == ARM_LAST_LEVEL ? 7 : 5);
    return shift + 5;
}

/* Status codes of level -1 are apart from those of others. */
int arm_level_fault(unsigned fsc, int level)
{
    if (level >= 0 || fsc == ARM_FSC_WALK_EXTERNAL)
        return (int)fsc + level;
    return fsc == ARM_FSC_TRANSLATION ? ARM_FSC_TRANSLATION_M1 : ARM_FSC_ADDRESS_SIZE_M1;
}
