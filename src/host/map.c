/*
 * map.c - memory for generated code: which way of mapping it works here.
 */
#include "host/map.h"
#include "base/bits.h"
#include "base/bug.h"
#include "host/map_os.h"
#include <errno.h>
#include <string.h>

/* Machine code of `int f(void) { return value; }`, value < 1024; its length. */
static size_t probe_emit(u8 *at, u32 value)
{
#if defined(__x86_64__)
    at[0] = 0xb8; /* mov eax, imm32 */
    le32_put(at + 1, value);
    at[5] = 0xc3; /* ret */
    return 6;
#elif defined(__aarch64__)
    le32_put(at, 0x52800000 | value << 5); /* mov w0, #value */
    le32_put(at + 4, 0xd65f03c0);          /* ret */
    return 8;
#elif defined(__riscv) && __riscv_xlen == 64
    le32_put(at, 0x00000513 | value << 20); /* li a0, value */
    le32_put(at + 4, 0x00008067);           /* ret */
    return 8;
#else
#error "this host processor is not supported"
#endif
}

static bool probe_runs(const struct host_code_map *map, u32 value)
{
    int (*fn)(void);
    size_t len = probe_emit(map->rw, value);

    host_code_flush(map, 0, len);
    memcpy(&fn, &map->rx, sizeof fn);
    return fn() == (int)value;
}

/* Emulators that find changed code by write protection see nothing of a write
 * through a second mapping (qemu-user 7.2, on riscv64 10.0 too): they run the
 * first version again. */
static bool probe_dual(const struct host_code_map *map)
{
    bool good = true;

    for (u32 value = 1; value <= 3 && good; value++)
        good = probe_runs(map, value);
    memset(map->rw, 0, 8);
    host_code_flush(map, 0, 8);
    return good;
}

static int code_map(struct host_code_map *map, size_t size, enum host_code_mode mode,
                    struct err *err)
{
    *map = (struct host_code_map){ .size = size, .mode = mode, .fd = -1 };
    return host_code_map_os(map, size, mode, err);
}

int host_code_map_init(struct host_code_map *map, size_t size, enum host_code_mode mode,
                       struct err *err)
{
    BUG_ON(size == 0);
    size = bits_align_up(size, host_page_size());
    if (mode != HOST_CODE_AUTO)
        return code_map(map, size, mode, err);
    if (code_map(map, size, HOST_CODE_DUAL, err) == 0) {
        if (probe_dual(map))
            return 0;
        host_code_map_fini(map);
    }
    *err = (struct err){ 0 };
    return code_map(map, size, HOST_CODE_RWX, err);
}

void host_code_map_fini(struct host_code_map *map)
{
    if (map->rw)
        host_code_unmap_os(map);
    *map = (struct host_code_map){ .fd = -1 };
}

void host_code_flush(const struct host_code_map *map, size_t off, size_t len)
{
    char *at = (char *)map->rx + off;

    /* Data caches are physically tagged on every supported host, so cleaning by the
     * executable address finds what was written by the other one. */
    __builtin___clear_cache(at, at + len);
}
