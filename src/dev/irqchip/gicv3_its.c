/*
 * gicv3_its.c - the interrupt translation service of a GICv3: its registers and command queue
 * (IHI 0069, "The ITS register map", "The ITS command queue").
 *
 * Commands are carried out when GITS_CWRITER is written, a bounded number at once; the rest
 * follows from the event loop, and GITS_CREADR tells how far it is. A command that is not in order
 * is passed over. DeviceIDs and EventIDs have 16 bits, ICIDs 8; targets are numbers of CPUs;
 * all tables are in guest memory, their entries 8 bytes.
 */
#include "dev/irqchip/gicv3_private.h"
#include <errno.h>

enum {
    GITS_CTLR = 0x0000,
    GITS_TYPER = 0x0008,
    GITS_CBASER = 0x0080,
    GITS_CWRITER = 0x0088,
    GITS_CREADR = 0x0090,
    GITS_BASER = 0x0100, /* … 0x138 */
    GITS_BASER_END = 0x0140,
    ID_REGISTERS = 0xffd0,
    PIDR2 = 0xffe8,
};
#define CTLR_ENABLED       1u
#define CTLR_QUIESCENT     (1u << 31)
#define CBASER_VALID       (1ull << 63)
#define CBASER_ADDRESS     0x000ffffffffff000ull
#define CBASER_KEPT        0xb8effffffffffcffull
#define BASER_KEPT         0xf8e0ffffffffffffull
#define BASER_64K          (2ull << 8)
#define BASER_TYPE         56
#define BASER_ENTRY_SIZE   48
#define PIDR2_ARCH_3       (3u << 4)
/* GITS_TYPER */
#define TYPER_PHYSICAL     1ull
#define TYPER_ENTRY_SIZE   4
#define TYPER_ID_BITS      8
#define TYPER_DEVICE_BITS  13
#define TYPER_CIDBITS      32
#define TYPER_CIL          (1ull << 36)
enum { TYPE_DEVICES = 1, TYPE_COLLECTIONS = 4 };
enum { COMMAND = 32, OFFSET_MASK = 0xfffe0, WORK_AT_ONCE = 512 };

/* --- the command queue --- */

static u64 queue_size(const struct gicv3 *g)
{
    return ((g->s.its_cbaser & 0xff) + 1) * 0x1000;
}

bool gicv3_its_busy(const struct gicv3 *g)
{
    return g->s.its_on && g->s.its_cbaser & CBASER_VALID && g->s.its_creadr != g->s.its_cwriter;
}

static unsigned next_command(struct gicv3 *g)
{
    gpa_t at = (g->s.its_cbaser & CBASER_ADDRESS) + g->s.its_creadr;
    u64 command[4];
    unsigned work = 1;
    bool ok = dma_read(&g->dev, at, command, sizeof command);

    if (ok)
        work = gicv3_its_command(g, command, &ok);
    if (!ok) {
        g->dev.guest_errors++;
        log_guest("%s: the ITS passes over the command at %#llx", g->dev.id,
                  (unsigned long long)at);
    }
    g->s.its_creadr += COMMAND;
    if (g->s.its_creadr == queue_size(g))
        g->s.its_creadr = 0;
    return work;
}

static void run(struct gicv3 *g)
{
    for (unsigned work = 0; gicv3_its_busy(g) && work < WORK_AT_ONCE;)
        work += next_command(g);
    gicv3_update(&g->dev);
    gicv3_its_continue(g);
}

static void go_on(struct device *d)
{
    gicv3_self(d)->its_deferred = false;
    run(gicv3_self(d));
}

void gicv3_its_continue(struct gicv3 *g)
{
    if (!gicv3_its_busy(g) || g->its_deferred)
        return;
    g->its_deferred = true;
    dev_defer(&g->dev, go_on);
}

int gicv3_its_check(const struct gicv3 *g, struct err *err)
{
    u32 offsets = g->s.its_creadr | g->s.its_cwriter;

    if (offsets & ~OFFSET_MASK || g->s.its_creadr >= queue_size(g) ||
        g->s.its_cwriter >= queue_size(g))
        return err_set(err, EINVAL, "its ITS is outside its command queue");
    return 0;
}

/* --- registers, in halves of 4 bytes --- */

