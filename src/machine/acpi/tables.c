/*
 * tables.c - headers, the root of all tables, and the loader's script (QEMU's
 * hw/acpi/bios-linker-loader.c describes its commands).
 */
#include "machine/acpi/tables.h"

#include "base/bug.h"
#include "dev/soc/fw_cfg.h"
#include <errno.h>
#include <string.h>

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE   "etc/acpi/rsdp"
enum { HEADER_SIZE = 36, HEADER_LENGTH = 4, HEADER_CHECKSUM = 9 };
enum { RSDP_SIZE = 36, RSDP_CHECKSUM = 8, RSDP_V1_SIZE = 20, RSDP_XSDT = 24, RSDP_EXTENDED = 32 };

/* --- the script: commands of 128 bytes --- */

enum { COMMAND_SIZE = 128, FILE_SIZE = 56 };
enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };

static void put_file(struct acpi_bytes *b, const char *name)
{
    acpi_put(b, name, (u32)strlen(name));
    acpi_put_zeroes(b, FILE_SIZE - (u32)strlen(name));
}

static void command_end(struct acpi_bytes *b)
{
    acpi_put_zeroes(b, COMMAND_SIZE - 1 - (b->len - 1) % COMMAND_SIZE);
}

static void allocate(struct acpi_bytes *b, const char *file, u32 align, u8 zone)
{
    acpi_put_int(b, ALLOCATE, 4);
    put_file(b, file);
    acpi_put_int(b, align, 4);
    acpi_put_int(b, zone, 1);
    command_end(b);
}

static void pointer(struct acpi_bytes *b, const char *in, u32 at, const char *to)
{
    acpi_put_int(b, ADD_POINTER, 4);
    put_file(b, in);
    put_file(b, to);
    acpi_put_int(b, at, 4);
    acpi_put_int(b, 8, 1);
    command_end(b);
}

static void checksum(struct acpi_bytes *b, const char *file, u32 at, u32 start, u32 len)
{
    acpi_put_int(b, ADD_CHECKSUM, 4);
    put_file(b, file);
    acpi_ints(b, 4, at, start, len);
    command_end(b);
}

/* --- tables --- */

u32 acpi_table_begin(struct acpi_tables *t, const char *signature, u8 revision)
{
    struct acpi_bytes *b = &t->bytes;

    if (t->loader.len == 0) {
        allocate(&t->loader, RSDP_FILE, 16, ZONE_FSEG);
        allocate(&t->loader, TABLES_FILE, 64, ZONE_HIGH);
    }
    acpi_put_zeroes(b, -b->len & 7);
    t->begun = b->len;
    acpi_put(b, signature, 4);
    acpi_put_int(b, 0, 4);
    acpi_ints(b, 1, revision, 0);
    acpi_put(b, "VM    VM      ", 14);
    acpi_put_int(b, 1, 4);
    acpi_put(b, "VM  ", 4);
    acpi_put_int(b, 1, 4);
    return t->begun;
}

void acpi_table_end(struct acpi_tables *t, bool listed)
{
    u32 len = t->bytes.len - t->begun;

    acpi_patch(&t->bytes, t->begun + HEADER_LENGTH, len, 4);
    checksum(&t->loader, TABLES_FILE, t->begun + HEADER_CHECKSUM, t->begun, len);
    BUG_ON(t->count == ACPI_MAX_TABLES);
    if (listed)
        t->root[t->count++] = t->begun;
}

/* Until the script is carried out, a pointer is the place in the file. */
void acpi_table_pointer(struct acpi_tables *t, u32 at, u32 to)
{
    acpi_patch(&t->bytes, at, to, 8);
    pointer(&t->loader, TABLES_FILE, at, TABLES_FILE);
}

static void put_rsdp(struct acpi_bytes *b, u32 xsdt)
{
    acpi_put(b, "RSD PTR \0VM    \2", 16);
    acpi_put_int(b, 0, 4);
    acpi_put_int(b, RSDP_SIZE, 4);
    acpi_put_int(b, xsdt, 8);
    acpi_put_int(b, 0, 4);
}

int acpi_tables_finish(struct acpi_tables *t, struct device *fw_cfg, struct err *err)
{
    struct acpi_bytes rsdp = { 0 };
    u32 xsdt = acpi_table_begin(t, "XSDT", 1);
    int rc = -ENOMEM;

    acpi_put_zeroes(&t->bytes, 8 * t->count);
    for (unsigned i = 0; i < t->count; i++)
        acpi_table_pointer(t, xsdt + HEADER_SIZE + 8 * i, t->root[i]);
    acpi_table_end(t, false);
    put_rsdp(&rsdp, xsdt);
    pointer(&t->loader, RSDP_FILE, RSDP_XSDT, TABLES_FILE);
    checksum(&t->loader, RSDP_FILE, RSDP_CHECKSUM, 0, RSDP_V1_SIZE);
    checksum(&t->loader, RSDP_FILE, RSDP_EXTENDED, 0, RSDP_SIZE);
    if (!t->bytes.failed && !t->loader.failed && !rsdp.failed &&
        (rc = fw_cfg_add(fw_cfg, TABLES_FILE, t->bytes.at, t->bytes.len)) == 0 &&
        (rc = fw_cfg_add(fw_cfg, RSDP_FILE, rsdp.at, rsdp.len)) == 0)
        rc = fw_cfg_add(fw_cfg, "etc/table-loader", t->loader.at, t->loader.len);
    acpi_bytes_fini(&rsdp);
    acpi_bytes_fini(&t->bytes);
    acpi_bytes_fini(&t->loader);
    return rc < 0 ? err_set_errno(err, -rc, "the ACPI tables for the guest") : 0;
}
