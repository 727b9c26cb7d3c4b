/*
 * virt_boot.c - the files that a board of virtio devices boots: kernel, initrd, device tree.
 */
#include "machine/virt.h"

#include "base/bits.h"
#include "dev/soc/fw_cfg.h"
#include <errno.h>
#include <string.h>

/* Where a kernel surely looks: initrd and device tree lie below. */
#define TOP (2 * GIB)

static int add_image(struct virt *v, const struct boot_file *file,
                     const struct boot_image_kind *kind, gpa_t *ret_entry, struct err *err)
{
    struct boot_image image;
    gpa_t at, free_at = boot_plan_end(&v->m.plan, VIRT_BOOT_ALIGN);
    int rc = boot_image_check(file->data, file->size, file->path, kind, &image, err);

    if (rc < 0)
        return rc;
    at = v->m.plan.ram_base + image.text_offset;
    *ret_entry = at < free_at ? free_at : at;
    return boot_plan_add(&v->m.plan,
                         &(struct boot_load){ .what = "kernel",
                                              .at = *ret_entry,
                                              .data = file->data,
                                              .size = file->size,
                                              .span = image.image_size },
                         err);
}

int virt_add_kernel(struct virt *v, const struct boot_file *file,
                    const struct boot_image_kind *kind, gpa_t *ret_entry, struct err *err)
{
    if (boot_is_elf(file->data, file->size))
        return boot_elf_add(&v->m.plan, "kernel", file->path, file->data, file->size,
                            kind->elf_machine, ret_entry, err);
    return add_image(v, file, kind, ret_entry, err);
}

/* An initrd is passed as it is: the kernel unpacks it. It lies below the device tree. */
static int add_initrd(struct virt *v, struct err *err)
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
static int add_dtb(struct virt *v, virt_fdt_fn *fdt, struct err *err)
{
    struct boot_load load = { .what = "device tree", .at = v->dtb_at, .span = VIRT_DTB_SPAN };
    u8 *blob;
    u32 size;
    int rc = fdt(v, &blob, &size, err);

    if (rc < 0)
        return rc;
    boot_plan_own(&v->m.plan, blob);
    load.data = blob;
    load.size = size;
    return boot_plan_add(&v->m.plan, &load, err);
}

static int tell_file(struct virt *v, const char *what, const char *path, u16 size_key, u16 data_key,
                     struct err *err)
{
    struct boot_file file = { 0 };
    u8 size[4];
    int rc = 0;

    if (path && (rc = boot_file_read(&file, what, path, VIRT_FILE_MAX, false, err)) < 0)
        return rc;
    le32_put(size, (u32)file.size);
    if (fw_cfg_set(v->fw_cfg, size_key, size, sizeof size) ||
        fw_cfg_set(v->fw_cfg, data_key, file.data, (u32)file.size))
        rc = err_set_errno(err, ENOMEM, "giving the %s to the firmware", what);
    boot_file_fini(&file);
    return rc;
}

int virt_tell_firmware(struct virt *v, struct err *err)
{
    const struct machine_config *cfg = v->m.cfg;
    const char *words = cfg->append && cfg->kernel ? cfg->append : "";
    u32 len = *words ? (u32)strlen(words) + 1 : 0;
    u8 size[4];
    int rc = tell_file(v, "kernel", cfg->kernel, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, err);

    if (rc == 0)
        rc = tell_file(v, "initrd", cfg->initrd, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, err);
    if (rc < 0)
        return rc;
    le32_put(size, len);
    if (fw_cfg_set(v->fw_cfg, FW_CFG_CMDLINE_SIZE, size, sizeof size) ||
        fw_cfg_set(v->fw_cfg, FW_CFG_CMDLINE_DATA, words, len))
        return err_set_errno(err, ENOMEM, "giving the command line to the firmware");
    return 0;
}

int virt_add_parameters(struct virt *v, virt_fdt_fn *fdt, struct err *err)
{
    struct machine *m = &v->m;
    u64 memory = m->cfg->memory;
    int rc = 0;

    v->initrd_at = v->initrd_size = 0;
    if (v->flash_boots) {
        v->dtb_at = m->plan.ram_base;
        return add_dtb(v, fdt, err);
    }
    v->dtb_at = boot_plan_top(&m->plan, VIRT_BOOT_ALIGN, VIRT_BOOT_ALIGN,
                              m->plan.ram_base + (memory < TOP ? memory : TOP));
    if (v->dtb_at == 0)
        return err_set(err, EINVAL,
                       "the device tree does not fit beside the kernel in %llu MiB of "
                       "memory: give more --memory",
                       (unsigned long long)(memory / MIB));
    if (m->cfg->initrd)
        rc = add_initrd(v, err);
    return rc < 0 ? rc : add_dtb(v, fdt, err);
}
