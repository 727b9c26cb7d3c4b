/*
 * walk.h - translation regimes and their tables: what mmu.c, walk.c, stage2.c and format.c share.
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
/* Bits of addresses, and of large ones (format.c). */
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

/* format.c: a stage's tables. */
struct arm_format {
    u8 grain;        /* log2 of the granule */
    bool ds;         /* FEAT_LPA2: bits 9:8 of descriptors are 51:50 of the address */
    u8 address_bits; /* that input addresses can have */
    u8 output_bits;  /* of output addresses, as a field like TCR_EL1.IPS allows */
};

/* ds: the bit of that name in the TCR; ps: the field of the size of output addresses. */
void arm_format_get(struct arm_format *f, const struct vcpu *c, unsigned grain, bool ds, u64 ps);
/* Those of a half of a regime. */
void arm_regime_format(struct arm_format *f, const struct vcpu *c, const struct arm_regime *r,
                       bool upper);

/* The address in a descriptor, and in a TTBR with a table of 1 << bits entries. */
gpa_t arm_format_address(const struct arm_format *f, u64 desc);
gpa_t arm_format_root(const struct arm_format *f, u64 ttbr, unsigned bits);
/* Can a descriptor of this level be a block? */
bool arm_block_exists(const struct arm_format *f, int level);
/* log2 of what one entry of a level (from -1) maps; of a leaf with its contiguous neighbours. */
unsigned arm_level_shift(unsigned grain, int level);
unsigned arm_leaf_bits(unsigned grain, int level, u64 desc);
/* A fault status code of a level: ARM_FSC_*, one that has levels. */
int arm_level_fault(unsigned fsc, int level);

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
