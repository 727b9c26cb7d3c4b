/*
 * tables.h - ACPI tables and SMBIOS structures as firmware takes them over by fw_cfg: bytes whose
 * addresses it sets when it has put them into memory (QEMU's table loader, which EDK2 carries out).
 */
#ifndef MACHINE_ACPI_TABLES_H
#define MACHINE_ACPI_TABLES_H

#include "base/err.h"
#include "dev/core/device.h"
#include "machine/acpi/aml.h"

enum { ACPI_MAX_TABLES = 16 };

struct acpi_tables {
    struct acpi_bytes bytes, loader;
    u32 root[ACPI_MAX_TABLES]; /* where those are that the XSDT names */
    unsigned count;
    u32 begun; /* where the present one is */
};

/* Begins a table with its header; what is put into t->bytes is its content. Returns where it is. */
u32 acpi_table_begin(struct acpi_tables *t, const char *signature, u8 revision);
/* listed: the XSDT names it. */
void acpi_table_end(struct acpi_tables *t, bool listed);
/* The 8 bytes at `at` are the address of the table at `to`. */
void acpi_table_pointer(struct acpi_tables *t, u32 at, u32 to);
/* Gives all of it to a fw_cfg device; frees t's memory in any case. */
int acpi_tables_finish(struct acpi_tables *t, struct device *fw_cfg, struct err *err) MUST_CHECK;

/* What SMBIOS tells of a machine. */
struct smbios_facts {
    const char *product;
    unsigned cpus;
    u64 memory; /* bytes, from ram_base on */
    gpa_t ram_base;
};
int smbios_give(const struct smbios_facts *facts, struct device *fw_cfg,
                struct err *err) MUST_CHECK;

#endif
