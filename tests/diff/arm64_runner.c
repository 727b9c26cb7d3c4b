/*
 * arm64_runner.c - arm64's part of runner.h.
 */
#include "arm64_case.h"

#include <stddef.h>

typedef uint64_t u64;
#define runner_case arm64_case

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

static void quit(int status);

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

static void load(const struct arm64_case *c, u64 pc, struct context *k)
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
    k->pc = pc;
    k->pstate = c->nzcv;
    fp->fpcr = (uint32_t)c->fpcr;
    fp->fpsr = (uint32_t)c->fpsr;
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(c->tpidr));
}

static const uint8_t stop_code[4] = { 0, 0, 0x20, 0xd4 }; /* brk #0 */

static void code_written(u64 from, u64 to)
{
    __builtin___clear_cache((char *)from, (char *)to);
}

static void stop_here(void)
{
    __asm__ volatile("brk #0");
}

#include "runner.h"

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl run\n");
