/*
 * riscv_runner.c - riscv64's part of runner.h.
 */
#include "riscv_case.h"

#include <stddef.h>

typedef uint64_t u64;
#define runner_case riscv_case

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

static void load(const struct riscv_case *c, u64 pc, struct context *k)
{
    volatile uint8_t *mem = (uint8_t *)(u64)CASE_MEM;

    for (int i = 1; i < 32; i++)
        k->regs[i] = c->x[i];
    for (int i = 0; i < 32; i++)
        k->f[i] = c->f[i];
    for (int i = 0; i < CASE_MEM_SIZE; i++)
        mem[i] = c->mem[i];
    k->regs[0] = pc;
    k->fcsr = c->fcsr;
}

static const uint8_t stop_code[2] = { 0x02, 0x90 }; /* c.ebreak */

static void code_written(u64 from, u64 to)
{
    enum { SYS_FLUSH_ICACHE = 259 };

    call(SYS_FLUSH_ICACHE, (long)from, (long)to, 0, 0, 0, 0);
}

static void stop_here(void)
{
    __asm__ volatile("ebreak");
}

#include "runner.h"

__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall run\n");
