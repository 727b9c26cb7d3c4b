/*
 * fdt.c - device trees: writing one from nothing, and completing a user's.
 */
#include "machine/fdt/fdt.h"

#include "base/bug.h"
#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for what firmware adds in place: reserved memory, status of its own devices. */
enum { FIRMWARE_ROOM = 4096 };

static void note(struct fdt_writer *f, int rc)
{
    if (rc < 0 && f->error == 0)
        f->error = rc;
}

int fdt_writer_init(struct fdt_writer *f, struct err *err)
{
    *f = (struct fdt_writer){ .blob = calloc(1, FDT_BUFFER_SIZE) };
    if (!f->blob)
        return err_set_errno(err, ENOMEM, "making the device tree");
    note(f, fdt_create(f->blob, FDT_BUFFER_SIZE));
    note(f, fdt_finish_reservemap(f->blob));
    return 0;
}

void fdt_writer_fini(struct fdt_writer *f)
{
    free(f->blob);
    f->blob = NULL;
}

void fdt_node(struct fdt_writer *f, const char *fmt, ...)
{
    char name[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    note(f, fdt_begin_node(f->blob, name));
}

void fdt_end(struct fdt_writer *f)
{
    note(f, fdt_end_node(f->blob));
}

u32 fdt_phandle_new(struct fdt_writer *f)
{
    return ++f->phandle;
}

void fdt_prop_empty(struct fdt_writer *f, const char *name)
{
    note(f, fdt_property(f->blob, name, NULL, 0));
}

void fdt_prop_str(struct fdt_writer *f, const char *name, const char *value)
{
    fdt_prop_bytes(f, name, value, strlen(value) + 1);
}

void fdt_prop_strs(struct fdt_writer *f, const char *name, const char *const *values)
{
    size_t size = 0;
    char *at;
    void *data;

    for (unsigned i = 0; values[i]; i++)
        size += strlen(values[i]) + 1;
    note(f, fdt_property_placeholder(f->blob, name, (int)size, &data));
    if (f->error)
        return;
    at = data;
    for (unsigned i = 0; values[i]; i++)
        at = stpcpy(at, values[i]) + 1;
}

void fdt_prop_bytes(struct fdt_writer *f, const char *name, const void *data, size_t size)
{
    BUG_ON(size > FDT_BUFFER_SIZE);
    note(f, fdt_property(f->blob, name, data, (int)size));
}

void fdt_prop_cells(struct fdt_writer *f, const char *name, const u32 *cells, unsigned count)
{
    void *data;

    note(f, fdt_property_placeholder(f->blob, name, (int)(count * sizeof *cells), &data));
    if (f->error)
        return;
    for (unsigned i = 0; i < count; i++)
        fdt32_st((u8 *)data + i * sizeof *cells, cells[i]);
}

void fdt_prop_u64(struct fdt_writer *f, const char *name, u64 value)
{
    fdt_cells(f, name, (u32)(value >> 32), (u32)value);
}

void fdt_prop_reg(struct fdt_writer *f, u64 at, u64 size)
{
    fdt_cells(f, "reg", (u32)(at >> 32), (u32)at, (u32)(size >> 32), (u32)size);
}

/* Copies a finished tree and leaves room behind it. */
static int copy_with_room(const void *tree, size_t room, u8 **ret_blob, u32 *ret_size,
                          struct err *err)
{
    size_t size = fdt_totalsize(tree) + room;
    u8 *blob = calloc(1, size);

    if (!blob)
        return err_set_errno(err, ENOMEM, "making the device tree");
    if (fdt_open_into(tree, blob, (int)size) < 0) {
        free(blob);
        return err_set(err, EINVAL, "the device tree cannot be copied");
    }
    *ret_blob = blob;
    *ret_size = (u32)size;
    return 0;
}

int fdt_writer_finish(struct fdt_writer *f, u8 **ret_blob, u32 *ret_size, struct err *err)
{
    int rc;

    note(f, fdt_finish(f->blob));
    if (f->error == -FDT_ERR_NOSPACE) {
        fdt_writer_fini(f);
        return err_set(err, E2BIG,
                       "the device tree is over %d bytes: give fewer CPUs, devices "
                       "or a shorter --append",
                       FDT_BUFFER_SIZE);
    }
    BUG_ON(f->error);
    rc = copy_with_room(f->blob, FIRMWARE_ROOM, ret_blob, ret_size, err);
    fdt_writer_fini(f);
    return rc;
}

static int set_chosen(void *blob, const struct fdt_chosen *chosen)
{
    int node = fdt_path_offset(blob, "/chosen"), rc = 0;

    if (node == -FDT_ERR_NOTFOUND)
        node = fdt_add_subnode(blob, 0, "chosen");
    if (node < 0)
        return node;
    if (chosen->bootargs)
        rc = fdt_setprop(blob, node, "bootargs", chosen->bootargs,
                         (int)strlen(chosen->bootargs) + 1);
    if (rc == 0)
        rc = fdt_setprop(blob, node, "rng-seed", chosen->rng_seed, sizeof chosen->rng_seed);
    if (rc == 0 && chosen->initrd_start != chosen->initrd_end) {
        rc = fdt_setprop_u64(blob, node, "linux,initrd-start", chosen->initrd_start);
        if (rc == 0)
            rc = fdt_setprop_u64(blob, node, "linux,initrd-end", chosen->initrd_end);
    }
    return rc;
}

int fdt_user_tree(const void *data, size_t size, const char *path, const struct fdt_chosen *chosen,
                  u8 **ret_blob, u32 *ret_size, struct err *err)
{
    size_t room = FIRMWARE_ROOM + 512 + (chosen->bootargs ? strlen(chosen->bootargs) : 0);
    int rc = size < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_header(data);

    if (rc == 0)
        rc = fdt_check_full(data, size);
    if (rc < 0)
        return err_set(err, EINVAL,
                       "%s is not a usable device tree blob (%s): make it with dtc "
                       "-O dtb",
                       path, fdt_strerror(rc));
    if (fdt_totalsize(data) > FDT_BUFFER_SIZE)
        return err_set(err, EINVAL, "%s: a device tree of %u bytes is over the limit of %d", path,
                       fdt_totalsize(data), FDT_BUFFER_SIZE);
    rc = copy_with_room(data, room, ret_blob, ret_size, err);
    if (rc < 0)
        return err_wrap(err, "%s", path);
    rc = set_chosen(*ret_blob, chosen);
    if (rc < 0) {
        free(*ret_blob);
        *ret_blob = NULL;
        return err_set(err, EINVAL, "%s: /chosen cannot be written (%s)", path, fdt_strerror(rc));
    }
    return 0;
}
