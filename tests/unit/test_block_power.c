/*
 * test_block_power.c - a power cut at any moment.
 *
 * All that a qcow2 image writes to its file goes to a log. For a point in the log the file is
 * rebuilt as a disk without power may leave it: what was written before the last sync is
 * there; of what came after, each 512 bytes may or may not be, whatever its order. Then the
 * image must have no errors (leaked clusters are allowed: space, no data), and each sector of
 * the guest's disk must hold what was flushed last or something written since.
 */
#include "backend/block/qcow2_api.h"
#include "base/bits.h"
#include "disk_model.h"
#include "host/thread.h"
#include "test.h"
#include <unistd.h>

enum { OPS = 700, DISK_SECTORS = 6 * 2048, THREADS = 3 };

/* --- the log of the file --- */

enum kind { WRITE, SYNC, SIZE, ZERO };

struct entry {
    enum kind kind;
    u64 at, len; /* SIZE: len */
    u8 *data;    /* owns; WRITE */
};

static struct log {
    struct blk_file f;
    struct blk_file *now; /* owns: in memory, as the image sees it */
    struct host_mutex lock;
    struct entry *entry; /* owns */
    u64 count, room;
} file_log;

static void log_add(enum kind kind, u64 at, u64 len, const struct iovec *iov, unsigned count)
{
    struct entry *e;
    u8 *to;

    if (file_log.count == file_log.room) {
        file_log.room = file_log.room ? 2 * file_log.room : 1024;
        file_log.entry = reallocarray(file_log.entry, file_log.room, sizeof *e);
    }
    e = &file_log.entry[file_log.count++];
    *e = (struct entry){ kind, at, len, NULL };
    if (kind != WRITE)
        return;
    to = e->data = malloc(len);
    for (unsigned i = 0; i < count; to += iov[i++].iov_len)
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
}

static int log_read(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    int rc;

    host_mutex_lock(&file_log.lock);
    rc = file_log.now->ops->read(file_log.now, at, iov, count);
    host_mutex_unlock(&file_log.lock);
    return rc;
}

static int log_write(struct blk_file *f, u64 at, const struct iovec *iov, unsigned count)
{
    int rc;

    host_mutex_lock(&file_log.lock);
    log_add(WRITE, at, blk_iov_bytes(iov, count), iov, count);
    rc = file_log.now->ops->write(file_log.now, at, iov, count);
    host_mutex_unlock(&file_log.lock);
    return rc;
}

static int log_sync(struct blk_file *f)
{
    host_mutex_lock(&file_log.lock);
    log_add(SYNC, 0, 0, NULL, 0);
    host_mutex_unlock(&file_log.lock);
    return 0;
}

static int log_size(struct blk_file *f, u64 *ret)
{
    return file_log.now->ops->size(file_log.now, ret);
}

static int log_resize(struct blk_file *f, u64 size)
{
    log_add(SIZE, 0, size, NULL, 0);
    return file_log.now->ops->resize(file_log.now, size);
}

static int log_zero(struct blk_file *f, u64 at, u64 len, bool unmap)
{
    int rc;

    host_mutex_lock(&file_log.lock);
    log_add(ZERO, at, len, NULL, 0);
    rc = file_log.now->ops->zero(file_log.now, at, len, unmap);
    host_mutex_unlock(&file_log.lock);
    return rc;
}

static void log_free(struct blk_file *f)
{
    /* main() looks at it later */
}

static const struct blk_file_ops log_ops = {
    .read = log_read,
    .write = log_write,
    .sync = log_sync,
    .size = log_size,
    .resize = log_resize,
    .zero = log_zero,
    .free = log_free,
};

static u64 log_position(void)
{
    u64 count;

    host_mutex_lock(&file_log.lock);
    count = file_log.count;
    host_mutex_unlock(&file_log.lock);
    return count;
}

/* --- the guest's requests --- */

/* A request with its place in the file's log when it began and when it had ended. */
static struct op {
    u64 begin, end;
    enum { OP_WRITE, OP_ZERO, OP_DISCARD, OP_FLUSH } kind;
    u32 sector, count;
} ops[OPS];

static struct blk_node *node;

/* Each sector says which request wrote it. */
static void stamp(u8 *sector, u64 op, u64 number)
{
    for (u64 i = 0; i < 512; i += 16) {
        le64_put(sector + i, op + 1);
        le64_put(sector + i + 8, number);
    }
}

