/*
 * fdt_none.c - builds without libfdt make no device trees, and say so.
 */
#include "machine/fdt/fdt.h"

#include <errno.h>

static int no_libfdt(struct err *err)
{
    return err_set(err, ENOTSUP,
                   "this build has no libfdt, without which no machine has a device "
                   "tree: build with it");
}

int fdt_writer_init(struct fdt_writer *f, struct err *err)
{
    return no_libfdt(err);
}

void fdt_writer_fini(struct fdt_writer *f)
{
}

void fdt_node(struct fdt_writer *f, const char *fmt, ...)
{
}

void fdt_end(struct fdt_writer *f)
{
}

u32 fdt_phandle_new(struct fdt_writer *f)
{
    return 0;
}

void fdt_prop_empty(struct fdt_writer *f, const char *name)
{
}

void fdt_prop_str(struct fdt_writer *f, const char *name, const char *value)
{
}

void fdt_prop_strs(struct fdt_writer *f, const char *name, const char *const *values)
{
}

void fdt_prop_bytes(struct fdt_writer *f, const char *name, const void *data, size_t size)
{
}

void fdt_prop_cells(struct fdt_writer *f, const char *name, const u32 *cells, unsigned count)
{
}

void fdt_prop_u64(struct fdt_writer *f, const char *name, u64 value)
{
}

void fdt_prop_reg(struct fdt_writer *f, u64 at, u64 size)
{
}

int fdt_writer_finish(struct fdt_writer *f, u8 **ret_blob, u32 *ret_size, struct err *err)
{
    return no_libfdt(err);
}

int fdt_user_tree(const void *data, size_t size, const char *path, const struct fdt_chosen *chosen,
                  u8 **ret_blob, u32 *ret_size, struct err *err)
{
    return no_libfdt(err);
}
