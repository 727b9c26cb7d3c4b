/*
 * qcow2_zstd.c - a cluster as a stream of Zstandard frames.
 */
#include "backend/block/qcow2.h"
#include <errno.h>
#include <zstd.h>

/* The input is rounded up to sectors: what follows the last frame is not looked at. */
int qcow2_zstd_unpack(const u8 *in, size_t in_len, u8 *out, size_t out_len)
{
    ZSTD_inBuffer from = { in, in_len, 0 };
    ZSTD_outBuffer to = { out, out_len, 0 };
    ZSTD_DStream *z = ZSTD_createDStream();
    int rc = z ? 0 : -ENOMEM;

    while (rc == 0 && to.pos < to.size) {
        size_t in_before = from.pos, out_before = to.pos;
        size_t ret = ZSTD_decompressStream(z, &to, &from);

        if (ZSTD_isError(ret) || (from.pos == in_before && to.pos == out_before))
            rc = -EIO;
    }
    ZSTD_freeDStream(z);
    return rc;
}

ssize_t qcow2_zstd_pack(const u8 *in, size_t in_len, u8 *out, size_t room)
{
    size_t ret = ZSTD_compress(out, room, in, in_len, ZSTD_CLEVEL_DEFAULT);

    return ZSTD_isError(ret) ? 0 : (ssize_t)ret;
}
