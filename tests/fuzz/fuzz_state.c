/*
 * fuzz_state.c - a state file from a stranger: as it comes, and with its checksums made
 * right, so that the checks behind them are reached.
 */
#include "base/bits.h"
#include "state/crc32.h"
#include "state/state.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { BYTES = 4 * 4096 + 100 };

#define INNER_STATE(F, A, N)                                                                       \
    F(u32, first, ZERO, "")                                                                        \
    A(u16, row, 2, ZERO, "")                                                                       \
    F(flag, on, ZERO, "")
STATE_STRUCT(inner, INNER_STATE);
#define STATE_ROW_T struct inner_state
STATE_LIST(inner, INNER_STATE, 1);
#undef STATE_ROW_T

#define OUTER_STATE(F, A, N)                                                                       \
    F(u64, wide, KEEP, "")                                                                         \
    N(inner, inner, 2, "")                                                                         \
    A(u8, text, 5, ZERO, "")                                                                       \
    F(s32, below, ZERO, "")
STATE_STRUCT(outer, OUTER_STATE);
#define STATE_ROW_T struct outer_state
STATE_LIST(outer, OUTER_STATE, 2);
#undef STATE_ROW_T

static void seal(u8 *data, size_t size)
{
    static struct crc32 crc;
    u64 len;

    crc32_init(&crc);
    if (size < 32)
        return;
    memcpy(data, "\x89VMS\r\n\x1a\n\x01\0\0", 12);
    le64_put(data + 16, size);
    le32_put(data + 28, crc32_update(&crc, 0, data, 28));
    for (size_t at = 32; at + 12 <= size; at += len + 12) {
        len = le64_get(data + at);
        if (len > size - at - 12)
            le64_put(data + at, len = size - at - 12);
        le32_put(data + at + 8 + len, crc32_update(&crc, 0, data + at, 8 + len));
    }
}

/* Reads what may be there; a failure that says nothing is one of ours. */
static void read_all(const u8 *data, size_t size)
{
    struct state_reader *r = NULL;
    struct outer_state outer = { 0 };
    struct err err = { 0 };
    u8 *bytes;

    if (state_reader_open_memory(data, size, &r, &err)) {
        if (!err.text[0])
            abort();
        return;
    }
    if (state_read(r, "dev", &outer_state_list, &outer, &err) && !err.text[0])
        abort();
    if (state_bytes_size(r, "ram") == BYTES) {
        bytes = calloc(1, BYTES);
        if (state_read_bytes(r, "ram", bytes, BYTES, &err))
            abort(); /* opening has checked it */
        free(bytes);
    }
    state_reader_free(r);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u8 *copy = malloc(size + 1);

    read_all(data, size);
    memcpy(copy, data, size);
    seal(copy, size);
    read_all(copy, size);
    free(copy);
    return 0;
}
