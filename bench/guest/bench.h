/*
 * bench.h - the rows of the benchmark driver that runs in a guest and on the host.
 *
 * One source for every architecture: a row computes the same checksum everywhere. The
 * driver times one call of a row; what a row prepares once stays prepared.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_row {
    const char *name;
    const char *class;              /* int, fp, mem, os, prog, smp */
    uint64_t (*run)(unsigned reps); /* returns the checksum; NULL: a program */
    unsigned reps;                  /* work of one timed call */
    const char *command;            /* words of a program's command line, space between them */
};

/* Tables of rows; each ends with a row without a name. */
extern const struct bench_row bench_rows_int[];
extern const struct bench_row bench_rows_data[];
extern const struct bench_row bench_rows_fp[];
extern const struct bench_row bench_rows_mem[];
extern const struct bench_row bench_rows_os[];
extern const struct bench_row bench_rows_task[];
extern const struct bench_row bench_rows_prog[];

/* Starts the program of these words with its output in file `out`; returns its pid. */
int bench_program_start(const char *command, const char *out);

/* Waits for it. Ends the driver when the program failed. */
void bench_program_wait(int pid, const char *command);

/* Checksum of a file's bytes. */
uint64_t bench_file_sum(const char *path);

/* Ends the driver with one sentence and the cause in errno. */
_Noreturn void bench_die(const char *what);

/* Zeroed memory; never NULL. Not freed: a row keeps what it prepared. */
void *bench_alloc(size_t size);

/* Pseudo-random numbers, the same everywhere (xorshift64*). */
static inline uint64_t bench_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3ull + (sum >> 29);
}

/* Hides a value from the compiler, so that no row is computed at build time. */
static inline uint64_t bench_opaque(uint64_t value)
{
    __asm__ volatile("" : "+r"(value) : : "memory");
    return value;
}

#endif
