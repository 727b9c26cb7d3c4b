/*
 * install_none.c - for builds without libext2fs.
 */
#include "vm/vm_private.h"

#include <errno.h>
#include <vm/install.h>

VM_API const char *vm_install_stage_name(enum vm_install_stage stage)
{
    return "";
}

VM_API int vm_install_debian(const struct vm_install_options *options,
                             void (*progress)(void *arg, const struct vm_install_progress *p),
                             void *arg, struct vm_machine **ret, struct vm_err *err)
{
    struct err e = { 0 };

    err_set(&e, ENOTSUP, "this build cannot write ext4, and so installs nothing");
    return err_to_public(&e, err);
}
