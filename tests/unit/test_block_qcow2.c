/*
 * test_block_qcow2.c - qcow2 images against a model in memory and against qemu-img.
 */
#include "backend/block/qcow2_api.h"
#include "base/bits.h"
#include "disk_model.h"
#include "test.h"
#include <errno.h>
#include <unistd.h>

static char folder[200], image_path[256], base_path[256], raw_path[256];

static void begin(void)
{
    const char *tmp = getenv("TMPDIR");

    if (!tmp)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* syncs cost nothing */
    snprintf(folder, sizeof folder, "%s/unit-qcow2-XXXXXX", tmp);
    if (!mkdtemp(folder))
        exit(1);
    snprintf(image_path, sizeof image_path, "%s/image.qcow2", folder);
    snprintf(base_path, sizeof base_path, "%s/base.qcow2", folder);
    snprintf(raw_path, sizeof raw_path, "%s/content.raw", folder);
}

static void end(void)
{
    run_shell("rm -rf %s", folder);
}

static struct blk_node *create(const char *path, struct blk_qcow2_options options)
{
    struct err err = { 0 };
    struct blk_file *file = NULL;
    struct blk_node *n = NULL;

    unlink(path);
    if (!CHECK_EQ(blk_file_create(path, &file, &err), 0) ||
        !CHECK_EQ(blk_qcow2_create(file, path, &options, &n, &err), 0)) {
        printf("# %s\n", err.text);
        exit(1);
    }
    return n;
}

static struct blk_node *open_image(const char *path, unsigned flags)
{
    struct err err = { 0 };
    struct blk_node *n = NULL;

    if (!CHECK_EQ(blk_node_open(path, "qcow2", flags, 0, &n, &err), 0)) {
        printf("# %s\n", err.text);
        exit(1);
    }
    return n;
}

static void check_sound(const char *path)
{
    struct blk_node *n = open_image(path, BLK_OPEN_READ_ONLY);
    struct blk_qcow2_check c;
    struct err err = { 0 };

    CHECK_EQ(blk_qcow2_check(n, false, &c, &err), 0);
    CHECK_EQ(c.errors, 0);
    CHECK_EQ(c.leaks, 0);
    blk_node_free(n);
    if (have_qemu_img())
        CHECK_EQ(run_shell("qemu-img check -q -f qcow2 %s", path), 0);
}

/* The image's content as another program reads it is the model's. */
static void check_content(const struct disk_model *m, const char *path)
{
    FILE *f = fopen(raw_path, "w");

    CHECK(f && fwrite(m->data, 1, m->size, f) == m->size && fclose(f) == 0);
    if (have_qemu_img())
        CHECK_EQ(run_shell("qemu-img compare -f qcow2 -F raw %s %s", path, raw_path), 0);
}

/* Random work with reopening; the image stays sound and holds what was written. */
static void work(struct blk_qcow2_options options, struct disk_model *m, unsigned steps)
{
    struct blk_node *n = create(image_path, options);
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < steps; i++) {
        rc = model_step(m, n, m->size / 4);
        if (i % 97 == 96) {
            CHECK_EQ(blk_node_free(n), 0);
            n = open_image(image_path, 0);
        }
        if (i % 50 == 49 && model_compare(m, n))
            rc = -EIO;
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(model_compare(m, n), 0);
    CHECK_EQ(blk_node_free(n), 0);
    check_sound(image_path);
    check_content(m, image_path);
}

static void work_with(struct blk_qcow2_options options, unsigned steps)
{
    struct disk_model m;
    int before = test_failed_checks;

    begin();
    model_init(&m, options.size, options.cluster_size + options.refcount_bits);
    work(options, &m, steps);
    model_fini(&m);
    end();
    if (test_failed_checks != before)
        printf("# that was cluster size %u, version %u, counts of %u bits\n", options.cluster_size,
               options.version, options.refcount_bits);
}

