/*
 * traffic.c - see traffic.h.
 */
#include "traffic.h"
#include "base/bits.h"
#include "its_driver.h"
#include "traffic_virtio.h"
#include <stdlib.h>

/* Where region n is mapped. */
#define REGION_AT(n) (0x100000000ull + 0x10000000ull * (n))

/* --- observing --- */

static void see(struct traffic *t, u64 v)
{
    t->seen = (t->seen ^ v) * 0x100000001b3;
    t->seen ^= t->seen >> 29;
}

static void see_bytes(struct traffic *t, const void *data, size_t len)
{
    const u8 *p = data;

    for (size_t i = 0; i < len; i++)
        see(t, p[i]);
}

/* Takes what went to the outside, so that the fake's buffers never fill. */
static void see_outside(struct traffic *t)
{
    struct fake_chardev *f = &t->h.chardev;

    see_bytes(t, f->out, f->out_len);
    f->out_limit -= f->out_len;
    f->out_len = 0;
    for (unsigned i = 0; i < t->h.msi_count && i < FAKE_LOG; i++) {
        see(t, t->h.msi[i].addr);
        see(t, t->h.msi[i].data);
    }
    see(t, t->h.msi_count);
    t->h.msi_count = 0;
    for (unsigned i = 0; i < t->h.net.sent && i < FAKE_FRAMES; i++)
        see_bytes(t, t->h.net.frame[i].data, t->h.net.frame[i].len & 0x7ff);
    t->h.net.sent = 0;
}

void traffic_outputs(struct traffic *t, struct traffic_outputs *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned n = 0; n < ARRAY_SIZE(out->irq); n++)
        out->irq[n] = fake_irq(&t->h, n);
    memcpy(out->cpu_line, t->h.cpu_line, sizeof out->cpu_line);
    memcpy(out->timer_at, t->d->timer_at, sizeof out->timer_at);
    memcpy(out->requests, t->h.requests, sizeof out->requests);
    for (unsigned n = 0; !t->cls->pci && n < t->cls->region_count; n++) {
        struct mem_span s;

        mem_map_find(t->h.map, REGION_AT(n), &s);
        out->kind[n] = (u8)s.kind;
    }
    out->chardev_room = t->h.chardev.cd.room;
    for (unsigned n = 0; n < NET_QUEUES_MAX; n++)
        out->net_ready |= (u64)t->h.net.ready[n] << n;
    out->net_active = t->h.net.active;
    out->net_offloads = t->h.net.offloads;
}

/* --- bytes to operations --- */

struct bytes {
    const u8 *at, *end;
};

/* Zeros follow the end. */
static u64 take(struct bytes *b, unsigned len)
{
    u64 v = 0;

    for (unsigned i = 0; i < len; i++)
        v |= (u64)(b->at < b->end ? *b->at++ : 0) << 8 * i;
    return v;
}

static u64 take_value(struct bytes *b)
{
    u64 kind = take(b, 1);

    switch (kind % 8) {
    case 0: return 1ull << kind / 8;
    case 1: return ~0ull >> kind / 8;
    case 2: return kind / 8;
    case 5: return ~0ull;
    case 6: return 1;
    case 3: return take(b, 1);
    case 4: return take(b, 4);
    default: return take(b, 8);
    }
}

/* Registers that chance would seldom meet. */
static const struct {
    const char *cls;
    u64 offsets[32];
    unsigned count;
} hints[] = {
    { "aclint", { 0xbff8, 0xbffc, 0x4000, 0x4008, 0x4010, 0x4018 }, 6 },
    { "aplic",
      { 0,      0,      4,      8,      0xc,    4,      8,      0xc,    0x1bc0, 0x1bc4, 0x1bc8,
        0x1bcc, 0x1c00, 0x1cdc, 0x1d00, 0x1ddc, 0x1e00, 0x1e00, 0x1edc, 0x1fdc, 0x2000, 0x3000,
        0x3004, 0x3008, 0x300c, 0x4000, 0x4004, 0x4008, 0x4018, 0x401c, 0x4020, 0x4028 },
      32 },
    { "flash-cfi", { 0, 4, 8, 12, 0x40, 0x44, 0x48, 0x10000, 0x10004, 0x10008 }, 10 },
    { "gicv2",
      { 0,     0,     0,     4,     0x300, 0xc,   0xc,    0x10,  0x10,  0x14, 0x18,
        0x1c,  0x20,  0x24,  0x28,  0xd0,  0xe0,  0x1000, 0x40,  0x80,  0x84, 0x100,
        0x104, 0x204, 0x304, 0x404, 0x424, 0x820, 0xc04,  0xc08, 0xf00, 0xf20 },
      32 },
    { "gicv3",
      { 0,       0,       0x14,    0x14,    0x10080, 0x10100, 0x10100, 0x10180,
        0x10200, 0x10200, 0x10280, 0x10300, 0x10380, 0x10400, 0x10404, 0x10c04,
        0x84,    0x104,   0x104,   0x184,   0x204,   0x204,   0x284,   0x304,
        0x384,   0x420,   0xc08,   0x6100,  0x6108,  0x40,    0x48,    0x30100 },
      32 },
    { "gpio-pl061",
      { 0x3fc, 0x400, 0x404, 0x408, 0x40c, 0x410, 0x410, 0x414, 0x418, 0x41c, 0x420 },
      11 },
    { "plic", { 0x200000, 0x200004, 0x201000, 0x201004, 0x202004, 0x2000, 0x2080, 0x2100 }, 8 },
};

