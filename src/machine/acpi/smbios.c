/*
 * smbios.c - SMBIOS structures (DMTF DSP0134 3.0) of a machine: what it is called, its processors
 * and its memory. Firmware adds its own and gives the entry point its address.
 */
#include "machine/acpi/tables.h"

#include "dev/soc/fw_cfg.h"
#include <errno.h>
#include <string.h>

enum {
    SYSTEM = 1,
    CHASSIS = 3,
    PROCESSOR = 4,
    MEMORY_ARRAY = 16,
    MEMORY = 17,
    MAPPED = 19,
    END = 127
};

/* Structures are told by handles: the type, and a number. Strings follow the fields, and then one
 * more 0. */
static u16 begin(struct acpi_bytes *b, u8 type, u8 len, unsigned n)
{
    u16 handle = (u16)(type << 8 | n);

    acpi_ints(b, 1, type, len);
    acpi_put_int(b, handle, 2);
    return handle;
}

static void strings(struct acpi_bytes *b, const char *first, const char *second)
{
    if (*first)
        acpi_put(b, first, (u32)strlen(first) + 1);
    if (*second)
        acpi_put(b, second, (u32)strlen(second) + 1);
    acpi_put_int(b, 0, *first ? 1 : 2);
}

static void put_system(struct acpi_bytes *b, const struct smbios_facts *facts)
{
    enum { WAKE_BY_POWER_SWITCH = 6 };

    begin(b, SYSTEM, 27, 0);
    acpi_ints(b, 1, 1, 2, 0, 0); /* manufacturer and product are strings 1 and 2 */
    acpi_put_zeroes(b, 16);      /* no UUID */
    acpi_ints(b, 1, WAKE_BY_POWER_SWITCH, 0, 0);
    strings(b, "vm", facts->product);
}

static void put_chassis(struct acpi_bytes *b)
{
    enum { OTHER = 1, SAFE = 3, NO_SECURITY = 2 };

    begin(b, CHASSIS, 22, 0);
    acpi_ints(b, 1, 1, OTHER, 0, 0, 0, SAFE, SAFE, SAFE, NO_SECURITY);
    acpi_put_int(b, 0, 4);
    acpi_ints(b, 1, 0, 0, 0, 0, 0);
    strings(b, "vm", "");
}

static void put_processor(struct acpi_bytes *b, unsigned n)
{
    enum { CENTRAL = 3, SEE_FAMILY_2 = 0xfe, ARMV8 = 0x101, ENABLED_IN_SOCKET = 0x41, OTHER = 1 };
    enum { IS_64_BIT = 1 << 2 };

    begin(b, PROCESSOR, 48, n);
    acpi_ints(b, 1, 1, CENTRAL, SEE_FAMILY_2, 2);
    acpi_put_zeroes(b, 8 + 1 + 1); /* no identity, version or voltage */
    acpi_ints(b, 2, 0, 0, 0);      /* speeds are not known */
    acpi_ints(b, 1, ENABLED_IN_SOCKET, OTHER);
    acpi_ints(b, 2, 0xffff, 0xffff, 0xffff); /* caches are not told */
    acpi_ints(b, 1, 0, 0, 0, 1, 1, 1);
    acpi_ints(b, 2, IS_64_BIT, ARMV8, 1, 1, 1);
    strings(b, "CPU", "vm");
}

static void put_memory(struct acpi_bytes *b, const struct smbios_facts *facts)
{
    enum { OTHER = 1, SYSTEM_MEMORY = 3, NO_CORRECTION = 3, NO_ERRORS = 0xfffe, RAM = 7, DIMM = 9 };
    enum { UNKNOWN = 1 << 2 };
    u64 mib = facts->memory / MIB;
    u16 array = begin(b, MEMORY_ARRAY, 23, 0);

    acpi_ints(b, 1, OTHER, SYSTEM_MEMORY, NO_CORRECTION);
    acpi_put_int(b, 0x80000000, 4); /* the size follows, in bytes */
    acpi_put_int(b, NO_ERRORS, 2);
    acpi_put_int(b, 1, 2);
    acpi_put_int(b, facts->memory, 8);
    strings(b, "", "");

    begin(b, MEMORY, 40, 0);
    acpi_ints(b, 2, array, NO_ERRORS, 0xffff, 0xffff);
    acpi_put_int(b, mib < 0x7fff ? mib : 0x7fff, 2);
    acpi_ints(b, 1, DIMM, 0, 1, 0, RAM);
    acpi_ints(b, 2, UNKNOWN, 0);
    acpi_ints(b, 1, 2, 0, 0, 0, 0);
    acpi_put_int(b, mib < 0x7fff ? 0 : mib, 4);
    acpi_ints(b, 2, 0, 0, 0, 0);
    strings(b, "DIMM 0", "vm");

    begin(b, MAPPED, 31, 0);
    acpi_ints(b, 4, 0xffffffff, 0xffffffff);
    acpi_put_int(b, array, 2);
    acpi_put_int(b, 1, 1);
    acpi_ints(b, 8, facts->ram_base, facts->ram_base + facts->memory - 1);
    strings(b, "", "");
}

static void put_anchor(struct acpi_bytes *b, u32 size)
{
    enum { LEN = 24, CHECKSUM = 5 };
    u8 sum = 0;

    acpi_put(b, "_SM3_", 5);
    acpi_ints(b, 1, 0, LEN, 3, 0, 0, 1, 0);
    acpi_put_int(b, size, 4);
    acpi_put_int(b, 0, 8);
    for (unsigned i = 0; i < LEN && !b->failed; i++)
        sum = (u8)(sum + b->at[i]);
    acpi_patch(b, CHECKSUM, (u8)-sum, 1);
}

int smbios_give(const struct smbios_facts *facts, struct device *fw_cfg, struct err *err)
{
    struct acpi_bytes b = { 0 }, anchor = { 0 };
    int rc = -ENOMEM;

    put_system(&b, facts);
    put_chassis(&b);
    for (unsigned i = 0; i < facts->cpus; i++)
        put_processor(&b, i);
    put_memory(&b, facts);
    begin(&b, END, 4, 0);
    strings(&b, "", "");
    put_anchor(&anchor, b.len);
    if (!b.failed && !anchor.failed &&
        (rc = fw_cfg_add(fw_cfg, "etc/smbios/smbios-tables", b.at, b.len)) == 0)
        rc = fw_cfg_add(fw_cfg, "etc/smbios/smbios-anchor", anchor.at, anchor.len);
    acpi_bytes_fini(&b);
    acpi_bytes_fini(&anchor);
    return rc < 0 ? err_set_errno(err, -rc, "the SMBIOS structures for the guest") : 0;
}
