/*
 * test_state_file.c - the state file as a stranger may hand it over: older, newer,
 * truncated, changed in any bit, made to lie; and a save that cannot be completed.
 */
#include "base/bits.h"
#include "state/crc32.h"
#include "state/state.h"
#include "test.h"
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define OLD_STATE(F, A, N)                                                                         \
    F(u32, first, ZERO, "")                                                                        \
    A(u16, row, 2, ZERO, "")
STATE_STRUCT(old, OLD_STATE);
#define STATE_ROW_T struct old_state
STATE_LIST(old, OLD_STATE, 1);
#undef STATE_ROW_T

#define NEW_STATE(F, A, N)                                                                         \
    A(u16, row, 2, ZERO, "")                                                                       \
    F(u8, added, KEEP, "")                                                                         \
    F(u32, first, ZERO, "")                                                                        \
    N(old, more, 2, "")
STATE_STRUCT(new, NEW_STATE);
#define STATE_ROW_T struct new_state
static const struct state_field new_fields[] = { NEW_STATE(STATE_F_ROW_, STATE_A_ROW_,
                                                           STATE_N_ROW_) };
#undef STATE_ROW_T
/* The same class as "old", some releases later. */
static const struct state_list new_list = { "old", 1, sizeof(struct new_state), 4, new_fields };

struct image {
    u8 *data;
    size_t size;
};

static struct image image_of(const struct state_list *list, const void *state)
{
    struct state_writer *w = state_writer_new();
    struct image i = { 0 };
    struct err err = { 0 };

    state_write(w, "dev", list, state);
    CHECK_EQ(state_writer_memory(w, &i.data, &i.size, &err), 0);
    state_writer_free(w);
    return i;
}

/* Opens and reads "dev" as `list`; the error's text, "" when it went well. */
static const char *load(const void *data, size_t size, const struct state_list *list, void *state)
{
    static struct err err;
    struct state_reader *r = NULL;
    int rc;

    err = (struct err){ 0 };
    rc = state_reader_open_memory(data, size, &r, &err);
    if (rc == 0)
        rc = state_read(r, "dev", list, state, &err);
    CHECK_EQ(rc, -err.code);
    CHECK_EQ(rc != 0, err.text[0] != 0);
    state_reader_free(r);
    return err.text;
}

/* Makes all checksums right again, so that a lie reaches the checks behind them. */
static void image_seal(struct image i)
{
    static struct crc32 crc;
    u64 len;

    crc32_init(&crc);
    le32_put(i.data + 28, crc32_update(&crc, 0, i.data, 28));
    for (size_t at = 32; at + 12 <= i.size; at += len + 12) {
        len = le64_get(i.data + at);
        if (len > i.size - at - 12)
            return;
        le32_put(i.data + at + 8 + len, crc32_update(&crc, 0, i.data + at, 8 + len));
    }
}

TEST(crc_is_the_usual_one)
{
    static struct crc32 crc;

    crc32_init(&crc);
    CHECK_EQ(crc32_update(&crc, 0, "123456789", 9), 0xcbf43926);
    CHECK_EQ(crc32_update(&crc, crc32_update(&crc, 0, "12345", 5), "6789", 4), 0xcbf43926);
}

TEST(a_file_from_before_a_member_was_added_loads)
{
    struct old_state old = { 11, { 2, 3 } };
    struct new_state new = { .added = 9, .first = 1, .more[1].first = 77 };
    struct image i = image_of(&old_state_list, &old);

    CHECK_STR(load(i.data, i.size, &new_list, &new), "");
    CHECK_EQ(new.first, 11);
    CHECK_EQ(new.row[1], 3);
    CHECK_EQ(new.added, 9);
    CHECK_EQ(new.more[1].first, 77);
    free(i.data);
}