static bool hint(const struct dev_class *cls, u64 x, u64 *off)
{
    for (unsigned i = 0; cls && i < ARRAY_SIZE(hints); i++)
        if (strcmp(hints[i].cls, cls->name) == 0) {
            *off = hints[i].offsets[x % hints[i].count];
            return true;
        }
    return false;
}

/* Registers crowd at the start, at powers of two and in rows; the rest gets its share. */
static u64 take_offset(struct bytes *b, u64 size, const struct dev_class *cls)
{
    u64 mode = take(b, 1), x = take(b, 2), off;

    if (mode >= 0x80 && hint(cls, x, &off))
        return off % size;
    switch (mode % 8) {
    case 0:
    case 1:
    case 2: return (x & 0xff) % size;
    case 3: return ((1ull << x % 27) + (x >> 5 & 0x7f) * 4) % size;
    case 4: return ((x & 15) * 0x1000 + (x >> 4 & 0xff)) % size;
    case 5: return x % size;
    case 6: return (u64)((u128)x * size >> 16);
    default: return size - (x & 15);
    }
}

static unsigned take_width(struct bytes *b, u8 widths)
{
    u64 v = take(b, 1);
    unsigned w = 1u << (v & 3);

    if (v >= 0xf0)
        return 1 + (v & 7);
    while (!(widths & w))
        w = w == 8 ? 1 : w * 2;
    return w;
}

static void do_access(struct traffic *t, struct bytes *b, bool write)
{
    const struct dev_class *cls = t->cls;
    unsigned region, width, cpu;
    u64 off, at, v = 0;
    bool by_map;

    if (cls->region_count == 0)
        return;
    region = (unsigned)take(b, 1) % cls->region_count;
    off = take_offset(b, t->d->regions[region].size, cls);
    width = take_width(b, cls->regions[region].widths);
    at = take(b, 1);
    by_map = at & 1;
    cpu = at >> 1 & 3;
    if (at >= 0x10) /* mostly aligned */
        off -= off % width;
    at = t->d->regions[region].at + off;
    if (write && by_map)
        see(t, mem_map_cpu_write(t->h.map, at, width, take_value(b), cpu));
    else if (write)
        dev_write(t->d, region, off, take_value(b), width);
    else if (!by_map)
        see(t, dev_read(t->d, region, off, width));
    else if (mem_map_cpu_read(t->h.map, at, width, &v, cpu))
        see(t, v);
}

/* Arm's: the CPU interface's, the virtual one's, and PPIs. */
static unsigned take_arm_sysreg(struct bytes *b, unsigned *space)
{
    static const u16 known[] = { 0,          ICC_PMR,   ICC_IAR0,    ICC_IAR0,    ICC_EOIR0,
                                 ICC_HPPIR0, ICC_BPR0,  ICC_AP0R0,   ICC_AP1R0,   ICC_DIR,
                                 ICC_RPR,    ICC_SGI1R, ICC_ASGI1R,  ICC_SGI0R,   ICC_IAR1,
                                 ICC_IAR1,   ICC_EOIR1, ICC_HPPIR1,  ICC_BPR1,    ICC_CTLR,
                                 ICC_SRE,    ICC_EOIR1, ICC_IGRPEN0, ICC_IGRPEN1, ICC_IGRPEN1,
                                 ICC_PMR,    ICC_PMR };
    static const u16 virtual[] = { ICH_HCR,     ICH_HCR,     ICH_VMCR,    ICH_LR0,  ICH_LR0 + 1,
                                   ICH_LR0 + 2, ICH_LR0 + 3, ICH_AP0R0,   ICH_MISR, ICH_EISR,
                                   ICH_ELRSR,   ICH_AP1R0,   ICH_LR0 + 1, ICH_LR0 };
    unsigned v = (unsigned)take(b, 1);

    if (*space == GICV3_SPACE_PPI)
        return v % 33;
    if (v >= 0xf8)
        return (unsigned)take(b, 2);
    if (*space == GICV3_SPACE_CPU && v >= 0xc0)
        return virtual[v % ARRAY_SIZE(virtual)];
    return known[v % ARRAY_SIZE(known)];
}

