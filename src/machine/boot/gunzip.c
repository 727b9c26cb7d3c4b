/*
 * gunzip.c - decompresses gzip (RFC 1952) with zlib.
 *
 * Attack behind the limit: a small file that unpacks to terabytes.
 */
#include "machine/boot/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

int boot_gunzip(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size)
{
    z_stream z = { 0 };
    u8 *out = NULL;
    size_t room = 0;
    int rc = 0, state = Z_OK;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return -ENOMEM;
    while (state == Z_OK && rc == 0) {
        uInt feed = (uInt)(in_size - z.total_in < 1 << 30 ? in_size - z.total_in : 1 << 30);

        if (z.total_out == room)
            rc = boot_unpack_grow(&out, &room, limit);
        if (rc < 0)
            break;
        z.next_in = (Bytef *)(uintptr_t)(in + z.total_in);
        z.avail_in = feed;
        z.next_out = out + z.total_out;
        z.avail_out = (uInt)(room - z.total_out < 1 << 30 ? room - z.total_out : 1 << 30);
        state = inflate(&z, Z_NO_FLUSH);
    }
    *ret_size = z.total_out;
    inflateEnd(&z);
    if (rc == 0 && state != Z_STREAM_END)
        rc = -EINVAL;
    if (rc < 0) {
        free(out);
        return rc;
    }
    *ret_out = out;
    return 0;
}