TEST(an_unknown_member_matters_only_if_it_holds_something)
{
    struct new_state new = { .row = { 5, 6 }, .first = 12 };
    struct old_state old = { 0 };
    struct image i = image_of(&new_list, &new);

    CHECK_STR(load(i.data, i.size, &old_state_list, &old), "");
    CHECK_EQ(old.first, 12);
    CHECK_EQ(old.row[1], 6);
    free(i.data);

    new.more[1].row[1] = 1;
    new.first = 13;
    i = image_of(&new_list, &new);
    CHECK_HAS(load(i.data, i.size, &old_state_list, &old), "member 'more'");
    CHECK_EQ(old.first, 12); /* a refused state changes nothing */
    free(i.data);
}

TEST(versions_and_classes_are_told_apart)
{
    struct old_state old = { 1, { 2, 3 } };
    struct image i = image_of(&old_state_list, &old);
    struct state_list later = old_state_list, other = old_state_list;
    struct err err = { 0 };
    struct state_reader *r = NULL;

    later.version = 2;
    CHECK_STR(load(i.data, i.size, &later, &old), "");
    other.name = "uart";
    CHECK_HAS(load(i.data, i.size, &other, &old), "'dev' is a old in the state file and a uart");
    free(i.data);

    i = image_of(&later, &old);
    CHECK_HAS(load(i.data, i.size, &old_state_list, &old), "newer program: version 2");
    CHECK_EQ(state_reader_open_memory(i.data, i.size, &r, &err), 0);
    CHECK_EQ(state_read(r, "gone", &old_state_list, &old, &err), -ENOENT);
    CHECK_HAS(err.text, "nothing about 'gone'");
    CHECK_EQ(state_bytes_size(r, "dev"), -ENOENT);
    state_reader_free(r);
    le32_put(i.data + 8, 9);
    image_seal(i);
    CHECK_HAS(load(i.data, i.size, &later, &old), "format 9");
    free(i.data);
}

TEST(a_member_of_another_type_or_length_is_refused)
{
    struct old_state old = { 1, { 2, 3 } };
    struct image i = image_of(&old_state_list, &old);
    struct state_field fields[2] = { old_state_fields[0], old_state_fields[1] };
    struct state_list changed = old_state_list;

    changed.fields = fields;
    fields[0].type = ST_s32;
    CHECK_HAS(load(i.data, i.size, &changed, &old), "'first' has another type");
    fields[0].type = ST_u32;
    fields[1].count = 1;
    CHECK_HAS(load(i.data, i.size, &changed, &old), "'row' has another type or length");
    free(i.data);
}

static struct image small_image(void)
{
    static u8 bytes[3 * 4096 + 5];
    struct new_state new = { .row = { 5, 6 }, .first = 12 };
    struct state_writer *w = state_writer_new();
    struct image i = { 0 };
    struct err err = { 0 };

    bytes[4096 + 17] = 1;
    bytes[sizeof bytes - 1] = 2;
    state_write(w, "dev", &new_list, &new);
    state_write_bytes(w, "ram", bytes, sizeof bytes);
    CHECK_EQ(state_writer_memory(w, &i.data, &i.size, &err), 0);
    state_writer_free(w);
    return i;
}

TEST(every_truncation_is_noticed)
{
    struct image i = small_image();
    struct new_state new;
    unsigned accepted = 0;

    for (size_t n = 0; n < i.size; n++)
        accepted += load(i.data, n, &new_list, &new)[0] == 0;
    CHECK_EQ(accepted, 0);
    CHECK_STR(load(i.data, i.size, &new_list, &new), "");
    free(i.data);
}

TEST(every_flipped_bit_is_noticed)
{
    struct image i = small_image();
    struct new_state new;
    unsigned accepted = 0;

    for (size_t bit = 0; bit < i.size * 8; bit++) {
        i.data[bit / 8] ^= (u8)(1u << bit % 8);
        accepted += load(i.data, i.size, &new_list, &new)[0] == 0;
        i.data[bit / 8] ^= (u8)(1u << bit % 8);
    }
    CHECK_EQ(accepted, 0);
    free(i.data);
}