/* The request (or -1: zeroes) that a sector is from; -2: none at all. */
static s64 stamp_of(const u8 *sector, u64 number)
{
    u8 want[512];
    u64 op = le64_get(sector);

    if (op == 0)
        return memcmp(sector, (u8[512]){ 0 }, 512) == 0 ? -1 : -2;
    stamp(want, op - 1, number);
    return memcmp(sector, want, 512) == 0 ? (s64)op - 1 : -2;
}

static int carry_out(u64 number, const struct op *op)
{
    u64 at = op->sector * 512ull, len = op->count * 512ull;
    u8 *data;
    int rc;

    switch (op->kind) {
    case OP_FLUSH: return node->format->flush(node);
    case OP_ZERO: return node->format->zero(node, at, len, number % 2);
    case OP_DISCARD: return node->format->discard(node, at, len);
    case OP_WRITE: break;
    }
    data = malloc(len);
    for (u32 i = 0; i < op->count; i++)
        stamp(data + 512 * i, number, op->sector + i);
    rc = blk_node_write(node, at, data, len);
    free(data);
    return rc;
}

static void choose(struct op *op, u64 *seed, u32 first, u32 sectors)
{
    u64 what = model_random(seed) % 16;

    op->kind = what < 9 ? OP_WRITE : what < 11 ? OP_ZERO : what < 13 ? OP_DISCARD : OP_FLUSH;
    op->count = 1 + (u32)(model_random(seed) % (model_random(seed) % 6 ? 24 : 512));
    if (op->count > sectors)
        op->count = sectors;
    op->sector = first + (u32)(model_random(seed) % (sectors - op->count + 1));
}

/* Requests first, first + step, … on a part of the disk of their own. */
struct worker {
    struct host_thread thread;
    unsigned first, step;
    u64 seed;
    int rc;
};

static void work(void *arg)
{
    struct worker *w = arg;
    u32 sectors = DISK_SECTORS / w->step / 8 * 8;

    for (unsigned i = w->first; w->rc == 0 && i < OPS; i += w->step) {
        choose(&ops[i], &w->seed, w->first * sectors, sectors);
        ops[i].begin = log_position();
        w->rc = carry_out(i, &ops[i]);
        ops[i].end = log_position();
    }
}

static void run_requests(unsigned threads, u64 seed)
{
    struct worker w[THREADS];
    struct err err = { 0 };

    for (unsigned i = 0; i < threads; i++)
        w[i] = (struct worker){ .first = i, .step = threads, .seed = seed + i };
    if (threads == 1)
        work(&w[0]);
    for (unsigned i = 0; threads > 1 && i < threads; i++)
        CHECK_EQ(host_thread_start(&w[i].thread, "guest", work, &w[i], &err), 0);
    for (unsigned i = 0; i < threads; i++) {
        if (threads > 1)
            host_thread_join(&w[i].thread);
        CHECK_EQ(w[i].rc, 0);
    }
}

/* --- the cut --- */

static u64 durable_to; /* entries before it are in `durable` */
static struct blk_file *durable;

static void apply(struct blk_file *f, const struct entry *e)
{
    int rc = 0;

    if (e->kind == WRITE)
        rc = blk_file_write(f, e->at, e->data, e->len);
    else if (e->kind == ZERO)
        rc = f->ops->zero(f, e->at, e->len, true);
    else if (e->kind == SIZE)
        rc = f->ops->resize(f, e->len);
    if (rc)
        exit(1);
}

/* Some of an entry's sectors. */
static void apply_torn(struct blk_file *f, const struct entry *e, u64 *seed)
{
    u64 kind = model_random(seed) % 4; /* none, all, or some */

    if (e->kind == SYNC || kind == 0)
        return;
    if (kind == 1 || e->kind == SIZE) {
        apply(f, e);
        return;
    }
    for (u64 at = e->at, part; at < e->at + e->len; at += part) {
        struct entry one = *e;

        part = 512 - at % 512;
        part = part < e->at + e->len - at ? part : e->at + e->len - at;
        one.at = at;
        one.len = part;
        one.data = e->data ? e->data + (at - e->at) : NULL;
        if (model_random(seed) % 2)
            apply(f, &one);
    }
}

/* The file as a cut after `point` entries may leave it. */
static struct blk_file *cut(u64 point, u64 *seed)
{
    struct blk_file *f = memory_file_new();
    u64 size, synced = point, count = 0, *order;
    const u8 *data;

