/*
 * map_linux.c - mappings by mmap and memfd.
 */
#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "host/map.h"
#include "host/map_os.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2 * MIB)

size_t host_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int refuse(size_t size, int code, struct err *err)
{
    err_set_errno(err, code, "the host refuses %llu MiB of memory (ask for less)",
                  (unsigned long long)((size + MIB - 1) / MIB));
    err->code = ENOMEM;
    return -ENOMEM;
}

/* Maps `size` bytes at a huge page's boundary when there is at least one in it. */
static int map_aligned(struct host_map *map, size_t size, int flags, int fd)
{
    size_t slack = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    u64 whole;
    u8 *base, *at;

    if (!checked_add(size, slack, &whole))
        return -ENOMEM;
    /* Reserve addresses first: a shared file is then mapped at the aligned place. */
    base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    at = slack ? (u8 *)bits_align_up((u64)(uintptr_t)base, HUGE_PAGE) : base;
    if (mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED | MAP_NORESERVE, fd, 0) ==
        MAP_FAILED) {
        int code = errno;

        munmap(base, whole);
        return -code;
    }
    madvise(at, size, MADV_HUGEPAGE); /* advice: a kernel without it is as right */
    *map = (struct host_map){ .at = at, .size = size, .base = base, .base_size = whole, .fd = fd };
    return 0;
}

/* False when rounding up to a page overflows. */
static bool round_size(size_t *size)
{
    size_t page = host_page_size();

    BUG_ON(*size == 0);
    if (*size > SIZE_MAX - page)
        return false;
    *size = bits_align_up(*size, page);
    return true;
}

int host_map_ram(struct host_map *map, size_t size, struct err *err)
{
    int ret;

    *map = (struct host_map){ .fd = -1 };
    if (!round_size(&size))
        return refuse(size, ENOMEM, err);
    ret = map_aligned(map, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    return ret ? refuse(size, -ret, err) : 0;
}

int host_map_ram_shared(struct host_map *map, size_t size, struct err *err)
{
    int fd, ret;

    *map = (struct host_map){ .fd = -1 };
    if (!round_size(&size) || size > INT64_MAX)
        return refuse(size, ENOMEM, err);
    fd = memfd_create("guest-ram", MFD_CLOEXEC);
    if (fd < 0)
        return refuse(size, errno, err);
    ret = ftruncate(fd, (off_t)size) ? -errno : map_aligned(map, size, MAP_SHARED, fd);
    if (ret) {
        close(fd);
        return refuse(size, -ret, err);
    }
    return 0;
}

int host_map_discard(struct host_map *map, size_t off, size_t len)
{
    BUG_ON(!checked_range(off, len, map->size));
    BUG_ON((off | len) & (host_page_size() - 1));
    if (len == 0)
        return 0;
    if (map->fd >= 0)
        return fallocate(map->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
                         (off_t)len)
                   ? -errno
                   : 0;
    return madvise(map->at + off, len, MADV_DONTNEED) ? -errno : 0;
}

int host_map_resident(const struct host_map *map, size_t off, size_t len, u8 *ret)
{
    BUG_ON(!checked_range(off, len, map->size));
    return mincore(map->at + off, len, ret) ? -errno : 0;
}

void host_map_sparse(struct host_map *map, size_t off, size_t len)
{
    BUG_ON(!checked_range(off, len, map->size));
    madvise(map->at + off, len, MADV_NOHUGEPAGE);
}

void host_heap_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void host_map_fini(struct host_map *map)
{
    if (map->base)
        munmap(map->base, map->base_size);
    if (map->base && map->fd >= 0)
        close(map->fd);
    *map = (struct host_map){ .fd = -1 };
}

static int code_error(size_t size, struct err *err)
{
    return err_set_errno(err, errno, "the host refuses %llu KiB of memory for generated code",
                         (unsigned long long)(size / KIB));
}

static int code_map_rwx(struct host_code_map *map, size_t size, struct err *err)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        return code_error(size, err);
    map->rw = map->rx = at;
    return 0;
}

static int code_map_dual(struct host_code_map *map, size_t size, struct err *err)
{
    int fd = memfd_create("generated-code", MFD_CLOEXEC);
    void *rw = MAP_FAILED, *rx = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rw != MAP_FAILED)
        rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (rx == MAP_FAILED) {
        code_error(size, err);
        if (rw != MAP_FAILED)
            munmap(rw, size);
        if (fd >= 0)
            close(fd);
        return -err->code;
    }
    map->rw = rw;
    map->rx = rx;
    map->fd = fd;
    return 0;
}

int host_code_map_os(struct host_code_map *map, size_t size, enum host_code_mode mode,
                     struct err *err)
{
    if (mode == HOST_CODE_DUAL)
        return code_map_dual(map, size, err);
    return code_map_rwx(map, size, err);
}

void host_code_unmap_os(struct host_code_map *map)
{
    munmap(map->rw, map->size);
    if (map->rx != map->rw)
        munmap(map->rx, map->size);
    if (map->fd >= 0)
        close(map->fd);
}

void host_code_discard(struct host_code_map *map, size_t off, size_t len)
{
    BUG_ON(!checked_range(off, len, map->size));
    BUG_ON((off | len) & (host_page_size() - 1));
    if (map->fd < 0)
        madvise(map->rw + off, len, MADV_DONTNEED);
    else if (fallocate(map->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len))
        return; /* it stays */
}