/* With right checksums every content is possible; none may crash or write out of bounds. */
TEST(a_lying_file_is_harmless)
{
    static const u8 values[] = { 0, 1, 0x20, 0x7f, 0x80, 0xff };
    struct image i = small_image();
    struct new_state new;
    unsigned refused = 0, tried = 0;

    for (size_t at = 8; at < i.size; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            struct image lie = { malloc(i.size), i.size };

            memcpy(lie.data, i.data, i.size);
            lie.data[at] = values[v];
            image_seal(lie);
            refused += load(lie.data, lie.size, &new_list, &new)[0] != 0;
            tried++;
            free(lie.data);
        }
    CHECK(refused > 100);
    CHECK(refused < tried);
    free(i.data);
}

/* Offset of a text in an image. */
static size_t find(struct image i, const char *text)
{
    u8 *at = memmem(i.data, i.size, text, strlen(text));

    return at ? (size_t)(at - i.data) : 0;
}

TEST(lies_are_named)
{
    struct image i = small_image();
    struct new_state new = { 0 };
    size_t row = find(i, "row"), ram = find(i, "ram");

    le32_put(i.data + row + 4, 0xffffffff); /* a count that the data does not have */
    image_seal(i);
    CHECK_HAS(load(i.data, i.size, &new_list, &new), "content contradicts itself (part 1)");
    le32_put(i.data + row + 4, 2);
    memcpy(i.data + ram, "dev", 3);
    i.data[ram - 1] = 3;
    image_seal(i);
    CHECK_HAS(load(i.data, i.size, &new_list, &new), "'dev' is in it twice");
    memcpy(i.data + ram, "ram", 3);
    le64_put(i.data + ram + 3 + 8, 3); /* the first run would reach past the end */
    image_seal(i);
    CHECK_HAS(load(i.data, i.size, &new_list, &new), "content contradicts itself (part 2)");
    le64_put(i.data + ram + 3 + 8, 1);
    image_seal(i);
    CHECK_STR(load(i.data, i.size, &new_list, &new), "");
    le64_put(i.data + ram + 3 + 8 + 16 + 4096, 1); /* the second run repeats the first's page */
    image_seal(i);
    CHECK_HAS(load(i.data, i.size, &new_list, &new), "content contradicts itself (part 2)");
    free(i.data);
    CHECK_HAS(load("MZ is another thing", 19, &new_list, &new), "not a state file");
    CHECK_HAS(load("", 0, &new_list, &new), "not a state file");
}

TEST(zero_pages_take_no_room)
{
    size_t size = 64 * MIB + 100;
    u8 *ram = calloc(1, size), *back = calloc(1, size);
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    struct image i = { 0 };

    ram[0] = 1;
    ram[10 * MIB - 1] = 2;
    ram[size - 1] = 3;
    state_write_bytes(w, "ram", ram, size);
    state_write_bytes(w, "none", ram, 0);
    CHECK_EQ(state_writer_memory(w, &i.data, &i.size, &err), 0);
    CHECK(i.size < 3 * 4096);
    CHECK_EQ(state_reader_open_memory(i.data, i.size, &r, &err), 0);
    CHECK_EQ(state_bytes_size(r, "ram"), size);
    CHECK_EQ(state_bytes_size(r, "none"), 0);
    CHECK_EQ(state_read_bytes(r, "ram", back, size, &err), 0);
    CHECK(memcmp(ram, back, size) == 0);
    CHECK_EQ(state_read_bytes(r, "none", back, 0, &err), 0);
    CHECK_EQ(state_read_bytes(r, "ram", back, size - 1, &err), -EINVAL);
    CHECK_HAS(err.text, "'ram' has 67108964 bytes");
    state_reader_free(r);
    state_writer_free(w);
    free(i.data);
    free(ram);
    free(back);
}

