/*
 * hard_main.c - makes random records, runs them everywhere, compares.
 */
#include "base/bits.h"
#include "hard.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORDS = 400 }; /* of each case */

u64 hard_random(struct hard_rng *g)
{
    u64 z = (g->state += 0x9e3779b97f4a7c15ull); /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

u64 hard_below(struct hard_rng *g, u64 n)
{
    return hard_random(g) % n;
}

/* --- records --- */

static void make_record(struct hard_rng *g, const struct hard_guest *guest, unsigned number,
                        struct hard_record *r)
{
    memset(r, 0, sizeof *r);
    r->number = number;
    r->page_b = (u8)hard_below(g, 3);
    for (unsigned i = 0; i < HARD_WINDOW; i++)
        r->memory[i] = (u8)hard_random(g);
    guest->randomize(g, r->state);
    guest->cases[number].prepare(g, r);
}

static void run_engine(const struct hard_engine *e, const struct hard_case *c,
                       struct hard_record *r, bool fast)
{
    static struct hard_machine m;
    struct hard_common *s = (struct hard_common *)r->state;

    hard_machine_load(&m, r, fast);
    e->run(&m, c);
    hard_machine_store(&m, r);
    if (r->end != HARD_DONE)
        s->pc = HARD_CODE + c->insn[m.cpu.v.insn_index].in.offset;
}

/* --- comparison --- */

static void say_bytes(const char *what, const u8 *a, const u8 *b, unsigned size)
{
    for (unsigned i = 0; i + 8 <= size; i += 8)
        if (memcmp(a + i, b + i, 8) != 0)
            printf("#   %s +%u: %016" PRIx64 " and %016" PRIx64 "\n", what, i, le64_get(a + i),
                   le64_get(b + i));
}

/* Undefined parts made equal; faults are told apart by kind only where pc is unknown. */
static bool same(const struct hard_guest *guest, const struct hard_record *before,
                 const struct hard_record *got, const struct hard_record *want, const char *a,
                 const char *b)
{
    const struct hard_case *c = &guest->cases[before->number];
    struct hard_record x = *got, y = *want;

    if (c->undefine) {
        c->undefine(before, &x);
        c->undefine(before, &y);
    }
    if (x.end == y.end && x.cause == y.cause && x.value == y.value &&
        memcmp(x.memory, y.memory, sizeof x.memory) == 0 &&
        memcmp(x.state, y.state, guest->state_size) == 0)
        return true;
    printf("# %s/%s: %s and %s differ: end %u and %u, cause %" PRIu64 " and %" PRIu64
           ", value %#" PRIx64 " and %#" PRIx64 "\n",
           guest->name, c->name, a, b, x.end, y.end, x.cause, y.cause, x.value, y.value);
    say_bytes("state", x.state, y.state, guest->state_size);
    say_bytes("memory", x.memory, y.memory, sizeof x.memory);
    say_bytes("input", before->state, x.state, guest->state_size);
    return false;
}

/* --- oracles --- */

static bool in_path(const char *tool)
{
    char command[200];

    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", tool);
    return system(command) == 0;
}

/* Asks the oracle about all records at once. NULL, or why not. */
static const char *ask_oracle(const struct hard_guest *guest, const char *program,
                              struct hard_record *r, size_t count)
{
    char in[] = "/tmp/hard-XXXXXX", out[sizeof in + 4], run[600], command[700];
    FILE *f;
    int fd;
    size_t got = 0;

    if (!guest->oracle_command)
        return NULL;
    if (!program)
        return "there is no oracle program for this guest on this host";
    if (guest->oracle_tool && !in_path(guest->oracle_tool))
        return "the guest's qemu-user is not installed";
    fd = mkstemp(in);
    f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f || fwrite(r, sizeof *r, count, f) != count || fclose(f))
        return "cannot write a file in /tmp";
    snprintf(out, sizeof out, "%s.out", in);
    snprintf(run, sizeof run, guest->oracle_command, program);
    snprintf(command, sizeof command, "timeout 300 %s <%s >%s", run, in, out);
    if (system(command) == 0 && (f = fopen(out, "rb"))) {
        got = fread(r, sizeof *r, count, f);
        fclose(f);
    }
    unlink(in);
    unlink(out);
    return got == count ? NULL : "FAILED";
}

