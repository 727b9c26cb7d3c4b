/*
 * test_block_kill.c - SIGKILL of a process that drives a qcow2 image under load.
 *
 * A child works at the disk in slots, one request a slot at a time, and writes to shared
 * memory what it has asked for and what a flush has confirmed. It is killed at a random
 * moment; then the image must have no errors, and each sector must hold something from
 * between the two. The same image goes on into the next round.
 */
#include "backend/block/block.h"
#include "backend/block/qcow2_api.h"
#include "base/bits.h"
#include "disk_model.h"
#include "host/clock.h"
#include "host/thread.h"
#include "test.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 400, SLOT_SECTORS = 41, DEPTH = 24, SLOT_BYTES = SLOT_SECTORS * 512 };

/* Stamps count up in each slot; 0: nothing was written yet. */
struct slot {
    u64 asked, done, flushed;
    u64 zeroes; /* the last request that was for zeroes or a discard */
};

static struct shared {
    struct slot slot[SLOTS];
    u64 requests, flushes;
    bool failed;
} *shared;

static char image_path[256];

/* --- the child --- */

struct work {
    struct blk_request req;
    struct iovec iov;
    u8 data[SLOT_BYTES];
    u32 slot;
    u64 stamp, confirmed[SLOTS]; /* of a flush */
    bool busy;
};

static struct child {
    struct blk_image *image;
    u64 seed;
    struct work work[DEPTH];
    bool slot_busy[SLOTS];
} child;

static void start(struct work *w);

static void on_done(struct blk_request *req, int result)
{
    struct work *w = container_of(req, struct work, req);

    if (result)
        shared->failed = true;
    if (req->op == BLK_FLUSH) {
        for (u32 i = 0; i < SLOTS; i++)
            if (w->confirmed[i] > shared->slot[i].flushed)
                shared->slot[i].flushed = w->confirmed[i];
        shared->flushes++;
    } else {
        shared->slot[w->slot].done = w->stamp;
        child.slot_busy[w->slot] = false;
        shared->requests++;
    }
    w->busy = false;
    start(w);
}

static void start_flush(struct work *w)
{
    for (u32 i = 0; i < SLOTS; i++)
        w->confirmed[i] = shared->slot[i].done;
    w->req.op = BLK_FLUSH;
}

static void start_slot(struct work *w, enum blk_op op)
{
    struct slot *s;

    do
        w->slot = (u32)(model_random(&child.seed) % SLOTS);
    while (child.slot_busy[w->slot]);
    s = &shared->slot[w->slot];
    child.slot_busy[w->slot] = true;
    w->stamp = s->asked + 1;
    for (u32 i = 0; i < SLOT_BYTES; i += 16) {
        le64_put(w->data + i, w->stamp);
        le64_put(w->data + i + 8, w->slot);
    }
    w->iov = (struct iovec){ w->data, SLOT_BYTES };
    w->req = (struct blk_request){ .op = op,
                                   .sector = w->slot * SLOT_SECTORS,
                                   .count = SLOT_SECTORS,
                                   .iov = &w->iov,
                                   .iov_count = 1,
                                   .unmap = w->stamp % 2 };
    if (op != BLK_WRITE)
        s->zeroes = w->stamp;
    s->asked = w->stamp;
}

static void start(struct work *w)
{
    u64 what = model_random(&child.seed) % 32;

    w->busy = true;
    if (what < 2)
        start_flush(w);
    else
        start_slot(w, what < 25 ? BLK_WRITE : what < 29 ? BLK_WRITE_ZEROES : BLK_DISCARD);
    w->req.done = on_done;
    if (blk_submit(child.image, &w->req))
        shared->failed = true;
}

static void run_child(enum blk_engine engine, u64 seed)
{
    struct blk_options options = { .format = "qcow2", .engine = engine };
    struct host_mutex lock;
    struct loop *loop;
    struct err err = { 0 };

    host_mutex_init(&lock);
    child.seed = seed;
    if (loop_new(&lock, &loop, &err) ||
        blk_image_open(image_path, &options, loop, &child.image, &err)) {
        printf("# %s\n", err.text);
        shared->failed = true;
        _exit(1);
    }
    host_mutex_lock(&lock);
    for (unsigned i = 0; i < DEPTH; i++)
        start(&child.work[i]);
    host_mutex_unlock(&lock);
    loop_run(loop);
}

/* --- the parent --- */

