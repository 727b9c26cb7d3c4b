/*
 * qcow2_zlib_none.c - in place of qcow2_zlib.c where zlib was not there to build with.
 */
#include "backend/block/qcow2.h"
#include <errno.h>

int qcow2_zlib_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len)
{
    return -ENOTSUP;
}

ssize_t qcow2_zlib_pack(const u8 *in, size_t in_len, u8 *out, size_t room)
{
    return -ENOTSUP;
}
