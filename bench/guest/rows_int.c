/*
 * rows_int.c - integer and control flow: short loops, recursion, calls, an interpreter.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t run_alu(unsigned reps)
{
    uint64_t a = bench_opaque(88172645463325252ull), sum = 0;
    for (unsigned i = 0; i < reps * 1000; i++) {
        a ^= a << 13;
        a ^= a >> 7;
        a ^= a << 17;
        sum += (a >> 60) + ((a << 5) ^ i);
    }
    return sum;
}

static uint64_t run_sieve(unsigned reps)
{
    enum { SIZE = 1 << 19 };
    static unsigned char composite[SIZE];
    uint64_t count = 0;
    while (reps--) {
        memset(composite, 0, SIZE);
        for (unsigned i = 2; i < SIZE; i++) {
            if (composite[i])
                continue;
            count++;
            for (unsigned j = i + i; j < SIZE; j += i)
                composite[j] = 1;
        }
    }
    return count;
}

static __attribute__((noinline)) uint64_t fib(uint64_t n)
{
    __asm__ volatile("" : "+r"(n)); /* keeps the recursion as it is written */
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t run_fib(unsigned reps)
{
    uint64_t sum = 0;
    while (reps--)
        sum = bench_mix(sum, fib(24));
    return sum;
}

/* A small register machine: what language interpreters spend their time on. */
enum { OP_ADD, OP_SUB, OP_XOR, OP_SHIFT, OP_LOAD, OP_STORE, OP_LOOP, OP_SKIP, OP_END };
struct vm_op {
    unsigned char op, a, b, c;
};

static const struct vm_op vm_code[] = {
    { OP_ADD, 1, 1, 2 },  { OP_XOR, 3, 1, 4 },   { OP_SHIFT, 4, 3, 7 }, { OP_SKIP, 4, 0, 1 },
    { OP_SUB, 2, 2, 3 },  { OP_STORE, 1, 4, 0 }, { OP_LOAD, 5, 3, 0 },  { OP_ADD, 1, 5, 1 },
    { OP_SKIP, 5, 0, 2 }, { OP_XOR, 2, 1, 5 },   { OP_ADD, 3, 3, 4 },   { OP_LOOP, 0, 0, 0 },
    { OP_END, 0, 0, 0 },
};

static uint64_t vm_run(uint64_t loops)
{
    uint64_t r[8] = { loops, 1, 2, 3, 5, 7, 11, 13 }, memory[64] = { 0 };
    const struct vm_op *pc = vm_code;
    for (;;) {
        const struct vm_op *op = pc++;
        switch (op->op) {
        case OP_ADD: r[op->a] = r[op->b] + r[op->c]; break;
        case OP_SUB: r[op->a] = r[op->b] - r[op->c]; break;
        case OP_XOR: r[op->a] = r[op->b] ^ r[op->c]; break;
        case OP_SHIFT: r[op->a] = r[op->b] >> op->c ^ r[op->b] << 3; break;
        case OP_LOAD: r[op->a] = memory[r[op->b] & 63]; break;
        case OP_STORE: memory[r[op->b] & 63] = r[op->a]; break;
        case OP_LOOP: pc = --r[0] ? vm_code : pc; break;
        case OP_SKIP: pc += r[op->a] & 1 ? op->c : 0; break;
        default: return r[1] ^ r[2] ^ r[3];
        }
    }
}

static uint64_t run_vm(unsigned reps)
{
    return vm_run(bench_opaque(reps) * 1000);
}

static unsigned queens_place(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    unsigned count = 0, free = all & ~(columns | left | right);
    if (columns == all)
        return 1;
    while (free) {
        unsigned bit = free & -free;
        free ^= bit;
        count += queens_place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

static uint64_t run_queens(unsigned reps)
{
    uint64_t sum = 0;
    while (reps--)
        sum = bench_mix(sum, queens_place((unsigned)bench_opaque((1u << 9) - 1), 0, 0, 0));
    return sum;
}

/* Calls through tables of functions, as object-oriented programs make them. */
struct shape {
    uint64_t (*area)(const struct shape *);
    uint64_t w, h;
};

static uint64_t area_box(const struct shape *s)
{
    return s->w * s->h;
}

static uint64_t area_triangle(const struct shape *s)
{
    return s->w * s->h / 2;
}

static uint64_t area_ring(const struct shape *s)
{
    return s->w * s->w - s->h * s->h;
}

static uint64_t area_line(const struct shape *s)
{
    return s->w + s->h;
}

static uint64_t run_calls(unsigned reps)
{
    static uint64_t (*const kinds[4])(const struct shape *) = { area_box, area_triangle, area_ring,
                                                                area_line };
    static struct shape shapes[256];
    uint64_t seed = bench_opaque(7), sum = 0;
    for (unsigned i = 0; i < 256; i++) {
        uint64_t r = bench_random(&seed);
        shapes[i] = (struct shape){ kinds[r & 3], r >> 40, r >> 50 };
    }
    while (reps--)
        for (unsigned i = 0; i < 256; i++)
            sum += shapes[i].area(&shapes[i]);
    return sum;
}

static uint64_t power_mod(uint64_t base, uint64_t exponent, uint64_t modulus)
{
    uint64_t result = 1;
    for (base %= modulus; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = result * base % modulus;
        base = base * base % modulus;
    }
    return result;
}

static uint64_t run_divide(unsigned reps)
{
    uint64_t seed = bench_opaque(99), sum = 0;
    while (reps--) {
        uint64_t a = bench_random(&seed) >> 33, b = (bench_random(&seed) >> 33) | 1;
        sum = bench_mix(sum, power_mod(a, b, 4294967291u));
        while (b) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        sum += a;
    }
    return sum;
}

static uint64_t run_matrix(unsigned reps)
{
    enum { N = 48 };
    static int32_t a[N][N], b[N][N], c[N][N];
    uint64_t sum = 0;
    for (int i = 0; i < N * N; i++) {
        a[i / N][i % N] = (int32_t)bench_opaque((uint64_t)(i * 7 % 101));
        b[i / N][i % N] = i * 13 % 97;
    }
    while (reps--) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                int32_t dot = 0;
                for (int k = 0; k < N; k++)
                    dot += a[i][k] * b[k][j];
                c[i][j] = dot;
            }
        a[reps % N][0] = c[N - 1][reps % N] & 127;
        sum = bench_mix(sum, (uint32_t)c[reps % N][1]);
    }
    return sum;
}

const struct bench_row bench_rows_int[] = {
    { "alu", "int", run_alu, 30000, NULL },
    { "sieve", "int", run_sieve, 30, NULL },
    { "fib", "int", run_fib, 100, NULL },
    { "vm", "int", run_vm, 1000, NULL },
    { "queens", "int", run_queens, 130, NULL },
    { "calls", "int", run_calls, 30000, NULL },
    { "divide", "int", run_divide, 40000, NULL },
    { "matrix", "int", run_matrix, 400, NULL },
    { NULL, NULL, NULL, 0, NULL },
};
