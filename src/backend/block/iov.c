/*
 * iov.c - parts of lists of memory.
 */
#include "backend/block/file.h"
#include "base/bug.h"
#include <string.h>

unsigned blk_iov_slice(const struct iovec *iov, unsigned count, u64 skip, u64 len,
                       struct iovec *out)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count && len; i++) {
        u64 part = iov[i].iov_len;

        if (skip >= part) {
            skip -= part;
            continue;
        }
        part -= skip;
        part = part < len ? part : len;
        out[n++] = (struct iovec){ (u8 *)iov[i].iov_base + skip, (size_t)part };
        len -= part;
        skip = 0;
    }
    BUG_ON(len);
    return n;
}

/* Calls memset (from NULL) or memcpy for each piece. */
static void fill(const struct iovec *iov, unsigned count, u64 skip, const u8 *from, u64 len)
{
    for (unsigned i = 0; i < count && len; i++) {
        u64 part = iov[i].iov_len;

        if (skip >= part) {
            skip -= part;
            continue;
        }
        part -= skip;
        part = part < len ? part : len;
        if (from)
            memcpy((u8 *)iov[i].iov_base + skip, from, part);
        else
            memset((u8 *)iov[i].iov_base + skip, 0, part);
        from = from ? from + part : NULL;
        len -= part;
        skip = 0;
    }
}

void blk_iov_zero(const struct iovec *iov, unsigned count, u64 skip, u64 len)
{
    fill(iov, count, skip, NULL, len);
}

void blk_iov_put(const struct iovec *iov, unsigned count, u64 skip, const void *from, u64 len)
{
    fill(iov, count, skip, from, len);
}

u64 blk_iov_bytes(const struct iovec *iov, unsigned count)
{
    u64 sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += iov[i].iov_len;
    return sum;
}