static int save(const char *path, const struct old_state *s, size_t ballast, struct err *err)
{
    struct state_writer *w = state_writer_new();
    u8 *bytes = malloc(ballast);
    int rc;

    memset(bytes, 0xa5, ballast);
    state_write(w, "dev", &old_state_list, s);
    state_write_bytes(w, "ballast", bytes, ballast);
    rc = state_writer_save(w, path, err);
    state_writer_free(w);
    free(bytes);
    return rc;
}

TEST(a_save_is_whole_or_not_at_all)
{
    char dir[] = "/tmp/test_state_XXXXXX";
    char path[64];
    struct old_state s = { 1, { 2, 3 } }, back = { 0 };
    struct err err = { 0 };
    struct state_reader *r = NULL;

    CHECK(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/state", dir);
    CHECK_EQ(save(path, &s, 10, &err), 0);
    CHECK_EQ(state_reader_open(path, &r, &err), 0);
    CHECK_EQ(state_read(r, "dev", &old_state_list, &back, &err), 0);
    CHECK_EQ(back.row[1], 3);
    state_reader_free(r);

    CHECK(state_reader_open("/dev/null/state", &r, &err) < 0);
    CHECK_HAS(err.text, "cannot load the state");
    snprintf(path, sizeof path, "%s/none/state", dir);
    CHECK(save(path, &s, 10, &err) < 0);
    CHECK_HAS(err.text, "cannot save the state");
    snprintf(path, sizeof path, "%s/state", dir);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(dir), 0); /* nothing else was left there */
}

static void save_fails_and_keeps(const char *path, int error)
{
    struct old_state s = { 1, { 2, 3 } }, back = { 0 };
    struct err err = { 0 };
    struct state_reader *r = NULL;

    CHECK_EQ(save(path, &s, 10, &err), 0);
    s.first = 2;
    CHECK_EQ(save(path, &s, 8 * MIB, &err), -error);
    CHECK_HAS(err.text, path);
    if (CHECK_EQ(state_reader_open(path, &r, &err), 0)) {
        CHECK_EQ(state_read(r, "dev", &old_state_list, &back, &err), 0);
        CHECK_EQ(back.first, 1);
    }
    state_reader_free(r);
    CHECK_EQ(unlink(path), 0);
}

/* A limit on file sizes stands for the full disk that nobody may mount. */
TEST(a_save_cut_short_keeps_the_old_file)
{
    char dir[] = "/tmp/test_state_XXXXXX";
    char path[64];
    struct rlimit old, small;

    CHECK(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/state", dir);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){ MIB, old.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    save_fails_and_keeps(path, EFBIG);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    CHECK_EQ(rmdir(dir), 0);
}

TEST(a_full_disk_keeps_the_old_file)
{
    const char *dir = getenv("FULL_DISK_DIR");
    char path[256];

    if (!dir)
        TEST_SKIP("FULL_DISK_DIR names no folder on a file system under 8 MiB");
    snprintf(path, sizeof path, "%s/state", dir);
    save_fails_and_keeps(path, ENOSPC);
}

TEST_MAIN(TEST_CASE(crc_is_the_usual_one), TEST_CASE(a_file_from_before_a_member_was_added_loads),
          TEST_CASE(an_unknown_member_matters_only_if_it_holds_something),
          TEST_CASE(versions_and_classes_are_told_apart),
          TEST_CASE(a_member_of_another_type_or_length_is_refused),
          TEST_CASE(every_truncation_is_noticed), TEST_CASE(every_flipped_bit_is_noticed),
          TEST_CASE(a_lying_file_is_harmless), TEST_CASE(lies_are_named),
          TEST_CASE(zero_pages_take_no_room), TEST_CASE(a_save_is_whole_or_not_at_all),
          TEST_CASE(a_save_cut_short_keeps_the_old_file), TEST_CASE(a_full_disk_keeps_the_old_file))
