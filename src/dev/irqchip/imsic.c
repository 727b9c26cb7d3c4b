/*
 * imsic.c - RISC-V incoming message-signalled interrupt controllers (AIA 1.0, chapter
 * "IMSIC"): for each hart one interrupt file for machine and one for supervisor level.
 *
 * Messages come as stores to a file's page (region 0: machine files, region 1: supervisor
 * files, 4 KiB a hart) or from devices through msi_in. Harts reach the files by system
 * registers (imsic.h). Guest interrupt files and big-endian messages do not exist here;
 * eidelivery knows 0 and 1, so no APLIC delivers directly beside an IMSIC.
 */
#include "dev/irqchip/imsic.h"
#include "base/bits.h"
#include "dev/core/device.h"
#include "dev/irqchip/riscv_lines.h"
#include <errno.h>

enum { FILE_PAGE = 0x1000, SETEIPNUM_LE = 0 };
enum { IMSIC_MAX_HARTS = 64, IMSIC_WORDS = 2048 / 64, LEVELS = 2 };

#define IMSIC_FILE_STATE(F, A, N)                                                                  \
    F(u8, eidelivery, ZERO, "1: the line follows the file")                                        \
    F(u16, eithreshold, ZERO, "identities from this one on do not interrupt; 0: all do")           \
    A(u64, eip, IMSIC_WORDS, ZERO, "pending identities")                                           \
    A(u64, eie, IMSIC_WORDS, ZERO, "enabled identities")
STATE_STRUCT(imsic_file, IMSIC_FILE_STATE);

#define IMSIC_STATE(F, A, N)                                                                       \
    N(imsic_file, file, LEVELS * IMSIC_MAX_HARTS, "2h: hart h, machine; 2h + 1: supervisor")
STATE_STRUCT(imsic, IMSIC_STATE);

struct imsic {
    struct device dev;
    struct imsic_state s;
    u64 ids; /* the highest identity: 63, 127, … 2047 */
    unsigned harts;
};

static struct imsic *self(struct device *d)
{
    return container_of(d, struct imsic, dev);
}

static struct imsic_file_state *file_of(struct imsic *m, unsigned hart, unsigned level)
{
    return &m->s.file[LEVELS * hart + level];
}

/* --- an interrupt file --- */

/* The lowest identity that is pending, enabled and under the threshold; 0: none. */
static unsigned top(const struct imsic_file_state *f)
{
    for (unsigned w = 0; w < IMSIC_WORDS; w++)
        if (f->eip[w] & f->eie[w]) {
            unsigned id = w * 64 + (unsigned)__builtin_ctzll(f->eip[w] & f->eie[w]);

            return f->eithreshold == 0 || id < f->eithreshold ? id : 0;
        }
    return 0;
}

static u64 topei(const struct imsic_file_state *f)
{
    u64 id = top(f);

    return id << 16 | id;
}

static void claim(struct imsic_file_state *f)
{
    unsigned id = top(f);

    if (id)
        f->eip[id / 64] &= ~(1ull << id % 64);
}

static void update_file(struct imsic *m, unsigned hart, unsigned level)
{
    const struct imsic_file_state *f = file_of(m, hart, level);

    dev_cpu_irq(&m->dev, hart, level == IMSIC_SPACE_M ? RISCV_LINE_MEI : RISCV_LINE_SEI,
                f->eidelivery && top(f) != 0);
}

static void imsic_update(struct device *d)
{
    for (unsigned hart = 0; hart < self(d)->harts; hart++)
        for (unsigned level = 0; level < LEVELS; level++)
            update_file(self(d), hart, level);
}

/* Identities of word w that exist: not 0, none over the highest. */
static u64 word_mask(const struct imsic *m, unsigned w)
{
    u64 mask = w * 64 <= m->ids ? ~0ull : 0; /* ids + 1 is a multiple of 64 */

    return w == 0 ? mask & ~1ull : mask;
}

/* --- messages --- */

static void message(struct imsic *m, unsigned level, u64 off, u64 id)
{
    unsigned hart = (unsigned)(off / FILE_PAGE);

    if (off % FILE_PAGE != SETEIPNUM_LE || id == 0 || id > m->ids) {
        dev_bad_access(&m->dev, off, 4);
        return;
    }
    file_of(m, hart, level)->eip[id / 64] |= 1ull << id % 64;
    update_file(m, hart, level);
}

static u64 page_read(struct device *d, u64 off, unsigned size)
{
    return 0;
}

static void m_page_write(struct device *d, u64 off, u64 v, unsigned size)
{
    message(self(d), IMSIC_SPACE_M, off, v);
}

static void s_page_write(struct device *d, u64 off, u64 v, unsigned size)
{
    message(self(d), IMSIC_SPACE_S, off, v);
}

static bool imsic_msi_in(struct device *d, u32 requester, gpa_t addr, u32 data)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        const struct dev_region_handle *r = &d->regions[level];

        if (r->at != DEV_NOWHERE && addr >= r->at && addr - r->at < r->size) {
            message(self(d), level, addr - r->at, data);
            return true;
        }
    }
    return false;
}

/* --- system registers --- */