    while (synced > durable_to && file_log.entry[synced - 1].kind != SYNC)
        synced--;
    for (; durable_to < synced; durable_to++)
        apply(durable, &file_log.entry[durable_to]);
    data = memory_file_data(durable, &size);
    memory_file_set(f, data, size);
    order = calloc(point - durable_to + 1, sizeof *order);
    for (u64 i = durable_to; i < point; i++)
        order[count++] = i;
    for (u64 i = count; i > 1; i--) { /* shuffle */
        u64 k = model_random(seed) % i, t = order[i - 1];

        order[i - 1] = order[k];
        order[k] = t;
    }
    for (u64 i = 0; i < count; i++)
        apply_torn(f, &file_log.entry[order[i]], seed);
    free(order);
    return f;
}

/* --- what must hold --- */

/* The last request to each sector whose effect must be there (-1: none), and the last that
 * may have left zeroes. Requests to one sector did not overlap in time: the order of their
 * numbers is theirs. */
static s64 last_sure[DISK_SECTORS], last_zero[DISK_SECTORS];

/* At a cut after `point` entries, when all that had ended by `flushed` must be there. */
static void find_last(u64 point, u64 flushed)
{
    memset(last_sure, 0xff, sizeof last_sure);
    memset(last_zero, 0xff, sizeof last_zero);
    for (unsigned i = 0; i < OPS; i++) {
        const struct op *op = &ops[i];

        if (op->kind == OP_FLUSH || op->begin >= point)
            continue;
        for (u32 s = op->sector; s < op->sector + op->count; s++) {
            if (op->end <= flushed && op->kind != OP_DISCARD) /* that one is a hint */
                last_sure[s] = i;
            if (op->kind != OP_WRITE)
                last_zero[s] = i;
        }
    }
}

/* May the sector hold what request `from` (-1: zeroes) wrote? */
static bool allowed(u32 number, s64 from, u64 point)
{
    const struct op *op = &ops[from < 0 ? 0 : from];

    if (from == -1)
        return last_sure[number] == -1 || last_zero[number] >= last_sure[number];
    return from >= 0 && from < OPS && op->kind == OP_WRITE && op->begin < point &&
           number >= op->sector && number < op->sector + op->count && from >= last_sure[number];
}

/* Where the last flush that had ended began: what had ended by then is durable. */
static u64 flushed_at(u64 point)
{
    u64 begin = 0;

    for (unsigned i = 0; i < OPS; i++)
        if (ops[i].kind == OP_FLUSH && ops[i].end <= point && ops[i].begin > begin)
            begin = ops[i].begin;
    return begin;
}

static bool content_allowed(struct blk_node *n, u64 point)
{
    u8 *disk = malloc(DISK_SECTORS * 512);
    bool ok = blk_node_read(n, 0, disk, DISK_SECTORS * 512) == 0;

    find_last(point, flushed_at(point));
    for (u32 s = 0; ok && s < DISK_SECTORS; s++) {
        s64 from = stamp_of(disk + 512 * s, s);

        ok = allowed(s, from, point);
        if (!ok)
            printf("# cut at %" PRIu64 ": sector %u is from request %" PRId64 "\n", point, s, from);
    }
    free(disk);
    return ok;
}

static bool qemu_finds_no_error(struct blk_file *f)
{
    char path[200];
    u64 size;
    const u8 *data = memory_file_data(f, &size);
    const char *tmp = getenv("TMPDIR");
    FILE *out;
    int status;

    snprintf(path, sizeof path, "%s/power-%d.qcow2", tmp ? tmp : "/tmp", (int)getpid());
    out = fopen(path, "w");
    if (!out || fwrite(data, 1, size, out) != size || fclose(out))
        return false;
    status = run_shell("qemu-img check -f qcow2 %s", path);
    unlink(path);
    return status == 0 || status == 3; /* 3: leaks only */
}

/* It goes on working, and is sound after it. */
static bool lives_on(struct blk_node *n, u64 seed)
{
    struct disk_model m;
    bool ok = true;

    model_init(&m, DISK_SECTORS * 512, seed);
    ok = blk_node_read(n, 0, m.data, m.size) == 0;
    for (unsigned i = 0; ok && i < 60; i++)
        ok = model_step(&m, n, 64 * KIB) == 0;
    ok = ok && model_compare(&m, n) == 0 && n->format->flush(n) == 0;
    model_fini(&m);
    return ok;
}

static bool image_sound(struct blk_node *n)
{
    struct blk_qcow2_check c;
    struct err err = { 0 };

    if (blk_qcow2_check(n, false, &c, &err) == 0 && c.errors == 0)
        return true;
    printf("# %" PRIu64 " errors %s\n", c.errors, err.text);
    return false;
}

