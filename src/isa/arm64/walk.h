/*
 * walk.h - translation regimes and their tables: what mmu.c, walk.c and stage2.c share.
 */
#ifndef ISA_ARM64_WALK_H
#define ISA_ARM64_WALK_H

#include "isa/arm64/mmu.h"

/* Descriptors that both stages have (D8.3). */
#define ARM_DESC_VALID  (1ull << 0)
#define ARM_DESC_TABLE  (1ull << 1) /* or page, at level 3 */
#define ARM_DESC_AF     (1ull << 10)
#define ARM_DESC_DBM    (1ull << 51)
#define ARM_DESC_CONTIG (1ull << 52)
enum { ARM_DESC_BYTES = 8, ARM_LAST_LEVEL = 3 };
/* Bits of addresses, and with granules of 64 KiB where there is FEAT_LPA, or FEAT_LVA */
enum { ARM_ADDRESS_BITS = 48, ARM_LARGE_BITS = 52 };
enum { ARM_GRAIN_4K = 12, ARM_GRAIN_16K = 14, ARM_GRAIN_64K = 16 };

/* A regime's stage 1 as a bank sees it. */
struct arm_regime {
    u64 sctlr, mair, ttbr[2];
    u64 tcr;     /* with the fields of TCR_EL1, whatever register it is */
    bool on;     /* there is translation */
    bool el0;    /* accesses are EL0's */
    bool pan;    /* and PAN keeps those of its kernel from pages of EL0 */
    bool single; /* one range of addresses, and no EL0 */
    bool stage2; /* what comes out is translated again */
};

void arm_regime_get(const struct arm_state *s, unsigned bank, struct arm_regime *r);

/* The one that the present level goes by. */
void arm_regime_current(const struct arm_state *s, struct arm_regime *r);

/* An address without its tag, as one of data. */
gva_t arm_regime_untagged(const struct arm_regime *r, gva_t va);

/* Is it of the half that TTBR1 is for, and does the half's TCR ignore the top byte (EffectiveTBI())
 * of data, or of instructions? */
bool arm_regime_is_upper(const struct arm_regime *r, gva_t va);
bool arm_regime_ignores_top(const struct arm_regime *r, bool upper, bool data);

/* A fault status code with its level, or this. */
enum { ARM_WALK_OK = -1 };

/* One translation: what is asked, and of a fault more than its status. */
struct arm_walk {
    struct vcpu *c;
    struct arm_regime r;
    gva_t va;
    enum isa_access access;
    bool stage1_only;
    bool look; /* stage 1's entries stay as they are */
    /* Of a fault: */
    bool by_stage2, s1ptw; /* stage 2 raised it; for a table of stage 1 */
    gpa_t ipa;
};

/* walk.c */
int arm_walk(struct arm_walk *w, struct isa_xlate *out);

/* log2 of the granule of a half's tables. */
unsigned arm_regime_grain(const struct arm_regime *r, bool upper);

/* Bits that addresses can have with the granule. */
unsigned arm_address_bits(const struct vcpu *c, unsigned grain);
/* Bits of an output address that a field like TCR_EL1.IPS allows. */
unsigned arm_output_bits(const struct vcpu *c, u64 field, unsigned grain);
/* The address in a descriptor or TTBR, but for its lowest bits; `high` is where bits 51:48 are if
 * there may be so many. */
enum { ARM_DESC_HIGH = 12, ARM_TTBR_HIGH = 2 };
gpa_t arm_output_address(u64 word, unsigned output_bits, unsigned high);
/* Where a TTBR's table of 1 << bits entries begins. */
gpa_t arm_first_table(u64 ttbr, unsigned output_bits, unsigned bits);
/* log2 of what one entry of a level maps; of a leaf with its contiguous neighbours. */
unsigned arm_level_shift(unsigned grain, unsigned level);
unsigned arm_leaf_bits(unsigned grain, unsigned level, u64 desc);
/* Blocks: of 1 GiB and 2 MiB with 4 KiB granules, 32 MiB with 16, 512 MiB and, where addresses are
 * large, 4 TiB with 64. */
bool arm_block_exists(const struct vcpu *c, unsigned grain, unsigned level);

/* stage2.c: what an address of stage 1 is by stage 2. */
struct arm_stage2 {
    gpa_t pa;
    u8 perm;     /* bit per enum isa_access, without writes while hardware keeps it clean */
    bool device; /* memory of that type */
    u8 level;    /* of the leaf */
    u8 attr;     /* descriptor's bits 5:2 */
};
int arm_stage2(struct vcpu *c, gpa_t ipa, enum isa_access access, bool el0, struct arm_stage2 *out);

#endif
