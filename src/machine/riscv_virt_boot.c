/*
 * riscv_virt_boot.c - what lies in a riscv-virt machine's RAM at power-on.
 *
 * Without a firmware file the kernel is entered in S-mode at its place: RAM plus the
 * header's text offset. With one, it lies at the start of RAM and finds the kernel where
 * OpenSBI's fw_jump and QEMU expect it: 2 MiB further, or at the next 2 MiB boundary.
 * The device tree and the initrd lie at the top, below 2 GiB of RAM.
 */
#include "machine/riscv_virt.h"

#include "base/bits.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 2 << 20, DTB_SPAN = (2 << 20) - 4096 };
#define FILE_MAX (1 * GIB)
#define TOP_MAX  (RISCV_VIRT_RAM + 2 * GIB)

/* OpenSBI, include/sbi/fw_dynamic.h. */
enum { FW_DYNAMIC_MAGIC = 0x4942534f, FW_DYNAMIC_VERSION = 2, FW_NEXT_S = 1 };

static int add_firmware(struct riscv_virt *v, struct err *err)
{
    struct machine *m = &v->m;
    struct boot_file file;
    int rc = boot_file_read(&file, "firmware", m->cfg->firmware, FILE_MAX, true, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&m->plan, file.data);
    if (boot_is_elf(file.data, file.size))
        return boot_elf_add(&m->plan, "firmware", file.path, file.data, file.size, EM_RISCV,
                            &v->entry, err);
    v->entry = RISCV_VIRT_RAM;
    return boot_plan_add(&m->plan,
                         &(struct boot_load){ .what = "firmware",
                                              .at = RISCV_VIRT_RAM,
                                              .data = file.data,
                                              .size = file.size,
                                              .span = file.size },
                         err);
}

/* Linked for the place after the firmware, where OpenSBI looks for what comes next. */
static int add_uboot(struct riscv_virt *v, const struct boot_file *file, gpa_t *entry,
                     struct err *err)
{
    *entry = RISCV_VIRT_RAM + ALIGN;
    return boot_plan_add(&v->m.plan,
                         &(struct boot_load){ .what = "boot loader",
                                              .at = *entry,
                                              .data = file->data,
                                              .size = file->size,
                                              .span = file->size },
                         err);
}

static int add_image(struct riscv_virt *v, const struct boot_file *file, gpa_t *entry,
                     struct err *err)
{
    struct boot_rv_image image;
    gpa_t at, free_at = boot_plan_end(&v->m.plan, ALIGN);
    int rc = boot_rv_image_check(file->data, file->size, file->path, &image, err);

    if (rc < 0)
        return rc;
    at = RISCV_VIRT_RAM + image.text_offset;
    *entry = at < free_at ? free_at : at;
    return boot_plan_add(&v->m.plan,
                         &(struct boot_load){ .what = "kernel",
                                              .at = *entry,
                                              .data = file->data,
                                              .size = file->size,
                                              .span = image.image_size },
                         err);
}

static int add_kernel(struct riscv_virt *v, gpa_t *entry, struct err *err)
{
    struct machine *m = &v->m;
    struct boot_file file;
    int rc = boot_file_read(&file, "kernel", m->cfg->kernel, FILE_MAX, true, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&m->plan, file.data);
    if (boot_is_elf(file.data, file.size))
        return boot_elf_add(&m->plan, "kernel", file.path, file.data, file.size, EM_RISCV, entry,
                            err);
    if (boot_is_uboot(file.data, file.size))
        return add_uboot(v, &file, entry, err);
    return add_image(v, &file, entry, err);
}

/* An initrd is passed as it is: the kernel unpacks it. It lies below the device tree. */
static int add_initrd(struct riscv_virt *v, struct err *err)
{
    struct machine *m = &v->m;
    struct boot_file file;
    int rc = boot_file_read(&file, "initrd", m->cfg->initrd, m->cfg->memory, false, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&m->plan, file.data);
    v->initrd_size = file.size;
    v->initrd_at = boot_plan_top(&m->plan, file.size, 4096, v->dtb_at);
    if (v->initrd_at == 0)
        return err_set(err, EINVAL,
                       "the initrd %s of %llu MiB does not fit beside the kernel in "
                       "%llu MiB of memory: give more --memory",
                       file.path, (unsigned long long)(file.size / MIB),
                       (unsigned long long)(m->cfg->memory / MIB));
    return boot_plan_add(&m->plan,
                         &(struct boot_load){ .what = "initrd",
                                              .at = v->initrd_at,
                                              .data = file.data,
                                              .size = file.size,
                                              .span = file.size },
                         err);
}

/* After the initrd, whose place it tells. */
static int add_dtb(struct riscv_virt *v, struct err *err)
{
    struct boot_load load = { .what = "device tree", .at = v->dtb_at, .span = DTB_SPAN };
    u8 *blob;
    u32 size;
    int rc = riscv_virt_fdt(v, &blob, &size, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&v->m.plan, blob);
    load.data = blob;
    load.size = size;
    return boot_plan_add(&v->m.plan, &load, err);
}

/* struct fw_dynamic_info, in the page after the device tree. */
static int add_dynamic_info(struct riscv_virt *v, gpa_t next, struct err *err)
{
    u8 *info = calloc(6, 8);

    if (!info)
        return err_set_errno(err, ENOMEM, "preparing the firmware");
    boot_plan_own(&v->m.plan, info);
    le64_put(info, FW_DYNAMIC_MAGIC);
    le64_put(info + 8, FW_DYNAMIC_VERSION);
    le64_put(info + 16, next);
    le64_put(info + 24, FW_NEXT_S);
    v->info_at = v->dtb_at + DTB_SPAN;
    return boot_plan_add(&v->m.plan,
                         &(struct boot_load){ .what = "firmware's parameters",
                                              .at = v->info_at,
                                              .data = info,
                                              .size = 48,
                                              .span = 48 },
                         err);
}

int riscv_virt_boot(struct machine *m, struct err *err)
{
    struct riscv_virt *v = container_of(m, struct riscv_virt, m);
    const struct machine_config *cfg = m->cfg;
    gpa_t kernel = 0, limit = RISCV_VIRT_RAM + cfg->memory;
    int rc = 0;

    v->initrd_at = v->initrd_size = v->info_at = 0;
    if (!cfg->kernel && !cfg->firmware)
        return err_set(err, EINVAL,
                       "there is nothing to boot: give --kernel, --firmware or "
                       "--load-state");
    if (cfg->firmware)
        rc = add_firmware(v, err);
    if (rc == 0 && cfg->kernel)
        rc = add_kernel(v, cfg->firmware ? &kernel : &v->entry, err);
    if (rc < 0)
        return rc;
    v->dtb_at = boot_plan_top(&m->plan, ALIGN, ALIGN, limit < TOP_MAX ? limit : TOP_MAX);
    if (v->dtb_at == 0)
        return err_set(err, EINVAL,
                       "the device tree does not fit beside the kernel in %llu MiB of "
                       "memory: give more --memory",
                       (unsigned long long)(cfg->memory / MIB));
    if (cfg->initrd)
        rc = add_initrd(v, err);
    if (rc == 0)
        rc = add_dtb(v, err);
    if (rc == 0 && cfg->firmware)
        rc = add_dynamic_info(v, kernel, err);
    return rc;
}
