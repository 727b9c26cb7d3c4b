/*
 * dma.c - a device's way to guest memory: RAM and nothing else.
 *
 * A transfer to a device's registers is refused here, which is what keeps a device
 * from being entered again from inside its own callback.
 */
#include "dev/core/device.h"

static bool refused(struct device *d, gpa_t at, u64 len)
{
    d->guest_errors++;
    log_guest("%s: DMA of %llu bytes at %#llx, which is not all RAM", d->id,
              (unsigned long long)len, (unsigned long long)at);
    return false;
}

bool dma_read(struct device *d, gpa_t at, void *buf, u64 len)
{
    return (d->dma && mem_map_read(d->dma, at, buf, len)) || refused(d, at, len);
}

bool dma_write(struct device *d, gpa_t at, const void *buf, u64 len)
{
    return (d->dma && mem_map_write(d->dma, at, buf, len)) || refused(d, at, len);
}

void *dma_map(struct device *d, gpa_t at, u64 len, bool write)
{
    struct mem_span span;

    return d->dma ? mem_map_host(d->dma, at, len, write, &span) : NULL;
}

/* The map may have changed since dma_map(): then nobody sees the page any more. */
void dma_written(struct device *d, gpa_t at, u64 len)
{
    struct mem_span span;

    if (d->dma && mem_map_host(d->dma, at, len, true, &span))
        mem_ram_written(span.ram, span.ram_offset + (at - span.start), len);
}

bool dma_discard(struct device *d, gpa_t at, u64 len)
{
    struct mem_span span;

    if (!d->dma || !mem_map_host(d->dma, at, len, true, &span))
        return refused(d, at, len);
    mem_ram_discard(span.ram, span.ram_offset + (at - span.start), len);
    return true;
}
