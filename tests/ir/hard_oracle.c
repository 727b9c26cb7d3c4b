/*
 * hard_oracle.c - the frame of an oracle program.
 */
#include "hard_oracle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct hard_record record;

static void on_signal(int signo, siginfo_t *info, void *context)
{
    oracle_fault(&record, signo, info, context);
}

static void catch_signals(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    static u8 stack[65536];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &sa, NULL);
}

static void map(u64 at, int prot)
{
    if (mmap((void *)(uintptr_t)at, HARD_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED) {
        perror("oracle: mmap");
        exit(1);
    }
}

/* Page B as the record wants it; filled while it is writable. */
static void set_memory(const struct hard_record *r)
{
    void *b = (void *)(uintptr_t)HARD_PAGE_B;

    map(HARD_PAGE_B, PROT_READ | PROT_WRITE);
    memcpy((void *)(uintptr_t)HARD_BASE, r->memory, HARD_WINDOW);
    if (r->page_b != HARD_B_WRITE)
        mprotect(b, HARD_PAGE, r->page_b == HARD_B_READ ? PROT_READ : PROT_NONE);
}

static void get_memory(struct hard_record *r)
{
    mprotect((void *)(uintptr_t)HARD_PAGE_B, HARD_PAGE, PROT_READ | PROT_WRITE);
    memcpy(r->memory, (void *)(uintptr_t)HARD_BASE, HARD_WINDOW);
}

int main(void)
{
    map(HARD_PAGE_A, PROT_READ | PROT_WRITE);
    catch_signals();
    while (fread(&record, sizeof record, 1, stdin) == 1) {
        set_memory(&record);
        record.end = HARD_DONE;
        oracle_run(&record);
        get_memory(&record);
        fwrite(&record, sizeof record, 1, stdout);
    }
    return fflush(stdout) ? 1 : 0;
}
