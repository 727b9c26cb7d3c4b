/*
 * boot_disk.c - --boot disk: each power-on starts the kernel that the guest installed last.
 */
#include "vm/vm_private.h"

#include "backend/block/block.h"
#include "base/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int boot_disk_check(const struct vm_config *cfg, struct err *err)
{
    if (!cfg->boot_disk)
        return 0;
    if (cfg->m.kernel || cfg->m.initrd || cfg->m.firmware)
        return err_set(err, EINVAL,
                       "--boot disk takes kernel and initrd from the disk: leave out --kernel, "
                       "--initrd and --firmware");
    if (cfg->m.disk_count == 0)
        return err_set(err, EINVAL, "--boot disk: the machine has no disk: give --disk");
    return 0;
}

int boot_disk_read(struct vm *vm, struct err *err)
{
    struct machine_config *m = &vm->cfg->m;
    struct boot_disk *d = &vm->disk;
    char *append;
    int rc;

    if (!vm->cfg->boot_disk)
        return 0;
    if (!d->append)
        d->given = m->append;
    guest_kernel_fini(&d->kernel);
    rc = blk_image_sync(vm->machine->images[0], err);
    if (rc == 0)
        rc = guest_kernel_read(m->disks[0].path, m->disks[0].format ? m->disks[0].format : "raw",
                               &d->kernel, err);
    if (rc < 0)
        return rc;
    if (asprintf(&append, "%s%s%s", d->kernel.options, d->given ? " " : "",
                 d->given ? d->given : "") < 0)
        return err_set_errno(err, ENOMEM, "starting the guest's kernel");
    free(d->append);
    d->append = append;
    m->kernel = d->kernel.kernel_path;
    m->initrd = d->kernel.initrd_path[0] ? d->kernel.initrd_path : NULL;
    m->append = d->append;
    log_info("starting %s from the guest's disk", d->kernel.title);
    return 0;
}

void boot_disk_fini(struct boot_disk *d)
{
    guest_kernel_fini(&d->kernel);
    free(d->append);
}
