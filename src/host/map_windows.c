/*
 * map_windows.c - mappings by VirtualAlloc and file mappings without a file.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "host/map.h"
#include "host/map_os.h"
#include <errno.h>
#include <string.h>
#include <windows.h>

size_t host_page_size(void)
{
    SYSTEM_INFO info;

    GetSystemInfo(&info);
    return info.dwPageSize;
}

static int refuse(size_t size, struct err *err)
{
    return err_set(err, ENOMEM,
                   "the host refuses %llu MiB of memory (ask for less): Windows error %lu",
                   (unsigned long long)((size + MIB - 1) / MIB), GetLastError());
}

/* Committed at once: Windows counts it against the page file but gives no page
 * before it is touched. */
int host_map_ram(struct host_map *map, size_t size, struct err *err)
{
    size_t page = host_page_size();
    void *at;

    BUG_ON(size == 0);
    *map = (struct host_map){ .fd = -1 };
    if (size > SIZE_MAX - page)
        return refuse(size, err);
    size = bits_align_up(size, page);
    at = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!at)
        return refuse(size, err);
    *map = (struct host_map){ .at = at, .size = size, .base = at, .base_size = size, .fd = -1 };
    return 0;
}

int host_map_ram_shared(struct host_map *map, size_t size, struct err *err)
{
    *map = (struct host_map){ .fd = -1 };
    return err_set(err, ENOTSUP, "guest memory shared with other processes needs a Linux host");
}

/* Decommitting would let another thread's access fault in between; what Windows
 * can take back without that (DiscardVirtualMemory) does not read as zero. */
int host_map_discard(struct host_map *map, size_t off, size_t len)
{
    BUG_ON(!checked_range(off, len, map->size));
    BUG_ON((off | len) & (host_page_size() - 1));
    memset(map->at + off, 0, len);
    return 0;
}

int host_map_resident(const struct host_map *map, size_t off, size_t len, u8 *ret)
{
    return -ENOTSUP;
}

void host_map_sparse(struct host_map *map, size_t off, size_t len)
{
}

void host_heap_trim(void)
{
}

void host_map_fini(struct host_map *map)
{
    if (map->base)
        VirtualFree(map->base, 0, MEM_RELEASE);
    *map = (struct host_map){ .fd = -1 };
}

static int code_error(size_t size, struct err *err)
{
    return err_set(err, ENOMEM,
                   "the host refuses %llu KiB of memory for generated code: Windows error %lu",
                   (unsigned long long)(size / KIB), GetLastError());
}

static int code_map_dual(struct host_code_map *map, size_t size, struct err *err)
{
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE,
                                        (DWORD)((u64)size >> 32), (DWORD)size, NULL);
    int ret = 0;

    if (!section)
        return code_error(size, err);
    map->rw = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, size);
    map->rx = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, size);
    if (!map->rw || !map->rx) {
        ret = code_error(size, err);
        if (map->rw)
            UnmapViewOfFile(map->rw);
        if (map->rx)
            UnmapViewOfFile(map->rx);
        map->rw = map->rx = NULL;
    }
    CloseHandle(section); /* the views keep it alive */
    return ret;
}

int host_code_map_os(struct host_code_map *map, size_t size, enum host_code_mode mode,
                     struct err *err)
{
    if (mode == HOST_CODE_DUAL)
        return code_map_dual(map, size, err);
    map->rw = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
    map->rx = map->rw;
    return map->rw ? 0 : code_error(size, err);
}

void host_code_unmap_os(struct host_code_map *map)
{
    if (map->rx == map->rw) {
        VirtualFree(map->rw, 0, MEM_RELEASE);
        return;
    }
    UnmapViewOfFile(map->rw);
    UnmapViewOfFile(map->rx);
}

void host_code_discard(struct host_code_map *map, size_t off, size_t len)
{
}