TEST(random_work_on_clusters_of_every_size)
{
    for (u32 size = 512; size <= 2 * MIB; size *= 2)
        work_with((struct blk_qcow2_options){ .size = 4 * MIB + 512, .cluster_size = size }, 400);
}

TEST(random_work_with_counts_of_every_width)
{
    for (unsigned bits = 1; bits <= 64; bits *= 2)
        work_with((struct blk_qcow2_options){ .size = 2 * MIB,
                                              .cluster_size = 512,
                                              .refcount_bits = bits },
                  400);
}

TEST(random_work_on_version_2)
{
    work_with((struct blk_qcow2_options){ .size = 4 * MIB, .cluster_size = 4096, .version = 2 },
              600);
}

/* --- images of another program --- */

/* Puts the model's content into an image made by qemu-img. */
static void make_by_qemu(const struct disk_model *m, const char *path, const char *options)
{
    FILE *f = fopen(raw_path, "w");

    CHECK(f && fwrite(m->data, 1, m->size, f) == m->size && fclose(f) == 0);
    CHECK_EQ(run_shell("qemu-img convert -f raw -O qcow2 %s %s %s", options, raw_path, path), 0);
}

/* Half zeroes, some noise, some text that can be compressed. */
static void fill(struct disk_model *m)
{
    for (u64 at = 0; at < m->size; at += 4096) {
        u64 kind = model_random(&m->seed) % 4;

        for (u64 i = 0; kind && i < 4096 && at + i < m->size; i++)
            m->data[at + i] = (u8)(kind == 1 ? model_random(&m->seed) : i / 100 + at / 4096);
    }
}

static void work_on(const char *options, bool write)
{
    struct disk_model m;
    struct blk_node *n;
    int rc = 0;

    begin();
    model_init(&m, 6 * MIB, strlen(options));
    fill(&m);
    make_by_qemu(&m, image_path, options);
    n = open_image(image_path, write ? 0 : BLK_OPEN_READ_ONLY);
    CHECK_EQ(model_compare(&m, n), 0);
    for (unsigned i = 0; write && rc == 0 && i < 300; i++)
        rc = model_step(&m, n, m.size / 8);
    CHECK_EQ(rc, 0);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(blk_node_free(n), 0);
    check_sound(image_path);
    check_content(&m, image_path);
    model_fini(&m);
    end();
}

TEST(images_of_qemu_are_read_and_written)
{
    static const char *const options[] = {
        "",
        "-c",
        "-c -o compression_type=zstd",
        "-o compat=0.10",
        "-c -o compat=0.10",
        "-o cluster_size=512",
        "-o cluster_size=2M -c",
        "-o refcount_bits=1",
        "-o refcount_bits=64",
        "-o lazy_refcounts=on",
        "-o preallocation=metadata",
        "-c -o cluster_size=4k",
    };

    if (!have_qemu_img())
        TEST_SKIP("there is no qemu-img");
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        int before = test_failed_checks;

        work_on(options[i], false);
        work_on(options[i], true);
        if (test_failed_checks != before)
            printf("# that was %s\n", options[i]);
    }
}

/* A snapshot shares tables and clusters with the disk; it keeps what it had. */
TEST(a_snapshot_keeps_its_content)
{
    struct disk_model m, old;
    struct blk_node *n;

    if (!have_qemu_img())
        TEST_SKIP("there is no qemu-img");
    begin();
    model_init(&m, 4 * MIB, 5);
    model_init(&old, 4 * MIB, 5);
    fill(&m);
    memcpy(old.data, m.data, m.size);
    make_by_qemu(&m, image_path, "-o cluster_size=4k");
    CHECK_EQ(run_shell("qemu-img snapshot -c first %s", image_path), 0);
    n = open_image(image_path, 0);
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(model_step(&m, n, m.size / 8), 0);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(n->format->resize(n, 8 * MIB, &(struct err){ 0 }), -ENOTSUP);
    CHECK_EQ(blk_node_free(n), 0);
    check_sound(image_path);
    check_content(&m, image_path);
    CHECK_EQ(run_shell("qemu-img snapshot -a first %s", image_path), 0);
    check_content(&old, image_path);
    model_fini(&m);
    model_fini(&old);
    end();
}

