/*
 * test_host.c - threads, clocks, mappings, processor, files.
 */
#include "base/bits.h"
#include "host/clock.h"
#include "host/cpu.h"
#include "host/file.h"
#include "host/map.h"
#include "host/thread.h"
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#endif

struct shared {
    struct host_mutex lock;
    struct host_cond cond;
    unsigned count;
    bool self;
    struct host_thread thread;
};

static void count_up(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < 10000; i++) {
        host_mutex_lock(&s->lock);
        s->count++;
        host_mutex_unlock(&s->lock);
    }
    host_mutex_lock(&s->lock);
    s->self = host_thread_is_self(&s->thread);
    host_cond_signal(&s->cond);
    host_mutex_unlock(&s->lock);
}

TEST(threads_share_a_lock)
{
    struct shared s = { 0 };
    struct err err = { 0 };

    host_mutex_init(&s.lock);
    host_cond_init(&s.cond);
    host_mutex_lock(&s.lock);
    CHECK_EQ(host_thread_start(&s.thread, "a name longer than 15", count_up, &s, &err), 0);
    host_mutex_unlock(&s.lock);
    for (int i = 0; i < 10000; i++) {
        host_mutex_lock(&s.lock);
        s.count++;
        host_mutex_unlock(&s.lock);
    }
    host_mutex_lock(&s.lock);
    while (!s.self)
        host_cond_wait(&s.cond, &s.lock);
    CHECK(!host_mutex_trylock(&s.lock));
    host_mutex_unlock(&s.lock);
    host_thread_join(&s.thread);
    CHECK_EQ(s.count, 20000);
    CHECK_EQ(strlen(s.thread.name), 15);
    CHECK(host_cpu_count() >= 1);
    host_cond_fini(&s.cond);
    host_mutex_fini(&s.lock);
}

TEST(cond_wait_ends_at_its_deadline)
{
    struct shared s = { 0 };
    ns_t start = host_clock_monotonic();

    host_mutex_init(&s.lock);
    host_cond_init(&s.cond);
    host_mutex_lock(&s.lock);
    while (host_cond_wait_until(&s.cond, &s.lock, start + 20 * NS_PER_MS))
        ;
    CHECK(host_clock_monotonic() >= start + 19 * NS_PER_MS);
    CHECK(!host_cond_wait_until(&s.cond, &s.lock, start));
    host_mutex_unlock(&s.lock);
    host_cond_fini(&s.cond);
    host_mutex_fini(&s.lock);
}

TEST(clocks_and_chance)
{
    ns_t a = host_clock_monotonic();
    ns_t b = host_clock_monotonic();
    u64 r[4] = { 0 };

    CHECK(b >= a);
    CHECK(host_clock_realtime() > 1600000000ull * NS_PER_SEC);
    host_random(r, sizeof r - 3);
    CHECK(r[0] != 0 && r[1] != 0 && r[0] != r[1] && r[2] != r[1]);
    CHECK_EQ(r[3] >> 40, 0);
}

TEST(ram_is_zero_and_comes_back_zero)
{
    struct host_map map;
    struct err err = { 0 };
    size_t page = host_page_size();

    CHECK_EQ(host_map_ram(&map, 8 * MIB + 5, &err), 0);
    CHECK_EQ(map.size, bits_align_up(8 * MIB + 5, page));
    CHECK_EQ(map.at[0] | map.at[map.size - 1], 0);
    memset(map.at, 7, 3 * page);
    CHECK_EQ(host_map_discard(&map, page, page), 0);
    CHECK_EQ(map.at[page - 1], 7);
    CHECK_EQ(map.at[page], 0);
    CHECK_EQ(map.at[2 * page - 1], 0);
    CHECK_EQ(map.at[2 * page], 7);
    host_map_fini(&map);
    host_map_fini(&map);
    CHECK_EQ(host_map_ram(&map, SIZE_MAX, &err), -ENOMEM);
    CHECK_HAS(err.text, "MiB of memory (ask for less)");
    CHECK_EQ(host_map_ram(&map, 1ull << 60, &err), -ENOMEM);
    CHECK_HAS(err.text, "1099511627776 MiB");
}

#ifndef _WIN32
TEST(ram_costs_nothing_until_touched)
{
    struct host_map map;
    struct err err = { 0 };
    struct rusage before, after;

    /* Under emulators that allocate page tables, a huge reservation is not free. */
    getrusage(RUSAGE_SELF, &before);
    if (!CHECK_EQ(host_map_ram(&map, 8 * GIB, &err), 0))
        return;
    map.at[4 * GIB] = 1;
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss < 100 * 1024);
    CHECK_EQ((uintptr_t)map.at % (2 * MIB), 0);
    host_map_fini(&map);
}

