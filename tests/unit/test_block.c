/*
 * test_block.c - disk images on real files, once by io_uring and once by threads.
 */
#include "backend/block/block.h"
#include "backend/block/qcow2_api.h"
#include "host/thread.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_SIZE MIB

static char folder[200], disk[256];
static struct host_mutex lock;
static struct loop *loop;
static enum blk_engine engine;

static void begin(void)
{
    struct err err = { 0 };
    const char *tmp = getenv("TMPDIR");
    int fd;

    snprintf(folder, sizeof folder, "%s/unit-block-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        exit(1);
    snprintf(disk, sizeof disk, "%s/disk", folder);
    fd = open(disk, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, DISK_SIZE))
        exit(1);
    close(fd);
    host_mutex_init(&lock);
    CHECK_EQ(loop_new(&lock, &loop, &err), 0);
}

static void end(void)
{
    loop_free(loop);
    host_mutex_fini(&lock);
    unlink(disk);
    rmdir(folder);
}

static struct blk_image *open_disk(bool read_only)
{
    struct blk_options options = { .read_only = read_only, .engine = engine };
    struct blk_image *image = NULL;
    struct err err = { 0 };

    if (!CHECK_EQ(blk_image_open(disk, &options, loop, &image, &err), 0))
        printf("# %s\n", err.text);
    return image;
}

static bool submitting;
static unsigned done_count, done_inside;
static int last_result;

static void on_done(struct blk_request *req, int result)
{
    done_inside += submitting;
    done_count++;
    last_result = result;
    if (req->arg)
        *(int *)req->arg = result;
}

static int submit(struct blk_image *image, struct blk_request *req)
{
    int ret;

    req->done = on_done;
    submitting = true;
    ret = blk_submit(image, req);
    submitting = false;
    return ret;
}

/* Submits and runs the loop until it is done; its result. */
static int run(struct blk_image *image, struct blk_request *req)
{
    unsigned before = done_count;
    int ret;

    host_mutex_lock(&lock);
    ret = submit(image, req);
    host_mutex_unlock(&lock);
    if (ret)
        return ret;
    for (int i = 0; i < 100 && done_count == before; i++)
        loop_run_once(loop, 100 * NS_PER_MS);
    CHECK_EQ(done_count, before + 1);
    return last_result;
}

static int transfer(struct blk_image *image, enum blk_op op, u64 sector, void *at, size_t len)
{
    struct iovec iov = { at, len };
    struct blk_request req = { .op = op, .sector = sector, .iov = &iov, .iov_count = 1 };

    return run(image, &req);
}

static int range(struct blk_image *image, enum blk_op op, u64 sector, u64 count)
{
    struct blk_request req = { .op = op, .sector = sector, .count = count };

    return run(image, &req);
}

static void check_file(off_t at, const u8 *want, size_t len)
{
    u8 *got = malloc(len);
    int fd = open(disk, O_RDONLY);

    CHECK_EQ(pread(fd, got, len, at), (ssize_t)len);
    CHECK(memcmp(got, want, len) == 0);
    close(fd);
    free(got);
}

static void check_data(void)
{
    struct blk_image *image = open_disk(false);
    u8 out[4096], in[4096];
    struct iovec scatter[3] = { { in, 100 }, { in + 100, 924 }, { in + 1024, 3072 } };
    struct blk_request req = { .op = BLK_READ, .sector = 9, .iov = scatter, .iov_count = 3 };

    if (!image)
        return;
    CHECK_EQ(blk_image_sectors(image), DISK_SIZE / 512);
    CHECK(!blk_image_read_only(image));
    CHECK_STR(blk_image_engine(image), engine == BLK_ENGINE_URING ? "io_uring" : "threads");
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (u8)(i * 7 + 1);
    CHECK_EQ(transfer(image, BLK_WRITE, 9, out, sizeof out), 0);
    check_file(9 * 512, out, sizeof out);
    CHECK_EQ(run(image, &req), 0);
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK_EQ(range(image, BLK_FLUSH, 0, 0), 0);
    CHECK_EQ(transfer(image, BLK_WRITE, DISK_SIZE / 512 - 8, out, sizeof out), 0);
    check_file(DISK_SIZE - 4096, out, sizeof out);
    CHECK_EQ(done_inside, 0);
    blk_image_free(image);
}

