/*
 * perf_linux.c - see perf.h.
 */
#include "host/perf.h"

#include "base/log.h"
#include "host/clock.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { ELF_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { ELF_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { ELF_MACHINE = EM_RISCV };
#else
enum { ELF_MACHINE = EM_NONE };
#endif

/* --- the jitdump format, version 1; in the host's byte order --- */

enum { DUMP_MAGIC = 0x4a695444, DUMP_VERSION = 1, DUMP_CODE_LOAD = 0, DUMP_CODE_CLOSE = 3 };

struct dump_header {
    u32 magic, version, total_size, elf_machine, pad, pid;
    u64 timestamp, flags;
};

struct dump_record {
    u32 id, total_size;
    u64 timestamp;
};

/* Then the name, ended by a 0, and the code. */
struct dump_load {
    struct dump_record record;
    u32 pid, tid;
    u64 vma, code_address, code_size, code_index;
};
_Static_assert(sizeof(struct dump_header) == 40 && sizeof(struct dump_load) == 56, "no holes");

/* A line of the map. */
struct piece {
    uintptr_t start, end;
    size_t order; /* lines written before it */
    char *name;   /* owns */
};

struct host_perf {
    enum host_perf_kind kind;
    int fd;       /* owns; -1: given up */
    void *marker; /* owns: a page of the file, mapped executable; NULL: none */
    size_t marker_size;
    u64 index;            /* of the next piece of code */
    struct piece *pieces; /* owns: of a map */
    size_t piece_count, piece_room;
    char path[64];
};

