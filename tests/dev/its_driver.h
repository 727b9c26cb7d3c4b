/*
 * its_driver.h - a GICv3's ITS driven as a kernel does: tables in the fake's RAM, commands.
 *
 * The redistributors' and the ITS's tables lie at fixed places of RAM, flat and with pages of 4 KiB
 * unless a test moves them.
 */
#ifndef TESTS_DEV_ITS_DRIVER_H
#define TESTS_DEV_ITS_DRIVER_H

#include "dev/irqchip/gicv3.h"
#include "fake_host.h"

enum { GITS_CTLR = 0, GITS_TYPER = 8, GITS_CBASER = 0x80, GITS_CWRITER = 0x88, GITS_CREADR = 0x90 };
enum { GITS_BASER_DEVICES = 0x100, GITS_BASER_COLLECTIONS = 0x108 };
enum { GICR_CTLR = 0, GICR_PROPBASER = 0x70, GICR_PENDBASER = 0x78, ITS_LPI = 8192 };
enum { ITS_QUEUE_SIZE = 0x1000, ITS_DEVICES = 512 /* have an entry */ };
#define ITS_VALID          (1ull << 63)
#define ITS_QUEUE_AT       (FAKE_RAM_AT + 0x10000)
#define ITS_DEVICES_AT     (FAKE_RAM_AT + 0x20000)
#define ITS_COLLECTIONS_AT (FAKE_RAM_AT + 0x30000)
#define ITS_CONFIG_AT      (FAKE_RAM_AT + 0x40000)
#define ITS_PENDING_AT(cpu) (FAKE_RAM_AT + 0x50000 + 0x10000ull * (cpu))
#define ITS_ITT_AT(device)  (FAKE_RAM_AT + 0xa0000 + 0x1000ull * ((device) % 64))

enum its_command {
    ITS_MOVI = 1,
    ITS_INT = 3,
    ITS_CLEAR = 4,
    ITS_SYNC = 5,
    ITS_MAPD = 8,
    ITS_MAPC = 9,
    ITS_MAPTI = 0xa,
    ITS_MAPI = 0xb,
    ITS_INV = 0xc,
    ITS_INVALL = 0xd,
    ITS_MOVALL = 0xe,
    ITS_DISCARD = 0xf,
};

u64 its_get(struct device *d, u64 reg);
void its_set(struct device *d, u64 reg, u64 v);

/* Both groups on in the distributor; each CPU awake, with group 1 on and nothing masked. */
void gicv3_open(struct device *d);
/* Gives every CPU its tables and the ITS its own, and turns both on. */
void its_start(struct fake_host *h, struct device *d);
/* Puts a command behind the last one, and tells. */
void its_put(struct fake_host *h, struct device *d, u64 w0, u64 w1, u64 w2, u64 w3);
/* The same by meaning. Fields a command has not are ignored. */
void its_do(struct fake_host *h, struct device *d, enum its_command c, u32 device, u32 event,
            u32 icid_or_cpu);
/* The byte of an LPI in the configuration table. */
void its_config(struct fake_host *h, u32 intid, u8 v);

/* Something that fits, chosen by random bits. */
void its_drive(struct fake_host *h, struct device *d, u64 random);

#endif
