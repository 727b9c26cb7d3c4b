/*
 * confine_linux.c - limits and a seccomp filter for a child that reads hostile data.
 */
#include "host/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define AUDIT_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_HERE AUDIT_ARCH_RISCV64
#endif

enum { NOBODY = 65534 };

/* Both limits of a resource. */
static int limit(int resource, u64 value)
{
    const struct rlimit l = { value, value };

    return setrlimit(resource, &l) ? -errno : 0;
}

/* Bytes of address space in use; what fork() left of the parent's counts. */
static u64 mapped_now(void)
{
    unsigned long pages = 0;
    FILE *in = fopen("/proc/self/statm", "re");

    if (in && fscanf(in, "%lu", &pages) != 1)
        pages = 0;
    if (in)
        fclose(in);
    return (u64)pages * (u64)sysconf(_SC_PAGESIZE);
}

static int limit_all(unsigned seconds, u64 memory)
{
    u64 mapped = mapped_now();
    int rc = mapped ? limit(RLIMIT_AS, mapped + memory) : -EIO;

    if (rc == 0)
        rc = limit(RLIMIT_CPU, seconds);
    if (rc == 0)
        rc = limit(RLIMIT_CORE, 0);
    if (rc == 0)
        rc = limit(RLIMIT_FSIZE, 0); /* pipes have no size */
    return rc;
}

static int drop_root(void)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
        setresuid(NOBODY, NOBODY, NOBODY))
        return errno == EPERM || errno == EINVAL ? 0 : -errno; /* in a container without them */
    return 0;
}

#ifdef AUDIT_HERE

#define LOAD(member)                                                                               \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (u32)offsetof(struct seccomp_data, member))
#define ALLOW        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW_IF(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), ALLOW

static int filter_calls(void)
{
    struct sock_filter rows[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_HERE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        ALLOW_IF(__NR_read),
        ALLOW_IF(__NR_write),
        ALLOW_IF(__NR_pread64),
        ALLOW_IF(__NR_preadv),
        ALLOW_IF(__NR_lseek),
        ALLOW_IF(__NR_brk),
        ALLOW_IF(__NR_mmap),
        ALLOW_IF(__NR_munmap),
        ALLOW_IF(__NR_mremap),
        ALLOW_IF(__NR_madvise),
        ALLOW_IF(__NR_futex),
        ALLOW_IF(__NR_clock_gettime),
        ALLOW_IF(__NR_rt_sigreturn),
        ALLOW_IF(__NR_exit),
        ALLOW_IF(__NR_exit_group),
        REFUSE,
    };
    const struct sock_fprog program = { ARRAY_SIZE(rows), rows };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

#else

static int filter_calls(void)
{
    return 0; /* the limits and the lost identity stay */
}

#endif

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int close_others(int *keep, unsigned count)
{
    unsigned from = 0;

    qsort(keep, count, sizeof *keep, by_number);
    for (unsigned i = 0; i < count; from = (unsigned)keep[i++] + 1)
        if ((unsigned)keep[i] > from && syscall(__NR_close_range, from, keep[i] - 1, 0))
            return -errno;
    return syscall(__NR_close_range, from, ~0u, 0) ? -errno : 0;
}

int host_confine(int *keep, unsigned count, unsigned seconds, u64 memory)
{
    int rc = limit_all(seconds, memory), closed = close_others(keep, count);

    rc = rc == 0 ? closed : rc;
    if (rc == 0)
        rc = drop_root();
    if (rc == 0)
        rc = limit(RLIMIT_NOFILE, 0); /* those that are open stay */
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        rc = -errno;
    if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        rc = -errno;
    rc = rc == 0 ? filter_calls() : rc;
    return rc == -EINVAL || rc == -ENOSYS ? 0 : rc; /* a kernel without seccomp */
}
