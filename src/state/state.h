/*
 * state.h - guest-visible state, declared once.
 *
 * A list macro names every member; from it come the struct, save, load, reset,
 * print, compare and the documentation:
 *
 *     #define RTC_STATE(F, A, N)                                        \
 *         F(s64,  offset_ns, KEEP, "guest clock minus host clock")      \
 *         A(u32,  lane, 4, ZERO, "the four lanes")                      \
 *         N(rtc_alarm, alarm, 2, "the two alarms")
 *     STATE_STRUCT(rtc, RTC_STATE);         // struct rtc_state
 *     STATE_LIST(rtc, RTC_STATE, 1);        // const struct state_list rtc_state_list
 *
 * F: a scalar; A: an array of scalars; N: `count` nested lists, each declared with
 * STATE_STRUCT/STATE_LIST before. Scalar types: u8 u16 u32 u64 s32 s64 flag (bool).
 * Reset policies: ZERO, or KEEP (battery-backed, or set by the class's reset).
 * Host pointers and host features never go into a list.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/err.h"
#include "base/types.h"
#include <stdio.h>

typedef bool flag;

enum state_type { ST_u8, ST_u16, ST_u32, ST_u64, ST_s32, ST_s64, ST_flag, ST_nested };
enum state_reset { ST_RESET_ZERO, ST_RESET_KEEP };

struct state_list;

struct state_field {
    const char *name, *doc;
    u32 offset; /* in the struct */
    u32 count;  /* 1 for a scalar */
    u8 type;    /* enum state_type */
    u8 reset;   /* enum state_reset */
    bool is_array;
    const struct state_list *nested; /* ST_nested */
};

struct state_list {
    const char *name;
    u32 version; /* raised when a member changes its meaning */
    u32 size;    /* sizeof the struct */
    u32 field_count;
    const struct state_field *fields;
};

#define STATE_F_MEMBER_(type, name, reset, doc)        type name;
#define STATE_A_MEMBER_(type, name, count, reset, doc) type name[count];
#define STATE_N_MEMBER_(list, name, count, doc)        struct list##_state name[count];
#define STATE_STRUCT(NAME, LIST)                                                                   \
    struct NAME##_state {                                                                          \
        LIST(STATE_F_MEMBER_, STATE_A_MEMBER_, STATE_N_MEMBER_)                                    \
    }

#define STATE_F_ROW_(type, name, reset, doc)                                                       \
    { #name, doc, offsetof(STATE_ROW_T, name), 1, ST_##type, ST_RESET_##reset, false, NULL },
#define STATE_A_ROW_(type, name, count, reset, doc)                                                \
    { #name, doc, offsetof(STATE_ROW_T, name), count, ST_##type, ST_RESET_##reset, true, NULL },
#define STATE_N_ROW_(list, name, count, doc)                                                       \
    { #name, doc, offsetof(STATE_ROW_T, name), count, ST_nested, ST_RESET_ZERO, true,              \
      &list##_state_list },
/* Defines NAME_state_list. The rows need the struct's name: #define STATE_ROW_T struct
 * NAME_state before, #undef it after. */
#define STATE_LIST(NAME, LIST, VERSION)                                                            \
    static const struct state_field NAME##_state_fields[] = {                                      \
        LIST(STATE_F_ROW_, STATE_A_ROW_, STATE_N_ROW_)                                             \
    };                                                                                             \
    const struct state_list NAME##_state_list = { #NAME, VERSION, sizeof(struct NAME##_state),     \
                                                  ARRAY_SIZE(NAME##_state_fields),                 \
                                                  NAME##_state_fields }

/* Sets every ZERO member to zero. */
void state_reset(const struct state_list *list, void *state);

/* Compares two states; returns NULL when equal, or the path of the first member
 * that differs ("alarm[1].time"), written to buf. */
const char *state_diff(const struct state_list *list, const void *a, const void *b, char *buf,
                       size_t size);

/* One "path = value" line a member. */
void state_print(const struct state_list *list, const void *state, FILE *out);

/* The same as a JSON object. */
void state_print_json(const struct state_list *list, const void *state, FILE *out);

/* --- the state file: little-endian, self-describing --- */

/* A growing buffer of sections. Each section: class, instance, version, members
 * with name, type, count and data; then a CRC of the section. */
struct state_writer;
struct state_reader;

struct state_writer *state_writer_new(void);
struct state_writer *state_writer_free(struct state_writer *w);
/* instance: unique within the file ("cpu0", "virtio-mmio@10001000"). */
void state_write(struct state_writer *w, const char *instance, const struct state_list *list,
                 const void *state);
/* Raw bytes as a section: guest memory, a configuration text. data is copied unless zero pages. */
void state_write_bytes(struct state_writer *w, const char *instance, const void *data, u64 size);
/* Whole file at once, or the old one stays. */
int state_writer_save(struct state_writer *w, const char *path, struct err *err) MUST_CHECK;
/* The same file as memory that the caller frees. */
int state_writer_memory(struct state_writer *w, u8 **ret_data, size_t *ret_size,
                        struct err *err) MUST_CHECK;

/* Reads and checks a whole file; every later call works on checked data. A damaged,
 * truncated or foreign file gives one sentence. */
int state_reader_open(const char *path, struct state_reader **ret, struct err *err) MUST_CHECK;
int state_reader_open_memory(const void *data, size_t size, struct state_reader **ret,
                             struct err *err) MUST_CHECK;
struct state_reader *state_reader_free(struct state_reader *r);
/* Fills *state from the section: members that the file has not keep their reset value, a
 * member of another type or length, a missing section or a newer version is an error. */
int state_read(struct state_reader *r, const char *instance, const struct state_list *list,
               void *state, struct err *err) MUST_CHECK;
/* Copies a bytes section of exactly `size` bytes into data (which may be untouched
 * zero pages: zero stretches are not written). */
int state_read_bytes(struct state_reader *r, const char *instance, void *data, u64 size,
                     struct err *err) MUST_CHECK;
/* Size of a bytes section, or -ENOENT. */
s64 state_bytes_size(struct state_reader *r, const char *instance);

#endif
