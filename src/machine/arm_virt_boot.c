/*
 * arm_virt_boot.c - what an arm-virt machine starts: a kernel, or firmware in flash.
 *
 * Firmware is entered at address 0, in its flash; it finds the device tree at the start of RAM, and
 * a kernel that is given with it by fw_cfg, as on QEMU's virt.
 */
#include "machine/arm_virt.h"

#include "dev/soc/flash_cfi.h"
#include <errno.h>

static int boot_firmware(struct arm_virt *a, struct err *err)
{
    const char *path = a->virt.m.cfg->firmware;
    struct boot_file file;
    int rc = boot_file_read(&file, "firmware", path, ARM_VIRT_FLASH_SIZE, false, err);

    if (rc == -EFBIG)
        return err_set(err, EFBIG, "the firmware %s is larger than the %llu MiB of flash", path,
                       (unsigned long long)(ARM_VIRT_FLASH_SIZE / MIB));
    if (rc == 0 && boot_is_elf(file.data, file.size))
        rc = err_set(
            err, EINVAL,
            "the firmware %s is an ELF file, which cannot be put into flash: give a binary, "
            "such as u-boot.bin",
            path);
    if (rc == 0)
        flash_cfi_fill(a->flash, file.data, file.size);
    boot_file_fini(&file);
    a->virt.entry = ARM_VIRT_FLASH;
    return rc < 0 ? rc : virt_tell_firmware(&a->virt, err);
}

static int boot_kernel(struct virt *v, struct err *err)
{
    struct boot_file file;
    int rc;

    if (!v->m.cfg->kernel)
        return err_set(err, EINVAL,
                       "there is nothing to boot: give --kernel, --firmware or --load-state");
    rc = boot_file_read(&file, "kernel", v->m.cfg->kernel, VIRT_FILE_MAX, true, err);
    if (rc < 0)
        return rc;
    boot_plan_own(&v->m.plan, file.data);
    return virt_add_kernel(v, &file, &boot_arm64_image, &v->entry, err);
}

int arm_virt_boot(struct machine *m, struct err *err)
{
    struct arm_virt *a = arm_virt_of(m);
    int rc = a->flash ? boot_firmware(a, err) : boot_kernel(&a->virt, err);

    return rc < 0 ? rc : virt_add_parameters(&a->virt, arm_virt_fdt, err);
}
