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

/* OpenSBI, include/sbi/fw_dynamic.h. */
enum { FW_DYNAMIC_MAGIC = 0x4942534f, FW_DYNAMIC_VERSION = 2, FW_NEXT_S = 1 };

static int add_firmware(struct riscv_virt *v, struct err *err)
{
    struct machine *m = &v->virt.m;
    struct boot_file file;
    int rc = boot_file_read(&file, "firmware", m->cfg->firmware, VIRT_FILE_MAX, true, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&m->plan, file.data);
    if (boot_is_elf(file.data, file.size))
        return boot_elf_add(&m->plan, "firmware", file.path, file.data, file.size, EM_RISCV,
                            &v->virt.entry, err);
    v->virt.entry = RISCV_VIRT_RAM;
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
    *entry = RISCV_VIRT_RAM + VIRT_BOOT_ALIGN;
    return boot_plan_add(&v->virt.m.plan,
                         &(struct boot_load){ .what = "boot loader",
                                              .at = *entry,
                                              .data = file->data,
                                              .size = file->size,
                                              .span = file->size },
                         err);
}

static int add_kernel(struct riscv_virt *v, gpa_t *entry, struct err *err)
{
    struct machine *m = &v->virt.m;
    struct boot_file file;
    int rc = boot_file_read(&file, "kernel", m->cfg->kernel, VIRT_FILE_MAX, true, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&m->plan, file.data);
    if (!boot_is_elf(file.data, file.size) && boot_is_uboot(file.data, file.size))
        return add_uboot(v, &file, entry, err);
    return virt_add_kernel(&v->virt, &file, &boot_riscv_image, entry, err);
}

/* struct fw_dynamic_info, in the page after the device tree. */
static int add_dynamic_info(struct riscv_virt *v, gpa_t next, struct err *err)
{
    u8 *info = calloc(6, 8);

    if (!info)
        return err_set_errno(err, ENOMEM, "preparing the firmware");
    boot_plan_own(&v->virt.m.plan, info);
    le64_put(info, FW_DYNAMIC_MAGIC);
    le64_put(info + 8, FW_DYNAMIC_VERSION);
    le64_put(info + 16, next);
    le64_put(info + 24, FW_NEXT_S);
    v->info_at = v->virt.dtb_at + VIRT_DTB_SPAN;
    return boot_plan_add(&v->virt.m.plan,
                         &(struct boot_load){ .what = "firmware's parameters",
                                              .at = v->info_at,
                                              .data = info,
                                              .size = 48,
                                              .span = 48 },
                         err);
}

int riscv_virt_boot(struct machine *m, struct err *err)
{
    struct riscv_virt *v = riscv_virt_of(m);
    const struct machine_config *cfg = m->cfg;
    gpa_t kernel = 0;
    int rc = 0;

    v->info_at = 0;
    if (!cfg->kernel && !cfg->firmware)
        return err_set(err, EINVAL,
                       "there is nothing to boot: give --kernel, --firmware or "
                       "--load-state");
    if (cfg->firmware)
        rc = add_firmware(v, err);
    if (rc == 0 && cfg->kernel)
        rc = add_kernel(v, cfg->firmware ? &kernel : &v->virt.entry, err);
    if (rc == 0)
        rc = virt_add_parameters(&v->virt, riscv_virt_fdt, err);
    if (rc == 0 && cfg->firmware)
        rc = add_dynamic_info(v, kernel, err);
    return rc;
}
