/*
 * qcow2_zstd_none.c - in place of qcow2_zstd.c where libzstd was not there to build with.
 */
#include "backend/block/qcow2.h"
#include <errno.h>

int qcow2_zstd_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len)
{
    return -ENOTSUP;
}

ssize_t qcow2_zstd_pack(const u8 *in, size_t in_len, u8 *out, size_t room)
{
    return -ENOTSUP;
}