static unsigned take_sysreg(struct bytes *b)
{
    static const u16 common[] = { 0x70, 0x70, 0x70, 0x72, 0x80, 0xc0, 0xc0, 0x100, 0x101, 0x102 };
    unsigned number = (unsigned)take(b, 1);

    if (number >= 0x80)
        return number < 0xa0 ? (unsigned)take(b, 2) % 0x1000 : common[number % 10];
    return number + 0x70;
}

static void do_sysreg(struct traffic *t, struct bytes *b, bool write)
{
    unsigned cpu = (unsigned)take(b, 1) % FAKE_CPUS;
    static const u8 spaces[] = { GICV3_SPACE_CPU, GICV3_SPACE_PPI, GICV3_SPACE_VIRTUAL,
                                 GICV3_SPACE_CPU, GICV3_SPACE_CPU };
    unsigned space = spaces[take(b, 1) % ARRAY_SIZE(spaces)], number;
    u64 v = 0;

    if (strncmp(t->cls->name, "gicv", 4) == 0)
        number = take_arm_sysreg(b, &space);
    else
        number = take_sysreg(b);
    if (write)
        see(t, (u64)dev_sysreg_write(t->d, cpu, space, number, take_value(b)));
    else
        see(t, (u64)dev_sysreg_read(t->d, cpu, space, number, &v));
    see(t, v);
}

static void do_ram(struct traffic *t, struct bytes *b)
{
    u64 at = take_offset(b, FAKE_RAM_SIZE - 16, NULL), v = take_value(b);

    le64_put(t->h.ram->host + at, v);
}

static void do_type(struct traffic *t, struct bytes *b)
{
    u64 len = take(b, 1) % 32, byte = take(b, 1);

    for (u64 i = 0; i < len; i++) {
        u8 c = (u8)(byte + i);

        fake_type(&t->h, &c, 1);
    }
}

/* Configuration space of a PCI function and of those that are not there. */
static void do_config(struct traffic *t, struct bytes *b)
{
    u64 slot = t->d->requester + (take(b, 1) == 0), off = take(b, 1), how = take(b, 1);
    unsigned width = 1u << how % 3;

    off = slot << 12 | (off & ~(width - 1ull));
    if (how & 0x80)
        dev_write(t->h.pci, 0, off, take_value(b), width);
    else
        see(t, dev_read(t->h.pci, 0, off, width));
}

static void do_virtio(struct traffic *t, struct bytes *b)
{
    u8 how = (u8)take(b, 1);
    unsigned count = (unsigned)take(b, 1);
    u64 random = take(b, 2);

    if (count >= 0x60 && how & 1)
        traffic_virtio_control(&t->h, t->d, random | (u64)count << 16 | (u64)how << 24);
    else
        traffic_virtio_drive(&t->h, t->d, how, count % 4, random);
}

/* A frame for a network card. */
static void do_frame(struct traffic *t, struct bytes *b)
{
    size_t len = 14 + (take(b, 2) & 0x7ff);
    u8 frame[14 + 0x7ff], byte = (u8)take(b, 1);

    memset(frame, byte < 0x80 ? 0x20 + (byte & 7) : byte, sizeof frame);
    dev_domain_lock(t->h.domain);
    see(t, fake_net_deliver(&t->h.net, frame, len));
    dev_domain_unlock(t->h.domain);
}

/* Programs of the host, where there are any: ask, write, end, go. */
static void do_program(struct traffic *t, struct bytes *b)
{
    struct fake_vsock *f = &t->h.vsock;
    unsigned op = (unsigned)take(b, 1), n = (unsigned)take(b, 1);

    dev_domain_lock(t->h.domain);
    if (op % 4 == 0 || f->count == 0)
        fake_vsock_ask(f, n % 2);
    else if (op % 4 == 1 && f->stream[n % f->count]->in_len == 0)
        fake_stream_put(f->stream[n % f->count], t->h.ram->host, 16 * op);
    else if (op % 4 == 2)
        fake_stream_end(f->stream[n % f->count]);
    else if (op % 4 == 3)
        fake_stream_leave(f->stream[n % f->count]);
    dev_domain_unlock(t->h.domain);
}