/* --- backing images --- */

/* Random work on an overlay whose backing image is shorter or longer than it. */
static void work_on_overlay(const char *format, u64 base_size, u64 size, unsigned version)
{
    struct disk_model base, m;
    struct blk_node *n;
    struct blk_file *file;
    struct err err = { 0 };

    begin();
    model_init(&base, base_size, base_size + version);
    fill(&base);
    make_by_qemu(&base, base_path, "-o cluster_size=4k");
    model_init(&m, size, size);
    memcpy(m.data, base.data, base_size < size ? base_size : size);
    m.no_discard = false;
    CHECK_EQ(blk_file_create(image_path, &file, &err), 0);
    CHECK_EQ(blk_qcow2_create(file, image_path,
                              &(struct blk_qcow2_options){
                                  .size = size,
                                  .version = version,
                                  .cluster_size = 8192,
                                  .backing = strcmp(format, "raw") ? "base.qcow2" : "content.raw",
                                  .backing_format = format },
                              &n, &err),
             0);
    CHECK_STR(err.text, "");
    CHECK_EQ(model_compare(&m, n), 0);
    for (unsigned i = 0; i < 300; i++)
        CHECK_EQ(model_step(&m, n, m.size / 8), 0);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(blk_node_free(n), 0);
    check_sound(image_path);
    n = open_image(image_path, BLK_OPEN_READ_ONLY);
    CHECK_EQ(model_compare(&m, n), 0);
    blk_node_free(n);
    if (strcmp(format, "raw") != 0)
        check_content(&m, image_path);
    model_fini(&base);
    model_fini(&m);
    end();
}

TEST(overlays_show_what_is_behind)
{
    if (!have_qemu_img())
        TEST_SKIP("there is no qemu-img");
    for (unsigned version = 2; version <= 3; version++) {
        work_on_overlay("qcow2", 2 * MIB, 3 * MIB + 512, version);
        work_on_overlay("qcow2", 3 * MIB + 512, 2 * MIB, version);
        work_on_overlay("raw", 2 * MIB, 3 * MIB, version);
    }
}

TEST(a_larger_disk_is_zeroes_at_the_end)
{
    struct disk_model m;
    struct blk_node *n;
    struct err err = { 0 };

    begin();
    model_init(&m, 20 * MIB, 1);
    n = create(image_path, (struct blk_qcow2_options){ .size = MIB + 512, .cluster_size = 4096 });
    m.size = MIB + 512;
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(model_step(&m, n, m.size / 2), 0);
    for (unsigned i = 0; i < 4; i++) {
        m.size = m.size * 2 + 512;
        CHECK_EQ(n->format->resize(n, m.size, &err), 0);
        CHECK_EQ(model_compare(&m, n), 0);
        CHECK_EQ(model_step(&m, n, m.size / 2), 0);
    }
    memset(m.data + 3 * MIB, 0, m.size - 3 * MIB);
    CHECK_EQ(n->format->resize(n, 3 * MIB, &err), 0);
    CHECK_EQ(n->format->resize(n, m.size, &err), 0);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(blk_node_free(n), 0);
    check_sound(image_path);
    check_content(&m, image_path);
    model_fini(&m);
    end();
}

/* --- refusals --- */

static void refused(unsigned flags, const char *words)
{
    struct blk_node *n = NULL;
    struct err err = { 0 };

    if (!CHECK(blk_node_open(image_path, "qcow2", flags, 0, &n, &err) < 0))
        blk_node_free(n);
    CHECK_HAS(err.text, words);
}