static void check_zeroing(void)
{
    struct blk_image *image = open_disk(false);
    u8 *full = malloc(DISK_SIZE), *zero = calloc(1, DISK_SIZE);
    struct stat before, after;

    if (!image)
        return;
    memset(full, 0x5a, DISK_SIZE);
    CHECK_EQ(transfer(image, BLK_WRITE, 0, full, DISK_SIZE), 0);
    CHECK_EQ(stat(disk, &before), 0);
    CHECK_EQ(range(image, BLK_DISCARD, 256, 1024), 0);
    CHECK_EQ(stat(disk, &after), 0);
    CHECK(after.st_blocks <= before.st_blocks);
    CHECK_EQ(range(image, BLK_WRITE_ZEROES, 3, 1500), 0);
    check_file(0, full, 3 * 512);
    check_file(3 * 512, zero, 1500 * 512);
    check_file(1503 * 512, full, DISK_SIZE - 1503 * 512);
    CHECK_EQ(stat(disk, &after), 0);
    CHECK_EQ(after.st_size, DISK_SIZE);
    free(full);
    free(zero);
    blk_image_free(image);
}

static void check_refusals(void)
{
    struct blk_image *image = open_disk(false);
    u8 data[1024];
    struct iovec wrap[2] = { { data, SIZE_MAX - 511 }, { data, 1024 } };
    struct blk_request req = { .op = BLK_READ, .iov = wrap, .iov_count = 2 };
    u64 end_sector = DISK_SIZE / 512;

    if (!image)
        return;
    CHECK_EQ(transfer(image, BLK_READ, end_sector - 1, data, 1024), -EINVAL);
    CHECK_EQ(transfer(image, BLK_READ, end_sector - 1, data, 512), 0);
    CHECK_EQ(transfer(image, BLK_WRITE, end_sector, data, 512), -EINVAL);
    CHECK_EQ(transfer(image, BLK_WRITE, UINT64_MAX, data, 512), -EINVAL);
    CHECK_EQ(transfer(image, BLK_WRITE, 1ull << 55, data, 512), -EINVAL);
    CHECK_EQ(transfer(image, BLK_READ, 0, data, 511), -EINVAL);
    CHECK_EQ(transfer(image, BLK_READ, 0, data, 0), -EINVAL);
    CHECK_EQ(run(image, &req), -EINVAL);
    req.iov_count = 0;
    CHECK_EQ(run(image, &req), -EINVAL);
    req.iov_count = 1025;
    CHECK_EQ(run(image, &req), -EINVAL);
    CHECK_EQ(range(image, BLK_DISCARD, 0, 0), -EINVAL);
    CHECK_EQ(range(image, BLK_DISCARD, 1, end_sector), -EINVAL);
    CHECK_EQ(range(image, BLK_WRITE_ZEROES, 1, UINT64_MAX), -EINVAL);
    blk_image_free(image);
    image = open_disk(true);
    CHECK(blk_image_read_only(image));
    CHECK_EQ(transfer(image, BLK_WRITE, 0, data, 512), -EROFS);
    CHECK_EQ(range(image, BLK_DISCARD, 0, 1), -EROFS);
    CHECK_EQ(range(image, BLK_WRITE_ZEROES, 0, 1), -EROFS);
    CHECK_EQ(range(image, BLK_FLUSH, 0, 0), 0);
    CHECK_EQ(transfer(image, BLK_READ, 0, data, 512), 0);
    blk_image_free(image);
}

#define MANY 1000

/* More than any queue holds, submitted in one go, waited for by a drain. */
static void check_many(void)
{
    struct blk_image *image = open_disk(false);
    static struct blk_request reqs[MANY];
    static struct iovec iov[MANY];
    static u8 data[MANY][512];
    static int results[MANY];

    if (!image)
        return;
    done_count = 0;
    host_mutex_lock(&lock);
    for (unsigned i = 0; i < MANY; i++) {
        memset(data[i], (int)i, 512);
        results[i] = 1;
        iov[i] = (struct iovec){ data[i], 512 };
        reqs[i] = (struct blk_request){
            .op = BLK_WRITE, .sector = i, .iov = &iov[i], .iov_count = 1, .arg = &results[i]
        };
        CHECK_EQ(submit(image, &reqs[i]), 0);
    }
    blk_drain(image);
    CHECK_EQ(done_count, MANY);
    for (unsigned i = 0; i < MANY; i++)
        if (results[i])
            CHECK_EQ(i, MANY);
    blk_drain(image);
    host_mutex_unlock(&lock);
    check_file(0, data[0], sizeof data);
    blk_image_free(image);
}

