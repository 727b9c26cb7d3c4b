/*
 * perf_count.c - the guest's side of pmu.py: what perf_event_open(2) counts of a loop.
 *
 *     perf_count LOOPS PERIOD
 *         runs a loop of three instructions LOOPS times; prints how many instructions and cycles
 *         were counted in user mode, and how many signals came, of each PERIOD instructions one
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static int event_open(unsigned long config, unsigned long period)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
                                    .size = sizeof attr,
                                    .config = config,
                                    .sample_period = period,
                                    .wakeup_events = period ? 1 : 0,
                                    .disabled = 1,
                                    .exclude_kernel = 1 };
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

    if (fd < 0) {
        printf("perf_count: %s\n", strerror(errno));
        exit(1);
    }
    return fd;
}

static void run(unsigned long loops)
{
    __asm__ volatile("1: subs %0, %0, #1\n    nop\n    b.ne 1b" : "+r"(loops) : : "cc");
}

static unsigned long long count_of(int fd, unsigned long loops)
{
    unsigned long long n = 0;

    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    run(loops);
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    if (read(fd, &n, sizeof n) != sizeof n)
        return 0;
    close(fd);
    return n;
}

int main(int argc, char **argv)
{
    unsigned long loops = argc == 3 ? strtoul(argv[1], NULL, 0) : 0;
    unsigned long period = loops ? strtoul(argv[2], NULL, 0) : 0;
    int fd;

    if (!period)
        return 2;
    printf("instructions %llu\n", count_of(event_open(PERF_COUNT_HW_INSTRUCTIONS, 0), loops));
    printf("cycles %llu\n", count_of(event_open(PERF_COUNT_HW_CPU_CYCLES, 0), loops));
    signal(SIGIO, on_signal);
    fd = event_open(PERF_COUNT_HW_INSTRUCTIONS, period);
    fcntl(fd, F_SETFL, O_ASYNC);
    fcntl(fd, F_SETOWN, getpid());
    count_of(fd, loops);
    printf("signals %d\n", (int)signals);
    return 0;
}