static bool sector_allowed(const struct slot *s, u32 slot, const u8 *sector)
{
    u64 stamp = le64_get(sector);

    for (u32 i = 0; i < 512; i += 16)
        if (le64_get(sector + i) != stamp || le64_get(sector + i + 8) != (stamp ? slot : 0))
            return false;
    if (stamp == 0)
        return s->flushed == 0 || s->zeroes >= s->flushed;
    /* A discard may leave what was there before it. */
    return stamp <= s->asked && (stamp >= s->flushed || s->zeroes >= s->flushed);
}

static bool image_good(bool theirs)
{
    struct blk_node *n = NULL;
    struct blk_qcow2_check c = { 0 };
    struct err err = { 0 };
    u8 data[SLOT_BYTES];
    bool ok = blk_node_open(image_path, "qcow2", BLK_OPEN_READ_ONLY, 0, &n, &err) == 0 &&
              blk_qcow2_check(n, false, &c, &err) == 0 && c.errors == 0;

    if (!ok)
        printf("# %" PRIu64 " errors %s\n", c.errors, err.text);
    for (u32 i = 0; ok && i < SLOTS; i++) {
        ok = blk_node_read(n, (u64)i * SLOT_BYTES, data, SLOT_BYTES) == 0;
        for (u32 k = 0; ok && k < SLOT_BYTES; k += 512)
            ok = sector_allowed(&shared->slot[i], i, data + k);
        if (!ok)
            printf("# slot %u: flushed %" PRIu64 ", asked %" PRIu64 ", zeroes %" PRIu64 "\n", i,
                   shared->slot[i].flushed, shared->slot[i].asked, shared->slot[i].zeroes);
    }
    blk_node_free(n);
    if (ok && theirs && have_qemu_img()) {
        int status = run_shell("qemu-img check -f qcow2 %s", image_path);

        ok = status == 0 || status == 3; /* 3: leaks only */
    }
    return ok;
}

/* What a sector holds now is what the next round starts from. */
static void settle(void)
{
    for (u32 i = 0; i < SLOTS; i++) {
        struct slot *s = &shared->slot[i];

        /* Unflushed content, once read, is no more sure than before. */
        s->done = s->flushed;
    }
}

static bool round_of(enum blk_engine engine, u64 *seed, bool theirs)
{
    u64 requests = shared->requests;
    ns_t deadline = host_clock_monotonic() + 60 * NS_PER_SEC;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        run_child(engine, *seed);
        _exit(0);
    }
    /* Some work is done, then a random moment. */
    while (__atomic_load_n(&shared->requests, __ATOMIC_RELAXED) < requests + 5 && !shared->failed &&
           host_clock_monotonic() < deadline)
        usleep(200);
    usleep((useconds_t)(model_random(seed) % 25000));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    settle();
    return !shared->failed && image_good(theirs);
}

static void kills(enum blk_engine engine, u32 cluster_size, unsigned rounds)
{
    struct blk_qcow2_options options = { .size = SLOTS * SLOT_BYTES, .cluster_size = cluster_size };
    struct blk_file *file = NULL;
    struct blk_node *n = NULL;
    struct err err = { 0 };
    const char *tmp = getenv("TMPDIR");
    u64 seed = cluster_size + engine;
    bool ok = true;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(image_path, sizeof image_path, "%s/kill-%d.qcow2", tmp ? tmp : "/tmp", (int)getpid());
    unlink(image_path);
    CHECK_EQ(blk_file_create(image_path, &file, &err), 0);
    CHECK_EQ(blk_qcow2_create(file, image_path, &options, &n, &err), 0);
    CHECK_EQ(blk_node_free(n), 0);
    for (unsigned i = 0; ok && i < rounds; i++) {
        ok = round_of(engine, &seed, i % 10 == 9);
        if (!ok)
            printf("# that was round %u\n", i);
    }
    CHECK(ok);
    printf("# %" PRIu64 " requests and %" PRIu64 " flushes in %u lives\n", shared->requests,
           shared->flushes, rounds);
    unlink(image_path);
    munmap(shared, sizeof *shared);
}

/* 1,000 in `soak`. */
static unsigned scaled(unsigned few)
{
    return getenv("VM_SOAK") ? few * 25 : few;
}

TEST(kills_by_the_usual_engine)
{
    kills(BLK_ENGINE_AUTO, 65536, scaled(15));
}

TEST(kills_with_small_clusters)
{
    kills(BLK_ENGINE_AUTO, 4096, scaled(15));
}

TEST(kills_by_threads)
{
    kills(BLK_ENGINE_THREADS, 4096, scaled(10));
}

TEST_MAIN(TEST_CASE(kills_by_the_usual_engine), TEST_CASE(kills_with_small_clusters),
          TEST_CASE(kills_by_threads))