TEST(shared_ram_is_seen_through_its_descriptor)
{
    struct host_map map;
    struct err err = { 0 };
    u8 *other;

    CHECK_EQ(host_map_ram_shared(&map, 4 * MIB, &err), 0);
    other = mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, map.fd, 0);
    CHECK(other != MAP_FAILED);
    map.at[MIB] = 42;
    CHECK_EQ(other[MIB], 42);
    CHECK_EQ(host_map_discard(&map, MIB, host_page_size()), 0);
    CHECK_EQ(other[MIB], 0);
    munmap(other, 4 * MIB);
    host_map_fini(&map);
}
#endif

/* Code that returns 1, then changed to return 2: both must be what runs. */
static int run_code(const struct host_code_map *map, size_t off, u32 value)
{
    u8 *at = map->rw + off;
    int (*fn)(void);
    u8 *rx = map->rx + off;

#if defined(__x86_64__)
    at[0] = 0xb8;
    le32_put(at + 1, value);
    at[5] = 0xc3;
#elif defined(__aarch64__)
    le32_put(at, 0x52800000 | value << 5);
    le32_put(at + 4, 0xd65f03c0);
#elif defined(__riscv)
    le32_put(at, 0x00000513 | value << 20);
    le32_put(at + 4, 0x00008067);
#endif
    host_code_flush(map, off, 8);
    memcpy(&fn, &rx, sizeof fn);
    return fn();
}

static void check_code(enum host_code_mode mode)
{
    struct host_code_map map;
    struct err err = { 0 };

    if (!CHECK_EQ(host_code_map_init(&map, 100000, mode, &err), 0)) {
        printf("# %s\n", err.text);
        return;
    }
    CHECK(map.mode != HOST_CODE_AUTO);
    CHECK_EQ(map.mode == HOST_CODE_RWX, map.rw == map.rx);
    CHECK(map.size >= 100000 && map.size % host_page_size() == 0);
    CHECK_EQ(run_code(&map, 0, 1), 1);
    CHECK_EQ(run_code(&map, 0, 2), 2);
    CHECK_EQ(run_code(&map, map.size - 8, 3), 3);
    CHECK_EQ(run_code(&map, 0, 4), 4);
    host_code_map_fini(&map);
    host_code_map_fini(&map);
}

TEST(changed_code_runs_in_the_probed_mode)
{
    check_code(HOST_CODE_AUTO);
}

TEST(changed_code_runs_in_one_mapping)
{
    check_code(HOST_CODE_RWX);
}

TEST(processor_is_known)
{
    struct host_cpu cpu;

    host_cpu_detect(&cpu);
#if defined(__x86_64__)
    CHECK_STR(host_isa_name(cpu.isa), "x86_64");
    CHECK_EQ((cpu.features & HOST_X86_POPCNT) != 0, __builtin_cpu_supports("popcnt") != 0);
    CHECK_EQ((cpu.features & HOST_X86_AVX2) != 0, __builtin_cpu_supports("avx2") != 0);
    CHECK_EQ((cpu.features & HOST_X86_BMI2) != 0, __builtin_cpu_supports("bmi2") != 0);
    CHECK_EQ((cpu.features & HOST_X86_FMA) != 0, __builtin_cpu_supports("fma") != 0);
#elif defined(__aarch64__)
    CHECK_STR(host_isa_name(cpu.isa), "arm64");
    CHECK(cpu.icache_line >= 4);
#else
    CHECK_STR(host_isa_name(cpu.isa), "riscv64");
#endif
}

static char folder[256];

static const char *in_folder(const char *name)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* How many names the folder holds, so that left-over temporary files show. */
static int names_in_folder(void)
{
    DIR *dir = opendir(folder);
    int n = 0;

    if (!dir)
        return -1;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static bool make_folder(void)
{
#ifdef _WIN32
    snprintf(folder, sizeof folder, "unit-host-%d", (int)getpid());
    return mkdir(folder) == 0;
#else
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/unit-host-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) != NULL;
#endif
}

