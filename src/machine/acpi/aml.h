/*
 * aml.h - bytes of ACPI tables, and AML: names, objects, packages and resources in the order in
 * which they stand (ACPI 6.5, 20.2 and 6.4).
 *
 * The first failure, no memory, is remembered; a board looks at it once.
 */
#ifndef MACHINE_ACPI_AML_H
#define MACHINE_ACPI_AML_H

#include "base/types.h"

struct acpi_bytes {
    u8 *at; /* owns */
    u32 len, room;
    bool failed;
};

void acpi_put(struct acpi_bytes *b, const void *data, u32 len);
/* Little-endian, in `size` bytes. */
void acpi_put_int(struct acpi_bytes *b, u64 v, unsigned size);
void acpi_put_zeroes(struct acpi_bytes *b, u32 len);
/* Several integers of one size: acpi_ints(b, 4, 1, 2, 3). */
#define acpi_ints(b, size, ...)                                                                    \
    acpi_put_list(b, size, (const u64[]){ __VA_ARGS__ },                                           \
                  sizeof((const u64[]){ __VA_ARGS__ }) / sizeof(u64))
void acpi_put_list(struct acpi_bytes *b, unsigned size, const u64 *values, unsigned count);
/* Changes what stands at `at`. */
void acpi_patch(struct acpi_bytes *b, u32 at, u64 v, unsigned size);
void acpi_bytes_fini(struct acpi_bytes *b);

/* --- terms. What opens gives a mark that aml_end() takes. Names: "COM0", "\\_SB" --- */

u32 aml_scope(struct acpi_bytes *b, const char *name);
u32 aml_device(struct acpi_bytes *b, const char *name, const char *hid, u64 uid);
/* _CID: what else a device is for its drivers. */
void aml_compatible(struct acpi_bytes *b, const char *id);
u32 aml_method(struct acpi_bytes *b, const char *name, unsigned args);
u32 aml_package(struct acpi_bytes *b, unsigned count);
void aml_end(struct acpi_bytes *b, u32 mark);

void aml_name(struct acpi_bytes *b, const char *name); /* an object's; its value follows */
void aml_int(struct acpi_bytes *b, u64 v);
void aml_name_int(struct acpi_bytes *b, const char *name, u64 v);
void aml_notify(struct acpi_bytes *b, const char *device, u64 v);
/* The method _OSC of a PCI host bridge that hands over control of what `mask` has (PCI Firmware
 * Specification, 4.5). */
void aml_pci_osc(struct acpi_bytes *b, u32 mask);

/* --- resources of the object `name` ("_CRS") --- */

u32 aml_resources(struct acpi_bytes *b, const char *name);
void aml_resources_end(struct acpi_bytes *b, u32 mark);
void aml_memory(struct acpi_bytes *b, u32 at, u32 size);
void aml_interrupt(struct acpi_bytes *b, u32 gsiv); /* by level, active high */
void aml_bus_range(struct acpi_bytes *b, u16 first, u16 last);
void aml_window(struct acpi_bytes *b, u64 at, u64 size); /* of memory, passed on */
void aml_pin_interrupt(struct acpi_bytes *b, u16 pin, const char *controller); /* rising edge */

#endif