static void poke(u64 at, const void *bytes, size_t len)
{
    FILE *f = fopen(image_path, "r+");

    CHECK(f && fseek(f, (long)at, SEEK_SET) == 0 && fwrite(bytes, 1, len, f) == len &&
          fclose(f) == 0);
}

static void fresh_image(void)
{
    CHECK_EQ(blk_node_free(create(image_path, (struct blk_qcow2_options){ .size = MIB })), 0);
}

TEST(what_is_not_supported_is_refused_by_name)
{
    static const struct {
        u64 at;
        const char *bytes;
        size_t len;
        unsigned flags;
        const char *words;
    } cases[] = {
        { 0, "QFI\xfa", 4, 0, "is no qcow2 image" },
        { 4, "\0\0\0\4", 4, 0, "qcow2 version 4" },
        { 20, "\0\0\0\x20", 4, 0, "cluster size" },
        { 32, "\0\0\0\1", 4, 0, "is encrypted" },
        { 36, "\0\x7f\0\0", 4, 0, "L1 table" },
        { 36, "\0\0\0\0", 4, 0, "L1 table" },
        { 40, "\0\0\0\0\0\0\0\1", 8, 0, "impossible place" },
        { 40, "\0\0\0\x10\0\0\0\0", 8, 0, "cut off" },
        { 56, "\0\0\0\0", 4, 0, "reference count table" },
        { 72, "\0\0\0\0\0\0\0\1", 8, 0, "vm-cli disk check --repair" },
        { 72, "\0\0\0\0\0\0\0\2", 8, 0, "marked as corrupt" },
        { 72, "\0\0\0\0\0\0\0\4", 8, BLK_OPEN_READ_ONLY, "data in another file" },
        { 72, "\0\0\0\0\0\0\0\x10", 8, BLK_OPEN_READ_ONLY, "extended L2 entries" },
        { 72, "\0\0\0\0\0\1\0\0", 8, BLK_OPEN_READ_ONLY, "bit 16" },
        { 96, "\0\0\0\7", 4, 0, "wider than 64 bits" },
        { 100, "\0\0\0\1", 4, 0, "length of its header" },
        { 8, "\0\0\0\0\0\0\0\x70\0\0\xff\xff", 12, 0, "backing file" },
        { 8, "\0\0\0\0\0\0\0\x70\0\0\0\7", 12, 0, "NUL" },
    };

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        fresh_image();
        poke(cases[i].at, cases[i].bytes, cases[i].len);
        refused(cases[i].flags, cases[i].words);
    }
    fresh_image();
    poke(8, "\0\0\0\0\0\0\0\x78\0\0\0\7", 12);
    poke(0x78, "nbd:a/b", 7);
    refused(0, "is no file");
    poke(0x78, "/etc/rc", 7);
    refused(0, "does not say of which format");
    end();
}

TEST(a_feature_is_named_by_the_image)
{
    if (!have_qemu_img())
        TEST_SKIP("there is no qemu-img");
    begin();
    CHECK_EQ(run_shell("qemu-img create -f qcow2 %s 1M", image_path), 0);
    poke(72, "\0\0\0\0\0\0\1\0", 8);
    /* the first name of the table that qemu-img wrote, for bit 8 */
    poke(112 + 8, "\0\x08warp drive\0", 13);
    refused(0, "feature that is not known here: warp drive");
    end();
}

TEST(chains_without_end_are_refused)
{
    struct err err = { 0 };
    struct blk_file *file;
    struct blk_node *n;

    begin();
    fresh_image();
    CHECK_EQ(rename(image_path, base_path), 0);
    CHECK_EQ(blk_file_create(image_path, &file, &err), 0);
    CHECK_EQ(blk_qcow2_create(
                 file, image_path,
                 &(struct blk_qcow2_options){ .backing = "base.qcow2", .backing_format = "qcow2" },
                 &n, &err),
             0);
    CHECK_EQ(n->size, MIB);
    blk_node_free(n);
    CHECK_EQ(run_shell("cp %s %s", image_path, base_path), 0); /* it is behind itself */
    refused(0, "more than 32 backing files");
    end();
}

