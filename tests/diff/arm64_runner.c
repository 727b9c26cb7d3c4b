/*
 * arm64_runner.c - runs instruction cases as a arm64 Linux program.
 *
 *     arm64_runner FILE COUNT
 *
 * Every case ends in a signal. The handler saves the interrupted state as the case's
 * result, puts the next case's state in its place and returns into its code. It is
 * freestanding, because all registers hold a case's values when it runs.
 */
#include "arm64_case.h"

#include <stddef.h>

typedef uint64_t u64;

/* Where no case's sp points by chance: then the kernel would take the handler's stack for
 * the one in use and write over it. */
#define HANDLER_STACK 0x35a7654000
enum { HANDLER_STACK_SIZE = 65536 };

enum {
    SYS_OPENAT = 56,
    SYS_EXIT = 93,
    SYS_SIGALTSTACK = 132,
    SYS_SIGACTION = 134,
    SYS_MMAP = 222,
};

static long call(long n, long a, long b, long c, long d, long e, long f)
{
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    register long x8 __asm__("x8") = n;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
                     : "memory");
    return x0;
}

static void quit(int status)
{
    for (;;)
        call(SYS_EXIT, status, 0, 0, 0, 0, 0);
}

static void *map(u64 at, u64 size, int prot, int flags, int fd)
{
    long p = call(SYS_MMAP, (long)at, (long)size, prot, flags, fd, 0);

    if (p < 0 && p > -4096)
        quit(10);
    return (void *)p;
}

/* The kernel's structs, as far as they are looked at (Linux, arch/arm64, uapi). */
struct stack {
    void *sp;
    int flags;
    u64 size;
};
struct action {
    void (*handler)(int, void *, void *);
    u64 flags;
    void *restorer;
    u64 mask;
};
struct context {
    u64 flags, link;
    struct stack stack;
    u64 mask[16];
    u64 fault_address __attribute__((aligned(16)));
    u64 x[31], sp, pc, pstate;
    uint8_t records[4096] __attribute__((aligned(16)));
};
_Static_assert(offsetof(struct context, fault_address) == 176, "as the kernel has it");
struct record {
    uint32_t magic, size;
};
struct fpsimd {
    struct record head;
    uint32_t fpsr, fpcr;
    u64 v[64];
};
enum { FPSIMD_MAGIC = 0x46508001 };

static struct arm64_case *cases;
static long count, running = -1;

static struct fpsimd *fpsimd(struct context *k)
{
    struct record *r = (struct record *)k->records;

    while (r->magic != FPSIMD_MAGIC) {
        if (!r->size)
            quit(14);
        r = (struct record *)((char *)r + r->size);
    }
    return (struct fpsimd *)r;
}

static void save(struct arm64_case *c, int sig, struct context *k)
{
    const volatile uint8_t *mem = (const uint8_t *)(u64)CASE_MEM;
    const struct fpsimd *fp = fpsimd(k);

    for (int i = 0; i < 31; i++)
        c->x[i] = k->x[i];
    for (int i = 0; i < 64; i++)
        c->v[i] = fp->v[i];
    for (int i = 0; i < CASE_MEM_SIZE; i++)
        c->mem[i] = mem[i];
    c->sp = k->sp;
    c->pc = k->pc;
    c->nzcv = k->pstate & 0xf0000000;
    c->fpcr = fp->fpcr;
    c->fpsr = fp->fpsr;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(c->tpidr));
    c->signal = (uint32_t)sig;
}

static void load(const struct arm64_case *c, struct context *k)
{
    volatile uint8_t *mem = (uint8_t *)(u64)CASE_MEM;
    struct fpsimd *fp = fpsimd(k);

    for (int i = 0; i < 31; i++)
        k->x[i] = c->x[i];
    for (int i = 0; i < 64; i++)
        fp->v[i] = c->v[i];
    for (int i = 0; i < CASE_MEM_SIZE; i++)
        mem[i] = c->mem[i];
    k->sp = c->sp;
    k->pc = CASE_CODE + (u64)running * CASE_SLOT;
    k->pstate = c->nzcv;
    fp->fpcr = (uint32_t)c->fpcr;
    fp->fpsr = (uint32_t)c->fpsr;
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(c->tpidr));
}

static void on_signal(int sig, void *info, void *context)
{
    (void)info;
    if (running >= 0)
        save(&cases[running], sig, context);
    if (++running == count)
        quit(0);
    load(&cases[running], context);
}

static void place_code(void)
{
    u64 size = ((u64)count * CASE_SLOT + 4095) & ~4095ull;
    volatile uint8_t *code = map(CASE_CODE, size, 7, 0x32, -1);

    for (u64 i = 0; i < size; i += 4) { /* brk #0 */
        code[i] = code[i + 1] = 0;
        code[i + 2] = 0x20;
        code[i + 3] = 0xd4;
    }
    for (long n = 0; n < count; n++)
        for (uint32_t i = 0; i < cases[n].code_size; i++)
            code[n * CASE_SLOT + i] = cases[n].code[i];
    __builtin___clear_cache((char *)code, (char *)code + size);
}

static void catch_signals(void)
{
    static const int signals[] = { 4, 5, 7, 8, 11 };
    void *at = map(HANDLER_STACK, HANDLER_STACK_SIZE, 3, 0x32, -1);
    struct stack st = { at, 0, HANDLER_STACK_SIZE };
    struct action act = { on_signal, 0x4 | 0x08000000 | 0x40000000, 0,
                          0 }; /* info, stack, nodefer */

    if (call(SYS_SIGALTSTACK, (long)&st, 0, 0, 0, 0, 0))
        quit(12);
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (call(SYS_SIGACTION, signals[i], (long)&act, 0, 8, 0, 0))
            quit(13);
}

void run(const long *stack)
{
    const char *path = (const char *)stack[2], *number = (const char *)stack[3];
    long fd;

    if (stack[0] != 3)
        quit(2);
    while (*number)
        count = count * 10 + (*number++ - '0');
    fd = call(SYS_OPENAT, -100, (long)path, 2, 0, 0, 0);
    if (fd < 0)
        quit(11);
    cases = map(0, (u64)count * sizeof *cases, 3, 1, (int)fd);
    map(CASE_PAGE, CASE_PAGE_SIZE, 3, 0x32, -1);
    place_code();
    catch_signals();
    __asm__ volatile("brk #0");
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl run\n");
