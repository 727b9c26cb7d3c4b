/*
 * aml.c - see aml.h.
 */
#include "machine/acpi/aml.h"

#include "base/bits.h"
#include <stdlib.h>
#include <string.h>

enum {
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e,
    OP_EXTENDED = 0x5b,
    OP_NOTIFY = 0x86,
    OP_DEVICE = 0x82, /* extended */
};

/* --- bytes --- */

void acpi_put(struct acpi_bytes *b, const void *data, u32 len)
{
    if (b->failed || len > 1 << 20) {
        b->failed = true;
        return;
    }
    if (b->room - b->len < len) {
        u32 room = 2 * b->room + len + 1024;
        u8 *more = realloc(b->at, room);

        b->failed = !more;
        if (!more)
            return;
        b->at = more;
        b->room = room;
    }
    memcpy(b->at + b->len, data, len);
    b->len += len;
}

void acpi_put_int(struct acpi_bytes *b, u64 v, unsigned size)
{
    u8 bytes[8];

    le64_put(bytes, v);
    acpi_put(b, bytes, size);
}

void acpi_put_zeroes(struct acpi_bytes *b, u32 len)
{
    while (len-- > 0)
        acpi_put_int(b, 0, 1);
}

void acpi_put_list(struct acpi_bytes *b, unsigned size, const u64 *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        acpi_put_int(b, values[i], size);
}

void acpi_patch(struct acpi_bytes *b, u32 at, u64 v, unsigned size)
{
    for (unsigned i = 0; i < size && !b->failed; i++)
        b->at[at + i] = (u8)(v >> 8 * i);
}

void acpi_bytes_fini(struct acpi_bytes *b)
{
    free(b->at);
    *b = (struct acpi_bytes){ 0 };
}

/* --- terms --- */

static void op(struct acpi_bytes *b, u8 code)
{
    acpi_put(b, &code, 1);
}

/* A length of four bytes, whatever is in it, so that it can be filled in later (20.2.4). */
static u32 open_length(struct acpi_bytes *b)
{
    acpi_put_zeroes(b, 4);
    return b->len - 4;
}

void aml_end(struct acpi_bytes *b, u32 mark)
{
    u32 len = b->len - mark;

    acpi_patch(b, mark, 0xc0 | (len & 15) | len >> 4 << 8, 4);
}

/* Segments have four letters, the last ones may be missing; at most two of them, from the root or
 * not. */
static void name_string(struct acpi_bytes *b, const char *name)
{
    if (*name == '\\')
        acpi_put(b, name++, 1);
    if (strchr(name, '.'))
        op(b, OP_DUAL_NAME);
    while (*name) {
        size_t len = strcspn(name, ".");
        char segment[5] = "____";

        memcpy(segment, name, len < 4 ? len : 4);
        acpi_put(b, segment, 4);
        name += len + (name[len] == '.');
    }
}

u32 aml_scope(struct acpi_bytes *b, const char *name)
{
    u32 mark;

    op(b, OP_SCOPE);
    mark = open_length(b);
    name_string(b, name);
    return mark;
}

u32 aml_method(struct acpi_bytes *b, const char *name, unsigned args)
{
    u32 mark;

    op(b, OP_METHOD);
    mark = open_length(b);
    name_string(b, name);
    op(b, (u8)args);
    return mark;
}

u32 aml_package(struct acpi_bytes *b, unsigned count)
{
    u32 mark;

    op(b, OP_PACKAGE);
    mark = open_length(b);
    op(b, (u8)count);
    return mark;
}

void aml_name(struct acpi_bytes *b, const char *name)
{
    op(b, OP_NAME);
    name_string(b, name);
}

void aml_int(struct acpi_bytes *b, u64 v)
{
    static const u8 codes[] = { OP_BYTE, OP_WORD, OP_DWORD, OP_QWORD };
    unsigned log2 = v >> 32 ? 3 : v >> 16 ? 2 : v >> 8 ? 1 : 0;

    if (v > 1)
        op(b, codes[log2]);
    acpi_put_int(b, v, v > 1 ? 1u << log2 : 1);
}

void aml_name_int(struct acpi_bytes *b, const char *name, u64 v)
{
    aml_name(b, name);
    aml_int(b, v);
}

void aml_notify(struct acpi_bytes *b, const char *device, u64 v)
{
    op(b, OP_NOTIFY);
    name_string(b, device);
    aml_int(b, v);
}

/* A manufacturer's three letters of five bits and a number of four digits, big-endian: "PNP0A08".
 */
static u32 eisa_id(const char *id)
{
    u32 letters = (u32)(id[0] & 31) << 10 | (u32)(id[1] & 31) << 5 | (u32)(id[2] & 31);

    return __builtin_bswap32(letters << 16 | (u32)strtoul(id + 3, NULL, 16));
}

static void id_value(struct acpi_bytes *b, const char *id)
{
    if (strncmp(id, "PNP", 3) == 0) {
        op(b, OP_DWORD);
        acpi_put_int(b, eisa_id(id), 4);
        return;
    }
    op(b, OP_STRING);
    acpi_put(b, id, (u32)strlen(id) + 1);
}

u32 aml_device(struct acpi_bytes *b, const char *name, const char *hid, u64 uid)
{
    u32 mark;

    op(b, OP_EXTENDED);
    op(b, OP_DEVICE);
    mark = open_length(b);
    name_string(b, name);
    aml_name(b, "_HID");
    id_value(b, hid);
    aml_name_int(b, "_UID", uid);
    return mark;
}

