/*
 * Random and edge cases of every riscv instruction but system calls and CSRs: the evaluator
 * against qemu-riscv64, and the engine's tiers against the evaluator.
 *
 * VM_CASES says how many (200,000 each; 5,200,000 when VM_SOAK is set, so that 5 million agree
 * besides known faults), VM_SEED which, VM_QEMU_RISCV64 names the program.
 */
#include "../isa/random.h"
#include "engine/core/engine.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/state.h"
#include "riscv_cases.h"
#include "test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 20000, MAX_SAID = 40 };

/* What qemu does wrong, by line; last: the last major version that does, 0 when the newest known
 * still does. Besides: a misaligned SC without a reservation ends qemu 10 ("unhandled CPU
 * exception 0x6"), so none is made; it leaves senvcfg's CBIE and CBCFE off, so that CBO.INVAL,
 * CLEAN and FLUSH count as lacking. */
static const struct {
    const char *id;
    int last;
    const char *why;
} qemu_faults[] = {
    { "sfence.w.inval", 0, "qemu-user lets U-mode execute it; it is illegal there" },
    { "sfence.inval.ir", 0, "the same" },
    { "ctzw", 7, "a source whose low half is 0 gives the zeros of the upper half, too" },
    { "sc.w", 7, "without a reservation it does not look whether the address can be stored to" },
    { "sc.d", 7, "the same; the specification lets it" },
};

