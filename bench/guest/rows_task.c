/*
 * rows_task.c - what the operating system bounds: processes, threads, context switches.
 */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("a child process");
}

static uint64_t run_fork(unsigned reps)
{
    for (unsigned i = 0; i < reps; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        wait_for(pid);
    }
    return reps;
}

static pid_t start_nothing(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bench/driver", "driver", "nothing", (char *)NULL);
        _exit(1);
    }
    return pid;
}

static uint64_t run_exec(unsigned reps)
{
    for (unsigned i = 0; i < reps; i++)
        wait_for(start_nothing());
    return reps;
}

/* A byte goes to and fro between two processes. */
static uint64_t run_pipe(unsigned reps)
{
    int there[2], back[2];
    char byte = 0;
    uint64_t sum = 0;
    if (pipe(there) < 0 || pipe(back) < 0)
        bench_die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1) {
            byte++;
            if (write(back[1], &byte, 1) != 1)
                break;
        }
        _exit(0);
    }
    for (unsigned i = 0; i < reps * 10; i++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            bench_die("pipe");
        sum += (unsigned char)byte;
    }
    close(there[0]);
    close(there[1]);
    close(back[0]);
    close(back[1]);
    wait_for(pid);
    return sum;
}

static void *thread_add(void *argument)
{
    __atomic_fetch_add((uint64_t *)argument, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static uint64_t run_threads(unsigned reps)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < reps * 10; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_add, &sum) != 0)
            bench_die("pthread_create");
        pthread_join(thread, NULL);
    }
    return sum;
}

struct turns {
    uint32_t word;
    uint32_t last;
};

static void futex(uint32_t *word, int op, uint32_t value)
{
    syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* Takes every turn of this parity. */
static void turns_take(struct turns *turns, uint32_t parity)
{
    for (;;) {
        uint32_t word = __atomic_load_n(&turns->word, __ATOMIC_ACQUIRE);
        if (word >= turns->last)
            return;
        if ((word & 1) != parity) {
            futex(&turns->word, FUTEX_WAIT, word);
            continue;
        }
        __atomic_store_n(&turns->word, word + 1, __ATOMIC_RELEASE);
        futex(&turns->word, FUTEX_WAKE, 1);
    }
}

static void *turns_odd(void *argument)
{
    turns_take(argument, 1);
    return NULL;
}

/* Two threads take turns by a futex. */
static uint64_t run_futex(unsigned reps)
{
    struct turns turns = { 0, reps * 20 };
    pthread_t thread;
    if (pthread_create(&thread, NULL, turns_odd, &turns) != 0)
        bench_die("pthread_create");
    turns_take(&turns, 0);
    futex(&turns.word, FUTEX_WAKE, 1);
    pthread_join(thread, NULL);
    return turns.word;
}

/* A lock nobody else wants, and counters: the price of atomic instructions. */
static uint64_t run_atomic(unsigned reps)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    uint64_t sum = 0;
    for (unsigned i = 0; i < reps * 1000; i++) {
        pthread_mutex_lock(&lock);
        sum += i & 7;
        pthread_mutex_unlock(&lock);
        __atomic_fetch_add(&sum, 1, __ATOMIC_SEQ_CST);
    }
    return sum;
}

/* Four programs at once: how work spreads over CPUs. Not part of the one-CPU figures. */
static uint64_t run_parallel(unsigned reps)
{
    static const char command[] = "xz -1 -T1 -c /bench/data/text";
    char out[4][16];
    int pids[4];
    uint64_t sum = 0;
    while (reps--) {
        for (int i = 0; i < 4; i++) {
            snprintf(out[i], sizeof out[i], "/tmp/out%d", i);
            pids[i] = bench_program_start(command, out[i]);
        }
        for (int i = 0; i < 4; i++)
            bench_program_wait(pids[i], command);
        for (int i = 0; i < 4; i++)
            sum = bench_mix(sum, bench_file_sum(out[i]));
    }
    return sum;
}

const struct bench_row bench_rows_task[] = {
    { "fork", "os", run_fork, 200, NULL },        { "exec", "os", run_exec, 100, NULL },
    { "pipe", "os", run_pipe, 1000, NULL },       { "threads", "os", run_threads, 150, NULL },
    { "futex", "os", run_futex, 800, NULL },      { "atomic", "os", run_atomic, 2000, NULL },
    { "parallel", "smp", run_parallel, 1, NULL }, { NULL, NULL, NULL, 0, NULL },
};
