/*
 * hard.h - runs the hard instructions on engines and compares them with real CPUs.
 *
 * A case is one or two instructions with fixed operands. It runs on many random records;
 * every engine must leave the same record, and so must the guest's own kind of CPU (the
 * host, or qemu-user), asked through an oracle program.
 *
 * The fourth "guest" is random semantics, on which engines are held against the evaluator
 * alone. HARD_SEED=N in the environment gives other records.
 *
 * Another engine joins by a struct hard_engine and a main() of its own that calls
 * hard_main(); the machine below already is what translated code runs on.
 */
#ifndef TESTS_IR_HARD_H
#define TESTS_IR_HARD_H

#include "engine/core/cpu.h"
#include "hard_sem.h"

/* --- cases --- */

struct hard_insn {
    void (*semantics)(struct ir_builder *s, const struct hard_args *a);
    unsigned handler;   /* its number in hard_sems.def: index of hard_interp_handlers */
    struct isa_insn in; /* operands; offset, index and len are filled by hard_main */
};

struct hard_rng {
    u64 state;
};
u64 hard_random(struct hard_rng *g);       /* 64 random bits */
u64 hard_below(struct hard_rng *g, u64 n); /* 0 .. n - 1 */

struct hard_case {
    const char *name;
    unsigned insn_count; /* 1 or 2 */
    struct hard_insn insn[2];
    /* Makes a random record fit the case: addresses, edge values. */
    void (*prepare)(struct hard_rng *g, struct hard_record *r);
    /* Makes equal what the architecture leaves undefined. before: as it was. May be NULL. */
    void (*undefine)(const struct hard_record *before, struct hard_record *r);
};

struct hard_guest {
    const char *name;
    const char *oracle_command; /* printf format with one %s, the program's path; NULL: nobody
                                   else knows the answer */
    const char *oracle_tool;    /* must be in PATH; NULL: none needed */
    unsigned state_size;
    const struct hard_case *cases;
    unsigned case_count;
    void (*randomize)(struct hard_rng *g, void *state); /* a well-formed random state */
};
extern const struct hard_guest hard_x86, hard_arm64, hard_riscv, hard_random_guest;

/* --- the machine --- */

/* A vCPU with two pages of memory behind a real TLB bank. */
struct hard_machine {
    union {
        struct ecpu cpu; /* first: cpu_*_slow find the machine by it */
        u8 room[VCPU_STATE_OFF + HARD_STATE_BYTES];
    };
    struct cpu_env env;
    struct tlb_bank bank;
    u8 page_b; /* HARD_B_* */
    u8 memory[2 * HARD_PAGE];
};

static inline struct vcpu *hard_vcpu(struct hard_machine *m)
{
    return &m->cpu.v;
}

/* fast: the TLB knows the pages; else every access takes the slow path. */
void hard_machine_load(struct hard_machine *m, const struct hard_record *r, bool fast);
/* pc, state, memory and the pending fault into the record. */
void hard_machine_store(struct hard_machine *m, struct hard_record *r);

/* --- engines --- */

struct hard_engine {
    const char *name;
    /* Runs c's instructions at HARD_CODE on m: afterwards the pc slot is right, or a fault
     * is pending with insn_index telling where. */
    void (*run)(struct hard_machine *m, const struct hard_case *c);
    void (*reset)(void); /* forget what was cached about cases; may be NULL */
};
extern const struct hard_engine hard_evaluator, hard_interpreter;

/* Builds the case as one block with the real builder, verified. */
void hard_build(const struct hard_case *c, struct ir_block *block);

/* The whole test program; argv: a path for each guest's oracle ("x86=PATH"). Prints TAP. */
int hard_main(int argc, char **argv, const struct hard_engine *const *engines, unsigned count);

#endif
