/*
 * qcow2_zlib.c - deflate without header, with the small window that other programs expect.
 */
#include "backend/block/qcow2.h"
#include <errno.h>
#include <zlib.h>

enum { WINDOW = -12, WINDOW_ANY = -15, MEMORY = 9 };

int qcow2_zlib_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len)
{
    z_stream z = { .next_in = (Bytef *)in,
                   .avail_in = (uInt)in_len,
                   .next_out = out,
                   .avail_out = (uInt)out_len };
    int rc = inflateInit2(&z, WINDOW_ANY);

    if (rc != Z_OK)
        return -ENOMEM;
    rc = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return z.avail_out == 0 && (rc == Z_STREAM_END || rc == Z_BUF_ERROR) ? 0 : -EIO;
}

ssize_t qcow2_zlib_pack(const u8 *in, size_t in_len, u8 *out, size_t room)
{
    z_stream z = {
        .next_in = (Bytef *)in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)room
    };
    int rc =
        deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY);

    if (rc != Z_OK)
        return -ENOMEM;
    rc = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return rc == Z_STREAM_END ? (ssize_t)(room - z.avail_out) : 0;
}
