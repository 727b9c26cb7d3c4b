/*
 * guest_kernel_none.c - for builds without libext2fs.
 */
#include "vm/guest_kernel.h"

#include <errno.h>

int guest_kernel_read(const char *disk, const char *format, struct guest_kernel *ret,
                      struct err *err)
{
    return err_set(err, ENOTSUP, "--boot disk: this build cannot read ext4: give --kernel");
}

void guest_kernel_fini(struct guest_kernel *k)
{
}
