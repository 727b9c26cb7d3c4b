/*
 * aplic.h - what aplic.c (registers) and aplic_domain.c (sources and delivery) share.
 */
#ifndef DEV_IRQCHIP_APLIC_H
#define DEV_IRQCHIP_APLIC_H

#include "base/bits.h"
#include "dev/core/device.h"

enum { DELEGATED = 0x400 };
enum { INACTIVE, DETACHED, EDGE1 = 4, EDGE0, LEVEL1, LEVEL0 };
enum { MACHINE, SUPERVISOR, DOMAINS };
enum { APLIC_SOURCES = 256, APLIC_WORDS = APLIC_SOURCES / 32, APLIC_MAX_HARTS = 64 };

/* Bits of domaincfg and target. */
#define DOMAINCFG_IE       0x00000100u
#define DOMAINCFG_DM       0x00000004u
#define TARGET_HART        0xfffc0000u
#define TARGET_PRIORITY    0x000000ffu
#define TARGET_EIID        0x000007ffu

#define APLIC_DOMAIN_STATE(F, A, N)                                                                \
    F(u32, domaincfg, ZERO, "IE and DM")                                                           \
    F(u32, genmsi, ZERO, "last extempore message")                                                 \
    A(u16, sourcecfg, APLIC_SOURCES, ZERO, "delegation or mode of each source")                    \
    A(u32, target, APLIC_SOURCES, ZERO, "hart and priority, or hart and identity")                 \
    A(u32, pending, APLIC_WORDS, ZERO, "interrupt-pending bits")                                   \
    A(u32, enabled, APLIC_WORDS, ZERO, "interrupt-enable bits")                                    \
    A(flag, idelivery, APLIC_MAX_HARTS, ZERO, "delivery to the hart is on")                        \
    A(flag, iforce, APLIC_MAX_HARTS, ZERO, "a spurious interrupt is forced")                       \
    A(u8, ithreshold, APLIC_MAX_HARTS, ZERO, "priorities from this one on do not interrupt")
STATE_STRUCT(aplic_domain, APLIC_DOMAIN_STATE);

#define APLIC_STATE(F, A, N)                                                                       \
    A(u32, level, APLIC_WORDS, KEEP, "input wires as driven")                                      \
    F(u32, mmsiaddrcfg, ZERO, "machine files: base page, low half")                                \
    F(u32, mmsiaddrcfgh, ZERO, "the rest of it, layout and lock")                                  \
    F(u32, smsiaddrcfg, ZERO, "supervisor files: base page, low half")                             \
    F(u32, smsiaddrcfgh, ZERO, "the rest of it, and shift")                                        \
    N(aplic_domain, domain, DOMAINS, "machine, supervisor")
STATE_STRUCT(aplic, APLIC_STATE);

struct aplic {
    struct device dev;
    struct aplic_state s;
    u64 sources;           /* the highest source number */
    bool machine;          /* there is a machine domain above the supervisor domain */
    u64 msi_base[DOMAINS]; /* hardwired addresses of the harts' files; 0: by software */
    unsigned harts;
};

/* The board has IMSICs, at addresses that it told. */
static inline bool aplic_hardwired(const struct aplic *a)
{
    return a->msi_base[MACHINE] || a->msi_base[SUPERVISOR];
}

static inline bool aplic_bit(const u32 *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}

static inline void aplic_bit_put(u32 *words, unsigned n, bool on)
{
    words[n / 32] = (words[n / 32] & ~(1u << n % 32)) | (u32)on << n % 32;
}

static inline bool aplic_by_msi(const struct aplic_domain_state *dom)
{
    return dom->domaincfg & DOMAINCFG_DM;
}

static inline bool aplic_is_source(const struct aplic *a, u64 n)
{
    return n >= 1 && n <= a->sources;
}

/* The mode in which source n is active in the domain. */
static inline unsigned aplic_mode(const struct aplic_domain_state *dom, unsigned n)
{
    return dom->sourcecfg[n] & DELEGATED ? INACTIVE : dom->sourcecfg[n];
}

/* The wire as the domain's source mode reads it ("rectified input value"). */
bool aplic_input(const struct aplic *a, const struct aplic_domain_state *dom, unsigned n);

/* Priority and number of what interrupts the hart first, as topi shows them; 0: nothing. */
u32 aplic_topi(const struct aplic *a, const struct aplic_domain_state *dom, unsigned hart);

/* Where the hart's interrupt file is ("Addresses and data for outgoing MSIs"). */
gpa_t aplic_msi_address(const struct aplic *a, unsigned which, u64 hart);

/* A write's try to set or clear a pending bit; nothing is delivered yet. */
void aplic_pending_put(struct aplic *a, struct aplic_domain_state *dom, u64 source, bool on);

/* Writes of these registers, with delivery of what follows. */
void aplic_sourcecfg_write(struct aplic *a, unsigned which, unsigned n, u32 v);
void aplic_target_write(struct aplic *a, unsigned which, unsigned n, u32 v);
void aplic_domaincfg_write(struct aplic *a, unsigned which, u32 v);

/* Sends the domain's messages and sets its lines, of one hart or of all. */
void aplic_deliver(struct aplic *a, unsigned which);
void aplic_update_hart(struct aplic *a, unsigned which, unsigned hart);

void aplic_irq_in(struct device *d, unsigned n, bool level);
void aplic_update(struct device *d);

#endif
