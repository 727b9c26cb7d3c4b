/*
 * boot.h - what lies in guest memory before the first instruction.
 *
 * A plan is a list of byte ranges and their addresses. It is made at every reset, from files
 * that are checked first, written into RAM and dropped. Files are a user's or a stranger's:
 * any bytes must give a plan or one sentence.
 */
#ifndef MACHINE_BOOT_BOOT_H
#define MACHINE_BOOT_BOOT_H

#include "base/err.h"
#include "base/types.h"

enum { BOOT_MAX_LOADS = 24 };

/* A file in memory, decompressed. */
struct boot_file {
    const char *path; /* borrows (the configuration) */
    u8 *data;         /* owns */
    size_t size;
};

struct boot_load {
    const char *what; /* "kernel": for messages */
    gpa_t at;
    const u8 *data; /* borrows: one of the plan's `owned`, or static; size bytes */
    u64 size;
    u64 span;       /* >= size: the rest is zero or scratch and is not written */
    bool zero_rest; /* write zeroes up to span */
};

struct boot_plan {
    gpa_t ram_base;
    u64 ram_size;
    struct boot_load loads[BOOT_MAX_LOADS];
    unsigned load_count;
    void *owned[8]; /* owns: freed with the plan */
    unsigned owned_count;
};

void boot_plan_init(struct boot_plan *plan, gpa_t ram_base, u64 ram_size);
void boot_plan_fini(struct boot_plan *plan);

/* Hands malloc'ed memory to the plan. */
void boot_plan_own(struct boot_plan *plan, void *memory);

/* Adds a range. An error names it when it is outside RAM or overlaps another. */
int boot_plan_add(struct boot_plan *plan, const struct boot_load *load, struct err *err) MUST_CHECK;

/* Highest address, aligned down to `align`, where `size` bytes are free below `limit`;
 * 0 when there is none. */
gpa_t boot_plan_top(const struct boot_plan *plan, u64 size, u64 align, gpa_t limit);

/* Lowest free address at or above `from`, aligned up to `align`: the end of what is there. */
gpa_t boot_plan_end(const struct boot_plan *plan, u64 align);

/* Reads a file of at most `limit` bytes; one compressed with gzip or zstd (or such a payload of an
 * EFI zboot image) is decompressed when `unpack` is set. what: "kernel". */
int boot_file_read(struct boot_file *file, const char *what, const char *path, u64 limit,
                   bool unpack, struct err *err) MUST_CHECK;
void boot_file_fini(struct boot_file *file);

/* Unpacks one gzip stream, or one zstd frame, into malloc'ed memory: 0, -EINVAL for a damaged
 * one, -EFBIG over the limit, -ENOMEM, -ENOTSUP when this build cannot. */
int boot_gunzip(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size) MUST_CHECK;
int boot_unzstd(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size) MUST_CHECK;

/* For these: doubles the room of a malloc'ed buffer, up to the limit. */
int boot_unpack_grow(u8 **buf, size_t *room, u64 limit) MUST_CHECK;

/* --- formats --- */

bool boot_is_elf(const u8 *data, size_t size);

/* Adds the segments of a 64-bit little-endian ELF executable for `machine` (EM_*) at their
 * physical addresses, and gives its entry point. A position-independent one, which finds
 * its way wherever it is, is moved to the start of RAM. */
int boot_elf_add(struct boot_plan *plan, const char *what, const char *path, const u8 *data,
                 size_t size, unsigned machine, gpa_t *ret_entry, struct err *err) MUST_CHECK;

/* A boot loader as a bare binary, linked for its place: U-Boot says so in its text. */
bool boot_is_uboot(const u8 *data, size_t size);

/* Linux's Image of an architecture. */
struct boot_image_kind {
    const char *who, *magic; /* "an arm64" */
    unsigned elf_machine;    /* EM_*, of its ELF programs */
    u64 offset_unsized;      /* text offset of kernels that do not tell their size */
    const char *example;     /* where a user finds one */
};
extern const struct boot_image_kind boot_riscv_image, boot_arm64_image;

struct boot_image {
    u64 text_offset; /* from a 2 MiB boundary of RAM */
    u64 image_size;  /* in memory, with what is zeroed at start */
};

/* Any bytes: -EINVAL with a sentence when they are no such image. */
int boot_image_check(const u8 *data, size_t size, const char *path,
                     const struct boot_image_kind *kind, struct boot_image *out,
                     struct err *err) MUST_CHECK;

#endif
