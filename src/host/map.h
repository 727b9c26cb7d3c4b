/*
 * map.h - memory from the host: guest RAM, and memory for generated code.
 */
#ifndef HOST_MAP_H
#define HOST_MAP_H

#include "base/err.h"
#include "base/types.h"

/* Zero-filled memory that costs nothing until it is touched. */
struct host_map {
    u8 *at;      /* page aligned (2 MiB aligned when size allows) */
    size_t size; /* bytes, as asked for rounded up to a page */
    void *base;  /* what is to be unmapped */
    size_t base_size;
    int fd; /* the memfd behind a shared map, owned; else -1 */
};

size_t host_page_size(void);

/* Private memory: no swap is reserved, huge pages are asked for. -ENOMEM with
 * the size in the sentence when the host refuses. size > 0. */
int host_map_ram(struct host_map *map, size_t size, struct err *err) MUST_CHECK;

/* The same backed by a file descriptor that other processes can map (map->fd). */
int host_map_ram_shared(struct host_map *map, size_t size, struct err *err) MUST_CHECK;

/* Gives [off, off + len) back to the host; it reads as zero afterwards. off and
 * len are multiples of the page size and within the map. [any thread] */
int host_map_discard(struct host_map *map, size_t off, size_t len) MUST_CHECK;

/* Which pages of [off, off + len) have memory now: bit 0 of a byte each. -ENOTSUP where the
 * host does not tell. off and len as above. */
int host_map_resident(const struct host_map *map, size_t off, size_t len, u8 *ret) MUST_CHECK;

/* [off, off + len) will hold little: it gets no huge page any more, which would fill what was
 * given back. Advice: on some hosts it does nothing. off and len as above. [any thread] */
void host_map_sparse(struct host_map *map, size_t off, size_t len);

/* What the process has freed and its allocator kept goes back to the host. [any thread] */
void host_heap_trim(void);

/* Unmaps; fine on a zeroed struct and twice. */
void host_map_fini(struct host_map *map);

enum host_code_mode {
    HOST_CODE_AUTO, /* DUAL if a probe finds that it works here, else RWX */
    HOST_CODE_DUAL, /* one memory seen at two addresses, rw and rx */
    HOST_CODE_RWX,  /* one address, writable and executable: emulators that run
                       stale code through a second view need it */
};

/* Memory for generated code: written at rw, run at rx, rx - rw constant. */
struct host_code_map {
    u8 *rw;
    u8 *rx; /* == rw in HOST_CODE_RWX */
    size_t size;
    enum host_code_mode mode; /* never AUTO once made */
    int fd;
};

int host_code_map_init(struct host_code_map *map, size_t size, enum host_code_mode mode,
                       struct err *err) MUST_CHECK;
void host_code_map_fini(struct host_code_map *map);

/* Makes what was written at map->rw + off visible to instruction fetch at
 * map->rx + off, on this and, by the host ISA's rules, other processors. Call
 * after writing and before running; nothing on x86_64. */
void host_code_flush(const struct host_code_map *map, size_t off, size_t len);

/* [off, off + len), multiples of the page size, holds nothing any more: its memory goes back to the
 * host. Advice: on some hosts it does nothing. */
void host_code_discard(struct host_code_map *map, size_t off, size_t len);

#endif
