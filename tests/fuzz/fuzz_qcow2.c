/*
 * fuzz_qcow2.c - a qcow2 image from a stranger: opened, read, written, resized, checked and
 * repaired.
 *
 * The last eight bytes of the input choose what is done. No backing files: they would be
 * the host's.
 */
#include "backend/block/qcow2_api.h"
#include "base/bits.h"
#include "base/log.h"
#include "disk_model.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { STEPS = 24, RANGE_MAX = 16384 };

static void no_line(void *arg, enum log_level level, const char *text)
{
    (void)arg;
}

static struct blk_node *open_image(const u8 *data, size_t size, unsigned flags)
{
    struct blk_file *f = memory_file_new();
    struct blk_node *n = NULL;
    struct err err = { 0 };
    static const u8 no_backing[8];

    memory_file_set(f, data, size);
    if (size >= 16 && blk_file_write(f, 8, no_backing, sizeof no_backing))
        abort();
    if (blk_qcow2_open(f, "fuzz", flags, 0, &n, &err) && !err.text[0])
        abort();
    return n;
}

static void step(struct blk_node *n, u64 *seed)
{
    static u8 buf[RANGE_MAX];
    u64 len = 512 * (1 + model_random(seed) % (RANGE_MAX / 512)), at;
    struct err err = { 0 };
    u64 ignored;

    if (n->size == 0)
        return;
    len = len < n->size ? len : n->size;
    at = model_random(seed) % 2 ? 0 : 512 * (model_random(seed) % (n->size / 512));
    at = at < n->size - len ? at : n->size - len;
    switch (model_random(seed) % 8) {
    case 0:
    case 1: (void)!blk_node_read(n, at, buf, len); break;
    case 2:
    case 3: (void)!blk_node_write(n, at, buf, len); break;
    case 4: n->format->zero(n, at, len, model_random(seed) % 2); break;
    case 5: n->format->discard(n, at, len); break;
    case 6: n->format->status(n, at, len, &ignored); break;
    default:
        if (model_random(seed) % 4 == 0 && n->size < GIB)
            (void)!n->format->resize(n, 512 * (1 + model_random(seed) % 20000), &err);
        else
            n->format->flush(n);
    }
}

/* What was repaired without an error left is right. */
static void check_and_repair(const u8 *data, size_t size)
{
    struct blk_node *n = open_image(data, size, BLK_OPEN_REPAIR);
    struct blk_qcow2_check c;
    struct err err = { 0 };

    if (!n)
        return;
    if (blk_qcow2_check(n, true, &c, &err)) {
        if (!err.text[0])
            abort();
    } else if (c.errors + c.leaks == 0) {
        if (blk_qcow2_check(n, false, &c, &err) == 0 && c.errors + c.leaks != 0)
            abort();
    }
    blk_node_free(n);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u64 seed = size >= 8 ? le64_get(data + size - 8) : 0;
    struct blk_node *n = open_image(data, size, seed % 4 ? 0 : BLK_OPEN_READ_ONLY);

    log_set_sink(no_line, NULL);
    for (unsigned i = 0; n && i < STEPS; i++)
        if (!n->read_only)
            step(n, &seed);
        else
            (void)!blk_node_read(n, 0, (u8[512]){ 0 }, n->size ? 512 : 0);
    blk_node_free(n);
    check_and_repair(data, size);
    log_set_sink(NULL, NULL);
    return 0;
}
