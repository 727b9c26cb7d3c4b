/*
 * driver.c - runs named rows and tells what each took.
 *
 *   driver list              the rows: name, class
 *   driver serve             reads "run NAME REPS" lines (REPS 0: the row's own), answers
 *                            "bench-result NAME NS CPU-NS CHECKSUM"; "quit" ends it
 *   driver chroot DIR FILES  the same in DIR with FILES at /bench, in a mount space of its own
 *   driver nothing           ends at once: what the exec row starts
 *
 * As process 1 of a guest it powers the machine off when it ends.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct bench_row *const tables[] = {
    bench_rows_int, bench_rows_data, bench_rows_fp,   bench_rows_mem,
    bench_rows_os,  bench_rows_task, bench_rows_prog,
};
#define TABLES (sizeof tables / sizeof tables[0])

static void leave(int status)
{
    fflush(stdout);
    if (getpid() == 1) {
        sync();
        reboot(RB_POWER_OFF);
    }
    _exit(status);
}

_Noreturn void bench_die(const char *what)
{
    printf("bench-error %s: %s\n", what, strerror(errno));
    leave(1);
    __builtin_unreachable();
}

void *bench_alloc(size_t size)
{
    /* Arrays a power of two apart would meet in one entry of a direct-mapped TLB: a fact of
     * the layout, not of the row. */
    static size_t gap = 4096;
    gap += 8192;
    size += gap;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bench_die("no memory");
    /* A row that forks is not to pay for what another row has prepared. */
    madvise(memory, size, MADV_DONTFORK);
    return memory;
}

uint64_t bench_file_sum(const char *path)
{
    unsigned char bytes[4096];
    uint64_t sum = 0xcbf29ce484222325ull;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bench_die(path);
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got; i++)
            sum = (sum ^ bytes[i]) * 0x100000001b3ull;
    close(fd);
    return sum;
}

static void program_exec(const char *command, const char *out)
{
    char words[512], *argv[32];
    int count = 0, fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    snprintf(words, sizeof words, "%s", command);
    for (char *word = strtok(words, " "); word && count < 31; word = strtok(NULL, " "))
        argv[count++] = word;
    argv[count] = NULL;
    if (fd < 0 || dup2(fd, 1) < 0 || chdir("/tmp") < 0)
        _exit(126);
    execvp(argv[0], argv);
    _exit(127);
}

int bench_program_start(const char *command, const char *out)
{
    pid_t pid = fork();
    if (pid < 0)
        bench_die("fork");
    if (pid == 0)
        program_exec(command, out);
    return pid;
}

void bench_program_wait(int pid, const char *command)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        bench_die("waitpid");
    if (status != 0) {
        printf("bench-error status %#x of: %s\n", (unsigned)status, command);
        leave(1);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_of(int who)
{
    struct rusage use;
    getrusage(who, &use);
    return ((uint64_t)use.ru_utime.tv_sec + (uint64_t)use.ru_stime.tv_sec) * 1000000000u +
           ((uint64_t)use.ru_utime.tv_usec + (uint64_t)use.ru_stime.tv_usec) * 1000u;
}

static uint64_t cpu_ns(void)
{
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

static const struct bench_row *row_find(const char *name)
{
    for (size_t t = 0; t < TABLES; t++)
        for (const struct bench_row *row = tables[t]; row->name; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

static void row_run(const char *name, unsigned reps)
{
    const struct bench_row *row = row_find(name);
    if (!row) {
        printf("bench-error no row %s\n", name);
        return;
    }
    uint64_t sum = 0, cpu = cpu_ns(), began = now_ns();
    if (row->run)
        sum = row->run(reps ? reps : row->reps);
    else
        bench_program_wait(bench_program_start(row->command, "/tmp/out"), row->command);
    uint64_t ns = now_ns() - began;
    cpu = cpu_ns() - cpu;
    if (!row->run)
        sum = bench_file_sum("/tmp/out");
    printf("bench-result %s %llu %llu %016llx\n", name, (unsigned long long)ns,
           (unsigned long long)cpu, (unsigned long long)sum);
}

static void list(void)
{
    for (size_t t = 0; t < TABLES; t++)
        for (const struct bench_row *row = tables[t]; row->name; row++)
            printf("%s %s\n", row->name, row->class);
}

/* Lines come as they are typed: no echo between the results. */
static void console_raw(void)
{
    struct termios t;
    if (tcgetattr(0, &t) == 0) {
        t.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        tcsetattr(0, TCSANOW, &t);
    }
}

static void serve(void)
{
    char line[128], name[64];
    unsigned reps;
    console_raw();
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("LC_ALL", "C", 1);
    printf("bench-ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "quit", 4) == 0)
            break;
        if (sscanf(line, "run %63s %u", name, &reps) == 2)
            row_run(name, reps);
        else
            printf("bench-error not understood: %s", line);
        fflush(stdout);
    }
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        bench_die(path);
    close(fd);
}

/* Without root: a user space in which this user is root. */
static void become_root(void)
{
    char map[64];
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWUSER) < 0)
        bench_die("unshare");
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
}

static void mount_at(const char *root, const char *name, const char *from)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    int status = from ? mount(from, path, NULL, MS_BIND | MS_REC, NULL)
                      : mount("tmpfs", path, "tmpfs", 0, NULL);
    if (status < 0)
        bench_die(path);
}

static void enter_root(const char *root, const char *files)
{
    if (getuid() != 0)
        become_root();
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        bench_die("a mount space of its own");
    mount_at(root, "bench", files);
    mount_at(root, "dev", "/dev");
    mount_at(root, "proc", "/proc");
    mount_at(root, "tmp", NULL);
    if (chroot(root) < 0 || chdir("/") < 0)
        bench_die(root);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "list";
    if (strcmp(verb, "nothing") == 0)
        return 0;
    if (strcmp(verb, "chroot") == 0 && argc == 4) {
        enter_root(argv[2], argv[3]);
        serve();
    } else if (strcmp(verb, "serve") == 0) {
        serve();
    } else {
        list();
    }
    leave(0);
}