/* All or nothing as far as we can: the profiler stops at half a record. */
static int write_all(int fd, struct iovec *at, int count)
{
    while (count > 0) {
        ssize_t n = writev(fd, at, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        for (; count > 0 && (size_t)n >= at->iov_len; at++, count--)
            n -= (ssize_t)at->iov_len;
        if (count > 0) {
            at->iov_base = (u8 *)at->iov_base + n;
            at->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static void perf_write(struct host_perf *p, struct iovec *at, int count)
{
    int rc = write_all(p->fd, at, count);

    if (rc == 0)
        return;
    log_warn("%s ends here: %s", p->path, strerror(-rc));
    close(p->fd);
    p->fd = -1;
}

/* Others may write to /tmp: what is there must be a plain file of ours, and no link. */
static int open_file(struct host_perf *p, struct err *err)
{
    struct stat st;

    p->fd = open(p->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->fd < 0 || fstat(p->fd, &st) < 0)
        return err_set_errno(err, errno, "%s", p->path);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
        return err_set(err, EEXIST, "%s: there is something else of that name", p->path);
    if (flock(p->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, EBUSY, "%s is being written by another machine of this process",
                       p->path);
    if (ftruncate(p->fd, 0) < 0)
        return err_set_errno(err, errno, "%s", p->path);
    return 0;
}

/* The profiler finds the file by this mapping among those that it records. */
static int begin_dump(struct host_perf *p, struct err *err)
{
    struct dump_header h = { .magic = DUMP_MAGIC,
                             .version = DUMP_VERSION,
                             .total_size = sizeof h,
                             .elf_machine = ELF_MACHINE,
                             .pid = (u32)getpid(),
                             .timestamp = host_clock_monotonic() };
    struct iovec at = { &h, sizeof h };
    int rc = write_all(p->fd, &at, 1);
    void *marker;

    if (rc < 0)
        return err_set_errno(err, -rc, "%s", p->path);
    p->marker_size = (size_t)sysconf(_SC_PAGESIZE);
    marker = mmap(NULL, p->marker_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, p->fd, 0);
    if (marker == MAP_FAILED)
        return err_set_errno(err, errno, "%s cannot be mapped executable, as the profiler needs it",
                             p->path);
    p->marker = marker;
    return 0;
}

int host_perf_new(enum host_perf_kind kind, struct host_perf **ret, struct err *err)
{
    struct host_perf *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return err_set_errno(err, ENOMEM, "the profiler's file");
    p->kind = kind;
    snprintf(p->path, sizeof p->path, kind == HOST_PERF_MAP ? "/tmp/perf-%d.map" : "jit-%d.dump",
             (int)getpid());
    rc = open_file(p, err);
    if (rc == 0 && kind == HOST_PERF_JITDUMP)
        rc = begin_dump(p, err);
    if (rc < 0) {
        if (p->fd >= 0)
            close(p->fd);
        free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

/* --- the map --- */

static void map_line(struct host_perf *p, const char *name, uintptr_t start, uintptr_t end)
{
    char numbers[64];
    int n = snprintf(numbers, sizeof numbers, "%lx %lx ", (unsigned long)start,
                     (unsigned long)(end - start));
    struct iovec at[] = { { numbers, (size_t)n }, { (void *)name, strlen(name) }, { "\n", 1 } };

    perf_write(p, at, 3);
}

/* A line that there is no memory to remember is lost if the file is written anew. */
static void map_add(struct host_perf *p, const char *name, uintptr_t start, uintptr_t end)
{
    map_line(p, name, start, end);
    if (p->piece_count == p->piece_room) {
        size_t room = p->piece_room ? p->piece_room * 2 : 1024;
        struct piece *more = reallocarray(p->pieces, room, sizeof *more);

        if (!more)
            return;
        p->pieces = more;
        p->piece_room = room;
    }
    p->pieces[p->piece_count] = (struct piece){ start, end, p->piece_count, strdup(name) };
    p->piece_count += p->pieces[p->piece_count].name != NULL;
}

static int by_start(const void *one, const void *other)
{
    const struct piece *a = one, *b = other;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* perf takes any one of the lines that an address is in: of those that overlap, the last said
 * stays. */
static size_t map_keep_last(struct piece *at, size_t count)
{
    size_t kept = 0;

    qsort(at, count, sizeof *at, by_start);
    for (size_t i = 0; i < count; i++) {
        bool overlaps = kept > 0 && at[i].start < at[kept - 1].end;
        struct piece *slot = &at[overlaps ? kept - 1 : kept], out = at[i];

        if (overlaps && slot->order < out.order) {
            free(slot->name);
            *slot = out;
        } else if (overlaps) {
            free(out.name);
        } else {
            *slot = out;
            kept++;
        }
    }
    return kept;
}

/* The file anew, when code memory was used again. */
static void map_finish(struct host_perf *p)
{
    size_t kept = p->piece_count ? map_keep_last(p->pieces, p->piece_count) : 0;

    if (kept < p->piece_count && p->fd >= 0 && ftruncate(p->fd, 0) == 0 &&
        lseek(p->fd, 0, SEEK_SET) == 0)
        for (size_t i = 0; i < kept && p->fd >= 0; i++)
            map_line(p, p->pieces[i].name, p->pieces[i].start, p->pieces[i].end);
    for (size_t i = 0; i < kept; i++)
        free(p->pieces[i].name);
    free(p->pieces);
}

/* --- the dump --- */

static void dump_code(struct host_perf *p, const char *name, const void *code, size_t size,
                      const void *address)
{
    size_t name_size = strlen(name) + 1;
    struct dump_load load = { .record = { DUMP_CODE_LOAD, 0, host_clock_monotonic() },
                              .pid = (u32)getpid(),
                              .tid = (u32)syscall(SYS_gettid),
                              .vma = (uintptr_t)address,
                              .code_address = (uintptr_t)address,
                              .code_size = size,
                              .code_index = p->index++ };
    struct iovec at[] = { { &load, sizeof load },
                          { (void *)name, name_size },
                          { (void *)code, size } };

    load.record.total_size = (u32)(sizeof load + name_size + size);
    perf_write(p, at, 3);
}

void host_perf_code(struct host_perf *p, const char *name, const void *code, size_t size,
                    const void *address)
{
    if (p->fd < 0)
        return;
    if (p->kind == HOST_PERF_MAP)
        map_add(p, name, (uintptr_t)address, (uintptr_t)address + size);
    else
        dump_code(p, name, code, size, address);
}

struct host_perf *host_perf_free(struct host_perf *p)
{
    struct dump_record end = { DUMP_CODE_CLOSE, sizeof end, host_clock_monotonic() };
    struct iovec at = { &end, sizeof end };

    if (!p)
        return NULL;
    if (p->kind == HOST_PERF_JITDUMP && p->fd >= 0)
        perf_write(p, &at, 1);
    map_finish(p);
    if (p->marker)
        munmap(p->marker, p->marker_size);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
    return NULL;
}