TEST(files_read_and_replaced)
{
    struct err err = { 0 };
    struct host_file_out *out;
    u8 *data;
    size_t size;

    if (!CHECK(make_folder()))
        return;
    CHECK_EQ(host_file_write(in_folder("a"), "hello\n\0x", 8, &err), 0);
    CHECK_EQ(host_file_read(in_folder("a"), 8, &data, &size, &err), 0);
    CHECK_EQ(size, 8);
    CHECK(memcmp(data, "hello\n\0x", 9) == 0);
    free(data);
    CHECK_EQ(host_file_read(in_folder("a"), 7, &data, &size, &err), -EFBIG);
    CHECK_HAS(err.text, "/a\" has 8 bytes; at most 7 are accepted");
    CHECK_EQ(host_file_read(in_folder("none"), 7, &data, &size, &err), -ENOENT);
    CHECK_HAS(err.text, "cannot open \"");
    CHECK_EQ(host_file_out_new(in_folder("a"), &out, &err), 0);
    CHECK_EQ(host_file_out_write(out, "new", 3, &err), 0);
    host_file_out_free(out); /* given up */
    CHECK_EQ(host_file_read(in_folder("a"), 8, &data, &size, &err), 0);
    CHECK_EQ(size, 8);
    free(data);
    CHECK_EQ(host_file_write(in_folder("a"), "new", 3, &err), 0);
    CHECK_EQ(host_file_read(in_folder("a"), 8, &data, &size, &err), 0);
    CHECK_STR((char *)data, "new");
    free(data);
    CHECK_EQ(names_in_folder(), 1);
    CHECK(host_file_write(in_folder("none/a"), "new", 3, &err) < 0);
    CHECK_HAS(err.text, "cannot create \"");
    unlink(in_folder("a"));
    rmdir(folder);
}

#ifndef _WIN32
TEST(odd_input_files_are_refused)
{
    struct err err = { 0 };
    u8 *data;
    size_t size;
    FILE *f;

    if (!CHECK(make_folder()))
        return;
    CHECK_EQ(host_file_read(folder, 10, &data, &size, &err), -EISDIR);
    CHECK_HAS(err.text, "is a directory");
    CHECK_EQ(mkfifo(in_folder("pipe"), 0600), 0);
    CHECK_EQ(host_file_read(in_folder("pipe"), 10, &data, &size, &err), -EINVAL);
    CHECK_HAS(err.text, "not a regular file");
    f = fopen(in_folder("empty"), "w");
    fclose(f);
    CHECK_EQ(host_file_read(in_folder("empty"), 10, &data, &size, &err), -EINVAL);
    CHECK_HAS(err.text, "is empty");
    unlink(in_folder("pipe"));
    unlink(in_folder("empty"));
    rmdir(folder);
}

TEST(file_mode_and_links_survive_a_replacement)
{
    struct err err = { 0 };
    struct stat st;
    char target[400];

    if (!CHECK(make_folder()))
        return;
    snprintf(target, sizeof target, "%s", in_folder("target"));
    CHECK_EQ(host_file_write(target, "1", 1, &err), 0);
    CHECK_EQ(chmod(target, 0640), 0);
    CHECK_EQ(symlink("target", in_folder("link")), 0);
    CHECK_EQ(host_file_write(in_folder("link"), "22", 2, &err), 0);
    CHECK_EQ(lstat(in_folder("link"), &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(stat(target, &st), 0);
    CHECK_EQ(st.st_size, 2);
    CHECK_EQ(st.st_mode & 0777, 0640);
    unlink(in_folder("link"));
    unlink(target);
    rmdir(folder);
}

/* The file size limit stands in for a full disk: both fail in write(). */
TEST(failed_write_keeps_the_old_content)
{
    struct err err = { 0 };
    struct rlimit old, limit;
    u8 *data, *big = calloc(1, MIB);
    size_t size;

    if (!CHECK(make_folder()))
        return;
    CHECK_EQ(host_file_write(in_folder("a"), "old", 3, &err), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 64 * KIB;
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_EQ(host_file_write(in_folder("a"), big, MIB, &err), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_HAS(err.text, "cannot write \"");
    CHECK_HAS(err.text, "unchanged): File too large");
    CHECK_EQ(host_file_read(in_folder("a"), 10, &data, &size, &err), 0);
    CHECK_STR((char *)data, "old");
    CHECK_EQ(names_in_folder(), 1);
    free(data);
    free(big);
    CHECK_EQ(host_file_write("/dev/full", "x", 1, &err), -ENOSPC);
    CHECK_HAS(err.text, "cannot write \"/dev/full\": No space left on device");
    unlink(in_folder("a"));
    rmdir(folder);
}
#define POSIX_CASES                                                                                \
    TEST_CASE(ram_costs_nothing_until_touched),                                                    \
        TEST_CASE(shared_ram_is_seen_through_its_descriptor),                                      \
        TEST_CASE(odd_input_files_are_refused),                                                    \
        TEST_CASE(file_mode_and_links_survive_a_replacement),                                      \
        TEST_CASE(failed_write_keeps_the_old_content),
#else
#define POSIX_CASES
#endif

TEST_MAIN(TEST_CASE(threads_share_a_lock), TEST_CASE(cond_wait_ends_at_its_deadline),
          TEST_CASE(clocks_and_chance), TEST_CASE(ram_is_zero_and_comes_back_zero),
          TEST_CASE(changed_code_runs_in_the_probed_mode),
          TEST_CASE(changed_code_runs_in_one_mapping), TEST_CASE(processor_is_known),
          POSIX_CASES TEST_CASE(files_read_and_replaced))