static bool make_qcow2(const char *path, u64 size)
{
    struct blk_qcow2_options options = { .size = size, .cluster_size = 4096 };
    struct blk_file *file = NULL;
    struct blk_node *n = NULL;
    struct err err = { 0 };

    unlink(path);
    return CHECK_EQ(blk_file_create(path, &file, &err), 0) &&
           CHECK_EQ(blk_qcow2_create(file, path, &options, &n, &err), 0) &&
           CHECK_EQ(blk_node_free(n), 0);
}

static void check_qcow2_sound(const char *path)
{
    struct blk_node *n = NULL;
    struct blk_qcow2_check c = { 0 };
    struct err err = { 0 };

    CHECK_EQ(blk_node_open(path, "qcow2", BLK_OPEN_READ_ONLY, 0, &n, &err), 0);
    CHECK_EQ(blk_qcow2_check(n, false, &c, &err), 0);
    CHECK_EQ(c.errors + c.leaks, 0);
    blk_node_free(n);
}

/* Eight requests share each cluster; the second round finds them allocated. */
static void check_qcow2(void)
{
    struct blk_options options = { .format = "qcow2", .engine = engine };
    struct blk_image *image = NULL;
    struct err err = { 0 };
    static struct blk_request reqs[MANY];
    static struct iovec iov[MANY];
    static u8 data[MANY][512], back[MANY][512];

    if (!make_qcow2(disk, DISK_SIZE) ||
        !CHECK_EQ(blk_image_open(disk, &options, loop, &image, &err), 0))
        return;
    for (unsigned round = 0; round < 4; round++) {
        bool reads = round % 2;

        done_count = 0;
        last_result = 0;
        host_mutex_lock(&lock);
        for (unsigned i = 0; i < MANY; i++) {
            if (!reads)
                memset(data[i], (int)(i + round), 512);
            iov[i] = (struct iovec){ reads ? back[i] : data[i], 512 };
            reqs[i] = (struct blk_request){
                .op = reads ? BLK_READ : BLK_WRITE, .sector = i, .iov = &iov[i], .iov_count = 1
            };
            CHECK_EQ(submit(image, &reqs[i]), 0);
        }
        if (round % 3 == 0)
            blk_drain(image);
        host_mutex_unlock(&lock);
        for (int i = 0; i < 1000 && done_count < MANY; i++)
            loop_run_once(loop, 100 * NS_PER_MS);
        CHECK_EQ(done_count, MANY);
        CHECK_EQ(last_result, 0);
        CHECK(!reads || memcmp(data, back, sizeof data) == 0);
    }
    CHECK_EQ(range(image, BLK_FLUSH, 0, 0), 0);
    CHECK_EQ(range(image, BLK_DISCARD, 8, 16), 0);
    CHECK_EQ(transfer(image, BLK_READ, 8, back, 16 * 512), 0);
    CHECK_EQ(back[0][0], 0);
    CHECK_EQ(transfer(image, BLK_READ, 0, back, 512), 0);
    CHECK(memcmp(back, data, 512) == 0);
    host_mutex_lock(&lock);
    CHECK_EQ(blk_image_resize(image, 2 * DISK_SIZE, &err), 0);
    host_mutex_unlock(&lock);
    CHECK_EQ(blk_image_sectors(image), 2 * DISK_SIZE / 512);
    CHECK_EQ(transfer(image, BLK_WRITE, 2 * DISK_SIZE / 512 - 1, data, 512), 0);
    blk_image_free(image);
    check_qcow2_sound(disk);
}

static struct blk_request threads_requests[64];
static struct iovec threads_iov[64];
static struct blk_image *threads_image;

static void submit_and_leave(void *arg)
{
    host_mutex_lock(&lock);
    for (unsigned i = 0; i < ARRAY_SIZE(threads_requests); i++)
        if (submit(threads_image, &threads_requests[i]))
            last_result = -1;
    host_mutex_unlock(&lock);
}

/* A vCPU thread that ends takes none of its requests with it. */
static void check_thread_that_ends(void)
{
    static u8 data[64][4096];
    struct host_thread thread;
    struct err err = { 0 };
    int results[64];

    threads_image = open_disk(false);
    if (!threads_image)
        return;
    done_count = 0;
    for (unsigned i = 0; i < 64; i++) {
        results[i] = 1;
        memset(data[i], (int)i, 4096);
        threads_iov[i] = (struct iovec){ data[i], 4096 };
        /* Flushes are carried out later: most of them wait when the thread ends. */
        threads_requests[i] = (struct blk_request){ .op = i < 8 ? BLK_WRITE : BLK_FLUSH,
                                                    .sector = i * 8,
                                                    .iov = &threads_iov[i],
                                                    .iov_count = 1,
                                                    .arg = &results[i] };
    }
    CHECK_EQ(host_thread_start(&thread, "vcpu", submit_and_leave, NULL, &err), 0);
    host_thread_join(&thread);
    for (int i = 0; i < 100 && done_count < 64; i++)
        loop_run_once(loop, 100 * NS_PER_MS);
    CHECK_EQ(done_count, 64);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(results[i], 0);
    check_file(0, data[0], 8 * 4096);
    blk_image_free(threads_image);
}

