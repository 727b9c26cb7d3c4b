/*
 * unzstd.c - decompresses zstd (RFC 8878) with libzstd.
 *
 * Attack behind the limit: a small file that unpacks to terabytes, or asks for a window of as much.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* Kernels are packed with up to --ultra -22, whose window is this large. */
enum { WINDOW_LOG_MAX = 27 };

static int feed(ZSTD_DCtx *z, ZSTD_inBuffer *in, u64 limit, u8 **buf, size_t *ret_size)
{
    ZSTD_outBuffer out = { .dst = *buf };
    size_t left = 1;

    while (left) {
        bool full = out.pos == out.size, fed = in->pos < in->size;
        int rc = full ? boot_unpack_grow(buf, &out.size, limit) : 0;

        if (rc < 0)
            return rc;
        out.dst = *buf;
        left = ZSTD_decompressStream(z, &out, in);
        if (ZSTD_isError(left) || (left && !fed && out.pos < out.size))
            return -EINVAL; /* the latter: cut */
    }
    *ret_size = out.pos;
    return 0;
}

int boot_unzstd(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size)
{
    ZSTD_inBuffer input = { .src = in, .size = in_size };
    ZSTD_DCtx *z = ZSTD_createDCtx();
    int rc = -ENOMEM;

    *ret_out = NULL;
    if (z && !ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        rc = feed(z, &input, limit, ret_out, ret_size);
    ZSTD_freeDCtx(z);
    if (rc < 0) {
        free(*ret_out);
        *ret_out = NULL;
    }
    return rc;
}
