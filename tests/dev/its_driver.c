/*
 * its_driver.c - see its_driver.h.
 */
#include "its_driver.h"
#include "base/bits.h"

u64 its_get(struct device *d, u64 reg)
{
    return dev_read(d, GICV3_ITS, reg, 8);
}

void its_set(struct device *d, u64 reg, u64 v)
{
    dev_write(d, GICV3_ITS, reg, v, 8);
}

void gicv3_open(struct device *d)
{
    enum { GICD_CTLR = 0, GICR_WAKER = 0x14 };

    dev_write(d, GICV3_DIST, GICD_CTLR, 3, 4);
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        dev_write(d, GICV3_REDIST, cpu * (u64)GICV3_REDIST_STEP + GICR_WAKER, 0, 4);
        dev_sysreg_write(d, cpu, GICV3_SPACE_CPU, ICC_PMR, 0xff);
        dev_sysreg_write(d, cpu, GICV3_SPACE_CPU, ICC_IGRPEN1, 1);
    }
}

void its_start(struct fake_host *h, struct device *d)
{
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        u64 at = cpu * (u64)GICV3_REDIST_STEP;

        dev_write(d, GICV3_REDIST, at + GICR_PROPBASER, ITS_CONFIG_AT | 13, 8);
        dev_write(d, GICV3_REDIST, at + GICR_PENDBASER, ITS_PENDING_AT(cpu), 8);
        dev_write(d, GICV3_REDIST, at + GICR_CTLR, 1, 4);
    }
    its_set(d, GITS_CBASER, ITS_VALID | ITS_QUEUE_AT | (ITS_QUEUE_SIZE / 0x1000 - 1));
    its_set(d, GITS_BASER_DEVICES, ITS_VALID | ITS_DEVICES_AT);
    its_set(d, GITS_BASER_COLLECTIONS, ITS_VALID | ITS_COLLECTIONS_AT);
    its_set(d, GITS_CTLR, 1);
}

void its_put(struct fake_host *h, struct device *d, u64 w0, u64 w1, u64 w2, u64 w3)
{
    u64 end = its_get(d, GITS_CWRITER), words[] = { w0, w1, w2, w3 };

    if (end >= ITS_QUEUE_SIZE)
        return; /* somebody gave the ITS another queue */
    memcpy(h->ram->host + (ITS_QUEUE_AT - FAKE_RAM_AT) + end, words, sizeof words);
    its_set(d, GITS_CWRITER, (end + sizeof words) % ITS_QUEUE_SIZE);
}

void its_do(struct fake_host *h, struct device *d, enum its_command c, u32 device, u32 event,
            u32 icid_or_cpu)
{
    u64 w0 = (u64)c | (u64)device << 32, rdbase = (u64)icid_or_cpu << 16;

    switch (c) {
    case ITS_MAPD: its_put(h, d, w0, 7, ITS_VALID | ITS_ITT_AT(device), 0); break;
    case ITS_MAPC: its_put(h, d, c, 0, ITS_VALID | rdbase | icid_or_cpu, 0); break;
    case ITS_MAPTI: its_put(h, d, w0, event | (u64)(ITS_LPI + event) << 32, icid_or_cpu, 0); break;
    case ITS_MOVALL: its_put(h, d, c, 0, (u64)event << 16, rdbase); break;
    case ITS_SYNC: its_put(h, d, c, 0, rdbase, 0); break;
    default: its_put(h, d, w0, event, icid_or_cpu, 0); break;
    }
}

void its_config(struct fake_host *h, u32 intid, u8 v)
{
    h->ram->host[ITS_CONFIG_AT - FAKE_RAM_AT + intid - ITS_LPI] = v;
}

void its_drive(struct fake_host *h, struct device *d, u64 random)
{
    static const u8 any[] = { ITS_MOVI,  ITS_INT, ITS_CLEAR,  ITS_MAPD,   ITS_MAPTI,  ITS_MAPTI,
                              ITS_MAPTI, ITS_INV, ITS_INVALL, ITS_MOVALL, ITS_DISCARD };
    u32 device = random >> 8 & 3, event = random >> 10 & 7, target = random >> 13 & 3;

    switch (random & 7) {
    case 0:
        gicv3_open(d);
        its_start(h, d);
        break;
    case 1:
        for (unsigned i = 0; i < 4; i++) {
            its_do(h, d, ITS_MAPC, 0, 0, i);
            its_do(h, d, ITS_MAPD, i, 0, 0);
        }
        break;
    case 2: its_config(h, ITS_LPI + event, (u8)(random >> 8 | 1)); break;
    case 3:
    case 4: its_do(h, d, any[(random >> 3 & 31) % ARRAY_SIZE(any)], device, event, target); break;
    case 5:
        its_do(h, d, ITS_MAPTI, device, event, target);
        its_do(h, d, ITS_INT, device, event, 0);
        break;
    default: its_do(h, d, ITS_INT, device, event, 0); break;
    }
}