static void do_one(struct traffic *t, struct bytes *b)
{
    unsigned op = (unsigned)take(b, 1);
    u64 x;

    switch (op % 16) {
    case 0:
    case 1:
    case 2:
    case 3: do_access(t, b, false); break;
    case 4:
    case 5:
    case 6:
    case 7: do_access(t, b, true); break;
    case 8:
        x = take(b, 2);
        if (t->cls->pci)
            do_config(t, b);
        if (t->cls->irq_in)
            dev_irq_input(t->d, (unsigned)x % 256, x >> 12 & 1);
        break;
    case 9:
        x = take(b, 2);
        see(t, dev_msi_input(t->d, 0, REGION_AT(x & 1) + (x & 0x7000) + (x & 0x80 ? 0 : x & 0x7c),
                             (u32)take(b, 1)));
        break;
    case 10: do_sysreg(t, b, false); break;
    case 11: do_sysreg(t, b, true); break;
    case 12: fake_run(&t->h, 1ull << take(b, 1) % 36); break;
    case 13: do_type(t, b); break;
    case 14:
        x = take(b, 1);
        fake_chardev_limit(&t->h, x & 1 ? 0 : x);
        break;
    default:
        x = take(b, 1);
        if (x == 0)
            dev_reset(t->d);
        else if (x & 1 && strcmp(t->cls->name, "gicv3") == 0)
            its_drive(&t->h, t->d, take(b, 4));
        else if (x & 1 && traffic_virtio_is(t->cls))
            do_virtio(t, b);
        else if (x & 2 && t->h.net.net.receive)
            do_frame(t, b);
        else if (x & 2 && t->h.vsock.listens)
            do_program(t, b);
        else
            do_ram(t, b);
        break;
    }
    fake_settle(&t->h);
    see_outside(t);
}

void traffic_run(struct traffic *t, const u8 *bytes, size_t len)
{
    struct bytes b = { bytes, bytes + len };

    while (b.at < b.end)
        do_one(t, &b);
}

/* --- life --- */

static void device_make(struct traffic *t)
{
    struct dev_setting settings[DEV_MAX_PROPS];
    unsigned count = fake_settings(&t->h, t->cls, settings);
    struct err err = { 0 };

    if (traffic_virtio_is(t->cls))
        settings[count++] = (struct dev_setting){ "packed", "on", NULL };
    if (strcmp(t->cls->name, "gicv2") == 0)
        settings[count++] = (struct dev_setting){ "msi-count", "64", NULL };
    if (strcmp(t->cls->name, "gicv3") == 0) {
        settings[count++] = (struct dev_setting){ "its", "on", NULL };
        settings[count++] = (struct dev_setting){ "virtualization", "on", NULL };
    }
    if (strncmp(t->cls->name, "virtio-net-", 11) == 0)
        settings[count++] = (struct dev_setting){ "queues", "4", NULL };
    t->d = fake_device(&t->h, t->cls, settings, count);
    for (unsigned n = 0; !t->cls->pci && n < t->cls->region_count; n++)
        if (dev_map(t->d, n, t->h.map, REGION_AT(n), &err))
            abort();
}

static void device_unmake(struct traffic *t)
{
    for (unsigned n = 0; !t->cls->pci && n < t->cls->region_count; n++)
        mem_map_remove(t->h.map, REGION_AT(n));
    t->d = fake_device_free(&t->h, t->d);
}

struct traffic *traffic_new(const struct dev_class *cls)
{
    struct traffic *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    fake_host_init(&t->h);
    t->cls = cls;
    device_make(t);
    return t;
}

struct traffic *traffic_free(struct traffic *t)
{
    device_unmake(t);
    fake_host_fini(&t->h);
    free(t);
    return NULL;
}

void traffic_save_and_load(struct traffic *t)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    u8 *data = NULL;
    size_t size = 0;

    if (!w)
        abort();
    dev_save(t->d, w);
    device_unmake(t);
    device_make(t);
    if (state_writer_memory(w, &data, &size, &err) ||
        state_reader_open_memory(data, size, &r, &err) || dev_load(t->d, r, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    state_reader_free(r);
    state_writer_free(w);
    free(data);
}