static u64 typer(void)
{
    return TYPER_PHYSICAL | (ITS_ENTRY - 1ull) << TYPER_ENTRY_SIZE |
           (ITS_EVENT_BITS - 1ull) << TYPER_ID_BITS |
           (ITS_DEVICE_BITS - 1ull) << TYPER_DEVICE_BITS |
           (ITS_COLLECTION_BITS - 1ull) << TYPER_CIDBITS | TYPER_CIL;
}

/* Which size of pages tables have before software says so is for us to choose (GITS_BASER): as
 * Arm's own and KVM's. */
void gicv3_its_reset(struct gicv3 *g)
{
    for (unsigned i = 0; i < ITS_TABLES; i++)
        g->s.its_baser[i] = BASER_64K;
}

static u64 baser(const struct gicv3 *g, unsigned n)
{
    u64 type = n == ITS_DEVICES ? TYPE_DEVICES : TYPE_COLLECTIONS;

    return g->s.its_baser[n] | type << BASER_TYPE | (ITS_ENTRY - 1ull) << BASER_ENTRY_SIZE;
}

static u32 its_read(struct gicv3 *g, u64 off)
{
    unsigned half = off & 4 ? 32 : 0;

    if (off >= GITS_BASER && off < GITS_BASER_END)
        return off < GITS_BASER + 8 * ITS_TABLES
                   ? (u32)(baser(g, (unsigned)(off - GITS_BASER) / 8) >> half)
                   : 0;
    switch (off & ~4ull) {
    case GITS_CTLR:
        return half ? 0
                    : (g->s.its_on ? CTLR_ENABLED : 0) | (gicv3_its_busy(g) ? 0 : CTLR_QUIESCENT);
    case GITS_TYPER: return (u32)(typer() >> half);
    case GITS_CBASER: return (u32)(g->s.its_cbaser >> half);
    case GITS_CWRITER: return half ? 0 : g->s.its_cwriter;
    case GITS_CREADR: return half ? 0 : g->s.its_creadr;
    }
    if (off == PIDR2)
        return PIDR2_ARCH_3;
    return off >= ID_REGISTERS && off <= 0xffff ? 0 : (u32)dev_bad_access(&g->dev, off, 4);
}

static void cwriter_write(struct gicv3 *g, u32 v)
{
    if ((v & OFFSET_MASK) < queue_size(g))
        g->s.its_cwriter = v & OFFSET_MASK;
    else
        dev_bad_access(&g->dev, GITS_CWRITER, 4);
}

/* Tables and queue cannot be moved while the ITS works with them; a new queue is empty. */
static void base_write(struct gicv3 *g, u64 off, u32 v)
{
    unsigned half = off & 4 ? 32 : 0, n = (unsigned)(off - GITS_BASER) / 8;

    if (g->s.its_on) {
        dev_bad_access(&g->dev, off, 4);
    } else if (off >= GITS_BASER) {
        g->s.its_baser[n] = bits_put(g->s.its_baser[n], half, 32, v) & BASER_KEPT;
    } else {
        g->s.its_cbaser = bits_put(g->s.its_cbaser, half, 32, v) & CBASER_KEPT;
        g->s.its_creadr = g->s.its_cwriter = 0;
    }
}

/* GITS_TRANSLATER is for devices, whose stores come with their DeviceID. */
static void its_write(struct gicv3 *g, u64 off, u32 v)
{
    u64 reg = off & ~4ull;

    if (off == GITS_CTLR)
        g->s.its_on = v & CTLR_ENABLED;
    else if (off == GITS_CWRITER)
        cwriter_write(g, v);
    else if (reg == GITS_CBASER || (reg >= GITS_BASER && reg < GITS_BASER + 8 * ITS_TABLES))
        base_write(g, off, v);
    else if (reg != GITS_CTLR && reg != GITS_CWRITER &&
             !(reg >= GITS_BASER && reg < GITS_BASER_END))
        dev_bad_access(&g->dev, off, 4);
}

u64 gicv3_its_read(struct device *d, u64 off, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);

    if (!g->its)
        return dev_bad_access(d, off, size);
    return its_read(g, off) | (size == 8 ? (u64)its_read(g, off + 4) << 32 : 0);
}

void gicv3_its_write(struct device *d, u64 off, u64 v, unsigned size)
{
    struct gicv3 *g = gicv3_self(d);

    if (!g->its) {
        dev_bad_access(d, off, size);
        return;
    }
    its_write(g, off, (u32)v);
    if (size == 8)
        its_write(g, off + 4, (u32)(v >> 32));
    run(g);
}
