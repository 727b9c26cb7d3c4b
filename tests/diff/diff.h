/*
 * diff.h - random cases of a guest's instructions: in the evaluator against a program of
 * QEMU's user mode, and in the engine's tiers against the evaluator.
 *
 * The program is diff.c, diff_eval.c, diff_engine.c and a guest's files, which define diff_guest
 * and diff_own.
 *
 * VM_CASES says how many (200,000 each; 5,200,000 when VM_SOAK is set, so that 5 million agree
 * besides known faults), VM_SEED which.
 */
#ifndef TESTS_DIFF_DIFF_H
#define TESTS_DIFF_DIFF_H

#include "base/types.h"
#include "case.h"
#include "isa/lines.h"
#include <inttypes.h>
#include <stdio.h>

enum { DIFF_BATCH = 20000, DIFF_LINES = 2048 };

/* What qemu does wrong, by line; last: the last major version that does, 0 when the newest
 * known still does. */
struct diff_fault {
    const char *id;
    int last;
    const char *why;
};

struct diff_guest {
    const struct isa *isa;
    isa_handler *const *handlers;
    const struct isa_lines *lines;
    size_t case_size;
    const char *runner;         /* path of the guest's program; "": there is none */
    const char *env;            /* variable that names the oracle */
    const char *asset, *system; /* else: its name in the cache of ./dev assets, on the path */
    const char *(*options)(int major); /* -cpu for that version; "": none */
    const struct diff_fault *faults;
    unsigned fault_count;
    u8 stop[4]; /* a breakpoint instruction of stop_size bytes: what fills the slots */
    unsigned stop_size;

    /* Can the line be tried as a user program's instruction? */
    bool (*usable)(unsigned line);
    /* A case of the line for slot `slot` of a batch of `slots`. *rng: see random.h. */
    void (*make)(struct case_head *c, unsigned line, unsigned slot, unsigned slots, u64 *rng);
    /* The case's registers into guest state, all but pc, and back. */
    void (*load)(void *state, const struct case_head *c);
    void (*save)(struct case_head *c, const void *state);
    /* A CPU of an engine becomes a user program's. */
    void (*enter)(struct vcpu *c);
    /* The signal that Linux makes of an exception. */
    u32 (*signal_of)(u32 cause);
    /* What an access outside the page raises, for cpu_env.probe. */
    u32 bad_address;
    /* Prints the registers in which ours and theirs differ, and the operands. */
    void (*say)(const struct case_head *before, const struct case_head *ours,
                const struct case_head *theirs);
};

/* Whose cases run. */
extern const struct diff_guest *const diff_guest;

/* A test of the guest's own, which returns how many checks failed; NULL: none. */
extern const char *const diff_own_name;
extern int (*const diff_own)(void);

/* Runs the case's code in the evaluator and leaves the state after in *c; also returns it
 * (static storage). */
const void *diff_eval(struct case_head *c, unsigned slot);

/* A machine whose engine runs cases on a tier (enum engine_tier), batches of up to `slots`.
 * NULL where this host has no such tier. One at a time runs. */
struct machine;
struct machine *diff_engine_new(unsigned tier, unsigned slots, u32 opts_off);
struct machine *diff_engine_free(struct machine *m);
/* Before it runs: the build functions of its instructions. ops: outlive m. */
void diff_engine_set_ops(struct machine *m, const struct isa_op *ops);
/* Leaves the states after in cases[0 .. n). */
void diff_engine_run(struct machine *m, struct case_head *cases, unsigned n);

/* Lines that can be tried, for the guest's own test. */
unsigned diff_usable(const unsigned **lines);

/* For diff_guest.say: registers of one kind. */
static inline void diff_say_regs(const char *what, unsigned count, const u64 *b, const u64 *o,
                                 const u64 *t)
{
    for (unsigned i = 0; i < count; i++)
        if (o[i] != t[i])
            printf("#   %s%u: before %#" PRIx64 ", ours %#" PRIx64 ", theirs %#" PRIx64 "\n", what,
                   i, b[i], o[i], t[i]);
}

static inline struct case_head *diff_case(struct case_head *cases, unsigned i)
{
    return (struct case_head *)((char *)cases + i * diff_guest->case_size);
}

#endif