static struct blk_node *open_copy(struct blk_file *f, unsigned flags)
{
    struct blk_file *copy = memory_file_new();
    struct blk_node *n = NULL;
    struct err err = { 0 };
    u64 size;
    const u8 *data = memory_file_data(f, &size);

    memory_file_set(copy, data, size);
    if (blk_qcow2_open(copy, "cut", flags, 0, &n, &err))
        printf("# %s\n", err.text);
    return n;
}

/* One cut, looked at by us, and (when `theirs`) by qemu-img. */
static bool survives(u64 point, u64 *seed, bool go_on, bool theirs)
{
    struct blk_file *f = cut(point, seed);
    struct blk_node *n = open_copy(f, BLK_OPEN_READ_ONLY);
    bool ok = n && image_sound(n) && content_allowed(n, point);

    blk_node_free(n);
    if (ok && theirs && have_qemu_img())
        ok = qemu_finds_no_error(f);
    if (ok && go_on) {
        n = open_copy(f, 0);
        ok = n && lives_on(n, *seed);
        if (n) {
            ok = ok && n->format->flush(n) == 0 && image_sound(n);
            blk_node_free(n);
        }
    }
    blk_file_free(f);
    if (!ok)
        printf("# the cut after %" PRIu64 " of %" PRIu64 " entries\n", point, file_log.count);
    return ok;
}

/* --- cases --- */

static int by_value(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;

    return (x > y) - (x < y);
}

static void log_fini(void)
{
    for (u64 i = 0; i < file_log.count; i++)
        free(file_log.entry[i].data);
    free(file_log.entry);
    blk_file_free(file_log.now);
    host_mutex_fini(&file_log.lock);
    memset(&file_log, 0, sizeof file_log);
}

/* Writes a log, then cuts the power `points` times. The image exists at its beginning. */
static void cuts(struct blk_qcow2_options options, unsigned threads, u64 seed, unsigned points)
{
    struct err err = { 0 };
    u64 *point = calloc(points, sizeof *point), begin, failed = 0;

    host_mutex_init(&file_log.lock);
    file_log.f = (struct blk_file){ &log_ops, -1 };
    file_log.now = memory_file_new();
    options.size = DISK_SECTORS * 512;
    CHECK_EQ(blk_qcow2_create(&file_log.f, "logged", &options, &node, &err), 0);
    begin = file_log.count;
    CHECK_EQ(node->format->flush(node), 0);
    run_requests(threads, seed);
    CHECK_EQ(blk_node_free(node), 0);
    durable = memory_file_new();
    durable_to = 0;
    for (unsigned i = 0; i < points; i++)
        point[i] = begin + model_random(&seed) % (file_log.count - begin + 1);
    qsort(point, points, sizeof *point, by_value);
    for (; durable_to < begin; durable_to++)
        apply(durable, &file_log.entry[durable_to]);
    for (unsigned i = 0; i < points && failed < 3; i++)
        failed += !survives(point[i], &seed, i % 8 == 0, i % 32 == 31);
    CHECK_EQ(failed, 0);
    blk_file_free(durable);
    free(point);
    log_fini();
}

/* In `check` a few of each; 10,000 all together in `soak`. */
static unsigned scaled(unsigned few)
{
    return getenv("VM_SOAK") ? few * 100 : few;
}

TEST(cuts_with_small_clusters)
{
    cuts((struct blk_qcow2_options){ .cluster_size = 4096 }, 1, 1, scaled(32));
}

TEST(cuts_with_the_usual_clusters)
{
    cuts((struct blk_qcow2_options){ .cluster_size = 65536 }, 1, 2, scaled(16));
}

/* New blocks of counts and a growing table of them. */
TEST(cuts_with_the_smallest_clusters)
{
    cuts((struct blk_qcow2_options){ .cluster_size = 512, .refcount_bits = 64 }, 1, 3, scaled(32));
}

TEST(cuts_of_version_2)
{
    cuts((struct blk_qcow2_options){ .cluster_size = 4096, .version = 2 }, 1, 4, scaled(10));
}

TEST(cuts_with_threads)
{
    for (u64 seed = 5; seed < 9; seed++)
        cuts((struct blk_qcow2_options){ .cluster_size = 4096 }, THREADS, seed, scaled(8));
}

TEST_MAIN(TEST_CASE(cuts_with_small_clusters), TEST_CASE(cuts_with_the_usual_clusters),
          TEST_CASE(cuts_with_the_smallest_clusters), TEST_CASE(cuts_of_version_2),
          TEST_CASE(cuts_with_threads))
