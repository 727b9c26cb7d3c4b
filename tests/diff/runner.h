/*
 * runner.h - runs instruction cases as a Linux program of their guest.
 *
 *     GUEST_runner FILE COUNT
 *
 * Every case ends in a signal. The handler saves the interrupted state as the case's
 * result, puts the next case's state in its place and returns into its code. It is
 * freestanding, because all registers hold a case's values when it runs.
 *
 * The file that includes this at its end is the guest's, and has: u64; call(); struct runner_case,
 * struct context and struct action, as the kernel has it; save() and load(); stop_code, which
 * fills the slots; code_written(); stop_here().
 */
#ifndef TESTS_DIFF_RUNNER_H
#define TESTS_DIFF_RUNNER_H

/* Where no case's sp points by chance: then the kernel would take the handler's stack for
 * the one in use and write over it. */
#define HANDLER_STACK 0x35a7654000
enum { HANDLER_STACK_SIZE = 65536 };

/* The same on all guests whose Linux has the generic numbers. */
enum {
    SYS_OPENAT = 56,
    SYS_EXIT = 93,
    SYS_SIGALTSTACK = 132,
    SYS_SIGACTION = 134,
    SYS_MMAP = 222,
};

static void quit(int status)
{
    for (;;)
        call(SYS_EXIT, status, 0, 0, 0, 0, 0);
}

static void *map(u64 at, u64 size, int prot, int flags, int fd)
{
    long p = call(SYS_MMAP, (long)at, (long)size, prot, flags, fd, 0);

    if (p < 0 && p > -4096)
        quit(10);
    return (void *)p;
}

static struct runner_case *cases;
static long count, running = -1;

static void on_signal(int sig, void *info, void *context)
{
    (void)info;
    if (running >= 0)
        save(&cases[running], sig, context);
    if (++running == count)
        quit(0);
    load(&cases[running], CASE_CODE + (u64)running * CASE_SLOT, context);
}

static void place_code(void)
{
    u64 size = ((u64)count * CASE_SLOT + 4095) & ~4095ull;
    volatile uint8_t *code = map(CASE_CODE, size, 7, 0x32, -1);

    for (u64 i = 0; i < size; i++)
        code[i] = stop_code[i % sizeof stop_code];
    for (long n = 0; n < count; n++)
        for (uint32_t i = 0; i < cases[n].code_size; i++)
            code[n * CASE_SLOT + i] = cases[n].code[i];
    code_written(CASE_CODE, CASE_CODE + size);
}

static void catch_signals(void)
{
    static const int signals[] = { 4, 5, 7, 8, 11 };
    void *at = map(HANDLER_STACK, HANDLER_STACK_SIZE, 3, 0x32, -1);
    struct stack st = { at, 0, HANDLER_STACK_SIZE };
    struct action act = { .handler = on_signal,
                          .flags = 0x4 | 0x08000000 | 0x40000000 }; /* info, stack, nodefer */

    if (call(SYS_SIGALTSTACK, (long)&st, 0, 0, 0, 0, 0))
        quit(12);
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (call(SYS_SIGACTION, signals[i], (long)&act, 0, 8, 0, 0))
            quit(13);
}

void run(const long *stack)
{
    const char *path = (const char *)stack[2], *number = (const char *)stack[3];
    long fd;

    if (stack[0] != 3)
        quit(2);
    while (*number)
        count = count * 10 + (*number++ - '0');
    fd = call(SYS_OPENAT, -100, (long)path, 2, 0, 0, 0);
    if (fd < 0)
        quit(11);
    cases = map(0, (u64)count * sizeof *cases, 3, 1, (int)fd);
    map(CASE_PAGE, CASE_PAGE_SIZE, 3, 0x32, -1);
    place_code();
    catch_signals();
    stop_here();
}

#endif