/* --- damage --- */

TEST(counts_are_repaired)
{
    struct blk_node *n;
    struct blk_qcow2_check c;
    struct err err = { 0 };
    struct disk_model m;

    begin();
    model_init(&m, 4 * MIB, 9);
    n = create(image_path, (struct blk_qcow2_options){ .size = m.size });
    for (unsigned i = 0; i < 50; i++)
        CHECK_EQ(model_step(&m, n, MIB), 0);
    blk_node_free(n);
    poke(72, "\0\0\0\0\0\0\0\3", 8);
    poke(2 * 65536 + 2 * 5, "\0\0\0\1\0\7", 6); /* counts of clusters 5, 6, 7 */
    poke(2 * 65536 + 2 * 300, "\0\1", 2);       /* behind the end */
    refused(0, "marked as corrupt");
    n = open_image(image_path, BLK_OPEN_READ_ONLY);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(blk_qcow2_check(n, false, &c, &err), 0);
    CHECK_EQ(c.errors, 1);
    CHECK_EQ(c.leaks, 1);
    blk_node_free(n);
    n = open_image(image_path, BLK_OPEN_REPAIR);
    CHECK_EQ(blk_qcow2_check(n, true, &c, &err), 0);
    CHECK_EQ(c.errors + c.leaks, 0);
    CHECK_EQ(c.repaired_errors, 1);
    CHECK_EQ(c.repaired_leaks, 1);
    CHECK_EQ(blk_node_free(n), 0);
    n = open_image(image_path, 0);
    CHECK_EQ(model_compare(&m, n), 0);
    CHECK_EQ(blk_node_free(n), 0);
    model_fini(&m);
    end();
}

/* An L2 entry that points at the tables must not let a guest write there. */
TEST(data_cannot_be_written_over_the_tables)
{
    struct blk_node *n;
    u8 data[512] = { 1 }, before[512], after[512];

    begin();
    n = create(image_path, (struct blk_qcow2_options){ .size = MIB });
    CHECK_EQ(blk_node_write(n, 0, data, sizeof data), 0);
    CHECK_EQ(blk_node_write(n, 65536, data, sizeof data), 0);
    CHECK_EQ(blk_node_free(n), 0);
    for (u64 cluster = 1; cluster <= 3; cluster++) { /* counts' table, counts, L1 table */
        u8 entry[8], l2[8];

        be64_put(entry, cluster << 16 | 1ull << 63);
        n = open_image(image_path, 0);
        CHECK_EQ(blk_file_read(n->file, 3 * 65536, l2, sizeof l2), 0);
        poke((be64_get(l2) & 0xffffffff0000) + 8, entry, sizeof entry);
        CHECK_EQ(blk_file_read(n->file, cluster << 16, before, sizeof before), 0);
        CHECK_EQ(blk_node_write(n, 65536, data, sizeof data), -EIO);
        CHECK_EQ(blk_file_read(n->file, cluster << 16, after, sizeof after), 0);
        CHECK(memcmp(before, after, sizeof before) == 0);
        blk_node_free(n);
    }
    end();
}

TEST_MAIN(TEST_CASE(random_work_on_clusters_of_every_size),
          TEST_CASE(random_work_with_counts_of_every_width), TEST_CASE(random_work_on_version_2),
          TEST_CASE(images_of_qemu_are_read_and_written), TEST_CASE(a_snapshot_keeps_its_content),
          TEST_CASE(overlays_show_what_is_behind), TEST_CASE(a_larger_disk_is_zeroes_at_the_end),
          TEST_CASE(what_is_not_supported_is_refused_by_name),
          TEST_CASE(a_feature_is_named_by_the_image), TEST_CASE(chains_without_end_are_refused),
          TEST_CASE(counts_are_repaired), TEST_CASE(data_cannot_be_written_over_the_tables))
