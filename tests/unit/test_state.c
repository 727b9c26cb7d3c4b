/*
 * test_state.c - state lists: reset, compare, print, and round trips through a file.
 */
#include "state/state.h"
#include "test.h"

#define LANE_STATE(F, A, N)                                                                        \
    F(u16, speed, ZERO, "")                                                                        \
    A(u8, key, 3, ZERO, "")                                                                        \
    F(flag, on, KEEP, "")
STATE_STRUCT(lane, LANE_STATE);
#define STATE_ROW_T struct lane_state
STATE_LIST(lane, LANE_STATE, 1);
#undef STATE_ROW_T

#define ROAD_STATE(F, A, N)                                                                        \
    F(s64, offset, KEEP, "")                                                                       \
    N(lane, lane, 3, "")                                                                           \
    F(u8, mode, ZERO, "")                                                                          \
    A(u32, word, 6, ZERO, "")                                                                      \
    F(s32, drift, ZERO, "")                                                                        \
    F(u64, when, ZERO, "")
STATE_STRUCT(road, ROAD_STATE);
#define STATE_ROW_T struct road_state
STATE_LIST(road, ROAD_STATE, 2);
#undef STATE_ROW_T

static struct road_state example(void)
{
    struct road_state s = { .offset = -5,
                            .mode = 7,
                            .word = { 1, 2, 9, 9, 9, 9 },
                            .drift = -2,
                            .when = 0xfedcba9876543210 };

    s.lane[1] = (struct lane_state){ 0xbeef, { 1, 2, 3 }, true };
    s.lane[2].key[2] = 0xff;
    return s;
}

TEST(reset_zeroes_what_is_zero_and_keeps_what_is_kept)
{
    struct road_state s = example();

    state_reset(&road_state_list, &s);
    CHECK_EQ(s.offset, -5);
    CHECK_EQ(s.mode, 0);
    CHECK_EQ(s.when, 0);
    CHECK_EQ(s.word[5], 0);
    CHECK_EQ(s.lane[1].speed, 0);
    CHECK_EQ(s.lane[1].key[2], 0);
    CHECK_EQ(s.lane[1].on, 1);
    CHECK_EQ(s.lane[2].key[2], 0);
}

TEST(diff_names_the_first_difference)
{
    struct road_state a = example(), b = example();
    char path[64], tiny[6];

    CHECK(!state_diff(&road_state_list, &a, &b, path, sizeof path));
    b.when++;
    CHECK_STR(state_diff(&road_state_list, &a, &b, path, sizeof path), "when");
    b.word[4] = 0;
    CHECK_STR(state_diff(&road_state_list, &a, &b, path, sizeof path), "word[4]");
    b.lane[2].key[1]++;
    CHECK_STR(state_diff(&road_state_list, &a, &b, path, sizeof path), "lane[2].key[1]");
    CHECK_STR(state_diff(&road_state_list, &a, &b, tiny, sizeof tiny), "lane[");
}

static char *printed(void (*print)(const struct state_list *, const void *, FILE *),
                     const void *state)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    print(&road_state_list, state, f);
    fclose(f);
    return text;
}

TEST(print_has_one_line_a_member)
{
    struct road_state s = example();
    char *text = printed(state_print, &s);

    CHECK_STR(text, "offset = -5\n"
                    "lane[0].speed = 0x0\nlane[0].key = 0x0 0x0 0x0\nlane[0].on = false\n"
                    "lane[1].speed = 0xbeef\nlane[1].key = 0x1 0x2 0x3\nlane[1].on = true\n"
                    "lane[2].speed = 0x0\nlane[2].key = 0x0 0x0 0xff\nlane[2].on = false\n"
                    "mode = 0x7\nword = 0x1 0x2 0x9*4\ndrift = -2\nwhen = 0xfedcba9876543210\n");
    free(text);
}

TEST(json_is_one_object)
{
    struct road_state s = example();
    char *text = printed(state_print_json, &s);

    CHECK_STR(text, "{\"offset\":-5,\"lane\":["
                    "{\"speed\":0,\"key\":[0,0,0],\"on\":false},"
                    "{\"speed\":48879,\"key\":[1,2,3],\"on\":true},"
                    "{\"speed\":0,\"key\":[0,0,255],\"on\":false}],"
                    "\"mode\":7,\"word\":[1,2,9,9,9,9],\"drift\":-2,"
                    "\"when\":18364758544493064720}");
    free(text);
}

TEST(nested_state_survives_a_file)
{
    struct road_state s = example(), back = { .mode = 1 };
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    char path[64];
    u8 *data = NULL;
    size_t size = 0;

    state_write(w, "road0", &road_state_list, &s);
    state_write(w, "road1", &road_state_list, &back);
    CHECK_EQ(state_writer_memory(w, &data, &size, &err), 0);
    CHECK_EQ(state_reader_open_memory(data, size, &r, &err), 0);
    CHECK_EQ(state_read(r, "road0", &road_state_list, &back, &err), 0);
    CHECK(!state_diff(&road_state_list, &s, &back, path, sizeof path));
    CHECK_EQ(state_read(r, "road1", &road_state_list, &back, &err), 0);
    CHECK_STR(state_diff(&road_state_list, &s, &back, path, sizeof path), "offset");
    CHECK_EQ(back.mode, 1);
    CHECK_STR(err.text, "");
    free(data);
    state_reader_free(r);
    state_writer_free(w);
}

TEST_MAIN(TEST_CASE(reset_zeroes_what_is_zero_and_keeps_what_is_kept),
          TEST_CASE(diff_names_the_first_difference), TEST_CASE(print_has_one_line_a_member),
          TEST_CASE(json_is_one_object), TEST_CASE(nested_state_survives_a_file))