void aml_compatible(struct acpi_bytes *b, const char *id)
{
    aml_name(b, "_CID");
    id_value(b, id);
}

/*
 * Method (_OSC, 4) {
 *     CreateDWordField (Arg3, 0, CDW1)
 *     If (LEqual (Arg0, ToUUID ("33db4d5b-1ff7-401c-9657-7441c03dd766"))) {
 *         CreateDWordField (Arg3, 8, CDW3)
 *         And (CDW3, mask, CDW3)
 *     } Else {
 *         Or (CDW1, 4, CDW1)
 *     }
 *     Return (Arg3)
 * }
 */
void aml_pci_osc(struct acpi_bytes *b, u32 mask)
{
    static const u8 uuid[] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                               0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };
    enum { ARG0 = 0x68, ARG3 = 0x6b, CREATE_DWORD = 0x8a, IF = 0xa0, ELSE = 0xa1, LEQUAL = 0x93 };
    enum { AND = 0x7b, OR = 0x7d, RETURN = 0xa4 };
    u32 method = aml_method(b, "_OSC", 4), part, buffer;

    acpi_ints(b, 1, CREATE_DWORD, ARG3, 0);
    name_string(b, "CDW1");
    op(b, IF);
    part = open_length(b);
    acpi_ints(b, 1, LEQUAL, ARG0, OP_BUFFER);
    buffer = open_length(b);
    aml_int(b, sizeof uuid);
    acpi_put(b, uuid, sizeof uuid);
    aml_end(b, buffer);
    acpi_ints(b, 1, CREATE_DWORD, ARG3, OP_BYTE, 8);
    name_string(b, "CDW3");
    op(b, AND);
    name_string(b, "CDW3");
    aml_int(b, mask);
    name_string(b, "CDW3");
    aml_end(b, part);
    op(b, ELSE);
    part = open_length(b);
    op(b, OR);
    name_string(b, "CDW1");
    aml_int(b, 4); /* an UUID that is not known */
    name_string(b, "CDW1");
    aml_end(b, part);
    acpi_ints(b, 1, RETURN, ARG3);
    aml_end(b, method);
}

/* --- resources --- */

enum {
    RES_END = 0x79,
    RES_FIXED_MEMORY = 0x86,
    RES_WORD = 0x88,
    RES_INTERRUPT = 0x89,
    RES_QWORD = 0x8a,
    RES_GPIO = 0x8c,
};
enum { SPACE_MEMORY = 0, SPACE_BUS = 2, BOTH_FIXED = 0x0c, READ_WRITE = 1 };
enum { BUFFER_HEAD = 4 + 1 + 2 }; /* the length, and the size as a word */

u32 aml_resources(struct acpi_bytes *b, const char *name)
{
    u32 mark;

    aml_name(b, name);
    op(b, OP_BUFFER);
    mark = open_length(b);
    op(b, OP_WORD);
    acpi_put_int(b, 0, 2);
    return mark;
}

void aml_resources_end(struct acpi_bytes *b, u32 mark)
{
    acpi_ints(b, 1, RES_END, 0);
    acpi_patch(b, mark + BUFFER_HEAD - 2, b->len - mark - BUFFER_HEAD, 2);
    aml_end(b, mark);
}

void aml_memory(struct acpi_bytes *b, u32 at, u32 size)
{
    acpi_ints(b, 1, RES_FIXED_MEMORY, 9, 0, READ_WRITE);
    acpi_ints(b, 4, at, size);
}

void aml_interrupt(struct acpi_bytes *b, u32 gsiv)
{
    enum { CONSUMER = 1 };

    acpi_ints(b, 1, RES_INTERRUPT, 6, 0, CONSUMER, 1);
    acpi_put_int(b, gsiv, 4);
}

void aml_bus_range(struct acpi_bytes *b, u16 first, u16 last)
{
    acpi_ints(b, 1, RES_WORD, 13, 0, SPACE_BUS, BOTH_FIXED, 0);
    acpi_ints(b, 2, 0, first, last, 0, last - first + 1u);
}

void aml_window(struct acpi_bytes *b, u64 at, u64 size)
{
    acpi_ints(b, 1, RES_QWORD, 43, 0, SPACE_MEMORY, BOTH_FIXED, READ_WRITE);
    acpi_ints(b, 8, 0, at, at + size - 1, 0, size);
}

/* 6.4.3.8.1: pin table and controller's name follow the 23 bytes of the descriptor. */
void aml_pin_interrupt(struct acpi_bytes *b, u16 pin, const char *controller)
{
    enum { HEAD = 23, INTERRUPT = 0, CONSUMER = 1, EDGE = 1, WAKE = 1 << 4, PULL_UP = 1 };
    u32 name = (u32)strlen(controller) + 1, len = HEAD + 2 + name;

    acpi_ints(b, 1, RES_GPIO, (len - 3) & 0xff, (len - 3) >> 8, 1, INTERRUPT, CONSUMER, 0,
              EDGE | WAKE, 0, PULL_UP, 0, 0, 0, 0);
    acpi_ints(b, 1, HEAD, 0, 0, HEAD + 2, 0, len & 0xff, len >> 8, 0, 0);
    acpi_put_int(b, pin, 2);
    acpi_put(b, controller, name);
}