static void check_host_errors(void)
{
    struct blk_image *image = open_disk(false);
    struct rlimit old, limit;
    u8 data[8192];

    if (!image)
        return;
    memset(data, 1, sizeof data);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 64 * KIB;
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_EQ(transfer(image, BLK_WRITE, 128 - 8, data, 4096), 0);
    CHECK_EQ(transfer(image, BLK_WRITE, 128, data, 4096), -EFBIG);
    CHECK_EQ(transfer(image, BLK_WRITE, 128 - 8, data, 8192), -EFBIG); /* short, then no more */
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_EQ(transfer(image, BLK_WRITE, 128, data, 4096), 0);
    CHECK_EQ(truncate(disk, 64 * KIB + 2048), 0);
    CHECK_EQ(transfer(image, BLK_READ, 128, data, 8192), -EIO); /* cut short behind our back */
    CHECK_EQ(transfer(image, BLK_READ, 0, data, 8192), 0);
    blk_image_free(image);
}

static void with(enum blk_engine e, void (*check)(void))
{
    begin();
    engine = e;
    check();
    end();
}

static bool has_uring(void)
{
    struct blk_options options = { .engine = BLK_ENGINE_URING };
    struct blk_image *image = NULL;
    struct err err = { 0 };
    bool has;

    begin();
    has = blk_image_open(disk, &options, loop, &image, &err) == 0;
    blk_image_free(image);
    end();
    return has;
}