/* The pending or enable word that a number names, with the bits that exist; NULL. */
static u64 *word_of(struct imsic *m, struct imsic_file_state *f, unsigned number, u64 *mask)
{
    unsigned w = number % 0x40 / 2;

    if (number < IMSIC_EIP || number > 0xff || number % 2)
        return NULL;
    *mask = word_mask(m, w);
    return number < IMSIC_EIE ? &f->eip[w] : &f->eie[w];
}

static bool reserved(unsigned number)
{
    return number > IMSIC_EIDELIVERY && number < IMSIC_EIP && number != IMSIC_EITHRESHOLD;
}

static int imsic_sysreg_read(struct device *d, unsigned cpu, unsigned space, unsigned number,
                             u64 *out)
{
    struct imsic *m = self(d);
    struct imsic_file_state *f;
    u64 *word, mask;

    if (cpu >= m->harts || space >= LEVELS)
        return -ENOENT;
    f = file_of(m, cpu, space);
    word = word_of(m, f, number, &mask);
    if (word)
        *out = *word;
    else if (number == IMSIC_EIDELIVERY)
        *out = f->eidelivery;
    else if (number == IMSIC_EITHRESHOLD)
        *out = f->eithreshold;
    else if (number == IMSIC_TOPEI || number == IMSIC_CLAIM)
        *out = topei(f);
    else if (number == IMSIC_EXISTS)
        *out = 1;
    else if (reserved(number))
        *out = 0;
    else
        return -ENOENT;
    if (number == IMSIC_CLAIM) {
        claim(f);
        update_file(m, cpu, space);
    }
    return 0;
}

static int imsic_sysreg_write(struct device *d, unsigned cpu, unsigned space, unsigned number,
                              u64 v)
{
    struct imsic *m = self(d);
    struct imsic_file_state *f;
    u64 *word, mask;

    if (cpu >= m->harts || space >= LEVELS)
        return -ENOENT;
    f = file_of(m, cpu, space);
    word = word_of(m, f, number, &mask);
    if (word)
        *word = v & mask;
    else if (number == IMSIC_EIDELIVERY)
        f->eidelivery = v <= 1 ? (u8)v : f->eidelivery;
    else if (number == IMSIC_EITHRESHOLD)
        f->eithreshold = (u16)(v & bits_mask((unsigned)(64 - __builtin_clzll(m->ids))));
    else if (number == IMSIC_TOPEI)
        claim(f);
    else if (!reserved(number))
        return -ENOENT;
    update_file(m, cpu, space);
    return 0;
}

/* --- life --- */

static int imsic_init(struct device *d, struct err *err)
{
    struct imsic *m = self(d);

    m->harts = d->host->cpu_count(d->host->arg);
    if (m->harts > IMSIC_MAX_HARTS)
        return err_set(err, EINVAL, "IMSICs serve at most %u harts, not %u", IMSIC_MAX_HARTS,
                       m->harts);
    if ((m->ids + 1) % 64)
        return err_set(err, EINVAL,
                       "property 'ids' is %u, and must be one less than a multiple "
                       "of 64",
                       (unsigned)m->ids);
    dev_region_size_set(d, IMSIC_SPACE_M, (u64)m->harts * FILE_PAGE);
    dev_region_size_set(d, IMSIC_SPACE_S, (u64)m->harts * FILE_PAGE);
    return 0;
}

static int imsic_check(struct device *d, struct err *err)
{
    struct imsic *m = self(d);

    for (unsigned i = 0; i < LEVELS * m->harts; i++)
        for (unsigned w = 0; w < IMSIC_WORDS; w++)
            if ((m->s.file[i].eip[w] | m->s.file[i].eie[w]) & ~word_mask(m, w))
                return err_set(err, EINVAL, "it has interrupt identities over %u",
                               (unsigned)m->ids);
    return 0;
}

#define STATE_ROW_T struct imsic_file_state
STATE_LIST(imsic_file, IMSIC_FILE_STATE, 1);
#undef STATE_ROW_T
#define STATE_ROW_T struct imsic_state
STATE_LIST(imsic, IMSIC_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop imsic_props[] = {
    { "ids", "highest interrupt identity: 63, 127, … 2047", DEV_PROP_U64,
      offsetof(struct imsic, ids), .min = 63, .max = 2047, .initial = 255 },
};

static const struct dev_region imsic_regions[] = {
    [IMSIC_SPACE_M] = { "machine", 0, MEM_IO_4, page_read, m_page_write },
    [IMSIC_SPACE_S] = { "supervisor", 0, MEM_IO_4, page_read, s_page_write },
};

const struct dev_class imsic_class = {
    .name = "imsic",
    .doc = "RISC-V incoming message-signalled interrupt controllers (AIA)",
    .size = sizeof(struct imsic),
    .state_offset = offsetof(struct imsic, s),
    .state = &imsic_state_list,
    .props = imsic_props,
    .prop_count = ARRAY_SIZE(imsic_props),
    .regions = imsic_regions,
    .region_count = ARRAY_SIZE(imsic_regions),
    .init = imsic_init,
    .update = imsic_update,
    .check = imsic_check,
    .msi_in = imsic_msi_in,
    .sysreg_read = imsic_sysreg_read,
    .sysreg_write = imsic_sysreg_write,
    .fdt_compatible = "riscv,imsics",
};
