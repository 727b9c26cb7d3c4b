/*
 * riscv_runner.c - runs instruction cases as a riscv64 Linux program.
 *
 *     riscv_runner FILE COUNT
 *
 * Every case ends in a signal. The handler saves the interrupted state as the case's
 * result, puts the next case's state in its place and returns into its code. It is
 * freestanding, because all registers, gp and tp too, hold a case's values when it runs.
 */
#include "riscv_case.h"

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
    SYS_FLUSH_ICACHE = 259,
};

static long call(long n, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    register long a7 __asm__("a7") = n;

    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
                     : "memory");
    return a0;
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

/* The kernel's structs, as far as they are looked at (Linux, arch/riscv, uapi). */
struct stack {
    void *sp;
    int flags;
    u64 size;
};
struct action {
    void (*handler)(int, void *, void *);
    u64 flags, mask;
};
struct context {
    u64 flags, link;
    struct stack stack;
    u64 mask[16];
    u64 regs[32] __attribute__((aligned(16))); /* pc, x1 .. x31 */
    u64 f[32];
    uint32_t fcsr;
};
_Static_assert(offsetof(struct context, regs) == 176, "as the kernel has it");

static struct riscv_case *cases;
static long count, running = -1;

static void save(struct riscv_case *c, int sig, const struct context *k)
{
    const volatile uint8_t *mem = (const uint8_t *)(u64)CASE_MEM;

    for (int i = 1; i < 32; i++)
        c->x[i] = k->regs[i];
    for (int i = 0; i < 32; i++)
        c->f[i] = k->f[i];
    for (int i = 0; i < CASE_MEM_SIZE; i++)
        c->mem[i] = mem[i];
    c->pc = k->regs[0];
    c->fcsr = k->fcsr;
    c->signal = (uint32_t)sig;
}

static void load(const struct riscv_case *c, struct context *k)
{
    volatile uint8_t *mem = (uint8_t *)(u64)CASE_MEM;

    for (int i = 1; i < 32; i++)
        k->regs[i] = c->x[i];
    for (int i = 0; i < 32; i++)
        k->f[i] = c->f[i];
    for (int i = 0; i < CASE_MEM_SIZE; i++)
        mem[i] = c->mem[i];
    k->regs[0] = CASE_CODE + (u64)running * CASE_SLOT;
    k->fcsr = c->fcsr;
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

    for (u64 i = 0; i < size; i += 2) {
        code[i] = 0x02; /* c.ebreak */
        code[i + 1] = 0x90;
    }
    for (long n = 0; n < count; n++)
        for (uint32_t i = 0; i < cases[n].code_size; i++)
            code[n * CASE_SLOT + i] = cases[n].code[i];
    call(SYS_FLUSH_ICACHE, CASE_CODE, (long)(CASE_CODE + size), 0, 0, 0, 0);
}

static void catch_signals(void)
{
    static const int signals[] = { 4, 5, 7, 8, 11 };
    void *at = map(HANDLER_STACK, HANDLER_STACK_SIZE, 3, 0x32, -1);
    struct stack st = { at, 0, HANDLER_STACK_SIZE };
    struct action act = { on_signal, 0x4 | 0x08000000 | 0x40000000, 0 }; /* info, stack, nodefer */

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
    __asm__ volatile("ebreak");
}

__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall run\n");
