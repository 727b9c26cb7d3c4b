/*
 * unzstd_none.c - builds without libzstd unpack nothing of its.
 */
#include "machine/boot/boot.h"

#include <errno.h>

int boot_unzstd(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size)
{
    return -ENOTSUP;
}
