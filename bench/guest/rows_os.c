/*
 * rows_os.c - what the operating system bounds: system calls, files, mappings, code patching.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t run_syscall(unsigned reps)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < reps * 100; i++)
        sum += syscall(SYS_getppid) >= 0;
    return sum;
}

static int temporary_file(void)
{
    static char page[65536];
    int fd = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(page, 'x', sizeof page);
    if (fd < 0 || write(fd, page, sizeof page) != sizeof page)
        bench_die("/tmp/bench-file");
    return fd;
}

static uint64_t run_read(unsigned reps)
{
    static char page[4096];
    uint64_t sum = 0;
    int fd = temporary_file();
    for (unsigned i = 0; i < reps * 100; i++)
        sum +=
            (uint64_t)pread(fd, page, sizeof page, (i & 15) * 4096) + (unsigned char)page[i & 4095];
    close(fd);
    return sum;
}

static uint64_t run_open(unsigned reps)
{
    struct stat st;
    uint64_t sum = 0;
    close(temporary_file());
    for (unsigned i = 0; i < reps * 100; i++) {
        int fd = open("/tmp/bench-file", O_RDONLY);
        if (fd < 0 || fstat(fd, &st) < 0)
            bench_die("/tmp/bench-file");
        sum += (uint64_t)st.st_size;
        close(fd);
    }
    return sum;
}

static unsigned char *map_pages(size_t count)
{
    void *at = mmap(NULL, count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        bench_die("mmap");
    return at;
}

/* First touch of fresh pages: page faults. */
static uint64_t run_fault(unsigned reps)
{
    uint64_t sum = 0;
    while (reps--) {
        unsigned char *at = map_pages(256);
        madvise(at, 256 * 4096, MADV_NOHUGEPAGE);
        for (unsigned page = 0; page < 256; page++) {
            at[page * 4096] = (unsigned char)page;
            sum += at[page * 4096 + 1];
        }
        sum += at[4096];
        munmap(at, 256 * 4096);
    }
    return sum;
}

/* Mappings made, changed and dropped without a touch. */
static uint64_t run_mmap(unsigned reps)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < reps * 10; i++) {
        unsigned char *at = map_pages(16);
        sum += mprotect(at + 4096, 4096, PROT_READ) == 0;
        munmap(at, 16 * 4096);
    }
    return sum;
}

/* A fault that the program itself handles: a write to a read-only page. */
static unsigned char *guarded;
static volatile sig_atomic_t guard_hits;

static void guard_open(int signal)
{
    guard_hits++;
    mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}

static uint64_t run_guard(unsigned reps)
{
    struct sigaction action = { .sa_handler = guard_open }, old;
    if (!guarded)
        guarded = map_pages(1);
    guard_hits = 0;
    sigaction(SIGSEGV, &action, &old);
    for (unsigned i = 0; i < reps * 10; i++) {
        mprotect(guarded, 4096, PROT_READ);
        *(volatile unsigned char *)guarded = (unsigned char)i;
    }
    sigaction(SIGSEGV, &old, NULL);
    return (uint64_t)guard_hits + guarded[0];
}

static volatile sig_atomic_t signal_count;

static void count_signal(int signal)
{
    signal_count++;
}

static uint64_t run_signal(unsigned reps)
{
    struct sigaction action = { .sa_handler = count_signal };
    signal_count = 0;
    sigaction(SIGUSR1, &action, NULL);
    for (unsigned i = 0; i < reps * 10; i++)
        raise(SIGUSR1);
    return (uint64_t)signal_count;
}

/* Writes a function that returns `value` (0 to 2047). */
static void patch_code(unsigned char *code, unsigned value)
{
#if defined(__riscv)
    uint32_t words[2] = { value << 20 | 0x513, 0x8067 }; /* li a0, value; ret */
    memcpy(code, words, sizeof words);
#elif defined(__x86_64__)
    code[0] = 0xb8; /* mov eax, value; ret */
    memcpy(code + 1, &value, 4);
    code[5] = 0xc3;
#elif defined(__aarch64__)
    uint32_t words[2] = { 0xd2800000u | value << 5, 0xd65f03c0u }; /* mov x0, value; ret */
    memcpy(code, words, sizeof words);
#endif
    __builtin___clear_cache((char *)code, (char *)code + 8);
}

/* As just-in-time compilers do: code is rewritten, made visible and called. */
static uint64_t run_patch(unsigned reps)
{
    static unsigned char *code;
    uint64_t sum = 0;
    if (!code) {
        code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
        if (code == MAP_FAILED)
            bench_die("mmap");
    }
    for (unsigned i = 0; i < reps * 10; i++) {
        unsigned char *at = code + (i & 15) * 64;
        unsigned (*function)(void);
        patch_code(at, i & 2047);
        memcpy(&function, &at, sizeof function);
        for (int k = 0; k < 10; k++)
            sum += function();
    }
    return sum;
}

const struct bench_row bench_rows_os[] = {
    { "syscall", "os", run_syscall, 4000, NULL },
    { "read", "os", run_read, 1500, NULL },
    { "open", "os", run_open, 300, NULL },
    { "fault", "os", run_fault, 100, NULL },
    { "mmap", "os", run_mmap, 1500, NULL },
    { "guard", "os", run_guard, 1000, NULL },
    { "signal", "os", run_signal, 5000, NULL },
    { "patch", "os", run_patch, 1000, NULL },
    { NULL, NULL, NULL, 0, NULL },
};
