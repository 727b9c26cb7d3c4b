/*
 * diff.c - batches of cases, the oracle's process, and what differs; see diff.h.
 */
#include "diff.h"

#include "../isa/random.h"
#include "engine/core/engine.h"
#include "test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SAID = 40 };

static char program[1024], version[128];
static const char *options = "";
static int major; /* of its version */
static struct case_head *theirs, *ours, *before;
static int file = -1;
static unsigned usable[DIFF_LINES], usable_count;

/* --- the oracle --- */

static bool try_program(const char *path)
{
    char command[1200];
    FILE *pipe;

    snprintf(command, sizeof command, "'%s' --version 2>/dev/null", path);
    pipe = popen(command, "r");
    if (!pipe || !fgets(version, sizeof version, pipe))
        version[0] = '\0';
    version[strcspn(version, "\n")] = '\0';
    snprintf(program, sizeof program, "%s", path);
    return pipe && pclose(pipe) == 0;
}

static bool find_program(void)
{
    const char *given = getenv(diff_guest->env), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char path[1000];

    if (given)
        return try_program(given);
    snprintf(path, sizeof path, "%s%s/vm-dev/qemu10/run/%s",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache", diff_guest->asset);
    return try_program(path) || try_program(diff_guest->system);
}

static void choose_options(void)
{
    const char *v = strstr(version, "version ");

    major = v ? atoi(v + 8) : 0;
    options = diff_guest->options(major);
}

/* Runs theirs[0 .. n) there; false when the program itself failed. */
static bool run_qemu(unsigned n)
{
    char path[64], number[16];
    int status;
    pid_t pid;

    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    snprintf(number, sizeof number, "%u", n);
    pid = fork();
    if (pid == 0) {
        if (options[0])
            execlp(program, program, "-cpu", options, diff_guest->runner, path, number,
                   (char *)NULL);
        execlp(program, program, diff_guest->runner, path, number, (char *)NULL);
        _exit(99);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    if (status)
        printf("# %s ended with wait status %#x\n", program, (unsigned)status);
    return status == 0;
}

/* --- comparing --- */

static void say(unsigned i)
{
    const struct case_head *b = diff_case(before, i), *o = diff_case(ours, i);
    const struct case_head *t = diff_case(theirs, i);
    struct isa_insn in;
    char text[128];

    for (u32 at = 0; at < b->code_size; at += in.len) {
        diff_guest->isa->decode(b->code + at, b->code_size - at, 0, &in);
        isa_lines_text(diff_guest->lines, &in, CASE_CODE + (u64)i * CASE_SLOT + at, text,
                       sizeof text);
        printf("# %08x %s\n", in.raw, text);
    }
    diff_guest->say(b, o, t);
    if (o->pc != t->pc || o->signal != t->signal)
        printf("#   pc, signal: ours %#" PRIx64 " %u, theirs %#" PRIx64 " %u\n", o->pc, o->signal,
               t->pc, t->signal);
    if (memcmp(o->mem, t->mem, sizeof o->mem))
        printf("#   memory differs\n");
}

/* The case that the oracle did not finish. */
static void say_last(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!diff_case(theirs, i)->signal) {
            say(i);
            return;
        }
}

static bool known_fault(unsigned line)
{
    for (unsigned i = 0; i < diff_guest->fault_count; i++) {
        const struct diff_fault *f = &diff_guest->faults[i];

        if (!strcmp(diff_guest->lines->lines[line].id, f->id) && (!f->last || major <= f->last))
            return true;
    }
    return false;
}

struct tally {
    unsigned long agreed, differed, known, lacking, said[DIFF_LINES];
    bool executed[DIFF_LINES]; /* they executed the line at least once */
    bool lacked[DIFF_LINES];   /* and did not */
};

static void compare(unsigned i, bool with_qemu, struct tally *t)
{
    const struct case_head *o = diff_case(ours, i), *there = diff_case(theirs, i);
    unsigned line = there->line;
    bool illegal_there = there->signal == 4;

    if (!illegal_there)
        t->executed[line] = true;
    if (memcmp(o, there, diff_guest->case_size) == 0) {
        t->agreed++;
    } else if (with_qemu && illegal_there && o->signal != 4 && !t->executed[line]) {
        t->lacking++; /* an extension that it does not have */
        t->lacked[line] = true;
    } else if (with_qemu && known_fault(line)) {
        t->known++;
    } else {
        t->differed++;
        if (t->said[line]++ < 3 && t->differed < MAX_SAID)
            say(i);
    }
}

/* Lines of which every case is a SIGILL there and not here. */
static void say_lacking(const struct tally *t)
{
    for (unsigned line = 0; line < diff_guest->lines->line_count; line++)
        if (t->lacked[line] && !t->executed[line])
            printf("#   not tried: %s\n", diff_guest->lines->lines[line].id);
}

static void choose_lines(void)
{
    for (unsigned line = 0; line < diff_guest->lines->line_count && usable_count < DIFF_LINES;
         line++)
        if (diff_guest->usable(line))
            usable[usable_count++] = line;
}

static bool open_file(void)
{
    size_t size = DIFF_BATCH * diff_guest->case_size;

    file = memfd_create("cases", 0);
    if (file < 0 || ftruncate(file, (off_t)size))
        return false;
    theirs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ours = malloc(size);
    before = malloc(size);
    return theirs != MAP_FAILED && ours && before;
}

static unsigned long env_number(const char *name, unsigned long otherwise)
{
    const char *s = getenv(name);

    return s ? strtoul(s, NULL, 0) : otherwise;
}

/* --- cases --- */

/* Compares `total` cases in the evaluator with what run(n) makes of theirs[0 .. n). */
static void run_cases(const char *name, bool (*run)(unsigned n), bool with_qemu)
{
    unsigned long total = env_number("VM_CASES", getenv("VM_SOAK") ? 5200000 : 200000), done = 0;
    u64 rng = env_number("VM_SEED", 1);
    struct tally *t = calloc(1, sizeof *t);

    while (t && done < total && t->differed < 10000) {
        unsigned n = total - done < DIFF_BATCH ? (unsigned)(total - done) : DIFF_BATCH;

        for (unsigned i = 0; i < n; i++)
            diff_guest->make(diff_case(theirs, i), usable[(done + i) % usable_count], i, n, &rng);
        memcpy(before, theirs, n * diff_guest->case_size);
        memcpy(ours, theirs, n * diff_guest->case_size);
        for (unsigned i = 0; i < n; i++)
            diff_eval(diff_case(ours, i), i);
        if (!CHECK(run(n))) {
            say_last(n);
            break;
        }
        for (unsigned i = 0; i < n; i++)
            compare(i, with_qemu, t);
        done += n;
    }
    if (!CHECK(t != NULL))
        return;
    printf("# %s: %lu cases agree, %lu known faults, %lu of instructions it lacks\n", name,
           t->agreed, t->known, t->lacking);
    say_lacking(t);
    CHECK_EQ(t->differed, 0);
    CHECK(t->agreed > done / 2);
    free(t);
}

static bool prepare(void)
{
    if (!theirs) {
        CHECK(open_file());
        choose_lines();
    }
    return theirs && usable_count;
}

unsigned diff_usable(const unsigned **lines)
{
    *lines = usable;
    return prepare() ? usable_count : 0;
}

TEST(evaluator_agrees_with_qemu)
{
    if (!*diff_guest->runner)
        TEST_SKIP("there was no compiler to build the guest's runner with");
    if (!find_program())
        TEST_SKIP("there is no such qemu: run ./dev assets qemu10, or name it in VM_QEMU_...");
    choose_options();
    if (prepare())
        run_cases(version, run_qemu, true);
}

static struct machine *machine;

static bool run_engine(unsigned n)
{
    diff_engine_run(machine, theirs, n);
    return true;
}

TEST(interpreter_agrees_with_evaluator)
{
    machine = diff_engine_new(ENGINE_INTERP, DIFF_BATCH, 0);
    if (CHECK(machine) && prepare())
        run_cases("interpreter", run_engine, false);
    machine = diff_engine_free(machine);
}

static void base_tier(const char *name, u32 opts_off)
{
    machine = diff_engine_new(ENGINE_BASE, DIFF_BATCH, opts_off);
    if (!machine)
        TEST_SKIP("this host has no base tier");
    if (prepare())
        run_cases(name, run_engine, false);
    machine = diff_engine_free(machine);
}

TEST(base_tier_agrees_with_evaluator)
{
    base_tier("base tier", 0);
}

TEST(base_tier_without_optimisations_agrees)
{
    base_tier("base tier without optimisations", ENGINE_OPTS_ALL);
}

TEST(guests_own)
{
    test_failed_checks += diff_own();
}

int main(int argc, char **argv)
{
    const struct test_case cases[] = {
        TEST_CASE(evaluator_agrees_with_qemu),
        TEST_CASE(interpreter_agrees_with_evaluator),
        TEST_CASE(base_tier_agrees_with_evaluator),
        TEST_CASE(base_tier_without_optimisations_agrees),
        { diff_own_name, test_guests_own },
    };

    return test_run_all(cases, ARRAY_SIZE(cases) - !diff_own, argc, argv);
}