static char program[1024], version[128];
static const char *options = "";
static int major; /* of its version */
static struct riscv_case *theirs, *ours, *before;
static int file = -1;
static unsigned usable[512], usable_count;

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
    const char *given = getenv("VM_QEMU_RISCV64"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char path[1000];

    if (given)
        return try_program(given);
    snprintf(path, sizeof path, "%s%s/vm-dev/qemu10/run/qemu-riscv64-10",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache");
    return try_program(path) || try_program("qemu-riscv64");
}

/* Everything it has but Zama16b, which would let misaligned atomics pass. Before version 9
 * there is neither. */
static void choose_options(void)
{
    const char *v = strstr(version, "version ");

    major = v ? atoi(v + 8) : 0;
    options = major >= 9 ? "max,zama16b=off" : "";
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
            execlp(program, program, "-cpu", options, RUNNER, path, number, (char *)NULL);
        execlp(program, program, RUNNER, path, number, (char *)NULL);
        _exit(99);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    if (status)
        printf("# %s ended with wait status %#x\n", program, (unsigned)status);
    return status == 0;
}

/* --- comparing --- */

static void say_regs(const char *what, const u64 *b, const u64 *o, const u64 *t)
{
    for (unsigned i = 0; i < 32; i++)
        if (o[i] != t[i])
            printf("#   %s%u: before %#" PRIx64 ", ours %#" PRIx64 ", theirs %#" PRIx64 "\n", what,
                   i, b[i], o[i], t[i]);
}

static void say_operand(const struct riscv_case *b, unsigned number, u16 offset)
{
    const u16 f = offsetof(struct rv_state, f), pc = offsetof(struct rv_state, pc);

    if (offset >= f && offset < offsetof(struct rv_state, frm))
        printf("#   operand %u: f%u = %#" PRIx64 "\n", number, (offset - f) / 8,
               b->f[(offset - f) / 8]);
    else if (offset < pc)
        printf("#   operand %u: x%u = %#" PRIx64 "\n", number, offset / 8, b->x[offset / 8]);
}

static void say(unsigned i)
{
    const struct riscv_case *b = &before[i], *o = &ours[i], *t = &theirs[i];
    struct isa_insn in;
    char text[128];

    for (u32 at = 0; at < b->code_size; at += in.len) {
        riscv_decode(b->code + at, b->code_size - at, 0, &in);
        isa_lines_text(&riscv_lines, &in, CASE_CODE + (u64)i * CASE_SLOT + at, text, sizeof text);
        printf("# %08x %s\n", in.raw, text);
        for (unsigned r = 0; r < 4; r++)
            say_operand(b, r, in.reg[r]);
    }
    say_regs("x", b->x, o->x, t->x);
    say_regs("f", b->f, o->f, t->f);
    if (o->fcsr != t->fcsr)
        printf("#   fcsr: before %#x, ours %#x, theirs %#x\n", b->fcsr, o->fcsr, t->fcsr);
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
        if (!theirs[i].signal) {
            say(i);
            return;
        }
}

static bool known_fault(unsigned line)
{
    for (size_t i = 0; i < ARRAY_SIZE(qemu_faults); i++)
        if (!strcmp(riscv_lines.lines[line].id, qemu_faults[i].id) &&
            (!qemu_faults[i].last || major <= qemu_faults[i].last))
            return true;
    return false;
}

struct tally {
    unsigned long agreed, differed, known, lacking, said[512];
    bool executed[512]; /* they executed the line at least once */
    bool lacked[512];   /* and did not */
};

static void compare(unsigned i, bool with_qemu, struct tally *t)
{
    unsigned line = theirs[i].line;
    bool illegal_there = theirs[i].signal == 4;

    if (!illegal_there)
        t->executed[line] = true;
    if (memcmp(&ours[i], &theirs[i], sizeof ours[i]) == 0) {
        t->agreed++;
    } else if (with_qemu && illegal_there && ours[i].signal != 4 && !t->executed[line]) {
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
    for (unsigned line = 0; line < riscv_lines.line_count; line++)
        if (t->lacked[line] && !t->executed[line])
            printf("#   not tried: %s\n", riscv_lines.lines[line].id);
}

static void choose_lines(void)
{
    for (unsigned line = 0; line < riscv_lines.line_count && usable_count < 512; line++)
        if (riscv_case_line_usable(line))
            usable[usable_count++] = line;
}

static bool open_file(void)
{
    size_t size = BATCH * sizeof *theirs;

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
        unsigned n = total - done < BATCH ? (unsigned)(total - done) : BATCH;

        for (unsigned i = 0; i < n; i++)
            riscv_case_make(&theirs[i], usable[(done + i) % usable_count], i, n, &rng);
        memcpy(before, theirs, n * sizeof *theirs);
        memcpy(ours, theirs, n * sizeof *theirs);
        for (unsigned i = 0; i < n; i++)
            riscv_case_eval(&ours[i], i, 1);
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

TEST(evaluator_agrees_with_qemu)
{
    if (!*RUNNER)
        TEST_SKIP("there was no riscv64-linux-gnu-gcc to build the runner with");
    if (!find_program())
        TEST_SKIP("there is no qemu-riscv64: run ./dev assets, or name it in VM_QEMU_RISCV64");
    choose_options();
    if (prepare())
        run_cases(version, run_qemu, true);
}

static struct machine *machine;

static bool run_engine(unsigned n)
{
    riscv_engine_run(machine, theirs, n);
    return true;
}

TEST(interpreter_agrees_with_evaluator)
{
    machine = riscv_engine_new(ENGINE_INTERP, BATCH, 0);
    if (CHECK(machine) && prepare())
        run_cases("interpreter", run_engine, false);
    machine = riscv_engine_free(machine);
}

static void base_tier(const char *name, u32 opts_off)
{
    machine = riscv_engine_new(ENGINE_BASE, BATCH, opts_off);
    if (!machine)
        TEST_SKIP("this host has no base tier");
    if (prepare())
        run_cases(name, run_engine, false);
    machine = riscv_engine_free(machine);
}

TEST(base_tier_agrees_with_evaluator)
{
    base_tier("base tier", 0);
}

TEST(base_tier_without_optimisations_agrees)
{
    base_tier("base tier without optimisations", ENGINE_OPTS_ALL);
}

/* --- mstatus.FS, which a user program does not see --- */

static bool is_float(unsigned line)
{
    static const char *const exts[] = { "f", "d", "c_d", "zfhmin", "zfa" };

    for (size_t i = 0; i < ARRAY_SIZE(exts); i++)
        if (!strcmp(riscv_lines.lines[line].ext, exts[i]))
            return true;
    return strstr(riscv_lines.lines[line].id, "/fp") != NULL;
}

/* Off: illegal, nothing happens. On: dirty when a register or a flag has changed, and for
 * everything else as it was. */
static void check_fs(unsigned line, u64 *rng)
{
    struct riscv_case first, c;
    bool changed;
    unsigned fs;

    riscv_case_make(&first, line, 0, BATCH, rng);
    c = first;
    fs = riscv_case_eval(&c, 0, 0);
    if (is_float(line) && (c.signal != 4 || fs != 0 || memcmp(c.x, first.x, sizeof c.x) ||
                           memcmp(c.f, first.f, sizeof c.f) || c.fcsr != first.fcsr))
        (void)TEST_FAIL_("%s does something while FS is off", riscv_lines.lines[line].id);
    c = first;
    fs = riscv_case_eval(&c, 0, 1);
    changed = memcmp(c.f, first.f, sizeof c.f) || c.fcsr != first.fcsr;
    if ((changed && fs != 3) || (!is_float(line) && (changed || fs != 1)))
        (void)TEST_FAIL_("%s leaves FS %u", riscv_lines.lines[line].id, fs);
}

TEST(floating_point_state_is_tracked)
{
    u64 rng = 11;

    if (!prepare())
        return;
    for (unsigned i = 0; i < usable_count; i++)
        for (unsigned n = 0; n < 40; n++)
            check_fs(usable[i], &rng);
}

TEST_MAIN(TEST_CASE(floating_point_state_is_tracked), TEST_CASE(evaluator_agrees_with_qemu),
          TEST_CASE(interpreter_agrees_with_evaluator), TEST_CASE(base_tier_agrees_with_evaluator),
          TEST_CASE(base_tier_without_optimisations_agrees))