#define BOTH_ENGINES(name)                                                                         \
    TEST(name##_uring)                                                                             \
    {                                                                                              \
        if (!has_uring())                                                                          \
            TEST_SKIP("the kernel gives no io_uring");                                             \
        with(BLK_ENGINE_URING, check_##name);                                                      \
    }                                                                                              \
    TEST(name##_threads)                                                                           \
    {                                                                                              \
        with(BLK_ENGINE_THREADS, check_##name);                                                    \
    }

BOTH_ENGINES(data)
BOTH_ENGINES(zeroing)
BOTH_ENGINES(refusals)
BOTH_ENGINES(many)
BOTH_ENGINES(qcow2)
BOTH_ENGINES(thread_that_ends)
BOTH_ENGINES(host_errors)

static void full_disk(void)
{
    struct blk_options options = { .engine = engine };
    struct blk_image *image = NULL;
    struct err err = { 0 };
    char path[300];
    u8 *data = calloc(1, 512 * KIB);
    int fd;

    snprintf(path, sizeof path, "%s/small", folder);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK_EQ(ftruncate(fd, 4 * MIB), 0);
    close(fd);
    CHECK_EQ(blk_image_open(path, &options, loop, &image, &err), 0);
    CHECK_EQ(transfer(image, BLK_WRITE, 0, data, 256 * KIB), 0);
    CHECK_EQ(transfer(image, BLK_WRITE, 1024, data, 512 * KIB), -ENOSPC);
    CHECK_EQ(transfer(image, BLK_READ, 0, data, 256 * KIB), 0); /* and it goes on */
    blk_image_free(image);
    unlink(path);
    free(data);
}

/* The same for an image that grows: the guest sees the error, nothing else is lost. */
static void full_disk_qcow2(void)
{
    struct blk_options options = { .engine = engine, .format = "qcow2" };
    struct blk_image *image = NULL;
    struct err err = { 0 };
    char path[300];
    u8 *data = calloc(1, 512 * KIB);

    memset(data, 7, 512 * KIB);
    snprintf(path, sizeof path, "%s/small", folder);
    if (make_qcow2(path, 4 * MIB) &&
        CHECK_EQ(blk_image_open(path, &options, loop, &image, &err), 0)) {
        CHECK_EQ(transfer(image, BLK_WRITE, 0, data, 256 * KIB), 0);
        CHECK_EQ(range(image, BLK_FLUSH, 0, 0), 0);
        CHECK_EQ(transfer(image, BLK_WRITE, 1024, data, 512 * KIB), -ENOSPC);
        memset(data, 0, 512 * KIB);
        CHECK_EQ(transfer(image, BLK_READ, 0, data, 256 * KIB), 0);
        CHECK_EQ(data[256 * KIB - 1], 7);
        CHECK_EQ(range(image, BLK_DISCARD, 0, 256), 0); /* which makes room */
        CHECK_EQ(range(image, BLK_FLUSH, 0, 0), 0);
        CHECK_EQ(transfer(image, BLK_WRITE, 2048, data, 64 * KIB), 0);
        blk_image_free(image);
        check_qcow2_sound(path);
    }
    unlink(path);
    free(data);
}

TEST(full_host_disk_is_told)
{
    bool skip = false;

    for (engine = BLK_ENGINE_AUTO; engine <= BLK_ENGINE_THREADS && !skip;
         engine += BLK_ENGINE_THREADS) {
        begin();
        unlink(disk);
        if (mount("none", folder, "tmpfs", 0, "size=512k") == 0) {
            full_disk();
            full_disk_qcow2();
            CHECK_EQ(umount(folder), 0);
        } else {
            skip = true;
        }
        end();
    }
    if (skip)
        TEST_SKIP("mounting a small tmpfs needs root");
}

static void refused(const char *path, bool read_only, int want, const char *text)
{
    struct blk_options options = { .read_only = read_only };
    struct blk_image *image = NULL;
    struct err err = { 0 };

    CHECK_EQ(blk_image_open(path, &options, loop, &image, &err), -want);
    CHECK_HAS(err.text, text);
    CHECK_HAS(err.text, path);
    blk_image_free(image);
}

static void make(const char *path, off_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && ftruncate(fd, size) == 0);
    close(fd);
}

TEST(bad_images_are_refused_with_a_sentence)
{
    struct blk_options options = { .format = "vdi" };
    struct blk_image *image = NULL;
    struct err err = { 0 };
    FILE *f;

    begin();
    refused("/nonexistent/disk", false, ENOENT, "cannot open disk image");
    refused(folder, false, EISDIR, "is a directory");
    refused(folder, true, EINVAL, "neither a regular file nor a block device");
    refused("/dev/null", false, EINVAL, "neither a regular file nor a block device");
    make(disk, 0);
    refused(disk, false, EINVAL, "is empty");
    make(disk, 511);
    refused(disk, false, EINVAL, "has 511 bytes, less than one sector");
    CHECK_EQ(blk_image_open(disk, &options, loop, &image, &err), -EINVAL);
    CHECK_STR(err.text, "disk format \"vdi\" is not known (known: raw, qcow2)");
    refused("/some/disk.qcow2", false, EINVAL, "is qcow2 by its name: say format=qcow2");
    f = fopen(disk, "w");
    CHECK(f && fwrite((char[512]){ "QFI\xfb" }, 1, 512, f) == 512 && fclose(f) == 0);
    refused(disk, false, EINVAL, "begins as a qcow2 image does: say format=qcow2");
    end();
}

TEST(odd_size_is_rounded_down)
{
    struct blk_image *image;

    begin();
    make(disk, 5 * 512 + 100);
    image = open_disk(false);
    CHECK_EQ(blk_image_sectors(image), 5);
    blk_image_free(image);
    end();
}

TEST(images_in_use_are_refused)
{
    struct blk_image *a, *b;
    char holder[100];

    begin();
    engine = BLK_ENGINE_AUTO;
    a = open_disk(false);
    snprintf(holder, sizeof holder, "is in use by process %d (test_block", (int)getpid());
    refused(disk, false, EBUSY, holder);
    refused(disk, true, EBUSY, holder);
    blk_image_free(a);
    a = open_disk(true);
    b = open_disk(true);
    refused(disk, false, EBUSY, "readonly=on can be shared");
    blk_image_free(a);
    blk_image_free(b);
    a = open_disk(false);
    blk_image_free(a);
    end();
}

TEST_MAIN(TEST_CASE(data_uring), TEST_CASE(data_threads), TEST_CASE(zeroing_uring),
          TEST_CASE(zeroing_threads), TEST_CASE(refusals_uring), TEST_CASE(refusals_threads),
          TEST_CASE(many_uring), TEST_CASE(many_threads), TEST_CASE(qcow2_uring),
          TEST_CASE(qcow2_threads), TEST_CASE(thread_that_ends_uring),
          TEST_CASE(thread_that_ends_threads), TEST_CASE(host_errors_uring),
          TEST_CASE(host_errors_threads), TEST_CASE(full_host_disk_is_told),
          TEST_CASE(bad_images_are_refused_with_a_sentence), TEST_CASE(odd_size_is_rounded_down),
          TEST_CASE(images_in_use_are_refused))
