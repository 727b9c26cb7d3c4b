/*
 * boot_entries.h - Boot Loader Specification, type 1 entries: their text, and which is first.
 */
#ifndef VM_BOOT_ENTRIES_H
#define VM_BOOT_ENTRIES_H

#include "base/types.h"

enum { BOOT_ENTRY_TEXT = 1024, BOOT_ENTRY_PATH = 256, BOOT_ENTRY_WORD = 128 };

/* Paths begin with '/' and are those of the entry's own file system; "" where absent. */
struct boot_entry {
    char id[BOOT_ENTRY_WORD]; /* the file's name without ".conf" */
    char sort_key[BOOT_ENTRY_WORD], machine_id[BOOT_ENTRY_WORD], version[BOOT_ENTRY_WORD];
    char kernel[BOOT_ENTRY_PATH], initrd[BOOT_ENTRY_PATH];
    char options[BOOT_ENTRY_TEXT]; /* of all its lines, one space between */
};

/* Any bytes. False: no entry that names a kernel, or a member is too long. */
bool boot_entry_parse(const char *file_name, const char *text, size_t size,
                      struct boot_entry *ret) MUST_CHECK;

/* < 0: a comes first in the boot menu, whose first entry is started. */
int boot_entry_compare(const struct boot_entry *a, const struct boot_entry *b);

/* As the Version Format Specification compares. */
int boot_version_compare(const char *a, const char *b);

/* The value of "default" in loader.conf, a pattern of ids; false: none. */
bool boot_default_parse(const char *text, size_t size, char *pattern, size_t max) MUST_CHECK;
bool boot_entry_matches(const struct boot_entry *e, const char *pattern) MUST_CHECK;

#endif