/* --- the program --- */

struct totals {
    unsigned number, failed;
};

static void report(struct totals *t, const char *what, bool ok, const char *skip)
{
    printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", ++t->number, what, skip ? " # SKIP " : "",
           skip ? skip : "");
    t->failed += !ok;
}

/* The handlers were compiled with the operands unknown, the blocks with them known. */
static bool engines_agree(const struct hard_guest *guest, unsigned number,
                          const struct hard_engine *const *engines, unsigned count,
                          const struct hard_record *before, struct hard_record *after)
{
    const struct hard_case *c = &guest->cases[number];

    for (unsigned i = 0; i < RECORDS; i++) {
        after[i] = before[i];
        run_engine(engines[0], c, &after[i], false);
        for (unsigned e = 1; e < count; e++) {
            struct hard_record r = before[i];

            run_engine(engines[e], c, &r, i & 1);
            if (!same(guest, &before[i], &r, &after[i], engines[e]->name, engines[0]->name))
                return false;
        }
    }
    return true;
}

static bool oracle_agrees(const struct hard_guest *guest, const struct hard_record *before,
                          const struct hard_record *after, const struct hard_record *real)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        struct hard_record r = real[i];

        if (r.end != HARD_DONE) /* it knows that, but not where */
            ((struct hard_common *)r.state)->pc = ((const struct hard_common *)after[i].state)->pc;
        if (!same(guest, &before[i], &after[i], &r, "engines", "the real CPU"))
            return false;
    }
    return true;
}

static void run_guest(struct totals *t, const struct hard_guest *guest, const char *program,
                      const struct hard_engine *const *engines, unsigned count, u64 seed)
{
    size_t all = (size_t)guest->case_count * RECORDS;
    struct hard_record *before = calloc(all, sizeof *before);
    struct hard_record *after = calloc(all, sizeof *after);
    struct hard_record *real = calloc(all, sizeof *real);
    struct hard_rng g = { seed };
    const char *skip;
    char name[200];

    for (unsigned n = 0; n < guest->case_count; n++)
        for (unsigned i = 0; i < RECORDS; i++)
            make_record(&g, guest, n, &before[n * RECORDS + i]);
    memcpy(real, before, all * sizeof *real);
    skip = ask_oracle(guest, program, real, all);
    for (unsigned n = 0; n < guest->case_count; n++) {
        size_t at = (size_t)n * RECORDS;
        bool ok = engines_agree(guest, n, engines, count, before + at, after + at);

        snprintf(name, sizeof name, "%s/%s: %u engines agree", guest->name, guest->cases[n].name,
                 count);
        report(t, name, ok, NULL);
        if (!guest->oracle_command)
            continue;
        snprintf(name, sizeof name, "%s/%s: as the real CPU", guest->name, guest->cases[n].name);
        if (skip)
            report(t, name, strcmp(skip, "FAILED") != 0, skip);
        else
            report(t, name, oracle_agrees(guest, before + at, after + at, real + at), NULL);
    }
    free(before);
    free(after);
    free(real);
}

static const char *oracle_of(const struct hard_guest *guest, int argc, char **argv)
{
    size_t n = strlen(guest->name);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], guest->name, n) == 0 && argv[i][n] == '=')
            return argv[i] + n + 1;
    return NULL;
}

int hard_main(int argc, char **argv, const struct hard_engine *const *engines, unsigned count)
{
    static const struct hard_guest *const guests[] = { &hard_x86, &hard_arm64, &hard_riscv,
                                                       &hard_random_guest };
    const char *seed = getenv("HARD_SEED");
    struct totals t = { 0, 0 };
    unsigned plan = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(guests); i++)
        plan += (guests[i]->oracle_command ? 2 : 1) * guests[i]->case_count;
    printf("1..%u\n", plan);
    for (unsigned i = 0; i < ARRAY_SIZE(guests); i++)
        run_guest(&t, guests[i], oracle_of(guests[i], argc, argv), engines, count,
                  seed ? strtoull(seed, NULL, 0) : 1);
    return t.failed ? 1 : 0;
}
