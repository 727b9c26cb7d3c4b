/*
 * fdt.h - device trees: writing one from nothing, and completing a user's.
 *
 * A thin layer over libfdt's sequential writer that remembers the first error, so that
 * boards list their nodes without checking each call. Devicetree Specification 0.4.
 */
#ifndef MACHINE_FDT_FDT_H
#define MACHINE_FDT_FDT_H

#include "base/err.h"
#include "base/types.h"

enum { FDT_BUFFER_SIZE = 1 << 20 };

struct fdt_writer {
    u8 *blob;    /* owns: FDT_BUFFER_SIZE bytes */
    int error;   /* first libfdt error, 0 while fine */
    u32 phandle; /* last one given out */
};

int fdt_writer_init(struct fdt_writer *f, struct err *err) MUST_CHECK;
void fdt_writer_fini(struct fdt_writer *f);

/* Opens a node (the root is ""); each open needs one end. */
void fdt_node(struct fdt_writer *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
void fdt_end(struct fdt_writer *f);

/* A fresh phandle; fdt_prop_phandle gives it to the open node. */
u32 fdt_phandle_new(struct fdt_writer *f);

void fdt_prop_empty(struct fdt_writer *f, const char *name);
void fdt_prop_str(struct fdt_writer *f, const char *name, const char *value);
/* Several strings: the array ends with NULL. */
void fdt_prop_strs(struct fdt_writer *f, const char *name, const char *const *values);
void fdt_prop_bytes(struct fdt_writer *f, const char *name, const void *data, size_t size);
void fdt_prop_cells(struct fdt_writer *f, const char *name, const u32 *cells, unsigned count);
/* fdt_cells(f, "reg", 0, 16): the arguments as 32-bit cells. */
#define fdt_cells(f, name, ...)                                                                    \
    fdt_prop_cells(f, name, (const u32[]){ __VA_ARGS__ },                                          \
                   sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))
void fdt_prop_u64(struct fdt_writer *f, const char *name, u64 value);
/* reg = <at size> with two cells each. */
void fdt_prop_reg(struct fdt_writer *f, u64 at, u64 size);

/* Ends the tree. On success *ret_blob is the caller's to free and *f is empty. */
int fdt_writer_finish(struct fdt_writer *f, u8 **ret_blob, u32 *ret_size,
                      struct err *err) MUST_CHECK;

/* --- a user's tree --- */

/* What a boot loader writes under /chosen. */
struct fdt_chosen {
    const char *bootargs;         /* NULL: as the tree has it */
    u64 initrd_start, initrd_end; /* equal: none */
    u8 rng_seed[32];
};

/* Checks a blob (any bytes) and returns a copy with /chosen completed and 4 KiB of room
 * for firmware. -EINVAL with a sentence naming `path` when it is no device tree. */
int fdt_user_tree(const void *data, size_t size, const char *path, const struct fdt_chosen *chosen,
                  u8 **ret_blob, u32 *ret_size, struct err *err) MUST_CHECK;

#endif
