/*
 * chain.c - a request's segments: guest memory found and checked, bytes copied.
 */
#include "base/checked.h"
#include "dev/virtio/queue.h"
#include <string.h>

/* --- building --- */

/* How much of [at, at + len), which is not one stretch of RAM, one stretch holds. A
 * bisection: a guest chooses len, and the number of stretches is the board's. */
static u64 stretch(struct device *d, gpa_t at, u64 len, bool write)
{
    u64 good = 0, bad = len;

    while (bad - good > 1) {
        u64 mid = good + (bad - good) / 2;

        if (dma_map(d, at, mid, write))
            good = mid;
        else
            bad = mid;
    }
    return good;
}

static bool add_piece(struct device *d, struct virtq_chain *chain, gpa_t at, u64 *len, bool in)
{
    void *host = dma_map(d, at, *len, in);

    if (!host) {
        *len = stretch(d, at, *len, in);
        host = *len ? dma_map(d, at, *len, in) : NULL;
    }
    if (!host)
        return false;
    chain->seg[chain->out_count + chain->in_count] = (struct virtq_seg){ host, *len, at };
    *(in ? &chain->in_count : &chain->out_count) += 1;
    *(in ? &chain->in_len : &chain->out_len) += *len;
    return true;
}

/* 2.7.4.2: what the device reads comes before what it writes; 2.7.5.3.1: at most 2^32
 * bytes in all. A buffer of no bytes is allowed and nothing. */
bool virtq_chain_add(struct device *d, struct virtq_chain *chain, gpa_t at, u64 len, bool in,
                     const char **why)
{
    u64 end;

    *why = "a buffer for reading follows one for writing";
    if (!in && chain->in_count)
        return false;
    *why = "a request has more than 4 GiB";
    if (len > 4 * GIB - chain->out_len - chain->in_len)
        return false;
    *why = "a buffer is not in RAM";
    if (!checked_add(at, len, &end))
        return false;
    for (u64 piece; len; at += piece, len -= piece) {
        if (chain->out_count + chain->in_count == VIRTQ_CHAIN_MAX) {
            *why = "a request has too many buffers";
            return false;
        }
        piece = len;
        if (!add_piece(d, chain, at, &piece, in))
            return false;
    }
    return true;
}

/* --- copying --- */

/* The segment that byte *off lies in, *off becoming the place in it; count: none. */
static unsigned seg_at(const struct virtq_seg *segs, unsigned count, u64 *off)
{
    unsigned i = 0;

    while (i < count && *off >= segs[i].len)
        *off -= segs[i++].len;
    return i;
}

u64 virtq_chain_read(const struct virtq_chain *chain, u64 off, void *buf, u64 len)
{
    u64 done = 0;

    for (unsigned i = seg_at(chain->seg, chain->out_count, &off);
         i < chain->out_count && done < len; i++, off = 0) {
        u64 n = chain->seg[i].len - off;

        if (n > len - done)
            n = len - done;
        memcpy((u8 *)buf + done, chain->seg[i].host + off, (size_t)n);
        done += n;
    }
    return done;
}

u64 virtq_chain_write(struct device *d, const struct virtq_chain *chain, u64 off, const void *buf,
                      u64 len)
{
    const struct virtq_seg *in = virtq_chain_in(chain);
    u64 done = 0;

    for (unsigned i = seg_at(in, chain->in_count, &off); i < chain->in_count && done < len;
         i++, off = 0) {
        u64 n = in[i].len - off;

        if (n > len - done)
            n = len - done;
        memcpy(in[i].host + off, (const u8 *)buf + done, (size_t)n);
        dma_written(d, in[i].at + off, n);
        done += n;
    }
    return done;
}

unsigned virtq_segs_slice(const struct virtq_seg *segs, unsigned count, u64 off, u64 len,
                          struct virtq_seg *out)
{
    unsigned n = 0;

    for (unsigned i = seg_at(segs, count, &off); i < count && len; i++, off = 0) {
        u64 take = segs[i].len - off < len ? segs[i].len - off : len;

        out[n++] = (struct virtq_seg){ segs[i].host + off, take, segs[i].at + off };
        len -= take;
    }
    return len ? 0 : n;
}
