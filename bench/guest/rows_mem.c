/*
 * rows_mem.c - memory: latency, bandwidth, and more pages than a TLB holds.
 */
#include "bench.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

/* One cycle through all cache lines of 16 MiB in random order. */
static uint64_t run_chase(unsigned reps)
{
    enum { LINES = 16 * 1024 * 1024 / 64 };
    static uint32_t(*line)[16];
    uint32_t at = 0;
    if (!line) {
        uint32_t *order = bench_alloc(LINES * sizeof *order);
        uint64_t seed = 11;
        line = bench_alloc(LINES * sizeof *line);
        for (uint32_t i = 0; i < LINES; i++)
            order[i] = i;
        for (uint32_t i = LINES - 1; i > 0; i--) {
            uint32_t j = (uint32_t)(bench_random(&seed) % i), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        for (uint32_t i = 0; i < LINES; i++)
            line[order[i]][0] = order[(i + 1) % LINES];
    }
    for (unsigned i = 0; i < reps * 1000; i++)
        at = line[at][0];
    return at;
}

static uint64_t run_copy(unsigned reps)
{
    static unsigned char *a, *b;
    if (!a) {
        a = bench_alloc(8 * MIB);
        b = bench_alloc(8 * MIB);
    }
    for (size_t i = 0; i < 8 * MIB; i += 512)
        a[i] = (unsigned char)(i >> 9);
    while (reps--) {
        memcpy(b, a, 8 * MIB);
        b[reps] = 1;
        memcpy(a, b + 64, 8 * MIB - 64);
    }
    return bench_mix(a[4097], b[1 * MIB + 3]);
}

static uint64_t run_triad(unsigned reps)
{
    enum { COUNT = 1 << 18 };
    static uint64_t *a, *b, *c;
    if (!a) {
        a = bench_alloc(COUNT * 8);
        b = bench_alloc(COUNT * 8);
        c = bench_alloc(COUNT * 8);
    }
    for (size_t i = 0; i < COUNT; i++) {
        b[i] = i;
        c[i] = i * 3;
    }
    while (reps--) {
        for (size_t i = 0; i < COUNT; i++)
            a[i] = b[i] + 3 * c[i];
        b[reps % COUNT] ^= a[7];
    }
    return bench_mix(a[1], a[COUNT - 1]);
}

/* Read, change, write words at random in 32 MiB: most miss caches and TLB. */
static uint64_t run_random(unsigned reps)
{
    enum { COUNT = 32 * 1024 * 1024 / 8 };
    static uint64_t *table;
    uint64_t seed = bench_opaque(13), sum = 0;
    if (!table)
        table = bench_alloc(COUNT * sizeof *table);
    memset(table, 0, COUNT * sizeof *table);
    for (unsigned i = 0; i < reps * 1000; i++) {
        uint64_t r = bench_random(&seed);
        sum ^= table[r % COUNT] ^= r;
    }
    return sum;
}

/* One word of each of 4096 pages in turn. */
static uint64_t run_pages(unsigned reps)
{
    static unsigned char *memory;
    uint64_t sum = 0;
    if (!memory)
        memory = bench_alloc(4096 * 4096);
    for (size_t page = 0; page < 4096; page++)
        memory[page * 4096 + (page * 64 & 4095)] = (unsigned char)page;
    while (reps--)
        for (size_t page = 0; page < 4096; page++)
            sum += memory[page * 4096 + (page * 64 & 4095)]++;
    return sum;
}

const struct bench_row bench_rows_mem[] = {
    { "chase", "mem", run_chase, 1500, NULL }, { "copy", "mem", run_copy, 12, NULL },
    { "triad", "mem", run_triad, 150, NULL },  { "random", "mem", run_random, 1500, NULL },
    { "pages", "mem", run_pages, 400, NULL },  { NULL, NULL, NULL, 0, NULL },
};
